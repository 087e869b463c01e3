/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Linux programs read of proc/: stat, statm, and files of the machine. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/linux.h"

static const struct mk_options machines[] = {
	{ .seed = 1, .full = true, .page_files = true },
	{ .seed = 2, .layout = "amd64-6.1.7601-d", .page_files = true },
	{ .seed = 3, .layout = "x86pae-6.1.7601", .hostile_names = true },
	{ .seed = 4, .layout = "amd64-10.0.22621", .hostile_names = true },
	{ .seed = 5, .layout = "x86-5.1.2600" },
};
#define MACHINES ((int)G_N_ELEMENTS(machines))
/* Fields of stat, from 1 as proc(5) counts them. */
#define FIELDS 52

static struct unit_tree trees[MACHINES];

static void setup(void)
{
	for (int i = 0; i < MACHINES; i++)
		unit_tree_init(&trees[i], &machines[i], NULL);
}

static void teardown(void)
{
	for (int i = 0; i < MACHINES; i++)
		unit_tree_clear(&trees[i]);
}

struct stat_line {
	char *name;
	char *fields[FIELDS + 1]; /* from 3 on; borrowed from split */
	char **split;
};

/* As programs do it: the name ends at the last parenthesis. */
static void parse(const char *text, struct stat_line *ret)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');

	ck_assert_ptr_nonnull(open);
	ck_assert_ptr_nonnull(close);
	ck_assert_ptr_eq(strchr(text, '\n') + 1, text + strlen(text));
	ret->name = g_strndup(open + 1, (gsize)(close - open - 1));
	ret->split = g_strsplit(g_strchomp((char *)(uintptr_t)close + 2), " ",
				-1);
	ck_assert_uint_eq(g_strv_length(ret->split), FIELDS - 2);
	for (int i = 3; i <= FIELDS; i++) {
		ret->fields[i] = ret->split[i - 3];
		if (i > 3)
			ck_assert_msg(strspn(ret->fields[i], "-0123456789") ==
					      strlen(ret->fields[i]),
				      "field %d: %s", i, ret->fields[i]);
	}
}

static void forget(struct stat_line *line)
{
	g_free(line->name);
	g_strfreev(line->split);
}

static uint64_t number(const struct stat_line *line, int field)
{
	return g_ascii_strtoull(line->fields[field], NULL, 10);
}

/* The value of a key in status; (transfer full). */
static char *key(const char *status, const char *name)
{
	g_autofree char *begin = g_strdup_printf("%s:\t", name);
	const char *at = g_str_has_prefix(status, begin) ? status : NULL;

	for (const char *s = status; !at && (s = strchr(s, '\n')); s++)
		if (g_str_has_prefix(s + 1, begin))
			at = s + 1;
	ck_assert_msg(at != NULL, "no %s", name);
	at += strlen(begin);
	return g_strchug(g_strndup(at, strcspn(at, "\n")));
}

static uint64_t key_number(const char *status, const char *name)
{
	g_autofree char *text = key(status, name);

	return g_ascii_strtoull(text, NULL, 10);
}

static int64_t unix_second(uint64_t filetime)
{
	return (int64_t)(filetime / 10000000) - INT64_C(11644473600);
}

/* The numbers that follow from others are what status says. */
static void check_memory(const struct stat_line *s, const char *status,
			 const char *statm)
{
	unsigned long long size, resident, rest[5];

	ck_assert_int_eq(sscanf(statm, "%llu %llu %llu %llu %llu %llu %llu",
				&size, &resident, &rest[0], &rest[1],
				&rest[2], &rest[3], &rest[4]),
			 7);
	ck_assert_uint_eq(number(s, 23) / KIB, key_number(status, "VmSize"));
	ck_assert_uint_eq(number(s, 24) * 4, key_number(status, "VmRSS"));
	ck_assert_uint_eq(size, number(s, 23) >> PAGE_SHIFT_4K);
	ck_assert_uint_eq(resident, number(s, 24));
}

/* Of processes made within a tenth of a second of the start, programs get it
 * right to the second. */
static void check_times(const struct unit_tree *t, const struct stat_line *s,
			const struct mk_process *p)
{
	g_autofree char *text = unit_tree_text(t, "proc/stat");
	const char *at = strstr(text, "\nbtime ");
	int64_t btime;

	ck_assert_ptr_nonnull(at);
	btime = g_ascii_strtoll(at + strlen("\nbtime "), NULL, 10);
	ck_assert_int_gt(btime, 0);
	if (p->create_time)
		ck_assert_int_eq(btime + (int64_t)(number(s, 22) / 100),
				 unix_second(p->create_time));
}

static bool has(const struct unit_tree *t, const char *path)
{
	struct nt_field field;

	return nt_source_field(&t->w.kernel->profile.source, path, &field,
			       NULL);
}

