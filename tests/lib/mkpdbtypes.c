/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CodeView type records, as cvinfo.h of microsoft/microsoft-pdb has them. */
#include "config.h"

#include "lib/mkpdb-priv.h"

#include <stdlib.h>
#include <string.h>

enum {
	LF_MODIFIER = 0x1001,
	LF_POINTER = 0x1002,
	LF_ARRAY_ST = 0x1003,
	LF_STRUCTURE_ST = 0x1005,
	LF_UNION_ST = 0x1006,
	LF_FIELDLIST = 0x1203,
	LF_BITFIELD = 0x1205,
	LF_INDEX = 0x1404,
	LF_MEMBER_ST = 0x1405,
	LF_NESTTYPE_ST = 0x1408,
	LF_ARRAY = 0x1503,
	LF_STRUCTURE = 0x1505,
	LF_UNION = 0x1506,
	LF_MEMBER = 0x150d,
	LF_NESTTYPE = 0x1510,
	LF_STRUCTURE2 = 0x1609,
	LF_UNION2 = 0x160a,
	LF_ULONG = 0x8004,
	LF_USHORT = 0x8002,
	T_UCHAR = 0x20,
	T_ULONG = 0x22,
	T_UQUAD = 0x23,
	FIRST = 0x1000,
	HEADER_BYTES = 56,
	/* A list goes on in another one after that many bytes. */
	LIST_MAX = 600,
};

struct types {
	GByteArray *out;
	const struct mk_symbols *symbols;
	uint32_t next;	     /* type index */
	GHashTable *forward; /* name -> index of its forward reference */
};

static bool old_names(const struct types *t)
{
	return t->symbols->old_names;
}

/* Ends the record whose payload this is; its index. */
static uint32_t put_record(struct types *t, unsigned int kind,
			   const GByteArray *payload)
{
	const guint padding = (4 - (payload->len + 4) % 4) % 4;

	mk_pdb_u16(t->out, payload->len + 2 + padding);
	mk_pdb_u16(t->out, kind);
	g_byte_array_append(t->out, payload->data, payload->len);
	for (guint i = padding; i; i--) {
		const uint8_t pad = (uint8_t)(0xf0 + i);

		g_byte_array_append(t->out, &pad, 1);
	}
	return t->next++;
}

/* A number in the shortest form that holds it. */
static void put_number(GByteArray *out, uint32_t value)
{
	if (value < 0x8000) {
		mk_pdb_u16(out, value);
	} else if (value < 0x10000) {
		mk_pdb_u16(out, LF_USHORT);
		mk_pdb_u16(out, value);
	} else {
		mk_pdb_u16(out, LF_ULONG);
		mk_pdb_u32(out, value);
	}
}

/* As microsoft/microsoft-pdb's issue 50 has them. */
static uint32_t put_new_struct(struct types *t, const char *name,
			       uint32_t size, uint32_t fields)
{
	g_autoptr(GByteArray) b = g_byte_array_new();

	mk_pdb_u32(b, fields ? 0 : 0x80);
	mk_pdb_u32(b, fields);
	if (name)
		mk_pdb_zeros(b, 8);
	put_number(b, 70000); /* members; in the longer form */
	put_number(b, size);
	mk_pdb_name(b, name ? name : "<unnamed-tag>", false);
	return put_record(t, name ? LF_STRUCTURE2 : LF_UNION2, b);
}

static uint32_t put_struct(struct types *t, const char *name, uint32_t size,
			   uint32_t fields)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	const bool is_union = !name;

	if (t->symbols->new_structs)
		return put_new_struct(t, name, size, fields);
	mk_pdb_u16(b, 1);
	mk_pdb_u16(b, fields ? 0 : 0x80);
	mk_pdb_u32(b, fields);
	if (!is_union)
		mk_pdb_zeros(b, 8);
	put_number(b, size);
	mk_pdb_name(b, name ? name : "<unnamed-tag>", old_names(t));
	if (old_names(t))
		return put_record(t, is_union ? LF_UNION_ST : LF_STRUCTURE_ST,
				  b);
	return put_record(t, is_union ? LF_UNION : LF_STRUCTURE, b);
}

static uint32_t forward(struct types *t, const char *name)
{
	gpointer index = g_hash_table_lookup(t->forward, name);

	if (!index) {
		index = GUINT_TO_POINTER(put_struct(t, name, 0, 0));
		g_hash_table_insert(t->forward, g_strdup(name), index);
	}
	return GPOINTER_TO_UINT(index);
}

static const struct {
	const char *name;
	uint32_t index;
	uint32_t size;
} bases[] = {
	{"void", 0x03, 0},	      {"long", 0x12, 4},
	{"unsigned char", 0x20, 1},   {"unsigned short", 0x21, 2},
	{"unsigned long", 0x22, 4},   {"unsigned long long", 0x23, 8},
};

static uint32_t base_index(const char *name, uint32_t *size)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bases); i++)
		if (strcmp(bases[i].name, name) == 0) {
			*size = bases[i].size;
			return bases[i].index;
		}
	return 0;
}

static uint32_t put_array(struct types *t, const char *type)
{
	const char *element = strchr(type, ':') + 1;
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint32_t size = 1;

	mk_pdb_u32(b, base_index(element, &size));
	mk_pdb_u32(b, T_ULONG);
	put_number(b, (uint32_t)atoi(type + 3) * size);
	mk_pdb_name(b, "", old_names(t));
	return put_record(t, old_names(t) ? LF_ARRAY_ST : LF_ARRAY, b);
}

