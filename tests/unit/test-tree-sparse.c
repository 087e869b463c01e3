/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of reads and seeks in sparse files: any cut of a read gives the same
 * bytes; data and holes; holes=eio; copies in place of pointers. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

static const struct mk_options machine = { .seed = 5, .hole = true,
					   .tail = 100, .trans_table = true };
enum { PLAIN, COPY, EIO_HOLES, KINDS };

static struct unit_tree trees[KINDS];

static void setup(void)
{
	static const struct tree_options options[KINDS] = {
		[COPY] = { .copy = true },
		[EIO_HOLES] = { .eio = true },
	};

	for (int i = 0; i < KINDS; i++)
		unit_tree_init(&trees[i], &machine, &options[i]);
}

static void teardown(void)
{
	for (int i = 0; i < KINDS; i++)
		unit_tree_clear(&trees[i]);
}

static TreeFile *open_path(const struct unit_tree *t, const char *path)
{
	struct tree_node node = unit_tree_node(t, "%s", path);
	TreeFile *file = tree_open(t->tree, &node);

	ck_assert_ptr_nonnull(file);
	ck_assert(tree_file_is_sparse(file));
	return file;
}

static uint64_t size_of(const struct unit_tree *t, const char *path)
{
	struct tree_node node = unit_tree_node(t, "%s", path);
	struct stat st;

	tree_stat(t->tree, &node, &st);
	return (uint64_t)st.st_size;
}

static const char *const paths[] = { "proc/3204/vmem", "proc/4/vmem",
				     "kernel/vmem", "image/pmem" };

/* A place near the borders of data: page borders, and some bytes off. */
static uint64_t near_data(TreeFile *file, uint64_t size,
			  struct mk_random *random)
{
	uint64_t from = mk_random_below(random, size);
	int64_t data, at;

	if (mk_random_below(random, 4) == 0)
		from = mk_random_below(random, 0x80000000);
	data = tree_file_seek(file, from % size, SEEK_DATA);
	if (data < 0)
		return from;
	at = tree_file_seek(file, (uint64_t)data, SEEK_HOLE);
	at = mk_random_below(random, 2) ? at : data;
	at += (int64_t)mk_random_below(random, 20000) - 10000;
	return at < 0 ? 0 : MIN((uint64_t)at, size - 1);
}

/* read(a, n) is what reads of single pages give, put together. */
START_TEST(test_any_cut)
{
	const struct unit_tree *t = &trees[_i];
	struct mk_random random = { 9 };
	g_autofree uint8_t *a = g_malloc(1 << 20);
	g_autofree uint8_t *b = g_malloc(1 << 20);

	for (size_t p = 0; p < G_N_ELEMENTS(paths); p++) {
		g_autoptr(TreeFile) file = open_path(t, paths[p]);
		uint64_t size = size_of(t, paths[p]);

		for (int round = 0; round < 150; round++) {
			uint64_t off = near_data(file, size, &random);
			uint64_t len = mk_random_below(&random, 200000) + 1;
			int64_t n, m;

			memset(a, 1, (size_t)len);
			memset(b, 2, (size_t)len);
			n = unit_tree_read(file, off, len, PLAN_MAX_BYTES, a);
			m = unit_tree_read(file, off, len,
					   4096 - off % 4096, b);
			ck_assert_int_eq(n, m);
			ck_assert_int_eq(n, (int64_t)MIN(len, size - off));
			ck_assert(!memcmp(a, b, (size_t)n));
		}
	}
}
END_TEST

/* With and without pointers into the image: the same bytes. */
START_TEST(test_copy_is_same)
{
	struct mk_random random = { 10 };
	uint8_t a[30000], b[30000];

	for (size_t p = 0; p < G_N_ELEMENTS(paths); p++) {
		g_autoptr(TreeFile) x = open_path(&trees[PLAIN], paths[p]);
		g_autoptr(TreeFile) y = open_path(&trees[COPY], paths[p]);
		uint64_t size = size_of(&trees[PLAIN], paths[p]);

		for (int round = 0; round < 200; round++) {
			uint64_t off = near_data(x, size, &random);

			ck_assert_int_eq(unit_tree_read(x, off, sizeof a,
							sizeof a, a),
					 unit_tree_read(y, off, sizeof b,
							sizeof b, b));
			ck_assert(!memcmp(a, b, MIN(sizeof a, size - off)));
		}
	}
}
END_TEST

