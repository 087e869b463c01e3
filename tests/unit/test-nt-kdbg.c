/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the debugger block: reading, decoding, searching. */
#include "config.h"

#include "lib/mkpaging.h"
#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/kdbg.h"

#define BASE64 UINT64_C(0xfffff80012200000)
#define BASE32 UINT64_C(0x82800000)
#define PAGES 16u
#define GAP 9u		/* this page of the kernel is not mapped */
#define FLAG UINT64_C(0xfffff80012234567)
#define NEVER UINT64_C(0x0123456789abcdf3) /* rotates by 0xf3 & 63 = 51 */
#define ALWAYS UINT64_C(0xfedcba9876543210)

static MkPhys *phys;
static MkPaging *paging;
static uint64_t base, first_pa;
static unsigned pointer_bytes;
static struct unit_mem mem;
static struct addr_space as;

static void setup_mode(enum mk_mode mode, uint64_t kernel)
{
	phys = mk_phys_new(7);
	mk_phys_add_ram(phys, 0, 8 * MIB);
	paging = mk_paging_new(phys, mode, 0);
	base = kernel;
	pointer_bytes = mode == MK_MODE_AMD64 ? 8 : 4;
	first_pa = mk_phys_pages(phys, PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		if (i != GAP)
			mk_paging_map(paging, base + i * PAGE_SIZE_4K,
				      first_pa + i * PAGE_SIZE_4K,
				      PAGE_SIZE_4K, MK_PTE_P | MK_PTE_W);
}

static void setup(void)
{
	setup_mode(MK_MODE_AMD64, BASE64);
}

static void setup32(void)
{
	setup_mode(MK_MODE_PAE, BASE32);
}

/* What was written becomes an image. */
static void finish(void)
{
	unit_mem_init(&mem, phys);
	as = (struct addr_space){
		.pm = mem.pm,
		.form = pointer_bytes == 8 ? &paging_amd64 : &paging_pae,
		.root = PHYS(mk_paging_root(paging)),
	};
}

static void teardown(void)
{
	if (mem.pm)
		unit_mem_clear(&mem);
	mem = (struct unit_mem){ 0 };
	mk_paging_free(paging);
	mk_phys_free(phys);
}

static void set16(uint8_t *block, const char *name, uint16_t value)
{
	uint32_t at;

	ck_assert(kdbg_field(name, &at));
	value = GUINT16_TO_LE(value);
	memcpy(block + at, &value, sizeof value);
}

static void set64(uint8_t *block, const char *name, uint64_t value)
{
	uint32_t at;

	ck_assert(kdbg_field(name, &at));
	value = GUINT64_TO_LE(value);
	memcpy(block + at, &value, sizeof value);
}

/* On 32-bit machines the kernel sign-extends. */
static uint64_t wide(uint64_t va)
{
	return pointer_bytes == 4 ? va | UINT64_C(0xffffffff00000000) : va;
}

static void make_block(uint8_t block[0x400], uint32_t size)
{
	memset(block, 0, 0x400);
	set64(block, "Header.List", wide(base + 0x40));
	memcpy(block + 8, block, 8);
	memcpy(block + 0x10, "KDBG", 4);
	size = GUINT32_TO_LE(size);
	memcpy(block + 0x14, &size, 4);
	set64(block, "KernBase", wide(base));
	set64(block, "PsLoadedModuleList", wide(base + 0x1000));
	set64(block, "PsActiveProcessHead", wide(base + 0x2000));
	set64(block, "PspCidTable", wide(base + 0x3000));
	set64(block, "MmHighestUserAddress", 0x7ffeffff); /* no kernel's */
	set64(block, "KiProcessorBlock", wide(base + 0x4000));
	set64(block, "NtBuildLab", wide(base + 0x5000));
	set16(block, "SizeEProcess", 0xa40);
	set16(block, "OffsetEprocessPeb", 0x550);
	set16(block, "OffsetEprocessParentCID", 0x540);
	set16(block, "OffsetEprocessDirectoryTableBase", 0x28);
	set16(block, "OffsetPcrContainedPrcb", 0x180);
}

static void put(uint64_t off, const uint8_t block[0x400])
{
	mk_phys_write(phys, first_pa + off, block, 0x400);
}

static void put_plain(uint64_t off)
{
	uint8_t block[0x400];

	make_block(block, 0x380);
	put(off, block);
}

/* The inverse of what the kernel's own reader does, step by step. */
static uint64_t encode_word(uint64_t word, uint64_t never, uint64_t always)
{
	unsigned n = (unsigned)(never & 63);

	word = GUINT64_SWAP_LE_BE(word ^ always) ^ FLAG;
	if (n)
		word = word >> n | word << (64 - n);
	return word ^ never;
}

static void encode(uint8_t block[0x400], uint64_t never, uint64_t always)
{
	for (size_t i = 0; i < 0x380; i += 8) {
		uint64_t word = encode_word(load_le64(block + i), never,
					    always);

		word = GUINT64_TO_LE(word);
		memcpy(block + i, &word, 8);
	}
}

static void put_encoded(uint64_t off, uint64_t never, uint64_t always)
{
	uint8_t block[0x400];

	make_block(block, 0x380);
	encode(block, never, always);
	put(off, block);
}

static void assert_block(const struct nt_kdbg *k, uint64_t off)
{
	ck_assert_uint_eq(k->va.v, base + off);
	ck_assert_uint_eq(k->size, 0x380);
	ck_assert_uint_eq(k->kern_base, base);
	ck_assert_uint_eq(k->loaded_module_list, base + 0x1000);
	ck_assert_uint_eq(k->active_head, base + 0x2000);
	ck_assert_uint_eq(k->cid_table, base + 0x3000);
	ck_assert_uint_eq(k->highest_user, 0);
	ck_assert_uint_eq(k->processor_block, base + 0x4000);
	ck_assert_uint_eq(k->build_lab, base + 0x5000);
	ck_assert_uint_eq(k->csd_version, 0);
	ck_assert_uint_eq(k->eprocess_size, 0xa40);
	ck_assert_uint_eq(k->eprocess_peb, 0x550);
	ck_assert_uint_eq(k->eprocess_ppid, 0x540);
	ck_assert_uint_eq(k->eprocess_dtb, 0x28);
	ck_assert_uint_eq(k->pcr_prcb, 0x180);
	ck_assert_uint_eq(k->prcb_number, 0);
}

START_TEST(test_read)
{
	struct nt_kdbg k;

	put_plain(0x6b20);
	finish();
	ck_assert(nt_kdbg_read(&as, pointer_bytes, VIRT(base + 0x6b20), &k));
	assert_block(&k, 0x6b20);
	ck_assert(!k.encoded);
	ck_assert(!nt_kdbg_read(&as, pointer_bytes, VIRT(base + 0x6b24), &k));
	ck_assert(!nt_kdbg_read(&as, pointer_bytes, VIRT(0), &k));
	ck_assert(!nt_kdbg_read(&as, pointer_bytes,
				VIRT(base + GAP * PAGE_SIZE_4K), &k));
}
END_TEST

/* As a 32-bit kernel links it: 32-bit pointers, then nothing. */
START_TEST(test_read_narrow)
{
	struct nt_kdbg k;

	put_plain(0x6b20);
	mk_phys_write64(phys, first_pa + 0x6b20,
			(base + 0x40) << 32 | (base + 0x48));
	mk_phys_write64(phys, first_pa + 0x6b28, 0);
	put_plain(0x7b20);
	mk_phys_write64(phys, first_pa + 0x7b20, base + 0x40);
	mk_phys_write64(phys, first_pa + 0x7b28, 0);
	finish();
	ck_assert(nt_kdbg_read(&as, pointer_bytes, VIRT(base + 0x6b20), &k));
	assert_block(&k, 0x6b20);
	ck_assert(!nt_kdbg_read(&as, pointer_bytes, VIRT(base + 0x7b20), &k));
}
END_TEST

static const struct {
	uint32_t at;
	uint64_t value;
} refused[] = {
	{ 0x00, 0x10000 },		    /* Flink of a user */
	{ 0x08, UINT64_C(0x8000000000000000) }, /* Blink not canonical */
	{ 0x10, UINT64_C(0x3804742444c) },  /* tag */
	{ 0x10, UINT64_C(0xff4742444b) },   /* size 0xff */
	{ 0x10, UINT64_C(0x10014742444b) }, /* size 0x1001 */
	{ 0x18, BASE64 + 8 },		    /* no page */
	{ 0x18, UINT64_C(0x7ff612200000) },
	{ 0x18, 0 },
};

START_TEST(test_refused)
{
	struct nt_kdbg k = { .size = 77 };

	put_plain(0x100);
	mk_phys_write64(phys, first_pa + 0x100 + refused[_i].at,
			refused[_i].value);
	finish();
	ck_assert(!nt_kdbg_read(&as, 8, VIRT(base + 0x100), &k));
	ck_assert_uint_eq(k.size, 77);
}
END_TEST

/* What lies behind the end, or in a page that is missing, is not known. */
START_TEST(test_short)
{
	uint8_t block[0x400];
	struct nt_kdbg k;

	make_block(block, 0x208);
	put(0, block);
	put_plain(GAP * PAGE_SIZE_4K - 0x60);
	finish();
	ck_assert(nt_kdbg_read(&as, 8, VIRT(base), &k));
	ck_assert_uint_eq(k.size, 0x208);
	ck_assert_uint_eq(k.cid_table, base + 0x3000);
	ck_assert_uint_eq(k.build_lab, 0);
	ck_assert_uint_eq(k.eprocess_size, 0);
	ck_assert(nt_kdbg_read(&as, 8,
			       VIRT(base + GAP * PAGE_SIZE_4K - 0x60), &k));
	ck_assert_uint_eq(k.cid_table, base + 0x3000);
	ck_assert_uint_eq(k.processor_block, 0);
	ck_assert(!nt_kdbg_read(&as, 8,
				VIRT(base + PAGES * PAGE_SIZE_4K - 0x10),
				&k));
}
END_TEST

/* By hand: never 8 rotates by 8. (0 ^ 8) <<< 8 = 0x800; ^ flag with its top
 * bits set = 0xffff000000000901; reversed 0x010900000000ffff; ^ always. */
START_TEST(test_decode_word)
{
	const struct nt_kdbg_key key = { 8, 0xff, VIRT(0x101) };

	ck_assert_uint_eq(nt_kdbg_decode_word(&key, 0),
			  UINT64_C(0x010900000000ff00));
}
END_TEST

START_TEST(test_decode)
{
	const struct nt_kdbg_key key = { NEVER, ALWAYS, VIRT(FLAG) };
	struct nt_kdbg_key other = key;
	struct nt_kdbg k;

	put_encoded(0x6b20, NEVER, ALWAYS);
	finish();
	ck_assert(!nt_kdbg_read(&as, 8, VIRT(base + 0x6b20), &k));
	ck_assert(nt_kdbg_decode(&as, VIRT(base + 0x6b20), &key, &k));
	assert_block(&k, 0x6b20);
	ck_assert(k.encoded);
	other.wait_always ^= 1;
	ck_assert(!nt_kdbg_decode(&as, VIRT(base + 0x6b20), &other, &k));
	ck_assert(!nt_kdbg_decode(&as, VIRT(base + GAP * PAGE_SIZE_4K), &key,
				  &k));
}
END_TEST

/* Without the key, whatever it rotates by. */
START_TEST(test_decode_by_base)
{
	struct nt_kdbg k;

	put_encoded(0x6b20, (NEVER & ~UINT64_C(63)) | (unsigned)_i, ALWAYS);
	finish();
	ck_assert(nt_kdbg_decode_by_base(&as, VIRT(base + 0x6b20), VIRT(base),
					 &k));
	assert_block(&k, 0x6b20);
	ck_assert(k.encoded);
	ck_assert(!nt_kdbg_decode_by_base(&as, VIRT(base + 0x6b20),
					  VIRT(base + 0x1000), &k));
	ck_assert(!nt_kdbg_decode_by_base(&as, VIRT(base + 0x6b28),
					  VIRT(base), &k));
}
END_TEST

static bool find(bool certain, struct nt_kdbg *k)
{
	return nt_kdbg_find_in_image(&as, pointer_bytes, VIRT(base),
				     PAGES * PAGE_SIZE_4K, certain, k);
}

/* Not the tag alone, nor the block of another kernel. */
START_TEST(test_find_plain)
{
	uint8_t block[0x400];
	struct nt_kdbg k;

	make_block(block, 0x380);
	set64(block, "KernBase", base + 0x1000);
	put(0x1100, block);
	mk_phys_write(phys, first_pa + 0x3000, "KDBGKDBGKDBG", 12);
	put_plain(GAP * PAGE_SIZE_4K + 0x1ff0); /* across two pages */
	finish();
	ck_assert(find(true, &k));
	assert_block(&k, GAP * PAGE_SIZE_4K + 0x1ff0);
	/* where the base is a guess, the first one counts */
	ck_assert(find(false, &k));
	ck_assert_uint_eq(k.kern_base, base + 0x1000);
}
END_TEST

START_TEST(test_find_encoded)
{
	struct nt_kdbg k;

	mk_phys_write(phys, first_pa + 0x3000, "KDBGKDBGKDBG", 12);
	put_encoded(0x7ff0, NEVER, ALWAYS);
	finish();
	ck_assert(find(true, &k));
	assert_block(&k, 0x7ff0);
	ck_assert(k.encoded);
}
END_TEST

/* The base is a guess, or there is none at all: the block tells it. */
START_TEST(test_find_any_base)
{
	struct nt_kdbg k;

	/* equal links alone, over and over, are none */
	for (unsigned i = 0; i < 512; i++)
		mk_phys_write64(phys, first_pa + 0x2000 + i * 8,
				UINT64_C(0x0123456789abcdef));
	put_encoded(0x7ff0, NEVER ^ (unsigned)_i, ALWAYS);
	finish();
	ck_assert(nt_kdbg_find_in_image(&as, 8, VIRT(base + 0x2000),
					0xe000, false, &k));
	assert_block(&k, 0x7ff0);
	ck_assert(nt_kdbg_find_in_area(&as, 8, &k));
	assert_block(&k, 0x7ff0);
}
END_TEST

/* Across two leaves, in the upper half of 32 bits as well. */
START_TEST(test_find_in_area)
{
	struct nt_kdbg k;

	put_plain(0x7ff0);
	finish();
	ck_assert(nt_kdbg_find_in_area(&as, pointer_bytes, &k));
	assert_block(&k, 0x7ff0);
	ck_assert(!k.encoded);
}
END_TEST

/* The end of one page and the start of another, with a page between them that
 * is not there, make no block. */
START_TEST(test_area_gap)
{
	const uint64_t gap = GAP * PAGE_SIZE_4K;
	uint8_t block[0x400];
	struct nt_kdbg k;

	make_block(block, 0x380);
	mk_phys_write(phys, first_pa + gap - 0x10, block, 0x10);
	mk_phys_write(phys, first_pa + gap + PAGE_SIZE_4K, block + 0x10,
		      0x3f0);
	finish();
	ck_assert(!nt_kdbg_find_in_area(&as, pointer_bytes, &k));
	ck_assert(!find(true, &k));
}
END_TEST

START_TEST(test_find_none)
{
	struct nt_kdbg k;

	finish();
	ck_assert(!find(true, &k));
	ck_assert(!find(false, &k));
	ck_assert(!nt_kdbg_find_in_area(&as, pointer_bytes, &k));
	ck_assert(!nt_kdbg_find_in_image(&as, pointer_bytes, VIRT(0),
					 UINT64_MAX, true, &k));
}
END_TEST

/* A page full of tags uses up the tries: what is behind it is not found. */
START_TEST(test_find_bounded)
{
	struct nt_kdbg k;

	for (unsigned i = 0; i < 1024; i++)
		mk_phys_write(phys, first_pa + 0x1000 + i * 4, "KDBG", 4);
	put_plain(0x3000);
	finish();
	ck_assert(!find(true, &k));
}
END_TEST

START_TEST(test_version_block)
{
	const uint64_t at = first_pa + 0x100, list = first_pa + 0x200;
	struct nt_version_block v;
	struct nt_kdbg k;

	mk_phys_write64(phys, at, UINT64_C(0x4a61000f));
	mk_phys_write64(phys, at + 8, pointer_bytes == 8 ? 0x8664 : 0x14c);
	mk_phys_write64(phys, at + 0x10, wide(base));
	mk_phys_write64(phys, at + 0x18, wide(base + 0x1000));
	mk_phys_write64(phys, at + 0x20, wide(base + 0x200));
	mk_phys_write64(phys, list, base + 0x6b20);
	put_plain(0x6b20);
	mk_phys_write64(phys, first_pa + 0x408, pointer_bytes == 8 ? 0x14c :
								     0x8664);
	mk_phys_write64(phys, first_pa + 0x410, wide(base));
	finish();
	ck_assert(nt_version_block_read(&as, pointer_bytes,
					VIRT(base + 0x100), &v));
	ck_assert_uint_eq(v.build, 0x4a61);
	ck_assert_uint_eq(v.kern_base, base);
	ck_assert_uint_eq(v.loaded_module_list, base + 0x1000);
	ck_assert_uint_eq(v.data_list, base + 0x200);
	ck_assert(nt_kdbg_by_version(&as, pointer_bytes, &v, &k));
	assert_block(&k, 0x6b20);
	v.data_list = base + 0x6b20;
	ck_assert(nt_kdbg_by_version(&as, pointer_bytes, &v, &k));
	assert_block(&k, 0x6b20);
	v.data_list = 0;
	ck_assert(!nt_kdbg_by_version(&as, pointer_bytes, &v, &k));
	ck_assert(!nt_version_block_read(&as, pointer_bytes,
					 VIRT(base + 0x400), &v));
	ck_assert(!nt_version_block_read(&as, pointer_bytes,
					 VIRT(base + 0x300), &v));
	ck_assert(!nt_version_block_read(&as, pointer_bytes, VIRT(0), &v));
}
END_TEST

struct hits {
	struct nt_kdbg_hit hits[8];
	unsigned n, stop_at;
};

static bool count_hit(void *ctx, const struct nt_kdbg_hit *hit)
{
	struct hits *h = ctx;

	if (h->n < G_N_ELEMENTS(h->hits))
		h->hits[h->n] = *hit;
	return ++h->n != h->stop_at;
}

/* Both widths, and one whose head lies on both sides of what is read at
 * once. */
START_TEST(test_find_phys)
{
	const uint64_t places[] = { 3 * MIB + 0x40, 5 * MIB - 0x10 };
	struct hits all = { .n = 0 }, one = { .stop_at = 1 };

	for (size_t i = 0; i < 2; i++) {
		mk_phys_write64(phys, places[i] + 0x10,
				UINT64_C(0x3804742444b));
		mk_phys_write64(phys, places[i] + 0x18,
				i ? UINT64_C(0xffffffff82800000) : BASE64);
	}
	/* no size, no page, no kernel; no beginning */
	mk_phys_write64(phys, 4 * MIB, UINT64_C(0x4742444b));
	mk_phys_write64(phys, 4 * MIB + 8, BASE64);
	mk_phys_write64(phys, 4 * MIB + 64, UINT64_C(0x3804742444b));
	mk_phys_write64(phys, 4 * MIB + 72, BASE64 + 1);
	mk_phys_write64(phys, 4 * MIB + 128, UINT64_C(0x3804742444b));
	mk_phys_write64(phys, 4 * MIB + 136, 0x10000);
	mk_phys_write64(phys, 0, UINT64_C(0x3804742444b));
	mk_phys_write64(phys, 8, BASE64);
	finish();
	nt_kdbg_find_phys(mem.pm, count_hit, &all);
	ck_assert_uint_eq(all.n, 2);
	ck_assert_uint_eq(all.hits[0].pa.v, places[0]);
	ck_assert_uint_eq(all.hits[0].kern_base, BASE64);
	ck_assert_uint_eq(all.hits[0].pointer_bytes, 8);
	ck_assert_uint_eq(all.hits[0].size, 0x380);
	ck_assert_uint_eq(all.hits[1].pa.v, places[1]);
	ck_assert_uint_eq(all.hits[1].kern_base, BASE32);
	ck_assert_uint_eq(all.hits[1].pointer_bytes, 4);
	nt_kdbg_find_phys(mem.pm, count_hit, &one);
	ck_assert_uint_eq(one.n, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-kdbg");
	TCase *x64 = unit_case(suite, "x64");
	TCase *x86 = unit_case(suite, "x86");

	tcase_add_checked_fixture(x64, setup, teardown);
	tcase_add_checked_fixture(x86, setup32, teardown);
	tcase_add_test(x64, test_read);
	tcase_add_test(x86, test_read);
	tcase_add_test(x86, test_read_narrow);
	tcase_add_loop_test(x64, test_refused, 0,
			    (int)G_N_ELEMENTS(refused));
	tcase_add_test(x64, test_short);
	tcase_add_test(x64, test_decode_word);
	tcase_add_test(x64, test_decode);
	tcase_add_loop_test(x64, test_decode_by_base, 0, 64);
	tcase_add_test(x64, test_find_plain);
	tcase_add_test(x86, test_find_plain);
	tcase_add_test(x64, test_find_encoded);
	tcase_add_loop_test(x64, test_find_any_base, 0, 64);
	tcase_add_test(x64, test_find_in_area);
	tcase_add_test(x86, test_find_in_area);
	tcase_add_test(x64, test_area_gap);
	tcase_add_test(x64, test_find_none);
	tcase_add_test(x86, test_find_none);
	tcase_add_test(x64, test_find_bounded);
	tcase_add_test(x64, test_version_block);
	tcase_add_test(x86, test_version_block);
	tcase_add_test(x64, test_find_phys);
	return unit_main(suite);
}
