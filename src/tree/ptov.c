/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The index from physical to virtual addresses. */
#include "config.h"

#include "base/bytes.h"
#include "tree/ptov.h"

/*
 * A run of pages in 24 bytes.
 *   key:  page number of the address (45 bits) << 19 | log2 of the leaf's
 *	   bytes (6 bits) << 13 | state (5 bits) << 8 | rights
 *   body: page frame number (40 bits) << 24 | number of pages
 */
struct index_run {
	uint64_t key;
	uint64_t body;
	uint32_t space;
	uint32_t order;	/* log2 of the number of pages, rounded down */
};
G_STATIC_ASSERT(sizeof(struct index_run) == 24);
G_STATIC_ASSERT(PAGE_STATES <= 32 && RIGHTS_MAX < 256);

enum { KEY_SHIFT = 19, LEAF_SHIFT = 13, STATE_SHIFT = 8, COUNT_BITS = 24 };
#define COUNT_MAX ((UINT64_C(1) << COUNT_BITS) - 1)

struct Ptov {
	Space **spaces;
	struct scan scan;
	size_t max_bytes;
	GMutex lock;	/* one builder */
	atomic_bool built; /* the rest is there, and changes no more */
	/*
	 * By order and then by frame: runs of one order are less than twice
	 * as long as each other, so those that contain a page begin less than
	 * that far below it, however they overlap.
	 */
	GArray *runs;	/* struct index_run; NULL: it would be too large */
	size_t first[COUNT_BITS + 1]; /* of each order */
	uint8_t *flags;	/* of each space */
};

Ptov *ptov_new(Space **spaces, size_t n, ViewCache *cache, size_t max_bytes)
{
	Ptov *ptov = g_new0(Ptov, 1);

	ptov->spaces = spaces;
	ptov->scan = (struct scan){ spaces, n, cache };
	ptov->max_bytes = max_bytes;
	g_mutex_init(&ptov->lock);
	return ptov;
}

void ptov_free(Ptov *ptov)
{
	if (!ptov)
		return;
	if (ptov->runs)
		g_array_unref(ptov->runs);
	g_free(ptov->flags);
	g_free(ptov->spaces);
	g_mutex_clear(&ptov->lock);
	g_free(ptov);
}

size_t ptov_n_spaces(const Ptov *ptov)
{
	return ptov->scan.n;
}

const Space *ptov_space(const Ptov *ptov, size_t index)
{
	return ptov->spaces[index];
}

const struct scan *ptov_scan(const Ptov *ptov)
{
	return &ptov->scan;
}

static unsigned log2_of(uint64_t v)
{
	return v ? 63u - (unsigned)__builtin_clzll(v) : 0;
}

static void add_piece(Ptov *ptov, size_t space, const struct map_run *run)
{
	uint64_t count = run->len >> PAGE_SHIFT_4K;
	struct index_run r = {
		.key = run->va >> PAGE_SHIFT_4K << KEY_SHIFT |
		       (uint64_t)log2_of(run->leaf_len) << LEAF_SHIFT |
		       (uint64_t)run->state << STATE_SHIFT | run->rights,
		.body = run->pa >> PAGE_SHIFT_4K << COUNT_BITS | count,
		.space = (uint32_t)space,
		.order = log2_of(count),
	};

	if (!ptov->runs)
		return;
	if ((ptov->runs->len + 1) * sizeof r > ptov->max_bytes) {
		g_array_unref(g_steal_pointer(&ptov->runs));
		return;
	}
	g_array_append_val(ptov->runs, r);
}

static void add_run(void *ctx, size_t space, const struct map_run *run)
{
	struct map_run left = *run;

	while (left.len) {
		struct map_run piece = left;

		piece.len = MIN(left.len, COUNT_MAX << PAGE_SHIFT_4K);
		add_piece(ctx, space, &piece);
		left.va += piece.len;
		left.pa += piece.len;
		left.len -= piece.len;
	}
}

static gint compare_runs(gconstpointer a, gconstpointer b)
{
	const struct index_run *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->body < y->body ? -1 : x->body > y->body;
}

static void build(Ptov *ptov)
{
	size_t order = 0;

	ptov->runs = g_array_new(FALSE, FALSE, sizeof(struct index_run));
	ptov->flags = g_new0(uint8_t, ptov->scan.n + 1);
	scan_memory(&ptov->scan, ptov->flags, add_run, ptov);
	if (!ptov->runs)
		return;
	g_array_sort(ptov->runs, compare_runs);
	for (guint i = 0; i < ptov->runs->len; i++)
		while (order <= g_array_index(ptov->runs, struct index_run, i)
					.order)
			ptov->first[order++] = i;
	while (order <= COUNT_BITS)
		ptov->first[order++] = ptov->runs->len;
}

