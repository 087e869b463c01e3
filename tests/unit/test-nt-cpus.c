/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the processors and what they ran. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include "base/bytes.h"
#include "nt/cpus.h"

static const char *const layout_ids[] = {
	"amd64-6.1.7601-d", "amd64-6.3.9600-a", "amd64-10.0.19041-b",
	"amd64-10.0.22621",
};

static struct unit_win wins[G_N_ELEMENTS(layout_ids)];

static void setup(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wins); i++) {
		const struct mk_options options = {
			.seed = i, .layout = layout_ids[i], .no_kva = i % 2,
		};

		unit_win_init(&wins[i], &options);
		ck_assert_ptr_nonnull(wins[i].kernel);
	}
}

static void teardown(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wins); i++)
		unit_win_clear(&wins[i]);
}

static const struct nt_cpu *nth(const GArray *cpus, guint i)
{
	ck_assert_uint_lt(i, cpus->len);
	return &g_array_index(cpus, struct nt_cpu, i);
}

/* The machine's processor i, and the process that the builder let it run. */
static void assert_cpu(const struct unit_win *w, const struct nt_cpu *cpu,
		       size_t i)
{
	const struct mk_process *p = NULL;
	const struct mk_cpu *truth;
	size_t n;

	truth = mk_win_cpus(w->win, &n);
	ck_assert_uint_lt(i, n);
	ck_assert_uint_eq(cpu->prcb.v, truth[i].gs_base +
					       w->kernel->profile.cpu.prcb);
	for (size_t j = 0; j < mk_win_n_processes(w->win); j++)
		if (mk_win_process(w->win, j)->dtb_raw == truth[i].cr3)
			p = mk_win_process(w->win, j);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_ne(cpu->thread.v, 0);
	ck_assert_uint_eq(cpu->eprocess.v, p->eprocess);
	ck_assert_uint_eq(cpu->attached.v, p->eprocess);
	ck_assert_uint_eq(cpu->next_thread.v, 0);
	ck_assert(!nt_cpu_is_idle(cpu));
}

START_TEST(test_block)
{
	const struct unit_win *w = &wins[_i];
	const GArray *cpus = w->kernel->cpus;

	ck_assert_uint_eq(cpus->len, 2);
	for (guint i = 0; i < cpus->len; i++) {
		assert_cpu(w, nth(cpus, i), i);
		ck_assert_uint_eq(nth(cpus, i)->number, i);
		ck_assert_int_eq(nth(cpus, i)->container, -1);
		ck_assert_str_eq(nth(cpus, i)->how, "KiProcessorBlock");
	}
	ck_assert_uint_ne(nth(cpus, 0)->eprocess.v, nth(cpus, 1)->eprocess.v);
}
END_TEST

static void add_note(Image *image, uint64_t gs, uint64_t kernel_gs)
{
	const struct image_cpu cpu = { .cr3 = 0x1000, .gs_base = gs,
				       .kernel_gs_base = kernel_gs };

	g_array_append_val(image->cpus, cpu);
}

/* By the notes alone: in the kernel, in user mode, and neither. */
START_TEST(test_notes)
{
	const struct unit_win *w = &wins[_i];
	NtKernel k = *w->kernel;
	Image image = *w->mem.image;
	const struct mk_cpu *truth;
	g_autoptr(GArray) cpus = NULL;
	size_t n;

	truth = mk_win_cpus(w->win, &n);
	k.vars[NT_KI_PROCESSOR_BLOCK].va = VIRT(0);
	image.cpus = g_array_new(FALSE, TRUE, sizeof(struct image_cpu));
	add_note(&image, 0x7ffe0000, truth[1].gs_base);
	add_note(&image, truth[0].gs_base + 8, truth[0].gs_base - 0x1000);
	add_note(&image, 0, 0);
	add_note(&image, truth[0].gs_base, 0);
	add_note(&image, truth[1].gs_base, 0);
	cpus = nt_cpus_read(&k, &image);
	ck_assert_uint_eq(cpus->len, 2);
	assert_cpu(w, nth(cpus, 0), 1);
	assert_cpu(w, nth(cpus, 1), 0);
	ck_assert_int_eq(nth(cpus, 0)->container, 4);
	ck_assert_int_eq(nth(cpus, 1)->container, 3);
	g_clear_pointer(&cpus, g_array_unref);
	/* those of the block are the same ones */
	cpus = nt_cpus_read(w->kernel, &image);
	ck_assert_uint_eq(cpus->len, 2);
	assert_cpu(w, nth(cpus, 0), 0);
	ck_assert_int_eq(nth(cpus, 0)->container, 3);
	g_array_unref(image.cpus);
}
END_TEST

