/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of walker, map and guess on whole address spaces of each form, made
 * by the image builder, whose list of pages is the truth. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "lib/mkpaging.h"
#include "lib/mkwin.h"
#include "vtop/guess.h"
#include "vtop/map.h"

static const struct paging_form *const forms[] = {
	[MK_MODE_X86] = &paging_x86,
	[MK_MODE_PAE] = &paging_pae,
	[MK_MODE_AMD64] = &paging_amd64,
	[MK_MODE_LA57] = &paging_la57,
	[MK_MODE_ARM64] = &paging_arm64,
};
#define MODES ((int)G_N_ELEMENTS(forms))

struct machine {
	MkWin *win;
	struct unit_mem mem;
	struct addr_space as;
	const GArray *pages; /* struct mk_page */
	uint64_t mask;
};

static struct machine machines[MODES];

static void setup(void)
{
	for (int i = 0; i < MODES; i++) {
		struct machine *m = &machines[i];
		const struct mk_options options = {
			.seed = 7, .no_windows = true, .hole = i >= 2,
			.paging = (enum mk_mode)i, .tail = 1000,
		};

		m->win = mk_win_new(&options, NULL);
		ck_assert_ptr_nonnull(m->win);
		unit_mem_init(&m->mem, mk_win_phys(m->win));
		m->pages = mk_win_kernel_pages(m->win);
		m->mask = (UINT64_C(1) << forms[i]->va_bits) - 1;
		m->as = (struct addr_space){
			.pm = m->mem.pm,
			.form = forms[i],
			.root = PHYS(mk_win_kernel(m->win)->dtb),
		};
	}
}

static void teardown(void)
{
	for (int i = 0; i < MODES; i++) {
		unit_mem_clear(&machines[i].mem);
		mk_win_free(machines[i].win);
	}
}

static const struct mk_page *page_at(const struct machine *m, size_t i)
{
	return &g_array_index(m->pages, struct mk_page, i);
}

static unsigned rights_of(const struct mk_page *page)
{
	return RIGHT_READ | (page->rights & MK_RIGHT_W ? RIGHT_WRITE : 0u) |
	       (page->rights & MK_RIGHT_X ? RIGHT_EXEC : 0u) |
	       (page->rights & MK_RIGHT_U ? RIGHT_USER : 0u);
}

/* Every page of the truth translates so. */
START_TEST(test_translate)
{
	const struct machine *m = &machines[_i];

	ck_assert_uint_gt(m->pages->len, 60);
	for (size_t i = 0; i < m->pages->len; i++) {
		const struct mk_page *page = page_at(m, i);
		struct vtop_leaf leaf =
			vtop_translate(&m->as, VIRT(page->va + 0x123));

		ck_assert_uint_eq(leaf.va.v, page->va);
		ck_assert_uint_eq(leaf.len, page->size);
		ck_assert_uint_eq(leaf.entry, page->raw);
		if (page->state == MK_STATE_RESERVED) {
			ck_assert_int_eq(leaf.state, PAGE_RESERVED);
			continue;
		}
		ck_assert_uint_eq(leaf.rights, rights_of(page));
		ck_assert_uint_eq(leaf.pa.v, page->pa);
		/* of a large page only physmem knows what is there */
		if (page->size == MK_PAGE_SIZE)
			ck_assert_int_eq(leaf.state,
					 page->state == MK_STATE_OUTSIDE ?
						 PAGE_OUTSIDE : PAGE_VALID);
	}
}
END_TEST

struct follow {
	const struct machine *m;
	size_t next;
	size_t n_damaged;
	uint64_t end;
};

static bool follow_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct follow *f = ctx;
	struct vtop_leaf one = vtop_translate(&f->m->as, leaf->va);
	const struct mk_page *page;

	ck_assert_uint_ge(leaf->va.v & f->m->mask, f->end);
	f->end = (leaf->va.v & f->m->mask) + leaf->len;
	ck_assert_int_eq(one.state, leaf->state);
	if (leaf->state == PAGE_DAMAGED) {
		f->n_damaged++;
		return true;
	}
	ck_assert_uint_lt(f->next, f->m->pages->len);
	page = page_at(f->m, f->next++);
	ck_assert_uint_eq(leaf->va.v, page->va);
	ck_assert_uint_eq(leaf->len, page->size);
	ck_assert_uint_eq(one.pa.v, leaf->pa.v);
	ck_assert_uint_eq(one.rights, leaf->rights);
	ck_assert_uint_eq(one.entry, leaf->entry);
	ck_assert_uint_eq(one.entry_pa.v, leaf->entry_pa.v);
	ck_assert_uint_eq(one.level, leaf->level);
	return true;
}

/* The walk reports the pages of the truth, in order, and nothing else. */
START_TEST(test_walk)
{
	const struct machine *m = &machines[_i];
	struct follow f = { .m = m };
	struct vtop_stats stats;

	stats = vtop_walk(&m->as, 0, m->mask, vtop_budget_for(m->mem.pm),
			  follow_leaf, &f);
	ck_assert(!stats.exhausted);
	ck_assert_uint_eq(f.next, m->pages->len);
	/* the one table that is not RAM */
	ck_assert_uint_eq(f.n_damaged, 1);
	ck_assert_uint_eq(stats.tables[0], 1);
}
END_TEST

