/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of decoded blocks: bytes, bounds, threads, damage. */
#include "config.h"

#include "unit/unit.h"

#include <stdatomic.h>
#include <string.h>

#include "image/blocks.h"

enum {
	BLOCK = 10000, /* so that blocks and pages do not agree */
	N_BLOCKS = 300,
	SIZE = BLOCK * (N_BLOCKS - 1) + 77,
};

/* A source of numbers; what it is asked is counted. */
struct source {
	_Atomic unsigned n_decoded, n_at_once, max_at_once;
	_Atomic unsigned decoded[N_BLOCKS];
	uint64_t bad;	 /* this block cannot be decoded */
	uint64_t lost;	 /* this one is not found */
	unsigned usleep; /* how long it takes */
	bool freed;
};

static uint8_t byte_at(uint64_t off)
{
	return (uint8_t)((off * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static bool find(void *ctx, uint64_t off, struct image_block *block)
{
	const struct source *s = ctx;

	block->id = off / BLOCK;
	block->start = block->id * BLOCK;
	block->len = (uint32_t)MIN(BLOCK, SIZE - block->start);
	return block->id != s->lost;
}

static bool decode(void *ctx, const struct image_block *block, uint8_t *buf)
{
	struct source *s = ctx;
	unsigned n = atomic_fetch_add(&s->n_at_once, 1) + 1;

	if (n > atomic_load(&s->max_at_once))
		atomic_store(&s->max_at_once, n);
	if (s->usleep)
		g_usleep(s->usleep);
	for (uint32_t i = 0; i < block->len; i++)
		buf[i] = byte_at(block->start + i);
	atomic_fetch_add(&s->n_decoded, 1);
	atomic_fetch_add(&s->decoded[block->id], 1);
	atomic_fetch_sub(&s->n_at_once, 1);
	return block->id != s->bad;
}

static void freed(void *ctx)
{
	struct source *s = ctx;

	s->freed = true;
}

static const struct image_blocks_ops ops = { find, decode, freed };
static const struct source healthy = { .bad = UINT64_MAX,
				       .lost = UINT64_MAX };

static void check(const ImageIo *io, uint64_t off, size_t len)
{
	g_autofree uint8_t *buf = g_malloc(len + 1);

	buf[len] = 0x5a;
	ck_assert(image_io_read(io, off, buf, len));
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(buf[i], byte_at(off + i));
	ck_assert_uint_eq(buf[len], 0x5a);
}

START_TEST(test_bytes)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(0);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 7, cache);

	ck_assert_uint_eq(image_io_size(io), SIZE);
	ck_assert_int_eq(image_io_mtime(io), 7);
	ck_assert(!image_io_is_file(io));
	ck_assert_ptr_null(image_io_map(io));
	check(io, 0, SIZE);
	ck_assert_uint_eq(s.n_decoded, N_BLOCKS);
	check(io, BLOCK - 1, 2);
	check(io, SIZE - 1, 1);
	check(io, 5 * BLOCK + 3, 3 * BLOCK);
	check(io, SIZE, 0);
	/* all is still there */
	ck_assert_uint_eq(s.n_decoded, N_BLOCKS);
	ck_assert(!image_io_read(io, SIZE, &(uint8_t){ 0 }, 1));
	ck_assert(!image_io_read(io, SIZE - 1, &(uint16_t){ 0 }, 2));
	image_io_free(io);
	ck_assert(s.freed);
	ck_assert_uint_eq(image_cache_used(cache), 0);
}
END_TEST

/* Room for some ten blocks: never more, and the last ones used stay. */
START_TEST(test_bound)
{
	const uint64_t max = 10 * (BLOCK + 200);
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(max);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);
	unsigned n;

	for (uint64_t i = 0; i < N_BLOCKS; i++) {
		check(io, i * BLOCK, 10);
		ck_assert_uint_le(image_cache_used(cache), max);
		/* read again and again, so never forgotten */
		check(io, 0, 1);
	}
	ck_assert_uint_eq(s.decoded[0], 1);
	n = s.n_decoded;
	check(io, (uint64_t)(N_BLOCKS - 2) * BLOCK, 1);
	ck_assert_uint_eq(s.n_decoded, n);
	check(io, BLOCK, 1);
	ck_assert_uint_eq(s.n_decoded, n + 1);
	image_io_free(io);
}
END_TEST

