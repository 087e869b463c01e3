/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the processors were running. */
#include "config.h"

#include <inttypes.h>

#include "nt/sysproc.h"
#include "nt/cpus.h"
#include "procs/valid.h"
#include "procs/witness.h"

static uint64_t container_cr3(const Image *image, int i)
{
	if (i < 0 || (guint)i >= image->cpus->len)
		return 0;
	return g_array_index(image->cpus, struct image_cpu, i).cr3;
}

static void add_cpu(GArray *all, const Image *image, const struct nt_cpu *cpu,
		    GHashTable *done)
{
	struct proc_witness w = {
		.cpu = cpu->number,
		.eprocess = cpu->eprocess.v,
		.cr3 = container_cr3(image, cpu->container),
	};

	if (cpu->container >= 0)
		g_hash_table_add(done, GINT_TO_POINTER(cpu->container));
	g_array_append_val(all, w);
	if (!cpu->attached.v || cpu->attached.v == cpu->eprocess.v)
		return;
	w.eprocess = cpu->attached.v;
	w.cr3 = 0;
	g_array_append_val(all, w);
}

GArray *proc_witnesses(const NtKernel *kernel, const Image *image)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct proc_witness));
	/* Positions in image->cpus that a _KPRCB goes with. */
	g_autoptr(GHashTable) done = g_hash_table_new(NULL, NULL);

	for (guint i = 0; kernel && kernel->cpus && i < kernel->cpus->len; i++)
		add_cpu(all, image,
			&g_array_index(kernel->cpus, struct nt_cpu, i), done);
	for (guint i = 0; i < image->cpus->len; i++) {
		struct proc_witness w = {
			.cpu = i, .cr3 = container_cr3(image, (int)i),
		};

		if (!g_hash_table_contains(done, GINT_TO_POINTER((int)i)))
			g_array_append_val(all, w);
	}
	return all;
}

static void note(struct proc_entry *e, unsigned cpu)
{
	e->witnessed = true;
	if (!e->running_on)
		e->running_on = g_array_new(FALSE, FALSE, sizeof(unsigned));
	for (guint i = 0; i < e->running_on->len; i++)
		if (g_array_index(e->running_on, unsigned, i) == cpu)
			return;
	g_array_append_val(e->running_on, cpu);
}

static struct proc_entry *find_eprocess(const GPtrArray *entries, uint64_t va)
{
	for (guint i = 0; i < entries->len; i++) {
		struct proc_entry *e = entries->pdata[i];

		if (e->p.eprocess.v == va)
			return e;
	}
	return NULL;
}

static bool has_dtb(const struct proc_entry *e, uint64_t dtb)
{
	struct addr_space user = e->as;

	user.root = PHYS(e->p.user_dtb_raw);
	return addr_space_dtb(&e->as).v == dtb ||
	       (e->p.user_dtb_raw && addr_space_dtb(&user).v == dtb);
}

/* A live one before one that exited: its table may have been used again. */
static struct proc_entry *find_dtb(const GPtrArray *entries, uint64_t dtb)
{
	struct proc_entry *found = NULL;

	for (guint i = 0; i < entries->len; i++) {
		struct proc_entry *e = entries->pdata[i];

		if (has_dtb(e, dtb) && (!found || !e->p.exit_time))
			found = e;
	}
	return found;
}

/* The process of the current thread. */
static bool hear_thread(const struct proc_witness *w, struct proc_run *run,
			const GPtrArray *entries, witness_add_fn add,
			void *ctx)
{
	struct proc_entry *e = find_eprocess(entries, w->eprocess);
	bool other;

	if (e) {
		note(e, w->cpu);
		return true;
	}
	/* Idle is in no list by its nature: nothing is amiss. */
	if (!run || !proc_is_valid_pid(run, VIRT(w->eprocess), 0, &other) ||
	    !other)
		return false;
	e = add(ctx, VIRT(w->eprocess));
	if (e)
		note(e, w->cpu);
	return e;
}

/* A process that is in no list, but whose page tables these are. */
static bool hear_unlisted(const struct proc_witness *w, struct proc_run *run,
			  uint64_t dtb, witness_add_fn add, void *ctx)
{
	const NtKernel *k = run ? run->kernel : NULL;
	struct proc_entry *e;
	VirtAddr va;

	if (!k || !k->has_profile || !run->dtb_scans)
		return false;
	run->dtb_scans--;
	if (!nt_process_find_dtb(&k->as, &k->profile, dtb, &va))
		return false;
	e = add(ctx, va);
	if (e)
		note(e, w->cpu);
	return e;
}

/* The page tables that the processor was on. Those of System are Idle's as
 * well, so that they say nothing of who ran. */
static void hear_cr3(const struct proc_witness *w, const NtKernel *kernel,
		     struct proc_run *run, const GPtrArray *entries,
		     bool thread_known, witness_add_fn add, void *ctx,
		     GArray *stray, Log *log)
{
	struct addr_space as = nt_kernel_space(kernel, w->cr3);
	uint64_t dtb = addr_space_dtb(&as).v;
	struct proc_entry *e;

	if (!dtb || dtb == addr_space_dtb(&kernel->as).v)
		return;
	e = find_dtb(entries, dtb);
	if (e && !thread_known && e->p.pid != 4)
		note(e, w->cpu);
	if (e || !stray)
		return;
	if (hear_unlisted(w, run, dtb, add, ctx))
		return;
	g_array_append_val(stray, dtb);
	log_add(log, LOG_WARN, "processes",
		"processor %u was on the page tables at 0x%" PRIx64 ", which"
		" belong to no process that is known; they are shown as"
		" dtb/0x%" PRIx64,
		w->cpu, dtb, dtb);
}

void witness_hear(const struct proc_select *select, const NtKernel *kernel,
		  struct proc_run *run, const GPtrArray *entries,
		  witness_add_fn add, void *ctx, GArray *stray, Log *log)
{
	for (size_t i = 0; i < select->n_witnesses; i++) {
		const struct proc_witness *w = &select->witnesses[i];
		bool known = w->eprocess &&
			     hear_thread(w, run, entries, add, ctx);

		if (w->cr3)
			hear_cr3(w, kernel, run, entries, known, add, ctx,
				 stray, log);
	}
}