static void check_counters(const struct unit_tree *t,
			   const struct stat_line *s,
			   const struct mk_process *p, const char *status)
{
	const struct mk_counters c = mk_win_counters(p);
	bool times = has(t, "_KPROCESS.KernelTime") ||
		     has(t, "_KPROCESS.KernelTimeLow");
	bool memory = has(t, "_EPROCESS.CommitCharge");
	g_autofree char *peak = key(status, "VmHWM");

	/* 15.625 ms are 1.5625 ticks. */
	ck_assert_uint_eq(number(s, 14),
			  times ? c.user_time * 15625ull / 10000 : 0);
	ck_assert_uint_eq(number(s, 15),
			  times ? c.kernel_time * 15625ull / 10000 : 0);
	ck_assert_uint_eq(number(s, 18), times ? c.priority : 0);
	ck_assert_uint_eq(number(s, 10),
			  memory ? c.faults - c.hard_faults : 0);
	ck_assert_uint_eq(number(s, 12), memory ? c.hard_faults : 0);
	if (memory) {
		ck_assert_uint_eq(key_number(status, "VmHWM"),
				  c.peak_working_set * 4);
		ck_assert_uint_eq(key_number(status, "VmData"), c.commit * 4);
		ck_assert_uint_eq(key_number(status, "WorkingSet"),
				  c.working_set * 4);
		ck_assert_uint_eq(key_number(status, "VmPeak"),
				  c.peak_virtual / KIB);
	} else {
		ck_assert_str_eq(peak, "-");
	}
}

static void check_process(const struct unit_tree *t,
			  const struct mk_process *p,
			  const struct proc_entry *e)
{
	g_autofree char *stat = unit_tree_text(t, "proc/%s/stat", e->dir);
	g_autofree char *statm = unit_tree_text(t, "proc/%s/statm", e->dir);
	g_autofree char *status = unit_tree_text(t, "proc/%s/status", e->dir);
	g_autofree char *name = key(status, "Name");
	g_autofree char *state = key(status, "State");
	struct stat_line s;

	parse(stat, &s);
	ck_assert_str_eq(s.name, name);
	ck_assert_uint_eq(g_ascii_strtoull(stat, NULL, 10), p->pid);
	ck_assert_str_eq(s.fields[3], ((char[]){ state[0], '\0' }));
	ck_assert_uint_eq(number(&s, 4), p->ppid ? p->ppid : 1);
	ck_assert_uint_eq(number(&s, 5), p->pid);
	ck_assert_uint_eq(number(&s, 20), p->threads);
	check_memory(&s, status, statm);
	check_times(t, &s, p);
	check_counters(t, &s, p, status);
	forget(&s);
}

