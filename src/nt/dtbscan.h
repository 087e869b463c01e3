/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a page directory of Windows may be: candidates for the DTB, likely
 * ones first. Each is only a hint, to be tried.
 */
#ifndef NT_DTBSCAN_H
#define NT_DTBSCAN_H

#include "pmem/physmem.h"
#include "vtop/forms.h"

/*
 * The low stub: the real-mode start-up code that the HAL leaves below 1 MiB
 * (PROCESSOR_START_BLOCK, on most x64 machines that booted on metal or UEFI).
 * It carries the System DTB at +0xa0 and a kernel address at +0x70. False
 * where no page looks like it.
 */
bool nt_dtb_low_stub(const PhysMem *pm, PhysAddr *dtb, uint64_t *kernel_hint);

/*
 * Does this page look like the top-level table of a Windows address space:
 * one entry in the kernel half that points back at the table (the self-map),
 * and another that leads on? In x86, entry 0x300, and from there on the table
 * is not what chance would make it. PAE: never, the top-level table has no
 * self-map. A table of 4-level paging may be one of 5-level paging as well,
 * and a table of ARM64 one of either.
 */
bool nt_dtb_is_top(const struct paging_form *form, const uint8_t page[4096],
		   PhysAddr pa, uint64_t phys_end);

/*
 * Are these four PDPTEs those of a Windows address space under PAE: does the
 * page directory of the fourth GiB begin with entries for the four page
 * directories? Processes share pages of PDPTs, 32 bytes each.
 */
bool nt_dtb_is_pdpt(const PhysMem *pm, const uint8_t pdpt[32]);

/* How many entries of the kernel half under dtb are present: of the top-level
 * table, in PAE of the page directories of the third and fourth GiB. */
unsigned nt_dtb_kernel_entries(const PhysMem *pm, PhysAddr dtb,
			       const struct paging_form *form);

/*
 * Calls fn for each address that is one, for each of the forms (borrowed,
 * NULL-terminated; where a page may be of several, in their order), ascending,
 * in one pass over the whole image but the holes of its file, until it returns
 * false. Of what looks like PDPTs, 2^18 are looked into.
 */
typedef bool (*nt_dtb_fn)(void *ctx, PhysAddr dtb,
			  const struct paging_form *form);
void nt_dtb_scan(const PhysMem *pm, const struct paging_form *const *forms,
		 nt_dtb_fn fn, void *ctx);

#endif
