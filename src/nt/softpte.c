/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding of software PTEs, by the layout's bit-fields. */
#include "config.h"

#include "base/bytes.h"
#include "nt/softpte.h"

/* Common to all versions and forms (_MMPTE_SOFTWARE, _MMPTE_TRANSITION,
 * _MMPTE_PROTOTYPE; symbol tables from XP to 11). */
enum { PTE_PROTOTYPE = 1 << 10, PTE_TRANSITION = 1 << 11 };

unsigned nt_protection_rights(unsigned protection)
{
	static const uint8_t rights[8] = {
		0,
		RIGHT_READ,
		RIGHT_EXEC,
		RIGHT_READ | RIGHT_EXEC,
		RIGHT_READ | RIGHT_WRITE,
		RIGHT_READ | RIGHT_COW,
		RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC,
		RIGHT_READ | RIGHT_EXEC | RIGHT_COW,
	};
	bool guard = (protection & 0x18) == 0x10;

	return guard ? 0 : rights[protection & 7];
}

/*
 * Undoes the L1TF mitigation: where SwizzleBit is 0, InvalidPteMask (one high
 * physical address bit) was set in the entry. Where the mask is not known and
 * the frame lies beyond the image by exactly one bit, that bit is it.
 */
static uint64_t unswizzle(const struct nt_soft_ctx *ctx, uint64_t entry)
{
	uint64_t beyond;

	if (!ctx->pte.swizzle.bit_len || nt_field_get(ctx->pte.swizzle, entry))
		return entry;
	if (ctx->invalid_pte_mask)
		return entry & ~ctx->invalid_pte_mask;
	beyond = nt_field_get(ctx->pte.transition_pfn, entry) << PAGE_SHIFT_4K;
	if (beyond < ctx->phys_end)
		return entry;
	for (unsigned bit = 51; bit >= 36; bit--)
		if (beyond & (UINT64_C(1) << bit) &&
		    (beyond & ~(UINT64_C(1) << bit)) < ctx->phys_end)
			return entry & ~(UINT64_C(1) << bit);
	return entry;
}

static struct soft_pte decode_transition(const struct nt_soft_ctx *ctx,
					 uint64_t entry)
{
	struct soft_pte r = { .state = PAGE_UNKNOWN };
	uint64_t plain = unswizzle(ctx, entry);

	if (!ctx->pte.transition_pfn.bit_len)
		return r;
	r.state = PAGE_TRANSITION;
	r.pa = PHYS(nt_field_get(ctx->pte.transition_pfn, plain)
		    << PAGE_SHIFT_4K);
	r.rights = RIGHT_USER |
		   nt_protection_rights(
			   (unsigned)nt_field_get(ctx->pte.protection, entry));
	return r;
}

static uint64_t swap_offset(const struct nt_soft_ctx *ctx, uint64_t entry)
{
	uint64_t mask = ctx->invalid_pte_mask;
	uint64_t high;

	if (!ctx->pte.swizzle.bit_len || nt_field_get(ctx->pte.swizzle, entry))
		return nt_field_get(ctx->pte.pagefile_high, entry);
	if (!mask) {
		/* Not known: nothing but one high bit is taken for it. */
		high = entry & ~UINT64_C(0xfffffffff);
		if (high && !(high & (high - 1)) && high >> 52 == 0 &&
		    !nt_field_get(ctx->pte.pagefile_low, entry))
			mask = high;
	}
	return nt_field_get(ctx->pte.pagefile_high, entry & ~mask);
}

static struct soft_pte decode(const void *ctx_void, uint64_t entry,
			      unsigned level_up)
{
	const struct nt_soft_ctx *ctx = ctx_void;
	struct soft_pte r = { .state = PAGE_ABSENT };

	/* Only page tables and pages are taken from memory by MM. */
	if (level_up > 1)
		return r;
	if (entry & PTE_PROTOTYPE)
		r.state = PAGE_PROTOTYPE;
	else if (entry & PTE_TRANSITION)
		r = decode_transition(ctx, entry);
	else if (swap_offset(ctx, entry))
		r.state = PAGE_PAGEFILE;
	else if (level_up == 0)
		r.state = PAGE_DEMAND_ZERO;
	return r;
}

static unsigned leaf_rights(const void *ctx_void, uint64_t entry,
			    unsigned rights, unsigned allowed)
{
	const struct nt_soft_ctx *ctx = ctx_void;

	if (entry & ctx->pte.copy_on_write)
		return rights | RIGHT_COW;
	if (entry & ctx->pte.writable)
		return rights | (RIGHT_WRITE & allowed);
	return rights;
}

const struct soft_pte_ops nt_soft_pte_ops = {
	.decode = decode,
	.leaf_rights = leaf_rights,
	.ignore_top_nx = true,
};
