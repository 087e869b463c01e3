/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the candidates for the DTB. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/dtbscan.h"

#define STUB UINT64_C(0x13000)
#define JUMP UINT64_C(0x00000001000600e9)
#define ENTRY UINT64_C(0xfffff80470a01000)
#define CR3 UINT64_C(0x1ad000)
#define END (16 * MIB)

static MkPhys *phys;
static struct unit_mem mem;

static void setup(void)
{
	phys = mk_phys_new(1);
	mk_phys_add_ram(phys, 0, END);
}

static void put_stub(uint64_t pa, uint64_t jump, uint64_t entry, uint64_t cr3)
{
	mk_phys_write64(phys, pa, jump);
	mk_phys_write64(phys, pa + 0x70, entry);
	mk_phys_write64(phys, pa + 0xa0, cr3);
}

static bool low_stub(PhysAddr *dtb, uint64_t *hint)
{
	bool ok;

	unit_mem_init(&mem, phys);
	ok = nt_dtb_low_stub(mem.pm, dtb, hint);
	unit_mem_clear(&mem);
	mk_phys_free(phys);
	return ok;
}

START_TEST(test_stub)
{
	PhysAddr dtb;
	uint64_t hint;

	put_stub(STUB, JUMP, ENTRY, CR3);
	ck_assert(low_stub(&dtb, &hint));
	ck_assert_uint_eq(dtb.v, CR3);
	ck_assert_uint_eq(hint, ENTRY);
}
END_TEST

/* The distance of the jump does not matter; the first page is not looked at,
 * the last one below 1 MiB is. */
START_TEST(test_stub_places)
{
	PhysAddr dtb;
	uint64_t hint;

	put_stub(0, JUMP, ENTRY, 0x5000);
	put_stub(MIB, JUMP, ENTRY, 0x6000);
	put_stub(MIB - 4096, JUMP | 0x4d00, ENTRY, CR3);
	ck_assert(low_stub(&dtb, &hint));
	ck_assert_uint_eq(dtb.v, CR3);
}
END_TEST

static const struct {
	uint64_t jump, entry, cr3;
} broken[] = {
	{ JUMP + 1, ENTRY, CR3 },
	{ JUMP | UINT64_C(1) << 40, ENTRY, CR3 },
	{ JUMP, ENTRY | 1, CR3 },
	{ JUMP, UINT64_C(0xfffff00470a01000), CR3 },
	{ JUMP, 0, CR3 },
	{ JUMP, ENTRY, 0 },
	{ JUMP, ENTRY, CR3 | 2 },
	{ JUMP, ENTRY, CR3 | UINT64_C(1) << 40 },
};

START_TEST(test_stub_broken)
{
	PhysAddr dtb = PHYS(7);
	uint64_t hint = 8;

	put_stub(STUB, broken[_i].jump, broken[_i].entry, broken[_i].cr3);
	ck_assert(!low_stub(&dtb, &hint));
	ck_assert_uint_eq(dtb.v, 7);
	ck_assert_uint_eq(hint, 8);
}
END_TEST

static void set(uint8_t *page, unsigned i, uint64_t v)
{
	memcpy(page + 8 * i, &v, 8);
}

static bool is_wide_top(int i, const uint8_t *page, PhysAddr pa)
{
	return nt_dtb_is_top(i ? &paging_la57 : &paging_amd64, page, pa, END);
}

/* 4 and 5 levels alike. */
START_TEST(test_is_top)
{
	uint8_t page[4096] = { 0 };
	const PhysAddr pa = PHYS(0x5000);

	ck_assert(!is_wide_top(_i, page, pa));
	set(page, 0x1ed, 0x5063);
	/* the self-map alone is no kernel */
	ck_assert(!is_wide_top(_i, page, pa));
	set(page, 0x1f0, 0x9063);
	ck_assert(is_wide_top(_i, page, pa));
	ck_assert(!is_wide_top(_i, page, PHYS(0x6000)));
	/* flags above the address do not matter */
	set(page, 0x1ed, UINT64_C(0x8a00000000005863));
	ck_assert(is_wide_top(_i, page, pa));
	/* twice: no self-map of Windows */
	set(page, 0x1ee, 0x5063);
	ck_assert(!is_wide_top(_i, page, pa));
	set(page, 0x1ee, 0x5062);
	ck_assert(is_wide_top(_i, page, pa));
	/* in the user half, or large */
	set(page, 0x1ed, 0);
	set(page, 0x0ff, 0x5067);
	ck_assert(!is_wide_top(_i, page, pa));
	set(page, 0x100, 0x5063);
	ck_assert(is_wide_top(_i, page, pa));
	set(page, 0x100, 0x50e3);
	ck_assert(!is_wide_top(_i, page, pa));
	/* the other table is beyond memory */
	set(page, 0x100, 0x5063);
	set(page, 0x1f0, END | 0x63);
	ck_assert(!is_wide_top(_i, page, pa));
}
END_TEST

