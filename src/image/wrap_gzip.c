/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gzip files: those of bgzip (BGZF: members of 64 KiB that say how long they
 * are), and others as long as they are small. Formats: RFC 1952; "The BGZF
 * compression format" in the specification of SAM.
 */
#include "config.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/bytes.h"
#include "image/formats.h"
#include "image/wrap.h"

static enum image_probe gzip_probe(const ImageIo *io)
{
	uint8_t head[3];

	return image_io_read(io, 0, head, sizeof head) && head[0] == 0x1f &&
			       head[1] == 0x8b && head[2] == 8 ?
		       IMAGE_MINE :
		       IMAGE_NOT_MINE;
}

#ifdef HAVE_ZLIB
static const char advice[] =
	"`gunzip`, or `gzip -dc FILE | xz -T0 --block-size=1MiB`";

enum {
	STEP_BYTES = 65536,
	HEAD = 12, /* of a member, with the length of its extra field */
	TAIL = 8,  /* CRC, length */
	BGZF_HEAD = HEAD + 6,
	BGZF_MAX = 65536,
	EXTRA = 4, /* flag: there is an extra field */
	/* zlib: a gzip header, please. */
	GZIP_BITS = 15 + 16,
};

/* Is that the head of a block of BGZF; how long the block is. One extra field,
 * BC, is all that bgzip writes. */
static bool is_bgzf(const uint8_t head[BGZF_HEAD], uint32_t *packed)
{
	if (head[0] != 0x1f || head[1] != 0x8b || head[2] != 8 ||
	    head[3] != EXTRA || load_le16(head + 10) != 6 ||
	    head[12] != 'B' || head[13] != 'C' || load_le16(head + 14) != 2)
		return false;
	*packed = load_le16(head + 16) + UINT32_C(1);
	return *packed >= BGZF_HEAD + TAIL;
}

/* --- decoding --- */

struct source {
	const ImageIo *io;
	uint64_t off, end;
	uint8_t bytes[STEP_BYTES];
};

static bool refill(struct source *src, z_stream *s)
{
	size_t n = (size_t)MIN(STEP_BYTES, src->end - src->off);

	if (!n || !image_io_read(src->io, src->off, src->bytes, n))
		return false;
	src->off += n;
	s->next_in = src->bytes;
	s->avail_in = (uInt)n;
	return true;
}

/* All members of [off, end), one behind the other, to buf, or to nowhere: how
 * much they become, max + 1 at the most; 0 where they are damaged (what comes
 * out before that shows may be anything). complete: to the end, with all CRCs
 * right; what is behind the last member does not count. */
static uint64_t inflate_all(struct source *src, uint8_t *buf, uint64_t max,
			    bool *complete)
{
	g_autofree uint8_t *scratch = g_malloc(STEP_BYTES);
	z_stream s = { 0 };
	uint64_t len = 0;
	int code = inflateInit2(&s, GZIP_BITS);

	*complete = false;
	while (code == Z_OK && len <= max) {
		size_t n;

		/* Without more, there still may be something to come out. */
		if (!s.avail_in && !refill(src, &s) && s.avail_out)
			break;
		s.next_out = scratch;
		s.avail_out = STEP_BYTES;
		code = inflate(&s, Z_NO_FLUSH);
		n = STEP_BYTES - s.avail_out;
		if (buf)
			memcpy(buf + len, scratch, (size_t)MIN(n, max - len));
		len += n;
		*complete = code == Z_STREAM_END;
		if (*complete && (s.avail_in || refill(src, &s)) &&
		    *s.next_in == 0x1f)
			code = inflateReset(&s);
	}
	inflateEnd(&s);
	return code == Z_OK || code == Z_BUF_ERROR || *complete ? len : 0;
}

static bool decode_block(const ImageIo *io, const struct wrap_block *block,
			 uint8_t *buf)
{
	g_autofree struct source *src = g_new(struct source, 1);
	bool complete;
	uint64_t len;

	src->io = io;
	src->off = block->off;
	src->end = MIN((uint64_t)block->off + block->packed,
		       image_io_size(io));
	len = inflate_all(src, buf, block->len, &complete);
	return block->cut ? len >= block->len : complete && len == block->len;
}

/* --- the blocks --- */

/* Adds [off, end) by decoding it: a whole small file, or what is left of a
 * block that the end of the file cuts. */
static bool add_decoded(Wrap *wrap, const ImageIo *io, uint64_t off,
			uint64_t end, GError **error)
{
	g_autofree struct source *src = g_new(struct source, 1);
	struct wrap_block block = wrap_block_at(off, 0);
	bool complete;
	uint64_t len;

	src->io = io;
	src->off = off;
	src->end = end;
	len = inflate_all(src, NULL, IMAGE_BLOCK_MAX, &complete);
	block.cut = !complete;
	return wrap_add(wrap, block, end - off, len, advice, error);
}

/* From block to block: the tail of one and the head of the next are read at a
 * time. *off is then where no whole block is. */
static bool walk_bgzf(Wrap *wrap, const ImageIo *io, uint64_t *off,
		      GError **error)
{
	uint64_t size = image_io_size(io);
	uint8_t both[TAIL + BGZF_HEAD];
	uint32_t packed;

	if (!image_io_read(io, 0, both + TAIL, BGZF_HEAD))
		return true;
	while (is_bgzf(both + TAIL, &packed) &&
	       range_fits(*off, packed, size)) {
		uint64_t tail = *off + packed - TAIL;
		struct wrap_block block = wrap_block_at(*off, 0);
		size_t n = (size_t)MIN(sizeof both, size - tail);

		memset(both, 0, sizeof both);
		if (!image_io_read(io, tail, both, n))
			return true;
		if (load_le32(both + 4) > BGZF_MAX)
			return true;
		if (!wrap_add(wrap, block, packed, load_le32(both + 4), advice,
			      error))
			return false;
		*off += packed;
	}
	return true;
}

static bool fill(Wrap *wrap, const ImageIo *io, Log *log, GError **error)
{
	uint64_t size = image_io_size(io), off = 0;

	if (!walk_bgzf(wrap, io, &off, error))
		return false;
	if (off == size)
		return true;
	if (off) {
		log_add(log, LOG_WARN, "image",
			"gzip: what follows %zu block(s) of bgzip is none (the"
			" file was cut short?)",
			wrap_count(wrap));
		return add_decoded(wrap, io, off, MIN(size, off + BGZF_MAX),
				   error);
	}
	if (size <= IMAGE_BLOCK_MAX + IMAGE_BLOCK_MAX / 64)
		return add_decoded(wrap, io, 0, size, error);
	return wrap_fail(error,
			 "has no blocks that can be decoded each on its own;"
			 " expected those of bgzip: %s",
			 advice);
}

static ImageIo *gzip_unwrap(Image *image, Log *log, GError **error)
{
	g_autoptr(Wrap) wrap = wrap_new(image->io, decode_block);

	if (!fill(wrap, image->io, log, error))
		return NULL;
	return wrap_open(g_steal_pointer(&wrap), image, log, error);
}

static const char *gzip_library(void)
{
	return "zlib " ZLIB_VERSION;
}
#else
static ImageIo *gzip_unwrap(Image *image, Log *log, GError **error)
{
	(void)image;
	(void)log;
	wrap_fail(error, "this build is without zlib");
	return NULL;
}

static const char *gzip_library(void)
{
	return NULL;
}
#endif

const struct ImageOps image_gzip_ops = {
	.name = "gzip",
	.description = "gzip-compressed",
	.probe = gzip_probe,
	.unwrap = gzip_unwrap,
	.reads_with = gzip_library,
};
