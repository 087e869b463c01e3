/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page-table walker. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/vtop.h"

enum { ENTRY_PRESENT = 1 << 0 };

/* On the way down: whether privileged code may run what is below. In the end,
 * the page tells whether that or RIGHT_EXEC counts. */
#define RIGHT_KERNEL_EXEC (RIGHTS_MAX + 1u)
#define RIGHTS_TOP (RIGHTS_ALL | RIGHT_KERNEL_EXEC)

#define HOT_INLINE inline __attribute__((always_inline))

/* Entry found, together with what the levels above allow. */
struct entry_view {
	const struct addr_space *as;
	unsigned level;
	uint64_t entry;
	unsigned rights; /* of the levels above */
	bool lower_half; /* of the address space */
};

struct entry_result {
	enum page_state state;
	bool table;	/* pa is the next table */
	PhysAddr pa;
	unsigned rights;
};

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
	unsigned level_up = v->as->form->n_levels - 1u - v->level;
	struct entry_result r = { .state = PAGE_ABSENT };
	struct soft_pte soft;

	if (!v->entry || !v->as->soft)
		return r;
	soft = v->as->soft->decode(v->as->soft_ctx, v->entry, level_up);
	r.state = soft.state;
	r.pa = soft.pa;
	r.table = level_up && soft.state == PAGE_TRANSITION;
	r.rights = v->rights;
	if (v->as->form->user_by_half && !v->lower_half)
		r.rights &= ~(unsigned)RIGHT_USER;
	if (!r.table)
		r.rights = final_rights(v->as->form, r.rights);
	if (!level_up)
		r.rights &= soft.rights;
	return r;
}

static HOT_INLINE struct entry_result decode_entry(const struct entry_view *v)
{
	return v->entry & ENTRY_PRESENT ? decode_present(v) : decode_absent(v);
}

static uint64_t load_entry(const struct paging_form *form, const uint8_t *p)
{
	return form->entry_bytes == 8 ? load_le64(p) : load_le32(p);
}

static uint64_t entry_span(const struct paging_form *form, unsigned level)
{
	return UINT64_C(1) << form->levels[level].shift;
}

PhysAddr addr_space_dtb(const struct addr_space *as)
{
	return PHYS(as->root.v & as->form->root_mask);
}

/* The leaf that an entry at *leaf's level makes of va. */
static void finish_leaf(const struct addr_space *as, struct vtop_leaf *leaf,
			const struct entry_result *r)
{
	leaf->state = r->state;
	leaf->rights = r->rights;
	leaf->pa = r->pa;
	if (page_state_has_data(r->state) && leaf->len <= PAGE_SIZE_4K &&
	    !physmem_has_page(as->pm, r->pa))
		leaf->state = PAGE_OUTSIDE;
}

struct vtop_leaf vtop_translate(const struct addr_space *as, VirtAddr va)
{
	const struct paging_form *form = as->form;
	struct vtop_leaf leaf = { .va = va, .state = PAGE_ABSENT };
	struct entry_view v = { .as = as, .rights = RIGHTS_TOP };
	PhysAddr table = addr_space_dtb(as);

	if (!virt_is_canonical(va.v, form->va_bits) || !addr_space_step(as))
		return leaf;
	v.lower_half = !(va.v >> (form->va_bits - 1));
	for (v.level = 0; v.level < form->n_levels; v.level++) {
		const struct paging_level *level = &form->levels[v.level];
		struct entry_result r;
		uint8_t raw[8] = { 0 };

		leaf.level = v.level;
		leaf.len = entry_span(form, v.level);
		leaf.va = VIRT(va.v & ~(leaf.len - 1));
		leaf.entry_pa = PHYS(table.v + bits_get(va.v, level->shift,
							level->bits) *
						       form->entry_bytes);
		if (physmem_read(as->pm, leaf.entry_pa, raw,
				 form->entry_bytes) != PHYS_OK) {
			leaf.state = PAGE_DAMAGED;
			return leaf;
		}
		v.entry = leaf.entry = load_entry(form, raw);
		r = decode_entry(&v);
		if (!r.table) {
			finish_leaf(as, &leaf, &r);
			return leaf;
		}
		table = r.pa;
		v.rights = r.rights;
	}
	return leaf;
}

bool vtop_read(const struct addr_space *as, VirtAddr va, void *buf,
	       size_t len_bytes)
{
	uint8_t *p = buf;

	while (len_bytes) {
		struct vtop_leaf leaf = vtop_translate(as, va);
		uint64_t skip = va.v - leaf.va.v;
		size_t n;

		if (!page_state_has_data(leaf.state))
			return false;
		n = (size_t)MIN(len_bytes, leaf.len - skip);
		if (physmem_read(as->pm, PHYS(leaf.pa.v + skip), p, n) !=
		    PHYS_OK)
			return false;
		p += n;
		va.v += n;
		len_bytes -= n;
		if (len_bytes && !va.v) /* wrapped at the end of the space */
			return false;
	}
	return true;
}

struct vtop_budget vtop_budget_for(const PhysMem *pm)
{
	uint64_t pages = physmem_bytes(pm) / PAGE_SIZE_4K;

	/*
	 * A healthy address space has each table once, and once more per
	 * level through the self-map; its pages can be shared, so leaves are
	 * allowed several per frame.
	 */
	return (struct vtop_budget){
		.tables = 16384 + 2 * pages,
		.leaves = MIN((UINT64_C(1) << 19) + 4 * pages,
			      UINT64_C(1) << 26),
	};
}

struct walk {
	const struct addr_space *as;
	uint64_t start, last; /* inclusive, not sign-extended */
	struct vtop_budget budget;
	struct vtop_stats stats;
	vtop_leaf_fn fn;
	void *ctx;
	bool stopped;
};

