/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of objname share. */
#ifndef NT_OBJNAME_PRIV_H
#define NT_OBJNAME_PRIV_H

#include "nt/kread.h"
#include "nt/objname.h"

enum {
	OBJ_TYPES = 256,	/* entries of ObTypeIndexTable */
	OBJ_PART_MAX = 2048,	/* bytes of UTF-16 of one part of a path */
	OBJ_TYPE_MAX = 128,	/* of the name of a type */
};

struct NtObjnames {
	struct nt_reader r;	/* its pages are owned */
	/* By index; 0 and NULL: there is none, or it is not read yet. */
	uint64_t types[OBJ_TYPES];
	char *type_names[OBJ_TYPES];
	unsigned n_types;
	bool mixed;		/* indexes: with the address, and */
	uint8_t cookie;
	GHashTable *pointed;	/* before 7: names by address of the type */
	uint32_t kcb_parent;	/* ParentKcb; NT_ABSENT: not known yet */
};

/* UTF-16 at va, with U+2400 for NUL; NULL where it is not there. (transfer
 * full) */
/* The same for text at hand, which it changes. (transfer full) */
char *objname_wide(uint8_t *text, size_t len_bytes);
char *objname_utf16(NtObjnames *o, uint64_t va, size_t len_bytes);
/* Makes a path of parts, the last one first; top: "\", "?\" or "". It is cut
 * at NT_OBJNAME_MAX. (transfer full) */
char *objname_join(const char *top, const GPtrArray *parts);

/* objtype.c: the types; what an object is, NULL where that is not known.
 * Borrowed. */
void objtypes_learn(NtObjnames *o);
const char *objtype_get(NtObjnames *o, uint64_t header, uint64_t body);

/* objkey.c: path of the key object at body, or NULL. (transfer full) */
char *objkey_path(NtObjnames *o, uint64_t body);

#endif
