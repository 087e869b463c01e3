/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's variables, debugger block, shared page, and processors. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* _KUSER_SHARED_DATA: the same in every version. */
#define KUSER_TICK_MULTIPLIER 0x04
#define KUSER_INTERRUPT_TIME 0x08
#define KUSER_SYSTEM_TIME 0x14
#define KUSER_IMAGE_NUMBER 0x2c
#define KUSER_SYSTEM_ROOT 0x30
#define KUSER_BUILD 0x260
#define KUSER_PRODUCT_TYPE 0x264
#define KUSER_MAJOR 0x26c
#define KUSER_MINOR 0x270
#define KUSER_PHYSICAL_PAGES 0x2e8

/* HalpLowStub of x64 machines: where the processors start. */
#define STUB_JUMP UINT64_C(0x0000000100064de9)
#define STUB_ENTRY 0x70
#define STUB_CR0 0x90
#define STUB_CR3 0xa0

#define CR0 UINT64_C(0x80050033)
#define CR4 UINT64_C(0x000000000013f6f8)
#define IDT_ENTRIES 256
#define KPCR_SIZE 0x1000

static uint32_t nt_major(const MkWin *win)
{
	return win->kernel.build >= 10240 ? 10 : 6;
}

static uint32_t nt_minor(const MkWin *win)
{
	if (win->kernel.build >= 10240)
		return 0;
	return win->kernel.build >= 9600   ? 3
	       : win->kernel.build >= 9200 ? 2
					   : 1;
}

static void set_symbol64(MkWin *win, const char *name, uint64_t value)
{
	mk_kwrite64(win, mk_symbol(win, name), value);
}

static void set_symbol32(MkWin *win, const char *name, uint32_t value)
{
	mk_kwrite32(win, mk_symbol(win, name), value);
}

static void write_variables(MkWin *win)
{
	const uint32_t build = win->kernel.build;
	const uint64_t highest = win->kernel.highest_user;
	g_autofree char *lab = g_strdup_printf(
		"%u.1.amd64fre.made_for_tests.200101-0000", build);

	mk_list_init(win, win->kernel.active_head);
	set_symbol64(win, "MmHighestUserAddress", highest);
	set_symbol64(win, "MmUserProbeAddress", highest + 1);
	set_symbol64(win, "MmSystemRangeStart", UINT64_C(0xffff800000000000));
	set_symbol64(win, "PsNtosImageBase", win->kernel.base);
	set_symbol32(win, "NtBuildNumber", 0xf0000000 | build);
	set_symbol32(win, "KeNumberProcessors", G_N_ELEMENTS(win->cpus));
	set_symbol32(win, "CmNtCSDVersion", build == 7601 ? 0x100 : 0);
	set_symbol32(win, "KdpDataBlockEncoded", 0);
	if (build >= 10240)
		set_symbol32(win, "ObHeaderCookie", MK_OB_COOKIE);
	mk_kwrite(win, mk_symbol(win, "NtBuildLab"), lab, strlen(lab) + 1);
}

/* L1TF: software PTEs carry a bit that no machine has memory for. */
static void write_pte_mask(MkWin *win)
{
	static const char path[] =
		"_MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask";

	if (!mk_has(win, "_MMPTE_SOFTWARE.SwizzleBit") || !mk_has(win, path))
		return;
	win->kernel.invalid_pte_mask = UINT64_C(1) << 45;
	mk_put64(win, mk_symbol(win, "MiState"), path,
		 win->kernel.invalid_pte_mask);
}

