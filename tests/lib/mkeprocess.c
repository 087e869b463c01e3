/* SPDX-License-Identifier: GPL-3.0-or-later */
/* _EPROCESS and _ETHREAD. */
#include "config.h"

#include "lib/mkcounters.h"
#include "lib/mkthread.h"
#include "lib/mkwin-priv.h"

#include <string.h>

#define DISPATCHER_PROCESS 3u
#define DISPATCHER_THREAD 6u
#define STILL_ACTIVE 0x103u
#define EXIT_CODE 0xc0000005u

static uint64_t add_thread(MkWin *win, MkProc *proc, uint32_t tid)
{
	const uint64_t va =
		mk_object_new(win, "Thread", mk_ethread_size(win), "Thre");
	const uint64_t process = proc->info.eprocess;
	/* XP keeps the time in the upper 61 bits. */
	const unsigned int shift = win->build < MK_BUILD_2003 ? 3 : 0;

	mk_kwrite32(win, va, DISPATCHER_THREAD);
	mk_put_ptr(win, va, "_KTHREAD.Process", process);
	mk_put_ptr(win, va, "_ETHREAD.ThreadsProcess", process);
	if (mk_has(win, "_KTHREAD.ApcState"))
		mk_put_ptr(win, va + mk_offset(win, "_KTHREAD.ApcState"),
			   "_KAPC_STATE.Process", process);
	mk_put64(win, va, "_ETHREAD.CreateTime",
		 proc->info.create_time << shift);
	mk_put_ptr(win, va, "_ETHREAD.StartAddress", win->kernel.base + 0x2000);
	if (mk_has(win, "_ETHREAD.Cid")) {
		uint64_t cid = va + mk_offset(win, "_ETHREAD.Cid");

		mk_kwrite_ptr(win, cid, proc->info.pid);
		mk_kwrite_ptr(win, cid + mk_pointer_bytes(win), tid);
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
	g_array_append_val(proc->threads, va);
	g_array_append_val(proc->tids, tid);
	if (!proc->thread)
		proc->thread = va;
	return va;
}

/* Ids are handles: the first of each page of handles is none. */
uint32_t mk_next_id(uint32_t id)
{
	id += 4;
	return id % MK_IDS_PER_PAGE == 0 ? id + 4 : id;
}

/* Ids of threads start behind those of all processes. With threads, a process
 * has one more that has ended. */
void mk_threads_add(MkWin *win, MkProc *proc, uint32_t n)
{
	const bool more = win->options.threads && proc->marker;

	for (uint32_t i = 0; i < n + more; i++) {
		const uint32_t tid = proc == win->idle ? 0 : win->next_tid;

		mk_thread_fill(win, proc, add_thread(win, proc, tid), tid,
			       i == n);
		win->next_tid = mk_next_id(
			win->next_tid +
			4 * (uint32_t)mk_random_below(&proc->random, 3));
	}
}

static void write_kprocess(MkWin *win, const MkProc *proc)
{
	const uint64_t va = proc->info.eprocess;
	const uint32_t words = mk_type_size(win, "_KPROCESS") / 4;
	const bool sized = win->build < 19041;

	mk_kwrite32(win, va,
		    DISPATCHER_PROCESS | (sized ? (words & 0xff) << 16 : 0));
	mk_kwrite32(win, va + 4, proc->exited ? 1 : 0);
	mk_list_init(win, va + 8);
	mk_put_ptr(win, va, "_KPROCESS.DirectoryTableBase", proc->info.dtb_raw);
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

	if (!mk_has(win, "_EPROCESS.WoW64Process") &&
	    !mk_has(win, "_WOW64_PROCESS.Wow64")) {
		mk_put64(win, va, "_EPROCESS.Wow64Process", peb32);
		return;
	}
	block = mk_pool_alloc(win, &win->nonpaged, 0x20, "MkW6");
	mk_kwrite64(win, block, peb32);
	mk_put32(win, block, "_EWOW64PROCESS.Machine", 0x14c);
	mk_put64(win, va, "_EPROCESS.WoW64Process", block);
	mk_put64(win, va, "_EPROCESS.Wow64Process", block);
}

/* 16 bytes up to Vista, 15 and the next member from 7 on. */
static void write_name(MkWin *win, const MkProc *proc)
{
	const uint64_t va = proc->info.eprocess;
	const uint32_t at = mk_offset(win, "_EPROCESS.ImageFileName");
	const uint8_t next = win->build < 7600 ? 0 : 2;
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
	mk_put_ptr(win, proc->info.eprocess, path, va);
}

struct protection {
	const char *name;
	uint8_t value;
};

/* PS_PROTECTION: type (2 protected, 1 light) and signer << 4 (7 WinSystem, 6
 * WinTcb, 4 Lsa). */
uint8_t mk_protection(const MkWin *win, const MkProc *proc)
{
	static const struct protection list[] = {
		{"System", 0x72},      {"Registry", 0x72},
		{"smss.exe", 0x61},    {"csrss.exe", 0x61},
		{"wininit.exe", 0x61}, {"services.exe", 0x61},
		{"lsass.exe", 0x41},
	};
	const struct mk_process *info = &proc->info;

	if (!mk_has(win, "_EPROCESS.Protection"))
		return 0;
	for (size_t i = 0; i < G_N_ELEMENTS(list); i++)
		if (strlen(list[i].name) == info->name_len &&
		    memcmp(list[i].name, info->name, info->name_len) == 0)
			return list[i].value;
	return 0;
}

static void write_flags(MkWin *win, const MkProc *proc)
{
	const uint64_t va = proc->info.eprocess;
	const bool system = proc->info.pid == MK_SYSTEM_PID;

	mk_put_bits(win, va, "_EPROCESS.HasAddressSpace", proc->paging != NULL);
	mk_put_bits(win, va, "_EPROCESS.ProcessExiting", proc->exited);
	mk_put_bits(win, va, "_EPROCESS.VmDeleted", proc->exited);
	mk_put_bits(win, va, "_EPROCESS.Minimal", proc->minimal && !system);
	if (mk_has(win, "_EPROCESS.Protection"))
		mk_kwrite(win, va + mk_offset(win, "_EPROCESS.Protection"),
			  &proc->info.protection, 1);
}

void mk_eprocess_write(MkWin *win, const MkProc *proc)
{
	const struct mk_process *info = &proc->info;
	const uint64_t va = info->eprocess;

	write_kprocess(win, proc);
	mk_put_ptr(win, va, "_EPROCESS.UniqueProcessId", info->pid);
	mk_put_ptr(win, va, "_EPROCESS.InheritedFromUniqueProcessId",
		   info->ppid);
	mk_put64(win, va, "_EPROCESS.CreateTime", info->create_time);
	mk_put64(win, va, "_EPROCESS.ExitTime", info->exit_time);
	mk_put_ptr(win, va, "_EPROCESS.Peb", info->peb);
	mk_put_ptr(win, va, "_EPROCESS.HighestUserAddress",
		   win->kernel.highest_user + 1);
	mk_put32(win, va, "_EPROCESS.ExitStatus", info->exit_status);
	mk_put32(win, va, "_EPROCESS.ActiveThreads", info->threads);
	write_flags(win, proc);
	mk_list_init(win, va + mk_offset(win, "_EPROCESS.ThreadListHead"));
	write_name(win, proc);
	write_audit_name(win, proc);
	mk_counters_write(win, info);
	if (info->wow64)
		write_wow64(win, proc, info->peb32);
}

/* How it ended: well, or with the full cast by a fault. */
void mk_eprocess_end(MkWin *win, MkProc *proc)
{
	struct mk_process *info = &proc->info;

	info->exit_status = STILL_ACTIVE;
	if (!proc->exited)
		return;
	info->exit_time = win->time - 600 * MK_SECOND;
	info->exit_status = win->options.full ? EXIT_CODE : 0;
}
