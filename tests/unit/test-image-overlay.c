/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of overlaid pieces. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "image/overlay.h"

#define UNITS 3000u

/* A plain model: where each unit is, 0: nowhere. */
struct model {
	uint64_t off[UNITS];
	uint16_t kind[UNITS];
};

static bool add(Overlay *overlay, uint64_t start, uint32_t n, uint64_t off,
		uint16_t stride, uint16_t kind)
{
	const struct overlay_piece piece = { start, off, n, stride, kind };

	return overlay_add(overlay, &piece);
}

static void add_both(Overlay *overlay, struct model *m, uint64_t start,
		     uint32_t n, uint64_t off, uint16_t stride, uint16_t kind)
{
	ck_assert(add(overlay, start, n, off, stride, kind));
	for (uint64_t i = 0; i < n; i++) {
		m->off[start + i] = off + i * stride;
		m->kind[start + i] = kind;
	}
}

static void check(const Overlay *overlay, const struct model *m)
{
	size_t n = overlay_count(overlay);
	uint64_t end = 0;

	for (uint64_t unit = 0; unit < UNITS; unit++) {
		size_t i = overlay_find(overlay, unit);
		const struct overlay_piece *p;

		ck_assert_uint_le(i, n);
		p = i < n ? overlay_get(overlay, i) : NULL;
		if (!p || p->start > unit) {
			ck_assert_uint_eq(m->off[unit], 0);
			continue;
		}
		ck_assert_uint_lt(unit, p->start + p->n);
		ck_assert_uint_eq(p->off + (unit - p->start) * p->stride,
				  m->off[unit]);
		ck_assert_uint_eq(p->kind, m->kind[unit]);
	}
	for (size_t i = 0; i < n; i++) {
		const struct overlay_piece *p = overlay_get(overlay, i);

		ck_assert_uint_ge(p->start, end);
		ck_assert_uint_gt(p->n, 0);
		end = p->start + p->n;
	}
	ck_assert_uint_eq(overlay_end(overlay), end);
}

/* Pieces at random, compared with the model. */
START_TEST(test_random)
{
	uint64_t state = (uint64_t)_i * 7919 + 1;
	g_autoptr(Overlay) overlay = overlay_new(100000);
	struct model *m = g_new0(struct model, 1);
	unsigned n_pieces = 1u << (_i % 12);

	for (unsigned i = 0; i < n_pieces; i++) {
		uint64_t start, r;
		uint32_t n;

		state = state * UINT64_C(6364136223846793005) + 1442695;
		r = state >> 20;
		start = r % UNITS;
		n = (uint32_t)(r / UNITS % (_i % 3 ? 9 : UNITS) + 1);
		n = (uint32_t)MIN(n, UNITS - start);
		add_both(overlay, m, start, n, 1 + r / 64 % 100000,
			 (uint16_t)(r % 4 * 7), (uint16_t)(r % 2));
	}
	overlay_finish(overlay);
	check(overlay, m);
	g_free(m);
}
END_TEST

/* In order, each where the one before ends: one piece. */
START_TEST(test_merge)
{
	g_autoptr(Overlay) overlay = overlay_new(10);

	for (uint64_t i = 0; i < 1000; i++)
		ck_assert(add(overlay, i, 1, 50 + i * 4104, 4104, 1));
	overlay_finish(overlay);
	ck_assert_uint_eq(overlay_count(overlay), 1);
	ck_assert_uint_eq(overlay_get(overlay, 0)->n, 1000);
}
END_TEST

START_TEST(test_empty)
{
	g_autoptr(Overlay) overlay = overlay_new(10);

	overlay_finish(overlay);
	ck_assert_uint_eq(overlay_count(overlay), 0);
	ck_assert_uint_eq(overlay_end(overlay), 0);
	ck_assert_uint_eq(overlay_find(overlay, 5), 0);
	overlay_free(NULL);
}
END_TEST

/* Backwards is the worst order: it takes no more than forwards but sorting. */
START_TEST(test_limit)
{
	g_autoptr(Overlay) overlay = overlay_new(200000);

	for (uint64_t i = 0; i < 200000; i++)
		ck_assert(add(overlay, 1000000 - 2 * i, 1, i, 1, 0));
	ck_assert(!add(overlay, 0, 1, 0, 1, 0));
	overlay_finish(overlay);
	ck_assert_uint_eq(overlay_count(overlay), 200000);
	ck_assert_uint_le(overlay_limit(64u << 20), 400000);
	ck_assert_uint_ge(overlay_limit(64u << 20), (64u << 20) / 4096);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-overlay");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_random, 0, 60);
	tcase_add_test(tcase, test_merge);
	tcase_add_test(tcase, test_empty);
	tcase_add_test(tcase, test_limit);
	return unit_main(suite);
}
