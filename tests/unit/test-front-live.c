/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of sessions that replace each other while the image changes. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "front/inodes.h"
#include "front/live.h"

static char *dir;
static char *image;

static Options *live_options(const char *list)
{
	char *argv[] = { (char *)(uintptr_t)"w", (char *)(uintptr_t)"-o",
			 (char *)(uintptr_t)list, image,
			 (char *)(uintptr_t)"mnt", NULL };
	Options *o = options_parse(5, argv, NULL);

	ck_assert_ptr_nonnull(o);
	return o;
}

/* The same machine, with so many processes. */
static void write_machine(unsigned procs, bool low_stub)
{
	const struct mk_options options = {
		.seed = 1, .size_mib = 16, .procs = procs,
		.damage = { .no_lowstub = !low_stub },
	};
	g_autoptr(MkWin) win = mk_win_new(&options, NULL);

	ck_assert(mk_win_write(win, image, MK_FORMAT_RAW, NULL));
}

static void setup(void)
{
	dir = unit_dir_new();
	image = g_build_filename(dir, "image", NULL);
	write_machine(4, true);
}

static void teardown(void)
{
	g_free(image);
	unit_dir_free(dir);
}

static size_t n_processes(const Epoch *epoch)
{
	return procset_count(epoch_session(epoch)->procs);
}

static Live *live_start(const Options *o)
{
	Session *session = session_open(o, NULL);

	ck_assert_ptr_nonnull(session);
	return live_new(session, o);
}

/* Every question opens the image anew, but for what opening takes. */
static Epoch *renewed(Live *live)
{
	while (live_is_fresh(live))
		;
	return live_get_fresh(live);
}

START_TEST(test_replaced)
{
	g_autoptr(Options) o = live_options("live=0.01");
	Live *live = live_start(o);
	g_autoptr(Epoch) old = live_get(live), now = NULL, same = NULL;
	struct tree_node node;

	ck_assert_uint_eq(n_processes(old), 4);
	write_machine(6, true);
	now = renewed(live);
	same = live_get(live);
	ck_assert_ptr_ne(now, old);
	ck_assert_ptr_eq(now, same);
	ck_assert_uint_eq(n_processes(now), 6);
	ck_assert_uint_eq(epoch_session(now)->n_reads, 2);
	ck_assert(epoch_seconds_left(old) == 0);
	/* whoever has the old one goes on with it */
	ck_assert_uint_eq(n_processes(old), 4);
	ck_assert_int_eq(tree_resolve(epoch_session(old)->tree, "proc/4/maps",
				      &node), 0);
	g_clear_pointer(&old, epoch_unref);
	g_clear_pointer(&now, epoch_unref);
	g_clear_pointer(&same, epoch_unref);
	live_free(live);
	live_free(NULL);
}
END_TEST

START_TEST(test_fresh)
{
	g_autoptr(Options) o = live_options("live=3600");
	Live *live = live_start(o);
	Epoch *old = live_get(live), *now;

	write_machine(6, true);
	now = live_get_fresh(live);
	ck_assert_ptr_eq(now, old);
	ck_assert(epoch_seconds_left(now) > 3000);
	ck_assert(epoch_seconds_left(now) <= 3600);
	epoch_unref(old);
	epoch_unref(now);
	live_free(live);
}
END_TEST

/* Where the image cannot be opened, the last session stays. */
START_TEST(test_removed)
{
	g_autoptr(Options) o = live_options("live=0.01");
	Live *live = live_start(o);
	Epoch *old = live_get(live), *now;

	ck_assert_int_eq(remove(image), 0);
	now = renewed(live);
	ck_assert_ptr_eq(now, old);
	epoch_unref(now);
	write_machine(5, true);
	now = renewed(live);
	ck_assert_uint_eq(n_processes(now), 5);
	epoch_unref(old);
	epoch_unref(now);
	live_free(live);
}
END_TEST

/* Without Windows there is physical memory; with it, there are processes. */
START_TEST(test_comes_and_goes)
{
	g_autoptr(Options) o = live_options("live=0.01");
	Live *live = live_start(o);
	g_autofree uint8_t *zeros = g_malloc0(1 << 20);
	Epoch *now;

	ck_assert(g_file_set_contents(image, (const char *)zeros, 1 << 20,
				      NULL));
	now = renewed(live);
	ck_assert_ptr_null(epoch_session(now)->kernel);
	ck_assert_uint_eq(physmem_end(epoch_session(now)->pm), 1 << 20);
	epoch_unref(now);
	write_machine(5, true);
	now = renewed(live);
	ck_assert_uint_eq(n_processes(now), 5);
	epoch_unref(now);
	live_free(live);
}
END_TEST

