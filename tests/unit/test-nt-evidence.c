/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the evidence: agreement, conflicts, and what is filled in. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit-runs.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/cpus.h"
#include "nt/evidence.h"

#define UNKNOWN "amd64-10.0.19041-b" /* a kernel of no known GUID */
#define NEVER UINT64_C(0x1122334455667791)
#define ALWAYS UINT64_C(0x99aabbccddeeff00)

/* A change of the machine before it is looked at. */
typedef void (*change_fn)(MkWin *win);

static uint64_t pa_of(MkWin *win, uint64_t va)
{
	const GArray *pages = mk_win_kernel_pages(win);

	for (guint i = 0; i < pages->len; i++) {
		const struct mk_page *p =
			&g_array_index(pages, struct mk_page, i);

		if (va - p->va < p->size)
			return p->pa + (va - p->va);
	}
	ck_abort_msg("no kernel memory at 0x%" PRIx64, va);
}

static uint64_t kdbg_pa(MkWin *win, const char *name)
{
	uint32_t at = 0;

	ck_assert(kdbg_field(name, &at));
	return pa_of(win, mk_win_kernel(win)->kdbg) + at;
}

static void start(struct unit_win *w, const struct mk_options *options,
		  change_fn change)
{
	static const struct nt_hints none;
	struct mk_options o = *options;
	g_autoptr(GError) error = NULL;

	/* The tests encode it where they want to. */
	o.plain_kdbg = true;
	w->win = mk_win_new(&o, &error);
	ck_assert_ptr_nonnull(w->win);
	if (change)
		change(w->win);
	unit_mem_init(&w->mem, mk_win_phys(w->win));
	w->log = log_new();
	w->kernel = nt_kernel_find(w->mem.pm, w->mem.image, &none, w->log);
	ck_assert_ptr_nonnull(w->kernel);
}

/* Once more, with what the test changed in the kernel. */
static void again(struct unit_win *w)
{
	w->kernel->evidence = (struct nt_evidence){ 0 };
	memset(&w->kernel->kdbg, 0, sizeof w->kernel->kdbg);
	nt_evidence_gather(w->kernel, w->mem.image, w->log);
}

static void encode(MkWin *win, uint64_t flag)
{
	uint64_t at = kdbg_pa(win, "Header");

	for (unsigned i = 0; i < 0x380; i += 8) {
		uint64_t word = mk_phys_read64(mk_win_phys(win), at + i);

		word = GUINT64_SWAP_LE_BE(word ^ ALWAYS) ^ flag;
		word = word >> (NEVER & 63) | word << (64 - (NEVER & 63));
		mk_phys_write64(mk_win_phys(win), at + i, word ^ NEVER);
	}
}

static void encode_no_key(MkWin *win)
{
	encode(win, UINT64_C(0xfffff80412345678));
}

static uint64_t known_symbol(MkWin *win, const char *name)
{
	const struct mk_kernel *k = mk_win_kernel(win);
	const struct nt_kernel *known = kernels_find(k->guid, k->age);
	uint32_t rva;

	ck_assert_ptr_nonnull(known);
	ck_assert(kernel_symbol(known, name, &rva));
	return k->base + rva;
}

static void encode_with_key(MkWin *win)
{
	MkPhys *phys = mk_win_phys(win);

	encode(win, known_symbol(win, "KdpDataBlockEncoded"));
	mk_phys_write64(phys, pa_of(win, known_symbol(win, "KiWaitNever")),
			NEVER);
	mk_phys_write64(phys, pa_of(win, known_symbol(win, "KiWaitAlways")),
			ALWAYS);
}

START_TEST(test_healthy)
{
	const struct mk_options options = { .seed = 1 };
	g_autofree char *text = NULL;
	struct unit_win w;

	start(&w, &options, NULL);
	ck_assert_uint_eq(w.kernel->kdbg.va.v, mk_win_kernel(w.win)->kdbg);
	ck_assert_str_eq(w.kernel->kdbg.how, "symbol");
	ck_assert(!w.kernel->kdbg.encoded);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 0);
	ck_assert_uint_ge(w.kernel->evidence.n_agree, 8);
	ck_assert_uint_eq(w.kernel->cpus->len, 2);
	ck_assert_uint_eq(log_count(w.log, LOG_WARN), 0);
	text = log_text(w.log);
	ck_assert_ptr_nonnull(strstr(text, "(plain), by symbol"));
	unit_win_clear(&w);
}
END_TEST

