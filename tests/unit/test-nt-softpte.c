/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of entries that are not valid, by the layout of each kind. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <unistd.h>

#include "nt/softpte.h"

#define MASK (UINT64_C(1) << 45)
#define SWIZZLE (UINT64_C(1) << 4)

static struct nt_soft_ctx make_ctx(const char *id, uint64_t mask)
{
	struct nt_source source = { .layout = layouts_find(id) };
	struct nt_profile p;

	ck_assert_ptr_nonnull(source.layout);
	ck_assert(nt_profile_fill(&source, &p));
	return (struct nt_soft_ctx){ .pte = p.pte, .invalid_pte_mask = mask };
}

static MkPhys *phys;
static struct unit_mem mem;

static void setup(void)
{
	phys = mk_phys_new(1);
	mk_phys_add_ram(phys, 0, 1 << 20);
	unit_mem_init(&mem, phys);
}

static void teardown(void)
{
	unit_mem_clear(&mem);
	mk_phys_free(phys);
}

static struct soft_pte decode_in(const struct paging_form *form,
				 const struct nt_soft_ctx *ctx,
				 uint64_t entry, unsigned level_up)
{
	const struct addr_space as = { .pm = mem.pm, .form = form,
				       .soft_ctx = ctx };
	const struct soft_query q = { .entry = entry, .level_up = level_up };

	/* cppcheck-suppress returnDanglingLifetime ; it is a value */
	return nt_soft_pte_ops.decode(&as, &q);
}

static struct soft_pte decode(const struct nt_soft_ctx *ctx, uint64_t entry,
			      unsigned level_up)
{
	return decode_in(&paging_amd64, ctx, entry, level_up);
}

/* What all kinds have in common. */
static const char *const ids[] = {
	"amd64-6.1.7600", "amd64-6.1.7601-d", "amd64-10.0.10240-a",
	"amd64-10.0.19041-b", "amd64-10.0.22621", "amd64-10.0.26100",
};

START_TEST(test_common)
{
	struct nt_soft_ctx ctx = make_ctx(ids[_i], 0);
	struct soft_pte r;
	/* with bit 4 set where that is the swizzle bit: nothing to undo */
	uint64_t plain = ctx.pte.swizzle.bit_len ? SWIZZLE : 0;

	/* transition, protection read-write (4) */
	r = decode(&ctx, 0x12345000 | 0x800 | 4 << 5 | plain, 0);
	ck_assert_int_eq(r.state, PAGE_TRANSITION);
	ck_assert_uint_eq(r.pa.v, 0x12345000);
	ck_assert_uint_eq(r.rights, RIGHT_READ | RIGHT_WRITE | RIGHT_USER);
	/* a table in transition; above tables nothing is */
	r = decode(&ctx, 0x12345000 | 0x800 | 4 << 5 | plain, 1);
	ck_assert_int_eq(r.state, PAGE_TRANSITION);
	ck_assert_int_eq(decode(&ctx, 0x12345000 | 0x800, 2).state,
			 PAGE_ABSENT);
	/* one that leads to a table, of a process that is swapped out */
	ck_assert_int_eq(decode(&ctx, 0x45000 | 0x800, 2).state,
			 PAGE_TRANSITION);
	/* prototype is tested first; here there is nothing to read */
	ck_assert_int_eq(decode(&ctx, UINT64_C(0xffffffff00000400), 0).state,
			 PAGE_PROTOTYPE_LOST);
	ck_assert_int_eq(decode(&ctx, 0x12345000 | 0xc00, 0).state,
			 PAGE_PROTOTYPE_LOST);
	ck_assert_int_eq(decode(&ctx, 0x12345000 | 0xc00, 1).state,
			 PAGE_UNKNOWN);
	/* given back */
	ck_assert_int_eq(decode(&ctx, 0x10 << 5 | plain, 0).state,
			 PAGE_DECOMMITTED);
	/* page file, demand zero */
	ck_assert_int_eq(decode(&ctx, UINT64_C(0x1234500000000) | 4 << 5 |
					      plain, 0).state,
			 PAGE_PAGED_OUT);
	ck_assert_int_eq(decode(&ctx, 4 << 5 | plain, 0).state,
			 PAGE_DEMAND_ZERO);
	/* an empty table is nothing that was asked for */
	ck_assert_int_eq(decode(&ctx, 4 << 5 | plain, 1).state, PAGE_ABSENT);
}
END_TEST

