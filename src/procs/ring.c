/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking rings. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/seen.h"
#include "procs/method.h"
#include "procs/ring.h"

struct walk {
	const struct ring *ring;
	struct ring_result ret;
	Seen *seen;	/* addresses of LIST_ENTRYs */
	Seen *bad;	/* those of them that are garbage */
	GQueue queue;	/* of struct link, still to be visited */
	uint64_t head;	/* where it is, once that is known; or 0 */
};

struct link {
	uint64_t va;	/* of a LIST_ENTRY */
	uint64_t from;	/* of the one that points at it; 0: a start */
	bool forward;
};

static void count_bad(struct walk *w, const struct link *link)
{
	if (!link->from)
		return;
	if (link->from == w->head)
		w->ret.head_bad = true;
	else if (link->forward)
		w->ret.n_bad_flinks++;
	else
		w->ret.n_bad_blinks++;
}

static void push(struct walk *w, uint64_t va, uint64_t from, bool forward)
{
	struct link link = { va, from, forward };

	if (va && seen_has(w->seen, va)) {
		if (seen_has(w->bad, va))
			count_bad(w, &link);
		return;
	}
	if (va)
		g_queue_push_tail(&w->queue, g_memdup2(&link, sizeof link));
	else
		count_bad(w, &link);
}

/* Both links of the entry at va. */
static bool push_neighbours(struct walk *w, uint64_t va)
{
	unsigned n = w->ring->kernel->profile.pointer_bytes;
	uint8_t raw[16];

	if (!vtop_read(&w->ring->as, VIRT(va), raw, 2 * n))
		return false;
	push(w, n == 8 ? load_le64(raw) : load_le32(raw), va, true);
	push(w, n == 8 ? load_le64(raw + 8) : load_le32(raw + 4), va, false);
	return true;
}

static void complain(struct walk *w, const struct link *link,
		     const char *problem)
{
	(void)seen_enter(w->bad, link->va);
	count_bad(w, link);
	if (link->from && w->ring->log)
		log_add(w->ring->log, LOG_WARN, w->ring->area,
			"the link at " PRIADDR " leads to " PRIADDR
			", which %s",
			link->from, link->va, problem);
}

static bool inside_kernel_image(const NtKernel *k, uint64_t va)
{
	uint64_t size = k->image.has_pe ? k->image.pe.size : 32 * MIB;

	return k->has_image && va - k->image.base.v < size;
}

static bool points_at(const struct walk *w, uint64_t va, uint64_t want)
{
	unsigned n = w->ring->kernel->profile.pointer_bytes;
	uint64_t got;

	return nt_pointer_at(&w->ring->as, n, VIRT(va), &got) && got == want;
}

/* A node that is no good, but that both its neighbours point back at: there
 * is one such in a ring, its head. */
static bool is_unknown_head(struct walk *w, uint64_t va)
{
	unsigned n = w->ring->kernel->profile.pointer_bytes;
	uint64_t flink, blink;

	if (w->head ||
	    !nt_pointer_at(&w->ring->as, n, VIRT(va), &flink) ||
	    !nt_pointer_at(&w->ring->as, n, VIRT(va + n), &blink))
		return false;
	return points_at(w, flink + n, va) && points_at(w, blink, va);
}

static void visit_head(struct walk *w, uint64_t va)
{
	w->head = va;
	if (!push_neighbours(w, va))
		w->ret.head_bad = true;
}

static void visit_new(struct walk *w, const struct link *link)
{
	if (!nt_is_kernel_address(&w->ring->kernel->as, link->va)) {
		complain(w, link, "is no kernel address");
		return;
	}
	/* The head of the ring, where no symbol names it. */
	if (!w->head && inside_kernel_image(w->ring->kernel, link->va)) {
		visit_head(w, link->va);
		return;
	}
	switch (w->ring->visit(w->ring->ctx, link->va)) {
	case RING_GO_ON:
		w->ret.n_good++;
		if (!push_neighbours(w, link->va)) {
			w->ret.n_bad_flinks++;
			w->ret.n_bad_blinks++;
		}
		break;
	case RING_STOP_HERE:
		w->ret.n_good++;
		break;
	case RING_GARBAGE:
		if (is_unknown_head(w, link->va))
			visit_head(w, link->va);
		else
			complain(w, link, w->ring->what);
		break;
	}
}

static void visit(struct walk *w, const struct link *link)
{
	switch (seen_enter(w->seen, link->va)) {
	case SEEN_BEFORE:
		if (seen_has(w->bad, link->va))
			count_bad(w, link);
		break;
	case SEEN_EXHAUSTED:
		w->ret.exhausted = true;
		break;
	case SEEN_NEW:
		visit_new(w, link);
		break;
	}
}

bool ring_is_linked(const struct addr_space *as, unsigned pointer_bytes,
		    uint64_t link)
{
	unsigned n = pointer_bytes;
	uint64_t next, prev, back;

	if (!nt_pointer_at(as, n, VIRT(link), &next) ||
	    !nt_pointer_at(as, n, VIRT(link + n), &prev))
		return false;
	return (next != link && nt_pointer_at(as, n, VIRT(next + n), &back) &&
		back == link) ||
	       (prev != link && nt_pointer_at(as, n, VIRT(prev), &back) &&
		back == link);
}

struct ring_result ring_walk(const struct ring *ring, const uint64_t *starts,
			     size_t n_starts)
{
	g_autoptr(Seen) own = seen_new(PROCS_MAX), bad = seen_new(PROCS_MAX);
	Seen *seen = ring->seen ? ring->seen : own;
	struct walk w = { .ring = ring, .seen = seen, .bad = bad,
			  .queue = G_QUEUE_INIT };
	struct link *link;

	if (ring->head) {
		(void)seen_enter(seen, ring->head);
		w.head = ring->head;
		w.ret.head_read = push_neighbours(&w, ring->head);
		w.ret.head_bad |= !w.ret.head_read;
	}
	for (size_t i = 0; i < n_starts; i++)
		push(&w, starts[i], 0, true);
	while (!w.ret.exhausted && (link = g_queue_pop_head(&w.queue))) {
		visit(&w, link);
		g_free(link);
	}
	g_queue_clear_full(&w.queue, g_free);
	if (w.ret.exhausted && ring->log)
		log_add(ring->log, LOG_WARN, ring->area,
			"the list has more than %u entries; the walk was"
			" stopped there", PROCS_MAX);
	return w.ret;
}

bool ring_is_evidence(const struct ring_result *result)
{
	const struct ring_result *r = result;

	if (r->exhausted)
		return false;
	if (r->head_bad)
		return r->n_good && !r->n_bad_flinks && !r->n_bad_blinks;
	return !r->n_bad_flinks || !r->n_bad_blinks;
}
