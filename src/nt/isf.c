/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading ISF: what the text says of types, for the resolver of paths, and
 * its symbols.
 */
#include "config.h"

#include <string.h>
#include <yajl/yajl_version.h>

#include "base/bytes.h"
#include "nt/isf.h"
#include "nt/isf_parse.h"
#include "nt/symfill.h"

/* Pointers to arrays of pointers to ... */
#define INNER_MAX 8
/* Bytes of a type's name that are of use. */
#define TYPE_NAME_MAX 128
/* References to types: 1 + the index of a type, 0 none; or with this bit the
 * index of a structure. */
#define STRUCTURE (UINT64_C(1) << 63)

static const char *name_at(const struct isf *isf, uint32_t pos)
{
	return isf->names->str + pos;
}

static const struct isf_struct *struct_at(const struct isf *isf, uint64_t i)
{
	return &g_array_index(isf->structs, struct isf_struct, i);
}

/* NULL: there is none. */
static const struct isf_type *type_at(const struct isf *isf, uint64_t ref)
{
	if (!ref || ref > isf->types->len)
		return NULL;
	return &g_array_index(isf->types, struct isf_type, ref - 1);
}

static int by_name(gconstpointer a, gconstpointer b, gpointer names)
{
	const char *base = ((const GString *)names)->str;

	return strcmp(base + ((const struct isf_struct *)a)->name,
		      base + ((const struct isf_struct *)b)->name);
}

/* So that they are found by name, the first of two with the same one; GLib's
 * sort keeps the order of those. (Not a GHashTable: names can be made up so
 * that it is slow.) */
static void sort_structs(struct isf *isf)
{
	g_array_sort_with_data(isf->structs, by_name, isf->names);
}

