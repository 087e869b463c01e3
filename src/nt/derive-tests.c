/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a member of _EPROCESS is known when its place is not. */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/derive-priv.h"
#include "nt/machine.h"
#include "nt/vad.h"

enum {
	NAME_BYTES = 15,
	SYSTEM_PID = 4,
	THREAD_OBJECT = 6,
	THREADS_MAX = 64, /* looked at in one list */
	SESSION_ID_MAX = 0xffff,
};
#define PID_END (UINT32_C(1) << 28)
/* Handle-table and session members have been at these places (symbol tables
 * from XP to 11). */
static const uint8_t quota_places[] = { 4, 8, 0xc, 0x10 };
static const uint8_t session_id_places[] = { 8, 0xc, 0x10 };

/* _KUSER_SHARED_DATA in every process with a user half, all versions. */
#define KUSER_USER UINT64_C(0x7ffe0000)

/* 2000-01-01 and 2100-01-01 as FILETIMEs. */
#define TIME_FIRST UINT64_C(125911584000000000)
#define TIME_LAST UINT64_C(157469184000000000)

static const char system_name[NAME_BYTES] = "System";

static bool is_user_address(const struct samples *s, uint64_t va)
{
	unsigned bits = s->as->form->va_bits;

	if (bits == 32)
		return va >= 0x10000 && va < UINT64_C(0xc0000000);
	return va >= 0x10000 && va < UINT64_C(1) << (bits - 1);
}

/* ImageFileName: 15 bytes, padded with NULs. It is the place where System has
 * its own; what others are called is anybody's choice. */
static enum verdict test_name(const struct samples *s,
			      const struct nt_profile *profile,
			      const struct sample *p, uint32_t offset)
{
	const uint8_t *name = p->bytes + offset;
	size_t n = 0;

	(void)s;
	(void)profile;
	if (!range_fits(offset, NAME_BYTES, p->len))
		return VERDICT_AGAINST;
	if (p->pid == SYSTEM_PID)
		return memcmp(name, system_name, NAME_BYTES) ?
			       VERDICT_AGAINST : VERDICT_FOR;
	while (n < NAME_BYTES && name[n] > 0x20 && name[n] != 0x7f)
		n++;
	return n >= 3 && memchr(name, '.', n) ? VERDICT_FOR : VERDICT_NOTHING;
}

static bool system_has_name(const struct samples *s,
			    const struct nt_profile *profile, uint32_t offset)
{
	return !s->system ||
	       test_name(s, profile, s->system, offset) == VERDICT_FOR;
}

static bool pid_is_known(const struct samples *s, uint32_t pid)
{
	for (guint i = 0; i < s->all->len; i++) {
		const struct sample *p = g_ptr_array_index(s->all, i);

		if (p->pid == pid)
			return true;
	}
	return false;
}

/* The pid of a process that is or was; System has none. */
static enum verdict test_ppid(const struct samples *s,
			      const struct nt_profile *profile,
			      const struct sample *p, uint32_t offset)
{
	uint64_t ppid;

	(void)profile;
	if (!sample_pointer(s, p, offset, &ppid))
		return VERDICT_AGAINST;
	if (p->pid == SYSTEM_PID)
		return ppid ? VERDICT_AGAINST : VERDICT_NOTHING;
	if (!ppid || ppid % 4 || ppid >= PID_END || ppid == p->pid)
		return VERDICT_AGAINST;
	return pid_is_known(s, (uint32_t)ppid) ? VERDICT_FOR :
						  VERDICT_NOTHING;
}

/* Not all processes are children of one. */
static bool ppids_differ(const struct samples *s,
			 const struct nt_profile *profile, uint32_t offset)
{
	uint64_t first = 0, ppid;

	(void)profile;
	for (guint i = 0; i < s->all->len; i++) {
		const struct sample *p = g_ptr_array_index(s->all, i);

		if (!sample_pointer(s, p, offset, &ppid) || !ppid)
			continue;
		if (first && ppid != first)
			return true;
		first = ppid;
	}
	return s->all->len <= 3;
}

