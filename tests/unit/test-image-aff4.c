/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of AFF4 volumes: Turtle, maps of all kinds, what is made up. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "image/affturtle.h"

#ifdef HAVE_ZIP

#include <sys/resource.h>
#include <zip.h>

#include "base/bytes.h"
#include "image/affcut.h"
#include "image/formats.h"
#include "pmem/physmem.h"

#define VOLUME "aff4://1"
#define PREFIX "@prefix aff4: <http://aff4.org/Schema#> .\n"
#define MEMORY "<" VOLUME "/m> a aff4:Map ; aff4:category" \
	       " <http://aff4.org/Schema#memory/physical> .\n"

static char *dir;

static void setup(void)
{
	dir = unit_dir_new();
}

static void teardown(void)
{
	unit_dir_free(dir);
}

/* A volume that is being made, and its file. */
struct volume {
	zip_t *zip;
	char *path;
};

static struct volume volume_new(const char *turtle)
{
	struct volume v = { .path = g_build_filename(dir, "a.aff4", NULL) };

	v.zip = zip_open(v.path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	ck_assert_ptr_nonnull(v.zip);
	ck_assert_int_eq(zip_set_archive_comment(v.zip, VOLUME,
						 strlen(VOLUME)), 0);
	if (turtle) {
		zip_source_t *s = zip_source_buffer(v.zip, turtle,
						    strlen(turtle), 0);

		ck_assert_int_ge(zip_file_add(v.zip, "information.turtle", s,
					      0), 0);
	}
	return v;
}

/* bytes: until the volume is written. */
static void add(struct volume *v, const char *name, const void *bytes,
		size_t len, bool pack)
{
	zip_source_t *s = zip_source_buffer(v->zip, bytes, len, 0);
	zip_int64_t i = zip_file_add(v->zip, name, s, 0);

	ck_assert_int_ge(i, 0);
	zip_set_file_compression(v->zip, (zip_uint64_t)i,
				 pack ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
}

static Image *volume_open(struct volume *v, Log *log, GError **error)
{
	Image *image;

	ck_assert_int_eq(zip_close(v->zip), 0);
	image = image_open(v->path, NULL, log, error);
	g_free(v->path);
	return image;
}

static bool log_has(const Log *log, const char *word)
{
	g_autofree char *text = log_text(log);

	return strstr(text, word) != NULL;
}

static void put_entry(GByteArray *map, uint64_t at, uint64_t len,
		      uint64_t off, uint32_t target)
{
	uint64_t words[3] = { GUINT64_TO_LE(at), GUINT64_TO_LE(len),
			      GUINT64_TO_LE(off) };
	uint32_t id = GUINT32_TO_LE(target);

	g_byte_array_append(map, (guint8 *)words, sizeof words);
	g_byte_array_append(map, (guint8 *)&id, sizeof id);
}

/* What is at pa: the byte, -1 not in the image, -2 cannot be read. */
static int byte_at(const Image *image, uint64_t pa)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	uint8_t byte;

	switch (physmem_read(pm, PHYS(pa), &byte, 1)) {
	case PHYS_OK:
		return byte;
	case PHYS_OUTSIDE:
		return -1;
	default:
		return -2;
	}
}

/* Symbolic streams, a member, a map, an end that is missing. */
START_TEST(test_targets)
{
	static const char idx[] = VOLUME "/file\r\n"
					 "http://aff4.org/Schema#Zero\n"
					 "http://aff4.org/Schema#"
					 "SymbolicStreamA5\n"
					 "http://aff4.org/Schema#UnreadableData"
					 "\n" VOLUME "/none\n" VOLUME "/inner";
	static const char inner_idx[] = VOLUME "/file\n";
	static const uint8_t file[8192] = { [0] = 1, [4096] = 2, [8191] = 3 };
	g_autoptr(GByteArray) map = g_byte_array_new();
	g_autoptr(GByteArray) inner = g_byte_array_new();
	g_autoptr(Log) log = log_new();
	struct volume v = volume_new(PREFIX MEMORY);
	g_autoptr(Image) image = NULL;

	put_entry(map, 0, 4096, 4096, 0);
	put_entry(map, 0x10000, 8192, 0, 1);
	put_entry(map, 0x20000, 4096, 12345, 2);
	put_entry(map, 0x30000, 4096, 0, 3);
	put_entry(map, 0x40000, 4096, 0, 4);
	put_entry(map, 0x50000, 8192, 0, 5);
	put_entry(map, 0x60000, 8192, 4096, 0);	/* reaches beyond it */
	put_entry(map, 0x70000, 4096, 0, 77);	/* no such target */
	put_entry(inner, 4096, 4096, 0, 0);
	put_entry(inner, 0, 4096, 4096, 0);
	add(&v, "m/map", map->data, map->len, _i > 0);
	add(&v, "m/idx", idx, strlen(idx), _i > 0);
	add(&v, "inner/map", inner->data, inner->len, _i > 0);
	add(&v, "inner/idx", inner_idx, strlen(inner_idx), _i > 0);
	add(&v, "file", file, sizeof file, _i > 0);
	image = volume_open(&v, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(byte_at(image, 0), 2);
	ck_assert_int_eq(byte_at(image, 4095), 3);
	ck_assert_int_eq(byte_at(image, 0x10000), 0);
	ck_assert_int_eq(byte_at(image, 0x11fff), 0);
	ck_assert_int_eq(byte_at(image, 0x20000), 0xa5);
	ck_assert_int_eq(byte_at(image, 0x30000), -1);
	ck_assert_int_eq(byte_at(image, 0x40000), -1);
	ck_assert_int_eq(byte_at(image, 0x50000), 2);
	ck_assert_int_eq(byte_at(image, 0x51000), 1);
	ck_assert_int_eq(byte_at(image, 0x60fff), 3);
	ck_assert_int_eq(byte_at(image, 0x61000), -1);
	ck_assert_int_eq(byte_at(image, 0x70000), -1);
	ck_assert(log_has(log, "4096 bytes were not read"));
	ck_assert(log_has(log, "4096 bytes are in streams"));
	ck_assert(log_has(log, "1 entries of a map"));
	ck_assert(log_has(log, "aff4://1/none"));
}
END_TEST

/* A map without a target (found by fuzzing). */
START_TEST(test_no_target)
{
	static const char *const idx[] = { "", "\n", "\0aff4://1" };

	for (size_t i = 0; i < G_N_ELEMENTS(idx); i++) {
		g_autoptr(GByteArray) map = g_byte_array_new();
		struct volume v = volume_new(PREFIX MEMORY);
		g_autoptr(GError) error = NULL;

		put_entry(map, 0, 4096, 0, 0);
		add(&v, "m/map", map->data, map->len, false);
		add(&v, "m/idx", idx[i], i, false);
		ck_assert_ptr_null(volume_open(&v, NULL, &error));
	}
}
END_TEST

/* Maps that lead to each other, to themselves, or ever deeper. */
START_TEST(test_loops)
{
	g_autoptr(GByteArray) map = g_byte_array_new();
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct volume v = volume_new(PREFIX MEMORY);
	g_autoptr(Log) log = log_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) image = NULL;

	put_entry(map, 0, 4096, 0, 0);
	add(&v, "m/map", map->data, map->len, false);
	add(&v, "m/idx", VOLUME "/0\n" VOLUME "/m\n",
	    strlen(VOLUME "/0\n" VOLUME "/m\n"), false);
	for (unsigned i = 0; i < 20; i++) {
		char *idx = g_strdup_printf(VOLUME "/%u\n" VOLUME "/m\n"
					    VOLUME "/%u", i + 1, i);
		g_autofree char *name = g_strdup_printf("%u/map", i);
		g_autofree char *other = g_strdup_printf("%u/idx", i);

		g_ptr_array_add(names, idx);
		add(&v, name, map->data, map->len, false);
		add(&v, other, idx, strlen(idx), false);
	}
	image = volume_open(&v, log, &error);
	if (image)
		ck_assert_int_lt(byte_at(image, 0), 0);
	ck_assert(log_has(log, "cannot be read"));
}
END_TEST

/* Numbers that nobody has. */
START_TEST(test_hostile_map)
{
	g_autoptr(GByteArray) map = g_byte_array_new();
	struct rusage before, after;
	static const char idx[] = "http://aff4.org/Schema#Zero\n" VOLUME "/f";
	static const uint8_t file[4096];
	struct volume v = volume_new(PREFIX MEMORY);
	g_autoptr(Image) image = NULL;

	put_entry(map, 0, UINT64_MAX, 0, 0);
	put_entry(map, UINT64_MAX - 4095, 8192, 0, 0);
	put_entry(map, UINT64_C(1) << 60, 4096, 0, 0);
	put_entry(map, 0, 4096, UINT64_MAX, 1);
	put_entry(map, 0, UINT64_C(1) << 52, 0, 0);
	put_entry(map, 0x1000, 0, 0, 1);
	put_entry(map, 0x1000, 4096, 1, UINT32_MAX);
	/* And more than are taken: 40 MiB, in a few KiB of a file. */
	g_byte_array_set_size(map, 40 << 20);
	memset(map->data + 7 * 28, 0, map->len - 7 * 28);
	add(&v, "m/map", map->data, map->len, true);
	add(&v, "m/idx", idx, strlen(idx), false);
	add(&v, "f", file, sizeof file, false);
	getrusage(RUSAGE_SELF, &before);
	image = volume_open(&v, NULL, NULL);
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 96 << 10);
	if (image)
		ck_assert_uint_le(image_runs_end(image->runs),
				  PHYS_ADDR_END);
}
END_TEST

