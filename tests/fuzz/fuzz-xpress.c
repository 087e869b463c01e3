/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: XPRESS, plain and with Huffman codes.
 *
 * Input: byte 0: which of the two (bit 0), whether the rest is to be packed
 * first (bit 1), with an end mark (bit 2), how much it should give: its upper
 * bits, in 2 KiB, or a little less or more than that. Then the rest.
 *
 * What must hold: nothing beyond the stream is read and nothing beyond the
 * output is written (both are as long as they say); the same comes out each
 * time; what was packed comes back, and does not when its last bytes are
 * missing.
 */
#include "config.h"

#include <glib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "image/xpress.h"
#include "lib/mkphys.h"
#include "lib/mkstore.h"

#define OUT_MAX (128u << 10)
#define LEN_MAX (80u << 10) /* two blocks of codes */

static bool unpack(bool huffman, const uint8_t *in, size_t size, uint8_t *out,
		   size_t len, size_t *used)
{
	return huffman ? xpress_unpack_huffman(in, size, out, len, used) :
			 xpress_unpack_plain(in, size, out, len, used);
}

static void check_stream(bool huffman, const uint8_t *data, size_t size,
			 size_t len)
{
	/* Just as long as it is. */
	g_autofree uint8_t *in = size ? g_memdup2(data, size) : g_malloc(1);
	g_autofree uint8_t *a = g_malloc(len ? len : 1);
	g_autofree uint8_t *b = g_malloc(len ? len : 1);
	size_t used = 0, again = 0;
	bool ok = unpack(huffman, in, size, a, len, &used);

	MUST(unpack(huffman, in, size, b, len, &again) == ok);
	MUST(!ok || (used <= size && used == again && !memcmp(a, b, len)));
}

static void check_packed(bool huffman, bool mark_end, const uint8_t *data,
			 size_t len)
{
	g_autofree uint8_t *packed = g_malloc(OUT_MAX);
	g_autofree uint8_t *out = g_malloc(len ? len : 1);
	size_t used = 0, size;

	if (!len || len > LEN_MAX)
		return;
	size = huffman ? mk_xpress_huffman(data, len, mark_end, packed,
					   OUT_MAX) :
			 mk_xpress(data, len, packed, OUT_MAX);
	MUST(size > 0);
	MUST(unpack(huffman, packed, size, out, len, &used));
	MUST(used <= size && size - used <= 4 && !memcmp(out, data, len));
	/* Behind the last item there may be words that nothing is in. */
	if (unpack(huffman, packed, used - MIN(used, 8), out, len, NULL))
		MUST(huffman && memcmp(out, data, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;

	if (!size)
		return 0;
	if (data[0] & 2) {
		check_packed(data[0] & 1, data[0] & 4, data + 1, size - 1);
		return 0;
	}
	len = (size_t)(data[0] >> 3) << 11;
	check_stream(data[0] & 1, data + 1, size - 1, len);
	check_stream(data[0] & 1, data + 1, size - 1, len + 1);
	return 0;
}

/* Bytes of several kinds, as they are and packed. */
static size_t make_bytes(struct mk_random *random, unsigned kind, uint8_t *p)
{
	size_t len = 2048u << mk_random_below(random, 6);

	for (size_t i = 0; i < len; i++) {
		uint64_t r = mk_random_next(random);

		if (kind == 0)
			p[i] = 0;
		else if (kind == 1)
			p[i] = (uint8_t)r;
		else if (kind == 2 || i < 600)
			p[i] = (uint8_t)(__builtin_ctzll(r | 1u << 14) * 3);
		else
			p[i] = r % 50 ? p[i - 1 - 599 * (r % 3 == 0)] :
					(uint8_t)r;
	}
	return len;
}

void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	struct mk_random random = { 31 };
	g_autofree uint8_t *bytes = g_malloc(OUT_MAX);
	g_autofree uint8_t *seed = g_malloc(OUT_MAX + 1);

	for (unsigned i = 0; i < 48; i++) {
		size_t len = make_bytes(&random, i / 2 % 4, bytes), n;

		seed[0] = (uint8_t)(2 | (i & 1) | (i & 8) >> 1);
		memcpy(seed + 1, bytes, len);
		fn(ctx, seed, 1 + len);
		n = i & 1 ? mk_xpress_huffman(bytes, len, i & 8, seed + 1,
					      OUT_MAX) :
			    mk_xpress(bytes, len, seed + 1, OUT_MAX);
		seed[0] = (uint8_t)((i & 1) | (len >> 11 & 31) << 3);
		fn(ctx, seed, 1 + n);
	}
}