/* What the map says of an address; len of what it says it of. */
static bool in_map(const AddrMap *map, uint64_t va, uint64_t *pa, bool *lost,
		   unsigned *rights)
{
	size_t i = addr_map_find_data(map, va);
	size_t j = addr_map_find_lost(map, va);
	struct map_run run;

	*lost = j < addr_map_n_lost(map) && addr_map_lost(map, j).va <= va;
	if (i == addr_map_n_data(map))
		return false;
	run = addr_map_data(map, i);
	if (run.va > va)
		return false;
	*pa = run.pa + (va - run.va);
	*rights = run.rights;
	return true;
}

/* Each 4 KiB of each page of the truth is data where physical memory has it,
 * else lost. */
START_TEST(test_map_pages)
{
	const struct machine *m = &machines[_i];
	g_autoptr(AddrMap) map = addr_map_build(&m->as, 0, m->mask);

	ck_assert(!addr_map_counts(map)->walk.exhausted);
	for (size_t i = 0; i < m->pages->len; i++) {
		const struct mk_page *page = page_at(m, i);
		uint64_t step = MAX(page->size / 4096, MK_PAGE_SIZE);

		for (uint64_t at = 0; at < page->size; at += step) {
			uint64_t pa = 0;
			unsigned rights = 0;
			bool lost, there, want;

			want = page->state != MK_STATE_RESERVED &&
			       physmem_has_page(m->mem.pm,
						PHYS(page->pa + at));
			there = in_map(map, (page->va & m->mask) + at, &pa,
				       &lost, &rights);
			ck_assert_msg(there == want, "page 0x%lx + 0x%lx",
				      (long)page->va, (long)at);
			ck_assert(lost == !want);
			if (!want)
				continue;
			ck_assert_uint_eq(pa, page->pa + at);
			ck_assert_uint_eq(rights, rights_of(page));
		}
	}
}
END_TEST

static void assert_runs(const AddrMap *map, size_t n,
			struct map_run (*get)(const AddrMap *, size_t),
			size_t (*find)(const AddrMap *, uint64_t),
			uint64_t mask, uint64_t *sum)
{
	uint64_t end = 0;

	*sum = 0;
	for (size_t i = 0; i < n; i++) {
		struct map_run run = get(map, i);

		ck_assert_uint_ge(run.va, end);
		ck_assert_uint_gt(run.len, 0);
		ck_assert_uint_eq(run.len % 4096, 0);
		end = run.va + run.len;
		ck_assert_uint_le(end - 1, mask);
		ck_assert_uint_eq(find(map, run.va), i);
		ck_assert_uint_eq(find(map, end - 1), i);
		*sum += run.len;
	}
	ck_assert_uint_eq(find(map, end), n);
}

START_TEST(test_map_runs)
{
	const struct machine *m = &machines[_i];
	g_autoptr(AddrMap) map = addr_map_build(&m->as, 0, m->mask);
	const struct map_counts *c = addr_map_counts(map);
	uint64_t data, lost, pages = 0;

	assert_runs(map, addr_map_n_data(map), addr_map_data,
		    addr_map_find_data, m->mask, &data);
	assert_runs(map, addr_map_n_lost(map), addr_map_lost,
		    addr_map_find_lost, m->mask, &lost);
	ck_assert_uint_eq(c->data_bytes, data);
	ck_assert_uint_eq(c->lost_bytes, lost);
	for (unsigned i = 0; i < PAGE_STATES; i++)
		pages += c->pages[i];
	ck_assert_uint_eq(pages * 4096, data + lost);
	ck_assert_uint_eq(addr_map_data_bytes(map, 0, m->mask + 1), data);
	ck_assert_uint_gt(c->large[_i == MK_MODE_X86], 0);
	/* one of the two of 1 GiB is not in memory at all */
	ck_assert(_i < MK_MODE_AMD64 || c->large[2] == 1);
	/* neighbours were merged: the first 16 pages are one run */
	ck_assert_uint_eq(addr_map_data(map, 0).va, 0x10000);
	ck_assert_uint_eq(addr_map_data(map, 0).len, 0x10000);
}
END_TEST

/* Sums over parts are those of the runs cut to the part. */
START_TEST(test_map_sums)
{
	const struct machine *m = &machines[_i];
	g_autoptr(AddrMap) map = addr_map_build(&m->as, 0, m->mask);
	struct mk_random random = { 5 };

	for (unsigned round = 0; round < 500; round++) {
		struct map_run near = addr_map_data(
			map, mk_random_below(&random, addr_map_n_data(map)));
		uint64_t start = near.va + mk_random_below(&random, near.len);
		uint64_t len = mk_random_below(&random, 0x800000);
		uint64_t want = 0;

		for (size_t i = 0; i < addr_map_n_data(map); i++) {
			struct map_run run = addr_map_data(map, i);
			uint64_t from = MAX(run.va, start);
			uint64_t to = MIN(run.va + run.len, start + len);

			want += to > from ? to - from : 0;
		}
		ck_assert_uint_eq(addr_map_data_bytes(map, start, len), want);
	}
}
END_TEST

