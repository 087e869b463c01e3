/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a walk found about an address space, kept compactly: runs of pages
 * that are contiguous in both spaces with equal rights, 16 bytes each, and
 * the ranges that the address space has but the image cannot supply. Built
 * once, then immutable; shared by reference. Of an address space that is a
 * list (direct.h), the runs are its ranges, which are no pages.
 *
 * Addresses here are offsets: virtual addresses without sign extension (the
 * low 32, 48 or 57 bits), so that they order as the tables do and fit files.
 */
#ifndef VTOP_MAP_H
#define VTOP_MAP_H

#include "vtop/vtop.h"

struct map_run {
	uint64_t va;	/* offset: not sign-extended */
	uint64_t len;	/* bytes, a multiple of 4 KiB but of PAGE_DIRECT */
	uint64_t pa;	/* in memory, or swap_place(); 0 where state has none;
			 * PAGE_DIRECT: offset in the file */
	uint64_t leaf_len; /* of the pages that it is made of; PAGE_DIRECT:
			    * 2^63, as it is one thing */
	unsigned rights;
	enum page_state state;
};

typedef struct AddrMap AddrMap;

struct map_counts {
	uint64_t pages[PAGE_STATES];  /* in units of 4 KiB; PAGE_DIRECT: how
				       * many have a byte of it */
	uint64_t large[3];	      /* leaves of 2 MiB, 4 MiB, 1 GiB */
	uint64_t data_bytes;	      /* readable */
	uint64_t lost_bytes;	      /* the process's, not in the image */
	struct vtop_stats walk;
};

/* Readable bytes that are in physical memory. */
uint64_t map_counts_resident(const struct map_counts *counts);

/*
 * Walks [start, last] (as in vtop_walk) within vtop_budget_for() and builds
 * the map: counts.walk tells whether the budget ended it. Returned with one
 * reference.
 */
AddrMap *addr_map_build(const struct addr_space *as, uint64_t start,
			uint64_t last);

/* A range of which an operating system knows more than the page tables say:
 * rights are added to all pages in it. */
struct map_overlay {
	uint64_t start; /* offset */
	uint64_t last;	/* included */
	unsigned rights;
};
/* The same with n overlays, ascending, without overlaps; borrowed for the
 * call. */
AddrMap *addr_map_build_over(const struct addr_space *as, uint64_t start,
			     uint64_t last, const struct map_overlay *overlays,
			     size_t n);
/* The map of an address space that is not there. */
AddrMap *addr_map_empty(void);
AddrMap *addr_map_ref(AddrMap *map);
void addr_map_unref(AddrMap *map);

/* Is it of a list: nothing of it is a page? */
bool addr_map_is_direct(const AddrMap *map);
/* Heap bytes that the map holds. */
size_t addr_map_footprint(const AddrMap *map);
const struct map_counts *addr_map_counts(const AddrMap *map);

/* Data runs: what reads as bytes of the image, ascending. */
size_t addr_map_n_data(const AddrMap *map);
struct map_run addr_map_data(const AddrMap *map, size_t index);
/* Index of the first data run that ends above va; addr_map_n_data() where
 * there is none. */
size_t addr_map_find_data(const AddrMap *map, uint64_t va);

/* Lost runs, ascending; find as above. */
size_t addr_map_n_lost(const AddrMap *map);
struct map_run addr_map_lost(const AddrMap *map, size_t index);
size_t addr_map_find_lost(const AddrMap *map, uint64_t va);

/* Sum of the data bytes within [start, start + len). */
uint64_t addr_map_data_bytes(const AddrMap *map, uint64_t start, uint64_t len);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AddrMap, addr_map_unref)

#endif
