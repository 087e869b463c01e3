/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what is wrapped by xz, zstd and gzip. */
#include "config.h"

#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/bytes.h"
#include "image/image.h"
#include "lib/mkfmt.h"

#define RAW_BYTES (1000 * MK_PAGE_SIZE)

static char *dir;
static MkPhys *phys;
static uint8_t *raw; /* RAW_BYTES */

static void setup(void)
{
	static const struct mk_write_options options = { 0 };
	uint8_t page[MK_PAGE_SIZE];
	struct mk_random random = { 5 };

	(void)options;
	dir = unit_dir_new();
	phys = mk_phys_new(1);
	mk_phys_add_ram(phys, 0, RAW_BYTES);
	for (uint64_t at = 0; at < RAW_BYTES; at += MK_PAGE_SIZE) {
		uint64_t kind = mk_random_below(&random, 3);

		for (size_t i = 0; i < sizeof page; i++)
			page[i] = kind == 0 ? 0 :
				  kind == 1 ? (uint8_t)(at / 4096 + i / 64) :
				  (uint8_t)mk_random_next(&random);
		memcpy(page, &at, sizeof at);
		mk_phys_write(phys, at, page, sizeof page);
	}
	raw = g_malloc(RAW_BYTES);
	mk_phys_read(phys, 0, raw, RAW_BYTES);
}

static void teardown(void)
{
	g_free(raw);
	mk_phys_free(phys);
	unit_dir_free(dir);
}

/* The file of a writer; NULL: this build has it not. */
static uint8_t *written(const char *name, gsize *len)
{
	static const struct mk_dump dump = { .is64 = true, .dtb = 0x1000,
					     .machine = 0x8664,
					     .processors = 1 };
	const struct mk_write_options options = { .dump = &dump };
	const char *arg;
	const struct mk_writer *writer = mk_writer_find(name, &arg);
	g_autofree char *path = g_build_filename(dir, "image", NULL);
	char *bytes;

	if (!writer)
		return NULL;
	ck_assert(writer->write(phys, path, &options, NULL, NULL));
	ck_assert(g_file_get_contents(path, &bytes, len, NULL));
	return (uint8_t *)bytes;
}

static Image *open_bytes(const void *bytes, size_t len, Log *log,
			 GError **error)
{
	return image_open_io(image_io_memory(bytes, len), "x", NULL, log,
			     error);
}

/* How many of the first `len` bytes are as they should be; none may be other
 * than that. */
static uint64_t count_good(const Image *image, uint64_t len)
{
	const ImageIo *io = image_data(image);
	uint64_t n = 0;

	for (uint64_t at = 0; at < len; at += MK_PAGE_SIZE) {
		uint8_t page[MK_PAGE_SIZE];
		size_t size = (size_t)MIN(sizeof page, len - at);

		if (!image_io_read(io, at, page, size))
			continue;
		ck_assert_msg(!memcmp(page, raw + at, size), "0x%lx",
			      (unsigned long)at);
		n += size;
	}
	return n;
}

static const char *const writers[] = {
	"raw-xz", "raw-xz-plain", "raw-zstd", "raw-zstd-frames", "raw-pzstd",
	"raw-bgzf",
};

START_TEST(test_all)
{
	gsize len;
	g_autofree uint8_t *bytes = written(writers[_i], &len);
	g_autoptr(Image) image = NULL;
	g_autoptr(Log) log = log_new();

	if (!bytes)
		return;
	image = open_bytes(bytes, len, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "raw");
	ck_assert_uint_eq(image->wrappers->len, 1);
	ck_assert_uint_eq(image->libraries->len, 1);
	ck_assert_uint_eq(image_io_size(image->outer), len);
	ck_assert_uint_eq(image_io_size(image_data(image)), RAW_BYTES);
	ck_assert_uint_eq(count_good(image, RAW_BYTES), RAW_BYTES);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
}
END_TEST

/* What is within is probed again. */
START_TEST(test_dump)
{
	gsize len;
	g_autofree uint8_t *bytes = written("dump-xz", &len);
	g_autoptr(Image) image = NULL;

	if (!bytes)
		return;
	image = open_bytes(bytes, len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "crashdump");
	ck_assert_uint_eq(image_runs_bytes(image->runs), RAW_BYTES);
}
END_TEST