/* _PHYSICAL_MEMORY_DESCRIPTOR64 */
static void write_memory_block(MkWin *win)
{
	const struct mk_run *runs;
	uint64_t va, pages = 0;
	size_t n;

	runs = mk_phys_runs(win->phys, &n);
	va = mk_pool_alloc(win, &win->nonpaged, 0x10 + n * 0x10, "MmPh");
	for (size_t i = 0; i < n; i++) {
		uint64_t count = runs[i].len / MK_PAGE_SIZE;

		mk_kwrite64(win, va + 0x10 + i * 0x10,
			    runs[i].start / MK_PAGE_SIZE);
		mk_kwrite64(win, va + 0x18 + i * 0x10, count);
		pages += count;
	}
	mk_kwrite32(win, va, (uint32_t)n);
	mk_kwrite64(win, va + 8, pages);
	set_symbol64(win, "MmPhysicalMemoryBlock", va);
}

static uint32_t kdbg_size(uint32_t build)
{
	if (build < 9200)
		return 0x340;
	if (build < MK_BUILD_1607)
		return 0x360;
	return build < 17763 ? 0x368 : 0x380;
}

static void put_kdbg64(MkWin *win, const char *name, uint64_t value)
{
	uint32_t at;

	if (kdbg_field(name, &at))
		mk_kwrite64(win, win->kernel.kdbg + at, value);
}

static void put_kdbg16(MkWin *win, const char *name, uint32_t value)
{
	const uint16_t half = GUINT16_TO_LE((uint16_t)value);
	uint32_t at;

	if (kdbg_field(name, &at))
		mk_kwrite(win, win->kernel.kdbg + at, &half, sizeof(half));
}

/* Header: a list of one, the tag, the size. Not encoded, as in a dump. */
static void write_kdbg(MkWin *win)
{
	static const char *const names[] = {
		"PsLoadedModuleList",	"PsActiveProcessHead",
		"MmHighestUserAddress", "MmSystemRangeStart",
		"MmUserProbeAddress",	"NtBuildLab",
		"CmNtCSDVersion",	"MmPhysicalMemoryBlock",
	};
	const uint64_t va = win->kernel.kdbg;

	mk_list_init(win, va);
	mk_kwrite(win, va + 0x10, "KDBG", 4);
	mk_kwrite32(win, va + 0x14, kdbg_size(win->kernel.build));
	put_kdbg64(win, "KernBase", win->kernel.base);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		put_kdbg64(win, names[i], mk_symbol(win, names[i]));
	put_kdbg64(win, "MmPageSize", MK_PAGE_SIZE);
	put_kdbg16(win, "SizeEProcess", mk_type_size(win, "_EPROCESS"));
	put_kdbg16(win, "OffsetEprocessPeb", mk_offset(win, "_EPROCESS.Peb"));
	put_kdbg16(win, "OffsetEprocessParentCID",
		   mk_offset(win, "_EPROCESS.InheritedFromUniqueProcessId"));
	put_kdbg16(win, "OffsetEprocessDirectoryTableBase",
		   mk_offset(win, "_KPROCESS.DirectoryTableBase"));
}

/* _DBGKD_GET_VERSION64 */
static void write_version_block(MkWin *win)
{
	const uint64_t va = mk_symbol(win, "KdVersionBlock");

	mk_kwrite32(win, va, 0xf | win->kernel.build << 16);
	mk_kwrite32(win, va + 4, 0x00470006);
	mk_kwrite32(win, va + 8, 0x8664);
	mk_kwrite64(win, va + 0x10, win->kernel.base);
	mk_kwrite64(win, va + 0x18, mk_symbol(win, "PsLoadedModuleList"));
	mk_kwrite64(win, va + 0x20, win->kernel.kdbg);
}

