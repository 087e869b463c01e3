/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's variables, its modules, the shared page. */
#include "config.h"

#include "lib/mkcounters.h"

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

struct version {
	uint32_t build; /* from it on */
	uint32_t major;
	uint32_t minor;
};

static const struct version *nt_version(const MkWin *win)
{
	static const struct version versions[] = {
		{10240, 10, 0}, {9600, 6, 3}, {9200, 6, 2}, {7600, 6, 1},
		{6000, 6, 0},	{3790, 5, 2}, {0, 5, 1},
	};
	size_t i = 0;

	while (win->build < versions[i].build)
		i++;
	return &versions[i];
}

static void set_symbol(MkWin *win, const char *name, uint64_t value)
{
	mk_kwrite_ptr(win, mk_symbol(win, name), value);
}

static void set_symbol32(MkWin *win, const char *name, uint32_t value)
{
	mk_kwrite32(win, mk_symbol(win, name), value);
}

static void write_variables(MkWin *win)
{
	const uint32_t build = win->kernel.build;
	const uint64_t highest = win->kernel.highest_user;
	g_autofree char *lab =
		g_strdup_printf("%u.1.%sfre.made_for_tests.200101-0000", build,
				win->mode == MK_MODE_ARM64 ? "arm64"
				: mk_is_32bit(win)	   ? "x86"
							   : "amd64");

	mk_list_init(win, win->kernel.active_head);
	set_symbol(win, "MmHighestUserAddress", highest);
	set_symbol(win, "MmUserProbeAddress", highest + 1);
	set_symbol(win, "MmSystemRangeStart", win->system_start);
	set_symbol(win, "PsNtosImageBase", win->kernel.base);
	set_symbol(win, "MmPagedPoolStart", win->paged.base);
	set_symbol(win, "MmSubsectionBase", win->nonpaged.base);
	if (win->options.states) {
		set_symbol(win, "MmNonPagedPoolStart", win->nonpaged.base);
		set_symbol(win, "MmNonPagedPoolEnd",
			   win->nonpaged.base + MK_NONPAGED_LEN);
	}
	set_symbol32(win, "NtBuildNumber", 0xf0000000 | build);
	set_symbol32(win, "KeNumberProcessors", (uint32_t)win->n_cpus);
	set_symbol32(win, "CmNtCSDVersion", build == 7601 ? 0x100 : 0);
	mk_kwrite(win, mk_symbol(win, "NtBuildLab"), lab, strlen(lab) + 1);
}

/* Where the kernel keeps its mask: in MiState, or (kernels before 1607, with
 * updates) in a variable. */
uint64_t mk_mask_va(MkWin *win)
{
	static const char path[] =
		"_MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask";

	if (!mk_has(win, "_MMPTE_SOFTWARE.SwizzleBit"))
		return 0;
	if (mk_has(win, path))
		return mk_symbol(win, "MiState") + mk_offset(win, path);
	return win->options.states ? mk_symbol(win, "MiInvalidPteMask") : 0;
}

/* L1TF: software PTEs carry a bit that no machine has memory for. */
static void write_pte_mask(MkWin *win)
{
	win->mask_va = mk_mask_va(win);
	if (!win->mask_va || win->options.no_mask)
		return;
	win->kernel.invalid_pte_mask = UINT64_C(1)
				       << (mk_is_32bit(win) ? 36 : 45);
	mk_kwrite64(win, win->mask_va, win->kernel.invalid_pte_mask);
}

/* _PHYSICAL_MEMORY_DESCRIPTOR: numbers as wide as a pointer from +8 (x64) or
 * +4 on. */
static void write_memory_block(MkWin *win)
{
	const uint64_t unit = mk_pointer_bytes(win);
	const struct mk_run *runs;
	uint64_t va, pages = 0;
	size_t n;

	runs = mk_phys_runs(win->phys, &n);
	va = mk_pool_alloc(win, &win->nonpaged, 2 * unit * (n + 1), "MmPh");
	for (size_t i = 0; i < n; i++) {
		uint64_t count = runs[i].len / MK_PAGE_SIZE;
		uint64_t at = va + 2 * unit * (i + 1);

		mk_kwrite_ptr(win, at, runs[i].start / MK_PAGE_SIZE);
		mk_kwrite_ptr(win, at + unit, count);
		pages += count;
	}
	mk_kwrite32(win, va, (uint32_t)n);
	mk_kwrite_ptr(win, va + unit, pages);
	set_symbol(win, "MmPhysicalMemoryBlock", va);
}

void mk_driver_add(MkWin *win, const char *name, uint64_t base, uint64_t size)
{
	g_autofree char *path =
		g_strconcat("\\SystemRoot\\system32\\", name, NULL);
	const uint64_t va = mk_pool_alloc(win, &win->nonpaged, 0xb0, "MmLd");

	mk_put_ptr(win, va, "_LDR_DATA_TABLE_ENTRY.DllBase", base);
	mk_put_ptr(win, va, "_LDR_DATA_TABLE_ENTRY.EntryPoint", base + 0x1010);
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
	mk_driver_add(win, "ntoskrnl.exe", win->kernel.base, win->kernel.size);
	mk_driver_add(win, "hal.dll", hal, 0x8000);
	if (win->options.modules) {
		mk_ldr_drivers(win, hal + 0x20000);
		mk_ldr_unloaded(win);
	}
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
	set_time(page, KUSER_INTERRUPT_TIME, MK_UPTIME);
	set_time(page, KUSER_SYSTEM_TIME, win->time);
	set32(page, KUSER_IMAGE_NUMBER, mk_machine(win) * 0x10001u);
	for (size_t i = 0; i < sizeof(root); i++)
		page[KUSER_SYSTEM_ROOT + 2 * i] = (uint8_t)root[i];
	if (win->build >= 10240)
		set32(page, KUSER_BUILD, 0xf0000000 | win->kernel.build);
	set32(page, KUSER_PRODUCT_TYPE, 1);
	set32(page, KUSER_PRODUCT_TYPE + 4, 1);
	set32(page, KUSER_MAJOR, nt_version(win)->major);
	set32(page, KUSER_MINOR, nt_version(win)->minor);
	set32(page, KUSER_PHYSICAL_PAGES,
	      (uint32_t)(win->options.size_mib * MK_MIB / MK_PAGE_SIZE));
	mk_phys_write(win->phys, win->kuser_pa, page, sizeof(page));
	mk_paging_map(win->paging, mk_kuser_va(win), win->kuser_pa,
		      MK_PAGE_SIZE, mk_kernel_rights(win, mk_kuser_va(win)));
}

void mk_data_build(MkWin *win)
{
	win->kernel.active_head = mk_symbol(win, "PsActiveProcessHead");
	write_variables(win);
	write_pte_mask(win);
	write_memory_block(win);
	if (win->options.page_files)
		mk_memory_write(win);
	write_modules(win);
	write_kuser(win);
}
