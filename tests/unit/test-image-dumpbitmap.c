/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crash dumps with a bitmap. */
#include "config.h"

#include "unit/unit-dump.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

#define N_BITS 600u

/* Which header, of which machine. */
struct variant {
	bool is64, old, swapped, pae;
	uint32_t type;
	const char *magic;
	uint64_t asid; /* above the DTB */
};

static const struct variant variants[] = {
	{ true, false, false, false, 5, "FDMPDUMP", 0 },
	{ true, false, false, false, 6, "SDMPDUMP", 0 },
	{ true, false, false, false, 2, "SDMPDUMP", 0 },
	{ true, true, false, false, 2, "SDMPDUMP", 0 },
	{ true, false, true, false, 5, "FDMPDUMP", 0 },
	{ false, false, false, false, 5, "FDMPDUMP", 0 },
	{ false, false, false, true, 6, "SDMPDUMP", 0 },
	{ false, true, false, false, 2, "SDMPDUMP", 0 },
	{ false, true, false, true, 2, "SDMPDUMP", 0 },
	{ true, false, false, false, 7, "SDMPDUMP", 0 },
	{ true, false, false, false, 6, "SDMPDUMP", UINT64_C(0x1234) << 48 },
};

/* Pages that are in it; none at the end, so that the bits might as well start
 * a little earlier. */
static bool has_page(unsigned pfn)
{
	return (pfn >= 1 && pfn < 40) || (pfn >= 64 && pfn % 3 == 0 &&
					  pfn < 500);
}

static unsigned count_pages(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_BITS; i++)
		n += has_page(i);
	return n;
}

static size_t bits_at(const UnitDump *d, const struct variant *v)
{
	if (!v->old)
		return unit_dump_header_bytes(d) + 0x38;
	return unit_dump_header_bytes(d) + (v->is64 ? 0x28 : 0x20);
}

static void put_sizes(UnitDump *d, const struct variant *v, uint64_t first,
		      uint64_t n_pages, uint64_t n_bits)
{
	const size_t at = unit_dump_header_bytes(d);

	if (v->old) {
		unit_dump_put(d, at + 0x0c, first, 4);
		unit_dump_put(d, at + 0x10, n_bits, 4);
		unit_dump_put(d, at + 0x14, n_pages, 4);
		unit_dump_put(d, at + 0x18, n_bits, 4);
		return;
	}
	unit_dump_put(d, at + 0x20, first, 8);
	unit_dump_put(d, at + (v->swapped ? 0x30 : 0x28), n_pages, 8);
	unit_dump_put(d, at + (v->swapped ? 0x28 : 0x30), n_bits, 8);
}

/* Four entries lead to pages 69, 72, 75 and 78, where they are once more. */
static void put_pae(UnitDump *d, size_t off)
{
	unit_dump_put_word(d, 0x10, 0x10, 66 * 4096 + 0xfc0);
	for (unsigned i = 0; i < 4; i++) {
		unit_dump_put(d, off + 0xfc0 + 8 * i,
			      (69 + 3 * i) * 4096 + 1, 8);
		unit_dump_put(d, off + 4 * 4096 + 8 * i,
			      (69 + 3 * i) * 4096 + 0x63, 8);
	}
}

/* The top of the page tables is page 66 and maps itself. */
static void put_tables(UnitDump *d, size_t off)
{
	unit_dump_put_word(d, 0x10, 0x10, 66 * 4096);
	unit_dump_put(d, off + (d->is64 ? 0xed * 8 + 0x800 : 0xc00),
		      66 * 4096 + 0x63, d->is64 ? 8 : 4);
}

static UnitDump *make(const struct variant *v)
{
	const size_t header = v->is64 ? 0x2000 : 0x1000;
	const size_t first = header + 0x1000;
	UnitDump *d = unit_dump_new(v->is64, v->type,
				    first + 4096 * (size_t)count_pages());
	size_t off = first;

	memcpy(d->bytes + header, v->magic, 8);
	put_sizes(d, v, first, count_pages(), N_BITS);
	for (unsigned i = 0; i < N_BITS; i++) {
		if (!has_page(i))
			continue;
		d->bytes[bits_at(d, v) + i / 8] |= (uint8_t)(1u << i % 8);
		unit_dump_put_page(d, off, i);
		if (i == 66 && !v->pae)
			put_tables(d, off);
		if (i == 66 && v->pae)
			put_pae(d, off);
		off += 4096;
	}
	if (v->asid)
		unit_dump_put(d, 0x16, v->asid >> 48, 2);
	return d;
}

