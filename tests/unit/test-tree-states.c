/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of a process show of pages in every state, on machines of
 * all families: `maps`, `memmap`, `vmem` (its bytes, its holes, its errors),
 * `regions/` and `paging` are what the builder put there; with page files,
 * without, with short ones.
 */
#include "config.h"

#include "unit/unit-states.h"
#include "unit/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A page that the process has, as it should be. */
struct row {
	const struct mk_page *page;
	struct unit_expect want;
};

struct check {
	struct unit_states s;
	const struct mk_process *process;
	MkSoft *plain;
	GArray *rows; /* struct row: all pages, ascending */
	bool eio;
};

static const struct row *get_row(const struct check *c, guint i)
{
	return &g_array_index(c->rows, struct row, i);
}

static bool has_data(const struct row *row)
{
	return page_state_has_data(row->want.state);
}

/* --- texts --- */

/* Is what lies there the process's own, by the VAD that has it? */
static bool is_shared(const struct check *c, uint64_t va)
{
	for (guint i = 0; i < c->process->vads->len; i++) {
		const struct mk_vad *v =
			&g_array_index(c->process->vads, struct mk_vad, i);

		if (va >= v->start && va <= v->end)
			return !v->is_private && (v->protection & 7) != 5 &&
			       (v->protection & 7) != 7;
	}
	return false;
}

/* The last column of maps. */
static void column_of(const struct check *c, const struct row *row, bool vads,
		      char want[240])
{
	const char *name = unit_tree_name(c->process, row->page->va, vads);
	char *at = g_stpcpy(want, name);

	if (page_state_in_memory(row->want.state))
		return;
	if (row->want.state == PAGE_STORE)
		sprintf(at, "%s[compressed]", *name ? " " : "");
	else
		sprintf(at, "%s[pagefile %u]", *name ? " " : "",
			swap_place_number(row->want.pa));
}

static void assert_map_line(const struct check *c, const char *line,
			    const struct row *row)
{
	uint64_t start, end, pa, want_pa = 0;
	char perms[5] = "", origin[200] = "", want[240] = "";

	ck_assert_int_ge(sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64
				" 00:00 0 %199[^\n]", &start, &end, perms, &pa,
				origin), 4);
	if (page_state_in_memory(row->want.state))
		want_pa = row->want.pa;
	column_of(c, row, true, want);
	/* Of some of those the tree of VADs is known. */
	if (c->s.no_vads && strcmp(origin, want))
		column_of(c, row, false, want);
	ck_assert_msg(start == row->page->va &&
			      end == start + row->page->size && pa == want_pa &&
			      !strcmp(origin, want),
		      "%s, pid %u, va 0x%lx: %s", c->s.id, c->process->pid,
		      (long)row->page->va, line);
	ck_assert_msg(c->s.no_vads ||
			      (perms[3] == 's') == is_shared(c, start),
		      "%s, pid %u: %s", c->s.id, c->process->pid, line);
}

static void assert_memmap_line(const struct check *c, const char *line,
			       const struct row *row)
{
	uint64_t va, pa, size;

	ck_assert_int_eq(sscanf(line, "0x%" SCNx64 " 0x%" SCNx64 " 0x%" SCNx64,
				&va, &pa, &size), 3);
	ck_assert_msg(va == row->page->va && pa == row->want.pa &&
			      size == row->page->size,
		      "%s, pid %u, va 0x%lx: %s", c->s.id, c->process->pid,
		      (long)row->page->va, line);
}

/* All lines from the first that is one of a table. */
static void assert_lines(const struct check *c, const char *name,
			 bool (*wanted)(const struct row *),
			 void (*fn)(const struct check *, const char *,
				    const struct row *))
{
	g_autofree char *text = unit_tree_text(&c->s.t, "proc/%u/%s",
					       c->process->pid, name);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	guint at = 0;

	if (!strcmp(name, "memmap"))
		while (lines[at] && strncmp(lines[at], "0x", 2))
			at++;
	for (guint i = 0; i < c->rows->len; i++) {
		if (!wanted(get_row(c, i)))
			continue;
		ck_assert_msg(lines[at] && *lines[at],
			      "%s, pid %u, %s: 0x%lx is missing", c->s.id,
			      c->process->pid, name,
			      (long)get_row(c, i)->page->va);
		fn(c, lines[at++], get_row(c, i));
	}
	ck_assert_msg(!lines[at] || !*lines[at], "%s, pid %u, %s: %s",
		      c->s.id, c->process->pid, name, lines[at]);
}

static bool in_memory(const struct row *row)
{
	return page_state_in_memory(row->want.state);
}

static uint64_t paging_number(const struct check *c, const char *text,
			      const char *key)
{
	g_autofree char *line = g_strdup_printf("\n%s:\t", key);
	const char *at = strstr(text, line);

	ck_assert_msg(at != NULL, "%s: no %s", c->s.id, key);
	return g_ascii_strtoull(at + strlen(line), NULL, 10);
}