/* Streams whose properties, index or chunks make no sense. */
START_TEST(test_hostile_stream)
{
	static const char *const properties[] = {
		"aff4:chunkSize 0", "aff4:chunkSize 18446744073709551615",
		"aff4:chunksInSegment 0", "aff4:chunksInSegment 4294967295",
		"aff4:size 18446744073709551615", "aff4:chunkSize -1",
		"aff4:size 4096 ; aff4:compressionMethod <x:rot13>",
		"aff4:size 1048576", "aff4:size 4503599627370496",
		"aff4:size \"\"\"12\"\"\"", "aff4:size 8192",
	};
	static const uint8_t bevy[4096];

	for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
		g_autofree char *turtle = g_strdup_printf(
			PREFIX "<" VOLUME "/s> a aff4:ImageStream ; %s .\n",
			properties[i]);
		struct volume v = volume_new(turtle);
		g_autoptr(GError) error = NULL;
		g_autoptr(Image) image = NULL;
		uint8_t index[24];

		memset(index, i % 2 ? 0xff : 0, sizeof index);
		index[8] = (uint8_t)i;
		add(&v, "s/00000000", bevy, sizeof bevy, false);
		add(&v, "s/00000000.index", index, sizeof index, false);
		image = volume_open(&v, NULL, &error);
		ck_assert(!image == !!error);
		if (image) {
			ck_assert_int_lt(byte_at(image, 0), 0);
			ck_assert_int_lt(byte_at(image, 8191), 0);
		}
	}
}
END_TEST

