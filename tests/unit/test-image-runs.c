/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of physical runs. */
#include "config.h"

#include "unit/unit.h"

#include "image/runs.h"

#define FILE_SIZE UINT64_C(0x100000)

static void assert_run(const ImageRuns *runs, size_t i, uint64_t pa,
		       uint64_t len, uint64_t off)
{
	const struct image_run *run = image_runs_get(runs, i);

	ck_assert_uint_eq(run->pa, pa);
	ck_assert_uint_eq(run->len, len);
	ck_assert_uint_eq(run->off, off);
}

/* What holds for all that comes out, whatever went in. */
static void assert_sane(const ImageRuns *runs)
{
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < image_runs_count(runs); i++) {
		const struct image_run *run = image_runs_get(runs, i);

		ck_assert_uint_gt(run->len, 0);
		ck_assert(!i || run->pa >= end);
		end = run->pa + run->len;
		sum += run->len;
		ck_assert_uint_le(end, PHYS_ADDR_END);
		ck_assert_uint_le(run->off + run->len, FILE_SIZE);
		ck_assert_ptr_eq(image_runs_find(runs, run->pa), run);
		ck_assert_ptr_eq(image_runs_find(runs, end - 1), run);
	}
	ck_assert_uint_eq(image_runs_end(runs), end);
	ck_assert_uint_eq(image_runs_bytes(runs), sum);
	ck_assert_ptr_null(image_runs_find(runs, end));
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

	image_runs_add(runs, 0x1000, 0x1000, 0, FILE_SIZE);
	image_runs_add(runs, 0x5000, 0x1000, 0x1000, FILE_SIZE);
	image_runs_finish(runs);
	ck_assert_uint_eq(image_runs_find(runs, 0)->pa, 0x1000);
	ck_assert_uint_eq(image_runs_find(runs, 0x1fff)->pa, 0x1000);
	ck_assert_uint_eq(image_runs_find(runs, 0x2000)->pa, 0x5000);
	ck_assert_uint_eq(image_runs_find(runs, 0x5fff)->pa, 0x5000);
	ck_assert_ptr_null(image_runs_find(runs, 0x6000));
	ck_assert_ptr_null(image_runs_find(runs, UINT64_MAX));
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
	return unit_main(suite);
}
