/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zstd files of many frames: by the seek table of the seekable format, else by
 * a walk from frame to frame (pzstd, files put together), for which only the
 * heads of their blocks are read. Formats: RFC 8878; "Zstandard Seekable
 * Format" 0.1.0 (zstd, contrib/seekable_format).
 */
#include "config.h"

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/bytes.h"
#include "image/formats.h"
#include "image/wrap.h"

#define FRAME_MAGIC UINT32_C(0xfd2fb528)
#define SKIP_MAGIC UINT32_C(0x184d2a50)
#define SKIP_MASK UINT32_C(0xfffffff0)
enum { SKIP_HEAD = 8 };

/* Is there a frame of zstd at off, or one to be skipped? Its first word. */
static bool read_magic(const ImageIo *io, uint64_t off, uint32_t *ret)
{
	uint8_t head[4];

	if (!image_io_read(io, off, head, sizeof head))
		return false;
	*ret = load_le32(head);
	return *ret == FRAME_MAGIC || (*ret & SKIP_MASK) == SKIP_MAGIC;
}

/* Where the frame behind one that is to be skipped is; 0: beyond the end. */
static uint64_t skip(const ImageIo *io, uint64_t off)
{
	uint8_t head[SKIP_HEAD];

	if (!image_io_read(io, off, head, sizeof head))
		return 0;
	off += SKIP_HEAD + (uint64_t)load_le32(head + 4);
	return off < image_io_size(io) ? off : 0;
}

/* Other formats begin with a frame to be skipped, too (LZ4). */
static enum image_probe zstd_probe(const ImageIo *io)
{
	uint64_t off = 0;
	uint32_t magic;

	if (!read_magic(io, 0, &magic))
		return IMAGE_NOT_MINE;
	if (magic != FRAME_MAGIC) {
		off = skip(io, 0);
		if (!off || !read_magic(io, off, &magic) ||
		    magic != FRAME_MAGIC)
			return IMAGE_NOT_MINE;
	}
	return IMAGE_MINE;
}

#ifdef HAVE_ZSTD
static const char advice[] =
	"`zstd -d`, or `zstd -dc FILE | xz -T0 --block-size=1MiB`";

#define SEEK_MAGIC UINT32_C(0x8f92eab1)
enum {
	STEP_BYTES = 65536,
	SEEK_FOOTER = 9,
	SEEK_CHECKSUMS = 0x80,
	SEEK_RESERVED = 0x7c,
	ENTRIES_STEP = 1024,
	WINDOW_LOG_MAX = 26, /* IMAGE_BLOCK_MAX */
};
/* Decoded at opening, to find how much frames become that do not say it. */
#define LENGTHS_MAX (4 * GIB)
/* Blocks of a frame: one of 64 MiB has 512, a few times as many where they are
 * split. Frames and blocks of a walk: a file of 1 TiB. */
#define FRAME_BLOCKS_MAX (1u << 16)
#define WALK_MAX (1u << 23)

/* --- one frame --- */

/* How much of a frame at [off, off + packed) there is, max + 1 at the most;
 * to buf, or to nowhere. 0 where it is damaged: what comes out before that
 * shows may be anything. */
static uint64_t decode_some(const ImageIo *io, uint64_t off, uint64_t packed,
			    uint8_t *buf, uint64_t max, bool *complete)
{
	g_autofree uint8_t *in = g_malloc(STEP_BYTES);
	g_autofree uint8_t *scratch = g_malloc(STEP_BYTES);
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	ZSTD_inBuffer src = { in, 0, 0 };
	uint64_t len = 0, end = off + packed;
	size_t code = 1;

	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	while (code && !ZSTD_isError(code) && len <= max) {
		ZSTD_outBuffer dst = { scratch, STEP_BYTES, 0 };
		size_t before = src.pos;

		if (src.pos == src.size) {
			src.size = (size_t)MIN(STEP_BYTES, end - off);
			before = src.pos = 0;
			if (src.size && !image_io_read(io, off, in, src.size))
				break;
			off += src.size;
		}
		code = ZSTD_decompressStream(ctx, &dst, &src);
		if (buf)
			memcpy(buf + len, scratch,
			       (size_t)MIN(dst.pos, max - len));
		len += dst.pos;
		if (!dst.pos && src.pos == before)
			break;
	}
	*complete = !code;
	ZSTD_freeDCtx(ctx);
	return ZSTD_isError(code) ? 0 : len;
}