/* Page files come along, unless nothing is to be looked for. */
START_TEST(test_pagefiles)
{
	static const char turtle[] = PREFIX MEMORY
		"<" VOLUME "/c%3a/pagefile.sys> a aff4:zip_segment ;"
		" aff4:category <http://aff4.org/Schema#memory/pagefile> .\n"
		"<" VOLUME "/c/swapfile.sys> a aff4:Image .\n"
		"<" VOLUME "/d/pagefile.sys> a aff4:Image .\n";
	static const char idx[] = "http://aff4.org/Schema#Zero";
	static const char yaml[] = "Registers:\n  CR3: 1757184\n"
				   "KernBase: 0xfffff80420000000\n";
	static const uint8_t file[8192] = { 7 };
	const struct image_options no = { .no_companions = true };
	g_autoptr(GByteArray) map = g_byte_array_new();
	struct volume v = volume_new(turtle);
	g_autoptr(Image) image = NULL;
	g_autoptr(Image) without = NULL;
	g_autoptr(Log) log = log_new();
	g_autofree char *path = g_strdup(v.path);
	const struct image_companion *c;
	uint8_t byte;

	put_entry(map, 0, 4096, 0, 0);
	add(&v, "m/map", map->data, map->len, false);
	add(&v, "m/idx", idx, strlen(idx), false);
	add(&v, "m/information.yaml", yaml, strlen(yaml), false);
	add(&v, "c%253a/pagefile.sys", file, sizeof file, false);
	add(&v, "c/swapfile.sys", file, sizeof file, true);
	image = volume_open(&v, log, NULL);
	ck_assert_uint_eq(image->companions->len, 2);
	c = &g_array_index(image->companions, struct image_companion, 0);
	ck_assert_int_eq(c->kind, IMAGE_COMPANION_PAGEFILE);
	ck_assert_str_eq(c->path, "c%3a/pagefile.sys");
	ck_assert(image_io_read(c->io, 0, &byte, 1) && byte == 7);
	c = &g_array_index(image->companions, struct image_companion, 1);
	ck_assert_int_eq(c->kind, IMAGE_COMPANION_SWAPFILE);
	ck_assert_uint_eq(image_io_size(c->io), sizeof file);
	ck_assert(image_io_read(c->io, 0, &byte, 1) && byte == 7);
	ck_assert(log_has(log, "d/pagefile.sys cannot be read"));
	ck_assert_uint_eq(image->facts.kernel_base,
			  UINT64_C(0xfffff80420000000));
	ck_assert_uint_eq(g_array_index(image->cpus, struct image_cpu, 0).cr3,
			  1757184);
	without = image_open(path, &no, NULL, NULL);
	ck_assert_uint_eq(without->companions->len, 0);
}
END_TEST

