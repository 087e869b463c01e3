/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the five methods on made-up machines of every family: what each
 * finds, what is marked as hidden, and what the processors tell. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "procs/witness.h"

static const char *const families[] = {
	"x86-5.1.2600",		"x86pae-5.1.2600",
	"x86-5.2.3790-b",	"amd64-5.2.3790-b",
	"amd64-6.0.6001",	"x86-6.0.6001",
	"amd64-6.1.7601-d",	"x86-6.1.7601",
	"x86pae-6.1.7601",	"amd64-6.2.9200",
	"x86pae-6.2.9200",	"amd64-6.3.9600-b",
	"x86pae-6.3.9600",	"amd64-10.0.10240-b",
	"amd64-10.0.14393-b",	"amd64-10.0.17763-b",
	"x86pae-10.0.17763",	"amd64-10.0.19041-b",
	"x86pae-10.0.19041-b",	"amd64-10.0.22000",
	"amd64-10.0.22621",	"amd64la57-10.0.22621",
	"amd64-10.0.26100",	"amd64la57-10.0.26100",
};
#define N_FAMILIES ((int)G_N_ELEMENTS(families))

struct machine {
	struct unit_win w;
	GArray *witnesses;
	ProcSet *set;
};

/* What is known of a kernel that nobody has symbols of: as if one had. */
static void give_symbols(struct unit_win *w)
{
	const GArray *symbols = mk_win_symbols(w->win);
	const struct nt_source source = {
		.layout = layouts_find(mk_win_kernel(w->win)->layout),
	};

	ck_assert(nt_profile_fill(&source, &w->kernel->profile));
	for (guint i = 0; i < symbols->len; i++) {
		const struct mk_symbol *s =
			&g_array_index(symbols, struct mk_symbol, i);

		for (unsigned v = 0; v < NT_VARS; v++)
			if (!strcmp(nt_var_name(v), s->name))
				w->kernel->vars[v].va = VIRT(s->va);
	}
}

static void start(struct machine *m, const struct mk_options *options,
		  unsigned methods)
{
	struct proc_select select = { .methods = methods };

	unit_win_init(&m->w, options);
	ck_assert_ptr_nonnull(m->w.kernel);
	give_symbols(&m->w);
	m->witnesses = proc_witnesses(m->w.kernel, m->w.mem.image);
	select.witnesses =
		(const struct proc_witness *)(void *)m->witnesses->data;
	select.n_witnesses = m->witnesses->len;
	m->set = procset_build(m->w.kernel, &select, m->w.log);
}

static void stop(struct machine *m)
{
	procset_free(m->set);
	g_array_unref(m->witnesses);
	unit_win_clear(&m->w);
}

static const struct proc_entry *find(const struct machine *m,
				     const struct mk_process *p)
{
	size_t at = procset_find_eprocess(m->set, VIRT(p->eprocess));

	return at == SIZE_MAX ? NULL : procset_get(m->set, at);
}

/* All of the truth and nothing but the truth. */
static void assert_truth(const struct machine *m)
{
	size_t n = 0;

	for (size_t i = 0; i < mk_win_n_processes(m->w.win); i++) {
		const struct mk_process *p = mk_win_process(m->w.win, i);
		const struct proc_entry *e = find(m, p);
		unsigned want = unit_win_seen(p);

		ck_assert_msg((e != NULL) == (want || p->running),
			      "pid %u is%s listed", p->pid, e ? "" : " not");
		if (!e)
			continue;
		n++;
		ck_assert_msg(e->seen == want, "pid %u: %x, not %x", p->pid,
			      e->seen, want);
		ck_assert_msg(e->witnessed == p->running, "pid %u", p->pid);
		ck_assert_uint_eq(e->p.pid, p->pid);
	}
	ck_assert_uint_eq(procset_count(m->set), n);
}

static const char *const hidden[] = {
	"ghost.exe", "cloak.exe", "nocsrss.exe", "threads.exe",
	"nosession.exe", "notable.exe", "phantom.exe", "onlycpu.exe",
};

/* Marked is what hides, and from what; nothing else. */
static void assert_marks(const struct machine *m)
{
	size_t n = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++) {
		const struct mk_process *p = mk_win_find(m->w.win, hidden[i]);
		const struct proc_entry *e = find(m, p);
		unsigned missing = unit_win_missing(hidden[i]);

		ck_assert_ptr_nonnull(e);
		ck_assert_msg(e->missing == missing, "%s: missing %x",
			      hidden[i], e->missing);
		n += missing != 0;
	}
	for (size_t i = 0; i < procset_count(m->set); i++) {
		const struct proc_entry *e = procset_get(m->set, i);

		if (e->missing && !n--)
			ck_abort_msg("pid %u: missing %x", e->p.pid,
				     e->missing);
		ck_assert_msg(!e->no_evidence, "pid %u: %x", e->p.pid,
			      e->no_evidence);
	}
}

