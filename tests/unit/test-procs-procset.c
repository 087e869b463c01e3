/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of listing, merging, selecting and naming processes. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "procs/procset.h"

struct machine {
	struct unit_win w;
	ProcSet *set;
};

static void start(struct machine *m, const struct mk_options *options,
		  const struct proc_select *select)
{
	static const struct proc_select all = { .methods = METHODS_ALL };

	unit_win_init(&m->w, options);
	m->set = procset_build(m->w.kernel, select ? select : &all, m->w.log);
}

static void stop(struct machine *m)
{
	procset_free(m->set);
	unit_win_clear(&m->w);
}

/* Are the processes of the truth that are in the list all in the set? */
static void assert_complete(const struct machine *m)
{
	size_t n = 0;

	for (size_t i = 0; i < mk_win_n_processes(m->w.win); i++) {
		const struct mk_process *p = mk_win_process(m->w.win, i);
		size_t at = procset_find_eprocess(m->set, VIRT(p->eprocess));

		ck_assert_msg((at != SIZE_MAX) == p->in_list, "pid %u",
			      p->pid);
		if (!p->in_list)
			continue;
		n++;
		ck_assert_uint_eq(procset_get(m->set, at)->p.pid, p->pid);
		ck_assert_uint_eq(procset_get(m->set, at)->seen &
					  1u << METHOD_PSACTIVEPROCESSHEAD,
				  1u << METHOD_PSACTIVEPROCESSHEAD);
	}
	ck_assert_uint_eq(procset_count(m->set), n);
}

/* By pid and address; every name leads back, none twice. */
static void assert_sane(const ProcSet *set)
{
	for (size_t i = 0; i < procset_count(set); i++) {
		const struct proc_entry *e = procset_get(set, i);

		ck_assert_uint_eq(procset_find_dir(set, e->dir), i);
		ck_assert_uint_eq(procset_find_eprocess(set, e->p.eprocess),
				  i);
		ck_assert(e->has_space == (e->p.dtb_raw != 0));
		ck_assert_ptr_null(strchr(e->dir, '/'));
	}
	ck_assert_uint_eq(procset_find_dir(set, ""), SIZE_MAX);
	ck_assert_uint_eq(procset_find_dir(set, "04"), SIZE_MAX);
	ck_assert_uint_eq(procset_find_eprocess(set, VIRT(0)), SIZE_MAX);
}

static const struct mk_options whole[] = {
	{ .seed = 1 },
	{ .seed = 2, .layout = "amd64-6.1.7601-d" },
	{ .seed = 3, .layout = "amd64-10.0.22621" },
	{ .seed = 4, .damage = { .break_flink = 1 } },
	{ .seed = 5, .damage = { .break_flink = 5 } },
	{ .seed = 6, .damage = { .break_blink = 5 } },
	{ .seed = 7, .damage = { .break_flink = 18 } },
	{ .seed = 8, .damage = { .list_to_user = true } },
	{ .seed = 9, .damage = { .loop_list = true } },
	{ .seed = 10, .damage = { .dup_pid = true } },
	{ .seed = 11, .damage = { .no_smss = true } },
	{ .seed = 12, .hostile_names = true },
	{ .seed = 13, .procs = 60, .size_mib = 128 },
	{ .seed = 14, .damage = { .zero_kernel_header = true,
				  .no_rsds = true } },
};

/* One broken link hides nothing: the other direction leads there. */
START_TEST(test_whole_list)
{
	struct machine m;

	start(&m, &whole[_i], NULL);
	assert_complete(&m);
	assert_sane(m.set);
	for (size_t i = 1; i < procset_count(m.set); i++)
		ck_assert_uint_le(procset_get(m.set, i - 1)->p.pid,
				  procset_get(m.set, i)->p.pid);
	ck_assert_uint_eq(procset_methods_run(m.set), METHODS_ALL);
	stop(&m);
}
END_TEST

/* Both directions are broken: what lies between is lost, which is said. */
START_TEST(test_two_breaks)
{
	const struct mk_options options = {
		.seed = 1, .damage = { .break_flink = 5, .break_blink = 9 },
	};
	const struct proc_select select = {
		.methods = 1u << METHOD_PSACTIVEPROCESSHEAD,
	};
	g_autofree char *text = NULL;
	struct machine m;

	start(&m, &options, &select);
	assert_sane(m.set);
	ck_assert_uint_eq(procset_count(m.set),
			  mk_win_n_processes(m.w.win) - 3);
	text = log_text(m.w.log);
	ck_assert_ptr_nonnull(strstr(text, "is not in a process object"));
	stop(&m);
}
END_TEST

