/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes: the cast, their EPROCESS and ETHREAD objects, the lists. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

#define FIRST_EXTRA_PID 0x1804u

#define F_MINIMAL 1u
#define F_WOW64 2u
#define F_EXITED 4u
#define F_NO_DTB 8u
#define F_LARGE 16u
#define F_MARKER 32u
#define F_REGISTRY 64u
#define F_SMSS 128u
#define F_TYPE_ZERO 256u /* its type index is kept as 0, from 10 on */
#define F_RUNNING 512u
#define F_TEN 1024u /* from 10 on */

#define HIDE_ALL (MK_HIDE_LIST | MK_HIDE_CID | MK_HIDE_CSRSS | MK_HIDE_SESSION)

struct role {
	const char *name;
	uint8_t len; /* 0: up to the NUL */
	int8_t session;
	uint16_t pid;
	uint16_t ppid;
	uint16_t flags;
	uint8_t hide;
};

static const struct role cast[] = {
	{"System", 0, -1, 4, 0, F_MINIMAL, 0},
	{"Registry", 0, -1, 100, 4, F_MINIMAL | F_REGISTRY, 0},
	{"smss.exe", 0, -1, 340, 4, F_SMSS, 0},
	{"csrss.exe", 0, 0, 456, 444, 0, 0},
	{"wininit.exe", 0, 0, 532, 444, 0, 0},
	{"csrss.exe", 0, 1, 540, 524, 0, 0},
	{"winlogon.exe", 0, 1, 624, 524, 0, 0},
	{"services.exe", 0, 0, 668, 532, F_TYPE_ZERO, 0},
	{"lsass.exe", 0, 0, 680, 532, 0, 0},
	{"svchost.exe", 0, 0, 800, 668, F_LARGE, 0},
	{"svchost.exe", 0, 0, 908, 668, 0, 0},
	{"explorer.exe", 0, 1, 3204, 3172, F_LARGE | F_MARKER | F_TYPE_ZERO, 0},
	{"fifteen_bytes15", 0, 1, 3400, 3204, 0, 0},
	{"my program.exe", 0, 1, 3512, 3204, 0, 0},
	{"m\xfcller\x80\xff.exe", 0, 1, 3608, 3204, 0, 0},
	{"wow64app.exe", 0, 1, 3700, 3204, F_WOW64, 0},
	{"exited.exe", 0, 1, 3804, 3204, F_EXITED, 0},
	{"zerodtb.exe", 0, 0, 3900, 668, F_NO_DTB, 0},
};

/* Those that hide from something, or look as if. */
static const struct role hidden[] = {
	{"MemCompression", 0, -1, 1200, 4, F_MINIMAL | F_TEN, 0},
	{"ghost.exe", 0, 1, 4100, 3204, 0, MK_HIDE_LIST},
	{"cloak.exe", 0, 1, 4108, 3204, 0, MK_HIDE_CID},
	{"nocsrss.exe", 0, 1, 4112, 3204, 0, MK_HIDE_CSRSS},
	{"threads.exe", 0, 1, 4120, 3204, 0, MK_HIDE_CSRSS_PROCESS},
	{"nosession.exe", 0, 0, 4128, 668, 0, MK_HIDE_SESSION},
	{"notable.exe", 0, 0, 4132, 668, 0, MK_HIDE_HANDLES},
	{"setup.exe", 0, 0, 4140, 668, F_EXITED, 0},
	{"reused.exe", 0, 1, 4148, 3204, F_EXITED, 0},
	{"reuser.exe", 0, 1, 4148, 3204, 0, 0},
	{"phantom.exe", 0, 1, 4156, 3204, F_TYPE_ZERO, HIDE_ALL},
	{"onlycpu.exe", 0, 1, 4164, 3204, F_RUNNING,
	 HIDE_ALL | MK_HIDE_HANDLES},
};

static const struct role hostile[] = {
	{"../../etc/pw", 0, 1, 4004, 3204, 0, 0},
	{"a/b", 0, 1, 4008, 3204, 0, 0},
	{"..", 0, 1, 4012, 3204, 0, 0},
	{".", 0, 1, 4016, 3204, 0, 0},
	{"new\nline\x1b[2J", 0, 1, 4020, 3204, 0, 0},
	{"\x01\x02\x7f\t\\040", 0, 1, 4024, 3204, 0, 0},
	{"\xf0\x9f\x98", 0, 1, 4028, 3204, 0, 0},
	{"", 0, 1, 4032, 3204, 0, 0},
	{"%s%n'\"`$(id)", 0, 1, 4036, 3204, 0, 0},
	{"<script>a&b", 0, 1, 4040, 3204, 0, 0},
	{"'\"><svg onload=", 0, 1, 4044, 3204, 0, 0},
	{"\xe2\x80\xae" "fdp.exe", 0, 1, 4048, 3204, 0, 0},
};