/* What is no memory is refused in words. */
START_TEST(test_refused)
{
	static const struct {
		const char *turtle, *word;
	} files[] = {
		{ PREFIX "<" VOLUME "/d> a aff4:DiskImage .",
		  "holds no stream of physical memory" },
		{ PREFIX MEMORY, "no map or stream" },
		{ "", "holds no stream of physical memory" },
		{ NULL, "information.turtle" },
		{ PREFIX "<" VOLUME "/a> a aff4:Map . <" VOLUME
			 "/b> a aff4:Map .",
		  "holds no stream of physical memory" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		struct volume v = volume_new(files[i].turtle);
		g_autoptr(GError) error = NULL;

		add(&v, "x", "x", 1, false);
		ck_assert_ptr_null(volume_open(&v, NULL, &error));
		ck_assert_msg(strstr(error->message, files[i].word) != NULL,
			      "%s", error->message);
		ck_assert_ptr_null(strchr(error->message, '\n'));
	}
}
END_TEST

/* Sizes behind the data, of 32 and of 64 bits, also over pieces of what is
 * read at a time, and at the end of the file. */
START_TEST(test_descriptors)
{
	static const size_t lens[] = { 5, 65536 - 40, 65536 - 30, 65536 - 24,
				       65536 - 20, 65536, 200000 };

	for (size_t i = 0; i < G_N_ELEMENTS(lens); i++) {
		size_t tail = _i ? 24 : 16, len = 31 + lens[i] + tail;
		g_autofree uint8_t *bytes = g_malloc0(len);
		uint8_t *d = bytes + 31 + lens[i];
		uint32_t n = GUINT32_TO_LE((uint32_t)lens[i]);
		g_autoptr(ImageIo) io = image_io_memory(bytes, len);
		g_autoptr(GByteArray) made = NULL;

		memcpy(bytes, "PK\3\4", 4);
		bytes[6] = 8;
		bytes[26] = 1;
		bytes[30] = 'a';
		memcpy(d, "PK\7\10", 4);
		memcpy(d + 8, &n, 4);
		memcpy(d + (_i ? 16 : 12), &n, 4);
		made = aff_cut_make_directory(io);
		ck_assert_ptr_nonnull(made);
		ck_assert_uint_eq(load_le64(made->data + 47 + 4), lens[i]);
		ck_assert_uint_eq(load_le64(made->data + 47 + 12), lens[i]);
	}
}
END_TEST

/* Other archives: one file, stored. */
START_TEST(test_plain_zip)
{
	static const struct {
		bool pack, second;
		const char *word; /* NULL: it is opened */
	} files[] = {
		{ false, false, NULL },
		{ true, false, "memory.raw, which is compressed" },
		{ false, true, "several files" },
	};
	g_autofree uint8_t *bytes = g_malloc(40000);

	memset(bytes, 0x41, 40000);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		struct volume v = volume_new(NULL);
		g_autoptr(GError) error = NULL;
		g_autoptr(Image) image = NULL;

		zip_set_archive_comment(v.zip, "x", 1);
		zip_dir_add(v.zip, "folder", 0);
		add(&v, "folder/memory.raw", bytes, 40000, files[i].pack);
		if (files[i].second)
			add(&v, "b", "b", 1, false);
		image = volume_open(&v, NULL, &error);
		ck_assert(!image == !!files[i].word);
		if (image) {
			ck_assert_str_eq(image->wrappers->pdata[0],
					 "zip archive");
			ck_assert_uint_eq(image_runs_bytes(image->runs),
					  40000);
			ck_assert_int_eq(byte_at(image, 39999), 0x41);
		} else {
			ck_assert_msg(strstr(error->message,
					     files[i].word) != NULL,
				      "%s", error->message);
		}
	}
}
END_TEST

