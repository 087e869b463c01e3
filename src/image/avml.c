/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AVML images, version 2: LiME's segments, whose bytes are in Snappy's framing
 * format, with a u64 behind them: how many bytes the frames take in the file.
 * So the segments are found from the end of the file, without going over
 * their frames. Version 1 is LiME. Source: microsoft/avml, src/image.rs.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "image/avml_index.h"
#include "image/formats.h"
#include "image/lime.h"
#include "image/snappy_frames.h"

enum {
	SEGMENTS_MAX = 1 << 20,
	TRAILER_BYTES = 8,
	/* Snappy makes 64 bytes out of 3 at the best. */
	RATIO_MAX = 22,
};

/* AVML writes segments of this many bytes, but for the last of a range, and
 * leaves out those of zeros only (MAX_BLOCK_SIZE). */
#define SEGMENT_BYTES (16 * MIB)
/* Segments are scanned when the file is opened while they are no more memory
 * than this: some ten milliseconds. */
#define SCAN_AT_OPEN (1 * GIB)
/* Zeros that were left out: no more than so many times what is there. */
#define ZEROS_RATIO_MAX 16u

struct avml_load {
	Image *image;
	Log *log;
	uint64_t size;	   /* of the file, as far as it is read */
	GArray *segments;  /* struct avml_segment, in the order of the file */
	uint64_t cut_bytes;  /* of memory: the file ends before them */
	uint64_t n_exclusive;
	uint64_t n_repaired; /* headers that are damaged, but for the range */
	uint64_t lost_bytes; /* of the file, whose headers are damaged */
	uint64_t n_ranges;   /* damaged: cut at the next segment */
	uint64_t n_zeros, zero_bytes;
	struct lime_search search;
};

static enum image_probe avml_probe(const ImageIo *io)
{
	struct lime_header h;

	if (!lime_header_read(io, 0, &h) || h.magic != AVML_MAGIC)
		return IMAGE_NOT_MINE;
	return lime_header_valid(&h, AVML_MAGIC) ? IMAGE_MINE : IMAGE_DAMAGED;
}

/* The end is the last byte; where that cannot be and one less can, it is one
 * past it. */
static struct avml_segment make_segment(const struct lime_header *h,
					uint64_t off, uint64_t end)
{
	bool exclusive = !((h->start | h->end) & PAGE_MASK_4K);

	return (struct avml_segment){
		.pa = h->start,
		.len = h->end - h->start + !exclusive,
		.file_off = off + LIME_HEADER_BYTES,
		.file_end = end,
		.exclusive = exclusive,
	};
}

/* The segment that ends at `end`: *off is its header's. */
static bool segment_before(struct avml_load *load, uint64_t end, uint64_t *off)
{
	const uint64_t least = LIME_HEADER_BYTES + TRAILER_BYTES;
	struct avml_segment segment;
	struct lime_header h;
	uint8_t trailer[TRAILER_BYTES];
	uint64_t len, at;

	if (end < least || !image_io_read(load->image->io, end - TRAILER_BYTES,
					  trailer, sizeof trailer))
		return false;
	len = load_le64(trailer);
	if (!len || len > end - least)
		return false;
	at = end - least - len;
	if (!lime_header_read(load->image->io, at, &h) ||
	    !lime_header_valid(&h, AVML_MAGIC))
		return false;
	segment = make_segment(&h, at, end - TRAILER_BYTES);
	g_array_append_val(load->segments, segment);
	*off = at;
	return true;
}

/* Goes from the end of the file to its begin, as far as it gets; returns the
 * offset of the first header that it came to. */
static uint64_t walk_back(struct avml_load *load)
{
	GArray *v = load->segments;
	uint64_t pos = load->size;

	while (pos && v->len < SEGMENTS_MAX && segment_before(load, pos, &pos))
		;
	for (guint i = 0; i < v->len / 2; i++) {
		struct avml_segment *a =
			&g_array_index(v, struct avml_segment, i);
		struct avml_segment *b = &g_array_index(
			v, struct avml_segment, v->len - 1 - i);
		struct avml_segment swap = *a;

		*a = *b;
		*b = swap;
	}
	return pos;
}