void mk_proc_free(gpointer data)
{
	MkProc *proc = data;

	mk_paging_free(proc->paging);
	mk_paging_free(proc->user_paging);
	g_free(proc->info.image_path);
	g_free(proc->info.command_line);
	g_free(proc->info.directory);
	g_clear_pointer(&proc->info.environment, g_ptr_array_unref);
	g_array_unref(proc->threads);
	g_array_unref(proc->tids);
	g_array_unref(proc->pages);
	g_array_unref(proc->vads);
	g_array_unref(proc->regions);
	g_array_unref(proc->modules);
	g_free(proc);
}

/* Not yet among the others. */
static MkProc *proc_new(MkWin *win, const void *name, size_t len, uint32_t pid,
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
	proc->modules = g_array_new(FALSE, FALSE, sizeof(struct mk_module));
	proc->info.modules = proc->modules;
	proc->info.pages = proc->pages;
	proc->info.vads = proc->vads;
	proc->info.eprocess = mk_object_new(
		win, "Process", mk_type_size(win, "_EPROCESS"), "Proc");
	return proc;
}

MkProc *mk_proc_add(MkWin *win, const void *name, size_t len, uint32_t pid,
		    uint32_t ppid)
{
	MkProc *proc = proc_new(win, name, len, pid, ppid);

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
	proc->info.protection = mk_protection(win, proc);
	if (!proc->exited)
		proc->info.threads =
			1 + (uint32_t)mk_random_below(&proc->random, 3);
	if (!proc->exited && win->options.threads)
		proc->info.threads = 3;
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
	const bool zero = role->flags & F_TYPE_ZERO &&
			  mk_object_next_zero(win, "Process");
	MkProc *proc = mk_proc_add(win, role->name, len, role->pid, role->ppid);

	proc->info.type_zero = zero;
	proc->running = role->flags & F_RUNNING;
	proc->hide = role->hide;
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
		return win->build >= MK_BUILD_1803;
	/* With a store it is mk_store_build() who makes MemCompression. */
	if (role->flags & F_TEN)
		return win->build >= MK_BUILD_10 && !win->options.store;
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

/* pid 0 has System's page tables, a thread for each processor, and is in no
 * list. */
static void make_idle(MkWin *win)
{
	MkProc *proc = proc_new(win, "Idle", 4, 0, 0);
	struct mk_process *info = &proc->info;

	proc->minimal = true;
	win->idle = proc;
	win->kernel.idle = info->eprocess;
	info->create_time = 0;
	info->dtb_raw = win->kernel.dtb | (win->kva ? 2 : 0);
	info->threads = (uint32_t)win->n_cpus;
	mk_eprocess_end(win, proc);
	mk_eprocess_write(win, proc);
	mk_list_init(win,
		     info->eprocess +
			     mk_offset(win, "_EPROCESS.ActiveProcessLinks"));
	mk_threads_add(win, proc, info->threads);
	for (size_t i = 0; i < win->n_cpus; i++)
		win->idle_threads[i] =
			g_array_index(proc->threads, uint64_t, i);
	mk_kwrite_ptr(win, mk_symbol(win, "PsIdleProcess"), info->eprocess);
}

static void unlink_member(MkWin *win, uint64_t va, const char *path)
{
	if (va && mk_has(win, path))
		mk_list_unlink(win, va + mk_offset(win, path));
}

void mk_procs_hide(MkWin *win)
{
	for (guint i = 0; i < win->procs->len; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);
		struct mk_process *info = &proc->info;

		if (proc->hide & MK_HIDE_LIST) {
			info->in_list = false;
			unlink_member(win, info->eprocess,
				      "_EPROCESS.ActiveProcessLinks");
		}
		if (proc->hide & MK_HIDE_SESSION && info->in_session) {
			info->in_session = false;
			unlink_member(win, info->eprocess,
				      "_EPROCESS.SessionProcessLinks");
		}
		if (proc->hide & MK_HIDE_HANDLES)
			unlink_member(win, info->object_table,
				      "_HANDLE_TABLE.HandleTableList");
	}
}

void mk_procs_build(MkWin *win)
{
	const unsigned int wanted = win->options.procs;
	uint32_t pid = FIRST_EXTRA_PID;

	win->next_tid = FIRST_EXTRA_PID + 8 * (wanted + 64);
	for (size_t i = 0; i < G_N_ELEMENTS(cast); i++)
		if (plays(win, &cast[i]) &&
		    (wanted == 0 || win->procs->len < wanted))
			add_role(win, &cast[i]);
	for (; win->procs->len < wanted; pid = mk_next_id(pid)) {
		MkProc *proc = mk_proc_add(win, "svchost.exe", 11, pid, 668);

		proc->info.session = 0;
		mk_proc_build(win, proc);
	}
	if (win->options.full)
		for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
			if (plays(win, &hidden[i]))
				add_role(win, &hidden[i]);
	if (win->options.hostile_names)
		for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++)
			add_role(win, &hostile[i]);
	if (win->options.bulk_mib)
		add_bulk(win);
	make_idle(win);
	mk_kwrite_ptr(win, mk_symbol(win, "PsInitialSystemProcess"),
		      mk_win_process(win, 0)->eprocess);
}
