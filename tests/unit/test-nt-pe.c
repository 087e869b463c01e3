/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of PE images in memory: one made by hand, and each way to break it. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "lib/mkpaging.h"
#include "nt/pe.h"

#define BASE UINT64_C(0xfffff80000400000)
#define LEAF (MK_PTE_P | MK_PTE_W | MK_PTE_A)
#define PAGES 4u
#define LFANEW 0x80u
#define OPTIONAL (LFANEW + 24)
#define EXPORTS 0x1000u
#define DEBUG 0x2000u
#define RSDS 0x2100u

/* The image as it is to be, PAGES long; then mapped. */
static uint8_t pe[PAGES * 4096];
static MkPhys *phys;
static MkPaging *paging;
static struct unit_mem mem;
static struct addr_space as;

static void put16(uint32_t at, uint16_t v)
{
	memcpy(pe + at, &v, 2);
}

static void put32(uint32_t at, uint32_t v)
{
	memcpy(pe + at, &v, 4);
}

static void put_headers(void)
{
	memcpy(pe, "MZ", 2);
	put32(0x3c, LFANEW);
	put32(LFANEW, 0x4550);
	put16(LFANEW + 4, 0x8664);
	put32(LFANEW + 8, 0x5f5e100);
	put16(OPTIONAL, 0x20b);
	put16(OPTIONAL + 40, 10);
	put16(OPTIONAL + 42, 3);
	put32(OPTIONAL + 56, sizeof pe);
	put32(OPTIONAL + 108, 16);
	put32(OPTIONAL + 112, EXPORTS);
	put32(OPTIONAL + 116, 0x800);
	put32(OPTIONAL + 112 + 6 * 8, DEBUG);
	put32(OPTIONAL + 112 + 6 * 8 + 4, 2 * 28);
}

/* Three exports; ordinals are not in the order of names. */
static void put_exports(void)
{
	static const char *const names[] = { "Alpha", "Beta", "Gamma" };

	put32(EXPORTS + 12, EXPORTS + 0x200);
	put32(EXPORTS + 20, 3);
	put32(EXPORTS + 24, 3);
	put32(EXPORTS + 28, EXPORTS + 0x40);
	put32(EXPORTS + 32, EXPORTS + 0x60);
	put32(EXPORTS + 36, EXPORTS + 0x80);
	memcpy(pe + EXPORTS + 0x200, "ntoskrnl.exe", 13);
	for (uint32_t i = 0; i < 3; i++) {
		put32(EXPORTS + 0x40 + 4 * i, 0x3000 + 0x10 * i);
		put32(EXPORTS + 0x60 + 4 * i, EXPORTS + 0x300 + 0x10 * i);
		put16(EXPORTS + 0x80 + 2 * i, (uint16_t)(2 - i));
		memcpy(pe + EXPORTS + 0x300 + 0x10 * i, names[i],
		       strlen(names[i]) + 1);
	}
}

static void put_debug(void)
{
	put32(DEBUG + 12, 13);
	put32(DEBUG + 28 + 12, 2);
	put32(DEBUG + 28 + 20, RSDS);
	memcpy(pe + RSDS, "RSDS", 4);
	for (uint8_t i = 0; i < 16; i++)
		pe[RSDS + 4 + i] = (uint8_t)(i + 1);
	put32(RSDS + 20, 7);
	memcpy(pe + RSDS + 24, "ntkrnlmp.pdb", 13);
}

static void setup(void)
{
	memset(pe, 0, sizeof pe);
	put_headers();
	put_exports();
	put_debug();
}

/* Maps all pages but those whose bits are set in missing. */
static void ready(unsigned missing)
{
	phys = mk_phys_new(1);
	mk_phys_add_ram(phys, 0, 8 * MIB);
	paging = mk_paging_new(phys, MK_MODE_AMD64, 0);
	for (unsigned i = 0; i < PAGES; i++) {
		uint64_t pa = mk_phys_page(phys);

		mk_phys_write(phys, pa, pe + 4096 * i, 4096);
		mk_paging_map(paging, BASE + 4096 * i, pa, 4096, LEAF);
		if (missing & 1u << i)
			mk_paging_poke(paging, BASE + 4096 * i, 1, 0);
	}
	unit_mem_init(&mem, phys);
	as = (struct addr_space){ .pm = mem.pm, .form = &paging_amd64,
				  .root = PHYS(mk_paging_root(paging)) };
}

static void done(void)
{
	unit_mem_clear(&mem);
	mk_paging_free(paging);
	mk_phys_free(phys);
}

static bool reads(void)
{
	struct nt_pe ret = { .machine = 77 };
	bool ok;

	ready(0);
	ok = nt_pe_read(&as, VIRT(BASE), &ret);
	ck_assert(ok || ret.machine == 77);
	done();
	return ok;
}

