/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two forms of XPRESS share. */
#ifndef IMAGE_XPRESS_PRIV_H
#define IMAGE_XPRESS_PRIV_H

#include <string.h>

#include "base/bytes.h"
#include "image/xpress.h"

/* The length of a match in 16 bits, or in 32 behind 16 that are zero; false:
 * the stream is over, or it is shorter than least, for which there are shorter
 * forms. */
static inline bool xpress_wide_length(const uint8_t **in, const uint8_t *in_end,
				      size_t least, size_t *length)
{
	if (in_end - *in < 2)
		return false;
	*length = load_le16(*in);
	*in += 2;
	if (*length == 0) {
		if (in_end - *in < 4)
			return false;
		*length = load_le32(*in);
		*in += 4;
	}
	return *length >= least;
}

/* Copies length bytes from distance bytes before out, both checked by the
 * caller; the two may overlap. Returns out + length. */
static inline uint8_t *xpress_copy(uint8_t *out, size_t distance,
				   size_t length, const uint8_t *out_end)
{
	const uint8_t *from = out - distance;
	uint8_t *end = out + length;

	if (distance >= 8 && (size_t)(out_end - end) >= 8) {
		/* Eight at a time; what is too much is written again. */
		for (; out < end; out += 8, from += 8)
			memcpy(out, from, 8);
	} else if (distance == 1) {
		memset(out, *from, length);
	} else {
		while (out < end)
			*out++ = *from++;
	}
	return end;
}

#endif
