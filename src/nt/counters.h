/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Windows counted of a process: time, memory, page faults. */
#ifndef NT_COUNTERS_H
#define NT_COUNTERS_H

#include "nt/kernel.h"

/* What could not be read is 0, and its bit is missing in `known`. */
enum nt_counter {
	NTC_KERNEL_TIME = 1 << 0,
	NTC_USER_TIME = 1 << 1,
	NTC_PRIORITY = 1 << 2,
	NTC_PEAK_VIRTUAL = 1 << 3,
	NTC_WORKING_SET = 1 << 4,
	NTC_PEAK_WORKING_SET = 1 << 5,
	NTC_COMMIT = 1 << 6,
	NTC_FAULTS = 1 << 7,
	NTC_HARD_FAULTS = 1 << 8,
};

struct nt_counters {
	/* In clock ticks (nt_sysinfo.tick), of its threads that have ended and
	 * of those that run, as far as Windows added them up. */
	uint32_t kernel_time, user_time;
	uint8_t priority;	/* base priority, 0 to 31 */
	uint64_t peak_virtual;	/* bytes */
	uint64_t working_set, peak_working_set, commit; /* pages of 4 KiB */
	uint32_t faults, hard_faults; /* all of them, those with I/O */
	unsigned known;		/* enum nt_counter */
};

/*
 * Members of _KPROCESS (KernelTime, UserTime, called KernelTimeLow and
 * UserTimeLow in Server 2022; BasePriority) and _EPROCESS (PeakVirtualSize,
 * CommitCharge, and of Vm, an _MMSUPPORT, from 1703 on with an
 * _MMSUPPORT_INSTANCE in it: PageFaultCount, HardFaultCount, WorkingSetSize,
 * PeakWorkingSetSize), where symbols or the layout have them.
 */
void nt_counters_read(const NtKernel *k, const struct nt_process *process,
		      struct nt_counters *ret);

#endif
