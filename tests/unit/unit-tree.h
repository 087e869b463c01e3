/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trees over made-up machines, and reading in them. */
#ifndef UNIT_UNIT_TREE_H
#define UNIT_UNIT_TREE_H

#include "tree/tree.h"
#include "unit/unit-win.h"

struct unit_tree {
	struct unit_win w;
	ProcSet *procs;
	Tree *tree;
};

void unit_tree_init(struct unit_tree *t, const struct mk_options *machine,
		    const struct tree_options *options);
void unit_tree_clear(struct unit_tree *t);

/* What is at a path; it must be there. */
struct tree_node unit_tree_node(const struct unit_tree *t, const char *format,
				...) G_GNUC_PRINTF(2, 3);
/* Reads exactly len bytes at off in pieces of at most step; a negative errno,
 * or how many were read. */
int64_t unit_tree_read(TreeFile *file, uint64_t off, uint64_t len,
		       uint64_t step, uint8_t *buf);
/* What maps should call a page by the builder's truth, but for threads; "":
 * nothing. vads: those of the process are known. */
const char *unit_tree_name(const struct mk_process *process, uint64_t va,
			   bool vads);
/* Is it a text of strings that NULs end? */
bool unit_tree_has_nuls(const struct tree_node *node);
/* The whole of a text (transfer full); its size is checked against stat. */
char *unit_tree_text(const struct unit_tree *t, const char *format, ...)
	G_GNUC_PRINTF(2, 3);

/* Calls fn for every node of the tree but the root, with its path. */
typedef void (*unit_tree_fn)(void *ctx, const struct unit_tree *t,
			     const struct tree_node *node, const char *path);
void unit_tree_each(const struct unit_tree *t, unit_tree_fn fn, void *ctx);

#endif
