/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of maps: large pages over pieces of memory, merging, very long runs,
 * the budget. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "vtop/map.h"

#define LEAF UINT64_C(0x67)
#define LARGE UINT64_C(0xe7)
#define ROOT UINT64_C(0x1000)
#define PDPT UINT64_C(0x2000)
#define PD UINT64_C(0x3000)
#define PT UINT64_C(0x4000)
#define BYTES 0x10000u

static uint8_t bytes[BYTES];
static struct unit_mem mem;

static void poke(uint64_t table, unsigned index, uint64_t entry)
{
	memcpy(bytes + table + 8 * index, &entry, 8);
}

/* Tables for the first 2 MiB; RAM as runs says, all of it the same file. */
static AddrMap *build(const struct image_run *runs, size_t n)
{
	struct addr_space as = { .form = &paging_amd64, .root = PHYS(ROOT) };

	unit_mem_init_runs(&mem, bytes, BYTES, runs, n);
	as.pm = mem.pm;
	return addr_map_build(&as, 0, UINT64_C(0xffffffffffff));
}

static void setup(void)
{
	memset(bytes, 0, sizeof bytes);
	poke(ROOT, 0, PDPT | LEAF);
	poke(PDPT, 0, PD | LEAF);
}

static void teardown(void)
{
	unit_mem_clear(&mem);
}

static void assert_piece(struct map_run run, uint64_t va, uint64_t len,
			 uint64_t pa)
{
	ck_assert_uint_eq(run.va, va);
	ck_assert_uint_eq(run.len, len);
	ck_assert_uint_eq(run.pa, pa);
}

/* A 2 MiB page of which physical memory has three parts, one of them half a
 * page: what is there in part counts as there. */
START_TEST(test_large_over_runs)
{
	static const struct image_run runs[] = {
		{ 0, 0x5000, 0 },
		{ 0x400000, 0x2000, 0x5000 },
		{ 0x404000, 0x1800, 0x7000 },
		{ 0x40a800, 0x0800, 0x9000 },
	};
	g_autoptr(AddrMap) map = NULL;
	const struct map_counts *c;

	poke(PD, 0, 0x400000 | LARGE);
	map = build(runs, G_N_ELEMENTS(runs));
	ck_assert_uint_eq(addr_map_n_data(map), 3);
	assert_piece(addr_map_data(map, 0), 0, 0x2000, 0x400000);
	assert_piece(addr_map_data(map, 1), 0x4000, 0x2000, 0x404000);
	assert_piece(addr_map_data(map, 2), 0xa000, 0x1000, 0x40a000);
	ck_assert_uint_eq(addr_map_n_lost(map), 3);
	assert_piece(addr_map_lost(map, 0), 0x2000, 0x2000, 0);
	assert_piece(addr_map_lost(map, 1), 0x6000, 0x4000, 0);
	assert_piece(addr_map_lost(map, 2), 0xb000, 0x1f5000, 0);
	ck_assert_int_eq(addr_map_lost(map, 0).state, PAGE_OUTSIDE);
	ck_assert_uint_eq(addr_map_data(map, 0).leaf_len, 2 * MIB);
	c = addr_map_counts(map);
	ck_assert_uint_eq(c->large[0], 1);
	ck_assert_uint_eq(c->data_bytes, 0x5000);
	ck_assert_uint_eq(c->data_bytes + c->lost_bytes, 2 * MIB);
	ck_assert_uint_eq(c->pages[PAGE_VALID], 5);
	ck_assert_uint_eq(c->pages[PAGE_OUTSIDE], 507);
}
END_TEST

START_TEST(test_merging)
{
	static const struct image_run all = { 0, BYTES, 0 };
	g_autoptr(AddrMap) map = NULL;

	poke(PD, 0, PT | LEAF);
	poke(PT, 0, 0x8000 | LEAF);
	poke(PT, 1, 0x9000 | LEAF);
	/* not next to it in physical memory */
	poke(PT, 2, 0xb000 | LEAF);
	/* other rights */
	poke(PT, 3, 0xc000 | (LEAF & ~2ull));
	/* next in physical memory, not in addresses */
	poke(PT, 5, 0xd000 | (LEAF & ~2ull));
	map = build(&all, 1);
	ck_assert_uint_eq(addr_map_n_data(map), 4);
	assert_piece(addr_map_data(map, 0), 0, 0x2000, 0x8000);
	assert_piece(addr_map_data(map, 1), 0x2000, 0x1000, 0xb000);
	assert_piece(addr_map_data(map, 2), 0x3000, 0x1000, 0xc000);
	assert_piece(addr_map_data(map, 3), 0x5000, 0x1000, 0xd000);
	ck_assert_uint_eq(addr_map_find_data(map, 0x4000), 3);
}
END_TEST

/* Pages of different sizes stay apart, or a page's borders would be lost. */
START_TEST(test_sizes_do_not_merge)
{
	static const struct image_run runs[] = {
		{ 0, BYTES, 0 }, { 0x600000, BYTES, 0 },
	};
	g_autoptr(AddrMap) map = NULL;

	poke(PD, 0, PT | LEAF);
	poke(PT, 511, 0x5ff000 | LEAF);
	poke(PD, 1, 0x600000 | LARGE);
	map = build(runs, 2);
	/* 0x5ff000 is not RAM: lost, then 64 KiB data, then lost */
	ck_assert_uint_eq(addr_map_n_data(map), 1);
	assert_piece(addr_map_data(map, 0), 0x200000, BYTES, 0x600000);
	ck_assert_uint_eq(addr_map_n_lost(map), 2);
}
END_TEST