static enum verdict test_create_time(const struct samples *s,
				     const struct nt_profile *profile,
				     const struct sample *p, uint32_t offset)
{
	uint64_t time;

	(void)s;
	(void)profile;
	if (!sample_u64(p, offset, &time))
		return VERDICT_AGAINST;
	if (!time && p->pid == SYSTEM_PID)
		return VERDICT_NOTHING;
	return time >= TIME_FIRST && time <= TIME_LAST ? VERDICT_FOR :
							  VERDICT_AGAINST;
}

static bool times_differ(const struct samples *s,
			 const struct nt_profile *profile, uint32_t offset)
{
	uint64_t first = 0, time;
	unsigned n_equal = 0;

	(void)profile;
	for (guint i = 0; i < s->all->len; i++) {
		const struct sample *p = g_ptr_array_index(s->all, i);

		if (!sample_u64(p, offset, &time))
			continue;
		first = first ? first : time;
		n_equal += time == first;
	}
	return n_equal <= 1 + s->all->len / 2;
}

/* 0 while it runs; later than CreateTime once it has exited, and no thread is
 * left. */
static enum verdict test_exit_time(const struct samples *s,
				   const struct nt_profile *profile,
				   const struct sample *p, uint32_t offset)
{
	uint64_t create, exit;
	uint32_t n_threads;

	(void)s;
	if (!sample_u64(p, offset, &exit))
		return VERDICT_AGAINST;
	if (!exit)
		return VERDICT_NOTHING;
	if (!sample_u64(p, profile->eprocess.create_time, &create) ||
	    exit <= create || exit < TIME_FIRST || exit > TIME_LAST)
		return VERDICT_AGAINST;
	if (sample_u32(p, profile->eprocess.active_threads, &n_threads) &&
	    n_threads)
		return VERDICT_AGAINST;
	return VERDICT_FOR;
}

/* Where ExitTime is, most processes have none yet. */
static bool most_live(const struct samples *s,
		      const struct nt_profile *profile, uint32_t offset)
{
	unsigned n = 0;
	uint64_t exit;

	(void)profile;
	for (guint i = 0; i < s->all->len; i++)
		n += sample_u64(g_ptr_array_index(s->all, i), offset, &exit) &&
		     exit;
	return 2 * n < s->all->len;
}

/* The PEB: a page of the process; ImageBaseAddress and Ldr in it. */
static enum verdict test_peb(const struct samples *s,
			     const struct nt_profile *profile,
			     const struct sample *p, uint32_t offset)
{
	unsigned n = s->pointer_bytes;
	uint64_t peb, base;

	(void)profile;
	if (!sample_pointer(s, p, offset, &peb))
		return VERDICT_AGAINST;
	if (!peb)
		return VERDICT_NOTHING;
	if (p->pid == SYSTEM_PID || !is_user_address(s, peb) ||
	    peb & PAGE_MASK_4K)
		return VERDICT_AGAINST;
	if (!p->has_space || !nt_pointer_at(&p->own, n, VIRT(peb + 2 * n),
					    &base))
		return VERDICT_NOTHING;
	return is_user_address(s, base) && base % 0x10000 == 0 ?
		       VERDICT_FOR : VERDICT_AGAINST;
}

/* The image that the PEB names. */
static enum verdict test_section_base(const struct samples *s,
				      const struct nt_profile *profile,
				      const struct sample *p, uint32_t offset)
{
	unsigned n = s->pointer_bytes;
	uint64_t peb, base, value;

	if (!sample_pointer(s, p, offset, &value))
		return VERDICT_AGAINST;
	if (!value)
		return VERDICT_NOTHING;
	if (!is_user_address(s, value) || value % 0x10000)
		return VERDICT_AGAINST;
	if (!sample_pointer(s, p, profile->eprocess.peb, &peb) || !peb ||
	    !p->has_space ||
	    !nt_pointer_at(&p->own, n, VIRT(peb + 2 * n), &base))
		return VERDICT_NOTHING;
	return base == value ? VERDICT_FOR : VERDICT_AGAINST;
}

