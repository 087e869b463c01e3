/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of memory that lacks pages, and of rings that are in pieces. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "lib/mkwin-priv.h"

#define LIST (1u << METHOD_PSACTIVEPROCESSHEAD)
#define TRIALS 6

static const struct proc_select all = { .methods = METHODS_ALL };

static const struct mk_options machines[] = {
	{ .seed = 1, .size_mib = 16, .procs = 12 },
	{ .seed = 2, .layout = "amd64-10.0.26100", .size_mib = 16,
	  .procs = 12 },
	{ .seed = 3, .layout = "amd64-6.1.7601-d", .size_mib = 16,
	  .procs = 12 },
	{ .seed = 4, .layout = "x86-5.1.2600", .size_mib = 16, .procs = 12 },
	{ .seed = 5, .layout = "x86pae-6.1.7601", .size_mib = 16,
	  .procs = 12 },
};

static bool is_real(const MkWin *win, uint64_t va)
{
	for (size_t i = 0; i < mk_win_n_processes(win); i++)
		if (mk_win_process(win, i)->eprocess == va)
			return true;
	return va == mk_win_kernel(win)->idle;
}

/* Zeros, or nothing at all, in place of n pages in a thousand. Runs are
 * appended to runs. */
static void lose_pages(uint8_t *bytes, size_t len, unsigned n, bool holes,
		       uint64_t seed, GArray *runs)
{
	struct mk_random random = { seed };
	struct image_run run = { 0 };

	for (uint64_t pa = 0; pa < len; pa += 4096) {
		bool lost = mk_random_below(&random, 1000) < n;

		if (lost)
			memset(bytes + pa, 0, 4096);
		if (lost && holes) {
			if (run.len)
				g_array_append_val(runs, run);
			run.len = 0;
			continue;
		}
		if (!run.len)
			run.pa = run.off = pa;
		run.len += 4096;
	}
	if (run.len)
		g_array_append_val(runs, run);
}

/* How many processes are seen; all must be real. */
static size_t count_seen(const MkWin *win, const struct unit_mem *mem,
			 const struct nt_hints *hints)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(NtKernel) k = nt_kernel_find(mem->pm, mem->image, hints,
					       log);
	g_autoptr(ProcSet) set = procset_build(k, &all, log);

	for (size_t i = 0; i < procset_count(set); i++)
		ck_assert(is_real(win,
				  procset_get(set, i)->p.eprocess.v));
	return procset_count(set);
}

/* With 1 %, 5 % and 20 % of the pages lost. */
START_TEST(test_loss)
{
	static const unsigned rates[] = { 10, 50, 200 };
	static const struct nt_hints hints[] = { { 0 },
						 { .no_profile = true } };
	g_autoptr(MkWin) win = mk_win_new(&machines[_i], NULL);
	size_t len = (size_t)mk_phys_end(mk_win_phys(win));
	g_autofree uint8_t *bytes = g_malloc(len);
	size_t best = 0;

	for (unsigned t = 0; t < TRIALS * G_N_ELEMENTS(rates); t++) {
		g_autoptr(GArray) runs = g_array_new(FALSE, FALSE,
						     sizeof(struct image_run));
		struct unit_mem mem;
		size_t n;

		mk_phys_read(mk_win_phys(win), 0, bytes, len);
		lose_pages(bytes, len, rates[t % 3], t & 1, t + 1, runs);
		unit_mem_init_runs(&mem, bytes, len,
				   (struct image_run *)(void *)runs->data,
				   runs->len);
		n = count_seen(win, &mem, &hints[t / 3 % 2]);
		best = MAX(best, n);
		unit_mem_clear(&mem);
	}
	ck_assert_uint_ge(best, 10);
}
END_TEST

static uint64_t link_of(const MkWin *win, size_t i)
{
	return mk_win_process(win, i)->eprocess +
	       mk_offset(win, "_EPROCESS.ActiveProcessLinks");
}

static const struct proc_entry *entry_of(const ProcSet *set, const MkWin *win,
					 size_t i)
{
	size_t at = procset_find_eprocess(
		set, VIRT(mk_win_process(win, i)->eprocess));

	ck_assert_uint_ne(at, SIZE_MAX);
	return procset_get(set, at);
}

static ProcSet *build_set(const struct unit_win *w)
{
	return procset_build(w->kernel, &all, w->log);
}