static void walk_report(struct walk *w, const struct vtop_leaf *leaf)
{
	if (leaf->state == PAGE_ABSENT)
		return;
	if (!w->budget.leaves || !addr_space_step(w->as)) {
		w->stats.exhausted = true;
		w->stopped = true;
		return;
	}
	w->budget.leaves--;
	if (!w->fn(w->ctx, leaf))
		w->stopped = true;
}

enum table_read {
	TABLE_WHOLE,
	TABLE_PART,	/* some of it is outside the image: entry by entry */
	TABLE_NONE,
};

/* Reads a whole table: 4 KiB cost hardly more than 8 bytes. */
static enum table_read read_table(struct walk *w, unsigned level,
				  PhysAddr table, uint8_t *buf, size_t len)
{
	enum phys_status status;

	if (!w->budget.tables || !addr_space_step(w->as)) {
		w->stats.exhausted = true;
		w->stopped = true;
		return TABLE_NONE;
	}
	w->budget.tables--;
	status = physmem_read(w->as->pm, table, buf, len);
	w->stats.io_error |= status == PHYS_IO;
	if (status != PHYS_OK && !physmem_has_page(w->as->pm, table))
		return TABLE_NONE;
	w->stats.tables[level]++;
	return status == PHYS_OK ? TABLE_WHOLE : TABLE_PART;
}

static bool walk_table(struct walk *w, struct entry_view *v, PhysAddr table,
		       uint64_t base);

/* One entry that is not 0. va: of its first byte, not sign-extended. */
static void walk_entry(struct walk *w, const struct entry_view *v,
		       PhysAddr entry_pa, uint64_t va)
{
	const struct paging_form *form = w->as->form;
	struct entry_result r = decode_entry(v);
	struct entry_view below;
	struct vtop_leaf leaf = {
		.va = virt_canonical(va, form->va_bits),
		.len = entry_span(form, v->level),
		.entry = v->entry,
		.entry_pa = entry_pa,
		.level = v->level,
	};

	if (!r.table) {
		finish_leaf(w->as, &leaf, &r);
		walk_report(w, &leaf);
		return;
	}
	below = *v;
	below.level++;
	below.rights = r.rights;
	if (!walk_table(w, &below, r.pa, va) && !w->stopped) {
		leaf.state = PAGE_DAMAGED;
		leaf.pa = r.pa;
		walk_report(w, &leaf);
	}
}

/* A range behind something that cannot be read. */
static void report_damaged(struct walk *w, uint64_t va, uint64_t len,
			   PhysAddr entry_pa, unsigned level)
{
	struct vtop_leaf leaf = {
		.va = virt_canonical(va, w->as->form->va_bits),
		.len = len,
		.entry_pa = entry_pa,
		.level = level,
		.state = PAGE_DAMAGED,
	};

	walk_report(w, &leaf);
}

/* The entry at index i of a table read into buf. */
static void walk_index(struct walk *w, struct entry_view *v, PhysAddr table,
		       const uint8_t *buf, uint64_t i, uint64_t va)
{
	const struct paging_form *form = w->as->form;

	v->entry = load_entry(form, buf + i * form->entry_bytes);
	if (v->level == 0)
		v->lower_half = !(va >> (form->va_bits - 1));
	if (v->entry)
		walk_entry(w, v, PHYS(table.v + i * form->entry_bytes), va);
}

/* v: level and rights of the table's entries; the rest is set for each. False
 * where the table cannot be read. Recursion is bounded by the levels of the
 * form. */
static bool walk_table(struct walk *w, struct entry_view *v, PhysAddr table,
		       uint64_t base)
{
	const struct paging_form *form = w->as->form;
	size_t n_bytes = form->entry_bytes << form->levels[v->level].bits;
	uint64_t span = entry_span(form, v->level);
	uint8_t buf[PAGE_SIZE_4K];
	uint64_t first = w->start > base ? (w->start - base) / span : 0;
	enum table_read got = read_table(w, v->level, table, buf, n_bytes);

	if (got == TABLE_NONE)
		return false;
	for (uint64_t i = first; i < n_bytes / form->entry_bytes; i++) {
		uint64_t va = base + i * span;
		PhysAddr entry_pa = PHYS(table.v + i * form->entry_bytes);

		if (va > w->last || w->stopped)
			break;
		if (got == TABLE_WHOLE ||
		    physmem_read(w->as->pm, entry_pa,
				 buf + i * form->entry_bytes,
				 form->entry_bytes) == PHYS_OK)
			walk_index(w, v, table, buf, i, va);
		else
			report_damaged(w, va, span, entry_pa, v->level);
	}
	return true;
}

/* The top-level table cannot be read: all that its entries would lead to. */
static void report_no_root(struct walk *w)
{
	const struct paging_form *form = w->as->form;
	uint64_t span = entry_span(form, 0);
	uint64_t n = UINT64_C(1) << form->levels[0].bits;
	PhysAddr root = addr_space_dtb(w->as);

	for (uint64_t i = w->start / span; i < n && !w->stopped; i++) {
		if (i * span > w->last)
			break;
		report_damaged(w, i * span, span,
			       PHYS(root.v + i * form->entry_bytes), 0);
	}
}

struct vtop_stats vtop_walk(const struct addr_space *as, uint64_t start,
			    uint64_t last, struct vtop_budget budget,
			    vtop_leaf_fn fn, void *ctx)
{
	struct walk w = { .as = as, .start = start, .last = last,
			  .budget = budget, .fn = fn, .ctx = ctx };
	struct entry_view v = { .as = as, .rights = RIGHTS_TOP };

	if (!walk_table(&w, &v, addr_space_dtb(as), 0))
		report_no_root(&w);
	return w.stats;
}
