/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads with all that belongs to them, with the option threads: TEBs and
 * stacks in user space, kernel stacks with frames of all kinds, times, names;
 * those that run have their processor's registers. _TEB and _NT_TIB as the
 * type information of kernels has them.
 */
#include "config.h"

#include "lib/mkthread.h"
#include "lib/mkwin-priv.h"

#include <inttypes.h>
#include <string.h>

#define STACK_PAGES 4u
#define STACK_STEP UINT64_C(0x100000)
#define KSTACK_PAGES 3u
#define STATE_READY 1u
#define STATE_RUNNING 2u
#define STATE_TERMINATED 4u
#define STATE_WAITING 5u
#define TERMINATED 1u

struct teb {
	unsigned int bytes; /* of a pointer */
	uint64_t va, other, base, limit, alloc;
};

static bool has_narrow(const MkProc *proc)
{
	return proc->info.wow64;
}

/* Below the PEB (of WoW64, the 32-bit one); two pages, and two for 32-bit
 * code. */
static uint64_t teb_at(const MkWin *win, const MkProc *proc, guint i)
{
	if (mk_is_32bit(win))
		return mk_user_places(win, false)->peb - (i + 1) * MK_PAGE_SIZE;
	if (has_narrow(proc))
		return MK_PEB32 - (i + 1) * 4 * MK_PAGE_SIZE;
	return mk_user_places(win, false)->peb - (i + 1) * 2 * MK_PAGE_SIZE;
}

static uint64_t stack_at(const MkProc *proc, guint i, bool narrow)
{
	return proc->stacks + (narrow ? 8 + i : i) * STACK_STEP;
}

/* A reservation of which the first page is a guard, as far as the TEB says. */
static void place_stack(const MkProc *proc, guint i, bool narrow,
			uint64_t *limit, uint64_t *base)
{
	*limit = stack_at(proc, i, narrow) + MK_PAGE_SIZE;
	*base = stack_at(proc, i, narrow) + STACK_PAGES * MK_PAGE_SIZE;
}

void mk_threads_user(MkWin *win, MkProc *proc, uint64_t image, uint64_t stacks)
{
	const guint n = proc->info.threads + (proc->marker ? 1 : 0);
	const unsigned int pages = mk_is_32bit(win)   ? 1
				   : has_narrow(proc) ? 4
						      : 2;

	if (!win->options.threads)
		return;
	proc->image = image;
	proc->stacks = stacks;
	for (guint i = 0; i < n; i++) {
		mk_user_pages(win, proc, teb_at(win, proc, i), pages);
		mk_user_pages(win, proc, stack_at(proc, i, false), STACK_PAGES);
		if (has_narrow(proc))
			mk_user_pages(win, proc, stack_at(proc, i, true),
				      STACK_PAGES);
	}
}

static void put(MkWin *win, MkProc *proc, uint64_t va, uint64_t value,
		size_t bytes)
{
	value = GUINT64_TO_LE(value);
	mk_user_write(win, proc, va, &value, bytes);
}

static void put_teb(MkWin *win, MkProc *proc, const struct mk_thread *thread,
		    const struct teb *teb)
{
	const unsigned int n = teb->bytes;
	const uint64_t va = teb->va;
	const uint64_t peb = n == 4 && has_narrow(proc) ? proc->info.peb32
							: proc->info.peb;

	put(win, proc, va, teb->other, n);
	put(win, proc, va + n, teb->base, n);
	put(win, proc, va + 2 * n, teb->limit, n);
	put(win, proc, va + 6 * n, va, n);
	put(win, proc, va + 8 * n, thread->pid, n);
	put(win, proc, va + 9 * n, thread->tid, n);
	put(win, proc, va + 12 * n, peb, n);
	put(win, proc, va + (n == 8 ? 0x1478 : 0xe0c), teb->alloc, n);
}

/* Frames that lead up the stack: where the code goes back to. */
static void put_call(MkWin *win, MkProc *proc, const struct mk_regs *r,
		     size_t n)
{
	put(win, proc, r->gpr[5], r->gpr[5] + 0x100, n);
	put(win, proc, r->gpr[5] + n, proc->image + 0x1010, n);
	put(win, proc, r->gpr[5] + 0x100, 0, n);
	put(win, proc, r->gpr[5] + 0x100 + n, proc->image + 0x1020, n);
}

