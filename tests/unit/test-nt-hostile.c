/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what a search for a kernel may cost in memory that is made to keep
 * it busy: counted in reads of the image, not in time. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "nt/kernel.h"

#define PAGES 4096u /* 16 MiB */
#define TOPS 32u
#define LEAVES 16u
#define FIRST_TOP 16u
#define FIRST_MIDDLE (FIRST_TOP + TOPS)
#define FIRST_LEAF (FIRST_MIDDLE + 8)
#define FIRST_CONTENT (FIRST_LEAF + LEAVES)
/* Steps of all rounds (nt/kernel.c) times the six reads that each may be. */
#define READS_MAX (3u * ((1u << 19) + 16u * PAGES) * 6u)

static uint8_t *memory;

static uint8_t *page(unsigned n)
{
	return memory + 4096 * (size_t)n;
}

static void put(const struct paging_form *form, unsigned table, unsigned i,
		unsigned to)
{
	uint64_t entry = GUINT64_TO_LE((uint64_t)to << 12 |
				       (form == &paging_arm64 ? 0x703 : 0x63));

	memcpy(page(table) + (size_t)i * form->entry_bytes, &entry,
	       form->entry_bytes);
}

static unsigned n_entries(const struct paging_form *form)
{
	return 4096 / form->entry_bytes;
}

/* Tables whose every entry leads on; the pages come again and again. */
static void make_tables(const struct paging_form *form)
{
	unsigned n = n_entries(form);
	unsigned n_middle = form->n_levels -
			    (form == &paging_pae ? 3 : 2);

	for (unsigned i = 0; i < LEAVES * n; i++)
		put(form, FIRST_LEAF + i / n, i % n,
		    FIRST_CONTENT + i % (PAGES - FIRST_CONTENT));
	for (unsigned j = 0; j < n_middle; j++)
		for (unsigned i = 0; i < n; i++)
			put(form, FIRST_MIDDLE + j, i,
			    j + 1 < n_middle ? FIRST_MIDDLE + j + 1 :
					       FIRST_LEAF + i % LEAVES);
	for (unsigned t = 0; t < TOPS; t++) {
		unsigned first = form == &paging_pae ? 0 : n / 2;
		unsigned self = form == &paging_x86 ? 0x300 : 0x1ed;

		for (unsigned i = first; i < n; i++)
			put(form, FIRST_TOP + t, i,
			    n_middle ? FIRST_MIDDLE : FIRST_LEAF + i % LEAVES);
		put(form, FIRST_TOP + t, self, FIRST_TOP + t);
	}
}

/* Page directory pointers for each four of the tops. */
static void make_pdpts(void)
{
	for (unsigned t = 0; t < TOPS; t++) {
		uint64_t entry = GUINT64_TO_LE((FIRST_TOP + t) << 12 | 1u);

		memcpy(page(1) + 8 * (size_t)t, &entry, 8);
		put(&paging_pae, FIRST_TOP + (t | 3), t % 4, FIRST_TOP + t);
	}
}

static void put32(uint8_t *p, uint32_t v)
{
	v = GUINT32_TO_LE(v);
	memcpy(p, &v, 4);
}

/* A header with 32 debug records, and 65536 names that cannot be read at the
 * place that is looked at first. */
static void make_header(uint8_t *p, const struct paging_form *form)
{
	bool wide = form->va_bits > 32;
	uint8_t *optional = p + 0x98;
	uint8_t *dirs = optional + (wide ? 112 : 96);

	memset(p, 0, 4096);
	memcpy(p, "MZ", 2);
	put32(p + 0x3c, 0x80);
	memcpy(p + 0x80, "PE\0", 4);
	put32(p + 0x84, form == &paging_arm64 ? 0xaa64 :
			wide ? 0x8664 : 0x14c);
	put32(optional, wide ? 0x20b : 0x10b);
	put32(optional + 56, 16 << 20);
	put32(dirs, 0x600);
	put32(dirs + 4, 0x1000);
	put32(dirs + 48, 0x200);
	put32(dirs + 52, 28 * 32);
	for (unsigned i = 0; i < 32; i++)
		put32(p + 0x200 + (size_t)i * 28 + 12, 2);
	put32(p + 0x600 + 12, 0x700);
	put32(p + 0x600 + 20, 65536);
	put32(p + 0x600 + 24, 65536);
	put32(p + 0x600 + 28, 0x1000);
	put32(p + 0x600 + 32, 0x2001);
	put32(p + 0x600 + 36, 0x3000);
	memcpy(p + 0x700, "ntoskrnl.exe", 13);
}

