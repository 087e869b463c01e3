/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of EWF sets: whole, damaged, cut, made up. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bytes.h"
#include "image/ewf.h"
#include "image/formats.h"
#include "lib/mkfmt-list.h"

#ifdef HAVE_ZLIB

#define CHUNK 32768u
/* Not whole chunks: the last one is short. 70 chunks, of 23 in a file. */
#define MEDIA (69 * CHUNK + 4096)

static char *dir;
static uint8_t *media; /* what it must be */

static void setup(void)
{
	struct mk_random random = { 7 };

	dir = unit_dir_new();
	media = g_malloc0(MEDIA);
	/* Half of it noise, which is stored as it is, some text, zeros. */
	for (size_t i = 0; i < MEDIA / 2; i += 8) {
		uint64_t v = mk_random_next(&random);

		memcpy(media + i, &v, 8);
	}
	for (size_t i = MEDIA / 2; i < MEDIA * 3 / 4; i++)
		media[i] = (uint8_t)(i / 100);
}

static void teardown(void)
{
	unit_dir_free(dir);
	g_free(media);
}

/* Writes it with a writer; the path of the first file. */
static char *write_media(const char *writer)
{
	g_autoptr(MkPhys) phys = mk_phys_new(1);
	const struct mk_write_options options = { 0 };
	char *path = g_build_filename(dir, "memory.E01", NULL);
	const struct mk_writer *w =
		strcmp(writer, "ewf") ? &mk_ewf_none_writer : &mk_ewf_writer;

	mk_phys_add_ram(phys, 0, MEDIA);
	mk_phys_write(phys, 0, media, MEDIA);
	if (g_str_has_prefix(writer, "ewf-split"))
		ck_assert(mk_ewf_write_split(phys, path,
					     writer[9] ? 1 : 24, NULL));
	else
		ck_assert(w->write(phys, path, &options, NULL, NULL));
	return path;
}

static uint8_t *load(const char *path, size_t *len)
{
	char *bytes;

	ck_assert(g_file_get_contents(path, &bytes, len, NULL));
	return (uint8_t *)bytes;
}

/* How many chunks of io read; those that do must be right. */
static unsigned n_readable(const ImageIo *io)
{
	uint8_t buf[CHUNK];
	unsigned n = 0;

	ck_assert_uint_le(image_io_size(io), 70 * CHUNK);
	for (uint64_t at = 0; at < image_io_size(io); at += CHUNK) {
		size_t len = (size_t)MIN(CHUNK, image_io_size(io) - at);

		if (!image_io_read(io, at, buf, len))
			continue;
		ck_assert_uint_le(at + len, MEDIA);
		ck_assert_msg(!memcmp(buf, media + at, len), "at %zu",
			      (size_t)at);
		n++;
	}
	return n;
}

/* Opens bytes as the first file of a set that has no name; NULL: refused. */
static Image *open_bytes(const uint8_t *bytes, size_t len, Log *log)
{
	g_autoptr(GError) error = NULL;
	Image *image = image_open_io(image_io_memory(bytes, len), "x", NULL,
				     log, &error);

	ck_assert(image || error);
	if (!image)
		ck_assert_ptr_null(strchr(error->message, '\n'));
	return image;
}

static bool log_has(const Log *log, const char *word)
{
	g_autofree char *text = log_text(log);

	return strstr(text, word) != NULL;
}

