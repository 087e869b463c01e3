/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what PE images say of themselves: one made by hand, both widths,
 * each part of it away or astray. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit.h"

#include <string.h>

#include "nt/peinfo.h"

#define LFANEW 0x80u
#define OPTIONAL (LFANEW + 24)
#define DEBUG_RVA 0x2000u
#define RSDS_RVA 0x2fd0u /* its name goes on in the next page */
#define RESOURCE_RVA 0x4000u
#define VERSION_RVA 0x4100u
#define PAGES 5u
#define PDB "d:\\build\\obj\\a-module.pdb"

static struct unit_kmem k;
static uint64_t base;

static void put(uint64_t rva, uint64_t value, unsigned n)
{
	unit_kmem_put(&k, base + rva, value, n);
}

static void put_bytes(uint64_t rva, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(rva + i, (uint8_t)bytes[i], 1);
}

static void put_headers(bool is64)
{
	const uint32_t dirs = OPTIONAL + (is64 ? 112 : 96);

	put_bytes(0, "MZ", 2);
	put(60, LFANEW, 4);
	put_bytes(LFANEW, "PE\0\0", 4);
	put(LFANEW + 4, is64 ? 0x8664 : 0x14c, 2);
	put(LFANEW + 6, 2, 2);
	put(LFANEW + 8, 0x5f5e1234, 4);
	put(LFANEW + 20, is64 ? 240 : 224, 2);
	put(LFANEW + 22, 0x2022, 2);
	put(OPTIONAL, is64 ? 0x20b : 0x10b, 2);
	put(OPTIONAL + 16, 0x1010, 4);
	if (is64)
		put(OPTIONAL + 24, 0x180000000, 8);
	else
		put(OPTIONAL + 28, 0x10000000, 4);
	put(OPTIONAL + 32, 0x1000, 4);
	put(OPTIONAL + 36, 0x200, 4);
	put(OPTIONAL + 56, PAGES << 12, 4);
	put(OPTIONAL + 60, 0x400, 4);
	put(OPTIONAL + 64, 0xc0ffee, 4);
	put(OPTIONAL + 68, 3, 2);
	put(dirs - 4, 16, 4);
	put(dirs + 2 * 8, RESOURCE_RVA, 4);
	put(dirs + 2 * 8 + 4, 0x200, 4);
	put(dirs + 6 * 8, DEBUG_RVA, 4);
	put(dirs + 6 * 8 + 4, 2 * 28, 4);
}

static void put_section(uint32_t i, const char *name, uint32_t rva,
			bool is64)
{
	uint32_t at = OPTIONAL + (is64 ? 240 : 224) + i * 40;

	put_bytes(at, name, strlen(name));
	put(at + 8, 0x801, 4);
	put(at + 12, rva, 4);
	put(at + 16, 0xa00, 4);
	put(at + 20, 0x400 + i * 0xa00, 4);
	put(at + 36, 0x60000020, 4);
}

static void put_rsds(void)
{
	put(DEBUG_RVA + 12, 4, 4); /* something else first */
	put(DEBUG_RVA + 28 + 12, 2, 4);
	put(DEBUG_RVA + 28 + 16, 24 + sizeof PDB, 4);
	put(DEBUG_RVA + 28 + 20, RSDS_RVA, 4);
	put_bytes(RSDS_RVA, "RSDS", 4);
	for (unsigned i = 0; i < 16; i++)
		put(RSDS_RVA + 4 + i, 0xa0 + i, 1);
	put(RSDS_RVA + 20, 7, 4);
	put_bytes(RSDS_RVA + 24, PDB, sizeof PDB);
}

/* Types: one that is named, 3 and 16; then one of each level. */
static void put_version(void)
{
	const uint64_t r = RESOURCE_RVA;

	put(r + 12, 1, 2);
	put(r + 14, 2, 2);
	put(r + 16, 0x80000300, 4);
	put(r + 20, 0x80000300, 4);
	put(r + 24, 3, 4);
	put(r + 28, 0x80000300, 4);
	put(r + 32, 16, 4);
	put(r + 36, 0x80000040, 4);
	put(r + 0x40 + 14, 1, 2);
	put(r + 0x50, 1, 4);
	put(r + 0x54, 0x80000060, 4);
	put(r + 0x60 + 14, 1, 2);
	put(r + 0x70, 0x409, 4);
	put(r + 0x74, 0x80, 4);
	put(r + 0x80, VERSION_RVA, 4);
	put(r + 0x84, 0x100, 4);
	put(VERSION_RVA, 0x100, 2);
	put(VERSION_RVA + 40, 0xfeef04bd, 4);
	for (uint32_t i = 1; i < NT_PE_VERSION_WORDS; i++)
		put(VERSION_RVA + 40 + 4 * i, i * 0x10001, 4);
}

