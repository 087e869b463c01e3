/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the files that are read without having been opened. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "front/handles.h"
#include "front/session.h"

static char *dir;
static Options *options;
static Session *session;
static GArray *nodes; /* files of all kinds, more than are kept open */

#define KEPT 64u

static void add(const char *path)
{
	struct tree_node node;

	ck_assert_int_eq(tree_resolve(session->tree, path, &node), 0);
	g_array_append_val(nodes, node);
}

static void add_all(void)
{
	static const char *const names[] = { "maps", "memmap", "status", "stat",
					     "vmem", "smaps",  "vads",
					     "cmdline", "environ", "handles",
					     "pagemap", "maps.json", "core",
					     "status.json", "paging" };

	for (size_t i = 0; i < procset_count(session->procs); i++) {
		const struct proc_entry *p = procset_get(session->procs, i);

		for (size_t k = 0; k < G_N_ELEMENTS(names); k++) {
			g_autofree char *path = g_strdup_printf(
				"proc/%s/%s", p->dir, names[k]);

			add(path);
		}
	}
	add("processes");
	add("image/pmem");
}

static void setup(void)
{
	const struct mk_options mk = { .seed = 1, .size_mib = 16, .procs = 8 };
	g_autoptr(MkWin) win = mk_win_new(&mk, NULL);
	g_autofree char *image = NULL;
	char *argv[] = { (char *)(uintptr_t)"w", NULL,
			 (char *)(uintptr_t)"mnt", NULL };

	dir = unit_dir_new();
	image = g_build_filename(dir, "image", NULL);
	ck_assert(mk_win_write(win, image, MK_FORMAT_RAW, NULL));
	argv[1] = image;
	options = options_parse(3, argv, NULL);
	session = session_open(options, NULL);
	ck_assert_ptr_nonnull(session);
	nodes = g_array_new(FALSE, FALSE, sizeof(struct tree_node));
	add_all();
	ck_assert_uint_gt(nodes->len, KEPT);
}

static void teardown(void)
{
	g_array_unref(nodes);
	session_free(session);
	options_free(options);
	unit_dir_free(dir);
}

static const struct tree_node *node_at(guint i)
{
	return &g_array_index(nodes, struct tree_node, i % nodes->len);
}

/* A sum of the bytes at an offset. */
static guint sum(TreeFile *file, uint64_t off)
{
	struct read_plan plan;
	uint8_t buf[4096];
	guint hash = 5381;

	read_plan_init(&plan);
	ck_assert_int_eq(tree_file_read(file, off, sizeof buf, &plan), 0);
	ck_assert_uint_le(plan.len, sizeof buf);
	read_plan_gather(&plan, buf);
	for (size_t i = 0; i < plan.len; i++)
		hash = hash * 33 + buf[i];
	hash = hash * 33 + (guint)plan.len;
	read_plan_clear(&plan);
	return hash;
}

static guint sum_opened(const struct tree_node *node, uint64_t off)
{
	g_autoptr(TreeFile) file = tree_open(session->tree, node);

	ck_assert_ptr_nonnull(file);
	return sum(file, off);
}

/* The same as of a file that was opened for it, whatever was read before. */
static void check(Handles *handles, guint i, uint64_t off)
{
	g_autoptr(Handle) h = handles_open(handles, node_at(i));

	ck_assert_ptr_nonnull(h);
	ck_assert_uint_eq(sum(handle_file(h), off),
			  sum_opened(node_at(i), off));
}

static bool is_kept(Handles *handles, guint i)
{
	g_autoptr(Handle) h = handles_find(handles, node_at(i));

	return h != NULL;
}

START_TEST(test_one)
{
	g_autoptr(Handles) handles = handles_new(session->tree, 1 << 20, 0);
	g_autoptr(Handle) first = NULL, again = NULL, found = NULL;
	struct tree_node folder;

	ck_assert(!is_kept(handles, 0));
	first = handles_open(handles, node_at(0));
	again = handles_open(handles, node_at(0));
	found = handles_find(handles, node_at(0));
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_eq(first, again);
	ck_assert_ptr_eq(first, found);
	ck_assert(!is_kept(handles, 1));
	/* What is no file. */
	ck_assert_int_eq(tree_resolve(session->tree, "proc", &folder), 0);
	ck_assert_ptr_null(handles_open(handles, &folder));
	ck_assert_ptr_null(handles_find(handles, &folder));
	handles_free(NULL);
	handle_put(NULL);
}
END_TEST

/* More than there is place for: each is itself, and some are kept. */
START_TEST(test_many)
{
	g_autoptr(Handles) handles = handles_new(session->tree, G_MAXSIZE, 0);
	g_autoptr(Handle) held = handles_open(handles, node_at(0));
	guint before = sum(handle_file(held), 0), n = 0;

	for (guint i = 0; i < 3 * nodes->len; i++)
		check(handles, i, i < nodes->len ? 0 : 4096 * (i % 7));
	for (guint i = 0; i < nodes->len; i++)
		n += is_kept(handles, i);
	ck_assert_uint_gt(n, KEPT / 2);
	ck_assert_uint_le(n, KEPT);
	/* Pushed out or not: who has it goes on. */
	ck_assert_uint_eq(sum(handle_file(held), 0), before);
}
END_TEST

/* Texts and maps that nobody reads any more are given up when they are too
 * much; the one that came last stays. */
START_TEST(test_room)
{
	g_autoptr(Handles) handles = handles_new(session->tree, 1, 0);
	size_t total = 0;

	for (guint i = 0; i < nodes->len; i++) {
		g_autoptr(Handle) h = handles_open(handles, node_at(i));

		(void)sum(handle_file(h), 0);
		total += tree_file_footprint(handle_file(h));
		ck_assert(is_kept(handles, i));
	}
	ck_assert_uint_gt(total, 10000);
	for (guint i = 0; i + 1 < nodes->len; i++) {
		g_autoptr(Handle) h = handles_find(handles, node_at(i));

		ck_assert(!h || !tree_file_footprint(handle_file(h)));
	}
}
END_TEST

/* Texts that were read a moment ago stay, however much they are; maps of
 * memory do not, for others keep them. */
START_TEST(test_moment)
{
	const gint64 hour = INT64_C(3600) * G_USEC_PER_SEC;
	g_autoptr(Handles) handles = handles_new(session->tree, 1, hour);
	guint n_texts = 0;

	for (guint i = 0; i < nodes->len; i++)
		check(handles, i, 0);
	for (guint i = 0; i + 1 < nodes->len; i++) {
		g_autoptr(Handle) h = handles_find(handles, node_at(i));

		if (!h || !tree_file_footprint(handle_file(h)))
			continue;
		ck_assert(tree_file_is_rendered(handle_file(h)));
		n_texts++;
	}
	ck_assert_uint_gt(n_texts, 8);
}
END_TEST

static gpointer read_some(gpointer data)
{
	GRand *rand = g_rand_new_with_seed(7);

	for (guint i = 0; i < 3000; i++)
		check(data, g_rand_int(rand),
		      4096 * (uint64_t)g_rand_int_range(rand, 0, 3));
	g_rand_free(rand);
	return NULL;
}

START_TEST(test_threads)
{
	g_autoptr(Handles) handles = handles_new(session->tree,
						 _i ? 20000 : G_MAXSIZE, 0);
	GThread *threads[4];

	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("reader", read_some, handles);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("front-handles");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_one);
	tcase_add_test(tcase, test_many);
	tcase_add_test(tcase, test_room);
	tcase_add_test(tcase, test_moment);
	tcase_add_loop_test(tcase, test_threads, 0, 2);
	return unit_main(suite);
}
