/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the numbers that page files get, and of what the log says. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/pagefiles.h"
#include "front/session.h"
#include "nt/pagingfile.h"

/* --- numbers --- */

/* A table in a line, entry by entry: p a page file, s swapfile.sys, v the
 * store's, - none; "?": Windows' table is not known. */
static GArray *table_of(const char *text)
{
	GArray *table;

	if (*text == '?')
		return NULL;
	table = g_array_new(FALSE, TRUE, sizeof(struct nt_paging_file));
	for (unsigned i = 0; text[i]; i++) {
		const struct nt_paging_file file = {
			.number = i,
			.is_virtual = text[i] == 'v',
			.name = (char *)(uintptr_t)(
				text[i] == 's' ? "\\??\\E:\\SwapFile.SYS" :
				text[i] == 'p' ? "\\??\\C:\\pagefile.sys" :
						 NULL),
		};

		if (text[i] != '-')
			g_array_append_val(table, file);
	}
	return table;
}

static const struct {
	const char *table;
	const char *swap;  /* number of the swap file; NULL: not given */
	const char *files; /* entry by entry, x: a file, -: left out */
	const char *want;  /* their numbers in hex, - for none; ! behind those
			    * that Windows does not have */
} cases[] = {
	/* not known */
	{ "?", NULL, "xxx", "012" },
	{ "?", NULL, "x-x", "0-2" },
	{ "?", NULL, "", "" },
	{ "?", "1", "", "" },
	{ "?", "1", "xxx", "023" },
	{ "?", "1", "x-x", "0-3" },
	{ "?", NULL, "xxxxxxxxxxxxxxxx", "0123456789abcdef" },
	{ "?", "1", "xxxxxxxxxxxxxxxx", "023456789abcdef-" },
	/* before 8 */
	{ "p", NULL, "x", "0" },
	{ "pp", NULL, "xx", "01" },
	{ "pp", NULL, "-x", "-1" },
	{ "p", NULL, "xx", "01!" },
	{ "p-p", NULL, "xx", "02" },
	{ "p-p", NULL, "xxx", "021!" },
	{ "pp", "1", "x", "0" },
	{ "pp", "1", "xx", "02!" },
	/* 8 and later */
	{ "ps", NULL, "x", "0" },
	{ "ps", NULL, "xx", "01" },
	{ "ps", "1", "x", "0" },
	{ "ps", "1", "xx", "02!" },
	{ "sp", NULL, "x", "1" },
	{ "sp", NULL, "xx", "01" },
	{ "sp", "0", "x", "1" },
	/* with a store */
	{ "psvp", NULL, "xx", "03" },
	{ "psvp", NULL, "xxx", "013" },
	{ "psvp", NULL, "x-x", "0-3" },
	{ "psvp", "1", "xx", "03" },
	{ "psvp", "1", "xxx", "034!" },
	{ "psvp", "1", "-x", "-3" },
	{ "psvp", NULL, "xxxx", "0134!" },
	{ "pv", "2", "x", "0" },
	{ "pvv", "3", "x", "0" },
	{ "vp", "1", "", "" },
	{ "pvp", "3", "xx", "02" },
	/* nothing in it */
	{ "", NULL, "xx", "0!1!" },
	{ "", "1", "xx", "0!2!" },
	{ "v", NULL, "xx", "1!2!" },
	{ "ppppppppppppppps", "f", "xxxxxxxxxxxxxxxx", "0123456789abcde-" },
};

static void put_number(GString *out, int number)
{
	if (number < 0)
		g_string_append_c(out, '-');
	else
		g_string_append_printf(out, "%x", (unsigned)number);
}

