/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open files. */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tree/pagemap.h"
#include "tree/tree-priv.h"
#include "tree/vads.h"

/*
 * A text while somebody has it open: rendered once, at the first read, and
 * shared by all who read it at that time. (Later readers find it in the page
 * cache.)
 */
struct live_text {
	Tree *tree;
	struct tree_node node;
	unsigned refs;	/* guarded by tree->text_lock */
	GMutex lock;	/* guards bytes until it is there */
	GBytes *bytes;	/* set once */
};

struct TreeFile {
	const RowText *rows;	/* or NULL; borrowed from space */
	const Space *space;	/* of rows; borrowed from the tree */
	SpaceView *view;	/* of rows */
	Detail *vads;		/* the same */
	struct live_text *live; /* or NULL */
	GBytes *bytes;		/* global text, or NULL; borrowed */
	struct sparse sparse;
	bool is_sparse;
	Detail *detail; /* what sparse is made of; or NULL */
};

static struct live_text *live_text_get(Tree *tree,
				       const struct tree_node *node)
{
	struct live_text *live;

	g_mutex_lock(&tree->text_lock);
	live = g_hash_table_lookup(tree->live_texts, node);
	if (!live) {
		live = g_new0(struct live_text, 1);
		live->tree = tree;
		live->node = *node;
		g_mutex_init(&live->lock);
		g_hash_table_insert(tree->live_texts, &live->node, live);
	}
	live->refs++;
	g_mutex_unlock(&tree->text_lock);
	return live;
}

static void live_text_put(struct live_text *live)
{
	Tree *tree;
	bool last;

	if (!live)
		return;
	tree = live->tree;
	g_mutex_lock(&tree->text_lock);
	last = !--live->refs;
	if (last)
		g_hash_table_remove(tree->live_texts, &live->node);
	g_mutex_unlock(&tree->text_lock);
	if (!last)
		return;
	g_clear_pointer(&live->bytes, g_bytes_unref);
	g_mutex_clear(&live->lock);
	g_free(live);
}

static GBytes *live_text_bytes(struct live_text *live)
{
	g_mutex_lock(&live->lock);
	if (!live->bytes)
		g_atomic_pointer_set(&live->bytes,
				     tree_render_node_text(live->tree,
							   &live->node));
	g_mutex_unlock(&live->lock);
	return live->bytes;
}

static void fill_sparse(Tree *tree, struct sparse *s)
{
	*s = (struct sparse){ .pm = tree->facts.pm,
			      .swap = tree->facts.kernel ?
					      &tree->facts.kernel->swap :
					      NULL,
			      .eio = tree->options.eio,
			      .copy = tree->options.copy };
}

static bool open_sparse(Tree *tree, const struct tree_node *node,
			struct sparse *s)
{
	size_t i;

	fill_sparse(tree, s);
	if (node->kind == NODE_PMEM) {
		s->size = physmem_end(tree->facts.pm);
		return true;
	}
	s->direct = node->space->as.direct;
	s->view = space_view(node->space, tree->cache);
	s->size = node->space->vmem_size;
	if (node->kind == NODE_VMEM)
		return true;
	if (node->kind == NODE_PAGEMAP) {
		s->pagemap = true;
		s->size = pagemap_size(s->size);
		s->eio = false;
		return true;
	}
	i = space_view_find_region(s->view, node->arg);
	if (i == SIZE_MAX) {
		sparse_clear(s);
		return false;
	}
	s->base = node->arg;
	s->size = g_array_index(s->view->regions, struct region, i).len;
	return true;
}

static bool open_blob(Tree *tree, const struct tree_node *node,
		      TreeFile *file)
{
	struct sparse *s = &file->sparse;
	Compose *c;

	file->detail = item_compose(&tree->facts, node->space, node->item,
				    node->arg);
	c = (Compose *)(uintptr_t)detail_data(file->detail);
	if (!c)
		return false;
	fill_sparse(tree, s);
	s->direct = node->space->as.direct;
	s->compose = compose_ref(c);
	s->view = compose_view(c) ? space_view_ref(compose_view(c)) : NULL;
	s->size = compose_size(c);
	return true;
}

/* Links and folders are not opened. */
static bool open_item(Tree *tree, const struct tree_node *node, TreeFile *file)
{
	enum item_type type = item_ops(node->item)->type;

	if (type == ITEM_IS_TEXT) {
		file->live = live_text_get(tree, node);
		return true;
	}
	if (type != ITEM_IS_BLOB)
		return false;
	file->is_sparse = open_blob(tree, node, file);
	return file->is_sparse;
}

static void open_text(Tree *tree, const struct tree_node *node,
		      TreeFile *file)
{
	enum space_text kind = (enum space_text)node->arg;

	if (!tree_text_is_rows(kind)) {
		file->live = live_text_get(tree, node);
		return;
	}
	file->space = node->space;
	file->rows = tree_space_rows(tree, node->space, kind);
	file->view = space_view(node->space, tree->cache);
	file->vads = space_vads_get(&tree->facts, node->space);
}

