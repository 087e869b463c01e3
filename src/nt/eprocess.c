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

bool nt_is_kernel_address(const struct addr_space *kernel, uint64_t va)
{
	unsigned bits = kernel->form->va_bits;

	if (bits == 32)
		return va >= UINT64_C(0x80000000) && va <= UINT32_MAX;
	return virt_is_canonical(va, bits) && va >> 63;
}

/* The members of one object. */
struct object {
	const struct addr_space *as;
	unsigned pointer_bytes;
	VirtAddr va;
};

static bool read_member(const struct object *o, uint32_t offset, void *buf,
			size_t len)
{
	return offset != NT_ABSENT &&
	       vtop_read(o->as, VIRT(o->va.v + offset), buf, len);
}

static bool read_u32(const struct object *o, uint32_t offset, uint32_t *ret)
{
	uint8_t b[4];

	if (!read_member(o, offset, b, sizeof b))
		return false;
	*ret = load_le32(b);
	return true;
}

static bool read_u64(const struct object *o, uint32_t offset, uint64_t *ret)
{
	uint8_t b[8];

	if (!read_member(o, offset, b, sizeof b))
		return false;
	*ret = load_le64(b);
	return true;
}

static bool read_pointer(const struct object *o, uint32_t offset,
			 uint64_t *ret)
{
	uint32_t v;

	if (o->pointer_bytes == 8)
		return read_u64(o, offset, ret);
	if (!read_u32(o, offset, &v))
		return false;
	*ret = v;
	return true;
}

static bool read_identity(const struct object *o,
			  const struct nt_eprocess_layout *e,
			  struct nt_process *p, char name[NAME_BYTES])
{
	uint64_t flink, blink;

	/* The pid is a pointer-sized handle; its low 32 bits count. */
	if (!read_u32(o, e->pid, &p->pid) ||
	    !read_pointer(o, e->dtb, &p->dtb_raw) ||
	    !read_pointer(o, e->links, &flink) ||
	    !read_pointer(o, e->links + o->pointer_bytes, &blink) ||
	    !read_member(o, e->name, name, NAME_BYTES))
		return false;
	p->flink = VIRT(flink);
	p->blink = VIRT(blink);
	return true;
}

static void read_rest(const struct object *o,
		      const struct nt_eprocess_layout *e, struct nt_process *p)
{
	uint64_t wow64 = 0, peb = 0;

	if (read_u32(o, e->ppid, &p->ppid))
		p->known |= NTP_PPID;
	if (read_u64(o, e->create_time, &p->create_time))
		p->known |= NTP_CREATE;
	if (read_u64(o, e->exit_time, &p->exit_time))
		p->known |= NTP_EXIT;
	if (read_u32(o, e->active_threads, &p->threads))
		p->known |= NTP_THREADS;
	if (read_pointer(o, e->peb, &peb))
		p->known |= NTP_PEB;
	p->peb = VIRT(peb);
	if (read_pointer(o, e->user_dtb, &p->user_dtb_raw))
		p->known |= NTP_USER_DTB;
	/* 32-bit kernels have no such member: nothing there is WoW64. */
	if (o->pointer_bytes == 4 || read_pointer(o, e->wow64, &wow64))
		p->known |= NTP_WOW64;
	p->wow64 = wow64 != 0;
	(void)read_pointer(o, e->object_table, &p->object_table);
	if (e->vad_root != NT_ABSENT)
		p->vad_root_va = o->va.v + e->vad_root;
}

bool nt_process_read(const struct addr_space *kernel,
		     const struct nt_profile *profile, VirtAddr va,
		     struct nt_process *ret)
{
	struct object o = { kernel, profile->pointer_bytes, va };
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
	struct object o = { kernel, profile->pointer_bytes,
			    process->eprocess };
	uint8_t type;

	return nt_is_kernel_address(kernel, process->eprocess.v) &&
	       read_member(&o, profile->eprocess.type, &type, 1) &&
	       (type & 0x7f) == PROCESS_OBJECT && process->pid % 4 == 0 &&
	       process->pid < PID_END;
}

void nt_process_read_session(const struct addr_space *own,
			     const struct nt_profile *profile, VirtAddr va,
			     struct nt_process *process)
{
	struct object o = { own, profile->pointer_bytes, va };
	uint64_t session;
	uint32_t id;

	if (!read_pointer(&o, profile->eprocess.session, &session) ||
	    !nt_is_kernel_address(own, session))
		return;
	o.va = VIRT(session);
	if (!read_u32(&o, profile->session_id, &id) || id > SESSION_ID_MAX)
		return;
	process->session = id;
	process->known |= NTP_SESSION;
}