START_TEST(test_names)
{
	static const struct {
		const char *path;
		unsigned number;
		const char *other;
	} names[] = {
		{ "a.E01", 2, "a.E02" },       { "a.E01", 99, "a.E99" },
		{ "a.E01", 100, "a.EAA" },     { "a.E01", 125, "a.EAZ" },
		{ "a.E01", 126, "a.EBA" },     { "a.E01", 775, "a.EZZ" },
		{ "a.E01", 776, "a.FAA" },     { "a.e01", 100, "a.eaa" },
		{ "x/a.s01", 3, "x/a.s03" },   { "a.E01", 14971, "a.ZZZ" },
		{ "a.E01", 14972, NULL },      { "a.E02", 3, NULL },
		{ "a.raw", 2, NULL },	       { "E01", 2, NULL },
		{ "", 2, NULL },	       { "a.E01", 0, NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *other =
			ewf_segment_path(names[i].path, names[i].number);

		if (names[i].other)
			ck_assert_str_eq(other, names[i].other);
		else
			ck_assert_ptr_null(other);
	}
}
END_TEST

static const char *const writers[] = { "ewf", "ewf-none", "ewf-split",
				       "ewf-split:1" };

/* By the library and by ourselves: the same. */
START_TEST(test_whole)
{
	g_autofree char *path = write_media(writers[_i]);
	g_autoptr(ImageIo) io = image_io_open(path, NULL);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = image_open(path, NULL, log, NULL);
	g_autofree uint8_t *buf = g_malloc(CHUNK);
	EwfSet set;

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "raw");
	ck_assert_uint_eq(image->wrappers->len, 1);
	ck_assert_uint_eq(image_io_size(image->io), MEDIA);
	ck_assert_uint_eq(n_readable(image->io), 70);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
#ifdef HAVE_EWF
	ck_assert(log_has(log, "libewf"));
#endif
	ck_assert(ewf_set_open(&set, io, path, log, NULL));
	ck_assert(set.whole);
	ck_assert_uint_eq(set.size, MEDIA);
	for (unsigned i = 0; i < 70; i++) {
		uint32_t len = MIN(CHUNK, MEDIA - i * CHUNK);

		ck_assert(ewf_set_read(&set, i, buf, len));
		ck_assert(!memcmp(buf, media + i * CHUNK, len));
	}
	ck_assert(!ewf_set_read(&set, 70, buf, CHUNK));
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	ewf_set_clear(&set);
}
END_TEST

/* A byte of a chunk: that one cannot be read, also not the second time. */
START_TEST(test_bad_chunk)
{
	g_autofree char *path = write_media(_i ? "ewf" : "ewf-none");
	size_t len;
	g_autofree uint8_t *bytes = load(path, &len);
	g_autoptr(Image) named = NULL;
	g_autoptr(Image) unnamed = NULL;

	bytes[len / 3] ^= 4;
	ck_assert(g_file_set_contents(path, (char *)bytes, (gssize)len,
				      NULL));
	named = image_open(path, NULL, NULL, NULL);
	unnamed = open_bytes(bytes, len, NULL);
	ck_assert(named && unnamed);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(n_readable(named->io), 69);
		ck_assert_uint_eq(n_readable(unnamed->io), 69);
	}
}
END_TEST

/* Where a section of that type starts, from `from` on. */
static size_t find(const uint8_t *bytes, size_t len, const char *type,
		   size_t from)
{
	uint8_t name[16] = { 0 };

	memcpy(name, type, strlen(type));
	for (size_t at = from; at + 76 <= len; at++)
		if (!memcmp(bytes + at, name, sizeof name))
			return at;
	ck_abort_msg("no section %s", type);
}

START_TEST(test_bad_table)
{
	g_autofree char *path = write_media("ewf");
	size_t len;
	g_autofree uint8_t *bytes = load(path, &len);
	size_t table = find(bytes, len, "table", 0);
	size_t table2 = find(bytes, len, "table2", 0);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) one = NULL;
	g_autoptr(Image) both = NULL;
	g_autoptr(Image) none = NULL;

	/* An entry: the copy is used. */
	bytes[table + 100 + 40] ^= 1;
	one = open_bytes(bytes, len, log);
	ck_assert_uint_eq(n_readable(one->io), 70);
	ck_assert(log_has(log, "its copy is looked for"));
	/* The checksum of both: used all the same. */
	bytes[table + 100 + 40] ^= 1;
	bytes[table + 100 + 70 * 4] ^= 1;
	bytes[table2 + 100 + 70 * 4] ^= 1;
	both = open_bytes(bytes, len, log);
	ck_assert_uint_eq(n_readable(both->io), 70);
	ck_assert(log_has(log, "used all the same"));
	/* No table is left: found by decoding, but for the short last one. */
	memset(bytes + table + 76, 0xff, 100);
	memset(bytes + table2 + 76, 0xff, 100);
	none = open_bytes(bytes, len, log);
	ck_assert_uint_eq(n_readable(none->io), 69);
	ck_assert(log_has(log, "found by decoding"));
}
END_TEST

/* Cut anywhere: nothing wrong is read, and all whole chunks before it are
 * there. */
START_TEST(test_cut)
{
	g_autofree char *path = write_media(_i ? "ewf" : "ewf-none");
	size_t len, start;
	g_autofree uint8_t *bytes = load(path, &len);
	unsigned last = 0;

	start = find(bytes, len, "sectors", 0) + 76;
	for (size_t cut = 13; cut < len; cut += len / 200 + 1) {
		g_autoptr(Image) image = open_bytes(bytes, cut, NULL);
		unsigned n = image ? n_readable(image->io) : 0;

		ck_assert_uint_ge(n, last);
		if (!_i && cut > start)
			ck_assert_uint_ge(n, MIN(69, (cut - start) /
							     (CHUNK + 4)));
		last = n;
	}
	ck_assert_uint_ge(last, 48);
}
END_TEST