/* What 32-bit code has left on its way to the kernel; of the third thread that
 * is not there. */
static void put_wow64(MkWin *win, MkProc *proc, struct mk_thread *thread,
		      guint i)
{
	const uint64_t at = thread->stack_base - 0x700;
	uint8_t context[0x4d0];
	struct mk_regs *r = &thread->user32;
	size_t len;

	mk_regs_user(win, proc, thread, true, r);
	r->ip += 2;
	len = mk_context(r, true, context);
	put(win, proc, thread->teb + 0x1488, at, 8);
	put(win, proc, at, UINT64_C(0x14c) << 16, 4);
	if (i == 2) {
		r->from = NULL;
		return;
	}
	mk_user_write(win, proc, at + 4, context, len);
	/* ax, cx and dx are not kept. */
	r->known = 0xf8;
	r->from = "wow64";
}

/* By ExceptionList, by WowTebOffset (10 and later), by its place. */
static void put_teb32(MkWin *win, MkProc *proc, struct mk_thread *thread,
		      guint i)
{
	const uint32_t ten = win->build >= MK_BUILD_1607 ? 0x2000 : 0;

	thread->teb32 = thread->teb + 0x2000;
	place_stack(proc, i, true, &thread->stack32_limit,
		    &thread->stack32_base);
	put_teb(win, proc, thread,
		&(struct teb){4, thread->teb32, UINT32_MAX,
			      thread->stack32_base, thread->stack32_limit,
			      stack_at(proc, i, true)});
	if (i == 0)
		put(win, proc, thread->teb, thread->teb32, 8);
	if (i == 1)
		put(win, proc, thread->teb + 0x180c, ten, 4);
	put_wow64(win, proc, thread, i);
}

static void fill_user(MkWin *win, MkProc *proc, struct mk_thread *thread,
		      guint i)
{
	const unsigned int n = mk_pointer_bytes(win);

	thread->teb = teb_at(win, proc, i);
	place_stack(proc, i, false, &thread->stack_limit, &thread->stack_base);
	put_teb(win, proc, thread,
		&(struct teb){n, thread->teb, n == 4 ? UINT32_MAX : 0,
			      thread->stack_base, thread->stack_limit,
			      stack_at(proc, i, false)});
	if (has_narrow(proc))
		put_teb32(win, proc, thread, i);
	mk_put_ptr(win, thread->ethread, "_KTHREAD.Teb", thread->teb);
	mk_put_ptr(win, thread->ethread, "_ETHREAD.Win32StartAddress",
		   proc->image + 0x1000);
}

static void put_byte(MkWin *win, uint64_t va, const char *path, uint8_t value)
{
	if (mk_has(win, path))
		mk_kwrite(win, va + mk_offset(win, path), &value, 1);
}

static void put_word(MkWin *win, uint64_t va, const char *path, uint32_t value)
{
	mk_put32(win, va, path, value);
}

static void fill_kernel(MkWin *win, struct mk_thread *thread)
{
	const uint64_t va = thread->ethread;
	const uint64_t stack =
		mk_pool_pages(win, &win->nonpaged, KSTACK_PAGES);

	thread->kstack_limit = stack;
	thread->kstack_base = stack + KSTACK_PAGES * MK_PAGE_SIZE;
	mk_put_ptr(win, va, "_KTHREAD.StackLimit", stack);
	mk_put_ptr(win, va, "_KTHREAD.StackBase", thread->kstack_base);
	mk_put_ptr(win, va, "_KTHREAD.InitialStack", thread->kstack_base);
	put_byte(win, va, "_KTHREAD.State", thread->state);
	put_byte(win, va, "_KTHREAD.WaitReason", thread->reason);
	put_byte(win, va, "_KTHREAD.Priority", thread->priority);
	put_byte(win, va, "_KTHREAD.BasePriority", thread->base_priority);
	put_word(win, va, "_KTHREAD.KernelTime", thread->kernel_time);
	put_word(win, va, "_KTHREAD.UserTime", thread->user_time);
	put_word(win, va, "_KTHREAD.ContextSwitches", thread->switches);
}