START_TEST(test_numbers)
{
	GArray *table = table_of(cases[_i].table);
	size_t n = strlen(cases[_i].files);
	g_autoptr(GString) got = g_string_new(NULL);
	g_autoptr(GString) swap = g_string_new(NULL);
	struct page_file_numbers numbers;
	char *files[PAGE_FILES_MAX];

	for (size_t i = 0; i < n; i++)
		files[i] = (char *)(uintptr_t)(
			cases[_i].files[i] == 'x' ? "/f" : "");
	page_files_number(table, cases[_i].swap != NULL, files, n, &numbers);
	for (size_t i = 0; i < n; i++) {
		put_number(got, numbers.file[i]);
		if (numbers.extra[i] && numbers.file[i] >= 0)
			g_string_append_c(got, '!');
	}
	put_number(swap, numbers.swap);
	ck_assert_msg(!strcmp(got->str, cases[_i].want),
		      "%s with %s: %s, not %s", cases[_i].table,
		      cases[_i].files, got->str, cases[_i].want);
	ck_assert_str_eq(swap->str, cases[_i].swap ? cases[_i].swap : "-");
	if (table)
		g_array_unref(table);
}
END_TEST

/* --- sessions --- */

static char *dir;
static MkWin *machine;

static char *in_dir(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static void make(const char *layout, bool page_files)
{
	const struct mk_options options = {
		.seed = 3, .size_mib = 32, .procs = 3, .layout = layout,
		.page_files = page_files,
	};
	g_autofree char *path = NULL;

	dir = unit_dir_new();
	path = in_dir("image");
	machine = mk_win_new(&options, NULL);
	ck_assert(mk_win_write(machine, path, MK_FORMAT_RAW, NULL));
	for (unsigned i = 0; i < 4; i++) {
		g_autofree char *name = g_strdup_printf("pg%u", i);
		g_autofree char *file = in_dir(name);

		if (page_files && i != 2)
			ck_assert(mk_win_write_page_file(machine, i, file,
							 NULL));
	}
}

static void setup(void)
{
	make("amd64-10.0.19041-b", true);
}

static void setup_without(void)
{
	make("amd64-10.0.19041-b", false);
}

static void teardown(void)
{
	mk_win_free(machine);
	unit_dir_free(dir);
}

/* list: options, in which @ stands for the folder and its slash. */
static Options *options_for(const char *list)
{
	g_autofree char *slash = g_strconcat(dir, "/", NULL);
	g_auto(GStrv) parts = g_strsplit(list, "@", -1);
	g_autofree char *full = g_strjoinv(slash, parts);
	g_autofree char *image = in_dir("image");
	char *argv[] = { (char *)(uintptr_t)"w", (char *)(uintptr_t)"--check",
			 (char *)(uintptr_t)"-o", full, image, NULL };
	Options *o = options_parse(5, argv, NULL);

	ck_assert_ptr_nonnull(o);
	return o;
}

static Session *open_with(const char *list, GError **error)
{
	g_autoptr(Options) o = options_for(list);

	return session_open(o, error);
}

static void assert_log(const Session *s, const char *text)
{
	g_autofree char *log = log_text(s->log);

	ck_assert_msg(strstr(log, text) != NULL, "no \"%s\" in:\n%s", text,
		      log);
}

static void assert_no_log(const Session *s, const char *text)
{
	g_autofree char *log = log_text(s->log);

	ck_assert_msg(!strstr(log, text), "\"%s\" in:\n%s", text, log);
}

static char *info(const Session *s)
{
	struct tree_node node;
	TreeFile *file;
	struct read_plan plan;
	GString *text = g_string_new(NULL);

	ck_assert_int_eq(tree_resolve(s->tree, "image/info", &node), 0);
	file = tree_open(s->tree, &node);
	read_plan_init(&plan);
	ck_assert_int_eq(tree_file_read(file, 0, 65536, &plan), 0);
	for (unsigned i = 0; i < plan.n; i++)
		g_string_append_len(text, plan.iov[i].iov_base,
				    (gssize)plan.iov[i].iov_len);
	read_plan_clear(&plan);
	tree_file_close(file);
	return g_string_free(text, FALSE);
}

static void assert_info(const Session *s, const char *line)
{
	g_autofree char *text = info(s);

	ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in:\n%s", line,
		      text);
}

