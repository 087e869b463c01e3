/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which registers a thread has from where; names of states and reasons. */
#include "config.h"

#include "base/bytes.h"
#include "nt/cpus.h"
#include "nt/thread.h"

/* The processor that runs it, or NULL. */
static const struct nt_cpu *cpu_of(const NtKernel *k,
				   const struct nt_thread *t)
{
	for (guint i = 0; k->cpus && i < k->cpus->len; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(k->cpus, struct nt_cpu, i);

		if (cpu->thread.v == t->ethread.v)
			return cpu;
	}
	return NULL;
}

/* Highest user address + 1, also where the kernel's variable is not known. */
static uint64_t user_end(const NtKernel *k)
{
	unsigned bits = k->as.form->va_bits;

	if (k->user_end)
		return k->user_end;
	return UINT64_C(1) << (bits > 32 ? bits - 1 : 31);
}

static struct nt_regs_place place_of(const NtKernel *k,
				     const struct nt_thread *t)
{
	const struct nt_ethread_layout *l = &k->profile.ethread;
	struct nt_object o = { &k->as, nt_kernel_pointer_bytes(k),
			       t->ethread };
	struct nt_regs_place p = {
		.kernel = &k->as,
		.arch = k->profile.arch,
		.stack_limit = t->kstack_limit,
		.stack_base = t->kstack_base,
		.user_end = user_end(k),
	};

	(void)nt_member_pointer(&o, l->initial_stack, &p.initial_stack);
	if (!nt_kernel_variables(k, &p.image_base, &p.image_size))
		p.image_size = 0;
	return p;
}

static void put_user(struct nt_thread *t, const struct nt_regs *r,
		     enum nt_regs_from from)
{
	t->user = *r;
	t->user_from = from;
}

static void put_kernel(struct nt_thread *t, const struct nt_regs *r,
		       enum nt_regs_from from)
{
	t->kernel = *r;
	t->kernel_from = from;
}

static bool within(uint64_t v, uint64_t limit, uint64_t base)
{
	return v >= limit && v < base;
}

/*
 * What the kernel saved of a processor: when it stopped it (a crash dump), or
 * long ago. It is taken where its stack pointer is in a stack of this thread,
 * and may still be older than what the thread does now.
 */
static void read_prcb(const NtKernel *k, const struct nt_cpu *cpu,
		      struct nt_thread *t)
{
	uint32_t offset = k->profile.ethread.prcb_context;
	uint16_t machine = k->profile.pointer_bytes == 8 ? NT_MACHINE_AMD64 :
							   NT_MACHINE_I386;
	struct nt_regs r;

	if (offset == NT_ABSENT || k->profile.arch == NT_ARCH_ARM64 ||
	    !nt_regs_from_context(&k->as, machine, cpu->prcb.v + offset, &r))
		return;
	r.known |= NT_REGS_MAYBE_OLD;
	if (nt_regs_is_user(&r)) {
		if (!t->user_from && within(r.sp, t->stack_limit,
					    t->stack_base))
			put_user(t, &r, NT_REGS_PRCB);
	} else if (!t->kernel_from &&
		   within(r.sp, t->kstack_limit, t->kstack_base)) {
		put_kernel(t, &r, NT_REGS_PRCB);
	}
}

/* Of a thread that a processor runs. */
static void read_running(const NtKernel *k, const struct nt_cpu *cpu,
			 struct nt_thread *t)
{
	if (cpu->has_regs && k->container_regs) {
		if (nt_regs_is_user(&cpu->regs))
			put_user(t, &cpu->regs, NT_REGS_CONTAINER);
		else
			put_kernel(t, &cpu->regs, NT_REGS_CONTAINER);
	}
	read_prcb(k, cpu, t);
}

static bool is_stopped(const struct nt_thread *t)
{
	return t->known & NTT_STATE && t->state != NT_STATE_RUNNING &&
	       t->state != NT_STATE_TERMINATED;
}

/* A thread that runs may have left the kernel since its frame was made:
 * certain is only what the processor's state in kernel mode says. */
