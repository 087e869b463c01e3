/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines, and scanning what a kernel has mapped. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/machine.h"

/* x64 kernels lie in 0xfffff800_00000000 and the 1 TiB from there (all
 * versions; KASLR since 10 1607 moves them within the first few GiB of it);
 * ARM64 ones in the same range. 32-bit kernels are anywhere in the upper
 * half. KUSER_SHARED_DATA: symbol tables and documentation from XP to 11. */
#define AREA_64 UINT64_C(0xfffff80000000000)
#define AREA_64_LEN (UINT64_C(1) << 40)
#define KUSER_64 UINT64_C(0xfffff78000000000)
#define AREA_32 UINT64_C(0x80000000)
#define KUSER_32 UINT64_C(0xffdf0000)

static const struct nt_machine machines[] = {
	{ "amd64", "x64", NT_ARCH_AMD64, false, 0x8664, 8, AREA_64,
	  AREA_64_LEN, KUSER_64, 0x28 },
	{ "la57", "x64", NT_ARCH_AMD64, true, 0x8664, 8, AREA_64,
	  AREA_64_LEN, KUSER_64, 0x28 },
	{ "pae", "x86 PAE", NT_ARCH_X86PAE, false, 0x14c, 4, AREA_32, AREA_32,
	  KUSER_32, 0x18 },
	{ "x86", "x86", NT_ARCH_X86, false, 0x14c, 4, AREA_32, AREA_32,
	  KUSER_32, 0x18 },
	{ "arm64", "ARM64", NT_ARCH_ARM64, false, 0xaa64, 8, AREA_64,
	  AREA_64_LEN, KUSER_64, 0x28 },
};

const struct nt_machine *nt_machine_of(const struct paging_form *form)
{
	for (size_t i = 0; i < G_N_ELEMENTS(machines); i++)
		if (!strcmp(machines[i].form, form->name))
			return &machines[i];
	return &machines[0];
}

struct scan {
	const struct addr_space *as;
	nt_page_fn fn;
	void *ctx;
	uint64_t pages_left;
	bool ended;
	uint8_t *buf;
};

enum { SCAN_CHUNK = 64 * 4096 };

static bool scan_pages(struct scan *s, VirtAddr va, size_t len)
{
	for (size_t off = 0; off < len; off += PAGE_SIZE_4K) {
		if (!s->pages_left || !addr_space_step(s->as) ||
		    !s->fn(s->ctx, VIRT(va.v + off), s->buf + off)) {
			s->ended = true;
			return false;
		}
		s->pages_left--;
	}
	return true;
}

/* A piece of a leaf that cannot be read as a whole is read by pages. */
static bool scan_piece(struct scan *s, VirtAddr va, PhysAddr pa, size_t len)
{
	if (physmem_read(s->as->pm, pa, s->buf, len) == PHYS_OK)
		return scan_pages(s, va, len);
	for (size_t off = 0; off < len; off += PAGE_SIZE_4K) {
		if (!s->pages_left || !addr_space_step(s->as)) {
			s->ended = true;
			return false;
		}
		s->pages_left--;
		if (physmem_read(s->as->pm, PHYS(pa.v + off), s->buf,
				 PAGE_SIZE_4K) == PHYS_OK &&
		    !scan_pages(s, VIRT(va.v + off), PAGE_SIZE_4K))
			return false;
	}
	return true;
}

static bool scan_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct scan *s = ctx;

	if (!page_state_in_memory(leaf->state))
		return true;
	for (uint64_t off = 0; off < leaf->len; off += SCAN_CHUNK) {
		size_t len = (size_t)MIN(leaf->len - off, SCAN_CHUNK);

		if (!scan_piece(s, VIRT(leaf->va.v + off),
				PHYS(leaf->pa.v + off), len))
			return false;
	}
	return true;
}

/* One budget for all parts: tables that lead everywhere end it. */
static void scan_part(struct scan *s, uint64_t start, uint64_t last,
		      struct vtop_budget *budget)
{
	struct vtop_stats stats;

	if (s->ended || start > last)
		return;
	stats = vtop_walk(s->as, start, last, *budget, scan_leaf, s);
	for (unsigned level = 0; level < PAGING_LEVELS_MAX; level++)
		budget->tables -= MIN(budget->tables, stats.tables[level]);
}

/* The page tables are at 0xc0000000 on all 32-bit versions. */
#define TABLES_32 UINT64_C(0xc0000000)

uint64_t nt_self_map(const struct addr_space *as, uint64_t *len)
{
	const struct paging_level *top = &as->form->levels[0];
	unsigned n = 1u << top->bits, self;

	if (as->form->va_bits == 32) {
		*len = as->form->entry_bytes == 8 ? 8 * MIB : 4 * MIB;
		return TABLES_32;
	}
	self = vtop_self_map(as, n / 2);
	*len = self < n ? UINT64_C(1) << top->shift : 0;
	return (uint64_t)self << top->shift;
}

static void scan_kernel_64(struct scan *s, struct vtop_budget *budget)
{
	unsigned bits = s->as->form->levels[0].bits;
	unsigned shift = s->as->form->levels[0].shift;
	unsigned n = 1u << bits;
	unsigned self = vtop_self_map(s->as, n / 2);

	for (unsigned i = n / 2; i < n; i++)
		if (i != self)
			scan_part(s, (uint64_t)i << shift,
				  ((uint64_t)(i + 1) << shift) - 1, budget);
}

static void scan_kernel_32(struct scan *s, struct vtop_budget *budget)
{
	uint64_t len, tables = nt_self_map(s->as, &len);

	scan_part(s, AREA_32, tables - 1, budget);
	scan_part(s, tables + len, UINT32_MAX, budget);
}

void nt_scan_kernel(const struct addr_space *as, nt_page_fn fn, void *ctx)
{
	struct vtop_budget budget = vtop_budget_for(as->pm);
	g_autofree uint8_t *buf = g_malloc(SCAN_CHUNK);
	struct scan s = { .as = as, .fn = fn, .ctx = ctx, .buf = buf,
			  .pages_left = budget.leaves };

	if (as->form->va_bits == 32)
		scan_kernel_32(&s, &budget);
	else
		scan_kernel_64(&s, &budget);
}

void nt_scan_range(const struct addr_space *as, VirtAddr start, uint64_t len,
		   uint64_t max_pages, nt_page_fn fn, void *ctx)
{
	uint64_t mask = (UINT64_C(1) << as->form->va_bits) - 1;
	struct vtop_budget budget = vtop_budget_for(as->pm);
	g_autofree uint8_t *buf = g_malloc(SCAN_CHUNK);
	struct scan s = { .as = as, .fn = fn, .ctx = ctx, .buf = buf,
			  .pages_left = MIN(budget.leaves, max_pages) };
	uint64_t first = page_floor(start.v & mask);

	if (!len)
		return;
	budget.tables = MIN(budget.tables, 1 << 14);
	scan_part(&s, first, first + MIN(len - 1, mask - first), &budget);
}
