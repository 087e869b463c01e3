/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Translation by the book. Intel SDM vol. 3A, 4.3 (32-bit), 4.4 (PAE), 4.5
 * (4-level and 5-level), with CR4.PSE = 1, EFER.NXE = 1 and a MAXPHYADDR of 52
 * (40 for PSE-36); Arm ARM D8.3 and D8.4, 4 KiB granule, 48 address bits in two
 * halves. An access flag that is clear does not count: by it, the system learns
 * of the first access.
 */
#include "config.h"

#include "lib/mkmmu.h"

#define BIT(n) (UINT64_C(1) << (n))

static uint64_t bits(uint64_t v, unsigned int high, unsigned int low)
{
	return v >> low & (BIT(high - low + 1) - 1);
}

/* An entry of 4 or 8 bytes; false where one of them is not RAM. */
static bool load(const struct mk_tables *t, uint64_t pa, unsigned int size,
		 uint64_t *entry)
{
	const uint8_t *bytes = t->bytes;

	for (size_t i = 0; i < t->n_runs; bytes += t->runs[i++].len) {
		const struct mk_run *run = &t->runs[i];

		if (pa < run->start || pa - run->start >= run->len ||
		    run->len - (pa - run->start) < size)
			continue;
		*entry = 0;
		for (unsigned int n = 0; n < size; n++)
			*entry |= (uint64_t)bytes[pa - run->start + n]
				  << (8 * n);
		return true;
	}
	return false;
}

static struct mk_mmu_range range(enum mk_mmu_kind kind, uint64_t va,
				 unsigned int shift)
{
	return (struct mk_mmu_range){
		.kind = kind, .start = va >> shift << shift, .len = BIT(shift)};
}

static struct mk_mmu_range page(const struct mk_mmu_range *rights, uint64_t va,
				unsigned int shift, uint64_t pa)
{
	struct mk_mmu_range r = range(MK_MMU_PAGE, va, shift);

	r.pa = pa;
	r.write = rights->write;
	r.user = rights->user;
	r.exec = rights->exec;
	return r;
}

/* R/W, U/S and XD of an entry take away. */
static void x86_take(struct mk_mmu_range *rights, uint64_t entry, bool nx)
{
	rights->write = rights->write && bits(entry, 1, 1);
	rights->user = rights->user && bits(entry, 2, 2);
	rights->exec = rights->exec && !(nx && bits(entry, 63, 63));
}

static struct mk_mmu_range x86_translate(const struct mk_tables *t, uint64_t va)
{
	struct mk_mmu_range rights = {
		.write = true, .user = true, .exec = true};
	uint64_t pde, pte;

	if (!load(t, bits(t->root, 31, 12) << 12 | bits(va, 31, 22) << 2, 4,
		  &pde))
		return range(MK_MMU_NO_TABLE, va, 22);
	if (!bits(pde, 0, 0))
		return range(MK_MMU_ABSENT, va, 22);
	x86_take(&rights, pde, false);
	if (bits(pde, 7, 7)) {
		if (bits(pde, 21, 21))
			return range(MK_MMU_RESERVED, va, 22);
		return page(&rights, va, 22,
			    bits(pde, 20, 13) << 32 | bits(pde, 31, 22) << 22);
	}
	if (!load(t, bits(pde, 31, 12) << 12 | bits(va, 21, 12) << 2, 4, &pte))
		return range(MK_MMU_NO_TABLE, va, 12);
	if (!bits(pte, 0, 0))
		return range(MK_MMU_ABSENT, va, 12);
	x86_take(&rights, pte, false);
	return page(&rights, va, 12, bits(pte, 31, 12) << 12);
}

/* PDE and PTE of PAE, 4-level and 5-level paging; table: of PDEs. */
static struct mk_mmu_range low_levels(const struct mk_tables *t, uint64_t table,
				      uint64_t va, struct mk_mmu_range rights)
{
	const bool pae = t->mode == MK_MODE_PAE;
	uint64_t pde, pte;

	if (!load(t, table | bits(va, 29, 21) << 3, 8, &pde))
		return range(MK_MMU_NO_TABLE, va, 21);
	if (!bits(pde, 0, 0))
		return range(MK_MMU_ABSENT, va, 21);
	if (pae && bits(pde, 62, 52))
		return range(MK_MMU_RESERVED, va, 21);
	x86_take(&rights, pde, true);
	if (bits(pde, 7, 7)) {
		if (bits(pde, 20, 13))
			return range(MK_MMU_RESERVED, va, 21);
		return page(&rights, va, 21, bits(pde, 51, 21) << 21);
	}
	if (!load(t, bits(pde, 51, 12) << 12 | bits(va, 20, 12) << 3, 8, &pte))
		return range(MK_MMU_NO_TABLE, va, 12);
	if (!bits(pte, 0, 0))
		return range(MK_MMU_ABSENT, va, 12);
	if (pae && bits(pte, 62, 52))
		return range(MK_MMU_RESERVED, va, 12);
	x86_take(&rights, pte, true);
	return page(&rights, va, 12, bits(pte, 51, 12) << 12);
}