static void add_module(MkWin *win, const char *name, uint64_t base,
		       uint64_t size)
{
	g_autofree char *path =
		g_strconcat("\\SystemRoot\\system32\\", name, NULL);
	const uint64_t va = mk_pool_alloc(win, &win->nonpaged, 0xb0, "MmLd");

	mk_put64(win, va, "_LDR_DATA_TABLE_ENTRY.DllBase", base);
	mk_put64(win, va, "_LDR_DATA_TABLE_ENTRY.EntryPoint", base + 0x1010);
	mk_put32(win, va, "_LDR_DATA_TABLE_ENTRY.SizeOfImage", (uint32_t)size);
	mk_put_unicode(win,
		       va + mk_offset(win, "_LDR_DATA_TABLE_ENTRY.FullDllName"),
		       path);
	mk_put_unicode(win,
		       va + mk_offset(win, "_LDR_DATA_TABLE_ENTRY.BaseDllName"),
		       name);
	mk_list_append(win, mk_symbol(win, "PsLoadedModuleList"), va);
}

static void write_modules(MkWin *win)
{
	const uint64_t end = win->kernel.base + win->kernel.size;
	const uint64_t hal = (end + 4 * MK_LARGE_SIZE) & ~(MK_LARGE_SIZE - 1);

	mk_list_init(win, mk_symbol(win, "PsLoadedModuleList"));
	if (!mk_has(win, "_LDR_DATA_TABLE_ENTRY.DllBase"))
		return;
	mk_kwrite(win, hal, "MZ\x90", 3);
	add_module(win, "ntoskrnl.exe", win->kernel.base, win->kernel.size);
	add_module(win, "hal.dll", hal, 0x8000);
}

static void set32(uint8_t *page, size_t at, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	memcpy(page + at, &value, sizeof(value));
}

static void set_time(uint8_t *page, size_t at, uint64_t time)
{
	set32(page, at, (uint32_t)time);
	set32(page, at + 4, (uint32_t)(time >> 32));
	set32(page, at + 8, (uint32_t)(time >> 32));
}

static void write_kuser(MkWin *win)
{
	static const char root[] = "C:\\Windows";
	uint8_t page[MK_PAGE_SIZE] = {0};

	win->kuser_pa = mk_phys_page(win->phys);
	if (win->options.damage.no_kuser)
		return;
	set32(page, KUSER_TICK_MULTIPLIER, 0x0fa00000);
	set_time(page, KUSER_INTERRUPT_TIME, UINT64_C(0x1919254d38));
	set_time(page, KUSER_SYSTEM_TIME, win->time);
	set32(page, KUSER_IMAGE_NUMBER, 0x86648664);
	for (size_t i = 0; i < sizeof(root); i++)
		page[KUSER_SYSTEM_ROOT + 2 * i] = (uint8_t)root[i];
	if (win->kernel.build >= 10240)
		set32(page, KUSER_BUILD, 0xf0000000 | win->kernel.build);
	set32(page, KUSER_PRODUCT_TYPE, 1);
	set32(page, KUSER_PRODUCT_TYPE + 4, 1);
	set32(page, KUSER_MAJOR, nt_major(win));
	set32(page, KUSER_MINOR, nt_minor(win));
	set32(page, KUSER_PHYSICAL_PAGES,
	      (uint32_t)(win->options.size_mib * MK_MIB / MK_PAGE_SIZE));
	mk_phys_write(win->phys, win->kuser_pa, page, sizeof(page));
	mk_paging_map(win->paging, MK_KUSER_KERNEL, win->kuser_pa, MK_PAGE_SIZE,
		      mk_kernel_rights(win, MK_KUSER_KERNEL));
}

static void write_sessions(MkWin *win)
{
	uint32_t id = 8, list = 0x10;

	if (mk_has(win, "_MM_SESSION_SPACE.SessionId"))
		id = mk_offset(win, "_MM_SESSION_SPACE.SessionId");
	if (mk_has(win, "_MM_SESSION_SPACE.ProcessList"))
		list = mk_offset(win, "_MM_SESSION_SPACE.ProcessList");
	for (uint32_t i = 0; i < G_N_ELEMENTS(win->session); i++) {
		win->session[i] =
			mk_pool_alloc(win, &win->nonpaged, 0x100, "MmSe");
		mk_kwrite32(win, win->session[i], 1);
		mk_kwrite32(win, win->session[i] + id, i);
		mk_list_init(win, win->session[i] + list);
	}
}

