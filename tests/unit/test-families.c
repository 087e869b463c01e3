/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine of each family whose layout is compiled in, its kernel known by
 * the built-in tables, by an ISF file, by a PDB file, and by none: what each
 * method finds, what is marked as hidden and what is told of each process are
 * what the builder put there. Without symbols the same on damaged machines.
 */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/text.h"
#include "nt/derive.h"
#include "procs/witness.h"

enum source { BUILT_IN, ISF, PDB, NONE, SOURCES };

/* All layouts that a machine can be made of (some of ARM64 say too little);
 * filled once, before the tests. */
static const char *families[96];
static int n_families;

struct machine {
	struct unit_win w;
	const struct nt_layout *layout;
	GArray *witnesses;
	/* Neither symbols nor the debugger block tell where all processors
	 * are: what they ran need not be known. */
	bool no_cpus;
	ProcSet *set;
	char *dir;	/* of the symbol file, or NULL */
	char *file;
};

/* --- making one --- */

static struct addr_space kernel_space(const struct machine *m)
{
	static const struct paging_form *const forms[] = {
		[NT_ARCH_X86] = &paging_x86,
		[NT_ARCH_X86PAE] = &paging_pae,
		[NT_ARCH_AMD64] = &paging_amd64,
		[NT_ARCH_ARM64] = &paging_arm64,
	};
	struct addr_space as = {
		.pm = m->w.mem.pm,
		.form = layout_la57(m->layout) ? &paging_la57 :
						 forms[layout_arch(m->layout)],
		.root = PHYS(mk_win_kernel(m->w.win)->dtb),
	};

	return as;
}

/* The debugger block tells much: without it more must be derived. */
static void wipe_kdbg(struct machine *m)
{
	MkPhys *phys = mk_win_phys(m->w.win);
	struct addr_space as = kernel_space(m);
	VirtAddr va = VIRT(mk_win_kernel(m->w.win)->kdbg);
	struct vtop_leaf leaf = vtop_translate(&as, va);

	ck_assert(page_state_has_data(leaf.state));
	mk_phys_zero(phys, leaf.pa.v + (va.v - leaf.va.v), 0x40);
	unit_mem_clear(&m->w.mem);
	unit_mem_init(&m->w.mem, phys);
}

static void write_symbols(struct machine *m, enum source source)
{
	bool ok = true;

	if (source != ISF && source != PDB)
		return;
	m->dir = unit_dir_new();
	m->file = g_build_filename(m->dir, source == ISF ? "k.json" : "k.pdb",
				   NULL);
	ok = mk_win_write_symbols(m->w.win, source == PDB ? m->file : NULL,
				  source == ISF ? m->file : NULL, NULL);
	ck_assert(ok);
}

static void list_processes(struct machine *m)
{
	struct proc_select select = { .methods = METHODS_ALL };

	m->witnesses = proc_witnesses(m->w.kernel, m->w.mem.image);
	select.witnesses =
		(const struct proc_witness *)(void *)m->witnesses->data;
	select.n_witnesses = m->witnesses->len;
	m->set = procset_build(m->w.kernel, &select, m->w.log);
}

static void start(struct machine *m, const struct mk_options *options,
		  enum source source, bool no_kdbg)
{
	struct nt_hints hints = { .no_profile = source == NONE };
	size_t n_cpus;

	*m = (struct machine){ .layout = layouts_find(options->layout) };
	m->w.win = mk_win_new(options, NULL);
	ck_assert_msg(m->w.win != NULL, "%s", options->layout);
	write_symbols(m, source);
	hints.profile_file = m->file;
	unit_mem_init(&m->w.mem, mk_win_phys(m->w.win));
	if (no_kdbg)
		wipe_kdbg(m);
	m->w.log = log_new();
	m->w.kernel = nt_kernel_find(m->w.mem.pm, m->w.mem.image, &hints,
				     m->w.log);
	ck_assert_msg(m->w.kernel && m->w.kernel->has_system, "%s",
		      options->layout);
	(void)mk_win_cpus(m->w.win, &n_cpus);
	m->no_cpus = no_kdbg && m->w.kernel->cpus->len < n_cpus;
	list_processes(m);
}

