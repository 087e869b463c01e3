/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processors: the low stub, interrupt table, KPCR and KPRCB. */
#include "config.h"

#include "lib/mkthread.h"
#include "lib/mkwin-priv.h"

/* HalpLowStub of x64 machines: where the processors start. */
#define STUB_JUMP UINT64_C(0x0000000100064de9)
#define STUB_ENTRY 0x70
#define STUB_CR0 0x90
#define STUB_CR3 0xa0

#define CR0 UINT64_C(0x80050033)
#define CR4 UINT64_C(0x000000000013f6f8)
#define CR4_NARROW UINT64_C(0x6d8)
#define CR4_PAE UINT64_C(0x20)
#define CR4_LA57 UINT64_C(0x1000)
#define IDT_ENTRIES 256
/* KPCR of the first processor of XP and 2003. */
#define KPCR_OLD UINT64_C(0xffdff000)

static uint64_t entry_point(MkWin *win)
{
	uint32_t rva = 0x1010;

	if (win->known)
		kernel_symbol(win->known, "KiSystemStartup", &rva);
	return (win->kernel.base + rva) & ~UINT64_C(3);
}

static void write_lowstub(MkWin *win)
{
	if (win->options.damage.no_lowstub || mk_is_32bit(win) ||
	    win->mode == MK_MODE_ARM64)
		return;
	mk_phys_write64(win->phys, MK_LOWSTUB, STUB_JUMP);
	mk_phys_write64(win->phys, MK_LOWSTUB + STUB_ENTRY, entry_point(win));
	mk_phys_write64(win->phys, MK_LOWSTUB + STUB_CR0, CR0);
	mk_phys_write64(win->phys, MK_LOWSTUB + STUB_CR3, win->kernel.dtb);
}

/* Interrupt gates to handlers in the kernel's text (SDM vol. 3, 6.11 and
 * 6.14.1). */
static uint64_t write_idt(MkWin *win)
{
	const uint64_t size = mk_is_32bit(win) ? 8 : 16;
	const uint64_t kind = mk_is_32bit(win) ? UINT64_C(0x8e0000080000)
					       : UINT64_C(0x8e0000100000);
	const uint64_t va =
		mk_pool_alloc(win, &win->nonpaged, IDT_ENTRIES * size, "MkId");

	for (uint64_t i = 0; i < IDT_ENTRIES; i++) {
		uint64_t to = win->kernel.base + 0x2000 + i * 0x10;

		mk_kwrite64(win, va + i * size,
			    (to & 0xffff) | kind |
				    (to & UINT64_C(0xffff0000)) << 32);
		if (size == 16)
			mk_kwrite64(win, va + i * size + 8, to >> 32);
	}
	return va;
}

static uint64_t cr4(const MkWin *win)
{
	switch (win->mode) {
	case MK_MODE_X86:
		return CR4_NARROW;
	case MK_MODE_PAE:
		return CR4_NARROW | CR4_PAE;
	case MK_MODE_AMD64:
	case MK_MODE_ARM64:
		break;
	case MK_MODE_LA57:
		return CR4 | CR4_LA57;
	}
	return CR4;
}

/* In the kernel's data on 32-bit machines, the first one; else in pool. */
static uint64_t place_kpcr(MkWin *win, size_t i)
{
	uint64_t va;

	if (mk_is_32bit(win) && i == 0) {
		va = KPCR_OLD;
		if (win->build >= MK_BUILD_VISTA)
			va = mk_symbol(win, "KiInitialPCR");
		return va;
	}
	return mk_pool_pages(win, &win->nonpaged, MK_KPCR_SIZE / MK_PAGE_SIZE);
}

