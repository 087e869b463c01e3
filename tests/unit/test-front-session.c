/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of sessions and of the table of inodes. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "front/inodes.h"
#include "front/session.h"

static Options *options_for(const char *path, const char *list)
{
	char *argv[] = { (char *)(uintptr_t)"w", (char *)(uintptr_t)"-o",
			 (char *)(uintptr_t)list, (char *)(uintptr_t)path,
			 (char *)(uintptr_t)"mnt", NULL };
	Options *o = options_parse(5, argv, NULL);

	ck_assert_ptr_nonnull(o);
	return o;
}

static char *dir;
static char *image;

static void setup(void)
{
	const struct mk_options options = { .seed = 1, .size_mib = 16,
					    .procs = 4 };
	g_autoptr(MkWin) win = mk_win_new(&options, NULL);

	dir = unit_dir_new();
	image = g_build_filename(dir, "image", NULL);
	ck_assert(mk_win_write(win, image, MK_FORMAT_RAW, NULL));
}

static void teardown(void)
{
	g_free(image);
	unit_dir_free(dir);
}

START_TEST(test_open)
{
	g_autoptr(Options) o = options_for(image, "");
	g_autoptr(Session) s = session_open(o, NULL);
	struct tree_node node;

	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_nonnull(s->kernel);
	ck_assert_uint_eq(procset_count(s->procs), 4);
	ck_assert_int_eq(tree_resolve(s->tree, "proc/4/maps", &node), 0);
	session_free(NULL);
}
END_TEST

START_TEST(test_select)
{
	g_autoptr(Options) o = options_for(image, "pids=4");
	g_autoptr(Session) s = session_open(o, NULL);
	g_autoptr(Options) none = options_for(image, "proc_regex=nosuch");
	g_autoptr(Session) empty = session_open(none, NULL);
	g_autofree char *text = NULL;

	ck_assert_uint_eq(procset_count(s->procs), 1);
	ck_assert_uint_eq(procset_count(empty->procs), 0);
	text = log_text(empty->log);
	ck_assert_ptr_nonnull(strstr(text, "no process is shown"));
}
END_TEST

/* Other forms than x64's: no Windows is looked for, memory is there. */
START_TEST(test_paging)
{
	g_autoptr(Options) o = options_for(image, "paging=x86,dtb=0x1000");
	g_autoptr(Session) s = session_open(o, NULL);
	struct tree_node node;

	ck_assert_ptr_null(s->kernel);
	ck_assert_int_eq(tree_resolve(s->tree, "dtb/0x1000/vmem", &node), 0);
	ck_assert_int_eq(tree_resolve(s->tree, "image/pmem", &node), 0);
}
END_TEST

START_TEST(test_refused)
{
	g_autoptr(GError) error = NULL, foreign = NULL;
	g_autofree char *none = g_build_filename(dir, "none", NULL);
	g_autofree char *dump = unit_file(dir, "dump", "PAGEDU64....", 12);
	g_autoptr(Options) o = options_for(none, "");
	g_autoptr(Options) p = options_for(dump, "");

	ck_assert_ptr_null(session_open(o, &error));
	ck_assert(g_str_has_prefix(error->message, none));
	ck_assert_ptr_null(session_open(p, &foreign));
	ck_assert_ptr_nonnull(strstr(foreign->message, "crash dump"));
}
END_TEST

START_TEST(test_inodes)
{
	g_autoptr(Options) o = options_for(image, "");
	g_autoptr(Session) s = session_open(o, NULL);
	InodeTable *table = inode_table_new(false);
	struct tree_node a, b;
	Inode *x, *y, *z;

	ck_assert_int_eq(tree_resolve(s->tree, "proc/4/maps", &a), 0);
	ck_assert_int_eq(tree_resolve(s->tree, "proc/4/memmap", &b), 0);
	x = inode_table_get(table, &a);
	y = inode_table_get(table, &b);
	z = inode_table_get(table, &a);
	ck_assert_ptr_eq(x, z);
	ck_assert_ptr_ne(x, y);
	ck_assert_uint_eq(x->n_lookups, 2);
	ck_assert_uint_eq(x->node.arg, a.arg);
	inode_table_forget(table, x, 1);
	ck_assert_uint_eq(x->n_lookups, 1);
	/* more than there are: gone, and made anew when asked for */
	inode_table_forget(table, x, 5);
	x = inode_table_get(table, &a);
	ck_assert_uint_eq(x->n_lookups, 1);
	inode_table_forget(table, y, 1);
	/* those that were not forgotten go with the table */
	inode_table_free(table);
	inode_table_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("front-session");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_open);
	tcase_add_test(tcase, test_select);
	tcase_add_test(tcase, test_paging);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_inodes);
	return unit_main(suite);
}
