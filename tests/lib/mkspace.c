/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel half: where its regions are, and how address spaces share it. */
#include "config.h"

#include "lib/mkwin-priv.h"

/* PML4 slots (fixed ones up to 10 1511; later drawn by lot). */
#define SLOT_SELF_OLD 0x1edu
#define SLOT_KERNEL 0x1f0u
#define SLOT_SESSION 0x1f2u
#define SLOT_HAL 0x1ffu
/* The page tables' own map of 32-bit kernels, and how they are numbered. */
#define SELF_BASE32 UINT64_C(0xc0000000)
#define SELF_INDEX 0x300u
#define SELF_INDEX_PAE 0x600u
#define SELF_BITS UINT64_C(0x63)
#define SELF_BITS_ARM UINT64_C(0x703)
/* ARM64 (Arm ARM D8.3, D8.4; the last two are Windows'). */
#define ARM_PAGE UINT64_C(0x02)
#define ARM_USER UINT64_C(0x40)
#define ARM_READ_ONLY UINT64_C(0x80)
#define ARM_PXN (UINT64_C(1) << 53)
#define ARM_UXN (UINT64_C(1) << 54)
#define ARM_WRITE (UINT64_C(1) << 55)
#define ARM_COW (UINT64_C(1) << 56)
#define PDPT_SIZE 32u

bool mk_space_is_self(const MkWin *win, uint64_t va)
{
	const int top = mk_paging_top(win->mode);
	const uint64_t tables = win->mode == MK_MODE_X86 ? 4 : 8;

	if (mk_is_32bit(win))
		return va >= SELF_BASE32 && va < SELF_BASE32 + tables * MK_MIB;
	return ((va / mk_paging_span(win->mode, top)) & 511) ==
	       win->kernel.self_map;
}

uint64_t mk_kuser_va(const MkWin *win)
{
	return mk_is_32bit(win) ? MK_KUSER_KERNEL32 : MK_KUSER_KERNEL;
}

/* Two levels have no NX; PAE has nothing else above the frame number. Bit 11
 * is the writable bit of kernels for several processors only. */
uint64_t mk_pte_bits(const MkWin *win, uint64_t bits)
{
	if (win->single)
		bits &= ~MK_PTE_WRITE;
	if (win->mode == MK_MODE_X86)
		return bits & 0xfff;
	if (win->mode == MK_MODE_PAE)
		return bits & (MK_PTE_NX | 0xfff);
	return bits;
}

uint64_t mk_leaf(const MkWin *win, uint64_t pa, uint64_t size, uint64_t bits)
{
	uint64_t raw =
		mk_paging_leaf(win->mode, pa, size, mk_pte_bits(win, bits));

	if (win->mode != MK_MODE_ARM64)
		return raw;
	if (bits & MK_PTE_WRITE)
		raw |= ARM_WRITE;
	if (bits & MK_PTE_COW)
		raw |= ARM_COW;
	return raw;
}

bool mk_is_leaf(const MkWin *win, uint64_t raw, int level)
{
	if (level == 1)
		return true;
	return win->mode == MK_MODE_ARM64 ? !(raw & ARM_PAGE)
					  : (raw & MK_PTE_PS) != 0;
}

static unsigned int arm_rights(uint64_t raw)
{
	const bool user = raw & ARM_USER;
	unsigned int rights = user ? MK_RIGHT_U : 0;

	if (!(raw & ARM_READ_ONLY))
		rights |= MK_RIGHT_W;
	else if (raw & ARM_WRITE)
		rights |= MK_RIGHT_CLEAN;
	if (!(raw & (user ? ARM_UXN : ARM_PXN)))
		rights |= MK_RIGHT_X;
	return raw & ARM_COW ? rights | MK_RIGHT_C : rights;
}

unsigned int mk_raw_rights(const MkWin *win, uint64_t raw)
{
	unsigned int rights = 0;

	if (win->mode == MK_MODE_ARM64)
		return arm_rights(raw);
	if (raw & MK_PTE_W)
		rights |= MK_RIGHT_W;
	else if (raw & MK_PTE_WRITE)
		rights |= MK_RIGHT_CLEAN;
	if (raw & MK_PTE_U)
		rights |= MK_RIGHT_U;
	if (win->mode == MK_MODE_X86 || !(raw & MK_PTE_NX))
		rights |= MK_RIGHT_X;
	return raw & MK_PTE_COW ? rights | MK_RIGHT_C : rights;
}

static uint64_t root_page(MkWin *win)
{
	const uint64_t pa = win->dtb_next;

	if (win->options.dtb_at_mib == 0)
		return mk_phys_page(win->phys);
	win->dtb_next += MK_PAGE_SIZE;
	return pa;
}

