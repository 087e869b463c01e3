/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of compressed blocks. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "image/wrap.h"

/* What all decoders that run at a time may use together; one always may run. */
#define DECODERS_MEMORY (256 * MIB)
/* From here on a read of one page takes a tenth of a second. */
#define SLOW_BLOCK (8 * MIB)
#define OFF_END (UINT64_C(1) << 56)

struct Wrap {
	const ImageIo *io;
	wrap_decode_fn decode;
	GArray *blocks; /* struct wrap_block, ascending */
	uint64_t size;
	uint32_t longest;
	GMutex lock;	/* guards memory */
	GCond freed;
	uint64_t memory; /* in use by decoders */
};

bool wrap_fail(GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT, text);
	return false;
}

Wrap *wrap_new(const ImageIo *io, wrap_decode_fn decode)
{
	Wrap *wrap = g_new0(Wrap, 1);

	wrap->io = io;
	wrap->decode = decode;
	wrap->blocks = g_array_new(FALSE, FALSE, sizeof(struct wrap_block));
	g_mutex_init(&wrap->lock);
	g_cond_init(&wrap->freed);
	return wrap;
}

void wrap_free(Wrap *wrap)
{
	if (!wrap)
		return;
	g_array_unref(wrap->blocks);
	g_mutex_clear(&wrap->lock);
	g_cond_clear(&wrap->freed);
	g_free(wrap);
}

struct wrap_block wrap_block_at(uint64_t off, unsigned tag)
{
	return (struct wrap_block){
		.off = MIN(off, OFF_END - 1) & (OFF_END - 1),
		.tag = tag & 0x7f,
	};
}

bool wrap_add(Wrap *wrap, struct wrap_block block, uint64_t packed,
	      uint64_t len, const char *advice, GError **error)
{
	if (!len)
		return true;
	if (len > IMAGE_BLOCK_MAX || packed > UINT32_MAX)
		return wrap_fail(error,
				 "has a block of more than %u MiB, all of which"
				 " would have to be decoded to read a page of"
				 " it; expected smaller ones: %s",
				 IMAGE_BLOCK_MAX >> 20, advice);
	if (wrap->blocks->len >= WRAP_BLOCKS_MAX || block.off >= OFF_END - len)
		return wrap_fail(error,
				 "has more than %u blocks; expected larger"
				 " ones: %s",
				 WRAP_BLOCKS_MAX, advice);
	block.start = wrap->size;
	block.len = (uint32_t)len;
	block.packed = (uint32_t)packed;
	g_array_append_val(wrap->blocks, block);
	wrap->size += len;
	wrap->longest = MAX(wrap->longest, block.len);
	return true;
}

void wrap_clear(Wrap *wrap)
{
	g_array_set_size(wrap->blocks, 0);
	wrap->size = 0;
	wrap->longest = 0;
}

size_t wrap_count(const Wrap *wrap)
{
	return wrap->blocks->len;
}

uint64_t wrap_size(const Wrap *wrap)
{
	return wrap->size;
}

static const struct wrap_block *block_at(const Wrap *wrap, size_t i)
{
	return &g_array_index(wrap->blocks, struct wrap_block, i);
}

static bool find(void *ctx, uint64_t off, struct image_block *ret)
{
	const Wrap *wrap = ctx;
	size_t low = 0, high = wrap->blocks->len;
	const struct wrap_block *block;

	if (off >= wrap->size)
		return false;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (block_at(wrap, mid)->start <= off)
			low = mid;
		else
			high = mid;
	}
	block = block_at(wrap, low);
	ret->id = low;
	ret->start = block->start;
	ret->len = block->len;
	return true;
}

/* Large blocks wait for each other, so that a thread each does not take all
 * memory. */
static void take_memory(Wrap *wrap, uint64_t bytes)
{
	g_mutex_lock(&wrap->lock);
	while (wrap->memory && wrap->memory + bytes > DECODERS_MEMORY)
		g_cond_wait(&wrap->freed, &wrap->lock);
	wrap->memory += bytes;
	g_mutex_unlock(&wrap->lock);
}

static void give_memory(Wrap *wrap, uint64_t bytes)
{
	g_mutex_lock(&wrap->lock);
	wrap->memory -= bytes;
	g_cond_broadcast(&wrap->freed);
	g_mutex_unlock(&wrap->lock);
}

static bool decode(void *ctx, const struct image_block *which, uint8_t *buf)
{
	Wrap *wrap = ctx;
	const struct wrap_block *block = block_at(wrap, (size_t)which->id);
	/* What it becomes, a dictionary of that size, what it is. */
	uint64_t memory = 2 * (uint64_t)block->len + block->packed;
	bool ok;

	take_memory(wrap, memory);
	ok = wrap->decode(wrap->io, block, buf);
	give_memory(wrap, memory);
	return ok;
}

static void free_ctx(void *ctx)
{
	wrap_free(ctx);
}

ImageIo *wrap_open(Wrap *wrap, Image *image, Log *log, GError **error)
{
	static const struct image_blocks_ops ops = { find, decode, free_ctx };

	if (!wrap->size) {
		wrap_fail(error, "holds nothing that can be decoded; expected"
				 " at least one block (it was cut short, or is"
				 " damaged)");
		wrap_free(wrap);
		return NULL;
	}
	if (wrap->longest >= SLOW_BLOCK && wrap->blocks->len > 1)
		log_add(log, LOG_INFO, "image",
			"compressed in blocks of up to %" PRIu64 " MiB: the"
			" first read in each takes its time; `xz"
			" --block-size=1MiB` makes small ones",
			(uint64_t)wrap->longest / MIB);
	return image_io_blocks(&ops, wrap, wrap->size, image_io_mtime(wrap->io),
			       image->cache);
}
