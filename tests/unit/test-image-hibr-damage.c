/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of hibernation files that are damaged, cut, or made to do harm. What
 * can be read of them must be right: unit_hibr_count() sees to that. */
#include "config.h"


#include "unit/unit-hibr.h"

#define TABLE (6 * 4096) /* where the writer puts the first table */
#define SETS (7 * 4096)	 /* and the first set */

static MkPhys *phys;

static const struct {
	const struct mk_writer *writer;
	bool old;
} kinds[] = {
	{ &mk_hibr_xp_writer, true },	  { &mk_hibr_7x64_writer, true },
	{ &mk_hibr_vista264_writer, true }, { &mk_hibr_10_writer, false },
	{ &mk_hibr_10x86_writer, false }, { &mk_hibr_11_writer, false },
};

static size_t count(const struct unit_hibr *f, Log *log)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) image = unit_hibr_open(f, log, &error);

	ck_assert(!image == !!error);
	if (!image || strcmp(image->ops->name, "hibernation"))
		return 0;
	return unit_hibr_count(image, phys);
}

/* However short, every page before the cut is there. */
START_TEST(test_cut)
{
	struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer), part;
	size_t least = 0;

	for (unsigned i = 1; i <= 40; i++) {
		size_t n;

		part.len = f.len * i / 40;
		part.bytes = g_memdup2(f.bytes, part.len);
		n = count(&part, NULL);
		ck_assert_uint_ge(n, least);
		least = n;
		g_free(part.bytes);
		/* The first pages of the file are no data. */
		if (i == 20)
			ck_assert_uint_gt(n, UNIT_HIBR_PAGES / 5);
	}
	ck_assert_uint_eq(least, UNIT_HIBR_PAGES);
	g_free(f.bytes);
}
END_TEST

/* Bits of the header, and of the first table. */
START_TEST(test_flips)
{
	struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer);
	struct mk_random random = { 8 };

	for (unsigned i = 0; i < 200; i++) {
		size_t at = mk_random_below(&random, 0x500);
		uint8_t bit = (uint8_t)(1 << mk_random_below(&random, 8));

		if (i % 2 && kinds[_i].old)
			at = TABLE + at % 0x180;
		f.bytes[at] ^= bit;
		count(&f, NULL);
		f.bytes[at] ^= bit;
	}
	g_free(f.bytes);
}
END_TEST

/* Data of one block or set: only its pages are lost, and those are damaged. */
START_TEST(test_bad_data)
{
	struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer);
	size_t at = kinds[_i].old ? TABLE + 4096 + 32 : SETS + 4 + 16 * 8, n;
	g_autoptr(Image) image = NULL;

	/* Flags that say: all are matches, with nothing before them. */
	memset(f.bytes + at, 0xff, 300);
	image = unit_hibr_open(&f, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	n = unit_hibr_count(image, phys);
	ck_assert_uint_ge(n, UNIT_HIBR_PAGES - 16);
	ck_assert_uint_lt(n, UNIT_HIBR_PAGES);
	ck_assert_uint_eq(image_runs_bytes(image->runs),
			  UNIT_HIBR_PAGES * MK_PAGE_SIZE);
	g_free(f.bytes);
}
END_TEST

/* Its header: reading goes on with the next one, and the log says so. */
START_TEST(test_bad_header)
{
	struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer);
	size_t at = kinds[_i].old ? TABLE + 4096 + 9 : SETS + 1;
	g_autoptr(Log) log = log_new();

	/* Where the header has the size. */
	f.bytes[at] ^= 0x90;
	ck_assert_uint_ge(count(&f, log), UNIT_HIBR_PAGES - 32);
	ck_assert(unit_hibr_logs(log, "damaged in 1 place(s)"));
	f.bytes[at] ^= 0x90;
	/* Its magic, or the number of descriptors. */
	f.bytes[at - (kinds[_i].old ? 9 : 1)] = 0xff;
	ck_assert_uint_ge(count(&f, log), UNIT_HIBR_PAGES - 32);
	g_free(f.bytes);
}
END_TEST

/* --- tables --- */

static struct unit_hibr many_tables(MkPhys **ret)
{
	MkPhys *big = mk_phys_new(3);
	struct unit_hibr f;

	/* 127 ranges of 20 pages to a table: three. */
	mk_phys_add_ram(big, 0, 7000 * MK_PAGE_SIZE);
	for (unsigned i = 0; i < 7000; i += 100)
		mk_phys_write64(big, i * MK_PAGE_SIZE, i + 1);
	f = unit_hibr_make(big, &mk_hibr_xp64_writer);
	*ret = big;
	return f;
}

static size_t count_of(const struct unit_hibr *f, const MkPhys *big, Log *log)
{
	g_autoptr(Image) image = unit_hibr_open(f, log, NULL);

	return image ? unit_hibr_count(image, big) : 0;
}

