/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of vtop/: the text agrees with the builder's tables and with what the
 * space shows there. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit-runs.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

static const struct mk_options machines[] = {
	{ .seed = 1, .size_mib = 32, .full = true },
	{ .seed = 3, .size_mib = 32, .layout = "x86-6.1.7601" },
	{ .seed = 5, .size_mib = 32, .layout = "x86pae-6.1.7601" },
	{ .seed = 6, .size_mib = 32, .layout = "amd64la57-10.0.22621" },
	{ .seed = 7, .size_mib = 32, .layout = "arm64-10.0.26100" },
	{ .seed = 8, .hole = true, .tail = 77, .trans_table = true,
	  .gig = true },
};
#define MACHINES ((int)G_N_ELEMENTS(machines))

static struct unit_tree trees[MACHINES];

static void setup(void)
{
	for (int i = 0; i < MACHINES; i++)
		unit_tree_init(&trees[i], &machines[i], NULL);
}

static void teardown(void)
{
	for (int i = 0; i < MACHINES; i++)
		unit_tree_clear(&trees[i]);
}

/* The value of a line, up to its end; NULL: there is no such line. */
static char *value_of(const char *text, const char *key)
{
	g_autofree char *start = g_strdup_printf("\n%s:\t", key);
	const char *at = strstr(text, start);

	if (!at)
		return NULL;
	at += strlen(start);
	return g_strndup(at, strcspn(at, "\n"));
}

static void check_value(const char *text, const char *key, const char *want)
{
	g_autofree char *value = value_of(text, key);

	ck_assert_msg(!g_strcmp0(value, want), "%s: %s, not %s\n%s", key,
		      value, want, text);
}

/* The line of the last level has the entry that the builder wrote. */
static void check_entry(const char *text, const struct mk_page *page)
{
	g_autofree char *raw = g_strdup_printf(" 0x%016lx ", (long)page->raw);
	const char *state = strstr(text, "\nState:\t");
	const char *at = strstr(text, raw);

	ck_assert_ptr_nonnull(state);
	ck_assert_msg(at && at < state, "no%s in %s", raw, text);
}

/* The bytes are those of physical memory. */
static void check_bytes(const struct unit_tree *t, const char *text,
			uint64_t va, uint64_t pa)
{
	g_autoptr(GString) want = g_string_new(NULL);
	uint8_t bytes[16];

	if (physmem_read(t->w.mem.pm, PHYS(pa), bytes, 16) != PHYS_OK)
		return;
	g_string_printf(want, "\n0x%016lx ", (long)va);
	for (unsigned i = 0; i < 16; i++)
		g_string_append_printf(want, " %02x", bytes[i]);
	ck_assert_msg(strstr(text, want->str) != NULL, "no %s in %s",
		      want->str, text);
}

static void check_page(const struct unit_tree *t, const struct mk_process *p,
		       const struct mk_page *page, uint64_t skip)
{
	uint64_t va = page->va + skip, pa = page->pa + skip;
	g_autofree char *text = unit_tree_text(
		t, "by-eprocess/%016lx/vtop/%lx", (long)p->eprocess, (long)va);
	struct image_run run;
	g_autofree char *want = NULL, *off = NULL;

	want = g_strdup_printf("Virtual:\t0x%016lx\n", (long)va);
	ck_assert(g_str_has_prefix(text, want));
	if (page->state != MK_STATE_VALID && page->state != MK_STATE_LARGE &&
	    page->state != MK_STATE_TRANSITION)
		return;
	check_entry(text, page);
	check_value(text, "State", page->state == MK_STATE_TRANSITION ?
					   "transition" : "valid");
	g_free(want);
	want = g_strdup_printf("0x%016lx", (long)pa);
	check_value(text, "Physical", want);
	g_free(want);
	want = g_strdup_printf("0x%lx", (long)page->size);
	check_value(text, "PageSize", want);
	run = unit_piece(physmem_runs(t->w.mem.pm), pa);
	ck_assert_uint_gt(run.len, 0);
	off = g_strdup_printf("0x%lx", (long)(run.off + (pa - run.pa)));
	check_value(text, "FileOffset", off);
	check_bytes(t, text, va, pa);
}

