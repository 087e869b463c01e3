/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LiME images, version 1: segments one behind the other, each a header and
 * its bytes as they were in memory. Only the headers are read; what is shown
 * is the file itself.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "image/formats.h"
#include "image/lime.h"

enum {
	SEGMENTS_MAX = 1 << 20, /* a header can be followed by one byte */
	PADDING_MAX = 1 << 16,	/* between a segment and the next header */
};

/* One walk from header to header. */
struct walk {
	Image *image;
	uint64_t size;
	uint64_t prev_end; /* one past the segment before, in memory */
	uint64_t n_segments;
	uint64_t n_exclusive; /* whose end is one past the last byte */
	uint64_t n_padding;   /* bytes between segments */
	uint64_t n_repaired;  /* headers put right by what is around them */
	uint64_t n_lost;      /* headers that could not be */
	uint64_t lost_bytes;
	uint64_t beyond;      /* bytes behind the last segment */
	struct lime_search search;
};

/* A segment as it is taken. */
struct segment {
	uint64_t pa;
	uint64_t len;
	uint64_t next; /* offset of what follows it */
};

static enum image_probe lime_probe(const ImageIo *io)
{
	struct lime_header h;

	if (!lime_header_read(io, 0, &h) || h.magic != LIME_MAGIC)
		return IMAGE_NOT_MINE;
	return lime_header_valid(&h, LIME_MAGIC) ? IMAGE_MINE : IMAGE_DAMAGED;
}

/* Does a segment with len bytes of data at off end where the file does, or
 * where another header begins? */
static bool ends_well(const struct walk *w, uint64_t off, uint64_t len)
{
	uint64_t next;

	if (!add_u64(off, len, &next) || next > w->size)
		return false;
	return next == w->size ||
	       lime_header_at(w->image->io, next, LIME_MAGIC);
}

static void take(struct segment *s, uint64_t data, uint64_t pa, uint64_t len)
{
	s->pa = pa;
	s->len = len;
	if (!add_u64(data, len, &s->next))
		s->next = UINT64_MAX;
}

/* Is the range between the segment before and the one at next? */
static bool in_order(const struct walk *w, uint64_t start, uint64_t len,
		     uint64_t next)
{
	struct lime_header h;
	uint64_t end;

	return start >= w->prev_end && add_u64(start, len, &end) &&
	       lime_header_read(w->image->io, next, &h) && end <= h.start;
}

/*
 * The data at `data` go up to the header at next, and the range does not: its
 * end is wrong, or its start. The one is believed that fits between the
 * neighbours, or of two the one that makes the other differ in fewer bits.
 */
static void repair_range(struct walk *w, const struct lime_header *h,
			 uint64_t data, uint64_t next, struct segment *s)
{
	uint64_t len = next - data;
	uint64_t end = h->start + len - 1, start = h->end - len + 1;
	bool by_start = in_order(w, h->start, len, next);
	bool by_end = in_order(w, start, len, next);

	w->n_repaired++;
	if (by_start == by_end)
		by_start = __builtin_popcountll(end ^ h->end) <=
			   __builtin_popcountll(start ^ h->start);
	take(s, data, by_start ? h->start : start, len);
}

/* Is the range, but for one bit, as long as the data? */
static bool one_bit_off(const struct lime_header *h, uint64_t len)
{
	return __builtin_popcountll((h->start + len - 1) ^ h->end) == 1 ||
	       __builtin_popcountll((h->end - len + 1) ^ h->start) == 1;
}

static bool only_zeros(const struct walk *w, uint64_t off, uint64_t end)
{
	uint8_t buf[4096];

	while (off < end) {
		size_t len = (size_t)MIN(end - off, sizeof buf);

		if (!image_io_read(w->image->io, off, buf, len))
			return false;
		for (size_t i = 0; i < len; i++)
			if (buf[i])
				return false;
		off += len;
	}
	return true;
}

/* A valid header at off whose segment does not end at another: what of it can
 * be believed? */
static void fit_segment(struct walk *w, const struct lime_header *h,
			uint64_t data, struct segment *s)
{
	uint64_t len = h->end - h->start + 1, end, next;
	bool found;

	if (!(h->end & 0xf) && ends_well(w, data, len - 1)) {
		w->n_exclusive++;
		take(s, data, h->start, len - 1);
		return;
	}
	take(s, data, h->start, len);
	end = s->next;
	found = end < w->size &&
		lime_search_next(&w->search, end, end + PADDING_MAX, &next);
	if (found && only_zeros(w, end, next)) {
		w->n_padding += next - end;
		s->next = next;
		return;
	}
	if (!found)
		found = lime_search_next(&w->search, data, w->size, &next) &&
			next > data;
	/* else it is the next header that is damaged: that comes next */
	if (found && (next < end || one_bit_off(h, next - data)))
		repair_range(w, h, data, next, s);
}

