/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads of a core: registers as NT_PRSTATUS has them. */
#include "config.h"

#include <inttypes.h>

#include "tree/core.h"
#include "tree/threads.h"

/* The places of struct nt_regs's gpr in user_regs, by number of the former.
 * Linux: struct user_regs_struct of x86-64, of i386. */
static const uint8_t x64_place[16] = { 10, 11, 12, 5, 19, 4, 13, 14,
				       9,  8,  7,  6, 3,  2, 1,	 0 };
static const uint8_t x86_place[8] = { 6, 1, 2, 0, 15, 5, 3, 4 };

/* A register that is not known is 0, whatever is there. */
static uint64_t gpr(const struct nt_regs *r, unsigned number)
{
	return r->known & NT_REGS_INTEGER || r->gpr_known & 1u << number ?
		       r->gpr[number] : 0;
}

static void fill_x64(const struct nt_regs *r, uint64_t teb, uint64_t *ret)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(x64_place); i++)
		ret[x64_place[i]] = gpr(r, i);
	ret[4] = r->bp;
	ret[15] = UINT64_MAX; /* orig_rax: in no system call of Linux */
	ret[16] = r->ip;
	ret[17] = r->cs;
	ret[18] = r->flags;
	ret[19] = r->sp;
	ret[20] = r->ss;
	ret[21] = r->fs_base;
	ret[22] = r->known & NT_REGS_BASES ? r->gs_base : teb;
	ret[23] = r->ds;
	ret[24] = r->es;
	ret[25] = r->fs;
	ret[26] = r->gs;
}

static void fill_x86(const struct nt_regs *r, uint64_t *ret)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(x86_place); i++)
		ret[x86_place[i]] = gpr(r, i);
	ret[5] = r->bp;
	ret[7] = r->ds;
	ret[8] = r->es;
	ret[9] = r->fs;
	ret[10] = r->gs;
	ret[11] = UINT32_MAX; /* orig_eax */
	ret[12] = r->ip;
	ret[13] = r->cs;
	ret[14] = r->flags;
	ret[15] = r->sp;
	ret[16] = r->ss;
}

static void fill_arm64(const struct nt_regs *r, uint64_t *ret)
{
	for (unsigned i = 0; i < 31; i++)
		ret[i] = gpr(r, i);
	ret[31] = r->sp;
	ret[32] = r->ip;
	ret[33] = r->flags;
}

/* Which of a thread's registers the core shows, NULL: none are known. */
static const struct nt_regs *regs_of(const struct core *core,
				     const struct nt_thread *t,
				     enum nt_regs_from *from)
{
	const struct nt_regs *r = &t->user;

	*from = t->user_from;
	if (core->space->kind != SPACE_PROCESS) {
		r = &t->kernel;
		*from = t->kernel_from;
	} else if (core->end) {
		r = &t->user32;
		*from = t->user32_from;
	}
	return *from != NT_REGS_NONE && r->known & NT_REGS_PLACE ? r : NULL;
}

static void put_thread(GByteArray *out, const struct core *core,
		       const struct nt_thread *t)
{
	struct elf_thread thread = {
		.tid = t->tid,
		.ppid = core->space->proc &&
				core->space->proc->p.known & NTP_PPID ?
			core->space->proc->p.ppid : 0,
	};
	enum nt_regs_from from;
	const struct nt_regs *r = regs_of(core, t, &from);
	bool user = core->space->kind == SPACE_PROCESS;

	if (!r)
		return;
	if (core->form.machine == ELF_X86_64)
		fill_x64(r, user ? t->teb.v : 0, thread.regs);
	else if (core->form.machine == ELF_386)
		fill_x86(r, thread.regs);
	else
		fill_arm64(r, thread.regs);
	elf_put_prstatus(out, &core->form, &thread);
}

/* The one that a debugger shows first: that runs, or else the first with
 * registers. */