static void read_trap(const struct nt_regs_place *place, struct nt_thread *t)
{
	enum nt_regs_from from;
	struct nt_regs r;

	if (t->user_from == NT_REGS_CONTAINER ||
	    !nt_regs_from_trap(place, t->trap_frame, &r, &from))
		return;
	if (!is_stopped(t) && t->kernel_from != NT_REGS_CONTAINER)
		r.known |= NT_REGS_MAYBE_OLD;
	put_user(t, &r, from);
}

static void read_wow64(const struct addr_space *own, struct nt_thread *t)
{
	struct nt_regs r;

	if (!t->teb32.v || !own)
		return;
	if (t->user_from && t->user.machine == NT_MACHINE_I386) {
		t->user32 = t->user;
		t->user32_from = t->user_from;
	} else if (nt_regs_from_wow64(own, t->teb.v, &r)) {
		t->user32 = r;
		t->user32_from = NT_REGS_WOW64;
	}
}

static void test_stack(const struct nt_thread *t, struct nt_regs *r)
{
	bool narrow = r->machine == NT_MACHINE_I386 && t->teb32.v;
	unsigned bit = narrow ? NTT_USER_STACK32 : NTT_USER_STACK;

	if (!(r->known & NT_REGS_PLACE) || !(t->known & bit))
		return;
	if (!within(r->sp, narrow ? t->stack32_limit : t->stack_limit,
		    narrow ? t->stack32_base : t->stack_base))
		r->known |= NT_REGS_OFF_STACK;
}

/* The segment by which user mode finds its TEB. */
static void set_bases(const NtKernel *k, struct nt_thread *t)
{
	if (!t->user_from || t->user.known & NT_REGS_BASES)
		return;
	if (k->profile.pointer_bytes == 8)
		t->user.gs_base = t->teb.v;
	else
		t->user.fs_base = t->teb.v;
}

void nt_thread_read_regs(const NtKernel *k, const struct addr_space *own,
			 struct nt_thread *t)
{
	struct nt_regs_place place = place_of(k, t);
	const struct nt_cpu *cpu = cpu_of(k, t);
	struct nt_regs r;

	if (cpu)
		read_running(k, cpu, t);
	if (t->teb.v && !t->exited)
		read_trap(&place, t);
	if (!cpu && is_stopped(t) &&
	    nt_regs_from_switch(&place, t->kernel_stack, &r))
		put_kernel(t, &r, NT_REGS_SWITCH);
	read_wow64(own, t);
	test_stack(t, &t->user);
	test_stack(t, &t->user32);
	set_bases(k, t);
}

/* KTHREAD_STATE, KWAIT_REASON: the same numbers since XP, with more at the end
 * (Windows' wdm.h; type information). */
static const char *const states[NT_STATES] = {
	"Initialized", "Ready",	     "Running",	      "Standby",  "Terminated",
	"Waiting",     "Transition", "DeferredReady", "GateWait",
	"WaitingForProcessInSwap",
};

static const char *const reasons[] = {
	"Executive",	     "FreePage",	 "PageIn",
	"PoolAllocation",    "DelayExecution",	 "Suspended",
	"UserRequest",	     "WrExecutive",	 "WrFreePage",
	"WrPageIn",	     "WrPoolAllocation", "WrDelayExecution",
	"WrSuspended",	     "WrUserRequest",	 "WrEventPair",
	"WrQueue",	     "WrLpcReceive",	 "WrLpcReply",
	"WrVirtualMemory",   "WrPageOut",	 "WrRendezvous",
	"WrKeyedEvent",	     "WrTerminated",	 "WrProcessInSwap",
	"WrCpuRateControl",  "WrCalloutStack",	 "WrKernel",
	"WrResource",	     "WrPushLock",	 "WrMutex",
	"WrQuantumEnd",	     "WrDispatchInt",	 "WrPreempted",
	"WrYieldExecution",  "WrFastMutex",	 "WrGuardedMutex",
	"WrRundown",	     "WrAlertByThreadId", "WrDeferredPreempt",
	"WrPhysicalFault",   "WrIoRing",
};

const char *nt_thread_state_name(unsigned state)
{
	return state < G_N_ELEMENTS(states) ? states[state] : "-";
}

const char *nt_wait_reason_name(unsigned reason)
{
	return reason < G_N_ELEMENTS(reasons) ? reasons[reason] : NULL;
}
