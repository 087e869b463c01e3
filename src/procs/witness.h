/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the processors were running: witnesses beside the methods. */
#ifndef PROCS_WITNESS_H
#define PROCS_WITNESS_H

#include "procs/procset.h"

/*
 * What kernel->cpus and the container's notes say: struct proc_witness. The
 * process of a current thread, the one whose memory it used where that is
 * another, and CR3 of the container (the _KPRCB's may be of long ago). kernel
 * may be NULL. (transfer full)
 */
GArray *proc_witnesses(const NtKernel *kernel, const Image *image);

/* Adds the process at an address, or finds it; NULL where it cannot. */
typedef struct proc_entry *(*witness_add_fn)(void *ctx, VirtAddr eprocess);

/*
 * Notes in the entries (struct proc_entry) which processors ran them. A
 * process that is not there is added with `add` where `run` finds it valid;
 * run NULL: none is added. CR3s of no known process go to stray (uint64_t),
 * which may be NULL.
 */
void witness_hear(const struct proc_select *select, const NtKernel *kernel,
		  struct proc_run *run, const GPtrArray *entries,
		  witness_add_fn add, void *ctx, GArray *stray, Log *log);

#endif
