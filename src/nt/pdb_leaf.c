/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsing single type records. */
#include "config.h"

#include "nt/pdb_leaf.h"

/* Numeric leaves: a number below 0x8000 stands for itself. */
enum {
	LF_NUMERIC = 0x8000,
	LF_CHAR = 0x8000,
	LF_SHORT = 0x8001,
	LF_USHORT = 0x8002,
	LF_LONG = 0x8003,
	LF_ULONG = 0x8004,
	LF_QUADWORD = 0x8009,
	LF_UQUADWORD = 0x800a,
	LF_PAD0 = 0xf0, /* bytes from here on are padding */
};

enum { PROPERTY_FORWARD = 0x80, PROPERTY_UNIQUE = 0x200 };

bool leaf_open(const uint8_t *record, size_t len_bytes, struct leaf *ret)
{
	reader_init(&ret->r, record, len_bytes);
	ret->kind = reader_u16(&ret->r);
	return reader_ok(&ret->r);
}

static uint64_t not_negative(struct reader *r, int64_t value)
{
	r->bad |= value < 0;
	return value < 0 ? 0 : (uint64_t)value;
}

uint64_t leaf_number(struct reader *r)
{
	uint16_t kind = reader_u16(r);

	switch (kind) {
	case LF_CHAR:
		return not_negative(r, (int8_t)reader_u8(r));
	case LF_SHORT:
		return not_negative(r, (int16_t)reader_u16(r));
	case LF_USHORT:
		return reader_u16(r);
	case LF_LONG:
		return not_negative(r, (int32_t)reader_u32(r));
	case LF_ULONG:
		return reader_u32(r);
	case LF_QUADWORD:
		return not_negative(r, (int64_t)reader_u64(r));
	case LF_UQUADWORD:
		return reader_u64(r);
	default:
		r->bad |= kind >= LF_NUMERIC;
		return kind;
	}
}

/* What a member's value may be of any sign: an enumerator's. */
static void skip_number(struct reader *r)
{
	uint16_t kind = reader_u16(r);

	switch (kind) {
	case LF_CHAR:
		reader_skip(r, 1);
		break;
	case LF_SHORT:
	case LF_USHORT:
		reader_skip(r, 2);
		break;
	case LF_LONG:
	case LF_ULONG:
		reader_skip(r, 4);
		break;
	case LF_QUADWORD:
	case LF_UQUADWORD:
		reader_skip(r, 8);
		break;
	default:
		r->bad |= kind >= LF_NUMERIC;
	}
}

static void take_name(struct reader *r, bool counted, const char **name,
		      size_t *len)
{
	const uint8_t *p, *end;

	if (counted) {
		*len = reader_u8(r);
		*name = (const char *)reader_bytes(r, *len);
		return;
	}
	p = r->data + r->pos;
	end = reader_ok(r) ? memchr(p, 0, r->len_bytes - r->pos) : NULL;
	*name = (const char *)p;
	*len = end ? (size_t)(end - p) : 0;
	if (end)
		reader_skip(r, *len + 1);
	else
		r->bad = true;
}

/* How a structure's record is laid out. */
struct struct_form {
	unsigned kind;
	bool is_union; /* not derived from anything, no virtual functions */
	bool counted;  /* name with its length in front */
	bool wide;     /* since Visual Studio 2019 */
};

static const struct struct_form struct_forms[] = {
	{ .kind = LF_STRUCTURE },
	{ .kind = LF_CLASS },
	{ .kind = LF_INTERFACE },
	{ .kind = LF_UNION, .is_union = true },
	{ .kind = LF_STRUCTURE_ST, .counted = true },
	{ .kind = LF_CLASS_ST, .counted = true },
	{ .kind = LF_UNION_ST, .is_union = true, .counted = true },
	{ .kind = LF_STRUCTURE2, .wide = true },
	{ .kind = LF_CLASS2, .wide = true },
	{ .kind = LF_INTERFACE2, .wide = true },
	{ .kind = LF_UNION2, .is_union = true, .wide = true },
};