/* A handle table belongs to its process: QuotaProcess points back. */
static enum verdict test_object_table(const struct samples *s,
				      const struct nt_profile *profile,
				      const struct sample *p, uint32_t offset)
{
	uint64_t table, owner;

	(void)profile;
	if (!sample_pointer(s, p, offset, &table))
		return VERDICT_AGAINST;
	if (!table)
		return VERDICT_NOTHING;
	if (!nt_is_kernel_address(s->as, table))
		return VERDICT_AGAINST;
	for (size_t i = 0; i < G_N_ELEMENTS(quota_places); i++)
		if (nt_pointer_at(s->as, s->pointer_bytes,
				  VIRT(table + quota_places[i]), &owner) &&
		    owner == p->va)
			return VERDICT_FOR;
	/* System's may have no owner. */
	return p->pid == SYSTEM_PID ? VERDICT_NOTHING : VERDICT_AGAINST;
}

static bool session_id(const struct samples *s, const struct sample *p,
		       uint64_t session, uint32_t *id)
{
	for (size_t i = 0; i < G_N_ELEMENTS(session_id_places); i++) {
		struct nt_object o = { p->has_space ? &p->own : s->as,
				       s->pointer_bytes, VIRT(session) };

		if (nt_member_u32(&o, session_id_places[i], id) &&
		    *id <= SESSION_ID_MAX)
			return true;
	}
	return false;
}

/* Shared by the processes of a session, whose list leads into each. */
static enum verdict test_session(const struct samples *s,
				 const struct nt_profile *profile,
				 const struct sample *p, uint32_t offset)
{
	struct nt_object o = { p->has_space ? &p->own : s->as,
			       s->pointer_bytes, VIRT(0) };
	uint64_t session, node;
	uint32_t id;

	if (!sample_pointer(s, p, offset, &session))
		return VERDICT_AGAINST;
	if (!session)
		return VERDICT_NOTHING;
	if (p->pid == SYSTEM_PID || !nt_is_kernel_address(s->as, session))
		return VERDICT_AGAINST;
	if (!session_id(s, p, session, &id))
		return VERDICT_NOTHING;
	o.va = VIRT(session);
	if (!nt_member_pointer(&o, profile->session.process_list, &node) ||
	    !nt_is_kernel_address(s->as, node))
		return VERDICT_AGAINST;
	for (guint i = 0; i < s->all->len; i++) {
		const struct sample *q = g_ptr_array_index(s->all, i);

		if (node - q->va == profile->eprocess.session_links)
			return VERDICT_FOR;
	}
	return VERDICT_NOTHING;
}

/* The tree has what every user process has: the page of KUSER_SHARED_DATA, or
 * the PEB. */
static enum verdict test_vad_root(const struct samples *s,
				  const struct nt_profile *profile,
				  const struct sample *p, uint32_t offset)
{
	struct nt_process process = { .vad_root_va = p->va + offset };
	struct nt_vad vad;
	uint64_t root, peb;

	if (!profile->vad.known)
		return VERDICT_NOTHING;
	/* The pointer at the root, or the sentinel's right child. */
	if (profile->vad.root_is_node ?
		    !sample_pointer(s, p, offset + profile->vad.right, &root) :
		    !sample_pointer(s, p, offset, &root))
		return VERDICT_AGAINST;
	if (!root)
		return VERDICT_NOTHING;
	if (!nt_is_kernel_address(s->as, root))
		return VERDICT_AGAINST;
	if (nt_vad_find(s->as, profile, &process, KUSER_USER, &vad) &&
	    vad.start == KUSER_USER)
		return VERDICT_FOR;
	/* Those without a PEB have no user half of the usual kind. */
	if (!sample_pointer(s, p, profile->eprocess.peb, &peb) || !peb)
		return VERDICT_NOTHING;
	return nt_vad_find(s->as, profile, &process, peb, &vad) ?
		       VERDICT_FOR : VERDICT_AGAINST;
}

/* How many entries of the list at va are in threads; 0 where one is not. */
static unsigned count_threads(const struct samples *s, uint64_t head,
			      uint32_t list_entry)
{
	uint64_t node = head;

	for (unsigned i = 0; i < THREADS_MAX; i++) {
		uint8_t type;

		if (!nt_pointer_at(s->as, s->pointer_bytes, VIRT(node), &node))
			return 0;
		if (node == head)
			return i;
		if (!nt_is_kernel_address(s->as, node) ||
		    !vtop_read(s->as, VIRT(node - list_entry), &type, 1) ||
		    (type & 0x7f) != THREAD_OBJECT)
			return 0;
	}
	return THREADS_MAX;
}

