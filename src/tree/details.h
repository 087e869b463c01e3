/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of a space beyond its pages: its VADs, threads, modules,
 * handles; what files of pieces are made of. Read when first asked for, then
 * immutable, shared by reference, and dropped again when too much is held.
 */
#ifndef TREE_DETAILS_H
#define TREE_DETAILS_H

#include "tree/render.h"

enum space_detail {
	DETAIL_VADS,
	DETAIL_THREADS,
	DETAIL_MODULES,
	DETAIL_HANDLES,
	SPACE_DETAILS
};

/* A kind of thing that the cache keeps. */
struct detail_class {
	/* Bounded; never fails (what cannot be read is an empty list). Called
	 * without a lock, perhaps twice at the same time. */
	gpointer (*load)(const struct render_facts *facts, const Space *space,
			 unsigned kind, uint64_t arg);
	void (*free)(gpointer data);
	size_t (*footprint)(gconstpointer data); /* heap bytes */
};

typedef struct Detail Detail;

DetailCache *detail_cache_new(size_t max_bytes);
/* Those who have details go on. */
void detail_cache_free(DetailCache *cache);
/* Drops all, and keeps no more. */
void detail_cache_trim(DetailCache *cache);

/* A detail of a space. (transfer full) */
Detail *detail_get(const struct render_facts *facts, const Space *space,
		   enum space_detail kind);
/* Would that take no time? */
bool detail_is_there(const struct render_facts *facts, const Space *space,
		     enum space_detail kind);
/* Is that detail there, are the VADs and the view of the space, and are they
 * small: can something be made of them while others wait? Not where bytes
 * must be decompressed first. */
bool detail_is_quick(const struct render_facts *facts, const Space *space,
		     enum space_detail kind);
/* Anything else; its kind is not below SPACE_DETAILS. (transfer full) */
Detail *detail_get_other(const struct render_facts *facts, const Space *space,
			 unsigned kind, uint64_t arg,
			 const struct detail_class *cls);
/* What load() gave. */
gconstpointer detail_data(const Detail *detail);
/* Its bytes; of NULL, 0. */
size_t detail_footprint(const Detail *detail);
void detail_unref(Detail *detail);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Detail, detail_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DetailCache, detail_cache_free)

#endif
