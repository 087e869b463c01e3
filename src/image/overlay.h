/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pieces of a whole that come in any order, of which later ones replace what
 * earlier ones had: the records of a stream. A stretch of units of which each
 * lies `stride` bytes behind the one before is one piece, so what is kept does
 * not grow with what the pieces claim to hold, only with how many there are.
 *
 * Filled by one thread, finished, then read-only.
 */
#ifndef IMAGE_OVERLAY_H
#define IMAGE_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Units (bytes, pages: as the format likes) [start, start + n). */
struct overlay_piece {
	uint64_t start;
	uint64_t off;	 /* of the first unit, in the file */
	uint32_t n;	 /* > 0 */
	uint16_t stride; /* from one unit to the next, in the file */
	uint16_t kind;	 /* as the format likes; only like ones are merged */
};

typedef struct Overlay Overlay;

/* Of so many pieces at the most; 24 bytes each, twice that at times. */
Overlay *overlay_new(size_t max_pieces);
void overlay_free(Overlay *overlay);
/* How many pieces the records of a file of so many bytes can need: some
 * hundred thousand, and one for each 512 bytes. */
size_t overlay_limit(uint64_t file_bytes);

/* Adds a piece, above all that are there. start + n and the offsets of all
 * units must not overflow. False where there are too many: it is not
 * added. */
bool overlay_add(Overlay *overlay, const struct overlay_piece *piece);
/* Then no more adding, and these may be asked: */
void overlay_finish(Overlay *overlay);

size_t overlay_count(const Overlay *overlay);
/* Pieces do not overlap, in ascending order. Borrowed. */
const struct overlay_piece *overlay_get(const Overlay *overlay, size_t index);
/* The index of the piece that holds a unit, or of the first one above it;
 * overlay_count() where there is none. */
size_t overlay_find(const Overlay *overlay, uint64_t unit);
/* One past the last unit; 0 where there is none. */
uint64_t overlay_end(const Overlay *overlay);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Overlay, overlay_free)

#endif
