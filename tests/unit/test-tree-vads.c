/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tests of what the address space of a process is used for: vads, smaps and
 * names in maps by the builder's truth, of all kinds of VADs and PEBs; and by
 * damaged kernel memory.
 */
#include "config.h"

#include "unit/unit-runs.h"
#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "tree/rows.h"
#include "tree/vads.h"

static const char *const layouts[] = {
	"amd64-5.2.3790-b", "amd64-6.1.7601-d", "amd64-6.3.9600-a",
	"amd64-10.0.19041-b", "amd64-10.0.22621", "x86-5.1.2600",
	"x86-6.1.7601", "x86pae-10.0.19041-b",
};
#define N_LAYOUTS ((int)G_N_ELEMENTS(layouts))

static void start(struct unit_tree *t, int i)
{
	const struct mk_options machine = {
		.seed = 11, .layout = layouts[i], .states = true,
		.threads = true, .full = true,
	};
	const struct tree_options options = { .umask = 0077 };

	unit_tree_init(t, &machine, &options);
}

/* The text of a process of the truth; NULL where it was not found (some hide
 * from all methods). */
static char *text_of(const struct unit_tree *t, uint64_t eprocess,
		     const char *name)
{
	for (size_t i = 0; i < procset_count(t->procs); i++) {
		const struct proc_entry *e = procset_get(t->procs, i);

		if (e->p.eprocess.v == eprocess)
			return unit_tree_text(t, "proc/%s/%s", e->dir, name);
	}
	return NULL;
}

/* --- vads --- */

static void assert_vad(const char *line, const struct mk_vad *want)
{
	static const char *const protections[8] = {
		"NOACCESS", "READONLY", "EXECUTE", "EXECUTE_READ",
		"READWRITE", "WRITECOPY", "EXECUTE_READWRITE",
		"EXECUTE_WRITECOPY",
	};
	char type[32], protection[64], commit[32], file[300];
	uint64_t from, end;

	ck_assert_msg(sscanf(line, "0x%" SCNx64 " 0x%" SCNx64
			     " %31s %63s %31s %299[^\n]", &from, &end, type,
			     protection, commit, file) == 6, "%s", line);
	ck_assert_uint_eq(from, want->start);
	ck_assert_uint_eq(end, want->end + 1);
	ck_assert(g_str_has_prefix(protection, "PAGE_"));
	if (want->protection < 8)
		ck_assert_str_eq(protection + 5,
				 protections[want->protection]);
	ck_assert_uint_eq(strtoull(commit, NULL, 10), want->commit);
	ck_assert_str_eq(file, want->file ? want->file : "-");
	ck_assert_str_eq(type, want->type == 2	   ? "image" :
			       want->type == 5	   ? "large-pages" :
			       want->is_private	   ? "private" :
			       want->file	   ? "data" :
						     "pagefile");
}

static void check_vads(const struct unit_tree *t)
{
	size_t n_files = 0;

	for (size_t i = 0; i < mk_win_n_processes(t->w.win); i++) {
		const struct mk_process *p = mk_win_process(t->w.win, i);
		g_autofree char *text = NULL;
		const char *line;

		if (!p->dtb_raw || p->exit_time)
			continue;
		text = text_of(t, p->eprocess, "vads");
		if (!text)
			continue;
		ck_assert(g_str_has_prefix(text, "start "));
		line = strchr(text, '\n') + 1;
		for (guint k = 0; k < p->vads->len; k++) {
			const struct mk_vad *v = &g_array_index(
				p->vads, struct mk_vad, k);

			assert_vad(line, v);
			n_files += v->file != NULL;
			line = strchr(line, '\n') + 1;
		}
		ck_assert_str_eq(line, "");
	}
	ck_assert_uint_gt(n_files, 10);
}

/* --- names --- */

/* Column 74 of the line of maps that begins at va; "": nothing. */
static char *column_at(const char *maps, uint64_t va)
{
	g_autofree char *start = g_strdup_printf("\n%08lx-", (long)va);
	const char *line = strstr(maps, start);
	const char *end;

	if (!line)
		return NULL;
	line++;
	end = strchr(line, '\n');
	return end - line > 73 ? g_strndup(line + 73,
					   (gsize)(end - line - 73)) :
				 g_strdup("");
}

static void assert_named(const char *maps, uint64_t va, const char *name)
{
	g_autofree char *column = column_at(maps, va);

	ck_assert_msg(column && g_str_has_prefix(column, name),
		      "%lx: %s, not %s", (long)va, column, name);
}

