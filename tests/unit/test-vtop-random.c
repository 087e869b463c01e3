/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walker, translation and map on page tables at random, against what the
 * processor's manual makes of them (lib/mkmmu.h). RANDOM_SEEDS=FIRST-LAST in
 * the environment: other seeds than the usual ones.
 */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "lib/mkmmu.h"
#include "vtop/map.h"

static const struct paging_form *const forms[] = {
	[MK_MODE_X86] = &paging_x86,	 [MK_MODE_PAE] = &paging_pae,
	[MK_MODE_AMD64] = &paging_amd64, [MK_MODE_LA57] = &paging_la57,
	[MK_MODE_ARM64] = &paging_arm64,
};

static const struct vtop_budget plenty = {UINT64_C(1) << 22, UINT64_C(1) << 24};
#define USUAL_SEEDS 25u

/* A range of one kind, by either opinion. */
struct item {
	uint64_t va, len, pa;
	unsigned rights;
	enum page_state state;
};

struct machine {
	struct mk_tables tables;
	struct unit_mem mem;
	struct addr_space as;
	uint64_t mask;
	bool cut;     /* more than the map's budget allows: rare */
	GArray *want; /* struct item, ascending: by the book */
	GArray *got;  /* the same by the walker */
};

static void setup_memory(struct machine *m)
{
	struct image_run runs[MK_TABLES_RUNS];
	uint64_t off = 0;

	for (size_t i = 0; i < m->tables.n_runs; i++) {
		const struct mk_run *run = &m->tables.runs[i];

		runs[i] = (struct image_run){run->start, run->len, off};
		off += run->len;
	}
	unit_mem_init_runs(&m->mem, m->tables.bytes, m->tables.len, runs,
			   m->tables.n_runs);
}

/* What cannot be read is told by the entry that leads there, or by each that
 * is not there: the same, if it is put together. */
static void append_item(GArray *items, const struct item *item)
{
	struct item *last = NULL;

	if (items->len)
		last = &g_array_index(items, struct item, items->len - 1);
	if (last && item->state == PAGE_DAMAGED &&
	    last->state == PAGE_DAMAGED && last->va + last->len == item->va)
		last->len += item->len;
	else
		g_array_append_vals(items, item, 1);
}

static bool is_ram_page(const struct machine *m, uint64_t pa)
{
	for (size_t i = 0; i < m->tables.n_runs; i++) {
		const struct mk_run *run = &m->tables.runs[i];

		if (pa + 4096 > run->start && pa < run->start + run->len)
			return true;
	}
	return false;
}

static struct item by_the_book(const struct machine *m, uint64_t va)
{
	const struct mk_mmu_range r = mk_mmu_translate(&m->tables, va);
	struct item item = {.va = r.start, .len = r.len};

	switch (r.kind) {
	case MK_MMU_PAGE:
		item.state = r.len == 4096 && !is_ram_page(m, r.pa)
				     ? PAGE_OUTSIDE
				     : PAGE_VALID;
		item.pa = r.pa;
		item.rights = RIGHT_READ | (r.write ? RIGHT_WRITE : 0u) |
			      (r.exec ? RIGHT_EXEC : 0u) |
			      (r.user ? RIGHT_USER : 0u);
		break;
	case MK_MMU_ABSENT:
		item.state = PAGE_ABSENT;
		break;
	case MK_MMU_RESERVED:
		item.state = PAGE_RESERVED;
		break;
	case MK_MMU_NO_TABLE:
		item.state = PAGE_DAMAGED;
		break;
	}
	return item;
}

static void ask_the_book(struct machine *m)
{
	for (uint64_t va = 0; va <= m->mask;) {
		struct item item = by_the_book(m, va);

		va = item.va + item.len;
		if (item.state != PAGE_ABSENT)
			append_item(m->want, &item);
	}
}

static struct item item_of(const struct machine *m,
			   const struct vtop_leaf *leaf)
{
	struct item item = {.va = leaf->va.v & m->mask,
			    .len = leaf->len,
			    .state = leaf->state};

	if (leaf->state == PAGE_VALID || leaf->state == PAGE_OUTSIDE) {
		item.pa = leaf->pa.v;
		item.rights = leaf->rights;
	}
	return item;
}

static bool take_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct machine *m = ctx;
	struct item item = item_of(m, leaf);

	append_item(m->got, &item);
	return true;
}

static void machine_start(struct machine *m, enum mk_mode mode, uint64_t seed)
{
	m->cut = false;
	mk_tables_init(&m->tables, mode, seed);
	setup_memory(m);
	m->as = (struct addr_space){.pm = m->mem.pm,
				    .form = forms[mode],
				    .root = PHYS(m->tables.root)};
	m->mask = (UINT64_C(1) << mk_mmu_va_bits(mode)) - 1;
	m->want = g_array_new(FALSE, FALSE, sizeof(struct item));
	m->got = g_array_new(FALSE, FALSE, sizeof(struct item));
	ask_the_book(m);
}