/* Ends of directories that claim what they cannot have. */
START_TEST(test_hostile_directory)
{
	uint8_t bytes[200] = "PK\3\4";
	uint8_t *end = bytes + 150;
	g_autoptr(ImageIo) io = image_io_memory(bytes, 172);
	g_autoptr(GByteArray) made = NULL;

	ck_assert(!aff_cut_has_directory(io));
	memcpy(end, "PK\5\6", 4);
	ck_assert(aff_cut_has_directory(io));
	end[8] = end[10] = 2; /* two members in 91 bytes */
	end[12] = 91;
	ck_assert(!aff_cut_has_directory(io));
	end[12] = 92;
	ck_assert(aff_cut_has_directory(io));
	memset(end + 8, 0xff, 12); /* in the larger form, which is not there */
	ck_assert(!aff_cut_has_directory(io));
	memcpy(end - 20, "PK\6\7", 4);
	end[-12] = 50;
	memcpy(bytes + 50, "PK\6\6", 4);
	ck_assert(aff_cut_has_directory(io));
	memset(bytes + 50 + 24, 0xff, 8); /* members */
	ck_assert(!aff_cut_has_directory(io));
	memset(bytes + 50 + 40, 0xff, 8); /* and bytes */
	ck_assert(!aff_cut_has_directory(io));
	made = aff_cut_make_directory(io);
	ck_assert_ptr_null(made);
}
END_TEST

#endif

/* Value of a property, for tests. */
static const char *value_of(const char *text, const char *subject,
			    const char *property)
{
	static char value[200];
	g_autoptr(AffTurtle) t = aff_turtle_parse(text, strlen(text));
	const char *found = aff_turtle_value(t, subject, property);

	g_strlcpy(value, found ? found : "(none)", sizeof value);
	return value;
}

