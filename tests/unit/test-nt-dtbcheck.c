/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what is said of DTBs: each verdict, beside processes that are good,
 * in machines of all forms. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "nt/dtbcheck.h"
#include "nt/dtbfit.h"
#include "nt/vad.h"

static const char *const layouts[] = {
	"x86-5.1.2600",	      "x86-6.1.7601",	     "x86pae-6.1.7601",
	"x86pae-10.0.19041-b", "amd64-5.2.3790-b",   "amd64-6.1.7601-d",
	"amd64-10.0.19041-b", "amd64la57-10.0.22621", "arm64-10.0.19041",
};
#define LAYOUTS ((int)G_N_ELEMENTS(layouts))

static void start(struct unit_win *w, const char *layout,
		  enum mk_bad_dtb bad)
{
	const struct mk_options options = {
		.seed = 40 + (uint64_t)bad, .size_mib = 24, .full = true,
		.layout = layout, .damage.bad_dtb = bad,
	};

	unit_win_init(w, &options);
	ck_assert_msg(w->kernel && w->kernel->has_system, "%s", layout);
}

static struct nt_process read_process(const struct unit_win *w,
				      const struct mk_process *info)
{
	struct nt_process p;

	ck_assert(nt_process_read(&w->kernel->as, &w->kernel->profile,
				  VIRT(info->eprocess), &p));
	return p;
}

static struct nt_dtb_check check_of(const struct unit_win *w,
				    const struct mk_process *info)
{
	struct nt_process p = read_process(w, info);
	struct nt_dtb_check check = nt_dtb_check(w->kernel, &p);

	nt_process_clear(&p);
	return check;
}

static void assert_others_good(const struct unit_win *w)
{
	for (size_t i = 0; i < mk_win_n_processes(w->win); i++) {
		const struct mk_process *info = mk_win_process(w->win, i);
		struct nt_dtb_check check;

		if (info == mk_win_bad_dtb(w->win, false))
			continue;
		check = check_of(w, info);
		ck_assert_msg(check.verdict ==
				      (info->dtb_raw ? NT_DTB_OK : NT_DTB_NONE),
			      "%.15s: %s", info->name,
			      nt_dtb_text(check.verdict));
		ck_assert(check.grade == NT_DTB_GOOD || !info->dtb_raw);
	}
}

static const struct {
	enum mk_bad_dtb bad;
	enum nt_dtb_verdict verdict;
	enum nt_dtb_grade grade;
} cases[] = {
	{ MK_DTB_GOOD, NT_DTB_OK, NT_DTB_GOOD },
	{ MK_DTB_RANDOM, NT_DTB_GARBAGE, NT_DTB_BAD },
	{ MK_DTB_BEYOND, NT_DTB_BEYOND, NT_DTB_BAD },
	{ MK_DTB_BLANK, NT_DTB_ZEROS, NT_DTB_BAD },
	{ MK_DTB_SYSTEM, NT_DTB_SYSTEMS, NT_DTB_BAD },
	{ MK_DTB_USER, NT_DTB_USER_TABLE, NT_DTB_BAD },
	{ MK_DTB_ZERO, NT_DTB_NONE, NT_DTB_BAD },
	{ MK_DTB_NO_SELF, NT_DTB_SELF_MAP, NT_DTB_DOUBTFUL },
};
#define CASES ((int)G_N_ELEMENTS(cases))

START_TEST(test_verdict)
{
	enum mk_bad_dtb bad = cases[_i % CASES].bad;
	const struct mk_process *info;
	struct nt_dtb_check check;
	struct unit_win w;

	start(&w, layouts[_i / CASES], bad);
	info = mk_win_bad_dtb(w.win, false);
	check = check_of(&w, info);
	if (bad == MK_DTB_USER && !info->user_dtb_raw) {
		ck_assert_int_eq(check.verdict, NT_DTB_OK);
	} else {
		ck_assert_msg(check.verdict == cases[_i % CASES].verdict,
			      "%s, %s: %s", layouts[_i / CASES],
			      mk_bad_dtb_name(bad), nt_dtb_text(check.verdict));
		ck_assert_int_eq(check.grade, cases[_i % CASES].grade);
	}
	assert_others_good(&w);
	unit_win_clear(&w);
}
END_TEST

