/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the guard of walks. */
#include "config.h"

#include "unit/unit.h"

#include "base/seen.h"

START_TEST(test_cycle)
{
	g_autoptr(Seen) seen = seen_new(10);

	ck_assert_int_eq(seen_enter(seen, 0), SEEN_NEW);
	ck_assert_int_eq(seen_enter(seen, UINT64_MAX), SEEN_NEW);
	ck_assert_int_eq(seen_enter(seen, 0), SEEN_BEFORE);
	ck_assert_int_eq(seen_enter(seen, UINT64_MAX), SEEN_BEFORE);
	ck_assert(seen_has(seen, 0));
	ck_assert(!seen_has(seen, 1));
	/* asking enters nothing */
	ck_assert_int_eq(seen_enter(seen, 1), SEEN_NEW);
	/* addresses that differ in the high half only */
	ck_assert(!seen_has(seen, UINT64_C(0x100000000)));
}
END_TEST

START_TEST(test_budget)
{
	g_autoptr(Seen) seen = seen_new(3);

	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(seen_enter(seen, i), SEEN_NEW);
	ck_assert_int_eq(seen_enter(seen, 3), SEEN_EXHAUSTED);
	/* a node of before costs nothing and is still told */
	ck_assert_int_eq(seen_enter(seen, 2), SEEN_BEFORE);
	ck_assert_int_eq(seen_enter(seen, 3), SEEN_EXHAUSTED);
	ck_assert(!seen_has(seen, 3));
}
END_TEST

START_TEST(test_none)
{
	g_autoptr(Seen) seen = seen_new(0);

	ck_assert_int_eq(seen_enter(seen, 7), SEEN_EXHAUSTED);
	seen_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-seen");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_cycle);
	tcase_add_test(tcase, test_budget);
	tcase_add_test(tcase, test_none);
	return unit_main(suite);
}