START_TEST(test_families)
{
	const struct mk_options options = {
		.seed = 20 + (uint64_t)_i, .layout = families[_i],
		.full = true, .cookie = 1 + 7 * (uint32_t)_i,
	};
	struct machine m;

	start(&m, &options, METHODS_ALL);
	assert_truth(&m);
	assert_marks(&m);
	ck_assert_uint_eq(procset_methods_run(m.set), METHODS_ALL);
	stop(&m);
}
END_TEST

/* Tables of each level, sessions that only their own page tables map. */
START_TEST(test_levels)
{
	const struct mk_options options = {
		.seed = 50, .layout = families[_i / 3], .full = true,
		.handle_level = (unsigned)_i % 3, .size_mib = 96,
		.private_sessions = true,
	};
	struct machine m;

	start(&m, &options, METHODS_ALL);
	assert_truth(&m);
	assert_marks(&m);
	stop(&m);
}
END_TEST

/* Every cookie: what has the type byte 0 is not lost. */
START_TEST(test_cookies)
{
	const struct mk_options options = {
		.seed = 60, .layout = "amd64-10.0.22621", .full = true,
		.cookie = 1 + 16 * (uint32_t)_i,
	};
	struct machine m;

	start(&m, &options, METHODS_ALL);
	assert_truth(&m);
	stop(&m);
}
END_TEST

static const struct mk_options damaged[] = {
	{ .damage = { .break_flink = 5 } },
	{ .damage = { .break_flink = 5, .break_blink = 9 } },
	{ .damage = { .list_to_user = true } },
	{ .damage = { .loop_list = true } },
	{ .damage = { .dup_pid = true } },
	{ .damage = { .no_smss = true } },
	{ .damage = { .self_tables = true } },
	{ .damage = { .cid_level3 = true } },
	{ .damage = { .lost_handle_pages = true } },
	{ .damage = { .lost_handle_pages = true }, .handle_level = 1 },
	{ .hostile_names = true },
};

static bool may_be_missing(const struct proc_entry *e)
{
	for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
		if (!strcmp(e->p.name, hidden[i]))
			return !(e->missing & ~unit_win_missing(hidden[i]));
	return false;
}

/* Damage hides nothing from the other methods, and what it takes away from one
 * is not taken for hiding. */
START_TEST(test_damage)
{
	static const char *const layouts[] = { "amd64-10.0.19041-b",
					       "x86-5.1.2600" };
	struct mk_options options = damaged[_i / 2];
	struct machine m;
	unsigned n = 0;

	options.seed = 70;
	options.layout = layouts[_i % 2];
	options.full = true;
	start(&m, &options, METHODS_ALL);
	for (size_t i = 0; i < mk_win_n_processes(m.w.win); i++) {
		const struct mk_process *p = mk_win_process(m.w.win, i);

		ck_assert_msg((find(&m, p) != NULL) ==
				      (unit_win_seen(p) || p->running),
			      "pid %u", p->pid);
		n += find(&m, p) != NULL;
	}
	ck_assert_uint_eq(procset_count(m.set), n);
	for (size_t i = 0; i < procset_count(m.set); i++) {
		const struct proc_entry *e = procset_get(m.set, i);

		ck_assert_msg(!e->missing || may_be_missing(e),
			      "pid %u, %s: missing %x", e->p.pid, e->p.name,
			      e->missing);
	}
	stop(&m);
}
END_TEST

/* Each method alone finds what it finds among all. */
START_TEST(test_alone)
{
	const struct mk_options options = { .seed = 80, .full = true,
					    .layout = "x86pae-6.2.9200" };
	struct machine m;

	start(&m, &options, 1u << _i);
	for (size_t i = 0; i < mk_win_n_processes(m.w.win); i++) {
		const struct mk_process *p = mk_win_process(m.w.win, i);
		const struct proc_entry *e = find(&m, p);
		bool want = unit_win_seen(p) >> _i & 1;

		if (e && !e->seen)
			ck_assert(p->running);
		else
			ck_assert_msg((e != NULL) == want, "pid %u", p->pid);
	}
	stop(&m);
}
END_TEST

/* Without the addresses of the heads: found all the same, and what was cut out
 * of a list is missing all the same. */
