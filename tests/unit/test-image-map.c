/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of map=: runs of physical memory as text. */
#include "config.h"

#include "unit/unit.h"
#include "unit/unit-runs.h"

#include <string.h>

#include "image/image.h"
#include "image/map.h"

#define DATA_SIZE 0x10000u

/* Text, and its runs as text, or what is said of it. */
static const struct {
	const char *text;
	const char *runs; /* "pa+len@off ..." in hex; NULL: refused */
	const char *error;
	unsigned n_overlaps, n_beyond;
} cases[] = {
	/* image/runs, and what people write */
	{ "0x0 0x1000 0x0\n0x5000 0x2000 0x1000\n", "0+1000@0 5000+2000@1000",
	  NULL, 0, 0 },
	{ "4096 8192 0", "1000+2000@0", NULL, 0, 0 },
	{ "\n# a map\n 0x1000\t4096   16 # first\r\n\n", "1000+1000@10", NULL,
	  0, 0 },
	{ "0x100000000 0x1000 0x2000\n0 0x1000 0", "0+1000@0 100000000+1000@"
	  "2000", NULL, 0, 0 },
	{ "0 0x2000 0\n0x1000 0x2000 0x4000\n", "0+2000@0 2000+1000@5000",
	  NULL, 1, 0 },
	{ "0 0x20000 0\n", "0+10000@0", NULL, 0, 1 },
	{ "0 0x1000 0x10000\n0 1 2", "0+1@2", NULL, 0, 1 },
	{ "0 0x1000 0xffffffffffffffff\n0 1 2", "0+1@2", NULL, 0, 1 },
	{ "0xffffffffffffffff 0xffffffffffffffff 0\n0 1 0", "0+1@0", NULL, 0,
	  1 },
	/* nothing is nothing */
	{ "0 0 0\n0 1 0\n", "0+1@0", NULL, 0, 0 },
	/* /proc/iomem */
	{ "00001000-0000 : x\n", NULL, "line 1: ", 0, 0 },
	{ "00000000-00000fff : Reserved\n"
	  "00001000-00002fff : System RAM\n"
	  "  00002000-00002fff : Kernel code\n"
	  "00003000-00003fff : PCI Bus 0000:00\n"
	  "00008000-0000afff : System RAM\n",
	  "1000+2000@0 8000+3000@2000", NULL, 0, 0 },
	{ "00000000-0000ffff : System RAM\n"
	  "100000000-10000ffff : System RAM\n",
	  "0+10000@0", NULL, 0, 1 },
	{ "00000000-00000000 : System RAM\n", NULL, "to root", 0, 0 },
	{ "0-ffffffffffffffff : System RAM\n", NULL, "beyond 2^64", 0, 0 },
	{ "0-fffffffffffffffe : System RAM\n1-ff : System RAM\n", NULL,
	  "line 2", 0, 0 },
	{ "0-fff System RAM\n", NULL, "':'", 0, 0 },
	/* refused, with the line */
	{ "", NULL, "holds no run", 0, 0 },
	{ "# nothing\n\n", NULL, "holds no run", 0, 0 },
	{ "0 0 0\n", NULL, "holds no run", 0, 0 },
	{ "0 4096\n", NULL, "line 1: \"0 4096\"", 0, 0 },
	{ "0 4096 0\n0 4096 0 1\n", NULL, "line 2: ", 0, 0 },
	{ "0 4096 0\n\nx y z\n", NULL, "line 3: \"x y z\"", 0, 0 },
	{ "0x 1 2\n", NULL, "line 1", 0, 0 },
	{ "0x1g 1 2\n", NULL, "line 1", 0, 0 },
	{ "1000h 1 2\n", NULL, "line 1", 0, 0 },
	{ "0x10000000000000000 1 2\n", NULL, "line 1", 0, 0 },
	{ "+1 1 2\n", NULL, "line 1", 0, 0 },
	/* one kind in a file */
	{ "0 4096 0\n1000-1fff : System RAM\n", NULL, "line 2", 0, 0 },
	{ "1000-1fff : System RAM\n0 4096 0\n", NULL, "line 2", 0, 0 },
	{ "\x1b[2J\xff 1 2\n", NULL, "line 1", 0, 0 },
};

