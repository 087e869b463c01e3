/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Windows means by a PTE that is not valid: the hook of the walker.
 *
 * Order (Prototype is tested before Transition, for the Combined bit of new
 * prototype PTEs lies where Transition does): prototype, transition, page
 * file, demand zero. Prototype PTEs are followed to the one that they mean,
 * directly or by the VAD; pages that have no PTE at all are found by the VADs
 * where those are known (nt/procspace.h).
 *
 * Sources: symbol tables from XP to 11 (_MMPTE_*), Windows Research Kernel's
 * names of the forms, ufrisk/MemProcFS vmm/mm/mm_win.c, google/rekall
 * plugins/windows/pagefile.py. docs/formats.md, "Page table entries".
 */
#ifndef NT_SOFTPTE_H
#define NT_SOFTPTE_H

#include "nt/pages.h"
#include "nt/profile.h"
#include "nt/swap.h"

struct nt_soft_ctx {
	struct nt_pte_layout pte;
	uint64_t invalid_pte_mask; /* 0: none, or not known */
	bool mask_unknown; /* then: not known, and there may be one */
	/* What the shortened addresses of two-level tables are relative to:
	 * prototype PTEs of XP and 2003 (start of paged pool), subsections
	 * (MmSubsectionBase, and down from the end of nonpaged pool); 0: not
	 * known. */
	uint64_t proto_base, subsection_base, nonpaged_end;
	const struct nt_swap *swap; /* page files and store; or NULL */
	/* The same, but without what follows here: prototype PTEs are read
	 * through it. NULL: they are not followed. */
	const struct nt_soft_ctx *flat;
	/* System's tables, where a process's own do not have a prototype PTE;
	 * uses flat. Or NULL. */
	const struct addr_space *system;
	/* What was read of kernel memory a moment ago. Or NULL; with it the
	 * context is for one thread. */
	NtPages *pages;
	/* What was asked of swap a moment ago; as pages. */
	NtSwapMemo *swap_memo;
	/* Ranges of a process that prototype PTEs describe: struct
	 * nt_proto_extent (nt/proto.h), ascending. Or NULL. */
	const GArray *protos;
};

/* soft_ctx: struct nt_soft_ctx. */
extern const struct soft_pte_ops nt_soft_pte_ops;

/* Rights of a page by its 5-bit MM protection (MmProtectToValue order): low
 * three bits NOACCESS, READONLY, EXECUTE, EXECUTE_READ, READWRITE, WRITECOPY,
 * EXECUTE_READWRITE, EXECUTE_WRITECOPY; bits 3 and 4 both: write-combined,
 * else bit 4: guard (no access until it faults). */
unsigned nt_protection_rights(unsigned protection);

/* The forms of an entry that is not valid. */
enum nt_pte_form {
	NT_PTE_ZERO,
	NT_PTE_VALID,
	NT_PTE_TRANSITION,
	NT_PTE_PROTOTYPE,  /* in a prototype array: of a subsection */
	NT_PTE_IN_VAD,	   /* prototype: ask the VAD */
	NT_PTE_PAGEFILE,
	NT_PTE_FILE,	   /* Windows 11's form for pages of files */
	NT_PTE_DEMAND_ZERO,
	NT_PTE_DECOMMITTED,
};

/* What one says, as far as its form has it. */
struct nt_pte {
	enum nt_pte_form form;
	PhysAddr pa;		/* valid, transition */
	VirtAddr proto;		/* prototype: where the other one is */
	VirtAddr proto_plain;	/* the same with InvalidPteMask cleared */
	VirtAddr subsection;	/* if it is in a prototype array; 0: the base
				 * is not known */
	unsigned number;	/* page file */
	uint32_t page;
	unsigned protection;
	bool masked;		/* InvalidPteMask has been taken out */
	bool unsure;		/* it may be in the page's number */
};

struct nt_pte nt_pte_decode(const struct nt_soft_ctx *ctx,
			    const struct paging_form *form, uint64_t entry);

/* Where the prototype PTE is that an entry (NT_PTE_PROTOTYPE) names: the
 * address as it is, unless there is nothing at all and there is something with
 * the mask cleared. */
VirtAddr nt_proto_choose(const struct addr_space *as,
			 const struct nt_pte *pte);
/* Reads the prototype PTE at va, through the process's own tables or
 * System's. */
bool nt_proto_read(const struct addr_space *as, VirtAddr va, uint64_t *ret);
/* Those that follow it, too: so many bytes. */
bool nt_proto_read_many(const struct addr_space *as, VirtAddr va, void *buf,
			size_t len_bytes);
/* The page that a prototype PTE is for; 0 is PAGE_ABSENT. */
struct soft_pte nt_proto_page(const struct addr_space *as, uint64_t entry);

#endif
