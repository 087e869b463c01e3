/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of an ISF made into tables: which PDB it is of, its structures,
 * their members and the types of those. The JSON itself is yajl's business.
 */
#ifndef NT_ISF_PARSE_H
#define NT_ISF_PARSE_H

#include "nt/pe.h"

/* What is to be told apart; others (base, enum, function) have a name. */
enum isf_kind {
	ISF_OTHER,
	ISF_STRUCT, /* also unions and classes */
	ISF_POINTER,
	ISF_ARRAY,
	ISF_BITFIELD,
};

/* Names are positions in struct isf.names, 0: none, or one that is too long
 * or has a NUL in it. References to types are 1 + the index, 0: none. */
struct isf_type {
	uint64_t count; /* of an array */
	uint64_t bit_pos, bit_len;
	uint32_t name;
	uint32_t inner; /* what it points at, is made of */
	enum isf_kind kind;
};

struct isf_member {
	uint64_t offset; /* UINT64_MAX: not told */
	uint32_t name;
	uint32_t type;
	bool anonymous;
};

struct isf_struct {
	uint64_t size_bytes; /* 0: not told */
	uint32_t name;
	uint32_t first, n_members; /* in struct isf.members */
};

/* What a text says; nothing of it is checked but its form. */
struct isf {
	GString *names;	 /* each ends with NUL */
	GArray *structs; /* struct isf_struct, in the order of the text */
	GArray *members; /* struct isf_member, together for each structure */
	GArray *types;	 /* struct isf_type */
	struct nt_pdb_id id;
	uint64_t machine; /* 0: not told */
	bool has_guid, has_age, has_structs;
};

void nt_isf_init(struct isf *isf);
void nt_isf_clear(struct isf *isf);

/* A symbol by its name, NUL-terminated, and its address (an RVA). */
typedef void (*isf_symbol_fn)(void *ctx, const char *name, uint64_t rva);

/*
 * Fills in an empty isf; fn sees each symbol as it comes, names of less than
 * 64 bytes only. Without fn, ends as soon as the PDB is known. Of keys that
 * come twice in an object the first counts. False where the text is no JSON,
 * or its parts are not what they should be or more than a kernel could have;
 * isf is to be cleared in any case.
 */
bool nt_isf_parse(struct isf *isf, const void *text, size_t len_bytes,
		  isf_symbol_fn fn, void *ctx, GError **error);

#endif