/* Without the swizzle bit, one high bit of the address was set. */
START_TEST(test_swizzle)
{
	struct nt_soft_ctx ctx = make_ctx("amd64-10.0.19041-b", MASK);
	const uint64_t transition = 0x12345000 | 0x800 | 4 << 5;

	ck_assert_uint_eq(decode(&ctx, transition | MASK, 0).pa.v, 0x12345000);
	ck_assert_uint_eq(decode(&ctx, transition, 0).pa.v, 0x12345000);
	ck_assert_uint_eq(decode(&ctx, transition | MASK | SWIZZLE, 0).pa.v,
			  0x12345000 | MASK);
	/* a page file offset of nothing but the mask is none */
	ck_assert_int_eq(decode(&ctx, 4 << 5 | MASK, 0).state,
			 PAGE_DEMAND_ZERO);
	ck_assert_int_eq(decode(&ctx, 4 << 5 | MASK | SWIZZLE, 0).state,
			 PAGE_PAGED_OUT);
	ck_assert_int_eq(decode(&ctx, 4 << 5 | MASK | UINT64_C(1) << 33, 0)
				 .state,
			 PAGE_PAGED_OUT);
}
END_TEST

/* The mask is not known: nothing is guessed. */
START_TEST(test_swizzle_unknown)
{
	struct nt_soft_ctx ctx = make_ctx("amd64-10.0.19041-b", 0);
	const uint64_t transition = 0x12345000 | 0x800 | 4 << 5;

	ck_assert_uint_eq(decode(&ctx, transition | MASK, 0).pa.v,
			  0x12345000 | MASK);
	ck_assert_int_eq(decode(&ctx, 4 << 5 | MASK, 0).state,
			 PAGE_PAGED_OUT);
}
END_TEST

/* A page file has what is at a place that the mask may be part of: that is
 * another page, and is not read. */
START_TEST(test_unsure_place)
{
	g_autofree char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "p", "", 0);
	g_autoptr(PageFiles) files = page_files_new();
	const struct nt_swap swap = { .files = files };
	struct nt_soft_ctx ctx = make_ctx("amd64-10.0.19041-b", 0);
	const uint64_t entry = UINT64_C(7) << 32 | 4 << 5;

	ck_assert_int_eq(truncate(path, 64 << 20), 0);
	ck_assert(page_files_add(files, 0, path, NULL));
	ctx.swap = &swap;
	ck_assert_int_eq(decode(&ctx, entry | MASK, 0).state, PAGE_PAGEFILE);
	ctx.mask_unknown = true;
	ck_assert_int_eq(decode(&ctx, entry | MASK, 0).state, PAGE_PAGED_OUT);
	ck_assert_int_eq(decode(&ctx, entry, 0).state, PAGE_PAGED_OUT);
	ck_assert_int_eq(decode(&ctx, entry | SWIZZLE, 0).state,
			 PAGE_PAGEFILE);
	unit_dir_free(g_steal_pointer(&dir));
}
END_TEST

/* Kernels of before have no such bit: bit 4 is of the page file's number. */
START_TEST(test_no_swizzle)
{
	struct nt_soft_ctx ctx = make_ctx("amd64-6.1.7600", MASK);

	ck_assert_uint_eq(decode(&ctx, 0x12345000 | 0x800 | MASK, 0).pa.v,
			  0x12345000 | MASK);
}
END_TEST

/* A layout that does not know: said so, not guessed. */
START_TEST(test_unknown_form)
{
	struct nt_soft_ctx ctx = { .invalid_pte_mask = 0 };

	ck_assert_int_eq(decode(&ctx, 0x12345000 | 0x800, 0).state,
			 PAGE_UNKNOWN);
	ck_assert_int_eq(decode(&ctx, 0x12345000, 0).state, PAGE_DEMAND_ZERO);
}
END_TEST

START_TEST(test_protection)
{
	static const unsigned want[8] = {
		0,
		RIGHT_READ,
		RIGHT_EXEC,
		RIGHT_READ | RIGHT_EXEC,
		RIGHT_READ | RIGHT_WRITE,
		RIGHT_READ | RIGHT_COW,
		RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC,
		RIGHT_READ | RIGHT_EXEC | RIGHT_COW,
	};

	for (unsigned i = 0; i < 8; i++) {
		ck_assert_uint_eq(nt_protection_rights(i), want[i]);
		/* not cached, write-combined; guard */
		ck_assert_uint_eq(nt_protection_rights(i | 8), want[i]);
		ck_assert_uint_eq(nt_protection_rights(i | 0x18), want[i]);
		ck_assert_uint_eq(nt_protection_rights(i | 0x10), 0);
	}
}
END_TEST