static char *text_of(const ImageRuns *runs)
{
	GString *out = g_string_new(NULL);

	for (size_t i = 0; i < image_runs_count(runs); i++) {
		struct image_run r = unit_run(runs, i);

		g_string_append_printf(out, "%s%lx+%lx@%lx", i ? " " : "",
				       (unsigned long)r.pa,
				       (unsigned long)r.len,
				       (unsigned long)r.off);
	}
	return g_string_free(out, FALSE);
}

START_TEST(test_cases)
{
	const char *text = cases[_i].text;
	g_autoptr(ImageRuns) runs = image_runs_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *got = NULL;
	bool ok = image_map_parse(text, strlen(text), runs, DATA_SIZE, &error);

	ck_assert_msg(ok == !!cases[_i].runs, "%s: %s", text,
		      error ? error->message : "taken");
	if (!ok) {
		ck_assert(g_error_matches(error, IMAGE_ERROR,
					  IMAGE_ERROR_OPTION));
		ck_assert_msg(strstr(error->message, cases[_i].error) != NULL,
			      "%s", error->message);
		for (const char *p = error->message; *p; p++)
			ck_assert_int_ge((unsigned char)*p, ' ');
		return;
	}
	image_runs_finish(runs);
	got = text_of(runs);
	ck_assert_str_eq(got, cases[_i].runs);
	ck_assert_uint_eq(image_runs_damage(runs)->n_overlaps,
			  cases[_i].n_overlaps);
	ck_assert_uint_eq(image_runs_damage(runs)->n_beyond_file,
			  cases[_i].n_beyond);
}
END_TEST

/* A NUL, and a line that does not end. */
START_TEST(test_binary)
{
	static const char nul[] = "0 4096\0 0\n";
	g_autoptr(ImageRuns) runs = image_runs_new();
	g_autofree char *line = g_malloc(70000);

	ck_assert(!image_map_parse(nul, sizeof nul - 1, runs, DATA_SIZE,
				   NULL));
	memset(line, '1', 70000);
	ck_assert(!image_map_parse(line, 70000, runs, DATA_SIZE, NULL));
	ck_assert_uint_eq(image_runs_count(runs), 0);
}
END_TEST

static Image *open_mapped(const char *image, const char *map,
			  const char *format, Log *log, GError **error)
{
	const struct image_options options = { .map_file = map,
					       .format = format };

	return image_open(image, &options, log, error);
}

START_TEST(test_images)
{
	char *dir = unit_dir_new();
	uint8_t bytes[8192] = { "PAGEDU64" };
	g_autofree char *image = unit_file(dir, "i", bytes, sizeof bytes);
	g_autofree char *map = unit_file(dir, "m", "0x4000 4096 4096\n", 17);
	g_autofree char *bad = unit_file(dir, "b", "?\n", 2);
	g_autoptr(Log) log = log_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(Image) forced = open_mapped(image, map, "raw", NULL, NULL);
	g_autoptr(Image) i = open_mapped(image, map, NULL, log, NULL);

	ck_assert(i && forced);
	ck_assert_str_eq(i->ops->name, "raw");
	ck_assert_ptr_nonnull(strstr(i->detail, "map="));
	ck_assert_uint_eq(unit_run(i->runs, 0).pa, 0x4000);
	ck_assert_uint_eq(unit_run(i->runs, 0).off, 4096);
	/* it looks like something else, which is said */
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
	ck_assert_ptr_null(open_mapped(image, map, "elf", NULL, &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_OPTION));
	g_clear_error(&error);
	ck_assert_ptr_null(open_mapped(image, bad, NULL, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "b: line 1: \"?\""));
	g_clear_error(&error);
	ck_assert_ptr_null(open_mapped(image, dir, NULL, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "is a directory"));
	unit_dir_free(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-map");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_cases, 0, G_N_ELEMENTS(cases));
	tcase_add_test(tcase, test_binary);
	tcase_add_test(tcase, test_images);
	return unit_main(suite);
}
