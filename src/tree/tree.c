/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building the tree and taking it down. */
#include "config.h"

#include <string.h>

#include "base/text.h"
#include "tree/tree-priv.h"

typedef void (*global_render_fn)(struct sink *out,
				 const struct render_facts *facts);

static const struct {
	enum node_kind kind;
	global_render_fn render;
} global_texts[] = {
	{ NODE_README, render_readme },	  { NODE_PROCESSES, render_processes },
	{ NODE_INFO, render_info },	  { NODE_IOMEM, render_iomem },
	{ NODE_RUNS, render_runs },
};

static GBytes *render_global(Tree *tree, global_render_fn render)
{
	struct sink out;

	sink_init(&out, false);
	render(&out, &tree->facts);
	return g_bytes_new_take(out.buf, (gsize)out.len);
}

static void render_globals(Tree *tree, const Log *log)
{
	char *text = log_text(log);

	for (size_t i = 0; i < G_N_ELEMENTS(global_texts); i++)
		tree->global_texts[global_texts[i].kind] =
			render_global(tree, global_texts[i].render);
	tree->global_texts[NODE_LOG] = g_bytes_new_take(text, strlen(text));
	tree->facts.log = tree->global_texts[NODE_LOG];
}

static void set_times(Tree *tree, Space *space, uint64_t filetime)
{
	space->sec = tree->sec;
	space->nsec = tree->nsec;
	(void)filetime_to_unix(filetime, &space->sec, &space->nsec);
}

static void add_process(Tree *tree, const struct proc_entry *e)
{
	Space *space = space_new(SPACE_PROCESS, &e->as, tree->options.all);
	g_autofree char *name = text_escape_filename(e->p.name);
	char *link = g_strdup_printf("%s-%s", name, e->dir);

	space->proc = e;
	space->profile = &tree->facts.kernel->profile;
	space_set_user_end(space, tree->facts.kernel->user_end);
	set_times(tree, space, e->p.create_time);
	g_ptr_array_add(tree->proc_spaces, space);
	g_ptr_array_add(tree->links, link);
	g_hash_table_insert(tree->link_index, link,
			    GUINT_TO_POINTER(tree->links->len));
}

static void add_kernel(Tree *tree)
{
	const NtKernel *kernel = tree->facts.kernel;

	if (!kernel)
		return;
	tree->kernel_space = space_new(SPACE_KERNEL, &kernel->as, true);
	space_set_user_end(tree->kernel_space, kernel->user_end);
	set_times(tree, tree->kernel_space, 0);
}

static gint compare_u64(gconstpointer a, gconstpointer b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

static void know_dtb(Tree *tree, uint64_t dtb)
{
	if (dtb && tree_dtb_space(tree, dtb))
		g_array_append_val(tree->known_dtbs, dtb);
}

static void list_dtbs(Tree *tree)
{
	GArray *known = tree->known_dtbs;
	size_t n_stray;
	const uint64_t *stray = procset_stray_dtbs(tree->facts.procs,
						   &n_stray);
	guint n = 0;

	know_dtb(tree, tree->options.dtb);
	if (tree->facts.kernel)
		know_dtb(tree, addr_space_dtb(&tree->facts.kernel->as).v);
	for (guint i = 0; i < tree->proc_spaces->len; i++) {
		const Space *space = tree->proc_spaces->pdata[i];

		know_dtb(tree, addr_space_dtb(&space->as).v);
	}
	for (size_t i = 0; i < n_stray; i++)
		know_dtb(tree, stray[i]);
	g_array_sort(known, compare_u64);
	for (guint i = 0; i < known->len; i++) {
		uint64_t dtb = g_array_index(known, uint64_t, i);

		if (!n || g_array_index(known, uint64_t, n - 1) != dtb)
			g_array_index(known, uint64_t, n++) = dtb;
	}
	g_array_set_size(known, n);
}

static void set_capture_time(Tree *tree)
{
	const NtKernel *kernel = tree->facts.kernel;

	tree->sec = image_io_mtime(tree->facts.image->io);
	(void)filetime_to_unix(tree->facts.image->capture_filetime, &tree->sec,
			       &tree->nsec);
	if (kernel && kernel->kuser.valid)
		(void)filetime_to_unix(kernel->kuser.system_time, &tree->sec,
				       &tree->nsec);
}

static void free_space_full(gpointer key, gpointer value, gpointer tree_ptr)
{
	Tree *tree = tree_ptr;

	(void)key;
	space_free(value, tree->cache);
}

static guint node_hash(gconstpointer key)
{
	uint64_t ino = tree_ino(key);

	return (guint)(ino ^ ino >> 32);
}

bool tree_node_equal(const struct tree_node *x, const struct tree_node *y)
{
	return x->kind == y->kind && x->space == y->space &&
	       x->arg == y->arg && x->item == y->item;
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
	return tree_node_equal(a, b);
}

Tree *tree_new(const Image *image, const PhysMem *pm, const NtKernel *kernel,
	       const ProcSet *procs, const Log *log,
	       const struct tree_options *options)
{
	Tree *tree = g_new0(Tree, 1);

	tree->facts = (struct render_facts){ .image = image,
					     .pm = pm,
					     .kernel = kernel,
					     .procs = procs,
					     .options = &tree->options };
	tree->options = *options;
	g_mutex_init(&tree->dtb_lock);
	g_mutex_init(&tree->text_lock);
	tree->cache = view_cache_new(VIEW_CACHE_BYTES);
	tree->facts.views = tree->cache;
	tree->facts.details = detail_cache_new(DETAIL_CACHE_BYTES);
	tree->proc_spaces = g_ptr_array_new();
	tree->links = g_ptr_array_new_with_free_func(g_free);
	tree->link_index = g_hash_table_new(g_str_hash, g_str_equal);
	tree->dtb_spaces = g_hash_table_new_full(g_int64_hash, g_int64_equal,
						 g_free, NULL);
	tree->known_dtbs = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	tree->live_texts = g_hash_table_new(node_hash, node_equal);
	set_capture_time(tree);
	for (size_t i = 0; i < procset_count(procs); i++)
		add_process(tree, procset_get(procs, i));
	add_kernel(tree);
	list_dtbs(tree);
	tree->facts.ptov = tree_ptov_new(tree);
	render_globals(tree, log);
	return tree;
}

void tree_free(Tree *tree)
{
	if (!tree)
		return;
	detail_cache_free(tree->facts.details);
	ptov_free(tree->facts.ptov);
	for (guint i = 0; i < tree->proc_spaces->len; i++)
		space_free(tree->proc_spaces->pdata[i], tree->cache);
	g_ptr_array_unref(tree->proc_spaces);
	space_free(tree->kernel_space, tree->cache);
	g_hash_table_foreach(tree->dtb_spaces, free_space_full, tree);
	g_hash_table_unref(tree->dtb_spaces);
	g_array_unref(tree->known_dtbs);
	g_hash_table_unref(tree->link_index);
	g_ptr_array_unref(tree->links);
	g_hash_table_unref(tree->live_texts);
	for (size_t i = 0; i < G_N_ELEMENTS(tree->global_texts); i++)
		g_clear_pointer(&tree->global_texts[i], g_bytes_unref);
	view_cache_free(tree->cache);
	g_mutex_clear(&tree->dtb_lock);
	g_mutex_clear(&tree->text_lock);
	g_free(tree);
}

struct tree_node tree_root(const Tree *tree)
{
	(void)tree;
	return (struct tree_node){ .kind = NODE_ROOT };
}
