/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files with a kernel's symbols: by name, and in folders. */
#ifndef NT_SYMFILE_H
#define NT_SYMFILE_H

#include "base/log.h"
#include "image/io.h"
#include "nt/pe.h"
#include "nt/symbols.h"

/* A PDB, or ISF as plain JSON, .xz or .gz; which of them is told by what is
 * in it. Reads in (transfer full); the message of an error names the file. */
NtSymbols *nt_symfile_load(const char *path, GError **error);
/* The same of bytes that are already open; io is borrowed for the call. */
NtSymbols *nt_symfile_load_io(const char *path, const ImageIo *io,
			      GError **error);

/* Are these the symbols of that PDB: same GUID and age? */
bool nt_symfile_fits(const NtSymbols *symbols, const struct nt_pdb_id *id);

/*
 * Looks in a folder for the symbols of a PDB. First by name:
 *
 *	NAME.pdb, NAME.pdb/GUIDAGE/NAME.pdb	(symbol server; age in hex)
 *	GUID-AGE.json, NAME.pdb/GUID-AGE.json, windows/NAME.pdb/GUID-AGE.json
 *						(Volatility; also .xz, .gz)
 *
 * then among at most 64 other .pdb and .json files of the folder. What does
 * not fit is never used, and the log says so where its name was right. NULL
 * where there is none. (transfer full)
 */
NtSymbols *nt_symfile_find(const char *dir, const struct nt_pdb_id *id,
			   Log *log);

#endif