/* PDPTs share pages; the first place of a page stays free. */
uint64_t mk_root_page(MkWin *win)
{
	if (win->mode != MK_MODE_PAE || !win->layout)
		return root_page(win);
	if (win->pdpt_next % MK_PAGE_SIZE == 0 ||
	    win->pdpt_next % MK_PAGE_SIZE == MK_PAGE_SIZE - PDPT_SIZE)
		win->pdpt_next = root_page(win);
	win->pdpt_next += PDPT_SIZE;
	return win->pdpt_next;
}

MkPaging *mk_space_new(MkWin *win, uint64_t root)
{
	MkPaging *paging = mk_paging_new(win->phys, win->mode, root);

	mk_paging_set_table_bits(
		paging, mk_pte_bits(win, UINT64_C(0x0a00000000000867)),
		mk_pte_bits(win, UINT64_C(0x0a00000000000863)));
	return paging;
}

static uint64_t usual_dtb(const MkWin *win)
{
	const bool old = win->build < MK_BUILD_VISTA;

	if (win->mode == MK_MODE_X86)
		return old ? 0x39000 : 0x185000;
	if (win->mode == MK_MODE_PAE)
		return old ? 0x319000 : 0x185000;
	return win->build >= MK_BUILD_1607 ? 0x1ad000 : 0x187000;
}

/* The loader's PDPT has a page of its own, its directories lie behind it. */
void mk_space_claim_system(MkWin *win)
{
	const unsigned int pages = win->mode == MK_MODE_PAE ? 5 : 1;
	uint64_t dtb = usual_dtb(win);

	if (win->options.dtb_at_mib) {
		dtb = win->dtb_next;
		win->dtb_next += pages * MK_PAGE_SIZE;
	} else {
		mk_phys_claim(win->phys, dtb, pages * MK_PAGE_SIZE);
	}
	win->kernel.dtb = dtb;
	for (unsigned int i = 1; i < pages; i++)
		mk_phys_write64(win->phys, dtb + 8 * (i - 1),
				(dtb + i * MK_PAGE_SIZE) | MK_PTE_P);
}

static uint64_t slot_va(uint64_t slot)
{
	return mk_paging_canonical(MK_MODE_AMD64, slot << 39);
}

/* A free slot of the kernel half that is none of those taken. */
static unsigned int draw_slot(MkWin *win, unsigned int *taken, size_t *n)
{
	for (;;) {
		unsigned int slot = 0x110 + (unsigned int)mk_random_below(
						    &win->random, 0xd0);
		bool used = false;

		for (size_t i = 0; i < *n; i++)
			used |= taken[i] == slot;
		if (used)
			continue;
		taken[(*n)++] = slot;
		return slot;
	}
}

static void choose64(MkWin *win)
{
	const uint64_t span =
		mk_paging_span(win->mode, mk_paging_top(win->mode));
	const uint32_t build = win->build;
	unsigned int taken[8], self = SLOT_SELF_OLD, nonpaged, paged;
	uint64_t session = slot_va(SLOT_SESSION);
	size_t n = 0;

	if (build < MK_BUILD_81) {
		nonpaged = 0x1f5;
		paged = 0x1f1;
	} else if (build < MK_BUILD_1607) {
		nonpaged = 0x1c0;
		paged = 0x180;
	} else {
		nonpaged = draw_slot(win, taken, &n);
		paged = draw_slot(win, taken, &n);
		self = draw_slot(win, taken, &n);
	}
	win->kernel.self_map = self;
	win->nonpaged.base =
		mk_paging_canonical(win->mode, nonpaged * span) + 0x80000000;
	win->paged.base =
		mk_paging_canonical(win->mode, paged * span) + 0x4000000;
	if (win->mode == MK_MODE_LA57)
		session = mk_paging_canonical(win->mode,
					      draw_slot(win, taken, &n) * span);
	for (size_t i = 0; i < G_N_ELEMENTS(win->sessions); i++)
		win->sessions[i].pool.base = session + 0x10000000 * (i + 1);
	/* An entry has no more than 48 bits for the address of a prototype
	 * PTE or a subsection. */
	if (win->mode == MK_MODE_LA57 && win->options.states) {
		win->nonpaged.base = UINT64_C(0xffffa00080000000);
		win->paged.base = UINT64_C(0xffffb08004000000);
	}
}

