/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What SVG and HTML are made of: escaped text, sizes for people, the frame
 * of a picture. */
#ifndef TREE_MARKUP_H
#define TREE_MARKUP_H

#include "tree/sink.h"

/*
 * Text within an element or a quoted attribute. Characters that XML does not
 * allow, and those that turn a line around, become U+FFFD; from max_chars
 * (> 1) on it is cut, and ends in an ellipsis then.
 */
void markup_text(struct sink *out, const char *utf8, size_t max_chars);
/* The same for text from an image: what is unsafe is shown as \ooo. */
void markup_raw(struct sink *out, const char *utf8, size_t max_chars);

/* "0", "512 B", "4 KiB", "1.5 MiB", "128 TiB"; never more than it is. ret has
 * room for 24. */
const char *markup_size(uint64_t bytes, char ret[24]);
/* part of whole in percent: "0", "&lt;1", "42", "100" (only where it is all).
 * ret has room for 8. */
const char *markup_percent(uint64_t part, uint64_t whole, char ret[8]);

/* A picture with a background, light or dark as its reader likes. more:
 * further rules of CSS. Classes: text .h title, .q quiet, .m in columns, .e
 * right-aligned, .b bold, .wx alarm; lines .l. */
void svg_begin(struct sink *out, unsigned width, unsigned height,
	       const char *more);
void svg_end(struct sink *out);

#endif