START_TEST(test_encoded_with_key)
{
	const struct mk_options options = { .seed = 2 };
	struct unit_win w;

	start(&w, &options, encode_with_key);
	ck_assert_uint_eq(w.kernel->kdbg.va.v, mk_win_kernel(w.win)->kdbg);
	ck_assert(w.kernel->kdbg.encoded);
	ck_assert_uint_eq(w.kernel->kdbg.active_head,
			  mk_win_kernel(w.win)->active_head);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 0);
	unit_win_clear(&w);
}
END_TEST

/* No symbols: plain, then encoded. The block tells what they would have. */
START_TEST(test_no_symbols)
{
	const struct mk_options options = { .seed = 3, .layout = UNKNOWN };
	const struct nt_var *vars;
	struct unit_win w;

	start(&w, &options, _i ? encode_no_key : NULL);
	vars = w.kernel->vars;
	ck_assert_ptr_null(w.kernel->image.kernel);
	ck_assert_uint_eq(w.kernel->kdbg.va.v, mk_win_kernel(w.win)->kdbg);
	ck_assert(w.kernel->kdbg.encoded == (_i == 1));
	ck_assert_str_eq(w.kernel->kdbg.how, "search of the kernel's image");
	ck_assert_uint_eq(vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
			  mk_win_kernel(w.win)->active_head);
	ck_assert_str_eq(vars[NT_PS_ACTIVE_PROCESS_HEAD].how, "KDBG");
	ck_assert_uint_eq(vars[NT_KD_DEBUGGER_DATA_BLOCK].va.v,
			  mk_win_kernel(w.win)->kdbg);
	ck_assert_str_eq(vars[NT_KI_PROCESSOR_BLOCK].how, "KDBG");
	ck_assert_uint_eq(w.kernel->cpus->len, 2);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 0);
	unit_win_clear(&w);
}
END_TEST

static uint64_t initial_system; /* address of PsInitialSystemProcess */

static void no_initial_system(MkWin *win)
{
	encode_no_key(win);
	mk_phys_write64(mk_win_phys(win), pa_of(win, initial_system), 0);
}

/* No export leads to System, and no symbol: the block's list does, without a
 * search of all memory. */
START_TEST(test_early)
{
	const struct mk_options options = { .seed = 12, .layout = UNKNOWN };
	struct unit_win w;

	start(&w, &options, NULL);
	initial_system = w.kernel->vars[NT_PS_INITIAL_SYSTEM_PROCESS].va.v;
	ck_assert_str_eq(w.kernel->system.how, "PsInitialSystemProcess");
	unit_win_clear(&w);
	start(&w, &options, no_initial_system);
	ck_assert(w.kernel->has_system);
	ck_assert_str_eq(w.kernel->system.how, "PsActiveProcessHead");
	ck_assert(w.kernel->kdbg.encoded);
	/* a ring that turns out to be no list of processes is dropped */
	w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v =
		w.kernel->kdbg.loaded_module_list;
	w.kernel->kdbg.active_head = w.kernel->kdbg.loaded_module_list;
	nt_evidence_gather(w.kernel, w.mem.image, w.log);
	ck_assert_uint_eq(w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v, 0);
	unit_win_clear(&w);
}
END_TEST

static void no_block(MkWin *win)
{
	mk_phys_write64(mk_win_phys(win), kdbg_pa(win, "Header.OwnerTag"), 0);
}

START_TEST(test_none)
{
	const struct mk_options options = { .seed = 4,
					    .layout = _i ? UNKNOWN : NULL };
	struct unit_win w;

	start(&w, &options, no_block);
	ck_assert_uint_eq(w.kernel->kdbg.va.v, 0);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 0);
	if (_i) {
		ck_assert_str_eq(
			w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].how,
			"derived");
		ck_assert_uint_eq(w.kernel->cpus->len, 0);
	}
	unit_win_clear(&w);
}
END_TEST

static void lie(MkWin *win)
{
	const struct mk_kernel *k = mk_win_kernel(win);
	MkPhys *phys = mk_win_phys(win);

	mk_phys_write64(phys, kdbg_pa(win, "KernBase"), k->base - 0x10000);
	mk_phys_write64(phys, kdbg_pa(win, "PsActiveProcessHead"),
			k->base + 0x1000);
	mk_phys_write64(phys, kdbg_pa(win, "PsLoadedModuleList"),
			k->active_head);
	mk_phys_write64(phys, kdbg_pa(win, "NtBuildLab"), k->base + 0x1000);
	mk_phys_write64(phys, kdbg_pa(win, "SizeEProcess"),
			UINT64_C(0x0028012305500a40)); /* PPID 0x123 */
	mk_phys_write64(phys, pa_of(win, k->base + 0x1000),
			GUINT64_FROM_BE(UINT64_C(0x313233342e000000)));
}

