/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `task/TID/comm`, `stat`, `status`. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/clock.h"
#include "tree/linux.h"
#include "tree/threads.h"

/* Reasons to wait for memory: FreePage, PageIn, PoolAllocation and their Wr
 * kin, WrVirtualMemory, WrPageOut, WrPhysicalFault. */
static bool waits_for_memory(unsigned reason)
{
	return (reason >= 1 && reason <= 3) || (reason >= 8 && reason <= 10) ||
	       reason == 18 || reason == 19 || reason == 39;
}

/* Suspended, WrSuspended. */
static bool waits_for_resume(unsigned reason)
{
	return reason == 5 || reason == 12;
}

char thread_letter(const struct nt_thread *t)
{
	if (t->exited)
		return 'Z';
	if (!(t->known & NTT_STATE))
		return 'S';
	switch (t->state) {
	case NT_STATE_READY:
	case NT_STATE_RUNNING:
	case NT_STATE_STANDBY:
	case NT_STATE_DEFERRED_READY:
		return 'R';
	default:
		break;
	}
	if (t->known & NTT_WAIT_REASON && waits_for_memory(t->wait_reason))
		return 'D';
	if (t->known & NTT_WAIT_REASON && waits_for_resume(t->wait_reason))
		return 'T';
	return 'S';
}

static char *comm(const Space *space, const struct nt_thread *t)
{
	return text_escape_line(t->name && *t->name ? t->name :
						      space->proc->p.name);
}

void render_task_comm(struct sink *out, const struct render_facts *facts,
		      const Space *space, uint64_t tid)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_THREADS);
	const struct nt_thread *t = space_thread(detail, tid);
	g_autofree char *name = t ? comm(space, t) : NULL;

	if (t)
		sink_printf(out, "%s\n", name);
}

static unsigned count_live(const Detail *detail)
{
	const GArray *threads = space_threads(detail);
	unsigned n = 0;

	for (guint i = 0; i < threads->len; i++)
		n += !g_array_index(threads, struct nt_thread, i).exited;
	return n;
}

static SpaceView *view_of(const struct render_facts *facts,
			  const Space *space)
{
	return space_view((Space *)(uintptr_t)space, facts->views);
}

/* Parentheses and spaces do no harm: readers look for the last ')'. */
static void stat_head(struct sink *out, const struct render_facts *facts,
		      const Space *space, const struct nt_thread *t)
{
	const struct nt_process *p = &space->proc->p;
	g_autofree char *name = comm(space, t);

	/* pid comm state ppid pgrp session tty tpgid flags, four counts of
	 * faults */
	sink_printf(out, "%u (%s) %c %u %u %u 0 -1 0 0 0 0 0", t->tid, name,
		    thread_letter(t), linux_ppid(facts, space->proc), p->pid,
		    p->known & NTP_SESSION ? p->session : 0);
}

void render_task_stat(struct sink *out, const struct render_facts *facts,
		      const Space *space, uint64_t tid)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_THREADS);
	const struct nt_thread *t = space_thread(detail, tid);
	g_autoptr(SpaceView) view = NULL;
	const struct map_counts *c;

	if (!t)
		return;
	view = view_of(facts, space);
	c = addr_map_counts(view->map);
	stat_head(out, facts, space, t);
	/* utime stime cutime cstime priority nice num_threads itrealvalue
	 * starttime vsize rss rsslim */
	sink_printf(out,
		    " %" PRIu64 " %" PRIu64 " 0 0 %d 0 %u 0 %" PRIu64
		    " %" PRIu64 " %" PRIu64 " %" PRIu64,
		    linux_ticks(facts, t->user_time),
		    linux_ticks(facts, t->kernel_time), t->priority,
		    count_live(detail), linux_start(facts, t->create_time),
		    linux_size(c), map_counts_resident(c) >> PAGE_SHIFT_4K,
		    UINT64_MAX);
	/* startcode endcode startstack kstkesp kstkeip, four sets of signals,
	 * wchan nswap cnswap exit_signal processor rt_priority policy, times of
	 * I/O and guests, seven addresses, exit_code */
	sink_printf(out, " 0 0 %" PRIu64 " %" PRIu64 " %" PRIu64
		    " 0 0 0 0 0 0 0 17 %d 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		    t->stack_base, t->user.sp, t->user.ip, MAX(t->cpu, 0));
}