static guint first_of(const struct core *core)
{
	const GArray *threads = core->threads;
	guint first = threads->len;

	for (guint i = threads->len; i-- > 0;) {
		const struct nt_thread *t =
			&g_array_index(threads, struct nt_thread, i);
		enum nt_regs_from from;

		if (!regs_of(core, t, &from))
			continue;
		if (t->cpu >= 0)
			return i;
		first = i;
	}
	return first;
}

void core_put_threads(GByteArray *out, const struct core *core, bool first)
{
	guint which = first_of(core);

	for (guint i = 0; i < core->threads->len; i++)
		if ((i == which) == first)
			put_thread(out, core,
				   &g_array_index(core->threads,
						  struct nt_thread, i));
}

/* Names of registers that read as 0 because they are not known. */
static void say_unknown(struct sink *text, const struct nt_regs *r)
{
	const char *before = "; 0 for want of knowledge: ";

	for (unsigned i = 0; i < 31; i++) {
		const char *name = nt_regs_gpr_name(r->machine, i);

		if (!name || r->known & NT_REGS_INTEGER ||
		    r->gpr_known & 1u << i)
			continue;
		sink_str(text, before);
		sink_str(text, name);
		before = " ";
	}
	if (!(r->known & NT_REGS_FLAGS))
		sink_printf(text, "%sflags", before);
}

void core_say_threads(struct sink *text, const struct core *core)
{
	const GArray *threads = core->threads;
	bool user = core->space->kind == SPACE_PROCESS;

	for (guint i = 0; i < threads->len; i++) {
		const struct nt_thread *t =
			&g_array_index(threads, struct nt_thread, i);
		enum nt_regs_from from;
		const struct nt_regs *r = regs_of(core, t, &from);

		sink_printf(text, "Thread:\t%" PRIu32 " ", t->tid);
		if (!r) {
			sink_printf(text, "left out: no registers of %s\n",
				    user ? "user mode" : "the kernel");
			continue;
		}
		sink_str(text, nt_regs_from_name(from));
		if (r->known & NT_REGS_MAYBE_OLD)
			sink_str(text, "; the thread has run since");
		if (r->known & NT_REGS_OFF_STACK)
			sink_str(text, "; not on its stack");
		say_unknown(text, r);
		sink_str(text, "\n");
	}
}

static void take(struct core *core, const GArray *threads, bool running)
{
	for (guint i = 0; i < threads->len; i++) {
		const struct nt_thread *t =
			&g_array_index(threads, struct nt_thread, i);

		if (core->threads->len < CORE_THREADS_MAX &&
		    (!running || t->cpu >= 0))
			g_array_append_val(core->threads, *t);
	}
}

static void take_of(struct core *core, const struct proc_entry *e,
		    bool running)
{
	GArray *threads;

	if (!e->plausible)
		return;
	threads = nt_threads_read(core->facts->kernel, &e->p, NULL);
	g_ptr_array_add(core->arrays, threads);
	take(core, threads, running);
}

#define SYSTEM_PID 4u

static void find_of_kernel(struct core *core)
{
	const ProcSet *procs = core->facts->procs;

	for (size_t i = 0; i < procset_count(procs); i++) {
		const struct proc_entry *e = procset_get(procs, i);

		if (e->running_on && e->p.pid != SYSTEM_PID &&
		    core->arrays->len < CORE_RUNNING_MAX)
			take_of(core, e, true);
	}
	for (size_t i = 0; i < procset_count(procs); i++) {
		const struct proc_entry *e = procset_get(procs, i);

		if (e->p.pid != SYSTEM_PID || e->p.exit_time)
			continue;
		take_of(core, e, false);
		break;
	}
}

void core_find_threads(struct core *core)
{
	Detail **detail = &core->details[DETAIL_THREADS];

	if (core->space->kind == SPACE_KERNEL && core->facts->kernel) {
		find_of_kernel(core);
	} else if (core->space->kind == SPACE_PROCESS) {
		*detail = detail_get(core->facts, core->space, DETAIL_THREADS);
		take(core, space_threads(*detail), false);
	}
}
