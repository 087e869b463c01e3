/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drivers that are not loaded any more: the last 50, as the kernel keeps them
 * for its debugger. */
#ifndef NT_UNLOADED_H
#define NT_UNLOADED_H

#include "nt/kernel.h"

struct nt_unloaded {
	uint64_t base, size;
	uint64_t time;	/* FILETIME */
	char *name;	/* UTF-8, not escaped; owned; NULL: not readable */
};

/*
 * By MmUnloadedDrivers, in the order of the array (which begins anew when it is
 * full). Entries whose range makes no sense are left out. NULL where the
 * variable, or what it points to, is not known or not readable; empty where
 * nothing was unloaded yet. (transfer full) of struct nt_unloaded.
 */
GArray *nt_unloaded_read(const NtKernel *kernel);

#endif
