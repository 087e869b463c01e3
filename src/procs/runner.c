/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running the methods. */
#include "config.h"

#include "nt/handle.h"
#include "procs/runner.h"
#include "procs/sessions.h"

enum {
	TEACHERS_MAX = 64, /* neighbours of System that headers are learnt
			    * from, in each direction */
	ROUNDS_MAX = 64,   /* of CSRSS and Sessions; each must find something
			    * new. A healthy machine needs two. */
	CSRSS_TABLES = 4,  /* the largest tables that all csrss.exe have
			    * together */
	AGAIN_MAX = 4,	   /* how often broken rings are walked again */
	DTB_SCANS = 4,	   /* each may read all that is mapped */
};

struct Runner {
	struct proc_run run;
	struct proc_evidence *evidence;	/* of all methods */
	runner_found_fn fn;
	void *ctx;
	enum proc_method_id current;
};

static void found(void *ctx, VirtAddr eprocess)
{
	Runner *r = ctx;

	r->fn(r->ctx, r->current, eprocess);
}

/* System's neighbours by one of the links (offset in the LIST_ENTRY) that look
 * like processes. */
static void add_teachers(const NtKernel *k, unsigned offset, GArray *teachers)
{
	const struct nt_eprocess_layout *l = &k->profile.eprocess;
	uint64_t link = k->system.eprocess.v + l->links;

	for (unsigned i = 0; i < TEACHERS_MAX; i++) {
		struct nt_process p;
		VirtAddr va;

		if (!nt_pointer_at(&k->as, k->profile.pointer_bytes,
				   VIRT(link + offset), &link) ||
		    link == k->system.eprocess.v + l->links)
			return;
		va = VIRT(link - l->links);
		if (!nt_process_read(&k->as, &k->profile, va, &p))
			return;
		if (nt_process_plausible(&k->as, &k->profile, &p))
			g_array_append_val(teachers, va);
		nt_process_clear(&p);
	}
}

static NtObjects *learn_objects(const NtKernel *k, Log *log)
{
	g_autoptr(GArray) teachers = g_array_new(FALSE, FALSE,
						 sizeof(VirtAddr));

	if (k->has_system) {
		g_array_append_val(teachers, k->system.eprocess);
		add_teachers(k, 0, teachers);
		add_teachers(k, k->profile.pointer_bytes, teachers);
	}
	return nt_objects_new(k, (const VirtAddr *)(void *)teachers->data,
			      teachers->len, log);
}

Runner *runner_new(const NtKernel *kernel, const GPtrArray *known,
		   struct proc_evidence *evidence, runner_found_fn fn,
		   void *ctx, Log *log)
{
	Runner *r = g_new0(Runner, 1);
	uint32_t pages = nt_handles_budget(&kernel->profile);

	r->evidence = evidence;
	r->fn = fn;
	r->ctx = ctx;
	for (unsigned i = 0; i < METHODS; i++) {
		evidence[i].parts = g_array_new(FALSE, FALSE,
						sizeof(struct proc_part));
		evidence[i].lost = g_array_new(FALSE, FALSE,
					       sizeof(struct proc_lost));
	}
	r->run = (struct proc_run){
		.kernel = kernel,
		.objects = learn_objects(kernel, log),
		.log = log,
		.known = known,
		.verdicts = g_hash_table_new_full(g_int64_hash, g_int64_equal,
						  g_free, NULL),
		.csrss_done = seen_new(PROCS_MAX),
		.verdicts_left = 2 * PROCS_MAX,
		.sessions_done = seen_new(SESSIONS_MAX),
		.session_nodes = seen_new(PROCS_MAX + SESSIONS_MAX),
		.csrss_pages = CSRSS_TABLES * pages,
		.csrss_objects = 16 * PROCS_MAX,
		.dtb_scans = DTB_SCANS,
		.fn = found,
		.ctx = r,
	};
	return r;
}

void runner_free(Runner *runner)
{
	if (!runner)
		return;
	nt_objects_free(runner->run.objects);
	g_hash_table_unref(runner->run.verdicts);
	seen_free(runner->run.csrss_done);
	seen_free(runner->run.sessions_done);
	seen_free(runner->run.session_nodes);
	g_free(runner);
}

void proc_evidence_clear(struct proc_evidence *evidence)
{
	g_clear_pointer(&evidence->parts, g_array_unref);
	g_clear_pointer(&evidence->lost, g_array_unref);
}

struct proc_run *runner_context(Runner *runner)
{
	return &runner->run;
}

static void run_all(Runner *r, unsigned methods, bool derived)
{
	for (unsigned i = 0; i < METHODS; i++) {
		if (!(methods & 1u << i) || proc_methods[i].derived != derived)
			continue;
		r->current = i;
		r->run.evidence = &r->evidence[i];
		proc_methods[i].run(&r->run);
	}
}

static unsigned independent_methods(void)
{
	unsigned methods = 0;

	for (unsigned i = 0; i < METHODS; i++)
		if (!proc_methods[i].derived)
			methods |= 1u << i;
	return methods;
}

/* What the others found can lead to parts of broken rings that nothing else
 * leads to. True: there were more processes there. */
static bool walk_again(Runner *r, unsigned methods)
{
	guint before = r->run.known->len;
	unsigned broken = 0;

	for (unsigned i = 0; i < METHODS; i++)
		if (r->evidence[i].broken && !r->evidence[i].unusable)
			broken |= 1u << i;
	broken &= methods & (1u << METHOD_PSACTIVEPROCESSHEAD |
			     1u << METHOD_HANDLES);
	r->run.again = true;
	run_all(r, broken, false);
	return r->run.known->len > before;
}

unsigned runner_run(Runner *r, unsigned methods)
{
	unsigned independent = independent_methods(), n_again = 0;
	guint before;

	if (methods & ~independent)
		methods |= independent;
	run_all(r, methods, false);
	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		before = r->run.known->len;
		proc_adopt_sessions(r->run.known);
		run_all(r, methods, true);
		if (r->run.known->len == before &&
		    (n_again++ >= AGAIN_MAX || !walk_again(r, methods)))
			return methods;
	}
	log_add(r->run.log, LOG_WARN, "processes",
		"CSRSS and Sessions still found more after %u rounds; the rest"
		" was left out",
		(unsigned)ROUNDS_MAX);
	return methods;
}
