/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A compressor for LZ77+Huffman, as in MS-XCA 2.1.4, for sets of pages of the
 * tests: every feature of the format is used somewhere. */
#include "config.h"

#include "lib/mkstore.h"

#include <string.h>

#define SYMBOLS 512u
#define BITS_MAX 15u
#define BLOCK 65536u
#define PLACES 16384u
#define MATCH_MIN 3u
#define END_SYMBOL 256u

struct item {
	uint32_t length;   /* 0: a literal */
	uint32_t distance; /* or the literal */
};

/* --- which bytes are copies of earlier ones --- */

static guint32 place_of(const uint8_t *in)
{
	const uint32_t three = in[0] | (uint32_t)in[1] << 8 |
			       (uint32_t)in[2] << 16;

	return three * 0x9e3779b1u >> 18;
}

static size_t match_at(const uint8_t *in, size_t end, size_t from, size_t at)
{
	size_t n = 0;

	while (at + n < end && in[from + n] == in[at + n])
		n++;
	return n;
}

static struct item next_item(const uint8_t *in, size_t at, size_t end,
			     const uint32_t *last)
{
	struct item item = { 0, in[at] };
	size_t from, n;

	if (end - at < MATCH_MIN || !last[place_of(in + at)])
		return item;
	from = last[place_of(in + at)] - 1;
	n = match_at(in, end, from, at);
	if (n < MATCH_MIN || at - from > BLOCK - 1)
		return item;
	item.length = (uint32_t)n;
	item.distance = (uint32_t)(at - from);
	return item;
}

/* Of [at, end); matches may lead to what is before. */
static GArray *find_items(const uint8_t *in, size_t at, size_t end,
			  uint32_t *last)
{
	GArray *items = g_array_new(FALSE, FALSE, sizeof(struct item));

	while (at < end) {
		const struct item item = next_item(in, at, end, last);
		size_t n = MAX(item.length, 1);

		g_array_append_val(items, item);
		for (; n > 0; n--, at++)
			if (end - at >= MATCH_MIN)
				last[place_of(in + at)] = (uint32_t)at + 1;
	}
	return items;
}

static unsigned distance_bits(uint32_t distance)
{
	return 31u - (unsigned)__builtin_clz(distance);
}

static unsigned symbol_of(const struct item *item)
{
	if (!item->length)
		return item->distance;
	return 256 + distance_bits(item->distance) * 16 +
	       MIN(item->length - MATCH_MIN, 15);
}

/* --- lengths of codes --- */

struct node {
	uint32_t weight;
	int parent; /* -1: the root, or not in the tree yet */
};

static int lightest(const struct node *nodes, unsigned n)
{
	int best = -1;

	for (unsigned i = 0; i < n; i++)
		if (nodes[i].weight && nodes[i].parent < 0 &&
		    (best < 0 || nodes[i].weight < nodes[best].weight))
			best = (int)i;
	return best;
}

/* The longest code, or 0: there are not two symbols. */
static unsigned measure(const uint32_t *weights, uint8_t *bits)
{
	struct node nodes[2 * SYMBOLS];
	unsigned n = SYMBOLS, longest = 0;

	memset(bits, 0, SYMBOLS);
	for (unsigned i = 0; i < SYMBOLS; i++)
		nodes[i] = (struct node){ weights[i], -1 };
	for (;;) {
		int a = lightest(nodes, n), b;

		nodes[a].parent = (int)n;
		b = lightest(nodes, n);
		nodes[a].parent = b < 0 ? -1 : (int)n;
		if (b < 0)
			break;
		nodes[b].parent = (int)n;
		nodes[n++] = (struct node){ nodes[a].weight + nodes[b].weight,
					    -1 };
	}
	for (unsigned i = 0; i < SYMBOLS; i++) {
		for (int p = (int)i; nodes[i].weight && nodes[p].parent >= 0;
		     p = nodes[p].parent)
			bits[i]++;
		longest = MAX(longest, bits[i]);
	}
	return longest;
}

static void choose_bits(uint32_t *weights, uint8_t *bits)
{
	while (measure(weights, bits) > BITS_MAX)
		for (unsigned i = 0; i < SYMBOLS; i++)
			weights[i] = (weights[i] + 1) / 2;
}

