/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of images as files: where the header's offsets are kept, where they
 * are replaced, and headers that claim too much. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/pefile.h"

#define PAGES 8u
#define SIZE (PAGES << 12)
#define LFANEW 0x80u
#define OPTIONAL (LFANEW + 24)
#define TABLE (OPTIONAL + 240)
/* Offsets in the patch. */
#define IN_PATCH(at) ((at) - LFANEW)

struct row {
	const char *name;
	uint32_t size, rva, raw_size, raw;
};

static const struct row usual[] = {
	{ ".text", 0x1f80, 0x1000, 0x2000, 0x400 },
	{ "/4", 0x1200, 0x3000, 0x400, 0x2400 },
	{ ".bss", 0x1000, 0x5000, 0, 0 },
	{ ".rsrc", 0x100, 0x6000, 0x200, 0x2800 },
};

static struct unit_kmem k;
static struct nt_pe_file plan;
static uint64_t base;

static void put(uint64_t rva, uint64_t value, unsigned n)
{
	unit_kmem_put(&k, base + rva, value, n);
}

static void put_row(uint32_t i, const struct row *row)
{
	uint32_t at = TABLE + i * 40;

	for (size_t j = 0; row->name[j]; j++)
		put(at + j, (uint8_t)row->name[j], 1);
	put(at + 8, row->size, 4);
	put(at + 12, row->rva, 4);
	put(at + 16, row->raw_size, 4);
	put(at + 20, row->raw, 4);
}

static void make(const struct row *rows, uint32_t n)
{
	unit_kmem_init(&k, MK_MODE_AMD64);
	base = unit_kmem_page(&k, PAGES);
	put(0, 0x5a4d, 2);
	put(60, LFANEW, 4);
	put(LFANEW, 0x4550, 4);
	put(LFANEW + 4, 0x8664, 2);
	put(LFANEW + 6, n, 2);
	put(LFANEW + 12, 0x2a00, 4);
	put(LFANEW + 16, 100, 4);
	put(LFANEW + 20, 240, 2);
	put(OPTIONAL, 0x20b, 2);
	put(OPTIONAL + 24, 0x180000000, 8);
	put(OPTIONAL + 32, 0x1000, 4);
	put(OPTIONAL + 36, 0x200, 4);
	put(OPTIONAL + 56, SIZE, 4);
	put(OPTIONAL + 60, 0x400, 4);
	put(OPTIONAL + 64, 0x1234567, 4);
	put(OPTIONAL + 108, 16, 4);
	for (uint32_t i = 0; i < n && rows; i++)
		put_row(i, &rows[i]);
}

static void run(uint64_t size)
{
	unit_kmem_ready(&k);
	ck_assert(nt_pe_file_plan(&k.as, base, size, &plan));
}

static void teardown(void)
{
	nt_pe_file_clear(&plan);
	unit_kmem_clear(&k);
}

static const struct nt_pe_part *part(guint i)
{
	ck_assert_uint_lt(i, plan.parts->len);
	return &g_array_index(plan.parts, struct nt_pe_part, i);
}

static uint32_t patched(uint32_t at)
{
	ck_assert_uint_eq(plan.patch_at, LFANEW);
	ck_assert_uint_le(IN_PATCH(at) + 4, plan.patch->len);
	return load_le32(plan.patch->data + IN_PATCH(at));
}

static void check_part(guint i, uint64_t off, uint64_t len, uint64_t rva,
		       uint64_t data)
{
	ck_assert_uint_eq(part(i)->off, off);
	ck_assert_uint_eq(part(i)->len, len);
	ck_assert_uint_eq(part(i)->rva, rva);
	ck_assert_uint_eq(part(i)->data, data);
}

/* What holds of any plan. */
static void check_bounds(uint64_t size)
{
	uint64_t end = plan.headers;

	ck_assert_uint_le(plan.parts->len, NT_PE_SECTIONS_MAX);
	ck_assert_uint_le(plan.patch_at + plan.patch->len, plan.headers);
	for (guint i = 0; i < plan.parts->len; i++) {
		ck_assert_uint_ge(part(i)->off, end);
		ck_assert_uint_le(part(i)->data, part(i)->len);
		ck_assert(range_fits(part(i)->rva, part(i)->data, size) ||
			  !part(i)->data);
		end = part(i)->off + part(i)->len;
	}
	ck_assert_uint_ge(plan.size, end);
	ck_assert_uint_le(plan.size, 2 * size + 2 * MIB);
}

