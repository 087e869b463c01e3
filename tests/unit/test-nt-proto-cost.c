/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what a walk over huge views of sections costs. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include "nt/proto.h"

/* All in the kernel half, an address of a table of 512 GiB. */
#define KERNEL UINT64_C(0xffff8f0000000000)
#define ROOT UINT64_C(0x1000)
#define PAGE UINT64_C(0x5000)

static struct machine {
	MkPhys *phys;
	struct unit_mem mem;
	struct nt_soft_ctx flat, ctx;
	struct addr_space as;
	GArray *extents;
	NtPages *pages;
} m;

/* Tables from ROOT to PAGE, each entry of a table the same one. */
static void make_tables(void)
{
	uint64_t at = ROOT;

	mk_phys_write64(m.phys, at + (KERNEL >> 39 & 511) * 8,
			(at + 0x1000) | 0x63);
	for (at += 0x1000; at < PAGE; at += 0x1000)
		for (unsigned i = 0; i < 512; i++)
			mk_phys_write64(m.phys, at + i * 8,
					(at + 0x1000) | 0x63);
}

static void setup(void)
{
	const struct nt_proto_extent all = {
		.start = 0x10000,
		.last = UINT64_C(0x7ffffffeffff),
		.pte = VIRT(KERNEL),
	};

	m = (struct machine){ .phys = mk_phys_new(1) };
	mk_phys_add_ram(m.phys, 0, 1 << 20);
	m.flat.pte.protection = (struct nt_field){ .bit_pos = 5, .bit_len = 5 };
	m.extents = g_array_new(FALSE, FALSE, sizeof all);
	g_array_append_val(m.extents, all);
}

static void start(void)
{
	struct addr_space flat;

	unit_mem_init(&m.mem, m.phys);
	m.as = (struct addr_space){ .pm = m.mem.pm, .form = &paging_amd64,
				    .root = PHYS(ROOT),
				    .soft = &nt_soft_pte_ops,
				    .soft_ctx = &m.ctx };
	flat = m.as;
	flat.soft_ctx = &m.flat;
	m.ctx = m.flat;
	m.ctx.flat = &m.flat;
	m.ctx.protos = m.extents;
	m.ctx.pages = m.pages = nt_pages_new(&flat);
}

static void teardown(void)
{
	nt_pages_free(m.pages);
	g_array_unref(m.extents);
	unit_mem_clear(&m.mem);
	mk_phys_free(m.phys);
}

struct count {
	uint64_t leaves, bytes;
	enum page_state state;
};

static bool count_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct count *c = ctx;

	c->leaves++;
	c->bytes += leaf->len;
	c->state = leaf->state;
	return true;
}

static struct count count(bool *exhausted)
{
	const struct vtop_budget budget = { .tables = 64, .leaves = 10000 };
	struct count c = { 0 };

	*exhausted = vtop_walk(&m.as, 0, UINT64_C(0x7fffffffffff), budget,
			       count_leaf, &c).exhausted;
	return c;
}

/* Nothing is mapped where the prototype PTEs should be: that is seen at once,
 * not page by page. */
START_TEST(test_unmapped)
{
	bool exhausted;
	struct count c;

	start();
	c = count(&exhausted);
	ck_assert(!exhausted);
	ck_assert_int_eq(c.state, PAGE_PROTOTYPE_LOST);
	ck_assert_uint_eq(c.bytes, UINT64_C(0x7ffffffe0000));
	ck_assert_uint_le(c.leaves, 4);
}
END_TEST

/* 256 GiB of prototype PTEs that are all in the same page of memory: pages
 * that are read, and PTEs that are compared, are work as leaves are. */
START_TEST(test_same_page)
{
	bool exhausted;
	struct count c;

	make_tables();
	for (unsigned i = 0; i < 512; i++)
		mk_phys_write64(m.phys, PAGE + i * 8, 4 << 5);
	start();
	c = count(&exhausted);
	ck_assert(exhausted);
	ck_assert_int_eq(c.state, PAGE_DEMAND_ZERO);
	ck_assert_uint_ge(c.leaves, 10000 / 40);
	ck_assert_uint_le(c.leaves, 10000 / 20);
	ck_assert_uint_eq(c.bytes, c.leaves << 21);
}
END_TEST

/* The same with a table of entries that each have another prototype PTE: a
 * walk that reads a page for each is a dear one. */
START_TEST(test_direct)
{
	bool exhausted;
	struct count c;

	make_tables();
	for (unsigned i = 0; i < 512; i++)
		mk_phys_write64(m.phys, PAGE + i * 8, 4 << 5);
	for (unsigned i = 0; i < 512; i++)
		mk_phys_write64(m.phys, 0x9000 + i * 8,
				(KERNEL + i * 0x1000) << 16 | 0x400);
	for (uint64_t at = 0x7000; at < 0x9000; at += 0x1000)
		for (unsigned i = 0; i < 512; i++)
			mk_phys_write64(m.phys, at + i * 8,
					(at + 0x1000) | 0x67);
	mk_phys_write64(m.phys, ROOT, 0x7067);
	m.flat.pte.proto_address =
		(struct nt_field){ .bit_pos = 16, .bit_len = 48 };
	g_array_set_size(m.extents, 0);
	start();
	c = count(&exhausted);
	ck_assert(exhausted);
	ck_assert_int_eq(c.state, PAGE_DEMAND_ZERO);
	ck_assert_uint_ge(c.leaves, 10000 / 12);
	ck_assert_uint_le(c.leaves, 10000 / 6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-proto-cost");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_unmapped);
	tcase_add_test(tcase, test_same_page);
	tcase_add_test(tcase, test_direct);
	return unit_main(suite);
}
