/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `minidump.dmp`: a process as Windows' debuggers take it. */
#ifndef TREE_MINIDUMP_H
#define TREE_MINIDUMP_H

#include "tree/items.h"

/* Of the table in items.c: all of a process, bounded by the limits of
 * mdmp.h. */
Compose *minidump_compose(const struct render_facts *facts,
			  const Space *space, uint64_t arg);

#endif
