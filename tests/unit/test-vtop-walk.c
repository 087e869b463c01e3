/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the walker on single entries: rights, reserved bits, large pages,
 * what is not there, tables that lead in circles. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "lib/mkpaging.h"
#include "vtop/vtop.h"

#define LEAF (MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A)
#define VA UINT64_C(0x7f0000400000)

static const struct vtop_budget plenty = { 100000, 100000 };

struct machine {
	MkPhys *phys;
	MkPaging *paging;
	struct unit_mem mem;
	struct addr_space as;
};

static void machine_start(struct machine *m, enum mk_mode mode)
{
	m->phys = mk_phys_new(1);
	mk_phys_add_ram(m->phys, 0, 8 * MIB);
	m->paging = mk_paging_new(m->phys, mode, 0);
}

static void machine_ready(struct machine *m, const struct paging_form *form)
{
	unit_mem_init(&m->mem, m->phys);
	m->as = (struct addr_space){ .pm = m->mem.pm, .form = form,
				     .root = PHYS(mk_paging_root(m->paging)) };
}

static void machine_stop(struct machine *m)
{
	unit_mem_clear(&m->mem);
	mk_paging_free(m->paging);
	mk_phys_free(m->phys);
}

static struct vtop_leaf translate(const struct machine *m, uint64_t va)
{
	return vtop_translate(&m->as, VIRT(va));
}

struct leaves {
	struct vtop_leaf at[64];
	unsigned n, stop_at;
};

static bool note_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct leaves *l = ctx;

	if (l->n < G_N_ELEMENTS(l->at))
		l->at[l->n] = *leaf;
	return ++l->n != l->stop_at;
}

static struct vtop_stats walk_all(const struct machine *m, struct leaves *l)
{
	memset(l, 0, sizeof *l);
	return vtop_walk(&m->as, 0,
			 (UINT64_C(1) << m->as.form->va_bits) - 1, plenty,
			 note_leaf, l);
}

START_TEST(test_page)
{
	struct machine m;
	struct leaves l;
	struct vtop_leaf leaf;
	struct vtop_stats stats;

	machine_start(&m, MK_MODE_AMD64);
	mk_paging_map(m.paging, VA, 0x5000, 4096, LEAF);
	machine_ready(&m, &paging_amd64);
	leaf = translate(&m, VA + 0x123);
	ck_assert_int_eq(leaf.state, PAGE_VALID);
	ck_assert_uint_eq(leaf.va.v, VA);
	ck_assert_uint_eq(leaf.pa.v, 0x5000);
	ck_assert_uint_eq(leaf.len, 4096);
	ck_assert_uint_eq(leaf.level, 3);
	ck_assert_uint_eq(leaf.rights, RIGHTS_ALL);
	ck_assert_uint_eq(leaf.entry, 0x5000 | LEAF);
	ck_assert_uint_eq(leaf.entry_pa.v, mk_paging_entry(m.paging, VA, 1));
	stats = walk_all(&m, &l);
	ck_assert_uint_eq(l.n, 1);
	ck_assert(!memcmp(&l.at[0].va, &leaf.va, sizeof leaf.va));
	ck_assert_uint_eq(l.at[0].entry_pa.v, leaf.entry_pa.v);
	ck_assert(!stats.exhausted);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(stats.tables[i], 1);
	machine_stop(&m);
}
END_TEST

START_TEST(test_absent)
{
	struct machine m;
	struct leaves l;

	machine_start(&m, MK_MODE_AMD64);
	mk_paging_map(m.paging, VA, 0x5000, 4096, LEAF);
	/* not present, whatever else the entry has, without a hook */
	mk_paging_poke(m.paging, VA + 0x1000, 1, 0x6000 | (LEAF & ~1ull));
	machine_ready(&m, &paging_amd64);
	ck_assert_int_eq(translate(&m, VA + 0x1000).state, PAGE_ABSENT);
	ck_assert_int_eq(translate(&m, VA + 0x2000).state, PAGE_ABSENT);
	/* the level at which it ends tells the length */
	ck_assert_uint_eq(translate(&m, VA + 0x2000).len, 4096);
	ck_assert_uint_eq(translate(&m, VA + 2 * MIB).len, 2 * MIB);
	ck_assert_uint_eq(translate(&m, 0).len, UINT64_C(1) << 39);
	walk_all(&m, &l);
	ck_assert_uint_eq(l.n, 1);
	machine_stop(&m);
}
END_TEST

