/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Handles method. */
#ifndef PROCS_HANDLES_H
#define PROCS_HANDLES_H

#include "procs/method.h"

/*
 * Walks the ring of all handle tables (HandleTableListHead) in both directions
 * and takes the process that each is charged to. Where the head's address is
 * not known, from the tables of System and of the processes that are known.
 * Exited processes have no table any more.
 */
void handles_run(struct proc_run *run);

#endif
