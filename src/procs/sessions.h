/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Sessions method. */
#ifndef PROCS_SESSIONS_H
#define PROCS_SESSIONS_H

#include "procs/method.h"

/*
 * Gives the entries whose session is known by its address alone (their own
 * page tables do not map it) the key of the others with that address, where
 * these agree.
 */
void proc_adopt_sessions(const GPtrArray *known);

/*
 * Walks the ring of processes of each session that a known process is in. Its
 * head, in _MM_SESSION_SPACE, is mapped by the page tables of the session's
 * own processes and not always by System's: it is read through one of them.
 */
void sessions_run(struct proc_run *run);

#endif
