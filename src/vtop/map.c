/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compact record of an address space. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/map.h"

/*
 * A run in 16 bytes.
 *   key:  page number of the address (45 bits for 57-bit addresses) << 19 |
 *	   state << 8 | leaf class << 6 | rights (6 bits)
 *   body: page frame number (40 bits) << 24 | number of pages
 */
struct packed_run {
	uint64_t key;
	uint64_t body;
};
G_STATIC_ASSERT(sizeof(struct packed_run) == 16);

enum { KEY_SHIFT = 19, COUNT_BITS = 24 };
#define COUNT_MAX ((UINT64_C(1) << COUNT_BITS) - 1)

static const uint64_t leaf_lens[] = { 4 * KIB, 2 * MIB, 4 * MIB, GIB };

struct AddrMap {
	gatomicrefcount refs;
	bool direct;
	GArray *data; /* struct packed_run; of a list struct map_run */
	GArray *lost;
	GArray *sums; /* uint64_t: data bytes before each data run */
	struct map_counts counts;
};

struct builder {
	AddrMap *map;
	const PhysMem *pm;
	uint64_t va_mask;
	uint64_t pieces_left; /* a large page over many runs is many pieces */
	const struct map_overlay *overlays; /* those not yet passed */
	size_t n_overlays;
};

static unsigned leaf_class(uint64_t len)
{
	for (unsigned i = G_N_ELEMENTS(leaf_lens) - 1; i > 0; i--)
		if (len >= leaf_lens[i])
			return i;
	return 0;
}

static struct map_run unpack(struct packed_run p)
{
	struct map_run run = {
		.va = p.key >> KEY_SHIFT << PAGE_SHIFT_4K,
		.len = (p.body & COUNT_MAX) << PAGE_SHIFT_4K,
		.pa = p.body >> COUNT_BITS << PAGE_SHIFT_4K,
		.leaf_len = leaf_lens[p.key >> 6 & 3],
		.rights = p.key & 63,
		.state = p.key >> 8 & 31,
	};

	return run;
}

static struct packed_run pack(const struct map_run *run)
{
	return (struct packed_run){
		.key = run->va >> PAGE_SHIFT_4K << KEY_SHIFT |
		       (uint64_t)run->state << 8 |
		       (uint64_t)leaf_class(run->leaf_len) << 6 | run->rights,
		.body = run->pa >> PAGE_SHIFT_4K << COUNT_BITS |
			run->len >> PAGE_SHIFT_4K,
	};
}

/* In either form. */
static struct map_run run_at(GArray *runs, size_t index)
{
	if (g_array_get_element_size(runs) == sizeof(struct map_run))
		return g_array_index(runs, struct map_run, index);
	return unpack(g_array_index(runs, struct packed_run, index));
}

/* Does run go on where prev ends, in both spaces, and alike? */
static bool continues(const struct packed_run *prev, const struct map_run *run,
		      struct packed_run p)
{
	struct map_run last = unpack(*prev);
	uint64_t alike = (UINT64_C(1) << KEY_SHIFT) - 1;

	if ((prev->key & alike) != (p.key & alike) ||
	    last.va + last.len != run->va)
		return false;
	if (page_state_has_place(run->state) && last.pa + last.len != run->pa)
		return false;
	return (prev->body & COUNT_MAX) + (p.body & COUNT_MAX) <= COUNT_MAX;
}

static void append_piece(GArray *runs, const struct map_run *run)
{
	struct packed_run p = pack(run);
	struct packed_run *prev = NULL;

	if (runs->len)
		prev = &g_array_index(runs, struct packed_run, runs->len - 1);
	if (prev && continues(prev, run, p))
		prev->body += p.body & COUNT_MAX;
	else
		g_array_append_val(runs, p);
}

/* A run can be longer than the count has bits: in pieces then. */
static void append_run(GArray *runs, struct map_run run)
{
	uint64_t left = run.len;

	while (left) {
		run.len = MIN(left, COUNT_MAX << PAGE_SHIFT_4K);
		append_piece(runs, &run);
		left -= run.len;
		run.va += run.len;
		if (page_state_has_place(run.state))
			run.pa += run.len;
	}
}

/* Length of what is at pa in whole pages: a page of which any byte is in the
 * image counts as present. */
static uint64_t piece_len(const PhysMem *pm, uint64_t pa, uint64_t max,
			  bool *present)
{
	struct phys_slice s;

	*present = physmem_has_page(pm, PHYS(pa));
	s = physmem_slice(pm, PHYS(pa), max);
	if (s.present != *present) /* a page that is there in part */
		return PAGE_SIZE_4K;
	if (s.present)
		return MIN(max, page_ceil(s.len));
	return MAX(page_floor(s.len), PAGE_SIZE_4K);
}