static void stop(struct machine *m)
{
	procset_free(m->set);
	g_array_unref(m->witnesses);
	unit_win_clear(&m->w);
	if (m->dir)
		unit_dir_free(m->dir);
	g_free(m->file);
}

/* --- processes --- */

/* Where there is no csrss.exe, its silence is none. */
static bool has_csrss(const struct machine *m)
{
	return mk_win_find(m->w.win, "csrss.exe") != NULL;
}

static void assert_methods(const struct machine *m, const struct mk_process *p,
			   const struct proc_entry *e)
{
	const char *id = layout_id(m->layout);
	unsigned missing = unit_win_missing(e->p.name);

	if (!has_csrss(m))
		missing &= ~(1u << METHOD_CSRSS);
	ck_assert_msg(e->seen == unit_win_seen(p), "%s, %s: seen by %x, not %x",
		      id, e->p.name, e->seen, unit_win_seen(p));
	ck_assert_msg(e->missing == missing, "%s, %s: missing from %x, not %x",
		      id, e->p.name, e->missing, missing);
	ck_assert_msg(!e->no_evidence ||
			      (!has_csrss(m) &&
			       e->no_evidence == 1u << METHOD_CSRSS),
		      "%s, %s: no evidence %x", id, e->p.name, e->no_evidence);
	ck_assert_msg(m->no_cpus || e->witnessed == p->running, "%s, %s", id,
		      e->p.name);
}

static void assert_equal(const struct machine *m, const struct proc_entry *e,
			 const char *what, uint64_t got, uint64_t want)
{
	ck_assert_msg(got == want, "%s, %s: %s is 0x%lx, not 0x%lx",
		      layout_id(m->layout), e->p.name, what, (long)got,
		      (long)want);
}

/* The session of a process without page tables is not to be read where only
 * those of its processes map it: as in 7 and before. */
static void assert_session(const struct machine *m, const struct mk_process *p,
			   const struct proc_entry *e)
{
	bool known = e->p.known & NTP_SESSION;

	if (p->dtb_raw || p->session < 0 || known)
		assert_equal(m, e, "session",
			     known ? e->p.session : UINT64_MAX,
			     p->session < 0 ? UINT64_MAX :
					      (uint64_t)p->session);
	else
		ck_assert_msg(layout_build(m->layout) <= 7601, "%s",
			      layout_id(m->layout));
}

static void assert_facts(const struct machine *m, const struct mk_process *p,
			 const struct proc_entry *e)
{
	const unsigned all = NTP_PPID | NTP_CREATE | NTP_EXIT | NTP_THREADS |
			     NTP_WOW64;
	g_autofree char *name = text_from_ansi(p->name, p->name_len);

	assert_equal(m, e, "known", e->p.known & all, all);
	assert_equal(m, e, "pid", e->p.pid, p->pid);
	assert_equal(m, e, "ppid", e->p.ppid, p->ppid);
	assert_equal(m, e, "DTB", e->p.dtb_raw, p->dtb_raw);
	assert_equal(m, e, "CreateTime", e->p.create_time, p->create_time);
	assert_equal(m, e, "ExitTime", e->p.exit_time, p->exit_time);
	assert_equal(m, e, "threads", e->p.threads, p->threads);
	assert_equal(m, e, "wow64", e->p.wow64, p->wow64);
	assert_equal(m, e, "PEB", e->p.peb.v, p->peb);
	assert_session(m, p, e);
	ck_assert_msg(!strcmp(e->p.name, name), "%s: %s is called %s",
		      layout_id(m->layout), name, e->p.name);
}

