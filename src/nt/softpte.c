/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding of software PTEs, by the layout's bit-fields. */
#include "config.h"

#include "base/bytes.h"
#include "nt/proto.h"
#include "nt/softpte.h"

/* Common to all versions and forms (_MMPTE_SOFTWARE, _MMPTE_TRANSITION,
 * _MMPTE_PROTOTYPE; symbol tables from XP to 11). */
enum { PTE_VALID = 1 << 0, PTE_PROTOTYPE = 1 << 10, PTE_TRANSITION = 1 << 11 };

/* MM_DECOMMIT: guard without any access (Windows Research Kernel, mi.h). */
enum { PROTECTION_DECOMMIT = 0x10 };

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
 * physical address bit) was set in the entry.
 */
static uint64_t unswizzle(const struct nt_soft_ctx *ctx, uint64_t entry)
{
	if (!ctx->pte.swizzle.bit_len || nt_field_get(ctx->pte.swizzle, entry))
		return entry;
	return entry & ~ctx->invalid_pte_mask;
}

/* "Look in the VAD": the field for a place in a page file is all ones
 * (MI_PTE_LOOKUP_NEEDED). */
static bool is_in_vad(const struct nt_soft_ctx *ctx, uint64_t entry)
{
	struct nt_field f = ctx->pte.pagefile_high;

	return f.bit_len &&
	       nt_field_get(f, entry) == (UINT64_C(1) << f.bit_len) - 1;
}

/* An address in two parts, in units of 1 << shift bytes. */
static uint64_t in_parts(struct nt_field low, struct nt_field high,
			 unsigned shift, uint64_t entry)
{
	uint64_t parts = nt_field_get(high, entry) << low.bit_len |
			 nt_field_get(low, entry);

	return parts << shift;
}

/*
 * Where a prototype PTE is. Two-level tables have no room for an address: on
 * XP and 2003 7 low bits and the distance from the start of paged pool
 * (MmProtopte_Base), since Vista 8 low bits and all others but the top one,
 * which is set (MiPteToProto of the Windows Research Kernel;
 * ufrisk/MemProcFS).
 */
static uint64_t proto_address(const struct nt_soft_ctx *ctx, uint64_t entry)
{
	const struct nt_pte_layout *p = &ctx->pte;
	uint64_t parts;

	if (p->proto_address.bit_len == 48)
		return virt_canonical(nt_field_get(p->proto_address, entry),
				      48).v;
	if (p->proto_address.bit_len)
		return nt_field_get(p->proto_address, entry);
	parts = in_parts(p->proto_low, p->proto_high, 2, entry);
	if (p->proto_low.bit_len >= 8)
		return (UINT64_C(0x80000000) | parts) & UINT32_MAX;
	return ctx->proto_base ? (ctx->proto_base + parts) & UINT32_MAX : 0;
}

/* As above; with WhichPool clear (XP, 2003) the distance is that down from
 * the end of nonpaged pool (MiSubsectionPteToProto's counterpart,
 * MiGetSubsectionAddress of the Windows Research Kernel). */
static uint64_t subsection_address(const struct nt_soft_ctx *ctx,
				   uint64_t entry)
{
	const struct nt_pte_layout *p = &ctx->pte;
	uint64_t parts;

	if (p->sub_address.bit_len == 48)
		return virt_canonical(nt_field_get(p->sub_address, entry),
				      48).v;
	if (p->sub_address.bit_len)
		return nt_field_get(p->sub_address, entry);
	parts = in_parts(p->sub_low, p->sub_high, 3, entry);
	if (p->sub_pool.bit_len && !nt_field_get(p->sub_pool, entry))
		return ctx->nonpaged_end ?
			       (ctx->nonpaged_end - parts) & UINT32_MAX : 0;
	return ctx->subsection_base ?
		       (ctx->subsection_base + parts) & UINT32_MAX : 0;
}

static void decode_prototype(const struct nt_soft_ctx *ctx, uint64_t entry,
			     struct nt_pte *r)
{
	struct nt_field protection = ctx->pte.proto_protection;