bool ptov_is_ready(const Ptov *ptov)
{
	return atomic_load(&ptov->built) && ptov->runs;
}

static gint compare_hits(gconstpointer a, gconstpointer b)
{
	const struct ptov_hit *x = a, *y = b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	return x->va < y->va ? -1 : x->va > y->va;
}

/* In order, and no more than are listed. */
static void settle_hits(struct ptov_answer *answer)
{
	g_array_sort(answer->hits, compare_hits);
	if (answer->hits->len > PTOV_HITS_MAX)
		g_array_set_size(answer->hits, PTOV_HITS_MAX);
}

static void add_hit(struct ptov_answer *answer, const struct ptov_hit *hit)
{
	answer->n_hits++;
	g_array_append_val(answer->hits, *hit);
	if (answer->hits->len >= 2 * PTOV_HITS_MAX)
		settle_hits(answer);
}

/* A question: which runs contain pa? */
struct question {
	struct ptov_answer *answer;
	uint64_t pa;
};

static void match_run(void *ctx, size_t space, const struct map_run *run)
{
	const struct question *q = ctx;
	struct ptov_hit hit = {
		.space = space,
		.va = run->va + (q->pa - run->pa),
		.leaf_len = run->leaf_len,
		.rights = run->rights,
		.state = run->state,
	};

	if (q->pa >= run->pa && q->pa - run->pa < run->len)
		add_hit(q->answer, &hit);
}

static void match_packed(struct question *q, const struct index_run *r)
{
	struct map_run run = {
		.va = r->key >> KEY_SHIFT << PAGE_SHIFT_4K,
		.len = (r->body & COUNT_MAX) << PAGE_SHIFT_4K,
		.pa = r->body >> COUNT_BITS << PAGE_SHIFT_4K,
		.leaf_len = UINT64_C(1) << bits_get(r->key, LEAF_SHIFT, 6),
		.rights = r->key & 255,
		.state = (enum page_state)bits_get(r->key, STATE_SHIFT, 5),
	};

	match_run(q, r->space, &run);
}

/* The first run of an order that begins at or above a frame. */
static size_t lower_bound(const Ptov *ptov, unsigned order, uint64_t pfn)
{
	size_t low = ptov->first[order], high = ptov->first[order + 1];

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct index_run *r = &g_array_index(
			ptov->runs, struct index_run, mid);

		if (r->body >> COUNT_BITS < pfn)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void match_index(const Ptov *ptov, struct question *q)
{
	uint64_t pfn = q->pa >> PAGE_SHIFT_4K;

	for (unsigned order = 0; order < COUNT_BITS; order++) {
		uint64_t below = (UINT64_C(2) << order) - 1;
		size_t i = lower_bound(ptov, order,
				       pfn > below ? pfn - below : 0);

		for (; i < ptov->first[order + 1]; i++) {
			const struct index_run *r = &g_array_index(
				ptov->runs, struct index_run, i);

			if (r->body >> COUNT_BITS > pfn)
				break;
			match_packed(q, r);
		}
	}
}

static void make_ready(Ptov *ptov)
{
	if (atomic_load(&ptov->built))
		return;
	g_mutex_lock(&ptov->lock);
	if (!atomic_load(&ptov->built))
		build(ptov);
	atomic_store(&ptov->built, true);
	g_mutex_unlock(&ptov->lock);
}

void ptov_find(Ptov *ptov, PhysAddr pa, struct ptov_answer *ret)
{
	struct question q = { ret, pa.v };
	size_t n = ptov->scan.n;

	*ret = (struct ptov_answer){
		.hits = g_array_new(FALSE, FALSE, sizeof(struct ptov_hit)),
		.flags = g_new0(uint8_t, n + 1),
	};
	if (!n)
		return;
	if (!physmem_has_page(ptov->spaces[0]->as.pm, pa)) {
		scan_for(&ptov->scan, pa, ret->flags, match_run, &q);
	} else {
		make_ready(ptov);
		if (ptov->runs) {
			memcpy(ret->flags, ptov->flags, n);
			match_index(ptov, &q);
		} else {
			scan_memory(&ptov->scan, ret->flags, match_run, &q);
		}
	}
	settle_hits(ret);
}

void ptov_answer_clear(struct ptov_answer *answer)
{
	g_clear_pointer(&answer->hits, g_array_unref);
	g_clear_pointer(&answer->flags, g_free);
}
