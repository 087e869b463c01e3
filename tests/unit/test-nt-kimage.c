/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the kernel's own image and of System, by each of the ways. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/identify.h"

enum { HEALTHY, NO_HEADER, UNMAPPED, NO_RSDS, MADE_UP, MACHINES };

static struct unit_win wins[MACHINES];

static void setup(void)
{
	static const struct mk_options options[MACHINES] = {
		[HEALTHY] = { .seed = 1 },
		[NO_HEADER] = { .seed = 2,
				.damage = { .zero_kernel_header = true } },
		[UNMAPPED] = { .seed = 3,
			       .damage = { .unmap_kernel_header = true } },
		[NO_RSDS] = { .seed = 4, .damage = { .no_rsds = true } },
		[MADE_UP] = { .seed = 5, .layout = "amd64-6.1.7601-d" },
	};

	for (int i = 0; i < MACHINES; i++)
		unit_win_init(&wins[i], &options[i]);
}

static void teardown(void)
{
	for (int i = 0; i < MACHINES; i++)
		unit_win_clear(&wins[i]);
}

START_TEST(test_at)
{
	const struct unit_win *w = &wins[HEALTHY];
	const struct mk_kernel *k = mk_win_kernel(w->win);
	struct addr_space as = unit_win_space(w);
	struct nt_kimage image;
	VirtAddr head;

	nt_kimage_at(&as, VIRT(k->base), &image);
	ck_assert(image.has_pe && image.has_pdb && image.base_certain);
	ck_assert_uint_eq(image.pe.size, k->size);
	ck_assert_str_eq(image.pdb.guid, k->guid);
	ck_assert_uint_eq(image.pdb.age, k->age);
	ck_assert_ptr_nonnull(image.kernel);
	ck_assert_ptr_nonnull(image.known);
	ck_assert(nt_kimage_symbol(&as, &image, "PsActiveProcessHead", &head));
	ck_assert_uint_eq(head.v, k->active_head);
	ck_assert(!nt_kimage_symbol(&as, &image, "NoSuchSymbol", &head));
	/* nothing there: what was said is kept, the rest is not known */
	nt_kimage_at(&as, VIRT(k->base + 0x1000), &image);
	ck_assert(!image.has_pe && !image.has_pdb);
	ck_assert_uint_eq(image.base.v, k->base + 0x1000);
	ck_assert_ptr_null(image.kernel);
}
END_TEST

START_TEST(test_find)
{
	static const uint64_t hints[] = { 0, 1, UINT64_MAX,
					  UINT64_C(0xfffff80000000000) };

	for (int i = 0; i < MACHINES; i++) {
		const struct mk_kernel *k = mk_win_kernel(wins[i].win);
		struct addr_space as = unit_win_space(&wins[i]);
		bool header = i != NO_HEADER && i != UNMAPPED;
		struct nt_kimage image = { .base = VIRT(9) };

		for (size_t h = 0; h < G_N_ELEMENTS(hints); h++) {
			ck_assert(nt_kimage_find(&as, hints[h], &image) ==
				  header);
			ck_assert_uint_eq(image.base.v, header ? k->base : 9);
		}
		if (!header)
			continue;
		ck_assert(nt_kimage_find(&as, k->base + 0x123456, &image));
		ck_assert_uint_eq(image.base.v, k->base);
		ck_assert(image.has_pdb == (i != NO_RSDS));
	}
}
END_TEST

START_TEST(test_rsds)
{
	for (int i = 0; i < MACHINES; i++) {
		const struct mk_kernel *k = mk_win_kernel(wins[i].win);
		struct addr_space as = unit_win_space(&wins[i]);
		struct nt_kimage image = { .base = VIRT(9) };

		ck_assert(nt_kimage_find_rsds(&as, &image) == (i != NO_RSDS));
		if (i == NO_RSDS) {
			ck_assert_uint_eq(image.base.v, 9);
			continue;
		}
		ck_assert_str_eq(image.pdb.guid, k->guid);
		ck_assert(!image.has_pe);
		/* with symbols the base is sure */
		if (i == MADE_UP)
			ck_assert(!image.base_certain);
		else
			ck_assert(image.base_certain &&
				  image.base.v == k->base);
	}
}
END_TEST

/* Tables that are not Windows'. */
START_TEST(test_nothing)
{
	struct addr_space as = unit_win_space(&wins[HEALTHY]);
	struct nt_kimage image;

	as.root = PHYS(0x5000000000);
	ck_assert(!nt_kimage_find(&as, 0, &image));
	ck_assert(!nt_kimage_find_rsds(&as, &image));
	as.root = PHYS(0x14000);
	ck_assert(!nt_kimage_find(&as, UINT64_C(0xfffff80000001000), &image));
}
END_TEST

START_TEST(test_list_closes)
{
	const struct unit_win *w = &wins[HEALTHY];
	const struct mk_kernel *k = mk_win_kernel(w->win);
	struct addr_space as = unit_win_space(w);

	ck_assert(nt_list_closes(&as, VIRT(k->active_head)));
	ck_assert(!nt_list_closes(&as, VIRT(k->active_head + 8)));
	ck_assert(!nt_list_closes(&as, VIRT(k->base)));
	ck_assert(!nt_list_closes(&as, VIRT(0)));
}
END_TEST

