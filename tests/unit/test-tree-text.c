/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the texts: lines and keys that must be there, and that names from
 * an image break no line. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"

static struct unit_tree healthy, hostile, plain;

static void setup(void)
{
	const struct mk_options a = { .seed = 1 };
	const struct mk_options b = { .seed = 2, .hostile_names = true };
	const struct mk_options c = { .seed = 3, .no_windows = true };

	unit_tree_init(&healthy, &a, NULL);
	unit_tree_init(&hostile, &b, NULL);
	unit_tree_init(&plain, &c, NULL);
}

static void teardown(void)
{
	unit_tree_clear(&healthy);
	unit_tree_clear(&hostile);
	unit_tree_clear(&plain);
}

static void assert_has(const char *text, const char *line)
{
	g_autofree char *with_start = g_strdup_printf("\n%s", line);

	ck_assert_msg(g_str_has_prefix(text, line) ||
			      strstr(text, with_start),
		      "no \"%s\" in:\n%s", line, text);
}

START_TEST(test_info)
{
	g_autofree char *text = unit_tree_text(&healthy, "image/info");
	g_autofree char *none = unit_tree_text(&plain, "image/info");
	g_autofree char *running = g_strdup_printf(
		"RunningCpu0:\t0x%016" PRIx64 " (pid 4)\n",
		mk_win_process(healthy.w.win, 0)->eprocess);
	g_autofree char *kdbg = g_strdup_printf(
		"Kdbg:\t0x%016" PRIx64 " (encoded, by symbol)\n",
		mk_win_kernel(healthy.w.win)->kdbg);

	assert_has(text, running);
	assert_has(text, kdbg);
	ck_assert_ptr_nonnull(strstr(text, " agree, 0 conflict\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nRunningCpu1:\t0x"));
	assert_has(text, "Format:\traw\n");
	assert_has(text, "Os:\tWindows 10 2004-22H2\n");
	assert_has(text, "Build:\t19041\n");
	assert_has(text, "DtbSource:\tlow stub\n");
	assert_has(text, "KernelPdb:\tntkrnlmp.pdb\n");
	assert_has(text, "Processors:\t2\n");
	assert_has(none, "Os:\t-\n");
}
END_TEST

START_TEST(test_runs)
{
	g_autofree char *iomem = unit_tree_text(&healthy, "image/iomem");
	g_autofree char *runs = unit_tree_text(&healthy, "image/runs");

	assert_has(iomem, "00001000-0009efff : System RAM\n");
	assert_has(runs, "0x1000 0x9e000 0x0\n");
	ck_assert_uint_eq(strlen(iomem) > 0,
			  image_runs_count(physmem_runs(healthy.w.mem.pm)) >
				  0);
}
END_TEST

/* Every line has as many fields as the head: none was broken by a name. */
START_TEST(test_processes)
{
	const struct unit_tree *t = _i ? &hostile : &healthy;
	g_autofree char *text = unit_tree_text(t, "processes");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	guint n_fields = 0, n = 0;

	for (guint i = 0; *lines[i]; i++) {
		g_auto(GStrv) parts = g_strsplit_set(lines[i], " \t", -1);
		guint fields = 0;

		for (guint k = 0; parts[k]; k++)
			fields += *parts[k] != '\0';
		n += *lines[i] != '#';
		n_fields = n_fields ? n_fields : fields;
	}
	ck_assert_uint_ge(n, procset_count(t->procs));
	ck_assert_uint_gt(n_fields, 4);
}
END_TEST

START_TEST(test_process_files)
{
	g_autofree char *dtb = unit_tree_text(&healthy, "proc/4/dtb");
	g_autofree char *status = unit_tree_text(&healthy, "proc/4/status");
	g_autofree char *methods = unit_tree_text(&healthy, "proc/4/methods");
	g_autofree char *paging = unit_tree_text(&healthy, "proc/4/paging");
	g_autofree char *want = g_strdup_printf(
		"0x%lx\n", (long)mk_win_kernel(healthy.w.win)->dtb);

	ck_assert_str_eq(dtb, want);
	assert_has(status, "Name:\tSystem\n");
	assert_has(status, "Pid:\t4\n");
	ck_assert_ptr_nonnull(strstr(methods, "PsActiveProcessHead"));
	assert_has(paging, "Paging:\tx64 4-level\n");
	assert_has(paging, "Verdict:\tok\n");
	assert_has(paging, "Walk:\tcomplete\n");
}
END_TEST