void render_task_statm(struct sink *out, const struct render_facts *facts,
		       const Space *space, uint64_t tid)
{
	g_autoptr(SpaceView) view = view_of(facts, space);

	if (task_there(facts, space, tid))
		render_statm(out, facts, space, view);
}

void render_task_cmdline(struct sink *out, const struct render_facts *facts,
			 const Space *space, uint64_t tid)
{
	if (task_there(facts, space, tid))
		render_cmdline(out, facts, space, NULL);
}

/* As in `status` of the process. */
static void put_memory(struct sink *out, const struct render_facts *facts,
		       const Space *space)
{
	g_autoptr(SpaceView) view = view_of(facts, space);
	const struct map_counts *c = addr_map_counts(view->map);

	sink_printf(out, "VmSize:\t%8" PRIu64 " kB\n", linux_size(c) / KIB);
	sink_printf(out, "VmRSS:\t%8" PRIu64 " kB\n",
		    map_counts_resident(c) / KIB);
}

static void put_address(struct sink *out, const char *key, bool known,
			uint64_t va)
{
	if (known)
		sink_key(out, key, "0x%" PRIx64, va);
	else
		sink_key(out, key, "-");
}

static void put_time(struct sink *out, const char *key, bool known,
		     uint64_t filetime)
{
	g_autofree char *text = text_filetime(known ? filetime : 0);

	sink_key(out, key, "%s", text);
}

static void put_range(struct sink *out, const char *key, bool known,
		      uint64_t limit, uint64_t base)
{
	if (known)
		sink_key(out, key, "0x%" PRIx64 "-0x%" PRIx64, limit, base);
	else
		sink_key(out, key, "-");
}

/* Names of the registers that have other ones in struct nt_regs. */
static void put_control(struct sink *out, const struct nt_regs *r)
{
	bool wide = r->machine == NT_MACHINE_AMD64;

	if (r->known & NT_REGS_PLACE)
		sink_printf(out, "\t%s=0x%" PRIx64, wide ? "rip" : "eip",
			    r->ip);
	if (r->known & NT_REGS_FLAGS)
		sink_printf(out, " %s=0x%" PRIx64 " cs=0x%x ss=0x%x",
			    wide ? "rflags" : "eflags", r->flags, r->cs,
			    r->ss);
}

static void put_regs(struct sink *out, const char *key,
		     const struct nt_regs *r, enum nt_regs_from from)
{
	const char *name;

	if (!from)
		return;
	sink_printf(out, "%sFrom:\t%s%s%s\n", key, nt_regs_from_name(from),
		    r->known & NT_REGS_MAYBE_OLD ? ", may be old" : "",
		    r->known & NT_REGS_OFF_STACK ?
			    ", stack pointer outside of the stack" : "");
	sink_printf(out, "%s:", key);
	put_control(out, r);
	for (unsigned i = 0; (name = nt_regs_gpr_name(r->machine, i)); i++)
		if (r->gpr_known & 1u << i)
			sink_printf(out, " %s=0x%" PRIx64, name, r->gpr[i]);
	if (r->known & NT_REGS_CR3)
		sink_printf(out, " cr3=0x%" PRIx64, r->cr3);
	sink_str(out, "\n");
}

