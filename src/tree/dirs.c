/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories: names to nodes, positions to nodes. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tree/tree-priv.h"

struct static_entry {
	const char *name;
	enum node_kind kind;
};

static const struct static_entry root_entries[] = {
	{ "README", NODE_README },	 { "processes", NODE_PROCESSES },
	{ "log", NODE_LOG },		 { "image", NODE_IMAGE },
	{ "dtb", NODE_DTBS },		 { "by-name", NODE_BY_NAME },
	{ "by-eprocess", NODE_BY_EPROCESS }, { "proc", NODE_PROC },
};

static const struct static_entry image_entries[] = {
	{ "info", NODE_INFO },
	{ "iomem", NODE_IOMEM },
	{ "runs", NODE_RUNS },
	{ "pmem", NODE_PMEM },
	{ "ptov", NODE_PTOVS },
};

bool tree_is_dir(const struct tree_node *node)
{
	switch (node->kind) {
	case NODE_ROOT:
	case NODE_IMAGE:
	case NODE_PROC:
	case NODE_BY_NAME:
	case NODE_BY_EPROCESS:
	case NODE_DTBS:
	case NODE_SPACE:
	case NODE_REGIONS:
	case NODE_PTOVS:
	case NODE_VTOPS:
		return true;
	case NODE_ITEM:
		return item_ops(node->item)->type == ITEM_IS_FOLDER;
	case NODE_README:
	case NODE_PROCESSES:
	case NODE_LOG:
	case NODE_INFO:
	case NODE_IOMEM:
	case NODE_RUNS:
	case NODE_PMEM:
	case NODE_LINK_NAME:
	case NODE_LINK_EPROCESS:
	case NODE_LINK_EXE:
	case NODE_LINK_CWD:
	case NODE_TEXT:
	case NODE_VMEM:
	case NODE_REGION:
	case NODE_PTOV:
	case NODE_VTOP:
	case NODE_PAGEMAP:
	case NODE_GLOBAL:
		return false;
	}
	return false;
}

/* Links lead to a process's folder, */
static bool is_inner_link(const struct tree_node *node)
{
	return node->kind == NODE_LINK_NAME || node->kind == NODE_LINK_EPROCESS;
}

/* or to a place of Windows. */
bool tree_is_link(const struct tree_node *node)
{
	if (node->kind == NODE_ITEM)
		return item_ops(node->item)->type == ITEM_IS_LINK;
	if (node->kind == NODE_GLOBAL)
		return global_file((size_t)node->arg)->target != NULL;
	return is_inner_link(node) || node->kind == NODE_LINK_EXE ||
	       node->kind == NODE_LINK_CWD;
}

static int find_static(const struct static_entry *entries, size_t n,
		       const char *name, struct tree_node *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(entries[i].name, name))
			continue;
		*ret = (struct tree_node){ .kind = entries[i].kind };
		return 0;
	}
	return -ENOENT;
}

static int space_node(Space *space, struct tree_node *ret)
{
	if (!space)
		return -ENOENT;
	*ret = (struct tree_node){ .kind = NODE_SPACE, .space = space };
	return 0;
}

static int find_global(Tree *tree, enum node_kind folder, const char *name,
		       struct tree_node *ret)
{
	const struct global_file *file;

	for (size_t i = 0; (file = global_file(i)); i++) {
		if (file->folder != folder || strcmp(file->name, name) ||
		    !global_file_there(&tree->facts, i))
			continue;
		*ret = (struct tree_node){ .kind = NODE_GLOBAL, .arg = i };
		return 0;
	}
	return -ENOENT;
}

static int find_root(Tree *tree, const char *name, struct tree_node *ret)
{
	if (!strcmp(name, "kernel"))
		return space_node(tree->kernel_space, ret);
	if (!find_static(root_entries, G_N_ELEMENTS(root_entries), name, ret))
		return 0;
	return find_global(tree, NODE_ROOT, name, ret);
}

static int find_image(Tree *tree, const char *name, struct tree_node *ret)
{
	if (!find_static(image_entries, G_N_ELEMENTS(image_entries), name,
			 ret))
		return 0;
	return find_global(tree, NODE_IMAGE, name, ret);
}

static int find_process(Tree *tree, const char *name, struct tree_node *ret)
{
	size_t i = procset_find_dir(tree->facts.procs, name);

	if (i == SIZE_MAX)
		return find_global(tree, NODE_PROC, name, ret);
	return space_node(tree->proc_spaces->pdata[i], ret);
}