	r->form = is_in_vad(ctx, entry) ? NT_PTE_IN_VAD : NT_PTE_PROTOTYPE;
	/* Two-level entries have no room for it: the marker for the VAD is
	 * the software form then. */
	if (r->form == NT_PTE_IN_VAD && !protection.bit_len)
		protection = ctx->pte.protection;
	r->protection = (unsigned)nt_field_get(protection, entry);
	if (r->form == NT_PTE_IN_VAD)
		return;
	r->proto = VIRT(proto_address(ctx, entry));
	r->proto_plain = VIRT(proto_address(ctx, unswizzle(ctx, entry)));
	r->subsection = VIRT(subsection_address(ctx, entry));
}

/* Pages of files, from a layout on that has a bit for it: the top 17 bits set
 * and the lowest 4 clear, where a place 16 TiB into a page file would be
 * (ufrisk/MemProcFS; what else it says is not known). */
static bool is_file_form(const struct nt_soft_ctx *ctx, uint64_t entry)
{
	return ctx->pte.file_form &&
	       (entry & UINT64_C(0xffff80000000000f)) ==
		       UINT64_C(0xffff800000000000);
}

static void decode_software(const struct nt_soft_ctx *ctx, uint64_t entry,
			    struct nt_pte *r)
{
	uint64_t plain = unswizzle(ctx, entry);

	r->masked = plain != entry;
	r->unsure = ctx->mask_unknown &&
		    !nt_field_get(ctx->pte.swizzle, entry);
	r->protection = (unsigned)nt_field_get(ctx->pte.protection, entry);
	r->number = (unsigned)nt_field_get(ctx->pte.pagefile_low, plain);
	r->page = (uint32_t)nt_field_get(ctx->pte.pagefile_high, plain);
	if (is_in_vad(ctx, entry))
		r->form = NT_PTE_IN_VAD;
	else if (is_file_form(ctx, entry))
		r->form = NT_PTE_FILE;
	else if (r->page)
		r->form = NT_PTE_PAGEFILE;
	else if (r->protection == PROTECTION_DECOMMIT)
		r->form = NT_PTE_DECOMMITTED;
	else
		r->form = NT_PTE_DEMAND_ZERO;
}

struct nt_pte nt_pte_decode(const struct nt_soft_ctx *ctx,
			    const struct paging_form *form, uint64_t entry)
{
	struct nt_pte r = { .form = NT_PTE_ZERO };
	uint64_t plain;

	if (!entry)
		return r;
	if (entry & PTE_VALID) {
		r.form = NT_PTE_VALID;
		r.pa = PHYS(entry & form->pa_mask);
	} else if (entry & PTE_PROTOTYPE) {
		decode_prototype(ctx, entry, &r);
	} else if (entry & PTE_TRANSITION) {
		plain = unswizzle(ctx, entry);
		r.form = NT_PTE_TRANSITION;
		r.masked = plain != entry;
		r.pa = PHYS(nt_field_get(ctx->pte.transition_pfn, plain)
			    << PAGE_SHIFT_4K);
		r.protection =
			(unsigned)nt_field_get(ctx->pte.protection, entry);
	} else {
		decode_software(ctx, entry, &r);
	}
	return r;
}

static struct soft_pte state_only(enum page_state state)
{
	return (struct soft_pte){ .state = state,
				  .rights = RIGHT_USER | RIGHT_READ };
}

static unsigned rights_of(const struct nt_pte *pte)
{
	return RIGHT_USER | nt_protection_rights(pte->protection);
}

/* In a page file or in the store, and whether it is there. */
static struct soft_pte swapped(const struct nt_soft_ctx *ctx,
			       const struct nt_pte *pte)
{
	struct soft_pte r = {
		.pa = swap_place(pte->number, pte->page),
		.rights = rights_of(pte),
	};

	r.state = nt_swap_look_again(ctx->swap_memo, ctx->swap, pte->number,
				     pte->page, &r.cost);
	/* What is at a wrong place is another page. */
	if (pte->unsure && r.state == PAGE_PAGEFILE)
		r.state = PAGE_PAGED_OUT;
	else if (pte->unsure && r.state == PAGE_STORE)
		r.state = PAGE_COMPRESSED;
	return r;
}

