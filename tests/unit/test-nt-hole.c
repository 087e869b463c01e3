/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of raw files that lack the hole below 4 GiB. Files are sparse. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "image/hole.h"
#include "lib/mkfmt.h"
#include "nt/hole.h"

static char *dir;

static void setup(void)
{
	dir = unit_dir_new();
}

static void teardown(void)
{
	unit_dir_free(dir);
}

/* Writes a machine with a writer and opens it. */
static Image *open_machine(const struct mk_options *options,
			   const char *writer)
{
	static const struct mk_write_options none = { 0 };
	g_autofree char *path = g_build_filename(dir, "image", NULL);
	g_autoptr(MkWin) win = mk_win_new(options, NULL);
	const char *arg;
	Image *image;

	ck_assert_ptr_nonnull(win);
	ck_assert(mk_writer_find(writer, &arg)
			  ->write(mk_win_phys(win), path, &none, NULL, NULL));
	image = image_open(path, NULL, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	return image;
}

/* The hole that is found, as MiB; log: what was said of it. */
static uint64_t find(Image *image, char **log_ret)
{
	static const struct nt_hints hints = { 0 };
	g_autoptr(PhysMem) pm = physmem_new(image);
	g_autoptr(Log) log = log_new();
	uint64_t hole;

	ck_assert(image_may_lack_hole(image));
	hole = nt_hole_find(pm, image, &hints, log);
	if (log_ret)
		*log_ret = log_text(log);
	return hole / MIB;
}

/* Enough memory on both sides that page tables are on both. */
static const struct {
	uint64_t hole_mib, size_mib, dtb_at_mib;
	const char *layout;
	unsigned seed;
	bool no_lowstub;
} machines[] = {
	{ 2048, 3072, 0, NULL, 3, false },
	{ 2816, 3840, 0, NULL, 1, false },
	{ 3072, 4096, 0, NULL, 3, false },
	{ 3328, 4352, 0, NULL, 1, false },
	{ 3584, 4608, 0, NULL, 3, false },
	{ 3840, 4864, 0, NULL, 1, false },
	{ 3968, 4992, 0, NULL, 1, false },
	/* nothing below the hole tells where the tables are */
	{ 3072, 4096, 4200, NULL, 1, true },
	{ 3584, 4608, 4100, NULL, 1, true },
	/* other forms */
	{ 3072, 6144, 0, "x86pae-6.1.7601", 1, false },
	{ 3584, 6144, 0, "x86pae-10.0.10586", 2, false },
	{ 3072, 5120, 0, "amd64-6.1.7601-c", 3, false },
};

static struct mk_options options_of(int i)
{
	return (struct mk_options){
		.seed = machines[i].seed,
		.size_mib = machines[i].size_mib,
		.hole_at_mib = machines[i].hole_mib,
		.dtb_at_mib = machines[i].dtb_at_mib,
		.layout = machines[i].layout,
		.damage = { .no_lowstub = machines[i].no_lowstub },
	};
}

START_TEST(test_squeezed)
{
	const struct mk_options options = options_of(_i);
	g_autoptr(Image) image = open_machine(&options, "raw-squeezed");
	g_autofree char *log = NULL;
	uint64_t hole = find(image, &log);

	ck_assert_msg(hole == options.hole_at_mib, "%lu: %s",
		      (unsigned long)hole, log);
	ck_assert_ptr_nonnull(strstr(log, "map=FILE overrides it"));
}
END_TEST

START_TEST(test_flat)
{
	const struct mk_options options = options_of(_i);
	g_autoptr(Image) image = open_machine(&options, "raw");
	g_autofree char *log = NULL;
	uint64_t hole = find(image, &log);

	ck_assert_msg(!hole, "%lu: %s", (unsigned long)hole, log);
	ck_assert_ptr_nonnull(strstr(log, "info: image: taken as flat"));
}
END_TEST

/* No hole at all: memory up to so much. */
START_TEST(test_no_hole)
{
	static const uint64_t sizes[] = { 2049, 3072, 3584, 4096, 5000, 9000 };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		const struct mk_options options = { .seed = i + 1,
						    .size_mib = sizes[i] };
		g_autoptr(Image) image = open_machine(&options, "raw");

		ck_assert_uint_eq(find(image, NULL), 0);
	}
}
END_TEST

/* A flat file that ends early is a flat one, with less in it. */
START_TEST(test_cut)
{
	static const off_t ends[] = { 2100, 2600, 3072, 3500, 4096, 4200 };
	const struct mk_options options = { .seed = 2, .size_mib = 6000,
					    .hole_at_mib = 3072 };
	g_autofree char *path = g_build_filename(dir, "image", NULL);

	/* writes the file */
	image_free(open_machine(&options, "raw"));
	for (size_t i = G_N_ELEMENTS(ends); i-- > 0;) {
		g_autoptr(Image) image = NULL;
		g_autofree char *log = NULL;

		ck_assert_int_eq(truncate(path, ends[i] * (off_t)MIB), 0);
		image = image_open(path, NULL, NULL, NULL);
		ck_assert_msg(!find(image, &log), "%s", log);
	}
}
END_TEST

