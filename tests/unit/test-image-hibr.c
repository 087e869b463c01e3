/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of hibernation files as they should be, or nearly. */
#include "config.h"

#include "lib/mkstore.h"
#include "unit/unit-hibr.h"

#define TIME UINT64_C(132500000000000000)

static MkPhys *phys;

static const struct {
	const struct mk_writer *writer;
	bool is64, old;
	const char *what;
} kinds[] = {
	{ &mk_hibr_xp_writer, false, true, "Windows XP or 2003 " },
	{ &mk_hibr_xp64_writer, true, true, "Windows XP or 2003 " },
	{ &mk_hibr_vista_writer, false, true, "Windows Vista " },
	{ &mk_hibr_vista64_writer, true, true, "Windows Vista " },
	{ &mk_hibr_vista2_writer, false, true, "Windows Vista SP2 " },
	{ &mk_hibr_vista264_writer, true, true, "Windows Vista SP2 " },
	{ &mk_hibr_7_writer, false, true, "Windows 7 " },
	{ &mk_hibr_7x64_writer, true, true, "Windows 7 " },
	{ &mk_hibr_8_writer, true, false, "Windows 8 or 8.1 " },
	{ &mk_hibr_10_writer, true, false, "Windows 10 1809 to 22H2 " },
	{ &mk_hibr_10x86_writer, false, false, "Windows 10 1809 to 22H2 " },
	{ &mk_hibr_11_writer, true, false, "Windows 11 or Server 2022 " },
};

START_TEST(test_kind)
{
	struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = unit_hibr_open(&f, log, NULL);
	const struct image_cpu *cpu;

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "hibernation");
	ck_assert_uint_eq(unit_hibr_count(image, phys), UNIT_HIBR_PAGES);
	ck_assert_uint_eq(image_runs_bytes(image->runs),
			  UNIT_HIBR_PAGES * MK_PAGE_SIZE);
	ck_assert_msg(strstr(image->detail, kinds[_i].what) != NULL, "%s",
		      image->detail);
	ck_assert(strstr(image->detail, kinds[_i].is64 ? "64-bit" : "32-bit"));
	ck_assert_uint_eq(image->capture_filetime, TIME);
	ck_assert_uint_eq(image->facts.uptime_100ns, 36000000000);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	ck_assert_uint_eq(image->cpus->len, kinds[_i].old);
	if (kinds[_i].old) {
		cpu = &g_array_index(image->cpus, struct image_cpu, 0);
		ck_assert_uint_eq(cpu->cr3, 0x1aa000);
		ck_assert_uint_eq(cpu->idt_base, 0x80b95400);
		ck_assert_uint_eq(image->facts.machine,
				  kinds[_i].is64 ? 0x8664 : 0x14c);
	}
	g_free(f.bytes);
}
END_TEST

/* Without a header all is found but when it was. */
START_TEST(test_wiped)
{
	struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;

	memset(f.bytes, 0, 4096);
	image = unit_hibr_open(&f, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "hibernation");
	ck_assert_uint_eq(unit_hibr_count(image, phys), UNIT_HIBR_PAGES);
	ck_assert_uint_eq(image->capture_filetime, 0);
	ck_assert(unit_hibr_logs(log, "header was wiped when Windows resumed"));
	g_free(f.bytes);
}
END_TEST

