/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the page tables of a process may be whose DTB is not good: a search of
 * physical memory, made once when first needed, then kept. Thread safe.
 */
#ifndef PROCS_DTBSEARCH_H
#define PROCS_DTBSEARCH_H

#include "nt/dtbfit.h"
#include "procs/entry.h"

/* How many are proposed for a process. */
#define DTB_PROPOSED_MAX 8u

struct dtb_candidate {
	uint64_t dtb;
	bool is_user_dtb;	/* the EPROCESS has it as its user DTB */
	struct nt_dtb_fit fit;
};

typedef struct DtbSearch DtbSearch;

/* Not to be proposed: the DTBs of those entries that are good. kernel is
 * borrowed; entries are only looked at now. */
DtbSearch *dtb_search_new(const NtKernel *kernel, const GPtrArray *entries);
void dtb_search_free(DtbSearch *search);

/*
 * Tables that may be the process's, those for which most speaks first,
 * DTB_PROPOSED_MAX at the most; none for which more speaks against than for
 * it. *n_free: how many top-level tables no good process uses (System's kernel
 * half and self-map). Reads the whole image when called for the first time.
 * (transfer full) of struct dtb_candidate.
 */
GArray *dtb_search_for(DtbSearch *search, const struct proc_entry *e,
		       size_t *n_free);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DtbSearch, dtb_search_free)

#endif
