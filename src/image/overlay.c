/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Overlaid pieces: a merge sort that takes the stretches of ascending pieces
 * as they come for layers. Two neighbouring layers make one, in which the
 * upper one covers the lower one; as layers are merged with those of their own
 * size, all takes n log n steps in whatever order pieces come.
 */
#include "config.h"

#include "base/bytes.h"
#include "image/overlay.h"

#define BASE_PIECES (256u * 1024)

struct Overlay {
	GPtrArray *layers; /* GArray of struct overlay_piece, lowest first */
	size_t n;	   /* in all of them */
	size_t max_pieces;
};

static void free_layer(gpointer layer)
{
	g_array_unref(layer);
}

Overlay *overlay_new(size_t max_pieces)
{
	Overlay *overlay = g_new0(Overlay, 1);

	overlay->layers = g_ptr_array_new_with_free_func(free_layer);
	overlay->max_pieces = max_pieces;
	return overlay;
}

void overlay_free(Overlay *overlay)
{
	if (!overlay)
		return;
	g_ptr_array_unref(overlay->layers);
	g_free(overlay);
}

size_t overlay_limit(uint64_t file_bytes)
{
	return (size_t)MIN(BASE_PIECES + file_bytes / 512, UINT32_MAX);
}

static const struct overlay_piece *piece_at(const GArray *layer, guint i)
{
	return &g_array_index(layer, struct overlay_piece, i);
}

static uint64_t piece_end(const struct overlay_piece *piece)
{
	return piece->start + piece->n;
}

static bool continues(const struct overlay_piece *a,
		      const struct overlay_piece *b)
{
	return a->kind == b->kind && a->stride == b->stride &&
	       piece_end(a) == b->start &&
	       a->off + (uint64_t)a->n * a->stride == b->off &&
	       a->n <= UINT32_MAX - b->n;
}

/* Puts a piece behind the others, or into the last one. */
static void append(GArray *layer, const struct overlay_piece *piece)
{
	struct overlay_piece *last;

	if (layer->len) {
		last = &g_array_index(layer, struct overlay_piece,
				      layer->len - 1);
		if (continues(last, piece)) {
			last->n += piece->n;
			return;
		}
	}
	g_array_append_val(layer, *piece);
}

/* Appends what [from, to) leaves of the piece. */
static void append_part(GArray *layer, struct overlay_piece piece,
			uint64_t from, uint64_t to)
{
	uint64_t start = MAX(piece.start, from);
	uint64_t end = MIN(piece_end(&piece), to);

	if (start >= end)
		return;
	piece.off += (start - piece.start) * piece.stride;
	piece.start = start;
	piece.n = (uint32_t)(end - start);
	append(layer, &piece);
}

/* Appends what the lower layer has in [from, to); i: the first of its pieces
 * that may reach beyond `from`. Returns that for `to`. */
static guint append_lower(GArray *layer, const GArray *lower, guint i,
			  uint64_t from, uint64_t to)
{
	for (; i < lower->len; i++) {
		const struct overlay_piece *piece = piece_at(lower, i);

		if (piece->start >= to)
			break;
		append_part(layer, *piece, from, to);
		if (piece_end(piece) > to)
			break;
	}
	return i;
}

static GArray *new_layer(guint reserved)
{
	return g_array_sized_new(FALSE, FALSE, sizeof(struct overlay_piece),
				 reserved);
}

static GArray *merge(const GArray *lower, const GArray *upper)
{
	GArray *layer = new_layer(lower->len + upper->len);
	uint64_t from = 0;
	guint at = 0;

	for (guint i = 0; i < upper->len; i++) {
		const struct overlay_piece *piece = piece_at(upper, i);

		at = append_lower(layer, lower, at, from, piece->start);
		append(layer, piece);
		from = piece_end(piece);
	}
	append_lower(layer, lower, at, from, UINT64_MAX);
	return layer;
}

static GArray *layer_from_top(const Overlay *overlay, guint i)
{
	return g_ptr_array_index(overlay->layers,
				 overlay->layers->len - 1 - i);
}

/* Makes one layer of the upper two. */
static void merge_top(Overlay *overlay)
{
	GArray *upper = layer_from_top(overlay, 0);
	GArray *lower = layer_from_top(overlay, 1);
	GArray *both = merge(lower, upper);

	overlay->n = overlay->n - upper->len - lower->len + both->len;
	g_ptr_array_set_size(overlay->layers, (gint)overlay->layers->len - 2);
	g_ptr_array_add(overlay->layers, both);
}

static void start_layer(Overlay *overlay)
{
	while (overlay->layers->len > 1 &&
	       layer_from_top(overlay, 1)->len / 2 <=
		       layer_from_top(overlay, 0)->len)
		merge_top(overlay);
	g_ptr_array_add(overlay->layers, new_layer(4));
}

bool overlay_add(Overlay *overlay, const struct overlay_piece *piece)
{
	GArray *top = overlay->layers->len ? layer_from_top(overlay, 0) : NULL;
	guint old;

	if (overlay->n >= overlay->max_pieces)
		return false;
	if (!top || (top->len &&
		     piece->start < piece_end(piece_at(top, top->len - 1)))) {
		start_layer(overlay);
		top = layer_from_top(overlay, 0);
	}
	old = top->len;
	append(top, piece);
	overlay->n += top->len - old;
	return true;
}

void overlay_finish(Overlay *overlay)
{
	if (!overlay->layers->len)
		start_layer(overlay);
	while (overlay->layers->len > 1)
		merge_top(overlay);
}

static const GArray *pieces_of(const Overlay *overlay)
{
	return g_ptr_array_index(overlay->layers, 0);
}

size_t overlay_count(const Overlay *overlay)
{
	return pieces_of(overlay)->len;
}

const struct overlay_piece *overlay_get(const Overlay *overlay, size_t index)
{
	return piece_at(pieces_of(overlay), (guint)index);
}

size_t overlay_find(const Overlay *overlay, uint64_t unit)
{
	const GArray *pieces = pieces_of(overlay);
	guint low = 0, high = pieces->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;

		if (piece_end(piece_at(pieces, mid)) <= unit)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint64_t overlay_end(const Overlay *overlay)
{
	const GArray *pieces = pieces_of(overlay);

	return pieces->len ? piece_end(piece_at(pieces, pieces->len - 1)) : 0;
}
