/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of pagemap: each entry is what the builder put there and what the
 * walker says of the page; any cut of a read; data and holes; sizes. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tree/pagemap.h"

static const struct mk_options machines[] = {
	{ .seed = 1, .size_mib = 32, .states = true, .page_files = true,
	  .store = 2 },
	{ .seed = 3, .size_mib = 32, .layout = "x86-6.1.7601",
	  .states = true },
	{ .seed = 5, .size_mib = 32, .layout = "x86pae-6.1.7601",
	  .states = true, .three_gb = true },
	{ .seed = 6, .size_mib = 32, .layout = "amd64la57-10.0.22621",
	  .states = true },
	{ .seed = 7, .size_mib = 32, .layout = "arm64-10.0.26100" },
	{ .seed = 8, .hole = true, .tail = 77, .trans_table = true,
	  .gig = true },
};
#define MACHINES ((int)G_N_ELEMENTS(machines))

static struct unit_tree trees[MACHINES];

static void setup(void)
{
	for (int i = 0; i < MACHINES; i++) {
		const struct tree_options options = {
			.all = i % 2, .eio = i > 2, .copy = i == 4,
		};

		unit_tree_init(&trees[i], &machines[i], &options);
	}
}

static void teardown(void)
{
	for (int i = 0; i < MACHINES; i++)
		unit_tree_clear(&trees[i]);
}

enum {
	FILE_BIT = 61,
	SWAP_BIT = 62,
	PRESENT_BIT = 63,
};

static uint64_t bit(unsigned n)
{
	return UINT64_C(1) << n;
}

static uint64_t mask_of(const struct tree_node *node)
{
	return bit(node->space->as.form->va_bits) - 1;
}

static uint64_t entry_at(TreeFile *file, uint64_t va)
{
	uint8_t raw[8];

	ck_assert_int_eq(unit_tree_read(file, va / 4096 * 8, 8, 8, raw), 8);
	return load_le64(raw);
}

static uint64_t swapped(uint64_t number, uint64_t place)
{
	return bit(SWAP_BIT) | number | place << 5;
}

/* Of a page in the compressed store. */
static uint64_t stored(const struct unit_tree *t, uint32_t pid, uint64_t va)
{
	const GArray *pages = mk_win_store_pages(t->w.win);

	for (guint i = 0; i < pages->len; i++) {
		const struct mk_store_page *p =
			&g_array_index(pages, struct mk_store_page, i);

		if (p->pid == pid && p->va == va)
			return swapped(machines[t - trees].store, p->place);
	}
	return UINT64_MAX;
}

/* By the builder's word. UINT64_MAX: it does not tell. */
static uint64_t wanted(const struct unit_tree *t, uint32_t pid,
		       const struct mk_page *page, uint64_t skip)
{
	uint64_t pfn = (page->pa + skip) >> 12;

	switch (page->state) {
	case MK_STATE_VALID:
	case MK_STATE_LARGE:
	case MK_STATE_TRANSITION:
	case MK_STATE_TABLE:
		return bit(PRESENT_BIT) | pfn;
	case MK_STATE_PARTIAL:
		return physmem_has_page(t->w.mem.pm, PHYS(pfn << 12)) ?
			       bit(PRESENT_BIT) | pfn : 0;
	case MK_STATE_PROTOTYPE:
		/* ARM64 layouts do not have the VADs that some need. */
		if (!machines[t - trees].states)
			return UINT64_MAX;
		return bit(PRESENT_BIT) | bit(FILE_BIT) | pfn;
	case MK_STATE_PAGEFILE:
		if (!machines[t - trees].states)
			return UINT64_MAX;
		return swapped(page->swap >> 44, page->swap >> 12 & UINT32_MAX);
	case MK_STATE_STORE:
	case MK_STATE_COMPRESSED:
		return stored(t, pid, page->va);
	case MK_STATE_FILE:
		return bit(FILE_BIT);
	case MK_STATE_OUTSIDE:
	case MK_STATE_DEMANDZERO:
	case MK_STATE_RESERVED:
	case MK_STATE_DECOMMITTED:
	case MK_STATE_PROTO_LOST:
	case MK_STATE_ABSENT:
	case MK_STATE_PAGED_TABLE:
		return 0;
	}
	return UINT64_MAX;
}

