/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every container that the builder writes, with the same memory: read back
 * whole; cut short anywhere; with bits turned; with reads that fail. What can
 * be read is right then, or it is an error; it is never made up.
 */
#include "config.h"

#include "unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "lib/mkfmt.h"
#include "pmem/physmem.h"

#define PAGE MK_PAGE_SIZE
#define N_CUTS 90u
#define N_FLIPS 260u
#define N_FAULTS 50u

/* The memory, and where a container with it is put. */
static MkPhys *phys_low, *phys_high;
static char *dir;

static void fill_page(MkPhys *phys, uint64_t pa, struct mk_random *random)
{
	uint8_t page[PAGE];
	uint64_t kind = mk_random_below(random, 5);

	if (kind == 0) /* never written: zeros */
		return;
	memset(page, (int)kind * 17, sizeof page);
	for (size_t i = 0; kind > 1 && i < sizeof page; i += kind == 2 ? 1 : 9)
		page[i] = (uint8_t)mk_random_next(random);
	memcpy(page, &pa, sizeof pa);
	mk_phys_write(phys, pa, page, sizeof page);
}

static MkPhys *make_phys(bool high)
{
	struct mk_random random = { high ? 3 : 4 };
	MkPhys *phys = mk_phys_new(1);
	const struct mk_run *runs;
	size_t n;

	mk_phys_add_ram(phys, 0, 0x9f * PAGE);
	mk_phys_add_ram(phys, 0x100000, 0x61 * PAGE);
	if (high) {
		mk_phys_add_ram(phys, UINT64_C(0x100000000), 0x21 * PAGE);
		mk_phys_add_ram(phys, UINT64_C(0x100040000), 3 * PAGE);
	}
	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++)
		for (uint64_t at = 0; at < runs[i].len; at += PAGE)
			fill_page(phys, runs[i].start + at, &random);
	return phys;
}

/* Offset = address: holes are data, and a file of 4 GiB is too much. */
static bool is_flat(const struct mk_writer *writer)
{
	return !strcmp(writer->format, "raw") ||
	       writer->flags & MK_WRITER_NO_HOLES;
}

static const MkPhys *phys_of(const struct mk_writer *writer)
{
	unsigned low = writer->flags & (MK_WRITER_LOW | MK_WRITER_32BIT);

	return low || is_flat(writer) ? phys_low : phys_high;
}

static char *write_container(const struct mk_writer *writer)
{
	const bool is64 = !(writer->flags & MK_WRITER_32BIT);
	const struct mk_dump dump = {
		.is64 = is64, .pae = !is64, .dtb = 0x1ad000,
		.machine = is64 ? 0x8664 : 0x14c, .processors = 2,
		.active_head = is64 ? UINT64_C(0xfffff80001234560) : 0x81234560,
		.kdbg = is64 ? UINT64_C(0xfffff80001230000) : 0x81230000,
		.time = UINT64_C(132500000000000000),
	};
	const struct mk_write_options options = { .dump = &dump };
	g_autoptr(GError) error = NULL;
	char *path = g_build_filename(dir, "image", NULL);

	if (!writer->write(phys_of(writer), path, &options, NULL, &error))
		ck_abort_msg("%s: %s", writer->name, error->message);
	return path;
}

/* What of the memory can be read of the image; nothing else may be. */
static size_t count_pages(const Image *image, const MkPhys *phys,
			  const char *what)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	const struct mk_run *runs;
	size_t n, n_read = 0;

	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++) {
		for (uint64_t at = 0; at < runs[i].len; at += PAGE) {
			uint64_t pa = runs[i].start + at;
			uint8_t want[PAGE], got[PAGE];

			if (physmem_read(pm, PHYS(pa), got, PAGE) != PHYS_OK)
				continue;
			mk_phys_read(phys, pa, want, PAGE);
			ck_assert_msg(!what || !memcmp(want, got, PAGE),
				      "%s: page 0x%lx", what, (long)pa);
			n_read++;
		}
	}
	return n_read;
}

static size_t pages_of(const MkPhys *phys)
{
	const struct mk_run *runs;
	size_t n, sum = 0;

	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++)
		sum += (size_t)(runs[i].len / PAGE);
	return sum;
}

