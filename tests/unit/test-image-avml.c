/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of AVML images. */
#include "config.h"

#include "unit/unit.h"
#include "unit/unit-runs.h"

#include <string.h>

#include "base/bytes.h"
#include "image/formats.h"
#include "image/lime.h"
#include "lib/mkfmt-list.h"
#include "pmem/physmem.h"

#ifdef HAVE_SNAPPY

#define SEGMENT (16 * MIB)
#define FRAME UINT64_C(0x10000)
#define FIRST UINT64_C(0x100000)
#define HIGH UINT64_C(0x100000000)

static char *dir;
static MkPhys *phys;

/* 40 MiB and 3 MiB; in the middle 16 MiB that are never written. */
static void setup(void)
{
	struct mk_random random = { 5 };

	dir = unit_dir_new();
	phys = mk_phys_new(1);
	mk_phys_add_ram(phys, FIRST, 40 * MIB);
	mk_phys_add_ram(phys, HIGH, 3 * MIB);
	for (uint64_t at = 0; at < 43 * MIB; at += PAGE_SIZE_4K) {
		uint64_t pa = at < 40 * MIB ? FIRST + at :
					      HIGH + at - 40 * MIB;

		if (at / SEGMENT == 1)
			continue;
		for (unsigned i = 0; i < 4096; i += at % 0x3000 ? 64 : 8)
			mk_phys_write64(phys, pa + i, mk_random_next(&random));
	}
}

static void teardown(void)
{
	mk_phys_free(phys);
	unit_dir_free(dir);
}

struct file {
	char *bytes;
	size_t len;
};

static void make(struct file *f, const struct mk_writer *writer)
{
	const struct mk_write_options options = { 0 };
	g_autofree char *path = g_build_filename(dir, "image", NULL);

	ck_assert(writer->write(phys, path, &options, NULL, NULL));
	ck_assert(g_file_get_contents(path, &f->bytes, &f->len, NULL));
}

static Image *open_file(const struct file *f, Log *log)
{
	return image_open_io(image_io_memory(f->bytes, f->len), "x",
			     IMAGE_FORMAT("avml"), log, NULL);
}

/* What can be read of [pa, pa + len) is right; how many pages that is. What
 * cannot be, is an error, no hole. */
static uint64_t count_pages(const Image *image, uint64_t pa, uint64_t len,
			    enum phys_status bad)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	uint64_t n = 0;

	for (uint64_t at = pa; at < pa + len; at += PAGE_SIZE_4K) {
		uint8_t got[4096], want[4096];
		enum phys_status status = physmem_read(pm, PHYS(at), got, 4096);

		mk_phys_read(phys, at, want, sizeof want);
		if (status == PHYS_OK)
			ck_assert(!memcmp(got, want, sizeof want));
		else
			ck_assert_int_eq(status, bad);
		n += status == PHYS_OK;
	}
	return n;
}

static void check_whole(const Image *image)
{
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	ck_assert_uint_eq(image_runs_bytes(image->runs), 43 * MIB);
	ck_assert_uint_eq(count_pages(image, FIRST, 40 * MIB, PHYS_OK), 10240);
	ck_assert_uint_eq(count_pages(image, HIGH, 3 * MIB, PHYS_OK), 768);
}

