/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a processor makes of page tables, written down as its manual says it,
 * one mode after the other, and page tables at random to try it on: the other
 * opinion that the walker is compared with. Shares nothing with the program.
 */
#ifndef MKMMU_H
#define MKMMU_H

#include "lib/mkpaging.h"

enum mk_mmu_kind {
	MK_MMU_PAGE,	 /* translated; the frame need not be RAM */
	MK_MMU_ABSENT,	 /* an entry on the way is not present */
	MK_MMU_RESERVED, /* a bit is set that must not be */
	MK_MMU_NO_TABLE, /* an entry on the way is not RAM */
};

/* What is true of an address, and of all in [start, start + len). */
struct mk_mmu_range {
	enum mk_mmu_kind kind;
	uint64_t start; /* not sign-extended */
	uint64_t len;
	uint64_t pa; /* of start, for pages */
	bool write, user, exec;
};

#define MK_TABLES_RUNS 4u

/* Physical memory with tables in it. */
struct mk_tables {
	enum mk_mode mode;
	uint64_t root; /* as a register would have it, flags and all */
	struct mk_run runs[MK_TABLES_RUNS]; /* ascending; odd lengths */
	size_t n_runs;
	uint8_t *bytes; /* of all runs, one after the other */
	size_t len;
};

/*
 * Random ones: pages of all sizes, reserved bits, entries that lead to any
 * table, to themselves, across the edges of RAM and out of it, many to the
 * same. A walk over all of it has some ten thousand leaves at the most.
 */
void mk_tables_init(struct mk_tables *t, enum mk_mode mode, uint64_t seed);
void mk_tables_clear(struct mk_tables *t);

/* va: not sign-extended, below 2 to the number of address bits. */
struct mk_mmu_range mk_mmu_translate(const struct mk_tables *t, uint64_t va);
/* Number of address bits. */
unsigned int mk_mmu_va_bits(enum mk_mode mode);

#endif
