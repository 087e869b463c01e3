/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the ranges of an address space, and merging them. */
#include "config.h"

#include "base/bytes.h"
#include "nt/machine.h"
#include "tree/ranges.h"

/* Ranges outside of VADs: kept apart while they are collected, and shown. */
#define STRAYS_MAX 16384u
#define STRAYS_SHOWN 100u
/* Merging begins with ranges that touch, then takes gaps of 64 KiB (Windows
 * reserves in such steps), and each time of four times as much. */
#define GAP_FIRST (64 * KIB)
#define LEVELS 32u

enum range_part range_part_of(enum page_state state)
{
	if (page_state_in_memory(state) || state == PAGE_DIRECT)
		return PART_RESIDENT;
	if (page_state_has_data(state))
		return PART_SWAPPED;
	return page_state_is_lost(state) ? PART_LOST : PART_UNTOUCHED;
}

bool range_knows_exec(const Space *space)
{
	return space->as.form->leaf.exec != 0;
}

bool range_run_wx(const Space *space, const struct map_run *run)
{
	return page_state_has_data(run->state) && range_knows_exec(space) &&
	       run->rights & RIGHT_WRITE && run->rights & RIGHT_EXEC &&
	       !(run->rights & RIGHT_COW);
}

struct run_cursor run_cursor_at(const AddrMap *map, uint64_t va)
{
	return (struct run_cursor){ map, addr_map_find_data(map, va),
				    addr_map_find_lost(map, va) };
}

bool run_cursor_next(struct run_cursor *at, struct map_run *ret)
{
	bool has_data = at->data < addr_map_n_data(at->map);
	bool has_lost = at->lost < addr_map_n_lost(at->map);
	struct map_run data, lost;

	if (has_data)
		data = addr_map_data(at->map, at->data);
	if (has_lost)
		lost = addr_map_lost(at->map, at->lost);
	if (has_data && (!has_lost || data.va <= lost.va)) {
		*ret = data;
		at->data++;
		return true;
	}
	if (!has_lost)
		return false;
	*ret = lost;
	at->lost++;
	return true;
}

static struct range *range_at(const GArray *ranges, guint i)
{
	return &g_array_index(ranges, struct range, i);
}

/* The gap that a level of merging closes; UINT64_MAX: any. */
static uint64_t gap_of(unsigned level)
{
	if (!level)
		return 0;
	return level >= LEVELS - 8 ? UINT64_MAX :
				     GAP_FIRST << 2 * (level - 1);
}

static bool may_merge(const struct range *a, const struct range *b,
		      unsigned level)
{
	uint64_t gap = b->start - a->last - 1;

	if (gap > gap_of(level) || a->area != b->area)
		return false;
	if (level >= LEVELS - 1)
		return true;
	if (a->wx != b->wx)
		return false;
	/* Whatever kind, where only that leads any further. */
	if (level >= LEVELS - 4)
		return true;
	if (a->kind != b->kind)
		return false;
	if (!level)
		return !a->has_vad && !b->has_vad && a->rights == b->rights;
	return level > 1 || (!a->name && !b->name);
}

static void merge(struct range *a, const struct range *b)
{
	if (b->size > a->size)
		a->kind = b->kind;
	a->last = b->last;
	a->size += b->size;
	a->rights |= b->rights;
	a->wx |= b->wx;
	a->has_vad &= b->has_vad && a->protection == b->protection;
	a->n += b->n;
	a->name = NULL;
}

static void merge_all(GArray *ranges, unsigned level)
{
	guint n = 0;

	for (guint i = 0; i < ranges->len; i++) {
		struct range r = *range_at(ranges, i);

		if (n && may_merge(range_at(ranges, n - 1), &r, level))
			merge(range_at(ranges, n - 1), &r);
		else
			*range_at(ranges, n++) = r;
	}
	g_array_set_size(ranges, n);
}

static void merge_down_to(GArray *ranges, guint max)
{
	for (unsigned level = 1; ranges->len > max && level < LEVELS; level++)
		merge_all(ranges, level);
}

/* Of merging as it goes. */
struct collector {
	struct range_list *list;
	const Space *space;
	GArray *vads;	/* struct range, ascending */
	guint at;	/* the first that may have what comes next */
	GArray *strays;
	unsigned level;
};

static enum range_kind stray_kind(const Space *space, uint64_t va)
{
	uint64_t half = UINT64_C(1) << (space->as.form->va_bits - 1);

