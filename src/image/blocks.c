/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compressed blocks as bytes. */
#include "config.h"

#include <stdatomic.h>
#include <string.h>

#include "image/blocks.h"

/* How far ahead blocks are made, how much of it by one thread at a time (to
 * wake one up takes as long as a small block), and how many such pieces at the
 * most. */
#define AHEAD_BYTES (UINT64_C(4) << 20)
#define AHEAD_PIECE (UINT64_C(256) << 10)
#define AHEAD_MAX 64u

struct blocks {
	const struct image_blocks_ops *ops;
	void *ctx;
	uint64_t size;
	ImageCache *cache; /* borrowed */
	/* Where the last read ended, and up to where blocks were asked for
	 * ahead: guesses, for which no order matters. */
	_Atomic uint64_t read_to, ahead_to;
	GMutex lock; /* of what follows */
	GCond at_rest;
	unsigned n_ahead;
};

static const struct cached_block *get_block(struct blocks *b,
					    const struct image_block *block)
{
	const struct cached_block *cached;
	bool make, good;

	cached = image_cache_get(b->cache, b, block->id, block->len, &make);
	if (make) {
		good = cached->bytes &&
		       b->ops->decode(b->ctx, block, cached->bytes);
		image_cache_made(b->cache, cached, good);
	}
	return cached;
}

/* The block that holds off, if it is one as it should be. */
static bool find_block(const struct blocks *b, uint64_t off,
		       struct image_block *block)
{
	return b->ops->find(b->ctx, off, block) && block->start <= off &&
	       off - block->start < block->len && block->len <= IMAGE_BLOCK_MAX;
}

/* Where the blocks of the piece that begins at off end; off where there are
 * none. visit: called for each; or NULL. */
static uint64_t walk_piece(struct blocks *b, uint64_t off,
			   void (*visit)(struct blocks *b,
					 const struct image_block *block))
{
	struct image_block block;
	uint64_t at = off;

	while (at < b->size && at < off + AHEAD_PIECE &&
	       find_block(b, at, &block)) {
		if (visit)
			visit(b, &block);
		at = block.start + block.len;
	}
	return at;
}

static void make_block(struct blocks *b, const struct image_block *block)
{
	image_cache_put(b->cache, get_block(b, block));
}

static void make_ahead(void *ctx, uint64_t off)
{
	struct blocks *b = ctx;

	(void)walk_piece(b, off, make_block);
	g_mutex_lock(&b->lock);
	if (!--b->n_ahead)
		g_cond_broadcast(&b->at_rest);
	g_mutex_unlock(&b->lock);
}

/* Has the blocks from off on made soon; false where enough are. */
static bool ask_ahead(struct blocks *b, uint64_t off)
{
	bool asked;

	g_mutex_lock(&b->lock);
	asked = b->n_ahead < AHEAD_MAX;
	b->n_ahead += asked;
	g_mutex_unlock(&b->lock);
	if (!asked || image_cache_ahead(b->cache, make_ahead, b, off))
		return asked;
	g_mutex_lock(&b->lock);
	if (!--b->n_ahead)
		g_cond_broadcast(&b->at_rest);
	g_mutex_unlock(&b->lock);
	return false;
}

/* Who reads where the last one ended, or near it, will read on. */
static void read_ahead(struct blocks *b, uint64_t off, uint64_t end)
{
	uint64_t last = atomic_exchange(&b->read_to, end);
	uint64_t at = atomic_load(&b->ahead_to), next;

	if (off > last + AHEAD_BYTES || off + AHEAD_BYTES < last)
		return;
	if (at < end || at > end + 2 * AHEAD_BYTES)
		at = end;
	while (at < end + AHEAD_BYTES &&
	       (next = walk_piece(b, at, NULL)) > at && ask_ahead(b, at))
		at = next;
	atomic_store(&b->ahead_to, at);
}

static int64_t read_blocks(void *ctx, uint64_t off, void *buf,
			   size_t len_bytes)
{
	struct blocks *b = ctx;
	const struct cached_block *cached;
	struct image_block block;
	uint64_t n;

	if (!find_block(b, off, &block))
		return -1;
	n = block.len - (off - block.start);
	n = MIN(n, b->size - off);
	n = MIN(n, len_bytes);
	read_ahead(b, off, off + n);
	cached = get_block(b, &block);
	if (cached->bytes)
		memcpy(buf, cached->bytes + (off - block.start), (size_t)n);
	else
		n = UINT64_MAX;
	image_cache_put(b->cache, cached);
	return (int64_t)n;
}

static enum image_held hold_block(void *ctx, uint64_t off, size_t len_bytes,
				  bool wait, struct image_hold *ret)
{
	struct blocks *b = ctx;
	const struct cached_block *cached;
	struct image_block block;
	uint64_t n;

	if (!find_block(b, off, &block))
		return IMAGE_NOT_HELD;
	n = block.len - (off - block.start);
	n = MIN(n, b->size - off);
	n = MIN(n, len_bytes);
	read_ahead(b, off, off + n);
	cached = wait ? get_block(b, &block) :
			image_cache_peek(b->cache, b, block.id);
	if (!cached)
		return IMAGE_NOT_READY;
	if (!cached->bytes) {
		image_cache_put(b->cache, cached);
		return IMAGE_NOT_HELD;
	}
	*ret = (struct image_hold){ cached->bytes + (off - block.start),
				    (size_t)n, cached->len, cached };
	return IMAGE_HELD;
}

static void unhold_block(void *ctx, const struct image_hold *hold)
{
	struct blocks *b = ctx;

	image_cache_put(b->cache, hold->what);
}

static void free_blocks(void *ctx)
{
	struct blocks *b = ctx;

	g_mutex_lock(&b->lock);
	while (b->n_ahead)
		g_cond_wait(&b->at_rest, &b->lock);
	g_mutex_unlock(&b->lock);
	image_cache_drop(b->cache, b);
	if (b->ops->free)
		b->ops->free(b->ctx);
	g_mutex_clear(&b->lock);
	g_cond_clear(&b->at_rest);
	g_free(b);
}

static const struct image_io_ops io_ops = {
	.read = read_blocks,
	.hold = hold_block,
	.unhold = unhold_block,
	.free = free_blocks,
};

ImageIo *image_io_blocks(const struct image_blocks_ops *ops, void *ctx,
			 uint64_t size, int64_t mtime, ImageCache *cache)
{
	struct blocks *b = g_new0(struct blocks, 1);

	b->ops = ops;
	b->ctx = ctx;
	b->size = size;
	b->cache = cache;
	g_mutex_init(&b->lock);
	g_cond_init(&b->at_rest);
	return image_io_custom(&io_ops, b, size, mtime);
}
