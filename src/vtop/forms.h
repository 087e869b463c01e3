/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Paging forms as data: one descriptor each for the one walker.
 *
 * Sources: Intel SDM vol. 3A chapter 4 (tables 4-4 to 4-20), AMD APM vol. 2
 * chapter 5. "Level 0" is the top-level table.
 */
#ifndef VTOP_FORMS_H
#define VTOP_FORMS_H

#include <stdbool.h>
#include <stdint.h>

#define PAGING_LEVELS_MAX 5u

struct paging_level {
	const char *name;	/* of an entry: "PML4E" */
	uint8_t shift;		/* lowest address bit that it indexes */
	uint8_t bits;		/* how many address bits it indexes */
	bool large;		/* bit 7 makes an entry a page */
	bool rights;		/* entries carry R/W, U/S and NX */
	uint64_t reserved;	/* bits that must be 0 in an entry that
				 * points to a table (or is a 4 KiB page) */
	uint64_t reserved_large; /* the same in one that is a large page */
	uint64_t large_mask;	/* physical address bits of a large page */
};

struct paging_form {
	const char *name;	 /* as in paging=: "amd64" */
	const char *description; /* as in image/info */
	uint8_t n_levels;
	uint8_t entry_bytes;	 /* 4 or 8 */
	uint8_t va_bits;	 /* 32, 48 or 57 */
	bool nx;		 /* bit 63 forbids execution */
	bool pse36;		 /* bits 20:13 of a large page are 39:32 */
	uint64_t root_mask;	 /* physical address bits of the DTB */
	uint64_t pa_mask;	 /* of an entry */
	struct paging_level levels[PAGING_LEVELS_MAX];
};

extern const struct paging_form paging_x86;
extern const struct paging_form paging_pae;
extern const struct paging_form paging_amd64;
extern const struct paging_form paging_la57;

/* All forms, NULL-terminated. */
extern const struct paging_form *const paging_forms[];
/* By name, or NULL. */
const struct paging_form *paging_form_find(const char *name);

#endif