/* What was found once need not be searched for again; but it is looked at. */
START_TEST(test_hints)
{
	g_autoptr(Options) o = live_options("live=0.01");
	Live *live;
	Epoch *now;

	write_machine(4, false);
	live = live_start(o);
	now = live_get(live);
	ck_assert_str_eq(epoch_session(now)->kernel->dtb_source,
			 "self-map scan");
	epoch_unref(now);
	write_machine(5, false);
	now = renewed(live);
	ck_assert_str_eq(epoch_session(now)->kernel->dtb_source,
			 "the search before");
	ck_assert_uint_eq(n_processes(now), 5);
	epoch_unref(now);
	live_free(live);
}
END_TEST

static struct tree_node last_process(Tree *tree)
{
	struct tree_node proc, node = { 0 }, last = { 0 };
	char *name;

	ck_assert_int_eq(tree_resolve(tree, "proc", &proc), 0);
	for (uint64_t i = 0; tree_entry(tree, &proc, i, &node, &name); i++) {
		g_free(name);
		/* Behind them are files of the machine. */
		if (node.space)
			last = node;
	}
	ck_assert_ptr_nonnull(last.space);
	return last;
}

/* An inode means the same file in whatever session, or none. */
START_TEST(test_find_again)
{
	static const char *const paths[] = {
		"", "processes", "proc/4/maps", "kernel/vmem", "by-name",
		"image/ptov/1000",
	};
	g_autoptr(Options) o = live_options("live");
	g_autoptr(Session) a = session_open(o, NULL), b = NULL;
	InodeTable *table = inode_table_new(true);
	struct tree_node x, y;
	struct space_id id;

	ck_assert_int_eq(o->live_usec, G_USEC_PER_SEC);
	write_machine(6, true);
	b = session_open_again(o, a, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		Inode *inode, *other;

		ck_assert_int_eq(tree_resolve(a->tree, paths[i], &x), 0);
		ck_assert_int_eq(tree_resolve(b->tree, paths[i], &y), 0);
		ck_assert_uint_eq(tree_ino(&x), tree_ino(&y));
		inode = inode_table_get(table, &x);
		other = inode_table_get(table, &y);
		ck_assert_ptr_eq(inode, other);
		ck_assert_ptr_null(inode->node.space);
		ck_assert(tree_find_again(b->tree, &inode->node, &inode->id,
					  &x));
		ck_assert(x.kind == y.kind && x.space == y.space &&
			  x.arg == y.arg);
	}
	/* a process that has come since, or that had another's place */
	y = last_process(b->tree);
	id = tree_space_id(&y);
	ck_assert(!tree_find_again(a->tree, &y, &id, &x));
	ck_assert(tree_find_again(b->tree, &y, &id, &x));
	id.since++;
	ck_assert(!tree_find_again(b->tree, &y, &id, &x));
	inode_table_free(table);
}
END_TEST

static bool has_maps(const Epoch *epoch)
{
	Tree *tree = epoch_session(epoch)->tree;
	struct tree_node node;
	struct stat st;

	if (tree_resolve(tree, "proc/4/maps", &node))
		return false;
	tree_stat(tree, &node, &st);
	return st.st_size > 0;
}

/* How often it had what it should have. */
static gpointer ask_often(gpointer live)
{
	guint n = 0;

	for (unsigned i = 0; i < 50; i++) {
		g_autoptr(Epoch) epoch = live_get_fresh(live);

		n += has_maps(epoch);
	}
	return GUINT_TO_POINTER(n);
}

START_TEST(test_threads)
{
	g_autoptr(Options) o = live_options("live=0.01");
	Live *live = live_start(o);
	GThread *threads[4];

	for (unsigned i = 0; i < 4; i++)
		threads[i] = g_thread_new("ask", ask_often, live);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(GPOINTER_TO_UINT(g_thread_join(threads[i])),
				  50);
	live_free(live);
}
END_TEST

/* 200 sessions leave nothing behind. (Nor do they under LeakSanitizer.) */
START_TEST(test_memory)
{
	g_autoptr(Options) o = live_options("live=0.01");
	Live *live = live_start(o);
	size_t before = 0, after;

	for (unsigned i = 0; i < 220; i++) {
		g_autoptr(Epoch) epoch = renewed(live);

		ck_assert(has_maps(epoch));
		if (i == 20)
			before = mallinfo2().uordblks;
	}
	after = mallinfo2().uordblks;
	ck_assert_uint_lt(after, before + (1 << 20));
	live_free(live);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("front-live");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_replaced);
	tcase_add_test(tcase, test_fresh);
	tcase_add_test(tcase, test_removed);
	tcase_add_test(tcase, test_comes_and_goes);
	tcase_add_test(tcase, test_hints);
	tcase_add_test(tcase, test_find_again);
	tcase_add_test(tcase, test_threads);
	tcase_add_test(tcase, test_memory);
	return unit_main(suite);
}