START_TEST(test_not_canonical)
{
	struct machine m;

	machine_start(&m, MK_MODE_AMD64);
	mk_paging_map(m.paging, UINT64_C(0xffff800000000000), 0x5000, 4096,
		      LEAF);
	mk_paging_map(m.paging, 0, 0x6000, 4096, LEAF);
	machine_ready(&m, &paging_amd64);
	ck_assert_int_eq(translate(&m, UINT64_C(0xffff800000000000)).state,
			 PAGE_VALID);
	ck_assert_int_eq(translate(&m, UINT64_C(0x0000800000000000)).state,
			 PAGE_ABSENT);
	ck_assert_int_eq(translate(&m, UINT64_C(0x0001000000000000)).state,
			 PAGE_ABSENT);
	ck_assert_int_eq(translate(&m, UINT64_C(0xfffe800000000000)).state,
			 PAGE_ABSENT);
	machine_stop(&m);
}
END_TEST

/* Each level takes its rights away from all that is below. */
START_TEST(test_rights)
{
	static const struct {
		uint64_t clear, set;
		unsigned lost;
	} cases[] = {
		{ MK_PTE_W, 0, RIGHT_WRITE },
		{ MK_PTE_U, 0, RIGHT_USER },
		{ 0, MK_PTE_NX, RIGHT_EXEC },
		{ MK_PTE_W | MK_PTE_U, MK_PTE_NX,
		  RIGHT_WRITE | RIGHT_USER | RIGHT_EXEC },
	};

	for (int level = 1; level <= 4; level++) {
		for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
			struct machine m;
			struct leaves l;
			uint64_t raw;

			machine_start(&m, MK_MODE_AMD64);
			mk_paging_map(m.paging, VA, 0x5000, 4096, LEAF);
			raw = mk_paging_peek(m.paging, VA, level);
			raw = (raw & ~cases[i].clear) | cases[i].set;
			mk_paging_poke(m.paging, VA, level, raw);
			machine_ready(&m, &paging_amd64);
			ck_assert_uint_eq(translate(&m, VA).rights,
					  RIGHTS_ALL & ~cases[i].lost);
			walk_all(&m, &l);
			ck_assert_uint_eq(l.at[0].rights,
					  RIGHTS_ALL & ~cases[i].lost);
			machine_stop(&m);
		}
	}
}
END_TEST

/* A PDPTE of PAE has no rights; those bits are reserved there. */
START_TEST(test_pae_pdpte)
{
	static const uint64_t reserved[] = { 1u << 1, 1u << 2, 1u << 5,
					     1u << 8, UINT64_C(1) << 63 };
	struct machine m;

	for (size_t i = 0; i <= G_N_ELEMENTS(reserved); i++) {
		uint64_t raw;

		machine_start(&m, MK_MODE_PAE);
		mk_paging_map(m.paging, 0x40000000, 0x5000, 4096, LEAF);
		raw = (mk_paging_peek(m.paging, 0x40000000, 3) &
		       UINT64_C(0xffffff000)) | 1;
		if (i < G_N_ELEMENTS(reserved))
			raw |= reserved[i];
		mk_paging_poke(m.paging, 0x40000000, 3, raw);
		machine_ready(&m, &paging_pae);
		ck_assert_int_eq(translate(&m, 0x40000000).state,
				 i < G_N_ELEMENTS(reserved) ? PAGE_RESERVED :
							      PAGE_VALID);
		machine_stop(&m);
	}
}
END_TEST

