/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single translations. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/entry.h"
#include "vtop/tlb.h"

PhysAddr addr_space_dtb(const struct addr_space *as)
{
	return PHYS(as->root.v & as->form->root_mask);
}

unsigned vtop_self_map(const struct addr_space *as, unsigned first)
{
	unsigned n = 1u << as->form->levels[0].bits;
	PhysAddr dtb = addr_space_dtb(as);
	size_t bytes = as->form->entry_bytes;
	uint8_t table[PAGE_SIZE_4K] = { 0 };
	/* Of a page that is cut, entry by entry. */
	bool whole = n * bytes <= sizeof table &&
		     physmem_read(as->pm, dtb, table, n * bytes) == PHYS_OK;

	for (unsigned i = first; i < n; i++) {
		uint8_t one[8] = { 0 };
		const uint8_t *raw = whole ? table + i * bytes : one;
		uint64_t entry;

		if (!whole && physmem_read(as->pm, PHYS(dtb.v + i * bytes), one,
					   bytes) != PHYS_OK)
			continue;
		entry = entry_load(as->form, raw);
		if (entry & ENTRY_PRESENT &&
		    (entry & as->form->pa_mask) == dtb.v)
			return i;
	}
	return n;
}

/* The tables have nothing at va: asks whoever knows more. */
static void ask_vacant(const struct addr_space *as, VirtAddr va,
		       struct vtop_leaf *leaf)
{
	uint64_t at = entry_offset(as->form, va) & ~PAGE_MASK_4K;
	struct entry_result r = { .rights = RIGHTS_ALL };
	struct soft_pte soft = { .state = PAGE_ABSENT };

	if (leaf->state != PAGE_ABSENT || !as->soft || !as->soft->vacant)
		return;
	as->soft->vacant(as, at, at + PAGE_MASK_4K, &soft);
	if (soft.state == PAGE_ABSENT)
		return;
	leaf->va = VIRT(va.v & ~PAGE_MASK_4K);
	leaf->len = PAGE_SIZE_4K;
	r.state = soft.state;
	r.pa = soft.pa;
	r.rights = soft.rights;
	entry_finish_leaf(as, leaf, &r);
}

/* One level of a translation: the entry in table that va is under. False
 * where it cannot be read. */
static bool step_down(struct entry_view *v, const struct table_at *table,
		      VirtAddr va, struct vtop_leaf *leaf)
{
	const struct paging_form *form = v->as->form;
	const struct paging_level *level = &form->levels[v->level];
	struct table_at at = *table;
	uint8_t raw[8] = { 0 };

	at.pa.v += bits_get(va.v, level->shift, level->bits) *
		   form->entry_bytes;
	leaf->level = v->level;
	leaf->len = entry_span(form, v->level);
	leaf->va = VIRT(va.v & ~(leaf->len - 1));
	leaf->entry_pa = at.pa;
	leaf->table_state = at.state;
	if (entry_read_at(v->as, &at, raw, form->entry_bytes) != PHYS_OK)
		return false;
	v->entry = leaf->entry = entry_load(form, raw);
	return true;
}

static struct vtop_step make_step(const struct entry_view *v,
				  const struct vtop_leaf *leaf, bool read)
{
	return (struct vtop_step){
		.level = v->level,
		.entry_pa = leaf->entry_pa,
		.table_state = leaf->table_state,
		.entry = read ? v->entry : 0,
		.present = read && v->entry & ENTRY_PRESENT,
		.read = read,
	};
}

/* What a list has at va. */
static struct vtop_leaf translate_direct(const struct addr_space *as,
					 VirtAddr va)
{
	struct vtop_leaf leaf = { .va = va, .state = PAGE_ABSENT };
	size_t i = direct_map_find(as->direct, va.v);

	if (i < direct_map_count(as->direct) &&
	    direct_map_get(as->direct, i)->va <= va.v)
		leaf = entry_direct_leaf(direct_map_get(as->direct, i));
	return leaf;
}

