/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries of page tables. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/entry.h"

#define HOT_INLINE inline __attribute__((always_inline))

/* Is this a top-level entry whose NX does not count? */
static bool nx_is_void(const struct entry_view *v)
{
	return v->level == 0 && v->lower_half && v->as->soft &&
	       v->as->soft->ignore_top_nx;
}

/* entry: inverted bits the right way round. */
static unsigned present_rights(const struct entry_view *v,
			       const struct paging_rights *bits,
			       uint64_t entry)
{
	unsigned rights = v->rights;

	if (!v->as->form->levels[v->level].rights)
		return rights;
	entry = ~entry;
	if (entry & bits->write)
		rights &= ~(unsigned)RIGHT_WRITE;
	if (entry & bits->user)
		rights &= ~(unsigned)RIGHT_USER;
	if (entry & bits->exec && !nx_is_void(v))
		rights &= ~(unsigned)RIGHT_EXEC;
	if (entry & bits->kernel_exec)
		rights &= ~RIGHT_KERNEL_EXEC;
	return rights;
}

/* The rights of a page, from what all levels grant. */
static unsigned final_rights(const struct paging_form *form, unsigned rights)
{
	if (form->split_exec && !(rights & RIGHT_USER)) {
		rights &= ~(unsigned)RIGHT_EXEC;
		rights |= rights & RIGHT_KERNEL_EXEC ? RIGHT_EXEC : 0;
	}
	return rights & ~RIGHT_KERNEL_EXEC;
}

static PhysAddr large_address(const struct paging_form *form,
			      const struct paging_level *level, uint64_t entry)
{
	uint64_t pa = entry & level->large_mask;

	if (form->pse36)
		pa |= bits_get(entry, 13, 8) << 32;
	return PHYS(pa);
}

/* For every entry of every walk. */
static HOT_INLINE struct entry_result decode_present(const struct entry_view *v)
{
	const struct paging_form *form = v->as->form;
	const struct paging_level *level = &form->levels[v->level];
	const uint64_t entry = v->entry ^ form->inverted;
	bool last = v->level + 1u == form->n_levels;
	bool large = entry & level->large;
	struct entry_result r = { .table = !last && !large };

	r.rights = present_rights(v, r.table ? &form->table : &form->leaf,
				  entry);
	if (!r.table)
		r.rights = final_rights(form, r.rights);
	if ((v->entry ^ level->ones) &
	    (large ? level->reserved_large : level->reserved)) {
		r.table = false;
		r.state = PAGE_RESERVED;
		return r;
	}
	r.pa = large ? large_address(form, level, v->entry) :
		       PHYS(v->entry & form->pa_mask);
	if (!r.table && v->as->soft && v->as->soft->leaf_rights)
		r.rights = v->as->soft->leaf_rights(v->as->soft_ctx, v->entry,
						    r.rights, v->rights);
	return r;
}

static struct entry_result decode_absent(const struct entry_view *v)
{
	const struct soft_query q = {
		.va = v->va,
		.entry = v->entry,
		.level_up = v->as->form->n_levels - 1u - v->level,
	};
	struct entry_result r = { .state = PAGE_ABSENT };
	struct soft_pte soft;

	if (!v->entry || !v->as->soft)
		return r;
	soft = v->as->soft->decode(v->as, &q);
	r.state = soft.state;
	r.pa = soft.pa;
	r.cost = soft.cost;
	r.table = q.level_up && page_state_has_data(soft.state);
	r.rights = v->rights;
	if (v->as->form->user_by_half && !v->lower_half)
		r.rights &= ~(unsigned)RIGHT_USER;
	if (!r.table)
		r.rights = final_rights(v->as->form, r.rights);
	if (!q.level_up)
		r.rights &= soft.rights;
	return r;
}

struct entry_result entry_decode(const struct entry_view *v)
{
	return v->entry & ENTRY_PRESENT ? decode_present(v) : decode_absent(v);
}

uint64_t entry_load(const struct paging_form *form, const uint8_t *p)
{
	return form->entry_bytes == 8 ? load_le64(p) : load_le32(p);
}

uint64_t entry_span(const struct paging_form *form, unsigned level)
{
	return UINT64_C(1) << form->levels[level].shift;
}

/* The leaf that an entry at *leaf's level makes of va. */
void entry_finish_leaf(const struct addr_space *as, struct vtop_leaf *leaf,
		       const struct entry_result *r)
{
	leaf->state = r->state;
	leaf->rights = r->rights;
	leaf->pa = r->pa;
	if (page_state_in_memory(r->state) && leaf->len <= PAGE_SIZE_4K &&
	    !physmem_has_page(as->pm, r->pa))
		leaf->state = PAGE_OUTSIDE;
}

struct vtop_leaf entry_direct_leaf(const struct direct_run *run)
{
	return (struct vtop_leaf){
		.va = VIRT(run->va),
		.len = run->len,
		.pa = PHYS(run->off),
		/* Nobody knows what else was allowed. */
		.rights = RIGHT_READ,
		.state = PAGE_DIRECT,
	};
}

enum phys_status entry_read_at(const struct addr_space *as,
			       const struct table_at *at, void *buf,
			       size_t len_bytes)
{
	if (page_state_in_memory(at->state))
		return physmem_read(as->pm, at->pa, buf, len_bytes);
	if (at->state == PAGE_DIRECT)
		return direct_map_read_file(as->direct, at->pa.v, buf,
					    len_bytes) ?
			       PHYS_OK :
			       PHYS_IO;
	return as->soft->read && as->soft->read(as, at->state, at->pa.v, buf,
						len_bytes) ?
		       PHYS_OK :
		       PHYS_OUTSIDE;
}

uint64_t entry_offset(const struct paging_form *form, VirtAddr va)
{
	return va.v & ((UINT64_C(1) << form->va_bits) - 1);
}
