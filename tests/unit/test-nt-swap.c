/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what is remembered about pages of the store. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include "nt/store.h"
#include "nt/swap.h"

#define NUMBER 5u

START_TEST(test_memo)
{
	const struct mk_options options = { .seed = 11, .size_mib = 32,
					    .layout = "amd64-10.0.19041-b",
					    .store = NUMBER };
	NtSwapMemo *memo = nt_swap_memo_new();
	g_autoptr(NtStore) store = NULL;
	struct nt_swap swap = { 0 };
	struct unit_win w;
	const GArray *pages;
	unsigned cost, n_data = 0;

	unit_win_init(&w, &options);
	pages = mk_win_store_pages(w.win);
	swap.store = store = nt_store_find(w.kernel, NUMBER, NULL);
	ck_assert_ptr_nonnull(store);
	for (guint i = 0; i < 2 * pages->len; i++) {
		const struct mk_store_page *p = &g_array_index(
			pages, struct mk_store_page, i % pages->len);
		enum page_state want = nt_swap_look(&swap, NUMBER, p->place);

		n_data += want == PAGE_STORE;
		ck_assert_int_eq(nt_swap_look_again(memo, &swap, NUMBER,
						    p->place, &cost),
				 want);
		/* The second time it costs nothing. */
		ck_assert_uint_eq(cost, i < pages->len);
		/* Other numbers are other pages. */
		ck_assert_int_eq(nt_swap_look_again(memo, &swap, NUMBER + 1,
						    p->place, &cost),
				 PAGE_PAGED_OUT);
		ck_assert_uint_eq(cost, 0);
	}
	ck_assert_uint_gt(n_data, 2);
	nt_swap_memo_free(memo);
	g_clear_pointer(&store, nt_store_free);
	unit_win_clear(&w);
}
END_TEST

/* There is no memo, or nothing at hand. */
START_TEST(test_without)
{
	unsigned cost = 1;

	ck_assert_int_eq(nt_swap_look_again(NULL, NULL, 0, 1, &cost),
			 PAGE_PAGED_OUT);
	ck_assert_uint_eq(cost, 0);
	nt_swap_memo_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-swap");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_memo);
	tcase_add_test(tcase, test_without);
	return unit_main(suite);
}
