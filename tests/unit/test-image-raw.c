/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of raw images, and of what is refused as such. */
#include "config.h"

#include "unit/unit.h"
#include "unit/unit-runs.h"

#include <string.h>

#include "image/formats.h"

static Image *open_bytes(const void *bytes, size_t len, const char *format,
			 GError **error)
{
	return image_open_io(image_io_memory(bytes, len), "x",
			     IMAGE_FORMAT(format), NULL, error);
}

START_TEST(test_sizes)
{
	static const uint8_t bytes[8192];
	static const size_t sizes[] = { 1, 15, 4095, 4096, 4097, 8191, 8192 };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(Image) image =
			open_bytes(bytes, sizes[i], NULL, NULL);

		ck_assert_ptr_nonnull(image);
		ck_assert_str_eq(image->ops->name, "raw");
		ck_assert_uint_eq(image_runs_count(image->runs), 1);
		ck_assert_uint_eq(unit_run(image->runs, 0).pa, 0);
		ck_assert_uint_eq(unit_run(image->runs, 0).off, 0);
		ck_assert_uint_eq(image_runs_bytes(image->runs), sizes[i]);
		ck_assert_uint_eq(image_runs_end(image->runs), sizes[i]);
	}
}
END_TEST

START_TEST(test_nothing)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(open_bytes("", 0, NULL, &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT));
	ck_assert_ptr_nonnull(strstr(error->message,
				     "holds no physical memory"));
}
END_TEST

static const struct {
	const char *magic;
	size_t len;
	const char *word;
} foreign[] = {
	{ "PAGEDU64", 8, "crash dump" },
	{ "PAGEDUMP", 8, "crash dump" },
	{ "\x9e\xdd\x43\x89", 4, "encrypted VMware" },
	{ "hibr", 4, "hibernation" },
	{ "HIBR", 4, "hibernation" },
	{ "QFI\xfb", 4, "qcow2" },
	{ "MDMP", 4, "minidump" },
	{ "\x1f\x8b\x08", 3, "gzip" },
	{ "\xfd" "7zXZ", 5, "xz" },
	{ "\x28\xb5\x2f\xfd", 4, "zstd" },
	{ "7z\xbc\xaf\x27\x1c", 6, "7z x" },
	{ "Rar!\x1a\x07", 6, "unrar" },
	{ "BZh91AY&SY", 10, "bunzip2" },
	{ "\x04\x22\x4d\x18", 4, "unlz4" },
	{ "\x7f" "ELF", 4, "ELF" },
};

START_TEST(test_foreign)
{
	for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Image) forced = NULL;
		uint8_t bytes[4096] = { 0 };

		memcpy(bytes, foreign[i].magic, foreign[i].len);
		ck_assert_ptr_null(open_bytes(bytes, sizeof bytes, NULL,
					      &error));
		ck_assert(g_error_matches(error, IMAGE_ERROR,
					  IMAGE_ERROR_FORMAT));
		ck_assert_msg(strstr(error->message, foreign[i].word) != NULL,
			      "%s", error->message);
		ck_assert_ptr_null(strchr(error->message, '\n'));
		/* Who insists gets the bytes. */
		forced = open_bytes(bytes, sizeof bytes, "raw", NULL);
		ck_assert_ptr_nonnull(forced);
	}
}
END_TEST

/* One byte less than the magic, or one bit off: no such format. */
START_TEST(test_nearly_foreign)
{
	for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
		g_autoptr(Image) shorter = NULL;
		g_autoptr(Image) other = NULL;
		uint8_t bytes[64] = { 0 };

		memcpy(bytes, foreign[i].magic, foreign[i].len);
		/* the magic proper of crash dumps ends with PAGEDU */
		shorter = open_bytes(bytes, MIN(foreign[i].len, 6) - 1, NULL,
				     NULL);
		ck_assert(shorter || foreign[i].len > 6);
		bytes[1] ^= 0x10;
		other = open_bytes(bytes, sizeof bytes, NULL, NULL);
		ck_assert_ptr_nonnull(other);
	}
}
END_TEST

START_TEST(test_unknown_format)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) by_name = open_bytes("abc", 3, "raw", NULL);

	ck_assert_ptr_nonnull(by_name);
	ck_assert_ptr_null(open_bytes("abc", 3, "nosuch", &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_OPTION));
	ck_assert_ptr_nonnull(strstr(error->message, "elf, "));
	ck_assert_ptr_nonnull(strstr(error->message, ", raw"));
}
END_TEST

START_TEST(test_not_there)
{
	g_autoptr(GError) error = NULL;
	char *dir = unit_dir_new();
	g_autofree char *path = g_build_filename(dir, "none", NULL);

	ck_assert_ptr_null(image_open(path, NULL, NULL, &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_OPEN));
	ck_assert(g_str_has_prefix(error->message, path));
	unit_dir_free(dir);
	image_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-raw");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_sizes);
	tcase_add_test(tcase, test_nothing);
	tcase_add_test(tcase, test_foreign);
	tcase_add_test(tcase, test_nearly_foreign);
	tcase_add_test(tcase, test_unknown_format);
	tcase_add_test(tcase, test_not_there);
	return unit_main(suite);
}
