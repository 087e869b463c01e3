/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crash dumps: the header, and full ones. */
#include "config.h"

#include "unit/unit-dump.h"

#include <string.h>

#define TIME UINT64_C(133483445680000000)

/* Two runs: pages 1 to 3, 16 to 20. */
static UnitDump *make(bool is64)
{
	const size_t header = is64 ? 0x2000 : 0x1000;
	UnitDump *d = unit_dump_new(is64, 1, header + 8 * 4096);

	unit_dump_put_word(d, 0x10, 0x10, 0x1ad020);
	unit_dump_put_word(d, 0x28, 0x1c, 0x81234560);
	unit_dump_put_word(d, 0x80, 0x60, 0x81230000);
	unit_dump_put_block(d, 2, 8);
	unit_dump_put_run(d, 0, 1, 3);
	unit_dump_put_run(d, 1, 16, 5);
	for (unsigned i = 0; i < 8; i++)
		unit_dump_put_page(d, header + i * 4096,
				   i < 3 ? i + 1 : i + 13);
	return d;
}

START_TEST(test_full)
{
	g_autoptr(UnitDump) d = make(_i);
	g_autoptr(Image) image = unit_dump_open(d, d->len, NULL, NULL);
	struct image_run run;

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "crashdump");
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	ck_assert(image_runs_next(image->runs, 0, &run));
	ck_assert_uint_eq(run.pa, 0x1000);
	ck_assert_uint_eq(run.len, 0x3000);
	ck_assert_uint_eq(run.off, _i ? 0x2000 : 0x1000);
	ck_assert(image_runs_next(image->runs, 0x4000, &run));
	ck_assert_uint_eq(run.pa, 0x10000);
	ck_assert_uint_eq(run.len, 0x5000);
	ck_assert_uint_eq(run.off, _i ? 0x5000 : 0x4000);
	ck_assert_uint_eq(unit_dump_page(image, 20), 20);
	ck_assert_uint_eq(unit_dump_page(image, 4), UINT64_MAX);
	ck_assert_uint_eq(log_count(d->log, LOG_WARN), 0);
}
END_TEST

START_TEST(test_facts)
{
	g_autoptr(UnitDump) d = make(_i);
	g_autoptr(Image) image = NULL;

	unit_dump_put(d, 0x8, 15, 4);
	unit_dump_put(d, 0xc, 19041, 4);
	unit_dump_put(d, _i ? 0x30 : 0x20, _i ? 0xaa64 : 0x14c, 4);
	unit_dump_put(d, _i ? 0x34 : 0x24, 6, 4);
	unit_dump_put(d, _i ? 0x38 : 0x28, 0x1e, 4);
	for (unsigned i = 0; i < 4; i++)
		unit_dump_put_word(d, 0x40 + 8 * i, 0x2c + 4 * i, 0xc0 + i);
	unit_dump_put(d, _i ? 0xfa8 : 0xfc0, TIME, 8);
	unit_dump_put(d, _i ? 0x1030 : 0xfb8, 12345678, 8);
	unit_dump_put(d, _i ? 0x1040 : 0xf94, 3, 4);
	if (!_i)
		unit_dump_put(d, 0x5c, 1, 1);
	image = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->detail,
			 _i ? "Windows full crash dump (DumpType 1), 64-bit" :
			      "Windows full crash dump (DumpType 1), 32-bit"
			      " PAE");
	ck_assert_uint_eq(image->facts.dtb, 0x1ad020);
	ck_assert_uint_eq(image->facts.ps_active_head, 0x81234560);
	ck_assert_uint_eq(image->facts.kdbg, 0x81230000);
	ck_assert_uint_eq(image->facts.ps_loaded_module_list, 0);
	ck_assert_uint_eq(image->facts.machine, _i ? 0xaa64 : 0x14c);
	ck_assert_uint_eq(image->facts.processors, 6);
	ck_assert_uint_eq(image->facts.os_major, 15);
	ck_assert_uint_eq(image->facts.os_minor, 19041);
	ck_assert(image->facts.has_bugcheck);
	ck_assert_uint_eq(image->facts.bugcheck, 0x1e);
	ck_assert_uint_eq(image->facts.bugcheck_params[3], 0xc3);
	ck_assert_uint_eq(image->facts.product_type, 3);
	ck_assert_uint_eq(image->facts.uptime_100ns, 12345678);
	ck_assert_uint_eq(image->capture_filetime, TIME);
	ck_assert(!image->facts.kernel_only);
}
END_TEST

