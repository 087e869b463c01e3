/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page tables without Windows: pages of all sizes and rights, frames outside
 * RAM, tables outside RAM, reserved bits, and much that is not there.
 */
#include "config.h"

#include "lib/mkwin-priv.h"

/* Who the pages belong to, in their labels. */
#define PLAIN_PID 1u
#define LEAF (MK_PTE_P | MK_PTE_A | MK_PTE_W | MK_PTE_U)
/* Intel SDM vol. 3, 4.3: CR4.PSE, PAE, LA57; CR0.PG, PE, WP. */
#define CR0_PAGING UINT64_C(0x80010001)
#define CR4_PSE UINT64_C(0x10)
#define CR4_PAE UINT64_C(0x20)
#define CR4_LA57 UINT64_C(0x1000)

struct plain {
	MkWin *win;
	MkPaging *paging;
	enum mk_mode mode;
	uint64_t large;	    /* size of a large page */
	unsigned int upper; /* rights that the upper levels let pass */
};

/* Arm ARM, D8.4: read-only, user, not executable by whoever may reach it. */
static unsigned int arm_rights(uint64_t raw)
{
	const bool user = raw >> 6 & 1;
	unsigned int rights = user ? MK_RIGHT_U : 0;

	if (!(raw >> 7 & 1))
		rights |= MK_RIGHT_W;
	if (!(raw >> (user ? 54 : 53) & 1))
		rights |= MK_RIGHT_X;
	return rights;
}

static unsigned int rights_of(const struct plain *plain, uint64_t raw)
{
	unsigned int rights = 0;

	if (plain->mode == MK_MODE_ARM64)
		return arm_rights(raw) & plain->upper;
	if (raw & MK_PTE_W)
		rights |= MK_RIGHT_W;
	if (raw & MK_PTE_U)
		rights |= MK_RIGHT_U;
	if (plain->mode == MK_MODE_X86 || !(raw & MK_PTE_NX))
		rights |= MK_RIGHT_X;
	return rights & plain->upper;
}

static void note(const struct plain *plain, uint64_t va, uint64_t pa,
		 uint64_t size, uint64_t raw, enum mk_state state)
{
	struct mk_page page = {
		.va = mk_paging_canonical(plain->mode, va),
		.pa = pa,
		.size = size,
		.raw = raw,
		.rights = rights_of(plain, raw),
		.state = state,
		.content = MK_CONTENT_NONE,
	};
	MkPhys *phys = plain->win->phys;
	bool own = state <= MK_STATE_PARTIAL;

	/* A frame that has an owner keeps its label. */
	if (state <= MK_STATE_PARTIAL)
		page.content = MK_CONTENT_OTHER;
	if ((state == MK_STATE_PARTIAL && size > MK_PAGE_SIZE) ||
	    mk_phys_used(phys, pa))
		own = false;
	for (uint64_t at = 0; own && at < size; at += MK_PAGE_SIZE) {
		page.content = MK_CONTENT_LABEL;
		mk_phys_fill(phys, pa + at, PLAIN_PID, page.va + at);
	}
	g_array_append_val(plain->win->kernel_pages, page);
}

static enum mk_state state_of(const struct plain *plain, uint64_t pa,
			      uint64_t size)
{
	const struct mk_run *runs;
	size_t n;

	if (mk_phys_is_ram(plain->win->phys, pa, size))
		return size > MK_PAGE_SIZE ? MK_STATE_LARGE : MK_STATE_VALID;
	runs = mk_phys_runs(plain->win->phys, &n);
	for (size_t i = 0; i < n; i++)
		if (pa < runs[i].start + runs[i].len &&
		    runs[i].start < pa + size)
			return MK_STATE_PARTIAL;
	return MK_STATE_OUTSIDE;
}

static void map(const struct plain *plain, uint64_t va, uint64_t pa,
		uint64_t size, uint64_t bits)
{
	if (plain->mode == MK_MODE_X86)
		bits &= ~MK_PTE_NX;
	va = mk_paging_canonical(plain->mode, va);
	mk_paging_map(plain->paging, va, pa, size, bits);
	note(plain, va, pa, size, mk_paging_leaf(plain->mode, pa, size, bits),
	     state_of(plain, pa, size));
}

static void map_pages(const struct plain *plain, uint64_t va, unsigned int n,
		      uint64_t bits)
{
	for (; n > 0; n--, va += MK_PAGE_SIZE)
		map(plain, va, mk_phys_page(plain->win->phys), MK_PAGE_SIZE,
		    bits);
}

