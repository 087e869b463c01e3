/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking the list of active processes. */
#include "config.h"

#include <inttypes.h>

#include "procs/psactive.h"
#include "procs/ring.h"
#include "procs/valid.h"

static enum ring_answer visit(void *ctx, uint64_t link)
{
	struct proc_run *run = ctx;
	VirtAddr eprocess = VIRT(link - run->kernel->profile.eprocess.links);

	if (!proc_is_valid(run, eprocess))
		return RING_GARBAGE;
	run->fn(run->ctx, eprocess);
	return RING_GO_ON;
}

/* Where the ring is broken in both directions, processes that others found
 * lead to its other parts. */
static void add_known(const struct proc_run *run, GArray *starts)
{
	const NtKernel *k = run->kernel;

	for (guint i = 0; run->again && i < run->known->len; i++) {
		const struct proc_entry *e = run->known->pdata[i];
		uint64_t link = e->p.eprocess.v + k->profile.eprocess.links;

		if (ring_is_linked(&k->as, k->profile.pointer_bytes, link))
			g_array_append_val(starts, link);
	}
}

void psactive_run(struct proc_run *run)
{
	g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	const NtKernel *k = run->kernel;
	struct ring ring = {
		.area = "PsActiveProcessHead",
		.what = "is not in a process object",
		.kernel = k,
		.as = k->as,
		.log = run->again ? NULL : run->log,
		.visit = visit,
		.ctx = run,
		.head = k->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
	};
	uint64_t start = k->has_system ? k->system.eprocess.v +
						 k->profile.eprocess.links :
					 0;
	struct ring_result r;

	if (start)
		g_array_append_val(starts, start);
	add_known(run, starts);
	r = ring_walk(&ring, (const uint64_t *)(void *)starts->data,
		      starts->len);
	if (ring.head && !r.head_read && ring.log)
		log_add(run->log, LOG_WARN, "PsActiveProcessHead",
			"the head at " PRIADDR " cannot be read; starting"
			" from System",
			ring.head);
	if (!start && !r.head_read)
		proc_unusable(run, "neither its address nor System is known");
	run->evidence->broken |= !ring_is_evidence(&r);
}
