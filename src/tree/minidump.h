/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `minidump.dmp`: a process as Windows' debuggers take it. */
#ifndef TREE_MINIDUMP_H
#define TREE_MINIDUMP_H

#include "tree/mdmp.h"
#include "tree/render.h"

/* What the file of a process is made of. */
struct minidump {
	GByteArray *head; /* all before the memory */
	GArray *ranges;	  /* struct mdmp_range: the memory, in this order */
};

/* The space must be a process's; ret is to be cleared. Bounded by the limits
 * of mdmp.h. */
void minidump_build(const struct render_facts *facts, const Space *space,
		    const SpaceView *view, struct minidump *ret);
void minidump_clear(struct minidump *dump);

#endif