/* All have their PEBs at one place. */
START_TEST(test_teb)
{
	const struct mk_process *info;
	struct nt_dtb_check check;
	struct nt_process p;
	struct unit_win w;

	start(&w, layouts[_i], MK_DTB_GOOD);
	info = mk_win_bad_dtb(w.win, false);
	p = read_process(&w, info);
	ck_assert_uint_eq(p.peb.v, mk_win_bad_dtb(w.win, true)->peb);
	p.dtb_raw = mk_win_bad_dtb(w.win, true)->dtb_raw;
	check = nt_dtb_check(w.kernel, &p);
	ck_assert_int_eq(check.verdict, NT_DTB_OTHER_TEB);
	ck_assert_int_eq(check.grade, NT_DTB_DOUBTFUL);
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

/* The PEB of a process is where its own tables have something. */
START_TEST(test_no_peb)
{
	struct nt_dtb_check check;
	struct nt_process p;
	struct unit_win w;

	start(&w, layouts[_i], MK_DTB_GOOD);
	p = read_process(&w, mk_win_bad_dtb(w.win, false));
	p.peb.v += UINT64_C(0xa000);
	check = nt_dtb_check(w.kernel, &p);
	ck_assert_int_eq(check.verdict, NT_DTB_NO_PEB);
	ck_assert_int_eq(check.grade, NT_DTB_DOUBTFUL);
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

/* Who is not there as a whole is never said to be bad. */
START_TEST(test_not_settled)
{
	const struct mk_process *info;
	struct nt_process p, q;
	struct unit_win w;

	start(&w, layouts[_i], MK_DTB_BLANK);
	info = mk_win_bad_dtb(w.win, false);
	p = read_process(&w, info);
	ck_assert_int_eq(nt_dtb_check(w.kernel, &p).grade, NT_DTB_BAD);
	q = p;
	q.exit_time = 1;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &q).grade, NT_DTB_DOUBTFUL);
	q = p;
	q.minimal = true;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &q).grade, NT_DTB_DOUBTFUL);
	q = p;
	q.threads = 0;
	q.known |= NTP_THREADS;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &q).grade, NT_DTB_DOUBTFUL);
	q = p;
	q.flags |= 1u << 7; /* Outswapped */
	q.known |= NTP_FLAGS;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &q).grade, NT_DTB_DOUBTFUL);
	q = p;
	q.create_time = mk_win_kernel(w.win)->time - 1000;
	q.known |= NTP_CREATE;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &q).grade, NT_DTB_DOUBTFUL);
	q = p;
	q.peb = VIRT(0); /* being made */
	q.known |= NTP_PEB;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &q).grade, NT_DTB_DOUBTFUL);
	q.dtb_raw = 0;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &q).grade, NT_DTB_GOOD);
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

/* Bits that a CR3 has beside the address, and others. */
START_TEST(test_bits)
{
	static const struct {
		uint64_t bits;
		bool odd;
	} bits[] = {
		{ 0, false },
		{ 2, false },
		{ UINT64_C(1) << 63, false },
		{ UINT64_C(3) << 61, false },
		{ 0x18, false },
		{ 0x800, true },
		{ UINT64_C(1) << 55, true },
	};
	const struct mk_process *info;
	struct nt_process p;
	struct unit_win w;

	start(&w, "amd64-10.0.19041-b", MK_DTB_GOOD);
	info = mk_win_bad_dtb(w.win, false);
	p = read_process(&w, info);
	p.dtb_raw = nt_dtb_mask(w.kernel, p.dtb_raw);
	p.dtb_raw |= bits[_i].bits;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &p).verdict,
			 bits[_i].odd ? NT_DTB_ODD_BITS : NT_DTB_OK);
	ck_assert_uint_eq(nt_dtb_mask(w.kernel, p.dtb_raw),
			  info->dtb_raw & ~UINT64_C(0xfff));
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

/* PAE has nothing between the address and bit 5. */
START_TEST(test_bits_32)
{
	struct nt_process p;
	struct unit_win w;

	start(&w, _i ? "x86pae-6.1.7601" : "x86-6.1.7601", MK_DTB_GOOD);
	p = read_process(&w, mk_win_bad_dtb(w.win, false));
	p.dtb_raw |= 0x10;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &p).verdict, NT_DTB_OK);
	p.dtb_raw |= 1;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &p).verdict, NT_DTB_ODD_BITS);
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

