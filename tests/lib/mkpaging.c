/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page tables in made-up physical memory. */
#include "config.h"

#include "lib/mkpaging.h"

/* Shape of a paging form: Intel SDM vol. 3, figures 4-2 to 4-11; Arm ARM,
 * D8.3. */
struct form {
	int top;	 /* level of the top table */
	int entry_shift; /* log2 of the size of an entry */
	int index_bits;	 /* address bits that a table decides */
	int top_bits;	 /* the same of the top table */
	int va_bits;
	int large[2]; /* levels that know PS (or blocks); 0: none */
	bool arm;
};

static const struct form forms[] = {
	[MK_MODE_X86] = {2, 2, 10, 10, 32, {2, 0}, false},
	[MK_MODE_PAE] = {3, 3, 9, 2, 32, {2, 0}, false},
	[MK_MODE_AMD64] = {4, 3, 9, 9, 48, {2, 3}, false},
	[MK_MODE_LA57] = {5, 3, 9, 9, 57, {2, 3}, false},
	[MK_MODE_ARM64] = {4, 3, 9, 9, 48, {2, 3}, true},
};

/* Physical address in an entry of 8 bytes (SDM: bits 51:12). */
#define ADDRESS_MASK UINT64_C(0x000ffffffffff000)

/* Descriptors of ARM64. */
#define ARM_TABLE UINT64_C(3)
#define ARM_PAGE UINT64_C(2)
#define ARM_USER (UINT64_C(1) << 6)
#define ARM_READ_ONLY (UINT64_C(1) << 7)
#define ARM_SHAREABLE (UINT64_C(3) << 8)
#define ARM_ACCESSED (UINT64_C(1) << 10)
#define ARM_PXN (UINT64_C(1) << 53)
#define ARM_UXN (UINT64_C(1) << 54)
#define ARM_PXN_TABLE (UINT64_C(1) << 59)
#define ARM_UXN_TABLE (UINT64_C(1) << 60)
#define ARM_NO_USER_TABLE (UINT64_C(1) << 61)
#define ARM_READ_ONLY_TABLE (UINT64_C(1) << 62)

struct MkPaging {
	MkPhys *phys;
	const struct form *form;
	enum mk_mode mode;
	uint64_t root;
	uint64_t user_bits;
	uint64_t kernel_bits;
};

MkPaging *mk_paging_new(MkPhys *phys, enum mk_mode mode, uint64_t root)
{
	MkPaging *paging = g_new0(MkPaging, 1);

	paging->phys = phys;
	paging->form = &forms[mode];
	paging->mode = mode;
	paging->root = root ? root : mk_phys_page(phys);
	paging->kernel_bits = MK_PTE_P | MK_PTE_W | MK_PTE_A | MK_PTE_D;
	paging->user_bits = paging->kernel_bits | MK_PTE_U;
	return paging;
}

void mk_paging_free(MkPaging *paging)
{
	g_free(paging);
}

uint64_t mk_paging_root(const MkPaging *paging)
{
	return paging->root;
}

int mk_paging_top(enum mk_mode mode)
{
	return forms[mode].top;
}

static int level_shift(const struct form *form, int level)
{
	return 12 + form->index_bits * (level - 1);
}

uint64_t mk_paging_span(enum mk_mode mode, int level)
{
	return UINT64_C(1) << level_shift(&forms[mode], level);
}

unsigned int mk_paging_entries(enum mk_mode mode, int level)
{
	const struct form *form = &forms[mode];

	return 1u << (level == form->top ? form->top_bits : form->index_bits);
}

uint64_t mk_paging_canonical(enum mk_mode mode, uint64_t va)
{
	const int bits = forms[mode].va_bits;

	if (bits == 32)
		return va & UINT32_MAX;
	va &= (UINT64_C(1) << bits) - 1;
	if (va >> (bits - 1))
		va |= UINT64_MAX << bits;
	return va;
}

void mk_paging_set_table_bits(MkPaging *paging, uint64_t user, uint64_t kernel)
{
	paging->user_bits = user;
	paging->kernel_bits = kernel;
}

static uint64_t read_entry(const MkPaging *paging, uint64_t at)
{
	if (paging->form->entry_shift == 2)
		return mk_phys_read32(paging->phys, at);
	return mk_phys_read64(paging->phys, at);
}

static void write_entry(const MkPaging *paging, uint64_t at, uint64_t raw)
{
	if (paging->form->entry_shift == 2)
		mk_phys_write32(paging->phys, at, (uint32_t)raw);
	else
		mk_phys_write64(paging->phys, at, raw);
}

static uint64_t entry_address(const struct form *form, uint64_t table,
			      uint64_t va, int level)
{
	const int bits = level == form->top ? form->top_bits : form->index_bits;
	const uint64_t index =
		(va >> level_shift(form, level)) & ((UINT64_C(1) << bits) - 1);

	return table + (index << form->entry_shift);
}

