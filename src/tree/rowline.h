/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of `maps`, `memmap`, `maps.json`, `dump.idx`. */
#ifndef TREE_ROWLINE_H
#define TREE_ROWLINE_H

#include "tree/sink.h"
#include "tree/space.h"

/* A line to be: a page, or with `coalesce` what has been merged. */
struct row {
	uint64_t va; /* offset */
	uint64_t pa; /* of `dump.idx`: offset in `dump` */
	uint64_t len;
	unsigned rights;
	enum page_state state;
	const char *name; /* as maps shows it, or NULL */
};

void row_put_maps(struct sink *out, const Space *space, const struct row *row);
void row_put_memmap(struct sink *out, const Space *space,
		    const struct row *row);
void row_put_dump_idx(struct sink *out, const Space *space,
		      const struct row *row);
/* first: no comma before it. */
void row_put_json(struct sink *out, const Space *space, const struct row *row,
		  bool first);

/* The same for what was not walked. */
void row_put_json_cut(struct sink *out, uint64_t va, uint64_t len, bool first);
/* One past the last address, with leading zeros: 2^64 has 17 digits, which p
 * has room for; returns its end. */
char *row_put_end(char *p, uint64_t start, uint64_t len);

/* Hex digits of an address in `memmap`. */
unsigned row_address_digits(const Space *space);
/* "start-end perms offset 00:00 0 " without a line's end; returns its length.
 * line has room for ROW_HEAD_BYTES. */
#define ROW_HEAD_BYTES 128u
size_t row_put_head(char *line, const Space *space, const struct row *row);
/* Where Linux puts the path of a line (seq_pad() in show_map_vma). */
#define ROW_PATH_COLUMN 73u

#endif
