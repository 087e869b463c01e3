/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The merged list of processes: one entry per EPROCESS, and who saw it. */
#ifndef PROCS_PROCSET_H
#define PROCS_PROCSET_H

#include "procs/method.h"

/* Which processes are wanted; Rekall's rules: eprocess overrides all else,
 * pids beat the regular expression. */
struct proc_select {
	unsigned methods;	/* bit set of enum proc_method_id */
	const uint64_t *eprocess;
	size_t n_eprocess;
	const uint64_t *pids;
	size_t n_pids;
	GRegex *proc_regex;	/* or NULL; borrowed */
};

struct proc_entry {
	struct nt_process p;
	struct addr_space as;	/* its own */
	bool has_space;		/* its DTB is not 0 */
	bool plausible;		/* nt_process_plausible(); what eprocess=
				 * named need not be a process */
	bool dtb_sane;		/* its top-level table is in the image and maps
				 * the kernel as System does */
	unsigned seen;		/* by which methods */
	char *dir;		/* name below proc/: "4", "1234-ffff..." */
};

typedef struct ProcSet ProcSet;

/* kernel is borrowed; it may lack everything (then the set is empty). */
ProcSet *procset_build(const NtKernel *kernel,
		       const struct proc_select *select, Log *log);
void procset_free(ProcSet *set);

size_t procset_count(const ProcSet *set);
/* By position: sorted by pid and address, or as eprocess= gave them. */
const struct proc_entry *procset_get(const ProcSet *set, size_t index);
/* Position by the name below proc/ or by EPROCESS; SIZE_MAX: none. */
size_t procset_find_dir(const ProcSet *set, const char *dir);
size_t procset_find_eprocess(const ProcSet *set, VirtAddr eprocess);
/* The methods that were run, as bits; others have no answer. */
unsigned procset_methods_run(const ProcSet *set);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProcSet, procset_free)

#endif
