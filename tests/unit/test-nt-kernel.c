/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of finding the kernel, on machines of all kinds and damages. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"

static void assert_found(const struct unit_win *w)
{
	const struct mk_kernel *want = mk_win_kernel(w->win);
	const NtKernel *k = w->kernel;

	ck_assert_ptr_nonnull(k);
	ck_assert_uint_eq(addr_space_dtb(&k->as).v, want->dtb);
	ck_assert(k->has_system);
	ck_assert_uint_eq(k->system.eprocess.v,
			  mk_win_process(w->win, 0)->eprocess);
	ck_assert(k->has_profile);
	ck_assert_str_eq(layout_id(k->profile.source.layout), want->layout);
	ck_assert_ptr_eq(k->as.soft, &nt_soft_pte_ops);
	/* What the hook reads for itself follows nothing. */
	ck_assert_ptr_eq(k->soft.flat, &k->soft_flat);
	ck_assert_ptr_null(k->soft_flat.flat);
	ck_assert_uint_eq(k->soft_flat.invalid_pte_mask,
			  k->soft.invalid_pte_mask);
}

START_TEST(test_default)
{
	const struct mk_options options = { .seed = 1 };
	g_autofree char *os = NULL;
	struct unit_win w;

	unit_win_init(&w, &options);
	assert_found(&w);
	ck_assert_str_eq(w.kernel->dtb_source, "low stub");
	ck_assert_str_eq(w.kernel->profile_source, "built-in by GUID");
	ck_assert(w.kernel->has_image && w.kernel->image.base_certain);
	ck_assert_uint_eq(w.kernel->image.base.v, mk_win_kernel(w.win)->base);
	ck_assert_uint_eq(w.kernel->build, mk_win_kernel(w.win)->build);
	ck_assert_uint_eq(w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
			  mk_win_kernel(w.win)->active_head);
	ck_assert_uint_eq(w.kernel->soft.invalid_pte_mask,
			  mk_win_kernel(w.win)->invalid_pte_mask);
	ck_assert_uint_eq(w.kernel->n_processors, 2);
	ck_assert_uint_eq(log_count(w.log, LOG_WARN), 0);
	os = nt_kernel_os(w.kernel);
	ck_assert_str_eq(os, "Windows 10 2004-22H2");
	unit_win_clear(&w);
}
END_TEST

/* InvalidPteMask cannot be read: the entries tell it, that there is none
 * too. */
START_TEST(test_derived_mask)
{
	const struct mk_options options = { .seed = 1, .states = true,
					    .no_mask = _i,
					    .damage.lost_mask = true };
	struct unit_win w;

	unit_win_init(&w, &options);
	assert_found(&w);
	ck_assert_str_eq(w.kernel->pte_mask_how, "derived");
	ck_assert(!w.kernel->soft.mask_unknown);
	ck_assert(_i || w.kernel->soft.invalid_pte_mask);
	ck_assert_uint_eq(w.kernel->soft.invalid_pte_mask,
			  mk_win_kernel(w.win)->invalid_pte_mask);
	unit_win_clear(&w);
}
END_TEST

/* Every amd64 layout that the builder can make a machine of. */
START_TEST(test_layouts)
{
	size_t n = 0;

	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);
		const struct mk_options options = {
			.seed = i, .layout = layout_id(layout),
			.procs = 4, .size_mib = 16,
		};
		struct unit_win w;

		/* the builder makes Windows 7 and later */
		if (layout_arch(layout) != NT_ARCH_AMD64 ||
		    layout_la57(layout) || !layout_complete(layout) ||
		    layout_build(layout) < 7600)
			continue;
		unit_win_init(&w, &options);
		ck_assert_msg(w.kernel && w.kernel->has_system, "%s",
			      layout_id(layout));
		ck_assert_uint_eq(w.kernel->system.eprocess.v,
				  mk_win_process(w.win, 0)->eprocess);
		ck_assert_uint_eq(w.kernel->profile.eprocess.pid -
					  w.kernel->profile.eprocess.links,
				  (uint32_t)-8);
		ck_assert_uint_eq(w.kernel->build, layout_build(layout));
		unit_win_clear(&w);
		n++;
	}
	ck_assert_uint_ge(n, 15);
}
END_TEST