/* The extents of SEEK_DATA add up to what stat says, and to the runs of
 * maps; a page is in one or it reads as zeros. */
START_TEST(test_extents)
{
	const struct unit_tree *t = &trees[PLAIN];

	for (size_t p = 0; p < G_N_ELEMENTS(paths); p++) {
		g_autoptr(TreeFile) file = open_path(t, paths[p]);
		uint64_t size = size_of(t, paths[p]), off = 0, sum = 0;
		struct tree_node node = unit_tree_node(t, "%s", paths[p]);
		struct stat st;

		while (off < size) {
			int64_t data = tree_file_seek(file, off, SEEK_DATA);
			int64_t hole;

			if (data < 0)
				break;
			/* from within the data: where one is */
			ck_assert_int_eq(tree_file_seek(file, (uint64_t)data,
							SEEK_DATA), data);
			if ((uint64_t)data > off)
				ck_assert_int_eq(tree_file_seek(file, off,
								SEEK_HOLE),
						 (int64_t)off);
			hole = tree_file_seek(file, (uint64_t)data, SEEK_HOLE);
			ck_assert_int_gt(hole, data);
			sum += (uint64_t)(hole - data);
			off = (uint64_t)hole;
		}
		tree_stat(t->tree, &node, &st);
		ck_assert_uint_eq((uint64_t)st.st_blocks, (sum + 511) / 512);
		ck_assert_int_eq(tree_file_seek(file, size, SEEK_DATA),
				 -ENXIO);
		ck_assert_int_eq(tree_file_seek(file, size, SEEK_HOLE),
				 -ENXIO);
		ck_assert_int_eq(tree_file_seek(file, UINT64_MAX, SEEK_HOLE),
				 -ENXIO);
	}
}
END_TEST

/* The extents of a process are its present pages. */
START_TEST(test_extents_are_pages)
{
	const struct unit_tree *t = &trees[PLAIN];
	const struct mk_process *p = mk_win_find(t->w.win, "explorer.exe");
	g_autoptr(TreeFile) file = open_path(t, "proc/3204/vmem");

	for (guint i = 0; i < p->pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(p->pages, struct mk_page, i);
		int64_t data = tree_file_seek(file, page->va, SEEK_DATA);
		bool there = page->state <= MK_STATE_PARTIAL ||
			     page->state == MK_STATE_TRANSITION ||
			     page->state == MK_STATE_TABLE ||
			     (page->state == MK_STATE_PROTOTYPE &&
			      page->pa != MK_NO_PA);

		if (page->size > MK_PAGE_SIZE &&
		    page->state == MK_STATE_PARTIAL)
			continue;
		ck_assert_msg((data == (int64_t)page->va) == there, "0x%lx",
			      (long)page->va);
	}
}
END_TEST

START_TEST(test_ends)
{
	const struct unit_tree *t = &trees[_i];
	uint8_t buf[64];

	for (size_t p = 0; p < G_N_ELEMENTS(paths); p++) {
		g_autoptr(TreeFile) file = open_path(t, paths[p]);
		uint64_t size = size_of(t, paths[p]);

		ck_assert_int_eq(unit_tree_read(file, size, 64, 64, buf), 0);
		ck_assert_int_eq(unit_tree_read(file, UINT64_MAX, 64, 64,
						buf), 0);
		ck_assert_int_eq(unit_tree_read(file, size - 3, 64, 64, buf),
				 3);
		ck_assert_int_eq(unit_tree_read(file, 0, 0, 64, buf), 0);
	}
}
END_TEST

