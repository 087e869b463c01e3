/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of fd/ and handles: each handle of the truth, names that are none,
 * hostile names, and tables without end. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "tree/fds.h"

static struct unit_tree t;

static void setup(void)
{
	const struct mk_options machine = {
		.seed = 1, .objects = true, .hostile_names = true,
		.procs = 6, .handle_level = 1,
	};

	unit_tree_init(&t, &machine, NULL);
}

static void teardown(void)
{
	unit_tree_clear(&t);
}

/* The folder of a process, by its object. */
static char *folder_of(uint64_t eprocess)
{
	size_t i = procset_find_eprocess(t.procs, VIRT(eprocess));

	if (i == SIZE_MAX)
		return NULL;
	return g_strdup_printf("/proc/%s", procset_get(t.procs, i)->dir);
}

static char *link_text(const char *folder, bool hex, uint32_t value)
{
	g_autofree char *name = hex ? g_strdup_printf("0x%x", value) :
				      g_strdup_printf("%u", value);
	struct tree_node node = unit_tree_node(&t, "%s/fd/%s", folder, name);
	struct stat st;
	char *text = tree_readlink(t.tree, &node);

	ck_assert_msg(text != NULL, "%s/fd/%s", folder, name);
	tree_stat(t.tree, &node, &st);
	ck_assert_int_eq(st.st_size, (off_t)strlen(text));
	ck_assert(S_ISLNK(st.st_mode));
	return text;
}

/* Nothing on this machine can be meant by it, nor anything beside it. */
static void assert_harmless(const char *text)
{
	ck_assert_msg(strlen(text) < PATH_MAX && *text &&
			      !strchr(text, '/') && strcmp(text, ".") &&
			      strcmp(text, "..") &&
			      g_utf8_validate(text, -1, NULL) &&
			      strpbrk(text, "\\: "),
		      "%s", text);
	for (const char *p = text; *p; p++)
		ck_assert(!g_ascii_iscntrl(*p));
}

static void assert_link(const char *folder, const struct mk_handle *h)
{
	g_autofree char *hex = link_text(folder, true, h->value);
	g_autofree char *decimal = link_text(folder, false, h->value);
	g_autofree char *want = NULL, *escaped = NULL;

	assert_harmless(hex);
	assert_harmless(decimal);
	ck_assert(g_str_has_prefix(hex, h->type));
	ck_assert_int_eq(hex[strlen(h->type)], ':');
	if (!g_strcmp0(h->name, MK_NAME_ANY))
		return;
	if (h->name) {
		want = g_strdup_printf("%s:%s", h->type, h->name);
		escaped = text_escape_link(want);
		ck_assert_msg(g_str_has_suffix(escaped, hex), "%s, not %s",
			      hex, escaped);
		ck_assert_msg(g_str_has_suffix(escaped, decimal) ||
				      !strchr(decimal, ':'),
			      "%s, %s", hex, decimal);
	} else {
		want = g_strdup_printf("%s:[0x%" PRIx64 "]", h->type,
				       h->object);
		ck_assert_str_eq(hex, want);
		want[strlen(h->type)] = ' ';
		ck_assert_str_eq(decimal, want);
	}
}

START_TEST(test_truth)
{
	const GArray *handles = mk_win_handles(t.w.win);
	unsigned n = 0;

	for (guint i = 0; i < handles->len; i++) {
		const struct mk_handle *h =
			&g_array_index(handles, struct mk_handle, i);
		g_autofree char *folder = folder_of(h->eprocess);

		if (!folder)
			continue;
		assert_link(folder, h);
		n++;
	}
	ck_assert_uint_gt(n, 100);
}
END_TEST

static unsigned count_truth(uint64_t eprocess)
{
	const GArray *handles = mk_win_handles(t.w.win);
	unsigned n = 0;

	for (guint i = 0; i < handles->len; i++)
		n += g_array_index(handles, struct mk_handle, i).eprocess ==
		     eprocess;
	return n;
}

/* Every handle twice, in hex and in decimal, ascending; a lookup of each name
 * gives the same node. */
