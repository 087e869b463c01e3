/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headers of segments in LiME and AVML images. */
#include "config.h"

#include "base/bytes.h"
#include "image/lime.h"
#include "image/runs.h"

enum {
	SEARCH_CHUNK = 1 << 20,
	PATTERN_BYTES = 8,
	COST_OF_LOOK = 4096, /* of the budget, for a place that is looked at */
};

bool lime_header_read(const ImageIo *io, uint64_t off, struct lime_header *h)
{
	uint8_t buf[LIME_HEADER_BYTES];

	if (!image_io_read(io, off, buf, sizeof buf))
		return false;
	h->magic = load_le32(buf);
	h->version = load_le32(buf + 4);
	h->start = load_le64(buf + 8);
	h->end = load_le64(buf + 16);
	h->reserved = load_le64(buf + 24);
	return true;
}

bool lime_header_valid(const struct lime_header *h, uint32_t magic)
{
	return h->magic == magic &&
	       h->version == (magic == LIME_MAGIC ? 1 : 2) &&
	       h->start < h->end && h->start < PHYS_ADDR_END &&
	       h->end < UINT64_MAX;
}

bool lime_header_at(const ImageIo *io, uint64_t off, uint32_t magic)
{
	struct lime_header h;

	return lime_header_read(io, off, &h) && lime_header_valid(&h, magic);
}

/* Is there a header at one of the places of buf that begin like one? */
static bool search_chunk(struct lime_search *s, const uint8_t *buf,
			 size_t len, uint64_t start, uint64_t *off)
{
	const uint32_t words[2] = { GUINT32_TO_LE(s->magic),
				    GUINT32_TO_LE(
					    s->magic == LIME_MAGIC ? 1u : 2u) };
	const uint8_t *p = buf;

	while ((p = memmem(p, len - (size_t)(p - buf), words, sizeof words))) {
		uint64_t at = start + (uint64_t)(p - buf);
		struct lime_header h;

		s->budget -= MIN(s->budget, COST_OF_LOOK);
		if (!s->budget)
			return false;
		if (lime_header_read(s->io, at, &h) &&
		    lime_header_valid(&h, s->magic) && !h.reserved &&
		    h.start >= s->min_start) {
			*off = at;
			return true;
		}
		p++;
	}
	return false;
}

bool lime_search_next(struct lime_search *search, uint64_t from, uint64_t to,
		      uint64_t *off)
{
	g_autofree uint8_t *buf = NULL;

	to = MIN(to, image_io_size(search->io));
	if (from >= to || !search->budget)
		return false;
	buf = g_malloc((size_t)MIN(to - from, SEARCH_CHUNK));
	while (from < to && to - from >= PATTERN_BYTES && search->budget) {
		size_t len = (size_t)MIN(to - from, SEARCH_CHUNK);

		if (!image_io_read(search->io, from, buf, len))
			return false;
		if (search_chunk(search, buf, len, from, off))
			return true;
		search->budget -= MIN(search->budget, len);
		/* a header may lie across two pieces */
		from += len == SEARCH_CHUNK ? len - PATTERN_BYTES + 1 : len;
	}
	return false;
}
