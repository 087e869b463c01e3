/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going through all address spaces for the physical pages that they map. */
#include "config.h"

#include "base/bytes.h"
#include "tree/scan.h"

struct scanner {
	const struct scan *scan;
	scan_fn fn;
	void *ctx;
	uint64_t tables_left;	/* of all spaces together */
	bool exact;		/* only what contains pa, in the image or not */
	uint64_t pa;
	const SpaceView *kernel; /* System's, unless exact; or NULL */

	/* Of the space that is being looked at. */
	size_t at;
	unsigned flags;
	struct vtop_budget budget;
	bool upper;		/* only what System has not */
	struct map_run run;	/* to be told, as long as it goes on */

	/* A range whose tables differ from System's. */
	uint64_t own, own_len;
};

/* How many levels of tables are compared with System's: with PAE and 5-level
 * paging, each process has a table of its own in the first. */
#define COMPARED_LEVELS 2u

static const Space *space_at(const struct scanner *s)
{
	return s->scan->spaces[s->at];
}

static const Space *kernel_space(const struct scanner *s)
{
	const Space *first = s->scan->n ? s->scan->spaces[0] : NULL;

	return first && first->kind == SPACE_KERNEL ? first : NULL;
}

static void flush(struct scanner *s)
{
	if (s->run.len)
		s->fn(s->ctx, s->at, &s->run);
	s->run.len = 0;
}

/* Tells a run, together with those that it goes on from. */
static void tell(struct scanner *s, const struct map_run *run)
{
	struct map_run *last = &s->run;

	if (last->len && last->va + last->len == run->va &&
	    last->pa + last->len == run->pa && last->state == run->state &&
	    last->rights == run->rights && last->leaf_len == run->leaf_len) {
		last->len += run->len;
		return;
	}
	flush(s);
	*last = *run;
}

/* How much of run is alike: mapped by System to the same, or not. */
static uint64_t alike_len(const AddrMap *kernel, const struct map_run *run,
			  bool *same)
{
	size_t i = addr_map_find_data(kernel, run->va);
	struct map_run k;

	*same = false;
	if (i == addr_map_n_data(kernel))
		return run->len;
	k = addr_map_data(kernel, i);
	if (k.va > run->va)
		return MIN(run->len, k.va - run->va);
	*same = page_state_in_memory(k.state) &&
		k.pa + (run->va - k.va) == run->pa;
	return MIN(run->len, k.va + k.len - run->va);
}

/* The parts of run that System does not have there: what else it is. */
static void tell_own(struct scanner *s, struct map_run run)
{
	while (run.len) {
		struct map_run piece = run;
		bool same;

		piece.len = alike_len(s->kernel->map, &run, &same);
		if (!same)
			tell(s, &piece);
		run.va += piece.len;
		run.pa += piece.len;
		run.len -= piece.len;
	}
}

/* Does System map the byte that is looked for at the same address? */
/* Is there a frame, in the image or not? */
static bool has_address(enum page_state state)
{
	return page_state_in_memory(state) || state == PAGE_OUTSIDE;
}

static bool system_has(const struct scanner *s, const struct map_run *run)
{
	const Space *kernel = kernel_space(s);
	uint64_t va = space_address(kernel, run->va + (s->pa - run->pa));
	struct vtop_leaf leaf = vtop_translate(&kernel->as, VIRT(va));

	return has_address(leaf.state) &&
	       leaf.pa.v + (va - leaf.va.v) == s->pa;
}

static bool is_wanted(const struct scanner *s, const struct map_run *run)
{
	return has_address(run->state) && s->pa >= run->pa &&
	       s->pa - run->pa < run->len;
}

static bool add_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct scanner *s = ctx;
	uint64_t mask = (UINT64_C(1) << space_at(s)->as.form->va_bits) - 1;
	struct map_run run = {
		.va = leaf->va.v & mask,
		.len = leaf->len,
		.pa = leaf->pa.v,
		.leaf_len = leaf->len,
		.rights = leaf->rights,
		.state = leaf->state,
	};

	s->budget.leaves -= MIN(s->budget.leaves, 1);
	if (s->exact) {
		if (is_wanted(s, &run) && !(s->upper && system_has(s, &run)))
			tell(s, &run);
	} else if (page_state_in_memory(run.state)) {
		if (s->upper)
			tell_own(s, run);
		else
			tell(s, &run);
	}
	return true;
}

