/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stat: sizes, times, modes, inode numbers. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "tree/pagemap.h"
#include "tree/tree-priv.h"

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t hash_u64(uint64_t hash, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++) {
		hash ^= v >> (8 * i) & 0xff;
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}

uint64_t tree_ino(const struct tree_node *node)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	const Space *space = node->space;

	if (node->kind == NODE_ROOT)
		return 1;
	hash = hash_u64(hash, node->kind);
	hash = hash_u64(hash, node->arg);
	if (node->kind == NODE_ITEM)
		hash = hash_u64(hash, node->item);
	if (space) {
		hash = hash_u64(hash, space->kind);
		hash = hash_u64(hash, space->kind == SPACE_PROCESS ?
					      space->proc->p.eprocess.v :
					      space->dtb_raw);
	}
	/* 0 and 1 are taken; the top bit stays free for programs that keep
	 * inode numbers in signed integers. */
	return (hash & INT64_MAX) | 2;
}

/* Its own two, vtop/, regions/, and the folders among the items. */
static nlink_t space_links(Tree *tree, const Space *space)
{
	nlink_t n = 4;

	for (unsigned i = 0; i < SPACE_ITEMS; i++)
		n += item_ops(i)->type == ITEM_IS_FOLDER &&
		     item_is_in(&tree->facts, space, i);
	return n;
}

/* Those of a folder among the items: where there can be folders in it, they
 * are counted. */
static nlink_t item_links(Tree *tree, const struct tree_node *dir)
{
	const struct item_ops *ops = item_ops(dir->item);
	struct item_entry entry;
	bool has = false;
	nlink_t n = 2;

	for (unsigned i = 0; i < SPACE_ITEMS; i++)
		has |= item_ops(i)->type == ITEM_IS_FOLDER &&
		       !item_ops(i)->where && item_ops(i)->parent == dir->item;
	for (uint64_t i = 0; has && ops->at &&
			     ops->at(&tree->facts, dir->space, dir->arg, i,
				     &entry);
	     i++) {
		n += item_ops(entry.item)->type == ITEM_IS_FOLDER;
		g_free(entry.name);
	}
	return n;
}

static nlink_t count_links(Tree *tree, const struct tree_node *dir)
{
	switch (dir->kind) {
	case NODE_ROOT:
		return 2u + 5u + (tree->kernel_space != NULL);
	case NODE_PROC:
		return 2u + tree->proc_spaces->len;
	case NODE_DTBS:
		return 2u + tree->known_dtbs->len;
	case NODE_SPACE:
		return space_links(tree, dir->space);
	case NODE_ITEM:
		return item_links(tree, dir);
	case NODE_IMAGE:
		return 3;
	default:
		return 2;
	}
}

static uint64_t region_len(Tree *tree, const struct tree_node *node)
{
	g_autoptr(SpaceView) view = space_view(node->space, tree->cache);
	size_t i = space_view_find_region(view, node->arg);

	return i == SIZE_MAX ?
		       0 :
		       g_array_index(view->regions, struct region, i).len;
}

static uint64_t item_size(Tree *tree, const struct tree_node *node,
			  uint64_t *data)
{
	g_autoptr(Detail) detail = NULL;
	const Compose *c;
	uint64_t size;

	if (item_ops(node->item)->type == ITEM_IS_FOLDER)
		return *data = 0;
	if (item_ops(node->item)->type == ITEM_IS_TEXT) {
		size = tree_item_text_size(tree, node);
		*data = size;
		return size;
	}
	detail = item_compose(&tree->facts, node->space, node->item,
			      node->arg);
	c = detail_data(detail);
	*data = c ? compose_data_bytes(c) : 0;
	return c ? compose_size(c) : 0;
}