/* 1 in UserDirectoryTableBase is no address. */
START_TEST(test_user_dtb)
{
	struct nt_process p;
	struct unit_win w;

	start(&w, "amd64-10.0.19041-b", MK_DTB_GOOD);
	p = read_process(&w, mk_win_bad_dtb(w.win, false));
	ck_assert_uint_eq(nt_dtb_user(w.kernel, &p),
			  mk_win_bad_dtb(w.win, false)->user_dtb_raw &
				  ~UINT64_C(0xfff));
	p.user_dtb_raw = 1;
	ck_assert_uint_eq(nt_dtb_user(w.kernel, &p), 0);
	p.known &= ~(unsigned)NTP_USER_DTB;
	ck_assert_uint_eq(nt_dtb_user(w.kernel, &p), 0);
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

/* The same memory without its last 64 KiB; returns where it ends. */
static uint64_t cut_memory(const struct unit_win *w, struct unit_mem *ret)
{
	struct image_run copies[8];
	const struct mk_run *runs;
	uint64_t off = 0;
	size_t n;

	runs = mk_phys_runs(mk_win_phys(w->win), &n);
	ck_assert_uint_le(n, G_N_ELEMENTS(copies));
	for (size_t i = 0; i < n; i++) {
		copies[i] = (struct image_run){ runs[i].start, runs[i].len,
						off };
		off += runs[i].len;
	}
	copies[n - 1].len -= 0x10000;
	unit_mem_init_runs(ret, w->mem.bytes, (size_t)off, copies, n);
	return copies[n - 1].pa + copies[n - 1].len;
}

/* Memory that Windows knows of but the image has not, and such as it does not
 * know of. */
START_TEST(test_cut_image)
{
	struct unit_win w;
	struct unit_mem cut;
	struct nt_process p;
	uint64_t end;

	start(&w, layouts[_i], MK_DTB_GOOD);
	p = read_process(&w, mk_win_bad_dtb(w.win, false));
	end = cut_memory(&w, &cut);
	w.kernel->as.pm = cut.pm;
	p.dtb_raw = end + 0x5000;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &p).verdict, NT_DTB_OUTSIDE);
	ck_assert_int_eq(nt_dtb_check(w.kernel, &p).grade, NT_DTB_DOUBTFUL);
	p.dtb_raw += 0x10000;
	ck_assert_int_eq(nt_dtb_check(w.kernel, &p).verdict, NT_DTB_BEYOND);
	w.kernel->as.pm = w.mem.pm;
	unit_mem_clear(&cut);
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

/* A table fits its own process better than any other. */
START_TEST(test_fit)
{
	const struct mk_process *info;
	struct nt_dtb_fit own, other;
	g_autoptr(GArray) vads = NULL;
	g_autofree char *text = NULL;
	struct nt_process p;
	struct unit_win w;

	start(&w, layouts[_i], MK_DTB_GOOD);
	info = mk_win_bad_dtb(w.win, false);
	p = read_process(&w, info);
	vads = nt_vad_list(&w.kernel->as, &w.kernel->profile, &p);
	nt_dtb_fit(w.kernel, &p, vads, info->dtb_raw, &own);
	text = nt_dtb_fit_text(&own);
	ck_assert_ptr_nonnull(strstr(text, "the PEB has the image base"));
	ck_assert_uint_gt(own.n_pages, 0);
	if (own.has_vads)
		ck_assert_uint_eq(own.n_in_vads, own.n_pages);
	for (size_t i = 0; i < mk_win_n_processes(w.win); i++) {
		const struct mk_process *q = mk_win_process(w.win, i);

		if (q == info || !q->dtb_raw)
			continue;
		nt_dtb_fit(w.kernel, &p, vads, q->dtb_raw, &other);
		ck_assert_msg(other.score < own.score, "%s: %.15s: %d >= %d",
			      layouts[_i], q->name, other.score, own.score);
	}
	nt_process_clear(&p);
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-dtbcheck");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_verdict, 0, LAYOUTS * CASES);
	tcase_add_loop_test(tcase, test_teb, 0, LAYOUTS);
	tcase_add_loop_test(tcase, test_no_peb, 0, LAYOUTS);
	tcase_add_loop_test(tcase, test_not_settled, 0, LAYOUTS);
	tcase_add_loop_test(tcase, test_bits, 0, 7);
	tcase_add_loop_test(tcase, test_bits_32, 0, 2);
	tcase_add_test(tcase, test_user_dtb);
	tcase_add_loop_test(tcase, test_cut_image, 0, LAYOUTS);
	tcase_add_loop_test(tcase, test_fit, 0, LAYOUTS);
	return unit_main(suite);
}
