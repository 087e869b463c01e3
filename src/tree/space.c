/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address spaces and the cache of what was found about them. */
#include "config.h"

#include "base/bytes.h"
#include "tree/rows.h"
#include "tree/space.h"

struct ViewCache {
	GMutex lock;	/* guards the views of all spaces, and the list */
	GQueue lru;	/* of Space, the one used last at the head */
	size_t bytes;
	size_t max_bytes;
};

ViewCache *view_cache_new(size_t max_bytes)
{
	ViewCache *cache = g_new0(ViewCache, 1);

	g_mutex_init(&cache->lock);
	cache->max_bytes = max_bytes;
	return cache;
}

void view_cache_free(ViewCache *cache)
{
	if (!cache)
		return;
	g_mutex_clear(&cache->lock);
	g_free(cache);
}

/* The highest user address + 1 of 32-bit Windows without /3GB
 * (MmHighestUserAddress 0x7ffeffff). */
#define USER_END_32 UINT64_C(0x7fff0000)

static uint64_t half_of(const struct paging_form *form)
{
	return form->va_bits == 32 ? UINT64_C(0x80000000) :
				     UINT64_C(1) << (form->va_bits - 1);
}

static void set_bounds(Space *s, bool whole)
{
	const struct paging_form *form = s->as.form;
	uint64_t all = UINT64_C(1) << form->va_bits;

	s->last = all - 1;
	s->vmem_size = all;
	if (s->kind == SPACE_KERNEL) {
		s->start = half_of(form);
	} else if (!whole) {
		s->vmem_size = form->va_bits == 32 ? USER_END_32 :
						     half_of(form);
		s->last = s->vmem_size - 1;
	}
	s->whole = whole;
}

Space *space_new(enum space_kind kind, const struct addr_space *as, bool whole)
{
	Space *s = g_new0(Space, 1);

	s->kind = kind;
	s->as = *as;
	s->dtb_raw = as->root.v;
	s->empty = addr_space_dtb(as).v == 0 && !as->direct;
	set_bounds(s, whole || kind != SPACE_PROCESS);
	g_mutex_init(&s->build_lock);
	s->lru.data = s;
	return s;
}

void space_set_user_end(Space *space, uint64_t user_end)
{
	if (space->as.form->va_bits != 32 || user_end <= USER_END_32)
		return;
	/* The kernel half begins at the next GiB (0xc0000000 with /3GB). */
	if (space->kind == SPACE_KERNEL)
		space->start = (user_end + GIB - 1) / GIB * GIB;
	else if (!space->whole) {
		space->vmem_size = user_end;
		space->last = user_end - 1;
	}
}

/* Forgets the view; the cache's lock is held. */
static void drop_view(ViewCache *cache, Space *space)
{
	if (!space->view)
		return;
	g_queue_unlink(&cache->lru, &space->lru);
	cache->bytes -= space->footprint;
	space_view_unref(space->view);
	space->view = NULL;
}

void view_cache_trim(ViewCache *cache)
{
	g_mutex_lock(&cache->lock);
	cache->max_bytes = 0;
	while (cache->lru.length)
		drop_view(cache, g_queue_peek_tail(&cache->lru));
	g_mutex_unlock(&cache->lock);
}

void space_free(Space *space, ViewCache *cache)
{
	if (!space)
		return;
	g_mutex_lock(&cache->lock);
	drop_view(cache, space);
	g_mutex_unlock(&cache->lock);
	g_mutex_clear(&space->build_lock);
	for (size_t i = 0; i < G_N_ELEMENTS(space->rows); i++)
		row_text_free(atomic_load(&space->rows[i]));
	g_free(space);
}

/* Rights that are told apart in regions. */
static unsigned visible(unsigned rights)
{
	return rights &
	       (RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC | RIGHT_SHARED);
}

static void find_regions(SpaceView *view)
{
	view->regions = g_array_new(FALSE, FALSE, sizeof(struct region));
	for (size_t i = 0; i < addr_map_n_data(view->map); i++) {
		struct map_run run = addr_map_data(view->map, i);
		struct region r = { run.va, run.len, visible(run.rights) };
		struct region *prev = NULL;

		if (view->regions->len)
			prev = &g_array_index(view->regions, struct region,
					      view->regions->len - 1);
		if (prev && prev->start + prev->len == r.start &&
		    prev->rights == r.rights)
			prev->len += r.len;
		else
			g_array_append_val(view->regions, r);
	}
}

/* What the VADs say is not the process's own. */
static GArray *shared_ranges(const GArray *vads)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct map_overlay));

	for (guint i = 0; i < vads->len; i++) {
		const struct nt_vad *vad =
			&g_array_index(vads, struct nt_vad, i);
		struct map_overlay o = { vad->start, vad->last, RIGHT_SHARED };

		if (!nt_vad_is_private(vad))
			g_array_append_val(ranges, o);
	}
	return ranges;
}

