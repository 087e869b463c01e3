/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XPRESS: LZ77 with Huffman codes. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "image/xpress-priv.h"

enum {
	SYMBOLS = 512,
	LENGTHS_BYTES = SYMBOLS / 2, /* of codes, half a byte each */
	CODE_BITS = 15,
	LITERALS = 256,
	END_SYMBOL = 256,    /* where the stream is over; else a match */
	LONG_LENGTH = 15,    /* of the four bits in the symbol */
	MATCH_MIN = 3,
	BLOCK_BYTES = 65536, /* that share their codes */
	QUICK_BITS = 10,
};

/*
 * Codes are canonical: those of one length follow each other, those of the
 * next length follow them. Codes of up to QUICK_BITS are looked up; of the
 * others it is known with which code each length ends.
 */
struct codes {
	uint16_t quick[1u << QUICK_BITS]; /* symbol << 4 | bits; 0: longer */
	uint16_t symbols[SYMBOLS];	  /* in the order of their codes */
	/* By length: one past the last code, in CODE_BITS bits; and what leads
	 * from a code to its place in symbols[]. */
	uint32_t ends[CODE_BITS + 1];
	int32_t first[CODE_BITS + 1];
};

struct bits {
	const uint8_t *in, *in_end;
	uint32_t next;
	int n_extra; /* bits in next beyond the first 16 */
};

static unsigned code_length(const uint8_t *lengths, unsigned symbol)
{
	return symbol & 1 ? lengths[symbol / 2] >> 4 :
			    lengths[symbol / 2] & 0xf;
}

static void fill_quick(struct codes *c, unsigned symbol, unsigned length,
		       uint32_t code)
{
	const uint32_t n = 1u << (QUICK_BITS - length);
	const uint16_t entry = (uint16_t)(symbol << 4 | length);

	code >>= CODE_BITS - QUICK_BITS;
	for (uint32_t i = 0; i < n; i++)
		c->quick[code + i] = entry;
}

/* Places of the symbols with each length; false: there are more codes than
 * bits. Fewer are what writers make of a block with one symbol only. */
static bool place_lengths(struct codes *c, const uint8_t *lengths,
			  unsigned places[CODE_BITS + 1])
{
	unsigned count[CODE_BITS + 1] = { 0 };
	uint32_t code = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < SYMBOLS; i++)
		count[code_length(lengths, i)]++;
	for (unsigned n = 1; n <= CODE_BITS; n++) {
		places[n] = at;
		c->first[n] = (int32_t)at - (int32_t)(code >> (CODE_BITS - n));
		at += count[n];
		code += count[n] << (CODE_BITS - n);
		c->ends[n] = code;
	}
	return code > 0 && code <= 1u << CODE_BITS;
}

static bool build_codes(struct codes *c, const uint8_t *lengths)
{
	unsigned places[CODE_BITS + 1];

	if (!place_lengths(c, lengths, places))
		return false;
	memset(c->quick, 0, sizeof c->quick);
	for (unsigned i = 0; i < SYMBOLS; i++) {
		unsigned n = code_length(lengths, i);

		if (!n)
			continue;
		c->symbols[places[n]] = (uint16_t)i;
		if (n <= QUICK_BITS)
			fill_quick(c, i, n,
				   (uint32_t)((int32_t)places[n] - c->first[n])
					   << (CODE_BITS - n));
		places[n]++;
	}
	return true;
}

static bool start_bits(struct bits *b)
{
	if (b->in_end - b->in < 4)
		return false;
	b->next = (uint32_t)load_le16(b->in) << 16 | load_le16(b->in + 2);
	b->in += 4;
	b->n_extra = 16;
	return true;
}

/* Behind the end there are zeros, but no word that anything needs: whoever
 * takes bits of it finds n_extra below -16. Half a word is the rest of one
 * that was cut off: it is no byte of what comes after that word. */