static void set_size(Tree *tree, const struct tree_node *node, struct stat *st)
{
	uint64_t size = 0, data;

	if (node->kind == NODE_VMEM) {
		size = node->space->vmem_size;
		data = tree_space_data_bytes(tree, node->space);
	} else if (node->kind == NODE_PAGEMAP) {
		size = pagemap_size(node->space->vmem_size);
		data = tree_space_pagemap_bytes(tree, node->space);
	} else if (node->kind == NODE_PMEM) {
		size = physmem_end(tree->facts.pm);
		data = physmem_bytes(tree->facts.pm);
	} else if (node->kind == NODE_REGION) {
		data = size = region_len(tree, node);
	} else if (node->kind == NODE_TEXT) {
		data = size = tree_space_text_size(
			tree, node->space, (enum space_text)node->arg);
	} else if (tree_is_named_text(node)) {
		data = size = tree_named_text_size(tree, node);
	} else if (node->kind == NODE_GLOBAL && !tree_is_link(node)) {
		data = size = tree_global_size(tree, (size_t)node->arg);
	} else if (node->kind < NODE_PMEM && tree->global_texts[node->kind]) {
		data = size = g_bytes_get_size(tree->global_texts[node->kind]);
	} else if (tree_is_link(node)) {
		g_autofree char *target = tree_readlink(tree, node);

		/* None: the image could be read no longer. */
		size = target ? strlen(target) : 0;
		data = 0;
	} else if (node->kind == NODE_ITEM) {
		size = item_size(tree, node, &data);
	} else {
		data = 0;
	}
	st->st_size = (off_t)size;
	st->st_blocks = (blkcnt_t)((data + 511) / 512);
}

static void set_times(const Tree *tree, const struct tree_node *node,
		      struct stat *st)
{
	const Space *space = node->space;

	st->st_mtim.tv_sec = space ? space->sec : tree->sec;
	st->st_mtim.tv_nsec = space ? space->nsec : tree->nsec;
	st->st_atim = st->st_ctim = st->st_mtim;
}

static bool is_sized(const Space *space, enum space_text kind)
{
	return tree_text_is_rows(kind) ?
		       atomic_load(&space->rows[kind]) != NULL :
		       atomic_load(&space->text_size[kind]) != 0;
}

bool tree_is_ready(const Tree *tree, const struct tree_node *node)
{
	const Space *space = node->space;
	enum space_text kind = (enum space_text)node->arg;

	if (node->kind == NODE_PTOV)
		return physmem_has_page(tree->facts.pm, PHYS(node->arg)) &&
		       ptov_is_ready(tree->facts.ptov);
	if (node->kind == NODE_VTOP)
		return false;
	if (node->kind == NODE_GLOBAL)
		return tree_is_link(node) ||
		       atomic_load(&tree->global_sizes[node->arg]) != 0;
	if (node->kind == NODE_ITEM)
		return item_is_ready(&tree->facts, space, node->item);
	if (!space || node->kind == NODE_VTOPS ||
	    node->kind == NODE_LINK_NAME ||
	    node->kind == NODE_LINK_EPROCESS)
		return true;
	if (node->kind == NODE_SPACE)
		return space->kind != SPACE_PROCESS ||
		       atomic_load(&space->links) != 0;
	if (tree_is_link(node))
		return false;
	if (node->kind == NODE_TEXT && !is_sized(space, kind))
		return !tree_text_wants_lists(kind) &&
		       detail_is_quick(&tree->facts, space, DETAIL_VADS);
	if (node->kind == NODE_TEXT && !tree_text_wants_view(kind))
		return true;
	return space_has_view(space, tree->cache);
}

bool tree_item_is_dear(const struct tree_node *node)
{
	const struct item_ops *ops = item_ops(node->item);

	return ops->type == ITEM_IS_BLOB ||
	       (ops->where && !ops->needs && ops->type != ITEM_IS_FOLDER);
}

void tree_stat(Tree *tree, const struct tree_node *node, struct stat *ret)
{
	mode_t allowed = 0777 & ~tree->options.umask;
	struct stat st = { 0 };

	st.st_ino = tree_ino(node);
	st.st_uid = tree->options.uid;
	st.st_gid = tree->options.gid;
	st.st_blksize = 4096;
	st.st_nlink = 1;
	if (tree_is_link(node)) {
		st.st_mode = S_IFLNK | 0777;
	} else if (tree_is_dir(node)) {
		st.st_mode = S_IFDIR | (0555 & allowed);
		st.st_nlink = count_links(tree, node);
	} else {
		st.st_mode = S_IFREG | (0444 & allowed);
	}
	set_size(tree, node, &st);
	set_times(tree, node, &st);
	*ret = st;
}
