/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PDB says of the image that it is of: machine, age, sections, and its
 * symbols. Source: LLVM's "The PDB File Format" for the streams, cvinfo.h of
 * microsoft/microsoft-pdb for symbol records and OMAP.
 */
#ifndef NT_PDB_DBI_H
#define NT_PDB_DBI_H

#include "nt/pdb_msf.h"
#include "nt/symbols.h"

struct nt_dbi {
	uint32_t age;	  /* the one in the image's RSDS record */
	uint16_t machine; /* as in PE headers */
	/* Numbers of streams, MSF_NONE where there is none. */
	uint16_t symbols;
	uint16_t sections;	    /* headers of the image's sections */
	uint16_t original_sections; /* those before it was rearranged */
	uint16_t omap;		    /* from addresses then to those now */
};

/* False where there is no such stream, or it is damaged. */
bool nt_dbi_read(const NtMsf *msf, struct nt_dbi *ret);

/*
 * Adds the addresses of the symbols that are of use (nt_wanted_add()): publics
 * first, else what the compiler says of globals. On x86 names are undecorated
 * ("_Name", "_Name@4", "@Name@8"). None where there are no section headers.
 */
void nt_dbi_symbols(const NtMsf *msf, const struct nt_dbi *dbi,
		    NtSymbols *symbols);

#endif