/* A block larger than the cache is used and forgotten. */
START_TEST(test_tiny_cache)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(1);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);

	check(io, 0, 5 * BLOCK);
	ck_assert_uint_le(image_cache_used(cache), 1);
	image_io_free(io);
}
END_TEST

START_TEST(test_damage)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(0);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);
	uint8_t b[2 * BLOCK];

	s.bad = 3;
	s.lost = 5;
	for (int i = 0; i < 3; i++) {
		ck_assert(!image_io_read(io, 3 * BLOCK, b, 1));
		ck_assert(!image_io_read(io, 3 * BLOCK - 1, b, 2));
		ck_assert(!image_io_read(io, 4 * BLOCK - 1, b, 2));
		ck_assert(!image_io_read(io, 5 * BLOCK + 9, b, 1));
	}
	/* that it is bad is remembered */
	ck_assert_uint_eq(s.decoded[3], 1);
	check(io, 2 * BLOCK, BLOCK);
	check(io, 4 * BLOCK, BLOCK);
	check(io, 6 * BLOCK, BLOCK);
	image_io_free(io);
}
END_TEST

/* Blocks that a format should not give. */
static bool find_odd(void *ctx, uint64_t off, struct image_block *block)
{
	const int *kind = ctx;

	*block = (struct image_block){ 0, off, 16 };
	if (*kind == 0)
		block->start = off + 1;
	if (*kind == 1)
		block->len = 0;
	if (*kind == 2)
		block->len = IMAGE_BLOCK_MAX + 1;
	if (*kind == 3)
		block->start = 0;
	return true;
}

static bool decode_odd(void *ctx, const struct image_block *block,
		       uint8_t *buf)
{
	(void)ctx;
	memset(buf, 0, block->len);
	return true;
}

START_TEST(test_odd_blocks)
{
	static const struct image_blocks_ops odd = { find_odd, decode_odd,
						     NULL };
	g_autoptr(ImageCache) cache = image_cache_new(0);
	int kind = _i;
	ImageIo *io = image_io_blocks(&odd, &kind, SIZE, 0, cache);
	uint8_t b;

	ck_assert(!image_io_read(io, 100, &b, 1));
	image_io_free(io);
}
END_TEST

struct reader {
	const ImageIo *io;
	unsigned seed;
	bool forward;
};

static gpointer read_all(gpointer data)
{
	const struct reader *r = data;
	uint32_t state = r->seed;

	for (unsigned i = 0; i < 400; i++) {
		uint64_t off;

		state = state * 1664525 + 1013904223;
		off = r->forward ? (uint64_t)i * SIZE / 400 : state % SIZE;
		check(r->io, off, MIN(5000, SIZE - off));
	}
	return NULL;
}

static void read_in_threads(const ImageIo *io, bool forward)
{
	struct reader readers[8];
	GThread *threads[8];

	for (unsigned i = 0; i < 8; i++) {
		readers[i] = (struct reader){ io, i + 1, forward };
		threads[i] = g_thread_new("r", read_all, &readers[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		g_thread_join(threads[i]);
}

/* Many readers want the same: each block is made once. */
START_TEST(test_threads)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(0);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);

	s.usleep = 200;
	read_in_threads(io, _i);
	for (unsigned i = 0; i < N_BLOCKS; i++)
		ck_assert_uint_le(s.decoded[i], 1);
	image_io_free(io);
}
END_TEST

/* The same with a cache that is always full. */
START_TEST(test_threads_full)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(20 * BLOCK);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);

	image_cache_start_ahead(cache, 4);
	read_in_threads(io, _i);
	image_io_free(io);
	ck_assert_uint_eq(image_cache_used(cache), 0);
}
END_TEST

/* Who reads on finds what comes next made, several blocks at a time. */
START_TEST(test_ahead)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(0);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);

	s.usleep = 2000;
	check(io, 0, 100);
	ck_assert_uint_eq(s.n_decoded, 1);
	image_cache_start_ahead(cache, 4);
	check(io, 100, BLOCK);
	for (unsigned i = 0; i < 20000 && s.n_decoded < 20; i++)
		g_usleep(1000);
	ck_assert_uint_ge(s.n_decoded, 20);
	ck_assert_uint_gt(s.max_at_once, 1);
	image_io_free(io);
	/* nobody works on after the end */
	ck_assert_uint_eq(s.n_at_once, 0);
}
END_TEST

