/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Modules: what the loader's lists in a process say, what its VADs say, and
 * where the two differ; of the kernel, its own list. The lists of a process
 * are in its own memory: it can write them as it likes.
 */
#ifndef NT_LDR_H
#define NT_LDR_H

#include "nt/eprocess.h"
#include "nt/kernel.h"

/* Who says that there is a module. */
enum nt_module_from {
	NT_MODULE_LDR = 1,	/* PEB.Ldr */
	NT_MODULE_LDR32 = 2,	/* that of the 32-bit PEB */
	NT_MODULE_VAD = 4,	/* a VAD that maps an image */
	NT_MODULE_MAPPING = 8,	/* another one that begins with PE headers */
	NT_MODULE_KERNEL = 16,	/* PsLoadedModuleList */
};

enum nt_module_mark {
	/* In no list, though all of them could be read to their ends. */
	NT_MODULE_VAD_ONLY = 1,
	/* In one of the two lists that have all modules, and not in the
	 * other, though that could be read to its end. */
	NT_MODULE_UNLINKED = 2,
	/* In a list, but no VAD has that address. */
	NT_MODULE_NO_VAD = 4,
	/* Memory of the process's own, where no loader puts an image. */
	NT_MODULE_PRIVATE = 8,
};

struct nt_module {
	uint64_t base, size;	/* bytes; size is capped by the VAD */
	char *name, *path;	/* UTF-8, not escaped; owned; NULL: not known */
	uint32_t timestamp, checksum; /* of the headers; 0: not in memory */
	uint64_t entry;		/* address; 0: not known */
	unsigned from, marks;	/* bits of the two above */
	bool has_head;		/* PE headers are there */
	uint64_t file_object;	/* of the VAD's section; 0: not known */
};

/* What became of the lists of a PEB. */
enum nt_ldr_state {
	NT_LDR_NONE,	/* there is no such PEB */
	NT_LDR_OK,	/* read to the end */
	NT_LDR_EMPTY,	/* Ldr is 0: nothing is loaded yet */
	NT_LDR_LOST,	/* the PEB or what Ldr points to is not in memory */
	NT_LDR_CUT,	/* a part of the lists is not in memory, or makes no
			 * sense */
};

struct nt_modules {
	GArray *modules;	/* struct nt_module, ascending by base */
	enum nt_ldr_state ldr, ldr32;
	bool is_cut;		/* there are more than NT_MODULES_MAX */
};

/* More are garbage. */
#define NT_MODULES_MAX 8192u

/*
 * The modules of a process. own: its address space as it is to be read (with
 * prototype PTEs where they are known); vads: struct nt_vad, ascending, or
 * NULL or empty: they are not known, and nothing is marked by them. ret is to
 * be cleared; it cannot fail.
 */
void nt_modules_read(const struct addr_space *own,
		     const struct nt_profile *profile,
		     const struct nt_process *process, const GArray *vads,
		     struct nt_modules *ret);

/* Drivers, by PsLoadedModuleList; ldr says whether it was found and read. */
void nt_modules_kernel(const NtKernel *kernel, struct nt_modules *ret);

void nt_modules_clear(struct nt_modules *modules);

#endif