/* How much of run the overlays treat alike; adds their rights to it. */
static uint64_t overlay_len(struct builder *b, struct map_run *run,
			    uint64_t len)
{
	const struct map_overlay *o;

	while (b->n_overlays && b->overlays->last < run->va) {
		b->overlays++;
		b->n_overlays--;
	}
	o = b->overlays;
	if (!b->n_overlays)
		return len;
	if (o->start > run->va)
		return MIN(len, o->start - run->va);
	run->rights |= o->rights;
	return MIN(len, o->last - run->va + 1);
}

/* One more entry of the map may be made, for what is at va. */
static bool take_piece(struct builder *b, uint64_t va)
{
	struct vtop_stats *walk = &b->map->counts.walk;

	if (!b->pieces_left) {
		walk->exhausted = true;
		walk->stopped_at = va;
		return false;
	}
	b->pieces_left--;
	return true;
}

/* Data of a leaf: the parts of its frame that are in the image, and the
 * parts that are not. */
static bool add_data(struct builder *b, struct map_run run)
{
	struct map_counts *c = &b->map->counts;
	uint64_t left = run.len;

	while (left) {
		struct map_run piece = run;
		bool present;

		if (!take_piece(b, run.va))
			return false;
		piece.len = overlay_len(b, &piece, left);
		piece.len = piece_len(b->pm, run.pa, piece.len, &present);
		if (!present) {
			piece.state = PAGE_OUTSIDE;
			piece.pa = 0;
		}
		append_run(present ? b->map->data : b->map->lost, piece);
		c->pages[piece.state] += piece.len >> PAGE_SHIFT_4K;
		if (present)
			c->data_bytes += piece.len;
		else
			c->lost_bytes += piece.len;
		left -= piece.len;
		run.va += piece.len;
		run.pa += piece.len;
	}
	return true;
}

/* What is in a page file or the store: whole, or not at all. */
static bool add_elsewhere(struct builder *b, struct map_run run)
{
	struct map_counts *c = &b->map->counts;
	bool data = page_state_has_data(run.state);
	bool placed = page_state_has_place(run.state);
	uint64_t left = run.len;

	if (!placed)
		run.pa = 0;
	while (left) {
		struct map_run piece = run;

		if (!take_piece(b, run.va))
			return false;
		piece.len = placed ? overlay_len(b, &piece, left) : left;
		append_run(data ? b->map->data : b->map->lost, piece);
		c->pages[run.state] += piece.len >> PAGE_SHIFT_4K;
		*(data ? &c->data_bytes : &c->lost_bytes) += piece.len;
		left -= piece.len;
		run.va += piece.len;
		if (placed)
			run.pa += piece.len;
	}
	return true;
}

#define WHOLE_RUN (UINT64_C(1) << 63)

/* A range of a list. Its pages may be those of its neighbours as well. */
static bool add_direct(struct builder *b, struct map_run run)
{
	struct map_counts *c = &b->map->counts;
	uint64_t first = run.va >> PAGE_SHIFT_4K;
	uint64_t last = (run.va + (run.len - 1)) >> PAGE_SHIFT_4K;
	GArray *runs = b->map->data;

	if (runs->len) {
		const struct map_run *prev =
			&g_array_index(runs, struct map_run, runs->len - 1);

		first += (prev->va + (prev->len - 1)) >> PAGE_SHIFT_4K == first;
	}
	run.leaf_len = WHOLE_RUN;
	g_array_append_val(runs, run);
	c->pages[PAGE_DIRECT] += last + 1 - first;
	c->data_bytes += run.len;
	return true;
}

static bool add_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct builder *b = ctx;
	struct map_counts *c = &b->map->counts;
	struct map_run run = {
		.va = leaf->va.v & b->va_mask,
		.len = leaf->len,
		.pa = leaf->pa.v,
		.leaf_len = leaf->len,
		.rights = leaf->rights,
		.state = leaf->state,
	};

	if (leaf->state == PAGE_DIRECT)
		return add_direct(b, run);
	if (page_state_in_memory(leaf->state)) {
		uint64_t before = c->data_bytes;
		bool go_on;

		/* A page each, where they follow each other. */
		if (leaf->state == PAGE_PROTOTYPE)
			run.leaf_len = PAGE_SIZE_4K;
		go_on = add_data(b, run);
		if (leaf_class(run.leaf_len) && c->data_bytes > before)
			c->large[leaf_class(run.leaf_len) - 1]++;
		return go_on;
	}
	if (page_state_has_data(leaf->state) ||
	    page_state_is_lost(leaf->state))
		return add_elsewhere(b, run);
	c->pages[leaf->state] += leaf->len >> PAGE_SHIFT_4K;
	return true;
}

