/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries of page tables that are not valid, in the forms of all kernels. */
#include "config.h"

#include "lib/mkwin-priv.h"

/* "Look in the VAD": the place in the page file is all ones. */
#define IN_VAD UINT64_C(0xffffffff00000000)
#define IN_VAD_NARROW UINT64_C(0xfffff000)

unsigned int mk_pte_bytes(const MkWin *win)
{
	return win->mode == MK_MODE_X86 ? 4 : 8;
}

uint64_t mk_pte_swizzle(const MkWin *win, struct mk_random *random,
			uint64_t raw)
{
	const uint64_t mask = win->kernel.invalid_pte_mask;

	if (mask == 0)
		return raw;
	if ((raw & mask) || mk_random_below(random, 4) == 0)
		return raw | mk_bits(win, "_MMPTE_SOFTWARE.SwizzleBit", 1);
	return raw | mask;
}

uint64_t mk_pte_transition(const MkWin *win, uint64_t pa,
			   unsigned int protection)
{
	return pa | MK_PTE_TRANSITION |
	       mk_bits(win, "_MMPTE_TRANSITION.Protection", protection);
}

uint64_t mk_pte_demandzero(const MkWin *win, unsigned int protection)
{
	return mk_bits(win, "_MMPTE_SOFTWARE.Protection", protection);
}

uint64_t mk_pte_pagefile(const MkWin *win, unsigned int number, uint64_t place,
			 unsigned int protection)
{
	return mk_bits(win, "_MMPTE_SOFTWARE.PageFileHigh", place) |
	       mk_bits(win, "_MMPTE_SOFTWARE.PageFileLow", number) |
	       mk_bits(win, "_MMPTE_SOFTWARE.PageFileAllocated", 1) |
	       mk_bits(win, "_MMPTE_SOFTWARE.Protection", protection);
}

/*
 * The address of a prototype PTE in an entry of two-level tables: on XP and
 * 2003 its distance from the start of paged pool, bits 8:2 and 29:9; later
 * bits 9:2 and 30:10 of the address.
 */
static uint64_t proto_narrow(const MkWin *win, uint64_t proto)
{
	uint64_t offset = proto - win->paged.base;

	if (win->build < MK_BUILD_VISTA)
		return (offset >> 9) << 11 | ((offset >> 2) & 0x7f) << 1;
	return ((proto & 0x7ffffc00) << 1) | (proto & 0x3fc) >> 1;
}

uint64_t mk_pte_proto(const MkWin *win, uint64_t proto, unsigned int protection)
{
	const uint64_t bits =
		MK_PTE_PROTO |
		mk_bits(win, "_MMPTE_PROTOTYPE.Protection", protection);

	switch (win->mode) {
	case MK_MODE_X86:
		return proto_narrow(win, proto) | bits;
	case MK_MODE_PAE:
		return proto << 32 | bits;
	case MK_MODE_AMD64:
	case MK_MODE_LA57:
	case MK_MODE_ARM64:
		break;
	}
	return proto << 16 | bits;
}

uint64_t mk_pte_in_vad(const MkWin *win, unsigned int protection)
{
	const uint64_t narrow =
		mk_bits(win, "_MMPTE_SOFTWARE.Protection", protection);

	if (win->mode == MK_MODE_X86)
		return IN_VAD_NARROW | MK_PTE_PROTO | narrow;
	return IN_VAD | MK_PTE_PROTO |
	       mk_bits(win, "_MMPTE_PROTOTYPE.Protection", protection);
}

/* Distance from MmSubsectionBase: bits 6:3 and 26:7 on XP and 2003 (with the
 * bit that says so), later bits 11:3 and 32:12. */
static uint64_t subsection_narrow(const MkWin *win, uint64_t subsection)
{
	const uint64_t offset = subsection - win->nonpaged.base;

	if (win->build < MK_BUILD_VISTA)
		return UINT64_C(1) << 31 | (offset >> 7) << 11 |
		       ((offset >> 3) & 0xf) << 1;
	return (offset >> 12) << 11 | ((offset >> 3) & 0x1ff) << 1;
}

uint64_t mk_pte_subsection(const MkWin *win, uint64_t subsection)
{
	const uint64_t bits =
		MK_PTE_PROTO |
		mk_bits(win, "_MMPTE_SUBSECTION.Protection", MK_PROT_R);

	switch (win->mode) {
	case MK_MODE_X86:
		return (subsection_narrow(win, subsection) & ~MK_PTE_PROTO) |
		       bits;
	case MK_MODE_PAE:
		return subsection << 32 | bits;
	case MK_MODE_AMD64:
	case MK_MODE_LA57:
	case MK_MODE_ARM64:
		break;
	}
	return subsection << 16 | bits;
}

/* The distance from the end of nonpaged pool, on XP and 2003. */
static uint64_t subsection_from_end(const MkWin *win, uint64_t subsection)
{
	const uint64_t offset =
		win->nonpaged.base + MK_NONPAGED_LEN - subsection;

	return (offset >> 7) << 11 | ((offset >> 3) & 0xf) << 1 | MK_PTE_PROTO |
	       mk_bits(win, "_MMPTE_SUBSECTION.Protection", MK_PROT_R);
}

uint64_t mk_pte_subsection_other(const MkWin *win, uint64_t subsection)
{
	if (win->mode == MK_MODE_X86 && win->build < MK_BUILD_VISTA)
		return subsection_from_end(win, subsection);
	return mk_pte_subsection(win, subsection) |
	       mk_bits(win, "_MMPTE_SUBSECTION.ColdPage", 1);
}
