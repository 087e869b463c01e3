/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of address spaces that are lists of ranges. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "vtop/map.h"

#define FILE_BYTES 0x3000u
#define TOP UINT64_C(0xfffff80000000000)

struct direct {
	uint8_t bytes[FILE_BYTES];
	Image *image;
	PhysMem *pm;
	DirectMap *map;
	struct addr_space as;
};

/* An image without physical memory, each byte of which tells where it is. */
static struct direct *direct_new(const struct paging_form *form)
{
	struct direct *d = g_new0(struct direct, 1);
	ImageIo *io;

	for (size_t i = 0; i < FILE_BYTES; i++)
		d->bytes[i] = (uint8_t)(i * 7 + i / 251);
	io = image_io_memory(d->bytes, FILE_BYTES);
	d->image = image_new(io, "x", NULL);
	image_runs_finish(d->image->runs);
	d->pm = physmem_new(d->image);
	d->map = direct_map_new(io, form->va_bits);
	d->as = (struct addr_space){ .pm = d->pm, .form = form,
				     .root = PHYS(0x1000),
				     .direct = d->map };
	return d;
}

static void direct_free(struct direct *d)
{
	direct_map_free(d->map);
	physmem_free(d->pm);
	image_free(d->image);
	g_free(d);
}

static void expect_run(const struct direct *d, size_t i, uint64_t va,
		       uint64_t len, uint64_t off)
{
	const struct direct_run *run = direct_map_get(d->map, i);

	ck_assert_uint_eq(run->va, va);
	ck_assert_uint_eq(run->len, len);
	ck_assert_uint_eq(run->off, off);
}

/* The lower start wins, then the longer; what follows in both goes together. */
START_TEST(test_overlaps)
{
	struct direct *d = direct_new(&paging_amd64);

	direct_map_add(d->map, TOP + 0x100, 0x10, 0x400);
	direct_map_add(d->map, TOP, 0x80, 0x100);
	direct_map_add(d->map, TOP + 0x40, 0x80, 0x200);
	direct_map_add(d->map, TOP + 0x100, 0x20, 0x300);
	direct_map_add(d->map, TOP + 0x120, 0x10, 0x320);
	direct_map_finish(d->map);
	ck_assert_uint_eq(direct_map_count(d->map), 3);
	expect_run(d, 0, TOP, 0x80, 0x100);
	expect_run(d, 1, TOP + 0x80, 0x40, 0x240);
	expect_run(d, 2, TOP + 0x100, 0x30, 0x300);
	ck_assert_uint_eq(direct_map_bytes(d->map), 0xf0);
	ck_assert_uint_eq(direct_map_damage(d->map)->n_overlaps, 2);
	direct_map_add(d->map, 0x1000, 8, 0);
	direct_map_finish(d->map);
	ck_assert_uint_eq(direct_map_count(d->map), 4);
	ck_assert_uint_eq(direct_map_bytes(d->map), 0xf8);
	direct_free(d);
}
END_TEST

