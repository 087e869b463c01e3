/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nodes of one tree in another one of the same machine. */
#include "config.h"

#include "tree/tree-priv.h"

struct space_id tree_space_id(const struct tree_node *node)
{
	const Space *space = node->space;
	struct space_id id = { 0 };

	if (!space)
		return id;
	id.kind = 1u + (unsigned)space->kind;
	id.id = space->dtb_raw;
	if (space->kind == SPACE_PROCESS) {
		id.id = space->proc->p.eprocess.v;
		id.since = space->proc->p.create_time;
	}
	return id;
}

static Space *find_process(const Tree *tree, const struct space_id *id)
{
	size_t i = procset_find_eprocess(tree->facts.procs, VIRT(id->id));
	Space *space;

	if (i == SIZE_MAX)
		return NULL;
	space = tree->proc_spaces->pdata[i];
	return space->proc->p.create_time == id->since ? space : NULL;
}

static Space *find_space(Tree *tree, const struct space_id *id)
{
	switch ((enum space_kind)(id->kind - 1)) {
	case SPACE_PROCESS:
		return find_process(tree, id);
	case SPACE_KERNEL:
		return tree->kernel_space &&
				       tree->kernel_space->dtb_raw == id->id ?
			       tree->kernel_space :
			       NULL;
	case SPACE_DTB:
		return tree_dtb_space(tree, id->id);
	}
	return NULL;
}

bool tree_find_again(Tree *tree, const struct tree_node *old,
		     const struct space_id *id, struct tree_node *ret)
{
	struct tree_node node = { .kind = old->kind, .arg = old->arg,
				  .item = old->item };

	if (id->kind) {
		node.space = find_space(tree, id);
		if (!node.space)
			return false;
	}
	*ret = node;
	return true;
}

bool tree_has(Tree *tree, const struct tree_node *node)
{
	g_autoptr(SpaceView) view = NULL;

	if (node->kind == NODE_LINK_EXE)
		return tree_space_links(tree, node->space) & LINKS_EXE;
	if (node->kind == NODE_LINK_CWD)
		return tree_space_links(tree, node->space) & LINKS_CWD;
	if (node->kind == NODE_ITEM)
		return item_there(&tree->facts, node->space, node->item,
				  node->arg);
	if (node->kind == NODE_GLOBAL)
		return global_file_there(&tree->facts, (size_t)node->arg);
	if (node->kind != NODE_REGION)
		return true;
	view = space_view(node->space, tree->cache);
	return space_view_find_region(view, node->arg) != SIZE_MAX;
}

void tree_trim(Tree *tree)
{
	view_cache_trim(tree->cache);
	detail_cache_trim(tree->facts.details);
}
