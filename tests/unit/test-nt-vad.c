/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of VADs: the builder's on each form of the tree, and broken trees. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit-runs.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/vad.h"

static const char *const layouts[] = {
	"amd64-6.1.7601-d", "amd64-6.2.9200", "amd64-6.3.9600-a",
	"amd64-10.0.10240-a", "amd64-10.0.19041-b", "amd64-10.0.22621",
};

static struct unit_win wins[G_N_ELEMENTS(layouts)];
#define N_WINS ((int)G_N_ELEMENTS(layouts))

static void setup(void)
{
	for (int i = 0; i < N_WINS; i++) {
		const struct mk_options options = {
			.seed = 3, .layout = layouts[i],
		};

		if (!layouts_find(layouts[i]))
			continue;
		unit_win_init(&wins[i], &options);
	}
}

static void teardown(void)
{
	for (int i = 0; i < N_WINS; i++)
		if (wins[i].win)
			unit_win_clear(&wins[i]);
}

static GArray *list(const struct unit_win *w, const struct nt_profile *profile,
		    uint64_t eprocess)
{
	struct nt_process p;
	struct addr_space own;
	GArray *vads;

	ck_assert(nt_process_read(&w->kernel->as, profile, VIRT(eprocess),
				  &p));
	own = nt_kernel_space(w->kernel, p.dtb_raw);
	vads = nt_vad_list(&own, profile, &p);
	nt_process_clear(&p);
	return vads;
}

START_TEST(test_truth)
{
	const struct unit_win *w = &wins[_i];
	size_t n_all = 0;

	if (!w->win)
		return;
	for (size_t i = 0; i < mk_win_n_processes(w->win); i++) {
		const struct mk_process *p = mk_win_process(w->win, i);
		g_autoptr(GArray) vads = NULL;

		if (!p->dtb_raw)
			continue;
		vads = list(w, &w->kernel->profile, p->eprocess);
		ck_assert_msg(vads->len == p->vads->len, "pid %u: %u of %u",
			      p->pid, vads->len, p->vads->len);
		for (guint k = 0; k < vads->len; k++) {
			const struct nt_vad *vad =
				&g_array_index(vads, struct nt_vad, k);
			const struct mk_vad *want =
				&g_array_index(p->vads, struct mk_vad, k);

			ck_assert_uint_eq(vad->start, want->start);
			ck_assert_uint_eq(vad->last, want->end);
			ck_assert_uint_eq(vad->node.v, want->node);
			ck_assert_uint_eq(vad->protection, want->protection);
			ck_assert_uint_eq(vad->type, want->type);
			ck_assert(vad->private_memory == want->is_private);
		}
		n_all += vads->len;
	}
	ck_assert_uint_gt(n_all, 50);
}
END_TEST

/* Each bit of a node turned over: no crash, ascending, no overlaps. */
START_TEST(test_bit_flips)
{
	const struct unit_win *w = &wins[_i];
	const struct mk_process *p;
	struct vtop_leaf leaf;

	if (!w->win)
		return;
	p = mk_win_find(w->win, "explorer.exe");
	ck_assert_uint_gt(p->vads->len, 3);
	for (unsigned k = 0; k < 3; k++) {
		uint64_t node = g_array_index(p->vads, struct mk_vad, k).node;
		struct image_run run;
		uint8_t *bytes;

		leaf = vtop_translate(&w->kernel->as, VIRT(node));
		run = unit_piece(w->mem.image->runs, leaf.pa.v);
		bytes = w->mem.bytes + run.off + (leaf.pa.v - run.pa) +
			(node - leaf.va.v);
		for (unsigned bit = 0; bit < 0x40 * 8; bit++) {
			g_autoptr(GArray) vads = NULL;
			uint64_t end = 0;

			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			vads = list(w, &w->kernel->profile, p->eprocess);
			for (guint i = 0; i < vads->len; i++) {
				const struct nt_vad *v = &g_array_index(
					vads, struct nt_vad, i);

				ck_assert(!i || v->start > end);
				ck_assert_uint_ge(v->last, v->start);
				end = v->last;
			}
			ck_assert_uint_le(vads->len, 2 * p->vads->len);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}
END_TEST

START_TEST(test_none)
{
	const struct unit_win *w = &wins[4];
	const struct mk_process *p = mk_win_find(w->win, "explorer.exe");
	struct nt_profile profile = w->kernel->profile;
	g_autoptr(GArray) unknown = NULL;
	g_autoptr(GArray) absent = NULL;
	g_autoptr(GArray) too_long = NULL;

	profile.vad.known = false;
	unknown = list(w, &profile, p->eprocess);
	ck_assert_uint_eq(unknown->len, 0);
	profile = w->kernel->profile;
	profile.eprocess.vad_root = NT_ABSENT;
	absent = list(w, &profile, p->eprocess);
	ck_assert_uint_eq(absent->len, 0);
	profile = w->kernel->profile;
	profile.vad.bytes = 1u << 20;
	too_long = list(w, &profile, p->eprocess);
	ck_assert_uint_eq(too_long->len, 0);
}
END_TEST

START_TEST(test_private)
{
	struct nt_vad vad = { .private_memory = true };

	ck_assert(nt_vad_is_private(&vad));
	vad.private_memory = false;
	for (unsigned p = 0; p < 32; p++) {
		vad.protection = p;
		ck_assert(nt_vad_is_private(&vad) ==
			  ((p & 7) == 5 || (p & 7) == 7));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-vad");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_truth, 0, N_WINS);
	tcase_add_loop_test(tcase, test_bit_flips, 0, N_WINS);
	tcase_add_test(tcase, test_none);
	tcase_add_test(tcase, test_private);
	return unit_main(suite);
}