/* Ends of the file, of the halves, of the numbers. */
START_TEST(test_cuts)
{
	struct direct *d = direct_new(&paging_amd64);
	const struct direct_damage *damage = direct_map_damage(d->map);

	direct_map_add(d->map, TOP, UINT64_MAX, FILE_BYTES - 4);
	direct_map_add(d->map, TOP + 0x1000, 8, FILE_BYTES);
	direct_map_add(d->map, TOP + 0x1000, 8, UINT64_MAX);
	ck_assert_uint_eq(damage->n_beyond_file, 3);
	direct_map_add(d->map, UINT64_MAX - 3, 0x100, 0);
	direct_map_add(d->map, UINT64_C(0x7ffffffffff8), 0x100, 0x10);
	direct_map_add(d->map, UINT64_C(0x800000000000), 8, 0);
	direct_map_add(d->map, UINT64_C(0xffff000000000000), 8, 0);
	ck_assert_uint_eq(damage->n_bad_address, 4);
	direct_map_add(d->map, TOP + 0x2000, 0, 0);
	ck_assert_uint_eq(damage->n_empty, 1);
	direct_map_finish(d->map);
	ck_assert_uint_eq(direct_map_count(d->map), 3);
	expect_run(d, 0, UINT64_C(0x7ffffffffff8), 8, 0x10);
	expect_run(d, 1, TOP, 4, FILE_BYTES - 4);
	expect_run(d, 2, UINT64_MAX - 3, 4, 0);
	ck_assert_uint_eq(direct_map_find(d->map, UINT64_MAX), 2);
	direct_free(d);
	d = direct_new(&paging_pae);
	direct_map_add(d->map, UINT64_C(0xfffffff0), 0x100, 0);
	direct_map_add(d->map, UINT64_C(0xfffffffffffffff0), 8, 0);
	direct_map_finish(d->map);
	ck_assert_uint_eq(direct_map_count(d->map), 1);
	expect_run(d, 0, UINT64_C(0xfffffff0), 0x10, 0);
	direct_free(d);
}
END_TEST

START_TEST(test_read)
{
	struct direct *d = direct_new(&paging_amd64);
	struct vtop_step steps[PAGING_LEVELS_MAX];
	struct vtop_leaf leaf;
	uint8_t buf[0x100];

	direct_map_add(d->map, TOP + 0xff3, 0x20, 0x101);
	direct_map_add(d->map, TOP + 0x1013, 0x20, 0x505);
	direct_map_finish(d->map);
	ck_assert(vtop_read(&d->as, VIRT(TOP + 0xff3), buf, 0x40));
	ck_assert_mem_eq(buf, d->bytes + 0x101, 0x20);
	ck_assert_mem_eq(buf + 0x20, d->bytes + 0x505, 0x20);
	ck_assert(!vtop_read(&d->as, VIRT(TOP + 0xff2), buf, 2));
	ck_assert(!vtop_read(&d->as, VIRT(TOP + 0xff3), buf, 0x41));
	ck_assert_uint_eq(vtop_trace(&d->as, VIRT(TOP + 0x1000), steps, &leaf),
			  0);
	ck_assert_int_eq(leaf.state, PAGE_DIRECT);
	ck_assert_uint_eq(leaf.va.v, TOP + 0xff3);
	ck_assert_uint_eq(leaf.len, 0x20);
	ck_assert_uint_eq(leaf.pa.v, 0x101);
	leaf = vtop_translate(&d->as, VIRT(TOP + 0x1033));
	ck_assert_int_eq(leaf.state, PAGE_ABSENT);
	direct_free(d);
}
END_TEST

static bool count_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	uint64_t *sum = ctx;

	ck_assert_int_eq(leaf->state, PAGE_DIRECT);
	sum[0]++;
	sum[1] += leaf->len;
	return sum[0] < sum[2];
}

/* Walks are of offsets, and cut what goes beyond. */
START_TEST(test_walk)
{
	static const struct {
		uint64_t start, last, most, n, bytes;
	} rows[] = {
		{ 0, (UINT64_C(1) << 48) - 1, 9, 3, 0x130 },
		{ 0, (UINT64_C(1) << 47) - 1, 9, 1, 0x10 },
		{ UINT64_C(1) << 47, (UINT64_C(1) << 48) - 1, 9, 2, 0x120 },
		{ 0, (UINT64_C(1) << 48) - 1, 2, 2, 0x110 },
		{ 0x1004, 0x1007, 9, 1, 4 },
		{ UINT64_C(0xf800000000f0), UINT64_C(0xf80000000100), 9, 1,
		  0x10 },
		{ UINT64_C(0xf80000000200), UINT64_C(0xf80000000208), 9, 1, 9 },
		{ UINT64_C(0xf80000000100), UINT64_C(0xf800000001ff), 9, 0, 0 },
	};
	struct direct *d = direct_new(&paging_amd64);
	struct vtop_budget budget = { 1, 1 };

	direct_map_add(d->map, 0x1000, 0x10, 0);
	direct_map_add(d->map, TOP, 0x100, 0x100);
	direct_map_add(d->map, TOP + 0x200, 0x20, 0x300);
	direct_map_finish(d->map);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint64_t sum[3] = { 0, 0, rows[i].most };
		struct vtop_stats stats =
			vtop_walk(&d->as, rows[i].start, rows[i].last, budget,
				  count_leaf, sum);

		ck_assert_uint_eq(sum[0], rows[i].n);
		ck_assert_uint_eq(sum[1], rows[i].bytes);
		ck_assert(!stats.exhausted && !stats.tables[0]);
	}
	direct_free(d);
}
END_TEST