TreeFile *tree_open(Tree *tree, const struct tree_node *node)
{
	g_autoptr(TreeFile) file = g_new0(TreeFile, 1);

	switch (node->kind) {
	case NODE_TEXT:
		open_text(tree, node, file);
		break;
	case NODE_PTOV:
	case NODE_VTOP:
		/* Now, for this can take its time, and a read must not. */
		file->live = live_text_get(tree, node);
		live_text_bytes(file->live);
		break;
	case NODE_VMEM:
	case NODE_PAGEMAP:
	case NODE_REGION:
	case NODE_PMEM:
		file->is_sparse = open_sparse(tree, node, &file->sparse);
		if (!file->is_sparse)
			return NULL;
		break;
	case NODE_README:
	case NODE_PROCESSES:
	case NODE_LOG:
	case NODE_INFO:
	case NODE_IOMEM:
	case NODE_RUNS:
		file->bytes = tree->global_texts[node->kind];
		break;
	case NODE_ITEM:
		if (!open_item(tree, node, file))
			return NULL;
		break;
	case NODE_GLOBAL:
		if (tree_is_link(node))
			return NULL;
		file->live = live_text_get(tree, node);
		break;
	case NODE_ROOT:
	case NODE_IMAGE:
	case NODE_PROC:
	case NODE_BY_NAME:
	case NODE_BY_EPROCESS:
	case NODE_DTBS:
	case NODE_LINK_NAME:
	case NODE_LINK_EPROCESS:
	case NODE_LINK_EXE:
	case NODE_LINK_CWD:
	case NODE_SPACE:
	case NODE_REGIONS:
	case NODE_PTOVS:
	case NODE_VTOPS:
		return NULL;
	}
	return g_steal_pointer(&file);
}

void tree_file_close(TreeFile *file)
{
	if (!file)
		return;
	live_text_put(file->live);
	space_view_unref(file->view);
	detail_unref(file->vads);
	if (file->is_sparse)
		sparse_clear(&file->sparse);
	detail_unref(file->detail);
	g_free(file);
}

size_t tree_file_footprint(const TreeFile *file)
{
	const SpaceView *view = file->is_sparse ? file->sparse.view :
						  file->view;
	GBytes *text = file->live ? g_atomic_pointer_get(&file->live->bytes) :
				    NULL;

	return (view ? space_view_footprint(view) : 0) +
	       (text ? g_bytes_get_size(text) : 0) +
	       detail_footprint(file->vads) + detail_footprint(file->detail);
}

bool tree_file_is_rendered(const TreeFile *file)
{
	return file->live && g_atomic_pointer_get(&file->live->bytes);
}

bool tree_file_is_sparse(const TreeFile *file)
{
	return file->is_sparse;
}

/* Was the image unreadable when what the file shows was looked for? Then it
 * knows nothing, and must not look like a file of nothing. */
static bool is_lost(const TreeFile *file)
{
	const SpaceView *view = file->is_sparse ? file->sparse.view :
						  file->view;

	return view && addr_map_counts(view->map)->walk.io_error;
}

static GBytes *text_bytes(TreeFile *file)
{
	return file->live ? live_text_bytes(file->live) : file->bytes;
}

void tree_file_render(TreeFile *file)
{
	if (file->live)
		(void)live_text_bytes(file->live);
}

static uint64_t text_size(TreeFile *file)
{
	return file->rows ? row_text_size(file->rows) :
			    g_bytes_get_size(text_bytes(file));
}

static int read_rows(const TreeFile *file, uint64_t off, uint64_t len,
		     struct read_plan *plan)
{
	uint64_t size = row_text_size(file->rows);

	if (off >= size)
		return 0;
	plan->len = (size_t)MIN(MIN(len, size - off), PLAN_MAX_BYTES);
	plan->bounce = g_malloc0(plan->len);
	row_text_read(file->rows,
		      &(struct row_source){ file->space, file->view,
					    space_ranges(file->vads) },
		      off, plan->len, (char *)plan->bounce);
	plan->iov[0] = (struct iovec){ plan->bounce, plan->len };
	plan->n = 1;
	return 0;
}

int tree_file_read(TreeFile *file, uint64_t off, uint64_t len,
		   struct read_plan *plan)
{
	const uint8_t *bytes;
	GBytes *text;
	gsize size;

	if (is_lost(file))
		return -EIO;
	if (file->is_sparse)
		return sparse_read(&file->sparse, off, len, plan);
	if (file->rows)
		return read_rows(file, off, len, plan);
	text = text_bytes(file);
	bytes = g_bytes_get_data(text, &size);
	if (off >= size)
		return 0;
	plan->text = g_bytes_ref(text);
	plan->len = (size_t)MIN(MIN(len, size - off), PLAN_MAX_BYTES);
	plan->iov[0] = (struct iovec){ (void *)(uintptr_t)(bytes + off),
				       plan->len };
	plan->n = 1;
	return 0;
}

int64_t tree_file_seek(TreeFile *file, uint64_t off, int whence)
{
	uint64_t size;

	if (file->is_sparse)
		return whence == SEEK_DATA ?
			       sparse_next_data(&file->sparse, off) :
			       sparse_next_hole(&file->sparse, off);
	size = text_size(file);
	if (off >= size)
		return -ENXIO;
	return (int64_t)(whence == SEEK_DATA ? off : size);
}
