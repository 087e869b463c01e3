/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PspCidTable method. */
#ifndef PROCS_CIDTABLE_H
#define PROCS_CIDTABLE_H

#include "procs/method.h"

/*
 * The table of process and thread ids: a handle table, the entries of which
 * point at the objects themselves (not at their headers), the handle value
 * being the id. Exited processes that somebody holds are in it as well.
 */
void cidtable_run(struct proc_run *run);

#endif
