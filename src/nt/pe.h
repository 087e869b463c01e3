/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PE images as they lie in memory. Source: PE/COFF specification. */
#ifndef NT_PE_H
#define NT_PE_H

#include "vtop/vtop.h"

/* CV_INFO_PDB70, the "RSDS" record. */
struct nt_pdb_id {
	char name[64];	/* file name of the PDB, "" where there is none */
	char guid[33];	/* 32 upper-case hex digits, as in a symbol path */
	uint32_t age;
};

struct nt_pe {
	VirtAddr base;
	uint16_t machine;
	uint32_t timestamp;
	uint32_t size;		/* SizeOfImage, bytes */
	uint16_t os_major, os_minor; /* MajorOperatingSystemVersion */
	uint32_t export_rva, export_size;
	uint32_t debug_rva, debug_size;
};

/* Reads the headers at base; false where there is no PE image. */
bool nt_pe_read(const struct addr_space *as, VirtAddr base,
		struct nt_pe *ret);
/* The RSDS record by the debug directory; false where it is not there. */
bool nt_pe_pdb(const struct addr_space *as, const struct nt_pe *pe,
	       struct nt_pdb_id *ret);
/* An RSDS record at va. */
bool nt_pdb_id_read(const struct addr_space *as, VirtAddr va,
		    struct nt_pdb_id *ret);
/* Parses one out of bytes that begin with "RSDS". */
bool nt_pdb_id_parse(const uint8_t *bytes, size_t len_bytes,
		     struct nt_pdb_id *ret);
/* A GUID as it lies in memory (16 bytes) in hex digits, as in pdb_id. */
void nt_pdb_guid_format(const uint8_t guid[16], char ret[33]);
/* Is this the name of a Windows kernel's PDB? */
bool nt_pdb_is_kernel(const char *name);
/* The name that the export directory gives the image ("ntoskrnl.exe"). */
bool nt_pe_export_name(const struct addr_space *as, const struct nt_pe *pe,
		       char *ret, size_t size);
/* Address of an export; false where it is not found. */
bool nt_pe_export(const struct addr_space *as, const struct nt_pe *pe,
		  const char *name, VirtAddr *ret);

#endif
