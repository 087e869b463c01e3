/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions: their _MM_SESSION_SPACE and the lists of their processes. */
#include "config.h"

#include "lib/mkwin-priv.h"

/* Of _PSP_SESSION_SPACE (from 24H2), of which no member is public. */
#define SESSION_ID 8u
#define SESSION_LIST 0x10u

static uint32_t list_offset(const MkWin *win)
{
	return mk_has(win, "_MM_SESSION_SPACE.ProcessList")
		       ? mk_offset(win, "_MM_SESSION_SPACE.ProcessList")
		       : SESSION_LIST;
}

void mk_sessions_build(MkWin *win)
{
	uint32_t id = SESSION_ID;

	if (mk_has(win, "_MM_SESSION_SPACE.SessionId"))
		id = mk_offset(win, "_MM_SESSION_SPACE.SessionId");
	for (uint32_t i = 0; i < G_N_ELEMENTS(win->sessions); i++) {
		struct mk_session *session = &win->sessions[i];
		const uint64_t va = mk_pool_pages(win, &session->pool, 2);

		session->space = va;
		mk_put32(win, va, "_MM_SESSION_SPACE.ReferenceCount", 1);
		mk_put_ptr(win, va, "_MM_SESSION_SPACE.GlobalVirtualAddress",
			   va);
		mk_kwrite32(win, va + id, i);
		mk_list_init(win, va + list_offset(win));
	}
}

void mk_session_join(MkWin *win, MkProc *proc)
{
	const uint64_t va = proc->info.eprocess;
	const struct mk_session *session;
	uint64_t entry;

	if (proc->info.session < 0)
		return;
	session = &win->sessions[proc->info.session];
	mk_put_ptr(win, va, "_EPROCESS.Session", session->space);
	mk_put_bits(win, va, "_EPROCESS.ProcessInSession", 1);
	if (!mk_has(win, "_EPROCESS.SessionProcessLinks"))
		return;
	entry = va + mk_offset(win, "_EPROCESS.SessionProcessLinks");
	mk_list_append(win, session->space + list_offset(win), entry);
	proc->info.in_session = !proc->exited;
	/* Its links stay, and lead to where it was once. */
	if (proc->exited)
		mk_list_unlink(win, entry);
}