START_TEST(test_none)
{
	const struct unit_win *w = &wins[_i];
	NtKernel k = *w->kernel;
	g_autoptr(GArray) cpus = NULL;

	k.vars[NT_KI_PROCESSOR_BLOCK].va = VIRT(0);
	cpus = nt_cpus_read(&k, NULL);
	ck_assert_uint_eq(cpus->len, 0);
	g_clear_pointer(&cpus, g_array_unref);
	k = *w->kernel;
	k.has_profile = false;
	cpus = nt_cpus_read(&k, w->mem.image);
	ck_assert_uint_eq(cpus->len, 0);
	g_clear_pointer(&cpus, g_array_unref);
	/* pointers at what is no processor: the list of processes */
	k = *w->kernel;
	k.vars[NT_KI_PROCESSOR_BLOCK].va =
		VIRT(mk_win_kernel(w->win)->active_head);
	cpus = nt_cpus_read(&k, NULL);
	ck_assert_uint_eq(cpus->len, 0);
}
END_TEST

START_TEST(test_thread)
{
	const struct unit_win *w = &wins[_i];
	const struct nt_cpu *cpu = nth(w->kernel->cpus, 1);
	NtKernel k = *w->kernel;
	VirtAddr owner = VIRT(1), attached = VIRT(2);

	ck_assert(!nt_thread_process(&k, cpu->eprocess, &owner, &attached));
	ck_assert(!nt_thread_process(&k, VIRT(0), &owner, &attached));
	ck_assert_uint_eq(owner.v, 1);
	ck_assert(nt_thread_process(&k, cpu->thread, &owner, &attached));
	ck_assert_uint_eq(owner.v, cpu->eprocess.v);
	/* one of the two pointers is enough */
	k.profile.thread.process = NT_ABSENT;
	ck_assert(nt_thread_process(&k, cpu->thread, &owner, &attached));
	ck_assert_uint_eq(owner.v, 0);
	ck_assert_uint_eq(attached.v, cpu->eprocess.v);
	k.profile.thread.apc_process = 8;
	ck_assert(!nt_thread_process(&k, cpu->thread, &owner, &attached));
}
END_TEST

static uint64_t process_of(const GArray *processes, guint i)
{
	ck_assert_uint_lt(i, processes->len);
	return g_array_index(processes, VirtAddr, i).v;
}

/* Each once; neither Idle nor what only claims to be a process. */
START_TEST(test_processes)
{
	const struct unit_win *w = &wins[_i];
	g_autoptr(GArray) cpus = g_array_new(FALSE, TRUE,
					     sizeof(struct nt_cpu));
	g_autoptr(GArray) processes = nt_cpus_processes(w->kernel);
	struct nt_cpu cpu = *nth(w->kernel->cpus, 1);
	NtKernel k = *w->kernel;

	ck_assert_uint_eq(processes->len, 2);
	ck_assert_uint_eq(process_of(processes, 0),
			  mk_win_process(w->win, 0)->eprocess);
	ck_assert_uint_eq(process_of(processes, 1), cpu.eprocess.v);
	g_clear_pointer(&processes, g_array_unref);
	k.cpus = cpus;
	cpu.attached = VIRT(mk_win_process(w->win, 0)->eprocess);
	g_array_append_val(cpus, cpu);
	cpu.eprocess = cpu.thread;
	cpu.attached = VIRT(0);
	g_array_append_val(cpus, cpu);
	processes = nt_cpus_processes(&k);
	ck_assert_uint_eq(processes->len, 2);
	ck_assert_uint_eq(process_of(processes, 1),
			  mk_win_process(w->win, 0)->eprocess);
	g_clear_pointer(&processes, g_array_unref);
	/* a process of pid 0: System, read four bytes off */
	g_array_set_size(cpus, 1);
	k.profile.eprocess.pid += 4;
	processes = nt_cpus_processes(&k);
	ck_assert_uint_eq(processes->len, 0);
}
END_TEST

/* A machine of one page-aligned processor, by hand. */
struct hand {
	MkPhys *phys;
	MkPaging *paging;
	struct unit_mem mem;
	NtKernel k;
};

static uint64_t hand_map(struct hand *h, uint64_t va)
{
	uint64_t pa = mk_phys_page(h->phys);

	mk_paging_map(h->paging, va, pa, PAGE_SIZE_4K, MK_PTE_P | MK_PTE_W);
	return pa;
}

static void hand_init(struct hand *h, const char *layout, enum mk_mode mode,
		      const struct paging_form *form)
{
	struct nt_source source = { .layout = layouts_find(layout) };

	*h = (struct hand){ .phys = mk_phys_new(5) };
	mk_phys_add_ram(h->phys, 0, 2 * MIB);
	h->paging = mk_paging_new(h->phys, mode, 0);
	ck_assert_ptr_nonnull(source.layout);
	ck_assert(nt_profile_fill(&source, &h->k.profile));
	h->k.has_profile = true;
	h->k.as.form = form;
	h->k.as.root = PHYS(mk_paging_root(h->paging));
}