static const struct {
	const char *name;
	struct mk_options options;
	bool certain;	/* all symbols can still be used */
} damaged[] = {
	{ "no low stub", { .damage = { .no_lowstub = true } }, true },
	{ "no header", { .damage = { .zero_kernel_header = true } }, true },
	{ "header not mapped",
	  { .damage = { .unmap_kernel_header = true } }, true },
	{ "no RSDS", { .damage = { .no_rsds = true } }, false },
	{ "no shared page", { .damage = { .no_kuser = true } }, true },
	{ "loop", { .damage = { .loop_list = true } }, true },
	{ "link to user", { .damage = { .list_to_user = true } }, true },
	{ "System's Flink", { .damage = { .break_flink = 1 } }, true },
	{ "System's Blink", { .damage = { .break_blink = 1 } }, true },
	{ "same pid", { .damage = { .dup_pid = true } }, true },
	{ "no smss", { .damage = { .no_smss = true } }, true },
	{ "self tables", { .damage = { .self_tables = true } }, true },
	{ "first MiB", { .damage = { .zero_first_mib = 1 } }, true },
	{ "holes", { .hole = true, .tail = 100 }, true },
	{ "1 GiB pages", { .gig = true, .hole = true }, true },
	{ "table in transition", { .trans_table = true }, true },
	{ "no KVA shadow", { .no_kva = true }, true },
	{ "hostile names", { .hostile_names = true }, true },
	{ "header and stub",
	  { .damage = { .zero_kernel_header = true, .no_lowstub = true } },
	  true },
	{ "PML4s far up", { .dtb_at_mib = 40,
			    .damage = { .no_lowstub = true } }, true },
};

START_TEST(test_damaged)
{
	struct mk_options options = damaged[_i].options;
	struct unit_win w;

	options.seed = (uint64_t)_i + 100;
	unit_win_init(&w, &options);
	ck_assert_msg(w.kernel && w.kernel->has_system, "%s",
		      damaged[_i].name);
	ck_assert_uint_eq(addr_space_dtb(&w.kernel->as).v,
			  mk_win_kernel(w.win)->dtb);
	ck_assert_uint_eq(w.kernel->system.eprocess.v,
			  mk_win_process(w.win, 0)->eprocess);
	if (damaged[_i].certain)
		assert_found(&w);
	ck_assert(w.kernel->kuser.valid == !options.damage.no_kuser);
	unit_win_clear(&w);
}
END_TEST

/* Neither header nor record: System is found by looking for it. */
START_TEST(test_no_image)
{
	const struct mk_options options = {
		.seed = 9,
		.damage = { .zero_kernel_header = true, .no_rsds = true,
			    .no_lowstub = true },
	};
	struct unit_win w;

	unit_win_init(&w, &options);
	ck_assert_ptr_nonnull(w.kernel);
	ck_assert(!w.kernel->image.has_pe && !w.kernel->image.has_pdb);
	ck_assert(w.kernel->has_system);
	ck_assert_str_eq(w.kernel->system.how, "scan of kernel memory");
	/* only the debugger block is left to tell */
	ck_assert_str_eq(w.kernel->image.how, "KDBG");
	ck_assert_uint_eq(w.kernel->image.base.v, mk_win_kernel(w.win)->base);
	ck_assert_uint_eq(log_count(w.log, LOG_FAIL), 0);
	unit_win_clear(&w);
}
END_TEST

START_TEST(test_no_windows)
{
	for (int mode = 0; mode <= MK_MODE_ARM64; mode++) {
		const struct mk_options options = {
			.seed = 1, .no_windows = true, .size_mib = 32,
			.paging = (enum mk_mode)mode,
		};
		struct unit_win w;

		unit_win_init(&w, &options);
		ck_assert_ptr_null(w.kernel);
		ck_assert_uint_eq(log_count(w.log, LOG_FAIL), 1);
		unit_win_clear(&w);
	}
	nt_kernel_free(NULL);
}
END_TEST

START_TEST(test_hints)
{
	const struct mk_options options = { .seed = 1 };
	struct nt_hints hints = { 0 };
	struct unit_win w;
	uint64_t dtb, base;

	unit_win_init(&w, &options);
	dtb = mk_win_kernel(w.win)->dtb;
	base = mk_win_kernel(w.win)->base;
	unit_win_clear(&w);
	hints.dtb = dtb | 2;
	hints.kernel_base = base;
	unit_win_init_hints(&w, &options, &hints);
	assert_found(&w);
	ck_assert_str_eq(w.kernel->dtb_source, "dtb=");
	ck_assert_str_eq(w.kernel->image.how, "kernel_base=");
	unit_win_clear(&w);
	/* a wrong DTB is said to be so, and not in the way */
	hints.kernel_base = 0;
	hints.dtb = 0x14000;
	unit_win_init_hints(&w, &options, &hints);
	assert_found(&w);
	ck_assert_str_eq(w.kernel->dtb_source, "low stub");
	unit_win_clear(&w);
	hints.dtb = UINT64_C(0xffffffffff000);
	unit_win_init_hints(&w, &options, &hints);
	assert_found(&w);
	unit_win_clear(&w);
	/* so is a wrong base */
	hints = (struct nt_hints){ .kernel_base = base + 0x5000 };
	unit_win_init_hints(&w, &options, &hints);
	assert_found(&w);
	ck_assert_uint_eq(w.kernel->image.base.v, base);
	ck_assert_uint_eq(log_count(w.log, LOG_WARN), 1);
	unit_win_clear(&w);
}
END_TEST

