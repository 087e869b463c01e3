/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The handles of csrss.exe. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "nt/handle.h"
#include "procs/csrss.h"
#include "procs/valid.h"

struct table {
	struct proc_run *run;
	VirtAddr csrss;
};

static void entry(void *ctx, const struct nt_handle *h)
{
	const struct table *t = ctx;
	struct proc_run *run = t->run;
	VirtAddr body = VIRT(h->object + run->kernel->profile.object.body);
	VirtAddr owner;

	if (!run->csrss_objects) {
		run->evidence->broken = true;
		return;
	}
	run->csrss_objects--;
	if (nt_object_thread_owner(run->objects, body, &owner))
		body = owner;
	else if (!nt_object_may_be_process(run->objects, body))
		return;
	/* Its handles to its own threads say nothing. */
	if (body.v != t->csrss.v && proc_is_valid(run, body))
		run->fn(run->ctx, body);
}

static void walk_table(struct proc_run *run, const struct proc_entry *csrss)
{
	struct table t = { run, csrss->p.eprocess };
	struct nt_handle_sink sink = { entry, NULL, &t };
	struct nt_handles h =
		nt_handles_walk(&run->kernel->as, &run->kernel->profile,
				VIRT(csrss->p.object_table), &run->csrss_pages,
				&sink);
	struct proc_part part = {
		.session_key = csrss->session_key,
		.since = csrss->p.create_time,
		.whole = h.status == NT_HANDLES_OK && !h.n_lost &&
			 !h.exhausted,
	};

	g_array_append_val(run->evidence->parts, part);
	if (!part.whole)
		log_add(run->log, LOG_WARN, "CSRSS",
			"pid %u: its handle table could %s be read",
			csrss->p.pid,
			h.status == NT_HANDLES_OK ? "only in part" : "not");
	if (h.has_count && part.whole && h.count != h.n_used)
		log_add(run->log, LOG_WARN, "CSRSS",
			"pid %u: its handle table says that it has %u entries"
			" in use, %" PRIu64 " were found",
			csrss->p.pid, h.count, h.n_used);
}

void csrss_run(struct proc_run *run)
{
	/* Processes found here may be csrss.exe as well: the next round's. */
	guint n = run->known->len;

	if (!run->kernel->profile.handle.known) {
		proc_unusable(run, "the layout of handle tables is not known");
		return;
	}
	for (guint i = 0; i < n; i++) {
		const struct proc_entry *e = run->known->pdata[i];

		/* Rekall compares with case. One that exited has no table. */
		if (!strcmp(e->p.name, "csrss.exe") && e->p.object_table &&
		    seen_enter(run->csrss_done, e->p.object_table) == SEEN_NEW)
			walk_table(run, e);
	}
}