static void skip_bits(struct bits *b, unsigned n)
{
	b->next <<= n;
	b->n_extra -= (int)n;
	if (b->n_extra >= 0)
		return;
	if (b->in_end - b->in < 2) {
		b->in = b->in_end;
		return;
	}
	b->next |= (uint32_t)load_le16(b->in) << -b->n_extra;
	b->in += 2;
	b->n_extra += 16;
}

/* SYMBOLS: these bits are no code. */
static unsigned get_symbol(struct bits *b, const struct codes *c)
{
	const uint32_t code = b->next >> (32 - CODE_BITS);
	const unsigned quick = c->quick[code >> (CODE_BITS - QUICK_BITS)];
	unsigned n = QUICK_BITS + 1;

	if (quick) {
		skip_bits(b, quick & 0xf);
		return quick >> 4;
	}
	while (n <= CODE_BITS && code >= c->ends[n])
		n++;
	if (n > CODE_BITS)
		return SYMBOLS;
	skip_bits(b, n);
	return c->symbols[(int32_t)(code >> (CODE_BITS - n)) + c->first[n]];
}

/* Of more than the symbol says: a byte, or 16 or 32 bits. */
static bool long_length(struct bits *b, size_t *length)
{
	if (b->in == b->in_end)
		return false;
	*length = *b->in++;
	if (*length == 255)
		return xpress_wide_length(&b->in, b->in_end, LONG_LENGTH,
					  length);
	*length += LONG_LENGTH;
	return true;
}

static bool get_match(struct bits *b, unsigned symbol, size_t *distance,
		      size_t *length)
{
	const unsigned n = symbol / 16;

	*length = symbol % 16;
	if (*length == LONG_LENGTH && !long_length(b, length))
		return false;
	*length += MATCH_MIN;
	*distance = (size_t)1 << n;
	if (n) {
		*distance += b->next >> (32 - n);
		skip_bits(b, n);
	}
	return true;
}

/* Up to the end of a block; how far it came, or NULL. A match may reach over
 * the end of its block. */
static uint8_t *unpack_block(struct bits *b, const struct codes *c,
			     const uint8_t *start, uint8_t *out,
			     const uint8_t *block_end, const uint8_t *out_end)
{
	while (out < block_end) {
		unsigned symbol = get_symbol(b, c);
		size_t distance, length;

		/* More bits than there are: the last word came with 16. */
		if (symbol == SYMBOLS || b->n_extra < -16)
			return NULL;
		if (symbol < LITERALS) {
			*out++ = (uint8_t)symbol;
			continue;
		}
		if (!get_match(b, symbol - LITERALS, &distance, &length) ||
		    b->n_extra < -16 || distance > (size_t)(out - start) ||
		    length > (size_t)(out_end - out))
			return NULL;
		out = xpress_copy(out, distance, length, out_end);
	}
	return out;
}

/* The end may be marked by a symbol, which takes no byte but those of words
 * that are there already, or one word more. */
static void skip_end(struct bits *b, const struct codes *c)
{
	struct bits after = *b;

	if (get_symbol(&after, c) == END_SYMBOL && after.n_extra >= -16)
		*b = after;
}

bool xpress_unpack_huffman(const uint8_t *in, size_t in_len, uint8_t *out,
			   size_t out_len, size_t *in_used)
{
	struct bits b = { in, in + in_len, 0, 0 };
	const uint8_t *start = out, *out_end = out + out_len;
	struct codes c;

	while (out && out < out_end) {
		size_t n = MIN((size_t)(out_end - out), (size_t)BLOCK_BYTES);

		if (b.in_end - b.in < LENGTHS_BYTES ||
		    !build_codes(&c, b.in))
			return false;
		b.in += LENGTHS_BYTES;
		if (!start_bits(&b))
			return false;
		out = unpack_block(&b, &c, start, out, out + n, out_end);
	}
	if (!out)
		return false;
	if (out_len)
		skip_end(&b, &c);
	if (in_used)
		*in_used = (size_t)(b.in - in);
	return true;
}
