/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of threads and their registers: a machine of each family. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/clock.h"
#include "nt/cpus.h"
#include "nt/derive.h"
#include "nt/thread.h"

static const char *families[96];
static int n_families;

static void find_families(void)
{
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);
		struct nt_field field;

		if (!layout_field(layout, "_KPROCESS.DirectoryTableBase",
				  &field, NULL) ||
		    !layout_field(layout, "_EPROCESS.ImageFileName", &field,
				  NULL))
			continue;
		families[n_families++] = layout_id(layout);
	}
}

static void start(struct unit_win *w, const char *layout)
{
	const struct mk_options options = {
		.seed = 3, .layout = layout, .size_mib = 32, .threads = true,
	};

	unit_win_init(w, &options);
	ck_assert_msg(w->kernel && w->kernel->has_system, "%s", layout);
}

static GArray *read_of(const NtKernel *k, uint64_t eprocess)
{
	struct nt_process p;
	struct addr_space own;
	GArray *threads;

	ck_assert(nt_process_read(&k->as, &k->profile, VIRT(eprocess), &p));
	own = nt_kernel_space(k, p.dtb_raw);
	threads = nt_threads_read(k, &p, p.dtb_raw ? &own : NULL);
	nt_process_clear(&p);
	return threads;
}

static bool has(const struct unit_win *w, const char *path)
{
	struct nt_field field;

	return nt_source_field(&w->kernel->profile.source, path, &field, NULL);
}

/* --- what a family has of its threads --- */

static void same_regs(const char *layout, const struct nt_regs *r,
		      const struct mk_regs *truth, bool whole)
{
	ck_assert_msg(r->known & NT_REGS_PLACE, "%s: no place", layout);
	ck_assert_msg(r->ip == truth->ip, "%s: ip 0x%" PRIx64 ", not 0x%"
		      PRIx64, layout, r->ip, truth->ip);
	ck_assert_uint_eq(r->sp, truth->gpr[NT_SP]);
	if (whole) {
		ck_assert_uint_eq(r->flags, truth->flags);
		ck_assert_uint_eq(r->cs, truth->cs);
		ck_assert_uint_eq(r->ss, truth->ss);
	}
	ck_assert_msg(r->gpr_known == truth->known, "%s: 0x%x, not 0x%x",
		      layout, r->gpr_known, truth->known);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(r->gpr_known >> i & 1 ? r->gpr[i] : 0,
				  truth->known >> i & 1 ? truth->gpr[i] : 0);
	if (r->known & NT_REGS_FRAME)
		ck_assert_uint_eq(r->bp, truth->gpr[NT_BP]);
}

static enum nt_regs_from user_from(const struct mk_thread *truth)
{
	if (!truth->user.from)
		return NT_REGS_NONE;
	return strcmp(truth->user.from, "call") ? NT_REGS_TRAP :
						  NT_REGS_SYSCALL;
}

static enum nt_regs_from kernel_from(const struct mk_thread *truth)
{
	if (!truth->kernel.from)
		return NT_REGS_NONE;
	return strcmp(truth->kernel.from, "prcb") ? NT_REGS_SWITCH :
						    NT_REGS_PRCB;
}

/* With nothing from a container: what runs may have gone on. */
static void assert_regs(const char *layout, const struct nt_thread *t,
			const struct mk_thread *truth)
{
	bool old = truth->cpu >= 0;

	ck_assert_msg(t->user_from == user_from(truth), "%s: %u is from %s",
		      layout, t->tid, nt_regs_from_name(t->user_from));
	ck_assert_msg(t->kernel_from == kernel_from(truth),
		      "%s: %u's kernel is from %s", layout, t->tid,
		      nt_regs_from_name(t->kernel_from));
	if (t->user_from) {
		same_regs(layout, &t->user, &truth->user, true);
		ck_assert_int_eq(!!(t->user.known & NT_REGS_MAYBE_OLD), old);
		ck_assert(!(t->user.known & NT_REGS_OFF_STACK));
	}
	if (t->kernel_from)
		same_regs(layout, &t->kernel, &truth->kernel,
			  t->kernel_from == NT_REGS_PRCB);
	if (t->kernel_from == NT_REGS_PRCB)
		ck_assert(t->kernel.known & NT_REGS_MAYBE_OLD);
	if (!truth->teb32)
		ck_assert_int_eq(t->user32_from, NT_REGS_NONE);
	if (t->user_from && t->user.machine == NT_MACHINE_I386 && t->teb32.v)
		same_regs(layout, &t->user32, &truth->user, true);
	else if (truth->user32.from)
		same_regs(layout, &t->user32, &truth->user32, true);
	else
		ck_assert_int_eq(t->user32_from, NT_REGS_NONE);
}

