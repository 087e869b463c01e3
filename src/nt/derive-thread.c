/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of _ETHREAD without symbols. */
#include "config.h"

#include "nt/derive-priv.h"

enum {
	/* No _ETHREAD up to 11 25H2 is larger. */
	THREAD_BYTES = 0xb00,
	MEMBER_FIRST = 0x20,
	THREAD_OBJECT = 6,
	PROVES = 3, /* so many processes agree, or all there are */
};

/* The first thread in the list of a process, given where the entry is in it. */
static bool first_thread(const struct samples *s, const struct sample *p,
			 uint32_t head, uint32_t entry, uint64_t *ret)
{
	uint64_t flink;
	uint8_t type;

	if (!sample_pointer(s, p, head, &flink) || flink == p->va + head ||
	    !nt_is_kernel_address(s->as, flink) ||
	    !vtop_read(s->as, VIRT(flink - entry), &type, 1) ||
	    (type & 0x7f) != THREAD_OBJECT)
		return false;
	*ret = flink - entry;
	return true;
}

/* How many processes have a thread in their list if its entry is there; 0
 * where one has something else. */
static unsigned count_entry(const struct samples *s, uint32_t head,
			    uint32_t entry)
{
	unsigned n = 0;

	for (guint i = 0; i < s->all->len; i++) {
		const struct sample *p = g_ptr_array_index(s->all, i);
		uint64_t flink, thread;

		if (!sample_pointer(s, p, head, &flink) ||
		    flink == p->va + head)
			continue;
		if (!first_thread(s, p, head, entry, &thread))
			return 0;
		n++;
	}
	return n;
}

/* How many first threads have a pointer there that is their process. */
static unsigned count_owner(const struct samples *s, uint32_t head,
			    uint32_t entry, uint32_t offset)
{
	unsigned n = 0;

	for (guint i = 0; i < s->all->len; i++) {
		const struct sample *p = g_ptr_array_index(s->all, i);
		uint64_t thread, owner;

		if (!first_thread(s, p, head, entry, &thread))
			continue;
		if (!nt_pointer_at(s->as, s->pointer_bytes,
				   VIRT(thread + offset), &owner) ||
		    owner != p->va)
			return 0;
		n++;
	}
	return n;
}

static bool enough(const struct samples *s, unsigned n)
{
	return n && n >= MIN(PROVES, s->all->len);
}

static void set(NtKernel *k, const char *name, uint32_t *slot, uint32_t value,
		unsigned n_for)
{
	*slot = value;
	derive_report(k, &(struct nt_derived){
				 .name = name,
				 .kind = NT_DERIVED_OFFSET,
				 .value = value,
				 .n_for = n_for });
}

/* Where the one place that can be tested is wrong, the others around it are not
 * known either. */
static void forget_kthread(struct nt_ethread_layout *l)
{
	uint32_t *const members[] = {
		&l->initial_stack, &l->stack_base, &l->stack_limit,
		&l->kernel_stack, &l->trap_frame, &l->teb, &l->state,
		&l->wait_reason, &l->kernel_time, &l->user_time, &l->switches,
		&l->priority, &l->base_priority, &l->klist_entry,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		*members[i] = NT_ABSENT;
}

static void forget_ethread(struct nt_ethread_layout *l)
{
	l->pid = l->tid = NT_ABSENT;
	l->create_time = l->exit_time = NT_ABSENT;
	l->start = l->win32_start = NT_ABSENT;
	l->cross_flags = l->name = NT_ABSENT;
}

/* How many first threads have the pid of their process there, and behind it
 * another id (ids are multiples of 4 below 2^28, as handles are). */
static unsigned count_cid(const struct samples *s, uint32_t head,
			  uint32_t entry, uint32_t offset)
{
	unsigned n = 0;

	for (guint i = 0; i < s->all->len; i++) {
		const struct sample *p = g_ptr_array_index(s->all, i);
		uint64_t thread, pid, tid;

		if (!first_thread(s, p, head, entry, &thread))
			continue;
		if (!nt_pointer_at(s->as, s->pointer_bytes,
				   VIRT(thread + offset), &pid) ||
		    !nt_pointer_at(s->as, s->pointer_bytes,
				   VIRT(thread + offset + s->pointer_bytes),
				   &tid) ||
		    pid != p->pid || !tid || tid == pid || tid % 4 ||
		    tid >> 28)
			return 0;
		n++;
	}
	return n;
}

/* _ETHREAD.Cid. */
static void derive_cid(NtKernel *k, const struct samples *s, uint32_t head)
{
	struct nt_ethread_layout *l = &k->profile.ethread;
	uint32_t entry = k->profile.thread.list_entry;

	if (l->pid != NT_ABSENT && l->tid == l->pid + s->pointer_bytes &&
	    count_cid(s, head, entry, l->pid))
		return;
	forget_ethread(l);
	for (uint32_t off = MEMBER_FIRST; off < THREAD_BYTES;
	     off += s->pointer_bytes) {
		unsigned n = count_cid(s, head, entry, off);

		if (!enough(s, n))
			continue;
		set(k, "_ETHREAD.Cid", &l->pid, off, n);
		l->tid = off + s->pointer_bytes;
		return;
	}
}

/* The last of them: before it comes ApcState.Process, which is not the owner
 * while a thread is attached to another process. */
static void derive_owner(NtKernel *k, const struct samples *s, uint32_t head)
{
	struct nt_thread_layout *t = &k->profile.thread;
	uint32_t best = 0;
	unsigned n_best = 0;

	if (t->process != NT_ABSENT &&
	    count_owner(s, head, t->list_entry, t->process))
		return;
	for (uint32_t off = MEMBER_FIRST; off < THREAD_BYTES;
	     off += s->pointer_bytes) {
		unsigned n = count_owner(s, head, t->list_entry, off);

		if (!enough(s, n))
			continue;
		best = off;
		n_best = n;
	}
	forget_kthread(&k->profile.ethread);
	if (n_best)
		set(k, "_KTHREAD.Process", &t->process, best, n_best);
}

void derive_threads(NtKernel *k, const struct samples *s)
{
	struct nt_thread_layout *t = &k->profile.thread;
	uint32_t head = k->profile.eprocess.thread_list;

	if (head == NT_ABSENT)
		return;
	if (t->list_entry == NT_ABSENT ||
	    !count_entry(s, head, t->list_entry)) {
		uint32_t found = 0;
		unsigned n = 0;

		for (uint32_t off = MEMBER_FIRST; off < THREAD_BYTES && !found;
		     off += s->pointer_bytes) {
			n = count_entry(s, head, off);
			found = enough(s, n) ? off : 0;
		}
		if (!found)
			return;
		set(k, "_ETHREAD.ThreadListEntry", &t->list_entry, found, n);
		forget_ethread(&k->profile.ethread);
	}
	derive_owner(k, s, head);
	derive_cid(k, s, head);
}
