/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of loads, page arithmetic and range checks. */
#include "config.h"

#include "unit/unit.h"

#include "base/bytes.h"

START_TEST(test_loads)
{
	static const uint8_t b[9] = { 0xff, 0x01, 0x02, 0x03, 0x84,
				      0x05, 0x06, 0x07, 0x98 };

	/* from an odd address */
	ck_assert_uint_eq(load_le16(b + 1), 0x0201);
	ck_assert_uint_eq(load_le32(b + 1), 0x84030201);
	ck_assert(load_le64(b + 1) == UINT64_C(0x9807060584030201));
}
END_TEST

START_TEST(test_range_fits)
{
	ck_assert(range_fits(0, 0, 0));
	ck_assert(range_fits(0, 10, 10));
	ck_assert(range_fits(10, 0, 10));
	ck_assert(range_fits(4, 6, 10));
	ck_assert(!range_fits(4, 7, 10));
	ck_assert(!range_fits(11, 0, 10));
	ck_assert(!range_fits(0, 11, 10));
	ck_assert(!range_fits(UINT64_MAX, 2, 10));
	ck_assert(!range_fits(2, UINT64_MAX, 10));
	ck_assert(!range_fits(UINT64_MAX, UINT64_MAX, UINT64_MAX));
	ck_assert(range_fits(UINT64_MAX, 0, UINT64_MAX));
}
END_TEST

START_TEST(test_checked_sums)
{
	uint64_t r = 42;

	ck_assert(!add_u64(UINT64_MAX, 1, &r));
	ck_assert_uint_eq(r, 42);
	ck_assert(add_u64(UINT64_MAX - 1, 1, &r));
	ck_assert(r == UINT64_MAX);
	r = 42;
	ck_assert(!mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &r));
	ck_assert_uint_eq(r, 42);
	ck_assert(mul_u64(UINT64_C(1) << 32, UINT32_MAX, &r));
	ck_assert(r == (uint64_t)UINT32_MAX << 32);
	ck_assert(mul_u64(0, UINT64_MAX, &r));
	ck_assert_uint_eq(r, 0);
}
END_TEST

START_TEST(test_pages)
{
	ck_assert_uint_eq(page_floor(0), 0);
	ck_assert_uint_eq(page_floor(4095), 0);
	ck_assert_uint_eq(page_floor(4096), 4096);
	ck_assert(page_floor(UINT64_MAX) == ~UINT64_C(4095));
	ck_assert_uint_eq(page_ceil(0), 0);
	ck_assert_uint_eq(page_ceil(1), 4096);
	ck_assert_uint_eq(page_ceil(4096), 4096);
	ck_assert_uint_eq(page_ceil(4097), 8192);
	/* never wraps */
	ck_assert(page_ceil(UINT64_MAX) == ~UINT64_C(4095));
	ck_assert(page_ceil(UINT64_MAX - 4095) == ~UINT64_C(4095));
}
END_TEST

START_TEST(test_bits)
{
	const uint64_t v = UINT64_C(0x8000000000000ff1);

	ck_assert_uint_eq(bits_get(v, 0, 1), 1);
	ck_assert_uint_eq(bits_get(v, 1, 3), 0);
	ck_assert_uint_eq(bits_get(v, 4, 8), 0xff);
	ck_assert_uint_eq(bits_get(v, 63, 1), 1);
	ck_assert_uint_eq(bits_get(v, 63, 64), 1);
	ck_assert(bits_get(v, 0, 64) == v);
	ck_assert(bits_get(v, 0, 63) == UINT64_C(0xff1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-bytes");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_loads);
	tcase_add_test(tcase, test_range_fits);
	tcase_add_test(tcase, test_checked_sums);
	tcase_add_test(tcase, test_pages);
	tcase_add_test(tcase, test_bits);
	return unit_main(suite);
}
