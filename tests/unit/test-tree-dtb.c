/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what the tree says of DTBs that are not good, and what it shows of
 * address spaces that are none. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <inttypes.h>
#include <string.h>

#include "lib/mkwin-priv.h"
#include "tree/tree-priv.h"

static void start(struct unit_tree *t, const char *layout,
		  enum mk_bad_dtb bad)
{
	const struct mk_options machine = {
		.seed = 80 + (uint64_t)bad, .size_mib = 24, .layout = layout,
		.damage.bad_dtb = bad,
	};
	const struct tree_options options = { .copy = true };

	unit_tree_init(t, &machine, &options);
}

/* What a key of a text says; "" where it has none. (transfer full) */
static char *value(const char *text, const char *key)
{
	g_autofree char *head = g_strdup_printf("\n%s:\t", key);
	const char *at = strstr(text, head);

	if (!at)
		return g_strdup("");
	at += strlen(head);
	return g_strndup(at, strcspn(at, "\n"));
}

static char *value_of(const struct unit_tree *t, const char *file,
		      const char *key)
{
	g_autofree char *text = unit_tree_text(
		t, "proc/%u/%s", mk_win_bad_dtb(t->w.win, false)->pid, file);

	return value(text, key);
}

static const struct {
	enum mk_bad_dtb bad;
	const char *check;
	bool marked;
} cases[] = {
	{ MK_DTB_GOOD, "ok", false },
	{ MK_DTB_RANDOM, "BAD: what is there is no top-level table", true },
	{ MK_DTB_BEYOND, "BAD: the machine has no memory there", true },
	{ MK_DTB_BLANK, "BAD: the top-level table is all zeros", true },
	{ MK_DTB_OTHER, "BAD: another process has the same: pid 680", true },
	{ MK_DTB_SYSTEM, "BAD: it is System's", true },
	{ MK_DTB_USER, "BAD: the user's table of KVA shadow: it lacks the"
		       " kernel half; UserDirectoryTableBase has it", true },
	{ MK_DTB_ZERO, "BAD: no address space (DTB is 0)", false },
	{ MK_DTB_SWAPPED, "doubtful: the TEBs there are another process's",
	  false },
	{ MK_DTB_NO_SELF, "doubtful: the self-map entry is missing or points"
			  " elsewhere", false },
};

/* Once in each place, and where the table is. */
START_TEST(test_marks)
{
	enum mk_bad_dtb bad = cases[_i].bad;
	const struct mk_process *info;
	g_autofree char *check = NULL, *verdict = NULL, *candidate = NULL;
	g_autofree char *processes = NULL, *want = NULL;
	struct unit_tree t;

	start(&t, "amd64-10.0.19041-b", bad);
	info = mk_win_bad_dtb(t.w.win, false);
	check = value_of(&t, "status", "DtbCheck");
	verdict = value_of(&t, "paging", "Verdict");
	candidate = value_of(&t, "paging", "Candidate");
	ck_assert_str_eq(check, cases[_i].check);
	ck_assert_str_eq(verdict, check);
	processes = unit_tree_text(&t, "processes");
	ck_assert(!strstr(processes, ",dtb?") == !cases[_i].marked);
	want = g_strdup_printf("0x%" PRIx64 " %s", info->dtb_raw &
			       ~UINT64_C(0xfff), bad == MK_DTB_USER ?
			       "is UserDirectoryTableBase; a TEB says pid" :
			       "a TEB says pid");
	if (bad == MK_DTB_GOOD || bad == MK_DTB_NO_SELF)
		ck_assert_str_eq(candidate, "");
	else
		ck_assert_msg(g_str_has_prefix(candidate, want), "%s: %s",
			      want, candidate);
	unit_tree_clear(&t);
}
END_TEST

/* Nothing is taken from elsewhere, least of all from the kernel. */
START_TEST(test_no_space)
{
	const struct mk_process *info;
	struct unit_tree t;
	g_autofree char *maps = NULL, *memmap = NULL, *dtb = NULL;
	struct tree_node node;
	struct stat st;

	start(&t, "amd64-10.0.19041-b", MK_DTB_ZERO);
	info = mk_win_bad_dtb(t.w.win, false);
	maps = unit_tree_text(&t, "proc/%u/maps", info->pid);
	memmap = unit_tree_text(&t, "proc/%u/memmap", info->pid);
	dtb = unit_tree_text(&t, "proc/%u/dtb", info->pid);
	ck_assert_str_eq(maps, "");
	ck_assert_str_eq(dtb, "0x0\n");
	ck_assert_ptr_nonnull(strstr(memmap,
				     "Unable to read pages for task."));
	ck_assert_ptr_null(strstr(memmap, "0x0000"));
	node = unit_tree_node(&t, "proc/%u/vmem", info->pid);
	tree_stat(t.tree, &node, &st);
	ck_assert_int_eq(st.st_blocks, 0);
	unit_tree_clear(&t);
}
END_TEST

