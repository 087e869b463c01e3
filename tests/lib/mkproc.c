/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes: the cast, their EPROCESS and ETHREAD objects, the lists. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

#define FIRST_EXTRA_PID 0x1800u

#define F_MINIMAL 1u
#define F_WOW64 2u
#define F_EXITED 4u
#define F_NO_DTB 8u
#define F_LARGE 16u
#define F_MARKER 32u
#define F_REGISTRY 64u
#define F_SMSS 128u

struct role {
	const char *name;
	uint8_t len; /* 0: up to the NUL */
	int8_t session;
	uint16_t pid;
	uint16_t ppid;
	uint8_t flags;
};

static const struct role cast[] = {
	{"System", 0, -1, 4, 0, F_MINIMAL},
	{"Registry", 0, -1, 100, 4, F_MINIMAL | F_REGISTRY},
	{"smss.exe", 0, -1, 340, 4, F_SMSS},
	{"csrss.exe", 0, 0, 456, 444, 0},
	{"wininit.exe", 0, 0, 532, 444, 0},
	{"csrss.exe", 0, 1, 540, 524, 0},
	{"winlogon.exe", 0, 1, 624, 524, 0},
	{"services.exe", 0, 0, 668, 532, 0},
	{"lsass.exe", 0, 0, 680, 532, 0},
	{"svchost.exe", 0, 0, 800, 668, F_LARGE},
	{"svchost.exe", 0, 0, 908, 668, 0},
	{"explorer.exe", 0, 1, 3204, 3172, F_LARGE | F_MARKER},
	{"fifteen_bytes15", 0, 1, 3400, 3204, 0},
	{"my program.exe", 0, 1, 3512, 3204, 0},
	{"m\xfcller\x80\xff.exe", 0, 1, 3608, 3204, 0},
	{"wow64app.exe", 0, 1, 3700, 3204, F_WOW64},
	{"exited.exe", 0, 1, 3804, 3204, F_EXITED},
	{"zerodtb.exe", 0, 0, 3900, 668, F_NO_DTB},
};

static const struct role hostile[] = {
	{"../../etc/pw", 0, 1, 4004, 3204, 0},
	{"a/b", 0, 1, 4008, 3204, 0},
	{"..", 0, 1, 4012, 3204, 0},
	{".", 0, 1, 4016, 3204, 0},
	{"new\nline\x1b[2J", 0, 1, 4020, 3204, 0},
	{"\x01\x02\x7f\t\\040", 0, 1, 4024, 3204, 0},
	{"\xf0\x9f\x98", 0, 1, 4028, 3204, 0},
	{"", 0, 1, 4032, 3204, 0},
	{"%s%n'\"`$(id)", 0, 1, 4036, 3204, 0},
};

void mk_proc_free(gpointer data)
{
	MkProc *proc = data;

	mk_paging_free(proc->paging);
	mk_paging_free(proc->user_paging);
	g_array_unref(proc->threads);
	g_array_unref(proc->tids);
	g_array_unref(proc->pages);
	g_array_unref(proc->vads);
	g_array_unref(proc->regions);
	g_free(proc);
}

MkProc *mk_proc_add(MkWin *win, const void *name, size_t len, uint32_t pid,
		    uint32_t ppid)
{
	MkProc *proc = g_new0(MkProc, 1);

	g_assert(len <= MK_NAME_MAX);
	memcpy(proc->info.name, name, len);
	proc->info.name_len = (uint8_t)len;
	proc->info.pid = pid;
	proc->info.ppid = ppid;
	proc->info.session = -1;
	proc->info.create_time = win->time - 3600 * MK_SECOND +
				 (win->procs->len * 7 + 1) * MK_SECOND;
	proc->random.state =
		mk_random_mix(win->options.seed ^ mk_random_mix(pid));
	proc->threads = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	proc->tids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	proc->pages = g_array_new(FALSE, FALSE, sizeof(struct mk_page));
	proc->vads = g_array_new(FALSE, FALSE, sizeof(struct mk_vad));
	proc->regions = g_array_new(FALSE, FALSE, sizeof(struct mk_region));
	proc->info.pages = proc->pages;
	proc->info.vads = proc->vads;
	proc->info.eprocess = mk_object_new(
		win, "Process", mk_type_size(win, "_EPROCESS"), "Proc");
	g_ptr_array_add(win->procs, proc);
	return proc;
}