START_TEST(test_reserved)
{
	static const struct {
		int level;
		uint64_t raw;
		enum page_state state;
	} cases[] = {
		{ 4, 0x5000 | LEAF | MK_PTE_PS, PAGE_RESERVED },
		{ 3, 0x40000000 | 0x2000 | LEAF | MK_PTE_PS, PAGE_RESERVED },
		{ 2, 0x400000 | 0x2000 | LEAF | MK_PTE_PS, PAGE_RESERVED },
		{ 2, 0x400000 | 0x100000 | LEAF | MK_PTE_PS, PAGE_RESERVED },
		/* bit 12 of a large page is PAT, bits 62:52 are ignored */
		{ 2, 0x400000 | 0x1000 | LEAF | MK_PTE_PS, PAGE_VALID },
		{ 2, 0x400000 | UINT64_C(0x7ff) << 52 | LEAF | MK_PTE_PS,
		  PAGE_VALID },
		/* bit 7 of a PTE is PAT */
		{ 1, 0x5000 | LEAF | 0x80, PAGE_VALID },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct machine m;
		struct leaves l;

		machine_start(&m, MK_MODE_AMD64);
		mk_paging_map(m.paging, VA, 0x6000, 4096, LEAF);
		mk_paging_poke(m.paging, VA, cases[i].level, cases[i].raw);
		machine_ready(&m, &paging_amd64);
		ck_assert_int_eq(translate(&m, VA).state, cases[i].state);
		walk_all(&m, &l);
		ck_assert_uint_eq(l.n, 1);
		ck_assert_int_eq(l.at[0].state, cases[i].state);
		machine_stop(&m);
	}
}
END_TEST

#define KERNEL_VA UINT64_C(0xfffff80000400000)
#define BIT(n) (UINT64_C(1) << (n))
#define R RIGHT_READ
#define W RIGHT_WRITE
#define X RIGHT_EXEC
#define U RIGHT_USER

/* Arm ARM, D8.3 and D8.4: an entry in the way of a page with all rights, and
 * what becomes of it. */
static const struct {
	uint64_t va;
	int level;
	uint64_t raw;
	enum page_state state;
	unsigned rights;
} arm[] = {
	{ VA, 1, 0x5743, PAGE_VALID, R | W | X | U },
	/* no access flag: a fault, but the page is there */
	{ VA, 1, 0x5043, PAGE_VALID, R | W | X | U },
	{ VA, 1, 0x57c3, PAGE_VALID, R | X | U },
	/* the user's and the kernel's execute-never */
	{ VA, 1, 0x5743 | BIT(54), PAGE_VALID, R | W | U },
	{ VA, 1, 0x5743 | BIT(53), PAGE_VALID, R | W | X | U },
	{ KERNEL_VA, 1, 0x5703 | BIT(54), PAGE_VALID, R | W | X },
	{ KERNEL_VA, 1, 0x5703 | BIT(53), PAGE_VALID, R | W },
	{ KERNEL_VA, 1, 0x5783 | BIT(53) | BIT(54), PAGE_VALID, R },
	/* contiguous, dirty management, and what an OS may use */
	{ VA, 1, 0x5743 | BIT(52) | BIT(51) | BIT(63) | BIT(55),
	  PAGE_VALID, R | W | X | U },
	/* a block in the last level, or the first */
	{ VA, 1, 0x5741, PAGE_RESERVED, 0 },
	{ VA, 4, 0x5741, PAGE_RESERVED, 0 },
	{ VA, 2, 0x200741, PAGE_VALID, R | W | X | U },
	{ VA, 2, 0x2007c1 | BIT(54), PAGE_VALID, R | U },
	{ VA, 3, 0x40000741, PAGE_VALID, R | W | X | U },
	/* what bit 0 does not claim is not there */
	{ VA, 1, 0x5742, PAGE_ABSENT, 0 },
	{ VA, 2, 0x200740, PAGE_ABSENT, 0 },
};