/* Pointers to const structures, so that there are modifiers on the way. */
static uint32_t put_pointer(struct types *t, const char *to)
{
	const unsigned int bytes = mk_layout_pointer(t->symbols->layout);
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint32_t index = forward(t, to);

	mk_pdb_u32(b, index);
	mk_pdb_u16(b, 1);
	index = put_record(t, LF_MODIFIER, b);
	g_byte_array_set_size(b, 0);
	mk_pdb_u32(b, index);
	mk_pdb_u32(b, bytes << 13 | (bytes == 8 ? 12 : 10));
	return put_record(t, LF_POINTER, b);
}

static uint32_t type_index(struct types *t, const char *type)
{
	const unsigned int mode =
		mk_layout_pointer(t->symbols->layout) == 8 ? 0x600 : 0x400;
	uint32_t size;

	if (!type)
		return T_UCHAR;
	if (strcmp(type, "anon") == 0 || g_str_has_prefix(type, "__anonymous"))
		return put_struct(t, NULL, 8, 0);
	if (g_str_has_prefix(type, "ptr:_"))
		return put_pointer(t, type + 4);
	if (g_str_has_prefix(type, "ptr:"))
		return mode | base_index(type + 4, &size);
	if (g_str_has_prefix(type, "arr"))
		return put_array(t, type);
	if (*type == '_')
		return forward(t, type);
	return base_index(type, &size);
}

static uint32_t bit_field(struct types *t, const struct mk_member *m)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	const uint8_t bits[2] = {m->bit_len, m->bit_pos};

	mk_pdb_u32(b, m->bit_pos + m->bit_len > 32 ? T_UQUAD : T_ULONG);
	g_byte_array_append(b, bits, sizeof(bits));
	return put_record(t, LF_BITFIELD, b);
}

static uint32_t put_whole_struct(struct types *t, const struct mk_struct *s);

static uint32_t member_type(struct types *t, const struct mk_member *m)
{
	if (m->within)
		return put_whole_struct(t, m->within);
	return m->bit_len ? bit_field(t, m) : type_index(t, m->type);
}

static void pad_list(GByteArray *list)
{
	while (list->len % 4) {
		const uint8_t pad = (uint8_t)(0xf0 + 4 - list->len % 4);

		g_byte_array_append(list, &pad, 1);
	}
}

static void put_member(struct types *t, GByteArray *list,
		       const struct mk_member *m, uint32_t type)
{
	mk_pdb_u16(list, old_names(t) ? LF_MEMBER_ST : LF_MEMBER);
	mk_pdb_u16(list, 3);
	mk_pdb_u32(list, type);
	put_number(list, m->offset);
	mk_pdb_name(list, m->name, old_names(t));
	pad_list(list);
}

/* Members from the last to the first, for a list names the one that goes on,
 * which has to be there before it. */
static uint32_t put_lists(struct types *t, const struct mk_struct *s,
			  const uint32_t *member_types)
{
	guint first = s->members->len;
	uint32_t next = 0;

	do {
		g_autoptr(GByteArray) list = g_byte_array_new();
		const guint end = first;

		first -= MIN(first, LIST_MAX / 40);
		/* Something that is no member in front. */
		mk_pdb_u16(list, old_names(t) ? LF_NESTTYPE_ST : LF_NESTTYPE);
		mk_pdb_u16(list, 0);
		mk_pdb_u32(list, T_ULONG);
		mk_pdb_name(list, "nested", old_names(t));
		pad_list(list);
		for (guint i = first; i < end; i++)
			put_member(t, list,
				   &g_array_index(s->members,
						  struct mk_member, i),
				   member_types[i]);
		if (next) {
			mk_pdb_u16(list, LF_INDEX);
			mk_pdb_u16(list, 0);
			mk_pdb_u32(list, next);
		}
		next = put_record(t, LF_FIELDLIST, list);
	} while (first);
	return next;
}

/* Its members' types, their list, itself. */
static uint32_t put_whole_struct(struct types *t, const struct mk_struct *s)
{
	g_autofree uint32_t *member_types = g_new(uint32_t,
						  s->members->len + 1);

	for (guint i = 0; i < s->members->len; i++)
		member_types[i] = member_type(
			t, &g_array_index(s->members, struct mk_member, i));
	return put_struct(t, s->name, s->size,
			  put_lists(t, s, member_types));
}

static void put_header(GByteArray *out, uint32_t end, uint32_t len)
{
	mk_pdb_u32(out, 20040203);
	mk_pdb_u32(out, HEADER_BYTES);
	mk_pdb_u32(out, FIRST);
	mk_pdb_u32(out, end);
	mk_pdb_u32(out, len);
	mk_pdb_u16(out, 0xffff);
	mk_pdb_u16(out, 0xffff);
	mk_pdb_u32(out, 4);
	mk_pdb_u32(out, 0x3ffff);
	mk_pdb_zeros(out, HEADER_BYTES - out->len);
}

void mk_pdb_put_types(GByteArray *out, const struct mk_symbols *symbols)
{
	GPtrArray *structs = mk_structs_new(symbols->layout);
	struct types t = {
		.out = g_byte_array_new(),
		.symbols = symbols,
		.next = FIRST,
		.forward = g_hash_table_new_full(g_str_hash, g_str_equal,
						 g_free, NULL),
	};

	for (guint i = 0; i < structs->len; i++) {
		const struct mk_struct *s = g_ptr_array_index(structs, i);

		forward(&t, s->name);
		put_whole_struct(&t, s);
	}
	put_header(out, t.next, t.out->len);
	g_byte_array_append(out, t.out->data, t.out->len);
	g_byte_array_unref(t.out);
	g_hash_table_unref(t.forward);
	g_ptr_array_unref(structs);
}
