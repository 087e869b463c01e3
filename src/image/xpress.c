/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XPRESS: plain LZ77. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "image/xpress-priv.h"

enum {
	MATCH_MIN = 3,
	SHORT_LENGTHS = 7,   /* of three bits */
	HALF_LENGTHS = 15,   /* of half a byte */
	FLAGS = 32,
};

struct plain {
	const uint8_t *in, *in_end;
	const uint8_t *half; /* byte whose upper half is the next length */
};

/* What of the length is beyond the three bits; false: the stream is over, or
 * says something shorter than it need be. */
static bool long_length(struct plain *s, size_t *length)
{
	size_t n;

	if (s->half) {
		n = *s->half >> 4;
		s->half = NULL;
	} else {
		if (s->in == s->in_end)
			return false;
		s->half = s->in++;
		n = *s->half & 0xf;
	}
	if (n == HALF_LENGTHS) {
		if (s->in == s->in_end)
			return false;
		n += *s->in++;
		if (n == HALF_LENGTHS + 255)
			return xpress_wide_length(&s->in, s->in_end,
						  HALF_LENGTHS + SHORT_LENGTHS,
						  length);
	}
	*length = n + SHORT_LENGTHS;
	return true;
}

static bool get_match(struct plain *s, size_t *distance, size_t *length)
{
	unsigned pair;

	if (s->in_end - s->in < 2)
		return false;
	pair = load_le16(s->in);
	s->in += 2;
	*distance = (pair >> 3) + 1;
	*length = pair & 7;
	if (*length == SHORT_LENGTHS && !long_length(s, length))
		return false;
	*length += MATCH_MIN;
	return true;
}

/* Up to 32 literals and matches, as the flags say; how far it came, or NULL. */
static uint8_t *unpack_group(struct plain *s, uint32_t flags,
			     const uint8_t *start, uint8_t *out,
			     const uint8_t *out_end)
{
	for (unsigned i = 0; i < FLAGS && out < out_end; i++, flags <<= 1) {
		size_t distance, length;

		if (!(flags >> (FLAGS - 1))) {
			if (s->in == s->in_end)
				return NULL;
			*out++ = *s->in++;
			continue;
		}
		if (!get_match(s, &distance, &length) ||
		    distance > (size_t)(out - start) ||
		    length > (size_t)(out_end - out))
			return NULL;
		out = xpress_copy(out, distance, length, out_end);
	}
	return out;
}

bool xpress_unpack_plain(const uint8_t *in, size_t in_len, uint8_t *out,
			 size_t out_len, size_t *in_used)
{
	struct plain s = { in, in + in_len, NULL };
	const uint8_t *start = out, *out_end = out + out_len;

	while (out && out < out_end) {
		uint32_t flags;

		if (s.in_end - s.in < 4)
			return false;
		flags = load_le32(s.in);
		s.in += 4;
		out = unpack_group(&s, flags, start, out, out_end);
	}
	if (out && in_used)
		*in_used = (size_t)(s.in - in);
	return out != NULL;
}
