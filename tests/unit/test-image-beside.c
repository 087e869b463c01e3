/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the page files that are found beside an image. */
#include "config.h"

#include "unit/unit.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"

/* What is in the folder of "mem.raw", and what is found of it: the names of
 * the page file and of the swap file. */
static const struct {
	const char *names[4];
	const char *page, *swap;
} cases[] = {
	{ { NULL }, NULL, NULL },
	{ { "pagefile.sys" }, "pagefile.sys", NULL },
	{ { "PAGEFILE.SYS", "SwapFile.Sys" }, "PAGEFILE.SYS",
	  "SwapFile.Sys" },
	{ { "swapfile.sys" }, NULL, "swapfile.sys" },
	{ { "mem.raw.pagefile.sys", "mem-swapfile.sys" },
	  "mem.raw.pagefile.sys", "mem-swapfile.sys" },
	/* the image's name counts more, all of it more than a part */
	{ { "pagefile.sys", "mem.pagefile.sys" }, "mem.pagefile.sys", NULL },
	{ { "MEM_pagefile.sys", "mem.raw pagefile.sys", "pagefile.sys" },
	  "mem.raw pagefile.sys", NULL },
	/* of equals the first */
	{ { "mem.pagefile.sys", "mem-pagefile.sys" }, "mem-pagefile.sys",
	  NULL },
	/* not these */
	{ { "other.pagefile.sys", "mempagefile.sys", "pagefile.sys.bak" },
	  NULL, NULL },
	{ { "me.pagefile.sys", "mem..pagefile.sys", "mem.rawpagefile.sys" },
	  NULL, NULL },
};

static const char *find(const Image *image, enum image_companion_kind kind)
{
	for (guint i = 0; i < image->companions->len; i++) {
		const struct image_companion *c = &g_array_index(
			image->companions, struct image_companion, i);

		if (c->kind == kind)
			return strrchr(c->path, '/') + 1;
	}
	return NULL;
}

START_TEST(test_names)
{
	char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "mem.raw", "x", 1);
	const struct image_options options = { .no_companions = true };
	g_autoptr(Image) image = NULL;
	g_autoptr(Image) without = NULL;

	for (size_t i = 0; i < 4 && cases[_i].names[i]; i++)
		g_free(unit_file(dir, cases[_i].names[i], "x", 1));
	image = image_open(path, NULL, NULL, NULL);
	ck_assert_str_eq(find(image, IMAGE_COMPANION_PAGEFILE) ?: "",
			 cases[_i].page ?: "");
	ck_assert_str_eq(find(image, IMAGE_COMPANION_SWAPFILE) ?: "",
			 cases[_i].swap ?: "");
	without = image_open(path, &options, NULL, NULL);
	ck_assert_uint_eq(without->companions->len, 0);
	unit_dir_free(dir);
}
END_TEST

/* No file, no companion; the image is none to itself. */
START_TEST(test_odd)
{
	char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "pagefile.sys", "x", 1);
	g_autofree char *folder = g_build_filename(dir, "swapfile.sys", NULL);
	g_autofree char *fifo = g_build_filename(dir, "PAGEFILE.SYS", NULL);
	g_autoptr(Image) image = NULL;

	ck_assert_int_eq(g_mkdir(folder, 0700), 0);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	image = image_open(path, NULL, NULL, NULL);
	ck_assert_uint_eq(image->companions->len, 0);
	unit_dir_free(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-beside");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_names, 0, G_N_ELEMENTS(cases));
	tcase_add_test(tcase, test_odd);
	return unit_main(suite);
}