/* How many processes the one method finds. */
static unsigned count_listed(const struct machine *m)
{
	const struct proc_select select = {
		.methods = 1u << METHOD_PSACTIVEPROCESSHEAD,
	};
	g_autoptr(ProcSet) set = procset_build(m->w.kernel, &select, NULL);

	ck_assert_uint_eq(procset_methods_run(set), select.methods);
	return (unsigned)procset_count(set);
}

START_TEST(test_method)
{
	const struct mk_options options = { .seed = 1 };
	struct machine m;

	start(&m, &options, NULL);
	ck_assert_uint_eq(count_listed(&m), mk_win_n_processes(m.w.win));
	/* without the head's address, from System */
	m.w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va = VIRT(0);
	ck_assert_uint_eq(count_listed(&m), mk_win_n_processes(m.w.win));
	/* a head that is nowhere */
	m.w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va =
		VIRT(UINT64_C(0xffff800000001000));
	ck_assert_uint_eq(count_listed(&m), mk_win_n_processes(m.w.win));
	m.w.kernel->has_system = false;
	ck_assert_uint_eq(count_listed(&m), 0);
	ck_assert_str_eq(proc_methods[METHOD_PSACTIVEPROCESSHEAD].name,
			 "PsActiveProcessHead");
	stop(&m);
}
END_TEST

/* Of two with one pid the live one has the plain name. */
START_TEST(test_duplicate_pid)
{
	const struct mk_options options = { .seed = 1,
					    .damage = { .dup_pid = true } };
	const struct mk_process *live, *old;
	g_autofree char *name = NULL, *plain = NULL;
	struct machine m;

	start(&m, &options, NULL);
	live = mk_win_find(m.w.win, "explorer.exe");
	old = mk_win_find(m.w.win, "oldpid.exe");
	ck_assert_uint_eq(live->pid, old->pid);
	plain = g_strdup_printf("%u", live->pid);
	name = g_strdup_printf("%u-%lx", old->pid, (long)old->eprocess);
	ck_assert_uint_eq(procset_find_dir(m.set, plain),
			  procset_find_eprocess(m.set, VIRT(live->eprocess)));
	ck_assert_uint_eq(procset_find_dir(m.set, name),
			  procset_find_eprocess(m.set, VIRT(old->eprocess)));
	stop(&m);
}
END_TEST

START_TEST(test_sanity_of_dtb)
{
	const struct mk_options options = { .seed = 1,
					    .damage = { .self_tables = true } };
	size_t n_none = 0, n_odd = 0;
	struct machine m;

	start(&m, &options, NULL);
	for (size_t i = 0; i < procset_count(m.set); i++) {
		const struct proc_entry *e = procset_get(m.set, i);

		n_none += !e->has_space;
		n_odd += e->has_space && !e->dtb_sane;
		ck_assert(e->dtb_sane || !e->has_space ||
			  !strcmp(e->p.name, "selfmap.exe"));
	}
	ck_assert_uint_eq(n_none, 1);
	ck_assert_uint_eq(n_odd, 1);
	stop(&m);
}
END_TEST

static size_t count_selected(const struct proc_select *select,
			     const char *first)
{
	const struct mk_options options = { .seed = 1 };
	struct machine m;
	size_t n;

	start(&m, &options, select);
	n = procset_count(m.set);
	assert_sane(m.set);
	if (n && first)
		ck_assert_str_eq(procset_get(m.set, 0)->p.name, first);
	stop(&m);
	return n;
}

static size_t count_matching(const char *pattern, const uint64_t *pids,
			     size_t n_pids)
{
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_CASELESS, 0,
					      NULL);
	const struct proc_select select = { .methods = METHODS_ALL,
					    .pids = pids, .n_pids = n_pids,
					    .proc_regex = regex };

	return count_selected(&select, NULL);
}

START_TEST(test_regex)
{
	ck_assert_uint_eq(count_matching("csrss", NULL, 0), 2);
	ck_assert_uint_eq(count_matching("CSRSS.EXE", NULL, 0), 2);
	/* from the start, but not to the end */
	ck_assert_uint_eq(count_matching("csr", NULL, 0), 2);
	ck_assert_uint_eq(count_matching("srss", NULL, 0), 0);
	ck_assert_uint_eq(count_matching("(csrss|smss)", NULL, 0), 3);
	ck_assert_uint_eq(count_matching("nosuch", NULL, 0), 0);
}
END_TEST

