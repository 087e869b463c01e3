/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trees for the tests. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <string.h>

#include "tree/items.h"

void unit_tree_init(struct unit_tree *t, const struct mk_options *machine,
		    const struct tree_options *options)
{
	static const struct proc_select all = { .methods = METHODS_ALL };
	static const struct tree_options none = { .umask = 0077 };

	unit_win_init(&t->w, machine);
	t->procs = procset_build(t->w.kernel, &all, t->w.log);
	t->tree = tree_new(t->w.mem.image, t->w.mem.pm, t->w.kernel, t->procs,
			   t->w.log, options ? options : &none);
}

void unit_tree_clear(struct unit_tree *t)
{
	tree_free(t->tree);
	procset_free(t->procs);
	unit_win_clear(&t->w);
}

struct tree_node unit_tree_node(const struct unit_tree *t, const char *format,
				...)
{
	g_autofree char *path = NULL;
	struct tree_node node = { 0 };
	va_list ap;

	va_start(ap, format);
	path = g_strdup_vprintf(format, ap);
	va_end(ap);
	ck_assert_msg(tree_resolve(t->tree, path, &node) == 0, "no %s", path);
	return node;
}

const char *unit_tree_name(const struct mk_process *p, uint64_t va, bool vads)
{
	const struct mk_vad *vad = NULL;

	for (guint i = 0; vads && i < p->vads->len; i++) {
		vad = &g_array_index(p->vads, struct mk_vad, i);
		if (va >= vad->start && va <= vad->end)
			break;
		vad = NULL;
	}
	if (vad && vad->file)
		return vad->file;
	if (p->peb && (va & ~0xfffull) == p->peb)
		return "[peb]";
	if (p->peb32 && (va & ~0xfffull) == p->peb32)
		return "[peb]";
	if ((va & ~0xfffull) == 0x7ffe0000)
		return "[kuser]";
	return vad && p->heap && vad->start == p->heap ? "[heap]" : "";
}

bool unit_tree_has_nuls(const struct tree_node *node)
{
	return (node->kind == NODE_TEXT &&
		(node->arg == SPACE_TEXT_CMDLINE ||
		 node->arg == SPACE_TEXT_ENVIRON)) ||
	       (node->kind == NODE_ITEM && node->item == ITEM_TASK_CMDLINE);
}

int64_t unit_tree_read(TreeFile *file, uint64_t off, uint64_t len,
		       uint64_t step, uint8_t *buf)
{
	uint64_t done = 0;

	while (done < len) {
		struct read_plan plan;
		int r;

		read_plan_init(&plan);
		r = tree_file_read(file, off + done, MIN(step, len - done),
				   &plan);
		ck_assert_uint_le(plan.len, MIN(step, len - done));
		if (!r)
			read_plan_gather(&plan, buf + done);
		done += r ? 0 : plan.len;
		if (r || !plan.len) {
			read_plan_clear(&plan);
			return r ? r : (int64_t)done;
		}
		read_plan_clear(&plan);
	}
	return (int64_t)done;
}

char *unit_tree_text(const struct unit_tree *t, const char *format, ...)
{
	g_autofree char *path = NULL;
	g_autoptr(TreeFile) file = NULL;
	struct tree_node node;
	struct stat st;
	char *text;
	va_list ap;

	va_start(ap, format);
	path = g_strdup_vprintf(format, ap);
	va_end(ap);
	node = unit_tree_node(t, "%s", path);
	tree_stat(t->tree, &node, &st);
	file = tree_open(t->tree, &node);
	ck_assert_ptr_nonnull(file);
	text = g_malloc((gsize)st.st_size + 2);
	/* one byte more is asked for than there should be */
	ck_assert_int_eq(unit_tree_read(file, 0, (uint64_t)st.st_size + 1,
					PLAN_MAX_BYTES, (uint8_t *)text),
			 st.st_size);
	text[st.st_size] = '\0';
	if (!unit_tree_has_nuls(&node))
		ck_assert_uint_eq(strlen(text), (size_t)st.st_size);
	return text;
}

static void each(const struct unit_tree *t, const struct tree_node *dir,
		 const char *dir_path, unit_tree_fn fn, void *ctx)
{
	struct tree_node node;
	char *name;

	for (uint64_t i = 0; tree_entry(t->tree, dir, i, &node, &name); i++) {
		g_autofree char *path = g_strdup_printf("%s/%s", dir_path,
							name);

		g_free(name);
		fn(ctx, t, &node, path);
		if (tree_is_dir(&node))
			each(t, &node, path, fn, ctx);
	}
}

void unit_tree_each(const struct unit_tree *t, unit_tree_fn fn, void *ctx)
{
	struct tree_node root = tree_root(t->tree);

	each(t, &root, "", fn, ctx);
}