static void check_pages(const Image *image, unsigned end)
{
	for (unsigned i = 0; i < end; i++)
		ck_assert_uint_eq(unit_dump_page(image, i),
				  has_page(i) ? i : UINT64_MAX);
}

START_TEST(test_variants)
{
	const struct variant *v = &variants[_i];
	g_autoptr(UnitDump) d = make(v);
	g_autoptr(Image) image = unit_dump_open(d, d->len, NULL, NULL);

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "crashdump");
	ck_assert_uint_eq(image_runs_bytes(image->runs), count_pages() * 4096);
	check_pages(image, N_BITS);
	ck_assert_uint_eq(log_count(d->log, LOG_WARN), 0);
}
END_TEST

/* The same without page tables that would tell where pages are. */
START_TEST(test_no_tables)
{
	const struct variant *v = &variants[_i];
	g_autoptr(UnitDump) d = make(v);
	g_autoptr(Image) image = NULL;

	unit_dump_put_word(d, 0x10, 0x10, UINT64_C(0x123456000));
	image = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	check_pages(image, N_BITS);
}
END_TEST

/* Each of the three sizes damaged alone: the others, the bits and the page
 * tables tell. */
START_TEST(test_one_wrong)
{
	static const uint64_t odd[] = { 0, 1, 7, 0x1000, 0x2010,
					0x45474150, UINT32_MAX,
					UINT64_C(1) << 60, UINT64_MAX };
	const struct variant *v = &variants[_i];
	g_autoptr(UnitDump) d = make(v);
	const uint64_t good[] = { unit_dump_header_bytes(d) + 0x1000,
				  count_pages(), N_BITS };

	for (size_t i = 0; i < G_N_ELEMENTS(odd) * 3; i++) {
		g_autoptr(Image) image = NULL;
		uint64_t sizes[3];

		memcpy(sizes, good, sizeof sizes);
		sizes[i % 3] = odd[i / 3];
		put_sizes(d, v, sizes[0], sizes[1], sizes[2]);
		image = unit_dump_open(d, d->len, NULL, NULL);
		ck_assert_ptr_nonnull(image);
		check_pages(image, N_BITS);
		/* more bits that are not set do no harm */
		ck_assert(i % 3 == 2 || log_count(d->log, LOG_WARN) >= 1);
	}
}
END_TEST

/* Values that lie, all three of them. */
START_TEST(test_hostile)
{
	static const uint64_t odd[] = { 0, 1, 0x38, 0x2040, 0x3000, 1u << 31,
					UINT32_MAX, UINT64_C(1) << 40,
					UINT64_C(1) << 60, UINT64_MAX };
	const struct variant *v = &variants[_i];
	const size_t n = G_N_ELEMENTS(odd);
	g_autoptr(UnitDump) d = make(v);

	for (size_t i = 0; i < n * n * n; i++) {
		g_autoptr(Image) image = NULL;

		put_sizes(d, v, odd[i % n], odd[i / n % n], odd[i / n / n]);
		image = unit_dump_open(d, d->len, NULL, NULL);
		if (!image)
			continue;
		ck_assert_uint_le(image_runs_bytes(image->runs), d->len);
	}
}
END_TEST

/* Nothing fits and nothing speaks for any correction: no page is put where it
 * may not belong without a word. */
START_TEST(test_hopeless)
{
	const struct variant *v = &variants[_i];
	g_autoptr(UnitDump) d = make(v);
	g_autoptr(Image) image = NULL;

	unit_dump_put_word(d, 0x10, 0x10, 0x7ffff000);
	put_sizes(d, v, 0x10, UINT32_MAX, UINT32_MAX);
	image = unit_dump_open(d, d->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_bytes(image->runs),
			  d->len - unit_dump_header_bytes(d));
	ck_assert(unit_dump_logged(d, "not where it belongs"));
}
END_TEST

/* Reads that fail, one after the other: what opens has no more than the file,
 * and it is said. */
struct fault {
	const UnitDump *d;
	unsigned n, fails;
};

