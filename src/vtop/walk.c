/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page-table walker. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/entry.h"

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

static bool asks_vacant(const struct walk *w)
{
	return w->as->soft && w->as->soft->vacant;
}

/* No more may be done. va: of what would have been next. */
static void walk_exhausted(struct walk *w, uint64_t va)
{
	w->stats.exhausted = true;
	w->stats.stopped_at = MAX(asks_vacant(w) ? w->next : va, w->start);
	w->stopped = true;
}

/* One unit of work for a leaf at va, or for looking whether there is one, and
 * what that took beyond it. */
static bool spend_leaf(struct walk *w, uint64_t va, unsigned cost)
{
	if (w->budget.leaves <= cost || !addr_space_step(w->as)) {
		walk_exhausted(w, va);
		return false;
	}
	w->budget.leaves -= 1 + (uint64_t)cost;
	return true;
}

/* Hands over a leaf that follows all the others. */
static void walk_emit(struct walk *w, const struct vtop_leaf *leaf,
		      unsigned cost)
{
	uint64_t at = entry_offset(w->as->form, leaf->va);

	if (!spend_leaf(w, at, cost))
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

	if (!asks_vacant(w) || w->done)
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
			if (!spend_leaf(w, w->next, soft.cost))
				return;
			w->done = w->next + leaf.len < w->next;
			w->next += leaf.len;
			continue;
		}
		r.state = soft.state;
		r.pa = soft.pa;
		r.rights = soft.rights;
		entry_finish_leaf(as, &leaf, &r);
		walk_emit(w, &leaf, soft.cost);
	}
}

static void walk_report(struct walk *w, const struct vtop_leaf *leaf,
			unsigned cost)
{
	uint64_t at = entry_offset(w->as->form, leaf->va);

	if (leaf->state == PAGE_ABSENT)
		return;
	if (at > w->next)
		fill_gap(w, at - 1);
	if (!w->stopped)
		walk_emit(w, leaf, cost);
}

/* May the table of what is at va be read? */
static bool may_read(struct walk *w, uint64_t va)
{
	if (w->budget.tables && addr_space_step(w->as))
		return true;
	walk_exhausted(w, va);
	return false;
}

/* Tables of the budget that one takes which is not in memory, beyond one. */
#define COST_OF_FETCHING 15u

enum table_read {
	TABLE_WHOLE,
	TABLE_PART,	/* some of it is outside the image: entry by entry */
	TABLE_NONE,
};

/* Reads a whole table: 4 KiB cost hardly more than 8 bytes. It may be done:
 * see may_read(). */
static enum table_read read_table(struct walk *w, unsigned level,
				  const struct table_at *table, uint8_t *buf,
				  size_t len)
{
	enum phys_status status;

	w->budget.tables--;
	/* Not in memory: it may have to be unpacked. */
	if (!page_state_in_memory(table->state))
		w->budget.tables -= MIN(w->budget.tables, COST_OF_FETCHING);
	status = entry_read_at(w->as, table, buf, len);
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
	struct entry_result r = entry_decode(v);
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
		entry_finish_leaf(w->as, &leaf, &r);
		walk_report(w, &leaf, r.cost);
		return;
	}
	below = *v;
	below.level++;
	below.rights = r.rights;
	if (!walk_table(w, &below, &table, v->va) && !w->stopped) {
		leaf.state = PAGE_DAMAGED;
		leaf.pa = r.pa;
		walk_report(w, &leaf, 0);
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

	walk_report(w, &leaf, 0);
}

/* The entry at v->va, which lies at at, in a table read into buf. */
static void walk_index(struct walk *w, struct entry_view *v,
		       const struct table_at *at, const uint8_t *buf)
{
	const struct paging_form *form = w->as->form;

	v->entry = entry_load(form, buf);
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
	enum table_read got = TABLE_NONE;

	if (may_read(w, base))
		got = read_table(w, v->level, table, buf, n_bytes);
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
		    entry_read_at(w->as, &at, raw, form->entry_bytes) ==
			    PHYS_OK)
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

/* The part of a range of a list that is in [start, last]; false where there is
 * none. Addresses without sign extension, as the walk's are. */
static bool direct_part(const struct walk *w, const struct direct_run *run,
			struct vtop_leaf *ret)
{
	uint64_t offset = entry_offset(w->as->form, VIRT(run->va));
	uint64_t skip = w->start > offset ? w->start - offset : 0;

	if (offset > w->last || skip >= run->len)
		return false;
	*ret = entry_direct_leaf(run);
	ret->va.v += skip;
	ret->pa.v += skip;
	ret->len -= skip;
	ret->len = MIN(ret->len - 1, w->last - (offset + skip)) + 1;
	return true;
}

static struct vtop_stats walk_direct(struct walk *w)
{
	const DirectMap *map = w->as->direct;
	unsigned va_bits = w->as->form->va_bits;
	size_t i = direct_map_find(map, virt_canonical(w->start, va_bits).v);

	for (; i < direct_map_count(map) && !w->stopped; i++) {
		const struct direct_run *run = direct_map_get(map, i);
		struct vtop_leaf leaf;

		if (!direct_part(w, run, &leaf))
			break;
		if (!addr_space_step(w->as))
			walk_exhausted(w, entry_offset(w->as->form, leaf.va));
		else
			w->stopped = !w->fn(w->ctx, &leaf);
	}
	return w->stats;
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

	if (as->direct)
		return walk_direct(&w);
	if (!walk_table(&w, &v, &root, 0))
		report_no_root(&w);
	if (!w.stopped)
		fill_gap(&w, last);
	return w.stats;
}