START_TEST(test_writers)
{
	static const struct mk_writer *const writers[] = {
		&mk_avml_writer, &mk_avml_raw_writer, &mk_avml_runs_writer,
		&mk_avml_odd_writer,
	};
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct file f;

	make(&f, writers[_i]);
	image = open_file(&f, log);
	check_whole(image);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* Segments of zeros that were left out are zeros, and said to be. */
START_TEST(test_zeros)
{
	g_autoptr(Log) log = log_new();
	g_autofree char *text = NULL;
	g_autoptr(Image) image = NULL;
	struct file f;

	make(&f, &mk_avml_sparse_writer);
	image = open_file(&f, log);
	check_whole(image);
	text = log_text(log);
	ck_assert_ptr_nonnull(strstr(text, "1 segment(s) of 16 MiB"));
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* Offset of the n-th header. */
static size_t header_at(const struct file *f, unsigned n)
{
	const char *p = f->bytes;

	for (;; p++) {
		p = memmem(p, f->len - (size_t)(p - f->bytes), "AVML\2\0\0\0",
			   8);
		ck_assert_ptr_nonnull(p);
		if (!n--)
			return (size_t)(p - f->bytes);
	}
}

/* A byte of data, of a checksum, of compressed data: that frame only. */
START_TEST(test_damaged_frame)
{
	static const size_t places[] = { 14 + 4096, 4 + 10, 300 };
	const struct mk_writer *writer = _i == 2 ? &mk_avml_writer :
						   &mk_avml_raw_writer;
	g_autoptr(Image) image = NULL;
	struct file f;

	make(&f, writer);
	f.bytes[32 + places[_i]] ^= 0x40;
	image = open_file(&f, NULL);
	ck_assert_uint_eq(image_runs_bytes(image->runs), 43 * MIB);
	ck_assert_uint_eq(count_pages(image, FIRST, FRAME, PHYS_IO), 0);
	ck_assert_uint_eq(count_pages(image, FIRST + FRAME, 40 * MIB - FRAME,
				      PHYS_OK), 10240 - 16);
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* The second frame of a segment is none: what is behind it in the segment
 * cannot be had. */
START_TEST(test_broken_chain)
{
	const size_t frame = 32 + 10 + 8 + FRAME;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct file f;

	make(&f, &mk_avml_raw_writer);
	f.bytes[frame] = 0x33;
	image = open_file(&f, log);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
	ck_assert_uint_eq(count_pages(image, FIRST, SEGMENT, PHYS_IO), 16);
	ck_assert_uint_eq(count_pages(image, FIRST + SEGMENT, 24 * MIB,
				      PHYS_OK), 6144);
	ck_assert_uint_eq(count_pages(image, HIGH, 3 * MIB, PHYS_OK), 768);
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* Trailers and headers that are damaged: frames tell. */
START_TEST(test_lost_marks)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	size_t second;
	struct file f;

	make(&f, &mk_avml_writer);
	second = header_at(&f, 1);
	if (_i == 0)
		f.bytes[second - 8] ^= 1;
	else if (_i == 1)
		f.bytes[second + 2] ^= 1;
	else if (_i == 2)
		f.bytes[f.len - 8] ^= 1;
	else
		f.bytes[1] ^= 1;
	image = open_file(&f, log);
	check_whole(image);
	ck_assert_uint_eq(log_count(log, LOG_WARN), _i % 2);
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* A header that is gone: its segment, and no other. */
START_TEST(test_lost_header)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	size_t second;
	struct file f;

	make(&f, &mk_avml_writer);
	second = header_at(&f, 1);
	memset(f.bytes + second, 0xee, 32);
	image = open_file(&f, log);
	ck_assert_uint_ge(log_count(log, LOG_WARN), 1);
	ck_assert_uint_eq(count_pages(image, FIRST, SEGMENT, PHYS_OK), 4096);
	ck_assert_uint_eq(count_pages(image, FIRST + SEGMENT, SEGMENT,
				      PHYS_OUTSIDE), 0);
	ck_assert_uint_eq(count_pages(image, FIRST + 2 * SEGMENT, 8 * MIB,
				      PHYS_OK), 2048);
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* The end of a range: nothing is made up, and no other segment is hidden. */
START_TEST(test_flipped_range)
{
	g_autoptr(Image) image = NULL;
	uint64_t n, end;
	size_t second;
	struct file f;

	make(&f, &mk_avml_writer);
	second = header_at(&f, 1);
	end = load_le64(f.bytes + second + 16) ^ UINT64_C(1) << (12 + _i);
	end = GUINT64_TO_LE(end);
	memcpy(f.bytes + second + 16, &end, sizeof end);
	image = open_file(&f, NULL);
	ck_assert_ptr_nonnull(image);
	n = count_pages(image, FIRST + 2 * SEGMENT, 8 * MIB, PHYS_OK) +
	    count_pages(image, HIGH, 3 * MIB, PHYS_OK);
	ck_assert_uint_eq(n, 2048 + 768);
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* The last segment claims more than it can have. */
START_TEST(test_huge_range)
{
	static const uint64_t ends[] = { UINT64_C(1) << 60, UINT64_MAX - 1,
					 UINT64_MAX, UINT64_C(1) << 52,
					 HIGH + 500 * MIB };
	g_autoptr(Image) image = NULL;
	struct file f;
	uint64_t end;

	make(&f, &mk_avml_writer);
	end = GUINT64_TO_LE(ends[_i]);
	memcpy(f.bytes + header_at(&f, 3) + 16, &end, sizeof end);
	image = open_file(&f, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_le(image_runs_bytes(image->runs), 43 * MIB);
	ck_assert_uint_eq(count_pages(image, FIRST, 40 * MIB, PHYS_OK), 10240);
	image_free(g_steal_pointer(&image));
	g_free(f.bytes);
}
END_TEST

/* Frames without data for ever; a frame that unpacks to much. */
START_TEST(test_hostile)
{
	g_autofree uint8_t *bytes = g_malloc0(32 * MIB);
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) image = NULL;
	const uint64_t range[2] = { 0, GUINT64_TO_LE(0xffffff) };

	memcpy(bytes, "AVML\2\0\0\0", 8);
	memcpy(bytes + 8, range, 16);
	for (size_t at = 32; at < 32 * MIB; at += 4)
		bytes[at] = 0xfe;
	if (_i == 1)
		memcpy(bytes + 32, "\0\x10\0\0crcc\xff\xff\xff\xff\x0f", 13);
	image = image_open_io(image_io_memory(bytes, 32 * MIB), "x", NULL,
			      NULL, &error);
	ck_assert(!image == !!error);
	if (image)
		ck_assert_uint_eq(count_pages(image, 0, SEGMENT, PHYS_IO), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-avml");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_writers, 0, 4);
	tcase_add_test(tcase, test_zeros);
	tcase_add_loop_test(tcase, test_damaged_frame, 0, 3);
	tcase_add_test(tcase, test_broken_chain);
	tcase_add_loop_test(tcase, test_lost_marks, 0, 4);
	tcase_add_test(tcase, test_lost_header);
	tcase_add_loop_test(tcase, test_flipped_range, 0, 40);
	tcase_add_loop_test(tcase, test_huge_range, 0, 5);
	tcase_add_loop_test(tcase, test_hostile, 0, 2);
	return unit_main(suite);
}

#else

int main(void)
{
	return 77; /* skipped: this build reads no AVML images */
}

#endif
