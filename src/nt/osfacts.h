/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Windows tells programs of the system that they run on. */
#ifndef NT_OSFACTS_H
#define NT_OSFACTS_H

#include "nt/kernel.h"

struct nt_os_facts {
	uint32_t suite_mask;	/* VER_SUITE_*; 0: not known */
	uint64_t features;	/* bit n: PF_* number n; 0: not known */
};

/* By _KUSER_SHARED_DATA. */
struct nt_os_facts nt_os_facts_read(const NtKernel *k);

/* Number of the service pack, by the PEB of a process (which it can change);
 * 0: none, or not known. own: the process's address space. */
unsigned nt_service_pack(const struct addr_space *own,
			 const struct nt_profile *profile,
			 const struct nt_process *process);

#endif