START_TEST(test_headers)
{
	struct nt_pe ret;

	ready(0);
	ck_assert(nt_pe_read(&as, VIRT(BASE), &ret));
	ck_assert_uint_eq(ret.base.v, BASE);
	ck_assert_uint_eq(ret.machine, 0x8664);
	ck_assert_uint_eq(ret.timestamp, 0x5f5e100);
	ck_assert_uint_eq(ret.size, sizeof pe);
	ck_assert_uint_eq(ret.os_major, 10);
	ck_assert_uint_eq(ret.os_minor, 3);
	ck_assert_uint_eq(ret.export_rva, EXPORTS);
	ck_assert_uint_eq(ret.debug_rva, DEBUG);
	ck_assert_uint_eq(ret.debug_size, 56);
	ck_assert(!nt_pe_read(&as, VIRT(BASE + 4096), &ret));
	ck_assert(!nt_pe_read(&as, VIRT(BASE - 4096), &ret));
	done();
}
END_TEST

START_TEST(test_headers_32)
{
	struct nt_pe ret;

	put16(OPTIONAL, 0x10b);
	put32(OPTIONAL + 96, 0x1234);
	ready(0);
	ck_assert(nt_pe_read(&as, VIRT(BASE), &ret));
	ck_assert_uint_eq(ret.export_rva, 0x1234);
	done();
}
END_TEST

START_TEST(test_broken_headers)
{
	static const uint32_t lfanews[] = { 0, 0x1000 - 24, 0xffc, 0x1000,
					    0x7fffffff, 0xffffffff };
	static const uint32_t sizes[] = { 0, 4095, 0x80000000, 0xffffffff };

	ck_assert(reads());
	pe[1] = 'z';
	ck_assert(!reads());
	setup();
	pe[LFANEW] = 'X';
	ck_assert(!reads());
	for (size_t i = 0; i < G_N_ELEMENTS(lfanews); i++) {
		setup();
		put32(0x3c, lfanews[i]);
		ck_assert(!reads());
	}
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		setup();
		put32(OPTIONAL + 56, sizes[i]);
		ck_assert(!reads());
	}
}
END_TEST

/* A header so near the end of its page that it has no directories. */
START_TEST(test_no_directories)
{
	struct nt_pe ret;

	memmove(pe + 0x1000 - 24 - 60, pe + LFANEW, 24 + 60);
	put32(0x3c, 0x1000 - 24 - 60);
	ready(0);
	ck_assert(nt_pe_read(&as, VIRT(BASE), &ret));
	ck_assert_uint_eq(ret.export_rva, 0);
	ck_assert_uint_eq(ret.debug_rva, 0);
	done();
}
END_TEST

START_TEST(test_pdb)
{
	struct nt_pe head;
	struct nt_pdb_id id;

	ready(0);
	ck_assert(nt_pe_read(&as, VIRT(BASE), &head));
	ck_assert(nt_pe_pdb(&as, &head, &id));
	ck_assert_str_eq(id.name, "ntkrnlmp.pdb");
	ck_assert_str_eq(id.guid, "0403020106050807090A0B0C0D0E0F10");
	ck_assert_uint_eq(id.age, 7);
	ck_assert(nt_pdb_is_kernel(id.name));
	ck_assert(nt_pdb_is_kernel("NTOSKRNL.PDB"));
	ck_assert(!nt_pdb_is_kernel("ntdll.pdb"));
	ck_assert(!nt_pdb_is_kernel(""));
	/* only the first entry is in the directory: no record */
	head.debug_size = 55;
	ck_assert(!nt_pe_pdb(&as, &head, &id));
	head.debug_size = UINT32_MAX;
	ck_assert(nt_pe_pdb(&as, &head, &id));
	head.debug_rva = 0;
	ck_assert(!nt_pe_pdb(&as, &head, &id));
	head.debug_rva = UINT32_MAX;
	ck_assert(!nt_pe_pdb(&as, &head, &id));
	done();
}
END_TEST

/* The record ends with its page, and the next page is not there. */
START_TEST(test_pdb_at_the_end)
{
	struct nt_pdb_id id;

	memcpy(pe + 0x3000 - 37, pe + RSDS, 37);
	ready(1u << 3);
	ck_assert(nt_pdb_id_read(&as, VIRT(BASE + 0x3000 - 37), &id));
	ck_assert_str_eq(id.name, "ntkrnlmp.pdb");
	ck_assert(!nt_pdb_id_read(&as, VIRT(BASE + 0x3000), &id));
	done();
}
END_TEST

START_TEST(test_pdb_parse)
{
	uint8_t rec[24 + 80];
	struct nt_pdb_id id = { .age = 99 };

	memcpy(rec, pe + RSDS, 24);
	memset(rec + 24, 'a', 80);
	/* a name that has no end in the record, or no room in ours */
	ck_assert(!nt_pdb_id_parse(rec, sizeof rec, &id));
	rec[24 + 63] = 0;
	ck_assert(!nt_pdb_id_parse(rec, sizeof rec, &id));
	ck_assert_uint_eq(id.age, 99);
	rec[24 + 62] = 0;
	ck_assert(nt_pdb_id_parse(rec, sizeof rec, &id));
	ck_assert_uint_eq(strlen(id.name), 62);
	ck_assert(!nt_pdb_id_parse(rec, 24, &id));
	ck_assert(!nt_pdb_id_parse(rec, 0, &id));
	rec[24] = 0;
	ck_assert(!nt_pdb_id_parse(rec, sizeof rec, &id));
	rec[24] = '/';
	ck_assert(!nt_pdb_id_parse(rec, sizeof rec, &id));
	rec[24] = '\n';
	ck_assert(!nt_pdb_id_parse(rec, sizeof rec, &id));
	rec[24] = 'a';
	rec[0] = 'N';
	ck_assert(!nt_pdb_id_parse(rec, sizeof rec, &id));
}
END_TEST