static void map_run(const struct plain *plain, uint64_t va, unsigned int n,
		    uint64_t bits)
{
	uint64_t pa = mk_phys_pages(plain->win->phys, n);

	for (; n > 0; n--, va += MK_PAGE_SIZE, pa += MK_PAGE_SIZE)
		map(plain, va, pa, MK_PAGE_SIZE, bits);
}

/* An entry that leads nowhere because of a reserved bit in it. */
static void reserve(const struct plain *plain, uint64_t va, int level,
		    uint64_t raw)
{
	const uint64_t size = mk_paging_span(plain->mode, level);

	mk_paging_poke(plain->paging, va, level, raw);
	note(plain, va, raw & UINT64_C(0xffffffffff000) & ~(size - 1), size,
	     raw, MK_STATE_RESERVED);
}

static void map_small(const struct plain *plain)
{
	map_run(plain, 0x10000, 16, LEAF);
	map_run(plain, 0x20000, 4, LEAF & ~MK_PTE_W);
	map_pages(plain, 0x30000, 16, LEAF | MK_PTE_NX);
	for (uint64_t va = 0x50000; va < 0x70000; va += 3 * MK_PAGE_SIZE)
		map_pages(plain, va, 1, LEAF & ~MK_PTE_U);
	/* Across the border of two page tables, and of two directories. */
	map_run(plain, plain->large * 2 - 0x4000, 8, LEAF);
	map_run(plain, MK_GIB - 0x3000, 6, LEAF | MK_PTE_NX);
	/* The same frame twice, and frames that are not RAM. */
	map(plain, 0x80000, 0x20000, MK_PAGE_SIZE, LEAF);
	map(plain, 0x82000, 0x20000, MK_PAGE_SIZE, LEAF & ~MK_PTE_W);
	map(plain, 0x90000, 0xf0000000, MK_PAGE_SIZE, LEAF);
	map(plain, 0x91000, mk_phys_end(plain->win->phys) & ~UINT64_C(0xfff),
	    MK_PAGE_SIZE, LEAF);
	/* Software entries of no meaning here. */
	mk_paging_poke(plain->paging, 0xa0000, 1, 0x880);
	mk_paging_poke(plain->paging, 0xa1000, 1, 0xfffff420);
}

static void map_large(const struct plain *plain, uint64_t va)
{
	const uint64_t size = plain->large;
	MkPhys *phys = plain->win->phys;
	/* Two pieces hold an aligned one only by luck: ask for three. */
	uint64_t pa = mk_phys_large(phys, 3);

	pa = (pa + size - 1) / size * size;
	map(plain, va, pa, size, LEAF);
	map(plain, va + size, pa, size, (LEAF | MK_PTE_NX) & ~MK_PTE_W);
	map(plain, va + 2 * size, mk_phys_end(phys) / size * size, size, LEAF);
	map(plain, va + 3 * size, UINT64_C(0xc0000000), size, LEAF);
	map(plain, va + 5 * size, 0, size, LEAF & ~MK_PTE_W);
	/* A table that is not RAM; what is behind it is not mapped. */
	mk_paging_poke(plain->paging, va + 4 * size, 2, 0xe0000000 | 0x67);
}

static void map_far(const struct plain *plain)
{
	const uint64_t top = plain->mode <= MK_MODE_PAE
				     ? UINT64_C(0xfffff000)
				     : UINT64_C(0xfffffffffffff000);
	struct plain narrow = *plain;

	map_pages(plain, top, 1, LEAF & ~MK_PTE_U);
	if (plain->mode <= MK_MODE_PAE) {
		map_run(plain, 0x80000000 - 0x2000, 4, LEAF);
		return;
	}
	map_run(plain, UINT64_C(0x7ffffffe0000), 4, LEAF);
	map_run(plain, UINT64_C(0xfffff80000000000), 4, LEAF & ~MK_PTE_U);
	if (plain->mode == MK_MODE_LA57) {
		map_run(plain, UINT64_C(0x00ff000000000000), 4, LEAF);
		map_run(plain, UINT64_C(0xff00000000000000), 4, LEAF);
	}
	/* Upper levels that take rights away. */
	narrow.upper = MK_RIGHT_X;
	mk_paging_set_table_bits(plain->paging, MK_PTE_P | MK_PTE_A,
				 MK_PTE_P | MK_PTE_A);
	map_pages(&narrow, UINT64_C(0x400000000000), 3, LEAF);
	narrow.upper = 0;
	mk_paging_set_table_bits(plain->paging, MK_PTE_P | MK_PTE_NX,
				 MK_PTE_P | MK_PTE_NX);
	map_pages(&narrow, UINT64_C(0x480000000000), 3, LEAF);
	mk_paging_set_table_bits(plain->paging, LEAF, LEAF);
}