/* What is at off is no valid header, though one should be there. */
static bool mend_header(struct walk *w, const struct lime_header *h,
			uint64_t off, struct segment *s)
{
	uint64_t data = off + LIME_HEADER_BYTES, next;

	if (h->start < h->end && h->end < UINT64_MAX &&
	    ends_well(w, data, h->end - h->start + 1)) {
		w->n_repaired++;
		take(s, data, h->start, h->end - h->start + 1);
		return true;
	}
	if (!lime_search_next(&w->search, off + 1, w->size, &next))
		return false;
	if (next > data && h->magic == LIME_MAGIC && h->version == 1) {
		repair_range(w, h, data, next, s);
		return true;
	}
	w->n_lost++;
	w->lost_bytes += next - off;
	*s = (struct segment){ .next = next };
	return true;
}

/* The segment at off; false: there is none, and nothing behind it either. */
static bool read_segment(struct walk *w, uint64_t off, struct segment *s)
{
	struct lime_header h;
	uint64_t data = off + LIME_HEADER_BYTES;

	if (!lime_header_read(w->image->io, off, &h)) {
		w->beyond = w->size - off;
		return false;
	}
	if (lime_header_valid(&h, LIME_MAGIC)) {
		take(s, data, h.start, h.end - h.start + 1);
		if (!ends_well(w, data, s->len))
			fit_segment(w, &h, data, s);
		return true;
	}
	if (mend_header(w, &h, off, s))
		return true;
	w->beyond = w->size - off;
	return false;
}

static void walk_segments(struct walk *w)
{
	uint64_t off = 0;

	while (off < w->size && w->n_segments < SEGMENTS_MAX) {
		struct segment s;

		if (!read_segment(w, off, &s))
			return;
		if (s.len) {
			w->n_segments++;
			image_runs_add(w->image->runs, s.pa, s.len,
				       off + LIME_HEADER_BYTES, w->size);
			w->search.min_start = s.pa;
			w->prev_end = s.pa + s.len;
		}
		off = s.next;
	}
}

static void log_walk(const struct walk *w, Log *log)
{
	if (w->n_exclusive)
		log_add(log, LOG_INFO, "lime",
			"the end of %" PRIu64 " segment(s) is one past their"
			" last byte, as some writers have it",
			w->n_exclusive);
	if (w->n_padding)
		log_add(log, LOG_INFO, "lime",
			"%" PRIu64 " bytes between segments belong to none",
			w->n_padding);
	if (w->n_repaired)
		log_add(log, LOG_WARN, "lime",
			"%" PRIu64 " header(s) of segments are damaged; their"
			" ranges were put right by where the next header is",
			w->n_repaired);
	if (w->n_lost)
		log_add(log, LOG_WARN, "lime",
			"%" PRIu64 " header(s) of segments are damaged; the %"
			PRIu64 " bytes there are lost, for nothing says where"
			" in memory they were",
			w->n_lost, w->lost_bytes);
	if (w->beyond)
		log_add(log, LOG_WARN, "lime",
			"the last %" PRIu64 " bytes of the file are no"
			" segment: a damaged header, or something that was"
			" appended",
			w->beyond);
	if (w->n_segments == SEGMENTS_MAX)
		log_add(log, LOG_WARN, "lime",
			"more than %d segments; the rest was left out",
			SEGMENTS_MAX);
}

static bool lime_open(Image *image, Log *log, GError **error)
{
	struct walk w = {
		.image = image,
		.size = image_io_size(image->io),
		.search = { image->io, LIME_MAGIC, LIME_SEARCH_BYTES, 0 },
	};

	walk_segments(&w);
	log_walk(&w, log);
	if (!w.n_segments) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "has no header of a segment that makes"
				    " sense (format=raw shows the bytes as"
				    " they are)");
		return false;
	}
	image->detail = g_strdup_printf("version 1, %" PRIu64 " segment(s)",
					w.n_segments);
	return true;
}

const struct ImageOps image_lime_ops = {
	.name = "lime",
	.description = "LiME",
	.probe = lime_probe,
	.open = lime_open,
};
