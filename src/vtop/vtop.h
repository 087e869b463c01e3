/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Virtual to physical: one walker over page tables of any form.
 *
 * A translation is what the processor's MMU would make of an entry; entries
 * that are not present go to a hook, by which an operating system can say
 * what it left there.
 */
#ifndef VTOP_VTOP_H
#define VTOP_VTOP_H

#include "pmem/physmem.h"
#include "vtop/forms.h"

/* What an entry is. Only the first two have bytes in the image. */
enum page_state {
	PAGE_VALID,	 /* present: hardware would translate it */
	PAGE_TRANSITION, /* not present, but the frame still has the page */
	PAGE_ABSENT,	 /* no entry: the address space has nothing there */
	PAGE_DEMAND_ZERO, /* zeros once touched */
	PAGE_PROTOTYPE,	 /* described elsewhere (prototype PTE) */
	PAGE_PAGEFILE,	 /* in a page file */
	PAGE_UNKNOWN,	 /* not present in a form that is not understood */
	PAGE_RESERVED,	 /* present with reserved bits set: would fault */
	PAGE_OUTSIDE,	 /* present, but the frame is not in the image */
	PAGE_DAMAGED,	 /* the table with the entry cannot be read */
	PAGE_STATES
};

static inline bool page_state_has_data(enum page_state state)
{
	return state <= PAGE_TRANSITION;
}

/* Does the address space have a page there that the image cannot supply? */
static inline bool page_state_is_lost(enum page_state state)
{
	return state >= PAGE_PROTOTYPE;
}

/* Effective rights: the AND over all levels. */
enum page_rights {
	RIGHT_READ = 1,
	RIGHT_WRITE = 2,
	RIGHT_EXEC = 4,
	RIGHT_USER = 8,
	RIGHT_COW = 16, /* copy on write: of the leaf, an OS's own bit */
	RIGHT_SHARED = 32, /* others have the page too: see map.h */
	RIGHTS_ALL = RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC | RIGHT_USER,
	RIGHTS_MAX = 63, /* all bits */
};

/* What an entry that is not present means. */
struct soft_pte {
	enum page_state state;
	PhysAddr pa;	/* PAGE_TRANSITION: frame (or table) */
	unsigned rights; /* PAGE_TRANSITION: of the page */
};

/* How an operating system reads entries. */
struct soft_pte_ops {
	/* entry: not present and not 0. level_up: 0 for the last level (PTE),
	 * 1 for the one above, ... */
	struct soft_pte (*decode)(const void *ctx, uint64_t entry,
				  unsigned level_up);
	/* Rights that software bits of a present leaf add or mark, within
	 * what the levels above allow; may be NULL. */
	unsigned (*leaf_rights)(const void *ctx, uint64_t entry,
				unsigned rights, unsigned allowed);
	/* NX in top-level entries of the lower half says nothing about pages:
	 * with KVA shadow, Windows sets it in the tables that the kernel runs
	 * on, while the process runs on others that lack it. */
	bool ignore_top_nx;
};

/*
 * Work that may still be done, for searches through memory that can have been
 * made to keep them busy: each translation, each table and each leaf of a walk
 * is one step. When none is left, nothing translates any more and walks end.
 * Not thread safe.
 */
struct vtop_meter {
	uint64_t left;
};

/* An address space; plain data, what it points to is borrowed. */
struct addr_space {
	const PhysMem *pm;
	const struct paging_form *form;
	PhysAddr root; /* as loaded: flag bits are masked by the walker */
	const struct soft_pte_ops *soft; /* or NULL */
	const void *soft_ctx;
	struct vtop_meter *meter; /* or NULL: no limit */
};

/* Takes a step; false where none is left. */
static inline bool addr_space_step(const struct addr_space *as)
{
	if (!as->meter)
		return true;
	if (!as->meter->left)
		return false;
	as->meter->left--;
	return true;
}

/* A page, or a range for which one entry speaks. */
struct vtop_leaf {
	VirtAddr va;	/* canonical, of the first byte */
	uint64_t len;	/* bytes: 4 KiB, 2 MiB, 4 MiB, 1 GiB, or the span of
			 * an entry that leads nowhere */
	PhysAddr pa;	/* PAGE_VALID, _TRANSITION, _OUTSIDE */
	uint64_t entry;	/* raw */
	PhysAddr entry_pa;
	unsigned rights;
	unsigned level;	/* of the entry, 0 = top */
	enum page_state state;
};

/* The top-level table's address without flag bits. */
PhysAddr addr_space_dtb(const struct addr_space *as);

/* One address: the leaf that decides about va. A non-canonical va is
 * PAGE_ABSENT, as is all where the meter has run out. */
struct vtop_leaf vtop_translate(const struct addr_space *as, VirtAddr va);

/* len_bytes at va; false where any byte is not in the image. */
bool vtop_read(const struct addr_space *as, VirtAddr va, void *buf,
	       size_t len_bytes) G_GNUC_WARN_UNUSED_RESULT;

/* How much a walk may do; what a healthy address space of an image of this
 * size never reaches. */
struct vtop_budget {
	uint64_t tables; /* table pages to read */
	uint64_t leaves; /* leaves to report */
};
struct vtop_budget vtop_budget_for(const PhysMem *pm);

/* Called for each leaf but PAGE_ABSENT, in ascending order of address; false
 * stops the walk. A frame of which only a part is in the image is reported as
 * PAGE_VALID; whoever wants the parts asks physmem. */
typedef bool (*vtop_leaf_fn)(void *ctx, const struct vtop_leaf *leaf);

struct vtop_stats {
	uint64_t tables[PAGING_LEVELS_MAX]; /* table pages read per level */
	bool exhausted;	/* the budget or the meter ended the walk */
	bool io_error;	/* the image could not be read where it should be */
};

/*
 * Walks [start, end] (both inclusive, addresses without sign extension, so
 * the kernel half of 4-level paging is 0x800000000000 to 0xffffffffffff).
 * Empty subtrees cost nothing, each table is read once.
 */
struct vtop_stats vtop_walk(const struct addr_space *as, uint64_t start,
			    uint64_t last, struct vtop_budget budget,
			    vtop_leaf_fn fn, void *ctx);

#endif
