/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the kernel's variables are: known addresses, or ones made up. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* Symbols whose places must be kept free, known or made up. */
static const char *const symbols[] = {
	"PsActiveProcessHead",
	"PspCidTable",
	"PsLoadedModuleList",
	"PsInitialSystemProcess",
	"PsIdleProcess",
	"KdDebuggerDataBlock",
	"KdVersionBlock",
	"ObTypeIndexTable",
	"ObHeaderCookie",
	"ObpKernelHandleTable",
	"HandleTableListHead",
	"PsNtosImageBase",
	"MmHighestUserAddress",
	"MmPfnDatabase",
	"MiState",
	"KiSystemStartup",
	"NtBuildNumber",
	"NtBuildLab",
	"NtBuildLabEx",
	"NtMajorVersion",
	"NtMinorVersion",
	"CmNtCSDVersion",
	"KeNumberProcessors",
	"KiProcessorBlock",
	"PoolBigPageTable",
	"MmSystemRangeStart",
	"MmUserProbeAddress",
	"KiInitialProcess",
	"KiInitialThread",
	"KiInitialPCR",
	"KdpDataBlockEncoded",
	"KiWaitNever",
	"KiWaitAlways",
	"MmPhysicalMemoryBlock",
	"MmPagingFile",
	"MmUnloadedDrivers",
	"MmLastUnloadedDriver",
	"ObpRootDirectoryObject",
	"PsProcessType",
	"PsThreadType",
	"KeServiceDescriptorTable",
	"MiSystemPartition",
	"PspHostSiloGlobals",
	"KdpDebuggerDataListHead",
	"MmSubsectionBase",
	"MmPagedPoolStart",
	"MmNonPagedPoolEnd",
	"ObpInfoMaskToOffset",
};

uint32_t mk_page_round(uint64_t value)
{
	return (uint32_t)((value + MK_PAGE_SIZE - 1) & ~(MK_PAGE_SIZE - 1));
}

static bool known_rva(const MkWin *win, const char *name, uint32_t *rva)
{
	return win->known && kernel_symbol(win->known, name, rva);
}

/* First pages at or after rva that no known symbol is in or just before. */
uint32_t mk_free_rva(const MkWin *win, uint32_t rva, uint32_t pages)
{
	/* With page files MiState and MiSystemPartition are in use. */
	const uint32_t margin = (win->options.page_files ? 8 : 3) *
				(uint32_t)MK_PAGE_SIZE;
	bool again = true;

	rva = mk_page_round(rva);
	while (again) {
		again = false;
		for (size_t i = 0; i < G_N_ELEMENTS(symbols); i++) {
			uint32_t at;

			if (!known_rva(win, symbols[i], &at) ||
			    at + margin < rva ||
			    at >= rva + pages * MK_PAGE_SIZE)
				continue;
			rva = mk_page_round(at + margin + 1);
			again = true;
		}
	}
	return rva;
}

uint64_t mk_symbol(MkWin *win, const char *name)
{
	struct mk_made_symbol made = {.name = name};
	uint32_t rva;

	if (known_rva(win, name, &rva))
		return win->kernel.base + rva;
	for (guint i = 0; i < win->made->len; i++) {
		made = g_array_index(win->made, struct mk_made_symbol, i);
		if (strcmp(made.name, name) == 0)
			return win->kernel.base + made.rva;
	}
	made = (struct mk_made_symbol){name, win->made_next};
	if (win->options.damage.lost_mask &&
	    (strcmp(name, "MiState") == 0 ||
	     strcmp(name, "MiInvalidPteMask") == 0)) {
		made.rva = mk_page_round(made.rva);
		win->made_next = made.rva + 2 * MK_PAGE_SIZE;
	}
	win->made_next += 0x420;
	if (strcmp(name, "MiState") == 0)
		win->made_next += win->options.page_files ? 0x6000 : 0x2c00;
	if (strcmp(name, "MiSystemPartition") == 0)
		win->made_next += 0x6400;
	if (strcmp(name, "ObTypeIndexTable") == 0)
		win->made_next += 0x400;
	if (strcmp(name, "KiInitialPCR") == 0) {
		made.rva = mk_page_round(made.rva);
		win->made_next = made.rva + MK_KPCR_SIZE + 0x40;
	}
	g_array_append_val(win->made, made);
	return win->kernel.base + made.rva;
}

void mk_symbols_grow(MkWin *win)
{
	uint32_t rva;

	for (size_t i = 0; i < G_N_ELEMENTS(symbols); i++)
		if (known_rva(win, symbols[i], &rva) &&
		    rva + 0x10000 > win->kernel.size)
			win->kernel.size = mk_page_round(rva + 0x40000);
}

const GArray *mk_win_symbols(MkWin *win)
{
	struct mk_symbol symbol;
	uint32_t rva;

	if (win->symbols)
		return win->symbols;
	win->symbols = g_array_new(FALSE, FALSE, sizeof(struct mk_symbol));
	for (size_t i = 0; i < G_N_ELEMENTS(symbols); i++)
		if (known_rva(win, symbols[i], &rva)) {
			symbol.name = symbols[i];
			symbol.va = win->kernel.base + rva;
			g_array_append_val(win->symbols, symbol);
		}
	for (guint i = 0; i < win->made->len; i++) {
		const struct mk_made_symbol *made =
			&g_array_index(win->made, struct mk_made_symbol, i);

		symbol.name = made->name;
		symbol.va = win->kernel.base + made->rva;
		g_array_append_val(win->symbols, symbol);
	}
	return win->symbols;
}
