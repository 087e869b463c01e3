/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An address space as few enough ranges to look at: what its VADs describe,
 * and what is mapped outside of them. Neighbours are merged until there are
 * no more than fit; what can be written and executed is merged last.
 */
#ifndef TREE_RANGES_H
#define TREE_RANGES_H

#include "tree/vads.h"

enum range_kind {
	RANGE_IMAGE,	/* a program or library */
	RANGE_FILE,	/* any other mapped file */
	RANGE_SHARED,	/* a section without a file */
	RANGE_PRIVATE,
	RANGE_HEAP,
	RANGE_STACK,
	RANGE_SYSTEM,	/* PEB, TEBs, KUSER_SHARED_DATA */
	RANGE_KERNEL,	/* above the user half */
	RANGE_UNKNOWN,	/* mapped, but no VAD tells of it */
	RANGE_KINDS
};

/* What its pages come to, in bytes. */
enum range_part {
	PART_RESIDENT,	/* in physical memory, or in the dump */
	PART_SWAPPED,	/* readable from a page file or the store */
	PART_LOST,	/* the process has them, the image has not */
	PART_UNTOUCHED,	/* reserved, or zeros once touched */
	RANGE_PARTS
};

struct range {
	uint64_t start, last;	/* offsets; included */
	uint64_t size;		/* without the gaps between merged ones */
	enum range_kind kind;	/* of merged ones, of the largest */
	unsigned rights;	/* of any of its pages */
	bool wx;		/* some page can be written and executed */
	bool has_vad;
	unsigned protection;	/* of the VAD */
	unsigned n;		/* how many it is made of */
	const char *name;	/* escaped; the list's; or NULL */
	guint area;		/* while they are found: what is between two
				 * VADs is merged with nothing beyond them */
};

struct range_sum {
	uint64_t n, size;
	uint64_t parts[RANGE_PARTS];
};

struct range_list {
	GArray *ranges;	/* struct range, ascending, without overlaps */
	struct range_sum sums[RANGE_KINDS];
	uint64_t n_all;	/* before any were merged */
	uint64_t n_wx;	/* of those, that can be written and executed */
	Detail *vads;	/* has the names */
};

/* At most max (> 0) ranges; view is that of the space. */
struct range_list *range_list_new(const struct render_facts *facts,
				  const Space *space, const SpaceView *view,
				  guint max);
void range_list_free(struct range_list *list);

/* What a page in this state is part of. */
enum range_part range_part_of(enum page_state state);
/* Do the page tables of a space say what may be executed? Those of x86 without
 * PAE cannot: there, VADs alone do. */
bool range_knows_exec(const Space *space);
/* Can these pages be written and executed? Not so what is copied when it is
 * written. */
bool range_run_wx(const Space *space, const struct map_run *run);

/* The runs of a map in ascending order, whether the image has their bytes or
 * not. */
struct run_cursor {
	const AddrMap *map;
	size_t data, lost;
};
/* From the first that ends above va. */
struct run_cursor run_cursor_at(const AddrMap *map, uint64_t va);
bool run_cursor_next(struct run_cursor *at, struct map_run *ret);


#endif
