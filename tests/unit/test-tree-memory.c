/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every page that the builder made is in maps, memmap and vmem, as made. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"

static const struct mk_options machines[] = {
	{ .seed = 1 },
	{ .seed = 2, .hole = true, .tail = 1234, .gig = true,
	  .trans_table = true },
	{ .seed = 3, .layout = "amd64-6.1.7601-d", .hole = true },
	{ .seed = 4, .layout = "amd64-10.0.22621", .trans_table = true },
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

static bool has_data(const struct mk_page *page)
{
	switch (page->state) {
	case MK_STATE_VALID:
	case MK_STATE_LARGE:
	case MK_STATE_PARTIAL:
	case MK_STATE_TRANSITION:
	case MK_STATE_TABLE:
		return true;
	case MK_STATE_PROTOTYPE:
		return page->pa != MK_NO_PA;
	case MK_STATE_OUTSIDE:
	case MK_STATE_PAGEFILE:
	case MK_STATE_STORE:
	case MK_STATE_COMPRESSED:
	case MK_STATE_DEMANDZERO:
	case MK_STATE_RESERVED:
	case MK_STATE_FILE:
	case MK_STATE_DECOMMITTED:
	case MK_STATE_PROTO_LOST:
	case MK_STATE_ABSENT:
	case MK_STATE_PAGED_TABLE:
		return false;
	}
	return false;
}

/* What lies in a VAD of shared memory is not the process's own. */
static bool is_shared(const struct mk_process *p, uint64_t va)
{
	for (guint i = 0; i < p->vads->len; i++) {
		const struct mk_vad *vad =
			&g_array_index(p->vads, struct mk_vad, i);
		unsigned low = vad->protection & 7;

		if (vad->start <= va && va <= vad->end)
			return !vad->is_private && low != 5 && low != 7;
	}
	return false;
}

static void perms_of(const struct mk_process *p, const struct mk_page *page,
		     char perms[5])
{
	perms[0] = 'r';
	perms[1] = page->rights & (MK_RIGHT_W | MK_RIGHT_CLEAN) ? 'w' : '-';
	perms[2] = page->rights & MK_RIGHT_X ? 'x' : '-';
	perms[3] = is_shared(p, page->va) ? 's' : 'p';
	perms[4] = '\0';
}

/* The lines of a text, as a set. */
static GHashTable *lines_of(const char *text, guint *n)
{
	GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal,
						g_free, NULL);
	char **lines = g_strsplit(text, "\n", -1);

	*n = 0;
	for (guint i = 0; lines[i]; i++) {
		*n += *lines[i] != '\0';
		g_hash_table_add(set, g_strdup(lines[i]));
	}
	g_strfreev(lines);
	return set;
}

/* Is the page as a whole one line? A large one that is there in part is
 * several. */
static bool is_one_line(const struct mk_page *page)
{
	return page->state != MK_STATE_PARTIAL || page->size == MK_PAGE_SIZE;
}

static void check_maps(const struct unit_tree *t, const struct mk_process *p,
		       const char *dir)
{
	g_autofree char *text = unit_tree_text(t, "proc/%s/maps", dir);
	guint n_lines, n_pages = 0;
	g_autoptr(GHashTable) lines = lines_of(text, &n_lines);
	bool exact = true;

	for (guint i = 0; i < p->pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(p->pages, struct mk_page, i);
		const char *name = unit_tree_name(p, page->va, true);
		g_autofree char *line = NULL, *head = NULL;
		char perms[5];

		exact &= !has_data(page) || is_one_line(page);
		if (!has_data(page) || !is_one_line(page))
			continue;
		n_pages++;
		perms_of(p, page, perms);
		head = g_strdup_printf("%08lx-%08lx %s %08lx 00:00 0 ",
				       (long)page->va,
				       (long)(page->va + page->size), perms,
				       (long)page->pa);
		/* Names begin in column 74. */
		line = g_strdup_printf(*name ? "%-73s%s" : "%s%s", head, name);
		ck_assert_msg(g_hash_table_contains(lines, line),
			      "pid %u: no line %s", p->pid, line);
	}
	ck_assert_msg(!exact || n_lines == n_pages, "pid %u: %u of %u",
		      p->pid, n_lines, n_pages);
}

