/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of maps and memmap: parts of a text, coalesce, all, 32 bits. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "tree/rows.h"
#include "tree/vads.h"

static void start(struct unit_tree *t, const struct mk_options *machine,
		  bool coalesce, bool all)
{
	const struct tree_options options = { .coalesce = coalesce,
					      .all = all };

	unit_tree_init(t, machine, &options);
}

static guint count_lines(const char *text)
{
	guint n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Any part of a text is that part of the whole. */
START_TEST(test_parts)
{
	const struct mk_options machine = { .seed = 1, .size_mib = 128,
					    .bulk_mib = 64 };
	static const char *const names[] = { "maps", "memmap" };
	struct mk_random random = { 4 };
	struct unit_tree t;
	const struct mk_process *p;

	start(&t, &machine, _i, false);
	p = mk_win_find(t.w.win, "bulk.exe");
	ck_assert_ptr_nonnull(p);
	for (int k = 0; k < 2; k++) {
		g_autofree char *whole = unit_tree_text(&t, "proc/%u/%s",
							p->pid, names[k]);
		struct tree_node node = unit_tree_node(&t, "proc/%u/%s",
						       p->pid, names[k]);
		g_autoptr(TreeFile) file = tree_open(t.tree, &node);
		size_t size = strlen(whole);
		uint8_t buf[9000];

		/* many more lines than there are between marks */
		ck_assert(_i || count_lines(whole) > 10000);
		for (int round = 0; round < 500; round++) {
			size_t off = mk_random_below(&random, size);
			size_t len = mk_random_below(&random, sizeof buf);
			int64_t n = unit_tree_read(file, off, len, len, buf);

			ck_assert_int_eq(n, (int64_t)MIN(len, size - off));
			ck_assert(!memcmp(buf, whole + off, (size_t)n));
		}
		ck_assert_int_eq(unit_tree_read(file, size, 10, 10, buf), 0);
	}
	unit_tree_clear(&t);
}
END_TEST

struct line {
	uint64_t start, end, pa;
	char perms[8];
};

static bool parse_line(const char **text, struct line *l)
{
	int n = 0;

	if (!**text)
		return false;
	ck_assert_int_eq(sscanf(*text, "%lx-%lx %4s %lx 00:00 0 %n",
				(unsigned long *)&l->start,
				(unsigned long *)&l->end, l->perms,
				(unsigned long *)&l->pa, &n), 4);
	*text = strchr(*text, '\n') + 1;
	return true;
}

/* What is coalesced says the same as what is not, in fewer lines: no two
 * neighbours could be one, and each line is made of pages. */
START_TEST(test_coalesce)
{
	const struct mk_options machine = { .seed = 2, .hole = true };
	struct unit_tree plain, merged;

	start(&plain, &machine, false, false);
	start(&merged, &machine, true, false);
	for (size_t i = 0; i < procset_count(plain.procs); i++) {
		const char *dir = procset_get(plain.procs, i)->dir;
		g_autofree char *a = unit_tree_text(&plain, "proc/%s/maps",
						    dir);
		g_autofree char *b = unit_tree_text(&merged, "proc/%s/maps",
						    dir);
		struct line page = { 0 }, range, last = { 0 };
		const char *p = a, *q = b;

		while (parse_line(&q, &range)) {
			uint64_t at = range.start;

			ck_assert(!(last.end == range.start &&
				    last.pa + (last.end - last.start) ==
					    range.pa &&
				    !strcmp(last.perms, range.perms)));
			while (at < range.end) {
				ck_assert(parse_line(&p, &page));
				ck_assert_uint_eq(page.start, at);
				ck_assert_uint_eq(page.pa, range.pa +
							   (at - range.start));
				ck_assert_str_eq(page.perms, range.perms);
				at = page.end;
			}
			ck_assert_uint_eq(at, range.end);
			last = range;
		}
		ck_assert(!*p);
		ck_assert_uint_le(count_lines(b), count_lines(a));
	}
	unit_tree_clear(&plain);
	unit_tree_clear(&merged);
}
END_TEST

/* With all, the kernel half is shown, too; its lines are those of before and
 * then more. */
START_TEST(test_all)
{
	const struct mk_options machine = { .seed = 1 };
	struct unit_tree half, whole;
	g_autofree char *a = NULL, *b = NULL;
	struct tree_node node;
	struct stat st;

	start(&half, &machine, false, false);
	start(&whole, &machine, false, true);
	a = unit_tree_text(&half, "proc/3204/maps");
	b = unit_tree_text(&whole, "proc/3204/maps");
	ck_assert(g_str_has_prefix(b, a));
	ck_assert_uint_gt(strlen(b), strlen(a));
	ck_assert_ptr_null(strstr(a, "\nffff"));
	ck_assert_ptr_nonnull(strstr(b, "\nffff"));
	node = unit_tree_node(&half, "proc/3204/vmem");
	tree_stat(half.tree, &node, &st);
	ck_assert_int_eq(st.st_size, INT64_C(1) << 47);
	node = unit_tree_node(&whole, "proc/3204/vmem");
	tree_stat(whole.tree, &node, &st);
	ck_assert_int_eq(st.st_size, INT64_C(1) << 48);
	unit_tree_clear(&half);
	unit_tree_clear(&whole);
}
END_TEST

/* A process without an address space. */
START_TEST(test_empty)
{
	const struct mk_options machine = { .seed = 1 };
	g_autofree char *maps = NULL, *memmap = NULL, *paging = NULL;
	struct unit_tree t;
	const struct mk_process *p;

	start(&t, &machine, false, false);
	p = mk_win_find(t.w.win, "zerodtb.exe");
	ck_assert_uint_eq(p->dtb_raw, 0);
	maps = unit_tree_text(&t, "proc/%u/maps", p->pid);
	ck_assert_str_eq(maps, "");
	memmap = unit_tree_text(&t, "proc/%u/memmap", p->pid);
	ck_assert(g_str_has_suffix(memmap, "Unable to read pages for task.\n"));
	paging = unit_tree_text(&t, "proc/%u/paging", p->pid);
	ck_assert_ptr_nonnull(strstr(paging, "no address space"));
	unit_tree_clear(&t);
}
END_TEST

/* The last page of all addresses: its end has 17 digits; 32-bit spaces have
 * narrow columns. */
START_TEST(test_last_page)
{
	const struct mk_options wide = { .seed = 1, .no_windows = true,
					 .paging = MK_MODE_AMD64 };
	const struct mk_options narrow = { .seed = 1, .no_windows = true,
					   .paging = MK_MODE_X86 };
	g_autofree char *maps = NULL, *memmap = NULL, *maps32 = NULL;
	struct unit_tree t;

	start(&t, &wide, false, false);
	maps = unit_tree_text(&t, "dtb/%lx/maps",
			      (long)mk_win_kernel(t.w.win)->dtb);
	ck_assert_ptr_nonnull(
		strstr(maps, "fffffffffffff000-10000000000000000 rwxp "));
	unit_tree_clear(&t);
	start(&t, &narrow, false, false);
	memmap = unit_tree_text(&t, "dtb/%lx/memmap",
				(long)mk_win_kernel(t.w.win)->dtb);
	ck_assert_ptr_nonnull(strstr(memmap, " Virtual    Physical     Size"));
	ck_assert_ptr_nonnull(strstr(memmap, "\n0x00010000 0x"));
	ck_assert_ptr_nonnull(strstr(memmap, "     0x1000\n"));
	maps32 = unit_tree_text(&t, "dtb/%lx/maps",
				(long)mk_win_kernel(t.w.win)->dtb);
	ck_assert_ptr_nonnull(strstr(maps32, "\nfffff000-100000000 rwxp "));
	unit_tree_clear(&t);
}
END_TEST

static void poke(uint8_t *bytes, uint64_t at, uint64_t entry)
{
	memcpy(bytes + at, &entry, 8);
}

static char *render_named(Space *space, const SpaceView *view,
			  const GArray *ranges, enum space_text kind)
{
	const struct row_source src = { space, view, ranges };
	g_autoptr(RowText) text = row_text_new(&src, kind, true);
	size_t size = (size_t)row_text_size(text);
	char *buf = g_malloc0(size + 1);

	row_text_read(text, &src, 0, size, buf);
	return buf;
}

static char *render(Space *space, const SpaceView *view, enum space_text kind)
{
	g_autoptr(GArray) none =
		g_array_new(FALSE, FALSE, sizeof(struct space_range));

	return render_named(space, view, none, kind);
}

/* Three pages in a row in both spaces, the first with other rights: two lines
 * of maps, one of memmap. */
START_TEST(test_rights_part)
{
	static const struct image_run run = { 0, 0x10000, 0 };
	struct addr_space as = { .form = &paging_amd64, .root = PHYS(0x1000) };
	g_autofree uint8_t *bytes = g_malloc0(0x10000);
	g_autofree char *maps = NULL, *memmap = NULL;
	ViewCache *cache = view_cache_new(1 << 20);
	struct unit_mem mem;
	SpaceView *view;
	Space *space;

	poke(bytes, 0x1000, 0x2067);
	poke(bytes, 0x2000, 0x3067);
	poke(bytes, 0x3000, 0x4067);
	poke(bytes, 0x4000, 0x8067);
	poke(bytes, 0x4008, 0x9065);
	poke(bytes, 0x4010, 0xa065);
	unit_mem_init_runs(&mem, bytes, 0x10000, &run, 1);
	as.pm = mem.pm;
	space = space_new(SPACE_DTB, &as, true);
	view = space_view(space, cache);
	maps = render(space, view, SPACE_TEXT_MAPS);
	ck_assert_str_eq(maps, "00000000-00001000 rwxp 00008000 00:00 0 \n"
			       "00001000-00003000 r-xp 00009000 00:00 0 \n");
	memmap = render(space, view, SPACE_TEXT_MEMMAP);
	ck_assert(g_str_has_suffix(
		memmap, "\n0x000000000000 0x000000008000         0x3000\n"));
	space_view_unref(view);
	space_free(space, cache);
	view_cache_free(cache);
	unit_mem_clear(&mem);
}
END_TEST

/* A table of 512 entries to itself: where the walk was cut, a line of each
 * text says so, and any part of it can be read. */
START_TEST(test_cut)
{
	static const struct image_run run = { 0, 0x10000, 0 };
	struct addr_space as = { .form = &paging_amd64, .root = PHYS(0x1000) };
	g_autofree uint8_t *bytes = g_malloc0(0x10000);
	ViewCache *cache = view_cache_new(1 << 20);
	g_autoptr(RowText) rows = NULL;
	g_autoptr(GArray) none =
		g_array_new(FALSE, FALSE, sizeof(struct space_range));
	const char *maps_tail, *tail;
	struct row_source src;
	g_autofree char *maps = NULL, *memmap = NULL;
	struct unit_mem mem;
	SpaceView *view;
	Space *space;
	char part[32];

	for (unsigned i = 0; i < 512; i++)
		poke(bytes, 0x1000 + 8 * i, 0x1067);
	unit_mem_init_runs(&mem, bytes, 0x10000, &run, 1);
	as.pm = mem.pm;
	space = space_new(SPACE_DTB, &as, true);
	view = space_view(space, cache);
	maps = render(space, view, SPACE_TEXT_MAPS);
	maps_tail = "80040000-10000000000000000 ---p 00000000 00:00 0 "
		    "[cut: more tables or pages than an image of this size "
		    "can have]\n";
	ck_assert_msg(g_str_has_suffix(maps, maps_tail), "%s",
		      maps + strlen(maps) - 200);
	memmap = render(space, view, SPACE_TEXT_MEMMAP);
	tail = "\nFrom 0x80040000 on cut: more tables or pages than an image "
	       "of this size can have\n";
	ck_assert_msg(g_str_has_suffix(memmap, tail), "%s",
		      memmap + strlen(memmap) - 100);
	src = (struct row_source){ space, view, none };
	rows = row_text_new(&src, SPACE_TEXT_MAPS, false);
	for (uint64_t at = row_text_size(rows) - 300;
	     at + sizeof part < row_text_size(rows); at += 7) {
		row_text_read(rows, &src, at, sizeof part, part);
		ck_assert(!memcmp(part, maps + at, sizeof part));
	}
	space_view_unref(view);
	space_free(space, cache);
	view_cache_free(cache);
	unit_mem_clear(&mem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-rows");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_parts, 0, 2);
	tcase_add_test(tcase, test_coalesce);
	tcase_add_test(tcase, test_rights_part);
	tcase_add_test(tcase, test_cut);
	tcase_add_test(tcase, test_all);
	tcase_add_test(tcase, test_empty);
	tcase_add_test(tcase, test_last_page);
	return unit_main(suite);
}
