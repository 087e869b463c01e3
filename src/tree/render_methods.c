/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who saw a process, and who should have. */
#include "config.h"

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

static void status_names(const struct record *r, const char *key,
			 unsigned methods)
{
	const char *names[METHODS];
	size_t n = 0;

	for (unsigned i = 0; i < METHODS; i++)
		if (methods & 1u << i)
			names[n++] = proc_methods[i].name;
	record_words(r, key, names, n);
}

static void status_running(const struct record *r, const struct proc_entry *e)
{
	const unsigned *numbers = NULL;

	if (e->running_on)
		numbers = (const unsigned *)(const void *)e->running_on->data;
	record_numbers(r, "RunningOn", numbers,
		       e->running_on ? e->running_on->len : 0);
}

static void count_nothing(void *ctx, const struct nt_handle *handle)
{
	(void)ctx;
	(void)handle;
}

/* What the table claims, and what is in it. */
static void status_handles(const struct record *r, const NtKernel *kernel,
			   const struct proc_entry *e)
{
	const struct nt_handle_sink ignore = { count_nothing, NULL, NULL };
	uint32_t budget = nt_handles_budget(&kernel->profile);
	g_autofree char *note = NULL;
	struct nt_handles h;

	if (!e->p.object_table) {
		record_u64(r, "Handles", false, 0, NULL);
		return;
	}
	h = nt_handles_walk(&kernel->as, &kernel->profile,
			    VIRT(e->p.object_table), &budget, &ignore);
	if (h.status != NT_HANDLES_OK) {
		record_u64(r, "Handles", false, 0,
			   h.status == NT_HANDLES_UNREADABLE ?
				   "the table is not in the image" :
				   "the table makes no sense");
		return;
	}
	if (h.n_lost)
		note = g_strdup_printf("%u page(s) of the table missing",
				       h.n_lost);
	else if (h.has_count && h.count != h.n_used)
		note = g_strdup_printf("MISMATCH: HandleCount is %u", h.count);
	record_u64(r, "Handles", true, h.n_used, note);
}

void render_status_methods(const struct record *r,
			   const struct render_facts *facts,
			   const struct proc_entry *e)
{
	status_names(r, "Methods", e->seen);
	status_names(r, "MissingFrom", e->missing);
	status_running(r, e);
	status_handles(r, facts->kernel, e);
}

void render_hidden_from(struct sink *out, const struct proc_entry *e)
{
	sink_str(out, "; hidden from ");
	if (e->missing)
		put_names(out, " ", e->missing);
	else
		sink_str(out, "every list, seen on a processor");
}