static void assert_stacks(const struct nt_thread *t,
			  const struct mk_thread *truth)
{
	ck_assert_uint_eq(t->teb.v, truth->teb);
	ck_assert_uint_eq(t->teb32.v, truth->teb32);
	ck_assert_uint_eq(t->stack_base, truth->stack_base);
	ck_assert_uint_eq(t->stack_limit, truth->stack_limit);
	ck_assert_uint_eq(t->stack32_base, truth->stack32_base);
	ck_assert_uint_eq(t->stack32_limit, truth->stack32_limit);
	ck_assert_uint_eq(t->kstack_base, truth->kstack_base);
	ck_assert_uint_eq(t->kstack_limit, truth->kstack_limit);
	ck_assert_int_eq(!!(t->known & NTT_USER_STACK), truth->teb != 0);
	if (truth->teb)
		ck_assert_uint_eq(t->stack_alloc,
				  truth->stack_limit - PAGE_SIZE_4K);
}

static void assert_facts(const struct unit_win *w, const struct nt_thread *t,
			 const struct mk_thread *truth)
{
	ck_assert_uint_eq(t->pid, truth->pid);
	ck_assert_uint_eq(t->ethread.v, truth->ethread);
	ck_assert_uint_eq(t->create_time, truth->create_time);
	ck_assert_uint_eq(t->exit_time, truth->exit_time);
	ck_assert_int_eq(t->exited, truth->exit_time != 0);
	ck_assert_uint_eq(t->state, truth->state);
	ck_assert_uint_eq(t->wait_reason, truth->reason);
	if (has(w, "_KTHREAD.KernelTime")) {
		ck_assert_uint_eq(t->kernel_time, truth->kernel_time);
		ck_assert_uint_eq(t->user_time, truth->user_time);
		ck_assert_uint_eq(t->switches, truth->switches);
		ck_assert_int_eq(t->priority, truth->priority);
		ck_assert_int_eq(t->base_priority, truth->base_priority);
	} else {
		ck_assert(!(t->known & (NTT_TIMES | NTT_PRIORITY)));
	}
	if (has(w, "_ETHREAD.ThreadName"))
		ck_assert_pstr_eq(t->name, truth->name);
	else
		ck_assert_ptr_null(t->name);
	ck_assert(t->seen & NTT_IN_EPROCESS);
}

static const struct nt_thread *find(const GArray *threads, uint64_t ethread)
{
	for (guint i = 0; i < threads->len; i++)
		if (g_array_index(threads, struct nt_thread, i).ethread.v ==
		    ethread)
			return &g_array_index(threads, struct nt_thread, i);
	return NULL;
}

static guint count_truth(const struct unit_win *w, uint64_t eprocess)
{
	const GArray *truth = mk_win_threads(w->win);
	guint n = 0;

	for (guint i = 0; i < truth->len; i++)
		n += g_array_index(truth, struct mk_thread, i).process ==
		     eprocess;
	return n;
}