/* KdVersionBlock is for old debuggers: not on x64 since 8. */
static void write_kpcr(MkWin *win, uint64_t va, size_t i, uint64_t idt)
{
	uint64_t prcb = va + mk_kpcr_prcb(win);

	mk_put_ptr(win, va, "_KPCR.IdtBase", idt);
	mk_put_ptr(win, va, "_KPCR.IDT", idt);
	if (i == 0 && (mk_is_32bit(win) || win->build < MK_BUILD_8))
		mk_put_ptr(win, va, "_KPCR.KdVersionBlock",
			   mk_symbol(win, "KdVersionBlock"));
	if (mk_has(win, "_KPCR.CurrentPrcb")) {
		mk_put_ptr(win, va, "_KPCR.Self", va);
		mk_put_ptr(win, va, "_KPCR.CurrentPrcb", prcb);
	} else {
		mk_put_ptr(win, va, "_KPCR.SelfPcr", va);
		mk_put_ptr(win, va, "_KPCR.Prcb", prcb);
	}
}

static void write_registers(MkWin *win, uint64_t prcb, const struct mk_cpu *cpu)
{
	uint64_t at = prcb;

	if (!mk_has(win, "_KPRCB.ProcessorState") ||
	    !mk_has(win, "_KSPECIAL_REGISTERS.Cr3"))
		return;
	at += mk_offset(win, "_KPRCB.ProcessorState");
	at += mk_offset(win, "_KPROCESSOR_STATE.SpecialRegisters");
	mk_put_ptr(win, at, "_KSPECIAL_REGISTERS.Cr0", cpu->cr0);
	mk_put_ptr(win, at, "_KSPECIAL_REGISTERS.Cr3", cpu->cr3);
	mk_put_ptr(win, at, "_KSPECIAL_REGISTERS.Cr4", cpu->cr4);
}

static void write_cpu(MkWin *win, size_t i, MkProc *running, uint64_t idt)
{
	const uint64_t va = place_kpcr(win, i);
	const uint64_t prcb = va + mk_kpcr_prcb(win);
	const uint8_t number = (uint8_t)i;
	struct mk_cpu *cpu = &win->cpus[i];

	cpu->cr0 = CR0;
	cpu->cr3 = running->info.dtb_raw;
	cpu->cr4 = cr4(win);
	cpu->rip = win->kernel.base + 0x2340;
	cpu->rsp = va + 0xf80;
	cpu->gs_base = va;
	cpu->idt_base = idt;
	cpu->gdt_base = va + 0xc00;
	write_kpcr(win, va, i, idt);
	if (mk_has(win, "_KPRCB.Number"))
		mk_kwrite(win, prcb + mk_offset(win, "_KPRCB.Number"), &number,
			  1);
	mk_put_ptr(win, prcb, "_KPRCB.CurrentThread", running->thread);
	mk_put_ptr(win, prcb, "_KPRCB.IdleThread", win->idle_threads[i]);
	if (win->kva)
		mk_put_ptr(win, prcb, "_KPRCB.KernelDirectoryTableBase",
			   cpu->cr3);
	write_registers(win, prcb, cpu);
	mk_thread_run(win, running, cpu, (unsigned int)i, prcb);
	mk_kwrite_ptr(win,
		      mk_symbol(win, "KiProcessorBlock") +
			      mk_pointer_bytes(win) * i,
		      prcb);
}

/* One that has a thread, for the second processor or a witness's sake. */
static MkProc *find_running(const MkWin *win)
{
	MkProc *last = g_ptr_array_index(win->procs, 0);

	for (guint i = 0; i < win->procs->len; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);

		if (proc->running)
			return proc;
		if (proc->info.threads > 0 && proc->paging)
			last = proc;
	}
	return last;
}

void mk_cpus_build(MkWin *win)
{
	MkProc *system = g_ptr_array_index(win->procs, 0);
	MkProc *other = find_running(win);
	const uint64_t idt = write_idt(win);

	/* Of ARM64 nobody knows where the KPRCB says so. */
	if (mk_has(win, "_KPRCB.CurrentThread")) {
		other->info.running = true;
		system->info.running |= win->n_cpus > 1;
	}
	for (size_t i = 0; i < win->n_cpus; i++)
		write_cpu(win, i, i + 1 < win->n_cpus ? system : other, idt);
	write_lowstub(win);
}
