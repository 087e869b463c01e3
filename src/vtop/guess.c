/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guessing the paging form. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/guess.h"

static const struct vtop_budget guess_budget = { .tables = 512,
						 .leaves = 65536 };

struct tally {
	const struct paging_form *form;
	int64_t good, bad;
};

/*
 * Is this table one of entries of 8 bytes, where 4 were expected? Of the upper
 * half of one, bits 19:12 are address bits 51:44, and bit 7 is bit 39: no
 * machine has that much. A few entries say nothing.
 */
static bool has_long_entries(const PhysMem *pm, PhysAddr root)
{
	uint8_t page[PAGE_SIZE_4K];
	unsigned n_present = 0;

	if (physmem_read(pm, root, page, sizeof page) != PHYS_OK)
		return false;
	for (unsigned i = 0; i < PAGE_SIZE_4K / 4; i++) {
		uint32_t entry = load_le32(page + 4 * i);

		n_present += entry & 1;
		if (i & 1 && entry & 1 && entry & 0xff080)
			return false;
	}
	return n_present >= 8;
}

static bool tally_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct tally *t = ctx;

	/* 4-level tables of x64 and of ARM64 without large pages differ in
	 * little but this bit, which is a free one on x64. */
	if (leaf->state == PAGE_VALID &&
	    (leaf->entry & t->form->accessed) == t->form->accessed)
		t->good++;
	else
		t->bad++;
	return true;
}

static int64_t score(const PhysMem *pm, PhysAddr root,
		     const struct paging_form *form)
{
	struct addr_space as = { .pm = pm, .form = form, .root = root };
	struct tally t = { .form = form };

	if (addr_space_dtb(&as).v != root.v || root.v % 4096 % 32)
		return INT64_MIN;
	if (form->entry_bytes == 4 && has_long_entries(pm, root))
		return INT64_MIN;
	vtop_walk(&as, 0, (UINT64_C(1) << form->va_bits) - 1, guess_budget,
		  tally_leaf, &t);
	return t.good - t.bad;
}

const struct paging_form *vtop_guess_form(const PhysMem *pm, PhysAddr root)
{
	/* In this order: of two that score alike the first is taken. */
	static const struct paging_form *const order[] = {
		&paging_arm64, &paging_amd64, &paging_la57, &paging_pae,
		&paging_x86,
	};
	const struct paging_form *best = &paging_amd64;
	int64_t best_score = 0;

	/* Only the table of PAE is smaller than a page. */
	if (root.v % PAGE_SIZE_4K && root.v % PAGE_SIZE_4K % 32 == 0)
		return &paging_pae;
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		int64_t s = score(pm, root, order[i]);

		if (s > best_score) {
			best_score = s;
			best = order[i];
		}
	}
	return best;
}