/* A file of the set is not there: what is in the others is, at its place. */
START_TEST(test_missing_file)
{
	static const char *const suffix[] = { "2", "3" };
	g_autofree char *path = write_media("ewf-split");
	g_autofree char *other = g_strdup(path);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	uint8_t byte;

	other[strlen(other) - 1] = suffix[_i][0];
	ck_assert_int_eq(unlink(other), 0);
	image = image_open(path, NULL, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert(log_has(log, other));
	ck_assert_uint_eq(image_io_size(image->io),
			  _i ? 48 * CHUNK : MEDIA);
	ck_assert_uint_eq(n_readable(image->io), _i ? 48 : 46);
	ck_assert(image_io_read(image->io, 23 * CHUNK, &byte, 1));
	ck_assert(image_io_read(image->io, 24 * CHUNK, &byte, 1) == (_i > 0));
}
END_TEST

/* One of another set beside it is not taken. */
START_TEST(test_foreign_file)
{
	g_autofree char *path = write_media("ewf-split");
	g_autofree char *other = g_strdup(path);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	g_autofree uint8_t *bytes = NULL;
	uint32_t sum;
	size_t len;

	other[strlen(other) - 1] = '2';
	bytes = load(other, &len);
	bytes[13 + 76 + 64] ^= 1; /* the set's identifier */
	sum = GUINT32_TO_LE(ewf_adler32(1, bytes + 13 + 76, 1048));
	memcpy(bytes + 13 + 76 + 1048, &sum, 4);
	ck_assert(g_file_set_contents(other, (char *)bytes, (gssize)len,
				      NULL));
	image = image_open(path, NULL, log, NULL);
	ck_assert(log_has(log, "of another set"));
	ck_assert_uint_eq(n_readable(image->io), 46);
	/* Nor is a later file taken for the first. */
	g_clear_pointer(&image, image_free);
	image = image_open(other, NULL, log, NULL);
	ck_assert_ptr_null(image);
}
END_TEST

/* Every byte outside of the chunks, a bit at a time: never a wrong one. */
START_TEST(test_flips)
{
	g_autofree char *path = write_media("ewf");
	size_t len;
	g_autofree uint8_t *bytes = load(path, &len);
	size_t start = find(bytes, len, "sectors", 0) + 76;
	size_t end = find(bytes, len, "table", 0);

	for (size_t at = 0; at < len; at++) {
		g_autoptr(Image) image = NULL;

		if (at == start)
			at = end;
		bytes[at] ^= (uint8_t)(1u << (at % 8));
		image = open_bytes(bytes, len, NULL);
		/* Without its magic it may be anything. */
		if (image && image->wrappers->len)
			n_readable(image->io);
		bytes[at] ^= (uint8_t)(1u << (at % 8));
	}
}
END_TEST

/* A section's header, with its checksum. */
static void section(uint8_t *p, const char *type, uint64_t next, uint64_t size)
{
	uint32_t sum;

	memset(p, 0, 76);
	memcpy(p, type, strlen(type));
	next = GUINT64_TO_LE(next);
	size = GUINT64_TO_LE(size);
	memcpy(p + 16, &next, 8);
	memcpy(p + 24, &size, 8);
	sum = GUINT32_TO_LE(ewf_adler32(1, p, 72));
	memcpy(p + 72, &sum, 4);
}

/* Volume sections with numbers that nobody has. */
START_TEST(test_hostile_volume)
{
	static const struct {
		uint32_t chunks, sectors, bytes;
		uint64_t all;
	} made_up[] = {
		{ UINT32_MAX, 64, 512, UINT64_MAX },
		{ 1, UINT32_MAX, UINT32_MAX, 1 },
		{ 1, 0, 512, 1 },
		{ 1, 64, 0, 1 },
		{ 1, 1, 1, 1 },
		{ 0, 64, 512, UINT64_C(1) << 60 },
		{ UINT32_MAX, 32768, 512, UINT64_C(1) << 54 },
		{ 1, 65536, 512, 1 },
	};
	g_autofree char *path = write_media("ewf");
	size_t len;
	g_autofree uint8_t *bytes = load(path, &len);
	uint8_t *d = bytes + find(bytes, len, "volume", 0) + 76;
	uint32_t sum;

	for (size_t i = 0; i < G_N_ELEMENTS(made_up); i++) {
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;
		uint8_t byte;

		memcpy(d + 4, &made_up[i].chunks, 4);
		memcpy(d + 8, &made_up[i].sectors, 4);
		memcpy(d + 12, &made_up[i].bytes, 4);
		memcpy(d + 16, &made_up[i].all, 8);
		sum = GUINT32_TO_LE(ewf_adler32(1, d, 1048));
		memcpy(d + 1048, &sum, 4);
		image = open_bytes(bytes, len, log);
		if (image)
			(void)!image_io_read(image->io, 0, &byte, 1);
		ck_assert(!log_has(log, "libewf"));
	}
}
END_TEST

/* Thousands of sections that all want the same bytes decoded. */
START_TEST(test_hostile_sections)
{
	enum { N = 20000 };
	size_t len = 13 + N * 76 + 100;
	g_autofree uint8_t *bytes = g_malloc0(len);
	struct rusage before, after;

	memcpy(bytes, "EVF\t\r\n\xff\0\1\1\0\0", 13);
	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < N; i++)
		section(bytes + 13 + i * 76, i % 2 ? "sectors" : "table2",
			13 + (i + 1) * 76, UINT64_C(1) << 62);
	ck_assert_ptr_null(open_bytes(bytes, len, NULL));
	/* Next leads back, or nowhere. */
	section(bytes + 13, "sectors", 13, 76);
	ck_assert_ptr_null(open_bytes(bytes, len, NULL));
	section(bytes + 13, "sectors", UINT64_MAX, UINT64_MAX);
	ck_assert_ptr_null(open_bytes(bytes, len, NULL));
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 65536);
}
END_TEST

