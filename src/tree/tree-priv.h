/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that implement tree.h. */
#ifndef TREE_TREE_PRIV_H
#define TREE_TREE_PRIV_H

#include "tree/globals.h"
#include "tree/items.h"
#include "tree/render.h"
#include "tree/rows.h"
#include "tree/tree.h"

/* Views of address spaces that are kept, in bytes. */
#define VIEW_CACHE_BYTES ((size_t)512 << 20)
/* What else is kept of them, in bytes. */
#define DETAIL_CACHE_BYTES ((size_t)256 << 20)
/* dtb/HEX/ folders that may come to be by being looked up. */
#define DTB_SPACES_MAX 65536u

struct Tree {
	struct render_facts facts;
	struct tree_options options;
	GBytes *global_texts[NODE_PMEM]; /* by node kind; NULL: no text */
	GPtrArray *proc_spaces;	 /* Space of each process, same positions */
	GPtrArray *links;	 /* names below by-name/, same positions */
	GHashTable *link_index;	 /* name -> position + 1 */
	Space *kernel_space;	 /* or NULL */
	ViewCache *cache;
	int64_t sec;		 /* capture time */
	uint32_t nsec;

	GMutex dtb_lock;	 /* guards the next one */
	GHashTable *dtb_spaces;	 /* uint64_t -> Space, owned */
	GArray *known_dtbs;	 /* uint64_t, ascending: what dtb/ lists */

	/* Sizes of globals.h's texts, + 1 once they are known. */
	_Atomic uint64_t global_sizes[GLOBAL_FILES_MAX];

	GMutex text_lock;	 /* guards live_texts */
	GHashTable *live_texts;	 /* struct live_text by its node */
};

/* The lines of `maps` or `memmap`; made when first asked for, then kept. */
const RowText *tree_space_rows(Tree *tree, Space *space, enum space_text kind);
/* Is it one of those? */
bool tree_text_is_rows(enum space_text kind);
/* Does the text tell of the space's pages? */
bool tree_text_wants_view(enum space_text kind);
/* Is it made of lists that can be long whatever the space is? */
bool tree_text_wants_lists(enum space_text kind);
/* The text of any other file of a space. */
GBytes *tree_render_space_text(Tree *tree, Space *space,
			       enum space_text kind);
/* Is it a text that is named by an address (NODE_PTOV, NODE_VTOP)? Those are
 * rendered whenever their size is asked for and when they are opened; nothing
 * is remembered of them. */
bool tree_is_named_text(const struct tree_node *node);
/* Their names, as NODE_PTOVS and NODE_VTOPS have them: 0 or -ENOENT. */
int tree_find_named(Tree *tree, const struct tree_node *dir, const char *name,
		    struct tree_node *ret);
uint64_t tree_named_text_size(Tree *tree, const struct tree_node *node);
/* The text of a NODE_TEXT that is not of rows, of an item, of globals.h, or of
 * one named by an address. */
GBytes *tree_render_node_text(Tree *tree, const struct tree_node *node);
/* What image/ptov/ answers from; the tree's spaces must be there. */
Ptov *tree_ptov_new(Tree *tree);
/* One to 16 hex digits and nothing else, with 0x or without. */
bool tree_parse_address(const char *name, uint64_t *ret);

/* enum space_links: which links the folder of a space has; remembered. */
unsigned tree_space_links(Tree *tree, Space *space);
/* Exact size of a text of globals.h; remembered. */
uint64_t tree_global_size(Tree *tree, size_t index);
/* Exact size of a text of items.h. */
uint64_t tree_item_text_size(Tree *tree, const struct tree_node *node);
/* Exact size of any text of a space; remembered. */
uint64_t tree_space_text_size(Tree *tree, Space *space, enum space_text kind);
/* Bytes of data in the space; remembered. */
uint64_t tree_space_data_bytes(Tree *tree, Space *space);
/* Bytes of its pagemap that are no holes; remembered. */
uint64_t tree_space_pagemap_bytes(Tree *tree, Space *space);

/* The folder dtb/HEX/ of a DTB, made when first asked for; NULL where there
 * can be no table, or too many have been made. */
Space *tree_dtb_space(Tree *tree, uint64_t dtb);

/* File names of regions: "<start>-<end>.<perms>". (transfer full) */
char *tree_region_name(const Space *space, const struct region *region);
/* The region of that name, or false. */
bool tree_region_parse(Tree *tree, Space *space, const char *name,
		       struct region *ret);

/* Name of a text file of a space, and whether this one has it. */
const char *tree_text_name(enum space_text kind);
bool tree_space_has_text(const Space *space, enum space_text kind);

#endif
