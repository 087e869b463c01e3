/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading ISF: one look at the whole text to find its parts and the names of
 * its types, then only the types that are asked for.
 */
#include "config.h"

#include <string.h>

#include "base/json.h"
#include "nt/isf.h"
#include "nt/symfill.h"

/* A kernel has some 3000. */
#define TYPES_MAX 65536u
/* Pointers to arrays of pointers to ... */
#define INNER_MAX 8
/* References to types: a position in the text where a member's type is
 * described, or with this bit the number of a structure. */
#define STRUCTURE (UINT64_C(1) << 63)
/* How many bytes of text may be looked at again, once its parts are known;
 * what is of use in a kernel's is less than 10 MiB. */
#define LOOKS_MAX (512 * MIB)
/* What a look at a name costs, in the same measure. */
#define NAME_COST 16

struct isf_struct {
	struct json_text name;
	size_t pos; /* of its description */
};

struct isf {
	const char *text;
	size_t len_bytes;
	size_t metadata, user_types, symbols; /* positions; 0: not there */
	GArray *structs;	/* struct isf_struct */
	struct nt_pdb_id id;
	uint64_t machine;
	uint64_t looked; /* bytes, of LOOKS_MAX */
};

static struct json at(const struct isf *isf, size_t pos)
{
	struct json j;

	json_init(&j, isf->text, isf->len_bytes);
	j.pos = pos;
	return j;
}

static bool find_parts(struct isf *isf)
{
	struct json j = at(isf, 0);
	struct json_text name;
	bool first = true;

	if (!json_object(&j))
		return false;
	while (json_member(&j, &first, &name)) {
		if (json_equal(name, "metadata"))
			isf->metadata = j.pos;
		else if (json_equal(name, "user_types"))
			isf->user_types = j.pos;
		else if (json_equal(name, "symbols"))
			isf->symbols = j.pos;
		json_skip(&j);
	}
	return json_ok(&j);
}

/* Goes into a member of the object that the cursor is before. */
static bool enter(struct json *j, const char *want)
{
	struct json_text name;
	bool first = true;

	if (!json_object(j))
		return false;
	while (json_member(j, &first, &name)) {
		if (json_equal(name, want))
			return true;
		json_skip(j);
	}
	return false;
}

static bool copy_guid(struct json_text text, char ret[33])
{
	if (text.len_bytes != 32)
		return false;
	for (unsigned i = 0; i < 32; i++) {
		if (!g_ascii_isxdigit(text.data[i]))
			return false;
		ret[i] = g_ascii_toupper(text.data[i]);
	}
	ret[32] = '\0';
	return true;
}

/* The plain characters only, as of names in images; else "". */
static void copy_name(struct json_text text, char ret[64])
{
	if (text.len_bytes >= 64)
		return;
	for (size_t i = 0; i < text.len_bytes; i++)
		if (!g_ascii_isalnum(text.data[i]) &&
		    !strchr("._-", text.data[i]))
			return;
	memcpy(ret, text.data, text.len_bytes);
	ret[text.len_bytes] = '\0';
}

/* metadata.windows.pdb: GUID, age, database (its name), machine_type. */
static bool read_pdb(struct isf *isf, struct json j)
{
	struct json_text name, text;
	bool first = true, has_guid = false;
	uint64_t age = 0;

	if (!json_object(&j))
		return false;
	while (json_member(&j, &first, &name)) {
		if (json_equal(name, "GUID") && json_peek(&j) == '"') {
			json_string(&j, &text);
			has_guid = json_ok(&j) && copy_guid(text, isf->id.guid);
		} else if (json_equal(name, "database") &&
			   json_peek(&j) == '"') {
			json_string(&j, &text);
			if (json_ok(&j))
				copy_name(text, isf->id.name);
		} else if (json_equal(name, "age")) {
			json_u64(&j, &age);
		} else if (json_equal(name, "machine_type")) {
			json_u64(&j, &isf->machine);
		} else {
			json_skip(&j);
		}
	}
	isf->id.age = (uint32_t)age;
	return json_ok(&j) && has_guid && age <= UINT32_MAX;
}

static bool read_id(struct isf *isf)
{
	struct json j = at(isf, isf->metadata);

	return isf->metadata && enter(&j, "windows") && enter(&j, "pdb") &&
	       read_pdb(isf, j);
}

static bool index_structs(struct isf *isf)
{
	struct json j = at(isf, isf->user_types);
	struct isf_struct s;
	bool first = true;

	if (!isf->user_types || !json_object(&j))
		return false;
	while (json_member(&j, &first, &s.name) &&
	       isf->structs->len < TYPES_MAX) {
		s.pos = j.pos;
		g_array_append_val(isf->structs, s);
		json_skip(&j);
	}
	return json_ok(&j);
}

