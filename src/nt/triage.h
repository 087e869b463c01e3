/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel of a triage dump: what its file says, in place of a search. */
#ifndef NT_TRIAGE_H
#define NT_TRIAGE_H

#include "nt/kernel.h"

/*
 * A kernel whose address space is the list of ranges that the dump has
 * (k->as.direct): KDBG, the kernel's base and size by the list of drivers, the
 * build by the header, the profile that fits the dump's EPROCESS best; the
 * process and the thread that crashed and their processor, in k->cpus, at their
 * addresses. What the dump lacks is missing, and said in the log.
 * image->triage must be there; it and pm are borrowed. (transfer full)
 */
NtKernel *nt_kernel_triage(const PhysMem *pm, const Image *image,
			   const struct nt_hints *hints, Log *log);

/* The loaded driver that has va; NULL: none. */
const struct image_module *nt_triage_module_at(const Image *image,
					       uint64_t va);

#endif