/* Each lie is one conflict; what was known before is kept. */
START_TEST(test_conflicts)
{
	const struct mk_options options = { .seed = 5 };
	static const char *const lines[] = {
		"kernel base: KDBG says", "PsActiveProcessHead: KDBG says",
		"PsLoadedModuleList: KDBG says", "build: NtBuildLab says 1234",
		"offset of InheritedFromUniqueProcessId: KDBG says 0x123",
	};
	g_autofree char *text = NULL;
	struct unit_win w;

	start(&w, &options, lie);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict,
			  G_N_ELEMENTS(lines));
	text = log_text(w.log);
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		ck_assert_msg(strstr(text, lines[i]), "%s", lines[i]);
	ck_assert_uint_eq(w.kernel->image.base.v, mk_win_kernel(w.win)->base);
	ck_assert_uint_eq(w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
			  mk_win_kernel(w.win)->active_head);
	ck_assert_uint_eq(w.kernel->build, mk_win_kernel(w.win)->build);
	ck_assert_uint_ne(w.kernel->profile.eprocess.ppid, 0x123);
	ck_assert(w.kernel->has_system);
	unit_win_clear(&w);
}
END_TEST

/* Where the symbols lead nowhere, the block's word counts. */
START_TEST(test_better_witness)
{
	const struct mk_options options = { .seed = 6 };
	struct unit_win w;
	struct nt_var *head;

	start(&w, &options, NULL);
	head = &w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD];
	head->va = VIRT(mk_win_kernel(w.win)->base + 0x1000);
	again(&w);
	ck_assert_uint_eq(head->va.v, mk_win_kernel(w.win)->active_head);
	ck_assert_str_eq(head->how, "KDBG");
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 1);
	/* and a ring of something else is no list of processes */
	head->va = VIRT(w.kernel->kdbg.loaded_module_list);
	again(&w);
	ck_assert_uint_eq(head->va.v, mk_win_kernel(w.win)->active_head);
	unit_win_clear(&w);
}
END_TEST

static void add_cpus(struct unit_win *w, uint64_t cr3_of_second)
{
	const struct mk_cpu *truth;
	size_t n;

	truth = mk_win_cpus(w->win, &n);
	for (size_t i = 0; i < n; i++) {
		struct image_cpu cpu = { .cr3 = truth[i].cr3,
					 .gs_base = truth[i].gs_base };

		if (i == 1 && cr3_of_second)
			cpu.cr3 = cr3_of_second;
		g_array_append_val(w->mem.image->cpus, cpu);
	}
}

static void container_says(struct unit_win *w, bool truth)
{
	const struct mk_kernel *k = mk_win_kernel(w->win);

	w->mem.image->facts = (struct image_facts){
		.dtb = truth ? k->dtb : k->dtb + 0x1000,
		.ps_active_head = truth ? k->active_head : k->base,
		.ps_loaded_module_list =
			truth ? w->kernel->kdbg.loaded_module_list : k->base,
	};
}

START_TEST(test_container)
{
	const struct mk_options options = { .seed = 7 };
	struct unit_win w;
	unsigned before;

	start(&w, &options, NULL);
	before = w.kernel->evidence.n_agree;
	add_cpus(&w, 0);
	container_says(&w, true);
	again(&w);
	ck_assert_uint_eq(w.kernel->evidence.n_agree, before + 5);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 0);
	/* the CR3 of another machine, and a header that lies */
	g_array_set_size(w.mem.image->cpus, 0);
	add_cpus(&w, 0x5000);
	container_says(&w, false);
	again(&w);
	ck_assert_uint_eq(w.kernel->evidence.n_agree, before + 1);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 4);
	ck_assert_uint_eq(w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
			  mk_win_kernel(w.win)->active_head);
	unit_win_clear(&w);
}
END_TEST

/* Notes without GS: CR3 alone. One that is no table of a process that ran
 * here is no conflict. */
