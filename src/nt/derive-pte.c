/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form of not valid PTEs, by those in memory. */
#include "config.h"

#include "base/bytes.h"
#include "nt/derive-priv.h"
#include "nt/softkernel.h"

enum {
	PTES_MIN = 8,	   /* that must agree */
	SIBLINGS_MAX = 16, /* layouts of one build */
	SWIZZLE = 1 << 4,  /* where all layouts with SwizzleBit have it */
};

/* What was seen of entries that are not valid. */
struct pte_count {
	struct nt_field pfn;
	uint64_t end;	    /* of physical memory */
	/* Transition, the frame in the image as it is: */
	unsigned n_clear;   /* bit 4 clear */
	unsigned n_set;
	/* or, with bit 4 clear, but for that bit: */
	unsigned n_bit[64];
	unsigned best;	    /* the bit that most have */
	/* In a page file: bits 1 to 4 are not all 0, bits 12 to 15. */
	unsigned n_low, n_high;
};

static void count_transition(struct pte_count *c, uint64_t entry)
{
	uint64_t pa = nt_field_get(c->pfn, entry) << PAGE_SHIFT_4K;

	if (pa < c->end) {
		c->n_set += (entry & SWIZZLE) != 0;
		c->n_clear += !(entry & SWIZZLE);
		return;
	}
	for (unsigned bit = 36; bit < 52 && !(entry & SWIZZLE); bit++)
		if (pa & UINT64_C(1) << bit &&
		    (pa & ~(UINT64_C(1) << bit)) < c->end)
			c->n_bit[bit]++;
}

static struct soft_pte count_pte(const struct addr_space *as,
				 const struct soft_query *q)
{
	struct pte_count *c = (struct pte_count *)(uintptr_t)as->soft_ctx;
	uint64_t entry = q->entry;

	if (!q->level_up && !(entry & 0x400)) {
		if (entry & 0x800) {
			count_transition(c, entry);
		} else if (entry >> 32) {
			c->n_low += (entry & 0x1e) != 0;
			c->n_high += (entry & 0xf000) != 0;
		}
	}
	return (struct soft_pte){ .state = PAGE_ABSENT };
}

static bool ignore_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	(void)ctx;
	(void)leaf;
	return true;
}

/* Over the user halves of a few processes. */
static void count_ptes(const NtKernel *k, struct pte_count *c)
{
	const struct nt_eprocess_layout *e = &k->profile.eprocess;
	const struct soft_pte_ops ops = { .decode = count_pte };
	struct samples s;

	samples_gather(&s, &k->as, k->system.eprocess, e->links, e->pid);
	for (guint i = 0; i < MIN(s.all->len, 12); i++) {
		const struct sample *p = g_ptr_array_index(s.all, i);
		struct vtop_budget budget = { .tables = 512,
					      .leaves = 1 << 16 };
		struct addr_space as = p->own;

		if (!p->has_space)
			continue;
		as.soft = &ops;
		as.soft_ctx = c;
		vtop_walk(&as, 0,
			  (UINT64_C(1) << (k->as.form->va_bits - 1)) - 1,
			  budget, ignore_leaf, NULL);
	}
	samples_clear(&s);
	for (unsigned bit = 36; bit < 52; bit++)
		if (c->n_bit[bit] > c->n_bit[c->best])
			c->best = bit;
}

static void report(NtKernel *k, const char *name, uint64_t value,
		   unsigned n_for, unsigned n_against)
{
	derive_report(k, &(struct nt_derived){
				 .name = name,
				 .kind = NT_DERIVED_NUMBER,
				 .value = value,
				 .n_for = n_for,
				 .n_against = n_against,
			 });
}

static bool has_masks(const struct pte_count *c)
{
	return c->n_bit[c->best] >= PTES_MIN &&
	       c->n_clear <= c->n_bit[c->best] / 10;
}

static bool has_none(const struct pte_count *c)
{
	return c->n_clear >= PTES_MIN && c->n_set <= c->n_clear / 10 &&
	       c->n_bit[c->best] <= c->n_clear / 10;
}

