/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the walker and single translations share: one entry of a table. */
#ifndef VTOP_ENTRY_H
#define VTOP_ENTRY_H

#include "vtop/vtop.h"

enum { ENTRY_PRESENT = 1 << 0 };

/* On the way down: whether privileged code may run what is below. In the end,
 * the page tells whether that or RIGHT_EXEC counts. */
#define RIGHT_KERNEL_EXEC (RIGHTS_MAX + 1u)
#define RIGHTS_TOP (RIGHTS_ALL | RIGHT_KERNEL_EXEC)

/* Entry found, together with what the levels above allow. */
struct entry_view {
	const struct addr_space *as;
	uint64_t va; /* not sign-extended; of a byte below the entry */
	unsigned level;
	uint64_t entry;
	unsigned rights; /* of the levels above */
	bool lower_half; /* of the address space */
};

struct entry_result {
	enum page_state state; /* with table: how the table is there */
	bool table;	/* pa is the next table */
	PhysAddr pa;
	unsigned rights;
	unsigned cost;	/* as in struct soft_pte */
};

/* A table, or a part of one. */
struct table_at {
	PhysAddr pa;
	enum page_state state;
};

/* What the entry of a view says. */
struct entry_result entry_decode(const struct entry_view *view);
/* Little-endian, as wide as the form's are. */
uint64_t entry_load(const struct paging_form *form, const uint8_t *p);
/* Bytes that one entry of a level speaks for. */
uint64_t entry_span(const struct paging_form *form, unsigned level);

/* The leaf that a result is at leaf's address and of its length. */
void entry_finish_leaf(const struct addr_space *as, struct vtop_leaf *leaf,
		       const struct entry_result *r);
/* A range of a list, as a leaf. */
struct vtop_leaf entry_direct_leaf(const struct direct_run *run);
/* Bytes of a table or of a page, from wherever it is. */
enum phys_status entry_read_at(const struct addr_space *as,
			       const struct table_at *at, void *buf,
			       size_t len_bytes);
/* An address without sign extension. */
uint64_t entry_offset(const struct paging_form *form, VirtAddr va);

#endif
