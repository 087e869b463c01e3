/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking the rings of sessions. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "procs/ring.h"
#include "procs/sessions.h"
#include "procs/valid.h"

struct session {
	struct proc_run *run;
	uint64_t va;
	uint64_t key;
	const struct ring *ring;
};

/* Is this the head, by another address that is mapped to the same memory? */
static bool is_head(const struct session *s, uint64_t link)
{
	const struct addr_space *as = &s->ring->as;
	struct vtop_leaf a, b;

	if ((link ^ s->ring->head) & PAGE_MASK_4K)
		return false;
	a = vtop_translate(as, VIRT(link));
	b = vtop_translate(as, VIRT(s->ring->head));
	return page_state_in_memory(a.state) && page_state_in_memory(b.state) &&
	       a.pa.v + (link - a.va.v) == b.pa.v + (s->ring->head - b.va.v);
}

static enum ring_answer visit(void *ctx, uint64_t link)
{
	struct session *s = ctx;
	const struct nt_profile *p = &s->run->kernel->profile;
	VirtAddr eprocess = VIRT(link - p->eprocess.session_links);
	struct nt_object o = { &s->run->kernel->as, p->pointer_bytes,
			       eprocess };
	uint64_t exit_time = 0, va = 0;

	if (is_head(s, link))
		return RING_GO_ON;
	if (!proc_is_valid(s->run, eprocess))
		return RING_GARBAGE;
	s->run->fn(s->run->ctx, eprocess);
	(void)nt_member_u64(&o, p->eprocess.exit_time, &exit_time);
	(void)nt_member_pointer(&o, p->eprocess.session, &va);
	/* Who left keeps links that are stale. */
	return exit_time || va != s->va ? RING_STOP_HERE : RING_GO_ON;
}

/* A process of the session whose tables map the head: *as. */
static bool find_space(const struct session *s, VirtAddr head,
		       struct addr_space *as)
{
	unsigned n = s->run->kernel->profile.pointer_bytes;
	uint64_t ignored;

	for (guint i = 0; i < s->run->known->len; i++) {
		const struct proc_entry *e = s->run->known->pdata[i];

		*as = e->as;
		if (e->session_key == s->key && e->dtb_sane &&
		    nt_pointer_at(as, n, head, &ignored))
			return true;
	}
	*as = s->run->kernel->as;
	return nt_pointer_at(as, n, head, &ignored);
}

/* Where the head cannot be read: from members. */
static void add_members(const struct session *s, GArray *starts)
{
	const NtKernel *k = s->run->kernel;

	for (guint i = 0; i < s->run->known->len; i++) {
		const struct proc_entry *e = s->run->known->pdata[i];
		uint64_t link = e->p.eprocess.v +
				k->profile.eprocess.session_links;

		if (e->session_key == s->key && !e->p.exit_time &&
		    ring_is_linked(&k->as, k->profile.pointer_bytes, link))
			g_array_append_val(starts, link);
	}
}

static bool is_by_address(const struct proc_entry *e)
{
	return e->session_key && e->session_key == e->session_va;
}

void proc_adopt_sessions(const GPtrArray *known)
{
	/* address -> first entry with it; keys in the entries */
	g_autoptr(GHashTable) keys = g_hash_table_new(g_int64_hash,
						      g_int64_equal);

	for (guint i = 0; i < known->len; i++) {
		struct proc_entry *e = known->pdata[i], *other;

		if (!e->session_key || is_by_address(e))
			continue;
		other = g_hash_table_lookup(keys, &e->session_va);
		if (!other)
			g_hash_table_insert(keys, &e->session_va, e);
		else if (other->session_key != e->session_key)
			g_hash_table_replace(keys, &e->session_va, NULL);
	}
	for (guint i = 0; i < known->len; i++) {
		struct proc_entry *e = known->pdata[i], *other;

		other = is_by_address(e) ?
				g_hash_table_lookup(keys, &e->session_va) :
				NULL;
		if (other)
			e->session_key = other->session_key;
	}
}

static void walk_session(struct proc_run *run, const struct proc_entry *e)
{
	g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	struct session s = { run, e->session_va, e->session_key, NULL };
	struct proc_part part = { .session_key = s.key };
	struct ring ring = {
		.area = "Sessions",
		.what = "is not in a process object",
		.kernel = run->kernel,
		.log = run->log,
		.visit = visit,
		.ctx = &s,
		.seen = run->session_nodes,
		.head = s.va + run->kernel->profile.session.process_list,
	};
	bool found = find_space(&s, VIRT(ring.head), &ring.as);
	struct ring_result r;

	s.ring = &ring;
	if (!found) {
		log_add(run->log, LOG_WARN, "Sessions",
			"the list of the session at " PRIADDR " cannot be"
			" read through any of its processes",
			s.va);
		add_members(&s, starts);
	}
	r = ring_walk(&ring, (const uint64_t *)(void *)starts->data,
		      starts->len);
	part.whole = found && ring_is_evidence(&r);
	g_array_append_val(run->evidence->parts, part);
}

void sessions_run(struct proc_run *run)
{
	guint n = run->known->len;

	if (run->kernel->profile.eprocess.session == NT_ABSENT ||
	    run->kernel->profile.eprocess.session_links == NT_ABSENT) {
		proc_unusable(run, "the layout of sessions is not known");
		return;
	}
	for (guint i = 0; i < n; i++) {
		const struct proc_entry *e = run->known->pdata[i];

		if (e->session_key && !e->p.exit_time &&
		    seen_enter(run->sessions_done, e->session_key) == SEEN_NEW)
			walk_session(run, e);
	}
}
