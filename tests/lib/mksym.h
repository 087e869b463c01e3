/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Symbol files with known contents: what a built-in layout says of a kernel,
 * written as ISF or as PDB.
 */
#ifndef MKSYM_H
#define MKSYM_H

#include <glib.h>

#include "nt/layouts.h"

struct mk_address {
	const char *name;
	uint32_t rva;
};

/* What is to be written. */
struct mk_symbols {
	const struct nt_layout *layout; /* NULL: no types */
	const char *pdb;	/* name; NULL: ntkrnlmp.pdb */
	const char *guid;	/* 32 hex digits */
	uint32_t age;
	const struct mk_address *addresses;
	size_t n_addresses;
	/* Of a PDB. */
	uint32_t block_bytes;	/* 0: 4096 */
	bool scattered;		/* blocks of a stream in reverse order */
	bool rearranged;	/* the image was: addresses go through OMAP */
	bool old_names;		/* records of compilers before Visual C++ 7 */
	bool new_structs;	/* those since Visual Studio 2019 */
};

bool mk_pdb_write(const char *path, const struct mk_symbols *symbols,
		  GError **error);
bool mk_isf_write(const char *path, const struct mk_symbols *symbols,
		  GError **error);
/* The same into memory. (transfer full) */
GByteArray *mk_pdb_bytes(const struct mk_symbols *symbols);
GString *mk_isf_text(const struct mk_symbols *symbols);

/* Structures of a layout, those within others without a name. */
struct mk_member {
	char *name;
	uint32_t offset;
	uint8_t bit_pos, bit_len;
	const char *type; /* as layout_type(), or NULL: not known */
	struct mk_struct *within; /* its structure, or NULL */
};
struct mk_struct {
	char *name;	/* or NULL */
	unsigned int number; /* of one without a name: no other has it */
	uint32_t size;	/* 0: not known */
	GArray *members; /* struct mk_member */
};
/* (transfer full), of struct mk_struct; NULL layout: none. */
GPtrArray *mk_structs_new(const struct nt_layout *layout);
/* Bytes of a pointer of the layout's kernel. */
unsigned int mk_layout_pointer(const struct nt_layout *layout);
/* IMAGE_FILE_HEADER.Machine; x64 where there is no layout. */
unsigned int mk_layout_machine(const struct nt_layout *layout);

#endif
