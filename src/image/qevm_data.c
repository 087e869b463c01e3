/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pages of a migration stream as bytes, each block's from its own
 * start. */
#include "config.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "image/qevm.h"
#include "image/qevm_reader.h"

enum {
	/* Pages of a stream that are read at once, with what is between. */
	SPAN_PAGES = 15,
	SPAN_BYTES = SPAN_PAGES * (4096 + 8),
	BITS_BYTES = 512,
	PACKED_MAX = 2 * 4096,
};

/* Bytes of the data, within one piece. */
struct part {
	const struct overlay_piece *piece;
	uint64_t first;	/* page in the piece */
	size_t skip;	/* bytes of that page */
	uint8_t *to;
	size_t len;	/* may be cut */
};

/* Pages with 8 or so bytes between them. */
static bool read_stored(const struct qevm *q, struct part *part)
{
	const unsigned stride = part->piece->stride;
	const uint64_t off = part->piece->off + part->first * stride;
	uint8_t span[SPAN_BYTES];
	size_t page, done = 0, n;

	part->len = MIN(part->len, SPAN_PAGES * PAGE_SIZE_4K - part->skip);
	n = (part->skip + part->len - 1) / PAGE_SIZE_4K;
	n = n * stride + (part->skip + part->len - 1) % PAGE_SIZE_4K + 1;
	if (!image_io_read(q->io, off + part->skip, span, n - part->skip))
		return false;
	for (page = 0; done < part->len; page++) {
		size_t from = page ? page * stride - part->skip : 0;
		size_t here = PAGE_SIZE_4K - (page ? 0 : part->skip);

		here = MIN(here, part->len - done);
		memcpy(part->to + done, span + from, here);
		done += here;
	}
	return true;
}

#ifdef HAVE_ZLIB
static bool unpack(const uint8_t *packed, size_t len, uint8_t *page)
{
	uLongf n = PAGE_SIZE_4K;

	return uncompress(page, &n, packed, len) == Z_OK && n == PAGE_SIZE_4K;
}
#else
static bool unpack(const uint8_t *packed, size_t len, uint8_t *page)
{
	(void)packed;
	(void)len;
	(void)page;
	return false;
}
#endif

static bool read_zlib(const struct qevm *q, struct part *part)
{
	const uint64_t off = part->piece->off;
	uint8_t len_bytes[4], packed[PACKED_MAX], page[PAGE_SIZE_4K];
	uint32_t len;

	if (!image_io_read(q->io, off - 4, len_bytes, sizeof len_bytes))
		return false;
	len = qevm_be32(len_bytes);
	if (len > sizeof packed || !image_io_read(q->io, off, packed, len) ||
	    !unpack(packed, len, page))
		return false;
	part->len = MIN(part->len, PAGE_SIZE_4K - part->skip);
	memcpy(part->to, page + part->skip, part->len);
	return true;
}

static uint64_t page_in_block(const struct part *part)
{
	return (part->piece->start + part->first) % QEVM_BLOCK_UNITS;
}

/* As many pages as have the same bit as the first one. */
static bool read_mapped(const struct qevm *q, struct part *part)
{
	const struct qevm_block *block = qevm_block(
		q, (guint)(part->piece->start / QEVM_BLOCK_UNITS));
	uint64_t page = page_in_block(part);
	uint64_t n = (part->skip + part->len + PAGE_SIZE_4K - 1) / PAGE_SIZE_4K;
	uint8_t bits[BITS_BYTES];
	uint64_t same;
	bool set;

	n = MIN(n, BITS_BYTES * 8 - page % 8);
	if (!image_io_read(q->io, block->bitmap_off + page / 8, bits,
			   (size_t)(page % 8 + n + 7) / 8))
		return false;
	set = bits[0] >> page % 8 & 1;
	for (same = 1; same < n; same++) {
		uint64_t bit = page % 8 + same;

		if ((bits[bit / 8] >> bit % 8 & 1) != set)
			break;
	}
	part->len = (size_t)MIN(part->len, same * PAGE_SIZE_4K - part->skip);
	if (set)
		return image_io_read(q->io, block->pages_off +
						    page * PAGE_SIZE_4K +
						    part->skip,
				     part->to, part->len);
	memset(part->to, 0, part->len);
	return true;
}

static bool read_part(const struct qevm *q, struct part *part)
{
	switch (part->piece->kind) {
	case QEVM_STORED:
		return read_stored(q, part);
	case QEVM_ZLIB:
		return read_zlib(q, part);
	case QEVM_MAPPED:
		return read_mapped(q, part);
	case QEVM_LOST:
		return false;
	default:
		memset(part->to, part->piece->kind - QEVM_FILLED, part->len);
		return true;
	}
}

/* The part at off, or false: there are no such pages. */
static bool find_part(const struct qevm *q, uint64_t off, struct part *part)
{
	uint64_t page = off / PAGE_SIZE_4K, left;
	size_t i = overlay_find(q->pages, page);

	if (i == overlay_count(q->pages))
		return false;
	part->piece = overlay_get(q->pages, i);
	if (part->piece->start > page)
		return false;
	part->first = page - part->piece->start;
	part->skip = off % PAGE_SIZE_4K;
	left = (part->piece->n - part->first) * PAGE_SIZE_4K - part->skip;
	part->len = (size_t)MIN(part->len, left);
	return true;
}

static int64_t data_read(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	const struct qevm *q = ctx;
	size_t done = 0;

	while (done < len_bytes) {
		struct part part = {
			.to = (uint8_t *)buf + done,
			.len = len_bytes - done,
		};

		if (!find_part(q, off + done, &part) || !read_part(q, &part))
			break;
		done += part.len;
	}
	return done ? (int64_t)done : -1;
}

/* Where the file has bytes for a page of the piece at or behind `first`; the
 * end of the piece, else. */
static uint64_t next_mapped(const struct qevm *q,
			    const struct overlay_piece *piece, uint64_t first)
{
	uint64_t at = piece->off + first * PAGE_SIZE_4K;
	uint64_t next = image_io_next_data(q->io, at);

	return MIN(first + (next - at) / PAGE_SIZE_4K, piece->n);
}

/* Pages of zeros are as good as holes. */
static uint64_t data_next(void *ctx, uint64_t off)
{
	const struct qevm *q = ctx;
	uint64_t page = off / PAGE_SIZE_4K;
	size_t n = overlay_count(q->pages);

	for (size_t i = overlay_find(q->pages, page); i < n; i++) {
		const struct overlay_piece *piece = overlay_get(q->pages, i);
		uint64_t first = page > piece->start ? page - piece->start : 0;

		if (piece->kind == QEVM_MAPPED)
			first = next_mapped(q, piece, first);
		else if (piece->kind == QEVM_FILLED)
			first = piece->n;
		if (first < piece->n)
			return MAX(off, (piece->start + first) * PAGE_SIZE_4K);
	}
	return QEVM_BLOCKS_MAX * PHYS_ADDR_END;
}

void qevm_free(void *ctx)
{
	struct qevm *q = ctx;

	overlay_free(q->pages);
	g_array_unref(q->blocks);
	g_free(q);
}

static const struct image_io_ops data_ops = {
	.read = data_read,
	.next_data = data_next,
	.free = qevm_free,
};

ImageIo *qevm_data(struct qevm *q)
{
	return image_io_custom(&data_ops, q, QEVM_BLOCKS_MAX * PHYS_ADDR_END,
			       image_io_mtime(q->io));
}