static void check_process(const struct unit_win *w, const char *layout,
			  uint64_t eprocess)
{
	g_autoptr(GArray) threads = read_of(w->kernel, eprocess);
	const GArray *truth = mk_win_threads(w->win);
	bool arm = w->kernel->profile.arch == NT_ARCH_ARM64;

	ck_assert_msg(threads->len == count_truth(w, eprocess),
		      "%s: %u threads", layout, threads->len);
	for (guint i = 0; i < truth->len; i++) {
		const struct mk_thread *want =
			&g_array_index(truth, struct mk_thread, i);
		const struct nt_thread *t;

		if (want->process != eprocess)
			continue;
		t = find(threads, want->ethread);
		ck_assert_msg(t != NULL, "%s: no %u", layout, want->tid);
		ck_assert_uint_eq(t->tid, want->tid);
		if (arm)
			continue;
		assert_facts(w, t, want);
		assert_stacks(t, want);
		assert_regs(layout, t, want);
	}
	for (guint i = 1; i < threads->len; i++)
		ck_assert_uint_lt(g_array_index(threads, struct nt_thread,
						i - 1).tid,
				  g_array_index(threads, struct nt_thread,
						i).tid);
}

START_TEST(test_family)
{
	const char *layout = families[_i];
	struct unit_win w;

	start(&w, layout);
	if (w.kernel->profile.ethread.tid == NT_ABSENT) {
		/* Only of some ARM64 kernels is that not known. */
		ck_assert_int_eq(w.kernel->profile.arch, NT_ARCH_ARM64);
	} else {
		for (size_t i = 0; i < mk_win_n_processes(w.win); i++)
			check_process(&w, layout,
				      mk_win_process(w.win, i)->eprocess);
	}
	unit_win_clear(&w);
}
END_TEST

/* --- registers of the container --- */

static void add_cpu(Image *image, const struct mk_cpu *cpu, bool narrow,
		    bool lost)
{
	struct image_cpu c = { .cr3 = cpu->cr3, .rip = cpu->rip };
	uint64_t own = cpu->in_user ? cpu->teb : cpu->gs_base;

	if (narrow)
		c.fs_base = own;
	else
		c.gs_base = own;
	if (!narrow && cpu->in_user && !lost)
		c.kernel_gs_base = cpu->gs_base;
	c.regs.known = cpu->has_regs;
	memcpy(c.regs.gpr, cpu->gpr, sizeof c.regs.gpr);
	c.regs.flags = cpu->flags;
	c.regs.cs = cpu->cs;
	c.regs.ss = cpu->ss;
	g_array_append_val(image->cpus, c);
}

/* What processors were doing, by notes; lost: without the base that is to be
 * swapped in. */
static void check_notes(const char *layout, bool lost)
{
	struct unit_win w;
	Image image;
	NtKernel k;
	const GArray *truth;
	const struct mk_cpu *cpus;
	unsigned checked = 0;
	size_t n;

	start(&w, layout);
	image = *w.mem.image;
	k = *w.kernel;
	image.cpus = g_array_new(FALSE, TRUE, sizeof(struct image_cpu));
	cpus = mk_win_cpus(w.win, &n);
	for (size_t i = 0; i < n; i++)
		add_cpu(&image, &cpus[i], k.profile.pointer_bytes == 4, lost);
	k.cpus = nt_cpus_read(&k, &image);
	k.container_regs = true;
	truth = mk_win_threads(w.win);
	for (guint i = 0; i < truth->len; i++) {
		const struct mk_thread *want =
			&g_array_index(truth, struct mk_thread, i);
		g_autoptr(GArray) threads = NULL;
		const struct nt_thread *t;
		bool user = (want->cpu_regs.cs & 3) == 3;

		if (!want->cpu_regs.from)
			continue;
		threads = read_of(&k, want->process);
		t = find(threads, want->ethread);
		ck_assert_ptr_nonnull(t);
		ck_assert_int_eq(t->cpu, want->cpu);
		ck_assert(t->seen & NTT_ON_CPU);
		ck_assert_int_eq(user ? t->user_from : t->kernel_from,
				 NT_REGS_CONTAINER);
		same_regs(layout, user ? &t->user : &t->kernel,
			  &want->cpu_regs, true);
		ck_assert(!(t->user.known & NT_REGS_MAYBE_OLD));
		checked++;
	}
	ck_assert_uint_eq(checked, n);
	g_array_unref(k.cpus);
	g_array_unref(image.cpus);
	unit_win_clear(&w);
}

