/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `maps`, `memmap` and `maps.json`: a head, and one line for each page, or
 * with `coalesce` for each range; and `dump.idx`: a line for each MiB of
 * `dump`. There can be millions: a file is never held as a whole, an index
 * lets any part of it be made when it is read.
 *
 * dump.idx is the table that Rekall's memdump writes beside its output
 * (MemDumpMixin in rekall-core/rekall/plugins/common/memmap.py, TextColumn in
 * ui/text.py): file offset, length and virtual address, zero-padded as in
 * memmap and left-justified under headers of up to 12 characters; the pages of
 * a range that is contiguous in virtual memory alone are merged, and it is
 * written in pieces of 1 MiB from its start, one line each. Neither coalesce
 * nor the pages' sizes change that.
 */
#ifndef TREE_ROWS_H
#define TREE_ROWS_H

#include "tree/sink.h"
#include "tree/space.h"

typedef struct RowText RowText;

/* What lines are made of; borrowed for the call. */
struct row_source {
	const Space *space;
	const SpaceView *view;	/* that of the space */
	const GArray *ranges;	/* space_ranges() of it */
};

/* kind: below SPACE_TEXTS_OF_ROWS; maps.json is always of ranges. Goes through
 * all lines once to know the size. */
RowText *row_text_new(const struct row_source *src, enum space_text kind,
		      bool coalesce);
void row_text_free(RowText *text);

uint64_t row_text_size(const RowText *text);
/* Makes the bytes [off, off + len) of the text, which must lie within its
 * size; src as above. */
void row_text_read(const RowText *text, const struct row_source *src,
		   uint64_t off, size_t len, char *buf);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RowText, row_text_free)

#endif
