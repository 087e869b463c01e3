/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The paging forms. */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "vtop/forms.h"

#define BIT(n) (UINT64_C(1) << (n))
/* Bits high..low, both included. */
#define BITS(high, low) ((BIT(high) - BIT(low)) | BIT(high))

#define PA_52 BITS(51, 12)

/* R/W, U/S and, inverted, XD; the same in tables and pages. */
#define X86_BITS(nx)                                                          \
	{ .write = BIT(1), .user = BIT(2), .exec = (nx) }
#define X86_RIGHTS(nx)                                                        \
	.inverted = (nx), .table = X86_BITS(nx), .leaf = X86_BITS(nx)

/* The lower four levels are the same in 4-level and 5-level paging. Bits
 * 62:52 of an entry are ignored or protection keys, never reserved. */
#define AMD64_LOWER_LEVELS                                                    \
	{ .name = "PML4E", .shift = 39, .bits = 9, .rights = true,            \
	  .reserved = BIT(7) },                                               \
	{ .name = "PDPTE", .shift = 30, .bits = 9, .rights = true,            \
	  .large = BIT(7), .reserved_large = BITS(29, 13),                    \
	  .large_mask = BITS(51, 30) },                                       \
	{ .name = "PDE", .shift = 21, .bits = 9, .rights = true,              \
	  .large = BIT(7), .reserved_large = BITS(20, 13),                    \
	  .large_mask = BITS(51, 21) },                                       \
	{ .name = "PTE", .shift = 12, .bits = 9, .rights = true }

const struct paging_form paging_x86 = {
	.name = "x86",
	.description = "x86 2-level",
	.n_levels = 2,
	.entry_bytes = 4,
	.va_bits = 32,
	X86_RIGHTS(0),
	.pse36 = true,
	.root_mask = BITS(31, 12),
	.pa_mask = BITS(31, 12),
	.levels = {
		{ .name = "PDE", .shift = 22, .bits = 10, .rights = true,
		  .large = BIT(7), .reserved_large = BIT(21),
		  .large_mask = BITS(31, 22) },
		{ .name = "PTE", .shift = 12, .bits = 10, .rights = true },
	},
};

/* The four PDPTEs have no rights of their own (SDM 4.4.1). */
const struct paging_form paging_pae = {
	.name = "pae",
	.description = "x86 PAE 3-level",
	.n_levels = 3,
	.entry_bytes = 8,
	.va_bits = 32,
	X86_RIGHTS(BIT(63)),
	.root_mask = BITS(31, 5),
	.pa_mask = PA_52,
	.levels = {
		{ .name = "PDPTE", .shift = 30, .bits = 2,
		  .reserved = BITS(63, 52) | BITS(8, 5) | BITS(2, 1) },
		{ .name = "PDE", .shift = 21, .bits = 9, .rights = true,
		  .large = BIT(7), .reserved = BITS(62, 52),
		  .reserved_large = BITS(62, 52) | BITS(20, 13),
		  .large_mask = BITS(51, 21) },
		{ .name = "PTE", .shift = 12, .bits = 9, .rights = true,
		  .reserved = BITS(62, 52) },
	},
};

const struct paging_form paging_amd64 = {
	.name = "amd64",
	.description = "x64 4-level",
	.n_levels = 4,
	.entry_bytes = 8,
	.va_bits = 48,
	X86_RIGHTS(BIT(63)),
	.root_mask = PA_52,
	.pa_mask = PA_52,
	.levels = { AMD64_LOWER_LEVELS },
};

const struct paging_form paging_la57 = {
	.name = "la57",
	.description = "x64 5-level",
	.n_levels = 5,
	.entry_bytes = 8,
	.va_bits = 57,
	X86_RIGHTS(BIT(63)),
	.root_mask = PA_52,
	.pa_mask = PA_52,
	.levels = {
		{ .name = "PML5E", .shift = 48, .bits = 9, .rights = true,
		  .reserved = BIT(7) },
		AMD64_LOWER_LEVELS
	},
};

/*
 * Bit 1: 1 table (or, in the last level, page), 0 block, which only levels 1
 * and 2 may be. Tables: PXNTable 59, UXNTable 60, APTable 62:61. Leaves: AP
 * 7:6 (bit 7 read-only, bit 6 user), AF 10, PXN 53, UXN 54. What is RES0 is
 * ignored, as it is by the processor: later revisions use it.
 */
#define ARM64_NOT_BLOCK BIT(1)
#define ARM64_BLOCKS(pa)                                                      \
	.bits = 9, .rights = true, .large = ARM64_NOT_BLOCK, .large_mask = (pa)
#define ARM64_NO_BLOCKS                                                       \
	.bits = 9, .rights = true, .reserved = ARM64_NOT_BLOCK,               \
	.ones = ARM64_NOT_BLOCK

const struct paging_form paging_arm64 = {
	.name = "arm64",
	.description = "ARM64 4-level (4 KiB granule)",
	.n_levels = 4,
	.entry_bytes = 8,
	.va_bits = 48,
	.inverted = ARM64_NOT_BLOCK | BIT(7) | BIT(53) | BIT(54) | BIT(59) |
		    BIT(60) | BIT(61) | BIT(62),
	.table = { .write = BIT(62), .user = BIT(61), .exec = BIT(60),
		   .kernel_exec = BIT(59) },
	.leaf = { .write = BIT(7), .user = BIT(6), .exec = BIT(54),
		  .kernel_exec = BIT(53) },
	.split_exec = true,
	.user_by_half = true,
	.accessed = BIT(10),
	.root_mask = BITS(47, 12),
	.pa_mask = BITS(47, 12),
	.levels = {
		{ .name = "L0E", .shift = 39, ARM64_NO_BLOCKS },
		{ .name = "L1E", .shift = 30, ARM64_BLOCKS(BITS(47, 30)) },
		{ .name = "L2E", .shift = 21, ARM64_BLOCKS(BITS(47, 21)) },
		{ .name = "L3E", .shift = 12, ARM64_NO_BLOCKS },
	},
};

const struct paging_form *const paging_forms[] = {
	&paging_x86,  &paging_pae,   &paging_amd64,
	&paging_la57, &paging_arm64, NULL,
};

const struct paging_form *paging_form_find(const char *name)
{
	for (size_t i = 0; paging_forms[i]; i++)
		if (!strcmp(paging_forms[i]->name, name))
			return paging_forms[i];
	return NULL;
}