START_TEST(test_lone_cr3)
{
	const struct mk_options options = { .seed = 13 };
	const struct mk_cpu *truth;
	struct image_cpu cpu = { 0 };
	unsigned before;
	struct unit_win w;
	size_t n;

	start(&w, &options, NULL);
	before = w.kernel->evidence.n_agree;
	truth = mk_win_cpus(w.win, &n);
	for (size_t i = 0; i < n; i++) {
		cpu.cr3 = truth[i].cr3;
		g_array_append_val(w.mem.image->cpus, cpu);
	}
	cpu.cr3 = 0x5000;
	g_array_append_val(w.mem.image->cpus, cpu);
	again(&w);
	ck_assert_uint_eq(w.kernel->evidence.n_agree, before + 2);
	ck_assert_uint_eq(w.kernel->evidence.n_conflict, 0);
	unit_win_clear(&w);
}
END_TEST

/* The container's KDBG, where nothing else leads to it: found before the
 * image is searched. */
START_TEST(test_container_kdbg)
{
	const struct mk_options options = { .seed = 8, .layout = UNKNOWN };
	struct unit_win w;

	start(&w, &options, encode_no_key);
	w.mem.image->facts.kdbg = mk_win_kernel(w.win)->kdbg;
	w.kernel->vars[NT_KD_DEBUGGER_DATA_BLOCK].va = VIRT(0);
	again(&w);
	ck_assert_str_eq(w.kernel->kdbg.how, "container");
	ck_assert(w.kernel->kdbg.encoded);
	/* one that is wrong costs nothing */
	w.mem.image->facts.kdbg += 8;
	w.kernel->vars[NT_KD_DEBUGGER_DATA_BLOCK].va = VIRT(0);
	again(&w);
	ck_assert_str_eq(w.kernel->kdbg.how, "search of the kernel's image");
	unit_win_clear(&w);
}
END_TEST

/* A processor's KPCR names KdVersionBlock, which names the block (up to 7 on
 * x64). */
START_TEST(test_by_kpcr)
{
	const struct mk_options options = { .seed = 9,
					    .layout = "amd64-6.1.7601-b" };
	struct unit_win w;

	start(&w, &options, NULL);
	add_cpus(&w, 0);
	memset(w.kernel->vars, 0, sizeof w.kernel->vars);
	again(&w);
	ck_assert_str_eq(w.kernel->kdbg.how, "KdVersionBlock of a KPCR");
	ck_assert_uint_eq(w.kernel->kdbg.va.v, mk_win_kernel(w.win)->kdbg);
	ck_assert_uint_eq(w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
			  mk_win_kernel(w.win)->active_head);
	unit_win_clear(&w);
}
END_TEST

/* A base that was only a guess: the block knows better, plain or encoded. */
START_TEST(test_base)
{
	const struct mk_options options = { .seed = 10, .layout = UNKNOWN };
	struct unit_win w;

	start(&w, &options, _i ? encode_no_key : NULL);
	w.kernel->image.base.v += 0x3000;
	w.kernel->image.base_certain = false;
	w.kernel->image.has_pe = false;
	memset(w.kernel->vars, 0, sizeof w.kernel->vars);
	again(&w);
	ck_assert_uint_eq(w.kernel->image.base.v, mk_win_kernel(w.win)->base);
	ck_assert(w.kernel->image.base_certain);
	unit_win_clear(&w);
}
END_TEST

/* Neither header nor RSDS record, and no symbols: the block is found all the
 * same, and tells the base. */
START_TEST(test_no_image)
{
	const struct mk_options options = {
		.seed = 14, .layout = UNKNOWN,
		.damage = { .zero_kernel_header = true, .no_rsds = true },
	};
	const NtKernel *k;
	struct unit_win w;

	start(&w, &options, _i ? encode_no_key : NULL);
	k = w.kernel;
	ck_assert(k->has_system);
	ck_assert_uint_eq(k->kdbg.va.v, mk_win_kernel(w.win)->kdbg);
	ck_assert(k->kdbg.encoded == (_i == 1));
	ck_assert_str_eq(k->kdbg.how, "search of the kernel's area");
	ck_assert(k->has_image && k->image.base_certain);
	ck_assert_uint_eq(k->image.base.v, mk_win_kernel(w.win)->base);
	ck_assert_uint_eq(k->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
			  mk_win_kernel(w.win)->active_head);
	ck_assert_uint_eq(k->cpus->len, 2);
	unit_win_clear(&w);
}
END_TEST