/* XP and 2003 at their fixed places, later kernels where they might be. */
static void choose32(MkWin *win)
{
	const bool old = win->build < MK_BUILD_VISTA;
	const bool big = win->options.three_gb;
	const uint64_t session = big ? 0xf4000000 : 0xbc000000;

	win->kernel.self_map =
		win->mode == MK_MODE_PAE ? SELF_INDEX_PAE : SELF_INDEX;
	win->nonpaged.base = big ? 0xe3000000 : old ? 0x82000000 : 0x85000000;
	win->paged.base = big ? 0xe6000000 : old ? 0xe1000000 : 0x8d000000;
	for (size_t i = 0; i < G_N_ELEMENTS(win->sessions); i++)
		win->sessions[i].pool.base = session + 0x400000 * i;
}

static bool sessions_are_private(const MkWin *win)
{
	if (win->options.private_sessions)
		return true;
	return win->build < MK_BUILD_8 && !win->options.shared_sessions;
}

void mk_space_choose(MkWin *win)
{
	if (mk_is_32bit(win))
		choose32(win);
	else
		choose64(win);
	win->nonpaged.next = win->nonpaged.base + 0x80;
	win->paged.next = win->paged.base + 0x80;
	for (size_t i = 0; i < G_N_ELEMENTS(win->sessions); i++) {
		struct mk_session *session = &win->sessions[i];

		session->pool.next = session->pool.base;
		if (sessions_are_private(win))
			session->paging = mk_space_new(win, 0);
	}
}

/* Regions of which real machines have much and this one a page each. */
void mk_space_fill(MkWin *win)
{
	static const unsigned int slots[] = {SLOT_SESSION, 0x1f6, 0x1f8,
					     SLOT_HAL};
	const uint64_t seed = win->options.seed;

	if (mk_is_32bit(win)) {
		for (uint64_t i = 0; i < 24; i++) {
			uint64_t va = 0xc8c00000 + i * 0x1400000 + (i << 12);

			if (va < win->sessions[0].pool.base ||
			    va > win->sessions[1].pool.base + 2 * MK_MIB)
				mk_kwrite32(win, va, (uint32_t)(seed ^ va));
		}
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
		uint64_t va = slot_va(slots[i]) + 0x2d800000 + (i << 12);

		if (slots[i] == win->kernel.self_map ||
		    (slots[i] == SLOT_SESSION && win->sessions[0].paging))
			continue;
		mk_kwrite64(win, va, seed ^ va);
	}
}

static uint64_t self_bits(const MkWin *win)
{
	if (win->mode == MK_MODE_ARM64)
		return SELF_BITS_ARM;
	return SELF_BITS | (win->build >= MK_BUILD_1607 ? MK_PTE_NX : 0);
}

/* The first user part of a table entry is private; the kernel's is shared. */
static void share64(MkWin *win, uint64_t root, bool shadow)
{
	for (uint64_t slot = 256; slot < 512; slot++) {
		uint64_t raw =
			mk_phys_read64(win->phys, win->kernel.dtb + slot * 8);

		if (slot == win->kernel.self_map)
			raw = root | self_bits(win);
		else if (shadow && slot != SLOT_KERNEL)
			continue;
		mk_phys_write64(win->phys, root + slot * 8, raw);
	}
}

/* Page directories are the upmost tables of which a part is shared. */
static void share32(MkWin *win, MkPaging *paging)
{
	const uint64_t span = mk_paging_span(win->mode, 2);
	const uint64_t end = UINT64_C(1) << 32;
	const unsigned int directories = win->mode == MK_MODE_PAE ? 4 : 1;

	for (uint64_t va = win->system_start; va < end; va += span)
		if (paging != win->paging && !mk_space_is_self(win, va))
			mk_paging_poke(paging, va, 2,
				       mk_paging_peek(win->paging, va, 2));
	for (uint64_t i = 0; i < directories; i++) {
		uint64_t pa = mk_paging_entry(paging, i << 30, 2);

		pa &= ~(MK_PAGE_SIZE - 1);
		mk_paging_poke(paging, SELF_BASE32 + i * span, 2,
			       pa | SELF_BITS);
	}
}

/* One entry is all that differs: of the top table, or the directory. */
static void share_session(MkWin *win, const MkProc *proc)
{
	const int level = mk_is_32bit(win) ? 2 : mk_paging_top(win->mode);
	const struct mk_session *session;

	if (proc->info.session < 0)
		return;
	session = &win->sessions[proc->info.session];
	if (session->paging)
		mk_paging_poke(proc->paging, session->pool.base, level,
			       mk_paging_peek(session->paging,
					      session->pool.base, level));
}

void mk_space_share(MkWin *win)
{
	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *proc = g_ptr_array_index(win->procs, i);

		if (!proc->paging)
			continue;
		if (mk_is_32bit(win))
			share32(win, proc->paging);
		else
			share64(win, mk_paging_root(proc->paging), false);
		if (proc->user_paging)
			share64(win, mk_paging_root(proc->user_paging), true);
		share_session(win, proc);
	}
}