static GArray *hand_read(struct hand *h, const Image *image)
{
	unit_mem_init(&h->mem, h->phys);
	h->k.as.pm = h->mem.pm;
	return nt_cpus_read(&h->k, image);
}

static void hand_clear(struct hand *h)
{
	unit_mem_clear(&h->mem);
	mk_paging_free(h->paging);
	mk_phys_free(h->phys);
}

/* XP: the processor at its fixed address, running what it idles with. */
START_TEST(test_x86)
{
	const uint64_t thread = 0x81230000, process = 0x81240000;
	const uint64_t pcr = 0xffdff000;
	g_autoptr(GArray) cpus = NULL;
	const struct nt_cpu_layout *l;
	struct hand h;
	uint64_t pa;

	hand_init(&h, "x86-5.1.2600", MK_MODE_X86, &paging_x86);
	l = &h.k.profile.cpu;
	pa = hand_map(&h, pcr);
	mk_phys_write32(h.phys, pa + l->self, (uint32_t)pcr);
	mk_phys_write32(h.phys, pa + l->prcb + l->current_thread, thread);
	mk_phys_write32(h.phys, pa + l->prcb + l->idle_thread, thread);
	mk_phys_write32(h.phys, pa + l->prcb + l->cr3, 0x39000);
	pa = hand_map(&h, thread);
	mk_phys_write32(h.phys, pa, 6 | 0x6c0000);
	mk_phys_write32(h.phys, pa + h.k.profile.thread.process, process);
	mk_phys_write32(h.phys, hand_map(&h, process), 3 | 0x1b0000);
	cpus = hand_read(&h, NULL);
	ck_assert_uint_eq(cpus->len, 1);
	ck_assert_uint_eq(nth(cpus, 0)->prcb.v, pcr + 0x120);
	ck_assert_uint_eq(nth(cpus, 0)->thread.v, thread);
	ck_assert_uint_eq(nth(cpus, 0)->eprocess.v, process);
	ck_assert_uint_eq(nth(cpus, 0)->attached.v, 0);
	ck_assert_uint_eq(nth(cpus, 0)->cr3, 0x39000);
	ck_assert(nt_cpu_is_idle(nth(cpus, 0)));
	hand_clear(&h);
}
END_TEST

/* A full array that names one processor over and over, then what is none:
 * it is one, and the end is found. */
START_TEST(test_hostile_block)
{
	const uint64_t block = UINT64_C(0xfffff80000010000);
	const uint64_t pcr = UINT64_C(0xfffff80000020000);
	g_autoptr(GArray) cpus = NULL;
	struct hand h;
	uint64_t pa;

	hand_init(&h, "amd64-10.0.19041-b", MK_MODE_AMD64, &paging_amd64);
	pa = hand_map(&h, pcr);
	mk_phys_write64(h.phys, pa + h.k.profile.cpu.self, pcr);
	for (unsigned page = 0; page < 8; page++) {
		pa = hand_map(&h, block + page * PAGE_SIZE_4K);
		for (unsigned i = 0; i < 512; i++)
			mk_phys_write64(h.phys, pa + i * 8,
					pcr + h.k.profile.cpu.prcb +
						(i % 2 ? 0 : 0x40));
	}
	h.k.vars[NT_KI_PROCESSOR_BLOCK].va = VIRT(block);
	cpus = hand_read(&h, NULL);
	ck_assert_uint_eq(cpus->len, 1);
	ck_assert_uint_eq(nth(cpus, 0)->number, 1);
	ck_assert_uint_eq(nth(cpus, 0)->thread.v, 0);
	ck_assert_uint_eq(nth(cpus, 0)->eprocess.v, 0);
	ck_assert(!nt_cpu_is_idle(nth(cpus, 0)));
	hand_clear(&h);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-cpus");
	TCase *made = unit_case(suite, "made");
	TCase *hand = unit_case(suite, "hand");
	const int n = (int)G_N_ELEMENTS(wins);

	tcase_add_unchecked_fixture(made, setup, teardown);
	tcase_add_loop_test(made, test_block, 0, n);
	tcase_add_loop_test(made, test_notes, 0, n);
	tcase_add_loop_test(made, test_none, 0, n);
	tcase_add_loop_test(made, test_thread, 0, n);
	tcase_add_loop_test(made, test_processes, 0, n);
	tcase_add_test(hand, test_x86);
	tcase_add_test(hand, test_hostile_block);
	return unit_main(suite);
}