/* Pages that are read, each with a few words of rubbish in it at a time. */
static void spoil(struct unit_win *w, const GArray *places,
		  struct mk_random *random)
{
	for (unsigned i = 0; i < 6; i++) {
		uint64_t pa = g_array_index(
			places, uint64_t, mk_random_below(random, places->len));
		const struct image_run run =
			unit_piece(physmem_runs(w->mem.pm), pa);
		uint64_t value = mk_random_next(random);

		pa += mk_random_below(random, 0x80) * 8;
		if (value % 3 == 0)
			value = w->kernel->image.base.v + value % (16 * MIB);
		else if (value % 3 == 1)
			value = w->kernel->system.eprocess.v + value % 0x800;
		if (range_fits(pa - run.pa, 8, run.len))
			memcpy(w->mem.bytes + run.off + (pa - run.pa),
			       &value, 8);
	}
}

static void add_place(GArray *places, struct unit_win *w, VirtAddr va)
{
	struct vtop_leaf leaf = vtop_translate(&w->kernel->as, va);
	uint64_t pa = leaf.pa.v + (va.v - leaf.va.v);

	if (leaf.state == PAGE_VALID)
		g_array_append_val(places, pa);
}

/* Whatever the block, the processors and their threads are made to say: the
 * kernel stays the one it is, and its list is one of processes or unknown. */
START_TEST(test_rubbish)
{
	const struct mk_options options = { .seed = 15, .size_mib = 16,
					    .procs = 6,
					    .layout = _i ? UNKNOWN : NULL };
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, 8);
	struct mk_random random = { 15 };
	g_autofree uint8_t *copy = NULL;
	struct unit_win w;
	size_t len;

	start(&w, &options, _i ? encode_no_key : NULL);
	len = (size_t)physmem_bytes(w.mem.pm);
	copy = g_malloc(len);
	memcpy(copy, w.mem.bytes, len);
	add_cpus(&w, 0);
	add_place(places, &w, w.kernel->kdbg.va);
	add_place(places, &w, w.kernel->vars[NT_KI_PROCESSOR_BLOCK].va);
	for (guint i = 0; i < w.kernel->cpus->len; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(w.kernel->cpus, struct nt_cpu, i);

		add_place(places, &w, cpu->prcb);
		add_place(places, &w, VIRT(cpu->prcb.v - 0x180));
		add_place(places, &w, cpu->thread);
	}
	for (unsigned round = 0; round < 200; round++) {
		memcpy(w.mem.bytes, copy, len);
		spoil(&w, places, &random);
		if (_i)
			memset(w.kernel->vars, 0, sizeof w.kernel->vars);
		again(&w);
		ck_assert_uint_eq(w.kernel->image.base.v,
				  mk_win_kernel(w.win)->base);
		ck_assert(!w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v ||
			  w.kernel->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v ==
				  mk_win_kernel(w.win)->active_head);
		ck_assert_uint_le(w.kernel->cpus->len, 4);
	}
	unit_win_clear(&w);
}
END_TEST

/* Neither image, nor System, nor profile: nothing to compare, no crash. */
START_TEST(test_bare)
{
	const struct mk_options options = { .seed = 11 };
	struct unit_win w;
	NtKernel *k;

	start(&w, &options, NULL);
	k = w.kernel;
	k->has_image = k->has_system = k->has_profile = false;
	memset(&k->image, 0, sizeof k->image);
	memset(&k->profile, 0, sizeof k->profile);
	memset(k->vars, 0, sizeof k->vars);
	container_says(&w, true);
	again(&w);
	ck_assert_uint_eq(k->kdbg.va.v, 0);
	ck_assert_uint_eq(k->evidence.n_conflict, 0);
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-evidence");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_healthy);
	tcase_add_test(tcase, test_encoded_with_key);
	tcase_add_loop_test(tcase, test_no_symbols, 0, 2);
	tcase_add_test(tcase, test_early);
	tcase_add_loop_test(tcase, test_none, 0, 2);
	tcase_add_test(tcase, test_conflicts);
	tcase_add_test(tcase, test_better_witness);
	tcase_add_test(tcase, test_container);
	tcase_add_test(tcase, test_lone_cr3);
	tcase_add_test(tcase, test_container_kdbg);
	tcase_add_test(tcase, test_by_kpcr);
	tcase_add_loop_test(tcase, test_base, 0, 2);
	tcase_add_loop_test(tcase, test_no_image, 0, 2);
	tcase_add_loop_test(tcase, test_rubbish, 0, 2);
	tcase_add_test(tcase, test_bare);
	return unit_main(suite);
}