static void machine_stop(struct machine *m)
{
	g_array_unref(m->want);
	g_array_unref(m->got);
	unit_mem_clear(&m->mem);
	mk_tables_clear(&m->tables);
}

static void same_item(const struct item *a, const struct item *b, size_t i)
{
	ck_assert_msg(a->va == b->va && a->len == b->len && a->pa == b->pa &&
			      a->rights == b->rights && a->state == b->state,
		      "item %zu: 0x%lx + 0x%lx -> 0x%lx rights %u state %d,"
		      " not 0x%lx + 0x%lx -> 0x%lx rights %u state %d",
		      i, (long)b->va, (long)b->len, (long)b->pa, b->rights,
		      (int)b->state, (long)a->va, (long)a->len, (long)a->pa,
		      a->rights, (int)a->state);
}

static const struct item *item_at(const GArray *items, size_t i)
{
	return &g_array_index(items, struct item, i);
}

static void check_walk(struct machine *m)
{
	struct vtop_stats stats;

	stats = vtop_walk(&m->as, 0, m->mask, plenty, take_leaf, m);
	ck_assert(!stats.exhausted);
	for (size_t i = 0; i < MIN(m->got->len, m->want->len); i++)
		same_item(item_at(m->want, i), item_at(m->got, i), i);
	ck_assert_uint_eq(m->got->len, m->want->len);
}

/* One address by translation alone. */
static void check_address(const struct machine *m, uint64_t va)
{
	VirtAddr canonical = virt_canonical(va, m->as.form->va_bits);
	struct vtop_leaf leaf = vtop_translate(&m->as, canonical);
	struct item want = by_the_book(m, va), got = item_of(m, &leaf);

	same_item(&want, &got, 0);
	ck_assert(virt_is_canonical(leaf.va.v, m->as.form->va_bits));
	if (m->mask > UINT32_MAX) {
		canonical.v ^= m->mask + 1;
		leaf = vtop_translate(&m->as, canonical);
		ck_assert_int_eq(leaf.state, PAGE_ABSENT);
	}
}

static void check_translate(const struct machine *m, struct mk_random *random)
{
	for (size_t i = 0; i < m->want->len; i++) {
		const struct item *item = item_at(m->want, i);

		check_address(m, item->va);
		check_address(m, item->va + item->len - 1);
		check_address(m, item->va + mk_random_below(random, item->len));
		check_address(m, (item->va + item->len) & m->mask);
		check_address(m, (item->va - 1) & m->mask);
	}
	for (unsigned i = 0; i < 50; i++)
		check_address(m, mk_random_next(random) & m->mask);
}

struct part {
	const struct machine *m;
	uint64_t start, last;
	size_t next; /* of m->want */
};

static bool is_damaged(const struct part *p)
{
	return p->next < p->m->want->len &&
	       item_at(p->m->want, p->next)->state == PAGE_DAMAGED;
}

static bool part_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct part *p = ctx;
	struct item item = item_of(p->m, leaf);

	ck_assert(item.va <= p->last && item.va + item.len > p->start);
	if (item.state == PAGE_DAMAGED)
		return true; /* compared as a whole above */
	while (is_damaged(p))
		p->next++;
	ck_assert_uint_lt(p->next, p->m->want->len);
	same_item(item_at(p->m->want, p->next), &item, p->next);
	p->next++;
	return true;
}

/* A part has the leaves that touch it. */
static void check_part(const struct machine *m, uint64_t start, uint64_t last)
{
	struct part p = {.m = m, .start = start, .last = last};
	const GArray *want = m->want;

	while (p.next < want->len &&
	       item_at(want, p.next)->va + item_at(want, p.next)->len <= start)
		p.next++;
	(void)vtop_walk(&m->as, start, last, plenty, part_leaf, &p);
	while (is_damaged(&p))
		p.next++;
	if (p.next < want->len)
		ck_assert_uint_gt(item_at(want, p.next)->va, last);
}

static void check_parts(const struct machine *m, struct mk_random *random)
{
	for (unsigned i = 0; i < 8 && m->want->len; i++) {
		const struct item *near =
			item_at(m->want, mk_random_below(random, m->want->len));
		uint64_t start = near->va + mk_random_below(random, near->len);
		uint64_t len = mk_random_next(random) &
			       (m->mask >> mk_random_below(random, 30));

		start &= ~UINT64_C(0xfff);
		check_part(m, start, MIN(m->mask, start + len) | 0xfff);
	}
}

