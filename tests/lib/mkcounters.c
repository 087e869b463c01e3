/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Windows counts: time and memory of processes, memory of the machine. */
#include "config.h"

#include "lib/mkcounters.h"

#include <inttypes.h>

/* Numbers that no two processes have alike, and that make some sense. */
struct mk_counters mk_win_counters(const struct mk_process *process)
{
	const uint32_t n = process->pid;

	return (struct mk_counters){
		.kernel_time = 64 * (n % 61) + 3,
		.user_time = 64 * (n % 59) + n % 64,
		.priority = (uint8_t)(n == MK_SYSTEM_PID ? 8 : 4 + n % 10),
		.faults = 1000 + 3 * n,
		.hard_faults = n % 97,
		.peak_virtual = (UINT64_C(100) + n % 1000) << 20,
		.commit = 300 + n,
		.working_set = 500 + n,
		.peak_working_set = 700 + 2 * n,
	};
}

/* The name that a member has in this kernel: one of the two, or NULL. */
static const char *either(const MkWin *win, const char *path,
			  const char *other)
{
	return mk_has(win, path) ? path : mk_has(win, other) ? other : NULL;
}

static const char *vm(const MkWin *win, const char *member, char path[96])
{
	static const char *const in[] = {"Vm", "Vm.Instance"};

	for (size_t i = 0; i < G_N_ELEMENTS(in); i++) {
		g_snprintf(path, 96, "_EPROCESS.%s.%s", in[i], member);
		if (mk_has(win, path))
			return path;
	}
	return NULL;
}

/* 8 bytes wide from 8.1 on, on x64. */
static bool is_wide(const MkWin *win)
{
	return !mk_is_32bit(win) && win->build >= 9600;
}

static void put_vm(MkWin *win, uint64_t va, const char *member,
		   uint64_t value, bool wide)
{
	char buf[96];
	const char *path = vm(win, member, buf);

	if (path && wide)
		mk_put64(win, va, path, value);
	else if (path)
		mk_put32(win, va, path, (uint32_t)value);
}

void mk_counters_write(MkWin *win, const struct mk_process *process)
{
	const struct mk_counters c = mk_win_counters(process);
	const uint64_t va = process->eprocess;
	const bool wide = is_wide(win);

	mk_put32(win, va, "_KPROCESS.KernelTime", c.kernel_time);
	mk_put32(win, va, "_KPROCESS.KernelTimeLow", c.kernel_time);
	mk_put32(win, va, "_KPROCESS.UserTime", c.user_time);
	mk_put32(win, va, "_KPROCESS.UserTimeLow", c.user_time);
	if (mk_has(win, "_KPROCESS.BasePriority"))
		mk_kwrite(win, va + mk_offset(win, "_KPROCESS.BasePriority"),
			  &c.priority, 1);
	mk_put_ptr(win, va, "_EPROCESS.PeakVirtualSize", c.peak_virtual);
	mk_put_ptr(win, va, "_EPROCESS.CommitCharge", c.commit);
	put_vm(win, va, "PageFaultCount", c.faults, false);
	put_vm(win, va, "HardFaultCount", c.hard_faults, false);
	put_vm(win, va, "WorkingSetSize", c.working_set, wide);
	put_vm(win, va, "WorkingSetPrivateSize", c.working_set / 2, wide);
	put_vm(win, va, "PeakWorkingSetSize", c.peak_working_set, wide);
}

static void put_pages(MkWin *win, const char *symbol, const char *path,
		      uint64_t value)
{
	if (win->build < MK_BUILD_10)
		mk_kwrite_ptr(win, mk_symbol(win, symbol), value);
	else if (mk_has(win, path))
		mk_put_ptr(win, mk_symbol(win, "MiSystemPartition"), path,
			   value);
}

void mk_memory_write(MkWin *win)
{
	put_pages(win, "MmAvailablePages", "_MI_PARTITION.Vp.AvailablePages",
		  MK_AVAILABLE_PAGES);
	put_pages(win, "MmTotalCommittedPages",
		  "_MI_PARTITION.Vp.TotalCommittedPages", MK_COMMITTED_PAGES);
	put_pages(win, "MmTotalCommitLimit",
		  "_MI_PARTITION.Vp.TotalCommitLimit", MK_COMMIT_LIMIT);
}

static void tell(GString *out, bool has, uint64_t value)
{
	if (has)
		g_string_append_printf(out, "\t%" PRIu64, value);
	else
		g_string_append(out, "\t-");
}

/* counters PID kernel user priority peak-virtual commit faults hard-faults
 * working-set peak-working-set */
void mk_counters_truth(GString *out, const MkWin *win,
		       const struct mk_process *process)
{
	const struct mk_counters c = mk_win_counters(process);
	char path[96];

	g_string_append_printf(out, "counters\t%u", process->pid);
	tell(out, either(win, "_KPROCESS.KernelTime",
			 "_KPROCESS.KernelTimeLow"), c.kernel_time);
	tell(out, either(win, "_KPROCESS.UserTime", "_KPROCESS.UserTimeLow"),
	     c.user_time);
	tell(out, mk_has(win, "_KPROCESS.BasePriority"), c.priority);
	tell(out, mk_has(win, "_EPROCESS.PeakVirtualSize"), c.peak_virtual);
	tell(out, mk_has(win, "_EPROCESS.CommitCharge"), c.commit);
	tell(out, vm(win, "PageFaultCount", path), c.faults);
	tell(out, vm(win, "HardFaultCount", path), c.hard_faults);
	tell(out, vm(win, "WorkingSetSize", path), c.working_set);
	tell(out, vm(win, "PeakWorkingSetSize", path), c.peak_working_set);
	g_string_append_c(out, '\n');
}