static int64_t fail_one(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct fault *fault = ctx;

	if (fault->n++ == fault->fails)
		return -1;
	if (off >= fault->d->len)
		return 0;
	len = MIN(len, fault->d->len - (size_t)off);
	memcpy(buf, fault->d->bytes + off, len);
	return (int64_t)len;
}

START_TEST(test_faults)
{
	g_autoptr(UnitDump) d = make(&variants[_i]);
	struct fault fault = { .d = d };

	do {
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;
		ImageIo *io = image_io_memory(d->bytes, d->len);

		fault.n = 0;
		image_io_set_reader(io, fail_one, &fault);
		image = image_open_io(io, "x", IMAGE_FORMAT("crashdump"), log,
				      NULL);
		if (fault.n > fault.fails && image &&
		    image_runs_bytes(image->runs) != count_pages() * 4096)
			ck_assert_uint_ge(log_count(log, LOG_WARN), 1);
	} while (fault.n > fault.fails++);
}
END_TEST

/* Every page before the cut is there; a file that ends before its first page
 * has none, and nothing else is taken for pages. */
START_TEST(test_cut)
{
	const struct variant *v = &variants[_i];
	g_autoptr(UnitDump) d = make(v);
	const size_t first = unit_dump_header_bytes(d) + 0x1000;

	for (size_t pages = 1; pages < count_pages(); pages += 17) {
		g_autoptr(Image) image = unit_dump_open(
			d, first + pages * 4096, NULL, NULL);

		ck_assert_ptr_nonnull(image);
		ck_assert_uint_eq(image_runs_bytes(image->runs), pages * 4096);
		check_pages(image, (unsigned)MIN(pages + 1, 40));
		ck_assert_uint_ge(log_count(d->log, LOG_WARN), 1);
	}
	ck_assert_ptr_null(unit_dump_open(d, first, NULL, NULL));
	ck_assert_ptr_null(unit_dump_open(d, first - 0x800, NULL, NULL));
}
END_TEST

/* Neither signature nor type are what they were. */
START_TEST(test_damaged_type)
{
	const struct variant *v = &variants[_i];
	g_autoptr(UnitDump) d = make(v);
	g_autoptr(Image) by_type = NULL, by_magic = NULL;

	d->bytes[unit_dump_header_bytes(d)] = 'X';
	by_type = unit_dump_open(d, d->len, NULL, NULL);
	check_pages(by_type, N_BITS);
	ck_assert(unit_dump_logged(d, "is behind the header"));
	d->bytes[unit_dump_header_bytes(d)] = 'F';
	unit_dump_put(d, v->is64 ? 0xf98 : 0xf88, 0x1234, 4);
	by_magic = unit_dump_open(d, d->len, NULL, NULL);
	check_pages(by_magic, N_BITS);
	ck_assert(unit_dump_logged(d, "none that is known"));
	image_free(g_steal_pointer(&by_magic));
	/* "a header alone", which it is not */
	unit_dump_put(d, v->is64 ? 0xf98 : 0xf88, 3, 4);
	by_magic = unit_dump_open(d, d->len, NULL, NULL);
	check_pages(by_magic, N_BITS);
}
END_TEST

/* Which types are without user pages, and that the log says it once. */
START_TEST(test_kernel_only)
{
	static const struct {
		uint32_t type, attributes;
		bool kernel_only;
	} cases[] = {
		{ 2, 0x45474150, true }, { 5, 0, false },
		{ 6, 0x45474150, true }, { 6, 0, true },
		{ 6, 1 << 6, false },	 { 6, 1 << 4, false },
		{ 8, 0, true },
	};
	g_autoptr(UnitDump) d = make(&variants[0]);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Image) image = NULL;

		unit_dump_put(d, 0xf98, cases[i].type, 4);
		unit_dump_put(d, 0x1050, cases[i].attributes, 4);
		image = unit_dump_open(d, d->len, NULL, NULL);
		ck_assert_int_eq(image->facts.kernel_only,
				 cases[i].kernel_only);
		ck_assert_int_eq(unit_dump_logged(d, "missing by design"),
				 cases[i].kernel_only);
	}
}
END_TEST

struct counter {
	int fd;
	uint64_t n_bytes;
	uint64_t bad, bad_end; /* what cannot be read */
};

