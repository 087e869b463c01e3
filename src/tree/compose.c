/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files made of pieces. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "tree/compose.h"
#include "tree/sparse-priv.h"

enum piece_kind {
	PIECE_BYTES,
	PIECE_SPACE,
	PIECE_HOLE,
};

struct piece {
	uint64_t off;	/* in the file */
	uint64_t len;
	uint64_t at;	/* in bytes, or in the space */
	enum piece_kind kind;
};

struct Compose {
	gatomicrefcount refs;
	SpaceView *view;
	GArray *pieces;	/* struct piece, ascending, without gaps */
	GByteArray *bytes;
	uint64_t size;
};

Compose *compose_new(SpaceView *view)
{
	Compose *c = g_new0(Compose, 1);

	g_atomic_ref_count_init(&c->refs);
	c->view = view ? space_view_ref(view) : NULL;
	c->pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
	c->bytes = g_byte_array_new();
	return c;
}

Compose *compose_ref(Compose *c)
{
	g_atomic_ref_count_inc(&c->refs);
	return c;
}

void compose_unref(Compose *c)
{
	if (!c || !g_atomic_ref_count_dec(&c->refs))
		return;
	space_view_unref(c->view);
	g_array_unref(c->pieces);
	g_byte_array_unref(c->bytes);
	g_free(c);
}

static struct piece *get(const Compose *c, guint i)
{
	return &g_array_index(c->pieces, struct piece, i);
}

/* Makes the last piece longer where this one goes on where it ends. */
static void append(Compose *c, enum piece_kind kind, uint64_t at, uint64_t len)
{
	struct piece piece = { c->size, MIN(len, INT64_MAX - c->size), at,
			       kind };
	struct piece *last = c->pieces->len ? get(c, c->pieces->len - 1) : NULL;

	if (!piece.len)
		return;
	c->size += piece.len;
	if (last && last->kind == kind &&
	    (kind == PIECE_HOLE || last->at + last->len == at))
		last->len += piece.len;
	else
		g_array_append_val(c->pieces, piece);
}

uint64_t compose_bytes(Compose *c, const void *bytes, size_t len)
{
	uint64_t off = c->size;

	len = MIN(len, G_MAXUINT32 - c->bytes->len);
	append(c, PIECE_BYTES, c->bytes->len, len);
	if (len)
		g_byte_array_append(c->bytes, bytes, (guint)len);
	return off;
}

void compose_space(Compose *c, uint64_t at, uint64_t len)
{
	append(c, c->view ? PIECE_SPACE : PIECE_HOLE, at, len);
}

void compose_hole(Compose *c, uint64_t len)
{
	append(c, PIECE_HOLE, 0, len);
}

void compose_align(Compose *c, uint64_t n)
{
	compose_hole(c, (n - c->size % n) % n);
}

/* Index of the piece that has byte off, which is below the size. */
static guint find(const Compose *c, uint64_t off)
{
	guint low = 0, high = c->pieces->len;

	while (high - low > 1) {
		guint mid = low + (high - low) / 2;

		if (get(c, mid)->off <= off)
			low = mid;
		else
			high = mid;
	}
	return low;
}

void compose_patch(Compose *c, uint64_t off, const void *bytes, size_t len)
{
	const struct piece *piece;
	uint64_t skip;

	if (off >= c->size)
		return;
	piece = get(c, find(c, off));
	skip = off - piece->off;
	if (piece->kind == PIECE_BYTES && len <= piece->len - skip)
		memcpy(c->bytes->data + piece->at + skip, bytes, len);
}

uint64_t compose_size(const Compose *c)
{
	return c->size;
}

uint64_t compose_data_bytes(const Compose *c)
{
	uint64_t n = 0;

	for (guint i = 0; i < c->pieces->len; i++) {
		const struct piece *piece = get(c, i);

		if (piece->kind == PIECE_BYTES)
			n += piece->len;
		else if (piece->kind == PIECE_SPACE)
			n += addr_map_data_bytes(c->view->map, piece->at,
						 piece->len);
	}
	return n;
}

size_t compose_footprint(const Compose *c)
{
	return sizeof *c + c->pieces->len * sizeof(struct piece) +
	       c->bytes->len +
	       (c->view ? addr_map_footprint(c->view->map) : 0);
}

SpaceView *compose_view(const Compose *c)
{
	return c->view;
}

static int plan_piece(const struct sparse *s, struct read_plan *plan,
		      const struct piece *piece, uint64_t skip, uint64_t len)
{
	switch (piece->kind) {
	case PIECE_BYTES:
		return sparse_plan_bytes(
			plan, s->compose->bytes->data + piece->at + skip,
			(size_t)len);
	case PIECE_SPACE:
		return sparse_plan_space(s, plan, piece->at + skip, len);
	case PIECE_HOLE:
		break;
	}
	return sparse_plan_zeros(plan, len);
}

int compose_plan(const struct sparse *s, struct read_plan *plan, uint64_t off,
		 uint64_t len)
{
	const Compose *c = s->compose;
	int r = 0;

	for (guint i = find(c, off); len && !r && i < c->pieces->len; i++) {
		const struct piece *piece = get(c, i);
		uint64_t skip = off - piece->off;
		uint64_t n = MIN(len, piece->len - skip);

		r = plan_piece(s, plan, piece, skip, n);
		off += n;
		len -= n;
	}
	return r;
}

uint64_t compose_until_lost(const struct sparse *s, uint64_t off, uint64_t len)
{
	const Compose *c = s->compose;
	uint64_t done = 0;

	for (guint i = find(c, off); done < len && i < c->pieces->len; i++) {
		const struct piece *piece = get(c, i);
		uint64_t skip = off + done - piece->off;
		uint64_t n = MIN(len - done, piece->len - skip), good = n;

		if (piece->kind == PIECE_SPACE)
			good = sparse_until_lost(s, piece->at + skip, n);
		done += good;
		if (good < n)
			break;
	}
	return done;
}

/* The data of a range of the space that end above `from` in it. */
static bool next_in_space(const Compose *c, const struct piece *piece,
			  uint64_t from, uint64_t *start, uint64_t *end)
{
	size_t i = addr_map_find_data(c->view->map, from);
	struct map_run run;

	if (i == addr_map_n_data(c->view->map))
		return false;
	run = addr_map_data(c->view->map, i);
	if (run.va >= piece->at + piece->len)
		return false;
	*start = piece->off + (MAX(run.va, piece->at) - piece->at);
	*end = piece->off +
	       (MIN(run.va + run.len, piece->at + piece->len) - piece->at);
	return true;
}

bool compose_next(const Compose *c, uint64_t off, uint64_t *start,
		  uint64_t *end)
{
	if (off >= c->size)
		return false;
	for (guint i = find(c, off); i < c->pieces->len; i++) {
		const struct piece *piece = get(c, i);
		uint64_t skip = off > piece->off ? off - piece->off : 0;

		if (piece->kind == PIECE_BYTES) {
			*start = piece->off;
			*end = piece->off + piece->len;
			return true;
		}
		if (piece->kind == PIECE_SPACE &&
		    next_in_space(c, piece, piece->at + skip, start, end))
			return true;
	}
	return false;
}