static uint64_t arm_table(uint64_t bits)
{
	uint64_t raw = bits & MK_PTE_P ? ARM_TABLE : 0;

	if (!(bits & MK_PTE_W))
		raw |= ARM_READ_ONLY_TABLE;
	if (!(bits & MK_PTE_U))
		raw |= ARM_NO_USER_TABLE;
	if (bits & MK_PTE_NX)
		raw |= ARM_UXN_TABLE | ARM_PXN_TABLE;
	return raw;
}

/* What a user may not reach, a user may not run either. */
static uint64_t arm_leaf(uint64_t bits)
{
	uint64_t raw = (bits & MK_PTE_P) | ARM_SHAREABLE;

	if (!(bits & MK_PTE_PS))
		raw |= ARM_PAGE;
	if (!(bits & MK_PTE_W))
		raw |= ARM_READ_ONLY;
	raw |= bits & MK_PTE_U ? ARM_USER : ARM_UXN;
	if (bits & MK_PTE_A)
		raw |= ARM_ACCESSED;
	if (bits & MK_PTE_NX)
		raw |= ARM_UXN | ARM_PXN;
	return raw;
}

static uint64_t table_bits(const MkPaging *paging, uint64_t va, int level)
{
	const bool upper = (va >> (paging->form->va_bits - 1)) & 1;
	const uint64_t bits = upper ? paging->kernel_bits : paging->user_bits;

	/* A PAE PDPTE has no rights: the bits are reserved (SDM table 4-8). */
	if (paging->mode == MK_MODE_PAE && level == 3)
		return MK_PTE_P;
	return paging->form->arm ? arm_table(bits) : bits;
}

static bool is_large(const struct form *form, int level, uint64_t raw)
{
	const bool large = form->arm ? !(raw & ARM_PAGE) : raw & MK_PTE_PS;

	return (level == form->large[0] || level == form->large[1]) && large;
}

uint64_t mk_paging_entry(MkPaging *paging, uint64_t va, int level)
{
	const struct form *form = paging->form;
	uint64_t table = paging->root;

	g_assert(level >= 1 && level <= form->top);
	for (int l = form->top;; l--) {
		uint64_t at = entry_address(form, table, va, l);
		uint64_t raw;

		if (l == level)
			return at;
		raw = read_entry(paging, at);
		g_assert(!(raw & MK_PTE_P) || !is_large(form, l, raw));
		if (!(raw & MK_PTE_P)) {
			raw = mk_phys_page(paging->phys) |
			      table_bits(paging, va, l);
			write_entry(paging, at, raw);
		}
		table = raw & ADDRESS_MASK;
	}
}

void mk_paging_poke(MkPaging *paging, uint64_t va, int level, uint64_t raw)
{
	write_entry(paging, mk_paging_entry(paging, va, level), raw);
}

uint64_t mk_paging_leaf(enum mk_mode mode, uint64_t pa, uint64_t size,
			uint64_t bits)
{
	if (size > MK_PAGE_SIZE)
		bits |= MK_PTE_PS;
	return pa | (forms[mode].arm ? arm_leaf(bits) : bits);
}

void mk_paging_map(MkPaging *paging, uint64_t va, uint64_t pa, uint64_t size,
		   uint64_t bits)
{
	int level = 1;

	while (mk_paging_span(paging->mode, level) < size)
		level++;
	g_assert(mk_paging_span(paging->mode, level) == size);
	g_assert(va % size == 0 && pa % size == 0);
	mk_paging_poke(paging, va, level,
		       mk_paging_leaf(paging->mode, pa, size, bits));
}

uint64_t mk_paging_peek(const MkPaging *paging, uint64_t va, int level)
{
	const struct form *form = paging->form;
	uint64_t table = paging->root, raw;

	for (int l = form->top;; l--) {
		raw = read_entry(paging, entry_address(form, table, va, l));
		if (l == level)
			return raw;
		if (!(raw & MK_PTE_P) || is_large(form, l, raw))
			return 0;
		table = raw & ADDRESS_MASK;
	}
}

bool mk_paging_walk(const MkPaging *paging, uint64_t va, uint64_t *pa,
		    uint64_t *size)
{
	const struct form *form = paging->form;
	uint64_t table = paging->root;

	for (int l = form->top; l >= 1; l--) {
		uint64_t at = entry_address(form, table, va, l);
		uint64_t raw = read_entry(paging, at);
		uint64_t span = mk_paging_span(paging->mode, l);

		if (!(raw & MK_PTE_P))
			return false;
		table = raw & ADDRESS_MASK;
		if (l > 1 && !is_large(form, l, raw))
			continue;
		*pa = (table & ~(span - 1)) | (va & (span - 1));
		if (size)
			*size = span;
		return true;
	}
	return false;
}