START_TEST(test_exports)
{
	struct nt_pe head;
	VirtAddr va = VIRT(1);
	char name[32], narrow[12];

	ready(0);
	ck_assert(nt_pe_read(&as, VIRT(BASE), &head));
	ck_assert(nt_pe_export(&as, &head, "Alpha", &va));
	ck_assert_uint_eq(va.v, BASE + 0x3020);
	ck_assert(nt_pe_export(&as, &head, "Beta", &va));
	ck_assert_uint_eq(va.v, BASE + 0x3010);
	ck_assert(nt_pe_export(&as, &head, "Gamma", &va));
	ck_assert_uint_eq(va.v, BASE + 0x3000);
	va = VIRT(1);
	ck_assert(!nt_pe_export(&as, &head, "Alphb", &va));
	ck_assert(!nt_pe_export(&as, &head, "", &va));
	ck_assert(!nt_pe_export(&as, &head, "zzz", &va));
	ck_assert_uint_eq(va.v, 1);
	ck_assert(nt_pe_export_name(&as, &head, name, sizeof name));
	ck_assert_str_eq(name, "ntoskrnl.exe");
	ck_assert(!nt_pe_export_name(&as, &head, narrow, sizeof narrow));
	head.export_rva = 0;
	ck_assert(!nt_pe_export(&as, &head, "Alpha", &va));
	done();
}
END_TEST

static bool has_export(const char *name, unsigned missing)
{
	struct nt_pe head;
	VirtAddr va;
	bool ok;

	ready(missing);
	ck_assert(nt_pe_read(&as, VIRT(BASE), &head));
	ok = nt_pe_export(&as, &head, name, &va);
	done();
	return ok;
}

START_TEST(test_broken_exports)
{
	ck_assert(!has_export("Alpha", 1u << 1));
	/* an ordinal beyond the functions */
	put16(EXPORTS + 0x80, 3);
	ck_assert(!has_export("Alpha", 0));
	ck_assert(has_export("Beta", 0));
	/* the name in the middle cannot be read: the others are found */
	setup();
	put32(EXPORTS + 0x64, 0x7fff0000);
	ck_assert(has_export("Alpha", 0));
	ck_assert(has_export("Gamma", 0));
	ck_assert(!has_export("Beta", 0));
	/* more names than there can be */
	setup();
	put32(EXPORTS + 24, 65537);
	ck_assert(!has_export("Alpha", 0));
	setup();
	put32(EXPORTS + 24, UINT32_MAX);
	ck_assert(!has_export("Alpha", 0));
	setup();
	put32(EXPORTS + 24, 0);
	ck_assert(!has_export("Alpha", 0));
	/* tables that are elsewhere */
	setup();
	put32(EXPORTS + 28, UINT32_MAX);
	ck_assert(!has_export("Alpha", 0));
	setup();
	put32(EXPORTS + 36, UINT32_MAX);
	ck_assert(!has_export("Alpha", 0));
}
END_TEST

/* Every bit of the headers turned over: no crash, and nothing is written to
 * the result unless it is good. */
START_TEST(test_bit_flips)
{
	ready(0);
	for (uint32_t bit = 0; bit < (OPTIONAL + 0xf0) * 8; bit++) {
		uint8_t *byte = mem.bytes + (bit / 8);
		struct nt_pe ret = { .machine = 77 };
		struct nt_pdb_id id;
		VirtAddr va;
		uint64_t pa = vtop_translate(&as, VIRT(BASE)).pa.v;

		byte += pa;
		*byte ^= (uint8_t)(1u << bit % 8);
		if (nt_pe_read(&as, VIRT(BASE), &ret)) {
			ck_assert_uint_ge(ret.size, 4096);
			(void)nt_pe_pdb(&as, &ret, &id);
			(void)nt_pe_export(&as, &ret, "Alpha", &va);
		} else {
			ck_assert_uint_eq(ret.machine, 77);
		}
		*byte ^= (uint8_t)(1u << bit % 8);
	}
	done();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-pe");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, test_headers);
	tcase_add_test(tcase, test_headers_32);
	tcase_add_test(tcase, test_broken_headers);
	tcase_add_test(tcase, test_no_directories);
	tcase_add_test(tcase, test_pdb);
	tcase_add_test(tcase, test_pdb_at_the_end);
	tcase_add_test(tcase, test_pdb_parse);
	tcase_add_test(tcase, test_exports);
	tcase_add_test(tcase, test_broken_exports);
	tcase_add_test(tcase, test_bit_flips);
	return unit_main(suite);
}