static void make(bool is64)
{
	unit_kmem_init(&k, MK_MODE_AMD64);
	base = unit_kmem_page(&k, PAGES);
	put_headers(is64);
	put_section(0, ".text", 0x1000, is64);
	put_section(1, "12345678", 0x2000, is64);
	put_rsds();
	put_version();
}

static void teardown(void)
{
	unit_kmem_clear(&k);
}

START_TEST(the_head)
{
	const bool is64 = _i;
	struct nt_pe_head h;

	make(is64);
	unit_kmem_ready(&k);
	ck_assert(nt_pe_head_read(&k.as, base, &h));
	ck_assert_uint_eq(h.machine, is64 ? 0x8664 : 0x14c);
	ck_assert(h.is_64 == is64);
	ck_assert_uint_eq(h.timestamp, 0x5f5e1234);
	ck_assert_uint_eq(h.characteristics, 0x2022);
	ck_assert_uint_eq(h.entry, 0x1010);
	ck_assert_uint_eq(h.image_base, is64 ? 0x180000000 : 0x10000000);
	ck_assert_uint_eq(h.section_align, 0x1000);
	ck_assert_uint_eq(h.file_align, 0x200);
	ck_assert_uint_eq(h.size_of_image, PAGES << 12);
	ck_assert_uint_eq(h.size_of_headers, 0x400);
	ck_assert_uint_eq(h.checksum, 0xc0ffee);
	ck_assert_uint_eq(h.subsystem, 3);
	ck_assert_uint_eq(h.n_sections, 2);
	ck_assert_uint_eq(h.dir[NT_PE_DIR_DEBUG].rva, DEBUG_RVA);
	ck_assert_uint_eq(h.dir[NT_PE_DIR_DEBUG].size, 56);
	ck_assert_uint_eq(h.dir[NT_PE_DIR_EXPORT].rva, 0);
}
END_TEST

START_TEST(the_sections)
{
	struct nt_pe_section s;
	struct nt_pe_head h;

	make(_i);
	unit_kmem_ready(&k);
	ck_assert(nt_pe_head_read(&k.as, base, &h));
	ck_assert(nt_pe_section_read(&k.as, base, &h, 0, &s));
	ck_assert_str_eq(s.name, ".text");
	ck_assert(nt_pe_section_read(&k.as, base, &h, 1, &s));
	ck_assert_str_eq(s.name, "12345678");
	ck_assert_uint_eq(s.rva, 0x2000);
	ck_assert_uint_eq(s.size, 0x801);
	ck_assert_uint_eq(s.raw, 0xe00);
	ck_assert_uint_eq(s.raw_size, 0xa00);
	ck_assert_uint_eq(s.characteristics, 0x60000020);
	ck_assert(!nt_pe_section_read(&k.as, base, &h, 2, &s));
}
END_TEST

static void check_version(const struct nt_pe_facts *f)
{
	ck_assert(f->has_version);
	ck_assert_uint_eq(f->version[0], 0xfeef04bd);
	for (uint32_t i = 1; i < NT_PE_VERSION_WORDS; i++)
		ck_assert_uint_eq(f->version[i], i * 0x10001);
}

START_TEST(the_facts)
{
	struct nt_pe_facts f;

	make(_i);
	unit_kmem_ready(&k);
	ck_assert(nt_pe_facts_read(&k.as, base, &f));
	ck_assert_uint_eq(f.timestamp, 0x5f5e1234);
	ck_assert_uint_eq(f.size_of_image, PAGES << 12);
	ck_assert_uint_eq(f.checksum, 0xc0ffee);
	ck_assert(f.is_64 == (bool)_i);
	ck_assert(f.has_rsds);
	ck_assert_uint_eq(f.guid[0], 0xa0);
	ck_assert_uint_eq(f.guid[15], 0xaf);
	ck_assert_uint_eq(f.age, 7);
	ck_assert_str_eq(f.pdb, PDB);
	check_version(&f);
	nt_pe_facts_clear(&f);
}
END_TEST

