/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CodeView types: an index of the records, structures by name, members. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "nt/pdb_leaf.h"
#include "nt/pdb_tpi.h"

enum {
	HEADER_BYTES = 56,
	TYPES_MAX = 1 << 20,
	INNER_MAX = 8,	 /* pointers to arrays of const pointers ... */
	LISTS_MAX = 256, /* lists of fields that follow each other */
	LOOKS_MAX = 1 << 24, /* at entries of lists, and at names, in all */
	/* Indexes below are not of records: see base_type(). */
	FIRST_MIN = 0x1000,
};

/* A structure with its members, for the search by name. */
struct definition {
	uint32_t hash;
	uint32_t index; /* of its type */
};

struct NtTpi {
	GBytes *stream;
	const uint8_t *data;
	size_t len_bytes;
	uint32_t first;	    /* type index of the first record */
	GArray *records;    /* uint32_t: where the record's kind is */
	GArray *definitions; /* by hash, then index */
	unsigned n_looks;
};

/* The record of a type: its length is in front of its kind. */
static bool record_at(const NtTpi *tpi, uint64_t index, struct leaf *ret)
{
	uint32_t pos;

	if (index < tpi->first || index - tpi->first >= tpi->records->len)
		return false;
	pos = g_array_index(tpi->records, uint32_t, index - tpi->first);
	return leaf_open(tpi->data + pos, load_le16(tpi->data + pos - 2), ret);
}

static void index_records(NtTpi *tpi, size_t pos)
{
	while (tpi->records->len < TYPES_MAX &&
	       range_fits(pos, 4, tpi->len_bytes)) {
		uint16_t len = load_le16(tpi->data + pos);
		uint32_t at = (uint32_t)pos + 2;

		if (len < 2 || !range_fits(at, len, tpi->len_bytes))
			return;
		g_array_append_val(tpi->records, at);
		pos = (size_t)at + len;
	}
}

static uint32_t hash_of(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h;
}

