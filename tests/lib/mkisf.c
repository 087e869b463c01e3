/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symbol files in the form that Volatility 3 has. */
#include "config.h"

#include "lib/mksym.h"

#include <stdlib.h>
#include <string.h>

/* "ptr:", "arrN:" and what is behind them, as nested objects. */
static void put_type(GString *out, const char *type)
{
	int depth = 0;

	for (;; depth++) {
		if (g_str_has_prefix(type, "ptr:")) {
			g_string_append(out, "{\"kind\": \"pointer\", "
					     "\"subtype\": ");
			type += 4;
		} else if (g_str_has_prefix(type, "arr")) {
			g_string_append_printf(
				out,
				"{\"count\": %d, \"kind\": \"array\", "
				"\"subtype\": ",
				atoi(type + 3));
			type = strchr(type, ':') + 1;
		} else {
			break;
		}
	}
	g_string_append_printf(out, "{\"kind\": \"%s\", \"name\": \"%s\"}",
			       *type == '_' ? "struct" : "base", type);
	while (depth--)
		g_string_append_c(out, '}');
}

static void put_member(GString *out, const struct mk_member *m)
{
	g_string_append_printf(out, "\"%s\": {\"offset\": %u, \"type\": ",
			       m->name, m->offset);
	if (m->within)
		g_string_append_printf(out,
				       "{\"kind\": \"union\", "
				       "\"name\": \"__unnamed_%x\"}",
				       m->within->number);
	else if (m->bit_len)
		g_string_append_printf(
			out,
			"{\"bit_length\": %u, \"bit_position\": %u, "
			"\"kind\": \"bitfield\", \"type\": {\"kind\": "
			"\"base\", \"name\": \"unsigned long long\"}}",
			m->bit_len, m->bit_pos);
	else
		put_type(out, m->type ? m->type : "unsigned char");
	g_string_append_c(out, '}');
}

static void put_struct(GString *out, const struct mk_struct *s)
{
	if (s->name)
		g_string_append_printf(out, "\"%s\": {\"fields\": {",
				       s->name);
	else
		g_string_append_printf(out,
				       "\"__unnamed_%x\": {\"fields\": {",
				       s->number);
	for (guint i = 0; i < s->members->len; i++) {
		g_string_append(out, i ? ", " : "");
		put_member(out, &g_array_index(s->members, struct mk_member,
					       i));
	}
	g_string_append_printf(out, "}, \"kind\": \"%s\", \"size\": %u},\n",
			       s->name ? "struct" : "union", s->size);
	for (guint i = 0; i < s->members->len; i++) {
		const struct mk_member *m =
			&g_array_index(s->members, struct mk_member, i);

		if (m->within)
			put_struct(out, m->within);
	}
}

static void put_metadata(GString *out, const struct mk_symbols *s)
{
	g_string_append_printf(
		out,
		"\"metadata\": {\"format\": \"6.1.0\", \"windows\": {\"pdb\": "
		"{\"GUID\": \"%s\", \"age\": %u, \"database\": \"%s\", "
		"\"machine_type\": %u}}},\n",
		s->guid, s->age, s->pdb ? s->pdb : "ntkrnlmp.pdb",
		mk_layout_machine(s->layout));
}

GString *mk_isf_text(const struct mk_symbols *symbols)
{
	GPtrArray *structs = mk_structs_new(symbols->layout);
	GString *out = g_string_new(
		"{\"base_types\": {\"unsigned char\": {\"endian\": \"little\","
		" \"kind\": \"int\", \"signed\": false, \"size\": 1}},\n"
		"\"enums\": {}, ");

	put_metadata(out, symbols);
	g_string_append(out, "\"symbols\": {");
	for (size_t i = 0; i < symbols->n_addresses; i++)
		g_string_append_printf(out, "\"%s\": {\"address\": %u},\n",
				       symbols->addresses[i].name,
				       symbols->addresses[i].rva);
	g_string_append(out, "\"__ImageBase\": {\"address\": 0}},\n"
			     "\"user_types\": {");
	for (guint i = 0; i < structs->len; i++)
		put_struct(out, g_ptr_array_index(structs, i));
	g_string_append(out, "\"_GUID\": {\"fields\": {}, \"kind\": "
			     "\"struct\", \"size\": 16}}}\n");
	g_ptr_array_unref(structs);
	return out;
}

bool mk_isf_write(const char *path, const struct mk_symbols *symbols,
		  GError **error)
{
	GString *text = mk_isf_text(symbols);
	bool ok = g_file_set_contents(path, text->str, (gssize)text->len,
				      error);

	g_string_free(text, TRUE);
	return ok;
}