static void assert_paging(const struct check *c)
{
	static const struct {
		const char *key;
		enum page_state state;
	} keys[] = {
		{ "PagesValid", PAGE_VALID },
		{ "PagesTransition", PAGE_TRANSITION },
		{ "PagesPrototype", PAGE_PROTOTYPE },
		{ "PagesPagefile", PAGE_PAGEFILE },
		{ "PagesCompressed", PAGE_STORE },
		{ "PagesDemandZero", PAGE_DEMAND_ZERO },
		{ "PagesDecommitted", PAGE_DECOMMITTED },
		{ "PagesFileNotInImage", PAGE_FILE },
		{ "PagesCompressedUnreadable", PAGE_COMPRESSED },
		{ "PagesPrototypeUnreadable", PAGE_PROTOTYPE_LOST },
		{ "PagesNotUnderstood", PAGE_UNKNOWN },
		{ "PagesReservedBits", PAGE_RESERVED },
		{ "PagesOutsideImage", PAGE_OUTSIDE },
		{ "PagesBehindMissingTables", PAGE_DAMAGED },
	};
	g_autofree char *text = unit_tree_text(&c->s.t, "proc/%u/paging",
					       c->process->pid);
	uint64_t want[PAGE_STATES] = { 0 };

	for (guint i = 0; i < c->rows->len; i++)
		want[get_row(c, i)->want.state] +=
			get_row(c, i)->page->size / MK_PAGE_SIZE;
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		ck_assert_msg(paging_number(c, text, keys[i].key) ==
				      want[keys[i].state],
			      "%s, pid %u: %s is not %lu", c->s.id,
			      c->process->pid, keys[i].key,
			      (long)want[keys[i].state]);
	/* Of a table that is not there, all that it may have. */
	ck_assert_uint_ge(paging_number(c, text, "PagesPagedOut"),
			  want[PAGE_PAGED_OUT]);
	ck_assert_uint_eq(paging_number(c, text, "BytesFromPageFiles"),
			  want[PAGE_PAGEFILE] * MK_PAGE_SIZE);
}

/* --- memory --- */

static void assert_bytes(const struct check *c, TreeFile *file,
			 const struct row *row, uint64_t skip)
{
	uint8_t got[MK_PAGE_SIZE], want[MK_PAGE_SIZE] = { 0 };
	bool lost = c->eio && page_state_is_lost(row->want.state);
	struct unit_expect e = row->want;
	int64_t n = unit_tree_read(file, row->page->va + skip, MK_PAGE_SIZE,
				   MK_PAGE_SIZE, got);

	ck_assert_msg(n == (lost ? -EIO : (int64_t)MK_PAGE_SIZE),
		      "%s, pid %u, va 0x%lx: %ld read", c->s.id,
		      c->process->pid, (long)(row->page->va + skip), (long)n);
	if (lost)
		return;
	e.pa += skip;
	if (has_data(row))
		unit_states_bytes(&c->s, c->process, row->page, &e, skip,
				  want);
	ck_assert_msg(!memcmp(got, want, sizeof got),
		      "%s, pid %u, va 0x%lx (%s): not its bytes", c->s.id,
		      c->process->pid, (long)(row->page->va + skip),
		      mk_state_name(row->page->state));
}

/* Where data begins, and where it ends, without gaps. */
static guint run_end(const struct check *c, guint i, uint64_t *end)
{
	*end = get_row(c, i)->page->va;
	for (; i < c->rows->len && has_data(get_row(c, i)) &&
	       get_row(c, i)->page->va == *end; i++)
		*end += get_row(c, i)->page->size;
	return i;
}

static void assert_holes(const struct check *c, TreeFile *file)
{
	uint64_t at = 0, end;

	for (guint i = 0; i < c->rows->len;) {
		uint64_t start = get_row(c, i)->page->va;

		if (!has_data(get_row(c, i))) {
			i++;
			continue;
		}
		i = run_end(c, i, &end);
		ck_assert_msg(tree_file_seek(file, at, SEEK_DATA) ==
				      (int64_t)start,
			      "%s, pid %u: no data at 0x%lx", c->s.id,
			      c->process->pid, (long)start);
		ck_assert_msg(tree_file_seek(file, start, SEEK_HOLE) ==
				      (int64_t)end,
			      "%s, pid %u: no hole at 0x%lx", c->s.id,
			      c->process->pid, (long)end);
		at = end;
	}
	ck_assert_int_eq(tree_file_seek(file, at, SEEK_DATA), -ENXIO);
}

static void assert_vmem(const struct check *c)
{
	struct tree_node node = unit_tree_node(&c->s.t, "proc/%u/vmem",
					       c->process->pid);
	g_autoptr(TreeFile) file = tree_open(c->s.t.tree, &node);

	for (guint i = 0; i < c->rows->len; i++) {
		const struct row *row = get_row(c, i);

		for (uint64_t skip = 0; skip < row->page->size;
		     skip += row->page->size > 64 * MK_PAGE_SIZE ?
				     61 * MK_PAGE_SIZE : MK_PAGE_SIZE)
			assert_bytes(c, file, row, skip);
	}
	assert_holes(c, file);
}