static int64_t count_reads(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct counter *counter = ctx;

	counter->n_bytes += len;
	if (off < counter->bad_end && off + len > counter->bad)
		return -1;
	return pread(counter->fd, buf, len, (off_t)off);
}

/* 64 GiB of memory, every other page of the upper half missing: nothing but
 * the headers and the bitmap is read, a few times over at most. */
static void make_big(int fd)
{
	const uint64_t n_bits = UINT64_C(1) << 24;
	g_autoptr(UnitDump) d = unit_dump_new(true, 5, 0x2038 + n_bits / 8);
	const uint64_t first = page_ceil(d->len);
	const uint64_t n_pages = n_bits / 4 * 3;

	memcpy(d->bytes + 0x2000, "FDMPDUMP", 8);
	put_sizes(d, &variants[0], first, n_pages, n_bits);
	memset(d->bytes + 0x2038, 0xff, n_bits / 16);
	memset(d->bytes + 0x2038 + n_bits / 16, 0x55, n_bits / 16);
	ck_assert_int_eq(pwrite(fd, d->bytes, d->len, 0), (ssize_t)d->len);
	ck_assert_int_eq(ftruncate(fd, (off_t)(first + n_pages * 4096)), 0);
}

static Image *open_big(struct counter *counter, const char *path, Log *log)
{
	ImageIo *io;

	counter->fd = open(path, O_RDWR);
	ck_assert_int_ge(counter->fd, 0);
	make_big(counter->fd);
	io = image_io_open(path, NULL);
	ck_assert_ptr_nonnull(io);
	image_io_set_reader(io, count_reads, counter);
	return image_open_io(io, path, NULL, log, NULL);
}

START_TEST(test_big)
{
	char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "big.dmp", "", 0);
	struct counter counter = { 0 };
	const uint64_t half = UINT64_C(32) << 30;
	const uint64_t first = page_ceil(0x2038 + (UINT64_C(2) << 20));
	Image *image = open_big(&counter, path, NULL);
	struct image_run run;

	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_bytes(image->runs), half / 2 * 3);
	ck_assert(image_runs_find(image->runs, 2 * half - 8192, &run));
	ck_assert_uint_eq(run.pa, 2 * half - 8192);
	ck_assert_uint_eq(run.len, 4096);
	ck_assert_uint_eq(run.off, first + half / 2 * 3 - 4096);
	ck_assert(!image_runs_find(image->runs, 2 * half - 4096, &run));
	ck_assert_uint_le(counter.n_bytes, UINT64_C(64) << 20);
	image_free(image);
	close(counter.fd);
	unit_dir_free(dir);
}
END_TEST

/* A bitmap that cannot be read from some place on: what is before is good. */
START_TEST(test_unreadable)
{
	char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "big.dmp", "", 0);
	struct counter counter = { .bad = 0x100000, .bad_end = 0x101000 };
	g_autoptr(Log) log = log_new();
	Image *image = open_big(&counter, path, log);
	g_autofree char *text = log_text(log);

	ck_assert_ptr_nonnull(image);
	ck_assert_uint_ge(image_runs_bytes(image->runs), UINT64_C(31) << 30);
	ck_assert_uint_le(image_runs_bytes(image->runs), UINT64_C(32) << 30);
	ck_assert_ptr_nonnull(strstr(text, "cannot be read to its end"));
	image_free(image);
	close(counter.fd);
	unit_dir_free(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-dumpbitmap");
	TCase *tcase = unit_case(suite, "all");
	const int n = G_N_ELEMENTS(variants);

	tcase_add_loop_test(tcase, test_variants, 0, n);
	tcase_add_loop_test(tcase, test_no_tables, 0, n);
	tcase_add_loop_test(tcase, test_one_wrong, 0, n);
	tcase_add_loop_test(tcase, test_hostile, 0, n);
	tcase_add_loop_test(tcase, test_hopeless, 0, n);
	tcase_add_loop_test(tcase, test_faults, 0, n);
	tcase_add_loop_test(tcase, test_cut, 0, n);
	tcase_add_loop_test(tcase, test_damaged_type, 0, n);
	tcase_add_test(tcase, test_kernel_only);
	tcase_add_test(tcase, test_big);
	tcase_add_test(tcase, test_unreadable);
	return unit_main(suite);
}
