/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running the methods, in their order, until nothing new is found. */
#ifndef PROCS_RUNNER_H
#define PROCS_RUNNER_H

#include "procs/method.h"

/* A method found a process. */
typedef void (*runner_found_fn)(void *ctx, enum proc_method_id method,
				VirtAddr eprocess);

typedef struct Runner Runner;

/*
 * known: struct proc_entry, borrowed; fn adds to it. evidence has METHODS
 * elements, all zeros, and belongs to the caller (proc_evidence_clear()).
 */
Runner *runner_new(const NtKernel *kernel, const GPtrArray *known,
		   struct proc_evidence *evidence, runner_found_fn fn,
		   void *ctx, Log *log);
void runner_free(Runner *runner);

/*
 * Runs the methods (bits), and before CSRSS and Sessions, which start from
 * what others found, all those others. Returns the bits of what was run.
 */
unsigned runner_run(Runner *runner, unsigned methods);

/* What the methods are given to work with, for those who check the same
 * things. */
struct proc_run *runner_context(Runner *runner);

void proc_evidence_clear(struct proc_evidence *evidence);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Runner, runner_free)

#endif