/* A header of a length that nobody knows: derived, and said. */
START_TEST(test_unknown_length)
{
	struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;

	unit_hibr_put(&f, 0xc, 0x777, 4);
	image = unit_hibr_open(&f, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(unit_hibr_count(image, phys), UNIT_HIBR_PAGES);
	ck_assert_uint_eq(image->capture_filetime, TIME);
	ck_assert(unit_hibr_logs(log, "is not known (1911 bytes)"));
	g_free(f.bytes);
}
END_TEST

START_TEST(test_signatures)
{
	static const char *const names[] = { "hibr", "HIBR", "wake", "WAKE",
					     "RSTR", "BRKP", "HORM" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		struct unit_hibr f = unit_hibr_make(phys, kinds[_i].writer);
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;

		memcpy(f.bytes, names[i], 4);
		image = unit_hibr_open(&f, log, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_str_eq(image->ops->name, "hibernation");
		ck_assert_uint_eq(image_runs_bytes(image->runs),
				  UNIT_HIBR_PAGES * MK_PAGE_SIZE);
		ck_assert_uint_eq(log_count(log, LOG_WARN),
				  i == 2 || i == 3 || i == 4);
		g_free(f.bytes);
	}
}
END_TEST

/* --- files of 8 and later, made set by set --- */

#define FIRST 7u /* page of the boot set */

struct maker {
	struct unit_hibr f;
	size_t at;
	uint64_t n_boot, n_kernel;
};

static void maker_init(struct maker *m, const char *signature)
{
	memset(m, 0, sizeof *m);
	m->f.len = 64 * 4096;
	m->f.bytes = g_malloc0(m->f.len);
	memcpy(m->f.bytes, signature, 4);
	unit_hibr_put(&m->f, 0xc, 0x3e0, 4);
	unit_hibr_put(&m->f, 0x18, 4096, 4);
	unit_hibr_put(&m->f, 0x68, FIRST, 8);
	m->at = FIRST * 4096;
}

/* n pages from pfn on, all of one byte; packed with another method than is
 * said, perhaps. */
static void maker_set(struct maker *m, uint64_t pfn, unsigned n, uint8_t byte,
		      unsigned method, unsigned said)
{
	g_autofree uint8_t *pages = g_malloc(n * MK_PAGE_SIZE);
	g_autofree uint8_t *packed = g_malloc(n * MK_PAGE_SIZE);
	size_t size = 0;

	memset(pages, byte, n * MK_PAGE_SIZE);
	if (method < 2)
		size = mk_xpress(pages, n * MK_PAGE_SIZE, packed,
				 n * MK_PAGE_SIZE);
	else if (method < 4)
		size = mk_xpress_huffman(pages, n * MK_PAGE_SIZE, true, packed,
					 n * MK_PAGE_SIZE);
	if (!size) {
		memcpy(packed, pages, n * MK_PAGE_SIZE);
		size = n * MK_PAGE_SIZE;
	}
	ck_assert_uint_le(m->at + 12 + size, m->f.len);
	unit_hibr_put(&m->f, m->at, 1 | size << 8 | (uint64_t)said << 30, 4);
	unit_hibr_put(&m->f, m->at + 4, pfn << 4 | (n - 1), 8);
	memcpy(m->f.bytes + m->at + 12, packed, size);
	m->at += 12 + size;
	m->n_kernel += n;
}

static void maker_kernel(struct maker *m)
{
	m->n_boot = m->n_kernel;
	m->n_kernel = 0;
	m->at = (m->at + 4095) / 4096 * 4096;
	unit_hibr_put(&m->f, 0x70, m->at / 4096, 8);
}

static Image *maker_open(struct maker *m, uint64_t highest, Log *log,
			 GError **error)
{
	unit_hibr_put(&m->f, 0x58, m->n_boot, 8);
	unit_hibr_put(&m->f, 0x230, m->n_kernel, 8);
	unit_hibr_put(&m->f, 0x398, highest, 8);
	return unit_hibr_open(&m->f, log, error);
}

/* The first byte of a page; -1: cannot be read; -2: absent. */
static int byte_at(const Image *image, uint64_t pfn)
{
	struct image_run run;
	uint8_t byte;

	if (!image_runs_find(image->runs, pfn << 12, &run) ||
	    run.pa > pfn << 12)
		return -2;
	return image_io_read(image_data(image),
			     run.off + ((pfn << 12) - run.pa), &byte, 1) ?
		       byte :
		       -1;
}

/* What comes later is restored over what came before. */
START_TEST(test_twice)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct maker m;

	maker_init(&m, "HIBR");
	maker_set(&m, 100, 16, 'a', 0, 0);
	maker_set(&m, 116, 16, 'b', 0, 0);
	maker_set(&m, 300, 3, 'c', 0, 0);
	maker_set(&m, 302, 1, 'd', 0, 0);
	maker_kernel(&m);
	maker_set(&m, 110, 12, 'K', 2, 2);
	maker_set(&m, 50, 1, 'L', 2, 2);
	maker_set(&m, 51, 2, 'M', 4, 2);
	image = maker_open(&m, 302, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(byte_at(image, 49), -2);
	ck_assert_int_eq(byte_at(image, 50), 'L');
	ck_assert_int_eq(byte_at(image, 52), 'M');
	ck_assert_int_eq(byte_at(image, 109), 'a');
	ck_assert_int_eq(byte_at(image, 110), 'K');
	ck_assert_int_eq(byte_at(image, 121), 'K');
	ck_assert_int_eq(byte_at(image, 122), 'b');
	ck_assert_int_eq(byte_at(image, 131), 'b');
	ck_assert_int_eq(byte_at(image, 132), -2);
	ck_assert_int_eq(byte_at(image, 301), 'c');
	ck_assert_int_eq(byte_at(image, 302), 'd');
	ck_assert(unit_hibr_logs(log, "13 page(s) are in the file twice"));
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	g_free(m.f.bytes);
}
END_TEST

/* Each method; and 1, which some take for Huffman codes. */
START_TEST(test_methods)
{
	g_autoptr(Image) image = NULL;
	struct maker m;

	maker_init(&m, "HIBR");
	for (unsigned i = 0; i < 6; i++) {
		static const unsigned said[] = { 0, 1, 2, 3, 1, 0 };

		maker_set(&m, 16 * i, 16, (uint8_t)('a' + i),
			  i == 4 ? 2 : i, said[i]);
	}
	image = maker_open(&m, 0, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(byte_at(image, 16 * i + 15), (int)('a' + i));
	g_free(m.f.bytes);
}
END_TEST

/* One page above the highest is damage; many are not. */
START_TEST(test_highest)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct maker m;

	maker_init(&m, "HIBR");
	for (unsigned i = 0; i < 8; i++)
		maker_set(&m, 16 * i, 16, 'a', 0, 0);
	maker_set(&m, 0x12345678, 1, 'x', 0, 0);
	image = maker_open(&m, _i ? 127 : 10, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(byte_at(image, 127), 'a');
	ck_assert_int_eq(byte_at(image, 0x12345678), _i ? -2 : 'x');
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
	g_free(m.f.bytes);
}
END_TEST

START_TEST(test_fast_startup)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct maker m;

	maker_init(&m, "HIBR");
	maker_set(&m, 1, 16, 'a', 0, 0);
	maker_set(&m, 17, 16, 'a', 0, 0);
	m.f.bytes[0x364] = 1;
	image = maker_open(&m, 32, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert(unit_hibr_logs(log, "fast startup"));
	g_free(m.f.bytes);
}
END_TEST

/* After resuming, Windows 8 and later leave nothing but the header. */
START_TEST(test_nothing_left)
{
	g_autoptr(GError) error = NULL;
	struct maker m;

	maker_init(&m, "WAKE");
	unit_hibr_put(&m.f, 0x70, 20, 8);
	m.n_boot = m.n_kernel = 1000;
	ck_assert_ptr_null(maker_open(&m, 0, NULL, &error));
	ck_assert_msg(strstr(error->message, "wiped when Windows resumed"),
		      "%s", error->message);
	g_clear_error(&error);
	memcpy(m.f.bytes, "HIBR", 4);
	ck_assert_ptr_null(maker_open(&m, 0, NULL, &error));
	ck_assert_msg(strstr(error->message, "none of the pages"), "%s",
		      error->message);
	g_clear_error(&error);
	memcpy(m.f.bytes, "link", 4);
	ck_assert_ptr_null(maker_open(&m, 0, NULL, &error));
	ck_assert_msg(strstr(error->message, "another partition"), "%s",
		      error->message);
	g_free(m.f.bytes);
}
END_TEST

/* What begins with zeros, or with such letters, need not be one. */
START_TEST(test_not_mine)
{
	static const char *const names[] = { "wake", "rstr", "horm", "\0\0\0" };
	struct unit_hibr f = { g_malloc0(256 * 4096), 256 * 4096 };

	for (size_t at = 4096; at < f.len; at += 4)
		unit_hibr_put(&f, at, 0x00000101 * (at % 3), 4);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(Image) image = NULL;

		memcpy(f.bytes, names[i], 4);
		image = unit_hibr_open(&f, NULL, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_str_eq(image->ops->name, "raw");
	}
	g_free(f.bytes);
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
	Suite *suite = suite_create("image-hibr");
	TCase *tcase = unit_case(suite, "all");
	const int n = G_N_ELEMENTS(kinds);

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_kind, 0, n);
	tcase_add_loop_test(tcase, test_wiped, 0, n);
	tcase_add_loop_test(tcase, test_unknown_length, 0, n);
	tcase_add_loop_test(tcase, test_signatures, 6, 10);
	tcase_add_test(tcase, test_twice);
	tcase_add_test(tcase, test_methods);
	tcase_add_loop_test(tcase, test_highest, 0, 2);
	tcase_add_test(tcase, test_fast_startup);
	tcase_add_test(tcase, test_nothing_left);
	tcase_add_test(tcase, test_not_mine);
	return unit_main(suite);
}
