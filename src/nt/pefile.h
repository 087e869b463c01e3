/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file that an image in memory was made of, as far as it can be had: how
 * headers and sections lie in it. A plan only: bytes are fetched by others.
 */
#ifndef NT_PEFILE_H
#define NT_PEFILE_H

#include "vtop/vtop.h"

/* Sections that Windows loads, at the most; what a table has beyond them is
 * left out. */
#define NT_PE_SECTIONS_MAX 96u

/* [off, off + len) of the file: the first `data` bytes are those at rva in
 * memory, the rest is not in memory. */
struct nt_pe_part {
	uint64_t off, len, rva, data;
};

struct nt_pe_file {
	/* What stands in place of memory from offset patch_at on: from "PE\0\0"
	 * to the end of the section table; owned. */
	GByteArray *patch;
	uint64_t patch_at;
	uint64_t headers;	/* bytes at the start that are as in memory,
				 * but for the patch */
	GArray *parts;		/* struct nt_pe_part, ascending, apart; owned */
	uint64_t size;		/* of the file */
	bool is_rebuilt;	/* the header's own offsets make no sense, and
				 * were replaced */
};

/*
 * Plans the file of the image at base, size bytes in memory. False where there
 * are no headers. The offsets and sizes of sections are the header's own where
 * they can be those of a file; else they follow each other, as much of each as
 * is in memory. ImageBase is base, to which the code in memory was relocated;
 * the symbol table, which is never in memory, is no longer named, and section
 * names that lead to its strings ("/4") begin with "_". At most
 * NT_PE_SECTIONS_MAX parts, none beyond size, and the file is no longer than
 * twice the size and 2 MiB. ret is to be cleared.
 */
bool nt_pe_file_plan(const struct addr_space *as, uint64_t base,
		     uint64_t size, struct nt_pe_file *ret);
void nt_pe_file_clear(struct nt_pe_file *file);

#endif
