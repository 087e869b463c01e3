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
	PATH_BYTES_MAX = 0xfffe, /* all that a UNICODE_STRING can hold */
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

/* Members that say what kind of process it is and was. */
static void read_kind(const struct nt_object *o,
		      const struct nt_eprocess_layout *e, struct nt_process *p)
{
	uint32_t bits;

	if (nt_member_u32(o, e->exit_status, &p->exit_status))
		p->known |= NTP_EXIT_STATUS;
	if (nt_member_u32(o, e->flags, &p->flags))
		p->known |= NTP_FLAGS;
	if (nt_member_u8(o, e->protection, &p->protection))
		p->known |= NTP_PROTECTION;
	if (nt_member_pointer(o, e->section_base, &p->section_base))
		p->known |= NTP_SECTION_BASE;
	if (e->minimal.bit_len && nt_member_u32(o, e->minimal.offset, &bits)) {
		p->minimal = nt_field_get(e->minimal, bits) != 0;
		p->known |= NTP_MINIMAL;
	}
}

static void read_rest(const struct nt_object *o,
		      const struct nt_eprocess_layout *e, struct nt_process *p)
{
	uint64_t peb = 0;

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
	if (o->pointer_bytes == 4 ||
	    nt_member_pointer(o, e->wow64, &p->wow64_va))
		p->known |= NTP_WOW64;
	p->wow64 = p->wow64_va != 0;
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
	read_kind(&o, &profile->eprocess, &p);
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

char *nt_process_audit_path(const struct addr_space *kernel,
			    const struct nt_profile *profile,
			    const struct nt_process *process)
{
	struct nt_object o = { kernel, profile->pointer_bytes,
			       process->eprocess };
	g_autofree char *path = NULL;
	uint64_t name;

	if (!nt_member_pointer(&o, profile->eprocess.audit_name, &name) ||
	    !nt_is_kernel_address(kernel, name))
		return NULL;
	/* An _OBJECT_NAME_INFORMATION: one member, Name. */
	o.va = VIRT(name);
	path = nt_member_unicode(&o, 0, PATH_BYTES_MAX);
	return path && *path ? g_steal_pointer(&path) : NULL;
}

/* PS_PROTECTED_TYPE in bits 0 to 2, Audit in bit 3, PS_PROTECTED_SIGNER in bits
 * 4 to 7 (System Informer, phnt/include/ntpsapi.h). */
char *nt_protection_text(uint8_t protection)
{
	static const char *const types[] = { "None", "ProtectedLight",
					     "Protected" };
	static const char *const signers[] = {
		"None", "Authenticode", "CodeGen", "Antimalware", "Lsa",
		"Windows", "WinTcb", "WinSystem", "App",
	};
	unsigned type = protection & 7u, signer = protection >> 4;

	if (!protection)
		return g_strdup("0x00 (None)");
	return g_strdup_printf("0x%02x (%s, %s%s)", protection,
			       type < G_N_ELEMENTS(types) ? types[type] : "?",
			       signer < G_N_ELEMENTS(signers) ?
				       signers[signer] : "?",
			       protection & 8 ? ", Audit" : "");
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