/* False where all has been spent. */
static bool spend(struct isf *isf, uint64_t bytes)
{
	isf->looked += bytes;
	return isf->looked <= LOOKS_MAX;
}

static bool find_struct(struct isf *isf, const char *name, size_t len,
			uint64_t *ret)
{
	if (!spend(isf, NAME_COST * (uint64_t)isf->structs->len))
		return false;
	for (guint i = 0; i < isf->structs->len; i++) {
		const struct isf_struct *s =
			&g_array_index(isf->structs, struct isf_struct, i);

		if (s->name.len_bytes == len &&
		    !memcmp(s->name.data, name, len)) {
			*ret = STRUCTURE | i;
			return true;
		}
	}
	return false;
}

static bool isf_find(void *ctx, const char *name, uint64_t *type,
		     uint64_t *size_bytes)
{
	struct isf *isf = ctx;
	uint64_t found;
	struct json j;
	size_t start;

	if (!find_struct(isf, name, strlen(name), &found))
		return false;
	j = at(isf, g_array_index(isf->structs, struct isf_struct,
				  found & ~STRUCTURE).pos);
	start = j.pos;
	*type = found;
	if (!enter(&j, "size") || !json_u64(&j, size_bytes))
		*size_bytes = 0;
	return spend(isf, j.pos - start);
}

/* The description of a type. */
struct isf_type {
	struct json_text kind, name;
	uint64_t count, bit_pos, bit_len;
	size_t inner; /* position of what it is a pointer to, made of */
};

static void take_number(struct json *j, uint64_t *ret)
{
	if (json_peek(j) == '0')
		json_u64(j, ret);
	else
		json_skip(j);
}

static void take_string(struct json *j, struct json_text *ret)
{
	if (json_peek(j) == '"')
		json_string(j, ret);
	else
		json_skip(j);
}

static bool read_type(struct isf *isf, uint64_t pos, struct isf_type *ret)
{
	struct json j = at(isf, pos);
	struct json_text name;
	bool first = true;

	*ret = (struct isf_type){ .kind = { "", 0 }, .name = { "", 0 } };
	if (!pos || pos & STRUCTURE || !json_object(&j))
		return false;
	while (json_member(&j, &first, &name)) {
		if (json_equal(name, "kind")) {
			take_string(&j, &ret->kind);
		} else if (json_equal(name, "name")) {
			take_string(&j, &ret->name);
		} else if (json_equal(name, "count")) {
			take_number(&j, &ret->count);
		} else if (json_equal(name, "bit_position")) {
			take_number(&j, &ret->bit_pos);
		} else if (json_equal(name, "bit_length")) {
			take_number(&j, &ret->bit_len);
		} else {
			if (json_equal(name, "subtype") ||
			    json_equal(name, "type"))
				ret->inner = j.pos;
			json_skip(&j);
		}
	}
	return json_ok(&j) && spend(isf, j.pos - pos);
}

static bool is_struct(const struct isf_type *type)
{
	return json_equal(type->kind, "struct") ||
	       json_equal(type->kind, "union") ||
	       json_equal(type->kind, "class");
}

static bool read_member(struct isf *isf, struct json *j, struct nt_member *m)
{
	const size_t start = j->pos;
	struct json_text name;
	struct isf_type type;
	bool first = true;

	m->offset = UINT64_MAX;
	if (!json_object(j))
		return false;
	while (json_member(j, &first, &name)) {
		if (json_equal(name, "offset")) {
			take_number(j, &m->offset);
		} else if (json_equal(name, "anonymous")) {
			m->anonymous = json_peek(j) == 't';
			json_skip(j);
		} else {
			if (json_equal(name, "type"))
				m->type = j->pos;
			json_skip(j);
		}
	}
	if (m->type && read_type(isf, m->type, &type) &&
	    json_equal(type.kind, "bitfield")) {
		m->bit_pos = type.bit_pos;
		m->bit_len = type.bit_len;
	}
	return json_ok(j) && spend(isf, j->pos - start);
}

/* The number of the structure that a type is. */
static bool struct_of(struct isf *isf, uint64_t type, uint64_t *ret)
{
	struct isf_type t;

	if (type & STRUCTURE) {
		*ret = type;
		return true;
	}
	return read_type(isf, type, &t) && is_struct(&t) &&
	       find_struct(isf, t.name.data, t.name.len_bytes, ret);
}

