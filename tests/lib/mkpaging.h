/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page tables written into made-up physical memory, in the four forms of the
 * x86 family and that of ARM64 with pages of 4 KiB. Levels are numbered from
 * the bottom: 1 is the page table, 2 the page directory, 3 the PDPT, 4 the
 * PML4, 5 the PML5.
 */
#ifndef MKPAGING_H
#define MKPAGING_H

#include "lib/mkphys.h"

enum mk_mode {
	MK_MODE_X86,
	MK_MODE_PAE,
	MK_MODE_AMD64,
	MK_MODE_LA57,
	MK_MODE_ARM64,
};

/* Bits of an entry (Intel SDM vol. 3, 4.3 to 4.5; 9 to 11 are Windows'). For
 * ARM64, P, W, U, A and NX are translated where bits are given by name, and
 * raw entries are not. */
#define MK_PTE_P UINT64_C(0x001)
#define MK_PTE_W UINT64_C(0x002)
#define MK_PTE_U UINT64_C(0x004)
#define MK_PTE_A UINT64_C(0x020)
#define MK_PTE_D UINT64_C(0x040)
#define MK_PTE_PS UINT64_C(0x080)
#define MK_PTE_G UINT64_C(0x100)
#define MK_PTE_COW UINT64_C(0x200)
#define MK_PTE_PROTO UINT64_C(0x400)
#define MK_PTE_WRITE UINT64_C(0x800)
#define MK_PTE_TRANSITION UINT64_C(0x800)
#define MK_PTE_NX (UINT64_C(1) << 63)

typedef struct MkPaging MkPaging;

/*
 * An address space with its top-level table at root, or at an allocated page
 * where root is 0. For PAE root may be any multiple of 32. (transfer full)
 * phys is borrowed and must outlive the result; the tables stay in it.
 */
MkPaging *mk_paging_new(MkPhys *phys, enum mk_mode mode, uint64_t root);
void mk_paging_free(MkPaging *paging);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MkPaging, mk_paging_free)

uint64_t mk_paging_root(const MkPaging *paging);
/* Level of the top table: 2, 3, 4 or 5. */
int mk_paging_top(enum mk_mode mode);
/* Bytes that one entry of a level maps. */
uint64_t mk_paging_span(enum mk_mode mode, int level);
/* Entries of a table of that level. */
unsigned int mk_paging_entries(enum mk_mode mode, int level);
/* va with its top bit extended, as the processor wants it. */
uint64_t mk_paging_canonical(enum mk_mode mode, uint64_t va);

/*
 * The bits that new tables get in the entry that refers to them, for
 * addresses in the lower and the upper half (default: P W U A D, and P W A D).
 */
void mk_paging_set_table_bits(MkPaging *paging, uint64_t user, uint64_t kernel);

/*
 * Maps one page of the given size (4 KiB, 2 MiB, 4 MiB, 1 GiB, as the mode
 * allows) with the given bits of the leaf; PS is added where it is wanted,
 * P is not. Tables are made as needed.
 */
void mk_paging_map(MkPaging *paging, uint64_t va, uint64_t pa, uint64_t size,
		   uint64_t bits);
/* The entry that mk_paging_map() writes. */
uint64_t mk_paging_leaf(enum mk_mode mode, uint64_t pa, uint64_t size,
			uint64_t bits);
/* Writes a raw entry of the table of that level on the way to va. */
void mk_paging_poke(MkPaging *paging, uint64_t va, int level, uint64_t raw);
/* The raw entry, 0 where the table is not there. */
uint64_t mk_paging_peek(const MkPaging *paging, uint64_t va, int level);
/* Physical address of that entry; makes the tables above it. */
uint64_t mk_paging_entry(MkPaging *paging, uint64_t va, int level);

/* Hardware translation; size (may be NULL) is that of the page. */
bool mk_paging_walk(const MkPaging *paging, uint64_t va, uint64_t *pa,
		    uint64_t *size);

#endif