static bool decode_whole(const ImageIo *io, const struct wrap_block *block,
			 uint8_t *buf)
{
	g_autofree uint8_t *packed = NULL;
	size_t len;

	if (!range_fits(block->off, block->packed, image_io_size(io)))
		return false;
	packed = g_try_malloc(block->packed);
	if (!packed || !image_io_read(io, block->off, packed, block->packed))
		return false;
	len = ZSTD_decompress(buf, block->len, packed, block->packed);
	return len == block->len;
}

static bool decode_block(const ImageIo *io, const struct wrap_block *block,
			 uint8_t *buf)
{
	bool complete;

	if (!block->cut)
		return decode_whole(io, block, buf);
	return decode_some(io, block->off, block->packed, buf, block->len,
			   &complete) >= block->len;
}

/* --- the seek table --- */

struct seek_table {
	uint64_t off;	/* of the frame to be skipped that it is in */
	uint64_t first; /* entry */
	uint32_t n, entry_bytes;
};

static bool read_footer(const ImageIo *io, struct seek_table *t)
{
	uint64_t size = image_io_size(io);
	uint8_t foot[SEEK_FOOTER], head[SKIP_HEAD];
	uint64_t bytes;

	if (size < sizeof foot + sizeof head ||
	    !image_io_read(io, size - sizeof foot, foot, sizeof foot) ||
	    load_le32(foot + 5) != SEEK_MAGIC ||
	    foot[4] & SEEK_RESERVED)
		return false;
	t->n = load_le32(foot);
	t->entry_bytes = foot[4] & SEEK_CHECKSUMS ? 12 : 8;
	bytes = (uint64_t)t->n * t->entry_bytes + sizeof foot;
	if (bytes > size - sizeof head)
		return false;
	t->off = size - bytes - sizeof head;
	t->first = t->off + sizeof head;
	return image_io_read(io, t->off, head, sizeof head) &&
	       load_le32(head) == (SKIP_MAGIC | 0xe) &&
	       load_le32(head + 4) == bytes;
}

/* False with no error where the table does not describe this file. */
static bool add_entries(Wrap *wrap, const ImageIo *io,
			const struct seek_table *t, GError **error)
{
	g_autofree uint8_t *buf = g_malloc(ENTRIES_STEP * 12);
	uint64_t off = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		const uint8_t *e = buf + i % ENTRIES_STEP * t->entry_bytes;
		uint32_t n = MIN(ENTRIES_STEP, t->n - i), packed;

		if (!(i % ENTRIES_STEP) &&
		    !image_io_read(io, t->first + (uint64_t)i * t->entry_bytes,
				   buf, (size_t)n * t->entry_bytes))
			return false;
		packed = load_le32(e);
		if (!wrap_add(wrap, wrap_block_at(off, 0), packed,
			      load_le32(e + 4), advice, error))
			return false;
		off += packed;
		if (off > t->off)
			return false;
	}
	return off == t->off;
}

/* --- from frame to frame --- */

struct frame {
	uint64_t off, end;
	uint64_t len;	 /* decoded, where known */
	bool known, cut; /* cut: the file ends before end */
	unsigned n_blocks;
};

/* How long the head of a frame is, by its second byte, and the field with the
 * length in it (RFC 8878, 3.1.1.1). */
static bool read_head(const ImageIo *io, struct frame *f, unsigned *head,
		      bool *checksum)
{
	static const uint8_t id_bytes[4] = { 0, 1, 2, 4 };
	static const uint8_t len_bytes[4] = { 0, 2, 4, 8 };
	uint8_t bytes[18] = { 0 };
	uint64_t there = image_io_size(io) - f->off;
	unsigned single, n, at;

	if (!image_io_read(io, f->off, bytes,
			   (size_t)MIN(there, sizeof bytes)) || there < 6)
		return false;
	single = bytes[4] >> 5 & 1;
	n = len_bytes[bytes[4] >> 6];
	if (!n && single)
		n = 1;
	at = 5 + !single + id_bytes[bytes[4] & 3];
	*head = at + n;
	*checksum = bytes[4] & 4;
	f->known = n > 0;
	f->len = n == 1 ? bytes[at] :
		 n == 2 ? load_le16(bytes + at) + UINT64_C(256) :
		 n == 4 ? load_le32(bytes + at) :
		 n == 8 ? load_le64(bytes + at) :
			  0;
	return *head < there;
}

