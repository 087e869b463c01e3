/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xz files: the index at the end says where each block is and how much it
 * becomes. Where it is missing (the file was cut short) the blocks are walked
 * from the start, which takes no decoding where their headers have the sizes
 * (xz -T writes them). Format: "The .xz File Format", 1.2.0.
 */
#include "config.h"

#ifdef HAVE_LZMA
#include <lzma.h>
#endif

#include "base/bytes.h"
#include "image/formats.h"
#include "image/wrap.h"

static enum image_probe xz_probe(const ImageIo *io)
{
	static const uint8_t magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
	uint8_t head[sizeof magic];

	return image_io_read(io, 0, head, sizeof head) &&
			       !memcmp(head, magic, sizeof magic) ?
		       IMAGE_MINE :
		       IMAGE_NOT_MINE;
}

#ifdef HAVE_LZMA
static const char advice[] =
	"`xz -d`, or `xz -dc FILE | xz -T0 --block-size=1MiB`";

enum { STEP_BYTES = 65536 };
/* Of an index as liblzma keeps it: 16 bytes a block. */
#define INDEX_MEMORY_MAX (40 * MIB)
/* Decoded at opening, to find the blocks of a file without an index. */
#define LENGTHS_MAX (8 * GIB)

struct source {
	const ImageIo *io;
	uint64_t off, end;
	uint8_t bytes[STEP_BYTES];
};

/* Gives the decoder more; false at the end, or where nothing can be read. */
static bool refill(struct source *src, lzma_stream *s)
{
	size_t n = (size_t)MIN(STEP_BYTES, src->end - src->off);

	if (!n || !image_io_read(src->io, src->off, src->bytes, n))
		return false;
	src->off += n;
	s->next_in = src->bytes;
	s->avail_in = n;
	return true;
}

/* --- one block --- */

static void free_filters(lzma_filter *filters)
{
	for (; filters->id != LZMA_VLI_UNKNOWN; filters++)
		free(filters->options);
}

/* A block of len bytes never looks back further than that, whatever it claims
 * of its dictionary, for which the decoder takes memory. */
static void limit_dictionary(lzma_filter *filters, uint64_t len)
{
	for (; filters->id != LZMA_VLI_UNKNOWN; filters++) {
		lzma_options_lzma *lzma = filters->options;

		if (filters->id == LZMA_FILTER_LZMA2)
			lzma->dict_size = (uint32_t)CLAMP(
				len, LZMA_DICT_SIZE_MIN, lzma->dict_size);
	}
}

/* Reads the header of a block: false where there is none. *filters is then to
 * be freed; block->header_size says how long it is. */
static bool read_header(const ImageIo *io, uint64_t off, unsigned check,
			lzma_block *block, lzma_filter *filters)
{
	uint8_t head[LZMA_BLOCK_HEADER_SIZE_MAX];

	filters[0].id = LZMA_VLI_UNKNOWN;
	if (!image_io_read(io, off, head, 1) || !head[0])
		return false;
	*block = (lzma_block){ .check = (lzma_check)check,
			       .filters = filters };
	block->header_size = lzma_block_header_size_decode(head[0]);
	return image_io_read(io, off, head, block->header_size) &&
	       lzma_block_header_decode(block, NULL, head) == LZMA_OK;
}

/* What came of decoding a block, or its beginning. */
struct outcome {
	uint64_t len;	 /* decoded; 0 where it is damaged: what comes out
			  * before that shows may be anything */
	uint64_t packed; /* of the file, header and all */
	bool complete;	 /* to its end, where the check was right */
};

static void run(lzma_stream *s, struct source *src, uint8_t *buf, uint64_t max,
		struct outcome *ret)
{
	g_autofree uint8_t *scratch = buf ? NULL : g_malloc(STEP_BYTES);
	lzma_ret code = LZMA_OK;

	while (code == LZMA_OK) {
		uint64_t left = max - s->total_out;

		/* One byte too many shows that there are more. */
		if (buf && !left)
			scratch = scratch ? scratch : g_malloc(1);
		s->next_out = buf && left ? buf + s->total_out : scratch;
		s->avail_out = !left ? 1 :
			       buf   ? (size_t)left :
				       (size_t)MIN(left, STEP_BYTES);
		/* Without more, there still may be something to come out. */
		if (!s->avail_in && !refill(src, s))
			s->avail_in = 0;
		code = lzma_code(s, LZMA_RUN);
		if (s->total_out > max)
			break;
	}
	ret->len = code == LZMA_OK || code == LZMA_BUF_ERROR ||
				   code == LZMA_STREAM_END ?
			   s->total_out :
			   0;
	ret->packed += s->total_in;
	ret->complete = code == LZMA_STREAM_END;
}

/* Decodes a block of the file's [off, end) to buf, or to nowhere (NULL); max +
 * 1 bytes at the most are taken note of. */
static struct outcome decode(const ImageIo *io, uint64_t off, uint64_t end,
			     unsigned check, uint8_t *buf, uint64_t max)
{
	g_autofree struct source *src = g_new(struct source, 1);
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_stream s = LZMA_STREAM_INIT;
	struct outcome ret = { 0 };
	lzma_block block;

	src->io = io;
	src->end = end;
	if (read_header(io, off, check, &block, filters)) {
		ret.packed = block.header_size;
		src->off = off + block.header_size;
		limit_dictionary(filters, max + 1);
		if (src->off < end &&
		    lzma_block_decoder(&s, &block) == LZMA_OK)
			run(&s, src, buf, max, &ret);
		lzma_end(&s);
	}
	free_filters(filters);
	return ret;
}

