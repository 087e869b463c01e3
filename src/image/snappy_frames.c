/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of compressed data. */
#include "config.h"

#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif

#include "base/bytes.h"
#include "base/crc32c.h"
#include "image/snappy_frames.h"

enum {
	TYPE_COMPRESSED = 0,
	TYPE_PLAIN = 1,
	TYPE_COMPRESSED_UNCHECKED = 2,
	TYPE_PLAIN_UNCHECKED = 3,
	TYPE_RESERVED_MAX = 0x7f, /* those above may be skipped */
	TYPE_STREAM = 0xff,
	HEADER_BYTES = 4,
	CHECKSUM_BYTES = 4,
	/* header, checksum, and the length that the data begin with */
	LOOK_BYTES = HEADER_BYTES + CHECKSUM_BYTES + 5,
	EMPTY_MAX = 1 << 16, /* nobody writes so many frames without data */
};

void snappy_walk_init(struct snappy_walk *walk, const ImageIo *io,
		      uint64_t pos, uint64_t end)
{
	walk->io = io;
	walk->pos = pos;
	walk->end = MIN(end, image_io_size(io));
	walk->window_off = 0;
	walk->window_len = 0;
	walk->n_empty = 0;
}

/* What there is of the first bytes of the frame at pos; NULL: cannot be
 * read. */
static const uint8_t *look(struct snappy_walk *walk, uint32_t *len)
{
	uint64_t at = walk->pos - walk->window_off;

	*len = (uint32_t)MIN(walk->end - walk->pos, LOOK_BYTES);
	if (walk->pos >= walk->window_off &&
	    range_fits(at, *len, walk->window_len))
		return walk->window + at;
	walk->window_off = walk->pos;
	walk->window_len = (uint32_t)MIN(walk->end - walk->pos,
					 sizeof walk->window);
	if (image_io_read(walk->io, walk->pos, walk->window,
			  walk->window_len))
		return walk->window;
	walk->window_len = 0;
	return NULL;
}

/* The length that a compressed block begins with: seven bits a byte, the low
 * ones first (google/snappy, format_description.txt). */
static bool get_length(const uint8_t *p, uint32_t len, uint32_t *value)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < MIN(len, 5); i++) {
		v |= (uint64_t)(p[i] & 0x7f) << 7 * i;
		if (!(p[i] & 0x80)) {
			*value = (uint32_t)MIN(v, UINT32_MAX);
			return true;
		}
	}
	return false;
}

/* Can there be a frame of this type and length? */
static bool check_header(unsigned type, uint32_t len)
{
	if (type <= TYPE_PLAIN_UNCHECKED)
		return len <= SNAPPY_FRAME_BYTES_MAX - HEADER_BYTES;
	return type > TYPE_RESERVED_MAX && (type != TYPE_STREAM || len == 6);
}

/* Fills in what the data are; body: what is at hand of the frame behind its
 * header. */
static bool parse_data(struct snappy_frame *frame, unsigned type,
		       const uint8_t *body, uint32_t len, uint32_t at_hand)
{
	uint32_t skip = type <= TYPE_PLAIN ? CHECKSUM_BYTES : 0;

	frame->compressed = type == TYPE_COMPRESSED ||
			    type == TYPE_COMPRESSED_UNCHECKED;
	frame->checked = skip != 0;
	at_hand = MIN(at_hand, len);
	if (at_hand < skip)
		return false;
	if (!frame->compressed)
		frame->data_len = len - skip;
	else if (!get_length(body + skip, at_hand - skip, &frame->data_len))
		return false;
	return frame->data_len <= SNAPPY_FRAME_MAX;
}

static bool parse_frame(struct snappy_frame *frame, const uint8_t *p,
			uint32_t at_hand)
{
	uint32_t len = load_le32(p) >> 8;

	frame->data_len = 0;
	if (p[0] <= TYPE_PLAIN_UNCHECKED)
		return parse_data(frame, p[0], p + HEADER_BYTES, len,
				  at_hand - HEADER_BYTES);
	return p[0] != TYPE_STREAM ||
	       (at_hand >= HEADER_BYTES + 6 &&
		!memcmp(p + HEADER_BYTES, "sNaPpY", 6));
}

enum snappy_status snappy_walk_next(struct snappy_walk *walk,
				    struct snappy_frame *frame)
{
	const uint8_t *p;
	uint32_t len;

	if (walk->pos >= walk->end || walk->end - walk->pos < HEADER_BYTES)
		return SNAPPY_STATUS_END;
	p = look(walk, &len);
	if (!p || !check_header(p[0], load_le32(p) >> 8))
		return SNAPPY_STATUS_DAMAGED;
	frame->off = walk->pos;
	frame->next = walk->pos + HEADER_BYTES + (load_le32(p) >> 8);
	if (frame->next > walk->end)
		return SNAPPY_STATUS_END;
	if (!parse_frame(frame, p, len))
		return SNAPPY_STATUS_DAMAGED;
	walk->n_empty = frame->data_len ? 0 : walk->n_empty + 1;
	if (walk->n_empty > EMPTY_MAX)
		return SNAPPY_STATUS_DAMAGED;
	walk->pos = frame->next;
	return SNAPPY_STATUS_FRAME;
}

/* framing_format.txt, section 3. */
static uint32_t mask_checksum(uint32_t crc)
{
	return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}

static bool unpack(const uint8_t *packed, size_t len, uint8_t *data,
		   size_t data_len)
{
#ifdef HAVE_SNAPPY
	size_t n = data_len;

	return snappy_uncompress((const char *)packed, len, (char *)data,
				 &n) == SNAPPY_OK && n == data_len;
#else
	(void)packed;
	(void)len;
	(void)data;
	(void)data_len;
	return false;
#endif
}

bool snappy_frame_unpack(const struct snappy_frame *frame,
			 const uint8_t *bytes, uint8_t *data)
{
	const uint8_t *p = bytes + HEADER_BYTES;
	size_t len = (size_t)(frame->next - frame->off) - HEADER_BYTES;
	uint32_t crc = 0;

	if (frame->checked) {
		crc = load_le32(p);
		p += CHECKSUM_BYTES;
		len -= CHECKSUM_BYTES;
	}
	if (!frame->compressed)
		memcpy(data, p, frame->data_len);
	else if (!unpack(p, len, data, frame->data_len))
		return false;
	return !frame->checked ||
	       mask_checksum(crc32c(data, frame->data_len)) == crc;
}