static int by_hash(const void *a, const void *b)
{
	const struct definition *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static void index_definitions(NtTpi *tpi)
{
	for (guint i = 0; i < tpi->records->len; i++) {
		struct definition d = { .index = tpi->first + i };
		struct leaf_struct s;
		struct leaf leaf;

		if (!record_at(tpi, d.index, &leaf) ||
		    !leaf_struct(&leaf, &s) || s.forward)
			continue;
		d.hash = hash_of(s.name, s.name_len);
		g_array_append_val(tpi->definitions, d);
	}
	g_array_sort(tpi->definitions, by_hash);
}

NtTpi *nt_tpi_new(GBytes *stream)
{
	gsize len;
	const uint8_t *data = g_bytes_get_data(stream, &len);
	uint32_t header;
	NtTpi *tpi;

	if (len < HEADER_BYTES)
		return NULL;
	header = load_le32(data + 4);
	if (header < HEADER_BYTES || header > len ||
	    load_le32(data + 8) < FIRST_MIN ||
	    load_le32(data + 8) > UINT32_MAX - TYPES_MAX)
		return NULL;
	tpi = g_new0(NtTpi, 1);
	tpi->stream = g_bytes_ref(stream);
	tpi->data = data;
	tpi->len_bytes = len;
	tpi->first = load_le32(data + 8);
	tpi->records = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	tpi->definitions = g_array_new(FALSE, FALSE,
				       sizeof(struct definition));
	index_records(tpi, header);
	index_definitions(tpi);
	return tpi;
}

void nt_tpi_free(NtTpi *tpi)
{
	if (!tpi)
		return;
	g_array_unref(tpi->records);
	g_array_unref(tpi->definitions);
	g_bytes_unref(tpi->stream);
	g_free(tpi);
}

/* First definition with this hash or a higher one. */
static guint first_with(const NtTpi *tpi, uint32_t hash)
{
	guint low = 0, high = tpi->definitions->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;

		if (g_array_index(tpi->definitions, struct definition,
				  mid).hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* False where all has been spent. */
static bool look(NtTpi *tpi)
{
	return tpi->n_looks++ < LOOKS_MAX;
}

static bool is_unnamed(const struct leaf_struct *s)
{
	return !s->name_len || s->name[0] == '<' ||
	       (s->name_len >= 9 && !memcmp(s->name, "__unnamed", 9)) ||
	       (s->name_len >= 11 && !memcmp(s->name, "__anonymous", 11));
}

/* Is b the one that a names? Those without names have decorated ones. */
static bool same_struct(const struct leaf_struct *a,
			const struct leaf_struct *b)
{
	if (a->name_len != b->name_len ||
	    memcmp(a->name, b->name, a->name_len))
		return false;
	return !is_unnamed(a) ||
	       (a->unique_len && a->unique_len == b->unique_len &&
		!memcmp(a->unique, b->unique, a->unique_len));
}

/* The first structure of that name that has its members. */
static bool find_definition(NtTpi *tpi, const struct leaf_struct *want,
			    uint64_t *index, struct leaf_struct *ret)
{
	uint32_t hash = hash_of(want->name, want->name_len);

	for (guint i = first_with(tpi, hash); i < tpi->definitions->len; i++) {
		const struct definition *d = &g_array_index(
			tpi->definitions, struct definition, i);
		struct leaf_struct s;
		struct leaf leaf;

		if (d->hash != hash || !look(tpi))
			break;
		if (record_at(tpi, d->index, &leaf) && leaf_struct(&leaf, &s) &&
		    same_struct(want, &s)) {
			*index = d->index;
			*ret = s;
			return true;
		}
	}
	return false;
}

static bool tpi_find(void *ctx, const char *name, uint64_t *type,
		     uint64_t *size_bytes)
{
	struct leaf_struct s = { .name = name, .name_len = strlen(name) };

	if (!find_definition(ctx, &s, type, &s))
		return false;
	*size_bytes = s.size;
	return true;
}

/* The structure that a type is, through modifiers and forward references. */
static bool struct_of(NtTpi *tpi, uint64_t type, struct leaf_struct *s)
{
	struct leaf leaf;

	for (int i = 0; i < INNER_MAX; i++) {
		if (!record_at(tpi, type, &leaf))
			return false;
		if (leaf_struct(&leaf, s))
			return !s->forward ||
			       find_definition(tpi, s, &type, s);
		if (leaf.kind != LF_MODIFIER)
			return false;
		type = reader_u32(&leaf.r);
	}
	return false;
}

static void take_bits(const NtTpi *tpi, struct nt_member *m)
{
	struct leaf leaf;

	if (!record_at(tpi, m->type, &leaf) || leaf.kind != LF_BITFIELD)
		return;
	m->type = reader_u32(&leaf.r);
	m->bit_len = reader_u8(&leaf.r);
	m->bit_pos = reader_u8(&leaf.r);
	/* Never a whole member: what is damaged here is left out. */
	if (!reader_ok(&leaf.r) || !m->bit_len)
		m->offset = UINT64_MAX;
}

/* Members of one list. Returns the type of the list that goes on, or 0. */
static uint64_t each_of_list(NtTpi *tpi, struct leaf *list,
			     nt_member_fn fn, void *fn_ctx)
{
	struct leaf_field f;

	while (look(tpi) && leaf_field(list, &f)) {
		struct nt_member m = {
			.name = f.name, .name_len = f.name_len,
			.offset = f.offset, .type = f.type,
			.anonymous = f.kind == FIELD_BASE || !f.name_len,
		};

		if (f.kind == FIELD_INDEX)
			return f.type;
		if (f.kind == FIELD_OTHER)
			continue;
		take_bits(tpi, &m);
		if (!fn(fn_ctx, &m))
			return 0;
	}
	return 0;
}

static void tpi_each(void *ctx, uint64_t type, nt_member_fn fn, void *fn_ctx)
{
	NtTpi *tpi = ctx;
	struct leaf_struct s;
	struct leaf list;
	uint64_t next;

	if (!struct_of(tpi, type, &s))
		return;
	next = s.fields;
	for (int i = 0; next && i < LISTS_MAX; i++) {
		if (!record_at(tpi, next, &list) || list.kind != LF_FIELDLIST)
			return;
		next = each_of_list(tpi, &list, fn, fn_ctx);
	}
}

/* Types below 0x1000 stand for themselves: kind and, in bits 8 to 11, how wide
 * a pointer to it. Words as in ISF. */
struct base_type {
	uint8_t kind;
	uint8_t size;
	const char *name;
};

static const struct base_type base_types[] = {
	{ 0x03, 0, "void" },
	{ 0x08, 4, "long" }, /* HRESULT */
	{ 0x10, 1, "char" },
	{ 0x11, 2, "short" },
	{ 0x12, 4, "long" },
	{ 0x13, 8, "long long" },
	{ 0x20, 1, "unsigned char" },
	{ 0x21, 2, "unsigned short" },
	{ 0x22, 4, "unsigned long" },
	{ 0x23, 8, "unsigned long long" },
	{ 0x30, 1, "unsigned char" }, /* bool */
	{ 0x40, 4, "float" },
	{ 0x41, 8, "double" },
	{ 0x68, 1, "char" },
	{ 0x69, 1, "unsigned char" },
	{ 0x70, 1, "char" },
	{ 0x71, 2, "wchar" },
	{ 0x72, 2, "short" },
	{ 0x73, 2, "unsigned short" },
	{ 0x74, 4, "int" },
	{ 0x75, 4, "unsigned int" },
	{ 0x76, 8, "long long" },
	{ 0x77, 8, "unsigned long long" },
};

static const struct base_type *base_type(uint64_t type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(base_types); i++)
		if (base_types[i].kind == (type & 0xff))
			return &base_types[i];
	return NULL;
}

/* Bytes of a pointer by its mode: near ones of 16, 32 and 64 bits. */
static uint64_t base_size(uint64_t type)
{
	const struct base_type *base = base_type(type);

	switch (type >> 8 & 15) {
	case 0:
		return base ? base->size : 0;
	case 4:
		return 4;
	case 6:
		return 8;
	default:
		return 0;
	}
}

/* 0 where it is not known. */
static uint64_t size_of(NtTpi *tpi, uint64_t type)
{
	struct leaf_struct s;
	struct leaf leaf;

	for (int i = 0; i < INNER_MAX; i++) {
		if (type < FIRST_MIN)
			return base_size(type);
		if (struct_of(tpi, type, &s))
			return s.size;
		if (!record_at(tpi, type, &leaf))
			return 0;
		switch (leaf.kind) {
		case LF_POINTER:
			reader_skip(&leaf.r, 4);
			return reader_u32(&leaf.r) >> 13 & 63;
		case LF_ARRAY:
		case LF_ARRAY_ST:
			reader_skip(&leaf.r, 8);
			return leaf_number(&leaf.r);
		case LF_ENUM:
			reader_skip(&leaf.r, 4);
			break;
		case LF_MODIFIER:
			break;
		default:
			return 0;
		}
		type = reader_u32(&leaf.r);
	}
	return 0;
}

static void append_struct(GString *text, const struct leaf_struct *s)
{
	if (is_unnamed(s) || memchr(s->name, '<', s->name_len))
		g_string_append(text, "anon");
	else
		g_string_append_len(text, s->name,
				    (gssize)MIN(s->name_len, 128));
}

static bool append_base(GString *text, uint64_t type)
{
	const struct base_type *base = base_type(type);

	if (!base)
		return false;
	if (type >> 8 & 15)
		g_string_append(text, "ptr:");
	g_string_append(text, base->name);
	return true;
}

static void append_count(NtTpi *tpi, GString *text, struct leaf *leaf,
			 uint64_t element)
{
	uint64_t one = size_of(tpi, element), all;

	reader_skip(&leaf->r, 4);
	all = leaf_number(&leaf->r);
	g_string_append_printf(text, "arr%" G_GUINT64_FORMAT ":",
			       one ? all / one : 0);
}

/* The words of one level; *type is then what is within. False at the last. */
static bool append_level(NtTpi *tpi, GString *text, uint64_t *type)
{
	struct leaf_struct s;
	struct leaf leaf;

	if (*type < FIRST_MIN) {
		append_base(text, *type);
		return false;
	}
	if (!record_at(tpi, *type, &leaf))
		return false;
	if (leaf_struct(&leaf, &s)) {
		append_struct(text, &s);
		return false;
	}
	if (leaf.kind == LF_PROCEDURE) {
		g_string_append(text, "function");
		return false;
	}
	if (leaf.kind == LF_ENUM)
		reader_skip(&leaf.r, 4);
	*type = reader_u32(&leaf.r);
	if (leaf.kind == LF_POINTER)
		g_string_append(text, "ptr:");
	else if (leaf.kind == LF_ARRAY || leaf.kind == LF_ARRAY_ST)
		append_count(tpi, text, &leaf, *type);
	else
		return leaf.kind == LF_MODIFIER || leaf.kind == LF_ENUM ||
		       leaf.kind == LF_BITFIELD;
	return true;
}

static char *tpi_text(void *ctx, uint64_t type)
{
	GString *text = g_string_new(NULL);

	for (int i = 0; i < INNER_MAX; i++)
		if (!append_level(ctx, text, &type))
			break;
	if (!text->len || g_str_has_suffix(text->str, ":")) {
		g_string_free(text, TRUE);
		return NULL;
	}
	return g_string_free(text, FALSE);
}

struct nt_types nt_tpi_types(NtTpi *tpi)
{
	return (struct nt_types){ tpi_find, tpi_each, tpi_text, tpi };
}