static void check_memmap(const struct unit_tree *t, const struct mk_process *p,
			 const char *dir)
{
	g_autofree char *text = unit_tree_text(t, "proc/%s/memmap", dir);
	guint n_lines;
	g_autoptr(GHashTable) lines = lines_of(text, &n_lines);

	ck_assert(g_str_has_prefix(text, "**********"));
	for (guint i = 0; i < p->pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(p->pages, struct mk_page, i);
		g_autofree char *line = NULL, *size = NULL;

		if (!has_data(page) || !is_one_line(page))
			continue;
		size = g_strdup_printf("0x%lx", (long)page->size);
		line = g_strdup_printf("0x%012lx 0x%012lx %14s",
				       (long)page->va, (long)page->pa, size);
		ck_assert_msg(g_hash_table_contains(lines, line),
			      "pid %u: no line %s", p->pid, line);
	}
}

typedef void (*process_fn)(const struct unit_tree *t,
			   const struct mk_process *p, const char *dir);

static void each_process(const struct unit_tree *t, process_fn fn)
{
	for (size_t i = 0; i < mk_win_n_processes(t->w.win); i++) {
		const struct mk_process *p = mk_win_process(t->w.win, i);
		size_t at = procset_find_eprocess(t->procs,
						  VIRT(p->eprocess));

		ck_assert_uint_ne(at, SIZE_MAX);
		fn(t, p, procset_get(t->procs, at)->dir);
	}
}

START_TEST(test_maps)
{
	each_process(&trees[_i], check_maps);
}
END_TEST

START_TEST(test_memmap)
{
	each_process(&trees[_i], check_memmap);
}
END_TEST

/* What 4 KiB of a page should be. */
static void expected(const struct unit_tree *t, const struct mk_process *p,
		     const struct mk_page *page, uint64_t at,
		     uint8_t want[MK_PAGE_SIZE])
{
	MkPhys *phys = mk_win_phys(t->w.win);

	memset(want, 0, MK_PAGE_SIZE);
	if (!has_data(page))
		return;
	if (page->content == MK_CONTENT_OTHER || page->content ==
	    MK_CONTENT_NONE || page->state == MK_STATE_PARTIAL) {
		mk_phys_read(phys, page->pa + at, want, MK_PAGE_SIZE);
		for (uint64_t i = 0; i < MK_PAGE_SIZE; i++)
			if (!mk_phys_is_ram(phys, page->pa + at + i, 1))
				want[i] = 0;
		return;
	}
	mk_page_fill(machines[t - trees].seed, p->pid, page->va + at, want);
	if (page->content == MK_CONTENT_MARKER)
		memcpy(want + MK_MARKER_OFFSET, MK_MARKER,
		       strlen(MK_MARKER));
}

static void check_vmem(const struct unit_tree *t, const struct mk_process *p,
		       const char *dir)
{
	struct tree_node node = unit_tree_node(t, "proc/%s/vmem", dir);
	g_autoptr(TreeFile) file = tree_open(t->tree, &node);

	for (guint i = 0; i < p->pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(p->pages, struct mk_page, i);
		uint64_t step = MAX(page->size / 64, MK_PAGE_SIZE);

		for (uint64_t at = 0; at < page->size; at += step) {
			uint8_t want[MK_PAGE_SIZE], got[MK_PAGE_SIZE];

			expected(t, p, page, at, want);
			ck_assert_int_eq(unit_tree_read(file, page->va + at,
							MK_PAGE_SIZE,
							MK_PAGE_SIZE, got),
					 MK_PAGE_SIZE);
			ck_assert_msg(!memcmp(want, got, MK_PAGE_SIZE),
				      "pid %u: page 0x%lx + 0x%lx, %s", p->pid,
				      (long)page->va, (long)at,
				      mk_state_name(page->state));
		}
	}
}

START_TEST(test_vmem)
{
	each_process(&trees[_i], check_vmem);
}
END_TEST