static bool header_or_end(const struct avml_load *load, uint64_t pos,
			  uint64_t end)
{
	return pos == end || lime_header_at(load->image->io, pos, AVML_MAGIC);
}

/* Where the next header is, behind frames that end at pos: there, behind a
 * trailer, or behind frames without data. */
static uint64_t skip_trailer(const struct avml_load *load, uint64_t pos,
			     uint64_t end, const struct avml_segment *segment)
{
	uint64_t behind = MIN(end, pos + TRAILER_BYTES);
	struct snappy_frame frame;
	struct snappy_walk walk;
	uint8_t trailer[TRAILER_BYTES];

	if (header_or_end(load, pos, end))
		return pos;
	if (image_io_read(load->image->io, pos, trailer, sizeof trailer) &&
	    load_le64(trailer) == pos - segment->file_off)
		return behind;
	snappy_walk_init(&walk, load->image->io, pos, end);
	while (!header_or_end(load, behind, end)) {
		if (snappy_walk_next(&walk, &frame) != SNAPPY_STATUS_FRAME ||
		    frame.data_len)
			return MIN(end, pos + TRAILER_BYTES);
		if (header_or_end(load, walk.pos, end))
			return walk.pos;
		behind = MIN(end, walk.pos + TRAILER_BYTES);
	}
	return behind;
}

/* The frames of a segment were fewer than its header says. */
static uint64_t mend_segment(struct avml_load *load,
			     struct avml_segment *segment, uint64_t pos,
			     uint64_t end, bool damaged)
{
	uint64_t missing = segment->len - segment->data_len, next;

	/* Of a range that is not of whole pages nothing tells what its end
	 * is. */
	if (missing == 1 && skip_trailer(load, pos, end, segment) != pos) {
		segment->len--;
		segment->exclusive = true;
		return skip_trailer(load, pos, end, segment);
	}
	if (!damaged && end == load->size) {
		load->cut_bytes += missing;
		segment->len = segment->data_len;
		return end;
	}
	if (lime_search_next(&load->search, pos, end, &next))
		return next;
	return end;
}

/* What is at off should be a header, and is not. Where its range is as long
 * as its frames, it is taken all the same. Returns where to go on. */
static uint64_t mend_header(struct avml_load *load, const struct lime_header *h,
			    uint64_t off, uint64_t end, GArray *out)
{
	struct avml_segment segment;
	bool damaged;
	uint64_t pos;

	if (h->start < h->end && h->end < PHYS_ADDR_END) {
		segment = make_segment(h, off, end);
		pos = avml_segment_scan(load->image->io, &segment, &damaged);
		if (segment.data_len == segment.len) {
			g_array_append_val(out, segment);
			load->n_repaired++;
			return skip_trailer(load, pos, end, &segment);
		}
		g_array_unref(segment.groups);
	}
	if (!lime_search_next(&load->search, off + 1, end, &pos))
		pos = end;
	load->lost_bytes += pos - off;
	return pos;
}

/* The segment at off; returns where to go on. */
static uint64_t segment_at(struct avml_load *load, uint64_t off, uint64_t end,
			   GArray *out)
{
	struct avml_segment segment;
	struct lime_header h;
	bool damaged;
	uint64_t pos;

	if (!lime_header_read(load->image->io, off, &h)) {
		load->lost_bytes += end - off;
		return end;
	}
	if (!lime_header_valid(&h, AVML_MAGIC))
		return mend_header(load, &h, off, end, out);
	segment = make_segment(&h, off, end);
	pos = avml_segment_scan(load->image->io, &segment, &damaged);
	if (segment.data_len == segment.len)
		pos = skip_trailer(load, pos, end, &segment);
	else
		pos = mend_segment(load, &segment, pos, end, damaged);
	load->search.min_start = h.start;
	g_array_append_val(out, segment);
	return pos;
}

