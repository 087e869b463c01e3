/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes: the cast, their EPROCESS and ETHREAD objects, the lists. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* _OBJECT_HEADER of x64, the same in every version. */
#define OBJECT_HEADER_BODY 0x30
#define OBJECT_TYPE_INDEX 0x18
/* "Process" in every version from 7 to 10. */
#define TYPE_PROCESS 7u
#define TYPE_THREAD 8u
#define DISPATCHER_PROCESS 3u
#define DISPATCHER_THREAD 6u
/* _EPROCESS.ImageFileName is 15 characters, the next byte is another's. */
#define STILL_ACTIVE 0x103u
#define SECOND UINT64_C(10000000)
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
	g_array_unref(proc->pages);
	g_array_unref(proc->vads);
	g_array_unref(proc->regions);
	g_free(proc);
}

/* An object with its header in nonpaged pool; the type index as it is kept. */
static uint64_t make_object(MkWin *win, uint32_t type, uint32_t size,
			    const char *tag)
{
	const uint64_t header = mk_pool_alloc(win, &win->nonpaged,
					      OBJECT_HEADER_BODY + size, tag);
	uint8_t index = (uint8_t)type;

	if (win->kernel.build >= 10240)
		index ^= (uint8_t)(header >> 8) ^ MK_OB_COOKIE;
	mk_kwrite64(win, header, 0x8000);
	mk_kwrite64(win, header + 8, 2);
	mk_kwrite(win, header + OBJECT_TYPE_INDEX, &index, 1);
	return header + OBJECT_HEADER_BODY;
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
	proc->info.create_time =
		win->time - 3600 * SECOND + (win->procs->len * 7 + 1) * SECOND;
	proc->random.state =
		mk_random_mix(win->options.seed ^ mk_random_mix(pid));
	proc->pages = g_array_new(FALSE, FALSE, sizeof(struct mk_page));
	proc->vads = g_array_new(FALSE, FALSE, sizeof(struct mk_vad));
	proc->regions = g_array_new(FALSE, FALSE, sizeof(struct mk_region));
	proc->info.pages = proc->pages;
	proc->info.vads = proc->vads;
	proc->info.eprocess = make_object(
		win, TYPE_PROCESS, mk_type_size(win, "_EPROCESS"), "Proc");
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
	proc->paging = mk_paging_new(win->phys, MK_MODE_AMD64, root);
	mk_paging_set_table_bits(proc->paging, UINT64_C(0x0a00000000000867),
				 UINT64_C(0x0a00000000000863));
	proc->info.dtb_raw = root | (win->kva ? 2 : 0);
	if (!win->kva || (proc->minimal && !system))
		return;
	root = mk_root_page(win);
	proc->user_paging = mk_paging_new(win->phys, MK_MODE_AMD64, root);
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

static void add_thread(MkWin *win, MkProc *proc, uint32_t tid)
{
	const uint64_t va = make_object(win, TYPE_THREAD,
					mk_type_size(win, "_ETHREAD"), "Thre");
	const uint64_t process = proc->info.eprocess;

	mk_kwrite32(win, va, DISPATCHER_THREAD);
	mk_put64(win, va, "_KTHREAD.Process", process);
	mk_put64(win, va + mk_offset(win, "_KTHREAD.ApcState"),
		 "_KAPC_STATE.Process", process);
	mk_put64(win, va, "_ETHREAD.CreateTime", proc->info.create_time);
	mk_put64(win, va, "_ETHREAD.StartAddress", win->kernel.base + 0x2000);
	if (mk_has(win, "_ETHREAD.Cid")) {
		uint64_t cid = va + mk_offset(win, "_ETHREAD.Cid");

		mk_kwrite64(win, cid, proc->info.pid);
		mk_kwrite64(win, cid + 8, tid);
	}
	if (mk_has(win, "_ETHREAD.ThreadListEntry"))
		mk_list_append(
			win,
			process + mk_offset(win, "_EPROCESS.ThreadListHead"),
			va + mk_offset(win, "_ETHREAD.ThreadListEntry"));
	if (mk_has(win, "_KTHREAD.ThreadListEntry"))
		mk_list_append(
			win,
			process + mk_offset(win, "_KPROCESS.ThreadListHead"),
			va + mk_offset(win, "_KTHREAD.ThreadListEntry"));
	if (!proc->thread)
		proc->thread = va;
}

static void write_kprocess(MkWin *win, const MkProc *proc)
{
	const uint64_t va = proc->info.eprocess;
	const uint32_t words = mk_type_size(win, "_KPROCESS") / 4;
	const bool sized = win->kernel.build < 19041;

	mk_kwrite32(win, va,
		    DISPATCHER_PROCESS | (sized ? (words & 0xff) << 16 : 0));
	mk_kwrite32(win, va + 4, proc->exited ? 1 : 0);
	mk_list_init(win, va + 8);
	mk_put64(win, va, "_KPROCESS.DirectoryTableBase", proc->info.dtb_raw);
	mk_put64(win, va, "_KPROCESS.UserDirectoryTableBase",
		 proc->info.user_dtb_raw);
	mk_list_init(win, va + mk_offset(win, "_KPROCESS.ProfileListHead"));
	mk_list_init(win, va + mk_offset(win, "_KPROCESS.ThreadListHead"));
}

/* "WoW64Process" points to a block from 10 1511 on, before that to the PEB. */
static void write_wow64(MkWin *win, const MkProc *proc, uint64_t peb32)
{
	const uint64_t va = proc->info.eprocess;
	uint64_t block;

	if (!mk_has(win, "_EPROCESS.WoW64Process")) {
		mk_put64(win, va, "_EPROCESS.Wow64Process", peb32);
		return;
	}
	block = mk_pool_alloc(win, &win->nonpaged, 0x20, "MkW6");
	mk_kwrite64(win, block, peb32);
	mk_put32(win, block, "_EWOW64PROCESS.Machine", 0x14c);
	mk_put64(win, va, "_EPROCESS.WoW64Process", block);
}

static void write_name(MkWin *win, const MkProc *proc)
{
	const uint64_t va = proc->info.eprocess;
	const uint32_t at = mk_offset(win, "_EPROCESS.ImageFileName");
	static const uint8_t next = 2; /* PriorityClass: normal */
	uint8_t name[MK_NAME_MAX] = {0};

	memcpy(name, proc->info.name, proc->info.name_len);
	mk_kwrite(win, va + at, name, sizeof(name));
	mk_kwrite(win, va + at + sizeof(name), &next, 1);
}

/* Path for the audit log; for names that a file can have. */
static void write_audit_name(MkWin *win, const MkProc *proc)
{
	static const char path[] = "_EPROCESS.SeAuditProcessCreationInfo";
	g_autofree char *name = NULL, *text = NULL;
	uint64_t va;

	if (proc->minimal || !mk_has(win, path))
		return;
	name = g_strndup((const char *)proc->info.name, proc->info.name_len);
	for (char *at = name; *at; at++)
		if (!g_ascii_isprint(*at))
			*at = '_';
	text = g_strconcat("\\Device\\HarddiskVolume2\\Windows\\System32\\",
			   name, NULL);
	va = mk_pool_alloc(win, &win->paged, 0x20, "SeOn");
	mk_put_unicode(win, va, text);
	mk_put64(win, proc->info.eprocess, path, va);
}

static void link_session(MkWin *win, const MkProc *proc)
{
	const uint64_t va = proc->info.eprocess;
	uint32_t list = 0x10;
	uint64_t session;

	if (proc->info.session < 0)
		return;
	session = win->session[proc->info.session];
	mk_put64(win, va, "_EPROCESS.Session", session);
	mk_put_bits(win, va, "_EPROCESS.ProcessInSession", 1);
	if (!mk_has(win, "_EPROCESS.SessionProcessLinks") || proc->exited)
		return;
	if (mk_has(win, "_MM_SESSION_SPACE.ProcessList"))
		list = mk_offset(win, "_MM_SESSION_SPACE.ProcessList");
	mk_list_append(win, session + list,
		       va + mk_offset(win, "_EPROCESS.SessionProcessLinks"));
}

static void write_eprocess(MkWin *win, MkProc *proc)
{
	const struct mk_process *info = &proc->info;
	const uint64_t va = info->eprocess;

	write_kprocess(win, proc);
	mk_put64(win, va, "_EPROCESS.UniqueProcessId", info->pid);
	mk_put64(win, va, "_EPROCESS.InheritedFromUniqueProcessId", info->ppid);
	mk_put64(win, va, "_EPROCESS.CreateTime", info->create_time);
	mk_put64(win, va, "_EPROCESS.ExitTime", info->exit_time);
	mk_put64(win, va, "_EPROCESS.Peb", info->peb);
	mk_put64(win, va, "_EPROCESS.HighestUserAddress",
		 win->kernel.highest_user + 1);
	mk_put32(win, va, "_EPROCESS.ExitStatus",
		 proc->exited ? 0 : STILL_ACTIVE);
	mk_put32(win, va, "_EPROCESS.ActiveThreads", info->threads);
	mk_put_bits(win, va, "_EPROCESS.HasAddressSpace", proc->paging != NULL);
	mk_put_bits(win, va, "_EPROCESS.ProcessExiting", proc->exited);
	mk_put_bits(win, va, "_EPROCESS.VmDeleted", proc->exited);
	mk_put_bits(win, va, "_EPROCESS.Minimal",
		    proc->minimal && !is_system(win, proc));
	mk_list_init(win, va + mk_offset(win, "_EPROCESS.ThreadListHead"));
	write_name(win, proc);
	write_audit_name(win, proc);
	if (info->wow64)
		write_wow64(win, proc, MK_PEB32);
	link_session(win, proc);
}

void mk_proc_build(MkWin *win, MkProc *proc)
{
	make_address_space(win, proc);
	if (proc->exited) {
		proc->info.exit_time = win->time - 600 * SECOND;
		proc->info.threads = 0;
	} else {
		proc->info.threads =
			1 + (uint32_t)mk_random_below(&proc->random, 3);
	}
	if (proc->paging && !proc->exited)
		mk_user_build(win, proc);
	if (proc->paging)
		shadow_user_half(win, proc);
	write_eprocess(win, proc);
	mk_vads_build(win, proc);
	for (uint32_t i = 0; i < proc->info.threads; i++)
		add_thread(win, proc, proc->info.pid + 4 * (i + 1));
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
}
