/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crash dumps as debuggers write them: ranges behind the header. */
#include "config.h"

#include "unit/unit-dump.h"

#include <string.h>

#define HEADER 0x2000u
#define N_RANGES 5u
#define FIRST_PAGE (HEADER + 0x30 + 16 * (N_RANGES + 1))

static const struct {
	uint64_t pfn, n_pages;
} ranges[N_RANGES] = { { 1, 3 }, { 16, 2 }, { 0x100000, 4 }, { 40, 1 },
		       { 50, 7 } };

static const uint32_t types[] = { 8, 9, 0xa };

static unsigned count_pages(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_RANGES; i++)
		n += (unsigned)ranges[i].n_pages;
	return n;
}

static void put_range(UnitDump *d, unsigned i, uint64_t pfn, uint64_t n_pages)
{
	unit_dump_put(d, HEADER + 0x30 + 16 * i, pfn, 8);
	unit_dump_put(d, HEADER + 0x38 + 16 * i, n_pages, 8);
}

/* An array of five and one that ends it; the pages lie at no page border. */
static UnitDump *make(uint32_t type)
{
	UnitDump *d = unit_dump_new(true, type,
				    FIRST_PAGE + 4096 * (size_t)count_pages());
	size_t off = FIRST_PAGE;

	unit_dump_put(d, HEADER, 0x40, 4);
	memcpy(d->bytes + HEADER + 4, "RDMPDUMP", 8);
	unit_dump_put(d, HEADER + 0x10, FIRST_PAGE - HEADER - 0x20, 8);
	unit_dump_put(d, HEADER + 0x18, FIRST_PAGE, 8);
	unit_dump_put(d, HEADER + 0x20, N_RANGES, 4);
	unit_dump_put(d, HEADER + 0x28, count_pages(), 8);
	for (unsigned i = 0; i < N_RANGES; i++) {
		put_range(d, i, ranges[i].pfn, ranges[i].n_pages);
		for (unsigned j = 0; j < ranges[i].n_pages; j++, off += 4096)
			unit_dump_put_page(d, off, ranges[i].pfn + j);
	}
	return d;
}

static void check_pages(const Image *image)
{
	for (unsigned i = 0; i < N_RANGES; i++) {
		ck_assert_uint_eq(unit_dump_page(image, ranges[i].pfn - 1),
				  UINT64_MAX);
		for (unsigned j = 0; j < ranges[i].n_pages; j++)
			ck_assert_uint_eq(
				unit_dump_page(image, ranges[i].pfn + j),
				ranges[i].pfn + j);
	}
}

START_TEST(test_types)
{
	g_autoptr(UnitDump) d = make(types[_i]);
	g_autoptr(Image) image = unit_dump_open(d, d->len, NULL, NULL);

	ck_assert_ptr_nonnull(image);
	check_pages(image);
	ck_assert_uint_eq(image_runs_bytes(image->runs), count_pages() * 4096);
	ck_assert_int_eq(image->facts.kernel_only, types[_i] == 8);
	ck_assert_uint_eq(log_count(d->log, LOG_WARN), 0);
}
END_TEST

/* Each field of the header alone has a wrong value. */
START_TEST(test_one_wrong)
{
	static const uint64_t odd[] = { 0, 1, 0x2030, 0x45474150,
					UINT64_C(1) << 60, UINT64_MAX };
	static const size_t fields[] = { 0x10, 0x18 };

	for (size_t i = 0; i < G_N_ELEMENTS(odd) * 2; i++) {
		g_autoptr(UnitDump) d = make(types[_i]);
		g_autoptr(Image) image = NULL;

		unit_dump_put(d, HEADER + fields[i % 2], odd[i / 2], 8);
		image = unit_dump_open(d, d->len, NULL, NULL);
		ck_assert_ptr_nonnull(image);
		check_pages(image);
		ck_assert(unit_dump_logged(d, "one of them is wrong"));
	}
}
END_TEST

/* The signature goes before the type, of full dumps alone it does not: there
 * it is memory. */