START_TEST(offsets_of_the_header)
{
	make(usual, 4);
	run(SIZE);
	check_bounds(SIZE);
	ck_assert(!plan.is_rebuilt);
	ck_assert_uint_eq(plan.parts->len, 3);
	ck_assert_uint_eq(plan.headers, 0x400);
	check_part(0, 0x400, 0x2000, 0x1000, 0x2000);
	check_part(1, 0x2400, 0x400, 0x3000, 0x400);
	check_part(2, 0x2800, 0x200, 0x6000, 0x200);
	ck_assert_uint_eq(plan.size, 0x2a00);
	ck_assert_uint_eq(patched(OPTIONAL + 24), (uint32_t)base);
	ck_assert_uint_eq(patched(OPTIONAL + 28), (uint32_t)(base >> 32));
	ck_assert_uint_eq(patched(OPTIONAL + 64), 0x1234567);
	ck_assert_uint_eq(patched(LFANEW + 12), 0);
	ck_assert_uint_eq(patched(LFANEW + 16), 0);
	ck_assert_uint_eq(patched(TABLE + 40) & 0xffffff, 0x00345f);
	ck_assert_uint_eq(patched(TABLE + 20), 0x400);
	ck_assert_uint_eq(patched(OPTIONAL + 36), 0x200);
}
END_TEST

/* One value each that no file has. */
static const struct {
	uint32_t at, value;
} wrong[] = {
	{ TABLE + 20, 0x300 },		/* no multiple of 512 */
	{ TABLE + 20, 0x200 },		/* in the headers */
	{ TABLE + 20, 0x2400 },		/* two at one place */
	{ TABLE + 20, 0xfffffe00 },
	{ TABLE + 16, 0xffffffff },
	{ TABLE + 16, 0x2200 },		/* over the next */
	{ OPTIONAL + 36, 0 },
	{ OPTIONAL + 36, 0x100 },
	{ OPTIONAL + 36, 0x600 },
	{ OPTIONAL + 36, 0x80000000 },
};

START_TEST(offsets_made_anew)
{
	make(usual, 4);
	put(wrong[_i].at, wrong[_i].value, 4);
	run(SIZE);
	check_bounds(SIZE);
	ck_assert(plan.is_rebuilt);
	ck_assert_uint_eq(plan.parts->len, 4);
	check_part(0, 0x400, 0x2000, 0x1000, 0x2000);
	check_part(1, 0x2400, 0x2000, 0x3000, 0x2000);
	check_part(2, 0x4400, 0x1000, 0x5000, 0x1000);
	check_part(3, 0x5400, 0x1000, 0x6000, 0x1000);
	ck_assert_uint_eq(plan.size, 0x6400);
	ck_assert_uint_eq(patched(OPTIONAL + 36), 0x200);
	ck_assert_uint_eq(patched(OPTIONAL + 60), 0x400);
	for (uint32_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(patched(TABLE + i * 40 + 16), part(i)->len);
		ck_assert_uint_eq(patched(TABLE + i * 40 + 20), part(i)->off);
	}
}
END_TEST

/* Beyond the image, partly and all; and longer in the file than in memory. */
START_TEST(sections_that_end_early)
{
	static const struct row rows[] = {
		{ "a", 0x3000, 0x7000, 0x3000, 0x400 },
		{ "b", 0x1000, 0x8000, 0x200, 0x3400 },
		{ "c", 0xffffffff, 0xffffffff, 0x200, 0x3600 },
		{ "d", 0x100, 0x1000, 0x4000, 0x3800 },
	};

	make(rows, 4);
	run(SIZE);
	check_bounds(SIZE);
	ck_assert(!plan.is_rebuilt);
	check_part(0, 0x400, 0x3000, 0x7000, 0x1000);
	check_part(1, 0x3400, 0x200, 0x8000, 0);
	check_part(2, 0x3600, 0x200, 0xffffffff, 0);
	check_part(3, 0x3800, 0x4000, 0x1000, 0x1000);
}
END_TEST

