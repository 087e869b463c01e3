/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of `map.svg`. */
#ifndef TREE_SVG_MAP_H
#define TREE_SVG_MAP_H

#include "tree/markup.h"
#include "tree/ranges.h"

#define MAP_NAME_CHARS 74u

enum {
	MAP_WIDTH = 1180,
	MAP_LEFT = 20,
	MAP_RIGHT = MAP_WIDTH - MAP_LEFT,
};

struct picture {
	struct sink *out;
	const struct render_facts *facts;
	const Space *space;
	const SpaceView *view;
	const struct range_list *list;
};

/* Of a kind: class k0, k1, ... */
struct svg_kind {
	const char *name;
	const char *colour;
};
extern const struct svg_kind svg_kinds[RANGE_KINDS];

const struct range *picture_range(const struct picture *p, guint i);
/* The gap before a range; 0: not worth telling. */
uint64_t picture_gap(const struct picture *p, guint i);
/* How much of each part is in [start, last]. */
void picture_count(const struct picture *p, uint64_t start, uint64_t last,
		   uint64_t parts[RANGE_PARTS]);
/* Digits of an address; one, of an offset. */
unsigned picture_digits(const struct picture *p);
void picture_address(const struct picture *p, uint64_t offset);
/* Twice log2 of the pages: what lengths are drawn by. */
unsigned picture_log(uint64_t bytes);

/* Whose it is; the lines below that, the overview, and the legend, of which
 * the height is known. */
void picture_name(const struct picture *p);
void picture_head(const struct picture *p);
unsigned picture_head_height(const struct picture *p);

#endif