START_TEST(test_map_part)
{
	const struct machine *m = &machines[_i];
	g_autoptr(AddrMap) map = addr_map_build(&m->as, 0x12000, 0x13fff);

	ck_assert_uint_eq(addr_map_n_data(map), 1);
	ck_assert_uint_eq(addr_map_data(map, 0).va, 0x12000);
	ck_assert_uint_eq(addr_map_data(map, 0).len, 0x2000);
	ck_assert_uint_eq(addr_map_n_lost(map), 0);
}
END_TEST

START_TEST(test_guess)
{
	const struct machine *m = &machines[_i];

	ck_assert_ptr_eq(vtop_guess_form(m->mem.pm, m->as.root), m->as.form);
	/* a page of nothing: 4-level */
	ck_assert_ptr_eq(vtop_guess_form(m->mem.pm, PHYS(64 * GIB)),
			 &paging_amd64);
}
END_TEST

/* Many page directories and few pages: of the upper levels alone, read as
 * entries of 4 bytes, one could make more sense than of all. */
START_TEST(test_guess_directories)
{
	MkPhys *phys = mk_phys_new(1);
	const uint64_t bits = MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A;
	MkPaging *paging;
	struct unit_mem mem;

	mk_phys_add_ram(phys, 0, 8 * MIB);
	paging = mk_paging_new(phys, MK_MODE_AMD64, 0);
	for (uint64_t i = 0; i < 60; i++)
		mk_paging_map(paging, i << 39,
			      i % 2 ? 64 * GIB : mk_phys_page(phys), 4096,
			      bits);
	unit_mem_init(&mem, phys);
	ck_assert_ptr_eq(vtop_guess_form(mem.pm,
					 PHYS(mk_paging_root(paging))),
			 &paging_amd64);
	unit_mem_clear(&mem);
	mk_paging_free(paging);
	mk_phys_free(phys);
}
END_TEST

/* A third of the pages is not in the image: the form is still told. */
START_TEST(test_guess_outside)
{
	MkPhys *phys = mk_phys_new(1);
	MkPaging *paging;
	struct unit_mem mem;

	mk_phys_add_ram(phys, 0, 8 * MIB);
	paging = mk_paging_new(phys, (enum mk_mode)_i, 0);
	for (uint64_t i = 0; i < 60; i++)
		mk_paging_map(paging, i * 0x10000,
			      i % 3 ? mk_phys_page(phys) : 0xf0000000, 4096,
			      MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A);
	unit_mem_init(&mem, phys);
	ck_assert_str_eq(
		vtop_guess_form(mem.pm, PHYS(mk_paging_root(paging)))->name,
		forms[_i]->name);
	unit_mem_clear(&mem);
	mk_paging_free(paging);
	mk_phys_free(phys);
}
END_TEST

/* Whatever it leads to: no table of another form begins within a page. */
START_TEST(test_guess_part_of_page)
{
	const struct machine *m = &machines[MK_MODE_PAE];

	ck_assert_uint_ne(m->as.root.v % 4096, 0);
	ck_assert_ptr_eq(vtop_guess_form(m->mem.pm, PHYS(m->as.root.v + 0x200)),
			 &paging_pae);
	ck_assert_ptr_eq(vtop_guess_form(m->mem.pm, PHYS(m->as.root.v + 1)),
			 &paging_amd64);
}
END_TEST

START_TEST(test_map_empty)
{
	g_autoptr(AddrMap) map = addr_map_empty();
	AddrMap *again = addr_map_ref(map);

	ck_assert_uint_eq(addr_map_n_data(map), 0);
	ck_assert_uint_eq(addr_map_n_lost(map), 0);
	ck_assert_uint_eq(addr_map_find_data(map, 0), 0);
	ck_assert_uint_eq(addr_map_data_bytes(map, 0, UINT64_MAX), 0);
	ck_assert_uint_gt(addr_map_footprint(map), 0);
	addr_map_unref(again);
	addr_map_unref(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-plain");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_translate, 0, MODES);
	tcase_add_loop_test(tcase, test_walk, 0, MODES);
	tcase_add_loop_test(tcase, test_map_pages, 0, MODES);
	tcase_add_loop_test(tcase, test_map_runs, 0, MODES);
	tcase_add_loop_test(tcase, test_map_sums, 0, MODES);
	tcase_add_loop_test(tcase, test_map_part, 0, MODES);
	tcase_add_loop_test(tcase, test_guess, 0, MODES);
	tcase_add_test(tcase, test_guess_directories);
	tcase_add_loop_test(tcase, test_guess_outside, 0, MODES);
	tcase_add_test(tcase, test_guess_part_of_page);
	tcase_add_test(tcase, test_map_empty);
	return unit_main(suite);
}