START_TEST(test_pages)
{
	const struct unit_tree *t = &trees[_i];
	unsigned n = 0;

	for (size_t k = 0; k < mk_win_n_processes(t->w.win); k++) {
		const struct mk_process *p = mk_win_process(t->w.win, k);

		if (procset_find_eprocess(t->procs, VIRT(p->eprocess)) ==
		    SIZE_MAX)
			continue;
		for (guint i = 0; i < p->pages->len; i++) {
			const struct mk_page *page = &g_array_index(
				p->pages, struct mk_page, i);

			check_page(t, p, page, 0);
			check_page(t, p, page, page->size / 2 + 8);
			n++;
		}
	}
	ck_assert_uint_gt(n, 100);
}
END_TEST

/* One line for each level, top first, and where it is. */
START_TEST(test_levels)
{
	const struct unit_tree *t = &trees[_i];
	const struct addr_space *as = &t->w.kernel->as;
	const struct mk_symbol *symbol = &g_array_index(
		mk_win_symbols(t->w.win), struct mk_symbol, 0);
	g_autofree char *text = unit_tree_text(t, "kernel/vtop/0x%lx",
					       (long)symbol->va);
	struct vtop_step steps[PAGING_LEVELS_MAX];
	struct vtop_leaf leaf;
	unsigned n = vtop_trace(as, VIRT(symbol->va), steps, &leaf);
	const char *at = text;

	for (unsigned i = 0; i < n; i++) {
		g_autofree char *line = g_strdup_printf(
			"\n%s:\t0x%016lx 0x%016lx present",
			as->form->levels[i].name, (long)steps[i].entry_pa.v,
			(long)steps[i].entry);

		at = strstr(at, line);
		ck_assert_msg(at != NULL, "no %s in %s", line, text);
	}
	ck_assert_uint_gt(n, 0);
	check_value(text, "State", "valid");
}
END_TEST

static const struct {
	int machine;
	const char *name;
	int answer;
} names[] = {
	{ 0, "0", 0 },		{ 0, "0x7ff6c1a30123", 0 },
	{ 0, "7FF6C1A30123", 0 }, { 0, "ffffffffffffffff", 0 },
	{ 0, "0x0000800000000000", -ENOENT },
	{ 0, "0xfffff80000000000", 0 }, { 0, "0xfff0000000000000", -ENOENT },
	{ 0, "", -ENOENT },	{ 0, "0x", -ENOENT },
	{ 0, "vmem", -ENOENT },	{ 0, "1 ", -ENOENT },
	{ 1, "ffffffff", 0 },	{ 1, "100000000", -ENOENT },
	{ 1, "ffffffff80000000", -ENOENT },
	{ 3, "0x0000800000000000", 0 },
};

START_TEST(test_names)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const struct unit_tree *t = &trees[names[i].machine];
		static const char *const dirs[] = { "kernel/vtop",
						    "proc/4/vtop" };

		for (size_t k = 0; k < G_N_ELEMENTS(dirs); k++) {
			struct tree_node dir = unit_tree_node(t, "%s",
							      dirs[k]), node;
			char *name;

			ck_assert_msg(tree_lookup(t->tree, &dir, names[i].name,
						  &node) == names[i].answer,
				      "%s", names[i].name);
			ck_assert(!tree_entry(t->tree, &dir, 0, &node, &name));
		}
	}
}
END_TEST

/* Different processes' are different files; dtb/ has it too. */
START_TEST(test_nodes)
{
	const struct unit_tree *t = &trees[0];
	struct tree_node a = unit_tree_node(t, "proc/4/vtop/0x1000");
	struct tree_node b = unit_tree_node(t, "kernel/vtop/0x1000");
	uint64_t dtb = addr_space_dtb(&t->w.kernel->as).v;
	g_autofree char *text = NULL;

	ck_assert_uint_ne(tree_ino(&a), tree_ino(&b));
	b = unit_tree_node(t, "proc/4/vtop/00001000");
	ck_assert_uint_eq(tree_ino(&a), tree_ino(&b));
	text = unit_tree_text(t, "dtb/%lx/vtop/ffff800000000000", (long)dtb);
	ck_assert_ptr_nonnull(strstr(text, "\nState:\tabsent\nPhysical:\t-\n"));
	a = unit_tree_node(t, "proc/4/vtop");
	b = tree_parent(&a);
	ck_assert_int_eq(b.kind, NODE_SPACE);
	ck_assert_ptr_eq(b.space, a.space);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-vtop");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_pages, 0, MACHINES);
	tcase_add_loop_test(tcase, test_levels, 0, MACHINES);
	tcase_add_test(tcase, test_names);
	tcase_add_test(tcase, test_nodes);
	return unit_main(suite);
}
