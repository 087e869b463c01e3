/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is a process and what is garbage. */
#ifndef PROCS_VALID_H
#define PROCS_VALID_H

#include "procs/method.h"

/*
 * Is there a process object at va? It must look like one
 * (nt_process_plausible()), and its header must say so. Where the header is
 * not in the image or wiped, its list entries must be kernel addresses, and it
 * must have a DTB or have exited. Where the header says something else, both
 * neighbours in the list must point back at it, and its DTB must map it.
 * Verdicts are remembered in the run.
 */
bool proc_is_valid(struct proc_run *run, VirtAddr va);

/* The same for an address that a table gives for a pid: where the header does
 * not tell, the object must have that pid. *pid_differs: it is a process, but
 * with another pid. */
bool proc_is_valid_pid(struct proc_run *run, VirtAddr va, uint64_t pid,
		       bool *pid_differs);

#endif
