/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What any PE image in memory says of itself: its headers, the record of its
 * PDB, its version. All through an address space, so what is not in memory is
 * not known; all of it may be hostile, so nothing is believed beyond what its
 * reader checks. Source: PE/COFF specification; VS_VERSIONINFO and
 * VS_FIXEDFILEINFO (Microsoft, menu and other resources).
 */
#ifndef NT_PEINFO_H
#define NT_PEINFO_H

#include "vtop/vtop.h"

enum {
	NT_PE_DIRS = 16,	 /* data directories that have a meaning */
	NT_PE_DIR_EXPORT = 0,
	NT_PE_DIR_RESOURCE = 2,
	NT_PE_DIR_SECURITY = 4, /* its address is an offset in the file */
	NT_PE_DIR_DEBUG = 6,
	NT_PE_SECTION_BYTES = 40,
	NT_PE_VERSION_WORDS = 13,
};

/* Headers, as they stand. Offsets are from the base, sizes in bytes. */
struct nt_pe_head {
	uint32_t lfanew;	/* of "PE\0\0" */
	uint16_t machine, n_sections, optional_bytes, characteristics;
	uint32_t timestamp;
	bool is_64;		/* PE32+ */
	uint32_t entry;
	uint64_t image_base;
	uint32_t section_align, file_align;
	uint32_t size_of_image, size_of_headers, checksum;
	uint16_t subsystem;
	struct {
		uint32_t rva, size;
	} dir[NT_PE_DIRS];	/* 0, 0: there is none */
	uint32_t sections;	/* of the section table */
};

/* A row of the section table. */
struct nt_pe_section {
	char name[9];		/* bytes as they are, NUL behind */
	uint32_t size, rva;	/* in memory */
	uint32_t raw_size, raw;	/* in the file */
	uint32_t characteristics;
};

/* False where there are no headers of a PE image at base, or not as far as
 * the data directories that it has. */
bool nt_pe_head_read(const struct addr_space *as, uint64_t base,
		     struct nt_pe_head *ret);

/* Row `index` of the section table; false where it is not in memory. */
bool nt_pe_section_read(const struct addr_space *as, uint64_t base,
			const struct nt_pe_head *head, uint16_t index,
			struct nt_pe_section *ret);

struct nt_pe_facts {
	uint16_t machine;
	uint32_t timestamp, size_of_image, checksum;
	bool is_64;
	/* CV_INFO_PDB70, the "RSDS" record. */
	bool has_rsds;
	uint8_t guid[16];	/* as it lies in memory */
	uint32_t age;
	char *pdb;		/* UTF-8, not escaped; NULL: not in memory */
	/* VS_FIXEDFILEINFO, little-endian words; [2] and [3] are the version
	 * of the file, [4] and [5] that of the product. */
	bool has_version;
	uint32_t version[NT_PE_VERSION_WORDS];
};

/* All that is known of the image at base; false where there is none. Bounded:
 * some thousand small reads at the most. ret is to be cleared. */
bool nt_pe_facts_read(const struct addr_space *as, uint64_t base,
		      struct nt_pe_facts *ret);
void nt_pe_facts_clear(struct nt_pe_facts *facts);

#endif