static int find_dtb(Tree *tree, const char *name, struct tree_node *ret)
{
	uint64_t dtb;

	if (!tree_parse_address(name, &dtb))
		return -ENOENT;
	return space_node(tree_dtb_space(tree, dtb), ret);
}

static int find_by_name(Tree *tree, const char *name, struct tree_node *ret)
{
	gpointer i = g_hash_table_lookup(tree->link_index, name);

	if (!i)
		return -ENOENT;
	*ret = (struct tree_node){
		.kind = NODE_LINK_NAME,
		.space = tree->proc_spaces->pdata[GPOINTER_TO_UINT(i) - 1],
	};
	return 0;
}

static int find_by_eprocess(Tree *tree, const char *name,
			    struct tree_node *ret)
{
	uint64_t va;
	size_t i;

	/* As it is listed: 16 digits, lower case. */
	if (strspn(name, "0123456789abcdef") != 16 ||
	    !tree_parse_address(name, &va))
		return -ENOENT;
	i = procset_find_eprocess(tree->facts.procs, VIRT(va));
	if (i == SIZE_MAX)
		return -ENOENT;
	*ret = (struct tree_node){ .kind = NODE_LINK_EPROCESS,
				   .space = tree->proc_spaces->pdata[i] };
	return 0;
}

/* What a folder of a space has beside its texts, in the order of listing. */
static const struct {
	const char *name;
	enum node_kind kind;
	unsigned link; /* there where tree_space_links() has it; 0: always */
} space_entries[] = {
	{ "vmem", NODE_VMEM, 0 },
	{ "pagemap", NODE_PAGEMAP, 0 },
	{ "regions", NODE_REGIONS, 0 },
	{ "vtop", NODE_VTOPS, 0 },
	{ "exe", NODE_LINK_EXE, LINKS_EXE },
	{ "cwd", NODE_LINK_CWD, LINKS_CWD },
};

static bool has_entry(Tree *tree, Space *space, size_t i)
{
	unsigned link = space_entries[i].link;

	return !link || tree_space_links(tree, space) & link;
}

static struct tree_node item_node(Space *space, unsigned item, uint64_t arg)
{
	return (struct tree_node){ .kind = NODE_ITEM, .space = space,
				   .item = item, .arg = arg };
}

static int find_in_space(Tree *tree, Space *space, const char *name,
			 struct tree_node *ret)
{
	*ret = (struct tree_node){ .space = space };
	for (unsigned i = 0; i < SPACE_TEXTS; i++) {
		if (!tree_space_has_text(space, i) ||
		    strcmp(tree_text_name(i), name))
			continue;
		ret->kind = NODE_TEXT;
		ret->arg = i;
		return 0;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(space_entries); i++) {
		if (strcmp(space_entries[i].name, name) ||
		    !has_entry(tree, space, i))
			continue;
		ret->kind = space_entries[i].kind;
		return 0;
	}
	for (unsigned i = 0; i < SPACE_ITEMS; i++) {
		if (!item_is_in(&tree->facts, space, i) ||
		    strcmp(item_ops(i)->name, name))
			continue;
		*ret = item_node(space, i, 0);
		return 0;
	}
	return -ENOENT;
}

static int find_in_item(Tree *tree, const struct tree_node *dir,
			const char *name, struct tree_node *ret)
{
	struct item_entry entry;

	if (!item_find(&tree->facts, dir->space, dir->item, dir->arg, name,
		       &entry))
		return -ENOENT;
	*ret = item_node(dir->space, entry.item, entry.arg);
	return 0;
}

static int find_region(Tree *tree, Space *space, const char *name,
		       struct tree_node *ret)
{
	struct region region;

	if (!tree_region_parse(tree, space, name, &region))
		return -ENOENT;
	*ret = (struct tree_node){ .kind = NODE_REGION, .space = space,
				   .arg = region.start };
	return 0;
}

int tree_lookup(Tree *tree, const struct tree_node *dir, const char *name,
		struct tree_node *ret)
{
	struct tree_node node;
	int r = -ENOTDIR;

	if (dir->kind == NODE_ROOT)
		r = find_root(tree, name, &node);
	else if (dir->kind == NODE_IMAGE)
		r = find_image(tree, name, &node);
	else if (dir->kind == NODE_PROC)
		r = find_process(tree, name, &node);
	else if (dir->kind == NODE_BY_NAME)
		r = find_by_name(tree, name, &node);
	else if (dir->kind == NODE_BY_EPROCESS)
		r = find_by_eprocess(tree, name, &node);
	else if (dir->kind == NODE_DTBS)
		r = find_dtb(tree, name, &node);
	else if (dir->kind == NODE_SPACE)
		r = find_in_space(tree, dir->space, name, &node);
	else if (dir->kind == NODE_REGIONS)
		r = find_region(tree, dir->space, name, &node);
	else if (dir->kind == NODE_ITEM && tree_is_dir(dir))
		r = find_in_item(tree, dir, name, &node);
	else if (dir->kind == NODE_PTOVS || dir->kind == NODE_VTOPS)
		r = tree_find_named(tree, dir, name, &node);
	if (!r)
		*ret = node;
	return r;
}