static void set32(uint8_t *page, unsigned i, uint32_t v)
{
	memcpy(page + 4 * i, &v, 4);
}

START_TEST(test_is_x86)
{
	uint8_t page[4096] = { 0 };
	const struct paging_form *form = &paging_x86;
	const PhysAddr pa = PHYS(0x5000);

	set32(page, 0x300, 0x5063);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	/* a large page is no table, and a user's table is not the kernel's */
	set32(page, 0x380, 0x4001e3);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	set32(page, 0x01, 0x7067);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	set32(page, 0x381, 0x8063);
	ck_assert(nt_dtb_is_top(form, page, pa, END));
	ck_assert(!nt_dtb_is_top(form, page, PHYS(0x105000), END));
	/* one in four may be odd, by smear or damage: not more */
	set32(page, 0x382, 0x9067);
	ck_assert(nt_dtb_is_top(form, page, pa, END));
	set32(page, 0x383, END | 0x63);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	set32(page, 0x383, END | 0xe3);
	ck_assert(nt_dtb_is_top(form, page, pa, END));
	/* three quarters may be a process's */
	for (unsigned i = 0x200; i < 0x300; i++)
		set32(page, i, 0xa067);
	ck_assert(nt_dtb_is_top(form, page, pa, END));
	/* the self-map is nowhere else, and once */
	set32(page, 0x301, 0x5063);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	set32(page, 0x300, 0x6063);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
}
END_TEST

START_TEST(test_is_arm64)
{
	uint8_t page[4096] = { 0 };
	const struct paging_form *form = &paging_arm64;
	const PhysAddr pa = PHYS(0x5000);
	const uint64_t flags = UINT64_C(0x00e0000000000f03);

	set(page, 0x1ed, 0x5000 | flags);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	/* a block is no table, nor is what lies beyond memory */
	set(page, 0x1f0, 0x9000 | (flags & ~UINT64_C(2)));
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	set(page, 0x1f0, END | flags);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	set(page, 0x1f0, 0x9000 | flags);
	ck_assert(nt_dtb_is_top(form, page, pa, END));
	ck_assert(!nt_dtb_is_top(form, page, PHYS(0x6000), END));
	/* a self-map of x64 */
	set(page, 0x1ed, 0x5063);
	ck_assert(!nt_dtb_is_top(form, page, pa, END));
	ck_assert(nt_dtb_is_top(&paging_amd64, page, pa, END));
}
END_TEST

/* Noise with a self-reference in it is no page directory of x86. */
START_TEST(test_noise)
{
	struct mk_random random = { 9 };
	uint8_t page[4096];

	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < 512; i++)
			set(page, i, mk_random_next(&random));
		set32(page, 0x300, 0x5063);
		ck_assert(!nt_dtb_is_top(&paging_x86, page, PHYS(0x5000),
					 END));
		ck_assert(!nt_dtb_is_top(&paging_pae, page, PHYS(0x5000),
					 END));
	}
}
END_TEST

struct found {
	uint64_t at[8];
	const struct paging_form *form[8];
	unsigned n, stop_at;
};

static bool note(void *ctx, PhysAddr dtb, const struct paging_form *form)
{
	struct found *f = ctx;

	f->form[f->n % 8] = form;
	f->at[f->n++ % 8] = dtb.v;
	return f->n != f->stop_at;
}

static void put_table(uint64_t pa)
{
	mk_phys_write64(phys, pa + 8 * 0x1ed, pa | 0x63);
	mk_phys_write64(phys, pa + 8 * 0x1f0, 0x9063);
}

static const struct paging_form *const x64[] = { &paging_amd64, NULL };