START_TEST(test_pids)
{
	static const uint64_t pids[] = { 340, 4, 4, 9999, UINT32_MAX };
	struct proc_select select = { .methods = METHODS_ALL, .pids = pids,
				      .n_pids = G_N_ELEMENTS(pids) };

	ck_assert_uint_eq(count_selected(&select, "System"), 2);
	select.n_pids = 1;
	ck_assert_uint_eq(count_selected(&select, "smss.exe"), 1);
	/* pids beat the expression */
	ck_assert_uint_eq(count_matching("csrss", pids, 2), 2);
}
END_TEST

START_TEST(test_no_method)
{
	const struct proc_select select = { .methods = 0 };

	ck_assert_uint_eq(count_selected(&select, NULL), 0);
}
END_TEST

/* What was only run to lead CSRSS and Sessions somewhere does not count. */
START_TEST(test_methods)
{
	const struct mk_options options = { .seed = 1 };
	const struct proc_select select = { .methods = 1u << _i };
	struct machine all, one;

	start(&all, &options, NULL);
	start(&one, &options, &select);
	ck_assert_uint_eq(procset_methods_run(one.set), select.methods);
	for (size_t i = 0; i < procset_count(one.set); i++)
		ck_assert_uint_eq(procset_get(one.set, i)->seen,
				  select.methods);
	/* and each finds what it finds among the others */
	for (size_t i = 0; i < procset_count(all.set); i++) {
		const struct proc_entry *e = procset_get(all.set, i);
		size_t at = procset_find_eprocess(one.set, e->p.eprocess);

		ck_assert_int_eq((e->seen & select.methods) != 0,
				 at != SIZE_MAX);
	}
	stop(&all);
	stop(&one);
}
END_TEST

/* Addresses override all: their order, both forms, those that are wrong. */
START_TEST(test_eprocess)
{
	const struct mk_options options = { .seed = 1 };
	uint64_t pids[] = { 4 }, va[4];
	struct proc_select select = { .methods = 0, .pids = pids,
				      .n_pids = 1, .eprocess = va };
	struct machine m;

	start(&m, &options, NULL);
	va[0] = mk_win_find(m.w.win, "explorer.exe")->eprocess;
	va[1] = mk_win_process(m.w.win, 0)->eprocess & 0xffffffffffff;
	va[2] = va[0];
	va[3] = UINT64_C(0x1234);
	stop(&m);
	select.n_eprocess = 4;
	start(&m, &options, &select);
	ck_assert_uint_eq(procset_count(m.set), 2);
	ck_assert_str_eq(procset_get(m.set, 0)->p.name, "explorer.exe");
	ck_assert_str_eq(procset_get(m.set, 1)->p.name, "System");
	ck_assert_uint_eq(procset_get(m.set, 1)->p.eprocess.v,
			  mk_win_process(m.w.win, 0)->eprocess);
	ck_assert_uint_eq(procset_get(m.set, 0)->seen, 0);
	ck_assert_uint_eq(procset_methods_run(m.set), 0);
	ck_assert_uint_eq(log_count(m.w.log, LOG_FAIL), 1);
	assert_sane(m.set);
	stop(&m);
}
END_TEST

START_TEST(test_no_kernel)
{
	const struct proc_select all = { .methods = METHODS_ALL };
	const struct mk_options options = { .seed = 1 };
	g_autoptr(ProcSet) set = procset_build(NULL, &all, NULL);
	struct machine m;

	ck_assert_uint_eq(procset_count(set), 0);
	assert_sane(set);
	start(&m, &options, NULL);
	procset_free(m.set);
	m.w.kernel->has_profile = false;
	m.set = procset_build(m.w.kernel, &all, NULL);
	ck_assert_uint_eq(procset_count(m.set), 0);
	stop(&m);
	procset_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("procs-procset");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_whole_list, 0,
			    (int)G_N_ELEMENTS(whole));
	tcase_add_test(tcase, test_two_breaks);
	tcase_add_test(tcase, test_method);
	tcase_add_test(tcase, test_duplicate_pid);
	tcase_add_test(tcase, test_sanity_of_dtb);
	tcase_add_test(tcase, test_regex);
	tcase_add_test(tcase, test_pids);
	tcase_add_test(tcase, test_no_method);
	tcase_add_loop_test(tcase, test_methods, 0, METHODS);
	tcase_add_test(tcase, test_eprocess);
	tcase_add_test(tcase, test_no_kernel);
	return unit_main(suite);
}