START_TEST(test_none)
{
	g_autoptr(Session) s = open_with("", NULL);

	ck_assert_ptr_eq(s->kernel->swap.files, s->page_files);
	ck_assert(!page_files_has(s->page_files, 0));
	/* nothing is wrong with an image whose page files are elsewhere */
	ck_assert_uint_eq(log_count(s->log, LOG_WARN), 0);
	assert_log(s, "info: page files: Windows has 0 (\\??\\C:\\pagefile.sys)"
		      ", 1 (\\??\\C:\\swapfile.sys), 3 (\\??\\D:\\pagefile.sys)"
		      ", not given");
	assert_info(s, "PageFileTable:\tsearch\n"
		       "PageFile:\t0 \\??\\C:\\pagefile.sys 393216 not given\n"
		       "PageFile:\t1 \\??\\C:\\swapfile.sys 65536 not given\n"
		       "PageFile:\t2 - 1310720 virtual store\n"
		       "PageFile:\t3 \\??\\D:\\pagefile.sys 2359296 not given\n"
		       );
}
END_TEST

static void check_page(const Session *s, const struct mk_page *page,
		       uint32_t pid, unsigned number, uint64_t place)
{
	uint8_t want[MK_PAGE_SIZE], got[MK_PAGE_SIZE];

	mk_page_fill(3, pid, page->va, want);
	ck_assert(page_files_read(s->page_files, number, place << 12, got,
				  sizeof got));
	ck_assert(!memcmp(want, got, sizeof got));
	/* those beside it are others */
	ck_assert(!page_files_read(s->page_files, number, (place + 1) << 12,
				   got, sizeof got) ||
		  memcmp(want, got, sizeof got));
}

/* What the entries name is in the files under their numbers. */
START_TEST(test_all)
{
	g_autoptr(Session) s =
		open_with("pagefile=@pg0:@pg3,swapfile=@pg1", NULL);
	const struct nt_pte_layout *l = &s->kernel->profile.pte;
	unsigned n[PAGE_FILES_MAX] = { 0 };

	ck_assert_uint_eq(log_count(s->log, LOG_WARN), 0);
	assert_log(s, "pg3, 9663676416 bytes; to Windows \\??\\D:\\pagefile.sys"
		      ", 2359296 pages");
	assert_no_log(s, "not given");
	assert_info(s, "PageFile:\t1 \\??\\C:\\swapfile.sys 65536 given\n");
	for (size_t i = 0; i < mk_win_n_processes(machine); i++) {
		const struct mk_process *p = mk_win_process(machine, i);

		for (guint j = 0; j < p->pages->len; j++) {
			const struct mk_page *page = &g_array_index(
				p->pages, struct mk_page, j);
			uint64_t raw = page->raw, number;

			if (page->state != MK_STATE_PAGEFILE ||
			    page->content != MK_CONTENT_LABEL)
				continue;
			if (!nt_field_get(l->swizzle, raw))
				raw &= ~mk_win_kernel(machine)
						->invalid_pte_mask;
			number = nt_field_get(l->pagefile_low, raw);
			n[number]++;
			check_page(s, page, p->pid, (unsigned)number,
				   nt_field_get(l->pagefile_high, raw));
		}
	}
	ck_assert_uint_ge(n[0], 4);
	ck_assert_uint_ge(n[1], 4);
	ck_assert_uint_ge(n[3], 4);
}
END_TEST

START_TEST(test_some)
{
	g_autoptr(Session) s = open_with("pagefile=@pg0", NULL);

	ck_assert_uint_eq(log_count(s->log, LOG_WARN), 1);
	assert_log(s, "warning: page files: Windows has 1 (\\??\\C:\\swapfile."
		      "sys), 3 (\\??\\D:\\pagefile.sys), not given");
	assert_info(s, "PageFile:\t0 \\??\\C:\\pagefile.sys 393216 given\n");
}
END_TEST

