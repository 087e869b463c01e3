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

START_TEST(test_is_pml4)
{
	uint8_t page[4096] = { 0 };
	const PhysAddr pa = PHYS(0x5000);

	ck_assert(!nt_dtb_is_pml4(page, pa, END));
	set(page, 0x1ed, 0x5063);
	/* the self-map alone is no kernel */
	ck_assert(!nt_dtb_is_pml4(page, pa, END));
	set(page, 0x1f0, 0x9063);
	ck_assert(nt_dtb_is_pml4(page, pa, END));
	ck_assert(!nt_dtb_is_pml4(page, PHYS(0x6000), END));
	/* flags above the address do not matter */
	set(page, 0x1ed, UINT64_C(0x8a00000000005863));
	ck_assert(nt_dtb_is_pml4(page, pa, END));
	/* twice: no self-map of Windows */
	set(page, 0x1ee, 0x5063);
	ck_assert(!nt_dtb_is_pml4(page, pa, END));
	set(page, 0x1ee, 0x5062);
	ck_assert(nt_dtb_is_pml4(page, pa, END));
	/* in the user half, or large */
	set(page, 0x1ed, 0);
	set(page, 0x0ff, 0x5067);
	ck_assert(!nt_dtb_is_pml4(page, pa, END));
	set(page, 0x100, 0x5063);
	ck_assert(nt_dtb_is_pml4(page, pa, END));
	set(page, 0x100, 0x50e3);
	ck_assert(!nt_dtb_is_pml4(page, pa, END));
	/* the other table is beyond memory */
	set(page, 0x100, 0x5063);
	set(page, 0x1f0, END | 0x63);
	ck_assert(!nt_dtb_is_pml4(page, pa, END));
}
END_TEST

struct found {
	uint64_t at[8];
	unsigned n, stop_at;
};

static bool note(void *ctx, PhysAddr dtb)
{
	struct found *f = ctx;

	f->at[f->n++ % 8] = dtb.v;
	return f->n != f->stop_at;
}

static void put_table(uint64_t pa)
{
	mk_phys_write64(phys, pa + 8 * 0x1ed, pa | 0x63);
	mk_phys_write64(phys, pa + 8 * 0x1f0, 0x9063);
}

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
	nt_dtb_scan(mem.pm, note, &f);
	ck_assert_uint_eq(f.n, 5);
	ck_assert_uint_eq(f.at[0], 0x1000);
	ck_assert_uint_eq(f.at[1], 0x2000);
	ck_assert_uint_eq(f.at[2], MIB - 4096);
	ck_assert_uint_eq(f.at[3], MIB);
	ck_assert_uint_eq(f.at[4], END - 4096);
	f = (struct found){ .stop_at = 2 };
	nt_dtb_scan(mem.pm, note, &f);
	ck_assert_uint_eq(f.n, 2);
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
	nt_dtb_scan(mem.pm, note, &f);
	ck_assert_uint_eq(f.n, 0);
	image_io_set_reader(mem.image->io, unit_no_read, NULL);
	nt_dtb_scan(mem.pm, note, &f);
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
	tcase_add_test(tcase, test_is_pml4);
	tcase_add_test(tcase, test_scan);
	tcase_add_test(tcase, test_scan_edges);
	return unit_main(suite);
}
