/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads: their lists, what _ETHREAD, _KTHREAD and the TEB say. */
#include "config.h"

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/cpus.h"
#include "nt/thread.h"

/* CrossThreadFlags.Terminated, all versions (symbol tables). */
#define FLAG_TERMINATED 1u
/* FILETIMEs of our time are below this, in the year 3169; XP keeps CreateTime
 * shifted left by 3, which makes it more. */
#define FILETIME_SHIFTED (UINT64_C(0x6e0) << 48)

/* _TEB: _NT_TIB comes first {ExceptionList, StackBase, StackLimit,
 * SubSystemTib, FiberData, ArbitraryUserPointer, Self}, then EnvironmentPointer
 * and ClientId: all pointers. The same in all versions, and of 32 bits in
 * WoW64. */
enum { TIB_BASE = 1, TIB_LIMIT = 2, TIB_SELF = 6, TEB_PID = 8,
       TEB_WORDS = 9 };
/* DeallocationStack, WowTebOffset: symbol tables of 7 to 11. */
#define TEB64_ALLOC 0x1478u
#define TEB32_ALLOC 0xe0cu
#define TEB64_WOW_OFFSET 0x180cu
/* Where the 32-bit TEB is, up to 10 1507. */
#define TEB32_AT 0x2000u

struct reader_of {
	const NtKernel *k;
	const struct nt_process *p;
	const struct addr_space *own;
	const struct nt_ethread_layout *l;
	GArray *threads;
	GHashTable *index; /* address of an _ETHREAD to its index */
};

static uint32_t member(const struct nt_source *s, const char *path)
{
	struct nt_field field;

	return nt_source_field(s, path, &field, NULL) ? field.offset :
							NT_ABSENT;
}

static uint32_t nested(const struct nt_source *s, const char *outer,
		       const char *inner)
{
	uint32_t a = member(s, outer), b = member(s, inner);

	return a == NT_ABSENT || b == NT_ABSENT ? NT_ABSENT : a + b;
}

static void fill_kthread(const struct nt_source *s,
			 struct nt_ethread_layout *l)
{
	l->initial_stack = member(s, "_KTHREAD.InitialStack");
	l->stack_base = member(s, "_KTHREAD.StackBase");
	l->stack_limit = member(s, "_KTHREAD.StackLimit");
	l->kernel_stack = member(s, "_KTHREAD.KernelStack");
	l->trap_frame = member(s, "_KTHREAD.TrapFrame");
	l->teb = member(s, "_KTHREAD.Teb");
	l->state = member(s, "_KTHREAD.State");
	l->wait_reason = member(s, "_KTHREAD.WaitReason");
	l->kernel_time = member(s, "_KTHREAD.KernelTime");
	l->user_time = member(s, "_KTHREAD.UserTime");
	l->switches = member(s, "_KTHREAD.ContextSwitches");
	l->priority = member(s, "_KTHREAD.Priority");
	l->base_priority = member(s, "_KTHREAD.BasePriority");
	l->klist_entry = member(s, "_KTHREAD.ThreadListEntry");
	l->kprocess_list = member(s, "_KPROCESS.ThreadListHead");
}

void nt_ethread_layout_fill(const struct nt_source *s,
			    struct nt_ethread_layout *l)
{
	l->pid = nested(s, "_ETHREAD.Cid", "_CLIENT_ID.UniqueProcess");
	l->tid = nested(s, "_ETHREAD.Cid", "_CLIENT_ID.UniqueThread");
	l->create_time = member(s, "_ETHREAD.CreateTime");
	l->exit_time = member(s, "_ETHREAD.ExitTime");
	l->start = member(s, "_ETHREAD.StartAddress");
	l->win32_start = member(s, "_ETHREAD.Win32StartAddress");
	l->cross_flags = member(s, "_ETHREAD.CrossThreadFlags");
	l->name = member(s, "_ETHREAD.ThreadName");
	fill_kthread(s, l);
	l->prcb_context = nested(s, "_KPRCB.ProcessorState",
				 "_KPROCESSOR_STATE.ContextFrame");
}

static struct nt_object object(const NtKernel *k, VirtAddr va)
{
	return (struct nt_object){ &k->as, nt_kernel_pointer_bytes(k), va };
}