START_TEST(test_system)
{
	const struct unit_win *w = &wins[_i];
	const struct mk_process *system = mk_win_process(w->win, 0);
	const struct nt_profile *profile = &w->kernel->profile;
	struct addr_space as = unit_win_space(w);
	struct nt_system s = { .dtb_raw = 9 };

	ck_assert(nt_system_check(&as, profile, VIRT(system->eprocess), &s));
	ck_assert_uint_eq(s.eprocess.v, system->eprocess);
	ck_assert_uint_eq(s.dtb_raw, system->dtb_raw);
	ck_assert(s.named && s.links_close);
	/* another process is not it, nor is what is next to it */
	s.dtb_raw = 9;
	for (size_t i = 1; i < mk_win_n_processes(w->win); i++)
		ck_assert(!nt_system_check(
			&as, profile,
			VIRT(mk_win_process(w->win, i)->eprocess), &s));
	ck_assert(!nt_system_check(&as, profile, VIRT(system->eprocess + 8),
				   &s));
	ck_assert(!nt_system_check(&as, profile, VIRT(0), &s));
	ck_assert_uint_eq(s.dtb_raw, 9);
}
END_TEST

START_TEST(test_system_by_symbol)
{
	const struct unit_win *w = &wins[HEALTHY];
	struct addr_space as = unit_win_space(w);
	struct nt_kimage image = w->kernel->image;
	struct nt_anchors a = nt_system_anchors(&as, &image);
	struct nt_system s;

	ck_assert(nt_system_by_symbol(&as, &w->kernel->profile, &a, &s));
	ck_assert_str_eq(s.how, "PsInitialSystemProcess");
	/* the list leads to it as well */
	a.initial_system.v = 0;
	ck_assert(nt_system_by_symbol(&as, &w->kernel->profile, &a, &s));
	ck_assert_str_eq(s.how, "PsActiveProcessHead");
	image.kernel = NULL;
	/* exports have it too */
	a = nt_system_anchors(&as, &image);
	ck_assert(nt_system_by_symbol(&as, &w->kernel->profile, &a, &s));
	image.has_pe = false;
	a = nt_system_anchors(&as, &image);
	ck_assert(!nt_system_by_symbol(&as, &w->kernel->profile, &a, &s));
}
END_TEST

START_TEST(test_system_by_scan)
{
	const struct unit_win *w = &wins[_i];
	struct nt_source newer = { .layout =
					   layouts_find("amd64-10.0.26100") };
	struct nt_source older = { .layout = layouts_find("amd64-6.0.6001") };
	struct nt_profile profiles[3];
	struct addr_space as = unit_win_space(w);
	struct nt_system s;
	size_t which = 9;

	ck_assert(nt_profile_fill(&newer, &profiles[0]));
	ck_assert(nt_profile_fill(&older, &profiles[1]));
	profiles[2] = w->kernel->profile;
	ck_assert(nt_system_by_scan(&as, profiles, 3, 3, &s, &which));
	ck_assert_uint_eq(which, 2);
	ck_assert_uint_eq(s.eprocess.v, mk_win_process(w->win, 0)->eprocess);
	which = 9;
	ck_assert(!nt_system_by_scan(&as, profiles, 2, 1, &s, &which));
	ck_assert(!nt_system_by_scan(&as, profiles, 0, 0, &s, &which));
	ck_assert_uint_eq(which, 9);
}
END_TEST

START_TEST(test_kuser)
{
	const struct unit_win *w = &wins[HEALTHY];
	NtKernel k = { .as = unit_win_space(w) };

	nt_identify_kuser(&k);
	ck_assert(k.kuser.valid);
	ck_assert_uint_eq(k.kuser.major, 10);
	ck_assert_uint_eq(k.kuser.build, mk_win_kernel(w->win)->build);
	ck_assert_uint_eq(k.kuser.system_time, mk_win_kernel(w->win)->time);
	k = (NtKernel){ .as = unit_win_space(&wins[MADE_UP]) };
	nt_identify_kuser(&k);
	ck_assert(k.kuser.valid);
	ck_assert_uint_eq(k.kuser.major, 6);
	ck_assert_uint_eq(k.kuser.build, 0);
	k = (NtKernel){ .as = unit_win_space(w) };
	k.as.root = PHYS(0x14000);
	nt_identify_kuser(&k);
	ck_assert(!k.kuser.valid);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-kimage");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_at);
	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_rsds);
	tcase_add_test(tcase, test_nothing);
	tcase_add_test(tcase, test_list_closes);
	tcase_add_loop_test(tcase, test_system, 0, MACHINES);
	tcase_add_test(tcase, test_system_by_symbol);
	tcase_add_loop_test(tcase, test_system_by_scan, 0, MACHINES);
	tcase_add_test(tcase, test_kuser);
	return unit_main(suite);
}