/* Nothing in it, or anything: flat. */
START_TEST(test_nothing)
{
	g_autofree char *path = unit_file(dir, "image", "", 0);
	g_autoptr(Image) zeros = NULL;
	g_autoptr(Image) noise = NULL;
	struct mk_random random = { 3 };
	uint64_t words[512];
	FILE *file;

	ck_assert_int_eq(truncate(path, (off_t)(5 * GIB)), 0);
	zeros = image_open(path, NULL, NULL, NULL);
	ck_assert_uint_eq(find(zeros, NULL), 0);
	file = fopen(path, "r+");
	for (int i = 0; i < 4096; i++) {
		for (size_t j = 0; j < 512; j++)
			words[j] = mk_random_next(&random) &
				   UINT64_C(0x80000001ffffffff);
		fwrite(words, sizeof words, 1, file);
	}
	fclose(file);
	noise = image_open(path, NULL, NULL, NULL);
	ck_assert_uint_eq(find(noise, NULL), 0);
}
END_TEST

/* Tables that lead to each other and to themselves, all over: an end there is,
 * and soon. */
START_TEST(test_loops)
{
	g_autofree char *path = unit_file(dir, "image", "", 0);
	g_autoptr(Image) image = NULL;
	uint64_t words[512];
	FILE *file = fopen(path, "r+");

	for (uint64_t page = 0; page < 8192; page++) {
		for (uint64_t j = 0; j < 512; j++)
			words[j] = ((page ^ j ^ (j & 7) << 17) << 12) | 0x63;
		words[511] = page << 12 | 0x63;
		fwrite(words, sizeof words, 1, file);
	}
	fclose(file);
	ck_assert_int_eq(truncate(path, (off_t)(5 * GIB)), 0);
	image = image_open(path, NULL, NULL, NULL);
	ck_assert_uint_eq(find(image, NULL), 0);
}
END_TEST

START_TEST(test_offsets)
{
	uint64_t off = 7;

	ck_assert(image_hole_offset(0, 5 * GIB, 4 * GIB, &off));
	ck_assert_uint_eq(off, 4 * GIB);
	ck_assert(!image_hole_offset(0, 5 * GIB, 5 * GIB, &off));
	ck_assert(image_hole_offset(3 * GIB, 5 * GIB, 3 * GIB - 1, &off));
	ck_assert_uint_eq(off, 3 * GIB - 1);
	ck_assert(!image_hole_offset(3 * GIB, 5 * GIB, 3 * GIB, &off));
	ck_assert(!image_hole_offset(3 * GIB, 5 * GIB, 4 * GIB - 1, &off));
	ck_assert(image_hole_offset(3 * GIB, 5 * GIB, 4 * GIB, &off));
	ck_assert_uint_eq(off, 3 * GIB);
	ck_assert(image_hole_offset(3 * GIB, 5 * GIB, 6 * GIB - 1, &off));
	ck_assert_uint_eq(off, 5 * GIB - 1);
	ck_assert(!image_hole_offset(3 * GIB, 5 * GIB, 6 * GIB, &off));
	ck_assert(!image_hole_offset(3 * GIB, 5 * GIB, UINT64_MAX, &off));
	ck_assert_uint_eq(image_hole_address(0, 4 * GIB), 4 * GIB);
	ck_assert_uint_eq(image_hole_address(3 * GIB, 3 * GIB), 4 * GIB);
	ck_assert_uint_eq(image_hole_address(3 * GIB, 3 * GIB - 1),
			  3 * GIB - 1);
}
END_TEST

/* What is asked about at all: raw, flat, and longer than the first hole. */
START_TEST(test_asked)
{
	g_autofree char *path = unit_file(dir, "image", "", 0);
	/* flat, but it was said */
	g_autofree char *map = unit_file(dir, "map", "0 0x80000001 0\n", 15);
	const struct image_options mapped = { .map_file = map };
	g_autoptr(Image) at = NULL;
	g_autoptr(Image) above = NULL;
	g_autoptr(Image) by_map = NULL;

	ck_assert_int_eq(truncate(path, (off_t)(2 * GIB)), 0);
	at = image_open(path, NULL, NULL, NULL);
	ck_assert(!image_may_lack_hole(at));
	ck_assert_int_eq(truncate(path, (off_t)(2 * GIB + 1)), 0);
	above = image_open(path, NULL, NULL, NULL);
	ck_assert(image_may_lack_hole(above));
	by_map = image_open(path, &mapped, NULL, NULL);
	ck_assert_uint_eq(image_runs_end(by_map->runs), 2 * GIB + 1);
	ck_assert(!image_may_lack_hole(by_map));
	image_set_hole(above, 2 * GIB);
	ck_assert_uint_eq(image_runs_count(above->runs), 2);
	ck_assert_uint_eq(image_runs_bytes(above->runs), 2 * GIB + 1);
	ck_assert_uint_eq(image_runs_end(above->runs), 4 * GIB + 1);
	ck_assert_ptr_nonnull(strstr(above->detail, "0x80000000"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-hole");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_squeezed, 0, G_N_ELEMENTS(machines));
	tcase_add_loop_test(tcase, test_flat, 0, G_N_ELEMENTS(machines));
	tcase_add_test(tcase, test_no_hole);
	tcase_add_test(tcase, test_cut);
	tcase_add_test(tcase, test_nothing);
	tcase_add_test(tcase, test_loops);
	tcase_add_test(tcase, test_offsets);
	tcase_add_test(tcase, test_asked);
	return unit_main(suite);
}
