/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `maps` and `memmap`: a head, and one line for each page, or with `coalesce`
 * for each range. There can be millions: a file is never held as a whole, an
 * index lets any part of it be made when it is read.
 */
#ifndef TREE_ROWS_H
#define TREE_ROWS_H

#include "tree/sink.h"
#include "tree/space.h"

typedef struct RowText RowText;

/* kind: SPACE_TEXT_MAPS or SPACE_TEXT_MEMMAP. Goes through all lines once to
 * know the size. view is that of the space; neither is kept. */
RowText *row_text_new(const Space *space, const SpaceView *view,
		      enum space_text kind, bool coalesce);
void row_text_free(RowText *text);

uint64_t row_text_size(const RowText *text);
/* Makes the bytes [off, off + len) of the text, which must lie within its
 * size; space and view as above. */
void row_text_read(const RowText *text, const Space *space,
		   const SpaceView *view, uint64_t off, size_t len, char *buf);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RowText, row_text_free)

#endif
