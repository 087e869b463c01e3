/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Process objects. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/eprocess.h"

enum {
	NAME_BYTES = 15, /* ImageFileName[15] + NUL, not always there */
	PROCESS_OBJECT = 3,
	SESSION_ID_MAX = 0xffff,
};
#define PID_END (UINT32_C(1) << 28)

static bool read_identity(const struct nt_object *o,
			  const struct nt_eprocess_layout *e,
			  struct nt_process *p, char name[NAME_BYTES])
{
	uint64_t flink, blink;

	/* The pid is a pointer-sized handle; its low 32 bits count. */
	if (!nt_member_u32(o, e->pid, &p->pid) ||
	    !nt_member_pointer(o, e->dtb, &p->dtb_raw) ||
	    !nt_member_pointer(o, e->links, &flink) ||
	    !nt_member_pointer(o, e->links + o->pointer_bytes, &blink) ||
	    !nt_member_read(o, e->name, name, NAME_BYTES))
		return false;
	p->flink = VIRT(flink);
	p->blink = VIRT(blink);
	return true;
}

static void read_rest(const struct nt_object *o,
		      const struct nt_eprocess_layout *e, struct nt_process *p)
{
	uint64_t wow64 = 0, peb = 0;

	if (nt_member_u32(o, e->ppid, &p->ppid))
		p->known |= NTP_PPID;
	if (nt_member_u64(o, e->create_time, &p->create_time))
		p->known |= NTP_CREATE;
	if (nt_member_u64(o, e->exit_time, &p->exit_time))
		p->known |= NTP_EXIT;
	if (nt_member_u32(o, e->active_threads, &p->threads))
		p->known |= NTP_THREADS;
	if (nt_member_pointer(o, e->peb, &peb))
		p->known |= NTP_PEB;
	p->peb = VIRT(peb);
	if (nt_member_pointer(o, e->user_dtb, &p->user_dtb_raw))
		p->known |= NTP_USER_DTB;
	/* 32-bit kernels have no such member: nothing there is WoW64. */
	if (o->pointer_bytes == 4 || nt_member_pointer(o, e->wow64, &wow64))
		p->known |= NTP_WOW64;
	p->wow64 = wow64 != 0;
	(void)nt_member_pointer(o, e->object_table, &p->object_table);
	if (e->vad_root != NT_ABSENT)
		p->vad_root_va = o->va.v + e->vad_root;
}

bool nt_process_read(const struct addr_space *kernel,
		     const struct nt_profile *profile, VirtAddr va,
		     struct nt_process *ret)
{
	struct nt_object o = { kernel, profile->pointer_bytes, va };
	struct nt_process p = { .eprocess = va };
	char name[NAME_BYTES];

	if (!read_identity(&o, &profile->eprocess, &p, name))
		return false;
	read_rest(&o, &profile->eprocess, &p);
	p.name = text_from_ansi(name, sizeof name);
	*ret = p;
	return true;
}

void nt_process_clear(struct nt_process *process)
{
	g_free(process->name);
	process->name = NULL;
}

bool nt_process_plausible(const struct addr_space *kernel,
			  const struct nt_profile *profile,
			  const struct nt_process *process)
{
	struct nt_object o = { kernel, profile->pointer_bytes,
			    process->eprocess };
	uint8_t type;

	return nt_is_kernel_address(kernel, process->eprocess.v) &&
	       nt_member_read(&o, profile->eprocess.type, &type, 1) &&
	       (type & 0x7f) == PROCESS_OBJECT && process->pid % 4 == 0 &&
	       process->pid < PID_END;
}

void nt_process_read_session(const struct addr_space *own,
			     const struct nt_profile *profile, VirtAddr va,
			     struct nt_process *process)
{
	struct nt_object o = { own, profile->pointer_bytes, va };
	uint64_t session;
	uint32_t id;

	if (!nt_member_pointer(&o, profile->eprocess.session, &session) ||
	    !nt_is_kernel_address(own, session))
		return;
	o.va = VIRT(session);
	if (!nt_member_u32(&o, profile->session.id, &id) || id > SESSION_ID_MAX)
		return;
	process->session = id;
	process->known |= NTP_SESSION;
}