/* Appends, put together with the last one where it goes on. */
static void append_data(GArray *items, const struct item *item)
{
	struct item *last = NULL;

	if (items->len)
		last = &g_array_index(items, struct item, items->len - 1);
	if (last && last->va + last->len == item->va &&
	    last->pa + last->len == item->pa && last->rights == item->rights)
		last->len += item->len;
	else
		g_array_append_vals(items, item, 1);
}

/* The parts of a page that are RAM, in whole pages of 4 KiB. */
static void append_ram(const struct machine *m, GArray *items,
		       const struct item *page)
{
	for (size_t i = 0; i < m->tables.n_runs; i++) {
		const struct mk_run *run = &m->tables.runs[i];
		uint64_t start = MAX(page->pa, run->start & ~UINT64_C(0xfff));
		uint64_t end =
			(run->start + run->len + 0xfff) & ~UINT64_C(0xfff);
		struct item item = *page;

		end = MIN(end, page->pa + page->len);
		if (start >= end)
			continue;
		item.va = page->va + (start - page->pa);
		item.pa = start;
		item.len = end - start;
		append_data(items, &item);
	}
}

static void check_data(const struct machine *m, const AddrMap *map)
{
	g_autoptr(GArray) want = g_array_new(FALSE, FALSE, sizeof(struct item));
	g_autoptr(GArray) got = g_array_new(FALSE, FALSE, sizeof(struct item));

	for (size_t i = 0; i < m->want->len; i++)
		if (item_at(m->want, i)->state == PAGE_VALID)
			append_ram(m, want, item_at(m->want, i));
	for (size_t i = 0; i < addr_map_n_data(map); i++) {
		struct map_run run = addr_map_data(map, i);
		struct item item = {run.va, run.len, run.pa, run.rights,
				    run.state};

		append_data(got, &item);
	}
	for (size_t i = 0; i < MIN(got->len, want->len); i++)
		same_item(item_at(want, i), item_at(got, i), i);
	ck_assert_uint_eq(got->len, want->len);
}

static void check_map(struct machine *m)
{
	g_autoptr(AddrMap) map = addr_map_build(&m->as, 0, m->mask);
	uint64_t all = 0, lost = 0;

	if (addr_map_counts(map)->walk.exhausted) {
		m->cut = true;
		return;
	}
	check_data(m, map);
	for (size_t i = 0; i < m->want->len; i++)
		all += item_at(m->want, i)->len;
	for (size_t i = 0; i < addr_map_n_lost(map); i++)
		lost += addr_map_lost(map, i).len;
	/* what is not data is lost: nothing else is present */
	ck_assert_uint_eq(lost, addr_map_counts(map)->lost_bytes);
	ck_assert_uint_eq(lost + addr_map_counts(map)->data_bytes, all);
}

/* Seeds must be worth something. */
struct tally {
	uint64_t n[PAGE_STATES], large, cut;
};

static void count(const struct machine *m, struct tally *tally)
{
	tally->cut += m->cut;
	for (size_t i = 0; i < m->want->len; i++) {
		const struct item *item = item_at(m->want, i);

		tally->n[item->state]++;
		tally->large += item->state == PAGE_VALID && item->len > 4096;
	}
}

START_TEST(test_random)
{
	const char *seeds = g_getenv("RANDOM_SEEDS");
	unsigned first = 0, last = USUAL_SEEDS - 1;
	struct tally tally = {{0}, 0, 0};

	if (seeds && sscanf(seeds, "%u-%u", &first, &last) != 2)
		ck_abort_msg("RANDOM_SEEDS=FIRST-LAST");
	for (unsigned seed = first; seed <= last; seed++) {
		struct mk_random random = {seed};
		struct machine m;

		if (seeds)
			printf("mode %d seed %u\n", _i, seed);
		machine_start(&m, (enum mk_mode)_i, seed);
		check_walk(&m);
		check_translate(&m, &random);
		check_parts(&m, &random);
		check_map(&m);
		count(&m, &tally);
		machine_stop(&m);
	}
	ck_assert_uint_gt(tally.n[PAGE_VALID], 100);
	ck_assert_uint_gt(tally.n[PAGE_OUTSIDE], 10);
	ck_assert_uint_gt(tally.n[PAGE_RESERVED], 10);
	ck_assert_uint_gt(tally.n[PAGE_DAMAGED], 10);
	ck_assert_uint_gt(tally.large, 10);
	ck_assert_uint_le(tally.cut, (last - first + 1) / 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-random");
	TCase *tcase = unit_case(suite, "all");

	if (g_getenv("RANDOM_SEEDS"))
		tcase_set_timeout(tcase, 3600);
	tcase_add_loop_test(tcase, test_random, 0, (int)G_N_ELEMENTS(forms));
	return unit_main(suite);
}