static bool is_lost(const struct mk_page *page)
{
	return page->state == MK_STATE_OUTSIDE ||
	       (page->state == MK_STATE_PROTOTYPE &&
		page->pa == MK_NO_PA) ||
	       page->state == MK_STATE_PAGEFILE ||
	       page->state == MK_STATE_RESERVED;
}

/* holes=eio: a read that starts in a lost page fails, one that runs into it
 * is cut short; what is no page at all reads as zeros as ever. */
START_TEST(test_eio)
{
	const struct unit_tree *t = &trees[EIO_HOLES];
	const struct mk_process *p = mk_win_find(t->w.win, "explorer.exe");
	g_autoptr(TreeFile) file = open_path(t, "proc/3204/vmem");
	g_autoptr(TreeFile) pmem = open_path(t, "image/pmem");
	unsigned n_lost = 0, n_cut = 0;
	uint8_t buf[8192];

	for (guint i = 0; i < p->pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(p->pages, struct mk_page, i);
		const struct mk_page *next = page + 1;
		int64_t n;

		if (page->size > MK_PAGE_SIZE)
			continue;
		n = unit_tree_read(file, page->va + 5, 10, 10, buf);
		ck_assert_msg(n == (is_lost(page) ? -EIO : 10), "0x%lx: %ld",
			      (long)page->va, (long)n);
		n_lost += is_lost(page);
		if (is_lost(page) || i + 1 == p->pages->len ||
		    next->va != page->va + MK_PAGE_SIZE || !is_lost(next))
			continue;
		n_cut++;
		{
			struct read_plan plan;

			read_plan_init(&plan);
			ck_assert_int_eq(tree_file_read(file, page->va + 96,
							8000, &plan), 0);
			ck_assert_uint_eq(plan.len, 4000);
			read_plan_clear(&plan);
		}
	}
	ck_assert_uint_gt(n_lost, 3);
	ck_assert_uint_gt(n_cut, 0);
	/* nothing at all is no loss */
	ck_assert_int_eq(unit_tree_read(file, 0, 100, 100, buf), 100);
	/* the hole in RAM */
	ck_assert_int_eq(unit_tree_read(pmem, 0xa0000, 100, 100, buf), 100);
}
END_TEST

/* An image that cannot be read any more is an error of the read. */
START_TEST(test_unreadable)
{
	const struct unit_tree *t = &trees[COPY];
	g_autoptr(TreeFile) file = open_path(t, "image/pmem");
	uint8_t buf[64];

	ck_assert_int_eq(unit_tree_read(file, 0x10000, 64, 64, buf), 64);
	image_io_set_reader(t->w.mem.image->io, unit_no_read, NULL);
	ck_assert_int_eq(unit_tree_read(file, 0x10000, 64, 64, buf), -EIO);
}
END_TEST

/* What was looked for while it could not be read is an error, not nothing. */
START_TEST(test_unreadable_tables)
{
	const struct unit_tree *t = &trees[PLAIN];
	static const char *const files[] = { "proc/532/vmem",
					     "proc/532/maps" };

	image_io_set_reader(t->w.mem.image->io, unit_no_read, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		struct tree_node node = unit_tree_node(t, "%s", files[i]);
		g_autoptr(TreeFile) file = tree_open(t->tree, &node);
		uint8_t buf[64];

		ck_assert_int_eq(unit_tree_read(file, 0, 64, 64, buf), -EIO);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-sparse");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_any_cut, PLAIN, EIO_HOLES);
	tcase_add_test(tcase, test_copy_is_same);
	tcase_add_test(tcase, test_extents);
	tcase_add_test(tcase, test_extents_are_pages);
	tcase_add_loop_test(tcase, test_ends, PLAIN, EIO_HOLES);
	tcase_add_test(tcase, test_eio);
	tcase_add_test(tcase, test_unreadable);
	tcase_add_test(tcase, test_unreadable_tables);
	return unit_main(suite);
}
