/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the paths of a layout to structures. */
#include "config.h"

#include "lib/mksym.h"

#include <string.h>

static void struct_free(gpointer data)
{
	struct mk_struct *s = data;

	for (guint i = 0; i < s->members->len; i++) {
		struct mk_member *m =
			&g_array_index(s->members, struct mk_member, i);

		g_free(m->name);
		if (m->within)
			struct_free(m->within);
	}
	g_array_unref(s->members);
	g_free(s->name);
	g_free(s);
}

static struct mk_struct *struct_new(const char *name)
{
	struct mk_struct *s = g_new0(struct mk_struct, 1);

	s->name = g_strdup(name);
	s->members = g_array_new(FALSE, FALSE, sizeof(struct mk_member));
	return s;
}

static struct mk_struct *find_struct(GPtrArray *structs, const char *name)
{
	struct mk_struct *s;

	for (guint i = 0; i < structs->len; i++) {
		s = g_ptr_array_index(structs, i);
		if (strcmp(s->name, name) == 0)
			return s;
	}
	s = struct_new(name);
	g_ptr_array_add(structs, s);
	return s;
}

static struct mk_member *find_member(struct mk_struct *s, const char *name)
{
	const guint n = s->members->len;

	for (guint i = 0; i < n; i++) {
		struct mk_member *m =
			&g_array_index(s->members, struct mk_member, i);

		if (strcmp(m->name, name) == 0)
			return m;
	}
	g_array_set_size(s->members, n + 1);
	g_array_index(s->members, struct mk_member, n) =
		(struct mk_member){.name = g_strdup(name)};
	return &g_array_index(s->members, struct mk_member, n);
}

/* A member by its path; what it is within is made where it is not there. */
static void add_path(GPtrArray *structs, const struct nt_layout *layout,
		     const char *path, unsigned int number)
{
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	struct mk_struct *s = find_struct(structs, parts[0]);
	struct nt_field field;
	struct mk_member *m;
	uint32_t base = 0;

	if (!layout_field(layout, path, &field, NULL))
		return;
	for (int i = 1; parts[i + 1]; i++) {
		m = find_member(s, parts[i]);
		if (!m->within) {
			m->within = struct_new(NULL);
			m->within->number = number * 4 + (unsigned int)i;
		}
		base += m->offset;
		s = m->within;
	}
	m = find_member(s, parts[g_strv_length(parts) - 1]);
	m->offset = field.offset - base;
	m->bit_pos = field.bit_pos;
	m->bit_len = field.bit_len;
	m->type = layout_type(layout, path);
}

GPtrArray *mk_structs_new(const struct nt_layout *layout)
{
	GPtrArray *structs = g_ptr_array_new_with_free_func(struct_free);
	const char *name;
	uint32_t size;

	/* Sorted: what is within a member comes after it. */
	for (size_t i = 0; layout && (name = layouts_field_name(i)); i++)
		if (layout_field(layout, name, &(struct nt_field){0}, NULL))
			add_path(structs, layout, name, (unsigned int)i);
	for (size_t i = 0; layout && (name = layouts_struct_name(i)); i++)
		if (layout_size(layout, name, &size))
			find_struct(structs, name)->size = size;
	return structs;
}

unsigned int mk_layout_pointer(const struct nt_layout *layout)
{
	return layout && (layout_arch(layout) == NT_ARCH_X86 ||
			  layout_arch(layout) == NT_ARCH_X86PAE)
		       ? 4
		       : 8;
}

unsigned int mk_layout_machine(const struct nt_layout *layout)
{
	if (mk_layout_pointer(layout) == 4)
		return 0x14c;
	if (layout && layout_arch(layout) == NT_ARCH_ARM64)
		return 0xaa64;
	return 0x8664;
}