static void follow(Tree *tree, struct tree_node *node)
{
	const struct tree_node proc = { .kind = NODE_PROC };
	g_autofree char *target = NULL;

	if (is_inner_link(node))
		node->kind = NODE_SPACE;
	if (node->kind != NODE_GLOBAL || !tree_is_link(node))
		return;
	target = tree_readlink(tree, node);
	if (target)
		(void)!tree_lookup(tree, &proc, target, node);
}

int tree_resolve(Tree *tree, const char *path, struct tree_node *ret)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	struct tree_node node = tree_root(tree);

	for (char **part = parts; *part; part++) {
		int r;

		if (!**part || !strcmp(*part, ".")) {
			if (!tree_is_dir(&node))
				return -ENOTDIR;
			continue;
		}
		r = tree_lookup(tree, &node, *part, &node);
		if (r)
			return r;
		follow(tree, &node);
	}
	*ret = node;
	return 0;
}

static bool static_at(const struct static_entry *entries, size_t n, uint64_t i,
		      struct tree_node *ret, char **name)
{
	if (i >= n)
		return false;
	*ret = (struct tree_node){ .kind = entries[i].kind };
	*name = g_strdup(entries[i].name);
	return true;
}

/* The entries of a folder that globals.h has, by position among them. */
static bool global_at(Tree *tree, enum node_kind folder, uint64_t i,
		      struct tree_node *ret, char **name)
{
	const struct global_file *file;

	for (size_t k = 0; (file = global_file(k)); k++) {
		if (file->folder != folder ||
		    !global_file_there(&tree->facts, k) || i--)
			continue;
		*ret = (struct tree_node){ .kind = NODE_GLOBAL, .arg = k };
		*name = g_strdup(file->name);
		return true;
	}
	return false;
}

static bool image_at(Tree *tree, uint64_t i, struct tree_node *ret,
		     char **name)
{
	const size_t n = G_N_ELEMENTS(image_entries);

	return static_at(image_entries, n, i, ret, name) ||
	       (i >= n && global_at(tree, NODE_IMAGE, i - n, ret, name));
}

static bool root_at(Tree *tree, uint64_t i, struct tree_node *ret, char **name)
{
	if (static_at(root_entries, G_N_ELEMENTS(root_entries), i, ret, name))
		return true;
	i -= G_N_ELEMENTS(root_entries);
	if (!tree->kernel_space)
		return global_at(tree, NODE_ROOT, i, ret, name);
	if (i)
		return global_at(tree, NODE_ROOT, i - 1, ret, name);
	*name = g_strdup("kernel");
	return !space_node(tree->kernel_space, ret);
}

/* proc/ and the folders of links: one entry for each process; in proc/, others
 * behind them. */
static bool process_at(Tree *tree, enum node_kind kind, uint64_t i,
		       struct tree_node *ret, char **name)
{
	const struct proc_entry *e;

	if (i >= procset_count(tree->facts.procs))
		return kind == NODE_PROC &&
		       global_at(tree, NODE_PROC,
				 i - procset_count(tree->facts.procs), ret,
				 name);
	e = procset_get(tree->facts.procs, (size_t)i);
	*ret = (struct tree_node){ .kind = kind,
				   .space = tree->proc_spaces->pdata[i] };
	if (kind == NODE_LINK_NAME) {
		*name = g_strdup(tree->links->pdata[i]);
	} else if (kind == NODE_LINK_EPROCESS) {
		*name = g_strdup_printf("%016" PRIx64, e->p.eprocess.v);
	} else {
		*name = g_strdup(e->dir);
		ret->kind = NODE_SPACE;
	}
	return true;
}

static bool dtb_at(Tree *tree, uint64_t i, struct tree_node *ret, char **name)
{
	uint64_t dtb;

	if (i >= tree->known_dtbs->len)
		return false;
	dtb = g_array_index(tree->known_dtbs, uint64_t, i);
	*name = g_strdup_printf("0x%" PRIx64, dtb);
	return !space_node(tree_dtb_space(tree, dtb), ret);
}