START_TEST(test_other_type)
{
	static const uint32_t others[] = { 2, 5, 6, 7, 0x77, 0x45474150 };
	g_autoptr(UnitDump) d = make(types[_i]);
	g_autoptr(Image) full = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		g_autoptr(Image) image = NULL;

		unit_dump_put(d, 0xf98, others[i], 4);
		image = unit_dump_open(d, d->len, NULL, NULL);
		ck_assert_ptr_nonnull(image);
		check_pages(image);
		ck_assert(unit_dump_logged(d, "DumpType"));
	}
	unit_dump_put(d, 0xf98, 1, 4);
	unit_dump_put_block(d, 1, 7);
	unit_dump_put_run(d, 0, 1, 7);
	full = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_uint_eq(image_runs_bytes(full->runs), 7 * 4096);
	ck_assert_uint_eq(log_count(d->log, LOG_WARN), 0);
}
END_TEST

/* Ranges that lie: of 2^60 pages, above all memory, over each other. */
START_TEST(test_hostile)
{
	static const uint64_t odd[] = { 0, 1, 17, UINT32_MAX, UINT64_MAX,
					UINT64_C(1) << 60, UINT64_C(1) << 40 };
	const size_t n = G_N_ELEMENTS(odd);

	for (size_t i = 0; i < N_RANGES * n * n; i++) {
		g_autoptr(UnitDump) d = make(types[_i]);
		g_autoptr(Image) image = NULL;

		put_range(d, (unsigned)(i / n / n), odd[i % n],
			  odd[i / n % n]);
		image = unit_dump_open(d, d->len, NULL, NULL);
		if (!image)
			continue;
		ck_assert_uint_le(image_runs_bytes(image->runs), d->len);
		ck_assert_uint_le(image_runs_end(image->runs), PHYS_ADDR_END);
		if (i / n / n && odd[i % n] != 1)
			ck_assert_uint_eq(unit_dump_page(image, 2), 2);
	}
}
END_TEST

/* An array of a million ranges and more, each as good as the other. */
START_TEST(test_endless)
{
	const unsigned n = (1u << 20) + 1000;
	const size_t len = HEADER + 0x30 + 16 * (size_t)n;
	g_autoptr(UnitDump) d = unit_dump_new(true, 8, len + 4096);
	g_autoptr(Image) image = NULL;

	memcpy(d->bytes + HEADER + 4, "RDMPDUMP", 8);
	unit_dump_put(d, HEADER + 0x10, len - HEADER - 0x20, 8);
	unit_dump_put(d, HEADER + 0x18, len, 8);
	for (unsigned i = 0; i < n; i++)
		put_range(d, i, 2 * i + 2, 1);
	unit_dump_put_page(d, len, 2);
	image = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(unit_dump_page(image, 2), 2);
	ck_assert_uint_eq(image_runs_count(image->runs), 1);
	ck_assert(unit_dump_logged(d, "left out"));
	ck_assert(unit_dump_logged(d, "cut short"));
}
END_TEST

START_TEST(test_cut)
{
	for (size_t pages = 0; pages < count_pages(); pages++) {
		g_autoptr(UnitDump) d = make(types[_i]);
		g_autoptr(Image) image = unit_dump_open(
			d, FIRST_PAGE + pages * 4096, NULL, NULL);

		ck_assert_int_eq(image != NULL, pages > 0);
		if (!image)
			continue;
		ck_assert_uint_eq(image_runs_bytes(image->runs), pages * 4096);
		ck_assert_uint_eq(unit_dump_page(image, 1), 1);
	}
}
END_TEST

/* Page 0 may come first; elsewhere it ends the array, as no pages do. */
START_TEST(test_page_zero)
{
	g_autoptr(UnitDump) d = make(9);
	g_autoptr(Image) first = NULL, later = NULL;

	put_range(d, 0, 0, 3);
	first = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_uint_eq(unit_dump_page(first, 0), 1);
	ck_assert_uint_eq(unit_dump_page(first, 16), 16);
	put_range(d, 3, 0, 1);
	later = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_uint_eq(unit_dump_page(later, 16), 16);
	ck_assert_uint_eq(unit_dump_page(later, 50), UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-dumpranges");
	TCase *tcase = unit_case(suite, "all");
	const int n = G_N_ELEMENTS(types);

	tcase_add_loop_test(tcase, test_types, 0, n);
	tcase_add_loop_test(tcase, test_one_wrong, 0, n);
	tcase_add_loop_test(tcase, test_other_type, 0, n);
	tcase_add_loop_test(tcase, test_hostile, 0, n);
	tcase_add_loop_test(tcase, test_cut, 0, n);
	tcase_add_test(tcase, test_endless);
	tcase_add_test(tcase, test_page_zero);
	return unit_main(suite);
}
