/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking the list of active processes. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/seen.h"
#include "procs/psactive.h"

struct ring {
	const NtKernel *kernel;
	Log *log;
	proc_found_fn fn;
	void *ctx;
	Seen *seen;	/* addresses of LIST_ENTRYs */
	GQueue queue;	/* of struct link, still to be visited */
	unsigned n_found;
	bool exhausted;
};

struct link {
	uint64_t va;	/* of a LIST_ENTRY */
	uint64_t from;	/* of the one that points at it */
};

static void push(struct ring *r, uint64_t va, uint64_t from)
{
	struct link *link;

	if (!va || seen_has(r->seen, va))
		return;
	link = g_new(struct link, 1);
	*link = (struct link){ va, from };
	g_queue_push_tail(&r->queue, link);
}

/* Both links of the entry at va. */
static bool push_neighbours(struct ring *r, uint64_t va)
{
	uint8_t raw[16];
	unsigned n = r->kernel->profile.pointer_bytes;

	if (!vtop_read(&r->kernel->as, VIRT(va), raw, 2 * n))
		return false;
	push(r, n == 8 ? load_le64(raw) : load_le32(raw), va);
	push(r, n == 8 ? load_le64(raw + 8) : load_le32(raw + 4), va);
	return true;
}

static void complain(struct ring *r, const struct link *link,
		     const char *problem)
{
	log_add(r->log, LOG_WARN, "PsActiveProcessHead",
		"the link at " PRIADDR " leads to " PRIADDR ", which %s",
		link->from, link->va, problem);
}

static bool is_process(struct ring *r, VirtAddr eprocess)
{
	const struct nt_profile *profile = &r->kernel->profile;
	struct nt_process p;
	bool ok;

	if (!nt_process_read(&r->kernel->as, profile, eprocess, &p))
		return false;
	ok = nt_process_plausible(&r->kernel->as, profile, &p);
	nt_process_clear(&p);
	return ok;
}

static bool inside_kernel_image(const NtKernel *k, uint64_t va)
{
	uint64_t size = k->image.has_pe ? k->image.pe.size : 32 * MIB;

	return k->has_image && va - k->image.base.v < size;
}

static void visit(struct ring *r, const struct link *link)
{
	VirtAddr eprocess = VIRT(link->va -
				 r->kernel->profile.eprocess.links);

	switch (seen_enter(r->seen, link->va)) {
	case SEEN_BEFORE:
		return;
	case SEEN_EXHAUSTED:
		r->exhausted = true;
		return;
	case SEEN_NEW:
		break;
	}
	if (!nt_is_kernel_address(&r->kernel->as, link->va)) {
		complain(r, link, "is no kernel address");
		return;
	}
	/* The head of the ring, where no symbol names it. */
	if (inside_kernel_image(r->kernel, link->va)) {
		push_neighbours(r, link->va);
		return;
	}
	if (!is_process(r, eprocess)) {
		complain(r, link, "is not in a process object");
		return;
	}
	r->n_found++;
	r->fn(r->ctx, eprocess);
	push_neighbours(r, link->va);
}

static void walk(struct ring *r)
{
	struct link *link;

	while ((link = g_queue_pop_head(&r->queue)) && !r->exhausted) {
		visit(r, link);
		g_free(link);
	}
	g_free(link);
	g_queue_clear_full(&r->queue, g_free);
}

void psactive_run(const NtKernel *kernel, Log *log, proc_found_fn fn,
		  void *ctx)
{
	g_autoptr(Seen) seen = seen_new(PROCS_MAX);
	struct ring r = { .kernel = kernel, .log = log, .fn = fn, .ctx = ctx,
			  .seen = seen, .queue = G_QUEUE_INIT };

	uint64_t head = kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v;

	if (head && !push_neighbours(&r, head))
		log_add(log, LOG_WARN, "PsActiveProcessHead",
			"the head at " PRIADDR " cannot be read; starting"
			" from System",
			head);
	if (head)
		(void)seen_enter(seen, head);
	if (kernel->has_system)
		push(&r, kernel->system.eprocess.v +
				 kernel->profile.eprocess.links, 0);
	walk(&r);
	if (r.exhausted)
		log_add(log, LOG_WARN, "PsActiveProcessHead",
			"the list has more than %u entries; the walk was"
			" stopped there", PROCS_MAX);
	log_add(log, LOG_INFO, "PsActiveProcessHead", "%u process(es)",
		r.n_found);
}
