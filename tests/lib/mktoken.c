/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens: as whom processes run. With --objects. */
#include "config.h"

#include "lib/mkhandled.h"

#include <inttypes.h>

#define EVERYONE "S-1-1-0"
#define FAST_REF 5u

static const char *const of_system[] = {"S-1-5-18", "S-1-5-32-544", EVERYONE,
					"S-1-5-11"};
static const char *const of_user[] = {
	"S-1-5-21-1004336348-1177238915-682003330-1001",
	EVERYONE,
	"S-1-5-32-545",
	"S-1-15-2-1-2-3-4-5-6-7-8-9-10-11-12-13-4294967295",
};

/* Revision, count, six bytes of authority (here one), sub-authorities. */
static uint64_t make_sid(MkWin *win, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "-", 0);
	const guint n = g_strv_length(parts) - 3;
	const uint64_t va =
		mk_pool_alloc(win, &win->paged, 8 + 4 * n, "SeSi");
	uint8_t head[8] = {1, (uint8_t)n, 0, 0, 0, 0, 0, 0};

	head[7] = (uint8_t)g_ascii_strtoull(parts[2], NULL, 10);
	mk_kwrite(win, va, head, sizeof(head));
	for (guint i = 0; i < n; i++)
		mk_kwrite32(win, va + 8 + 4 * i,
			    (uint32_t)g_ascii_strtoull(parts[3 + i], NULL,
						       10));
	return va;
}

static uint64_t make_array(MkWin *win, const char *const *sids, uint32_t n)
{
	const uint64_t step = 2 * mk_pointer_bytes(win);
	const uint64_t va = mk_pool_alloc(win, &win->paged, n * step, "SeTd");

	for (uint32_t i = 0; i < n; i++) {
		mk_kwrite_ptr(win, va + i * step, make_sid(win, sids[i]));
		mk_kwrite32(win, va + i * step + mk_pointer_bytes(win), 7);
	}
	return va;
}

/* UserAndGroupCount and UserAndGroups, of _TOKEN. */
static void fill_token(MkWin *win, uint64_t token, uint64_t sids, uint32_t n)
{
	const uint64_t wide = mk_is_32bit(win) ? 0x94 : 0x98;
	const bool first = win->build < MK_BUILD_VISTA;
	const bool second = win->build < MK_BUILD_8;

	mk_kwrite32(win, token + (first ? 0x4c : second ? 0x78 : 0x7c), n);
	mk_kwrite_ptr(win, token + (first ? 0x68 : second ? 0x90 : wide),
		      sids);
}

static void add_token(MkWin *win, MkProc *proc)
{
	const bool user = proc->info.session > 0;
	const char *const *sids = user ? of_user : of_system;
	const uint32_t n = G_N_ELEMENTS(of_user);
	const uint64_t body = mk_object_new(win, "Token", 0x498, "Toke");

	G_STATIC_ASSERT(G_N_ELEMENTS(of_user) == G_N_ELEMENTS(of_system));
	fill_token(win, body, make_array(win, sids, n), n);
	mk_put_ptr(win, proc->info.eprocess, "_EPROCESS.Token",
		   body | FAST_REF);
	proc->info.sids = sids;
	proc->info.n_sids = n;
}

void mk_tokens_build(MkWin *win)
{
	if (!win->options.objects || !mk_has(win, "_EPROCESS.Token"))
		return;
	for (guint i = 0; i < win->procs->len; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);

		if (!proc->exited)
			add_token(win, proc);
	}
}

void mk_tokens_truth(GString *out, const MkWin *win)
{
	for (guint i = 0; i < win->procs->len; i++) {
		const struct mk_process *info = mk_win_process(win, i);

		for (unsigned int k = 0; k < info->n_sids; k++)
			g_string_append_printf(out,
					       "sid\t%" PRIu32 "\t0x%" PRIx64
					       "\t%s\n",
					       info->pid, info->eprocess,
					       info->sids[k]);
	}
}
