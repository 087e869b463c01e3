/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking PspCidTable. */
#include "config.h"

#include <inttypes.h>

#include "nt/handle.h"
#include "procs/cidtable.h"
#include "procs/valid.h"

/* Objects that are looked at: sixteen times as many as there ever can be
 * processes; the rest are threads. */
#define OBJECTS_MAX (16 * PROCS_MAX)
/* Ranges of ids that could not be read; more make the whole table doubtful. */
#define LOST_MAX 4096u

struct table {
	struct proc_run *run;
	uint32_t objects_left;
	bool has_system;
};

static void entry(void *ctx, const struct nt_handle *h)
{
	struct table *t = ctx;
	VirtAddr body = VIRT(h->object);
	bool other_pid;

	if (!t->objects_left) {
		t->run->evidence->broken = true;
		return;
	}
	t->objects_left--;
	/* Threads are most of it. */
	if (!nt_object_may_be_process(t->run->objects, body) ||
	    !proc_is_valid_pid(t->run, body, h->value, &other_pid))
		return;
	t->has_system |= body.v == t->run->kernel->system.eprocess.v;
	if (other_pid)
		log_add(t->run->log, LOG_WARN, "PspCidTable",
			"the entry for id %" PRIu64 " leads to the process at "
			PRIADDR ", which has another pid",
			h->value, body.v);
	t->run->fn(t->run->ctx, body);
}

static void lost(void *ctx, uint64_t first, uint64_t n)
{
	struct table *t = ctx;
	struct proc_lost range = { first, n };

	if (t->run->evidence->lost->len < LOST_MAX)
		g_array_append_val(t->run->evidence->lost, range);
	else
		t->run->evidence->broken = true;
}

static const char *problem(const struct nt_handles *h)
{
	switch (h->status) {
	case NT_HANDLES_OK:
		break;
	case NT_HANDLES_UNKNOWN:
		return "the layout of handle tables is not known";
	case NT_HANDLES_UNREADABLE:
		return "the table is not in the image";
	case NT_HANDLES_BAD:
		return "its TableCode makes no sense";
	}
	return NULL;
}

/* Every such table has System: without it this is another, or what is left
 * of one. */
static void check_system(const struct table *t)
{
	const GArray *lost = t->run->evidence->lost;

	if (!t->run->kernel->has_system || t->has_system)
		return;
	/* In a page that is not in the image? Ids below the second one are. */
	if (lost->len && !g_array_index(lost, struct proc_lost, 0).first)
		return;
	t->run->evidence->broken = true;
	log_add(t->run->log, LOG_WARN, "PspCidTable",
		"System is not in it: the table is damaged, what else it lacks"
		" counts for nothing");
}

void cidtable_run(struct proc_run *run)
{
	const NtKernel *k = run->kernel;
	uint32_t budget = nt_handles_budget(&k->profile);
	struct table t = { run, OBJECTS_MAX, false };
	struct nt_handle_sink sink = { entry, lost, &t };
	struct nt_handles h;
	uint64_t va;

	if (!k->vars[NT_PSP_CID_TABLE].va.v) {
		proc_unusable(run, "its address is not known");
		return;
	}
	if (!nt_kernel_var(k, NT_PSP_CID_TABLE, &va)) {
		proc_unusable(run, "the pointer to it is not in the image or"
				   " no kernel address");
		return;
	}
	h = nt_handles_walk(&k->as, &k->profile, VIRT(va), &budget, &sink);
	if (problem(&h))
		proc_unusable(run, problem(&h));
	else
		check_system(&t);
	if (h.n_lost || run->evidence->broken)
		log_add(run->log, LOG_WARN, "PspCidTable",
			"%u page(s) of the table could not be read, %s",
			h.n_lost,
			run->evidence->broken ? "or it is too large" :
						"their ids are not known");
	if (h.has_count && h.count != h.n_used)
		log_add(run->log, LOG_WARN, "PspCidTable",
			"the table says that it has %u entries in use,"
			" %" PRIu64 " were found",
			h.count, h.n_used);
}