NtProcSpace *space_full(const Space *space)
{
	bool known = space->proc && space->profile;

	return nt_proc_space_new(&space->as, space->profile,
				 known ? &space->proc->p : NULL,
				 known ? &space->proc->as : NULL);
}

static AddrMap *walk(const Space *space)
{
	g_autoptr(NtProcSpace) full = NULL;
	g_autoptr(GArray) shared = NULL;

	if (space->empty)
		return addr_map_empty();
	full = space_full(space);
	shared = shared_ranges(full->vads);
	return addr_map_build_over(
		&full->as, space->start, space->last,
		(const struct map_overlay *)(const void *)shared->data,
		shared->len);
}

static SpaceView *view_build(const Space *space)
{
	SpaceView *view = g_new0(SpaceView, 1);

	g_atomic_ref_count_init(&view->refs);
	view->map = walk(space);
	find_regions(view);
	return view;
}

SpaceView *space_view_ref(SpaceView *view)
{
	g_atomic_ref_count_inc(&view->refs);
	return view;
}

void space_view_unref(SpaceView *view)
{
	if (!view || !g_atomic_ref_count_dec(&view->refs))
		return;
	addr_map_unref(view->map);
	g_array_unref(view->regions);
	g_free(view);
}

size_t space_view_footprint(const SpaceView *view)
{
	return sizeof *view + addr_map_footprint(view->map) +
	       view->regions->len * sizeof(struct region);
}

/* The view where there is one, marked as used. */
static SpaceView *cached_view(ViewCache *cache, Space *space)
{
	SpaceView *view = NULL;

	g_mutex_lock(&cache->lock);
	if (space->view) {
		view = space_view_ref(space->view);
		g_queue_unlink(&cache->lru, &space->lru);
		g_queue_push_head_link(&cache->lru, &space->lru);
	}
	g_mutex_unlock(&cache->lock);
	return view;
}

static void keep_view(ViewCache *cache, Space *space, SpaceView *view)
{
	g_mutex_lock(&cache->lock);
	space->view = space_view_ref(view);
	space->footprint = space_view_footprint(view);
	cache->bytes += space->footprint;
	g_queue_push_head_link(&cache->lru, &space->lru);
	while (cache->bytes > cache->max_bytes && cache->lru.length > 1)
		drop_view(cache, g_queue_peek_tail(&cache->lru));
	g_mutex_unlock(&cache->lock);
}

/* What can be gone through in some 100 microseconds. */
#define SMALL_PAGES UINT64_C(8192)
#define SMALL_RUNS 4096u
#define SMALL_TABLES UINT64_C(4096)

static bool view_is_small(const SpaceView *view)
{
	const struct map_counts *c = addr_map_counts(view->map);
	uint64_t tables = 0;

	for (unsigned i = 0; i < PAGING_LEVELS_MAX; i++)
		tables += c->walk.tables[i];
	return c->data_bytes / PAGE_SIZE_4K <= SMALL_PAGES &&
	       addr_map_n_data(view->map) + addr_map_n_lost(view->map) <=
		       SMALL_RUNS &&
	       tables <= SMALL_TABLES;
}

bool space_has_small_view(const Space *space, ViewCache *cache)
{
	bool has;

	g_mutex_lock(&cache->lock);
	has = space->view && view_is_small(space->view);
	g_mutex_unlock(&cache->lock);
	return has;
}

bool space_has_view(const Space *space, ViewCache *cache)
{
	bool has;

	g_mutex_lock(&cache->lock);
	has = space->view != NULL;
	g_mutex_unlock(&cache->lock);
	return has;
}

SpaceView *space_view(Space *space, ViewCache *cache)
{
	SpaceView *view = cached_view(cache, space);

	if (view)
		return view;
	g_mutex_lock(&space->build_lock);
	view = cached_view(cache, space);
	if (!view) {
		view = view_build(space);
		keep_view(cache, space, view);
	}
	g_mutex_unlock(&space->build_lock);
	return view;
}

size_t space_view_find_region(const SpaceView *view, uint64_t start)
{
	size_t low = 0, high = view->regions->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct region *r =
			&g_array_index(view->regions, struct region, mid);

		if (r->start == start)
			return mid;
		if (r->start < start)
			low = mid + 1;
		else
			high = mid;
	}
	return SIZE_MAX;
}

uint64_t space_address(const Space *space, uint64_t offset)
{
	return virt_canonical(offset, space->as.form->va_bits).v;
}

void space_perms(unsigned rights, char ret[5])
{
	ret[0] = rights & RIGHT_READ ? 'r' : '-';
	ret[1] = rights & RIGHT_WRITE ? 'w' : '-';
	ret[2] = rights & RIGHT_EXEC ? 'x' : '-';
	ret[3] = rights & RIGHT_SHARED ? 's' : 'p';
	ret[4] = '\0';
}
