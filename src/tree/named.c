/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts that are named by an address: image/ptov/, vtop/; and those of the
 * tables of items and globals. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "tree/tree-priv.h"

bool tree_parse_address(const char *name, uint64_t *ret)
{
	bool prefix = name[0] == '0' && (name[1] == 'x' || name[1] == 'X');
	const char *digits = prefix ? name + 2 : name;
	size_t n = strspn(digits, "0123456789abcdefABCDEF");

	if (!n || n > 16 || digits[n])
		return false;
	*ret = g_ascii_strtoull(digits, NULL, 16);
	return true;
}

bool tree_is_named_text(const struct tree_node *node)
{
	return node->kind == NODE_PTOV || node->kind == NODE_VTOP;
}

int tree_find_named(Tree *tree, const struct tree_node *dir, const char *name,
		    struct tree_node *ret)
{
	bool vtop = dir->kind == NODE_VTOPS;
	uint64_t address;

	(void)tree;
	if (!tree_parse_address(name, &address))
		return -ENOENT;
	/* What no machine of this kind can have as an address. */
	if (vtop ? !virt_is_canonical(address, dir->space->as.form->va_bits) :
		   address >= PHYS_ADDR_END)
		return -ENOENT;
	*ret = (struct tree_node){ .kind = vtop ? NODE_VTOP : NODE_PTOV,
				   .space = dir->space,
				   .arg = address };
	return 0;
}

static void render(Tree *tree, const struct tree_node *node, struct sink *out)
{
	if (node->kind == NODE_GLOBAL)
		global_file((size_t)node->arg)->render(out, &tree->facts);
	else if (node->kind == NODE_ITEM)
		item_ops(node->item)
			->render(out, &tree->facts, node->space, node->arg);
	else if (node->kind == NODE_PTOV)
		render_ptov(out, &tree->facts, tree->facts.ptov, node->arg);
	else
		render_vtop(out, &tree->facts, node->space, VIRT(node->arg));
}

uint64_t tree_named_text_size(Tree *tree, const struct tree_node *node)
{
	struct sink out;

	sink_init(&out, true);
	render(tree, node, &out);
	return out.len;
}

uint64_t tree_item_text_size(Tree *tree, const struct tree_node *node)
{
	return tree_named_text_size(tree, node);
}

uint64_t tree_global_size(Tree *tree, size_t index)
{
	const struct tree_node node = { .kind = NODE_GLOBAL, .arg = index };
	uint64_t known = atomic_load(&tree->global_sizes[index]);

	if (known)
		return known - 1;
	known = tree_named_text_size(tree, &node);
	atomic_store(&tree->global_sizes[index], known + 1);
	return known;
}

GBytes *tree_render_node_text(Tree *tree, const struct tree_node *node)
{
	struct sink out;

	if (node->kind == NODE_TEXT)
		return tree_render_space_text(tree, node->space,
					      (enum space_text)node->arg);
	sink_init(&out, false);
	render(tree, node, &out);
	return g_bytes_new_take(out.buf, (gsize)out.len);
}

static gint compare_processes(gconstpointer a, gconstpointer b)
{
	const struct nt_process *x = &(*(Space *const *)a)->proc->p;
	const struct nt_process *y = &(*(Space *const *)b)->proc->p;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->eprocess.v < y->eprocess.v ? -1 :
					       x->eprocess.v > y->eprocess.v;
}

static void add_dtb(GHashTable *dtbs, const Space *space)
{
	gint64 *key = g_new(gint64, 1);

	*key = (gint64)addr_space_dtb(&space->as).v;
	g_hash_table_insert(dtbs, key, key);
}

/* What dtb/ lists and is nobody's that is known. */
static void add_strays(Tree *tree, GPtrArray *all)
{
	g_autoptr(GHashTable) dtbs = g_hash_table_new_full(
		g_int64_hash, g_int64_equal, g_free, NULL);

	for (guint i = 0; i < all->len; i++)
		add_dtb(dtbs, all->pdata[i]);
	for (guint i = 0; i < tree->known_dtbs->len; i++) {
		uint64_t dtb = g_array_index(tree->known_dtbs, uint64_t, i);

		if (!g_hash_table_contains(dtbs, &dtb))
			g_ptr_array_add(all, tree_dtb_space(tree, dtb));
	}
}

Ptov *tree_ptov_new(Tree *tree)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	g_autoptr(GPtrArray) procs = g_ptr_array_new();
	Space **spaces;

	for (guint i = 0; i < tree->proc_spaces->len; i++)
		g_ptr_array_add(procs, tree->proc_spaces->pdata[i]);
	g_ptr_array_sort(procs, compare_processes);
	if (tree->kernel_space)
		g_ptr_array_add(all, tree->kernel_space);
	for (guint i = 0; i < procs->len; i++)
		g_ptr_array_add(all, procs->pdata[i]);
	add_strays(tree, all);
	spaces = g_new0(Space *, all->len + 1);
	for (guint i = 0; i < all->len; i++)
		spaces[i] = all->pdata[i];
	return ptov_new(spaces, all->len, tree->cache, PTOV_INDEX_BYTES);
}
