/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: bytes as a symbol file, by what it begins with. */
#include "config.h"

#include <glib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "lib/mksym.h"
#include "nt/profile.h"
#include "nt/symfile.h"

static void check_fields(const NtSymbols *s)
{
	const char *name;

	for (size_t i = 0; (name = layouts_field_name(i)); i++) {
		struct nt_field f;

		if (!nt_symbols_field(s, name, &f))
			continue;
		MUST(f.offset <= 16u << 20);
		MUST(f.bit_pos + f.bit_len <= 64);
	}
}

static void check_rest(const NtSymbols *s)
{
	const char *name;
	uint32_t n;

	for (size_t i = 0; (name = layouts_struct_name(i)); i++)
		MUST(!nt_symbols_size(s, name, &n) || (n && n <= 16u << 20));
	for (size_t i = 0; (name = layouts_symbol_name(i)); i++)
		MUST(!nt_symbols_address(s, name, &n) || n <= INT32_MAX);
	for (size_t i = 0; (name = layouts_type_name(i)); i++)
		if (nt_symbols_type(s, name))
			MUST(strlen(nt_symbols_type(s, name)) < 512);
	MUST(strlen(nt_symbols_guid(s)) == 32);
	MUST(!strchr(nt_symbols_pdb(s), '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(ImageIo) io = image_io_memory(data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(NtSymbols) s = nt_symfile_load_io("fuzz", io, &error);
	struct nt_source source = { .symbols = s };
	struct nt_profile profile;

	MUST(!s == !!error);
	if (!s) {
		MUST(!strchr(error->message, '\n'));
		return 0;
	}
	check_fields(s);
	check_rest(s);
	if (nt_profile_fill(&source, &profile))
		MUST(profile.eprocess.pid <= 16u << 20);
	return 0;
}

void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	static const struct mk_address addresses[] = {
		{ "PsActiveProcessHead", 0x45678 }, { "MiState", 0xc00000 },
	};
	struct mk_symbols s = {
		.layout = layouts_find("amd64-10.0.19041-b"),
		.guid = "0123456789ABCDEFFEDCBA9876543210", .age = 1,
		.addresses = addresses, .n_addresses = 2, .block_bytes = 512,
	};
	GString *isf = mk_isf_text(&s);
	g_autoptr(GByteArray) pdb = mk_pdb_bytes(&s);
	g_autoptr(GByteArray) other = NULL;

	fn(ctx, (const uint8_t *)isf->str, isf->len);
	fn(ctx, pdb->data, pdb->len);
	s.rearranged = s.scattered = s.old_names = true;
	other = mk_pdb_bytes(&s);
	fn(ctx, other->data, other->len);
	s.old_names = false;
	s.new_structs = true;
	g_byte_array_unref(other);
	other = mk_pdb_bytes(&s);
	fn(ctx, other->data, other->len);
	fn(ctx, (const uint8_t *)"\x1f\x8b\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0",
	   20);
	fn(ctx, (const uint8_t *)"\xfd" "7zXZ\0\0\4\xe6\xd6\xb4\x46", 12);
	g_string_free(isf, TRUE);
}