/* Nothing is known of this one by which its table could be found. */
START_TEST(test_not_sought)
{
	g_autofree char *text = NULL, *candidate = NULL, *check = NULL;
	const struct mk_process *info;
	struct unit_tree t;

	start(&t, "amd64-10.0.19041-b", MK_DTB_GOOD);
	info = mk_win_find(t.w.win, "zerodtb.exe");
	text = unit_tree_text(&t, "proc/%u/paging", info->pid);
	candidate = value(text, "Candidate");
	ck_assert_str_eq(candidate, "- (not searched: it has no VADs)");
	check = value(text, "Verdict");
	ck_assert_str_eq(check, "no address space (DTB is 0)");
	unit_tree_clear(&t);
}
END_TEST

static bool has_run(const SpaceView *view, uint64_t va, uint64_t pa)
{
	for (size_t i = 0; i < addr_map_n_data(view->map); i++) {
		struct map_run run = addr_map_data(view->map, i);

		if (va - run.va < run.len)
			return run.pa + (va - run.va) == pa;
	}
	return false;
}

static const char *const session_layouts[] = {
	"x86-5.1.2600", "x86pae-6.1.7601", "amd64-6.1.7600",
};

/* With `all`, each process has the session space of its own session. */
START_TEST(test_session_space)
{
	const struct mk_options machine = {
		.seed = 9, .size_mib = 24, .layout = session_layouts[_i],
		.private_sessions = true,
	};
	const struct tree_options options = { .copy = true, .all = true };
	unsigned n[2] = { 0 };
	struct unit_tree t;

	unit_tree_init(&t, &machine, &options);
	for (size_t i = 0; i < mk_win_n_processes(t.w.win); i++) {
		const struct mk_process *p = mk_win_process(t.w.win, i);
		const struct mk_session *s = &t.w.win->sessions[p->session > 0];
		struct tree_node node;
		g_autoptr(SpaceView) view = NULL;
		uint64_t va = s->pool.base, pa, size;

		if (!p->dtb_raw || p->session < 0)
			continue;
		ck_assert(mk_paging_walk(s->paging, va, &pa, &size));
		node = unit_tree_node(&t, "proc/%u", p->pid);
		view = space_view(node.space, t.tree->cache);
		va &= (UINT64_C(1) << node.space->as.form->va_bits) - 1;
		ck_assert(has_run(view, va, pa));
		n[p->session > 0]++;
	}
	ck_assert(n[0] && n[1]);
	unit_tree_clear(&t);
}
END_TEST

static const struct {
	const char *layout;
	bool no_kva;
	const char *shadow;
} shadows[] = {
	{ "amd64-10.0.19041-b", false, "yes" },
	{ "amd64-10.0.19041-b", true, "no" },
	{ "amd64-6.1.7600", false, "-" },
	{ "x86-6.1.7601", false, "-" },
};

START_TEST(test_shadow)
{
	const struct mk_options machine = {
		.seed = 5, .size_mib = 24, .layout = shadows[_i].layout,
		.no_kva = shadows[_i].no_kva,
	};
	const struct tree_options options = { .copy = true };
	g_autofree char *shadow = NULL, *user = NULL, *raw = NULL;
	g_autofree char *want = NULL, *want_raw = NULL;
	const struct mk_process *info;
	struct unit_tree t;

	unit_tree_init(&t, &machine, &options);
	info = mk_win_bad_dtb(t.w.win, false);
	want = g_strdup_printf("0x%" PRIx64, info->user_dtb_raw &
					     ~UINT64_C(0xfff));
	want_raw = g_strdup_printf("0x%" PRIx64, info->user_dtb_raw);
	shadow = value_of(&t, "paging", "KvaShadow");
	user = value_of(&t, "paging", "UserDtb");
	raw = value_of(&t, "paging", "UserDtbRaw");
	ck_assert_str_eq(shadow, shadows[_i].shadow);
	ck_assert_str_eq(user, *shadow == 'y' ? want : "-");
	ck_assert_str_eq(raw, *shadow == '-' ? "-" : want_raw);
	unit_tree_clear(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-dtb");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_marks, 0, (int)G_N_ELEMENTS(cases));
	tcase_add_test(tcase, test_no_space);
	tcase_add_test(tcase, test_not_sought);
	tcase_add_loop_test(tcase, test_session_space, 0,
			    (int)G_N_ELEMENTS(session_layouts));
	tcase_add_loop_test(tcase, test_shadow, 0,
			    (int)G_N_ELEMENTS(shadows));
	return unit_main(suite);
}