static const struct struct_form *struct_form(unsigned kind)
{
	for (size_t i = 0; i < G_N_ELEMENTS(struct_forms); i++)
		if (struct_forms[i].kind == kind)
			return &struct_forms[i];
	return NULL;
}

bool leaf_struct(const struct leaf *leaf, struct leaf_struct *ret)
{
	const struct struct_form *form = struct_form(leaf->kind);
	struct reader r = leaf->r;
	struct leaf_struct s = { .unique = "" };
	unsigned properties;

	if (!form)
		return false;
	/* The count of members is in front, or a number behind. */
	if (!form->wide)
		reader_skip(&r, 2);
	properties = form->wide ? reader_u32(&r) : reader_u16(&r);
	s.forward = properties & PROPERTY_FORWARD;
	s.fields = reader_u32(&r);
	if (!form->is_union)
		reader_skip(&r, 8); /* derived, vshape */
	if (form->wide)
		leaf_number(&r);
	s.size = leaf_number(&r);
	take_name(&r, form->counted, &s.name, &s.name_len);
	if (properties & PROPERTY_UNIQUE && !form->counted)
		take_name(&r, false, &s.unique, &s.unique_len);
	if (!reader_ok(&r))
		return false;
	*ret = s;
	return true;
}

static void skip_padding(struct reader *r)
{
	while (r->pos < r->len_bytes && r->data[r->pos] >= LF_PAD0)
		r->pos += MAX(1, r->data[r->pos] & 15);
}

/* A method: one that is introduced as virtual (4, or pure 6) has its place in
 * the table as well. */
static void skip_method(struct reader *r)
{
	unsigned how = reader_u16(r) >> 2 & 7;

	reader_skip(r, how == 4 || how == 6 ? 8 : 4);
}

static void take_member(struct reader *r, bool counted, struct leaf_field *f)
{
	reader_skip(r, 2); /* access */
	f->kind = FIELD_MEMBER;
	f->type = reader_u32(r);
	f->offset = leaf_number(r);
	take_name(r, counted, &f->name, &f->name_len);
}

/* Entries that are skipped: what is in front of the name. */
static bool skip_entry(struct reader *r, unsigned kind)
{
	switch (kind) {
	case LF_VBCLASS:
	case LF_IVBCLASS:
		reader_skip(r, 10);
		leaf_number(r);
		leaf_number(r);
		return false;
	case LF_VFUNCTAB:
	case LF_FRIENDCLS:
		reader_skip(r, 6);
		return false;
	case LF_VFUNCOFF:
		reader_skip(r, 10);
		return false;
	case LF_ENUMERATE:
		reader_skip(r, 2);
		skip_number(r);
		return true;
	case LF_STMEMBER:
	case LF_STMEMBER_ST:
	case LF_METHOD:
	case LF_METHOD_ST:
	case LF_NESTTYPE:
	case LF_NESTTYPE_ST:
	case LF_NESTTYPEEX:
		reader_skip(r, 6);
		return true;
	case LF_ONEMETHOD:
	case LF_ONEMETHOD_ST:
		skip_method(r);
		return true;
	default:
		r->bad = true;
		return false;
	}
}

bool leaf_field(struct leaf *list, struct leaf_field *ret)
{
	struct leaf_field f = { .kind = FIELD_OTHER };
	struct reader *r = &list->r;
	unsigned kind;

	skip_padding(r);
	if (r->bad || r->pos >= r->len_bytes)
		return false;
	kind = reader_u16(r);
	if (kind == LF_MEMBER || kind == LF_MEMBER_ST) {
		take_member(r, kind == LF_MEMBER_ST, &f);
	} else if (kind == LF_BCLASS || kind == LF_BINTERFACE) {
		reader_skip(r, 2);
		f.kind = FIELD_BASE;
		f.type = reader_u32(r);
		f.offset = leaf_number(r);
	} else if (kind == LF_INDEX) {
		reader_skip(r, 2);
		f.kind = FIELD_INDEX;
		f.type = reader_u32(r);
	} else if (skip_entry(r, kind)) {
		take_name(r, kind < LF_ENUMERATE, &f.name, &f.name_len);
	}
	if (!reader_ok(r))
		return false;
	*ret = f;
	return true;
}
