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
	uint64_t va; /* not sign-extended; of a byte below the entry */
	unsigned level;
	uint64_t entry;
	unsigned rights; /* of the levels above */
	bool lower_half; /* of the address space */
};

struct entry_result {
	enum page_state state; /* with table: how the table is there */
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
	if (page_state_in_memory(r->state) && leaf->len <= PAGE_SIZE_4K &&
	    !physmem_has_page(as->pm, r->pa))
		leaf->state = PAGE_OUTSIDE;
}

/* A table, or a part of one. */
struct table_at {
	PhysAddr pa;
	enum page_state state;
};

static enum phys_status read_at(const struct addr_space *as,
				const struct table_at *at, void *buf,
				size_t len_bytes)
{
	if (page_state_in_memory(at->state))
		return physmem_read(as->pm, at->pa, buf, len_bytes);
	return as->soft->read && as->soft->read(as, at->state, at->pa.v, buf,
						len_bytes) ?
		       PHYS_OK :
		       PHYS_OUTSIDE;
}

static uint64_t address_offset(const struct paging_form *form, VirtAddr va)
{
	return va.v & ((UINT64_C(1) << form->va_bits) - 1);
}

/* The tables have nothing at va: asks whoever knows more. */
static void ask_vacant(const struct addr_space *as, VirtAddr va,
		       struct vtop_leaf *leaf)
{
	uint64_t at = address_offset(as->form, va) & ~PAGE_MASK_4K;
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
	finish_leaf(as, leaf, &r);
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
	if (read_at(v->as, &at, raw, form->entry_bytes) != PHYS_OK)
		return false;
	v->entry = leaf->entry = load_entry(form, raw);
	return true;
}

struct vtop_leaf vtop_translate(const struct addr_space *as, VirtAddr va)
{
	const struct paging_form *form = as->form;
	struct vtop_leaf leaf = { .va = va, .state = PAGE_ABSENT };
	struct entry_view v = { .as = as, .rights = RIGHTS_TOP };
	struct table_at table = { addr_space_dtb(as), PAGE_VALID };

	if (!virt_is_canonical(va.v, form->va_bits) || !addr_space_step(as))
		return leaf;
	v.va = address_offset(form, va);
	v.lower_half = !(va.v >> (form->va_bits - 1));
	for (v.level = 0; v.level < form->n_levels; v.level++) {
		struct entry_result r;

		if (!step_down(&v, &table, va, &leaf)) {
			leaf.state = PAGE_DAMAGED;
			return leaf;
		}
		r = decode_entry(&v);
		if (!r.table) {
			finish_leaf(as, &leaf, &r);
			ask_vacant(as, va, &leaf);
			return leaf;
		}
		table = (struct table_at){ r.pa, r.state };
		v.rights = r.rights;
	}
	return leaf;
}

/* len_bytes of a leaf's page, skip bytes into it. */
static bool read_leaf(const struct addr_space *as,
		      const struct vtop_leaf *leaf, uint64_t skip, void *buf,
		      size_t len_bytes)
{
	const struct table_at at = { PHYS(leaf->pa.v + skip), leaf->state };

	return page_state_has_data(leaf->state) &&
	       read_at(as, &at, buf, len_bytes) == PHYS_OK;
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
	uint64_t next; /* what is below has been reported or is absent */
	bool done;     /* next has passed the end of all addresses */
	struct vtop_budget budget;
	struct vtop_stats stats;
	vtop_leaf_fn fn;
	void *ctx;
	bool stopped;
};

/* One unit of work for a leaf, or for looking whether there is one. */
static bool spend_leaf(struct walk *w)
{
	if (!w->budget.leaves || !addr_space_step(w->as)) {
		w->stats.exhausted = true;
		w->stopped = true;
		return false;
	}
	w->budget.leaves--;
	return true;
}

/* Hands over a leaf that follows all the others. */
static void walk_emit(struct walk *w, const struct vtop_leaf *leaf)
{
	uint64_t at = address_offset(w->as->form, leaf->va);

	if (!spend_leaf(w))
		return;
	w->next = at + leaf->len;
	w->done = w->next < at;
	if (!w->fn(w->ctx, leaf))
		w->stopped = true;
}

/* What lies in [w->next, last] though the tables have nothing there. */
static void fill_gap(struct walk *w, uint64_t last)
{
	const struct addr_space *as = w->as;

	if (!as->soft || !as->soft->vacant || w->done)
		return;
	while (w->next <= last && !w->stopped && !w->done) {
		struct soft_pte soft = { .state = PAGE_ABSENT };
		struct entry_result r = { 0 };
		struct vtop_leaf leaf = {
			.va = virt_canonical(w->next, as->form->va_bits),
			.level = as->form->n_levels - 1u,
		};

		leaf.len = as->soft->vacant(as, w->next, last, &soft);
		if (soft.state == PAGE_ABSENT) {
			w->done = w->next + leaf.len < w->next;
			w->next += leaf.len;
			spend_leaf(w);
			continue;
		}
		r.state = soft.state;
		r.pa = soft.pa;
		r.rights = soft.rights;
		finish_leaf(as, &leaf, &r);
		walk_emit(w, &leaf);
	}
}

