/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hibernation files: which page is in which set, and what is in a set. */
#include "config.h"

#include "base/bytes.h"
#include "image/hibr-priv.h"
#include "image/xpress.h"

/* Sets and runs are counted against the size of the file: a real one has some
 * kilobytes for each. */
#define INDEX_LEAST (UINT64_C(8) << 20)
#define INDEX_SHARE 64u

#define PADDING_MAX 64u /* bytes behind a stream that belong to it */

/* Twelve bytes: there may be millions. */
struct place {
	uint32_t first_page;
	uint32_t off_low;
	uint32_t off_high;
};

struct run {
	uint64_t pfn;
	uint32_t page, n;
};

struct HibrIndex {
	const ImageIo *io;
	bool blocks, is64;
	GArray *places; /* struct place, by their pages */
	GArray *runs;	/* struct run */
	uint64_t n_pages;
	uint64_t n_run; /* pages that runs were given for */
};

HibrIndex *hibr_index_new(const ImageIo *io, bool blocks, bool is64)
{
	HibrIndex *index = g_new0(HibrIndex, 1);

	index->io = io;
	index->blocks = blocks;
	index->is64 = is64;
	index->places = g_array_new(FALSE, FALSE, sizeof(struct place));
	index->runs = g_array_new(FALSE, FALSE, sizeof(struct run));
	return index;
}

void hibr_index_free(HibrIndex *index)
{
	if (!index)
		return;
	g_array_unref(index->places);
	if (index->runs)
		g_array_unref(index->runs);
	g_free(index);
}

uint64_t hibr_index_pages(const HibrIndex *index)
{
	return index->n_pages;
}

size_t hibr_index_sets(const HibrIndex *index)
{
	return index->places->len;
}

static bool has_room(const HibrIndex *index, uint32_t n_pages)
{
	uint64_t most = MAX(INDEX_LEAST,
			    image_io_size(index->io) / INDEX_SHARE);
	uint64_t bytes = index->places->len * sizeof(struct place) +
			 index->runs->len * sizeof(struct run);

	return bytes < most && index->n_pages + n_pages < UINT32_MAX;
}

bool hibr_index_add_set(HibrIndex *index, uint64_t off, uint32_t n_pages)
{
	const struct place place = { (uint32_t)index->n_pages, (uint32_t)off,
				     (uint32_t)(off >> 32) };

	if (!n_pages || !has_room(index, n_pages))
		return false;
	g_array_append_val(index->places, place);
	index->n_pages += n_pages;
	return true;
}

static bool continues(const GArray *runs, const struct run *next)
{
	const struct run *last;

	if (!runs->len)
		return false;
	last = &g_array_index(runs, struct run, runs->len - 1);
	return last->pfn + last->n == next->pfn &&
	       last->page + last->n == next->page;
}

void hibr_index_add_run(HibrIndex *index, uint64_t pfn, uint64_t n)
{
	struct run run = { pfn, (uint32_t)index->n_run, 0 };

	/* What no set holds is nowhere. */
	run.n = (uint32_t)MIN(n, index->n_pages - index->n_run);
	if (!run.n)
		return;
	if (continues(index->runs, &run))
		g_array_index(index->runs, struct run, index->runs->len - 1)
			.n += run.n;
	else
		g_array_append_val(index->runs, run);
	index->n_run += run.n;
}

void hibr_index_skip(HibrIndex *index, uint64_t n)
{
	index->n_run += MIN(n, index->n_pages - index->n_run);
}

/* --- pages that are there twice --- */

static int by_pfn(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	return x->page < y->page ? -1 : x->page > y->page;
}

/* Runs that have begun, the last in the file on top: a heap. */
struct open_runs {
	GPtrArray *heap; /* const struct run *, borrowed */
};

static const struct run *heap_at(const struct open_runs *o, guint i)
{
	return g_ptr_array_index(o->heap, i);
}

static void heap_swap(struct open_runs *o, guint i, guint j)
{
	gpointer t = o->heap->pdata[i];

	o->heap->pdata[i] = o->heap->pdata[j];
	o->heap->pdata[j] = t;
}

static void heap_push(struct open_runs *o, struct run *run)
{
	g_ptr_array_add(o->heap, run);
	for (guint i = o->heap->len - 1; i > 0; i = (i - 1) / 2) {
		if (heap_at(o, i)->page <= heap_at(o, (i - 1) / 2)->page)
			break;
		heap_swap(o, i, (i - 1) / 2);
	}
}

static void heap_pop(struct open_runs *o)
{
	guint i = 0;

	g_ptr_array_remove_index_fast(o->heap, 0);
	for (;;) {
		guint best = i;

		for (guint c = 2 * i + 1; c <= 2 * i + 2; c++)
			if (c < o->heap->len &&
			    heap_at(o, c)->page > heap_at(o, best)->page)
				best = c;
		if (best == i)
			return;
		heap_swap(o, i, best);
		i = best;
	}
}

