/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Symbols in the Intermediate Symbol Format, the JSON that Volatility 3
 * makes of a PDB. Source: its schemas, versions 4 to 6.
 */
#ifndef NT_ISF_H
#define NT_ISF_H

#include "nt/pe.h"
#include "nt/symbols.h"

/*
 * Reads the text of one. path is only what the result says that it comes
 * from. NULL where the text is no ISF of a Windows kernel. (transfer full)
 */
NtSymbols *nt_isf_read(const char *path, const void *text, size_t len_bytes,
		       GError **error);
/* Which PDB it is of; false where it does not say so. */
bool nt_isf_id(const void *text, size_t len_bytes, struct nt_pdb_id *ret);
/* The library that parses it and its version. (transfer full) */
char *nt_isf_parser(void);

#endif