START_TEST(test_tables)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(MkPhys) big = NULL;
	struct unit_hibr f = many_tables(&big);
	uint64_t next = load_le64(f.bytes + TABLE + 8);

	ck_assert_uint_eq(count_of(&f, big, NULL), 7000);
	/* One that leads nowhere: the next one is searched. */
	unit_hibr_put(&f, TABLE + 8, 0x123456789, 8);
	ck_assert_uint_eq(count_of(&f, big, log), 7000);
	ck_assert(unit_hibr_logs(log, "searched behind the last data"));
	/* To itself: likewise, and it ends. */
	unit_hibr_put(&f, TABLE + 8, 6, 8);
	ck_assert_uint_eq(count_of(&f, big, NULL), 7000);
	unit_hibr_put(&f, TABLE + 8, next, 8);
	/* Its number of ranges. */
	unit_hibr_put(&f, TABLE + 0x14, 0x7f - 64, 4);
	ck_assert_uint_eq(count_of(&f, big, NULL), 7000);
	unit_hibr_put(&f, TABLE + 0x14, 0x7f, 4);
	/* One range is none: all others are there. */
	unit_hibr_put(&f, TABLE + 0x20 + 50 * 0x20 + 0x10, 0, 8);
	ck_assert_uint_ge(count_of(&f, big, log), 7000 - 40);
	ck_assert(unit_hibr_logs(log, "1 table(s) of pages are damaged"));
	g_free(f.bytes);
}
END_TEST

/* --- what is made to do harm --- */

static struct unit_hibr hostile(size_t len, uint32_t length_self)
{
	struct unit_hibr f = { g_malloc0(len), len };

	memcpy(f.bytes, "HIBR", 4);
	unit_hibr_put(&f, 0xc, length_self, 4);
	unit_hibr_put(&f, 0x18, 4096, 4);
	return f;
}

static void open_hostile(struct unit_hibr *f)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) image = unit_hibr_open(f, NULL, &error);
	uint8_t page[4096];

	ck_assert(!image == !!error);
	if (image)
		(void)!image_io_read(image_data(image), 0, page, sizeof page);
	g_free(f->bytes);
}

/* Numbers as big as can be, in all fields; sets that are tiny. */
START_TEST(test_hostile_sets)
{
	struct unit_hibr f = hostile(24 << 20, 0x3e0);
	static const unsigned fields[] = { 0x58, 0x68, 0x70, 0x230, 0x398 };
	static const uint64_t values[] = { UINT64_C(1) << 60, UINT64_MAX,
					   UINT64_C(1) << 52, 6143, 0 };

	unit_limit_memory(320 * MIB);
	for (size_t at = SETS, i = 0; at + 13 <= f.len; at += 13, i++) {
		/* A byte for each; always the same page, or any. */
		unit_hibr_put(&f, at, 1 | 1 << 8, 4);
		unit_hibr_put(&f, at + 4, _i & 1 ? 0x50 : i * 7919 % 9973 << 5,
			      8);
	}
	unit_hibr_put(&f, 0x70, 7, 8);
	if (_i >= 2)
		unit_hibr_put(&f, fields[(_i - 2) / 5], values[(_i - 2) % 5],
			      8);
	open_hostile(&f);
}
END_TEST

/* Blocks that are all head; tables without end, of all pages there can be. */
START_TEST(test_hostile_tables)
{
	struct unit_hibr f = hostile(24 << 20, 0x128);
	static const char head[] = "\x81\x81xpress";

	unit_limit_memory(320 * MIB);
	unit_hibr_put(&f, 0x60, 1, 8);
	for (size_t at = 2 * 4096; at + 40 <= f.len; at += 40)
		memcpy(f.bytes + at, head, 8);
	for (size_t page = 1; page < f.len / 4096; page += _i == 2 ? 2 : 6000) {
		size_t at = page * 4096;

		unit_hibr_put(&f, at, _i == 1 ? 1 : page + 2, 8);
		unit_hibr_put(&f, at + 8, 0xff, 4);
		for (unsigned i = 0; i < 0xff; i++) {
			unit_hibr_put(&f, at + 16 + 16 * i, 0, 8);
			unit_hibr_put(&f, at + 24 + 16 * i,
				      UINT64_C(1) << 40, 8);
		}
		if (_i == 2 && at + 4096 + 8 <= f.len)
			memcpy(f.bytes + at + 4096, head, 8);
	}
	open_hostile(&f);
}
END_TEST

/* Bytes that look like the start of a set everywhere, and of none. */
START_TEST(test_hostile_search)
{
	struct unit_hibr f = hostile(24 << 20, 0x3e0);

	unit_limit_memory(320 * MIB);
	for (size_t at = SETS; at + 4 <= f.len; at += 4)
		unit_hibr_put(&f, at, 0x00010101 * (uint64_t)(_i + 1), 4);
	unit_hibr_put(&f, 0x58, 1 << 30, 8);
	unit_hibr_put(&f, 0x68, 7, 8);
	unit_hibr_put(&f, 0x70, 900, 8);
	unit_hibr_put(&f, 0x230, 1 << 30, 8);
	if (_i == 3)
		memset(f.bytes, 0, 4096);
	open_hostile(&f);
}
END_TEST

static void setup(void)
{
	phys = unit_hibr_phys();
}

static void teardown(void)
{
	mk_phys_free(phys);
}

int main(void)
{
	Suite *suite = suite_create("image-hibr-damage");
	TCase *tcase = unit_case(suite, "all");
	const int n = G_N_ELEMENTS(kinds);

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_cut, 0, n);
	tcase_add_loop_test(tcase, test_flips, 0, n);
	tcase_add_loop_test(tcase, test_bad_data, 0, n);
	tcase_add_loop_test(tcase, test_bad_header, 0, n);
	tcase_add_test(tcase, test_tables);
	tcase_add_loop_test(tcase, test_hostile_sets, 0, 27);
	tcase_add_loop_test(tcase, test_hostile_tables, 0, 3);
	tcase_add_loop_test(tcase, test_hostile_search, 0, 4);
	return unit_main(suite);
}