static void check_page(const struct unit_tree *t, TreeFile *file, uint32_t pid,
		       const struct mk_page *page, uint64_t skip,
		       uint64_t mask, unsigned seen[])
{
	uint64_t want = wanted(t, pid, page, skip);
	uint64_t got = entry_at(file, (page->va + skip) & mask);

	if (want == UINT64_MAX)
		return;
	/* Others have a valid page too: by the VAD, which is tested below. */
	if (want & bit(PRESENT_BIT) || want & bit(SWAP_BIT))
		got &= ~(~want & bit(FILE_BIT));
	ck_assert_msg(got == want, "%lx, state %d: %016lx, not %016lx",
		      (long)(page->va + skip), page->state, (long)got,
		      (long)want);
	seen[page->state]++;
}

START_TEST(test_truth)
{
	const struct unit_tree *t = &trees[_i];
	unsigned seen[MK_STATE_PAGED_TABLE + 1] = { 0 };

	for (size_t k = 0; k < mk_win_n_processes(t->w.win); k++) {
		const struct mk_process *p = mk_win_process(t->w.win, k);
		g_autofree char *path = g_strdup_printf(
			"by-eprocess/%016lx/pagemap", (long)p->eprocess);
		struct tree_node node = unit_tree_node(t, "%s", path);
		g_autoptr(TreeFile) file = tree_open(t->tree, &node);

		for (guint i = 0; i < p->pages->len; i++) {
			const struct mk_page *page = &g_array_index(
				p->pages, struct mk_page, i);

			check_page(t, file, p->pid, page, 0, mask_of(&node),
				   seen);
			check_page(t, file, p->pid, page,
				   (page->size - 1) & ~0xfffu, mask_of(&node),
				   seen);
		}
	}
	ck_assert_uint_gt(seen[MK_STATE_VALID], 100);
	ck_assert_uint_gt(seen[MK_STATE_TRANSITION], 2);
	if (!machines[_i].states)
		return;
	ck_assert_uint_gt(seen[MK_STATE_PROTOTYPE], 5);
	ck_assert_uint_gt(seen[MK_STATE_PAGEFILE], 5);
	ck_assert_uint_gt(seen[MK_STATE_FILE], 2);
	ck_assert_uint_gt(seen[MK_STATE_OUTSIDE], 1);
	ck_assert_uint_gt(seen[MK_STATE_DEMANDZERO], 1);
	ck_assert_uint_gt(seen[MK_STATE_PAGED_TABLE], 0);
	ck_assert(!machines[_i].store || seen[MK_STATE_STORE] > 3);
}
END_TEST

static bool is_shared(const GArray *vads, uint64_t va)
{
	for (guint i = 0; i < vads->len; i++) {
		const struct nt_vad *v = &g_array_index(vads, struct nt_vad,
							i);

		if (va >= v->start && va <= v->last)
			return !nt_vad_is_private(v);
	}
	return false;
}

/* By the walker's word. */
static uint64_t by_leaf(const struct unit_tree *t,
			const struct vtop_leaf *leaf, uint64_t skip,
			bool shared)
{
	uint64_t pa = leaf->pa.v + skip;
	uint64_t file = shared || leaf->state == PAGE_PROTOTYPE ?
				bit(FILE_BIT) :
				0;

	switch (leaf->state) {
	case PAGE_PROTOTYPE:
	case PAGE_VALID:
	case PAGE_TRANSITION:
		return physmem_has_page(t->w.mem.pm, PHYS(pa)) ?
			       bit(PRESENT_BIT) | file | pa >> 12 : 0;
	case PAGE_PAGEFILE:
	case PAGE_STORE:
	case PAGE_PAGED_OUT:
	case PAGE_COMPRESSED:
		return leaf->len > 4096 ? 0 :
					  file | swapped(pa >> 44, pa >> 12 &
								   UINT32_MAX);
	case PAGE_FILE:
		return bit(FILE_BIT);
	default:
		return 0;
	}
}