	if (space->kind == SPACE_KERNEL || va >= half)
		return RANGE_KERNEL;
	return RANGE_UNKNOWN;
}

static void add_stray(struct collector *c, const struct map_run *run)
{
	struct range r = {
		.start = run->va,
		.last = run->va + (run->len - 1),
		.size = run->len,
		.kind = stray_kind(c->space, run->va),
		.rights = run->rights,
		.wx = range_run_wx(c->space, run),
		.n = 1,
		.area = c->at,
	};
	struct range *prev = NULL;

	if (c->strays->len)
		prev = range_at(c->strays, c->strays->len - 1);
	if (prev && may_merge(prev, &r, c->level)) {
		merge(prev, &r);
		prev->n -= !c->level; /* pages that touch are one range */
		return;
	}
	g_array_append_val(c->strays, r);
	while (c->strays->len > STRAYS_MAX && c->level < LEVELS - 1)
		merge_all(c->strays, ++c->level);
}

static void add_to_vad(const struct collector *c, struct range *r,
		       const struct map_run *run)
{
	if (!page_state_has_data(run->state))
		return;
	r->rights |= run->rights;
	r->wx |= range_run_wx(c->space, run);
}

static void count_part(struct collector *c, enum range_kind kind,
		       const struct map_run *run)
{
	struct range_sum *sum = &c->list->sums[kind];

	sum->parts[range_part_of(run->state)] += run->len;
}

/* A run, cut where VADs begin and end. */
static void add_run(struct collector *c, struct map_run run)
{
	while (run.len) {
		struct map_run piece = run;
		struct range *vad = NULL;

		while (c->at < c->vads->len &&
		       range_at(c->vads, c->at)->last < run.va)
			c->at++;
		if (c->at < c->vads->len)
			vad = range_at(c->vads, c->at);
		if (vad && vad->start <= run.va) {
			piece.len = MIN(run.len, vad->last - run.va + 1);
			add_to_vad(c, vad, &piece);
			count_part(c, vad->kind, &piece);
		} else {
			if (vad)
				piece.len = MIN(run.len, vad->start - run.va);
			add_stray(c, &piece);
			count_part(c, stray_kind(c->space, piece.va), &piece);
		}
		run.va += piece.len;
		run.pa += piece.len;
		run.len -= piece.len;
	}
}

/* MM_EXECUTE_READWRITE in the protection of a VAD (mi.h of the WRK). */
static bool vad_is_wx(const struct nt_vad *vad)
{
	return (vad->protection & 7) == 6;
}

static enum range_kind vad_kind(const struct space_vad *v)
{
	/* VadImageMap */
	if (v->vad.type == 2)
		return RANGE_IMAGE;
	if (v->vad.private_memory)
		return RANGE_PRIVATE;
	return v->path ? RANGE_FILE : RANGE_SHARED;
}

/* By what Windows put there; else what it is anyhow. */
static enum range_kind kind_by_name(const char *name, enum range_kind kind)
{
	static const struct {
		const char *prefix;
		enum range_kind kind;
	} known[] = {
		{ "[heap", RANGE_HEAP },     { "[stack", RANGE_STACK },
		{ "[teb", RANGE_SYSTEM },    { "[peb", RANGE_SYSTEM },
		{ "[kuser", RANGE_SYSTEM },
	};

	for (size_t i = 0; name && i < G_N_ELEMENTS(known); i++)
		if (g_str_has_prefix(name, known[i].prefix))
			return known[i].kind;
	return kind;
}

static void fill_vad(struct range *r, const struct space_vad *v)
{
	r->kind = vad_kind(v);
	r->has_vad = true;
	r->protection = v->vad.protection;
	r->wx = vad_is_wx(&v->vad);
}

/* Parts of a VAD that are called alike are one range. */
static void add_part(GArray *ranges, const struct range *r)
{
	struct range *prev = NULL;

	if (ranges->len)
		prev = range_at(ranges, ranges->len - 1);
	if (!prev || !prev->has_vad || !r->has_vad ||
	    prev->last + 1 != r->start || prev->area != r->area ||
	    g_strcmp0(prev->name, r->name)) {
		g_array_append_vals(ranges, r, 1);
		return;
	}
	prev->last = r->last;
	prev->size += r->size;
}