static struct mk_mmu_range pae_translate(const struct mk_tables *t, uint64_t va)
{
	const struct mk_mmu_range all = {
		.write = true, .user = true, .exec = true};
	uint64_t pdpte;

	if (!load(t, bits(t->root, 31, 5) << 5 | bits(va, 31, 30) << 3, 8,
		  &pdpte))
		return range(MK_MMU_NO_TABLE, va, 30);
	if (!bits(pdpte, 0, 0))
		return range(MK_MMU_ABSENT, va, 30);
	if (bits(pdpte, 2, 1) || bits(pdpte, 8, 5) || bits(pdpte, 63, 52))
		return range(MK_MMU_RESERVED, va, 30);
	return low_levels(t, bits(pdpte, 51, 12) << 12, va, all);
}

static struct mk_mmu_range long_translate(const struct mk_tables *t,
					  uint64_t va, unsigned int levels)
{
	struct mk_mmu_range rights = {
		.write = true, .user = true, .exec = true};
	uint64_t table = bits(t->root, 51, 12) << 12;
	uint64_t entry = 0;

	for (unsigned int level = levels; level >= 3; level--) {
		const unsigned int shift = 12 + 9 * (level - 1);

		if (!load(t, table | bits(va, shift + 8, shift) << 3, 8,
			  &entry))
			return range(MK_MMU_NO_TABLE, va, shift);
		if (!bits(entry, 0, 0))
			return range(MK_MMU_ABSENT, va, shift);
		if (level > 3 && bits(entry, 7, 7))
			return range(MK_MMU_RESERVED, va, shift);
		x86_take(&rights, entry, true);
		table = bits(entry, 51, 12) << 12;
	}
	if (!bits(entry, 7, 7))
		return low_levels(t, table, va, rights);
	if (bits(entry, 29, 13))
		return range(MK_MMU_RESERVED, va, 30);
	return page(&rights, va, 30, bits(entry, 51, 30) << 30);
}

/* The rights of a block or page; table: the table entries above, ORed. */
static void arm_rights(struct mk_mmu_range *r, uint64_t table, uint64_t entry)
{
	r->write = !bits(entry, 7, 7) && !bits(table, 62, 62);
	r->user = bits(entry, 6, 6) && !bits(table, 61, 61);
	if (r->user) /* UXN, UXNTable */
		r->exec = !bits(entry, 54, 54) && !bits(table, 60, 60);
	else /* PXN, PXNTable */
		r->exec = !bits(entry, 53, 53) && !bits(table, 59, 59);
}

static struct mk_mmu_range arm_translate(const struct mk_tables *t, uint64_t va)
{
	struct mk_mmu_range rights = {0};
	uint64_t table = bits(t->root, 47, 12) << 12;
	uint64_t entry, above = 0;

	for (unsigned int level = 0; level <= 3; level++) {
		const unsigned int shift = 39 - 9 * level;

		if (!load(t, table | bits(va, shift + 8, shift) << 3, 8,
			  &entry))
			return range(MK_MMU_NO_TABLE, va, shift);
		if (!bits(entry, 0, 0))
			return range(MK_MMU_ABSENT, va, shift);
		arm_rights(&rights, above, entry);
		if (bits(entry, 1, 1) == 0 || level == 3) {
			if (level == 0 || (level == 3 && !bits(entry, 1, 1)))
				return range(MK_MMU_RESERVED, va, shift);
			return page(&rights, va, shift,
				    bits(entry, 47, shift) << shift);
		}
		above |= entry;
		table = bits(entry, 47, 12) << 12;
	}
	g_assert_not_reached();
}

struct mk_mmu_range mk_mmu_translate(const struct mk_tables *t, uint64_t va)
{
	switch (t->mode) {
	case MK_MODE_X86:
		return x86_translate(t, va);
	case MK_MODE_PAE:
		return pae_translate(t, va);
	case MK_MODE_AMD64:
		return long_translate(t, va, 4);
	case MK_MODE_LA57:
		return long_translate(t, va, 5);
	case MK_MODE_ARM64:
		return arm_translate(t, va);
	}
	g_assert_not_reached();
}

unsigned int mk_mmu_va_bits(enum mk_mode mode)
{
	static const unsigned int va_bits[] = {
		[MK_MODE_X86] = 32,  [MK_MODE_PAE] = 32,   [MK_MODE_AMD64] = 48,
		[MK_MODE_LA57] = 57, [MK_MODE_ARM64] = 48,
	};

	return va_bits[mode];
}
