/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line on the terminal that says what takes so long. */
#ifndef FRONT_WAITING_H
#define FRONT_WAITING_H

#include <stdbool.h>

/*
 * From a second after this on, until waiting_stop(), standard error has one
 * line, always written anew, that says what is being done (base/progress.h).
 * Nothing where it is no terminal, or quiet is set. Starts a thread: none of
 * what forks may be done in between.
 */
void waiting_start(bool quiet);
/* Clears the line. */
void waiting_stop(void);

#endif