static enum verdict test_thread_list(const struct samples *s,
				     const struct nt_profile *profile,
				     const struct sample *p, uint32_t offset)
{
	uint64_t flink;

	if (!sample_pointer(s, p, offset, &flink) ||
	    !nt_is_kernel_address(s->as, flink))
		return VERDICT_AGAINST;
	if (profile->thread.list_entry == NT_ABSENT)
		return VERDICT_NOTHING;
	if (flink == p->va + offset)
		return VERDICT_NOTHING;
	return count_threads(s, p->va + offset, profile->thread.list_entry) ?
		       VERDICT_FOR : VERDICT_AGAINST;
}

/* As many as the list has. */
static enum verdict test_active_threads(const struct samples *s,
					const struct nt_profile *profile,
					const struct sample *p,
					uint32_t offset)
{
	uint64_t head = p->va + profile->eprocess.thread_list;
	uint32_t n;
	unsigned counted;

	if (!sample_u32(p, offset, &n))
		return VERDICT_AGAINST;
	if (profile->eprocess.thread_list == NT_ABSENT ||
	    profile->thread.list_entry == NT_ABSENT)
		return VERDICT_NOTHING;
	counted = count_threads(s, head, profile->thread.list_entry);
	if (!counted || counted == THREADS_MAX)
		return VERDICT_NOTHING;
	return n == counted ? VERDICT_FOR : VERDICT_AGAINST;
}

/* A pointer to the UNICODE_STRING of the image's path. */
static enum verdict test_audit_name(const struct samples *s,
				    const struct nt_profile *profile,
				    const struct sample *p, uint32_t offset)
{
	struct nt_object o = { s->as, s->pointer_bytes, VIRT(0) };
	g_autofree char *path = NULL;
	uint64_t info;

	(void)profile;
	if (!sample_pointer(s, p, offset, &info))
		return VERDICT_AGAINST;
	if (!info)
		return VERDICT_NOTHING;
	if (!nt_is_kernel_address(s->as, info))
		return VERDICT_AGAINST;
	o.va = VIRT(info);
	path = nt_member_unicode(&o, 0, 1024);
	if (!path)
		return VERDICT_AGAINST;
	if (!*path)
		return VERDICT_NOTHING;
	return g_str_has_prefix(path, "\\Device\\") ? VERDICT_FOR :
						      VERDICT_AGAINST;
}

#define SLOT(member) offsetof(struct nt_eprocess_layout, member)

/* In an order in which each finds what it builds on. */
const struct member_test derive_tests[] = {
	{ "_EPROCESS.ImageFileName", SLOT(name), 1, test_name,
	  system_has_name },
	{ "_EPROCESS.InheritedFromUniqueProcessId", SLOT(ppid), 0, test_ppid,
	  ppids_differ },
	{ "_EPROCESS.CreateTime", SLOT(create_time), 8, test_create_time,
	  times_differ },
	{ "_EPROCESS.Peb", SLOT(peb), 0, test_peb, NULL },
	{ "_EPROCESS.SectionBaseAddress", SLOT(section_base), 0,
	  test_section_base, NULL },
	{ "_EPROCESS.ObjectTable", SLOT(object_table), 0, test_object_table,
	  NULL },
	{ "_EPROCESS.Session", SLOT(session), 0, test_session, NULL },
	{ "_EPROCESS.ThreadListHead", SLOT(thread_list), 0, test_thread_list,
	  NULL },
	{ "_EPROCESS.ActiveThreads", SLOT(active_threads), 4,
	  test_active_threads, NULL },
	{ "_EPROCESS.ExitTime", SLOT(exit_time), 8, test_exit_time,
	  most_live },
	{ "_EPROCESS.VadRoot", SLOT(vad_root), 0, test_vad_root, NULL },
	{ "_EPROCESS.SeAuditProcessCreationInfo", SLOT(audit_name), 0,
	  test_audit_name, NULL },
};
const size_t derive_n_tests = G_N_ELEMENTS(derive_tests);
