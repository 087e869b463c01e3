/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The types of a PDB: its stream of CodeView type records. Source: cvinfo.h
 * of microsoft/microsoft-pdb for the records, LLVM's "The PDB File Format"
 * for the stream.
 */
#ifndef NT_PDB_TPI_H
#define NT_PDB_TPI_H

#include "nt/symfill.h"

typedef struct NtTpi NtTpi;

/* stream: the whole stream, taken a reference of. At most 2^20 types are
 * known, what is behind damage is not. NULL where it is no such stream.
 * (transfer full) */
NtTpi *nt_tpi_new(GBytes *stream);
void nt_tpi_free(NtTpi *tpi);
/* How to ask for types in it; borrows tpi. */
struct nt_types nt_tpi_types(NtTpi *tpi);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtTpi, nt_tpi_free)

#endif
