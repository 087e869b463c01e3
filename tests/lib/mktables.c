/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page tables at random, in a few pages of odd physical memory. */
#include "config.h"

#include <string.h>

#include "lib/mkmmu.h"

#define BIT(n) (UINT64_C(1) << (n))
#define TABLES_MAX 24u
#define LEVELS_MAX 5u
#define FIRST_PAGES 40u /* of the first run */

struct maker {
	struct mk_tables *t;
	struct mk_random random;
	int top; /* level of the root; 1 is the last */
	unsigned int entry_bytes;
	uint64_t tables[TABLES_MAX]; /* the first is the root */
	int levels[TABLES_MAX];
	unsigned int n;
};

static uint64_t below(struct maker *m, uint64_t n)
{
	return mk_random_below(&m->random, n);
}

static bool one_in(struct maker *m, uint64_t n)
{
	return below(m, n) == 0;
}

/* Bytes of a run go missing at its ends, so that tables and even entries are
 * there in part. */
static uint64_t odd_bytes(struct maker *m)
{
	static const uint64_t odd[] = {0, 0, 0x800, 0x7fc, 4, 8, 0xff8, 1};

	return odd[below(m, G_N_ELEMENTS(odd))];
}

static void add_run(struct maker *m, uint64_t start, uint64_t len)
{
	struct mk_tables *t = m->t;
	const uint64_t head = start ? odd_bytes(m) & ~UINT64_C(3) : 0;
	const uint64_t tail = odd_bytes(m) % (len - head);

	t->runs[t->n_runs++] = (struct mk_run){start + head, len - head - tail};
	t->len += (size_t)(len - head - tail);
}

static void make_ram(struct maker *m)
{
	static const uint64_t last_page[] = {
		[MK_MODE_X86] = BIT(32) - 0x1000,
		[MK_MODE_PAE] = BIT(52) - 0x1000,
		[MK_MODE_AMD64] = BIT(52) - 0x1000,
		[MK_MODE_LA57] = BIT(52) - 0x1000,
		[MK_MODE_ARM64] = BIT(48) - 0x1000,
	};

	add_run(m, 0, FIRST_PAGES * MK_PAGE_SIZE);
	add_run(m, 0x3fd000, 6 * MK_PAGE_SIZE);
	if (m->t->mode == MK_MODE_X86) {
		add_run(m, last_page[m->t->mode], MK_PAGE_SIZE);
		add_run(m, BIT(32) + 0x400000, 3 * MK_PAGE_SIZE);
	} else {
		add_run(m, BIT(32) + 0x400000, 3 * MK_PAGE_SIZE);
		add_run(m, last_page[m->t->mode], MK_PAGE_SIZE);
	}
	m->t->bytes = g_malloc0(m->t->len);
}

static void store(struct maker *m, uint64_t pa, uint64_t entry)
{
	uint8_t *bytes = m->t->bytes;

	for (size_t i = 0; i < m->t->n_runs; bytes += m->t->runs[i++].len) {
		const struct mk_run *run = &m->t->runs[i];

		for (unsigned int n = 0; n < m->entry_bytes; n++)
			if (pa + n >= run->start &&
			    pa + n - run->start < run->len)
				bytes[pa + n - run->start] =
					(uint8_t)(entry >> (8 * n));
	}
}

/* A page of RAM, or of the ones beside. */
static uint64_t some_page(struct maker *m)
{
	const struct mk_run *run = &m->t->runs[below(m, m->t->n_runs)];

	if (one_in(m, 3))
		run = &m->t->runs[0];
	return ((run->start >> 12) + below(m, (run->len >> 12) + 1)) << 12;
}

static void place_tables(struct maker *m)
{
	m->n = 10 + (unsigned int)below(m, TABLES_MAX - 10);
	for (unsigned int i = 0; i < m->n; i++) {
		m->tables[i] = some_page(m);
		m->levels[i] = 1 + (int)(i % (unsigned int)m->top);
	}
	/* The root is below 4 GiB in two modes, and mostly whole. */
	m->tables[0] = below(m, FIRST_PAGES - (one_in(m, 8) ? 0 : 1)) << 12;
	m->levels[0] = m->top;
	if (m->t->mode == MK_MODE_PAE)
		m->tables[0] += below(m, 128) * 32;
}

static uint64_t table_for(struct maker *m, unsigned int from)
{
	const unsigned int first = (unsigned int)below(m, m->n);

	if (one_in(m, 12))
		return m->tables[from]; /* itself */
	if (one_in(m, 12))
		return m->tables[first];
	for (unsigned int i = 0; i < m->n; i++) {
		const unsigned int at = (first + i) % m->n;

		if (m->levels[at] == m->levels[from] - 1)
			return m->tables[at];
	}
	return m->tables[first];
}

static uint64_t odd_address(struct maker *m)
{
	const uint64_t any = mk_random_next(&m->random) & (BIT(52) - 0x1000);

	return one_in(m, 2) ? any : any & (BIT(32) - 1);
}

/* The address in an entry of a table, with bits that are reserved now and
 * then. */
