/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process in the list. */
#ifndef PROCS_ENTRY_H
#define PROCS_ENTRY_H

#include "nt/dtbcheck.h"

struct proc_entry {
	struct nt_process p;
	struct addr_space as;	/* its own */
	bool has_space;		/* its DTB is not 0 */
	bool plausible;		/* nt_process_plausible(); what eprocess=
				 * named need not be a process */
	bool dtb_sane;		/* its top-level table is in the image and maps
				 * the kernel as System does */
	struct nt_dtb_check dtb; /* what is to be said of its DTB */
	uint32_t dtb_other;	/* NT_DTB_OF_ANOTHER: pid of that process */
	bool minimal;		/* has no user half of its own */
	uint64_t session_va;	/* EPROCESS.Session, 0: none */
	uint64_t session_key;	/* what tells sessions apart, 0: none. Some
				 * kernels have all at one address, mapped to
				 * different memory */
	unsigned seen;		/* by which methods; bits of enum
				 * proc_method_id, as the next two */
	unsigned missing;	/* which should have seen it and did not */
	unsigned no_evidence;	/* whose silence about it says nothing */
	bool witnessed;		/* a processor was running it */
	GArray *running_on;	/* unsigned, numbers of processors; or NULL */
	char *dir;		/* name below proc/: "4", "1234-ffff..." */
};

#endif