static struct soft_pte in_frame(const struct nt_soft_ctx *ctx,
				const struct nt_pte *pte,
				enum page_state state)
{
	if (!ctx->pte.transition_pfn.bit_len)
		return state_only(PAGE_UNKNOWN);
	return (struct soft_pte){ .state = state, .pa = pte->pa,
				  .rights = rights_of(pte) };
}

bool nt_proto_read_many(const struct addr_space *as, VirtAddr va, void *buf,
			size_t len_bytes)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct addr_space flat = *as;

	if (!ctx->flat || va.v % as->form->entry_bytes ||
	    !nt_is_kernel_address(as, va.v))
		return false;
	flat.soft_ctx = ctx->flat;
	return (ctx->pages ? nt_pages_read(ctx->pages, va, buf, len_bytes) :
			     vtop_read(&flat, va, buf, len_bytes)) ||
	       (ctx->system && vtop_read(ctx->system, va, buf, len_bytes));
}

bool nt_proto_read(const struct addr_space *as, VirtAddr va, uint64_t *ret)
{
	uint8_t raw[8] = { 0 };

	if (!nt_proto_read_many(as, va, raw, as->form->entry_bytes))
		return false;
	*ret = load_le64(raw);
	return true;
}

/* Rights by the bits of a valid PTE, which is in no table of its own. */
static unsigned valid_rights(const struct addr_space *as, uint64_t entry)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	const struct paging_form *form = as->form;
	unsigned rights = RIGHT_USER | RIGHT_READ;

	if ((entry ^ form->inverted) & form->leaf.exec || !form->leaf.exec)
		rights |= RIGHT_EXEC;
	if (entry & ctx->pte.copy_on_write)
		rights |= RIGHT_COW;
	else if (entry & ctx->pte.writable)
		rights |= RIGHT_WRITE;
	return rights;
}

struct soft_pte nt_proto_page(const struct addr_space *as, uint64_t entry)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct nt_pte pte = nt_pte_decode(ctx, as->form, entry);

	switch (pte.form) {
	case NT_PTE_ZERO:
		return state_only(PAGE_ABSENT);
	case NT_PTE_VALID:
		return (struct soft_pte){ .state = PAGE_PROTOTYPE,
					  .pa = pte.pa,
					  .rights = valid_rights(as, entry) };
	case NT_PTE_TRANSITION:
		return in_frame(ctx, &pte, PAGE_PROTOTYPE);
	case NT_PTE_PROTOTYPE:
	case NT_PTE_FILE:
		return state_only(PAGE_FILE);
	case NT_PTE_PAGEFILE:
		return swapped(ctx, &pte);
	case NT_PTE_DECOMMITTED:
		return state_only(PAGE_DECOMMITTED);
	case NT_PTE_IN_VAD:
	case NT_PTE_DEMAND_ZERO:
		break;
	}
	return (struct soft_pte){ .state = PAGE_DEMAND_ZERO,
				  .rights = rights_of(&pte) };
}

/* Is there a page at va of the kernel's, whatever has become of it? */
static bool leads_somewhere(const struct addr_space *as, VirtAddr va)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct addr_space flat = *as;

	flat.soft_ctx = ctx->flat;
	return nt_is_kernel_address(as, va.v) &&
	       (vtop_translate(&flat, va).state != PAGE_ABSENT ||
		(ctx->system &&
		 vtop_translate(ctx->system, va).state != PAGE_ABSENT));
}

VirtAddr nt_proto_choose(const struct addr_space *as, const struct nt_pte *pte)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;

	if (pte->proto_plain.v == pte->proto.v || !ctx->flat ||
	    leads_somewhere(as, pte->proto) ||
	    !leads_somewhere(as, pte->proto_plain))
		return pte->proto;
	return pte->proto_plain;
}