/* The run on top that has not ended before pfn, or NULL. */
static const struct run *top_at(struct open_runs *o, uint64_t pfn)
{
	while (o->heap->len && heap_at(o, 0)->pfn + heap_at(o, 0)->n <= pfn)
		heap_pop(o);
	return o->heap->len ? heap_at(o, 0) : NULL;
}

static void put_run(ImageRuns *runs, uint64_t pfn, uint64_t n, uint64_t page)
{
	image_runs_add(runs, pfn << PAGE_SHIFT_4K, n << PAGE_SHIFT_4K,
		       page << PAGE_SHIFT_4K, INT64_MAX);
}

/* From left to right, always the run that is on top; how many pages. */
static uint64_t put_runs(GArray *sorted, ImageRuns *runs)
{
	struct open_runs o = { g_ptr_array_new() };
	uint64_t pfn = 0, n_pages = 0;
	guint i = 0;

	while (i < sorted->len || top_at(&o, pfn)) {
		const struct run *top = top_at(&o, pfn);
		uint64_t to;

		if (!top)
			pfn = g_array_index(sorted, struct run, i).pfn;
		while (i < sorted->len &&
		       g_array_index(sorted, struct run, i).pfn == pfn)
			heap_push(&o, &g_array_index(sorted, struct run, i++));
		top = top_at(&o, pfn);
		/* Nothing but runs of which all was cut. */
		if (!top)
			continue;
		to = top->pfn + top->n;
		if (i < sorted->len)
			to = MIN(to, g_array_index(sorted, struct run, i).pfn);
		put_run(runs, pfn, to - pfn, top->page + (pfn - top->pfn));
		n_pages += to - pfn;
		pfn = to;
	}
	g_ptr_array_unref(o.heap);
	return n_pages;
}

/* Cuts what is above the highest page, unless that is so much that it cannot
 * be the highest; how many pages are left. */
static uint64_t cut_above(GArray *all, uint64_t highest,
			  struct hibr_twice *twice)
{
	uint64_t n = 0, above = 0;

	for (guint i = 0; i < all->len; i++) {
		const struct run *r = &g_array_index(all, struct run, i);

		n += r->n;
		if (highest && r->pfn + r->n - 1 > highest)
			above += MIN(r->n, r->pfn + r->n - 1 - highest);
	}
	twice->not_highest = above > n / 64;
	if (!above || twice->not_highest)
		return n;
	twice->n_above = above;
	for (guint i = 0; i < all->len; i++) {
		struct run *r = &g_array_index(all, struct run, i);

		if (r->pfn + r->n - 1 > highest)
			r->n = r->pfn > highest ?
				       0 :
				       (uint32_t)(highest + 1 - r->pfn);
	}
	return n - above;
}

void hibr_index_finish(HibrIndex *index, ImageRuns *runs, uint64_t highest,
		       struct hibr_twice *twice)
{
	uint64_t n;

	memset(twice, 0, sizeof *twice);
	n = cut_above(index->runs, highest, twice);
	g_array_sort(index->runs, by_pfn);
	twice->n_twice = n - put_runs(index->runs, runs);
	g_array_unref(index->runs);
	index->runs = NULL;
}

/* --- what is in a set --- */

static bool block_find(void *ctx, uint64_t off, struct image_block *block)
{
	const HibrIndex *index = ctx;
	const uint64_t page = off >> PAGE_SHIFT_4K;
	guint low = 0, high = index->places->len;
	uint64_t end = index->n_pages;

	while (high - low > 1) {
		guint mid = low + (high - low) / 2;

		if (g_array_index(index->places, struct place, mid)
			    .first_page <= page)
			low = mid;
		else
			high = mid;
	}
	if (page >= index->n_pages)
		return false;
	if (low + 1 < index->places->len)
		end = g_array_index(index->places, struct place, low + 1)
			      .first_page;
	block->id = low;
	block->start = (uint64_t)g_array_index(index->places, struct place, low)
			       .first_page
		       << PAGE_SHIFT_4K;
	block->len = (uint32_t)((end << PAGE_SHIFT_4K) - block->start);
	return true;
}

static uint64_t place_off(const HibrIndex *index, uint64_t i)
{
	const struct place *p =
		&g_array_index(index->places, struct place, i);

	return (uint64_t)p->off_high << 32 | p->off_low;
}

/* One of the two ways; false: it is not this one. Other bytes may well unpack
 * to something, but hardly use up just what is there. */
static bool unpack_as(bool huffman, const uint8_t *in, size_t size,
		      uint8_t *out, size_t len)
{
	size_t used;

	return (huffman ? xpress_unpack_huffman(in, size, out, len, &used) :
			  xpress_unpack_plain(in, size, out, len, &used)) &&
	       size - used <= PADDING_MAX;
}

