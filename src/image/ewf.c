/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EWF (.E01): a wrapper around an image of any kind. Our index finds the
 * chunks; libewf decodes them where the set is whole, else we do.
 */
#include "config.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/bytes.h"
#include "image/blocks.h"
#include "image/ewf.h"
#include "image/formats.h"

struct ewf {
	EwfSet set;
	EwfLib *lib; /* or NULL */
};

static void ewf_free(void *ctx)
{
	struct ewf *e = ctx;

	ewf_lib_free(e->lib);
	ewf_set_clear(&e->set);
	g_free(e);
}

static bool ewf_find(void *ctx, uint64_t off, struct image_block *block)
{
	const struct ewf *e = ctx;
	uint64_t chunk = e->set.chunk_bytes;

	block->id = off / chunk;
	block->start = block->id * chunk;
	block->len = (uint32_t)MIN(chunk, e->set.size - block->start);
	return true;
}

static bool ewf_decode(void *ctx, const struct image_block *block,
		       uint8_t *buf)
{
	const struct ewf *e = ctx;

	/* What the library cannot read (it opens the files by name, and they
	 * may have been renamed) may be there all the same. */
	if (e->lib && ewf_lib_read(e->lib, block->start, buf, block->len))
		return true;
	return ewf_set_read(&e->set, block->id, buf, block->len);
}

static const struct image_blocks_ops blocks_ops = {
	.find = ewf_find,
	.decode = ewf_decode,
	.free = ewf_free,
};

static bool has_magic(const ImageIo *io, const char magic[8])
{
	uint8_t d[8];

	return image_io_read(io, 0, d, sizeof d) && !memcmp(d, magic, 8);
}

static bool is_ewf2(const ImageIo *io)
{
	return has_magic(io, "EVF2\r\n\x81");
}

static enum image_probe ewf_probe(const ImageIo *io)
{
	if (!has_magic(io, "EVF\t\r\n\xff") && !is_ewf2(io))
		return IMAGE_NOT_MINE;
	return ewf_segment_number(io) == 1 ? IMAGE_MINE : IMAGE_DAMAGED;
}

/* libewf opens files by name: only where this is the file that was given, not
 * one within another. */
static bool is_the_file(const Image *image, const ImageIo *io)
{
	g_autoptr(ImageIo) again = NULL;
	uint8_t a[512], b[512];
	size_t len = (size_t)MIN(sizeof a, image_io_size(io));

	if (image->wrappers && image->wrappers->len)
		return false;
	again = image_io_open(image->path, NULL);
	return again && image_io_size(again) == image_io_size(io) &&
	       image_io_read(again, 0, a, len) &&
	       image_io_read(io, 0, b, len) && !memcmp(a, b, len);
}

static bool refuse_others(const Image *image, GError **error)
{
	uint32_t number = ewf_segment_number(image->io);

	if (number > 1)
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "is file %u of a set; give the first one (.E01)",
			    number);
	else if (is_ewf2(image->io))
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "is an Ex01 (EWF 2) file, which is not"
				    " read; convert it with EnCase or FTK"
				    " Imager, to raw or E01");
	else
		return true;
	return false;
}

static ImageIo *ewf_unwrap(Image *image, Log *log, GError **error)
{
	struct ewf *e;
	int64_t mtime = image_io_mtime(image->io);

	if (!refuse_others(image, error))
		return NULL;
	e = g_new0(struct ewf, 1);
	if (!ewf_set_open(&e->set, image->io, image->path, log, error)) {
		ewf_free(e);
		return NULL;
	}
	if (e->set.whole && is_the_file(image, image->io))
		e->lib = ewf_lib_open(e->set.paths, e->set.media_bytes,
				      e->set.chunk_bytes);
	log_add(log, LOG_INFO, "image",
		"ewf: %u file(s), chunks of %u bytes, decoded by %s",
		e->set.paths->len, e->set.chunk_bytes,
		e->lib ? ewf_lib_version() : "zlib");
	return image_io_blocks(&blocks_ops, e, e->set.size, mtime,
			       image->cache);
}

/* zlib alone will do; libewf needs it, too. */
static const char *ewf_library(void)
{
#ifndef HAVE_ZLIB
	return NULL;
#else
	return ewf_lib_version() ? ewf_lib_version() : "zlib " ZLIB_VERSION;
#endif
}

const struct ImageOps image_ewf_ops = {
	.name = "ewf",
	.description = "EWF (E01)",
	.probe = ewf_probe,
	.unwrap = ewf_unwrap,
	.reads_with = ewf_library,
};