/* Of each thread of the truth the TEB and the top of the stack; of each
 * process the heap and the PEBs. */
static void check_names(const struct unit_tree *t)
{
	const GArray *threads;
	size_t n_tebs = 0;

	threads = mk_win_threads(t->w.win);
	for (guint i = 0; i < threads->len; i++) {
		const struct mk_thread *thread =
			&g_array_index(threads, struct mk_thread, i);
		g_autofree char *text = NULL, *maps = NULL;

		if (!thread->teb)
			continue;
		text = text_of(t, thread->process, "maps");
		if (!text)
			continue;
		maps = g_strconcat("\n", text, NULL);
		assert_named(maps, thread->teb & ~PAGE_MASK_4K, "[teb]");
		assert_named(maps, thread->stack_base - PAGE_SIZE_4K,
			     "[stack]");
		if (thread->teb32) {
			assert_named(maps, thread->teb32, "[teb]");
			assert_named(maps,
				     thread->stack32_base - PAGE_SIZE_4K,
				     "[stack]");
		}
		n_tebs++;
	}
	ck_assert_uint_gt(n_tebs, 5);
	for (size_t i = 0; i < mk_win_n_processes(t->w.win); i++) {
		const struct mk_process *p = mk_win_process(t->w.win, i);
		g_autofree char *text = NULL, *maps = NULL;

		if (!p->heap || !p->dtb_raw || p->exit_time)
			continue;
		text = text_of(t, p->eprocess, "maps");
		if (!text)
			continue;
		maps = g_strconcat("\n", text, NULL);
		assert_named(maps, p->heap, "[heap]");
		assert_named(maps, p->peb, "[peb]");
		if (p->peb32)
			assert_named(maps, p->peb32, "[peb]");
	}
}

/* --- smaps --- */

/* Sum of a member over all ranges, kB. */
static uint64_t sum_of(const char *smaps, const char *key)
{
	g_autofree char *start = g_strdup_printf("\n%s:", key);
	uint64_t sum = 0;

	for (const char *at = strstr(smaps, start); at;
	     at = strstr(at + 1, start))
		sum += strtoull(at + strlen(start), NULL, 10);
	return sum;
}

/* All pages are counted once, as in status; the ranges ascend, and the VADs
 * are there with all of their size. */
static void check_smaps(const struct unit_tree *t)
{
	for (size_t i = 0; i < mk_win_n_processes(t->w.win); i++) {
		const struct mk_process *p = mk_win_process(t->w.win, i);
		g_autofree char *smaps = NULL, *status = NULL;
		uint64_t size = 0, last_end = 0;

		if (!p->dtb_raw || p->exit_time)
			continue;
		smaps = text_of(t, p->eprocess, "smaps");
		status = text_of(t, p->eprocess, "status");
		if (!smaps)
			continue;
		ck_assert_uint_eq(sum_of(smaps, "Rss"),
				  sum_of(status, "VmRSS"));
		ck_assert_uint_eq(sum_of(smaps, "Swap"),
				  sum_of(status, "VmSwap"));
		ck_assert_uint_eq(sum_of(smaps, "Rss"),
				  sum_of(smaps, "Shared_Clean") +
				  sum_of(smaps, "Shared_Dirty") +
				  sum_of(smaps, "Private_Clean") +
				  sum_of(smaps, "Private_Dirty"));
		for (const char *at = smaps; *at; at = strchr(at, '\n') + 1) {
			uint64_t from, end;

			if (sscanf(at, "%" SCNx64 "-%" SCNx64 " ", &from,
				   &end) != 2)
				continue;
			ck_assert(from >= last_end && end > from);
			last_end = end;
		}
		for (guint k = 0; k < p->vads->len; k++) {
			const struct mk_vad *v = &g_array_index(
				p->vads, struct mk_vad, k);

			size += (v->end + 1 - v->start) / KIB;
		}
		ck_assert_uint_ge(sum_of(smaps, "Size"), size);
	}
}

START_TEST(test_truth)
{
	struct unit_tree t;

	start(&t, _i);
	check_vads(&t);
	check_names(&t);
	check_smaps(&t);
	unit_tree_clear(&t);
}
END_TEST

/* --- hostile --- */

static void assert_printable(const char *text)
{
	for (const char *p = text; *p; p++)
		ck_assert(*p == '\n' || *p == '\t' || (uint8_t)*p >= ' ');
	ck_assert(g_utf8_validate(text, -1, NULL));
}