/* Cut anywhere: what is before the cut is there, a block more or less. */
START_TEST(test_cut)
{
	gsize len;
	g_autofree uint8_t *bytes = written(writers[_i], &len);
	struct mk_random random = { 9 };

	for (int i = 0; bytes && i < 60; i++) {
		size_t cut = i < 30 ? (size_t)i :
				      (size_t)mk_random_below(&random, len);
		g_autofree uint8_t *part = g_memdup2(bytes, cut + 1);
		g_autoptr(GError) error = NULL;
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = open_bytes(part, cut, log, &error);
		uint64_t size;

		if (!image) {
			ck_assert_msg(cut < len / 50, "%zu of %zu: %s", cut,
				      (size_t)len, error->message);
			continue;
		}
		size = image_io_size(image_data(image));
		if (!image->wrappers->len)
			continue;
		ck_assert_uint_le(size, RAW_BYTES);
		ck_assert_uint_eq(count_good(image, size), size);
		/* nothing is squeezed well here: as much as is left, nearly */
		ck_assert_uint_ge(size + RAW_BYTES / 8,
				  RAW_BYTES / len * cut);
		ck_assert_uint_ge(log_count(log, LOG_INFO), 3);
	}
}
END_TEST

/* A bit flipped anywhere: nothing is shown that is not so. (Where a format
 * has no checksum of what a block becomes, as BLOCK_BYTES of zstd by
 * ZSTD_compress(), only that nothing worse happens.) */
START_TEST(test_flips)
{
	gsize len;
	g_autofree uint8_t *bytes = written(writers[_i], &len);
	bool checked = !g_strrstr(writers[_i], "zstd");
	struct mk_random random = { 10 };

	for (int i = 0; bytes && i < 120; i++) {
		size_t at = i < 40 ? (size_t)i :
			    i < 80 ? len - 1 - (size_t)(i - 40) :
				     (size_t)mk_random_below(&random, len);
		g_autofree uint8_t *part = g_memdup2(bytes, len);
		g_autoptr(Image) image = NULL;
		uint64_t size;

		part[at] ^= (uint8_t)(1u << mk_random_below(&random, 8));
		image = open_bytes(part, len, NULL, NULL);
		if (!image || !image->wrappers->len)
			continue;
		size = image_io_size(image_data(image));
		if (checked && size <= RAW_BYTES)
			count_good(image, size);
		else
			for (uint64_t off = 0; off < MIN(size, RAW_BYTES);
			     off += 65536)
				(void)image_io_next_data(image_data(image),
							 off);
	}
}
END_TEST

static int64_t fail_after(void *ctx, uint64_t off, void *buf, size_t len)
{
	size_t *left = ctx;

	(void)off;
	if (!*left)
		return -1;
	(*left)--;
	memcpy(buf, raw, MIN(len, 1)); /* any byte will do */
	return 1;
}

/* Every read may fail: nothing but an error comes of it. */
START_TEST(test_faults)
{
	gsize len;
	g_autofree uint8_t *bytes = written(writers[_i], &len);

	for (size_t i = 0; bytes && i < 200; i++) {
		ImageIo *io = image_io_memory(bytes, len);
		size_t left = i;
		g_autoptr(Image) image = NULL;

		image_io_set_reader(io, fail_after, &left);
		image = image_open_io(io, "x", NULL, NULL, NULL);
	}
}
END_TEST

static void assert_refused(const void *bytes, size_t len, const char *word)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(open_bytes(bytes, len, NULL, &error));
	ck_assert_msg(strstr(error->message, word) != NULL, "%s",
		      error->message);
	ck_assert_ptr_null(strchr(error->message, '\n'));
}

#ifdef HAVE_LZMA
static size_t xz_of(uint8_t **ret, size_t zeros, uint32_t dict)
{
	lzma_options_lzma lzma;
	lzma_filter filters[2] = { { LZMA_FILTER_LZMA2, &lzma },
				   { LZMA_VLI_UNKNOWN, NULL } };
	lzma_stream s = LZMA_STREAM_INIT;
	uint8_t in[65536] = { 0 };
	size_t room = 65536 + zeros / 64;
	lzma_ret code = LZMA_OK;

	lzma_lzma_preset(&lzma, 0);
	lzma.dict_size = dict;
	ck_assert_int_eq(lzma_stream_encoder(&s, filters, LZMA_CHECK_CRC32),
			 LZMA_OK);
	*ret = g_malloc0(room);
	s.next_out = *ret;
	s.avail_out = room;
	while (code == LZMA_OK) {
		if (!s.avail_in) {
			s.next_in = in;
			s.avail_in = MIN(sizeof in, zeros);
			zeros -= s.avail_in;
		}
		code = lzma_code(&s, zeros || s.avail_in ? LZMA_RUN :
							   LZMA_FINISH);
	}
	ck_assert_int_eq(code, LZMA_STREAM_END);
	lzma_end(&s);
	return room - s.avail_out;
}

START_TEST(test_xz_large)
{
	g_autofree uint8_t *bytes = NULL;
	size_t len = xz_of(&bytes, 65 * MIB, 1 << 20);

	unit_limit_memory(320 * MIB);
	assert_refused(bytes, len, "--block-size=1MiB");
	/* without the index, too */
	assert_refused(bytes, len - 30, "--block-size=1MiB");
}
END_TEST