START_TEST(test_scan)
{
	struct found f = { 0 };

	put_table(0x1000);
	put_table(0x2000);
	/* at the border of the pieces that are read */
	put_table(MIB - 4096);
	put_table(MIB);
	put_table(END - 4096);
	/* one that only looks like it */
	mk_phys_write64(phys, 0x700000 + 8 * 0x1ed, 0x700063);
	unit_mem_init(&mem, phys);
	nt_dtb_scan(mem.pm, x64, note, &f);
	ck_assert_uint_eq(f.n, 5);
	ck_assert_uint_eq(f.at[0], 0x1000);
	ck_assert_uint_eq(f.at[1], 0x2000);
	ck_assert_uint_eq(f.at[2], MIB - 4096);
	ck_assert_uint_eq(f.at[3], MIB);
	ck_assert_uint_eq(f.at[4], END - 4096);
	f = (struct found){ .stop_at = 2 };
	nt_dtb_scan(mem.pm, x64, note, &f);
	ck_assert_uint_eq(f.n, 2);
	unit_mem_clear(&mem);
	mk_phys_free(phys);
}
END_TEST

static void put_pdpt(uint64_t pa, uint64_t directories)
{
	for (unsigned i = 0; i < 4; i++)
		mk_phys_write64(phys, pa + 8 * i, (directories + i * 4096) | 1);
}

static void put_directories(uint64_t pa)
{
	for (unsigned i = 0; i < 4; i++)
		mk_phys_write64(phys, pa + 3 * 4096 + 8 * i,
				(pa + i * 4096) |
					UINT64_C(0x8000000000000063));
}

static void put_x86(uint64_t pa)
{
	mk_phys_write32(phys, pa + 4 * 0x300, (uint32_t)pa | 0x63);
	mk_phys_write32(phys, pa + 4 * 0x301, 0x8063);
	mk_phys_write32(phys, pa + 4 * 0x200, 0x9063);
}

static void put_arm64(uint64_t pa)
{
	mk_phys_write64(phys, pa + 8 * 0x1ed, pa | 0x703);
	mk_phys_write64(phys, pa + 8 * 0x1f0, 0x9703);
}

/* All kinds in one pass, by address. */
START_TEST(test_scan_kinds)
{
	static const struct {
		uint64_t at;
		const struct paging_form *form;
	} want[] = {
		{ 0x1000, &paging_x86 },      { 0x20000, &paging_pae },
		{ 0x20fe0, &paging_pae },     { 0x30000, &paging_amd64 },
		{ 0x30000, &paging_la57 },    { 0x50000, &paging_amd64 },
		{ 0x50000, &paging_la57 },    { 0x50000, &paging_arm64 },
	};
	struct found f = { 0 };

	put_x86(0x1000);
	put_pdpt(0x20000, 0x21000);
	put_directories(0x21000);
	put_pdpt(0x20fe0, END - 0x4000);
	put_directories(END - 0x4000);
	put_table(0x30000);
	put_arm64(0x50000);
	unit_mem_init(&mem, phys);
	nt_dtb_scan(mem.pm, paging_forms, note, &f);
	ck_assert_uint_eq(f.n, G_N_ELEMENTS(want));
	for (unsigned i = 0; i < f.n; i++) {
		ck_assert_uint_eq(f.at[i], want[i].at);
		ck_assert_ptr_eq(f.form[i], want[i].form);
	}
	/* one kind only */
	for (unsigned i = 0; paging_forms[i]; i++) {
		const struct paging_form *one[] = { paging_forms[i], NULL };

		f = (struct found){ 0 };
		nt_dtb_scan(mem.pm, one, note, &f);
		for (unsigned k = 0; k < f.n; k++)
			ck_assert_ptr_eq(f.form[k], one[0]);
		ck_assert_uint_eq(f.n, i == 0 || i == 4 ? 1 : 2);
	}
	unit_mem_clear(&mem);
	mk_phys_free(phys);
}
END_TEST