/* All of the truth and nothing but the truth. */
static void assert_processes(const struct machine *m)
{
	size_t n = 0;

	for (size_t i = 0; i < mk_win_n_processes(m->w.win); i++) {
		const struct mk_process *p = mk_win_process(m->w.win, i);
		size_t at = procset_find_eprocess(m->set, VIRT(p->eprocess));
		bool want = unit_win_seen(p) ||
			    (p->running && (!m->no_cpus || at != SIZE_MAX));

		ck_assert_msg((at != SIZE_MAX) == want, "%s: pid %u is%s"
			      " listed", layout_id(m->layout), p->pid,
			      want ? " not" : "");
		if (!want)
			continue;
		n++;
		assert_methods(m, p, procset_get(m->set, at));
		assert_facts(m, p, procset_get(m->set, at));
	}
	ck_assert_msg(procset_count(m->set) == n, "%s: %zu processes, not %zu",
		      layout_id(m->layout), procset_count(m->set), n);
}

/* --- the kernel --- */

static uint64_t want_variable(const struct machine *m, const char *name)
{
	const GArray *symbols = mk_win_symbols(m->w.win);

	for (guint i = 0; i < symbols->len; i++) {
		const struct mk_symbol *s =
			&g_array_index(symbols, struct mk_symbol, i);

		if (!strcmp(s->name, name))
			return s->va;
	}
	return 0;
}

/* The variables that the methods start from. */
static void assert_variables(const struct machine *m)
{
	static const enum nt_var_id ids[] = {
		NT_PS_ACTIVE_PROCESS_HEAD, NT_PSP_CID_TABLE,
		NT_HANDLE_TABLE_LIST_HEAD, NT_OB_TYPE_INDEX_TABLE,
	};
	const NtKernel *k = m->w.kernel;
	struct nt_field unused;

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		const char *name = nt_var_name(ids[i]);
		uint64_t want = want_variable(m, name);

		ck_assert_msg(want || ids[i] == NT_OB_TYPE_INDEX_TABLE, "%s",
			      name);
		if (ids[i] == NT_OB_TYPE_INDEX_TABLE &&
		    !layout_field(m->layout, "_OBJECT_HEADER.TypeIndex",
				  &unused, NULL))
			continue;
		ck_assert_msg(k->vars[ids[i]].va.v == want,
			      "%s: %s is 0x%lx (%s), not 0x%lx",
			      layout_id(m->layout), name,
			      (long)k->vars[ids[i]].va.v, k->vars[ids[i]].how,
			      (long)want);
	}
	/* A few processes have too few pages in transition to tell it. */
	ck_assert_msg(k->soft.invalid_pte_mask ==
			      mk_win_kernel(m->w.win)->invalid_pte_mask ||
		      (mk_win_n_processes(m->w.win) <= 3 &&
		       !k->soft.invalid_pte_mask),
		      "%s: InvalidPteMask is 0x%lx", layout_id(m->layout),
		      (long)k->soft.invalid_pte_mask);
}

/* Header or debugger block tell where the image is and where user space
 * ends. */
static void assert_image(const struct machine *m)
{
	const NtKernel *k = m->w.kernel;
	const struct mk_kernel *want = mk_win_kernel(m->w.win);

	ck_assert_msg(k->has_image && k->image.base.v == want->base,
		      "%s: base 0x%lx, not 0x%lx", layout_id(m->layout),
		      (long)k->image.base.v, (long)want->base);
	ck_assert_msg(k->user_end == want->highest_user + 1,
		      "%s: user half ends at 0x%lx", layout_id(m->layout),
		      (long)k->user_end);
}

/* Derived offsets are the layout's; the cookie is that of the machine. */
static void assert_derived(const struct machine *m, uint8_t cookie)
{
	const GArray *all = m->w.kernel->derived;
	bool has_pid = false, has_cookie = false;

	ck_assert_ptr_nonnull(all);
	for (guint i = 0; i < all->len; i++) {
		const struct nt_derived *d =
			&g_array_index(all, struct nt_derived, i);
		struct nt_field want;

		if (!strcmp(d->name, "ObHeaderCookie")) {
			ck_assert_uint_eq(d->value, cookie);
			has_cookie = true;
		}
		if (d->kind != NT_DERIVED_OFFSET)
			continue;
		has_pid |= g_str_has_suffix(d->name, ".UniqueProcessId");
		/* Threads of ARM64 are as the builder makes them. */
		if (layout_arch(m->layout) == NT_ARCH_ARM64 &&
		    !layout_field(m->layout, d->name, &want, NULL))
			continue;
		ck_assert_msg(layout_field(m->layout, d->name, &want, NULL) &&
				      want.offset == d->value,
			      "%s: %s is 0x%lx", layout_id(m->layout), d->name,
			      (long)d->value);
	}
	ck_assert(has_pid);
	ck_assert_int_eq(has_cookie,
			 mk_win_kernel(m->w.win)->build >= 10240);
}