/* What holds "PAGE" is not known: no number of it leaks. */
START_TEST(test_unset)
{
	g_autoptr(UnitDump) d = make(_i);
	g_autoptr(Image) image = unit_dump_open(d, d->len, NULL, NULL);
	const struct image_facts *f = &image->facts;

	ck_assert(!f->has_bugcheck);
	ck_assert_uint_eq(f->bugcheck, 0);
	ck_assert_uint_eq(f->machine | f->processors | f->os_major, 0);
	ck_assert_uint_eq(f->os_minor | f->product_type, 0);
	ck_assert_uint_eq(f->uptime_100ns | image->capture_filetime, 0);
}
END_TEST

/* A header alone, a triage dump (another format's) and a file that ends
 * within its header have no memory; they are refused by name. */
START_TEST(test_refused)
{
	static const struct {
		uint32_t type;
		const char *why;
	} cases[] = { { 3, "nothing but a header" }, { 4, "triage" } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(UnitDump) d = make(_i);

		unit_dump_put(d, _i ? 0xf98 : 0xf88, cases[i].type, 4);
		ck_assert_ptr_null(
			unit_dump_open(d, d->len, "crashdump", &error));
		ck_assert_ptr_nonnull(strstr(error->message, cases[i].why));
	}
	for (size_t len = 8; len <= (_i ? 0x2000 : 0x1000); len += 0x1f8) {
		g_autoptr(GError) error = NULL;
		g_autoptr(UnitDump) d = make(_i);

		ck_assert_ptr_null(unit_dump_open(d, len, NULL, &error));
		ck_assert_ptr_nonnull(strstr(error->message, "crashdump: "));
	}
}
END_TEST

/* Every page before the cut is there. */
START_TEST(test_cut)
{
	g_autoptr(UnitDump) d = make(_i);
	const size_t header = unit_dump_header_bytes(d);

	for (unsigned pages = 1; pages < 8; pages++) {
		g_autoptr(Image) image = unit_dump_open(
			d, header + pages * 4096, NULL, NULL);

		ck_assert_ptr_nonnull(image);
		ck_assert_uint_eq(image_runs_bytes(image->runs), pages * 4096);
		ck_assert_uint_eq(unit_dump_page(image, pages < 4 ? pages :
								    pages + 12),
				  pages < 4 ? pages : pages + 12);
		ck_assert(unit_dump_logged(d, "cut short"));
	}
}
END_TEST

/* A wrong number of runs is found out by their sum. */
START_TEST(test_wrong_number)
{
	static const uint32_t odd[] = { 0, 1, 3, 5000, 0x45474150, UINT32_MAX };
	g_autoptr(UnitDump) d = make(_i);

	for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
		g_autoptr(Image) image = NULL;

		unit_dump_put_block(d, odd[i], 8);
		image = unit_dump_open(d, d->len, NULL, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_uint_eq(image_runs_bytes(image->runs), 8 * 4096);
		ck_assert_uint_eq(unit_dump_page(image, 20), 20);
		ck_assert_uint_ge(log_count(d->log, LOG_WARN), 1);
	}
}
END_TEST

/* A sum that would drop a run whose pages the file has is what is wrong. */
START_TEST(test_wrong_sum)
{
	g_autoptr(UnitDump) d = make(_i);
	g_autoptr(Image) image = NULL;

	unit_dump_put_block(d, 2, 3);
	image = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_uint_eq(image_runs_bytes(image->runs), 8 * 4096);
	ck_assert_uint_eq(unit_dump_page(image, 20), 20);
	ck_assert(unit_dump_logged(d, "one of them is wrong"));
}
END_TEST

