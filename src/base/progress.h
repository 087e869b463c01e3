/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the program is doing now, for a person who waits: said by whatever can
 * take its time, shown by whoever is at a terminal. One for the process, thread
 * safe, and next to nothing where nobody looks.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* "searching for page tables": a static string; NULL: nothing any more. */
void progress_step(const char *what);
/* How far that is, in any unit; total 0: nobody knows. */
void progress_at(uint64_t done, uint64_t total);
/* False where nothing is being done. *total 0: not known. */
bool progress_get(const char **what, uint64_t *done, uint64_t *total);

#endif
