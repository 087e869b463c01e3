/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One CodeView type record. Source: cvinfo.h of microsoft/microsoft-pdb.
 * Names of kinds that end in _ST are of compilers before Visual C++ 7: their
 * texts have a length in front, those of the others a NUL behind. Names that
 * end in 2 are of compilers since Visual Studio 2019, and not in cvinfo.h
 * (issue 50 of microsoft/microsoft-pdb).
 */
#ifndef NT_PDB_LEAF_H
#define NT_PDB_LEAF_H

#include "base/reader.h"

enum leaf_kind {
	LF_MODIFIER = 0x1001,
	LF_POINTER = 0x1002,
	LF_ARRAY_ST = 0x1003,
	LF_CLASS_ST = 0x1004,
	LF_STRUCTURE_ST = 0x1005,
	LF_UNION_ST = 0x1006,
	LF_PROCEDURE = 0x1008,
	LF_FIELDLIST = 0x1203,
	LF_BITFIELD = 0x1205,
	LF_BCLASS = 0x1400,
	LF_VBCLASS = 0x1401,
	LF_IVBCLASS = 0x1402,
	LF_INDEX = 0x1404,
	LF_MEMBER_ST = 0x1405,
	LF_STMEMBER_ST = 0x1406,
	LF_METHOD_ST = 0x1407,
	LF_NESTTYPE_ST = 0x1408,
	LF_VFUNCTAB = 0x1409,
	LF_FRIENDCLS = 0x140a,
	LF_ONEMETHOD_ST = 0x140b,
	LF_VFUNCOFF = 0x140c,
	LF_ENUMERATE = 0x1502,
	LF_ARRAY = 0x1503,
	LF_CLASS = 0x1504,
	LF_STRUCTURE = 0x1505,
	LF_UNION = 0x1506,
	LF_ENUM = 0x1507,
	LF_MEMBER = 0x150d,
	LF_STMEMBER = 0x150e,
	LF_METHOD = 0x150f,
	LF_NESTTYPE = 0x1510,
	LF_ONEMETHOD = 0x1511,
	LF_NESTTYPEEX = 0x1512,
	LF_INTERFACE = 0x1519,
	LF_BINTERFACE = 0x151a,
	LF_CLASS2 = 0x1608,
	LF_STRUCTURE2 = 0x1609,
	LF_UNION2 = 0x160a,
	LF_INTERFACE2 = 0x160b,
};

struct leaf {
	unsigned kind;	 /* enum leaf_kind, or one that is of no use */
	struct reader r; /* behind the kind, to the end of the record */
};

/* record: from its kind on. */
bool leaf_open(const uint8_t *record, size_t len_bytes, struct leaf *ret);

/* LF_STRUCTURE, LF_CLASS, LF_INTERFACE, LF_UNION, the old and new ones. */
struct leaf_struct {
	bool forward;	  /* without members: they are in another record */
	uint32_t fields;  /* type index of its LF_FIELDLIST */
	uint64_t size;
	const char *name; /* borrowed, not NUL-terminated */
	size_t name_len;
	const char *unique; /* decorated name, "" where there is none */
	size_t unique_len;
};
/* False where it is none, or damaged; leaf is unchanged. */
bool leaf_struct(const struct leaf *leaf, struct leaf_struct *ret);

/* A numeric leaf; the cursor is bad where it is negative or of a kind that is
 * no whole number. */
uint64_t leaf_number(struct reader *r);

enum leaf_field_kind {
	FIELD_MEMBER,
	FIELD_BASE,  /* the base class: no name */
	FIELD_INDEX, /* type is the list that goes on */
	FIELD_OTHER, /* nothing that takes room */
};
struct leaf_field {
	enum leaf_field_kind kind;
	uint32_t type;
	uint64_t offset;
	const char *name;
	size_t name_len;
};
/* The next entry of an LF_FIELDLIST; false at its end, and where it is
 * damaged or of a kind whose length is not known. */
bool leaf_field(struct leaf *list, struct leaf_field *ret);

#endif
