/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a page directory of Windows may be: candidates for the DTB of an x64
 * image, likely ones first. Each is only a hint, to be tried.
 */
#ifndef NT_DTBSCAN_H
#define NT_DTBSCAN_H

#include "pmem/physmem.h"

/*
 * The low stub: the real-mode start-up code that the HAL leaves below 1 MiB
 * (PROCESSOR_START_BLOCK, on most x64 machines that booted on metal or UEFI).
 * It carries the System DTB at +0xa0 and a kernel address at +0x70. False
 * where no page looks like it.
 */
bool nt_dtb_low_stub(const PhysMem *pm, PhysAddr *dtb, uint64_t *kernel_hint);

/* Does this page look like the top-level table of a Windows x64 address
 * space: one entry in the kernel half that points back at the table? */
bool nt_dtb_is_pml4(const uint8_t page[4096], PhysAddr pa, uint64_t phys_end);

/* How many entries of the kernel half of the table at dtb are present. */
unsigned nt_dtb_kernel_entries(const PhysMem *pm, PhysAddr dtb);

/* Calls fn for each page that is one, ascending, over the whole image but the
 * holes of its file, until it returns false. */
typedef bool (*nt_dtb_fn)(void *ctx, PhysAddr dtb);
void nt_dtb_scan(const PhysMem *pm, nt_dtb_fn fn, void *ctx);

#endif