/* What was compared, and what there is of blocks and entries. */
struct expected {
	const struct unit_tree *t;
	const NtProcSpace *full;
	TreeFile *file;
	uint64_t mask, end;
	uint64_t block, n_blocks, n_entries;
};

static bool expect_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct expected *e = ctx;
	uint64_t va = leaf->va.v & e->mask;
	/* of what is large, the ends */
	uint64_t step = leaf->len > 64 * MIB ? leaf->len - 4096 : 4096;

	for (uint64_t skip = 0; skip < leaf->len && va + skip < e->end;
	     skip += step) {
		bool shared = is_shared(e->full->vads, va + skip);
		uint64_t want = by_leaf(e->t, leaf, skip, shared);
		uint64_t got = entry_at(e->file, va + skip);
		uint64_t block = (va + skip) / 4096 * 8 / 4096;

		ck_assert_msg(got == want, "%lx: %016lx, not %016lx",
			      (long)(va + skip), (long)got, (long)want);
		if (!want)
			continue;
		e->n_entries++;
		if (e->block != block || e->n_blocks == 0)
			e->n_blocks++;
		e->block = block;
		ck_assert_int_eq(tree_file_seek(e->file, block * 4096,
						SEEK_DATA),
				 (int64_t)(block * 4096));
	}
	return true;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

/* All data, block by block: how many blocks, how many entries. */
static void count_data(TreeFile *file, uint64_t size, uint64_t *n_blocks,
		       uint64_t *n_entries)
{
	int64_t at = tree_file_seek(file, 0, SEEK_DATA);
	uint8_t block[4096];

	*n_blocks = *n_entries = 0;
	while (at >= 0) {
		int64_t end = tree_file_seek(file, (uint64_t)at, SEEK_HOLE);

		ck_assert_int_eq(at % 4096, 0);
		ck_assert(end % 4096 == 0 || (uint64_t)end == size);
		for (; at < end; at += 4096) {
			uint64_t n = MIN(4096, size - (uint64_t)at);

			ck_assert_int_eq(unit_tree_read(file, (uint64_t)at, n,
							n, block),
					 (int64_t)n);
			ck_assert(!is_zero(block, n));
			for (uint64_t i = 0; i < n; i += 8)
				*n_entries += load_le64(block + i) != 0;
			++*n_blocks;
		}
		at = tree_file_seek(file, (uint64_t)end, SEEK_DATA);
	}
	ck_assert_int_eq(at, -ENXIO);
}

static void check_space(const struct unit_tree *t, const char *folder,
			bool has_large)
{
	struct tree_node node = unit_tree_node(t, "%s/pagemap", folder);
	g_autoptr(TreeFile) file = tree_open(t->tree, &node);
	g_autoptr(NtProcSpace) full = space_full(node.space);
	struct expected e = { t, full, file, mask_of(&node),
			      node.space->vmem_size, 0, 0, 0 };
	uint64_t blocks, entries;
	struct stat st;

	tree_stat(t->tree, &node, &st);
	ck_assert_uint_eq((uint64_t)st.st_size,
			  node.space->vmem_size / 4096 * 8);
	vtop_walk(&full->as, node.space->start, node.space->last,
		  vtop_budget_for(full->as.pm), expect_leaf, &e);
	count_data(file, (uint64_t)st.st_size, &blocks, &entries);
	ck_assert_uint_eq((uint64_t)st.st_blocks,
			  (MIN(blocks * 4096, (uint64_t)st.st_size) + 511) /
				  512);
	if (has_large)
		return;
	ck_assert_uint_eq(blocks, e.n_blocks);
	ck_assert_uint_eq(entries, e.n_entries);
}

