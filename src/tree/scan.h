/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that maps physical memory: the pages of every address space, each once.
 *
 * The kernel half is that of System (SPACE_KERNEL). What other spaces have
 * above their user half is told where System does not have the same there
 * (another page, or none): session space, hyperspace, the tables through the
 * self-map; and only where their upper tables differ from System's is looked
 * at, so that a kernel half is not walked once for each process.
 */
#ifndef TREE_SCAN_H
#define TREE_SCAN_H

#include "tree/space.h"

/* Why a space was not gone through to its end. */
enum scan_flag {
	SCAN_STOPPED = 1,  /* more tables or pages than it can have */
	SCAN_UNREAD = 2,   /* the image could not be read */
	SCAN_SKIPPED = 4,  /* too much work had been done by then */
};

/* Tables that may be read in all, in budgets of one space: as a table is a
 * page, all spaces of a healthy machine together need less than one. */
#define SCAN_BUDGETS 8u

struct scan {
	Space *const *spaces; /* SPACE_KERNEL first, where there is one */
	size_t n;
	ViewCache *cache;
};

/* run->va is an offset; run->pa and len are those of pages (not all of a
 * large one need be in the image). Ascending by space, then by va. */
typedef void (*scan_fn)(void *ctx, size_t space, const struct map_run *run);

/* Calls fn for all pages that are in physical memory; flags (of each space)
 * are set, enum scan_flag. */
void scan_memory(const struct scan *scan, uint8_t *flags, scan_fn fn,
		 void *ctx);
/* Those of which pa is a part, in the image or not: by walking all tables. */
void scan_for(const struct scan *scan, PhysAddr pa, uint8_t *flags,
	      scan_fn fn, void *ctx);

#endif