/* A layout of the same build with SwizzleBit, or without. */
static bool find_sibling(const NtKernel *k, bool swizzle,
			 struct nt_profile *ret)
{
	const struct nt_layout *own = k->profile.source.layout;
	const struct nt_layout *all[SIBLINGS_MAX];
	size_t n = layouts_by_build(layout_arch(own), layout_build(own),
				    layout_la57(own), all, SIBLINGS_MAX);

	for (size_t i = 0; i < n; i++) {
		const struct nt_source source = { .layout = all[i] };

		if (nt_profile_fill(&source, ret) &&
		    (ret->pte.swizzle.bit_len != 0) == swizzle)
			return true;
	}
	return false;
}

/*
 * With the mask off, entries of page files still tell. Up to 7 bits 1 to 4 are
 * the number in the old form, bits 12 to 15 in the new one, and the others are
 * 0 as a rule; since 8 the old form has bits 13 and 14 set
 * (PageFileReserved, PageFileAllocated), the new one bits 1 and 2.
 */
static void by_files(const NtKernel *k, const struct pte_count *c,
		     unsigned *n_old, unsigned *n_new)
{
	bool allocated = nt_source_field(&k->profile.source,
					 "_MMPTE_SOFTWARE.PageFileAllocated",
					 &(struct nt_field){ 0 }, NULL);

	*n_old = allocated ? c->n_high : c->n_low;
	*n_new = allocated ? c->n_low : c->n_high;
}

/* Is the form another one than the profile has? */
static bool is_other(const NtKernel *k, const struct pte_count *c)
{
	unsigned n_old, n_new;

	by_files(k, c, &n_old, &n_new);
	if (k->profile.pte.swizzle.bit_len)
		return !k->pte_mask_how && has_none(c) && n_new <= n_old;
	return has_masks(c) || (n_new >= PTES_MIN && n_old <= n_new / 10);
}

static void derive_form(NtKernel *k, const struct pte_count *c)
{
	bool swizzle = k->profile.pte.swizzle.bit_len;
	struct nt_profile other;

	if (k->profile_exact || !k->profile.source.layout ||
	    k->profile.source.symbols || k->as.form->entry_bytes != 8 ||
	    k->profile.arch == NT_ARCH_ARM64)
		return;
	if (!is_other(k, c) || !find_sibling(k, !swizzle, &other))
		return;
	k->profile.pte = other.pte;
	k->profile.invalid_pte_mask = other.invalid_pte_mask;
	nt_soft_setup(k);
	if (swizzle)
		report(k, "_MMPTE_SOFTWARE.SwizzleBit", 0, c->n_clear,
		       c->n_set);
	else if (has_masks(c))
		report(k, "_MMPTE_SOFTWARE.SwizzleBit", 1, c->n_bit[c->best],
		       c->n_clear);
	else
		report(k, "_MMPTE_SOFTWARE.SwizzleBit", 1,
		       MAX(c->n_low, c->n_high), MIN(c->n_low, c->n_high));
}

static void derive_mask(NtKernel *k, const struct pte_count *c, Log *log)
{
	unsigned n = c->n_bit[c->best];

	if (has_masks(c)) {
		nt_soft_set_mask(k, UINT64_C(1) << c->best, "derived");
		report(k, "InvalidPteMask", k->soft.invalid_pte_mask, n,
		       c->n_clear);
	} else if (c->n_clear >= PTES_MIN && n <= c->n_clear / 10) {
		/* Entries that the mask should be in, and it is not. */
		nt_soft_set_mask(k, 0, "derived");
		report(k, "InvalidPteMask", 0, c->n_clear, n);
	} else {
		log_add(log, LOG_INFO, "profile",
			"InvalidPteMask is not known: entries that are not"
			" valid are taken as they are, those of paged-out"
			" pages not at all (symbols= may help)");
	}
}

void derive_ptes(NtKernel *k, Log *log)
{
	struct pte_count c = { .pfn = k->profile.pte.transition_pfn,
			       .end = physmem_end(k->as.pm) };

	if (k->profile_exact &&
	    (k->pte_mask_how || !k->profile.pte.swizzle.bit_len))
		return;
	count_ptes(k, &c);
	derive_form(k, &c);
	if (k->profile.pte.swizzle.bit_len && !k->pte_mask_how)
		derive_mask(k, &c, log);
}
