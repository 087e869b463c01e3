/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crash dumps. */
#include "config.h"

#include "unit/unit.h"
#include "unit/unit-runs.h"

#include <string.h>

#include "image/formats.h"

#define FILE_BYTES (0x2000 + 8 * 4096)

struct dump {
	bool is64;
	uint8_t bytes[FILE_BYTES];
};

static void put(struct dump *d, size_t at, uint64_t value, size_t len)
{
	const uint64_t word = GUINT64_TO_LE(value);

	memcpy(d->bytes + at, &word, len);
}

static void put_word(struct dump *d, size_t at64, size_t at32, uint64_t value)
{
	put(d, d->is64 ? at64 : at32, value, d->is64 ? 8 : 4);
}

static void put_run(struct dump *d, unsigned i, uint64_t page, uint64_t pages)
{
	size_t unit = d->is64 ? 16 : 8;
	size_t at = (d->is64 ? 0x88u : 0x64u) + unit * (i + 1);

	put(d, at, page, unit / 2);
	put(d, at + unit / 2, pages, unit / 2);
}

/* Two runs: pages 1 to 3, 16 to 20. */
static void make(struct dump *d, bool is64)
{
	d->is64 = is64;
	memset(d->bytes, 0, sizeof d->bytes);
	for (size_t i = 0; i < 0x1000; i += 4)
		memcpy(d->bytes + i, "PAGE", 4);
	memcpy(d->bytes + 4, is64 ? "DU64" : "DUMP", 4);
	put_word(d, 0x10, 0x10, 0x1ad000);
	put_word(d, 0x28, 0x1c, 0x81234560);
	put_word(d, 0x80, 0x60, 0x81230000);
	put(d, is64 ? 0x88 : 0x64, 2, 4);
	put_run(d, 0, 1, 3);
	put_run(d, 1, 16, 5);
	put(d, is64 ? 0xf98 : 0xf88, 1, 4);
	put(d, is64 ? 0xfa8 : 0xfc0, UINT64_C(133483445680000000), 8);
}

static Image *open_dump(const struct dump *d, size_t len, const char *format,
			GError **error)
{
	return image_open_io(image_io_memory(d->bytes, len), "x",
			     IMAGE_FORMAT(format), NULL, error);
}

START_TEST(test_full)
{
	g_autofree struct dump *d = g_new(struct dump, 1);
	g_autoptr(Image) image = NULL;
	struct image_run run;

	make(d, _i);
	image = open_dump(d, sizeof d->bytes, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "crashdump");
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	run = unit_run(image->runs, 0);
	ck_assert_uint_eq(run.pa, 0x1000);
	ck_assert_uint_eq(run.len, 0x3000);
	ck_assert_uint_eq(run.off, _i ? 0x2000 : 0x1000);
	run = unit_run(image->runs, 1);
	ck_assert_uint_eq(run.pa, 0x10000);
	ck_assert_uint_eq(run.len, 0x5000);
	ck_assert_uint_eq(run.off, _i ? 0x5000 : 0x4000);
	ck_assert_uint_eq(image->facts.dtb, 0x1ad000);
	ck_assert_uint_eq(image->facts.ps_active_head, 0x81234560);
	ck_assert_uint_eq(image->facts.kdbg, 0x81230000);
	/* what was not filled in */
	ck_assert_uint_eq(image->facts.ps_loaded_module_list, 0);
	ck_assert_uint_eq(image->capture_filetime,
			  UINT64_C(133483445680000000));
}
END_TEST

/* Other kinds, and headers that make no sense, are nobody's: refused by name
 * unless the format is forced, which says why. */
START_TEST(test_refused)
{
	g_autofree struct dump *d = g_new(struct dump, 1);
	const uint32_t types[] = { 0, 2, 4, 5, 6, 0x45474150 };

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autoptr(GError) error = NULL, forced = NULL;

		make(d, _i);
		put(d, _i ? 0xf98 : 0xf88, types[i], 4);
		ck_assert_ptr_null(
			open_dump(d, sizeof d->bytes, NULL, &error));
		ck_assert_ptr_nonnull(strstr(error->message, "crash dump"));
		ck_assert_ptr_null(open_dump(d, sizeof d->bytes, "crashdump",
					     &forced));
		ck_assert_ptr_nonnull(strstr(forced->message, "of type"));
	}
	for (size_t len = 0; len < 0x1000; len += 0x1ff) {
		make(d, _i);
		if (len > 8)
			ck_assert_ptr_null(open_dump(d, len, NULL, NULL));
	}
}
END_TEST

/* Counts and runs that lie: what is in the file is used, nothing wraps. */
START_TEST(test_hostile)
{
	static const uint64_t odd[] = { 0, 1, UINT32_MAX, UINT64_MAX,
					UINT64_C(1) << 52, UINT64_C(1) << 40 };
	g_autofree struct dump *d = g_new(struct dump, 1);

	for (size_t i = 0; i < G_N_ELEMENTS(odd); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(odd); j++) {
			g_autoptr(Image) image = NULL;

			make(d, _i);
			put_run(d, 0, odd[i], odd[j]);
			image = open_dump(d, sizeof d->bytes, NULL, NULL);
			if (!image)
				continue;
			ck_assert_uint_le(image_runs_bytes(image->runs),
					  sizeof d->bytes);
			ck_assert_uint_le(image_runs_end(image->runs),
					  PHYS_ADDR_END);
		}
	for (uint32_t n = 0; n < 200; n++) {
		g_autoptr(Image) image = NULL;

		make(d, _i);
		put(d, _i ? 0x88 : 0x64, n == 199 ? UINT32_MAX : n, 4);
		image = open_dump(d, sizeof d->bytes, NULL, NULL);
		ck_assert_int_eq(image != NULL, n > 0 && n <= (_i ? 42 : 86));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-crashdump");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_full, 0, 2);
	tcase_add_loop_test(tcase, test_refused, 0, 2);
	tcase_add_loop_test(tcase, test_hostile, 0, 2);
	return unit_main(suite);
}