/* More runs than the block has room for: they go on behind it, where the sum
 * agrees; else those in the block are used, and the log says so. */
START_TEST(test_many_runs)
{
	const unsigned room = _i ? 43 : 86, n = 140;
	const size_t header = _i ? 0x2000 : 0x1000;
	g_autoptr(UnitDump) d = unit_dump_new(_i, 1, header + n * 4096);
	g_autoptr(Image) whole = NULL, part = NULL;

	unit_dump_put_block(d, n, n);
	for (unsigned i = 0; i < n; i++) {
		unit_dump_put_run(d, i, 2 * i + 1, 1);
		unit_dump_put_page(d, header + i * 4096, 2 * i + 1);
	}
	whole = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_uint_eq(image_runs_count(whole->runs), n);
	ck_assert_uint_eq(unit_dump_page(whole, 2 * n - 1), 2 * n - 1);
	ck_assert(unit_dump_logged(d, "make up its number of pages"));
	unit_dump_put_run(d, room + 1, 1, 1);
	part = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_uint_eq(image_runs_count(part->runs), room);
	ck_assert_uint_eq(unit_dump_page(part, 2 * room - 1), 2 * room - 1);
	ck_assert(unit_dump_logged(d, "where the other pages belong"));
}
END_TEST

/* A header that tells nothing: the pages can be searched all the same. */
START_TEST(test_nonsense)
{
	g_autoptr(UnitDump) d = make(_i);
	g_autoptr(Image) image = NULL;

	unit_dump_put_block(d, 0x45474150, 0x45474150);
	unit_dump_put_run(d, 0, UINT64_C(0x4547415045474150),
			  UINT64_C(0x4547415045474150));
	image = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_bytes(image->runs), 8 * 4096);
	ck_assert(unit_dump_logged(d, "not where it belongs"));
}
END_TEST

/* A type that nobody knows: the rest of the header tells. */
START_TEST(test_unknown_type)
{
	g_autoptr(UnitDump) d = make(_i);
	g_autoptr(Image) image = NULL;

	unit_dump_put(d, _i ? 0xf98 : 0xf88, 0x45474150, 4);
	image = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(unit_dump_page(image, 16), 16);
	ck_assert(unit_dump_logged(d, "none that is known"));
}
END_TEST

/* Runs that lie: what is in the file is used, nothing wraps. */
START_TEST(test_hostile)
{
	static const uint64_t odd[] = { 0, 1, UINT32_MAX, UINT64_MAX,
					UINT64_C(1) << 60, UINT64_C(1) << 52,
					UINT64_C(1) << 40 };
	g_autoptr(UnitDump) d = make(_i);

	for (size_t i = 0; i < G_N_ELEMENTS(odd); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(odd); j++) {
			g_autoptr(Image) image = NULL;

			unit_dump_put_run(d, 0, odd[i], odd[j]);
			image = unit_dump_open(d, d->len, NULL, NULL);
			if (!image)
				continue;
			ck_assert_uint_le(image_runs_bytes(image->runs),
					  d->len);
			ck_assert_uint_le(image_runs_end(image->runs),
					  PHYS_ADDR_END);
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-crashdump");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_full, 0, 2);
	tcase_add_loop_test(tcase, test_facts, 0, 2);
	tcase_add_loop_test(tcase, test_unset, 0, 2);
	tcase_add_loop_test(tcase, test_refused, 0, 2);
	tcase_add_loop_test(tcase, test_cut, 0, 2);
	tcase_add_loop_test(tcase, test_wrong_number, 0, 2);
	tcase_add_loop_test(tcase, test_wrong_sum, 0, 2);
	tcase_add_loop_test(tcase, test_many_runs, 0, 2);
	tcase_add_loop_test(tcase, test_nonsense, 0, 2);
	tcase_add_loop_test(tcase, test_unknown_type, 0, 2);
	tcase_add_loop_test(tcase, test_hostile, 0, 2);
	return unit_main(suite);
}
