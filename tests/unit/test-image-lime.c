/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of LiME images. */
#include "config.h"

#include "unit/unit.h"
#include "unit/unit-runs.h"

#include <string.h>

#include "image/formats.h"
#include "image/lime.h"

#define MAX_BYTES 0x20000u

struct file {
	uint8_t bytes[MAX_BYTES];
	size_t len;
};

static void put_header(struct file *f, uint64_t start, uint64_t end)
{
	const uint32_t words[2] = { GUINT32_TO_LE(LIME_MAGIC),
				    GUINT32_TO_LE(1) };
	const uint64_t range[2] = { GUINT64_TO_LE(start), GUINT64_TO_LE(end) };

	memset(f->bytes + f->len, 0, LIME_HEADER_BYTES);
	memcpy(f->bytes + f->len, words, 8);
	memcpy(f->bytes + f->len + 8, range, 16);
	f->len += LIME_HEADER_BYTES;
}

static void put_data(struct file *f, size_t len)
{
	memset(f->bytes + f->len, 0x5a, len);
	f->len += len;
}

/* Three segments: a part of a page is in the first. */
static void make(struct file *f)
{
	f->len = 0;
	put_header(f, 0x1000, 0x1000 + 0x2c00 - 1);
	put_data(f, 0x2c00);
	put_header(f, 0x10000, 0x12fff);
	put_data(f, 0x3000);
	put_header(f, UINT64_C(0x100000000), UINT64_C(0x100004fff));
	put_data(f, 0x5000);
}

/* Offsets of the headers of make(). */
enum { SECOND = 0x2c20, THIRD = 0x5c40, END = 0xac60 };

static Image *open_file(const struct file *f, Log *log, GError **error)
{
	return image_open_io(image_io_memory(f->bytes, f->len), "x", NULL,
			     log, error);
}

static void check_run(const Image *image, unsigned i, uint64_t pa,
		      uint64_t len, uint64_t off)
{
	struct image_run run = unit_run(image->runs, i);

	ck_assert_uint_eq(run.pa, pa);
	ck_assert_uint_eq(run.len, len);
	ck_assert_uint_eq(run.off, off);
}

static void check_whole(const Image *image)
{
	ck_assert_str_eq(image->ops->name, "lime");
	ck_assert_uint_eq(image_runs_count(image->runs), 3);
	check_run(image, 0, 0x1000, 0x2c00, 32);
	check_run(image, 1, 0x10000, 0x3000, SECOND + 32);
	check_run(image, 2, UINT64_C(0x100000000), 0x5000, THIRD + 32);
}

START_TEST(test_whole)
{
	static struct file f;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;

	make(&f);
	ck_assert_uint_eq(f.len, END);
	image = open_file(&f, log, NULL);
	check_whole(image);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	ck_assert_ptr_null(image->data);
}
END_TEST

/* Ends that are one past the last byte; padding between segments. */
START_TEST(test_writers)
{
	static struct file f;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) exclusive = NULL, padded = NULL;

	f.len = 0;
	put_header(&f, 0x10000, 0x13000);
	put_data(&f, 0x3000);
	put_header(&f, 0x40000, 0x42000);
	put_data(&f, 0x2000);
	exclusive = open_file(&f, log, NULL);
	ck_assert_uint_eq(image_runs_count(exclusive->runs), 2);
	check_run(exclusive, 0, 0x10000, 0x3000, 32);
	check_run(exclusive, 1, 0x40000, 0x2000, 0x3040);

	f.len = 0;
	put_header(&f, 0x40000, 0x40fff);
	put_data(&f, 0x1000 + 0xfe0);
	memset(f.bytes + 0x1020, 0, 0xfe0);
	put_header(&f, 0x10000, 0x10fff);
	put_data(&f, 0x1000);
	padded = open_file(&f, log, NULL);
	check_run(padded, 0, 0x10000, 0x1000, 0x2020);
	check_run(padded, 1, 0x40000, 0x1000, 32);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
}
END_TEST

/* Each bit of the first 24 bytes of the second header: all of the memory is
 * there. Where the start or the end of its range may be the one that is wrong,
 * by one bit both, that segment may be elsewhere. */