static void fill_name(MkWin *win, struct mk_thread *thread, guint i)
{
	static const char *const names[] = {NULL, "worker \xc3\xa4",
					    "a b)\n\x1b[2J S 1", ""};
	uint64_t string;

	if (!mk_has(win, "_ETHREAD.ThreadName") ||
	    !names[i % G_N_ELEMENTS(names)])
		return;
	thread->name = names[i % G_N_ELEMENTS(names)];
	string = mk_pool_alloc(win, &win->nonpaged, 0x20, "ThNm");
	mk_put_unicode(win, string, thread->name);
	mk_put_ptr(win, thread->ethread, "_ETHREAD.ThreadName", string);
}

static void fill_end(MkWin *win, struct mk_thread *thread)
{
	const uint64_t va = thread->ethread;

	thread->exit_time = win->time - 60 * MK_SECOND;
	thread->state = STATE_TERMINATED;
	mk_kwrite32(win, va + 4, 1);
	mk_put64(win, va, "_ETHREAD.ExitTime", thread->exit_time);
	put_word(win, va, "_ETHREAD.CrossThreadFlags", TERMINATED);
	put_byte(win, va, "_KTHREAD.State", thread->state);
}

void mk_thread_fill(MkWin *win, MkProc *proc, uint64_t va, uint32_t tid,
		    bool exited)
{
	const guint i = proc->threads->len - 1, n = win->threads->len;
	const enum mk_frame_kind kind =
		has_narrow(proc) ? (enum mk_frame_kind)(i % 2)
				 : (enum mk_frame_kind)(n % MK_FRAME_KINDS);
	struct mk_thread thread = {
		.pid = proc->info.pid,
		.tid = tid,
		.ethread = va,
		.process = proc->info.eprocess,
		.create_time = proc->info.create_time,
		.state = kind == MK_FRAME_INTERRUPT ? STATE_READY
						    : STATE_WAITING,
		.reason = (uint8_t)(n % 37),
		.priority = (uint8_t)(8 + n % 8),
		.base_priority = 8,
		.kernel_time = 64 + n,
		.user_time = 640 + n,
		.switches = 1000 + n,
		.cpu = -1,
	};

	if (!win->options.threads)
		return;
	if (proc->image && !exited)
		fill_user(win, proc, &thread, i);
	fill_kernel(win, &thread);
	fill_name(win, &thread, n);
	/* Of a live one it is a list of what waits. */
	mk_put64(win, va, "_ETHREAD.ExitTime", va + 0x40);
	if (win->mode != MK_MODE_ARM64 && !exited)
		mk_frames_build(win, &thread, proc, kind,
				has_narrow(proc) && kind == MK_FRAME_INTERRUPT);
	if (thread.user.from)
		put_call(win, proc, &thread.user,
			 mk_is_32bit(win) || thread.user.cs == 0x23 ? 4 : 8);
	if (exited)
		fill_end(win, &thread);
	g_array_append_val(win->threads, thread);
}

static struct mk_thread *find_thread(const MkWin *win, uint64_t ethread)
{
	for (guint i = 0; i < win->threads->len; i++) {
		struct mk_thread *thread =
			&g_array_index(win->threads, struct mk_thread, i);

		if (thread->ethread == ethread)
			return thread;
	}
	return NULL;
}

static void tell_cpu(const MkWin *win, struct mk_cpu *cpu,
		     const struct mk_thread *thread)
{
	const struct mk_regs *r = &thread->cpu_regs;
	const bool wide = !mk_is_32bit(win);

	cpu->has_regs = true;
	cpu->in_user = (r->cs & 3) == 3;
	memcpy(cpu->gpr, r->gpr, sizeof(cpu->gpr));
	cpu->rip = r->ip;
	cpu->rsp = r->gpr[4];
	cpu->flags = r->flags;
	cpu->cs = r->cs;
	cpu->ss = r->ss;
	cpu->ds = cpu->es = wide ? 0x2b : 0x23;
	cpu->fs = wide ? 0x53 : cpu->in_user ? 0x3b : 0x30;
	cpu->gs = wide ? 0x2b : 0;
	cpu->teb = thread->teb;
}

/*
 * A thread with a user half runs there, the others in the kernel, which once
 * kept a context of theirs in the KPRCB.
 */