static void walk_report(struct walk *w, const struct vtop_leaf *leaf)
{
	uint64_t at = address_offset(w->as->form, leaf->va);

	if (leaf->state == PAGE_ABSENT)
		return;
	if (at > w->next)
		fill_gap(w, at - 1);
	if (!w->stopped)
		walk_emit(w, leaf);
}

enum table_read {
	TABLE_WHOLE,
	TABLE_PART,	/* some of it is outside the image: entry by entry */
	TABLE_NONE,
};

/* Reads a whole table: 4 KiB cost hardly more than 8 bytes. */
static enum table_read read_table(struct walk *w, unsigned level,
				  const struct table_at *table, uint8_t *buf,
				  size_t len)
{
	enum phys_status status;

	if (!w->budget.tables || !addr_space_step(w->as)) {
		w->stats.exhausted = true;
		w->stopped = true;
		return TABLE_NONE;
	}
	w->budget.tables--;
	status = read_at(w->as, table, buf, len);
	w->stats.io_error |= status == PHYS_IO;
	if (status != PHYS_OK && (!page_state_in_memory(table->state) ||
				  !physmem_has_page(w->as->pm, table->pa)))
		return TABLE_NONE;
	w->stats.tables[level]++;
	return status == PHYS_OK ? TABLE_WHOLE : TABLE_PART;
}

static bool walk_table(struct walk *w, struct entry_view *v,
		       const struct table_at *table, uint64_t base);

/* One entry that is not 0, at v->va. */
static void walk_entry(struct walk *w, const struct entry_view *v,
		       const struct table_at *at)
{
	const struct paging_form *form = w->as->form;
	struct entry_result r = decode_entry(v);
	struct table_at table = { r.pa, r.state };
	struct entry_view below;
	struct vtop_leaf leaf = {
		.va = virt_canonical(v->va, form->va_bits),
		.len = entry_span(form, v->level),
		.entry = v->entry,
		.entry_pa = at->pa,
		.table_state = at->state,
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
	if (!walk_table(w, &below, &table, v->va) && !w->stopped) {
		leaf.state = PAGE_DAMAGED;
		leaf.pa = r.pa;
		walk_report(w, &leaf);
	}
}

/* A range behind something that cannot be read. */
static void report_damaged(struct walk *w, uint64_t va, uint64_t len,
			   const struct table_at *at, unsigned level)
{
	struct vtop_leaf leaf = {
		.va = virt_canonical(va, w->as->form->va_bits),
		.len = len,
		.entry_pa = at->pa,
		.table_state = at->state,
		.level = level,
		.state = PAGE_DAMAGED,
	};

	walk_report(w, &leaf);
}

/* The entry at v->va, which lies at at, in a table read into buf. */
static void walk_index(struct walk *w, struct entry_view *v,
		       const struct table_at *at, const uint8_t *buf)
{
	const struct paging_form *form = w->as->form;

	v->entry = load_entry(form, buf);
	if (v->level == 0)
		v->lower_half = !(v->va >> (form->va_bits - 1));
	if (v->entry)
		walk_entry(w, v, at);
}

/* v: level and rights of the table's entries; the rest is set for each. False
 * where the table cannot be read. Recursion is bounded by the levels of the
 * form. */
static bool walk_table(struct walk *w, struct entry_view *v,
		       const struct table_at *table, uint64_t base)
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
		struct table_at at = *table;
		uint8_t *raw = buf + i * form->entry_bytes;

		v->va = base + i * span;
		at.pa.v += i * form->entry_bytes;
		if (v->va > w->last || w->stopped)
			break;
		if (got == TABLE_WHOLE ||
		    read_at(w->as, &at, raw, form->entry_bytes) == PHYS_OK)
			walk_index(w, v, &at, raw);
		else
			report_damaged(w, v->va, span, &at, v->level);
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
		struct table_at at = { PHYS(root.v + i * form->entry_bytes),
				       PAGE_VALID };

		if (i * span > w->last)
			break;
		report_damaged(w, i * span, span, &at, 0);
	}
}

struct vtop_stats vtop_walk(const struct addr_space *as, uint64_t start,
			    uint64_t last, struct vtop_budget budget,
			    vtop_leaf_fn fn, void *ctx)
{
	struct walk w = { .as = as, .start = start, .last = last,
			  .next = start, .budget = budget, .fn = fn,
			  .ctx = ctx };
	struct entry_view v = { .as = as, .rights = RIGHTS_TOP };
	struct table_at root = { addr_space_dtb(as), PAGE_VALID };

	if (!walk_table(&w, &v, &root, 0))
		report_no_root(&w);
	if (!w.stopped)
		fill_gap(&w, last);
	return w.stats;
}