/* PDPTs that are none: one more reason each. */
START_TEST(test_pdpt_broken)
{
	const struct paging_form *const pae[] = { &paging_pae, NULL };
	struct found f = { 0 };

	for (unsigned i = 0; i < 8; i++)
		put_pdpt(0x20000 + 32 * i, 0x30000 + 0x4000 * i);
	for (unsigned i = 0; i < 8; i++)
		put_directories(0x30000 + 0x4000 * i);
	mk_phys_write64(phys, 0x20000, 0x30000);	/* not present */
	mk_phys_write64(phys, 0x20028, 0x35003);	/* reserved bits */
	mk_phys_write64(phys, 0x20050, UINT64_C(1) << 63 | 0x3a001);
	mk_phys_write64(phys, 0x20068, 0x3f001);	/* another directory */
	mk_phys_write64(phys, 0x43000, 0x400e3);	/* the self-map */
	mk_phys_write64(phys, 0x47008, 0x45062);
	mk_phys_write64(phys, 0x200d8, END | 1);	/* not in the image */
	put_pdpt(0x20010 + 0x1000, 0x4c000);		/* alignment */
	unit_mem_init(&mem, phys);
	nt_dtb_scan(mem.pm, pae, note, &f);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_uint_eq(f.at[0], 0x200e0);
	unit_mem_clear(&mem);
	mk_phys_free(phys);
}
END_TEST

/* Memory full of what looks like PDPTs does not keep the scan for ever. */
START_TEST(test_pdpt_flood)
{
	struct found f = { 0 };

	put_directories(END - 0x8000);
	put_table(END - 4096);
	for (uint64_t pa = 0; pa < END - 0x8000; pa += 32)
		put_pdpt(pa, END - 0x8000);
	mk_phys_write64(phys, END - 0x5000, 0);
	unit_mem_init(&mem, phys);
	nt_dtb_scan(mem.pm, paging_forms, note, &f);
	ck_assert_uint_eq(f.n, 2);
	ck_assert_uint_eq(f.at[0], END - 4096);
	unit_mem_clear(&mem);
	mk_phys_free(phys);
}
END_TEST

START_TEST(test_kernel_entries)
{
	put_table(0x1000);
	put_x86(0x2000);
	put_pdpt(0x20000, 0x21000);
	put_directories(0x21000);
	mk_phys_write64(phys, 0x20000 + 8, 0);
	mk_phys_write64(phys, 0x22008, 0x63); /* of the user half */
	mk_phys_write64(phys, 0x23008, 0x63);
	unit_mem_init(&mem, phys);
	ck_assert_uint_eq(nt_dtb_kernel_entries(mem.pm, PHYS(0x1000),
						&paging_amd64), 2);
	ck_assert_uint_eq(nt_dtb_kernel_entries(mem.pm, PHYS(0x2000),
						&paging_x86), 3);
	ck_assert_uint_eq(nt_dtb_kernel_entries(mem.pm, PHYS(0x20000),
						&paging_pae), 5);
	for (unsigned i = 0; paging_forms[i]; i++)
		ck_assert_uint_eq(nt_dtb_kernel_entries(mem.pm, PHYS(END),
							paging_forms[i]), 0);
	unit_mem_clear(&mem);
	mk_phys_free(phys);
}
END_TEST

/* Runs that begin and end in the middle of pages, an unreadable image. */
START_TEST(test_scan_edges)
{
	static const uint8_t bytes[0x8000];
	const struct image_run runs[] = {
		{ 0x1800, 0x1000, 0 },
		{ 0x5000, 0x1801, 0x2000 },
		{ PHYS_ADDR_END - 0x800, 0x800, 0x7000 },
	};
	struct found f = { 0 };

	unit_mem_init_runs(&mem, bytes, sizeof bytes, runs, 3);
	nt_dtb_scan(mem.pm, x64, note, &f);
	ck_assert_uint_eq(f.n, 0);
	image_io_set_reader(mem.image->io, unit_no_read, NULL);
	nt_dtb_scan(mem.pm, x64, note, &f);
	ck_assert_uint_eq(f.n, 0);
	unit_mem_clear(&mem);
	mk_phys_free(phys);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-dtbscan");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, test_stub);
	tcase_add_test(tcase, test_stub_places);
	tcase_add_loop_test(tcase, test_stub_broken, 0, G_N_ELEMENTS(broken));
	tcase_add_loop_test(tcase, test_is_top, 0, 2);
	tcase_add_test(tcase, test_is_x86);
	tcase_add_test(tcase, test_is_arm64);
	tcase_add_test(tcase, test_noise);
	tcase_add_test(tcase, test_scan_kinds);
	tcase_add_test(tcase, test_pdpt_broken);
	tcase_add_test(tcase, test_pdpt_flood);
	tcase_add_test(tcase, test_kernel_entries);
	tcase_add_test(tcase, test_scan);
	tcase_add_test(tcase, test_scan_edges);
	return unit_main(suite);
}