START_TEST(test_walker)
{
	const struct unit_tree *t = &trees[_i];

	for (size_t k = 0; k < mk_win_n_processes(t->w.win); k++) {
		const struct mk_process *p = mk_win_process(t->w.win, k);
		g_autofree char *path = g_strdup_printf(
			"by-eprocess/%016lx", (long)p->eprocess);

		check_space(t, path, machines[_i].gig);
	}
	check_space(t, "kernel", false);
}
END_TEST

/* Any cut, and what is not aligned, gives the same bytes. */
START_TEST(test_any_cut)
{
	const struct unit_tree *t = &trees[_i];
	struct tree_node node = unit_tree_node(t, "proc/3204/pagemap");
	g_autoptr(TreeFile) file = tree_open(t->tree, &node);
	uint64_t size = pagemap_size(node.space->vmem_size);
	struct mk_random random = { 9 };
	g_autofree uint8_t *a = g_malloc(1 << 20);
	g_autofree uint8_t *b = g_malloc(1 << 20);
	int64_t data = 0;

	ck_assert(tree_file_is_sparse(file));
	for (int round = 0; round < 300; round++) {
		uint64_t len = mk_random_below(&random, 30000) + 1, off;
		int64_t n, m;

		data = tree_file_seek(file, (uint64_t)data, SEEK_DATA);
		if (data < 0)
			data = tree_file_seek(file, 0, SEEK_DATA);
		off = (uint64_t)data + mk_random_below(&random, 9000);
		off -= MIN(off, 4500);
		off = MIN(off, size - 1);
		memset(a, 1, (size_t)len);
		memset(b, 2, (size_t)len);
		n = unit_tree_read(file, off, len, PLAN_MAX_BYTES, a);
		m = unit_tree_read(file, off, len,
				   mk_random_below(&random, 700) + 1, b);
		ck_assert_int_eq(n, m);
		ck_assert_int_eq(n, (int64_t)MIN(len, size - off));
		ck_assert(!memcmp(a, b, (size_t)n));
		data = tree_file_seek(file, (uint64_t)data, SEEK_HOLE);
	}
}
END_TEST

START_TEST(test_ends)
{
	const struct unit_tree *t = &trees[_i];
	struct tree_node node = unit_tree_node(t, "proc/3204/pagemap");
	g_autoptr(TreeFile) file = tree_open(t->tree, &node);
	uint64_t size = pagemap_size(node.space->vmem_size);
	uint8_t buf[64];

	ck_assert_int_eq(unit_tree_read(file, size, 1, 1, buf), 0);
	ck_assert_int_eq(unit_tree_read(file, UINT64_MAX - 7, 8, 8, buf), 0);
	ck_assert_int_eq(tree_file_seek(file, size, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(tree_file_seek(file, size, SEEK_HOLE), -ENXIO);
	ck_assert_int_ge(tree_file_seek(file, size - 1, SEEK_HOLE),
			 (int64_t)size - 1);
}
END_TEST

/* Nothing where there is no address space. */
START_TEST(test_empty)
{
	AddrMap *map = addr_map_empty();
	uint64_t start, end;
	uint8_t buf[24];

	memset(buf, 1, sizeof buf);
	pagemap_read(map, 3, buf, sizeof buf);
	ck_assert(is_zero(buf, sizeof buf));
	ck_assert(!pagemap_next(map, 0, bit(38), &start, &end));
	ck_assert_uint_eq(pagemap_data_bytes(map, bit(38)), 0);
	addr_map_unref(map);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-pagemap");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_truth, 0, MACHINES);
	tcase_add_loop_test(tcase, test_walker, 0, MACHINES);
	tcase_add_loop_test(tcase, test_any_cut, 0, MACHINES);
	tcase_add_loop_test(tcase, test_ends, 0, MACHINES);
	tcase_add_test(tcase, test_empty);
	return unit_main(suite);
}
