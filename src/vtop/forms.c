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

/* The lower four levels are the same in 4-level and 5-level paging. Bits
 * 62:52 of an entry are ignored or protection keys, never reserved. */
#define AMD64_LOWER_LEVELS                                                    \
	{ .name = "PML4E", .shift = 39, .bits = 9, .rights = true,            \
	  .reserved = BIT(7) },                                               \
	{ .name = "PDPTE", .shift = 30, .bits = 9, .rights = true,            \
	  .large = true, .reserved_large = BITS(29, 13),                      \
	  .large_mask = BITS(51, 30) },                                       \
	{ .name = "PDE", .shift = 21, .bits = 9, .rights = true,              \
	  .large = true, .reserved_large = BITS(20, 13),                      \
	  .large_mask = BITS(51, 21) },                                       \
	{ .name = "PTE", .shift = 12, .bits = 9, .rights = true }

const struct paging_form paging_x86 = {
	.name = "x86",
	.description = "x86 2-level",
	.n_levels = 2,
	.entry_bytes = 4,
	.va_bits = 32,
	.pse36 = true,
	.root_mask = BITS(31, 12),
	.pa_mask = BITS(31, 12),
	.levels = {
		{ .name = "PDE", .shift = 22, .bits = 10, .rights = true,
		  .large = true, .reserved_large = BIT(21),
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
	.nx = true,
	.root_mask = BITS(31, 5),
	.pa_mask = PA_52,
	.levels = {
		{ .name = "PDPTE", .shift = 30, .bits = 2,
		  .reserved = BITS(63, 52) | BITS(8, 5) | BITS(2, 1) },
		{ .name = "PDE", .shift = 21, .bits = 9, .rights = true,
		  .large = true, .reserved = BITS(62, 52),
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
	.nx = true,
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
	.nx = true,
	.root_mask = PA_52,
	.pa_mask = PA_52,
	.levels = {
		{ .name = "PML5E", .shift = 48, .bits = 9, .rights = true,
		  .reserved = BIT(7) },
		AMD64_LOWER_LEVELS
	},
};

const struct paging_form *const paging_forms[] = {
	&paging_x86, &paging_pae, &paging_amd64, &paging_la57, NULL,
};

const struct paging_form *paging_form_find(const char *name)
{
	for (size_t i = 0; paging_forms[i]; i++)
		if (!strcmp(paging_forms[i]->name, name))
			return paging_forms[i];
	return NULL;
}