static bool is_system(const MkWin *win, const MkProc *proc)
{
	return g_ptr_array_index(win->procs, 0) == proc;
}

static void make_address_space(MkWin *win, MkProc *proc)
{
	const bool system = is_system(win, proc);
	uint64_t root = win->kernel.dtb;

	if (proc->no_dtb)
		return;
	if (!system)
		root = mk_root_page(win);
	proc->paging = mk_space_new(win, root);
	proc->info.dtb_raw = root | (win->kva ? 2 : 0);
	if (!win->kva || (proc->minimal && !system))
		return;
	root = mk_root_page(win);
	proc->user_paging = mk_space_new(win, root);
	proc->info.user_dtb_raw = root | 1;
}

/*
 * With KVA shadow the kernel's tables refer to user space by entries that
 * forbid execution; the user's tables by entries that do not.
 */
static void shadow_user_half(MkWin *win, MkProc *proc)
{
	const uint64_t root = mk_paging_root(proc->paging);
	uint64_t shadow;

	if (!proc->user_paging)
		return;
	shadow = mk_paging_root(proc->user_paging);
	for (uint64_t at = 0; at < 256 * 8; at += 8) {
		uint64_t raw = mk_phys_read64(win->phys, root + at);

		if (!(raw & MK_PTE_P))
			continue;
		mk_phys_write64(win->phys, shadow + at, raw);
		mk_phys_write64(win->phys, root + at, raw | MK_PTE_NX);
	}
}

void mk_proc_build(MkWin *win, MkProc *proc)
{
	make_address_space(win, proc);
	mk_eprocess_end(win, proc);
	if (!proc->exited)
		proc->info.threads =
			1 + (uint32_t)mk_random_below(&proc->random, 3);
	if (proc->paging && !proc->exited)
		mk_user_build(win, proc);
	if (proc->paging)
		shadow_user_half(win, proc);
	mk_eprocess_write(win, proc);
	mk_session_join(win, proc);
	mk_vads_build(win, proc);
	mk_threads_add(win, proc, proc->info.threads);
	mk_list_append(win, win->kernel.active_head,
		       proc->info.eprocess +
			       mk_offset(win, "_EPROCESS.ActiveProcessLinks"));
	proc->info.in_list = true;
}

static void add_role(MkWin *win, const struct role *role)
{
	const size_t len = role->len ? role->len : strlen(role->name);
	MkProc *proc = mk_proc_add(win, role->name, len, role->pid, role->ppid);

	proc->minimal = role->flags & F_MINIMAL;
	proc->large = role->flags & F_LARGE;
	proc->marker = role->flags & F_MARKER;
	proc->exited = role->flags & F_EXITED;
	proc->no_dtb = role->flags & F_NO_DTB;
	proc->info.wow64 = role->flags & F_WOW64;
	proc->info.session = role->session;
	mk_proc_build(win, proc);
}

static bool plays(const MkWin *win, const struct role *role)
{
	if (role->flags & F_REGISTRY)
		return win->kernel.build >= MK_BUILD_1803;
	if (role->flags & F_WOW64)
		return !mk_is_32bit(win);
	if (role->flags & F_SMSS)
		return !win->options.damage.no_smss;
	return true;
}

static void add_bulk(MkWin *win)
{
	MkProc *proc = mk_proc_add(win, "bulk.exe", 8, 5000, 3204);

	proc->bulk = true;
	proc->info.session = 1;
	mk_proc_build(win, proc);
}

void mk_procs_build(MkWin *win)
{
	const unsigned int wanted = win->options.procs;
	uint32_t pid = FIRST_EXTRA_PID;

	win->next_tid = FIRST_EXTRA_PID + 4 * (wanted + 64);
	for (size_t i = 0; i < G_N_ELEMENTS(cast); i++)
		if (plays(win, &cast[i]) &&
		    (wanted == 0 || win->procs->len < wanted))
			add_role(win, &cast[i]);
	for (; win->procs->len < wanted; pid += 4) {
		MkProc *proc = mk_proc_add(win, "svchost.exe", 11, pid, 668);

		proc->info.session = 0;
		mk_proc_build(win, proc);
	}
	if (win->options.hostile_names)
		for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++)
			add_role(win, &hostile[i]);
	if (win->options.bulk_mib)
		add_bulk(win);
	mk_kwrite_ptr(win, mk_symbol(win, "PsInitialSystemProcess"),
		      mk_win_process(win, 0)->eprocess);
}
