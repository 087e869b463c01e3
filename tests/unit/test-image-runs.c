/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of physical runs. */
#include "config.h"

#include "unit/unit.h"

#include "unit/unit-runs.h"

#define FILE_SIZE UINT64_C(0x100000)

static void assert_run(const ImageRuns *runs, size_t i, uint64_t pa,
		       uint64_t len, uint64_t off)
{
	const struct image_run run = unit_run(runs, i);

	ck_assert_uint_eq(run.pa, pa);
	ck_assert_uint_eq(run.len, len);
	ck_assert_uint_eq(run.off, off);
}

/* What holds for all that comes out, whatever went in. */
static void assert_sane(const ImageRuns *runs)
{
	uint64_t end = 0, sum = 0;
	struct image_run run, piece;
	size_t n = 0;

	for (; image_runs_next(runs, end, &run); n++) {
		ck_assert_uint_gt(run.len, 0);
		ck_assert(!n || run.pa >= end);
		end = run.pa + run.len;
		sum += run.len;
		ck_assert_uint_le(end, PHYS_ADDR_END);
		ck_assert_uint_le(run.off + run.len, FILE_SIZE);
		piece = unit_piece(runs, run.pa);
		ck_assert_uint_eq(piece.pa, run.pa);
		ck_assert_uint_eq(piece.off, run.off);
		piece = unit_piece(runs, end - 1);
		ck_assert_uint_eq(piece.pa + piece.len, end);
		ck_assert_uint_eq(piece.off - piece.pa, run.off - run.pa);
	}
	ck_assert_uint_eq(image_runs_count(runs), n);
	ck_assert_uint_eq(image_runs_end(runs), end);
	ck_assert_uint_eq(image_runs_bytes(runs), sum);
	ck_assert(!image_runs_find(runs, end, &run));
}

START_TEST(test_order_and_merge)
{
	g_autoptr(ImageRuns) runs = image_runs_new();

	image_runs_add(runs, 0x5000, 0x1000, 0x1000, FILE_SIZE);
	image_runs_add(runs, 0x1000, 0x1000, 0x7000, FILE_SIZE);
	/* goes on in both: one run */
	image_runs_add(runs, 0x2000, 0x2000, 0x8000, FILE_SIZE);
	/* goes on in memory only */
	image_runs_add(runs, 0x6000, 0x1000, 0x3000, FILE_SIZE);
	/* goes on in the file only */
	image_runs_add(runs, 0x9000, 0x1000, 0x4000, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_count(runs), 4);
	assert_run(runs, 0, 0x1000, 0x3000, 0x7000);
	assert_run(runs, 1, 0x5000, 0x1000, 0x1000);
	assert_run(runs, 2, 0x6000, 0x1000, 0x3000);
	assert_run(runs, 3, 0x9000, 0x1000, 0x4000);
	assert_sane(runs);
	ck_assert_uint_eq(image_runs_damage(runs)->n_overlaps, 0);
}
END_TEST

START_TEST(test_overlaps)
{
	g_autoptr(ImageRuns) runs = image_runs_new();

	image_runs_add(runs, 0x1000, 0x3000, 0x10000, FILE_SIZE);
	image_runs_add(runs, 0x2000, 0x4000, 0x20000, FILE_SIZE);
	image_runs_add(runs, 0x2800, 0x0800, 0x30000, FILE_SIZE);
	/* starts alike: the longer wins */
	image_runs_add(runs, 0x8000, 0x1000, 0x40000, FILE_SIZE);
	image_runs_add(runs, 0x8000, 0x2000, 0x50000, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_count(runs), 3);
	assert_run(runs, 0, 0x1000, 0x3000, 0x10000);
	assert_run(runs, 1, 0x4000, 0x2000, 0x22000);
	assert_run(runs, 2, 0x8000, 0x2000, 0x50000);
	ck_assert_uint_eq(image_runs_damage(runs)->n_overlaps, 3);
	assert_sane(runs);
}
END_TEST