/* --- tests --- */

/* What has to be said of a healthy machine is what hides in it. */
static void assert_calm(const struct machine *m)
{
	g_autofree char *text = log_text(m->w.log);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (size_t i = 0; lines[i]; i++)
		ck_assert_msg(!g_str_has_prefix(lines[i], "warning") ||
				      strstr(lines[i], "is hidden from") ||
				      strstr(lines[i], "nearest relative"),
			      "%s: %s", layout_id(m->layout), lines[i]);
	ck_assert_uint_eq(log_count(m->w.log, LOG_FAIL), 0);
}

/* No good DTB is doubted. */
static void assert_dtbs(const struct machine *m)
{
	for (size_t i = 0; i < procset_count(m->set); i++) {
		const struct proc_entry *e = procset_get(m->set, i);

		ck_assert_msg(e->dtb.verdict ==
				      (e->has_space ? NT_DTB_OK : NT_DTB_NONE),
			      "%s, %s: %s", layout_id(m->layout), e->p.name,
			      nt_dtb_text(e->dtb.verdict));
	}
}

START_TEST(test_family)
{
	const enum source source = (enum source)(_i % SOURCES);
	const struct mk_options options = {
		.seed = 100 + (uint64_t)_i, .size_mib = 24, .full = true,
		.layout = families[_i / SOURCES],
		.cookie = 0x100 | (uint8_t)(7 * _i + 3),
	};
	struct machine m;

	start(&m, &options, source, false);
	assert_processes(&m);
	assert_variables(&m);
	assert_image(&m);
	ck_assert_uint_eq(procset_methods_run(m.set), METHODS_ALL);
	if (source == NONE)
		assert_derived(&m, (uint8_t)options.cookie);
	assert_calm(&m);
	assert_dtbs(&m);
	stop(&m);
}
END_TEST

/* One of each generation of structures. */
static const char *const some[] = {
	"x86-5.1.2600",		"x86pae-5.2.3790-b",  "amd64-5.2.3790-b",
	"amd64-6.0.6001",	"x86pae-6.1.7601",    "amd64-6.1.7601-d",
	"amd64-6.2.9200",	"x86pae-6.3.9600",    "amd64-10.0.10240-b",
	"amd64-10.0.14393-a",	"amd64-10.0.19041-b", "x86pae-10.0.19041-b",
	"amd64la57-10.0.22621", "amd64-10.0.26100",
};

static const struct damaged {
	const char *what;
	bool usual;	/* without those that hide */
	bool no_kdbg;
	struct mk_options options;
} damaged[] = {
	{ "no header", .options.damage.unmap_kernel_header = true },
	{ "a header of zeros", .options.damage.zero_kernel_header = true },
	{ "no debug record", .options.damage.no_rsds = true },
	{ "no smss.exe", .options.damage.no_smss = true },
	{ "no shared page", .options.damage.no_kuser = true },
	{ "no low stub", .options.damage.no_lowstub = true },
	{ "no debugger block", .no_kdbg = true },
	{ "three processes", .usual = true, .options.procs = 3 },
	{ "odd names", .options.hostile_names = true },
	{ "System leads nowhere", .options.damage.break_flink = 1 },
	{ "no KVA shadow", .options.no_kva = true },
	{ "a kernel nobody has seen", .options.damage.kernel_unknown = true },
	{ "its members elsewhere",
	  .options.damage = { .kernel_unknown = true, .no_exports = true,
			      .shift_eprocess = 24 } },
	{ "all of it",
	  .options.damage = { .unmap_kernel_header = true, .no_rsds = true,
			      .no_smss = true, .no_kuser = true,
			      .no_lowstub = true } },
	{ "all of it, no debugger block", .no_kdbg = true,
	  .options.damage = { .zero_kernel_header = true, .no_rsds = true,
			      .no_smss = true, .no_kuser = true,
			      .no_lowstub = true } },
};
#define N_DAMAGED ((int)G_N_ELEMENTS(damaged))