static void add_sums(AddrMap *map)
{
	uint64_t sum = 0;

	map->sums = g_array_sized_new(FALSE, FALSE, sizeof sum,
				      map->data->len + 1);
	for (size_t i = 0; i < addr_map_n_data(map); i++) {
		g_array_append_val(map->sums, sum);
		sum += addr_map_data(map, i).len;
	}
	g_array_append_val(map->sums, sum);
}

static AddrMap *map_new(bool direct)
{
	AddrMap *map = g_new0(AddrMap, 1);

	g_atomic_ref_count_init(&map->refs);
	map->direct = direct;
	map->data = g_array_new(FALSE, FALSE,
				direct ? sizeof(struct map_run) :
					 sizeof(struct packed_run));
	map->lost = g_array_new(FALSE, FALSE, sizeof(struct packed_run));
	return map;
}

AddrMap *addr_map_empty(void)
{
	AddrMap *map = map_new(false);

	add_sums(map);
	return map;
}

AddrMap *addr_map_build(const struct addr_space *as, uint64_t start,
			uint64_t last)
{
	return addr_map_build_over(as, start, last, NULL, 0);
}

AddrMap *addr_map_build_over(const struct addr_space *as, uint64_t start,
			     uint64_t last, const struct map_overlay *overlays,
			     size_t n)
{
	struct vtop_budget budget = vtop_budget_for(as->pm);
	struct builder b = { .pm = as->pm, .overlays = overlays,
			     .n_overlays = n };
	struct vtop_stats walk;

	b.va_mask = (UINT64_C(1) << as->form->va_bits) - 1;
	b.map = map_new(as->direct != NULL);
	b.pieces_left = budget.leaves;
	walk = vtop_walk(as, start, last, budget, add_leaf, &b);
	if (b.map->counts.walk.exhausted) { /* by take_piece() */
		walk.exhausted = true;
		walk.stopped_at = MAX(b.map->counts.walk.stopped_at, start);
	}
	b.map->counts.walk = walk;
	add_sums(b.map);
	return b.map;
}

AddrMap *addr_map_ref(AddrMap *map)
{
	g_atomic_ref_count_inc(&map->refs);
	return map;
}

void addr_map_unref(AddrMap *map)
{
	if (!map || !g_atomic_ref_count_dec(&map->refs))
		return;
	g_array_unref(map->data);
	g_array_unref(map->lost);
	g_array_unref(map->sums);
	g_free(map);
}

uint64_t map_counts_resident(const struct map_counts *counts)
{
	return counts->data_bytes - ((counts->pages[PAGE_PAGEFILE] +
				      counts->pages[PAGE_STORE])
				     << PAGE_SHIFT_4K);
}

bool addr_map_is_direct(const AddrMap *map)
{
	return map->direct;
}

size_t addr_map_footprint(const AddrMap *map)
{
	return sizeof *map +
	       map->data->len * g_array_get_element_size(map->data) +
	       map->lost->len * sizeof(struct packed_run) +
	       map->sums->len * sizeof(uint64_t);
}

const struct map_counts *addr_map_counts(const AddrMap *map)
{
	return &map->counts;
}

static size_t find_run(GArray *runs, uint64_t va)
{
	size_t low = 0, high = runs->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct map_run run = run_at(runs, mid);

		if (run.va + run.len <= va)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t addr_map_n_data(const AddrMap *map)
{
	return map->data->len;
}

struct map_run addr_map_data(const AddrMap *map, size_t index)
{
	return run_at(map->data, index);
}

size_t addr_map_find_data(const AddrMap *map, uint64_t va)
{
	return find_run(map->data, va);
}

size_t addr_map_n_lost(const AddrMap *map)
{
	return map->lost->len;
}

struct map_run addr_map_lost(const AddrMap *map, size_t index)
{
	return unpack(g_array_index(map->lost, struct packed_run, index));
}

size_t addr_map_find_lost(const AddrMap *map, uint64_t va)
{
	return find_run(map->lost, va);
}

/* Data bytes below va. */
static uint64_t data_below(const AddrMap *map, uint64_t va)
{
	size_t i = find_run(map->data, va);
	uint64_t sum = g_array_index(map->sums, uint64_t, i);

	if (i < map->data->len) {
		struct map_run run = addr_map_data(map, i);

		if (va > run.va)
			sum += va - run.va;
	}
	return sum;
}

uint64_t addr_map_data_bytes(const AddrMap *map, uint64_t start, uint64_t len)
{
	return data_below(map, start + len) - data_below(map, start);
}