static void choose_codes(const uint8_t *bits, uint16_t *codes)
{
	unsigned code = 0;

	for (unsigned n = 1; n <= BITS_MAX; n++) {
		for (unsigned i = 0; i < SYMBOLS; i++)
			if (bits[i] == n)
				codes[i] = (uint16_t)code++;
		code <<= 1;
	}
}

/* --- the stream: words of bits, and bytes in between --- */

struct writer {
	uint8_t *out;
	size_t at, max;
	size_t word, next_word; /* where the two words go that are begun */
	uint32_t bits;
	unsigned n_free;
	bool full;
};

static void put(struct writer *w, unsigned byte)
{
	if (w->at >= w->max)
		w->full = true;
	else
		w->out[w->at++] = (uint8_t)byte;
}

static void put16(struct writer *w, unsigned value)
{
	put(w, value & 0xff);
	put(w, value >> 8);
}

static void store16(struct writer *w, size_t at, unsigned value)
{
	if (at + 2 > w->max)
		return;
	w->out[at] = (uint8_t)value;
	w->out[at + 1] = (uint8_t)(value >> 8);
}

static size_t new_word(struct writer *w)
{
	size_t at = w->at;

	put16(w, 0);
	return at;
}

static void put_bits(struct writer *w, unsigned value, unsigned n)
{
	unsigned rest;

	if (n <= w->n_free) {
		w->bits = w->bits << n | value;
		w->n_free -= n;
		return;
	}
	rest = n - w->n_free;
	store16(w, w->word, w->bits << w->n_free | value >> rest);
	w->word = w->next_word;
	w->next_word = new_word(w);
	w->bits = value & ((1u << rest) - 1);
	w->n_free = 16 - rest;
}

static void put_length(struct writer *w, uint32_t length)
{
	if (length < 15)
		return;
	if (length < 15 + 255) {
		put(w, length - 15);
		return;
	}
	put(w, 255);
	if (length < BLOCK) {
		put16(w, length);
		return;
	}
	put16(w, 0);
	put16(w, length & 0xffff);
	put16(w, length >> 16);
}

static void put_item(struct writer *w, const struct item *item,
		     const uint8_t *bits, const uint16_t *codes)
{
	const unsigned symbol = symbol_of(item);

	put_bits(w, codes[symbol], bits[symbol]);
	if (!item->length)
		return;
	put_length(w, item->length - MATCH_MIN);
	put_bits(w, item->distance - (1u << distance_bits(item->distance)),
		 distance_bits(item->distance));
}

static void put_block(struct writer *w, const GArray *items, bool last,
		      bool mark_end)
{
	uint32_t weights[SYMBOLS] = { 0 };
	uint16_t codes[SYMBOLS] = { 0 };
	uint8_t bits[SYMBOLS];

	for (guint i = 0; i < items->len; i++)
		weights[symbol_of(&g_array_index(items, struct item, i))]++;
	if (last && mark_end)
		weights[END_SYMBOL]++;
	/* A code needs two symbols. */
	for (unsigned i = 0; measure(weights, bits) == 0; i++)
		weights[i] += !weights[i];
	choose_bits(weights, bits);
	choose_codes(bits, codes);
	for (unsigned i = 0; i < SYMBOLS; i += 2)
		put(w, bits[i] | (unsigned)bits[i + 1] << 4);
	w->word = new_word(w);
	w->next_word = new_word(w);
	w->bits = 0;
	w->n_free = 16;
	for (guint i = 0; i < items->len; i++)
		put_item(w, &g_array_index(items, struct item, i), bits, codes);
	if (last && mark_end)
		put_bits(w, codes[END_SYMBOL], bits[END_SYMBOL]);
	store16(w, w->word, w->bits << w->n_free);
}

size_t mk_xpress_huffman(const uint8_t *in, size_t len, bool mark_end,
			 uint8_t *out, size_t max)
{
	struct writer w = { .out = out, .max = max };
	g_autofree uint32_t *last = g_new0(uint32_t, PLACES);

	for (size_t at = 0; at < len && !w.full; at += BLOCK) {
		g_autoptr(GArray) items =
			find_items(in, at, MIN(at + BLOCK, len), last);

		put_block(&w, items, len - at <= BLOCK, mark_end);
	}
	return w.full ? 0 : w.at;
}
