/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's own image in an address space: base, PE header, PDB. */
#ifndef NT_KIMAGE_H
#define NT_KIMAGE_H

#include "nt/layouts.h"
#include "nt/pe.h"
#include "nt/symbols.h"

struct nt_kimage {
	VirtAddr base;		/* 0: not known */
	bool base_certain;	/* by a header or by the symbols' agreement */
	bool has_pe;
	struct nt_pe pe;
	bool has_pdb;
	struct nt_pdb_id pdb;
	const struct nt_kernel *kernel;	/* known PDB, or NULL */
	const NtSymbols *symbols;	/* of a file, or NULL; borrowed */
	const struct nt_image *known;	/* known PE header, or NULL */
	const char *how;		/* static: how it was found */
};

/* At a base that is given: header and PDB as far as they are there. */
void nt_kimage_at(const struct addr_space *as, VirtAddr base,
		  struct nt_kimage *ret);

/*
 * Looks for a PE image that is a Windows kernel (by its PDB name, the name in
 * its export directory, or its time stamp and size) in the range where
 * kernels are loaded on such machines, around hint first (0: no hint).
 */
bool nt_kimage_find(const struct addr_space *as, uint64_t hint,
		    struct nt_kimage *ret);

/*
 * The same when the header is gone: by the RSDS record of the kernel. The
 * base then follows from the symbols (the one base at which
 * PsActiveProcessHead is a closed list), else from where mapped memory
 * begins, which is only a guess. Reads what is mapped in the range, within the
 * same bound as above.
 */
bool nt_kimage_find_rsds(const struct addr_space *as, struct nt_kimage *ret);

/* Is there a LIST_ENTRY at va whose successor points back at it? */
bool nt_list_closes(const struct addr_space *as, VirtAddr va);

/* Address of a kernel symbol: by the PDB's table, else by export. */
bool nt_kimage_symbol(const struct addr_space *as,
		      const struct nt_kimage *image, const char *name,
		      VirtAddr *ret);

#endif
