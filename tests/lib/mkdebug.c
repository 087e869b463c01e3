/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debugger's data block, plain or encoded, and its version block. */
#include "config.h"

#include "lib/mkwin-priv.h"

#define KDBG_LIST 0x00
#define KDBG_TAG 0x10
#define KDBG_SIZE 0x14

static uint32_t kdbg_size(uint32_t build)
{
	static const struct {
		uint32_t build; /* from it on */
		uint32_t size;
	} sizes[] = {
		{17763, 0x380}, {14393, 0x368}, {9200, 0x360}, {7600, 0x340},
		{6001, 0x330},	{6000, 0x328},	{3790, 0x318}, {0, 0x290},
	};
	size_t i = 0;

	while (build < sizes[i].build)
		i++;
	return sizes[i].size;
}

/* Pointers have 64 bits everywhere; those of 32 are sign-extended. */
static uint64_t extend(const MkWin *win, uint64_t va)
{
	return mk_is_32bit(win) ? (uint64_t)(int64_t)(int32_t)va : va;
}

static void put64(MkWin *win, const char *name, uint64_t value)
{
	uint32_t at;

	if (kdbg_field(name, &at) && at + 8 <= kdbg_size(win->build))
		mk_kwrite64(win, win->kernel.kdbg + at, value);
}

static void put16(MkWin *win, const char *name, uint32_t value)
{
	const uint16_t half = GUINT16_TO_LE((uint16_t)value);
	uint32_t at;

	if (kdbg_field(name, &at) && at + 2 <= kdbg_size(win->build))
		mk_kwrite(win, win->kernel.kdbg + at, &half, sizeof(half));
}

/* Where the structure has the member; else it stays 0. */
static void put_offset(MkWin *win, const char *name, const char *path)
{
	if (mk_has(win, path))
		put16(win, name, mk_offset(win, path));
}

