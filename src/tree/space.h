/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An address space that the tree shows: of a process, of the kernel, under
 * any DTB. What a walk finds is its view, made when first needed, shared by
 * all files of the space, and dropped again when too much is held.
 */
#ifndef TREE_SPACE_H
#define TREE_SPACE_H

#include <stdatomic.h>

#include "nt/procspace.h"
#include "procs/procset.h"
#include "vtop/map.h"

enum space_kind {
	SPACE_PROCESS,
	SPACE_KERNEL,
	SPACE_DTB,
};

/* A virtually contiguous range of equal rights. */
struct region {
	uint64_t start;	/* offset: not sign-extended */
	uint64_t len;
	unsigned rights;
};

/* Immutable, reference-counted. */
typedef struct SpaceView SpaceView;
struct SpaceView {
	gatomicrefcount refs;
	AddrMap *map;
	GArray *regions; /* struct region, ascending */
};

/* Text files of a space whose size is found by rendering. The first ones are
 * those of rows.h. */
enum space_text {
	SPACE_TEXT_MAPS,
	SPACE_TEXT_MEMMAP,
	SPACE_TEXT_DUMP_IDX,
	SPACE_TEXT_MAPS_JSON,
	SPACE_TEXTS_OF_ROWS,
	SPACE_TEXT_PAGING = SPACE_TEXTS_OF_ROWS,
	SPACE_TEXT_STAT,
	SPACE_TEXT_STATM,
	SPACE_TEXT_STATUS,
	SPACE_TEXT_METHODS,
	SPACE_TEXT_DTB,
	SPACE_TEXT_CMDLINE,
	SPACE_TEXT_COMM,
	SPACE_TEXT_ENVIRON,
	SPACE_TEXT_UNLOADED,
	SPACE_TEXT_VADS,
	SPACE_TEXT_SMAPS,
	SPACE_TEXT_HANDLES,
	SPACE_TEXT_STATUS_JSON,
	SPACE_TEXT_MAP_SVG,
	SPACE_TEXTS
};

/* Which links a process's folder has. */
enum space_links {
	LINKS_EXE = 1,
	LINKS_CWD = 2,
	LINKS_KNOWN = 4,
};

typedef struct Space Space;
struct Space {
	enum space_kind kind;
	struct addr_space as;
	bool empty;		/* there is no address space (DTB 0) */
	bool whole;		/* shows more than the user half */
	uint64_t start, last;	/* what is walked, offsets, inclusive */
	uint64_t vmem_size;
	const struct proc_entry *proc; /* SPACE_PROCESS; borrowed */
	const struct nt_profile *profile; /* the same */
	uint64_t dtb_raw;
	int64_t sec;		/* times of its files */
	uint32_t nsec;

	/* Filled when first asked for: value + 1, 0 unknown. */
	_Atomic uint64_t text_size[SPACE_TEXTS];
	_Atomic uint64_t data_bytes;
	_Atomic uint64_t pagemap_bytes; /* that its file has, without holes */
	_Atomic unsigned links; /* enum space_links, LINKS_KNOWN once found */
	struct RowText *_Atomic rows[SPACE_TEXTS_OF_ROWS]; /* owned, or
						    * NULL */

	GMutex build_lock;	/* one builder at a time */
	SpaceView *view;	/* guarded by the cache's lock; or NULL */
	GList lru;		/* guarded by the cache's lock */
	size_t footprint;	/* of view */
};

/* Holds the views that are kept, up to a number of bytes. */
typedef struct ViewCache ViewCache;
ViewCache *view_cache_new(size_t max_bytes);
void view_cache_free(ViewCache *cache);
/* Drops all views, and keeps no more than the one that was made last. */
void view_cache_trim(ViewCache *cache);

/* Where user addresses end on this machine (MmHighestUserAddress + 1), where
 * that is not where they usually do: 32-bit ones with /3GB. Before the first
 * use of the space. */
void space_set_user_end(Space *space, uint64_t user_end);

/* whole: all of the address space; else the user half of a process. For
 * SPACE_KERNEL the kernel half. */
Space *space_new(enum space_kind kind, const struct addr_space *as,
		 bool whole);
void space_free(Space *space, ViewCache *cache);

/* The space with all that is known of what is in it: for a walk of its own.
 * (transfer full) */
NtProcSpace *space_full(const Space *space);

/* Is the view there, so that space_view() takes no time? */
bool space_has_view(const Space *space, ViewCache *cache);
/* Is it kept, and of so few pages, ranges and tables that a text of all of
 * them takes no longer than a long read does? */
bool space_has_small_view(const Space *space, ViewCache *cache);
/* The view of the space, walked if need be. (transfer full) */
SpaceView *space_view(Space *space, ViewCache *cache);
SpaceView *space_view_ref(SpaceView *view);
void space_view_unref(SpaceView *view);
/* Its bytes. */
size_t space_view_footprint(const SpaceView *view);

/* Position of the region that starts there, SIZE_MAX: none. */
size_t space_view_find_region(const SpaceView *view, uint64_t start);

/* Address as a user knows it, of an offset. */
uint64_t space_address(const Space *space, uint64_t offset);
/* "rw-p"; ret has room for 5. */
void space_perms(unsigned rights, char ret[5]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SpaceView, space_view_unref)

#endif