/* What a walk says of itself. */
static void note_walk(struct scanner *s, const struct vtop_stats *stats)
{
	uint64_t n = 1;

	for (unsigned i = 0; i < PAGING_LEVELS_MAX; i++)
		n += stats->tables[i];
	s->tables_left -= MIN(s->tables_left, n);
	s->budget.tables -= MIN(s->budget.tables, n);
	if (stats->exhausted)
		s->flags |= SCAN_STOPPED;
	if (stats->io_error)
		s->flags |= SCAN_UNREAD;
}

static void walk(struct scanner *s, uint64_t start, uint64_t last)
{
	g_autoptr(NtProcSpace) full = NULL;
	const struct addr_space *as = &space_at(s)->as;
	struct vtop_stats stats;

	/* VADs tell of the user half alone. */
	if (!s->upper) {
		full = space_full(space_at(s));
		as = &full->as;
	}
	stats = vtop_walk(as, start, last, s->budget, add_leaf, s);
	note_walk(s, &stats);
}

static void tell_view(struct scanner *s, const SpaceView *view, uint64_t end)
{
	for (size_t i = 0; i < addr_map_n_data(view->map); i++) {
		struct map_run run = addr_map_data(view->map, i);

		if (run.va >= end)
			break;
		run.len = MIN(run.len, end - run.va);
		if (page_state_in_memory(run.state))
			tell(s, &run);
	}
	note_walk(s, &addr_map_counts(view->map)->walk);
}

static void walk_differing(struct scanner *s)
{
	if (s->own_len)
		walk(s, s->own, s->own + (s->own_len - 1));
	s->own_len = 0;
}

static void add_differing(struct scanner *s, uint64_t va, uint64_t len)
{
	if (s->own_len && s->own + s->own_len == va) {
		s->own_len += len;
		return;
	}
	walk_differing(s);
	s->own = va;
	s->own_len = len;
}

/* Does an entry point to a table? */
static bool is_table(const struct paging_form *form, unsigned level,
		     uint64_t entry)
{
	return entry & 1 &&
	       !((entry ^ form->inverted) & form->levels[level].large);
}

/* "Accessed" and "dirty" of tables, which make no difference to what they
 * map (SDM vol. 3A 4.5, 4.8; ARM64 ignores these bits of tables). */
static uint64_t void_bits(const struct paging_level *level)
{
	const uint64_t bits = 0x60;

	return level->reserved & bits ? 0 : bits;
}

/* The entries of a table; those that cannot be read lead nowhere: 0. */
static void read_table(const struct addr_space *as, unsigned level,
		       uint64_t table, uint8_t buf[PAGE_SIZE_4K])
{
	size_t each = as->form->entry_bytes;
	size_t n_bytes = each << as->form->levels[level].bits;

	memset(buf, 0, PAGE_SIZE_4K);
	if (physmem_read(as->pm, PHYS(table), buf, n_bytes) == PHYS_OK)
		return;
	for (size_t i = 0; i < n_bytes; i += each)
		if (physmem_read(as->pm, PHYS(table + i), buf + i, each) !=
		    PHYS_OK)
			memset(buf + i, 0, each);
}

static uint64_t entry_at(const struct paging_form *form, const uint8_t *buf,
			 uint64_t i)
{
	return form->entry_bytes == 8 ? load_le64(buf + i * 8) :
					load_le32(buf + i * 4);
}

/* Could two entries of the same place lead to different pages? */
static bool may_differ(const struct paging_form *form, unsigned level,
		       uint64_t mine, uint64_t theirs)
{
	uint64_t bits = mine ^ theirs;

	if (is_table(form, level, mine) && is_table(form, level, theirs))
		bits &= ~void_bits(&form->levels[level]);
	return mine && bits;
}

/* Adds the ranges from start on for which the space's table, which begins at
 * base, has other entries than System's. Recursion over COMPARED_LEVELS. */
