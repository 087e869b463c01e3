/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the walker's hook for entries that are not present. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include "base/bytes.h"
#include "lib/mkpaging.h"
#include "vtop/vtop.h"

#define LEAF (MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A)
#define VA UINT64_C(0x400000)

/* A made-up system: bit 1 is transition, bit 2 page file, else unknown. */
static struct soft_pte decode(const struct addr_space *as,
			      const struct soft_query *q)
{
	struct soft_pte r = { .state = PAGE_UNKNOWN };
	unsigned *calls = *(unsigned *const *)as->soft_ctx;
	uint64_t entry = q->entry;

	calls[q->level_up]++;
	if (entry & 2) {
		r.state = PAGE_TRANSITION;
		r.pa = PHYS(entry & UINT64_C(0xffffff000));
		r.rights = RIGHT_READ | RIGHT_EXEC;
	} else if (entry & 4) {
		r.state = PAGE_PAGED_OUT;
	}
	return r;
}

/* Bit 9 is copy on write; bit 11 writable, where the tables let it. */
static unsigned leaf_rights(const void *ctx, uint64_t entry, unsigned rights,
			    unsigned allowed)
{
	(void)ctx;
	if (entry & 0x800)
		rights |= RIGHT_WRITE & allowed;
	return entry & 0x200 ? rights | RIGHT_COW : rights;
}

static const struct soft_pte_ops ops = { .decode = decode,
					 .leaf_rights = leaf_rights };
static const struct soft_pte_ops ops_nx = { .decode = decode,
					    .ignore_top_nx = true };

struct machine {
	MkPhys *phys;
	MkPaging *paging;
	struct unit_mem mem;
	struct addr_space as;
	unsigned calls[8];
	unsigned *ctx;
};

static struct machine m;

static void setup(void)
{
	uint64_t pt;

	m = (struct machine){ .phys = mk_phys_new(1) };
	m.ctx = m.calls;
	mk_phys_add_ram(m.phys, 0, 8 * MIB);
	m.paging = mk_paging_new(m.phys, MK_MODE_AMD64, 0);
	mk_paging_map(m.paging, VA, 0x5000, 4096, LEAF | 0x200);
	mk_paging_poke(m.paging, VA + 0x1000, 1, 0x6002);
	mk_paging_poke(m.paging, VA + 0x2000, 1, 0x7004);
	mk_paging_poke(m.paging, VA + 0x3000, 1, 0x8008);
	mk_paging_poke(m.paging, VA + 0x4000, 1, 64 * MIB | 2);
	/* a table in transition, then one in the page file */
	mk_paging_map(m.paging, VA + 2 * MIB, 0x9000, 4096, LEAF);
	pt = mk_paging_peek(m.paging, VA + 2 * MIB, 2) & ~UINT64_C(0xfff);
	mk_paging_poke(m.paging, VA + 2 * MIB, 2, pt | 2);
	mk_paging_poke(m.paging, VA + 4 * MIB, 2, 0x7004);
	/* NX at the top: once in each half */
	mk_paging_map(m.paging, UINT64_C(0x8000000000), 0x5000, 4096, LEAF);
	mk_paging_map(m.paging, UINT64_C(0xffff800000000000), 0x5000, 4096,
		      LEAF);
	mk_paging_poke(m.paging, UINT64_C(0x8000000000), 4,
		       mk_paging_peek(m.paging, UINT64_C(0x8000000000), 4) |
			       MK_PTE_NX);
	mk_paging_poke(m.paging, UINT64_C(0xffff800000000000), 4,
		       mk_paging_peek(m.paging, UINT64_C(0xffff800000000000),
				      4) | MK_PTE_NX);
	/* Writable but for the processor; once below a table that is not. */
	mk_paging_map(m.paging, UINT64_C(0x100000000000), 0x5000, 4096,
		      (LEAF & ~MK_PTE_W) | 0x800);
	mk_paging_map(m.paging, UINT64_C(0x180000000000), 0x5000, 4096,
		      (LEAF & ~MK_PTE_W) | 0x800);
	mk_paging_poke(m.paging, UINT64_C(0x180000000000), 2,
		       mk_paging_peek(m.paging, UINT64_C(0x180000000000), 2) &
			       ~MK_PTE_W);
	unit_mem_init(&m.mem, m.phys);
	m.as = (struct addr_space){ .pm = m.mem.pm, .form = &paging_amd64,
				    .root = PHYS(mk_paging_root(m.paging)),
				    .soft = &ops, .soft_ctx = &m.ctx };
}

