/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the unit tests share: running a suite, and images held in memory. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A case of the suite, with time enough for sanitizers and valgrind. */
TCase *unit_case(Suite *suite, const char *name);
/* Runs and frees the suite; the exit code of the test. */
int unit_main(Suite *suite);

/*
 * While Check runs a test in a process of its own: it gets no more than this
 * from here on, so that nothing is allocated by what a file claims. Without
 * effect where sanitizers want terabytes of addresses for themselves.
 */
void unit_limit_memory(uint64_t bytes);

/* Directory of its own below TMPDIR (transfer full), and its removal with
 * the plain files in it. */
char *unit_dir_new(void);
void unit_dir_free(char *dir);
/* Writes a file in dir; its path (transfer full). */
char *unit_file(const char *dir, const char *name, const void *bytes,
		size_t len_bytes);

#endif
