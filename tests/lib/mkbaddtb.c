/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process whose EPROCESS does not say where its page tables are. */
#include "config.h"

#include "lib/mkwin-priv.h"

static const char *const names[MK_DTBS] = {
	[MK_DTB_GOOD] = "",	     [MK_DTB_RANDOM] = "random",
	[MK_DTB_BEYOND] = "beyond",  [MK_DTB_BLANK] = "blank",
	[MK_DTB_OTHER] = "other",    [MK_DTB_SYSTEM] = "system",
	[MK_DTB_USER] = "user",	     [MK_DTB_ZERO] = "zero",
	[MK_DTB_SWAPPED] = "swapped", [MK_DTB_NO_SELF] = "no-self",
};

const char *mk_bad_dtb_name(enum mk_bad_dtb bad)
{
	return names[bad];
}

const struct mk_process *mk_win_bad_dtb(const MkWin *win, bool other)
{
	const struct mk_process *p = mk_win_find(win, "explorer.exe");

	if (other)
		return mk_win_find(win, "lsass.exe");
	return p ? p : mk_win_process(win, win->procs->len - 1);
}

static const MkProc *proc_of(const MkWin *win, const struct mk_process *info)
{
	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *proc = g_ptr_array_index(win->procs, i);

		if (&proc->info == info)
			return proc;
	}
	return NULL;
}

/* A page that holds its label and random bytes. */
static uint64_t random_page(const struct mk_process *info)
{
	for (guint i = 0; i < info->pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(info->pages, struct mk_page, i);

		if (page->state == MK_STATE_VALID &&
		    page->content == MK_CONTENT_LABEL)
			return page->pa;
	}
	return 0;
}

static void set(MkWin *win, const struct mk_process *info, uint64_t dtb)
{
	mk_put_ptr(win, info->eprocess, "_KPROCESS.DirectoryTableBase", dtb);
}

static void set_user(MkWin *win, const struct mk_process *info)
{
	if (!info->user_dtb_raw)
		return;
	set(win, info, info->user_dtb_raw & ~UINT64_C(0xfff));
	mk_put_ptr(win, info->eprocess, "_KPROCESS.UserDirectoryTableBase",
		   info->dtb_raw);
}

static void lose_self(MkWin *win, const struct mk_process *info)
{
	const int level = mk_is_32bit(win) ? 2 : mk_paging_top(win->mode);
	const uint64_t span = mk_paging_span(win->mode, level);
	uint64_t va = win->kernel.self_map * span;

	if (mk_is_32bit(win))
		va = UINT64_C(0xc0000000);
	mk_paging_poke(proc_of(win, info)->paging, va, level, 0);
}

static uint64_t bad_dtb(MkWin *win, const struct mk_process *info,
			const struct mk_process *other)
{
	switch (win->options.damage.bad_dtb) {
	case MK_DTB_RANDOM:
		return random_page(info);
	case MK_DTB_BEYOND:
		return mk_phys_end(win->phys) + 0x123000;
	case MK_DTB_BLANK:
		return mk_phys_page(win->phys);
	case MK_DTB_OTHER:
	case MK_DTB_SWAPPED:
		return other->dtb_raw;
	case MK_DTB_SYSTEM:
		return mk_win_process(win, 0)->dtb_raw;
	default:
		return 0;
	}
}

void mk_bad_dtb_apply(MkWin *win)
{
	const enum mk_bad_dtb bad = win->options.damage.bad_dtb;
	const struct mk_process *info = mk_win_bad_dtb(win, false);
	const struct mk_process *other = mk_win_bad_dtb(win, true);

	if (bad == MK_DTB_GOOD)
		return;
	if (bad == MK_DTB_USER)
		set_user(win, info);
	else if (bad == MK_DTB_NO_SELF)
		lose_self(win, info);
	else
		set(win, info, bad_dtb(win, info, other));
	if (bad == MK_DTB_SWAPPED)
		set(win, other, info->dtb_raw);
}