/* Ids are pointers of which the low half counts. */
static bool read_id(const struct nt_object *o, uint32_t offset, uint32_t *ret)
{
	return nt_member_u32(o, offset, ret);
}

static bool read_time(const struct nt_object *o, uint32_t offset,
		      uint64_t *ret)
{
	if (!nt_member_u64(o, offset, ret))
		return false;
	if (*ret >= FILETIME_SHIFTED)
		*ret >>= 3;
	return true;
}

static bool read_i8(const struct nt_object *o, uint32_t offset, int8_t *ret)
{
	uint8_t byte;

	if (!nt_member_u8(o, offset, &byte))
		return false;
	*ret = (int8_t)byte;
	return true;
}

static void know(struct nt_thread *t, bool is, unsigned bit)
{
	if (is)
		t->known |= bit;
}

/*
 * SignalState (u32 at 4 of _DISPATCHER_HEADER) is set when a thread ends;
 * until then ExitTime shares its place with a list of what waits.
 */
static void read_end(const struct nt_object *o,
		     const struct nt_ethread_layout *l, struct nt_thread *t)
{
	uint32_t signalled;

	t->exited = (t->known & NTT_STATE && t->state == NT_STATE_TERMINATED) ||
		    (t->known & NTT_FLAGS && t->cross_flags & FLAG_TERMINATED &&
		     nt_member_u32(o, 4, &signalled) && signalled);
	if (t->exited)
		know(t, nt_member_u64(o, l->exit_time, &t->exit_time),
		     NTT_EXIT);
}

static void read_times(const struct nt_object *o,
		       const struct nt_ethread_layout *l, struct nt_thread *t)
{
	uint32_t kernel, user;

	know(t, read_time(o, l->create_time, &t->create_time), NTT_CREATE);
	if (nt_member_u32(o, l->kernel_time, &kernel) &&
	    nt_member_u32(o, l->user_time, &user)) {
		t->kernel_time = kernel;
		t->user_time = user;
		t->known |= NTT_TIMES;
	}
	know(t, nt_member_u32(o, l->switches, &t->switches), NTT_SWITCHES);
}

/* ThreadName: 10 1607 and later. */
static char *read_name(const NtKernel *k, const struct nt_object *o,
		       uint32_t offset)
{
	struct nt_object string = *o;
	uint64_t va;

	if (!nt_member_pointer(o, offset, &va) ||
	    !nt_is_kernel_address(&k->as, va))
		return NULL;
	string.va = VIRT(va);
	return nt_member_unicode(&string, 0, NT_THREAD_NAME_MAX);
}

/* The kernel's stack: upper and lower end, in pages, the one above the
 * other. */
static void read_kernel_stack(const NtKernel *k, const struct nt_object *o,
			      const struct nt_ethread_layout *l,
			      struct nt_thread *t)
{
	uint64_t base, limit;

	(void)nt_member_pointer(o, l->kernel_stack, &t->kernel_stack);
	(void)nt_member_pointer(o, l->trap_frame, &t->trap_frame);
	if (!nt_member_pointer(o, l->stack_base, &base) &&
	    !nt_member_pointer(o, l->initial_stack, &base))
		return;
	if (!nt_member_pointer(o, l->stack_limit, &limit) || limit >= base ||
	    !nt_is_kernel_address(&k->as, limit) || base - limit > MIB)
		return;
	t->kstack_base = base;
	t->kstack_limit = limit;
	t->known |= NTT_KERNEL_STACK;
}

static void read_state(const struct nt_object *o,
		       const struct nt_ethread_layout *l, struct nt_thread *t)
{
	know(t, nt_member_u8(o, l->state, &t->state), NTT_STATE);
	know(t, nt_member_u8(o, l->wait_reason, &t->wait_reason),
	     NTT_WAIT_REASON);
	know(t, read_i8(o, l->priority, &t->priority) &&
			read_i8(o, l->base_priority, &t->base_priority),
	     NTT_PRIORITY);
	know(t, nt_member_u32(o, l->cross_flags, &t->cross_flags), NTT_FLAGS);
	know(t, nt_member_pointer(o, l->start, &t->start), NTT_START);
	know(t, nt_member_pointer(o, l->win32_start, &t->win32_start),
	     NTT_WIN32_START);
	know(t, nt_member_pointer(o, l->teb, &t->teb.v), NTT_TEB);
}