static void check_refusal(const Image *image, const GError *error)
{
	ck_assert(!image == !!error);
	if (error)
		ck_assert_msg(!strchr(error->message, '\n'), "%s",
			      error->message);
}

/* A run lies within what it is said to lie in, and where memory is. */
static void check_runs(const Image *image)
{
	uint64_t size = image_io_size(image_data(image)), end = 0;
	struct image_run run;

	for (unsigned i = 0; i < 2000; i++) {
		if (!image_runs_next(image->runs, end, &run))
			return;
		ck_assert_uint_ge(run.pa, end);
		ck_assert_uint_gt(run.len, 0);
		ck_assert(run.off <= size && run.len <= size - run.off);
		end = run.pa + run.len;
	}
}

/* Not what is left over when its probe could not read: raw. */
static bool is_as_written(const Image *image, const struct mk_writer *writer)
{
	return !strcmp(image->ops->name, writer->format) &&
	       !image->wrappers->len ==
		       !(writer->flags & MK_WRITER_WRAPPED);
}

START_TEST(test_whole)
{
	const struct mk_writer *writer = mk_writers[_i];
	const MkPhys *phys = phys_of(writer);
	g_autofree char *path = write_container(writer);
	g_autoptr(GError) error = NULL;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = image_open(path, NULL, log, &error);
	size_t n;

	ck_assert_msg(image != NULL, "%s: %s", writer->name,
		      error ? error->message : "");
	ck_assert_msg(is_as_written(image, writer), "%s is seen as %s",
		      writer->name, image->ops->name);
	check_runs(image);
	n = count_pages(image, phys, writer->name);
	if (writer->flags & MK_WRITER_LOSSY)
		ck_assert_uint_gt(n, 0);
	else
		ck_assert_uint_eq(n, pages_of(phys));
	if (!is_flat(writer))
		ck_assert_uint_le(image_runs_bytes(image->runs),
				  pages_of(phys) * PAGE);
	ck_assert_uint_eq(image_io_map(image_data(image)) == NULL,
			  (writer->flags & (MK_WRITER_NO_MAP |
					    MK_WRITER_COMPRESSED)) != 0);
}
END_TEST

/* The bytes of a container, opened in memory or as a file. */
static Image *open_bytes(const struct mk_writer *writer, const char *path,
			 const uint8_t *bytes, size_t len, GError **error)
{
	if (!(writer->flags & (MK_WRITER_PATH | MK_WRITER_COMPANION)))
		return image_open_io(image_io_memory(bytes, len), path, NULL,
				     NULL, error);
	ck_assert(g_file_set_contents(path, (const char *)bytes, (gssize)len,
				      NULL));
	return image_open(path, NULL, NULL, error);
}

static void check_half(const struct mk_writer *writer, size_t n)
{
	if (!(writer->flags & MK_WRITER_LOSSY))
		ck_assert_msg(n >= pages_of(phys_of(writer)) / 5,
			      "%s: %zu pages in its first half", writer->name,
			      n);
}

/*
 * However short: what can be read is right, and grows with the file. Half of
 * the file has a fifth of the memory, where the format can be read without
 * its end.
 */
START_TEST(test_cut)
{
	const struct mk_writer *writer = mk_writers[_i];
	const MkPhys *phys = phys_of(writer);
	g_autofree char *path = write_container(writer);
	g_autofree char *bytes = NULL;
	size_t len, all = 0, least = 0;

	ck_assert(g_file_get_contents(path, &bytes, &len, NULL));
	for (unsigned i = 0; i <= N_CUTS + 20; i++) {
		size_t cut = i < N_CUTS ? len * i / N_CUTS :
					  len - MIN(len, N_CUTS + 20 - i);
		g_autofree uint8_t *part = g_memdup2(bytes, cut ? cut : 1);
		g_autoptr(GError) error = NULL;
		g_autoptr(Image) image =
			cut ? open_bytes(writer, path, part, cut, &error) :
			      NULL;
		size_t n = 0;

		if (!cut)
			continue;
		check_refusal(image, error);
		if (image) {
			check_runs(image);
			n = count_pages(image, phys, writer->name);
		}
		if (!(writer->flags & MK_WRITER_TAIL)) {
			ck_assert_msg(n >= least, "%s: %zu bytes have %zu"
				      " pages, fewer had %zu", writer->name,
				      cut, n, least);
			least = n;
			if (i == N_CUTS / 2)
				check_half(writer, n);
		}
		all = n;
	}
	if (!(writer->flags & MK_WRITER_LOSSY))
		ck_assert_uint_eq(all, pages_of(phys));
}
END_TEST

