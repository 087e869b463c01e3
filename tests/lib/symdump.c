/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * symdump: what is read from a symbol file, as text; or what differs between
 * it and the built-in data of the same kernel.
 *
 *	symdump FILE
 *	symdump --compare FILE...
 *
 * Lines: "id KIND PDB GUID AGE ARCH", "field PATH OFFSET POS LEN" (offset in
 * hex), "size TYPE N", "type PATH TEXT", "symbol NAME RVA". The end code of
 * --compare is 1 where anything differs.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/symfile.h"

static void dump_fields(const NtSymbols *s)
{
	const char *name;

	for (size_t i = 0; (name = layouts_field_name(i)); i++) {
		struct nt_field f;

		if (nt_symbols_field(s, name, &f))
			printf("field %s %x %u %u\n", name, f.offset,
			       f.bit_pos, f.bit_len);
	}
}

static void dump(const NtSymbols *s)
{
	const char *name;
	uint32_t n;

	printf("id %s %s %s %u %u\n", nt_symbols_kind(s), nt_symbols_pdb(s),
	       nt_symbols_guid(s), nt_symbols_age(s),
	       (unsigned)nt_symbols_arch(s));
	dump_fields(s);
	for (size_t i = 0; (name = layouts_struct_name(i)); i++)
		if (nt_symbols_size(s, name, &n))
			printf("size %s %u\n", name, n);
	for (size_t i = 0; (name = layouts_type_name(i)); i++)
		if (nt_symbols_type(s, name))
			printf("type %s %s\n", name, nt_symbols_type(s, name));
	for (size_t i = 0; (name = layouts_symbol_name(i)); i++)
		if (nt_symbols_address(s, name, &n))
			printf("symbol %s %x\n", name, n);
}

struct counts {
	unsigned equal, different, only_file, only_built_in;
};

static void count(struct counts *c, const char *what, const char *name,
		  const char *file, const char *built_in)
{
	if (!file && !built_in)
		return;
	if (file && built_in && !strcmp(file, built_in)) {
		c->equal++;
		return;
	}
	if (file && built_in)
		c->different++;
	else if (file)
		c->only_file++;
	else
		c->only_built_in++;
	printf("%s %s: file %s, built-in %s\n", what, name,
	       file ? file : "-", built_in ? built_in : "-");
}

static char *field_text(bool there, struct nt_field f)
{
	return there ? g_strdup_printf("%x %u %u", f.offset, f.bit_pos,
				       f.bit_len) : NULL;
}

static char *number_text(bool there, uint32_t n)
{
	return there ? g_strdup_printf("0x%x", n) : NULL;
}

static void compare_fields(const NtSymbols *s, const struct nt_layout *layout,
			   struct counts *c)
{
	const char *name;

	for (size_t i = 0; (name = layouts_field_name(i)); i++) {
		struct nt_field f = { 0 }, g = { 0 };
		bool in_file = nt_symbols_field(s, name, &f);
		bool built_in = layout_field(layout, name, &g, NULL);
		g_autofree char *a = field_text(in_file, f);
		g_autofree char *b = field_text(built_in, g);

		count(c, "field", name, a, b);
	}
}

static void compare_sizes(const NtSymbols *s, const struct nt_layout *layout,
			  struct counts *c)
{
	const char *name;

	for (size_t i = 0; (name = layouts_struct_name(i)); i++) {
		uint32_t m = 0, n = 0;
		bool in_file = nt_symbols_size(s, name, &m);
		bool built_in = layout_size(layout, name, &n);
		g_autofree char *a = number_text(in_file, m);
		g_autofree char *b = number_text(built_in, n);

		count(c, "size", name, a, b);
	}
}

static void compare_types(const NtSymbols *s, const struct nt_layout *layout,
			  struct counts *c)
{
	const char *name;

	for (size_t i = 0; (name = layouts_type_name(i)); i++)
		count(c, "type", name, nt_symbols_type(s, name),
		      layout_type(layout, name));
}

static void compare_symbols(const NtSymbols *s, const struct nt_kernel *kernel,
			    struct counts *c)
{
	const char *name;

	for (size_t i = 0; (name = layouts_symbol_name(i)); i++) {
		uint32_t m = 0, n = 0;
		bool in_file = nt_symbols_address(s, name, &m);
		bool built_in = kernel_symbol(kernel, name, &n);
		g_autofree char *a = number_text(in_file, m);
		g_autofree char *b = number_text(built_in, n);

		count(c, "symbol", name, a, b);
	}
}

static bool compare(const NtSymbols *s)
{
	const struct nt_kernel *kernel =
		kernels_find(nt_symbols_guid(s), nt_symbols_age(s));
	struct counts c = { 0 };

	if (!kernel) {
		printf("%s: not built in\n", nt_symbols_guid(s));
		return true;
	}
	compare_fields(s, kernel_layout(kernel), &c);
	compare_sizes(s, kernel_layout(kernel), &c);
	compare_types(s, kernel_layout(kernel), &c);
	compare_symbols(s, kernel, &c);
	printf("%s %s: %u equal, %u different, %u only in the file, %u only"
	       " built in\n",
	       nt_symbols_guid(s), layout_id(kernel_layout(kernel)), c.equal,
	       c.different, c.only_file, c.only_built_in);
	return !c.different && !c.only_file && !c.only_built_in;
}

int main(int argc, char **argv)
{
	bool comparing = argc > 2 && !strcmp(argv[1], "--compare"), ok = true;

	for (int i = comparing ? 2 : 1; i < argc; i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(NtSymbols) s = nt_symfile_load(argv[i], &error);

		if (!s) {
			fprintf(stderr, "symdump: %s\n", error->message);
			ok = false;
		} else if (comparing) {
			ok &= compare(s);
		} else {
			dump(s);
		}
	}
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