/* Two streams one behind the other, and padding. */
START_TEST(test_xz_streams)
{
	g_autofree uint8_t *one = NULL;
	size_t n = xz_of(&one, 100000, 1 << 20);
	GByteArray *both = g_byte_array_new();
	g_autoptr(Image) image = NULL;

	g_byte_array_append(both, one, (guint)n);
	g_byte_array_append(both, (const uint8_t *)"\0\0\0\0\0\0\0\0", 8);
	g_byte_array_append(both, one, (guint)n);
	image = open_bytes(both->data, both->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_io_size(image_data(image)), 200000);
	g_byte_array_unref(both);
}
END_TEST

/* The header claims a dictionary of 1.5 GiB, for a block of 1 MiB. */
START_TEST(test_xz_dictionary)
{
	g_autofree uint8_t *bytes = NULL;
	size_t len = xz_of(&bytes, MIB, 1 << 20);
	g_autoptr(Image) image = NULL;
	uint8_t page[4096];
	uint32_t crc;

	/* block header: size, flags, filter 0x21, 1, dictionary, padding */
	ck_assert_uint_eq(bytes[12], 2);
	ck_assert_uint_eq(bytes[14], LZMA_FILTER_LZMA2);
	bytes[16] = 37;
	crc = GUINT32_TO_LE(lzma_crc32(bytes + 12, 8, 0));
	memcpy(bytes + 20, &crc, 4);
	unit_limit_memory(320 * MIB);
	image = open_bytes(bytes, len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert(image_io_read(image_data(image), MIB - 4096, page,
				sizeof page));
}
END_TEST
#endif

#ifdef HAVE_ZSTD
START_TEST(test_zstd_large)
{
	size_t len = 65 * MIB, room = ZSTD_compressBound(len);
	g_autofree uint8_t *in = g_malloc0(len);
	g_autofree uint8_t *bytes = g_malloc(room);

	len = ZSTD_compress(bytes, room, in, len, 1);
	assert_refused(bytes, len, "zstd -d");
	/* it says less than it becomes: the block cannot be read */
	ck_assert_uint_eq(bytes[4] >> 6, 2);
	memset(bytes + (bytes[4] & 0x20 ? 5 : 6), 1, 4);
	for (int i = 0; i < 1; i++) {
		g_autoptr(Image) image = open_bytes(bytes, len, NULL, NULL);
		uint8_t page[4096];

		ck_assert_ptr_nonnull(image);
		ck_assert(!image_io_read(image_data(image), 0, page, 1));
	}
}
END_TEST

/* A seek table that claims all the world. */
START_TEST(test_zstd_table)
{
	gsize len;
	g_autofree uint8_t *bytes = written("raw-zstd", &len);
	uint32_t n = GUINT32_TO_LE(UINT32_MAX);
	g_autoptr(Image) many = NULL;
	g_autoptr(Image) lies = NULL;
	g_autoptr(Image) huge = NULL;
	g_autoptr(Log) log = log_new();
	size_t first = len - 9 - 8 * load_le32(bytes + len - 9);

	unit_limit_memory(320 * MIB);
	/* the first frame is a page less than it is */
	bytes[first + 5] = (uint8_t)(bytes[first + 5] - 0x10);
	lies = open_bytes(bytes, len, NULL, NULL);
	ck_assert_ptr_nonnull(lies);
	ck_assert(!image_io_read(image_data(lies), 0, raw, 1));
	/* and longer than a block may be */
	bytes[first + 7] = 0xff;
	assert_refused(bytes, len, "64 MiB");
	bytes[first + 7] = 0;
	/* the frames do not add up: they are walked */
	bytes[first]++;
	huge = open_bytes(bytes, len, log, NULL);
	ck_assert_ptr_nonnull(huge);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
	ck_assert_uint_eq(image_io_size(image_data(huge)), RAW_BYTES);
	memcpy(bytes + len - 9, &n, 4);
	many = open_bytes(bytes, len, NULL, NULL);
	ck_assert_ptr_nonnull(many);
	ck_assert_uint_eq(image_io_size(image_data(many)), RAW_BYTES);
}
END_TEST

/* A table with checksums; its entries have 12 bytes. */
START_TEST(test_zstd_checksums)
{
	gsize len;
	g_autofree uint8_t *bytes = written("raw-zstd", &len);
	uint32_t n = load_le32(bytes + len - 9);
	size_t first = len - 9 - 8 * (size_t)n;
	uint32_t size = GUINT32_TO_LE(12 * n + 9);
	GByteArray *out = g_byte_array_new();
	g_autoptr(Image) image = NULL;
	g_autoptr(Log) log = log_new();

	g_byte_array_append(out, bytes, (guint)first - 4);
	g_byte_array_append(out, (const uint8_t *)&size, 4);
	for (uint32_t i = 0; i < n; i++) {
		g_byte_array_append(out, bytes + first + 8 * i, 8);
		g_byte_array_append(out, (const uint8_t *)"\1\2\3\4", 4);
	}
	bytes[len - 5] = 0x80;
	g_byte_array_append(out, bytes + len - 9, 9);
	image = open_bytes(out->data, out->len, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(count_good(image, RAW_BYTES), RAW_BYTES);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	g_byte_array_unref(out);
}
END_TEST

/* Frames with a window of 2 GiB, and one that never ends. */
START_TEST(test_zstd_window)
{
	static const uint8_t window[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8,
					  0x03, 0x00, 0x00, 0x41 };
	GByteArray *endless = g_byte_array_new();

	unit_limit_memory(320 * MIB);
	/* of an RLE block of 0 bytes: nothing is within */
	assert_refused(window, sizeof window, "holds nothing");
	g_byte_array_append(endless, window, 5);
	g_byte_array_append(endless, (const uint8_t *)"\x58", 1);
	/* blocks of 128 KiB each, of one byte: 32 GiB in a MiB */
	for (int i = 0; i < 262144; i++)
		g_byte_array_append(endless, (const uint8_t *)"\x02\0\x10z",
				    4);
	assert_refused(endless->data, endless->len, "holds nothing");
	g_byte_array_set_size(endless, 4 * 60000 + 6);
	assert_refused(endless->data, endless->len, "64 MiB");
	g_byte_array_unref(endless);
}
END_TEST
#endif

#ifdef HAVE_ZLIB
static size_t gzip_of(uint8_t **ret, size_t zeros)
{
	z_stream s = { 0 };
	size_t room = 4096 + zeros / 512;
	uint8_t in[65536] = { 0 };

	*ret = g_malloc(room);
	deflateInit2(&s, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
	s.next_out = *ret;
	s.avail_out = (uInt)room;
	while (zeros) {
		s.next_in = in;
		s.avail_in = (uInt)MIN(sizeof in, zeros);
		zeros -= s.avail_in;
		deflate(&s, zeros ? Z_NO_FLUSH : Z_FINISH);
	}
	deflateEnd(&s);
	return s.total_out;
}

START_TEST(test_gzip)
{
	g_autofree uint8_t *small = NULL, *large = NULL, *two = NULL;
	size_t n = gzip_of(&small, 100000), m = gzip_of(&large, 65 * MIB);
	g_autoptr(Image) image = NULL;

	unit_limit_memory(320 * MIB);
	two = g_malloc(2 * n);
	memcpy(two, small, n);
	memcpy(two + n, small, n);
	image = open_bytes(two, 2 * n, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_io_size(image_data(image)), 200000);
	/* its last four bytes say 1 MiB, as those of 4 GiB more do */
	memset(large + m - 4, 0, 4);
	large[m - 2] = 0x10;
	assert_refused(large, m, "gunzip");
}
END_TEST

/* A block of bgzip that is of no use: none is lost but those behind it. */
START_TEST(test_bgzf_damage)
{
	gsize len;
	g_autofree uint8_t *bytes = written("raw-bgzf", &len);
	g_autoptr(Image) image = NULL;
	g_autoptr(Log) log = log_new();
	size_t off = 0;

	for (int i = 0; i < 20; i++)
		off += load_le16(bytes + off + 16) + 1u;
	bytes[off + 13] = 'X';
	image = open_bytes(bytes, len, log, NULL);
	ck_assert_ptr_nonnull(image);
	/* gzip it is all the same: what is left of it is decoded */
	ck_assert_uint_ge(image_io_size(image_data(image)), 20 * 65280);
	ck_assert_uint_eq(count_good(image, 20 * 65280), 20 * 65280);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("image-wrap");
	TCase *all = unit_case(suite, "all");
	TCase *own = unit_case(suite, "formats");
	const int n = G_N_ELEMENTS(writers);

	tcase_add_unchecked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, test_all, 0, n);
	tcase_add_test(all, test_dump);
	tcase_add_loop_test(all, test_cut, 0, n);
	tcase_add_loop_test(all, test_flips, 0, n);
	tcase_add_loop_test(all, test_faults, 0, n);
	tcase_add_unchecked_fixture(own, setup, teardown);
#ifdef HAVE_LZMA
	tcase_add_test(own, test_xz_large);
	tcase_add_test(own, test_xz_streams);
	tcase_add_test(own, test_xz_dictionary);
#endif
#ifdef HAVE_ZSTD
	tcase_add_test(own, test_zstd_large);
	tcase_add_test(own, test_zstd_table);
	tcase_add_test(own, test_zstd_checksums);
	tcase_add_test(own, test_zstd_window);
#endif
#ifdef HAVE_ZLIB
	tcase_add_test(own, test_gzip);
	tcase_add_test(own, test_bgzf_damage);
#endif
	return unit_main(suite);
}
