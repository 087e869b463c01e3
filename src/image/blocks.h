/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes that are kept in compressed blocks: each is decoded once into the
 * cache, several at the same time, and ahead of whoever reads on and on.
 */
#ifndef IMAGE_BLOCKS_H
#define IMAGE_BLOCKS_H

#include "image/cache.h"
#include "image/io.h"

/* No block is longer than that when it is decoded. */
#define IMAGE_BLOCK_MAX (UINT32_C(64) << 20)

/* A block: its place in the decoded whole. */
struct image_block {
	uint64_t id;	/* the format's own: index, file offset... */
	uint64_t start; /* offset of its first byte */
	uint32_t len;	/* bytes, 1 to IMAGE_BLOCK_MAX */
};

/* All functions are called from several threads at once, without a lock. */
struct image_blocks_ops {
	/* The block that holds byte off; false: none does (damaged). Cheap:
	 * it is asked for each read. */
	bool (*find)(void *ctx, uint64_t off, struct image_block *block);
	/* All of a block; false: it cannot be decoded (damaged). */
	bool (*decode)(void *ctx, const struct image_block *block,
		       uint8_t *buf);
	void (*free)(void *ctx); /* or NULL */
};

/* An ImageIo of size bytes. ops: static; takes ctx; borrows the cache. What
 * cannot be decoded cannot be read; it is never zeros. */
ImageIo *image_io_blocks(const struct image_blocks_ops *ops, void *ctx,
			 uint64_t size, int64_t mtime, ImageCache *cache);

#endif