/* The bits of a valid page, by layout. */
static const struct {
	const char *id;
	uint64_t write, copy;
} leaves[] = {
	{ "x86-5.1.2600", 0x800, 0x200 },
	{ "x86pae-5.2.3790-a", 0x800, 0x200 },
	{ "x86-6.1.7600", 0x800, 0x200 },
	{ "amd64-6.1.7600", 0x800, 0x200 },
	{ "amd64-10.0.26100", 0x800, 0x200 },
	{ "arm64-10.0.19041", UINT64_C(1) << 55, UINT64_C(1) << 56 },
	{ "arm64-10.0.26100", UINT64_C(1) << 55, UINT64_C(1) << 56 },
};

START_TEST(test_leaf)
{
	const struct nt_soft_ctx ctx = make_ctx(leaves[_i].id, 0);
	const uint64_t write = 1 | leaves[_i].write, copy = 1 | leaves[_i].copy;
	unsigned (*rights)(const void *, uint64_t, unsigned, unsigned) =
		nt_soft_pte_ops.leaf_rights;
	const unsigned r = RIGHT_READ, all = RIGHTS_ALL;

	ck_assert_uint_eq(rights(&ctx, 1, r, all), r);
	ck_assert_uint_eq(rights(&ctx, ~(write | copy), r, all), r);
	/* Windows' own bit says writable: the processor will learn */
	ck_assert_uint_eq(rights(&ctx, write, r, all), r | RIGHT_WRITE);
	/* but not below a table that forbids it */
	ck_assert_uint_eq(rights(&ctx, write, r, r), r);
	/* copy on write comes first */
	ck_assert_uint_eq(rights(&ctx, copy, r, all), r | RIGHT_COW);
	ck_assert(!(rights(&ctx, write | copy, r, all) & RIGHT_WRITE));
	ck_assert(nt_soft_pte_ops.ignore_top_nx);
}
END_TEST

/* The forms of 4 bytes, of 8, and that of ARM64: where the frame of a page in
 * transition and the offset in the page file are. */
static const struct {
	const char *id;
	uint64_t transition, pa, pagefile;
} kinds[] = {
	{ "x86-5.1.2600", 0xfedcb880, 0xfedcb000, 0x00001080 },
	{ "x86-6.1.7600", 0xfedcb880, 0xfedcb000, 0x00001080 },
	{ "x86pae-6.1.7600", UINT64_C(0x0000000edcba9880), 0xedcba9000,
	  UINT64_C(0x0000000100000080) },
	{ "arm64-10.0.26100", UINT64_C(0x0000fedcba987880), 0xfedcba987000,
	  UINT64_C(0x0000000100000080) },
};

START_TEST(test_kinds)
{
	const struct nt_soft_ctx ctx = make_ctx(kinds[_i].id, 0);
	struct soft_pte r = decode(&ctx, kinds[_i].transition, 0);

	ck_assert_int_eq(r.state, PAGE_TRANSITION);
	ck_assert_uint_eq(r.pa.v, kinds[_i].pa);
	r = decode(&ctx, kinds[_i].pagefile, 0);
	ck_assert_int_eq(r.state, PAGE_PAGED_OUT);
	ck_assert_int_eq(decode(&ctx, 0x80, 0).state, PAGE_DEMAND_ZERO);
	ck_assert_int_eq(decode(&ctx, 0x400, 0).state, PAGE_PROTOTYPE_LOST);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-softpte");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_common, 0, G_N_ELEMENTS(ids));
	tcase_add_test(tcase, test_swizzle);
	tcase_add_test(tcase, test_swizzle_unknown);
	tcase_add_test(tcase, test_unsure_place);
	tcase_add_test(tcase, test_no_swizzle);
	tcase_add_test(tcase, test_unknown_form);
	tcase_add_test(tcase, test_protection);
	tcase_add_loop_test(tcase, test_leaf, 0, G_N_ELEMENTS(leaves));
	tcase_add_loop_test(tcase, test_kinds, 0, G_N_ELEMENTS(kinds));
	return unit_main(suite);
}