/* Processors' CR3 come first; those that lead nowhere do no harm. */
START_TEST(test_processors)
{
	const struct mk_options options = {
		.seed = 1, .damage = { .no_lowstub = true },
	};
	const struct nt_hints none = { 0 };
	struct unit_win w;
	const struct mk_cpu *cpus;
	size_t n;

	unit_win_init(&w, &options);
	nt_kernel_free(w.kernel);
	cpus = mk_win_cpus(w.win, &n);
	ck_assert_uint_gt(n, 0);
	for (uint64_t i = 0; i < 5; i++) {
		struct image_cpu cpu = { .cr3 = i == 4 ? cpus[0].cr3 :
							 i << 40 | 0x14000 };

		g_array_append_val(w.mem.image->cpus, cpu);
	}
	w.kernel = nt_kernel_find(w.mem.pm, w.mem.image, &none, w.log);
	ck_assert_ptr_nonnull(w.kernel);
	ck_assert(w.kernel->has_system);
	ck_assert_ptr_nonnull(strstr(w.kernel->dtb_source, "CR3"));
	unit_win_clear(&w);
}
END_TEST

START_TEST(test_space)
{
	const struct mk_options options = { .seed = 1 };
	struct addr_space as;
	struct unit_win w;

	unit_win_init(&w, &options);
	as = nt_kernel_space(w.kernel, 0x123002);
	ck_assert_uint_eq(as.root.v, 0x123002);
	ck_assert_uint_eq(addr_space_dtb(&as).v, 0x123000);
	ck_assert_ptr_eq(as.soft, w.kernel->as.soft);
	ck_assert_ptr_eq(as.form, w.kernel->as.form);
	unit_win_clear(&w);
}
END_TEST

/* Memory cut off at every 256 KiB, and reads that fail from the n-th on: no
 * crash, and what is said to be there is there. */
START_TEST(test_cut)
{
	const struct mk_options options = { .seed = 1, .size_mib = 16,
					    .procs = 3 };
	const struct nt_hints none = { 0 };
	g_autofree uint8_t *bytes = g_malloc0(16 * MIB);
	struct unit_win w;

	unit_win_init(&w, &options);
	mk_phys_read(mk_win_phys(w.win), 0, bytes, 16 * MIB);
	for (uint64_t len = 0; len < 16 * MIB; len += 256 * KIB) {
		const struct image_run run = { 0, len, 0 };
		struct unit_mem m;
		NtKernel *k;

		unit_mem_init_runs(&m, bytes, (size_t)len, &run, 1);
		k = nt_kernel_find(m.pm, m.image, &none, NULL);
		if (k && k->has_system)
			ck_assert_uint_eq(k->system.eprocess.v,
					  mk_win_process(w.win, 0)->eprocess);
		nt_kernel_free(k);
		unit_mem_clear(&m);
	}
	unit_win_clear(&w);
}
END_TEST

struct failing {
	const uint8_t *bytes;
	unsigned left;
};

static int64_t failing_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct failing *f = ctx;

	if (!f->left)
		return -1;
	f->left--;
	memcpy(buf, f->bytes + off, len);
	return (int64_t)len;
}

START_TEST(test_read_faults)
{
	const struct mk_options options = { .seed = 1, .size_mib = 16,
					    .procs = 3 };
	const struct nt_hints none = { 0 };
	struct failing f;
	struct unit_win w;

	unit_win_init(&w, &options);
	f.bytes = w.mem.bytes;
	image_io_set_reader(w.mem.image->io, failing_read, &f);
	for (unsigned n = 0; n < 4000; n += n < 300 ? 1 : 97) {
		NtKernel *k;

		f.left = n;
		k = nt_kernel_find(w.mem.pm, w.mem.image, &none, NULL);
		nt_kernel_free(k);
	}
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-kernel");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_default);
	tcase_add_loop_test(tcase, test_derived_mask, 0, 2);
	tcase_add_test(tcase, test_layouts);
	tcase_add_loop_test(tcase, test_damaged, 0,
			    (int)G_N_ELEMENTS(damaged));
	tcase_add_test(tcase, test_no_image);
	tcase_add_test(tcase, test_no_windows);
	tcase_add_test(tcase, test_hints);
	tcase_add_test(tcase, test_processors);
	tcase_add_test(tcase, test_space);
	tcase_add_test(tcase, test_cut);
	tcase_add_test(tcase, test_read_faults);
	return unit_main(suite);
}