static void start_damaged(struct machine *m, int i, enum source source)
{
	const struct damaged *d = &damaged[i % N_DAMAGED];
	struct mk_options options = d->options;

	options.seed = 1000 + (uint64_t)i;
	options.size_mib = 24;
	options.layout = some[i / N_DAMAGED];
	options.full = !d->usual;
	start(m, &options, source, d->no_kdbg);
}

static void assert_damaged(const struct machine *m, int i)
{
	const struct mk_damage *d = &damaged[i % N_DAMAGED].options.damage;

	g_autofree char *text = log_text(m->w.log);

	ck_assert_msg(m->w.kernel->image.has_pe ==
			      (!d->zero_kernel_header &&
			       !d->unmap_kernel_header),
		      "%s: %s", layout_id(m->layout), text);
	assert_processes(m);
	assert_variables(m);
	if (!damaged[i % N_DAMAGED].no_kdbg)
		assert_image(m);
}

/* No symbols at all: what one source does not tell, another does. */
START_TEST(test_damaged)
{
	struct machine m;

	start_damaged(&m, _i, NONE);
	assert_damaged(&m, _i);
	stop(&m);
}
END_TEST

/* The built-in layouts are no worse than none, whatever is missing. */
START_TEST(test_damaged_built_in)
{
	struct machine m;

	/* every third family */
	start_damaged(&m, _i + _i / N_DAMAGED * 2 * N_DAMAGED, BUILT_IN);
	assert_damaged(&m, _i);
	stop(&m);
}
END_TEST

/* Do the page tables of two processes that no list has lie first in memory? */
static bool hidden_are_first(const struct mk_options *options)
{
	g_autoptr(MkWin) win = mk_win_new(options, NULL);
	uint64_t lowest = UINT64_MAX;

	ck_assert_ptr_nonnull(win);
	for (size_t i = 0; i < mk_win_n_processes(win); i++) {
		const struct mk_process *p = mk_win_process(win, i);

		if (p->in_list && p->dtb_raw)
			lowest = MIN(lowest, p->dtb_raw);
	}
	return mk_win_find(win, "phantom.exe")->dtb_raw < lowest &&
	       mk_win_find(win, "ghost.exe")->dtb_raw < lowest;
}

/* One machine in some hundreds is like that. */
START_TEST(test_hidden_first)
{
	struct mk_options options = {
		.seed = 300, .size_mib = 24, .full = true,
		.layout = "amd64-10.0.10240-a",
		.damage = damaged[N_DAMAGED - 1].options.damage,
	};
	struct machine m;

	while (!hidden_are_first(&options))
		ck_assert_uint_lt(options.seed++, 5000);
	start(&m, &options, NONE, false);
	assert_processes(&m);
	assert_variables(&m);
	stop(&m);
}
END_TEST

static void list_families(void)
{
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);

		if ((layout_arch(layout) != NT_ARCH_ARM64 ||
		     layout_build(layout) >= 19041) &&
		    n_families < (int)G_N_ELEMENTS(families))
			families[n_families++] = layout_id(layout);
	}
}

int main(void)
{
	const int n_some = (int)G_N_ELEMENTS(some);
	Suite *suite = suite_create("families");
	TCase *tcase = unit_case(suite, "all");

	list_families();
	tcase_add_test(tcase, test_hidden_first);
	tcase_add_loop_test(tcase, test_family, 0, n_families * SOURCES);
	tcase_add_loop_test(tcase, test_damaged, 0, n_some * N_DAMAGED);
	tcase_add_loop_test(tcase, test_damaged_built_in, 0,
			    (n_some + 2) / 3 * N_DAMAGED);
	return unit_main(suite);
}