/* The words at the start of a TEB that names itself; false where it is not
 * there. */
static bool read_teb(const struct addr_space *own, uint64_t va, unsigned bytes,
		     uint64_t words[TEB_WORDS])
{
	uint8_t b[8 * TEB_WORDS];

	if (!va || !vtop_read(own, VIRT(va), b, (size_t)bytes * TEB_WORDS))
		return false;
	for (unsigned i = 0; i < TEB_WORDS; i++)
		words[i] = bytes == 8 ? load_le64(b + 8 * i) :
					load_le32(b + 4 * i);
	return words[TIB_SELF] == va;
}

/* The stack that a TEB names, and where its reservation begins. */
static bool read_user_stack(const struct addr_space *own, uint64_t teb,
			    unsigned bytes, uint64_t stack[3])
{
	uint64_t words[TEB_WORDS], alloc = 0;

	if (!read_teb(own, teb, bytes, words) ||
	    words[TIB_LIMIT] >= words[TIB_BASE])
		return false;
	stack[0] = words[TIB_BASE];
	stack[1] = words[TIB_LIMIT];
	if (!nt_pointer_at(own, bytes,
			   VIRT(teb + (bytes == 8 ? TEB64_ALLOC :
						    TEB32_ALLOC)),
			   &alloc) ||
	    alloc > stack[1])
		alloc = 0;
	stack[2] = alloc;
	return true;
}

static bool is_teb32(const struct reader_of *r, uint64_t va)
{
	uint64_t words[TEB_WORDS];

	return va <= UINT32_MAX && read_teb(r->own, va, 4, words) &&
	       words[TEB_PID] == r->p->pid;
}

/*
 * The 64-bit TEB of a WoW64 thread has the address of the 32-bit one in
 * NtTib.ExceptionList, and since 10 how far away it is in WowTebOffset; it is
 * two pages behind it where neither says so.
 */
static VirtAddr find_teb32(const struct reader_of *r, uint64_t teb)
{
	uint64_t va;
	uint8_t b[4];

	if (nt_pointer_at(r->own, 8, VIRT(teb), &va) && is_teb32(r, va))
		return VIRT(va);
	if (vtop_read(r->own, VIRT(teb + TEB64_WOW_OFFSET), b, sizeof b)) {
		va = teb + (uint64_t)(int64_t)(int32_t)load_le32(b);
		if (va != teb && is_teb32(r, va))
			return VIRT(va);
	}
	va = teb + TEB32_AT;
	return is_teb32(r, va) ? VIRT(va) : VIRT(0);
}

static void read_tebs(const struct reader_of *r, struct nt_thread *t)
{
	unsigned bytes = nt_kernel_pointer_bytes(r->k);
	uint64_t s[3];

	if (!t->teb.v || !r->own)
		return;
	if (read_user_stack(r->own, t->teb.v, bytes, s)) {
		t->stack_base = s[0];
		t->stack_limit = s[1];
		t->stack_alloc = s[2];
		t->known |= NTT_USER_STACK;
	}
	if (bytes != 8 || !r->p->wow64)
		return;
	t->teb32 = find_teb32(r, t->teb.v);
	if (t->teb32.v && read_user_stack(r->own, t->teb32.v, 4, s)) {
		t->stack32_base = s[0];
		t->stack32_limit = s[1];
		t->stack32_alloc = s[2];
		t->known |= NTT_USER_STACK32;
	}
}

static bool is_ours(const struct reader_of *r, VirtAddr va, uint32_t *tid)
{
	struct nt_object o = object(r->k, va);
	VirtAddr owner, attached;
	uint32_t pid;

	return nt_thread_process(r->k, va, &owner, &attached) &&
	       owner.v == r->p->eprocess.v &&
	       read_id(&o, r->l->pid, &pid) && pid == r->p->pid &&
	       read_id(&o, r->l->tid, tid);
}

