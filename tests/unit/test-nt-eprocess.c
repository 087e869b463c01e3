/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of process objects: the builder's, on several kernels. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include "base/text.h"

static const char *const layouts[] = {
	"amd64-6.1.7601-d", "amd64-6.3.9600-a", "amd64-10.0.10240-a",
	"amd64-10.0.19041-b", "amd64-10.0.22621",
};

static struct unit_win wins[G_N_ELEMENTS(layouts)];

static void setup(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(layouts); i++) {
		const struct mk_options options = {
			.seed = 3 + i, .layout = layouts[i], .no_kva = i % 2,
		};

		unit_win_init(&wins[i], &options);
		ck_assert_ptr_nonnull(wins[i].kernel);
		ck_assert(wins[i].kernel->has_profile);
	}
}

static void teardown(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(layouts); i++)
		unit_win_clear(&wins[i]);
}

static void assert_process(const struct unit_win *w,
			   const struct mk_process *want)
{
	const NtKernel *k = w->kernel;
	g_autofree char *name = text_from_ansi(want->name, want->name_len);
	struct nt_process p;
	struct addr_space own;

	ck_assert(nt_process_read(&k->as, &k->profile, VIRT(want->eprocess),
				  &p));
	ck_assert(nt_process_plausible(&k->as, &k->profile, &p));
	ck_assert_uint_eq(p.eprocess.v, want->eprocess);
	ck_assert_uint_eq(p.pid, want->pid);
	ck_assert_uint_eq(p.ppid, want->ppid);
	ck_assert_str_eq(p.name, name);
	ck_assert_uint_eq(p.dtb_raw, want->dtb_raw);
	ck_assert_uint_eq(p.create_time, want->create_time);
	ck_assert_uint_eq(p.exit_time, want->exit_time);
	ck_assert_uint_eq(p.threads, want->threads);
	ck_assert(p.wow64 == want->wow64);
	ck_assert_uint_eq(p.peb.v, want->peb);
	if (p.known & NTP_USER_DTB)
		ck_assert_uint_eq(p.user_dtb_raw, want->user_dtb_raw);
	own = nt_kernel_space(k, p.dtb_raw ? p.dtb_raw : k->system.dtb_raw);
	nt_process_read_session(&own, &k->profile, p.eprocess, &p);
	ck_assert(!(p.known & NTP_SESSION) == (want->session < 0));
	if (want->session >= 0)
		ck_assert_uint_eq(p.session, (uint32_t)want->session);
	nt_process_clear(&p);
	ck_assert_ptr_null(p.name);
}

START_TEST(test_all_members)
{
	const struct unit_win *w = &wins[_i];

	for (size_t i = 0; i < mk_win_n_processes(w->win); i++) {
		const struct mk_process *p = mk_win_process(w->win, i);

		/* its session is only mapped in its own space */
		if (p->dtb_raw)
			assert_process(w, p);
	}
}
END_TEST

/* What the kernel noted when the process was made. */
static void assert_kind(const struct unit_win *w,
			const struct nt_profile *profile,
			const struct mk_process *want)
{
	const NtKernel *k = w->kernel;
	bool minimal = !want->peb && !want->exit_time;
	g_autofree char *path = NULL;
	struct nt_process p;

	ck_assert(nt_process_read(&k->as, profile, VIRT(want->eprocess), &p));
	ck_assert(p.known & NTP_EXIT_STATUS);
	/* STATUS_PENDING while it runs */
	ck_assert((p.exit_status == 0x103) == !want->exit_time);
	ck_assert(p.known & NTP_FLAGS);
	ck_assert(p.known & NTP_SECTION_BASE);
	ck_assert(!p.section_base == !want->peb);
	ck_assert(!(p.known & NTP_MINIMAL) ==
		  !profile->eprocess.minimal.bit_len);
	path = nt_process_audit_path(&k->as, profile, &p);
	ck_assert(minimal || path);
	if (path)
		ck_assert(g_str_has_prefix(path,
			"\\Device\\HarddiskVolume2\\Windows\\System32\\"));
	nt_process_clear(&p);
}

START_TEST(test_kind)
{
	const struct unit_win *w = &wins[_i];
	const NtKernel *k = w->kernel;
	/* That of the builder: by its build number alone, a kernel can get a
	 * layout in which members that nothing depends on are elsewhere. */
	const struct nt_source source = { .layout = layouts_find(layouts[_i]) };
	struct nt_profile profile;
	struct nt_process p;

	ck_assert(nt_profile_fill(&source, &profile));
	for (size_t i = 0; i < mk_win_n_processes(w->win); i++)
		assert_kind(w, &profile, mk_win_process(w->win, i));
	/* a path that leads to user memory is none */
	ck_assert(nt_process_read(&k->as, &profile,
		VIRT(mk_win_find(w->win, "explorer.exe")->eprocess), &p));
	profile.eprocess.audit_name = profile.eprocess.peb;
	ck_assert_ptr_null(nt_process_audit_path(&k->as, &profile, &p));
	profile.eprocess.audit_name = NT_ABSENT;
	ck_assert_ptr_null(nt_process_audit_path(&k->as, &profile, &p));
	nt_process_clear(&p);
}
END_TEST