void mk_data_build(MkWin *win)
{
	win->kernel.active_head = mk_symbol(win, "PsActiveProcessHead");
	win->kernel.kdbg = mk_symbol(win, "KdDebuggerDataBlock");
	write_variables(win);
	write_pte_mask(win);
	write_memory_block(win);
	write_modules(win);
	write_kdbg(win);
	write_version_block(win);
	write_kuser(win);
	write_sessions(win);
}

static uint64_t entry_point(MkWin *win)
{
	uint32_t rva = 0x1010;

	if (win->known)
		kernel_symbol(win->known, "KiSystemStartup", &rva);
	return (win->kernel.base + rva) & ~UINT64_C(3);
}

static void write_lowstub(MkWin *win)
{
	if (win->options.damage.no_lowstub)
		return;
	mk_phys_write64(win->phys, MK_LOWSTUB, STUB_JUMP);
	mk_phys_write64(win->phys, MK_LOWSTUB + STUB_ENTRY, entry_point(win));
	mk_phys_write64(win->phys, MK_LOWSTUB + STUB_CR0, CR0);
	mk_phys_write64(win->phys, MK_LOWSTUB + STUB_CR3, win->kernel.dtb);
}

/* Interrupt gates to handlers in the kernel's text (SDM vol. 3, 6.14.1). */
static uint64_t write_idt(MkWin *win)
{
	const uint64_t va =
		mk_pool_alloc(win, &win->nonpaged, IDT_ENTRIES * 16, "MkId");

	for (uint64_t i = 0; i < IDT_ENTRIES; i++) {
		uint64_t to = win->kernel.base + 0x2000 + i * 0x10;

		mk_kwrite64(win, va + i * 16,
			    (to & 0xffff) | UINT64_C(0x8e0000100000) |
				    (to & UINT64_C(0xffff0000)) << 32);
		mk_kwrite64(win, va + i * 16 + 8, to >> 32);
	}
	return va;
}

static void write_cpu(MkWin *win, size_t i, const MkProc *running, uint64_t idt)
{
	const uint64_t va =
		mk_pool_alloc(win, &win->nonpaged, KPCR_SIZE, "MkPc");
	const uint64_t prcb = va + mk_offset(win, "_KPCR.Prcb");
	struct mk_cpu *cpu = &win->cpus[i];

	mk_put64(win, va, "_KPCR.Self", va);
	mk_put64(win, va, "_KPCR.CurrentPrcb", prcb);
	mk_put64(win, va, "_KPCR.IdtBase", idt);
	mk_put64(win, va, "_KPCR.KdVersionBlock",
		 mk_symbol(win, "KdVersionBlock"));
	mk_put64(win, prcb, "_KPRCB.CurrentThread", running->thread);
	mk_kwrite64(win, mk_symbol(win, "KiProcessorBlock") + 8 * i, prcb);
	cpu->cr0 = CR0;
	cpu->cr3 = running->info.dtb_raw;
	cpu->cr4 = CR4;
	cpu->rip = win->kernel.base + 0x2340;
	cpu->rsp = va + KPCR_SIZE - 0x80;
	cpu->gs_base = va;
	cpu->idt_base = idt;
	cpu->gdt_base = va + 0xc00;
}

void mk_data_finish(MkWin *win)
{
	const MkProc *system = g_ptr_array_index(win->procs, 0);
	const MkProc *other = system;
	const uint64_t idt = write_idt(win);

	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *proc = g_ptr_array_index(win->procs, i);

		if (proc->info.threads > 0 && proc->paging)
			other = proc;
	}
	set_symbol64(win, "PsInitialSystemProcess", system->info.eprocess);
	write_cpu(win, 0, system, idt);
	write_cpu(win, 1, other, idt);
	write_lowstub(win);
}