/* The pattern again and again. */
static void fill(uint8_t *p, const void *pattern, size_t len)
{
	for (size_t at = 0; at < 4096; at += len)
		memcpy(p + at, pattern, MIN(len, 4096 - at));
}

enum kind { HEADER, NO_KERNEL, RSDS, BLOCK, ENCODED, SYSTEM, POINTERS };

static void make_content(uint8_t *p, const struct paging_form *form,
			 enum kind kind)
{
	static const uint8_t rsds[] = "RSDS0123456789abcdef\1\0\0\0"
				      "ntkrnlmp.pdb";
	static const uint8_t block[32] = {
		0, 0x10, 0, 0, 0x00, 0xf8, 0xff, 0xff,
		0, 0x10, 0, 0, 0x00, 0xf8, 0xff, 0xff,
		'K', 'D', 'B', 'G', 0x40, 3, 0, 0,
		0, 0, 0, 0, 0x00, 0xf8, 0xff, 0xff,
	};
	static const uint8_t encoded[32] = { 1, 1, [8] = 1, 1, [16] = 2,
					     [24] = 3 };

	if (kind == HEADER || kind == NO_KERNEL)
		make_header(p, form);
	if (kind == NO_KERNEL)
		p[0x700] = 'x';
	if (kind == RSDS)
		fill(p, rsds, sizeof rsds);
	if (kind == BLOCK)
		fill(p, block, sizeof block);
	if (kind == ENCODED)
		fill(p, encoded, sizeof encoded);
	if (kind == SYSTEM)
		fill(p, "System\0\0\0\0\0\0\0\0\0", 16);
	if (kind == POINTERS)
		fill(p, block, 8);
}

static int64_t count_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	uint64_t *n = ctx;

	++*n;
	memcpy(buf, memory + off, len);
	return (int64_t)len;
}

/* Each takes the whole budget, or nearly. */
static const struct {
	enum kind kind;
	const struct paging_form *form;
	bool no_profile;
} cases[] = {
	{ HEADER, &paging_amd64, false },   { HEADER, &paging_la57, false },
	{ HEADER, &paging_pae, false },	    { HEADER, &paging_x86, false },
	{ HEADER, &paging_arm64, false },   { NO_KERNEL, &paging_amd64, false },
	{ RSDS, &paging_amd64, false },	    { RSDS, &paging_pae, false },
	{ BLOCK, &paging_amd64, false },    { ENCODED, &paging_amd64, false },
	{ SYSTEM, &paging_amd64, false },   { SYSTEM, &paging_x86, true },
	{ POINTERS, &paging_amd64, true },
};

START_TEST(test_work)
{
	const struct paging_form *form = cases[_i].form;
	const struct nt_hints hints = { .no_profile = cases[_i].no_profile };
	const struct image_run all = { 0, PAGES * UINT64_C(4096), 0 };
	g_autoptr(Log) log = log_new();
	struct unit_mem mem;
	NtKernel *kernel;
	uint64_t n = 0;

	memory = g_malloc0(PAGES * (size_t)4096);
	for (unsigned i = FIRST_CONTENT; i < PAGES; i++)
		make_content(page(i), form, cases[_i].kind);
	make_tables(form);
	if (form == &paging_pae)
		make_pdpts();
	unit_mem_init_runs(&mem, memory, PAGES * (size_t)4096, &all, 1);
	image_io_set_reader(mem.image->io, count_read, &n);
	kernel = nt_kernel_find(mem.pm, mem.image, &hints, log);
	ck_assert(!kernel || !kernel->has_system);
	/* It was not as if there was nothing. */
	ck_assert_uint_gt(n, 1000);
	ck_assert_uint_le(n, READS_MAX);
	nt_kernel_free(kernel);
	unit_mem_clear(&mem);
	g_free(memory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-hostile");

	tcase_add_loop_test(unit_case(suite, "work"), test_work, 0,
			    G_N_ELEMENTS(cases));
	return unit_main(suite);
}