START_TEST(test_stat)
{
	const struct unit_tree *t = &trees[_i];
	unsigned n = 0;

	for (size_t i = 0; i < mk_win_n_processes(t->w.win); i++) {
		const struct mk_process *p = mk_win_process(t->w.win, i);
		size_t at = procset_find_eprocess(t->procs,
						  VIRT(p->eprocess));

		if (at == SIZE_MAX || p->type_zero)
			continue;
		check_process(t, p, procset_get(t->procs, at));
		n++;
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

/* A line "Key:   value kB" of meminfo; UINT64_MAX: there is none. */
static uint64_t meminfo(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? g_ascii_strtoull(at + strlen(name), NULL, 10) : UINT64_MAX;
}

START_TEST(test_meminfo)
{
	const struct unit_tree *t = &trees[_i];
	g_autofree char *text = unit_tree_text(t, "proc/meminfo");
	bool told = machines[_i].page_files &&
		    has(t, "_MI_PARTITION.Vp.AvailablePages");

	ck_assert_uint_eq(meminfo(text, "MemTotal:"), 64 * KIB);
	ck_assert_uint_eq(meminfo(text, "MemAvailable:"),
			  told ? MK_AVAILABLE_PAGES * 4u : UINT64_MAX);
	ck_assert_uint_eq(meminfo(text, "Committed_AS:"),
			  told ? MK_COMMITTED_PAGES * 4u : UINT64_MAX);
	ck_assert_uint_eq(meminfo(text, "CommitLimit:"),
			  told ? MK_COMMIT_LIMIT * 4u : UINT64_MAX);
}
END_TEST

/* As ps, uptime and top read them. */
START_TEST(test_machine)
{
	const struct unit_tree *t = &trees[_i];
	g_autofree char *uptime = unit_tree_text(t, "proc/uptime");
	g_autofree char *load = unit_tree_text(t, "proc/loadavg");
	g_autofree char *stat = unit_tree_text(t, "proc/stat");
	g_autofree char *version = unit_tree_text(t, "proc/version");
	g_autofree char *cpuinfo = unit_tree_text(t, "proc/cpuinfo");
	g_autofree char *want = g_strdup_printf(
		"%" PRIu64 ".%02u 0.00\n", MK_UPTIME / 10000000,
		(unsigned)(MK_UPTIME / 100000 % 100));
	float a, b, c;
	unsigned running, n, pid, cpus = 0;

	ck_assert_str_eq(uptime, want);
	ck_assert_int_eq(sscanf(load, "%f %f %f %u/%u %u\n", &a, &b, &c,
				&running, &n, &pid),
			 6);
	ck_assert(g_str_has_prefix(stat, "cpu  0 "));
	for (const char *s = stat; (s = strstr(s, "\ncpu")); s++)
		cpus++;
	ck_assert_uint_eq(cpus, t->w.kernel->n_processors);
	for (const char *s = cpuinfo; (s = strstr(s, "processor")); s++)
		cpus--;
	ck_assert_uint_eq(cpus, 0);
	ck_assert(g_str_has_prefix(version, "Windows NT version "));
	ck_assert_ptr_eq(strchr(version, '\n') + 1,
			 version + strlen(version));
}
END_TEST

START_TEST(test_self)
{
	const struct unit_tree *t = &trees[_i];
	struct tree_node node = unit_tree_node(t, "proc"), self;
	g_autofree char *target = NULL;

	ck_assert_int_eq(tree_lookup(t->tree, &node, "self", &self), 0);
	ck_assert(tree_is_link(&self));
	target = tree_readlink(t->tree, &self);
	ck_assert_str_eq(target, "4");
	node = unit_tree_node(t, "proc/self/stat");
	ck_assert_int_eq(node.kind, NODE_TEXT);
}
END_TEST

/* Each other's parents, one's own, a parent that is younger: pid 1 ends it. */
START_TEST(test_circles)
{
	struct render_facts facts = { .procs = trees[0].procs };
	struct proc_entry *a, *b;

	a = (struct proc_entry *)(uintptr_t)procset_get(facts.procs, 1);
	b = (struct proc_entry *)(uintptr_t)procset_get(facts.procs, 2);
	a->p.create_time = b->p.create_time;
	a->p.ppid = b->p.pid;
	b->p.ppid = a->p.pid;
	ck_assert_uint_ne(linux_ppid(&facts, a) == 1,
			  linux_ppid(&facts, b) == 1);
	a->p.create_time = b->p.create_time + 1;
	ck_assert_uint_eq(linux_ppid(&facts, a), b->p.pid);
	ck_assert_uint_eq(linux_ppid(&facts, b), 1);
	a->p.ppid = a->p.pid;
	ck_assert_uint_eq(linux_ppid(&facts, a), 1);
	a->p.ppid = 0xfffffffc; /* has ended */
	ck_assert_uint_eq(linux_ppid(&facts, a), 0xfffffffc);
	a->p.known &= ~(unsigned)NTP_PPID;
	ck_assert_uint_eq(linux_ppid(&facts, a), 1);
}
END_TEST

/* A process that claims to be older than the machine moves btime by a day at
 * the most. */
START_TEST(test_btime)
{
	struct render_facts facts = { .procs = trees[0].procs,
				      .kernel = trees[0].w.kernel };
	const uint64_t day = UINT64_C(864000000000);
	uint64_t boot = facts.kernel->kuser.system_time - MK_UPTIME;
	struct proc_entry *e;

	e = (struct proc_entry *)(uintptr_t)procset_get(facts.procs, 1);
	ck_assert_int_eq(linux_btime(&facts), unix_second(boot));
	e->p.create_time = boot - day / 2;
	ck_assert_int_eq(linux_btime(&facts), unix_second(boot - day / 2));
	ck_assert_uint_eq(linux_start(&facts, e->p.create_time) / 100, 0);
	e->p.create_time = boot - 2 * day;
	ck_assert_int_eq(linux_btime(&facts), unix_second(boot));
	ck_assert_uint_eq(linux_start(&facts, e->p.create_time), 0);
	ck_assert_uint_eq(linux_start(&facts, UINT64_MAX), 0);
	ck_assert_uint_eq(linux_start(&facts, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-linux");
	TCase *tc = unit_case(suite, "all");

	/* The last two change what they look at, each in a process of its
	 * own. */
	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_stat, 0, MACHINES);
	tcase_add_loop_test(tc, test_meminfo, 0, MACHINES);
	tcase_add_loop_test(tc, test_machine, 0, MACHINES);
	tcase_add_loop_test(tc, test_self, 0, MACHINES);
	tcase_add_test(tc, test_circles);
	tcase_add_test(tc, test_btime);
	return unit_main(suite);
}
