/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Windows knew of the machine as a whole when the image was taken. */
#ifndef NT_SYSINFO_H
#define NT_SYSINFO_H

#include "nt/kernel.h"

/* What could not be had is 0, and its bit is missing in `known`. */
enum nt_sysinfo_field {
	NTS_PAGES = 1 << 0,
	NTS_AVAILABLE = 1 << 1,
	NTS_COMMITTED = 1 << 2,
	NTS_COMMIT_LIMIT = 1 << 3,
};

struct nt_sysinfo {
	/* Pages of 4 KiB: memory that Windows uses; of that zeroed, free and
	 * on the standby list; promised to programs, and how many can be. */
	uint64_t pages, available, committed, commit_limit;
	unsigned known;		/* enum nt_sysinfo_field */
};

/*
 * Reads NumberOfPhysicalPages of _KUSER_SHARED_DATA (in the same place in all
 * symbol tables from 7 to 11) and the variables of the memory manager: up to
 * 8.1 MmAvailablePages and its like, from 10 on members of MiSystemPartition.
 * They are where a symbol says so; nothing is searched.
 */
void nt_sysinfo_read(const NtKernel *k, struct nt_sysinfo *ret);

#endif