/* Bits turned: nothing is promised but that it ends, within bounds. */
START_TEST(test_flips)
{
	const struct mk_writer *writer = mk_writers[_i];
	g_autofree char *path = write_container(writer);
	struct mk_random random = { 77 };
	g_autofree char *bytes = NULL;
	size_t len;

	ck_assert(g_file_get_contents(path, &bytes, &len, NULL));
	for (unsigned i = 0; i < N_FLIPS; i++) {
		size_t near = MIN(len, i % 2 ? 0x2100 : len);
		size_t at = mk_random_below(&random, near);
		char bit = (char)(1 << mk_random_below(&random, 8));
		g_autoptr(GError) error = NULL;
		g_autoptr(Image) image = NULL;

		if (i % 4 == 2)
			at = len - 1 - mk_random_below(&random,
						       MIN(len, 0x400));
		bytes[at] = (char)(bytes[at] ^ bit);
		image = open_bytes(writer, path, (const uint8_t *)bytes, len,
				   &error);
		bytes[at] = (char)(bytes[at] ^ bit);
		check_refusal(image, error);
		if (!image)
			continue;
		check_runs(image);
		count_pages(image, phys_of(writer), NULL);
	}
}
END_TEST

struct faults {
	const uint8_t *bytes;
	size_t len;
	unsigned left, n_calls;
};

static int64_t read_or_fail(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct faults *f = ctx;

	f->n_calls++;
	if (!f->left)
		return -1;
	f->left--;
	len = MIN(len, f->len - (size_t)off);
	memcpy(buf, f->bytes + off, len);
	return (int64_t)len;
}

/* The n-th read of the file fails, and all after it. */
static unsigned check_fault(const struct mk_writer *writer, const char *path,
			    const uint8_t *bytes, size_t len, unsigned n)
{
	struct faults f = { bytes, len, n, 0 };
	ImageIo *io = image_io_memory(bytes, len);
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) image = NULL;

	image_io_set_reader(io, read_or_fail, &f);
	image = image_open_io(io, path, NULL, NULL, &error);
	check_refusal(image, error);
	if (image && is_as_written(image, writer))
		count_pages(image, phys_of(writer), writer->name);
	return f.n_calls;
}

START_TEST(test_faults)
{
	const struct mk_writer *writer = mk_writers[_i];
	g_autofree char *path = NULL, *bytes = NULL;
	unsigned calls, step;
	size_t len;

	if (writer->flags & (MK_WRITER_PATH | MK_WRITER_COMPANION))
		return;
	path = write_container(writer);
	ck_assert(g_file_get_contents(path, &bytes, &len, NULL));
	calls = check_fault(writer, path, (const uint8_t *)bytes, len,
			    UINT32_MAX);
	step = calls / N_FAULTS + 1;
	for (unsigned n = 0; n < calls; n += n < 40 ? 1 : step)
		check_fault(writer, path, (const uint8_t *)bytes, len, n);
}
END_TEST

static void setup(void)
{
	dir = unit_dir_new();
	phys_low = make_phys(false);
	phys_high = make_phys(true);
}

static void teardown(void)
{
	mk_phys_free(phys_low);
	mk_phys_free(phys_high);
	unit_dir_free(dir);
}

int main(void)
{
	Suite *suite = suite_create("mk-containers");
	TCase *tcase = unit_case(suite, "all");
	int n = 0;

	while (mk_writers[n])
		n++;
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_whole, 0, n);
	tcase_add_loop_test(tcase, test_cut, 0, n);
	tcase_add_loop_test(tcase, test_flips, 0, n);
	tcase_add_loop_test(tcase, test_faults, 0, n);
	return unit_main(suite);
}
