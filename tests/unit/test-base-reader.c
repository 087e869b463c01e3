/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the bounds-checked cursor. */
#include "config.h"

#include "unit/unit.h"

#include "base/reader.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

START_TEST(test_reads)
{
	struct reader r;

	reader_init(&r, bytes, sizeof bytes);
	ck_assert_uint_eq(reader_u8(&r), 1);
	ck_assert_uint_eq(reader_u16(&r), 0x0302);
	ck_assert_uint_eq(reader_u32(&r), 0x07060504);
	reader_seek(&r, 4);
	ck_assert(reader_u64(&r) == UINT64_C(0x0c0b0a0908070605));
	ck_assert(reader_ok(&r));
	ck_assert_uint_eq(r.pos, sizeof bytes);
	/* at the end nothing is a fine thing to read */
	ck_assert_ptr_nonnull(reader_bytes(&r, 0));
	ck_assert(reader_ok(&r));
}
END_TEST

START_TEST(test_words)
{
	struct reader r;

	reader_init(&r, bytes, sizeof bytes);
	ck_assert_uint_eq(reader_word(&r, false), 0x04030201);
	ck_assert(reader_word(&r, true) == UINT64_C(0x0c0b0a0908070605));
	ck_assert(reader_ok(&r));
	ck_assert_uint_eq(reader_word(&r, false), 0);
	ck_assert(!reader_ok(&r));
}
END_TEST

/* For each width: the last one that fits, and the first that does not. */
START_TEST(test_edges)
{
	struct reader r;

	for (unsigned width = 1; width <= 8; width *= 2) {
		for (unsigned left = 0; left <= 8; left++) {
			uint64_t v;

			reader_init(&r, bytes, left);
			v = width == 1 ? reader_u8(&r) :
			    width == 2 ? reader_u16(&r) :
			    width == 4 ? reader_u32(&r) :
					 reader_u64(&r);
			ck_assert(reader_ok(&r) == (left >= width));
			ck_assert((v != 0) == (left >= width));
			ck_assert_uint_eq(r.pos, left >= width ? width : 0);
		}
	}
}
END_TEST

START_TEST(test_bad_for_good)
{
	struct reader r;

	reader_init(&r, bytes, 4);
	ck_assert_uint_eq(reader_u64(&r), 0);
	ck_assert(!reader_ok(&r));
	/* nothing is read any more, not even what is there */
	ck_assert_uint_eq(reader_u8(&r), 0);
	reader_seek(&r, 0);
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert_ptr_null(reader_bytes(&r, 0));
	ck_assert(!reader_ok(&r));
}
END_TEST

START_TEST(test_seek_skip)
{
	struct reader r;

	reader_init(&r, bytes, 4);
	reader_seek(&r, 4);
	ck_assert(reader_ok(&r));
	reader_seek(&r, 5);
	ck_assert(!reader_ok(&r));
	reader_init(&r, bytes, 4);
	reader_seek(&r, UINT64_MAX);
	ck_assert(!reader_ok(&r));
	reader_init(&r, bytes, 4);
	reader_skip(&r, 3);
	ck_assert_uint_eq(reader_u8(&r), 4);
	reader_skip(&r, 0);
	ck_assert(reader_ok(&r));
	reader_skip(&r, UINT64_MAX);
	ck_assert(!reader_ok(&r));
	reader_init(&r, NULL, 0);
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert(!reader_ok(&r));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-reader");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_reads);
	tcase_add_test(tcase, test_words);
	tcase_add_test(tcase, test_edges);
	tcase_add_test(tcase, test_bad_for_good);
	tcase_add_test(tcase, test_seek_skip);
	return unit_main(suite);
}