static void assert_listing(const char *folder, unsigned want)
{
	struct tree_node dir = unit_tree_node(&t, "%s/fd", folder);
	struct tree_node node, again;
	uint64_t last = 0;
	char *name;
	unsigned n = 0;

	for (; tree_entry(t.tree, &dir, n, &node, &name); n++) {
		bool hex = g_str_has_prefix(name, "0x");
		uint64_t value = g_ascii_strtoull(name, NULL, hex ? 16 : 10);

		ck_assert_int_eq(hex, n < want);
		ck_assert(n == want || value > last);
		last = value;
		ck_assert_int_eq(tree_lookup(t.tree, &dir, name, &again), 0);
		ck_assert(again.arg == node.arg && again.item == node.item &&
			  again.kind == node.kind &&
			  again.space == node.space);
		ck_assert(tree_has(t.tree, &node));
		g_free(name);
	}
	ck_assert_msg(n == 2 * want, "%s: %u entries of %u handles", folder, n,
		      want);
}

/* A line for each handle behind the head. */
static void assert_text(const char *folder, unsigned want)
{
	g_autofree char *text = unit_tree_text(&t, "%s/handles", folder);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
	unsigned n = 0;

	ck_assert(g_str_has_prefix(lines[0], "HANDLE "));
	for (char **line = lines + 1; *line && **line; line++)
		n += g_str_has_prefix(*line, "0x");
	ck_assert_uint_eq(n, want);
	ck_assert_uint_ge(g_strv_length(lines), want + 2);
}

START_TEST(test_listing)
{
	for (size_t i = 0; i < mk_win_n_processes(t.w.win); i++) {
		const struct mk_process *p = mk_win_process(t.w.win, i);
		g_autofree char *folder = folder_of(p->eprocess);
		unsigned want = count_truth(p->eprocess);

		if (!folder)
			continue;
		ck_assert_uint_eq(want, p->object_table ? p->handles : 0);
		assert_listing(folder, want);
		assert_text(folder, want);
	}
}
END_TEST

