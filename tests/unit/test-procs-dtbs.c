/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of DTBs beside each other, and of where lost page tables are. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "procs/dtbs.h"

static const char *const layouts[] = {
	"x86-5.1.2600",	      "x86-6.1.7601",	     "x86pae-6.1.7601",
	"x86pae-10.0.19041-b", "amd64-5.2.3790-b",   "amd64-6.1.7601-d",
	"amd64-10.0.19041-b", "amd64la57-10.0.22621", "arm64-10.0.19041",
};
#define LAYOUTS ((int)G_N_ELEMENTS(layouts))

struct machine {
	struct unit_win w;
	ProcSet *set;
};

static void start(struct machine *m, const char *layout, enum mk_bad_dtb bad)
{
	const struct proc_select all = { .methods = METHODS_ALL };
	const struct mk_options options = {
		.seed = 60 + (uint64_t)bad, .size_mib = 24, .full = true,
		.layout = layout, .damage.bad_dtb = bad,
	};

	unit_win_init(&m->w, &options);
	m->set = procset_build(m->w.kernel, &all, m->w.log);
}

static void stop(struct machine *m)
{
	procset_free(m->set);
	unit_win_clear(&m->w);
}

static const struct proc_entry *entry_of(const struct machine *m,
					 const struct mk_process *info)
{
	size_t i = procset_find_eprocess(m->set, VIRT(info->eprocess));

	ck_assert_uint_ne(i, SIZE_MAX);
	return procset_get(m->set, i);
}

/* Of the two that have it, the one is named that it does not belong to. */
START_TEST(test_of_another)
{
	const struct mk_process *info, *other;
	const struct proc_entry *e;
	struct machine m;

	start(&m, layouts[_i], MK_DTB_OTHER);
	info = mk_win_bad_dtb(m.w.win, false);
	other = mk_win_bad_dtb(m.w.win, true);
	e = entry_of(&m, info);
	ck_assert_msg(e->dtb.verdict == NT_DTB_OF_ANOTHER, "%s: %s",
		      layouts[_i], nt_dtb_text(e->dtb.verdict));
	ck_assert_int_eq(e->dtb.grade, NT_DTB_BAD);
	ck_assert_uint_eq(e->dtb_other, other->pid);
	ck_assert_int_eq(entry_of(&m, other)->dtb.verdict, NT_DTB_OK);
	stop(&m);
}
END_TEST

static bool is_sought(enum mk_bad_dtb bad)
{
	return bad != MK_DTB_GOOD && bad != MK_DTB_NO_SELF;
}

/* The first that is proposed is the process's own. */
static void assert_first(const struct machine *m, const char *layout,
			 const struct mk_process *info)
{
	const struct proc_entry *e = entry_of(m, info);
	g_autoptr(GArray) found = NULL;
	const struct dtb_candidate *first;
	size_t n_free;

	ck_assert_msg(proc_dtb_is_sought(e), "%s: %s", layout,
		      nt_dtb_text(e->dtb.verdict));
	found = procset_dtb_candidates(m->set, e, &n_free);
	ck_assert_msg(found->len > 0, "%s: none of %zu", layout, n_free);
	first = &g_array_index(found, struct dtb_candidate, 0);
	ck_assert_msg(first->dtb == nt_dtb_mask(m->w.kernel, info->dtb_raw),
		      "%s: 0x%lx, not 0x%lx", layout, (long)first->dtb,
		      (long)info->dtb_raw);
	ck_assert(first->is_user_dtb ==
		  (first->dtb == nt_dtb_user(m->w.kernel, &e->p)));
}

START_TEST(test_candidates)
{
	const char *layout = layouts[_i / MK_DTBS];
	enum mk_bad_dtb bad = (enum mk_bad_dtb)(_i % MK_DTBS);
	const struct mk_process *info, *other;
	struct machine m;

	start(&m, layout, bad);
	info = mk_win_bad_dtb(m.w.win, false);
	other = mk_win_bad_dtb(m.w.win, true);
	if (!is_sought(bad) || (bad == MK_DTB_USER && !info->user_dtb_raw))
		ck_assert(!proc_dtb_is_sought(entry_of(&m, info)));
	else
		assert_first(&m, layout, info);
	if (bad == MK_DTB_SWAPPED)
		assert_first(&m, layout, other);
	else
		ck_assert(!proc_dtb_is_sought(entry_of(&m, other)));
	stop(&m);
}
END_TEST

