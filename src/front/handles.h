/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that the kernel reads without having opened them: where nothing
 * depends on an open, it is told that there is none (FUSE_NO_OPEN_SUPPORT),
 * and a file of a few pages costs it one request instead of three. Those read
 * last stay open here, in sets with a lock each, so that a read is seldom kept
 * waiting by another.
 */
#ifndef FRONT_HANDLES_H
#define FRONT_HANDLES_H

#include "tree/tree.h"

typedef struct Handles Handles;
typedef struct Handle Handle;

/* Of that tree, which is borrowed. What the files hold together is kept under
 * max_bytes, but for texts that were read a moment ago: whoever reads two long
 * ones side by side must not have them made anew for each piece. */
Handles *handles_new(Tree *tree, size_t max_bytes, gint64 keep_usec);
/* Every handle must have been put. */
void handles_free(Handles *handles);

/* The node's open file where there is one, or NULL. (transfer full) */
Handle *handles_find(Handles *handles, const struct tree_node *node);
/* Opens it where there is none, which can take time; NULL where the tree has
 * none. (transfer full) */
Handle *handles_open(Handles *handles, const struct tree_node *node);
TreeFile *handle_file(const Handle *handle);
void handle_put(Handle *handle);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Handle, handle_put)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Handles, handles_free)

#endif