void mk_thread_run(MkWin *win, MkProc *proc, struct mk_cpu *cpu,
		   unsigned int number, uint64_t prcb)
{
	struct mk_thread *thread = find_thread(win, proc->thread);
	uint8_t context[0x4d0];
	size_t len;

	if (!win->options.threads || !thread || win->mode == MK_MODE_ARM64)
		return;
	thread->cpu = (int)number;
	thread->state = STATE_RUNNING;
	put_byte(win, thread->ethread, "_KTHREAD.State", STATE_RUNNING);
	if (thread->teb) {
		mk_regs_user(win, proc, thread, false, &thread->cpu_regs);
		thread->cpu_regs.ip += 4;
	} else {
		mk_regs_kernel(win, thread, &thread->cpu_regs);
		thread->cpu_regs.ip += 4;
	}
	thread->cpu_regs.from = "cpu";
	tell_cpu(win, cpu, thread);
	/* Its switch frame is of another time. */
	thread->kernel = (struct mk_regs){0};
	if (thread->teb || !mk_has(win, "_KPRCB.ProcessorState"))
		return;
	mk_regs_kernel(win, thread, &thread->kernel);
	thread->kernel.from = "prcb";
	len = mk_context(&thread->kernel, mk_is_32bit(win), context);
	mk_kwrite(win,
		  prcb + mk_offset(win, "_KPRCB.ProcessorState") +
			  mk_offset(win, "_KPROCESSOR_STATE.ContextFrame"),
		  context, len);
}

/* _KUSER_SHARED_DATA.TickCountMultiplier, InterruptTime: 15.625 ms in a tick,
 * started two hours ago. */
void mk_threads_clock(MkWin *win)
{
	const uint64_t since = 7200 * MK_SECOND;

	if (!win->options.threads || !win->kuser_pa)
		return;
	mk_phys_write32(win->phys, win->kuser_pa + 4, 0x0fa00000);
	mk_phys_write32(win->phys, win->kuser_pa + 8, (uint32_t)since);
	mk_phys_write32(win->phys, win->kuser_pa + 12, (uint32_t)(since >> 32));
	mk_phys_write32(win->phys, win->kuser_pa + 16,
			(uint32_t)(since >> 32));
}

const GArray *mk_win_threads(const MkWin *win)
{
	return win->threads;
}

static void tell_regs(GString *out, const struct mk_thread *thread,
		      const char *what, const struct mk_regs *r)
{
	if (!r->from)
		return;
	g_string_append_printf(out,
			       "regs\t%u\t%u\t%s\t%s\t0x%" PRIx64
			       "\t0x%" PRIx64 "\t0x%" PRIx64 "\t0x%x\t0x%x",
			       thread->pid, thread->tid, what, r->from, r->ip,
			       r->gpr[4], r->flags, r->cs, r->known);
	for (size_t i = 0; i < G_N_ELEMENTS(r->gpr); i++)
		g_string_append_printf(out, "\t0x%" PRIx64, r->gpr[i]);
	g_string_append_c(out, '\n');
}

static void tell_range(GString *out, uint64_t limit, uint64_t base)
{
	if (base)
		g_string_append_printf(out, "\t0x%" PRIx64 "-0x%" PRIx64,
				       limit, base);
	else
		g_string_append(out, "\t-");
}

static void tell_thread(GString *out, const struct mk_thread *t)
{
	g_string_append_printf(out,
			       "thread\t%u\t%u\t0x%" PRIx64 "\t0x%" PRIx64
			       "\t0x%" PRIx64,
			       t->pid, t->tid, t->ethread, t->teb, t->teb32);
	tell_range(out, t->stack_limit, t->stack_base);
	tell_range(out, t->stack32_limit, t->stack32_base);
	tell_range(out, t->kstack_limit, t->kstack_base);
	g_string_append_printf(out,
			       "\t%" PRIu64 "\t%" PRIu64
			       "\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%d\t",
			       t->create_time, t->exit_time, t->kernel_time,
			       t->user_time, t->switches, t->state, t->reason,
			       t->priority, t->base_priority, t->cpu);
	for (const char *at = t->name; at && *at; at++)
		g_string_append_printf(out, "%02x", (uint8_t)*at);
	g_string_append(out, t->name && *t->name ? "\n" : "-\n");
}

void mk_threads_truth(GString *out, const MkWin *win)
{
	for (guint i = 0; i < win->threads->len; i++) {
		const struct mk_thread *t =
			&g_array_index(win->threads, struct mk_thread, i);

		tell_thread(out, t);
		tell_regs(out, t, "user", &t->user);
		tell_regs(out, t, "user32", &t->user32);
		tell_regs(out, t, "kernel", &t->kernel);
		tell_regs(out, t, "cpu", &t->cpu_regs);
	}
}