START_TEST(test_refused)
{
	static const struct {
		const char *bytes;
		const char *word;
	} files[] = {
		{ "EVF2\r\n\x81\0\2\1\1\0\0\0\0\0", "Ex01" },
		{ "EVF\t\r\n\xff\0\1\3\0\0\0\0\0\0", "file 3 of a set" },
		{ "EVF\t\r\n\xff\0\1\1\0\0\0\0\0\0", "ewfrecover" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autoptr(GError) error = NULL;
		uint8_t bytes[16];

		memcpy(bytes, files[i].bytes, sizeof bytes);
		ck_assert_ptr_null(image_open_io(
			image_io_memory(bytes, sizeof bytes), "x", NULL, NULL,
			&error));
		ck_assert_msg(strstr(error->message, files[i].word) != NULL,
			      "%s", error->message);
	}
}
END_TEST

/* No read of the file may fail unnoticed. */
struct faults {
	const uint8_t *bytes;
	size_t len;
	unsigned left;
};

static int64_t faulty_read(void *ctx, uint64_t off, void *buf,
			   size_t len_bytes)
{
	struct faults *f = ctx;

	if (!f->left || !--f->left)
		return -1;
	len_bytes = (size_t)MIN(len_bytes, f->len - off);
	memcpy(buf, f->bytes + off, len_bytes);
	return (int64_t)len_bytes;
}

START_TEST(test_faults)
{
	g_autofree char *path = write_media("ewf");
	size_t len;
	g_autofree uint8_t *bytes = load(path, &len);

	for (unsigned n = 1; n < 250; n++) {
		struct faults f = { bytes, len, n };
		ImageIo *io = image_io_memory(bytes, len);
		g_autoptr(Image) image = NULL;

		image_io_set_reader(io, faulty_read, &f);
		image = image_open_io(io, "x", NULL, NULL, NULL);
		if (image && image->wrappers->len)
			n_readable(image->io);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-ewf");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_names);
	tcase_add_loop_test(tcase, test_whole, 0, G_N_ELEMENTS(writers));
	tcase_add_loop_test(tcase, test_bad_chunk, 0, 2);
	tcase_add_test(tcase, test_bad_table);
	tcase_add_loop_test(tcase, test_cut, 0, 2);
	tcase_add_loop_test(tcase, test_missing_file, 0, 2);
	tcase_add_test(tcase, test_foreign_file);
	tcase_add_test(tcase, test_flips);
	tcase_add_test(tcase, test_hostile_volume);
	tcase_add_test(tcase, test_hostile_sections);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_faults);
	return unit_main(suite);
}

#else

int main(void)
{
	return 77;
}

#endif