static void put_offsets(MkWin *win)
{
	static const struct {
		const char *name;
		const char *path;
	} list[] = {
		{"OffsetEprocessPeb", "_EPROCESS.Peb"},
		{"OffsetEprocessParentCID",
		 "_EPROCESS.InheritedFromUniqueProcessId"},
		{"OffsetEprocessDirectoryTableBase",
		 "_KPROCESS.DirectoryTableBase"},
		{"OffsetPrcbCurrentThread", "_KPRCB.CurrentThread"},
		{"OffsetPrcbNumber", "_KPRCB.Number"},
		{"OffsetKThreadTeb", "_KTHREAD.Teb"},
		{"OffsetKThreadKernelStack", "_KTHREAD.KernelStack"},
		{"OffsetKThreadInitialStack", "_KTHREAD.InitialStack"},
		{"OffsetKThreadState", "_KTHREAD.State"},
		{"OffsetPcrSelfPcr", "_KPCR.Self"},
		{"OffsetPcrSelfPcr", "_KPCR.SelfPcr"},
		{"OffsetPcrContainedPrcb", "_KPCR.PrcbData"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(list); i++)
		put_offset(win, list[i].name, list[i].path);
	put16(win, "SizeEProcess", mk_type_size(win, "_EPROCESS"));
	put16(win, "SizeEThread", mk_ethread_size(win));
	if (mk_has(win, "_KTHREAD.ApcState") &&
	    mk_has(win, "_KAPC_STATE.Process"))
		put16(win, "OffsetKThreadApcProcess",
		      mk_offset(win, "_KTHREAD.ApcState") +
			      mk_offset(win, "_KAPC_STATE.Process"));
	if (mk_has(win, "_KPRCB.ProcessorState") &&
	    mk_has(win, "_KPROCESSOR_STATE.SpecialRegisters"))
		put16(win, "OffsetPrcbProcStateSpecialReg",
		      mk_offset(win, "_KPRCB.ProcessorState") +
			      mk_offset(win,
					"_KPROCESSOR_STATE.SpecialRegisters"));
}

static void put_variables(MkWin *win)
{
	static const char *const names[] = {
		"PsLoadedModuleList",
		"PsActiveProcessHead",
		"PspCidTable",
		"MmHighestUserAddress",
		"MmSystemRangeStart",
		"MmUserProbeAddress",
		"NtBuildLab",
		"CmNtCSDVersion",
		"KiProcessorBlock",
		"MmPhysicalMemoryBlock",
		"MmPagedPoolStart",
		"MmNonPagedPoolEnd",
		"MmSubsectionBase",
		"MmPfnDatabase",
		"MmUnloadedDrivers",
		"MmLastUnloadedDriver",
		"ObpRootDirectoryObject",
	};

	put64(win, "KernBase", extend(win, win->kernel.base));
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		put64(win, names[i], extend(win, mk_symbol(win, names[i])));
	if (win->options.states)
		put64(win, "MmNonPagedPoolStart",
		      extend(win, mk_symbol(win, "MmNonPagedPoolStart")));
	put64(win, "MmPageSize", MK_PAGE_SIZE);
}

/* The kernel has the block in a list of one; the entry is a LIST_ENTRY64 in
 * name only. */
static void write_kdbg(MkWin *win)
{
	const uint64_t va = win->kernel.kdbg;
	const uint64_t head = mk_symbol(win, "KdpDebuggerDataListHead");

	mk_list_init(win, head);
	mk_list_append(win, head, va + KDBG_LIST);
	mk_kwrite(win, va + KDBG_TAG, "KDBG", 4);
	mk_kwrite32(win, va + KDBG_SIZE, kdbg_size(win->build));
	put_variables(win);
	put_offsets(win);
}

/* _DBGKD_GET_VERSION64 */
static void write_version_block(MkWin *win)
{
	const uint64_t va = mk_symbol(win, "KdVersionBlock");

	mk_kwrite32(win, va, 0xf | win->kernel.build << 16);
	mk_kwrite32(win, va + 4, 0x00470006);
	mk_kwrite32(win, va + 8, mk_machine(win));
	mk_kwrite64(win, va + 0x10, extend(win, win->kernel.base));
	mk_kwrite64(win, va + 0x18,
		    extend(win, mk_symbol(win, "PsLoadedModuleList")));
	mk_kwrite64(win, va + 0x20,
		    extend(win, mk_symbol(win, "KdpDebuggerDataListHead")));
}

static uint64_t rotate_right(uint64_t value, unsigned int n)
{
	n &= 63;
	return n == 0 ? value : value >> n | value << (64 - n);
}

/*
 * What KdCopyDataBlock of x64 kernels from 8 on undoes: xor with KiWaitNever,
 * rotate left by it, xor with the address of KdpDataBlockEncoded, swap the
 * bytes, xor with KiWaitAlways.
 */
static void encode(MkWin *win)
{
	const uint64_t flag = mk_symbol(win, "KdpDataBlockEncoded");
	const uint64_t never = mk_random_next(&win->random);
	const uint64_t always = mk_random_next(&win->random);
	const uint32_t size = kdbg_size(win->build);

	mk_kwrite64(win, mk_symbol(win, "KiWaitNever"), never);
	mk_kwrite64(win, mk_symbol(win, "KiWaitAlways"), always);
	for (uint64_t at = win->kernel.kdbg; at < win->kernel.kdbg + size;
	     at += 8) {
		uint64_t value = mk_kread64(win, at) ^ always;

		value = GUINT64_SWAP_LE_BE(value) ^ flag;
		value = rotate_right(value, never & 0xff) ^ never;
		mk_kwrite64(win, at, value);
	}
	mk_kwrite(win, flag, "\x01", 1);
}

void mk_debug_build(MkWin *win)
{
	win->kernel.kdbg = mk_symbol(win, "KdDebuggerDataBlock");
	write_kdbg(win);
	write_version_block(win);
	win->kernel.kdbg_encoded = layout_arch(win->layout) == NT_ARCH_AMD64 &&
				   win->build >= MK_BUILD_8 &&
				   !win->options.plain_kdbg;
	if (win->kernel.kdbg_encoded)
		encode(win);
}

void mk_win_dump(MkWin *win, struct mk_dump *ret)
{
	*ret = (struct mk_dump){
		.is64 = !mk_is_32bit(win),
		.pae = win->mode == MK_MODE_PAE,
		.dtb = win->kernel.dtb,
		.active_head = win->kernel.active_head,
		.module_list = mk_symbol(win, "PsLoadedModuleList"),
		.kdbg = win->kernel.kdbg,
		.machine = mk_machine(win),
		.processors = G_N_ELEMENTS(win->cpus),
		.time = win->kernel.time,
	};
}