/* The image as it is after a change of the machine. */
static void reread(struct unit_win *w)
{
	nt_kernel_free(w->kernel);
	unit_mem_clear(&w->mem);
	unit_mem_init(&w->mem, mk_win_phys(w->win));
	w->kernel = nt_kernel_find(w->mem.pm, w->mem.image,
				   &(struct nt_hints){ 0 }, w->log);
}

/* Two processes are no processes any more: what is between them is only found
 * by other means, and is then seen to be in the list. One that is linked to
 * itself is not. */
START_TEST(test_pieces)
{
	struct unit_win w;
	g_autoptr(ProcSet) set = NULL;
	unsigned n;
	uint8_t zero = 0;

	unit_win_init(&w, &machines[_i]);
	n = mk_pointer_bytes(w.win);
	mk_list_unlink(w.win, link_of(w.win, 6));
	mk_kwrite_ptr(w.win, link_of(w.win, 6), link_of(w.win, 6));
	mk_kwrite_ptr(w.win, link_of(w.win, 6) + n, link_of(w.win, 6));
	mk_kwrite(w.win, mk_win_process(w.win, 3)->eprocess, &zero, 1);
	mk_kwrite(w.win, mk_win_process(w.win, 8)->eprocess, &zero, 1);
	reread(&w);
	set = build_set(&w);
	for (size_t i = 4; i < 8; i++) {
		const struct proc_entry *e = entry_of(set, w.win, i);

		ck_assert_uint_eq(e->seen & LIST, i == 6 ? 0 : LIST);
	}
	ck_assert_uint_eq(procset_find_eprocess(
				  set,
				  VIRT(mk_win_process(w.win, 3)->eprocess)),
			  SIZE_MAX);
	g_clear_pointer(&set, procset_free);
	unit_win_clear(&w);
}
END_TEST

/* System's neighbours in the list are gone: it is known by its name. One that
 * points elsewhere is no loss. */
START_TEST(test_alone)
{
	static const uint8_t zeros[4096];
	struct unit_win w;
	uint64_t next, prev;
	unsigned n;

	unit_win_init(&w, &machines[_i]);
	n = mk_pointer_bytes(w.win);
	next = mk_kread_ptr(w.win, link_of(w.win, 0));
	prev = mk_kread_ptr(w.win, link_of(w.win, 0) + n);
	mk_kwrite(w.win, prev, zeros, 2 * n);
	mk_kwrite(w.win, next, zeros, 2 * n);
	reread(&w);
	ck_assert(w.kernel->has_system && w.kernel->system.named);
	ck_assert(!w.kernel->system.links_close);
	ck_assert_uint_eq(w.kernel->system.eprocess.v,
			  mk_win_process(w.win, 0)->eprocess);
	mk_kwrite_ptr(w.win, next + n, next);
	reread(&w);
	ck_assert(!w.kernel->has_system);
	unit_win_clear(&w);
}
END_TEST

/* Neither a header nor System, in a version that has no build number in
 * KUSER_SHARED_DATA: the debugger block tells which it is. */
START_TEST(test_late_build)
{
	static const uint8_t zeros[1024];
	const struct mk_options options = {
		.seed = 3, .layout = "amd64-6.1.7601-d", .size_mib = 16,
		.procs = 12, .damage = { .zero_kernel_header = true },
	};
	struct unit_win w;
	g_autoptr(ProcSet) set = NULL;

	unit_win_init(&w, &options);
	mk_kwrite(w.win, mk_win_process(w.win, 0)->eprocess, zeros,
		  sizeof zeros);
	reread(&w);
	ck_assert(!w.kernel->has_system && w.kernel->has_profile);
	ck_assert_uint_eq(w.kernel->build, 7601);
	set = build_set(&w);
	for (size_t i = 1; i < 10; i++)
		(void)entry_of(set, w.win, i);
	g_clear_pointer(&set, procset_free);
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("procs-smear");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_loss, 0, G_N_ELEMENTS(machines));
	tcase_add_loop_test(tcase, test_pieces, 0, G_N_ELEMENTS(machines));
	tcase_add_loop_test(tcase, test_alone, 0, G_N_ELEMENTS(machines));
	tcase_add_test(tcase, test_late_build);
	return unit_main(suite);
}