START_TEST(test_map)
{
	struct direct *d = direct_new(&paging_amd64);
	uint64_t half = UINT64_C(1) << 47;
	g_autoptr(AddrMap) map = NULL;
	struct map_run run;

	direct_map_add(d->map, TOP + 0xfff, 2, 7);
	direct_map_add(d->map, TOP + 0x1800, 0x1000, 0x100);
	direct_map_finish(d->map);
	map = addr_map_build(&d->as, half, 2 * half - 1);
	ck_assert(addr_map_is_direct(map));
	ck_assert_uint_eq(addr_map_n_data(map), 2);
	ck_assert_uint_eq(addr_map_n_lost(map), 0);
	run = addr_map_data(map, 0);
	ck_assert_uint_eq(run.va, UINT64_C(0xf80000000fff));
	ck_assert_uint_eq(run.len, 2);
	ck_assert_uint_eq(run.pa, 7);
	ck_assert_uint_eq(run.rights, RIGHT_READ);
	ck_assert_uint_eq(addr_map_find_data(map, run.va + 1), 0);
	ck_assert_uint_eq(addr_map_find_data(map, run.va + 2), 1);
	ck_assert_uint_eq(addr_map_counts(map)->data_bytes, 0x1002);
	/* pages 0 and 1; 1 again, and 2 */
	ck_assert_uint_eq(addr_map_counts(map)->pages[PAGE_DIRECT], 3);
	ck_assert_uint_eq(addr_map_data_bytes(map, run.va + 1, 0x901), 0x102);
	direct_free(d);
}
END_TEST

/* Against a table of every byte. */
START_TEST(test_random)
{
	enum { SPAN = 0x400, RANGES = 12 };
	struct direct *d = direct_new(&paging_amd64);
	GRand *rand = g_rand_new_with_seed((guint32)_i);
	struct direct_run runs[RANGES];
	bool want[SPAN] = { 0 };
	uint64_t sum = 0;

	for (size_t i = 0; i < RANGES; i++) {
		uint64_t va = (uint64_t)g_rand_int_range(rand, 0, SPAN - 0x80);
		uint64_t len = (uint64_t)g_rand_int_range(rand, 1, 0x80);

		/* One memory: what overlaps is alike. */
		runs[i] = (struct direct_run){ TOP + va, len, 0x200 + va };
		direct_map_add(d->map, runs[i].va, len, runs[i].off);
		memset(want + va, 1, len);
	}
	direct_map_finish(d->map);
	for (size_t i = 0; i < SPAN; i++) {
		uint8_t byte;
		bool got = vtop_read(&d->as, VIRT(TOP + i), &byte, 1);

		ck_assert_int_eq(got, want[i]);
		if (got)
			ck_assert_uint_eq(byte, d->bytes[0x200 + i]);
		sum += want[i];
	}
	ck_assert_uint_eq(direct_map_bytes(d->map), sum);
	g_rand_free(rand);
	direct_free(d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-direct");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_overlaps);
	tcase_add_test(tcase, test_cuts);
	tcase_add_test(tcase, test_read);
	tcase_add_test(tcase, test_walk);
	tcase_add_test(tcase, test_map);
	tcase_add_loop_test(tcase, test_random, 0, 50);
	return unit_main(suite);
}
