/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PsActiveProcessHead method. */
#ifndef PROCS_PSACTIVE_H
#define PROCS_PSACTIVE_H

#include "procs/method.h"

/*
 * Walks the ring of ActiveProcessLinks from its head (where its address is
 * known) and from System, in both directions. Every node must be a process
 * (proc_is_valid()); what is not is logged and left out. Misses what was
 * unlinked from the ring.
 */
void psactive_run(struct proc_run *run);

#endif