static struct soft_pte by_prototype(const struct addr_space *as,
				    const struct nt_pte *pte, uint64_t va)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	const struct nt_proto_extent *view;
	struct soft_pte r;
	uint64_t entry;

	if (!nt_proto_read(as, pte->proto, &entry) &&
	    !nt_proto_read(as, nt_proto_choose(as, pte), &entry))
		return state_only(PAGE_PROTOTYPE_LOST);
	r = nt_proto_page(as, entry);
	/* The process has the page, if only as zeros. */
	if (r.state == PAGE_ABSENT)
		r.state = PAGE_DEMAND_ZERO;
	/* What the entry or the VAD says of protection is of this view. */
	if (pte->protection) {
		r.rights = rights_of(pte);
		return r;
	}
	view = nt_proto_at(ctx->protos, va);
	if (view && view->rights)
		r.rights = view->rights;
	return r;
}

static struct soft_pte by_vad(const struct addr_space *as,
			      const struct nt_pte *pte, uint64_t va)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct soft_pte r = { .state = PAGE_ABSENT };

	/* Not known, or there is none where there should be one: a tree that
	 * is damaged, a view that goes on behind its subsections. */
	if (!nt_proto_at(ctx->protos, va))
		return state_only(PAGE_PROTOTYPE_LOST);
	nt_proto_vacant(as, page_floor(va), va | PAGE_MASK_4K, &r);
	if (r.state == PAGE_ABSENT)
		r.state = PAGE_DEMAND_ZERO;
	/* What the entry says of protection goes before the rest. */
	if (pte->protection)
		r.rights = rights_of(pte);
	return r;
}

static struct soft_pte decode_page(const struct addr_space *as,
				   const struct soft_query *q)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct nt_pte pte = nt_pte_decode(ctx, as->form, q->entry);

	switch (pte.form) {
	case NT_PTE_TRANSITION:
		return in_frame(ctx, &pte, PAGE_TRANSITION);
	case NT_PTE_PROTOTYPE:
		return by_prototype(as, &pte, q->va);
	case NT_PTE_IN_VAD:
		return by_vad(as, &pte, q->va);
	case NT_PTE_PAGEFILE:
		return swapped(ctx, &pte);
	case NT_PTE_FILE:
		return state_only(PAGE_FILE);
	case NT_PTE_DECOMMITTED:
		return state_only(PAGE_DECOMMITTED);
	case NT_PTE_ZERO:
	case NT_PTE_VALID:
	case NT_PTE_DEMAND_ZERO:
		break;
	}
	return (struct soft_pte){ .state = PAGE_DEMAND_ZERO,
				  .rights = rights_of(&pte) };
}

/*
 * An entry of a directory: MM takes page tables out of memory as it does
 * pages, the directories above only those of processes that are swapped out
 * as a whole. Of those, only what leads to a table is believed.
 */
static struct soft_pte decode_table(const struct addr_space *as,
				    const struct soft_query *q)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct nt_pte pte = nt_pte_decode(ctx, as->form, q->entry);
	struct soft_pte r = state_only(PAGE_ABSENT);

	if (pte.form == NT_PTE_TRANSITION)
		r = in_frame(ctx, &pte, PAGE_TRANSITION);
	else if (pte.form == NT_PTE_PAGEFILE && q->level_up == 1)
		r = swapped(ctx, &pte);
	else if (pte.form == NT_PTE_PROTOTYPE && q->level_up == 1)
		r = state_only(PAGE_UNKNOWN);
	if (q->level_up > 1 && (r.state != PAGE_TRANSITION ||
				!physmem_has_page(as->pm, r.pa)))
		r.state = PAGE_ABSENT;
	return r;
}

static struct soft_pte decode(const struct addr_space *as,
			      const struct soft_query *q)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct soft_pte r;
	unsigned cost;

	if (!ctx->pages)
		return q->level_up ? decode_table(as, q) : decode_page(as, q);
	cost = nt_pages_cost(ctx->pages);
	r = q->level_up ? decode_table(as, q) : decode_page(as, q);
	r.cost += nt_pages_cost(ctx->pages) - cost;
	return r;
}

static bool read_swapped(const struct addr_space *as, enum page_state state,
			 uint64_t place, void *buf, size_t len_bytes)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;

	return nt_swap_read(ctx->swap, state, place, buf, len_bytes);
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
	.vacant = nt_proto_vacant,
	.read = read_swapped,
	.leaf_rights = leaf_rights,
	.ignore_top_nx = true,
};