/* A region's file has the bytes that `vmem` has there. */
static uint64_t assert_region(const struct check *c, TreeFile *vmem,
			      const struct tree_node *node, const char *name)
{
	g_autoptr(TreeFile) file = tree_open(c->s.t.tree, node);
	uint64_t start, end, len;
	g_autofree uint8_t *a = NULL, *b = NULL;

	ck_assert_int_eq(sscanf(name, "%" SCNx64 "-%" SCNx64, &start, &end),
			 2);
	len = MIN(end - start, 1 << 20);
	a = g_malloc(len);
	b = g_malloc(len);
	ck_assert_int_eq(unit_tree_read(file, 0, len, PLAN_MAX_BYTES, a),
			 (int64_t)len);
	ck_assert_int_eq(unit_tree_read(vmem, start, len, PLAN_MAX_BYTES, b),
			 (int64_t)len);
	ck_assert_msg(!memcmp(a, b, len), "%s: %s", c->s.id, name);
	return end - start;
}

static void assert_regions(const struct check *c)
{
	struct tree_node vmem = unit_tree_node(&c->s.t, "proc/%u/vmem",
					       c->process->pid);
	struct tree_node dir = unit_tree_node(&c->s.t, "proc/%u/regions",
					      c->process->pid), node;
	g_autoptr(TreeFile) file = tree_open(c->s.t.tree, &vmem);
	uint64_t sum = 0;
	char *name;

	for (guint i = 0; i < c->rows->len; i++)
		if (has_data(get_row(c, i)))
			sum += get_row(c, i)->page->size;
	for (uint64_t i = 0; tree_entry(c->s.t.tree, &dir, i, &node, &name);
	     i++) {
		sum -= assert_region(c, file, &node, name);
		g_free(name);
	}
	ck_assert_uint_eq(sum, 0);
}

/* --- a process --- */

static void gather_rows(struct check *c)
{
	const GArray *pages = c->process->pages;

	c->rows = g_array_new(FALSE, FALSE, sizeof(struct row));
	for (guint i = 0; i < pages->len; i++) {
		struct row row = {
			.page = &g_array_index(pages, struct mk_page, i),
		};

		row.want = unit_states_expect(&c->s, c->plain, row.page, 0);
		if (row.want.state != PAGE_ABSENT)
			g_array_append_val(c->rows, row);
	}
}

static void assert_process(struct check *c)
{
	c->plain = mk_soft_new(c->s.t.w.win, c->process, true);
	gather_rows(c);
	assert_lines(c, "maps", has_data, assert_map_line);
	assert_lines(c, "memmap", in_memory, assert_memmap_line);
	assert_paging(c);
	assert_vmem(c);
	assert_regions(c);
	g_array_unref(c->rows);
	mk_soft_free(c->plain);
}

static void assert_machine(const struct unit_states_options *options,
			   bool eio)
{
	const struct tree_options tree = { .umask = 0077, .eio = eio,
					   .copy = options->machine.seed & 1 };
	struct check c = { .eio = eio };

	unit_states_init(&c.s, options);
	unit_states_add_tree(&c.s, &tree);
	for (size_t i = 0; i < mk_win_n_processes(c.s.t.w.win); i++) {
		c.process = mk_win_process(c.s.t.w.win, i);
		if (unit_states_is_told(c.process))
			assert_process(&c);
	}
	unit_states_clear(&c.s);
}

/* --- machines --- */

static const char *const *families;
static int n_families;

/* By turns with whole page files, none, short ones; holes=eio or not. */
START_TEST(test_family)
{
	const struct unit_states_options options = {
		.machine = { .seed = 800 + (uint64_t)_i / 2, .size_mib = 24,
			     .states = true, .layout = families[_i] },
		.files = (enum unit_files)(_i % UNIT_FILES_KINDS),
		.source = UNIT_PDB,
	};

	assert_machine(&options, _i & 1);
}
END_TEST

static const struct mk_options variants[] = {
	{ .layout = "amd64-10.0.19041-b", .store = 2, .page_files = true },
	{ .layout = "amd64-10.0.26100", .store = 2, .page_files = true },
	{ .layout = "amd64-10.0.16299", .store = 2 },
	{ .layout = "amd64la57-10.0.22621", .page_files = true },
	{ .layout = "x86-6.1.7601", .three_gb = true, .page_files = true },
	{ .layout = "x86pae-5.2.3790-b", .three_gb = true },
	{ .layout = "amd64-6.1.7601-d", .page_files = true },
};

START_TEST(test_variant)
{
	struct unit_states_options options = { .machine = variants[_i / 4] };

	options.machine.seed = 960 + (uint64_t)_i / 2;
	options.machine.size_mib = 48;
	options.machine.states = true;
	options.files = _i & 2 ? UNIT_FILES_WHOLE : UNIT_FILES_NONE;
	assert_machine(&options, _i & 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-states");
	TCase *tcase = unit_case(suite, "all");

	families = unit_states_families(&n_families);
	tcase_add_loop_test(tcase, test_family, 0, n_families);
	tcase_add_loop_test(tcase, test_variant, 0,
			    4 * (int)G_N_ELEMENTS(variants));
	return unit_main(suite);
}