static uint64_t value_of(const char *text, const char *key)
{
	g_autofree char *with = g_strdup_printf("\n%s:\t", key);
	const char *at = strstr(text, with);

	ck_assert_msg(at != NULL, "no %s", key);
	return g_ascii_strtoull(at + strlen(with), NULL, 10);
}

/* Counts of page states are those of the truth. */
START_TEST(test_paging_counts)
{
	const struct mk_process *p = mk_win_find(healthy.w.win,
						 "explorer.exe");
	g_autofree char *text = unit_tree_text(&healthy, "proc/3204/paging");
	uint64_t transition = 0, prototype = 0, pagefile = 0, zero = 0;
	uint64_t file = 0;

	for (guint i = 0; i < p->pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(p->pages, struct mk_page, i);

		transition += page->state == MK_STATE_TRANSITION;
		prototype += page->state == MK_STATE_PROTOTYPE &&
			     page->pa != MK_NO_PA;
		file += page->state == MK_STATE_PROTOTYPE &&
			page->pa == MK_NO_PA;
		pagefile += page->state == MK_STATE_PAGEFILE;
		zero += page->state == MK_STATE_DEMANDZERO;
	}
	ck_assert_uint_gt(transition + prototype + pagefile, 0);
	ck_assert_uint_eq(value_of(text, "PagesTransition"), transition);
	ck_assert_uint_eq(value_of(text, "PagesPrototype"), prototype);
	ck_assert_uint_eq(value_of(text, "PagesPagefile"), 0);
	ck_assert_uint_eq(value_of(text, "PagesPagedOut"), pagefile);
	/* and one that nobody has touched, so without an entry */
	ck_assert_uint_eq(value_of(text, "PagesFileNotInImage"), file + 1);
	ck_assert_uint_eq(value_of(text, "PagesDemandZero"), zero);
}
END_TEST

static void check_status(void *ctx, const struct unit_tree *t,
			 const struct tree_node *node, const char *path)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	(void)ctx;
	if (node->kind != NODE_TEXT || node->arg != SPACE_TEXT_STATUS)
		return;
	text = unit_tree_text(t, "%s", path);
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i] && *lines[i]; i++)
		ck_assert_msg(strstr(lines[i], ":\t") != NULL, "%s: %s", path,
			      lines[i]);
	ck_assert_ptr_null(strpbrk(text, "\x1b\r\x7f"));
}

START_TEST(test_hostile_status)
{
	unit_tree_each(&hostile, check_status, NULL);
}
END_TEST

START_TEST(test_log)
{
	g_autofree char *text = unit_tree_text(&plain, "log");
	g_autofree char *readme = unit_tree_text(&plain, "README");

	ck_assert_ptr_nonnull(strstr(text, "failed: kernel: "));
	ck_assert_ptr_nonnull(strstr(readme, "proc/PID/"));
}
END_TEST

/* Two who read one text share it; the first to close takes nothing away. */
START_TEST(test_shared)
{
	struct tree_node node = unit_tree_node(&healthy, "proc/4/status");
	TreeFile *a = tree_open(healthy.tree, &node);
	TreeFile *b = tree_open(healthy.tree, &node);
	uint8_t x[4096], y[4096];
	int64_t n = unit_tree_read(a, 0, sizeof x, sizeof x, x);

	ck_assert(!tree_file_is_sparse(a));
	tree_file_close(a);
	ck_assert_int_eq(unit_tree_read(b, 0, sizeof y, sizeof y, y), n);
	ck_assert(!memcmp(x, y, (size_t)n));
	ck_assert_int_eq(tree_file_seek(b, 0, SEEK_DATA), 0);
	ck_assert_int_eq(tree_file_seek(b, 3, SEEK_HOLE), n);
	ck_assert_int_lt(tree_file_seek(b, (uint64_t)n, SEEK_DATA), 0);
	tree_file_close(b);
	tree_file_close(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-text");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_info);
	tcase_add_test(tcase, test_runs);
	tcase_add_loop_test(tcase, test_processes, 0, 2);
	tcase_add_test(tcase, test_process_files);
	tcase_add_test(tcase, test_paging_counts);
	tcase_add_test(tcase, test_hostile_status);
	tcase_add_test(tcase, test_log);
	tcase_add_test(tcase, test_shared);
	return unit_main(suite);
}