/* From block to block to the end of the frame at f->off. */
static bool walk_frame(const ImageIo *io, struct frame *f)
{
	uint64_t size = image_io_size(io);
	uint8_t block[3];
	bool last = false, checksum;
	unsigned head;

	if (!read_head(io, f, &head, &checksum))
		return false;
	if (f->known && f->len > IMAGE_BLOCK_MAX)
		return true;
	f->end = f->off + head;
	while (!last && image_io_read(io, f->end, block, sizeof block)) {
		uint32_t word = block[0] | block[1] << 8 |
				(uint32_t)block[2] << 16;

		last = word & 1;
		/* A block of one byte, repeated, or one that is as it is. */
		f->end += sizeof block + ((word >> 1 & 3) == 1 ? 1 : word >> 3);
		f->n_blocks++;
		if (f->n_blocks > FRAME_BLOCKS_MAX)
			return false;
	}
	f->end += last && checksum ? 4 : 0;
	f->cut = !last || f->end > size;
	f->end = MIN(f->end, size);
	return true;
}

/* What is known while going from frame to frame. */
struct walk {
	Wrap *wrap;
	const ImageIo *io;
	struct frame like; /* one without a length, that was decoded */
	uint64_t decoded, n_decoded;
	uint32_t left;	/* of WALK_MAX */
};

/* Where a frame does not say how much it becomes, it is decoded; one that has
 * as many blocks as another, and is not the last, becomes as much (pzstd cuts
 * its input evenly). What is read of it later must be just so. */
static bool find_length(struct walk *w, struct frame *f, GError **error)
{
	bool last = f->end >= image_io_size(w->io), complete;

	if (f->cut || !f->known) {
		if (!f->cut && !last && w->like.n_blocks == f->n_blocks) {
			f->len = w->like.len;
			return true;
		}
		f->len = decode_some(w->io, f->off, f->end - f->off, NULL,
				     IMAGE_BLOCK_MAX, &complete);
		f->cut |= !complete;
		w->decoded += f->len;
		w->n_decoded++;
		if (!last && complete)
			w->like = *f;
	}
	if (w->decoded <= LENGTHS_MAX)
		return true;
	return wrap_fail(error,
			 "does not say how much its frames become; expected"
			 " frames with their length: %s",
			 advice);
}

static bool walk_frames(struct walk *w, GError **error)
{
	uint64_t size = image_io_size(w->io), off = 0;
	uint32_t magic;

	while (off < size && w->left && read_magic(w->io, off, &magic)) {
		struct frame f = { .off = off };
		struct wrap_block block = wrap_block_at(off, 0);

		w->left--;
		if (magic != FRAME_MAGIC) {
			off = skip(w->io, off);
			if (!off)
				break;
			continue;
		}
		if (!walk_frame(w->io, &f))
			break;
		w->left -= MIN(w->left, f.n_blocks);
		if (!(f.known && f.len > IMAGE_BLOCK_MAX) &&
		    !find_length(w, &f, error))
			return false;
		block.cut = f.cut;
		if (!wrap_add(w->wrap, block, f.end - off, f.len, advice,
			      error))
			return false;
		off = f.end;
		if (f.cut)
			break;
	}
	return true;
}

static bool fill(Wrap *wrap, const ImageIo *io, Log *log, GError **error)
{
	struct walk w = { .wrap = wrap, .io = io, .left = WALK_MAX };
	struct seek_table table;
	g_autoptr(GError) inner = NULL;

	if (read_footer(io, &table)) {
		if (add_entries(wrap, io, &table, &inner))
			return true;
		if (inner) {
			g_propagate_error(error, g_steal_pointer(&inner));
			return false;
		}
		log_add(log, LOG_WARN, "image",
			"zstd: the seek table does not fit the file; it is"
			" walked from frame to frame");
		wrap_clear(wrap);
	}
	if (!walk_frames(&w, error))
		return false;
	if (w.n_decoded)
		log_add(log, LOG_INFO, "image",
			"zstd: %" G_GUINT64_FORMAT " frame(s) do not say how"
			" much they become, or are damaged, and were decoded",
			w.n_decoded);
	return true;
}

static ImageIo *zstd_unwrap(Image *image, Log *log, GError **error)
{
	g_autoptr(Wrap) wrap = wrap_new(image->io, decode_block);

	if (!fill(wrap, image->io, log, error))
		return NULL;
	return wrap_open(g_steal_pointer(&wrap), image, log, error);
}

static const char *zstd_library(void)
{
	return "libzstd " ZSTD_VERSION_STRING;
}
#else
static ImageIo *zstd_unwrap(Image *image, Log *log, GError **error)
{
	(void)image;
	(void)log;
	wrap_fail(error, "this build is without libzstd");
	return NULL;
}

static const char *zstd_library(void)
{
	return NULL;
}
#endif

const struct ImageOps image_zstd_ops = {
	.name = "zstd",
	.description = "zstd-compressed",
	.probe = zstd_probe,
	.unwrap = zstd_unwrap,
	.reads_with = zstd_library,
};