static void add_thread(struct reader_of *r, VirtAddr va, unsigned seen)
{
	struct nt_object o = object(r->k, va);
	struct nt_thread t = { .ethread = va, .pid = r->p->pid, .cpu = -1,
			       .seen = seen };
	gpointer at;

	if (g_hash_table_lookup_extended(r->index, &va.v, NULL, &at)) {
		g_array_index(r->threads, struct nt_thread,
			      GPOINTER_TO_UINT(at)).seen |= seen;
		return;
	}
	if (r->threads->len >= NT_THREADS_MAX || !is_ours(r, va, &t.tid))
		return;
	read_state(&o, r->l, &t);
	read_times(&o, r->l, &t);
	read_end(&o, r->l, &t);
	read_kernel_stack(r->k, &o, r->l, &t);
	t.name = read_name(r->k, &o, r->l->name);
	g_hash_table_insert(r->index, g_memdup2(&va.v, sizeof va.v),
			    GUINT_TO_POINTER(r->threads->len));
	g_array_append_val(r->threads, t);
}

/* From a head by its Flink (0) or Blink (1); true where it ends at the
 * head. */
static bool walk(struct reader_of *r, uint64_t head, uint32_t entry,
		 unsigned link, unsigned seen)
{
	g_autoptr(Seen) visited = seen_new(NT_THREADS_MAX);
	unsigned bytes = nt_kernel_pointer_bytes(r->k);
	uint64_t at = head;

	for (;;) {
		if (!nt_pointer_at(&r->k->as, bytes,
				   VIRT(at + (uint64_t)link * bytes), &at) ||
		    !nt_is_kernel_address(&r->k->as, at))
			return false;
		if (at == head)
			return true;
		if (seen_enter(visited, at) != SEEN_NEW)
			return false;
		add_thread(r, VIRT(at - entry), seen);
	}
}

/* A list that cannot be followed to its end is followed from there as well. */
static void walk_list(struct reader_of *r, uint32_t head, uint32_t entry,
		      unsigned seen)
{
	uint64_t va;

	if (head == NT_ABSENT || entry == NT_ABSENT ||
	    !add_u64(r->p->eprocess.v, head, &va))
		return;
	if (!walk(r, va, entry, 0, seen))
		(void)walk(r, va, entry, 1, seen);
}

static void add_running(struct reader_of *r)
{
	for (guint i = 0; r->k->cpus && i < r->k->cpus->len; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(r->k->cpus, struct nt_cpu, i);
		gpointer at;

		if (cpu->eprocess.v != r->p->eprocess.v)
			continue;
		add_thread(r, cpu->thread, NTT_ON_CPU);
		if (g_hash_table_lookup_extended(r->index, &cpu->thread.v,
						 NULL, &at))
			g_array_index(r->threads, struct nt_thread,
				      GPOINTER_TO_UINT(at)).cpu =
				(int)cpu->number;
	}
}

static int compare(gconstpointer a, gconstpointer b)
{
	const struct nt_thread *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	/* Of two with one id, the one that lives comes first. */
	if (x->exited != y->exited)
		return x->exited ? 1 : -1;
	return x->ethread.v < y->ethread.v ? -1 : x->ethread.v > y->ethread.v;
}

static void clear_thread(gpointer data)
{
	struct nt_thread *t = data;

	g_clear_pointer(&t->name, g_free);
}

GArray *nt_threads_read(const NtKernel *k, const struct nt_process *p,
			const struct addr_space *own)
{
	struct reader_of r = {
		.k = k, .p = p, .own = own, .l = &k->profile.ethread,
		.threads = g_array_new(FALSE, FALSE,
				       sizeof(struct nt_thread)),
	};

	g_array_set_clear_func(r.threads, clear_thread);
	if (!k->has_profile || r.l->tid == NT_ABSENT)
		return r.threads;
	r.index = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					NULL);
	walk_list(&r, k->profile.eprocess.thread_list,
		  k->profile.thread.list_entry, NTT_IN_EPROCESS);
	walk_list(&r, r.l->kprocess_list, r.l->klist_entry, NTT_IN_KPROCESS);
	add_running(&r);
	g_hash_table_unref(r.index);
	for (guint i = 0; i < r.threads->len; i++) {
		struct nt_thread *t =
			&g_array_index(r.threads, struct nt_thread, i);

		read_tebs(&r, t);
		nt_thread_read_regs(k, own, t);
	}
	g_array_sort(r.threads, compare);
	return r.threads;
}
