/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of address spaces and the cache of their views. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include "base/bytes.h"
#include "tree/space.h"

static const struct mk_options machine = { .seed = 1 };
static struct unit_win w;

static void setup(void)
{
	unit_win_init(&w, &machine);
}

static void teardown(void)
{
	unit_win_clear(&w);
}

static struct addr_space space_of(const char *name)
{
	return nt_kernel_space(w.kernel, mk_win_find(w.win, name)->dtb_raw);
}

START_TEST(test_bounds)
{
	struct addr_space as = space_of("explorer.exe");
	ViewCache *cache = view_cache_new(1 << 20);
	Space *half = space_new(SPACE_PROCESS, &as, false);
	Space *whole = space_new(SPACE_PROCESS, &as, true);
	Space *kernel = space_new(SPACE_KERNEL, &as, true);
	Space *dtb = space_new(SPACE_DTB, &as, false);

	ck_assert_uint_eq(half->start, 0);
	ck_assert_uint_eq(half->last, UINT64_C(0x7fffffffffff));
	ck_assert_uint_eq(half->vmem_size, UINT64_C(1) << 47);
	ck_assert(!half->whole && whole->whole && dtb->whole);
	ck_assert_uint_eq(whole->vmem_size, UINT64_C(1) << 48);
	ck_assert_uint_eq(kernel->start, UINT64_C(1) << 47);
	ck_assert_uint_eq(kernel->vmem_size, UINT64_C(1) << 48);
	ck_assert_uint_eq(space_address(kernel, UINT64_C(0xf80000000000)),
			  UINT64_C(0xfffff80000000000));
	ck_assert_uint_eq(space_address(half, 0x1000), 0x1000);
	ck_assert(!half->empty);
	space_free(half, cache);
	space_free(whole, cache);
	space_free(kernel, cache);
	space_free(dtb, cache);
	as.root = PHYS(0xfff);
	half = space_new(SPACE_PROCESS, &as, false);
	ck_assert(half->empty);
	space_free(half, cache);
	space_free(NULL, cache);
	view_cache_free(cache);
	view_cache_free(NULL);
}
END_TEST

START_TEST(test_regions)
{
	struct addr_space as = space_of("explorer.exe");
	ViewCache *cache = view_cache_new(1 << 20);
	Space *space = space_new(SPACE_PROCESS, &as, false);
	SpaceView *view = space_view(space, cache);
	uint64_t end = 0, sum = 0;

	ck_assert_uint_gt(view->regions->len, 5);
	for (guint i = 0; i < view->regions->len; i++) {
		const struct region *r =
			&g_array_index(view->regions, struct region, i);
		const struct region *prev = r - 1;

		ck_assert_uint_ge(r->start, end);
		ck_assert(!i || r->start > end ||
			  prev->rights != r->rights);
		end = r->start + r->len;
		sum += r->len;
		ck_assert_uint_eq(space_view_find_region(view, r->start), i);
		ck_assert_uint_eq(space_view_find_region(view, r->start + 1),
				  SIZE_MAX);
	}
	ck_assert_uint_eq(sum, addr_map_counts(view->map)->data_bytes);
	ck_assert_uint_eq(space_view_find_region(view, UINT64_MAX), SIZE_MAX);
	space_view_unref(view);
	space_free(space, cache);
	view_cache_free(cache);
	space_view_unref(NULL);
}
END_TEST

static guint count_kept(Space **spaces, guint n)
{
	guint kept = 0;

	for (guint i = 0; i < n; i++)
		kept += spaces[i]->view != NULL;
	return kept;
}

/* Views are dropped when too much is held, the one that was not used for the
 * longest time first; who has one keeps it. */
START_TEST(test_eviction)
{
	static const char *const names[] = { "explorer.exe", "smss.exe",
					     "winlogon.exe", "wininit.exe" };
	enum { N = G_N_ELEMENTS(names) };
	Space *spaces[N];
	SpaceView *views[N];
	ViewCache *cache = view_cache_new(0), *ample;

	for (guint i = 0; i < N; i++) {
		struct addr_space as = space_of(names[i]);

		spaces[i] = space_new(SPACE_PROCESS, &as, false);
		views[i] = space_view(spaces[i], cache);
		/* one is kept, however little there is room for */
		ck_assert_uint_eq(count_kept(spaces, i + 1), 1);
		ck_assert_ptr_eq(spaces[i]->view, views[i]);
	}
	ck_assert_uint_gt(addr_map_n_data(views[0]->map), 0);
	for (guint i = 0; i < N; i++) {
		space_view_unref(views[i]);
		space_free(spaces[i], cache);
	}
	view_cache_free(cache);
	ample = view_cache_new(1 << 24);
	for (guint i = 0; i < N; i++) {
		struct addr_space as = space_of(names[i]);

		spaces[i] = space_new(SPACE_PROCESS, &as, false);
		space_view_unref(space_view(spaces[i], ample));
	}
	ck_assert_uint_eq(count_kept(spaces, N), N);
	for (guint i = 0; i < N; i++) {
		views[i] = space_view(spaces[i], ample);
		ck_assert_ptr_eq(views[i], spaces[i]->view);
		space_view_unref(views[i]);
		space_free(spaces[i], ample);
	}
	view_cache_free(ample);
}
END_TEST

START_TEST(test_least_recent)
{
	struct addr_space as = space_of("explorer.exe");
	ViewCache *probe = view_cache_new(1 << 24), *cache;
	Space *spaces[3];
	size_t one;

	spaces[0] = space_new(SPACE_PROCESS, &as, false);
	space_view_unref(space_view(spaces[0], probe));
	one = spaces[0]->footprint;
	space_free(spaces[0], probe);
	view_cache_free(probe);
	cache = view_cache_new(2 * one + one / 2);
	for (int i = 0; i < 3; i++)
		spaces[i] = space_new(SPACE_PROCESS, &as, false);
	space_view_unref(space_view(spaces[0], cache));
	space_view_unref(space_view(spaces[1], cache));
	space_view_unref(space_view(spaces[0], cache));
	space_view_unref(space_view(spaces[2], cache));
	ck_assert_ptr_nonnull(spaces[0]->view);
	ck_assert_ptr_null(spaces[1]->view);
	ck_assert_ptr_nonnull(spaces[2]->view);
	for (int i = 0; i < 3; i++)
		space_free(spaces[i], cache);
	view_cache_free(cache);
}
END_TEST

START_TEST(test_perms)
{
	char perms[5];

	space_perms(RIGHT_READ | RIGHT_WRITE, perms);
	ck_assert_str_eq(perms, "rw-p");
	space_perms(RIGHT_EXEC | RIGHT_USER | RIGHT_COW, perms);
	ck_assert_str_eq(perms, "--xp");
	space_perms(RIGHTS_ALL | RIGHT_SHARED, perms);
	ck_assert_str_eq(perms, "rwxs");
	space_perms(0, perms);
	ck_assert_str_eq(perms, "---p");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-space");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_bounds);
	tcase_add_test(tcase, test_regions);
	tcase_add_test(tcase, test_eviction);
	tcase_add_test(tcase, test_least_recent);
	tcase_add_test(tcase, test_perms);
	return unit_main(suite);
}