START_TEST(test_find)
{
	g_autoptr(ImageRuns) runs = image_runs_new();
	struct image_run run;

	image_runs_add(runs, 0x1000, 0x1000, 0, FILE_SIZE);
	image_runs_add(runs, 0x5000, 0x1000, 0x1000, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert(image_runs_find(runs, 0, &run) && run.pa == 0x1000);
	ck_assert(image_runs_find(runs, 0x1fff, &run) && run.pa == 0x1000);
	ck_assert(image_runs_find(runs, 0x2000, &run) && run.pa == 0x5000);
	ck_assert(image_runs_find(runs, 0x5fff, &run) && run.pa == 0x5000);
	ck_assert(!image_runs_find(runs, 0x6000, &run));
	ck_assert(!image_runs_find(runs, UINT64_MAX, &run));
}
END_TEST

START_TEST(test_beyond_file)
{
	g_autoptr(ImageRuns) runs = image_runs_new();

	image_runs_add(runs, 0x1000, 0x3000, FILE_SIZE - 0x1000, FILE_SIZE);
	image_runs_add(runs, 0x9000, 0x1000, FILE_SIZE, FILE_SIZE);
	image_runs_add(runs, 0xa000, 0x1000, UINT64_MAX, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_count(runs), 1);
	assert_run(runs, 0, 0x1000, 0x1000, FILE_SIZE - 0x1000);
	ck_assert_uint_eq(image_runs_damage(runs)->n_beyond_file, 3);
	ck_assert_uint_eq(image_runs_damage(runs)->missing_bytes, 0x4000);
	assert_sane(runs);
}
END_TEST

START_TEST(test_beyond_address)
{
	g_autoptr(ImageRuns) runs = image_runs_new();

	image_runs_add(runs, PHYS_ADDR_END - 0x1000, 0x2000, 0, FILE_SIZE);
	image_runs_add(runs, PHYS_ADDR_END, 0x1000, 0, FILE_SIZE);
	image_runs_add(runs, UINT64_MAX, UINT64_MAX, 0, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_count(runs), 1);
	assert_run(runs, 0, PHYS_ADDR_END - 0x1000, 0x1000, 0);
	ck_assert_uint_eq(image_runs_damage(runs)->n_beyond_address, 3);
	assert_sane(runs);
}
END_TEST

/* Counters stop at their ends. */
START_TEST(test_overflow)
{
	g_autoptr(ImageRuns) runs = image_runs_new();

	for (int i = 0; i < 3; i++)
		image_runs_add(runs, 0, UINT64_MAX, UINT64_MAX, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_count(runs), 0);
	ck_assert(image_runs_damage(runs)->missing_bytes == UINT64_MAX);
	assert_sane(runs);
}
END_TEST

START_TEST(test_none)
{
	g_autoptr(ImageRuns) runs = image_runs_new();

	image_runs_add(runs, 0x1000, 0, 0, FILE_SIZE);
	image_runs_add(runs, UINT64_MAX, 0, UINT64_MAX, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_count(runs), 0);
	ck_assert_uint_eq(image_runs_damage(runs)->n_beyond_file, 0);
	ck_assert_uint_eq(image_runs_damage(runs)->n_beyond_address, 0);
	assert_sane(runs);
	image_runs_free(NULL);
}
END_TEST

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

START_TEST(test_random)
{
	uint64_t state = 1;

	for (int round = 0; round < 300; round++) {
		g_autoptr(ImageRuns) runs = image_runs_new();

		for (int i = 0; i < 40; i++) {
			uint64_t pa = random_next(&state) % 0x40000;

			if (random_next(&state) % 8 == 0)
				pa += PHYS_ADDR_END - 0x20000;
			image_runs_add(runs, pa, random_next(&state) % 0x9000,
				       random_next(&state) % 0x140000,
				       FILE_SIZE);
		}
		image_runs_finish(runs);
		assert_sane(runs);
	}
}
END_TEST

enum { N_BITS = 3 * 32768 + 100 };

/* Against the bits themselves: runs of random pages, a whole stretch, one
 * that has none; other runs lie across them. */
static void check_bitmap(uint64_t *state, uint64_t data_size, bool others)
{
	g_autofree uint8_t *bits = g_malloc0(N_BITS / 8 + 1);
	g_autofree uint64_t *want = g_new(uint64_t, N_BITS);
	g_autoptr(ImageIo) io = image_io_memory(bits, N_BITS / 8 + 1);
	g_autoptr(ImageRuns) runs = image_runs_new();
	const uint64_t first = 7, off = 0x2000;
	uint64_t k = 0, n_missing = 0;

	for (unsigned i = 0; i < N_BITS; i++) {
		bool set = i < 32768 ? random_next(state) % 5 < 2 :
			   i < 2 * 32768 ? others :
					   random_next(state) % 3000 == 0;

		want[i] = UINT64_MAX;
		if (!set)
			continue;
		bits[i / 8] |= (uint8_t)(1u << i % 8);
		want[i] = off + k++ * 4096;
		if (want[i] + 4096 > data_size) {
			want[i] = UINT64_MAX;
			n_missing++;
		}
	}
	ck_assert(image_runs_add_bitmap(runs, first, N_BITS, io, 0, off,
					data_size));
	if (others) {
		/* starts lower: wins; starts higher: loses where pages are */
		image_runs_add(runs, 0x6800, 0x5000, 0x10800, data_size);
		for (unsigned i = 0; i < 5; i++)
			want[i] = 0x10800 + 0x800 + i * 4096;
	}
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_damage(runs)->missing_bytes,
			  n_missing * 4096);
	for (unsigned i = others ? 5 : 0; i < N_BITS; i++) {
		uint64_t pa = (first + i) * 4096 + i % 4096;
		struct image_run piece = unit_piece(runs, pa);

		ck_assert_uint_eq(piece.len > 0, want[i] != UINT64_MAX);
		if (piece.len)
			ck_assert_uint_eq(piece.off + (pa - piece.pa),
					  want[i] + i % 4096);
	}
	if (data_size == UINT64_MAX)
		return;
	ck_assert_uint_eq(image_runs_damage(runs)->n_beyond_file, 1);
}