START_TEST(test_short)
{
	g_autofree char *path = in_dir("pg0");
	g_autoptr(Session) s = NULL;

	ck_assert_int_eq(truncate(path, 8192 + 100), 0);
	s = open_with("pagefile=@pg0:@pg3,swapfile=@pg1", NULL);
	ck_assert_uint_eq(log_count(s->log, LOG_WARN), 1);
	assert_log(s, "shorter than Windows has it (2 of 393216 pages)");
}
END_TEST

START_TEST(test_extra)
{
	g_autoptr(Session) s =
		open_with("pagefile=@pg0:@pg1:@pg3:@image", NULL);

	assert_log(s, "image is one more than Windows has; it is taken for"
		      " number 4");
	assert_info(s, "PageFile:\t4 - - given\n");
}
END_TEST

/* Gives a file of the folder another name, and back. */
static void give_name(const char *from, const char *to)
{
	g_autofree char *a = in_dir(from);
	g_autofree char *b = in_dir(to);

	ck_assert_int_eq(rename(a, b), 0);
}

/* Beside the image, under Windows' names, as long as Windows has them. */
START_TEST(test_found)
{
	g_autoptr(Session) s = NULL;
	g_autoptr(Session) none = NULL;
	g_autoptr(Session) alone = NULL;
	g_autoptr(Session) given = NULL;

	give_name("pg0", "PageFile.sys");
	give_name("pg1", "image-swapfile.sys");
	s = open_with("", NULL);
	none = open_with("pagefile=none", NULL);
	alone = open_with("nocompanions", NULL);
	given = open_with("swapfile=@image-swapfile.sys", NULL);
	give_name("PageFile.sys", "pg0");
	give_name("image-swapfile.sys", "pg1");

	ck_assert_uint_eq(log_count(s->log, LOG_WARN), 0);
	assert_log(s, "PageFile.sys was found beside the image, and is taken"
		      " for number 0");
	assert_info(s, "PageFile:\t0 \\??\\C:\\pagefile.sys 393216 found"
		       " beside the image\n");
	assert_info(s, "PageFile:\t1 \\??\\C:\\swapfile.sys 65536 found"
		       " beside the image\n");
	assert_info(s, "PageFile.sys (page file)\n");
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++) {
		ck_assert(page_files_has(s->page_files, i) == (i < 2));
		ck_assert(!page_files_has(none->page_files, i));
		ck_assert(!page_files_has(alone->page_files, i));
		/* who gives one is believed to have given all */
		ck_assert(page_files_has(given->page_files, i) == (i == 1));
	}
	assert_info(given, "PageFile:\t1 \\??\\C:\\swapfile.sys 65536"
			   " given\n");
}
END_TEST

/* Of another machine, it seems: not used, but said. */
START_TEST(test_found_other)
{
	g_autoptr(Session) s = NULL;

	give_name("pg1", "pagefile.sys");
	s = open_with("", NULL);
	give_name("pagefile.sys", "pg1");
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++)
		ck_assert(!page_files_has(s->page_files, i));
	assert_log(s, "pagefile.sys was found, but is not used: Windows has"
		      " none that is as long; pagefile=");
	ck_assert_uint_eq(log_count(s->log, LOG_WARN), 1);
}
END_TEST

/* In the image's container: whatever its length, a fitting one first. */
START_TEST(test_found_inside)
{
	static const uint8_t bytes[12288];
	g_autofree char *path = in_dir("image");
	g_autoptr(Options) o = options_for("");
	g_autoptr(Session) s = NULL;
	Image *image = image_open(path, NULL, NULL, NULL);
	uint8_t byte;

	image_add_companion(image, IMAGE_COMPANION_PAGEFILE, "C:/pagefile.sys",
			    image_io_memory(bytes, sizeof bytes));
	image_add_companion(image, IMAGE_COMPANION_STATE, "x",
			    image_io_memory(bytes, sizeof bytes));
	s = session_open_image(image, log_new(), o, NULL);
	ck_assert_uint_eq(page_files_size(s->page_files, 0), sizeof bytes);
	ck_assert_str_eq(page_files_origin(s->page_files, 0),
			 "found in the image");
	ck_assert_str_eq(page_files_origin(s->page_files, 1), "not given");
	ck_assert(page_files_read(s->page_files, 0, 12287, &byte, 1));
	ck_assert(!page_files_read(s->page_files, 0, 12288, &byte, 1));
	/* shorter than Windows has it, which is said */
	ck_assert_uint_eq(log_count(s->log, LOG_WARN), 1);
	assert_log(s, "C:/pagefile.sys was found in the image");
}
END_TEST