static void map_gigs(const struct plain *plain)
{
	const uint64_t va = UINT64_C(0x100000000000);

	map(plain, va, 0, MK_GIB, LEAF);
	map(plain, va + MK_GIB, 64 * MK_GIB, MK_GIB, LEAF | MK_PTE_NX);
}

/* Arm ARM, D8.3: no blocks in the first level, nor in the last. */
static void map_reserved_arm(const struct plain *plain)
{
	const uint64_t page = mk_phys_page(plain->win->phys);

	reserve(plain, UINT64_C(0x60000000), 1, page | 0x401);
	reserve(plain, UINT64_C(0x280000000000), 4, page | 0x401);
}

/* SDM vol. 3, 4.3 to 4.5: which bits must be zero. */
static void map_reserved(const struct plain *plain)
{
	const uint64_t va = UINT64_C(0x60000000);
	const uint64_t page = mk_phys_page(plain->win->phys);
	const uint64_t piece = mk_phys_large(plain->win->phys, 1);
	const uint64_t ps = LEAF | MK_PTE_PS;

	if (plain->mode == MK_MODE_X86) {
		reserve(plain, va, 2, 0x400000 | 0x200000 | ps);
		return;
	}
	reserve(plain, va, 2, piece | 0x2000 | ps);
	if (plain->mode == MK_MODE_PAE) {
		reserve(plain, va + plain->large, 1,
			page | UINT64_C(0x0010000000000000) | LEAF);
		return;
	}
	reserve(plain, UINT64_C(0x200000000000), 3,
		UINT64_C(0x40000000) | 0x4000 | ps);
	reserve(plain, UINT64_C(0x280000000000), 4, page | ps);
	if (plain->mode == MK_MODE_LA57)
		reserve(plain, UINT64_C(0x0080000000000000), 5, page | ps);
}

static int compare(gconstpointer a, gconstpointer b)
{
	const struct mk_page *left = a, *right = b;

	return left->va < right->va ? -1 : left->va > right->va;
}

static void set_cpu(MkWin *win, enum mk_mode mode)
{
	win->cpus[0].cr0 = CR0_PAGING;
	win->cpus[0].cr3 = win->kernel.dtb;
	win->cpus[0].cr4 = CR4_PSE;
	if (mode != MK_MODE_X86 && mode != MK_MODE_ARM64)
		win->cpus[0].cr4 |= CR4_PAE;
	if (mode == MK_MODE_LA57)
		win->cpus[0].cr4 |= CR4_LA57;
	win->cpus[0].rip = 0x10040;
}

void mk_plain_build(MkWin *win)
{
	const enum mk_mode mode = win->options.paging;
	struct plain plain = {
		.win = win,
		.mode = mode,
		.large = mk_paging_span(mode, 2),
		.upper = MK_RIGHT_W | MK_RIGHT_U | MK_RIGHT_X,
	};

	win->dtb_next = win->options.dtb_at_mib * MK_MIB;
	if (win->dtb_next)
		mk_phys_claim(win->phys, win->dtb_next, MK_PAGE_SIZE);
	/* A PAE root is but 32 bytes, aligned to 32. */
	win->kernel.dtb = mk_root_page(win) + (mode == MK_MODE_PAE ? 0x60 : 0);
	win->paging = mk_paging_new(win->phys, mode, win->kernel.dtb);
	win->kernel_pages = g_array_new(FALSE, FALSE, sizeof(struct mk_page));
	plain.paging = win->paging;
	mk_paging_set_table_bits(win->paging, LEAF, LEAF);
	map_large(&plain, mode == MK_MODE_X86 ? 0x10000000 : 0x8000000);
	map_small(&plain);
	map_far(&plain);
	if (mode >= MK_MODE_AMD64)
		map_gigs(&plain);
	if (mode == MK_MODE_ARM64)
		map_reserved_arm(&plain);
	else
		map_reserved(&plain);
	g_array_sort(win->kernel_pages, compare);
	set_cpu(win, mode);
	if (win->options.damage.zero_first_mib)
		mk_phys_zero(win->phys, 0,
			     win->options.damage.zero_first_mib * MK_MIB);
}