/* What is described: VADs, with what is known to be in them; drivers. */
static void add_described(struct collector *c)
{
	const GArray *vads = space_vads(c->list->vads);
	const GArray *ranges = space_ranges(c->list->vads);

	for (guint i = 0; i < ranges->len; i++) {
		const struct space_range *part =
			&g_array_index(ranges, struct space_range, i);
		struct range r = { .start = part->start, .last = part->last,
				   .kind = stray_kind(c->space, part->start),
				   .n = 1, .name = part->name,
				   .area = part->vad };

		if (r.last > c->space->last)
			break;
		r.size = r.last - r.start + 1;
		if (part->vad != NO_VAD)
			fill_vad(&r, &g_array_index(vads, struct space_vad,
						    part->vad));
		else if (r.kind == RANGE_KERNEL && r.name)
			r.kind = RANGE_IMAGE;
		r.kind = kind_by_name(r.name, r.kind);
		add_part(c->vads, &r);
	}
}

static gint compare_ranges(gconstpointer a, gconstpointer b)
{
	const struct range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->last < y->last ? -1 : x->last > y->last;
}

/* Of two that overlap, the one that starts lower is kept. */
static void drop_overlaps(GArray *ranges)
{
	guint n = 0;

	g_array_sort(ranges, compare_ranges);
	for (guint i = 0; i < ranges->len; i++)
		if (!n || range_at(ranges, n - 1)->last <
				  range_at(ranges, i)->start)
			*range_at(ranges, n++) = *range_at(ranges, i);
	g_array_set_size(ranges, n);
}

static void add_page_tables(struct collector *c)
{
	uint64_t len, start;
	struct range r = { .kind = RANGE_KERNEL, .n = 1,
			   .name = "[page tables]" };

	if (c->space->as.direct)
		return;
	start = nt_self_map(&c->space->as, &len);
	r.start = start;
	r.last = start + (len - 1);
	r.size = len;
	if (len && start >= c->space->start && r.last <= c->space->last)
		g_array_append_val(c->vads, r);
}

static void count_all(struct collector *c, const GArray *ranges)
{
	struct range_list *list = c->list;

	for (guint i = 0; i < ranges->len; i++) {
		const struct range *r = range_at(ranges, i);

		list->sums[r->kind].n += r->n;
		list->sums[r->kind].size += r->size;
		list->n_all += r->n;
		list->n_wx += r->wx ? r->n : 0;
	}
}

static void finish_sums(struct range_list *list)
{
	for (unsigned i = 0; i < RANGE_KINDS; i++) {
		struct range_sum *s = &list->sums[i];
		uint64_t there = s->parts[PART_RESIDENT] +
				 s->parts[PART_SWAPPED] + s->parts[PART_LOST];

		s->parts[PART_UNTOUCHED] = s->size - MIN(s->size, there);
	}
}

static void put_together(GArray *ranges, GArray *strays)
{
	for (guint i = 0; i < strays->len; i++)
		range_at(strays, i)->area = 0;
	for (guint i = 0; i < ranges->len; i++)
		range_at(ranges, i)->area = 0;
	if (strays->len)
		g_array_append_vals(ranges, strays->data, strays->len);
	g_array_sort(ranges, compare_ranges);
}

struct range_list *range_list_new(const struct render_facts *facts,
				  const Space *space, const SpaceView *view,
				  guint max)
{
	struct range_list *list = g_new0(struct range_list, 1);
	g_autoptr(GArray) strays = g_array_new(FALSE, FALSE,
					       sizeof(struct range));
	struct run_cursor at = run_cursor_at(view->map, 0);
	struct collector c = { .list = list, .space = space,
			       .strays = strays };
	struct map_run run;

	list->vads = space_vads_get(facts, space);
	list->ranges = c.vads = g_array_new(FALSE, FALSE,
					    sizeof(struct range));
	add_described(&c);
	if (space->kind == SPACE_KERNEL)
		add_page_tables(&c);
	drop_overlaps(c.vads);
	while (run_cursor_next(&at, &run))
		add_run(&c, run);
	count_all(&c, list->ranges);
	count_all(&c, strays);
	finish_sums(list);
	merge_down_to(strays, MIN(max, STRAYS_SHOWN));
	put_together(list->ranges, strays);
	merge_down_to(list->ranges, max);
	return list;
}

void range_list_free(struct range_list *list)
{
	if (!list)
		return;
	g_array_unref(list->ranges);
	detail_unref(list->vads);
	g_free(list);
}
