/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PsActiveProcessHead method. */
#ifndef PROCS_PSACTIVE_H
#define PROCS_PSACTIVE_H

#include "procs/method.h"

/*
 * Walks the ring of ActiveProcessLinks from its head (where its address is
 * known) and from System, in both directions: one broken link hides nothing,
 * as in Rekall's list traversal. Every node must look like a process object
 * (nt_process_plausible()); what does not is logged and left out. Misses what
 * was unlinked from the ring.
 */
void psactive_run(const NtKernel *kernel, Log *log, proc_found_fn fn,
		  void *ctx);

#endif