/* The last page of memory that is not whole. */
START_TEST(test_partial_last_page)
{
	static const struct image_run run = { 0, 0xf001, 0 };
	g_autoptr(AddrMap) map = NULL;

	poke(PD, 0, PT | LEAF);
	poke(PT, 0, 0xe000 | LEAF);
	poke(PT, 1, 0xf000 | LEAF);
	poke(PT, 2, 0x10000 | LEAF);
	map = build(&run, 1);
	ck_assert_uint_eq(addr_map_n_data(map), 1);
	assert_piece(addr_map_data(map, 0), 0, 0x2000, 0xe000);
	ck_assert_uint_eq(addr_map_n_lost(map), 1);
	assert_piece(addr_map_lost(map, 0), 0x2000, 0x1000, 0);
}
END_TEST

/* 512 pages of 1 GiB that are all absent: one lost run needs more pages than
 * its count has bits for. */
START_TEST(test_very_long)
{
	static const struct image_run all = { 0, BYTES, 0 };
	g_autoptr(AddrMap) map = NULL;
	uint64_t sum = 0, end;

	for (unsigned i = 0; i < 512; i++)
		poke(PDPT, i, (uint64_t)(64 + i) * GIB | LARGE);
	map = build(&all, 1);
	ck_assert_uint_eq(addr_map_n_data(map), 0);
	ck_assert_uint_gt(addr_map_n_lost(map), 1);
	ck_assert_uint_lt(addr_map_n_lost(map), 600);
	end = 0;
	for (size_t i = 0; i < addr_map_n_lost(map); i++) {
		struct map_run run = addr_map_lost(map, i);

		ck_assert_uint_eq(run.va, end);
		end = run.va + run.len;
		sum += run.len;
	}
	ck_assert_uint_eq(sum, 512 * GIB);
	ck_assert_uint_eq(addr_map_counts(map)->lost_bytes, 512 * GIB);
}
END_TEST

/* What is known of a range beside the tables: added to all pages in it, which
 * no longer merge with their neighbours; a large page is cut at its border. */
START_TEST(test_overlays)
{
	static const struct image_run runs[] = {
		{ 0, BYTES, 0 }, { 0x400000, BYTES, 0 },
	};
	static const struct map_overlay overlays[] = {
		{ 0, 0xfff, RIGHT_SHARED },
		{ 0x2000, 0x2fff, RIGHT_SHARED },
		{ 0x100000, 0x203fff, RIGHT_SHARED },
		{ 0x208000, UINT64_C(0xffffffffffff), RIGHT_COW },
	};
	struct addr_space as = { .form = &paging_amd64, .root = PHYS(ROOT) };
	static const struct map_run want[] = {
		{ .va = 0x0000, .len = 0x1000, .rights = RIGHT_SHARED },
		{ .va = 0x1000, .len = 0x1000 },
		{ .va = 0x2000, .len = 0x1000, .rights = RIGHT_SHARED },
		{ .va = 0x3000, .len = 0x1000 },
		{ .va = 0x200000, .len = 0x4000, .rights = RIGHT_SHARED },
		{ .va = 0x204000, .len = 0x4000 },
		{ .va = 0x208000, .len = 0x8000, .rights = RIGHT_COW },
	};
	g_autoptr(AddrMap) map = NULL;

	poke(PD, 0, PT | LEAF);
	for (unsigned i = 0; i < 4; i++)
		poke(PT, i, (0x8000 + 0x1000 * i) | LEAF);
	poke(PD, 1, 0x400000 | LARGE);
	unit_mem_init_runs(&mem, bytes, BYTES, runs, 2);
	as.pm = mem.pm;
	map = addr_map_build_over(&as, 0, UINT64_C(0xffffffffffff), overlays,
				  G_N_ELEMENTS(overlays));
	ck_assert_uint_eq(addr_map_n_data(map), G_N_ELEMENTS(want));
	for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
		struct map_run run = addr_map_data(map, i);

		ck_assert_uint_eq(run.va, want[i].va);
		ck_assert_uint_eq(run.len, want[i].len);
		ck_assert_uint_eq(run.rights, RIGHTS_ALL | want[i].rights);
	}
}
END_TEST

/* Every table is the root: within bounds, and said. */
START_TEST(test_budget)
{
	static const struct image_run all = { 0, BYTES, 0 };
	g_autoptr(AddrMap) map = NULL;
	struct vtop_budget b;
	uint64_t n = 0;

	for (unsigned i = 0; i < 512; i++)
		poke(ROOT, i, ROOT | LEAF);
	map = build(&all, 1);
	b = vtop_budget_for(mem.pm);
	ck_assert(addr_map_counts(map)->walk.exhausted);
	for (unsigned i = 0; i < PAGING_LEVELS_MAX; i++)
		n += addr_map_counts(map)->walk.tables[i];
	ck_assert_uint_le(n, b.tables);
	ck_assert_uint_le(addr_map_n_data(map), b.leaves);
	ck_assert_uint_eq(addr_map_counts(map)->walk.stopped_at,
			  addr_map_counts(map)->data_bytes);
	ck_assert_uint_le(addr_map_footprint(map), 64 * MIB);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-map");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_large_over_runs);
	tcase_add_test(tcase, test_merging);
	tcase_add_test(tcase, test_sizes_do_not_merge);
	tcase_add_test(tcase, test_partial_last_page);
	tcase_add_test(tcase, test_very_long);
	tcase_add_test(tcase, test_overlays);
	tcase_add_test(tcase, test_budget);
	return unit_main(suite);
}