static void assert_refused(const char *list, const char *start,
			   const char *word)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(open_with(list, &error));
	ck_assert_msg(g_str_has_prefix(error->message, start), "%s",
		      error->message);
	ck_assert_msg(strstr(error->message, word) != NULL, "%s",
		      error->message);
	ck_assert_ptr_null(strchr(error->message, '\n'));
}

START_TEST(test_refused)
{
	assert_refused("pagefile=@pg0:@nope", "pagefile=", "nope: cannot be");
	assert_refused("swapfile=@", "swapfile=", "is a directory");
	assert_refused("swapfile=@pg1,pagefile=a:a:a:a:a:a:a:a:a:a:a:a:a:a:a:a",
		       "pagefile=", "");
}
END_TEST

/* 16 beside a swap file are one too many. */
START_TEST(test_too_many)
{
	GString *list = g_string_new("swapfile=@pg1");

	for (unsigned i = 0; i < PAGE_FILES_MAX; i++)
		g_string_append(list, i ? ":@pg0" : ",pagefile=@pg0");
	assert_refused(list->str, "pagefile=", "no number is left");
	g_string_free(list, TRUE);
}
END_TEST

START_TEST(test_no_table)
{
	g_autoptr(Session) none = open_with("", NULL);
	g_autoptr(Session) s =
		open_with("pagefile=@image:@image,swapfile=@image", NULL);

	assert_no_log(none, "page files");
	assert_info(none, "PageFileTable:\t- (not found)\n");
	assert_log(s, "the numbers are assumed");
	assert_log(s, "swapfile= is 1");
	assert_info(s, "PageFile:\t0 - - given\nPageFile:\t1 - - given\n"
		       "PageFile:\t2 - - given\n");
}
END_TEST

/* Nothing tells whether one that was found belongs to it. */
START_TEST(test_found_no_table)
{
	g_autofree char *path = in_dir("pagefile.sys");
	g_autoptr(Session) s = NULL;

	ck_assert(g_file_set_contents(path, "x", 1, NULL));
	s = open_with("", NULL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!page_files_has(s->page_files, 0));
	assert_log(s, "but is not used: Windows' table");
}
END_TEST

/* No Windows, no use for them: said, and no harm done. */
START_TEST(test_no_windows)
{
	g_autoptr(Session) s =
		open_with("paging=x86,pagefile=@image", NULL);

	ck_assert_ptr_null(s->kernel);
	ck_assert(page_files_has(s->page_files, 0));
	assert_log(s, "the numbers are assumed");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("front-pagefiles");
	TCase *numbers = unit_case(suite, "numbers");
	TCase *sessions = unit_case(suite, "sessions");
	TCase *without = unit_case(suite, "no table");

	tcase_add_loop_test(numbers, test_numbers, 0, G_N_ELEMENTS(cases));
	tcase_add_unchecked_fixture(sessions, setup, teardown);
	tcase_add_test(sessions, test_none);
	tcase_add_test(sessions, test_all);
	tcase_add_test(sessions, test_some);
	tcase_add_test(sessions, test_extra);
	tcase_add_test(sessions, test_refused);
	tcase_add_test(sessions, test_too_many);
	tcase_add_test(sessions, test_found);
	tcase_add_test(sessions, test_found_other);
	tcase_add_test(sessions, test_found_inside);
	/* cuts a file, hence the last one */
	tcase_add_test(sessions, test_short);
	tcase_add_unchecked_fixture(without, setup_without, teardown);
	tcase_add_test(without, test_no_table);
	tcase_add_test(without, test_found_no_table);
	tcase_add_test(without, test_no_windows);
	return unit_main(suite);
}
