/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symbols of a kernel's PDB file. */
#ifndef NT_PDB_H
#define NT_PDB_H

#include "image/io.h"
#include "nt/pe.h"
#include "nt/symbols.h"

/* Reads one out of io; path is what the result says that it comes from, and
 * its last part the name of the PDB. NULL where it is no PDB, damaged, or of
 * another machine. (transfer full) */
NtSymbols *nt_pdb_read(const char *path, const ImageIo *io, GError **error);
/* Its GUID and the age that an image's record has (which is that of the DBI
 * stream); no name. Cheap. */
bool nt_pdb_read_id(const ImageIo *io, struct nt_pdb_id *ret);

#endif