/* Goes from frame to frame up to `end`, where the other walk came to. */
static void walk_forth(struct avml_load *load, uint64_t end)
{
	g_autoptr(GArray) out = g_array_new(FALSE, FALSE,
					    sizeof(struct avml_segment));
	uint64_t off = 0;

	while (off < end && out->len < SEGMENTS_MAX)
		off = segment_at(load, off, end, out);
	g_array_prepend_vals(load->segments, out->data, out->len);
}

/* A range that goes beyond the segment behind it, beyond what the frames can
 * hold, or beyond all addresses, is damaged. */
static void check_range(struct avml_load *load, struct avml_segment *s,
			const struct avml_segment *next)
{
	uint64_t len = s->len, most;
	bool damaged;

	if (next && next->pa > s->pa && next->pa - s->pa < len)
		len = next->pa - s->pa;
	len = s->pa < PHYS_ADDR_END ? MIN(len, PHYS_ADDR_END - s->pa) : 0;
	most = s->file_end - s->file_off;
	if (!s->groups && !mul_u64(most, RATIO_MAX, &most))
		most = UINT64_MAX;
	if (!s->groups && len > most) {
		avml_segment_scan(load->image->io, s, &damaged);
		len = s->data_len;
	}
	load->n_ranges += len < s->len;
	s->len = len;
	s->data_len = MIN(s->data_len, len);
}

static void add_segment(struct avml_load *load, AvmlIndex *index,
			struct avml_segment *s)
{
	uint64_t pa = s->pa, len = s->len;

	/* Nor may all of them together be more than a file can be. */
	if (!len || avml_index_size(index) > INT64_MAX - len) {
		if (s->groups)
			g_array_unref(s->groups);
		return;
	}
	avml_index_add(index, s);
	image_runs_add(load->image->runs, pa, len, s->start,
		       avml_index_size(index));
}

/* Between s and next segments of zeros were left out, it seems. */
static void add_zeros(struct avml_load *load, AvmlIndex *index,
		      const struct avml_segment *s,
		      const struct avml_segment *next, uint64_t most)
{
	struct avml_segment zeros = { .pa = s->pa + s->len };

	if (s->len != SEGMENT_BYTES || next->pa <= zeros.pa ||
	    next->pa >= PHYS_ADDR_END)
		return;
	zeros.len = next->pa - zeros.pa;
	if (zeros.len % SEGMENT_BYTES || zeros.len > most - load->zero_bytes)
		return;
	load->n_zeros += zeros.len / SEGMENT_BYTES;
	load->zero_bytes += zeros.len;
	add_segment(load, index, &zeros);
}

/* How many bytes of zeros may be added: none where the segments are not as
 * the writer that leaves some out makes them, or where some were lost. */
static uint64_t zeros_limit(const struct avml_load *load)
{
	uint64_t sum = 0;

	if (load->lost_bytes)
		return 0;
	for (guint i = 0; i < load->segments->len; i++) {
		uint64_t len = g_array_index(load->segments,
					     struct avml_segment, i).len;

		if (len > SEGMENT_BYTES)
			return 0;
		sum += len;
	}
	return sum * ZEROS_RATIO_MAX;
}

static AvmlIndex *make_index(struct avml_load *load)
{
	AvmlIndex *index = avml_index_new(load->image->io);
	struct avml_segment *v =
		(struct avml_segment *)(void *)load->segments->data;
	guint n = load->segments->len;
	uint64_t most;

	for (guint i = 0; i < n; i++) {
		check_range(load, &v[i], i + 1 < n ? &v[i + 1] : NULL);
		load->n_exclusive += v[i].exclusive;
	}
	most = zeros_limit(load);
	for (guint i = 0; i < n; i++) {
		struct avml_segment s = v[i];

		add_segment(load, index, &v[i]);
		if (i + 1 < n && most)
			add_zeros(load, index, &s, &v[i + 1], most);
	}
	return index;
}