START_TEST(test_notes)
{
	check_notes("amd64-10.0.19041-b", false);
	check_notes("amd64-10.0.19041-b", true);
	check_notes("amd64-6.1.7601-d", false);
	check_notes("x86-5.1.2600", false);
	check_notes("x86pae-6.1.7601", true);
}
END_TEST

/* --- kernels that nobody has symbols of --- */

/* Threads moved by 8 bytes against what the layout says: what can be tested
 * is found, the rest is not believed. */
START_TEST(test_derived)
{
	static const char *const layouts[] = { "amd64-10.0.19041-b",
					       "x86pae-6.1.7601" };
	struct nt_ethread_layout was;
	struct unit_win w;
	struct nt_profile *p;

	start(&w, layouts[_i]);
	p = &w.kernel->profile;
	was = p->ethread;
	/* nothing to do */
	nt_derive_members(w.kernel, w.log);
	ck_assert_mem_eq(&p->ethread, &was, sizeof was);
	p->ethread.pid += 8;
	p->ethread.tid += 8;
	nt_derive_members(w.kernel, w.log);
	ck_assert_uint_eq(p->ethread.pid, was.pid);
	ck_assert_uint_eq(p->ethread.tid, was.tid);
	ck_assert_uint_eq(p->ethread.create_time, NT_ABSENT);
	ck_assert_uint_eq(p->ethread.teb, was.teb);
	p->thread.process += 8;
	nt_derive_members(w.kernel, w.log);
	ck_assert_uint_eq(p->ethread.teb, NT_ABSENT);
	ck_assert_uint_eq(p->ethread.tid, was.tid);
	for (size_t i = 0; i < mk_win_n_processes(w.win); i++) {
		uint64_t va = mk_win_process(w.win, i)->eprocess;
		g_autoptr(GArray) threads = read_of(w.kernel, va);

		ck_assert_uint_eq(threads->len, count_truth(&w, va));
	}
	unit_win_clear(&w);
}
END_TEST

/* --- time --- */

START_TEST(test_clock)
{
	struct unit_win w;
	NtKernel k;

	start(&w, "x86-6.1.7601");
	ck_assert_uint_eq(nt_clock_tick(w.kernel), 156250);
	ck_assert_uint_eq(nt_boot_filetime(w.kernel),
			  w.kernel->kuser.system_time -
				  UINT64_C(7200) * 10000000);
	k = *w.kernel;
	k.kuser.system_time = 1;
	ck_assert_uint_eq(nt_boot_filetime(&k), 0);
	k.kuser.valid = false;
	ck_assert_uint_eq(nt_boot_filetime(&k), 0);
	ck_assert_uint_eq(nt_clock_tick(&k), 156250);
	unit_win_clear(&w);
}
END_TEST

START_TEST(test_names)
{
	ck_assert_str_eq(nt_thread_state_name(5), "Waiting");
	ck_assert_str_eq(nt_thread_state_name(10), "-");
	ck_assert_str_eq(nt_wait_reason_name(13), "WrUserRequest");
	ck_assert_str_eq(nt_wait_reason_name(37), "WrAlertByThreadId");
	ck_assert_ptr_null(nt_wait_reason_name(200));
	ck_assert_str_eq(nt_regs_gpr_name(NT_MACHINE_AMD64, 15), "r15");
	ck_assert_str_eq(nt_regs_gpr_name(NT_MACHINE_I386, 3), "ebx");
	ck_assert_ptr_null(nt_regs_gpr_name(NT_MACHINE_I386, 8));
	ck_assert_ptr_null(nt_regs_gpr_name(0, 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-thread");
	TCase *family = unit_case(suite, "family");
	TCase *odd = unit_case(suite, "odd");

	find_families();
	tcase_add_loop_test(family, test_family, 0, n_families);
	tcase_add_test(family, test_notes);
	tcase_add_loop_test(odd, test_derived, 0, 2);
	tcase_add_test(odd, test_clock);
	tcase_add_test(odd, test_names);
	return unit_main(suite);
}
