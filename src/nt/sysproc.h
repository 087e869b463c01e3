/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The System process: the anchor that a profile is checked against. */
#ifndef NT_SYSPROC_H
#define NT_SYSPROC_H

#include "nt/eprocess.h"
#include "nt/kimage.h"

struct nt_system {
	VirtAddr eprocess;
	uint64_t dtb_raw;
	const char *how;	/* static: how it was found */
	bool named;		/* its name is "System" */
	bool links_close;	/* both neighbours in the list point back */
};

/* Do the page tables at dtb_raw (flag bits are masked) map va to the same
 * frame as the address space does? */
bool nt_same_frame(const struct addr_space *as, uint64_t dtb_raw, VirtAddr va);

/*
 * Is the object at va the System process, as this profile sees it? Its pid is
 * 4, it is a process object, at least one of its list neighbours points back
 * at it, and its DTB maps the object to the same frame as `as` does.
 */
bool nt_system_check(const struct addr_space *as,
		     const struct nt_profile *profile, VirtAddr va,
		     struct nt_system *ret);

/* The variables of the kernel that lead to System; 0 where not known. */
struct nt_anchors {
	VirtAddr initial_system; /* PsInitialSystemProcess */
	VirtAddr active_head;	 /* PsActiveProcessHead */
};

/* By the symbols or exports of the kernel: looked up once, for they do not
 * depend on the profile. */
struct nt_anchors nt_system_anchors(const struct addr_space *as,
				    const struct nt_kimage *image);

/* By what PsInitialSystemProcess points at, then by the first entries of
 * PsActiveProcessHead. */
bool nt_system_by_symbol(const struct addr_space *as,
			 const struct nt_profile *profile,
			 const struct nt_anchors *anchors,
			 struct nt_system *ret);

/*
 * By looking at all memory that is mapped in the kernel half for its name,
 * with each of n profiles; *which tells the one that fits best, one of the
 * first n_preferred where any of them fits. Needs no symbol.
 */
bool nt_system_by_scan(const struct addr_space *as,
		       const struct nt_profile *profiles, size_t n,
		       size_t n_preferred, struct nt_system *ret,
		       size_t *which);

/*
 * A process object whose DTB or user DTB is this (flag bits masked), by looking
 * through all memory that is mapped in the kernel half. False where none looks
 * like one.
 */
bool nt_process_find_dtb(const struct addr_space *as,
			 const struct nt_profile *profile, uint64_t dtb,
			 VirtAddr *ret);

#endif
