/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of files made of pieces: what each piece reads as, in any cut and in
 * every way of replying; data and holes; what changes nothing. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "tree/compose.h"

static const struct mk_options machine = { .seed = 11, .hole = true,
					   .trans_table = true };
static struct unit_tree t;
static SpaceView *view;
static ViewCache *views;
static Space *space;

static void setup(void)
{
	static const struct tree_options options;

	unit_tree_init(&t, &machine, &options);
	views = view_cache_new(1u << 20);
	space = unit_tree_node(&t, "proc/3204").space;
	view = space_view(space, views);
}

static void teardown(void)
{
	space_view_unref(view);
	view_cache_free(views);
	unit_tree_clear(&t);
}

static struct sparse sparse_of(Compose *c, bool copy)
{
	return (struct sparse){ .pm = t.w.mem.pm, .view = space_view_ref(view),
				.compose = compose_ref(c),
				.size = compose_size(c), .copy = copy };
}

static void read_at(const struct sparse *s, uint64_t off, uint64_t len,
		    uint8_t *buf)
{
	while (len) {
		struct read_plan plan;

		read_plan_init(&plan);
		ck_assert_int_eq(sparse_read(s, off, len, &plan), 0);
		ck_assert_uint_gt(plan.len, 0);
		read_plan_gather(&plan, buf);
		off += plan.len;
		buf += plan.len;
		len -= plan.len;
		read_plan_clear(&plan);
	}
}

/* Two regions with bytes, holes and an odd place between them. */
struct sample {
	Compose *c;
	uint8_t *want;	/* compose_size() bytes */
	uint64_t table;	/* offset of the bytes in the middle */
};

static const struct region *region(guint i)
{
	ck_assert_uint_gt(view->regions->len, i);
	return &g_array_index(view->regions, struct region, i);
}

static uint64_t put_region(struct sample *s, guint i, uint64_t skip)
{
	TreeFile *file;
	struct tree_node vmem = unit_tree_node(&t, "proc/3204/vmem");
	const struct region *r = region(i);
	uint64_t at = compose_size(s->c), len = r->len - skip;

	compose_space(s->c, r->start + skip, len);
	s->want = g_realloc(s->want, compose_size(s->c));
	file = tree_open(t.tree, &vmem);
	ck_assert_int_eq(unit_tree_read(file, r->start + skip, len, 65536,
					s->want + at),
			 (int64_t)len);
	tree_file_close(file);
	return at;
}

static void put_rest(struct sample *s, uint64_t at, int byte)
{
	s->want = g_realloc(s->want, compose_size(s->c));
	memset(s->want + at, byte, compose_size(s->c) - at);
}

static struct sample make_sample(void)
{
	struct sample s = { .c = compose_new(view) };
	uint8_t bytes[100];
	uint64_t at;

	memset(bytes, 'x', sizeof bytes);
	ck_assert_uint_eq(compose_bytes(s.c, bytes, 70), 0);
	ck_assert_uint_eq(compose_bytes(s.c, bytes, 30), 70);
	put_rest(&s, 0, 'x');
	compose_align(s.c, 4096);
	put_rest(&s, 100, 0);
	ck_assert_uint_eq(compose_size(s.c), 4096);
	put_region(&s, 0, 0);
	at = s.table = compose_bytes(s.c, bytes, 100);
	put_rest(&s, at, 'x');
	put_region(&s, 1, 17);
	at = compose_size(s.c);
	compose_hole(s.c, 3 * 4096 + 5);
	put_rest(&s, at, 0);
	return s;
}

static void clear_sample(struct sample *s)
{
	compose_unref(s->c);
	g_free(s->want);
}

START_TEST(test_any_cut)
{
	struct sample sample = make_sample();
	struct sparse s = sparse_of(sample.c, _i == 1);
	g_autofree uint8_t *got = g_malloc(s.size);
	struct mk_random random = { 3 };


	read_at(&s, 0, s.size, got);
	ck_assert(!memcmp(got, sample.want, s.size));
	for (int i = 0; i < 2000; i++) {
		uint64_t off = mk_random_below(&random, s.size);
		uint64_t len = 1 + mk_random_below(&random, 9000);

		len = MIN(len, s.size - off);
		read_at(&s, off, len, got);
		ck_assert(!memcmp(got, sample.want + off, len));
	}
	sparse_clear(&s);
	clear_sample(&sample);
}
END_TEST

/* Every byte that is not 0 is data; holes are found where they were put. */
START_TEST(test_holes)
{
	struct sample sample = make_sample();
	struct sparse s = sparse_of(sample.c, false);
	uint64_t data = 0, at = 0;

	ck_assert_int_eq(sparse_next_hole(&s, 0), 100);
	ck_assert_int_eq(sparse_next_hole(&s, 500), 500);
	ck_assert_int_eq(sparse_next_data(&s, 500), 4096);
	ck_assert_int_eq(sparse_next_data(&s, sample.table), sample.table);
	ck_assert_int_eq(sparse_next_data(&s, s.size - 1), -ENXIO);
	ck_assert_int_eq(sparse_next_hole(&s, s.size), -ENXIO);
	while (at < s.size) {
		int64_t next = sparse_next_data(&s, at);
		uint64_t start = next < 0 ? s.size : (uint64_t)next;

		for (uint64_t i = at; i < start; i++)
			ck_assert_uint_eq(sample.want[i], 0);
		if (next < 0)
			break;
		at = (uint64_t)sparse_next_hole(&s, start);
		ck_assert_uint_gt(at, start);
		data += at - start;
	}
	ck_assert_uint_eq(data, compose_data_bytes(sample.c));
	sparse_clear(&s);
	clear_sample(&sample);
}
END_TEST

START_TEST(test_patch)
{
	struct sample sample = make_sample();
	struct sparse s = sparse_of(sample.c, false);
	uint8_t got[100];

	compose_patch(sample.c, 68, "abcd", 4);
	compose_patch(sample.c, 98, "abcd", 4); /* beyond the bytes */
	compose_patch(sample.c, 4096, "abcd", 4);
	compose_patch(sample.c, UINT64_MAX, "abcd", 4);
	read_at(&s, 0, 100, got);
	ck_assert_mem_eq(got + 64, "xxxxabcdxx", 10);
	ck_assert_mem_eq(got + 96, "xxxx", 4);
	read_at(&s, 4096, 100, got);
	ck_assert(!memcmp(got, sample.want + 4096, 100));
	sparse_clear(&s);
	clear_sample(&sample);
}
END_TEST

START_TEST(test_bounds)
{
	Compose *c = compose_new(NULL);

	compose_hole(c, INT64_MAX - 10);
	compose_hole(c, UINT64_MAX);
	ck_assert_uint_eq(compose_size(c), INT64_MAX);
	compose_space(c, 0, 4096);
	compose_bytes(c, "x", 1);
	compose_align(c, 4096);
	ck_assert_uint_eq(compose_size(c), INT64_MAX);
	ck_assert_uint_eq(compose_data_bytes(c), 0);
	compose_unref(c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-compose");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_any_cut, 0, 2);
	tcase_add_test(tcase, test_holes);
	tcase_add_test(tcase, test_patch);
	tcase_add_test(tcase, test_bounds);
	return unit_main(suite);
}