/* Each region has the bytes that vmem has there, and nothing more. */
static void check_regions(const struct unit_tree *t,
			  const struct mk_process *p, const char *dir)
{
	struct tree_node folder = unit_tree_node(t, "proc/%s/regions", dir);
	struct tree_node vmem = unit_tree_node(t, "proc/%s/vmem", dir), node;
	g_autoptr(TreeFile) whole = tree_open(t->tree, &vmem);
	char *name;

	(void)p;
	for (uint64_t i = 0; tree_entry(t->tree, &folder, i, &node, &name);
	     i++) {
		g_autoptr(TreeFile) file = tree_open(t->tree, &node);
		uint64_t start = g_ascii_strtoull(name, NULL, 16);
		uint8_t a[8192], b[8192];
		struct stat st;
		int64_t n;

		g_free(name);
		tree_stat(t->tree, &node, &st);
		n = MIN(st.st_size, 8192);
		ck_assert_int_eq(unit_tree_read(file, 0, 8192, 8192, a), n);
		ck_assert_int_eq(unit_tree_read(whole, start, (uint64_t)n,
						4096, b), n);
		ck_assert(!memcmp(a, b, (size_t)n));
		ck_assert_int_eq(unit_tree_read(file,
						(uint64_t)st.st_size - 1, 9,
						9, a), 1);
		ck_assert_int_eq(unit_tree_read(file, (uint64_t)st.st_size, 9,
						9, a), 0);
	}
}

START_TEST(test_regions)
{
	each_process(&trees[_i], check_regions);
}
END_TEST

/* Physical memory is that of the builder. */
START_TEST(test_pmem)
{
	const struct unit_tree *t = &trees[_i];
	struct tree_node node = unit_tree_node(t, "image/pmem");
	g_autoptr(TreeFile) file = tree_open(t->tree, &node);
	MkPhys *phys = mk_win_phys(t->w.win);
	struct stat st;

	tree_stat(t->tree, &node, &st);
	ck_assert_uint_eq((uint64_t)st.st_size, mk_phys_end(phys));
	for (uint64_t pa = 0; pa < mk_phys_end(phys); pa += 37 * 4096) {
		uint8_t want[8192], got[8192];
		int64_t n;

		mk_phys_read(phys, pa, want, sizeof want);
		n = unit_tree_read(file, pa, sizeof got, sizeof got, got);
		ck_assert_int_eq(n, MIN((int64_t)sizeof got,
					st.st_size - (int64_t)pa));
		ck_assert(!memcmp(want, got, (size_t)n));
	}
}
END_TEST

/* The kernel half: offsets are addresses without sign. */
START_TEST(test_kernel)
{
	const struct unit_tree *t = &trees[_i];
	const GArray *pages = mk_win_kernel_pages(t->w.win);
	struct tree_node node = unit_tree_node(t, "kernel/vmem");
	g_autoptr(TreeFile) file = tree_open(t->tree, &node);
	g_autofree char *maps = unit_tree_text(t, "kernel/maps");

	ck_assert_uint_gt(pages->len, 20);
	for (guint i = 0; i < pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(pages, struct mk_page, i);
		uint8_t want[MK_PAGE_SIZE] = { 0 }, got[MK_PAGE_SIZE];
		g_autofree char *line = g_strdup_printf(
			"%lx-%lx ", (long)page->va,
			(long)(page->va + page->size));

		if (has_data(page))
			mk_phys_read(mk_win_phys(t->w.win), page->pa, want,
				     sizeof want);
		ck_assert_int_eq(unit_tree_read(file,
						page->va & 0xffffffffffff,
						sizeof got, 4096, got), 4096);
		ck_assert(!memcmp(want, got, sizeof got));
		ck_assert(!!strstr(maps, line) == has_data(page) ||
			  !is_one_line(page));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-memory");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_maps, 0, MACHINES);
	tcase_add_loop_test(tcase, test_memmap, 0, MACHINES);
	tcase_add_loop_test(tcase, test_vmem, 0, MACHINES);
	tcase_add_loop_test(tcase, test_regions, 0, MACHINES);
	tcase_add_loop_test(tcase, test_pmem, 0, MACHINES);
	tcase_add_loop_test(tcase, test_kernel, 0, MACHINES);
	return unit_main(suite);
}