static int64_t no_read(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	(void)ctx;
	(void)off;
	(void)buf;
	(void)len_bytes;
	return -1;
}

static void check_held(const ImageIo *io, uint64_t off, size_t len,
		       size_t want)
{
	struct image_hold hold;

	ck_assert_int_eq(image_io_hold(io, off, len, true, &hold), IMAGE_HELD);
	ck_assert_uint_eq(hold.len, want);
	ck_assert_uint_ge(hold.pinned, hold.len);
	for (size_t i = 0; i < hold.len; i++)
		ck_assert_uint_eq(hold.bytes[i], byte_at(off + i));
	image_io_unhold(io, &hold);
}

/* Without a copy: what is there at once, else with a wait. */
START_TEST(test_hold)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(2 * BLOCK);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);
	struct image_hold hold, other;

	ck_assert_int_eq(image_io_hold(io, 5, 10, false, &hold),
			 IMAGE_NOT_READY);
	ck_assert_uint_eq(s.n_decoded, 0);
	check_held(io, 5, 10, 10);
	ck_assert_int_eq(image_io_hold(io, 5, 10, false, &hold), IMAGE_HELD);
	/* what is held stays, whatever goes through the cache */
	check(io, BLOCK, 20 * BLOCK);
	check_held(io, 9 * BLOCK - 3, 100, 3);
	for (size_t i = 0; i < 10; i++)
		ck_assert_uint_eq(hold.bytes[i], byte_at(5 + i));
	ck_assert_int_eq(image_io_hold(io, 0, 1, false, &other), IMAGE_HELD);
	image_io_unhold(io, &other);
	image_io_unhold(io, &hold);
	ck_assert_uint_le(image_cache_used(cache), 2 * BLOCK);
	check_held(io, SIZE - 1, 1, 1);
	/* what cannot be had */
	ck_assert_int_eq(image_io_hold(io, SIZE, 1, true, &hold),
			 IMAGE_NOT_HELD);
	ck_assert_int_eq(image_io_hold(io, SIZE - 1, 2, true, &hold),
			 IMAGE_NOT_HELD);
	ck_assert_int_eq(image_io_hold(io, 0, 0, true, &hold),
			 IMAGE_NOT_HELD);
	image_io_free(io);
}
END_TEST

START_TEST(test_hold_damage)
{
	struct source s = healthy;
	g_autoptr(ImageCache) cache = image_cache_new(0);
	ImageIo *io = image_io_blocks(&ops, &s, SIZE, 0, cache);
	uint8_t plain[4] = { 0 };
	ImageIo *memory = image_io_memory(plain, sizeof plain);
	struct image_hold hold;

	s.bad = 3;
	s.lost = 4;
	ck_assert_int_eq(image_io_hold(io, 3 * BLOCK, 1, true, &hold),
			 IMAGE_NOT_HELD);
	ck_assert_int_eq(image_io_hold(io, 4 * BLOCK, 1, true, &hold),
			 IMAGE_NOT_HELD);
	check_held(io, 3 * BLOCK - 1, 2, 1);
	ck_assert_int_eq(image_io_hold(memory, 0, 1, true, &hold),
			 IMAGE_NOT_HELD);
	/* a reader that was put in is not gone past */
	image_io_set_reader(io, no_read, NULL);
	ck_assert_int_eq(image_io_hold(io, 0, 1, true, &hold),
			 IMAGE_NOT_HELD);
	image_io_free(memory);
	image_io_free(io);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-blocks");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_bytes);
	tcase_add_test(tcase, test_bound);
	tcase_add_test(tcase, test_tiny_cache);
	tcase_add_test(tcase, test_damage);
	tcase_add_loop_test(tcase, test_odd_blocks, 0, 4);
	tcase_add_loop_test(tcase, test_threads, 0, 2);
	tcase_add_loop_test(tcase, test_threads_full, 0, 2);
	tcase_add_test(tcase, test_ahead);
	tcase_add_test(tcase, test_hold);
	tcase_add_test(tcase, test_hold_damage);
	return unit_main(suite);
}