START_TEST(test_arm64)
{
	struct machine m;
	struct leaves l;
	struct vtop_leaf leaf;

	machine_start(&m, MK_MODE_ARM64);
	mk_paging_set_table_bits(m.paging, LEAF, LEAF);
	mk_paging_map(m.paging, arm[_i].va, 0x6000, 4096, LEAF);
	mk_paging_poke(m.paging, arm[_i].va, arm[_i].level, arm[_i].raw);
	machine_ready(&m, &paging_arm64);
	leaf = translate(&m, arm[_i].va);
	ck_assert_int_eq(leaf.state, arm[_i].state);
	walk_all(&m, &l);
	ck_assert_uint_eq(l.n, leaf.state != PAGE_ABSENT);
	if (leaf.state == PAGE_VALID) {
		ck_assert_uint_eq(leaf.rights, arm[_i].rights);
		ck_assert_uint_eq(leaf.pa.v,
				  arm[_i].raw & UINT64_C(0xfffffffff000));
		ck_assert_uint_eq(leaf.len, mk_paging_span(MK_MODE_ARM64,
							   arm[_i].level));
		ck_assert_uint_eq(l.at[0].rights, leaf.rights);
	}
	machine_stop(&m);
}
END_TEST

/* What tables take away: write, the user's access, execution by either. */
START_TEST(test_arm64_tables)
{
	static const struct {
		uint64_t bit;
		unsigned user, kernel;
	} cases[] = {
		{ 62, R | X | U, R | X },
		{ 61, R | W | X, R | W | X },
		{ 60, R | W | U, R | W | X },
		{ 59, R | W | X | U, R | W },
		/* software's: Writable and CopyOnWrite of Windows, XN bits */
		{ 55, R | W | X | U, R | W | X },
		{ 54, R | W | X | U, R | W | X },
		{ 7, R | W | X | U, R | W | X },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		for (int level = 2; level <= 4; level++) {
			struct machine m;
			uint64_t raw;

			machine_start(&m, MK_MODE_ARM64);
			mk_paging_set_table_bits(m.paging, LEAF, LEAF);
			mk_paging_map(m.paging, VA, 0x6000, 4096, LEAF);
			mk_paging_map(m.paging, KERNEL_VA, 0x6000, 4096,
				      LEAF & ~MK_PTE_U);
			raw = mk_paging_peek(m.paging, VA, level);
			mk_paging_poke(m.paging, VA, level,
				       raw | BIT(cases[i].bit));
			raw = mk_paging_peek(m.paging, KERNEL_VA, level);
			mk_paging_poke(m.paging, KERNEL_VA, level,
				       raw | BIT(cases[i].bit));
			machine_ready(&m, &paging_arm64);
			ck_assert_uint_eq(translate(&m, VA).rights,
					  cases[i].user);
			ck_assert_uint_eq(translate(&m, KERNEL_VA).rights,
					  cases[i].kernel);
			machine_stop(&m);
		}
}
END_TEST

/* Bits 20:13 of a 4 MiB page are 39:32 of its address. */
START_TEST(test_pse36)
{
	struct machine m;
	struct vtop_leaf leaf;

	machine_start(&m, MK_MODE_X86);
	mk_paging_poke(m.paging, 0x10000000, 2,
		       0x00800000 | 0xb5u << 13 | LEAF | MK_PTE_PS);
	mk_paging_poke(m.paging, 0x10400000, 2,
		       0x00400000 | LEAF | MK_PTE_PS);
	machine_ready(&m, &paging_x86);
	leaf = translate(&m, 0x10000123);
	ck_assert_uint_eq(leaf.pa.v, UINT64_C(0xb500800000));
	ck_assert_uint_eq(leaf.len, 4 * MIB);
	leaf = translate(&m, 0x10400000);
	ck_assert_uint_eq(leaf.pa.v, 0x400000);
	ck_assert_int_eq(leaf.state, PAGE_VALID);
	machine_stop(&m);
}
END_TEST

START_TEST(test_outside)
{
	struct machine m;
	struct leaves l;

	machine_start(&m, MK_MODE_AMD64);
	mk_paging_map(m.paging, VA, 64 * MIB, 4096, LEAF);
	mk_paging_map(m.paging, VA + 0x1000, 8 * MIB - 4096, 4096, LEAF);
	/* a table outside: all below it is damaged */
	mk_paging_poke(m.paging, VA + 2 * MIB, 2, 64 * MIB | LEAF);
	machine_ready(&m, &paging_amd64);
	ck_assert_int_eq(translate(&m, VA).state, PAGE_OUTSIDE);
	ck_assert_uint_eq(translate(&m, VA).pa.v, 64 * MIB);
	ck_assert_int_eq(translate(&m, VA + 0x1000).state, PAGE_VALID);
	ck_assert_int_eq(translate(&m, VA + 3 * MIB).state, PAGE_DAMAGED);
	walk_all(&m, &l);
	ck_assert_uint_eq(l.n, 3);
	ck_assert_int_eq(l.at[2].state, PAGE_DAMAGED);
	ck_assert_uint_eq(l.at[2].va.v, VA + 2 * MIB);
	ck_assert_uint_eq(l.at[2].len, 2 * MIB);
	/* the top-level table itself */
	m.as.root = PHYS(64 * MIB);
	ck_assert_int_eq(translate(&m, VA).state, PAGE_DAMAGED);
	walk_all(&m, &l);
	ck_assert_uint_eq(l.n, 512);
	ck_assert_int_eq(l.at[63].state, PAGE_DAMAGED);
	machine_stop(&m);
}
END_TEST

START_TEST(test_root_flags)
{
	struct machine m;

	machine_start(&m, MK_MODE_AMD64);
	mk_paging_map(m.paging, VA, 0x5000, 4096, LEAF);
	machine_ready(&m, &paging_amd64);
	m.as.root.v |= UINT64_C(0x8000000000000fff);
	ck_assert_uint_eq(addr_space_dtb(&m.as).v, mk_paging_root(m.paging));
	ck_assert_int_eq(translate(&m, VA).state, PAGE_VALID);
	machine_stop(&m);
}
END_TEST

START_TEST(test_read)
{
	struct machine m;
	uint8_t buf[0x3000];

	machine_start(&m, MK_MODE_AMD64);
	mk_paging_map(m.paging, VA, 0x700000, 4096, LEAF);
	mk_paging_map(m.paging, VA + 0x1000, 0x500000, 4096, LEAF);
	mk_paging_map(m.paging, UINT64_C(0xfffffffffffff000), 0x700000, 4096,
		      LEAF);
	mk_phys_write(m.phys, 0x700ffe, "ab", 2);
	mk_phys_write(m.phys, 0x500000, "cd", 2);
	machine_ready(&m, &paging_amd64);
	ck_assert(vtop_read(&m.as, VIRT(VA + 0xffe), buf, 4));
	ck_assert(!memcmp(buf, "abcd", 4));
	ck_assert(vtop_read(&m.as, VIRT(VA), buf, 0x2000));
	ck_assert(!vtop_read(&m.as, VIRT(VA), buf, 0x2001));
	ck_assert(!vtop_read(&m.as, VIRT(VA - 1), buf, 2));
	ck_assert(vtop_read(&m.as, VIRT(VA - 1), buf, 0));
	/* to the end of all addresses, and over it */
	ck_assert(vtop_read(&m.as, VIRT(UINT64_MAX - 1), buf, 2));
	ck_assert(!memcmp(buf, "ab", 2));
	ck_assert(!vtop_read(&m.as, VIRT(UINT64_MAX), buf, 2));
	machine_stop(&m);
}
END_TEST

/* A walk of a part sees the leaves that the part touches, and no more. */
START_TEST(test_sub_ranges)
{
	struct machine m;
	struct leaves l;

	machine_start(&m, MK_MODE_AMD64);
	for (uint64_t i = 0; i < 8; i++)
		mk_paging_map(m.paging, VA + i * 0x1000, 0x5000, 4096, LEAF);
	mk_paging_map(m.paging, VA + 2 * MIB, 4 * MIB, 2 * MIB, LEAF);
	machine_ready(&m, &paging_amd64);
	memset(&l, 0, sizeof l);
	vtop_walk(&m.as, VA + 0x2000, VA + 0x4fff, plenty, note_leaf, &l);
	ck_assert_uint_eq(l.n, 3);
	ck_assert_uint_eq(l.at[0].va.v, VA + 0x2000);
	memset(&l, 0, sizeof l);
	vtop_walk(&m.as, VA + 0x7fff, VA + 2 * MIB, plenty, note_leaf, &l);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_uint_eq(l.at[1].len, 2 * MIB);
	memset(&l, 0, sizeof l);
	vtop_walk(&m.as, VA + 3 * MIB, VA + 3 * MIB, plenty, note_leaf, &l);
	ck_assert_uint_eq(l.n, 1);
	memset(&l, 0, sizeof l);
	vtop_walk(&m.as, VA + 0x8000, VA + 2 * MIB - 1, plenty, note_leaf, &l);
	ck_assert_uint_eq(l.n, 0);
	/* the caller may end it */
	memset(&l, 0, sizeof l);
	l.stop_at = 3;
	vtop_walk(&m.as, 0, UINT64_C(0xffffffffffff), plenty, note_leaf, &l);
	ck_assert_uint_eq(l.n, 3);
	machine_stop(&m);
}
END_TEST

/* A table of 512 entries to itself: 2^36 pages, of which the budget allows
 * a few. */
START_TEST(test_self_reference)
{
	struct machine m;
	struct leaves l = { 0 };
	struct vtop_stats stats;
	struct vtop_budget few = { 1000, 5000 };
	uint64_t n = 0;

	machine_start(&m, MK_MODE_AMD64);
	for (uint64_t i = 0; i < 512; i++)
		mk_phys_write64(m.phys, mk_paging_root(m.paging) + 8 * i,
				mk_paging_root(m.paging) | LEAF);
	machine_ready(&m, &paging_amd64);
	stats = vtop_walk(&m.as, 0, UINT64_C(0xffffffffffff), few, note_leaf,
			  &l);
	ck_assert(stats.exhausted);
	ck_assert_uint_eq(l.n, 5000);
	ck_assert_uint_eq(stats.stopped_at, 5000 * 4096);
	few.leaves = 100000000;
	memset(&l, 0, sizeof l);
	stats = vtop_walk(&m.as, 0, UINT64_C(0xffffffffffff), few, note_leaf,
			  &l);
	ck_assert(stats.exhausted);
	for (unsigned i = 0; i < PAGING_LEVELS_MAX; i++)
		n += stats.tables[i];
	ck_assert_uint_eq(n, 1000);
	/* the root, a PDPT, two directories, and tables of 2 MiB */
	ck_assert_uint_eq(stats.stopped_at, 996 * UINT64_C(0x200000));
	/* in the middle of a table, and before anything is read */
	few.leaves = 0;
	stats = vtop_walk(&m.as, 0x12345000, UINT64_C(0xffffffffffff), few,
			  note_leaf, &l);
	ck_assert_uint_eq(stats.stopped_at, 0x12345000);
	few.tables = 0;
	stats = vtop_walk(&m.as, 0x12345000, UINT64_C(0xffffffffffff), few,
			  note_leaf, &l);
	ck_assert(stats.exhausted);
	ck_assert_uint_eq(stats.stopped_at, 0x12345000);
	machine_stop(&m);
}
END_TEST

START_TEST(test_budget_scales)
{
	struct machine m;
	struct vtop_budget b;

	machine_start(&m, MK_MODE_AMD64);
	machine_ready(&m, &paging_amd64);
	b = vtop_budget_for(m.mem.pm);
	ck_assert_uint_ge(b.tables, 2 * 2048);
	ck_assert_uint_ge(b.leaves, 4 * 2048);
	ck_assert_uint_le(b.leaves, UINT64_C(1) << 26);
	machine_stop(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-walk");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_page);
	tcase_add_test(tcase, test_absent);
	tcase_add_test(tcase, test_not_canonical);
	tcase_add_test(tcase, test_rights);
	tcase_add_test(tcase, test_pae_pdpte);
	tcase_add_test(tcase, test_reserved);
	tcase_add_test(tcase, test_pse36);
	tcase_add_loop_test(tcase, test_arm64, 0, G_N_ELEMENTS(arm));
	tcase_add_test(tcase, test_arm64_tables);
	tcase_add_test(tcase, test_outside);
	tcase_add_test(tcase, test_root_flags);
	tcase_add_test(tcase, test_read);
	tcase_add_test(tcase, test_sub_ranges);
	tcase_add_test(tcase, test_self_reference);
	tcase_add_test(tcase, test_budget_scales);
	return unit_main(suite);
}