static bool space_at(Tree *tree, Space *space, uint64_t i,
		     struct tree_node *ret, char **name)
{
	*ret = (struct tree_node){ .kind = NODE_TEXT, .space = space };
	for (ret->arg = 0; ret->arg < SPACE_TEXTS; ret->arg++)
		if (tree_space_has_text(space, (enum space_text)ret->arg) &&
		    !i--)
			break;
	if (ret->arg < SPACE_TEXTS) {
		*name = g_strdup(tree_text_name((enum space_text)ret->arg));
		return true;
	}
	ret->arg = 0;
	for (size_t k = 0; k < G_N_ELEMENTS(space_entries); k++) {
		if (!has_entry(tree, space, k) || i--)
			continue;
		ret->kind = space_entries[k].kind;
		*name = g_strdup(space_entries[k].name);
		return true;
	}
	for (unsigned k = 0; k < SPACE_ITEMS; k++) {
		if (!item_is_in(&tree->facts, space, k) || i--)
			continue;
		*ret = item_node(space, k, 0);
		*name = g_strdup(item_ops(k)->name);
		return true;
	}
	return false;
}

static bool item_at(Tree *tree, const struct tree_node *dir, uint64_t index,
		    struct tree_node *ret, char **name)
{
	const struct item_ops *ops = item_ops(dir->item);
	struct item_entry entry;

	if (!ops->at || !ops->at(&tree->facts, dir->space, dir->arg, index,
				 &entry))
		return false;
	*ret = item_node(dir->space, entry.item, entry.arg);
	*name = entry.name;
	return true;
}

static bool region_at(Tree *tree, Space *space, uint64_t i,
		      struct tree_node *ret, char **name)
{
	g_autoptr(SpaceView) view = space_view(space, tree->cache);
	const struct region *region;

	if (i >= view->regions->len)
		return false;
	region = &g_array_index(view->regions, struct region, i);
	*ret = (struct tree_node){ .kind = NODE_REGION, .space = space,
				   .arg = region->start };
	*name = tree_region_name(space, region);
	return true;
}

bool tree_entry(Tree *tree, const struct tree_node *dir, uint64_t index,
		struct tree_node *ret, char **name)
{
	if (dir->kind == NODE_ROOT)
		return root_at(tree, index, ret, name);
	if (dir->kind == NODE_IMAGE)
		return image_at(tree, index, ret, name);
	if (dir->kind == NODE_PROC)
		return process_at(tree, NODE_PROC, index, ret, name);
	if (dir->kind == NODE_BY_NAME)
		return process_at(tree, NODE_LINK_NAME, index, ret, name);
	if (dir->kind == NODE_BY_EPROCESS)
		return process_at(tree, NODE_LINK_EPROCESS, index, ret, name);
	if (dir->kind == NODE_DTBS)
		return dtb_at(tree, index, ret, name);
	if (dir->kind == NODE_SPACE)
		return space_at(tree, dir->space, index, ret, name);
	if (dir->kind == NODE_REGIONS)
		return region_at(tree, dir->space, index, ret, name);
	if (dir->kind == NODE_ITEM)
		return item_at(tree, dir, index, ret, name);
	return false;
}

struct tree_node tree_parent(const struct tree_node *node)
{
	struct tree_node parent = { .kind = NODE_ROOT };

	if (node->kind == NODE_PTOVS) {
		parent.kind = NODE_IMAGE;
	} else if (node->kind == NODE_REGIONS || node->kind == NODE_VTOPS) {
		parent.kind = NODE_SPACE;
		parent.space = node->space;
	} else if (node->kind == NODE_ITEM) {
		const struct item_ops *ops = item_ops(node->item);

		parent.kind = ops->where ? NODE_SPACE : NODE_ITEM;
		parent.space = node->space;
		parent.item = ops->where ? 0 : ops->parent;
	} else if (node->kind == NODE_SPACE) {
		if (node->space->kind == SPACE_PROCESS)
			parent.kind = NODE_PROC;
		else if (node->space->kind == SPACE_DTB)
			parent.kind = NODE_DTBS;
	}
	return parent;
}

char *tree_readlink(Tree *tree, const struct tree_node *node)
{
	if (node->kind == NODE_LINK_EXE)
		return render_exe(&tree->facts, node->space);
	if (node->kind == NODE_LINK_CWD)
		return render_cwd(&tree->facts, node->space);
	if (!tree_is_link(node))
		return NULL;
	if (node->kind == NODE_ITEM)
		return item_ops(node->item)
			->target(&tree->facts, node->space, node->arg);
	if (node->kind == NODE_GLOBAL)
		return global_file((size_t)node->arg)->target(&tree->facts);
	return g_strdup_printf("../proc/%s", node->space->proc->dir);
}
