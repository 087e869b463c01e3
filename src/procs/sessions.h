/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Sessions method. */
#ifndef PROCS_SESSIONS_H
#define PROCS_SESSIONS_H

#include "procs/method.h"

/*
 * Walks the ring of processes of each session that a known process is in. Its
 * head, in _MM_SESSION_SPACE, is mapped by the page tables of the session's
 * own processes and not always by System's: it is read through one of them.
 */
void sessions_run(struct proc_run *run);

#endif
