/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be wrong with a memory image, done to a healthy one. */
#include "config.h"

#include "lib/mkwin-priv.h"

#define GARBAGE UINT64_C(0xfffff8dead00be08)
#define USER_ADDRESS UINT64_C(0x25b01000000)
#define USER_ADDRESS32 UINT64_C(0x01000000)

static MkProc *nth(MkWin *win, size_t i)
{
	return i < win->procs->len ? g_ptr_array_index(win->procs, i) : NULL;
}

static uint64_t list_entry(MkWin *win, const MkProc *proc)
{
	return proc->info.eprocess +
	       mk_offset(win, "_EPROCESS.ActiveProcessLinks");
}

/* The last entry leads back to the second: the head is never seen again. */
static void loop_list(MkWin *win)
{
	const MkProc *first = nth(win, 1);
	const MkProc *last = first;

	for (guint i = 1; i < win->procs->len; i++)
		if (nth(win, i)->info.in_list)
			last = nth(win, i);
	if (!first || first == last)
		return;
	mk_kwrite_ptr(win, list_entry(win, last), list_entry(win, first));
	mk_kwrite_ptr(win, list_entry(win, first) + mk_pointer_bytes(win),
		      list_entry(win, last));
}

static void break_link(MkWin *win, unsigned int n, uint64_t at, uint64_t value)
{
	const MkProc *proc = n > 0 ? nth(win, n - 1) : NULL;

	if (proc)
		mk_kwrite_ptr(win, list_entry(win, proc) + at, value);
}

/* An exited process with the pid of explorer.exe, or else of the last. */
static void add_duplicate(MkWin *win)
{
	const struct mk_process *info = mk_win_find(win, "explorer.exe");
	MkProc *proc;

	if (!info)
		info = mk_win_process(win, win->procs->len - 1);
	proc = mk_proc_add(win, "oldpid.exe", 10, info->pid, 668);
	proc->exited = true;
	proc->info.create_time = win->time - UINT64_C(70000000000);
	mk_proc_build(win, proc);
}

/* Not all of a top table (of PAE: of a directory) as Windows has it, but each
 * entry is itself. */
static void add_self_process(MkWin *win)
{
	MkProc *proc = mk_proc_add(win, "selfmap.exe", 11, 6000, 668);

	proc->minimal = true;
	proc->info.session = 0;
	mk_proc_build(win, proc);
	g_array_set_size(proc->pages, 0);
	win->self_tables = proc;
}

static void make_self_tables(MkWin *win)
{
	MkPaging *paging = win->self_tables->paging;
	const int level = mk_is_32bit(win) ? 2 : mk_paging_top(win->mode);
	const uint64_t span = mk_paging_span(win->mode, level);
	const uint64_t n = mk_paging_entries(win->mode, level);
	const uint64_t root =
		mk_paging_entry(paging, 0, level) & ~(MK_PAGE_SIZE - 1);

	for (uint64_t i = 0; i < n; i++)
		mk_paging_poke(paging, i * span, level, root | 0x67);
}

static void zero_kernel_bytes(MkWin *win, uint64_t va, size_t len)
{
	g_autofree uint8_t *zeros = g_malloc0(len);

	mk_kwrite(win, va, zeros, len);
}

void mk_damage_extra(MkWin *win)
{
	const struct mk_damage *damage = &win->options.damage;

	if (damage->bad_vads)
		mk_bad_vads_add(win);
	if (damage->dup_pid)
		add_duplicate(win);
	if (damage->self_tables)
		add_self_process(win);
}

void mk_damage_apply(MkWin *win)
{
	const struct mk_damage *damage = &win->options.damage;

	if (damage->self_tables)
		make_self_tables(win);
	if (damage->loop_list)
		loop_list(win);
	break_link(win, damage->break_flink, 0, GARBAGE);
	break_link(win, damage->break_blink, mk_pointer_bytes(win), GARBAGE);
	if (damage->list_to_user)
		break_link(win, 3, 0,
			   mk_is_32bit(win) ? USER_ADDRESS32 : USER_ADDRESS);
	if (damage->zero_kernel_header && !damage->unmap_kernel_header)
		zero_kernel_bytes(win, win->kernel.base, MK_PAGE_SIZE);
	if (damage->no_rsds)
		zero_kernel_bytes(win, win->kernel.base + win->rsds_rva, 0x68);
	if (damage->lost_mask && win->mask_va)
		mk_paging_poke(win->paging, win->mask_va, 1, 0);
	/* What there was is listed while the tables can be read. */
	mk_win_kernel_pages(win);
	mk_bad_dtb_apply(win);
	if (damage->zero_first_mib)
		mk_phys_zero(win->phys, 0, damage->zero_first_mib * MK_MIB);
}
