/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel memory made by hand. */
#include "config.h"

#include "unit/unit-kmem.h"

#include "vtop/forms.h"

#define MIB16 (UINT64_C(16) << 20)

void unit_kmem_init(struct unit_kmem *k, enum mk_mode mode)
{
	static const uint64_t starts[] = {
		[MK_MODE_X86] = 0x85000000,
		[MK_MODE_PAE] = 0x85000000,
		[MK_MODE_AMD64] = 0xfffffa8000000000,
		[MK_MODE_LA57] = 0xff12345600000000,
	};

	*k = (struct unit_kmem){ .mode = mode, .next = starts[mode] };
	k->pointer_bytes = mode == MK_MODE_X86 || mode == MK_MODE_PAE ? 4 : 8;
	k->phys = mk_phys_new(1);
	mk_phys_add_ram(k->phys, 0, MIB16);
	mk_phys_avoid_below(k->phys, MK_PAGE_SIZE);
	k->paging = mk_paging_new(k->phys, mode, mk_phys_page(k->phys));
	mk_paging_set_table_bits(k->paging, MK_PTE_P | MK_PTE_W | MK_PTE_A,
				 MK_PTE_P | MK_PTE_W | MK_PTE_A);
}

uint64_t unit_kmem_page(struct unit_kmem *k, size_t n)
{
	uint64_t va = k->next;

	for (size_t i = 0; i < n; i++) {
		mk_paging_map(k->paging, k->next, mk_phys_page(k->phys),
			      MK_PAGE_SIZE,
			      MK_PTE_P | MK_PTE_W | MK_PTE_A | MK_PTE_D);
		k->next += MK_PAGE_SIZE;
	}
	return va;
}

uint64_t unit_kmem_hole(struct unit_kmem *k)
{
	uint64_t va = k->next;

	k->next += MK_PAGE_SIZE;
	return va;
}

void unit_kmem_put(struct unit_kmem *k, uint64_t va, uint64_t value,
		   unsigned n_bytes)
{
	uint64_t pa;

	for (unsigned i = 0; i < n_bytes; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i);

		if (!mk_paging_walk(k->paging, va + i, &pa, NULL))
			g_error("%lx is not mapped", (long)va);
		mk_phys_write(k->phys, pa, &byte, 1);
	}
}

void unit_kmem_put_ptr(struct unit_kmem *k, uint64_t va, uint64_t value)
{
	unit_kmem_put(k, va, value, k->pointer_bytes);
}

void unit_kmem_ready(struct unit_kmem *k)
{
	static const struct paging_form *const forms[] = {
		[MK_MODE_X86] = &paging_x86,
		[MK_MODE_PAE] = &paging_pae,
		[MK_MODE_AMD64] = &paging_amd64,
		[MK_MODE_LA57] = &paging_la57,
	};

	unit_mem_init(&k->mem, k->phys);
	k->as = (struct addr_space){
		.pm = k->mem.pm,
		.form = forms[k->mode],
		.root = PHYS(mk_paging_root(k->paging)),
	};
}

void unit_kmem_clear(struct unit_kmem *k)
{
	if (k->mem.pm)
		unit_mem_clear(&k->mem);
	mk_paging_free(k->paging);
	mk_phys_free(k->phys);
}