static void put_state(struct sink *out, const struct nt_thread *t)
{
	const char *state = t->exited		   ? "Terminated" :
			    t->known & NTT_STATE ?
			    nt_thread_state_name(t->state) : "-";
	const char *reason = nt_wait_reason_name(t->wait_reason);

	sink_key(out, "State", "%c (%s)", thread_letter(t), state);
	if (t->exited || t->state != NT_STATE_WAITING ||
	    !(t->known & NTT_WAIT_REASON))
		sink_key(out, "WaitReason", "-");
	else if (reason)
		sink_key(out, "WaitReason", "%s", reason);
	else
		sink_key(out, "WaitReason", "%u", t->wait_reason);
}

/* Which lists have it; a thread that is missing in one was taken out, or is
 * about to go. */
static void put_seen(struct sink *out, const struct nt_thread *t)
{
	sink_printf(out, "SeenBy:%s%s%s\n",
		 t->seen & NTT_IN_EPROCESS ? " EPROCESS" : "",
		 t->seen & NTT_IN_KPROCESS ? " KPROCESS" : "",
		 t->seen & NTT_ON_CPU ? " processor" : "");
	if (t->cpu >= 0)
		sink_key(out, "Cpu", "%d", t->cpu);
}

static void put_stacks(struct sink *out, const struct nt_thread *t)
{
	put_address(out, "Teb", t->known & NTT_TEB, t->teb.v);
	if (t->teb32.v)
		put_address(out, "Teb32", true, t->teb32.v);
	put_range(out, "Stack", t->known & NTT_USER_STACK, t->stack_limit,
		  t->stack_base);
	if (t->known & NTT_USER_STACK32)
		put_range(out, "Stack32", true, t->stack32_limit,
			  t->stack32_base);
	put_range(out, "KernelStack", t->known & NTT_KERNEL_STACK,
		  t->kstack_limit, t->kstack_base);
}

static void put_times(struct sink *out, const NtKernel *k,
		      const struct nt_thread *t)
{
	uint64_t tick = nt_clock_tick(k);

	put_time(out, "CreateTime", t->known & NTT_CREATE, t->create_time);
	put_time(out, "ExitTime", t->known & NTT_EXIT, t->exit_time);
	if (t->known & NTT_TIMES) {
		sink_key(out, "UserTime", "%" PRIu64 " ms",
			 t->user_time * tick / 10000);
		sink_key(out, "KernelTime", "%" PRIu64 " ms",
			 t->kernel_time * tick / 10000);
	}
	if (t->known & NTT_PRIORITY)
		sink_key(out, "Priority", "%d (base %d)", t->priority,
			 t->base_priority);
}

void render_task_status(struct sink *out, const struct render_facts *facts,
			const Space *space, uint64_t tid)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_THREADS);
	const struct nt_thread *t = space_thread(detail, tid);
	const struct nt_process *p = &space->proc->p;
	g_autofree char *name = t ? comm(space, t) : NULL;

	if (!t)
		return;
	sink_key(out, "Name", "%s", name);
	put_state(out, t);
	sink_key(out, "Tgid", "%u", p->pid);
	sink_key(out, "Pid", "%u", t->tid);
	sink_key(out, "PPid", "%u", p->known & NTP_PPID ? p->ppid : 0);
	put_memory(out, facts, space);
	sink_key(out, "Threads", "%u", count_live(detail));
	if (t->known & NTT_SWITCHES)
		sink_key(out, "voluntary_ctxt_switches", "%u", t->switches);
	sink_key(out, "Ethread", PRIADDR, t->ethread.v);
	put_seen(out, t);
	put_address(out, "Start", t->known & NTT_START, t->start);
	put_address(out, "Win32Start", t->known & NTT_WIN32_START,
		    t->win32_start);
	put_stacks(out, t);
	put_times(out, facts->kernel, t);
	put_regs(out, "UserRegs", &t->user, t->user_from);
	if (t->user32_from == NT_REGS_WOW64)
		put_regs(out, "UserRegs32", &t->user32, t->user32_from);
	put_regs(out, "KernelRegs", &t->kernel, t->kernel_from);
}
