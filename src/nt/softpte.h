/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Windows means by a PTE that is not valid: the hook of the walker.
 *
 * Order (Prototype is tested before Transition, for the Combined bit of new
 * prototype PTEs lies where Transition does): prototype, transition, page
 * file, demand zero. Prototype PTEs are told apart but not yet followed.
 */
#ifndef NT_SOFTPTE_H
#define NT_SOFTPTE_H

#include "nt/profile.h"
#include "vtop/vtop.h"

struct nt_soft_ctx {
	struct nt_pte_layout pte;
	uint64_t invalid_pte_mask; /* 0: not known */
	uint64_t phys_end;	   /* of the image */
};

/* ctx: struct nt_soft_ctx. */
extern const struct soft_pte_ops nt_soft_pte_ops;

/* Rights of a page by its 5-bit MM protection (MmProtectToValue order): low
 * three bits NOACCESS, READONLY, EXECUTE, EXECUTE_READ, READWRITE, WRITECOPY,
 * EXECUTE_READWRITE, EXECUTE_WRITECOPY; bits 3 and 4 both: write-combined,
 * else bit 4: guard (no access until it faults). */
unsigned nt_protection_rights(unsigned protection);

#endif
