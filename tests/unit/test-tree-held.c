/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of reads of memory that is decompressed first: planned without a copy
 * and without a wait where that can be. */
#include "config.h"

#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "image/blocks.h"
#include "tree/sparse.h"

enum {
	BLOCK = 5000,
	BAD_AT = 3000000, /* in a block that cannot be decoded */
	SIZE = 4 << 20,
};

static uint8_t byte_at(uint64_t off)
{
	return (uint8_t)(off * 2654435761u >> 24);
}

static bool find(void *ctx, uint64_t off, struct image_block *block)
{
	(void)ctx;
	block->id = off / BLOCK;
	block->start = block->id * BLOCK;
	block->len = (uint32_t)MIN(BLOCK, SIZE - block->start);
	return true;
}

static bool decode(void *ctx, const struct image_block *block, uint8_t *buf)
{
	(void)ctx;
	for (uint32_t i = 0; i < block->len; i++)
		buf[i] = byte_at(block->start + i);
	return block->id != BAD_AT / BLOCK;
}

static const struct image_blocks_ops ops = { find, decode, NULL };

static Image *image;
static PhysMem *pm;
static struct sparse pmem;

/* Physical memory is what is decoded but for a hole of 1 MiB at 1 MiB. */
static void setup(void)
{
	ImageCache *cache;

	image = image_new(image_io_memory("x", 1), "image", NULL);
	cache = image->cache;
	image->data = image_io_blocks(&ops, NULL, SIZE, 0, cache);
	image_runs_add(image->runs, 0, 1 << 20, 0, SIZE);
	image_runs_add(image->runs, 2 << 20, SIZE - (1 << 20), 1 << 20, SIZE);
	image_runs_finish(image->runs);
	pm = physmem_new(image);
	pmem = (struct sparse){ .pm = pm, .size = physmem_end(pm) };
}

static void teardown(void)
{
	physmem_free(pm);
	image_free(image);
}

static uint8_t expected(uint64_t pa)
{
	if (pa < 1 << 20)
		return byte_at(pa);
	return pa < 2 << 20 ? 0 : byte_at(pa - (1 << 20));
}

static void check(const struct read_plan *plan, uint64_t off, size_t len)
{
	g_autofree uint8_t *buf = g_malloc(len);

	ck_assert_uint_eq(plan->len, len);
	read_plan_gather(plan, buf);
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(buf[i], expected(off + i));
}

START_TEST(test_wait)
{
	struct read_plan plan;

	read_plan_init(&plan);
	plan.wait = false;
	ck_assert_int_eq(sparse_read(&pmem, 100, 20000, &plan), -EAGAIN);
	plan.wait = true;
	ck_assert_int_eq(sparse_read(&pmem, 100, 20000, &plan), 0);
	ck_assert_ptr_null(plan.bounce);
	ck_assert_uint_eq(plan.n_holds, 5);
	check(&plan, 100, 20000);
	read_plan_clear(&plan);
	ck_assert_uint_eq(plan.n_holds, 0);
	/* now it is there */
	plan.wait = false;
	ck_assert_int_eq(sparse_read(&pmem, 100, 20000, &plan), 0);
	check(&plan, 100, 20000);
	read_plan_clear(&plan);
	/* holes need no wait */
	ck_assert_int_eq(sparse_read(&pmem, 1 << 20, 70000, &plan), 0);
	check(&plan, 1 << 20, 70000);
	read_plan_clear(&plan);
}
END_TEST

/* More blocks than a plan keeps are copied, with the hole between. */
START_TEST(test_many)
{
	struct read_plan plan;

	read_plan_init(&plan);
	plan.wait = false;
	ck_assert_int_eq(sparse_read(&pmem, 1000, 1 << 20, &plan), -EAGAIN);
	read_plan_clear(&plan);
	plan.wait = true;
	ck_assert_int_eq(sparse_read(&pmem, 1000, 1 << 20, &plan), 0);
	ck_assert_ptr_nonnull(plan.bounce);
	ck_assert_uint_eq(plan.n_holds, 0);
	check(&plan, 1000, 1 << 20);
	read_plan_clear(&plan);
}
END_TEST

START_TEST(test_damage)
{
	uint64_t pa = BAD_AT + (1 << 20);
	struct read_plan plan;

	read_plan_init(&plan);
	ck_assert_int_eq(sparse_read(&pmem, pa, 100, &plan), -EIO);
	read_plan_clear(&plan);
	ck_assert_int_eq(sparse_read(&pmem, pa - 10000, 20000, &plan), -EIO);
	read_plan_clear(&plan);
	ck_assert_int_eq(sparse_read(&pmem, pa + BLOCK, 100, &plan), 0);
	check(&plan, pa + BLOCK, 100);
	read_plan_clear(&plan);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-held");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_wait);
	tcase_add_test(tcase, test_many);
	tcase_add_test(tcase, test_damage);
	return unit_main(suite);
}