/* A translation; steps: room for each level, or NULL. */
static inline struct vtop_leaf translate(const struct addr_space *as,
					 VirtAddr va, struct vtop_step *steps,
					 unsigned *n_steps)
{
	const struct paging_form *form = as->form;
	struct vtop_leaf leaf = { .va = va, .state = PAGE_ABSENT };
	struct entry_view v = { .as = as, .rights = RIGHTS_TOP };
	struct table_at table = { addr_space_dtb(as), PAGE_VALID };

	if (!virt_is_canonical(va.v, form->va_bits) || !addr_space_step(as))
		return leaf;
	if (as->direct)
		return translate_direct(as, va);
	v.va = entry_offset(form, va);
	v.lower_half = !(va.v >> (form->va_bits - 1));
	for (v.level = 0; v.level < form->n_levels; v.level++) {
		bool read = step_down(&v, &table, va, &leaf);
		struct entry_result r;

		if (steps)
			steps[(*n_steps)++] = make_step(&v, &leaf, read);
		if (!read) {
			leaf.state = PAGE_DAMAGED;
			return leaf;
		}
		r = entry_decode(&v);
		if (steps)
			steps[v.level].rights = r.rights & RIGHTS_MAX;
		if (!r.table) {
			entry_finish_leaf(as, &leaf, &r);
			ask_vacant(as, va, &leaf);
			return leaf;
		}
		table = (struct table_at){ r.pa, r.state };
		v.rights = r.rights;
	}
	return leaf;
}

struct vtop_leaf vtop_translate(const struct addr_space *as, VirtAddr va)
{
	return translate(as, va, NULL, NULL);
}

unsigned vtop_trace(const struct addr_space *as, VirtAddr va,
		    struct vtop_step steps[PAGING_LEVELS_MAX],
		    struct vtop_leaf *leaf)
{
	unsigned n = 0;

	*leaf = translate(as, va, steps, &n);
	return n;
}

/* Did hardware's own tables lead there? */
static bool is_plain(const struct vtop_leaf *leaf,
		     const struct vtop_step *steps, unsigned n_steps)
{
	for (unsigned i = 0; i < n_steps; i++)
		if (!steps[i].present || steps[i].table_state != PAGE_VALID)
			return false;
	return n_steps && leaf->state == PAGE_VALID;
}

/* As vtop_translate(), but of a page that this thread translated before only
 * its address, length and state are known. */
static struct vtop_leaf translate_again(const struct addr_space *as,
					VirtAddr va)
{
	struct vtop_step steps[PAGING_LEVELS_MAX];
	unsigned n = 0;
	struct vtop_leaf leaf = { .va = VIRT(va.v & ~PAGE_MASK_4K),
				  .len = PAGE_SIZE_4K,
				  .state = PAGE_VALID };

	if (vtop_tlb_find(as, va, &leaf.pa)) {
		if (!addr_space_step(as))
			leaf.state = PAGE_ABSENT;
		return leaf;
	}
	leaf = translate(as, va, steps, &n);
	if (is_plain(&leaf, steps, n))
		vtop_tlb_keep(as, va, PHYS(leaf.pa.v + ((va.v - leaf.va.v) &
							~PAGE_MASK_4K)));
	return leaf;
}

/* len_bytes of a leaf's page, skip bytes into it. */
static bool read_leaf(const struct addr_space *as,
		      const struct vtop_leaf *leaf, uint64_t skip, void *buf,
		      size_t len_bytes)
{
	const struct table_at at = { PHYS(leaf->pa.v + skip), leaf->state };

	return page_state_has_data(leaf->state) &&
	       entry_read_at(as, &at, buf, len_bytes) == PHYS_OK;
}

bool vtop_read(const struct addr_space *as, VirtAddr va, void *buf,
	       size_t len_bytes)
{
	uint8_t *p = buf;

	while (len_bytes) {
		struct vtop_leaf leaf = translate_again(as, va);
		uint64_t skip = va.v - leaf.va.v;
		size_t n;

		if (!page_state_has_data(leaf.state))
			return false;
		n = (size_t)MIN(len_bytes, leaf.len - skip);
		if (!read_leaf(as, &leaf, skip, p, n))
			return false;
		p += n;
		va.v += n;
		len_bytes -= n;
		if (len_bytes && !va.v) /* wrapped at the end of the space */
			return false;
	}
	return true;
}
