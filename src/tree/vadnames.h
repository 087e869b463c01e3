/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names for memory that maps no file: by what points to it. */
#ifndef TREE_VADNAMES_H
#define TREE_VADNAMES_H

#include "tree/render.h"

/* [start, last] is name, or the VAD that has start is. */
struct vad_mark {
	uint64_t start, last; /* offsets; last: included */
	const char *name;
};

struct vad_marks {
	/* Pages that have a name whatever they are in: [peb], [teb], [kuser];
	 * of the kernel its modules. Ascending, without overlaps. */
	GArray *pages;
	/* Addresses that a whole VAD is named by: [heap], [stack].
	 * Ascending. */
	GArray *uses;
};

/* Names that are made for it are added to texts, which must outlive it. */
void vad_marks_read(struct vad_marks *ret, const struct render_facts *facts,
		    const Space *space, GPtrArray *texts);
void vad_marks_clear(struct vad_marks *marks);

#endif