/* As many sections as a header can claim, all of them the whole image. */
START_TEST(sections_without_end)
{
	make(NULL, 0xffff);
	for (uint32_t i = 0; i < 800; i++)
		put_row(i, &(struct row){ "x", 0xffffffff, _i ? 0x1000 : 0,
					  0xffffffff, 0x400 });
	run(SIZE);
	check_bounds(SIZE);
	ck_assert(plan.is_rebuilt);
	ck_assert_uint_eq(plan.patch->data[6], NT_PE_SECTIONS_MAX);
	ck_assert_uint_eq(plan.patch->data[7], 0);
	ck_assert_uint_eq(plan.patch->len,
			  TABLE + 96 * 40 - LFANEW);
}
END_TEST

/* The table reaches out of what is in memory. */
START_TEST(a_table_that_is_cut)
{
	make(NULL, 96);
	put(LFANEW + 20, 0xffff, 2);
	run(SIZE);
	check_bounds(SIZE);
	ck_assert_uint_eq(plan.patch->data[6], 0);
	ck_assert_uint_eq(plan.parts->len, 0);
}
END_TEST

START_TEST(no_sections)
{
	make(NULL, 0);
	run(_i ? 0x100 : SIZE);
	check_bounds(_i ? TABLE : SIZE);
	ck_assert_uint_eq(plan.parts->len, !_i);
	ck_assert_uint_eq(plan.size, _i ? TABLE : SIZE);
}
END_TEST

/* Sections that are no pages: memory is as the file is. */
START_TEST(small_alignment)
{
	static const struct row rows[] = {
		{ ".text", 0x1230, 0x480, 0x1280, 0x480 },
		{ ".data", 0x300, 0x1700, 0x300, 0x1700 },
	};

	make(rows, 2);
	put(OPTIONAL + 32, 0x80, 4);
	put(OPTIONAL + 36, 0x80, 4);
	run(0x1a00);
	check_bounds(0x1a00);
	ck_assert(!plan.is_rebuilt);
	check_part(0, 0x480, 0x1280, 0x480, 0x1280);
	check_part(1, 0x1700, 0x300, 0x1700, 0x300);
	ck_assert_uint_eq(plan.size, 0x1a00);
}
END_TEST

START_TEST(no_image)
{
	struct nt_pe_file none;

	make(usual, 4);
	put(LFANEW, 0, 4);
	unit_kmem_ready(&k);
	ck_assert(!nt_pe_file_plan(&k.as, base, SIZE, &none));
}
END_TEST

/* Any value in any word of the headers: never out of bounds. */
START_TEST(random_headers)
{
	struct mk_random random = { (uint64_t)_i * 7919 + 1 };
	static const uint32_t values[] = { 0, 1, 0x1ff, 0x200, 0x1000, 0x8000,
					   0x7fffffff, 0x80000000,
					   0xfffff000, 0xffffffff };
	uint64_t size = _i % 3 ? SIZE : UINT64_C(1) << 40;

	make(usual, 4);
	for (unsigned i = 0; i < 6; i++) {
		uint32_t at = OPTIONAL + 2 +
			      4 * (uint32_t)mk_random_below(&random, 98);

		put(at, values[mk_random_below(&random,
					       G_N_ELEMENTS(values))], 4);
	}
	run(size);
	check_bounds(MIN(size, INT32_MAX));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt/pefile");
	TCase *all = unit_case(suite, "all");

	tcase_add_checked_fixture(all, NULL, teardown);
	tcase_add_test(all, offsets_of_the_header);
	tcase_add_loop_test(all, offsets_made_anew, 0,
			    (int)G_N_ELEMENTS(wrong));
	tcase_add_test(all, sections_that_end_early);
	tcase_add_loop_test(all, sections_without_end, 0, 2);
	tcase_add_test(all, a_table_that_is_cut);
	tcase_add_loop_test(all, no_sections, 0, 2);
	tcase_add_test(all, small_alignment);
	tcase_add_test(all, no_image);
	tcase_add_loop_test(all, random_headers, 0, 60);
	return unit_main(suite);
}
