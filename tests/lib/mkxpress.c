/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A compressor for plain LZ77, as in MS-XCA 2.3.4, for pages of the tests. */
#include "config.h"

#include "lib/mkstore.h"

#include <string.h>

#define PLACES 4096u
#define MATCH_MIN 3u
#define DISTANCE_MAX 8192u /* of 13 bits */
#define LONG_LENGTH 7u   /* of the three bits in the pair */
#define LONGER_LENGTH 15u /* of half a byte */

struct writer {
	uint8_t *out;
	size_t at, max;
	size_t flags_at;
	uint32_t flags;
	unsigned int n_flags;
	size_t half_at; /* byte with a free upper half; or 0 */
	bool full;
};

static void put(struct writer *w, unsigned int byte)
{
	if (w->at >= w->max) {
		w->full = true;
		return;
	}
	w->out[w->at++] = (uint8_t)byte;
}

static void put16(struct writer *w, unsigned int value)
{
	put(w, value & 0xff);
	put(w, value >> 8);
}

static void store_flags(struct writer *w)
{
	uint32_t flags = GUINT32_TO_LE(w->flags);

	if (w->flags_at + 4 <= w->max)
		memcpy(w->out + w->flags_at, &flags, 4);
}

static void new_flags(struct writer *w)
{
	w->flags_at = w->at;
	w->flags = 0;
	w->n_flags = 0;
	for (int i = 0; i < 4; i++)
		put(w, 0);
}

static void put_flag(struct writer *w, unsigned int flag)
{
	w->flags = w->flags << 1 | flag;
	if (++w->n_flags < 32)
		return;
	store_flags(w);
	new_flags(w);
}

static void put_length(struct writer *w, size_t length)
{
	unsigned int half = (unsigned int)MIN(length, LONGER_LENGTH);

	if (w->half_at) {
		w->out[w->half_at] |= (uint8_t)(half << 4);
		w->half_at = 0;
	} else {
		w->half_at = w->at;
		put(w, half);
	}
	if (length < LONGER_LENGTH)
		return;
	length -= LONGER_LENGTH;
	if (length < 255) {
		put(w, (unsigned int)length);
		return;
	}
	put(w, 255);
	put16(w, (unsigned int)(length + LONGER_LENGTH + LONG_LENGTH));
}

static void put_match(struct writer *w, size_t distance, size_t length)
{
	unsigned int low;

	length -= MATCH_MIN;
	low = (unsigned int)MIN(length, LONG_LENGTH);
	put16(w, (unsigned int)(distance - 1) << 3 | low);
	if (low == LONG_LENGTH)
		put_length(w, length - LONG_LENGTH);
}

static size_t match_at(const uint8_t *in, size_t len, size_t from, size_t at)
{
	size_t n = 0;

	while (at + n < len && in[from + n] == in[at + n])
		n++;
	return n;
}

/* Where the same three bytes were last, by their hash: place + 1. */
struct places {
	uint32_t last[PLACES];
};

static uint32_t *place_of(struct places *places, const uint8_t *in)
{
	const uint32_t three = in[0] | (uint32_t)in[1] << 8 |
			       (uint32_t)in[2] << 16;

	return &places->last[three * 0x9e3779b1u >> 20];
}

static size_t best_match(struct places *places, const uint8_t *in, size_t len,
			 size_t at, size_t *distance)
{
	size_t last;

	if (len - at < MATCH_MIN)
		return 0;
	last = *place_of(places, in + at);
	if (last == 0)
		return 0;
	*distance = at - (last - 1);
	if (*distance > DISTANCE_MAX)
		return 0;
	return match_at(in, len, last - 1, at);
}

static void note_places(struct places *places, const uint8_t *in, size_t len,
			size_t at, size_t n)
{
	for (; n > 0 && len - at >= MATCH_MIN; n--, at++)
		*place_of(places, in + at) = (uint32_t)at + 1;
}

size_t mk_xpress(const uint8_t *in, size_t len, uint8_t *out, size_t max)
{
	struct writer w = {.out = out, .max = max};
	struct places places = {{0}};

	new_flags(&w);
	for (size_t at = 0; at < len && !w.full;) {
		size_t distance = 0;
		size_t n = best_match(&places, in, len, at, &distance);
		const bool match = n >= MATCH_MIN;

		if (match)
			put_match(&w, distance, n);
		else
			put(&w, in[at]);
		put_flag(&w, match);
		n = match ? n : 1;
		note_places(&places, in, len, at, n);
		at += n;
	}
	/* What is left of the flags is ones. */
	while (w.n_flags < 32) {
		w.flags = w.flags << 1 | 1;
		w.n_flags++;
	}
	store_flags(&w);
	return w.full ? 0 : w.at;
}
