/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compressed files whose blocks can be decoded each on its own: the table of
 * the blocks, and the bytes within as an ImageIo. What differs between xz,
 * zstd and gzip is how the table is read, and how one block is decoded.
 */
#ifndef IMAGE_WRAP_H
#define IMAGE_WRAP_H

#include "image/blocks.h"
#include "image/image.h"

/* 48 MiB of table: 2 TiB in blocks of 1 MiB. */
#define WRAP_BLOCKS_MAX (UINT32_C(1) << 21)

/* One block, here and in the file. */
struct wrap_block {
	uint64_t start;		/* in what is decoded */
	uint64_t off : 56;	/* in the file */
	uint64_t tag : 7;	/* the format's own */
	uint64_t cut : 1;	/* the file ends within it: len bytes of it can
				 * be decoded */
	uint32_t len;		/* decoded, up to IMAGE_BLOCK_MAX */
	uint32_t packed;	/* in the file */
};

/* A block at an offset of the file, as a start; one beyond what offsets can be
 * is refused by wrap_add(). */
struct wrap_block wrap_block_at(uint64_t off, unsigned tag);

typedef struct Wrap Wrap;

/* Decodes a block of n = block->len bytes into buf, no byte more; false where
 * it is damaged. Called in parallel. */
typedef bool (*wrap_decode_fn)(const ImageIo *io,
			       const struct wrap_block *block, uint8_t *buf);

/* An empty table over a compressed file; both belong to others for as long as
 * it lives. */
Wrap *wrap_new(const ImageIo *io, wrap_decode_fn decode);
void wrap_free(Wrap *wrap);
/*
 * Adds the next block (start is set here; blocks of 0 bytes are left out). As
 * the container claims it: false with a line where it is larger than one may
 * be, or there are too many; advice: what to do then.
 */
bool wrap_add(Wrap *wrap, struct wrap_block block, uint64_t packed,
	      uint64_t len, const char *advice, GError **error);
/* Drops all blocks. */
void wrap_clear(Wrap *wrap);
size_t wrap_count(const Wrap *wrap);
/* Sum of what is decoded. */
uint64_t wrap_size(const Wrap *wrap);

/* What is within; takes the table. NULL with a line where that is nothing. The
 * log is told of blocks so large that they make small reads slow. */
ImageIo *wrap_open(Wrap *wrap, Image *image, Log *log, GError **error);

/* "...": what there is, expected and to be done; false. */
bool wrap_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wrap, wrap_free)

#endif
