/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel memory made by hand: pages that are mapped one after the other, of
 * any paging form. First everything is written, then it is read. */
#ifndef UNIT_UNIT_KMEM_H
#define UNIT_UNIT_KMEM_H

#include "lib/mkpaging.h"
#include "unit/unit-mem.h"
#include "vtop/vtop.h"

struct unit_kmem {
	MkPhys *phys;
	MkPaging *paging;
	enum mk_mode mode;
	unsigned pointer_bytes;
	uint64_t next;		/* address of the next page */
	struct unit_mem mem;
	struct addr_space as;	/* valid once it is ready */
};

void unit_kmem_init(struct unit_kmem *k, enum mk_mode mode);
/* A page, or several that follow each other, of zeros; its address. */
uint64_t unit_kmem_page(struct unit_kmem *k, size_t n);
/* An address that is not mapped, with the next page behind it. */
uint64_t unit_kmem_hole(struct unit_kmem *k);
void unit_kmem_put(struct unit_kmem *k, uint64_t va, uint64_t value,
		   unsigned n_bytes);
void unit_kmem_put_ptr(struct unit_kmem *k, uint64_t va, uint64_t value);
/* No more writing: k->as can be read. */
void unit_kmem_ready(struct unit_kmem *k);
void unit_kmem_clear(struct unit_kmem *k);

#endif