static void isf_each(void *ctx, uint64_t type, nt_member_fn fn, void *fn_ctx)
{
	struct isf *isf = ctx;
	struct json_text name;
	struct json j;
	bool first = true;
	size_t start;

	if (!struct_of(isf, type, &type))
		return;
	j = at(isf, g_array_index(isf->structs, struct isf_struct,
				  type & ~STRUCTURE).pos);
	start = j.pos;
	if (!enter(&j, "fields") || !spend(isf, j.pos - start) ||
	    !json_object(&j))
		return;
	while (json_member(&j, &first, &name)) {
		struct nt_member m = { .name = name.data,
				       .name_len = name.len_bytes };

		if (!read_member(isf, &j, &m) || !fn(fn_ctx, &m))
			return;
	}
}

/* Volatility's names for what has none in the PDB. */
static bool is_unnamed(struct json_text name)
{
	return name.len_bytes == 0 || memchr(name.data, '<', name.len_bytes) ||
	       (name.len_bytes > 2 && !memcmp(name.data, "__", 2) &&
		(memmem(name.data, name.len_bytes, "unnamed", 7) ||
		 memmem(name.data, name.len_bytes, "anonymous", 9)));
}

static char *isf_text(void *ctx, uint64_t type)
{
	struct isf *isf = ctx;
	g_autoptr(GString) text = g_string_new(NULL);
	struct isf_type t;

	for (int i = 0; i < INNER_MAX; i++) {
		if (!read_type(isf, type, &t))
			return NULL;
		if (json_equal(t.kind, "pointer")) {
			g_string_append(text, "ptr:");
		} else if (json_equal(t.kind, "array")) {
			g_string_append_printf(
				text, "arr%" G_GUINT64_FORMAT ":", t.count);
		} else if (!json_equal(t.kind, "bitfield")) {
			if (is_unnamed(t.name))
				g_string_append(text, "anon");
			else
				g_string_append_len(text, t.name.data,
						    (gssize)MIN(128,
							t.name.len_bytes));
			return g_string_free(g_steal_pointer(&text), FALSE);
		}
		type = t.inner;
	}
	return NULL;
}

static bool read_symbols(const struct isf *isf, NtSymbols *symbols)
{
	g_autoptr(NtWanted) wanted = nt_wanted_new();
	struct json j = at(isf, isf->symbols);
	struct json_text name, key;
	bool first = true;

	if (!isf->symbols)
		return true;
	if (!json_object(&j))
		return false;
	while (json_member(&j, &first, &name)) {
		bool first_key = true;
		uint64_t rva = 0;

		if (!json_object(&j))
			return false;
		while (json_member(&j, &first_key, &key))
			if (json_equal(key, "address"))
				take_number(&j, &rva);
			else
				json_skip(&j);
		if (json_ok(&j))
			nt_wanted_add(wanted, symbols, name.data,
				      name.len_bytes, rva);
	}
	return json_ok(&j);
}

static bool fill(struct isf *isf, NtSymbols *symbols, GError **error)
{
	const struct nt_types types = { isf_find, isf_each, isf_text, isf };
	enum nt_arch arch;
	uint64_t type, pte = 0;

	if (!index_structs(isf))
		return nt_symfill_fail(error, "its user_types are damaged");
	isf_find(isf, "_MMPTE", &type, &pte);
	if (!nt_symfill_arch(isf->machine, pte, &arch))
		return nt_symfill_fail(error,
				       "machine_type %u: expected 332 (x86),"
				       " 34404 (x64) or 43620 (ARM64)",
				       (unsigned)isf->machine);
	nt_symbols_set_id(symbols, isf->id.name, isf->id.guid, isf->id.age);
	nt_symbols_set_arch(symbols, arch);
	nt_symfill_types(symbols, &types);
	if (!read_symbols(isf, symbols))
		return nt_symfill_fail(error, "its symbols are damaged");
	return true;
}

static bool read_parts(struct isf *isf, GError **error)
{
	if (!find_parts(isf))
		return nt_symfill_fail(error, "damaged JSON");
	if (!read_id(isf))
		return nt_symfill_fail(error,
				       "no ISF of Windows: it has no"
				       " metadata.windows.pdb with GUID and"
				       " age");
	return true;
}

NtSymbols *nt_isf_read(const char *path, const void *text, size_t len_bytes,
		       GError **error)
{
	struct isf isf = { .text = text, .len_bytes = len_bytes };
	g_autoptr(NtSymbols) symbols = nt_symbols_new(path, "ISF");
	bool ok;

	if (!read_parts(&isf, error))
		return NULL;
	isf.structs = g_array_new(FALSE, FALSE, sizeof(struct isf_struct));
	ok = fill(&isf, symbols, error);
	g_array_unref(isf.structs);
	return ok ? g_steal_pointer(&symbols) : NULL;
}

bool nt_isf_id(const void *text, size_t len_bytes, struct nt_pdb_id *ret)
{
	struct isf isf = { .text = text, .len_bytes = len_bytes };

	if (!find_parts(&isf) || !read_id(&isf))
		return false;
	*ret = isf.id;
	return true;
}
