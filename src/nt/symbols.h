/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The symbols of one kernel as read from a file (ISF, PDB): members of the
 * structures that a profile asks for, and addresses of variables. Names are
 * those of the PDB, as in layouts.h.
 */
#ifndef NT_SYMBOLS_H
#define NT_SYMBOLS_H

#include <glib.h>

#include "nt/layouts.h"

typedef struct NtSymbols NtSymbols;

/* An empty set. path: the file it comes from, kind: "ISF" or "PDB" (static).
 * (transfer full) */
NtSymbols *nt_symbols_new(const char *path, const char *kind);
void nt_symbols_free(NtSymbols *symbols);

/* Which PDB it is of: guid is 32 hex digits, name that of the PDB. */
void nt_symbols_set_id(NtSymbols *symbols, const char *name, const char *guid,
		       uint32_t age);
void nt_symbols_set_arch(NtSymbols *symbols, enum nt_arch arch);
/* The first value given for a name is kept. */
void nt_symbols_add_field(NtSymbols *symbols, const char *path,
			  struct nt_field field);
void nt_symbols_add_size(NtSymbols *symbols, const char *type, uint32_t size);
void nt_symbols_add_type(NtSymbols *symbols, const char *path,
			 const char *type);
void nt_symbols_add_address(NtSymbols *symbols, const char *name,
			    uint32_t rva);

const char *nt_symbols_path(const NtSymbols *symbols);
/* Its last part, escaped so that it can be part of a line of text. */
const char *nt_symbols_name(const NtSymbols *symbols);
const char *nt_symbols_kind(const NtSymbols *symbols);
const char *nt_symbols_pdb(const NtSymbols *symbols);  /* or "" */
const char *nt_symbols_guid(const NtSymbols *symbols); /* or "" */
uint32_t nt_symbols_age(const NtSymbols *symbols);
enum nt_arch nt_symbols_arch(const NtSymbols *symbols);

/* As layout_field() and its kin; false, NULL where the file has no such. */
bool nt_symbols_field(const NtSymbols *symbols, const char *path,
		      struct nt_field *ret);
bool nt_symbols_size(const NtSymbols *symbols, const char *type,
		     uint32_t *ret);
const char *nt_symbols_type(const NtSymbols *symbols, const char *path);
bool nt_symbols_address(const NtSymbols *symbols, const char *name,
			uint32_t *rva);
/* How many structure members and addresses it has. */
size_t nt_symbols_n_fields(const NtSymbols *symbols);
size_t nt_symbols_n_addresses(const NtSymbols *symbols);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtSymbols, nt_symbols_free)

#endif