static void render_all(const struct unit_tree *t, const struct mk_process *p)
{
	static const char *const names[] = { "vads", "smaps", "maps",
					     "maps.json" };
	static const struct tree_options options = { .coalesce = true };
	Tree *tree = tree_new(t->w.mem.image, t->w.mem.pm, t->w.kernel,
			      t->procs, t->w.log, &options);
	const struct unit_tree other = { .w = t->w, .procs = t->procs,
					 .tree = tree };

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *text = text_of(&other, p->eprocess, names[i]);

		assert_printable(text);
	}
	tree_free(tree);
}

/* Any bit of the nodes, control areas, file objects turned over, any pointer
 * somewhere else. */
START_TEST(test_damage)
{
	struct mk_random random = { (uint64_t)_i + 77 };
	const struct mk_process *p;
	struct unit_tree t;
	GArray *nodes;

	start(&t, _i);
	p = mk_win_find(t.w.win, "explorer.exe");
	nodes = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	for (guint k = 0; k < p->vads->len; k++) {
		const struct mk_vad *v =
			&g_array_index(p->vads, struct mk_vad, k);

		if (v->file)
			g_array_append_val(nodes, v->node);
	}
	ck_assert_uint_gt(nodes->len, 0);
	for (unsigned round = 0; round < 40; round++) {
		/* What belongs to a VAD is built around it. */
		uint64_t node = g_array_index(
			nodes, uint64_t, mk_random_below(&random, nodes->len));
		uint64_t va = node + mk_random_below(&random, 0x400);
		struct vtop_leaf leaf =
			vtop_translate(&t.w.kernel->as, VIRT(va));
		struct image_run run;
		uint8_t *byte, saved;

		if (!page_state_in_memory(leaf.state))
			continue;
		run = unit_piece(t.w.mem.image->runs, leaf.pa.v);
		byte = t.w.mem.bytes + run.off + (leaf.pa.v - run.pa) +
		       (va & (leaf.len - 1));
		saved = *byte;
		*byte = (uint8_t)mk_random_below(&random, 256);
		render_all(&t, p);
		*byte = saved;
	}
	g_array_unref(nodes);
	unit_tree_clear(&t);
}
END_TEST

/* --- lines --- */

static char *part_of(const RowText *text, const struct row_source *src)
{
	size_t size = (size_t)row_text_size(text);
	char *buf = g_malloc0(size + 1);

	row_text_read(text, src, 0, size, buf);
	return buf;
}

/* A name of 100 KB, of what JSON escapes, a name that ends in the middle of a
 * run, one that begins before it: any part of the text is that of the whole.
 */
START_TEST(test_long_names)
{
	const enum space_text kind = _i ? SPACE_TEXT_MAPS_JSON :
					  SPACE_TEXT_MAPS;
	g_autoptr(GArray) ranges =
		g_array_new(FALSE, FALSE, sizeof(struct space_range));
	g_autofree char *name = g_strnfill(100000, '"');
	g_autofree char *whole = NULL;
	g_autoptr(RowText) rows = NULL;
	struct row_source src;
	struct unit_tree t;
	struct tree_node node;
	SpaceView *view;
	ViewCache *cache = view_cache_new(1 << 20);
	uint64_t size;

	start(&t, 3);
	node = unit_tree_node(&t, "proc/%u/maps",
			      mk_win_find(t.w.win, "explorer.exe")->pid);
	view = space_view(node.space, cache);
	for (size_t i = 0; i < addr_map_n_data(view->map); i++) {
		struct map_run run = addr_map_data(view->map, i);
		struct space_range r = { run.va + (i % 3 == 1) * PAGE_SIZE_4K,
					 run.va + PAGE_MASK_4K, name, NO_VAD };

		if (i % 5 == 0 && r.start < r.last)
			g_array_append_val(ranges, r);
	}
	src = (struct row_source){ node.space, view, ranges };
	rows = row_text_new(&src, kind, true);
	whole = part_of(rows, &src);
	size = row_text_size(rows);
	ck_assert_uint_eq(strlen(whole), size);
	ck_assert_uint_gt(size, ranges->len * 100000u);
	for (uint64_t at = 0; at + 5000 < size; at += 33333) {
		char part[5000];

		row_text_read(rows, &src, at, sizeof part, part);
		ck_assert(!memcmp(part, whole + at, sizeof part));
	}
	space_view_unref(view);
	tree_free(g_steal_pointer(&t.tree));
	unit_tree_clear(&t);
	view_cache_free(cache);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-vads");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_truth, 0, N_LAYOUTS);
	tcase_add_loop_test(tcase, test_damage, 3, 6);
	tcase_add_loop_test(tcase, test_long_names, 0, 2);
	return unit_main(suite);
}