static void compare(struct scanner *s, unsigned level, uint64_t table,
		    uint64_t other, uint64_t base, uint64_t start)
{
	const struct addr_space *as = &space_at(s)->as;
	const struct paging_form *form = as->form;
	const struct paging_level *l = &form->levels[level];
	uint64_t span = UINT64_C(1) << l->shift;
	uint8_t my_buf[PAGE_SIZE_4K], their_buf[PAGE_SIZE_4K];

	s->tables_left -= MIN(s->tables_left, 1);
	read_table(as, level, table, my_buf);
	read_table(as, level, other, their_buf);
	for (uint64_t i = start > base ? (start - base) / span : 0;
	     i < UINT64_C(1) << l->bits; i++) {
		uint64_t va = base + i * span, at = MAX(va, start);
		uint64_t mine = entry_at(form, my_buf, i);
		uint64_t theirs = entry_at(form, their_buf, i);

		if (!may_differ(form, level, mine, theirs))
			continue;
		if (level + 1 < MIN(COMPARED_LEVELS, form->n_levels - 1u) &&
		    is_table(form, level, mine) &&
		    is_table(form, level, theirs))
			compare(s, level + 1, mine & form->pa_mask,
				theirs & form->pa_mask, va, start);
		else
			add_differing(s, at, va + span - at);
	}
}

/* What lies above start and is not System's. */
static void scan_upper(struct scanner *s, uint64_t start)
{
	const Space *kernel = kernel_space(s);
	uint64_t mine = addr_space_dtb(&space_at(s)->as).v;
	uint64_t theirs = addr_space_dtb(&kernel->as).v;

	if (mine == theirs)
		return;
	s->upper = true;
	s->budget = vtop_budget_for(space_at(s)->as.pm);
	compare(s, 0, mine, theirs, 0, start);
	walk_differing(s);
	s->upper = false;
}

/* Where the part of the space begins that it shares with System. */
static uint64_t upper_start(const struct scanner *s)
{
	const Space *space = space_at(s), *kernel = kernel_space(s);

	if (space->kind == SPACE_KERNEL || !kernel ||
	    space->as.form != kernel->as.form)
		return UINT64_MAX;
	return space->whole ? kernel->start :
			      MIN(space->last + 1, kernel->start);
}

static void scan_one(struct scanner *s, size_t i)
{
	Space *space = s->scan->spaces[i];
	uint64_t upper;

	s->at = i;
	s->flags = s->tables_left ? 0 : SCAN_SKIPPED;
	if (space->empty || s->flags)
		return;
	upper = upper_start(s);
	s->budget = vtop_budget_for(space->as.pm);
	if (s->exact || space->kind == SPACE_DTB) {
		walk(s, space->start, MIN(space->last, upper - 1));
	} else {
		g_autoptr(SpaceView) view = space_view(space, s->scan->cache);

		tell_view(s, view, upper);
	}
	if (upper != UINT64_MAX)
		scan_upper(s, upper);
	flush(s);
}

static void scan_all(struct scanner *s, uint8_t *flags)
{
	g_autoptr(SpaceView) kernel = NULL;
	Space *const *spaces = s->scan->spaces;

	if (!s->scan->n)
		return;
	if (!s->exact && kernel_space(s))
		s->kernel = kernel = space_view(spaces[0], s->scan->cache);
	s->tables_left = SCAN_BUDGETS *
			 vtop_budget_for(spaces[0]->as.pm).tables;
	for (size_t i = 0; i < s->scan->n; i++) {
		scan_one(s, i);
		flags[i] = (uint8_t)s->flags;
	}
}

void scan_memory(const struct scan *scan, uint8_t *flags, scan_fn fn,
		 void *ctx)
{
	struct scanner s = { .scan = scan, .fn = fn, .ctx = ctx };

	scan_all(&s, flags);
}

void scan_for(const struct scan *scan, PhysAddr pa, uint8_t *flags,
	      scan_fn fn, void *ctx)
{
	struct scanner s = { .scan = scan, .fn = fn, .ctx = ctx,
			     .exact = true, .pa = pa.v };

	scan_all(&s, flags);
}
