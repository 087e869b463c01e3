/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who owns physical memory: one owner for each page of the image, by going
 * through all address spaces once.
 */
#ifndef TREE_OWNERS_H
#define TREE_OWNERS_H

#include "tree/render.h"

/* Pages that have an owner of their own; of larger images (256 GiB), so many
 * neighbours share one that there are no more. */
#define OWNERS_MAX (UINT64_C(1) << 26)

enum page_owner {
	OWNER_NONE,	/* no address space that is known maps it */
	OWNER_TABLE,	/* a page table: what the self-maps lead to */
	OWNER_SEVERAL,	/* mapped by several */
	OWNER_KERNEL,	/* kernel halves, of System or of any process */
	OWNER_SPACE,	/* and above: position among the spaces of ptov.h */
	OWNER_OUTSIDE = 65535, /* not in the image */
};

/* Pages that follow each other in the image. */
struct owner_run {
	uint64_t first;	/* page frame */
	uint64_t n;
	uint64_t at;	/* pages of the runs before it */
};

struct owners {
	GArray *runs;	/* struct owner_run, ascending */
	uint64_t n_pages;
	uint64_t grain;	/* pages that share an owner: 1 as a rule */
	uint16_t *owner;
	uint64_t *bytes; /* by owner, n of them */
	size_t n;
	size_t n_incomplete; /* spaces that were not gone through to the end */
};

struct owners *owners_new(const struct render_facts *facts);
void owners_free(struct owners *owners);

/* The owner of a page frame, and of how many (> 0) from it on at least. */
unsigned owners_get(const struct owners *owners, uint64_t pfn, uint64_t *n);
/* The same for page number `index` of those in the image; its page frame. */
unsigned owners_get_nth(const struct owners *owners, uint64_t index,
			uint64_t *n);
uint64_t owners_nth(const struct owners *owners, uint64_t index);

#endif
