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
#include "vtop/direct.h"
#include "vtop/forms.h"

/* What an address has. */
enum page_state {
	/* Its bytes are in physical memory: */
	PAGE_VALID,	 /* present: hardware would translate it */
	PAGE_TRANSITION, /* not present, but the frame still has the page */
	PAGE_PROTOTYPE,	 /* the same, by an entry kept elsewhere */
	/* or they come from elsewhere: */
	PAGE_PAGEFILE,	 /* from a page file that is at hand */
	PAGE_STORE,	 /* from the compressed store */
	PAGE_DIRECT,	 /* from a file that has virtual memory as such
			  * (direct.h); not in pages */
	/* There are none: */
	PAGE_ABSENT,	 /* no entry: the address space has nothing there */
	PAGE_DEMAND_ZERO, /* zeros once touched */
	PAGE_DECOMMITTED, /* given back */
	/* There are, but not here: */
	PAGE_FILE,	 /* in a mapped file on a disk */
	PAGE_PAGED_OUT,	 /* in a page file that is not at hand, or short */
	PAGE_COMPRESSED, /* in the compressed store, where it is not legible */
	PAGE_PROTOTYPE_LOST, /* the entry kept elsewhere cannot be read */
	PAGE_UNKNOWN,	 /* not present in a form that is not understood */
	PAGE_RESERVED,	 /* present with reserved bits set: would fault */
	PAGE_OUTSIDE,	 /* the frame is not in the image */
	PAGE_DAMAGED,	 /* the table with the entry cannot be read */
	PAGE_STATES
};

static inline bool page_state_has_data(enum page_state state)
{
	return state <= PAGE_DIRECT;
}

/* Is pa of a leaf a physical address? */
static inline bool page_state_in_memory(enum page_state state)
{
	return state <= PAGE_PROTOTYPE;
}

/* Does the address space have a page there that cannot be supplied? */
static inline bool page_state_is_lost(enum page_state state)
{
	return state >= PAGE_FILE;
}

/*
 * Where a page lies that is not in physical memory but has a place in a page
 * file or the store (PAGE_PAGEFILE, _STORE, _PAGED_OUT, _COMPRESSED): number
 * of the page file (4 bits) and page in it (32 bits), in the form of an
 * address. Leaves and runs have it in pa. (page_state_has_place(): pa says
 * anything.) Of PAGE_DIRECT it is the offset in the file.
 */
static inline PhysAddr swap_place(unsigned number, uint32_t page)
{
	return PHYS((uint64_t)(number & 15) << 44 | (uint64_t)page << 12);
}

static inline bool page_state_has_place(enum page_state state)
{
	return state <= PAGE_DIRECT || state == PAGE_PAGED_OUT ||
	       state == PAGE_COMPRESSED;
}

static inline unsigned swap_place_number(uint64_t place)
{
	return (unsigned)(place >> 44) & 15;
}

/* Bytes from the start of the page file. */
static inline uint64_t swap_place_offset(uint64_t place)
{
	return place & ((UINT64_C(1) << 44) - 1);
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
	PhysAddr pa;	/* frame (or table), or swap_place() */
	unsigned rights; /* of the page; of no use for tables */
	unsigned cost;	/* what finding it out took beyond looking at the
			 * entry, in leaves of a walk's budget */
};

/* An entry that is not present, and not 0. */
struct soft_query {
	uint64_t va;	/* not sign-extended; of a byte that it speaks for */
	uint64_t entry;
	unsigned level_up; /* 0 for the last level (PTE), 1 above, ... */
};

struct addr_space;

/* How an operating system reads entries. */
struct soft_pte_ops {
	/* Of a level above the last: a state with data is that of the table
	 * that the entry points to. */
	struct soft_pte (*decode)(const struct addr_space *as,
				  const struct soft_query *query);
	/* What there is at va (not sign-extended) where the tables have
	 * PAGE_ABSENT, by other knowledge; returns for how many bytes (> 0)
	 * that holds, as far as last: pages with data follow each other in
	 * ret->pa. May be NULL. */
	uint64_t (*vacant)(const struct addr_space *as, uint64_t va,
			   uint64_t last, struct soft_pte *ret);
	/* Bytes that are not in physical memory; from a place on, which need
	 * not be the start of a page. NULL: there are none. */
	bool (*read)(const struct addr_space *as, enum page_state state,
		     uint64_t place, void *buf, size_t len_bytes);
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
	/* Or NULL. There are no tables: the list is all there is, in one leaf
	 * for each of its ranges; of the form, only the width of addresses
	 * counts, and root is what the machine had in its register. */
	const DirectMap *direct;
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
			 * an entry that leads nowhere; PAGE_DIRECT: any */
	PhysAddr pa;	/* of pages in memory, PAGE_OUTSIDE; swap_place();
			 * PAGE_DIRECT: offset in the file */
	uint64_t entry;	/* raw; 0 where none speaks for the page */
	PhysAddr entry_pa; /* of the entry, by where its table is: */
	enum page_state table_state; /* PAGE_VALID and its like, or else from
				      * where the table was read */
	unsigned rights;
	unsigned level;	/* of the entry, 0 = top */
	enum page_state state;
};

/* The top-level table's address without flag bits. */
PhysAddr addr_space_dtb(const struct addr_space *as);

/* Index, from first on, of the entry of the top-level table that points at the
 * table itself; how many entries there are, where there is none. */
unsigned vtop_self_map(const struct addr_space *as, unsigned first);

/* One address: the leaf that decides about va. A non-canonical va is
 * PAGE_ABSENT, as is all where the meter has run out. */
struct vtop_leaf vtop_translate(const struct addr_space *as, VirtAddr va);

/* One level of a translation. */
struct vtop_step {
	unsigned level;	   /* 0 = top */
	PhysAddr entry_pa; /* where the entry lies, by what its table is: */
	enum page_state table_state; /* as in struct vtop_leaf */
	uint64_t entry;	   /* raw */
	bool present;
	bool read;	   /* false: the entry could not be read, and the
			    * members about it are 0 */
	unsigned rights;   /* what this level and those above allow */
};

/* As vtop_translate(), with what was found on the way: how many levels it got
 * to. The last is that of the leaf, or what the leaf was found by when it has
 * no entry. 0 for a non-canonical va. */
unsigned vtop_trace(const struct addr_space *as, VirtAddr va,
		    struct vtop_step steps[PAGING_LEVELS_MAX],
		    struct vtop_leaf *leaf);

/* len_bytes at va; false where any byte cannot be supplied. */
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
	uint64_t stopped_at; /* then: what is from there on was not seen; not
			      * sign-extended */
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