START_TEST(test_no_names)
{
	static const char *const names[] = {
		"",    "0",    "0x",	"0x0",	"0X4", "0x04", "04", "4 ",
		" 4",  "+4",   "0x4g",	"0x+4", "-4",  "5",    "0x5",
		"0x 4", "1e6", "0x10000000000000000004", "18446744073709551620",
		".",   "0xfffffffffffffffc", "18446744073709551612",
	};
	struct tree_node dir = unit_tree_node(&t, "/proc/4/fd");
	struct tree_node node;

	ck_assert_int_eq(tree_lookup(t.tree, &dir, "4", &node), 0);
	ck_assert_int_eq(tree_lookup(t.tree, &dir, "0x4", &node), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		ck_assert_msg(tree_lookup(t.tree, &dir, names[i], &node) ==
				      -ENOENT,
			      "\"%s\"", names[i]);
}
END_TEST

/* A process that has ended has no table; the kernel is no process. */
START_TEST(test_none)
{
	struct tree_node node;

	ck_assert_int_ne(tree_resolve(t.tree, "/kernel/fd", &node), 0);
	ck_assert_int_ne(tree_resolve(t.tree, "/kernel/handles", &node), 0);
	for (size_t i = 0; i < mk_win_n_processes(t.w.win); i++) {
		const struct mk_process *p = mk_win_process(t.w.win, i);
		g_autofree char *folder = folder_of(p->eprocess);
		g_autofree char *text = NULL;

		if (!folder || p->object_table)
			continue;
		text = unit_tree_text(&t, "%s/handles", folder);
		ck_assert(strstr(text, "\n# the process has no handle table"));
	}
}
END_TEST

/* --- a table of more handles than anybody has --- */

enum { BODY = 0x30, TYPE_INDEX = 0x18, LEAVES = 4096, PER_LEAF = 256 };

static struct unit_kmem k;
static NtKernel kernel;
static struct proc_entry entry;
static Space space = { .kind = SPACE_PROCESS, .proc = &entry };
static struct render_facts facts;

static void set_profile(struct nt_profile *p)
{
	p->pointer_bytes = 8;
	p->object = (struct nt_object_layout){ BODY, NT_ABSENT, TYPE_INDEX,
					       0x10 };
	p->handle = (struct nt_handle_layout){
		.table_code = 8, .next_pool = 0, .handle_count = NT_ABSENT,
		.entry_bytes = 16, .known = true,
	};
	p->thread.process = NT_ABSENT;
	p->eprocess.pid = p->eprocess.dtb = p->eprocess.name = NT_ABSENT;
}

/* One frame of entries, mapped again and again. */
static uint64_t map_leaves(uint64_t object)
{
	uint64_t leaf = unit_kmem_page(&k, 1), pa, first;

	for (unsigned i = 1; i < PER_LEAF; i++)
		unit_kmem_put(&k, leaf + 16 * i, object | 1, 8);
	ck_assert(mk_paging_walk(k.paging, leaf, &pa, NULL));
	first = k.next;
	for (unsigned i = 0; i < LEAVES; i++) {
		mk_paging_map(k.paging, k.next, pa, MK_PAGE_SIZE,
			      MK_PTE_P | MK_PTE_W | MK_PTE_A | MK_PTE_D);
		k.next += MK_PAGE_SIZE;
	}
	return first;
}

static void make_endless(void)
{
	uint64_t table, top, middle, leaves;

	unit_kmem_init(&k, MK_MODE_AMD64);
	table = unit_kmem_page(&k, 1);
	top = unit_kmem_page(&k, 1);
	middle = unit_kmem_page(&k, LEAVES / 512);
	leaves = map_leaves(unit_kmem_page(&k, 1) + 0x100);
	for (unsigned i = 0; i < LEAVES / 512; i++)
		unit_kmem_put(&k, top + 8 * i, middle + i * MK_PAGE_SIZE, 8);
	for (unsigned i = 0; i < LEAVES; i++)
		unit_kmem_put(&k, middle + 8 * i, leaves + i * MK_PAGE_SIZE,
			      8);
	unit_kmem_put(&k, table + 8, top | 2, 8);
	unit_kmem_put(&k, table, LEAVES * PER_LEAF * 4, 4);
	unit_kmem_ready(&k);
	kernel = (NtKernel){ .as = k.as };
	set_profile(&kernel.profile);
	entry.p.object_table = table;
	facts = (struct render_facts){ .kernel = &kernel };
	facts.details = detail_cache_new((size_t)64 << 20);
}

START_TEST(test_endless)
{
	g_autoptr(Detail) detail = NULL;
	struct item_entry item;
	struct sink out;

	make_endless();
	detail = detail_get(&facts, &space, DETAIL_HANDLES);
	ck_assert_uint_eq(space_handles(detail)->len, FDS_MAX);
	ck_assert_uint_eq(space_handles_facts(detail)->n_used,
			  LEAVES * (PER_LEAF - 1));
	ck_assert(fds_at(&facts, &space, 0, 2 * FDS_MAX - 1, &item));
	g_free(item.name);
	ck_assert(!fds_at(&facts, &space, 0, 2 * FDS_MAX, &item));
	ck_assert(!fds_at(&facts, &space, 0, UINT64_MAX, &item));
	sink_init(&out, false);
	render_handles(&out, &facts, &space, NULL);
	ck_assert(g_strstr_len(out.buf, (gssize)out.len,
			       "# 1044480 handles, the first 262144 are"
			       " listed\n"));
	sink_clear(&out);
	detail_unref(g_steal_pointer(&detail));
	detail_cache_free(facts.details);
	unit_kmem_clear(&k);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-fds");
	TCase *tc = unit_case(suite, "all");
	TCase *alone = unit_case(suite, "endless");

	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_truth);
	tcase_add_test(tc, test_listing);
	tcase_add_test(tc, test_no_names);
	tcase_add_test(tc, test_none);
	tcase_add_test(alone, test_endless);
	return unit_main(suite);
}