START_TEST(test_flipped)
{
	static struct file f;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct image_run run;

	make(&f);
	f.bytes[SECOND + _i / 8] ^= (uint8_t)(1u << _i % 8);
	image = open_file(&f, log, NULL);
	ck_assert_uint_ge(log_count(log, LOG_WARN), 1);
	run = unit_run(image->runs, 1);
	ck_assert_uint_eq(run.len, 0x3000);
	if (_i / 8 >= 8 && run.pa != 0x10000)
		ck_assert_int_eq(__builtin_popcountll(run.pa ^ 0x10000), 1);
	else
		check_whole(image);
}
END_TEST

/* A header that is gone: what is behind the next one is there. */
START_TEST(test_lost)
{
	static struct file f;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;

	make(&f);
	memset(f.bytes + SECOND, 0xee, 32);
	image = open_file(&f, log, NULL);
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	check_run(image, 0, 0x1000, 0x2c00, 32);
	check_run(image, 1, UINT64_C(0x100000000), 0x5000, THIRD + 32);
	ck_assert_uint_ge(log_count(log, LOG_WARN), 1);
}
END_TEST

/* Cut anywhere: every byte before the cut. */
START_TEST(test_cut)
{
	static struct file f;

	make(&f);
	for (size_t len = END - 1; len > 200; len -= 97) {
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;
		uint64_t headers = len > THIRD + 32 ? 96 :
				   len > SECOND + 32 ? 64 : 32;

		f.len = len;
		image = open_file(&f, log, NULL);
		ck_assert_ptr_nonnull(image);
		if (len > SECOND + 32 || len < SECOND)
			ck_assert_uint_ge(image_runs_bytes(image->runs) +
						  headers + 32, len);
		ck_assert_uint_ge(log_count(log, LOG_WARN), 1);
	}
}
END_TEST

/* Headers that claim anything: bounded, and nothing wraps. */
START_TEST(test_hostile)
{
	static const uint64_t odd[] = { 0, 1, 0xfff, 0x1000, UINT32_MAX,
					UINT64_C(1) << 51, UINT64_C(1) << 52,
					UINT64_C(1) << 60, UINT64_MAX - 1,
					UINT64_MAX };
	static struct file f;

	for (size_t i = 0; i < G_N_ELEMENTS(odd); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(odd); j++) {
			g_autoptr(GError) error = NULL;
			g_autoptr(Image) image = NULL;

			f.len = 0;
			put_header(&f, odd[i], odd[j]);
			put_data(&f, 0x1000);
			put_header(&f, odd[j], odd[i]);
			put_data(&f, 0x1000);
			image = open_file(&f, NULL, &error);
			ck_assert(!image == !!error);
			if (image)
				ck_assert_uint_le(
					image_runs_bytes(image->runs), f.len);
		}
}
END_TEST

/* A file of nothing but headers' first words ends soon. */
START_TEST(test_decoys)
{
	g_autofree uint8_t *bytes = g_malloc0(64 << 20);
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) image = NULL;

	for (size_t at = 0; at < 64 << 20; at += 8)
		memcpy(bytes + at, "EMiL\1\0\0\0", 8);
	image = image_open_io(image_io_memory(bytes, 64 << 20), "x", NULL,
			      NULL, &error);
	ck_assert(!image == !!error);
}
END_TEST

START_TEST(test_forced)
{
	g_autoptr(GError) error = NULL;
	uint8_t bytes[4096] = { 0 };

	ck_assert_ptr_null(image_open_io(
		image_io_memory(bytes, sizeof bytes), "x",
		IMAGE_FORMAT("lime"), NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "no header"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-lime");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_whole);
	tcase_add_test(tcase, test_writers);
	tcase_add_loop_test(tcase, test_flipped, 0, 24 * 8);
	tcase_add_test(tcase, test_lost);
	tcase_add_test(tcase, test_cut);
	tcase_add_test(tcase, test_hostile);
	tcase_add_test(tcase, test_decoys);
	tcase_add_test(tcase, test_forced);
	return unit_main(suite);
}