static void teardown(void)
{
	unit_mem_clear(&m.mem);
	mk_paging_free(m.paging);
	mk_phys_free(m.phys);
}

static struct vtop_leaf at(uint64_t va)
{
	return vtop_translate(&m.as, VIRT(va));
}

START_TEST(test_states)
{
	struct vtop_leaf leaf = at(VA + 0x1000);

	ck_assert_int_eq(leaf.state, PAGE_TRANSITION);
	ck_assert_uint_eq(leaf.pa.v, 0x6000);
	ck_assert_uint_eq(leaf.rights, RIGHT_READ | RIGHT_EXEC);
	ck_assert_int_eq(at(VA + 0x2000).state, PAGE_PAGED_OUT);
	ck_assert_int_eq(at(VA + 0x3000).state, PAGE_UNKNOWN);
	/* 0 is nothing at all: nobody is asked */
	m.calls[0] = 0;
	ck_assert_int_eq(at(VA + 0x5000).state, PAGE_ABSENT);
	ck_assert_uint_eq(m.calls[0], 0);
	/* a frame that is not in the image */
	ck_assert_int_eq(at(VA + 0x4000).state, PAGE_OUTSIDE);
	m.as.soft = NULL;
	ck_assert_int_eq(at(VA + 0x1000).state, PAGE_ABSENT);
}
END_TEST

START_TEST(test_tables)
{
	struct vtop_leaf leaf = at(VA + 2 * MIB);

	ck_assert_int_eq(leaf.state, PAGE_VALID);
	ck_assert_uint_eq(leaf.pa.v, 0x9000);
	ck_assert_uint_gt(m.calls[1], 0);
	leaf = at(VA + 4 * MIB + 0x5000);
	ck_assert_int_eq(leaf.state, PAGE_PAGED_OUT);
	ck_assert_uint_eq(leaf.len, 2 * MIB);
	ck_assert_uint_eq(leaf.va.v, VA + 4 * MIB);
}
END_TEST

START_TEST(test_leaf_rights)
{
	const uint64_t clean = UINT64_C(0x100000000000);
	const uint64_t locked = UINT64_C(0x180000000000);

	ck_assert(at(clean).rights & RIGHT_WRITE);
	/* the level above does not let it */
	ck_assert(!(at(locked).rights & RIGHT_WRITE));
	ck_assert_uint_eq(at(VA).rights, RIGHTS_ALL | RIGHT_COW);
	m.as.soft = &ops_nx;
	ck_assert_uint_eq(at(VA).rights, RIGHTS_ALL);
}
END_TEST

START_TEST(test_top_nx)
{
	const uint64_t low = UINT64_C(0x8000000000);
	const uint64_t high = UINT64_C(0xffff800000000000);

	ck_assert(!(at(low).rights & RIGHT_EXEC));
	ck_assert(!(at(high).rights & RIGHT_EXEC));
	m.as.soft = &ops_nx;
	ck_assert(at(low).rights & RIGHT_EXEC);
	ck_assert(!(at(high).rights & RIGHT_EXEC));
}
END_TEST

static bool agree(void *ctx, const struct vtop_leaf *leaf)
{
	unsigned *n = ctx;
	struct vtop_leaf one = vtop_translate(&m.as, leaf->va);

	ck_assert_int_eq(one.state, leaf->state);
	ck_assert_uint_eq(one.pa.v, leaf->pa.v);
	ck_assert_uint_eq(one.rights, leaf->rights);
	ck_assert_uint_eq(one.len, leaf->len);
	ck_assert_uint_eq(one.level, leaf->level);
	ck_assert_uint_eq(one.entry, leaf->entry);
	++*n;
	return true;
}

START_TEST(test_walk_agrees)
{
	struct vtop_budget b = vtop_budget_for(m.mem.pm);
	unsigned n = 0;

	vtop_walk(&m.as, 0, UINT64_C(0xffffffffffff), b, agree, &n);
	ck_assert_uint_eq(n, 11);
	m.as.soft = &ops_nx;
	n = 0;
	vtop_walk(&m.as, 0, UINT64_C(0xffffffffffff), b, agree, &n);
	ck_assert_uint_eq(n, 11);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-soft");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_states);
	tcase_add_test(tcase, test_tables);
	tcase_add_test(tcase, test_leaf_rights);
	tcase_add_test(tcase, test_top_nx);
	tcase_add_test(tcase, test_walk_agrees);
	return unit_main(suite);
}
