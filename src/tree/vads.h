/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process has its address space for: its VADs with the files they map,
 * and names for ranges of it. Of the kernel, names of its modules. docs/
 * formats.md, "Names in maps".
 */
#ifndef TREE_VADS_H
#define TREE_VADS_H

#include "nt/vad.h"
#include "tree/details.h"

struct space_vad {
	struct nt_vad vad;
	/* As maps shows it (text_escape_path()), or NULL: it maps none.
	 * VADS_NAMELESS: it maps one whose name cannot be read. */
	const char *path;
};

#define VADS_NAMELESS "[file]"

/* A part of the address space, named or of a VAD or both. */
struct space_range {
	uint64_t start, last; /* offsets; last: included */
	const char *name;     /* as maps shows it, or NULL */
	uint32_t vad;	      /* index in space_vads(), or NO_VAD */
};
#define NO_VAD UINT32_MAX

/* The detail DETAIL_VADS of a space. (transfer full) */
Detail *space_vads_get(const struct render_facts *facts, const Space *space);
extern const struct detail_class vads_detail;

/* struct space_vad, ascending; struct space_range, ascending, without
 * overlaps. All of the detail's own (transfer none). */
const GArray *space_vads(const Detail *vads);
const GArray *space_ranges(const Detail *vads);
/* Index of the first range that ends at or above va; their number: none. */
size_t space_ranges_find(const GArray *ranges, uint64_t va);
/* What maps shows at va (an offset), or NULL. */
const char *space_vads_name(const Detail *vads, uint64_t va);

/* "PAGE_READWRITE|PAGE_GUARD", as memory analysts know them; of the five bits
 * of a VAD. */
void space_protection(unsigned protection, GString *ret);
/* By how it was made: "image", "data", "pagefile", "private", ... Static. */
const char *space_vad_type(const struct nt_vad *vad);

#endif
