/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The merged list of processes: one entry per EPROCESS, and who saw it. */
#ifndef PROCS_PROCSET_H
#define PROCS_PROCSET_H

#include "procs/dtbs.h"
#include "procs/dtbsearch.h"
#include "procs/method.h"

/* What a processor was running when the image was taken. */
struct proc_witness {
	unsigned cpu;
	uint64_t eprocess;	/* of its current thread; 0: not known */
	uint64_t cr3;		/* 0: not known */
};

/* Which processes are wanted; Rekall's rules: eprocess overrides all else,
 * pids beat the regular expression. */
struct proc_select {
	unsigned methods;	/* bit set of enum proc_method_id */
	const uint64_t *eprocess;
	size_t n_eprocess;
	const uint64_t *pids;
	size_t n_pids;
	GRegex *proc_regex;	/* or NULL; borrowed */
	/* Not a wish but a source, beside the methods; borrowed. */
	const struct proc_witness *witnesses;
	size_t n_witnesses;
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
/* The methods that were asked for and run, as bits; others have no answer. */
unsigned procset_methods_run(const ProcSet *set);
/* Why a method saw nothing; NULL where it worked, or was not run. */
const char *procset_unusable(const ProcSet *set, enum proc_method_id method);
/* DTBs that processors ran on and that belong to no process that is known,
 * n of them. */
const uint64_t *procset_stray_dtbs(const ProcSet *set, size_t *n);

/* As dtb_search_for(); e: one of the set. */
GArray *procset_dtb_candidates(const ProcSet *set, const struct proc_entry *e,
			       size_t *n_free);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProcSet, procset_free)

#endif