static void log_damage(const struct avml_load *load, uint64_t n_short,
		       uint64_t missing)
{
	Log *log = load->log;

	if (load->cut_bytes)
		log_add(log, LOG_WARN, "avml",
			"the file ends within a segment: it was cut short, and"
			" %" PRIu64 " bytes of memory are missing; every page"
			" before the cut is there",
			load->cut_bytes);
	if (load->n_repaired)
		log_add(log, LOG_WARN, "avml",
			"%" PRIu64 " header(s) of segments are damaged, but"
			" their ranges are as long as their frames: used",
			load->n_repaired);
	if (load->lost_bytes)
		log_add(log, LOG_WARN, "avml",
			"%" PRIu64 " bytes of the file are lost, for the"
			" headers of their segments are damaged",
			load->lost_bytes);
	if (load->n_ranges)
		log_add(log, LOG_WARN, "avml",
			"the ranges of %" PRIu64 " segment(s) are damaged: they"
			" reach into the next segment, or beyond what the file"
			" can hold; cut there",
			load->n_ranges);
	if (n_short)
		log_add(log, LOG_WARN, "avml",
			"%" PRIu64 " segment(s) are damaged: their frames end"
			" %" PRIu64 " bytes of memory early; these read as"
			" errors",
			n_short, missing);
}

static void log_load(const struct avml_load *load, uint64_t n_short,
		     uint64_t missing)
{
	log_damage(load, n_short, missing);
	if (load->n_exclusive)
		log_add(load->log, LOG_INFO, "avml",
			"the end of %" PRIu64 " segment(s) is one past their"
			" last byte, as some writers have it",
			load->n_exclusive);
	if (load->n_zeros)
		log_add(load->log, LOG_INFO, "avml",
			"%" PRIu64 " segment(s) of 16 MiB are missing where"
			" AVML leaves out zeros: taken for zeros (%" PRIu64
			" bytes)",
			load->n_zeros, load->zero_bytes);
}

static bool fail(GError **error, const char *what)
{
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT, "%s", what);
	return false;
}

static bool open_segments(struct avml_load *load, GError **error)
{
	uint64_t n_short, missing, end = walk_back(load);
	AvmlIndex *index;

	walk_forth(load, end);
	if (!load->segments->len)
		return fail(error, "has no header of a segment that makes"
				   " sense (format=raw shows the bytes as"
				   " they are)");
	index = make_index(load);
	n_short = avml_index_scan(index, SCAN_AT_OPEN, &missing);
	log_load(load, n_short, missing);
	load->image->detail = g_strdup_printf(
		"version 2, %u segment(s), Snappy frames",
		load->segments->len);
	load->image->data = avml_index_io(index, load->image->cache);
	return true;
}

static bool avml_open(Image *image, Log *log, GError **error)
{
	g_autoptr(GArray) segments = g_array_new(FALSE, FALSE,
						 sizeof(struct avml_segment));
	struct avml_load load = {
		.image = image,
		.log = log,
		.size = image_io_size(image->io),
		.segments = segments,
		.search = { image->io, AVML_MAGIC, LIME_SEARCH_BYTES, 0 },
	};

#ifndef HAVE_SNAPPY
	return fail(error, "is compressed by Snappy, and this version was built"
			   " without libsnappy (configure --with-snappy);"
			   " avml-convert makes a LiME image of it");
#endif
	return open_segments(&load, error);
}

static const char *avml_library(void)
{
#ifdef HAVE_SNAPPY
	return "libsnappy";
#else
	return NULL;
#endif
}

const struct ImageOps image_avml_ops = {
	.name = "avml",
	.description = "AVML",
	.probe = avml_probe,
	.open = avml_open,
	.reads_with = avml_library,
};