START_TEST(test_bitmap)
{
	uint64_t state = 5;

	check_bitmap(&state, UINT64_MAX, false);
	check_bitmap(&state, UINT64_MAX, true);
	check_bitmap(&state, 0x2000 + 9000 * 4096 + 17, false);
	check_bitmap(&state, 0x2000 + 20000 * 4096, true);
}
END_TEST

/* Sums, counts and the way through the runs agree, whatever overlaps. */
START_TEST(test_bitmap_random)
{
	uint64_t state = 9;

	for (int round = 0; round < 60; round++) {
		g_autoptr(ImageRuns) runs = image_runs_new();
		uint8_t bits[3][8192];
		uint64_t end = 0, sum = 0;
		struct image_run run;
		size_t n = 0;

		for (int m = 0; m < 3; m++) {
			g_autoptr(ImageIo) io =
				image_io_memory(bits[m], sizeof bits[m]);

			memset(bits[m], m == 1 ? 0xff : 0, sizeof bits[m]);
			for (unsigned i = 0; i < 200; i++)
				bits[m][random_next(&state) % 8192] ^=
					(uint8_t)random_next(&state);
			ck_assert(image_runs_add_bitmap(
				runs, random_next(&state) % 90000, 65000, io, 0,
				(uint64_t)m << 40, UINT64_MAX));
		}
		for (unsigned i = 0; i < 20; i++)
			image_runs_add(runs, random_next(&state) % 0x20000000,
				       random_next(&state) % 0x100000,
				       UINT64_C(1) << 50, UINT64_MAX);
		image_runs_finish(runs);
		for (; image_runs_next(runs, end, &run); n++) {
			ck_assert(!n || run.pa >= end);
			ck_assert_uint_gt(run.len, 0);
			end = run.pa + run.len;
			sum += run.len;
		}
		ck_assert_uint_eq(image_runs_count(runs), n);
		ck_assert_uint_eq(image_runs_end(runs), end);
		ck_assert_uint_eq(image_runs_bytes(runs), sum);
	}
}
END_TEST

/* Claims that nothing stands behind cost nothing. */
START_TEST(test_bitmap_claims)
{
	static const uint8_t bits[64] = { 0xff };
	g_autoptr(ImageIo) io = image_io_memory(bits, sizeof bits);
	g_autoptr(ImageRuns) runs = image_runs_new();

	ck_assert(!image_runs_add_bitmap(runs, 0, UINT64_MAX, io, 0, 0,
					 FILE_SIZE));
	ck_assert(!image_runs_add_bitmap(runs, 0, 8, io, UINT64_MAX, 0,
					 FILE_SIZE));
	ck_assert(!image_runs_add_bitmap(runs, 0, 8, io, 64, 0, FILE_SIZE));
	ck_assert(image_runs_add_bitmap(runs, UINT64_MAX, 8, io, 0, 0,
					FILE_SIZE));
	ck_assert(image_runs_add_bitmap(runs, 100, 8, io, 0, UINT64_MAX,
					FILE_SIZE));
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_count(runs), 1);
	ck_assert_uint_eq(image_runs_bytes(runs), 8 * 4096);
	ck_assert_uint_eq(image_runs_damage(runs)->missing_bytes, 8 * 4096);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-runs");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_order_and_merge);
	tcase_add_test(tcase, test_overlaps);
	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_beyond_file);
	tcase_add_test(tcase, test_beyond_address);
	tcase_add_test(tcase, test_overflow);
	tcase_add_test(tcase, test_none);
	tcase_add_test(tcase, test_random);
	tcase_add_test(tcase, test_bitmap);
	tcase_add_test(tcase, test_bitmap_random);
	tcase_add_test(tcase, test_bitmap_claims);
	return unit_main(suite);
}