/* The page with the end of the PDB's name is not there, nor its version. */
START_TEST(pages_that_are_not_there)
{
	struct nt_pe_facts f;

	make(true);
	for (unsigned i = 3; i < PAGES; i++)
		mk_paging_poke(k.paging, base + i * MK_PAGE_SIZE, 1, 0);
	unit_kmem_ready(&k);
	ck_assert(nt_pe_facts_read(&k.as, base, &f));
	ck_assert(f.has_rsds);
	ck_assert_uint_eq(f.age, 7);
	ck_assert_ptr_null(f.pdb);
	ck_assert(!f.has_version);
	nt_pe_facts_clear(&f);
}
END_TEST

/* One value that is wrong, and what is left. */
struct wrong {
	uint32_t rva, value;
	unsigned bytes;
	bool head, rsds, version;
};

static const struct wrong wrongs[] = {
	{ 0, 0, 1, false, false, false },
	{ 60, 0xffffffff, 4, false, false, false },
	{ 60, 0x00100001, 4, false, false, false },
	{ 60, 0x00100000, 4, false, false, false },
	{ LFANEW, 0x4551, 4, false, false, false },
	{ LFANEW + 20, 0, 2, false, false, false },
	{ LFANEW + 20, 112, 2, true, false, false }, /* no directories */
	{ LFANEW + 20, 0xffff, 2, true, true, true },
	{ OPTIONAL, 0x107, 2, false, false, false },
	{ OPTIONAL + 108, 0xffffffff, 4, true, true, true },
	{ OPTIONAL + 108, 6, 4, true, false, true },
	{ OPTIONAL + 112 + 16, 0xfffffff0, 4, true, true, false },
	{ OPTIONAL + 112 + 48, 0xfffffff0, 4, true, false, true },
	{ OPTIONAL + 112 + 52, 0xffffffff, 4, true, true, true },
	{ OPTIONAL + 112 + 52, 28, 4, true, false, true },
	{ DEBUG_RVA + 28 + 16, 23, 4, true, false, true },
	{ DEBUG_RVA + 28 + 16, 0xffffffff, 4, true, true, true },
	{ DEBUG_RVA + 28 + 20, 0xffffffff, 4, true, false, true },
	{ RSDS_RVA, 0, 4, true, false, true },
	{ RESOURCE_RVA + 14, 0xffff, 2, true, true, true },
	{ RESOURCE_RVA + 14, 1, 2, true, true, false },
	{ RESOURCE_RVA + 36, 0x40, 4, true, true, false },
	/* Folders that lead to themselves. */
	{ RESOURCE_RVA + 36, 0x80000000, 4, true, true, false },
	{ RESOURCE_RVA + 0x74, 0x80000060, 4, true, true, false },
	{ RESOURCE_RVA + 0x74, 0x7fffffff, 4, true, true, false },
	{ RESOURCE_RVA + 0x80, 0xffffffff, 4, true, true, false },
	{ RESOURCE_RVA + 0x84, 91, 4, true, true, false },
	{ VERSION_RVA + 40, 0, 4, true, true, false },
};

START_TEST(a_wrong_value)
{
	const struct wrong *w = &wrongs[_i];
	struct nt_pe_facts f;

	make(true);
	put(w->rva, w->value, w->bytes);
	unit_kmem_ready(&k);
	ck_assert(nt_pe_facts_read(&k.as, base, &f) == w->head);
	if (!w->head)
		return;
	ck_assert(f.has_rsds == w->rsds);
	ck_assert(f.has_version == w->version);
	nt_pe_facts_clear(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt/peinfo");
	TCase *whole = unit_case(suite, "whole");
	TCase *broken = unit_case(suite, "broken");

	tcase_add_checked_fixture(whole, NULL, teardown);
	tcase_add_loop_test(whole, the_head, 0, 2);
	tcase_add_loop_test(whole, the_sections, 0, 2);
	tcase_add_loop_test(whole, the_facts, 0, 2);
	tcase_add_checked_fixture(broken, NULL, teardown);
	tcase_add_test(broken, pages_that_are_not_there);
	tcase_add_loop_test(broken, a_wrong_value, 0,
			    (int)G_N_ELEMENTS(wrongs));
	return unit_main(suite);
}
