/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Paging forms as data: one descriptor each for the one walker.
 *
 * Sources: Intel SDM vol. 3A chapter 4 (tables 4-4 to 4-20), AMD APM vol. 2
 * chapter 5, Arm ARM (DDI 0487) D8.3 (VMSAv8-64 descriptor formats). "Level
 * 0" is the top-level table. Bit 0 says "present" in all forms.
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
	bool rights;		/* entries carry rights */
	uint64_t large;		/* the bit that makes an entry a page, or 0 */
	uint64_t reserved;	/* bits that must be 0 in an entry that
				 * points to a table (or is a 4 KiB page) */
	uint64_t ones;		/* but these of them must be 1 */
	uint64_t reserved_large; /* the same in one that is a large page */
	uint64_t large_mask;	/* physical address bits of a large page */
};

/* The bit of an entry that grants each right; 0: always granted. */
struct paging_rights {
	uint64_t write;
	uint64_t user;
	uint64_t exec;
	uint64_t kernel_exec;	/* with split_exec: what counts for pages that
				 * users may not reach */
};

struct paging_form {
	const char *name;	 /* as in paging=: "amd64" */
	const char *description; /* as in image/info */
	uint8_t n_levels;
	uint8_t entry_bytes;	 /* 4 or 8 */
	uint8_t va_bits;	 /* 32, 48 or 57 */
	/* Bits that say the opposite of what the fields here mean (NX, not
	 * large, read-only): an entry is read as entry ^ inverted. */
	uint64_t inverted;
	struct paging_rights table, leaf; /* by kind of entry, as read */
	bool split_exec;
	/* Tables do not say whom their pages are for: where a page does not
	 * either, it is the kernel's in the upper half. */
	bool user_by_half;
	uint64_t accessed;	 /* bit without which no page is used, or 0 */
	bool pse36;		 /* bits 20:13 of a large page are 39:32 */
	uint64_t root_mask;	 /* physical address bits of the DTB */
	uint64_t pa_mask;	 /* of an entry */
	struct paging_level levels[PAGING_LEVELS_MAX];
};

extern const struct paging_form paging_x86;
extern const struct paging_form paging_pae;
extern const struct paging_form paging_amd64;
extern const struct paging_form paging_la57;
/*
 * AArch64 stage 1, 4 KiB granule, 48 bits, as Windows uses it: one top-level
 * page has both halves (TTBR0 at its start, TTBR1 in its upper half; source:
 * ufrisk/MemProcFS vmm/mm/mm_arm64.c). Not verified against a real image.
 */
extern const struct paging_form paging_arm64;

/* All forms, NULL-terminated. */
extern const struct paging_form *const paging_forms[];
/* By name, or NULL. */
const struct paging_form *paging_form_find(const char *name);

#endif