static bool unpack(unsigned method, const uint8_t *in, size_t size,
		   uint8_t *out, size_t len)
{
	const bool huffman = method >= 2;

	if (size == len) {
		memcpy(out, in, len);
		return true;
	}
	/* Some readers take method 1 for Huffman codes, so some writers may. */
	return unpack_as(huffman, in, size, out, len) ||
	       unpack_as(!huffman, in, size, out, len);
}

/* How many bytes the next set leaves for the data of this one. */
static uint32_t room_for(const HibrIndex *index,
			 const struct image_block *block, uint64_t data)
{
	/* Not compressed, a block may have pages that are not listed. */
	uint64_t most = MAX(block->len, HIBR_PAGES * PAGE_SIZE_4K) +
			PAGE_SIZE_4K;
	uint64_t end = image_io_size(index->io);

	if (block->id + 1 < index->places->len)
		end = place_off(index, block->id + 1);
	return end <= data ? 0 : (uint32_t)MIN(end - data, most);
}

static uint8_t *read_data(const ImageIo *io, uint64_t off, uint32_t size)
{
	g_autofree uint8_t *in = g_malloc(size ? size : 1);

	return size && image_io_read(io, off, in, size) ?
		       g_steal_pointer(&in) :
		       NULL;
}

bool hibr_set_unpacks(const ImageIo *io, uint64_t off,
		      const struct hibr_set *set)
{
	const size_t len = (size_t)set->n_pages << PAGE_SHIFT_4K;
	g_autofree uint8_t *in = read_data(io, off + set->data_at, set->size);
	g_autofree uint8_t *out = g_malloc(len);

	return in && unpack(set->method, in, set->size, out, len);
}

/* A set whose size is damaged ends where the next one starts. */
static bool decode_set(const HibrIndex *index, const struct image_block *block,
		       uint8_t *buf)
{
	const uint64_t off = place_off(index, block->id);
	g_autofree struct hibr_set *set = g_new(struct hibr_set, 1);
	g_autofree uint8_t *in = NULL;
	uint32_t room;

	if (!hibr_set_read(index->io, index->is64, off, set) ||
	    (uint64_t)set->n_pages << PAGE_SHIFT_4K != block->len)
		return false;
	room = room_for(index, block, off + set->data_at);
	in = read_data(index->io, off + set->data_at, room);
	if (!in)
		return false;
	return (set->size <= room &&
		unpack(set->method, in, set->size, buf, block->len)) ||
	       (set->size != room && room < block->len &&
		unpack(set->method, in, room, buf, block->len));
}

/* A block that holds more pages than are listed: those come first. */
static bool unpack_more(const uint8_t *in, uint32_t size, uint32_t n_pages,
			const struct image_block *block, uint8_t *buf)
{
	const size_t len = (size_t)n_pages << PAGE_SHIFT_4K;
	g_autofree uint8_t *all = NULL;

	if (len <= block->len)
		return len == block->len && unpack(0, in, size, buf, len);
	all = g_malloc(len);
	if (!unpack(0, in, size, all, len))
		return false;
	memcpy(buf, all, block->len);
	return true;
}

/* What the header says of its size, what it would be if the size was not
 * damaged; what it says of its pages, and what blocks have. */
static bool decode_block(const HibrIndex *index,
			 const struct image_block *block, uint8_t *buf)
{
	const uint64_t off = place_off(index, block->id);
	g_autofree uint8_t *in = NULL;
	uint8_t head[HIBR_BLOCK_HEAD];
	uint32_t info, sizes[3], pages[3];

	if (!image_io_read(index->io, off, head, sizeof head))
		return false;
	info = load_le32(head + 8);
	sizes[2] = room_for(index, block, off + sizeof head);
	in = read_data(index->io, off + sizeof head, sizes[2]);
	sizes[0] = MIN((info >> 10) + 1, sizes[2]);
	sizes[1] = MIN((sizes[0] + 7) & ~7u, sizes[2]);
	pages[0] = (uint32_t)(block->len >> PAGE_SHIFT_4K);
	pages[1] = HIBR_PAGES;
	pages[2] = MIN((info & 0x3ff) + 1, (uint32_t)HIBR_PAGES_MAX);
	for (unsigned i = 0; in && i < G_N_ELEMENTS(sizes); i++)
		for (unsigned j = 0; j < G_N_ELEMENTS(pages); j++)
			if (unpack_more(in, sizes[i], pages[j], block, buf))
				return true;
	return false;
}

static bool block_decode(void *ctx, const struct image_block *block,
			 uint8_t *buf)
{
	const HibrIndex *index = ctx;

	return index->blocks ? decode_block(index, block, buf) :
			       decode_set(index, block, buf);
}

static void blocks_free(void *ctx)
{
	hibr_index_free(ctx);
}

ImageIo *hibr_index_io(HibrIndex *index, ImageCache *cache)
{
	static const struct image_blocks_ops ops = {
		.find = block_find,
		.decode = block_decode,
		.free = blocks_free,
	};

	return image_io_blocks(&ops, index, index->n_pages << PAGE_SHIFT_4K,
			       image_io_mtime(index->io), cache);
}
