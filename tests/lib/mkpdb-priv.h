/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the PDB builder share. */
#ifndef MKPDB_PRIV_H
#define MKPDB_PRIV_H

#include "lib/mksym.h"

void mk_pdb_u16(GByteArray *out, unsigned int value);
void mk_pdb_u32(GByteArray *out, uint32_t value);
void mk_pdb_zeros(GByteArray *out, size_t len);
/* With a NUL behind, or its length in front. */
void mk_pdb_name(GByteArray *out, const char *name, bool counted);

/* The stream of types. */
void mk_pdb_put_types(GByteArray *out, const struct mk_symbols *symbols);

#endif
