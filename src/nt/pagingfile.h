/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows' own table of paging files: which file is meant by the number in a
 * page table entry, and which number is that of the compressed store.
 *
 * Where it is (symbol tables of 7 to 11, type data of XP to 11 24H2):
 * MmPagingFile, an array of 16 pointers to _MMPAGING_FILE, up to 8.1; from 10
 * on the same array in MiSystemPartition (_MI_PARTITION.Vp.PagingFile), and a
 * tree of those that are files in MiState (_MI_SYSTEM_INFORMATION.PagingIo.
 * PageFileHead). An entry counts where it says of itself the number that it is
 * the entry of.
 */
#ifndef NT_PAGINGFILE_H
#define NT_PAGINGFILE_H

#include "image/pagefile.h"
#include "nt/kernel.h"

struct nt_paging_file {
	unsigned number;	/* below PAGE_FILES_MAX */
	bool is_virtual;	/* of the compressed store: no file at all */
	char *name;	/* "\??\C:\pagefile.sys": UTF-8, nothing escaped; of
			 * the file object ("\pagefile.sys") where the other is
			 * not in memory; NULL where it has none */
	uint64_t pages;	/* its size now */
	VirtAddr va;	/* of its _MMPAGING_FILE */
};

/*
 * The table as it was found when the kernel was: ascending by number, empty
 * where it was not found or has no entry. how, which may be NULL: NULL where
 * it was not found, else what it was found by (static): "MmPagingFile",
 * "MiSystemPartition", "MiState", "search". (transfer full) of struct
 * nt_paging_file; unref it, and do not change it.
 */
GArray *nt_paging_files(const NtKernel *kernel, const char **how);
/* The same, read now. */
GArray *nt_paging_files_find(const NtKernel *kernel, const char **how);
/* Reads it for nt_paging_files(). Part of nt_kernel_find(). */
void nt_paging_files_keep(NtKernel *kernel);

/* The entry of a number in such a table; NULL where it has none. Borrowed. */
const struct nt_paging_file *nt_paging_file_get(const GArray *table,
						unsigned number);

/* Part of nt_profile_fill(). */
void nt_paging_layout_fill(const struct nt_source *source,
			   unsigned pointer_bytes,
			   struct nt_paging_layout *ret);

#endif
