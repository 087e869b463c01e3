/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench-decode: how fast the blocks of compressed images are decoded, without
 * a cache, a mount or a copy in between; what a mount can at best be.
 *
 *	bench-decode THREADS IMAGE	MB/s (10^6) of decoded bytes; seconds of
 *					processors for it; bytes
 *	bench-decode --bitmap BITS	ns for each image_runs_find()
 *
 * Seconds of processors are comparable where others use the machine as well.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image/blocks.h"
#include "image/image.h"

/* Blocks that a thread takes at a time: so many bytes. */
#define BATCH_BYTES (UINT64_C(1) << 20)

struct blocks {
	const struct image_blocks_ops *ops;
	void *ctx;
	uint64_t size;
};

/* All that the formats make of blocks. */
static GPtrArray *all;

static int64_t read_block(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	const struct blocks *b = ctx;
	g_autofree uint8_t *bytes = NULL;
	struct image_block block;
	size_t n;

	if (!b->ops->find(b->ctx, off, &block))
		return -1;
	bytes = g_malloc(block.len);
	if (!b->ops->decode(b->ctx, &block, bytes))
		return -1;
	n = (size_t)MIN(block.len - (off - block.start), b->size - off);
	n = MIN(n, len_bytes);
	memcpy(buf, bytes + (off - block.start), n);
	return (int64_t)n;
}

static void free_blocks(void *ctx)
{
	struct blocks *b = ctx;

	if (b->ops->free)
		b->ops->free(b->ctx);
	g_free(b);
}

static const struct image_io_ops io_ops = {
	.read = read_block,
	.free = free_blocks,
};

/* In the place of the library's own. */
ImageIo *image_io_blocks(const struct image_blocks_ops *ops, void *ctx,
			 uint64_t size, int64_t mtime, ImageCache *cache)
{
	struct blocks *b = g_new0(struct blocks, 1);

	(void)cache;
	b->ops = ops;
	b->ctx = ctx;
	b->size = size;
	g_ptr_array_add(all, b);
	return image_io_custom(&io_ops, b, size, mtime);
}

struct job {
	const struct blocks *blocks;
	GArray *list; /* struct image_block */
	_Atomic guint next;
	_Atomic uint64_t decoded;
};

static void decode_some(struct job *job, guint first, guint n, uint8_t *buf)
{
	const struct blocks *b = job->blocks;
	uint64_t decoded = 0;

	for (guint i = first; i < MIN(first + n, job->list->len); i++) {
		const struct image_block *block =
			&g_array_index(job->list, struct image_block, i);

		if (b->ops->decode(b->ctx, block, buf))
			decoded += block->len;
	}
	atomic_fetch_add(&job->decoded, decoded);
}

static gpointer decode_all(gpointer data)
{
	struct job *job = data;
	g_autofree uint8_t *buf = g_malloc(IMAGE_BLOCK_MAX);
	uint32_t len = g_array_index(job->list, struct image_block, 0).len;
	guint batch = (guint)MAX(BATCH_BYTES / len, 1), i;

	while ((i = atomic_fetch_add(&job->next, batch)) < job->list->len)
		decode_some(job, i, batch, buf);
	return NULL;
}

static GArray *list_blocks(const struct blocks *b)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(struct image_block));
	struct image_block block;

	for (uint64_t off = 0; off < b->size;) {
		if (!b->ops->find(b->ctx, off, &block)) {
			off += 4096;
			continue;
		}
		g_array_append_val(list, block);
		off = block.start + block.len;
	}
	return list;
}

/* Microseconds; adds to *decoded. */
static int64_t measure(const struct blocks *b, unsigned n_threads,
		       uint64_t *decoded)
{
	g_autoptr(GArray) list = list_blocks(b);
	struct job job = { .blocks = b, .list = list };
	g_autofree GThread **threads = g_new(GThread *, n_threads);
	int64_t start = g_get_monotonic_time();

	if (!list->len)
		return 0;
	for (unsigned i = 0; i < n_threads; i++)
		threads[i] = g_thread_new("decode", decode_all, &job);
	for (unsigned i = 0; i < n_threads; i++)
		g_thread_join(threads[i]);
	*decoded += job.decoded;
	return g_get_monotonic_time() - start;
}

static double processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int decode_image(unsigned n_threads, const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	uint64_t decoded = 0;
	int64_t usec = 0;
	double start;

	all = g_ptr_array_new();
	image = image_open(path, NULL, log, &error);
	if (!image) {
		fprintf(stderr, "bench-decode: %s\n", error->message);
		return EXIT_FAILURE;
	}
	start = processor_seconds();
	for (guint i = 0; i < all->len; i++)
		usec += measure(all->pdata[i], n_threads, &decoded);
	printf("%.0f %.3f %" G_GUINT64_FORMAT "\n",
	       usec ? (double)decoded / (double)usec : 0.0,
	       processor_seconds() - start, decoded);
	return EXIT_SUCCESS;
}

enum { FINDS = 10000000 };

/* Half of the pages, in runs of no regular length. */
static int find_in_bitmap(uint64_t n_bits)
{
	g_autofree uint32_t *bits = g_malloc(n_bits / 8);
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	g_autoptr(ImageRuns) runs = image_runs_new();
	ImageIo *io = image_io_memory(bits, n_bits / 8);
	uint64_t random = 1, found = 0;
	struct image_run run;
	double start;

	for (uint64_t i = 0; i < n_bits / 32; i++)
		bits[i] = g_rand_int(rand) & g_rand_int(rand);
	start = processor_seconds();
	image_runs_add_bitmap(runs, 0, n_bits, io, 0, 0, UINT64_MAX >> 1);
	image_runs_finish(runs);
	printf("%.1f ms to make, ", (processor_seconds() - start) * 1e3);
	start = processor_seconds();
	for (unsigned i = 0; i < FINDS; i++) {
		random = random * UINT64_C(6364136223846793005) + 1;
		if (image_runs_find(runs, (random >> 20) % (n_bits * 4096),
				    &run))
			found += run.pa;
	}
	printf("%.0f ns each (%x)\n",
	       (processor_seconds() - start) * 1e9 / FINDS,
	       (unsigned)found & 15);
	image_io_free(io);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("bench-decode THREADS IMAGE | --bitmap BITS\n", stderr);
		return EXIT_FAILURE;
	}
	if (!strcmp(argv[1], "--bitmap"))
		return find_in_bitmap(g_ascii_strtoull(argv[2], NULL, 10) &
				      ~UINT64_C(31));
	return decode_image((unsigned)CLAMP(atoi(argv[1]), 1, 64), argv[2]);
}