static const struct {
	uint8_t value;
	const char *text;
} protections[] = {
	{ 0, "0x00 (None)" },
	{ 0x61, "0x61 (ProtectedLight, WinTcb)" },
	{ 0x72, "0x72 (Protected, WinSystem)" },
	{ 0x39, "0x39 (ProtectedLight, Antimalware, Audit)" },
	{ 0xf7, "0xf7 (?, ?)" },
};

START_TEST(test_protection)
{
	for (size_t i = 0; i < G_N_ELEMENTS(protections); i++) {
		g_autofree char *text =
			nt_protection_text(protections[i].value);

		ck_assert_str_eq(text, protections[i].text);
	}
}
END_TEST

START_TEST(test_not_there)
{
	const struct unit_win *w = &wins[_i];
	const NtKernel *k = w->kernel;
	struct nt_process p = { .pid = 77 };

	ck_assert(!nt_process_read(&k->as, &k->profile, VIRT(0), &p));
	ck_assert(!nt_process_read(&k->as, &k->profile, VIRT(UINT64_MAX), &p));
	ck_assert(!nt_process_read(&k->as, &k->profile,
				   VIRT(UINT64_C(0x123456789abc0000)), &p));
	ck_assert_uint_eq(p.pid, 77);
}
END_TEST

START_TEST(test_plausible)
{
	const struct unit_win *w = &wins[_i];
	const NtKernel *k = w->kernel;
	const struct mk_process *first = mk_win_process(w->win, 0);
	struct nt_process p;

	ck_assert(nt_process_read(&k->as, &k->profile, VIRT(first->eprocess),
				  &p));
	ck_assert(nt_process_plausible(&k->as, &k->profile, &p));
	p.pid = 5;
	ck_assert(!nt_process_plausible(&k->as, &k->profile, &p));
	p.pid = UINT32_C(1) << 28;
	ck_assert(!nt_process_plausible(&k->as, &k->profile, &p));
	p.pid = (UINT32_C(1) << 28) - 4;
	ck_assert(nt_process_plausible(&k->as, &k->profile, &p));
	p.pid = 0;
	ck_assert(nt_process_plausible(&k->as, &k->profile, &p));
	/* the byte that says what kind of object it is */
	p.eprocess.v += 1;
	ck_assert(!nt_process_plausible(&k->as, &k->profile, &p));
	p.eprocess = VIRT(0x10000);
	ck_assert(!nt_process_plausible(&k->as, &k->profile, &p));
	nt_process_clear(&p);
}
END_TEST

/* A member that this kernel does not have is not known, others are. */
START_TEST(test_absent_members)
{
	const struct unit_win *w = &wins[_i];
	const NtKernel *k = w->kernel;
	const struct mk_process *first = mk_win_process(w->win, 0);
	struct nt_profile profile = k->profile;
	struct nt_process p;

	profile.eprocess.ppid = NT_ABSENT;
	profile.eprocess.exit_time = NT_ABSENT;
	profile.eprocess.vad_root = NT_ABSENT;
	ck_assert(nt_process_read(&k->as, &profile, VIRT(first->eprocess),
				  &p));
	ck_assert(!(p.known & (NTP_PPID | NTP_EXIT)));
	ck_assert(p.known & NTP_CREATE);
	ck_assert_uint_eq(p.ppid, 0);
	ck_assert_uint_eq(p.vad_root_va, 0);
	nt_process_clear(&p);
	profile.eprocess.pid = NT_ABSENT;
	ck_assert(!nt_process_read(&k->as, &profile, VIRT(first->eprocess),
				   &p));
}
END_TEST

START_TEST(test_kernel_address)
{
	struct addr_space as = { .form = &paging_amd64 };

	ck_assert(nt_is_kernel_address(&as, UINT64_C(0xffff800000000000)));
	ck_assert(nt_is_kernel_address(&as, UINT64_MAX));
	ck_assert(!nt_is_kernel_address(&as, UINT64_C(0x7fffffffffff)));
	ck_assert(!nt_is_kernel_address(&as, UINT64_C(0xff00000000000000)));
	as.form = &paging_la57;
	ck_assert(nt_is_kernel_address(&as, UINT64_C(0xff00000000000000)));
	as.form = &paging_pae;
	ck_assert(nt_is_kernel_address(&as, UINT64_C(0x80000000)));
	ck_assert(!nt_is_kernel_address(&as, UINT64_C(0x7fffffff)));
	ck_assert(!nt_is_kernel_address(&as, UINT64_C(0x180000000)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-eprocess");
	TCase *tcase = unit_case(suite, "all");
	const int n = (int)G_N_ELEMENTS(layouts);

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_all_members, 0, n);
	tcase_add_loop_test(tcase, test_kind, 0, n);
	tcase_add_loop_test(tcase, test_not_there, 0, n);
	tcase_add_loop_test(tcase, test_plausible, 0, n);
	tcase_add_loop_test(tcase, test_absent_members, 0, n);
	tcase_add_test(tcase, test_kernel_address);
	tcase_add_test(tcase, test_protection);
	return unit_main(suite);
}
