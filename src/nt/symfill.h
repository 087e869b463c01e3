/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the types of a symbol file to what a profile asks for: resolves the
 * paths of layouts.h ("_MMVAD_SHORT.u.VadFlags") in whatever form the file
 * has its types.
 */
#ifndef NT_SYMFILL_H
#define NT_SYMFILL_H

#include "nt/symbols.h"

/* A member of a structure or union, as a file has it; nothing is checked. */
struct nt_member {
	const char *name;	/* borrowed, not NUL-terminated */
	size_t name_len;
	uint64_t offset;	/* bytes, from the start of its structure */
	uint64_t bit_pos, bit_len; /* bit_len 0: not a bit-field */
	bool anonymous;		/* its members are those of the outer one */
	uint64_t type;		/* the file's own reference */
};

/* False ends the structure. */
typedef bool (*nt_member_fn)(void *fn_ctx, const struct nt_member *member);

/* How a file tells of its types. */
struct nt_types {
	/* A structure or union by name; false where there is none. This and
	 * each() have a budget of their own in all, so that no file makes
	 * them look at the same bytes for ever. */
	bool (*find)(void *ctx, const char *name, uint64_t *type,
		     uint64_t *size_bytes);
	/* Its members; none where the type is not one that has any. */
	void (*each)(void *ctx, uint64_t type, nt_member_fn fn, void *fn_ctx);
	/* The type in words as layout_type() has them: "unsigned long",
	 * "ptr:_PEB", "arr15:unsigned char", "anon" for a structure without a
	 * name. (transfer full) or NULL. */
	char *(*text)(void *ctx, uint64_t type);
	void *ctx;
};

/*
 * Adds each member, size and type that the built-in tables have a name for.
 * Offsets beyond 16 MiB and bits beyond 64 are left out. Bounded, whatever
 * the types say of each other.
 */
void nt_symfill_types(NtSymbols *symbols, const struct nt_types *types);

/* A symbol by its name, taken where the built-in tables have it. */
typedef struct NtWanted NtWanted;
NtWanted *nt_wanted_new(void);
void nt_wanted_free(NtWanted *wanted);
void nt_wanted_add(const NtWanted *wanted, NtSymbols *symbols,
		   const char *name, size_t name_len, uint64_t rva);

/* The architecture of a kernel by its machine type (PE/COFF) and, for x86, the
 * size of its _MMPTE: 8 with PAE. False for other machines. */
bool nt_symfill_arch(uint64_t machine, uint64_t mmpte_bytes,
		     enum nt_arch *ret);

/* Sets the error, whose message is what is wrong with the file, and returns
 * false. */
bool nt_symfill_fail(GError **error, const char *format, ...)
	G_GNUC_PRINTF(2, 3);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtWanted, nt_wanted_free)

#endif