static uint64_t address_for(struct maker *m, unsigned int from, bool large)
{
	static const uint64_t bases[] = {
		0, 0, 0, 0x200000, 0x400000, BIT(32), BIT(32) + 0x400000};
	uint64_t pa;

	if (one_in(m, 10))
		return odd_address(m);
	if (large) {
		pa = bases[below(m, G_N_ELEMENTS(bases))];
		if (one_in(m, 4))
			pa |= BIT(12); /* PAT */
		if (one_in(m, 5))
			pa |= BIT(13 + below(m, 18));
		/* PSE-36: bits 39:32 in 20:13 */
		if (m->t->mode == MK_MODE_X86)
			pa |= (pa >> 32 & 0xff) << 13;
		return pa;
	}
	return m->levels[from] > 1 ? table_for(m, from) : some_page(m);
}

static uint64_t x86_entry(struct maker *m, unsigned int from)
{
	const bool large = m->levels[from] > 1 && one_in(m, 6);
	uint64_t entry = address_for(m, from, large);

	entry |= mk_random_next(&m->random) & 0xe7e & ~BIT(7);
	entry |= one_in(m, 12) ? 0 : BIT(0);
	if (!one_in(m, 4))
		entry |= 6;
	if (large || (m->levels[from] == 1 && one_in(m, 4)))
		entry |= BIT(7);
	if (one_in(m, 4))
		entry |= BIT(63);
	if (one_in(m, 12))
		entry |= BIT(52 + below(m, 11));
	if (m->t->mode == MK_MODE_PAE && m->levels[from] == 3) {
		entry &= BIT(52) - 1 - 0x1e6;
		if (one_in(m, 12))
			entry |= BIT(below(m, 12)) | BIT(52 + below(m, 12));
		else if (one_in(m, 12))
			entry |= BIT(1 + below(m, 8));
	}
	return m->entry_bytes == 4 ? entry & UINT32_MAX : entry;
}

static uint64_t arm_entry(struct maker *m, unsigned int from)
{
	const bool block = one_in(m, 6);
	uint64_t entry = address_for(m, from, block && m->levels[from] > 1);

	entry |= mk_random_next(&m->random) & 0xffc; /* AP, SH, AF, nG */
	entry |= one_in(m, 12) ? 0 : BIT(0);
	entry |= block ? 0 : BIT(1);
	if (one_in(m, 3)) /* contiguous, PXN, UXN, the system's own */
		entry |= BIT(52 + below(m, 7));
	if (one_in(m, 6)) /* PXNTable to NSTable */
		entry |= BIT(59 + below(m, 5));
	return entry;
}

static uint64_t any_entry(struct maker *m, unsigned int from)
{
	if (one_in(m, 20))
		return mk_random_next(&m->random) >>
		       (m->entry_bytes == 4 ? 32 : 0);
	return m->t->mode == MK_MODE_ARM64 ? arm_entry(m, from)
					   : x86_entry(m, from);
}

static uint64_t pick_index(struct maker *m, uint64_t n)
{
	const uint64_t edges[] = {0, n / 2 - 1, n / 2, n - 1};

	return one_in(m, 3) ? edges[below(m, 4)] : below(m, n);
}

/* How many entries a table gets: the upper levels multiply. */
static uint64_t entries_of(struct maker *m, unsigned int table)
{
	if (m->levels[table] == 1)
		return below(m, 48);
	if (m->t->mode == MK_MODE_X86)
		return 4 + below(m, 60);
	if (m->t->mode == MK_MODE_PAE)
		return m->levels[table] == 3 ? 5 : 2 + below(m, 16);
	return 2 + below(m, m->top == 5 ? 4 : 6);
}

static void fill_table(struct maker *m, unsigned int table)
{
	const uint64_t n = mk_paging_entries(m->t->mode, m->levels[table]);
	uint64_t left = entries_of(m, table);

	while (left) {
		uint64_t entry = any_entry(m, table);
		uint64_t at = pick_index(m, n);
		/* neighbours: the same again, or the frames that follow */
		const uint64_t run = one_in(m, 4) ? 1 + below(m, 6) : 1;
		const uint64_t step = one_in(m, 2) ? MK_PAGE_SIZE : 0;

		for (uint64_t i = 0; i < run && left && at < n; i++, left--) {
			store(m, m->tables[table] + at++ * m->entry_bytes,
			      entry);
			entry += m->levels[table] == 1 ? step : 0;
		}
	}
}

void mk_tables_init(struct mk_tables *t, enum mk_mode mode, uint64_t seed)
{
	struct maker m = {
		.t = t,
		.random = {mk_random_mix(seed * 8 + mode)},
		.top = mk_paging_top(mode),
		.entry_bytes = mode == MK_MODE_X86 ? 4 : 8,
	};

	memset(t, 0, sizeof *t);
	t->mode = mode;
	make_ram(&m);
	place_tables(&m);
	for (unsigned int i = m.n; i-- > 0;)
		fill_table(&m, i);
	t->root = m.tables[0];
	/* PWT, PCD or PCID; and "keep the TLB" on x64. */
	if (one_in(&m, 2))
		t->root |=
			mode == MK_MODE_PAE ? below(&m, 32) : below(&m, 4096);
	if (m.top >= 4 && one_in(&m, 4))
		t->root |= BIT(63);
}

void mk_tables_clear(struct mk_tables *t)
{
	g_free(t->bytes);
	t->bytes = NULL;
}