static bool find_struct(const struct isf *isf, const char *name, uint64_t *ret)
{
	uint64_t from = 0, to = isf->structs->len;

	while (from < to) {
		const uint64_t mid = (from + to) / 2;

		if (strcmp(name_at(isf, struct_at(isf, mid)->name), name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	if (!name[0] || from == isf->structs->len ||
	    strcmp(name_at(isf, struct_at(isf, from)->name), name))
		return false;
	*ret = STRUCTURE | from;
	return true;
}

static bool isf_find(void *ctx, const char *name, uint64_t *type,
		     uint64_t *size_bytes)
{
	const struct isf *isf = ctx;

	if (!find_struct(isf, name, type))
		return false;
	*size_bytes = struct_at(isf, *type & ~STRUCTURE)->size_bytes;
	return true;
}

/* The structure that a type is. */
static const struct isf_struct *struct_of(const struct isf *isf, uint64_t ref)
{
	const struct isf_type *t;

	if (!(ref & STRUCTURE)) {
		t = type_at(isf, ref);
		if (!t || t->kind != ISF_STRUCT ||
		    !find_struct(isf, name_at(isf, t->name), &ref))
			return NULL;
	}
	return struct_at(isf, ref & ~STRUCTURE);
}

static struct nt_member to_member(const struct isf *isf,
				  const struct isf_member *from)
{
	const struct isf_type *type = type_at(isf, from->type);
	struct nt_member m = {
		.name = name_at(isf, from->name),
		.name_len = strlen(name_at(isf, from->name)),
		.offset = from->offset,
		.anonymous = from->anonymous,
		.type = from->type,
	};

	if (type && type->kind == ISF_BITFIELD) {
		m.bit_pos = type->bit_pos;
		m.bit_len = type->bit_len;
	}
	return m;
}

/* Of its budget (symfill.h): the table is bounded, and the caller ends it. */
static void isf_each(void *ctx, uint64_t type, nt_member_fn fn, void *fn_ctx)
{
	const struct isf *isf = ctx;
	const struct isf_struct *s = struct_of(isf, type);

	for (uint32_t i = 0; s && i < s->n_members; i++) {
		const struct nt_member m =
			to_member(isf, &g_array_index(isf->members,
						      struct isf_member,
						      s->first + i));

		if (!fn(fn_ctx, &m))
			return;
	}
}

/* Volatility's names for what has none in the PDB. */
static bool is_unnamed(const char *name)
{
	return !name[0] || strchr(name, '<') ||
	       (g_str_has_prefix(name, "__") &&
		(strstr(name, "unnamed") || strstr(name, "anonymous")));
}

static char *isf_text(void *ctx, uint64_t ref)
{
	const struct isf *isf = ctx;
	const struct isf_type *t = type_at(isf, ref);
	g_autoptr(GString) text = g_string_new(NULL);

	for (int i = 0; i < INNER_MAX && t; i++, t = type_at(isf, t->inner)) {
		const char *name = name_at(isf, t->name);

		if (t->kind == ISF_POINTER) {
			g_string_append(text, "ptr:");
		} else if (t->kind == ISF_ARRAY) {
			g_string_append_printf(
				text, "arr%" G_GUINT64_FORMAT ":", t->count);
		} else if (t->kind != ISF_BITFIELD) {
			if (is_unnamed(name))
				name = "anon";
			g_string_append_len(
				text, name,
				(gssize)strnlen(name, TYPE_NAME_MAX));
			return g_string_free(g_steal_pointer(&text), FALSE);
		}
	}
	return NULL;
}

static bool has_id(const struct isf *isf)
{
	return isf->has_guid && isf->has_age;
}

static bool check(const struct isf *isf, enum nt_arch *arch, GError **error)
{
	uint64_t type, pte = 0;

	if (!has_id(isf))
		return nt_symfill_fail(error,
				       "no ISF of Windows: it has no"
				       " metadata.windows.pdb with GUID and"
				       " age");
	if (!isf->has_structs)
		return nt_symfill_fail(error, "it has no user_types");
	if (find_struct(isf, "_MMPTE", &type))
		pte = struct_at(isf, type & ~STRUCTURE)->size_bytes;
	return nt_symfill_arch(isf->machine, pte, arch) ||
	       nt_symfill_fail(error,
			       "machine_type %" G_GUINT64_FORMAT
			       ": expected 332 (x86), 34404 (x64) or 43620"
			       " (ARM64)",
			       isf->machine);
}

struct wanted {
	NtWanted *names;
	NtSymbols *symbols;
};

static void add_symbol(void *ctx, const char *name, uint64_t rva)
{
	const struct wanted *w = ctx;

	nt_wanted_add(w->names, w->symbols, name, strlen(name), rva);
}

static bool fill(struct isf *isf, const void *text, size_t len_bytes,
		 NtSymbols *symbols, GError **error)
{
	const struct nt_types types = { isf_find, isf_each, isf_text, isf };
	g_autoptr(NtWanted) names = nt_wanted_new();
	struct wanted wanted = { names, symbols };
	enum nt_arch arch;

	if (!nt_isf_parse(isf, text, len_bytes, add_symbol, &wanted, error))
		return false;
	sort_structs(isf);
	if (!check(isf, &arch, error))
		return false;
	nt_symbols_set_id(symbols, isf->id.name, isf->id.guid, isf->id.age);
	nt_symbols_set_arch(symbols, arch);
	nt_symfill_types(symbols, &types);
	return true;
}

NtSymbols *nt_isf_read(const char *path, const void *text, size_t len_bytes,
		       GError **error)
{
	g_autoptr(NtSymbols) symbols = nt_symbols_new(path, "ISF");
	struct isf isf;
	bool ok;

	nt_isf_init(&isf);
	ok = fill(&isf, text, len_bytes, symbols, error);
	nt_isf_clear(&isf);
	return ok ? g_steal_pointer(&symbols) : NULL;
}

bool nt_isf_id(const void *text, size_t len_bytes, struct nt_pdb_id *ret)
{
	struct isf isf;
	bool ok;

	nt_isf_init(&isf);
	ok = nt_isf_parse(&isf, text, len_bytes, NULL, NULL, NULL) &&
	     has_id(&isf);
	if (ok)
		*ret = isf.id;
	nt_isf_clear(&isf);
	return ok;
}

char *nt_isf_parser(void)
{
	const int v = yajl_version();

	return g_strdup_printf("yajl %d.%d.%d", v / 10000, v / 100 % 100,
			       v % 100);
}
