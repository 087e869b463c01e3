/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks of compressed containers, decoded: a bounded cache in shards, each
 * with its own lock and its own order of use. What is asked for by several
 * threads at once is made by one of them while the others wait.
 */
#ifndef IMAGE_CACHE_H
#define IMAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* What decoded blocks may take where nothing else is said (cache=). */
#define IMAGE_CACHE_BYTES (UINT64_C(256) << 20)

typedef struct ImageCache ImageCache;

struct cached_block {
	uint8_t *bytes; /* NULL: could not be made */
	uint32_t len;
};

/* max_bytes: of all blocks together, 0 for IMAGE_CACHE_BYTES. Blocks in use
 * are kept even where they are more. */
ImageCache *image_cache_new(uint64_t max_bytes);
/* No block may be in use. NULL is ignored. */
void image_cache_free(ImageCache *cache);

/*
 * The block `id` of `owner` (any address that tells sources apart), referenced.
 * With *make set the caller has to fill bytes (of len; NULL where there was no
 * memory for it) and must call image_cache_made() before anything else. Else
 * it is made: bytes are NULL where that failed, which is remembered.
 */
const struct cached_block *image_cache_get(ImageCache *cache,
					   const void *owner, uint64_t id,
					   uint32_t len, bool *make);
/* The same where it is there; else NULL, and it is not made. */
const struct cached_block *image_cache_peek(ImageCache *cache,
					    const void *owner, uint64_t id);
void image_cache_made(ImageCache *cache, const struct cached_block *block,
		      bool good);
/* Gives a reference back. */
void image_cache_put(ImageCache *cache, const struct cached_block *block);
/* Forgets what is not in use of owner; the owner itself must be at rest. */
void image_cache_drop(ImageCache *cache, const void *owner);
/* Bytes that decoded blocks take now. */
uint64_t image_cache_used(const ImageCache *cache);

/*
 * From now on blocks may be made ahead of readers, by n_threads threads; call
 * it when the process forks no more. Before, nothing is made ahead.
 */
void image_cache_start_ahead(ImageCache *cache, unsigned n_threads);
/* Has somebody call fn(ctx, arg) soon; false: nobody will. */
bool image_cache_ahead(ImageCache *cache, void (*fn)(void *ctx, uint64_t arg),
		       void *ctx, uint64_t arg);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageCache, image_cache_free)

#endif
