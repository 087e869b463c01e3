/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the whole machine that are made when they are asked for. */
#ifndef TREE_GLOBALS_H
#define TREE_GLOBALS_H

#include "tree/render.h"
#include "tree/tree.h"

struct global_file {
	enum node_kind folder;	/* NODE_ROOT, NODE_IMAGE or NODE_PROC */
	const char *name;
	/* A text, */
	void (*render)(struct sink *out, const struct render_facts *facts);
	/* or a link, to a name in the same folder; NULL: it is not there.
	 * (transfer full) */
	char *(*target)(const struct render_facts *facts);
	bool needs_windows; /* there where there is a kernel */
};

/* How many there are at the most. */
#define GLOBAL_FILES_MAX 32u

/* (transfer none); NULL behind the last. */
const struct global_file *global_file(size_t index);
bool global_file_there(const struct render_facts *facts, size_t index);

#endif