static bool decode_block(const ImageIo *io, const struct wrap_block *block,
			 uint8_t *buf)
{
	uint64_t end = MIN((uint64_t)block->off + block->packed,
			   image_io_size(io));
	struct outcome o =
		decode(io, block->off, end, block->tag, buf, block->len);

	return block->cut ? o.len >= block->len :
			    o.complete && o.len == block->len;
}

/* --- the index --- */

#if LZMA_VERSION >= UINT32_C(50040002)
/* The index of all streams of the file, or NULL. */
static lzma_index *read_index(const ImageIo *io)
{
	g_autofree struct source *src = g_new0(struct source, 1);
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	lzma_ret code;

	src->io = io;
	src->end = image_io_size(io);
	code = lzma_file_info_decoder(&s, &index, INDEX_MEMORY_MAX, src->end);
	while (code == LZMA_OK || code == LZMA_SEEK_NEEDED) {
		if (code == LZMA_SEEK_NEEDED) {
			src->off = MIN(s.seek_pos, src->end);
			s.avail_in = 0;
		}
		if (!s.avail_in && !refill(src, &s))
			break;
		code = lzma_code(&s, LZMA_RUN);
	}
	lzma_end(&s);
	if (code == LZMA_STREAM_END)
		return index;
	return NULL;
}
#else
/* liblzma cannot look for it: the blocks are walked. */
static lzma_index *read_index(const ImageIo *io)
{
	(void)io;
	return NULL;
}
#endif

static bool add_indexed(Wrap *wrap, const lzma_index *index, GError **error)
{
	lzma_index_iter i;

	lzma_index_iter_init(&i, index);
	while (!lzma_index_iter_next(&i, LZMA_INDEX_ITER_BLOCK)) {
		const struct wrap_block block =
			wrap_block_at(i.block.compressed_file_offset,
				      i.stream.flags->check);

		if (!wrap_add(wrap, block, i.block.total_size,
			      i.block.uncompressed_size, advice, error))
			return false;
	}
	return true;
}

/* --- without an index --- */

/* The padding behind a block, and its check, which the outcome of decoding has
 * but the header has not. */
static uint64_t padded(const lzma_block *block)
{
	uint64_t size = (block->compressed_size + 3) & ~UINT64_C(3);

	return block->header_size + size + lzma_check_size(block->check);
}

/* The next block at *off. *more: there may be another one behind it. *left:
 * how much may be decoded to find out. */
static bool walk_block(Wrap *wrap, const ImageIo *io, unsigned check,
		       uint64_t *off, uint64_t *left, bool *more,
		       GError **error)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	struct wrap_block block = wrap_block_at(*off, check);
	uint64_t size = image_io_size(io);
	struct outcome o;
	lzma_block head;

	*more = read_header(io, *off, check, &head, filters);
	free_filters(filters);
	if (!*more)
		return true;
	if (head.compressed_size != LZMA_VLI_UNKNOWN &&
	    head.uncompressed_size != LZMA_VLI_UNKNOWN &&
	    range_fits(*off, padded(&head), size)) {
		*off += padded(&head);
		return wrap_add(wrap, block, padded(&head),
				head.uncompressed_size, advice, error);
	}
	o = decode(io, *off, size, check, NULL, IMAGE_BLOCK_MAX);
	block.cut = !o.complete;
	*left -= MIN(*left, o.len);
	*more = o.complete && *left;
	*off += o.packed;
	return wrap_add(wrap, block, o.packed, o.len, advice, error);
}

/* As many blocks of the first stream as there are. */
static bool add_walked(Wrap *wrap, const ImageIo *io, GError **error)
{
	uint8_t head[LZMA_STREAM_HEADER_SIZE];
	uint64_t off = sizeof head, left = LENGTHS_MAX;
	lzma_stream_flags flags;
	bool more = true;

	if (!image_io_read(io, 0, head, sizeof head) ||
	    lzma_stream_header_decode(&flags, head) != LZMA_OK)
		return wrap_fail(error, "the header is damaged; expected that"
					" of an xz stream");
	while (more)
		if (!walk_block(wrap, io, flags.check, &off, &left, &more,
				error))
			return false;
	return true;
}

static bool fill(Wrap *wrap, const ImageIo *io, Log *log, GError **error)
{
	lzma_index *index = read_index(io);
	bool ok;

	if (index) {
		ok = add_indexed(wrap, index, error);
		lzma_index_end(index, NULL);
		return ok;
	}
	ok = add_walked(wrap, io, error);
	log_add(log, LOG_WARN, "image",
		"xz: the index at the end is missing or damaged (the file was"
		" cut short?): %zu block(s) were found from the start",
		wrap_count(wrap));
	return ok;
}

static ImageIo *xz_unwrap(Image *image, Log *log, GError **error)
{
	g_autoptr(Wrap) wrap = wrap_new(image->io, decode_block);

	if (!fill(wrap, image->io, log, error))
		return NULL;
	return wrap_open(g_steal_pointer(&wrap), image, log, error);
}

static const char *xz_library(void)
{
	return "liblzma " LZMA_VERSION_STRING;
}
#else
static ImageIo *xz_unwrap(Image *image, Log *log, GError **error)
{
	(void)image;
	(void)log;
	wrap_fail(error, "this build is without liblzma");
	return NULL;
}

static const char *xz_library(void)
{
	return NULL;
}
#endif

const struct ImageOps image_xz_ops = {
	.name = "xz",
	.description = "xz-compressed",
	.probe = xz_probe,
	.unwrap = xz_unwrap,
	.reads_with = xz_library,
};