START_TEST(test_no_heads)
{
	const struct proc_select all = { .methods = METHODS_ALL };
	const struct mk_options options = { .seed = 100, .full = true,
					    .layout = families[_i] };
	const struct proc_entry *e;
	struct machine m;

	start(&m, &options, METHODS_ALL);
	procset_free(m.set);
	m.w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va = VIRT(0);
	m.w.kernel->vars[NT_HANDLE_TABLE_LIST_HEAD].va = VIRT(0);
	m.set = procset_build(m.w.kernel, &all, m.w.log);
	for (size_t i = 0; i < mk_win_n_processes(m.w.win); i++) {
		const struct mk_process *p = mk_win_process(m.w.win, i);

		e = find(&m, p);
		ck_assert_msg((e != NULL) == (unit_win_seen(p) != 0), "pid %u",
			      p->pid);
		if (e)
			ck_assert_msg(e->seen == unit_win_seen(p), "pid %u: %x",
				      p->pid, e->seen);
	}
	e = find(&m, mk_win_find(m.w.win, "notable.exe"));
	ck_assert_uint_eq(e->missing, 1u << METHOD_HANDLES);
	e = find(&m, mk_win_find(m.w.win, "ghost.exe"));
	ck_assert_uint_eq(e->missing, 1u << METHOD_PSACTIVEPROCESSHEAD);
	/* nothing of the table of ids: the others do not mind */
	procset_free(m.set);
	m.w.kernel->vars[NT_PSP_CID_TABLE].va = VIRT(0);
	m.set = procset_build(m.w.kernel, &all, m.w.log);
	e = find(&m, mk_win_find(m.w.win, "cloak.exe"));
	ck_assert_uint_eq(e->missing, 0);
	ck_assert_uint_eq(e->no_evidence, 1u << METHOD_PSPCIDTABLE);
	ck_assert_ptr_nonnull(procset_unusable(m.set, METHOD_PSPCIDTABLE));
	stop(&m);
}
END_TEST

/* What a processor ran is there by its page tables, too. */
START_TEST(test_cr3)
{
	const struct mk_options options = { .seed = 90, .full = true };
	const struct mk_process *app, *cpu;
	struct machine m;
	struct proc_witness w[4] = { { .cpu = 2 }, { .cpu = 5 }, { .cpu = 7 },
				     { .cpu = 9, .cr3 = 0x5000 } };
	struct proc_select select = { .methods = METHODS_ALL, .witnesses = w,
				      .n_witnesses = 4 };
	const struct proc_entry *e;
	const uint64_t *stray;
	size_t n;

	start(&m, &options, METHODS_ALL);
	procset_free(m.set);
	app = mk_win_find(m.w.win, "explorer.exe");
	cpu = mk_win_find(m.w.win, "onlycpu.exe");
	w[0].cr3 = app->dtb_raw;
	w[1].cr3 = cpu->dtb_raw;
	w[2].cr3 = mk_win_kernel(m.w.win)->dtb;
	m.set = procset_build(m.w.kernel, &select, m.w.log);
	e = find(&m, app);
	ck_assert(e->witnessed);
	ck_assert_uint_eq(e->running_on->len, 1);
	ck_assert_uint_eq(g_array_index(e->running_on, unsigned, 0), 2);
	/* one that no list has, by nothing but its page tables */
	e = find(&m, cpu);
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e->seen, 0);
	ck_assert_uint_eq(g_array_index(e->running_on, unsigned, 0), 5);
	/* tables of nobody */
	stray = procset_stray_dtbs(m.set, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(stray[0], 0x5000);
	/* its tables are Idle's as well */
	ck_assert(!find(&m, mk_win_process(m.w.win, 0))->witnessed);
	/* a thread's process that is no process, and Idle, are not added */
	w[0] = (struct proc_witness){ .eprocess = app->eprocess + 0x40 };
	w[1] = (struct proc_witness){ .eprocess =
					mk_win_kernel(m.w.win)->idle };
	select.n_witnesses = 2;
	procset_free(m.set);
	n = procset_count(m.set = procset_build(m.w.kernel, &select, NULL));
	for (size_t i = 0; i < n; i++)
		ck_assert(procset_get(m.set, i)->seen);
	stop(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("procs-methods");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_families, 0, N_FAMILIES);
	tcase_add_loop_test(tcase, test_levels, 0, 3 * N_FAMILIES);
	tcase_add_loop_test(tcase, test_cookies, 0, 16);
	tcase_add_loop_test(tcase, test_damage, 0,
			    2 * (int)G_N_ELEMENTS(damaged));
	tcase_add_loop_test(tcase, test_alone, 0, METHODS);
	tcase_add_loop_test(tcase, test_no_heads, 0, N_FAMILIES);
	tcase_add_test(tcase, test_cr3);
	return unit_main(suite);
}
