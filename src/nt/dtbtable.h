/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel half of a top-level table, entry by entry, beside System's. */
#ifndef NT_DTBTABLE_H
#define NT_DTBTABLE_H

#include "vtop/vtop.h"

/* Entries of the upmost tables of which Windows gives every process the same:
 * the top-level table's upper half; in 32-bit forms, that of all page
 * directories together. Without the self-map and the hyperspace (32-bit) next
 * to it. */
struct nt_dtb_tally {
	unsigned n_system;	/* present in System's */
	unsigned n_same;	/* of those, with the same frame in this one */
	unsigned n_other;	/* of those, with another one */
	unsigned n_present;	/* in this one, all of the upper half */
	unsigned n_lower;	/* present in the lower half */
	unsigned n_odd;		/* present (in either half) with reserved bits
				 * or a frame outside the image; PAE: and what
				 * of the four PDPTEs is neither 0 nor one */
	bool lost;		/* PAE: a directory is not in the image, or
				 * one of the upper two is zeros */
	bool zeros;		/* there is nothing but zeros */
	unsigned n_self;	/* of the upper half: point at this table */
	bool has_self_map;	/* where System's has it; true where System's
				 * has none */
};

/* False where no table can be read at all. */
bool nt_dtb_compare(const struct addr_space *system, PhysAddr dtb,
		    struct nt_dtb_tally *ret);

#endif
