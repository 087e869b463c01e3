/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Translations of a thread, in a table in which each has one place. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/tlb.h"

#define ENTRIES 64u

struct entry {
	uint64_t serial; /* of the PhysMem; 0: empty */
	uint64_t root;
	uint64_t page;	/* its address */
	uint64_t frame;
	const struct paging_form *form;
};

static _Thread_local struct entry entries[ENTRIES];

static struct entry *place_of(const struct addr_space *as, VirtAddr va)
{
	uint64_t page = va.v >> 12;

	return &entries[(page ^ page >> 6 ^ as->root.v >> 12) % ENTRIES];
}

bool vtop_tlb_find(const struct addr_space *as, VirtAddr va, PhysAddr *frame)
{
	const struct entry *e = place_of(as, va);

	if (e->serial != physmem_serial(as->pm) || e->root != as->root.v ||
	    e->page != (va.v & ~PAGE_MASK_4K) || e->form != as->form)
		return false;
	*frame = PHYS(e->frame);
	return true;
}

void vtop_tlb_keep(const struct addr_space *as, VirtAddr va, PhysAddr frame)
{
	*place_of(as, va) = (struct entry){
		.serial = physmem_serial(as->pm),
		.root = as->root.v,
		.page = va.v & ~PAGE_MASK_4K,
		.frame = frame.v,
		.form = as->form,
	};
}