/* All but every tenth page, or zeros in its place. */
static void lose_pages(const struct unit_win *w, bool holes, uint64_t seed,
		       struct unit_mem *ret)
{
	g_autoptr(GArray) runs = g_array_new(FALSE, FALSE,
					     sizeof(struct image_run));
	MkPhys *phys = mk_win_phys(w->win);
	size_t len = (size_t)mk_phys_end(phys);
	g_autofree uint8_t *bytes = g_malloc0(len);
	struct mk_random random = { seed };

	mk_phys_read(phys, 0, bytes, len);
	for (uint64_t pa = 0; pa < len; pa += 4096) {
		struct image_run run = { pa, 4096, pa };
		bool lost = !mk_random_below(&random, 10);

		if (lost)
			memset(bytes + pa, 0, 4096);
		if (!lost || !holes)
			g_array_append_val(runs, run);
	}
	unit_mem_init_runs(ret, bytes, len,
			   (struct image_run *)(void *)runs->data, runs->len);
}

/* What is lost makes no good DTB bad, unless the whole table is zeros. */
START_TEST(test_loss)
{
	const struct proc_select all = { .methods = METHODS_ALL };
	bool holes = _i % 2;
	unsigned n_good = 0;
	struct machine m;

	start(&m, layouts[_i / 2], MK_DTB_GOOD);
	for (uint64_t seed = 1; seed <= 12; seed++) {
		static const struct nt_hints no_hints;
		struct unit_mem mem;
		g_autoptr(Log) log = log_new();
		NtKernel *k;
		ProcSet *set;

		lose_pages(&m.w, holes, seed, &mem);
		k = nt_kernel_find(mem.pm, mem.image, &no_hints, log);
		set = procset_build(k, &all, log);
		for (size_t i = 0; i < procset_count(set); i++) {
			const struct proc_entry *e = procset_get(set, i);

			n_good += e->dtb.verdict == NT_DTB_OK;
			ck_assert_msg(
				e->dtb.grade != NT_DTB_BAD || !e->has_space ||
					e->dtb.verdict == NT_DTB_ZEROS,
				"%s, %s, %d: %s", layouts[_i / 2], e->p.name,
				(int)seed, nt_dtb_text(e->dtb.verdict));
		}
		procset_free(set);
		nt_kernel_free(k);
		unit_mem_clear(&mem);
	}
	ck_assert_uint_gt(n_good, 0);
	stop(&m);
}
END_TEST

static gpointer ask(gpointer data)
{
	const struct machine *m = data;
	size_t n_free;

	return procset_dtb_candidates(
		m->set, entry_of(m, mk_win_bad_dtb(m->w.win, false)), &n_free);
}

/* Many at once get the same answer. */
START_TEST(test_threads)
{
	GThread *threads[8];
	GArray *first = NULL;
	struct machine m;

	start(&m, "amd64-10.0.19041-b", MK_DTB_ZERO);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("ask", ask, &m);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
		GArray *found = g_thread_join(threads[i]);

		if (!first)
			first = g_array_ref(found);
		ck_assert_uint_eq(found->len, first->len);
		ck_assert_mem_eq(found->data, first->data,
				 found->len * sizeof(struct dtb_candidate));
		g_array_unref(found);
	}
	g_array_unref(first);
	stop(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("procs-dtbs");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_of_another, 0, LAYOUTS);
	tcase_add_loop_test(tcase, test_candidates, 0, LAYOUTS * MK_DTBS);
	tcase_add_loop_test(tcase, test_loss, 0, 2 * LAYOUTS);
	tcase_add_test(tcase, test_threads);
	return unit_main(suite);
}