START_TEST(test_turtle)
{
	static const char text[] =
		"@prefix aff4: <http://aff4.org/Schema#> .\n"
		"PREFIX x: <x/>.\n# a comment <> \"\n"
		"<s> a aff4:Map, aff4:Image ;\n\taff4:size \"12\"^^xsd:int ;"
		" aff4:chunkSize 32768; aff4:name \"a \\\"b\\\\\" ;"
		" x:lang \"w\"@en ; <full#p> '''q'r''' ; .\n"
		"x:t <http://y/z> 3.5 .\n"
		"[] bad ( 1 2 ) .\n"
		"<last> a x:Y .";
	g_autoptr(AffTurtle) t = aff_turtle_parse(text, strlen(text));
	uint64_t n;

	ck_assert(aff_turtle_has(t, "s", "type", "Map"));
	ck_assert(aff_turtle_has(t, "s", "type", "Image"));
	ck_assert(!aff_turtle_has(t, "s", "type", "Y"));
	ck_assert(aff_turtle_number(t, "s", "size", &n) && n == 12);
	ck_assert(aff_turtle_number(t, "s", "chunkSize", &n) && n == 32768);
	ck_assert(!aff_turtle_number(t, "s", "name", &n));
	ck_assert_str_eq(aff_turtle_value(t, "s", "name"), "a \"b\\");
	ck_assert_str_eq(aff_turtle_value(t, "s", "lang"), "w");
	ck_assert_str_eq(aff_turtle_value(t, "s", "p"), "q'r");
	ck_assert_str_eq(aff_turtle_value(t, "x/t", "z"), "3.5");
	ck_assert(aff_turtle_has(t, "last", "type", "Y"));
	ck_assert_uint_eq(aff_turtle_lost(t), 1);
	ck_assert_str_eq(value_of("<a> <b> <c", "a", "b"), "(none)");
	ck_assert_str_eq(value_of("<a> <b> \"c", "a", "b"), "(none)");
	ck_assert_str_eq(value_of("<a> <b> <c>", "a", "b"), "c");
	ck_assert_str_eq(value_of("<a> <b> c:d", "a", "b"), "c:d");
}
END_TEST

/* Any bytes: it ends, with what it may keep. */
START_TEST(test_turtle_noise)
{
	static const char signs[] = "<>\"'@prefix:a .;,^\\\n#[]()x";
	uint32_t state = 1;

	for (unsigned i = 0; i < 3000; i++) {
		char text[120];

		for (size_t k = 0; k < sizeof text; k++) {
			state = state * 1664525 + 1013904223;
			text[k] = signs[(state >> 16) % sizeof signs];
		}
		aff_turtle_free(aff_turtle_parse(text, sizeof text));
	}
}
END_TEST

/* A prefix makes short names long: together they are no more than allowed. */
START_TEST(test_turtle_bomb)
{
	g_autoptr(GString) text = g_string_new("@prefix a: <");
	g_autoptr(AffTurtle) t = NULL;

	for (unsigned i = 0; i < 60000; i++)
		g_string_append_c(text, 'x');
	g_string_append(text, "> .\n");
	for (unsigned i = 0; i < 60000; i++)
		g_string_append_printf(text, "a:%u a:b a:c .\n", i);
	t = aff_turtle_parse(text->str, text->len);
	ck_assert_uint_lt(aff_turtle_count(t), 300);
	ck_assert_uint_gt(aff_turtle_lost(t), 50000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-aff4");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_turtle);
	tcase_add_test(tcase, test_turtle_noise);
	tcase_add_test(tcase, test_turtle_bomb);
#ifdef HAVE_ZIP
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_targets, 0, 2);
	tcase_add_test(tcase, test_no_target);
	tcase_add_test(tcase, test_loops);
	tcase_add_test(tcase, test_hostile_map);
	tcase_add_test(tcase, test_hostile_stream);
	tcase_add_test(tcase, test_pagefiles);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_plain_zip);
	tcase_add_loop_test(tcase, test_descriptors, 0, 2);
	tcase_add_test(tcase, test_hostile_directory);
#endif
	return unit_main(suite);
}
