/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of layouts that only the date of a kernel tells apart. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include "nt/epoch.h"

static const struct {
	const char *layout;
	bool swizzle;
} kernels[] = {
	{ "amd64-6.1.7601-b", false },
	{ "amd64-6.1.7601-d", true },
	{ "amd64-6.3.9600-a", false },
	{ "amd64-6.3.9600-b", true },
	{ "amd64-10.0.16299", false },
	{ "amd64-10.0.19041-b", true },
};

/* No table has this kernel: by its build, and derived. */
START_TEST(test_unlisted)
{
	const struct mk_options options = { .seed = 3, .size_mib = 32,
					    .layout = kernels[_i / 2].layout,
					    .damage.kernel_unknown = _i % 2 };
	const struct nt_hints hints = { .no_profile = _i % 2 };
	struct unit_win w;

	unit_win_init_hints(&w, &options, &hints);
	ck_assert_ptr_nonnull(w.kernel);
	ck_assert(w.kernel->has_system);
	ck_assert_int_eq(w.kernel->profile.pte.swizzle.bit_len != 0,
			 kernels[_i / 2].swizzle);
	ck_assert_uint_eq(w.kernel->profile.pte.pagefile_low.bit_pos,
			  kernels[_i / 2].swizzle ? 12 : 1);
	unit_win_clear(&w);
}
END_TEST

START_TEST(test_suits)
{
	const struct nt_layout *old = layouts_find("amd64-6.1.7601-b");
	const struct nt_layout *new = layouts_find("amd64-6.1.7601-d");
	NtKernel k = { .has_image = true, .image.has_pe = true };

	/* Nothing is known. */
	ck_assert(nt_layout_suits_date(&k, old));
	ck_assert(nt_layout_suits_date(&k, new));
	k.image.pe.timestamp = 0x5afd0000; /* May 2018 */
	ck_assert(nt_layout_suits_date(&k, old));
	ck_assert(!nt_layout_suits_date(&k, new));
	k.image.pe.timestamp = 0x5c1dceb1; /* December 2018 */
	ck_assert(!nt_layout_suits_date(&k, old));
	ck_assert(nt_layout_suits_date(&k, new));
	/* A hash. */
	ck_assert(nt_layout_suits_date(&k, layouts_find("amd64-10.0.16299")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-epoch");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_unlisted, 0,
			    2 * G_N_ELEMENTS(kernels));
	tcase_add_test(tcase, test_suits);
	return unit_main(suite);
}
