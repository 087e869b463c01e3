/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who saw a process, and who should have. */
#include "config.h"

#include <inttypes.h>

#include "nt/handle.h"
#include "tree/render.h"

const char *render_seen(const struct render_facts *facts,
			const struct proc_entry *e, unsigned method)
{
	unsigned bit = 1u << method;

	if (e->seen & bit)
		return "yes";
	if (e->missing & bit)
		return "MISSING";
	if (!(procset_methods_run(facts->procs) & bit) ||
	    e->no_evidence & bit)
		return "-";
	return "no";
}

bool render_is_hidden(const struct render_facts *facts,
		      const struct proc_entry *e)
{
	return e->missing || (e->witnessed && !e->seen &&
			      procset_methods_run(facts->procs));
}

static void put_names(struct sink *out, const char *separator,
		      unsigned methods)
{
	const char *between = "";

	for (unsigned i = 0; i < METHODS; i++) {
		if (!(methods & 1u << i))
			continue;
		sink_printf(out, "%s%s", between, proc_methods[i].name);
		between = separator;
	}
}

void render_methods(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view)
{
	(void)facts;
	(void)view;
	put_names(out, "\n", space->proc->seen);
	if (space->proc->seen)
		sink_str(out, "\n");
}

static void status_names(struct sink *out, const char *key, unsigned methods)
{
	sink_printf(out, "%s:\t", key);
	put_names(out, " ", methods);
	sink_str(out, methods ? "\n" : "-\n");
}

static void status_running(struct sink *out, const struct proc_entry *e)
{
	sink_str(out, "RunningOn:\t");
	for (guint i = 0; e->running_on && i < e->running_on->len; i++)
		sink_printf(out, "%s%u", i ? " " : "",
			    g_array_index(e->running_on, unsigned, i));
	sink_str(out, e->running_on ? "\n" : "-\n");
}

static void count_nothing(void *ctx, const struct nt_handle *handle)
{
	(void)ctx;
	(void)handle;
}

/* What the table claims, and what is in it. */
static void status_handles(struct sink *out, const NtKernel *kernel,
			   const struct proc_entry *e)
{
	const struct nt_handle_sink ignore = { count_nothing, NULL, NULL };
	uint32_t budget = nt_handles_budget(&kernel->profile);
	struct nt_handles h;

	if (!e->p.object_table) {
		sink_key(out, "Handles", "-");
		return;
	}
	h = nt_handles_walk(&kernel->as, &kernel->profile,
			    VIRT(e->p.object_table), &budget, &ignore);
	if (h.status != NT_HANDLES_OK) {
		sink_key(out, "Handles", "- (the table %s)",
			 h.status == NT_HANDLES_UNREADABLE ?
				 "is not in the image" : "makes no sense");
		return;
	}
	sink_printf(out, "Handles:\t%" PRIu64, h.n_used);
	if (h.n_lost)
		sink_printf(out, " (%u page(s) of the table missing)",
			    h.n_lost);
	else if (h.has_count && h.count != h.n_used)
		sink_printf(out, " (MISMATCH: HandleCount is %u)", h.count);
	sink_str(out, "\n");
}

void render_status_methods(struct sink *out, const struct render_facts *facts,
			   const struct proc_entry *e)
{
	status_names(out, "Methods", e->seen);
	status_names(out, "MissingFrom", e->missing);
	status_running(out, e);
	status_handles(out, facts->kernel, e);
}

void render_hidden_from(struct sink *out, const struct proc_entry *e)
{
	sink_str(out, "; hidden from ");
	if (e->missing)
		put_names(out, " ", e->missing);
	else
		sink_str(out, "every list, seen on a processor");
}
