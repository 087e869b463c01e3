/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symbols of one kernel, by name. */
#include "config.h"

#include "base/text.h"
#include "nt/symbols.h"

struct NtSymbols {
	char *path;
	char *name;
	const char *kind;
	char *pdb;
	char *guid; /* upper case */
	uint32_t age;
	enum nt_arch arch;
	GHashTable *fields;    /* path -> struct nt_field, owned */
	GHashTable *sizes;     /* type -> size + 1 */
	GHashTable *types;     /* path -> type */
	GHashTable *addresses; /* name -> RVA + 1 */
};

NtSymbols *nt_symbols_new(const char *path, const char *kind)
{
	NtSymbols *s = g_new0(NtSymbols, 1);
	g_autofree char *name = g_path_get_basename(path);

	s->path = g_strdup(path);
	s->name = text_escape_line(name);
	s->kind = kind;
	s->pdb = g_strdup("");
	s->guid = g_strdup("");
	s->arch = NT_ARCH_AMD64;
	s->fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					  g_free);
	s->sizes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	s->types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					 g_free);
	s->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					     NULL);
	return s;
}

void nt_symbols_free(NtSymbols *symbols)
{
	if (!symbols)
		return;
	g_free(symbols->path);
	g_free(symbols->name);
	g_free(symbols->pdb);
	g_free(symbols->guid);
	g_hash_table_unref(symbols->fields);
	g_hash_table_unref(symbols->sizes);
	g_hash_table_unref(symbols->types);
	g_hash_table_unref(symbols->addresses);
	g_free(symbols);
}

void nt_symbols_set_id(NtSymbols *symbols, const char *name, const char *guid,
		       uint32_t age)
{
	g_free(symbols->pdb);
	g_free(symbols->guid);
	symbols->pdb = g_strdup(name);
	symbols->guid = g_ascii_strup(guid, -1);
	symbols->age = age;
}

void nt_symbols_set_arch(NtSymbols *symbols, enum nt_arch arch)
{
	symbols->arch = arch;
}

void nt_symbols_add_field(NtSymbols *symbols, const char *path,
			  struct nt_field field)
{
	if (g_hash_table_contains(symbols->fields, path))
		return;
	g_hash_table_insert(symbols->fields, g_strdup(path),
			    g_memdup2(&field, sizeof field));
}

/* Numbers are kept plus one, for 0 is a value. */
static void add_number(GHashTable *table, const char *name, uint32_t value)
{
	if (!g_hash_table_contains(table, name))
		g_hash_table_insert(table, g_strdup(name),
				    GSIZE_TO_POINTER((gsize)value + 1));
}

static bool get_number(GHashTable *table, const char *name, uint32_t *ret)
{
	gsize value = GPOINTER_TO_SIZE(g_hash_table_lookup(table, name));

	if (!value)
		return false;
	*ret = (uint32_t)(value - 1);
	return true;
}

void nt_symbols_add_size(NtSymbols *symbols, const char *type, uint32_t size)
{
	add_number(symbols->sizes, type, size);
}

void nt_symbols_add_type(NtSymbols *symbols, const char *path, const char *type)
{
	if (!g_hash_table_contains(symbols->types, path))
		g_hash_table_insert(symbols->types, g_strdup(path),
				    g_strdup(type));
}

void nt_symbols_add_address(NtSymbols *symbols, const char *name, uint32_t rva)
{
	add_number(symbols->addresses, name, rva);
}

const char *nt_symbols_path(const NtSymbols *symbols)
{
	return symbols->path;
}

const char *nt_symbols_name(const NtSymbols *symbols)
{
	return symbols->name;
}

const char *nt_symbols_kind(const NtSymbols *symbols)
{
	return symbols->kind;
}

const char *nt_symbols_pdb(const NtSymbols *symbols)
{
	return symbols->pdb;
}

const char *nt_symbols_guid(const NtSymbols *symbols)
{
	return symbols->guid;
}

uint32_t nt_symbols_age(const NtSymbols *symbols)
{
	return symbols->age;
}

enum nt_arch nt_symbols_arch(const NtSymbols *symbols)
{
	return symbols->arch;
}

bool nt_symbols_field(const NtSymbols *symbols, const char *path,
		      struct nt_field *ret)
{
	const struct nt_field *field =
		g_hash_table_lookup(symbols->fields, path);

	if (!field)
		return false;
	*ret = *field;
	return true;
}

bool nt_symbols_size(const NtSymbols *symbols, const char *type, uint32_t *ret)
{
	return get_number(symbols->sizes, type, ret);
}

const char *nt_symbols_type(const NtSymbols *symbols, const char *path)
{
	return g_hash_table_lookup(symbols->types, path);
}

bool nt_symbols_address(const NtSymbols *symbols, const char *name,
			uint32_t *rva)
{
	return get_number(symbols->addresses, name, rva);
}

size_t nt_symbols_n_fields(const NtSymbols *symbols)
{
	return g_hash_table_size(symbols->fields);
}

size_t nt_symbols_n_addresses(const NtSymbols *symbols)
{
	return g_hash_table_size(symbols->addresses);
}
