/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of reading ISF and PDB files that the builder made. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "lib/mksym.h"
#include "nt/profile.h"
#include "nt/symfile.h"

#define GUID "0123456789ABCDEFFEDCBA9876543210"

static const struct mk_address addresses[] = {
	{ "PsActiveProcessHead", 0x45678 },
	{ "PspCidTable", 0x0f4321 },
	{ "KiSystemStartup", 0x123456 },
	{ "MiState", 0xc00000 },
	{ "NotOfUse", 0x5000 },
};

static const struct mk_symbols plain = {
	.guid = GUID,
	.age = 3,
	.addresses = addresses,
	.n_addresses = G_N_ELEMENTS(addresses),
};

/* Forms of files that must all say the same. */
enum form { FORM_ISF, FORM_PDB, FORM_PDB_SMALL, FORM_PDB_OLD,
	    FORM_PDB_NEW, FORMS };

static GBytes *make(const struct nt_layout *layout, enum form form)
{
	struct mk_symbols s = plain;

	s.layout = layout;
	if (form == FORM_ISF)
		return g_string_free_to_bytes(mk_isf_text(&s));
	if (form == FORM_PDB_SMALL) {
		s.block_bytes = 512;
		s.scattered = true;
		s.rearranged = true;
	}
	s.old_names = form == FORM_PDB_OLD;
	s.new_structs = form == FORM_PDB_NEW;
	return g_byte_array_free_to_bytes(mk_pdb_bytes(&s));
}

static NtSymbols *load(GBytes *bytes, GError **error)
{
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	/* A copy of its own, so that a read beyond its end is found. */
	g_autofree void *copy = g_memdup2(data, len);
	g_autoptr(ImageIo) io = image_io_memory(copy, len);

	return nt_symfile_load_io("folder/ntkrnlmp.pdb", io, error);
}

/* In a layout that is a guess, what is within a member may not lie there. */
static bool is_doubtful(const struct nt_layout *layout, const char *name)
{
	const char *dot = strchr(name, '.');

	return !layout_complete(layout) && strchr(dot + 1, '.');
}

static void assert_fields(const NtSymbols *s, const struct nt_layout *layout)
{
	const char *name;

	for (size_t i = 0; (name = layouts_field_name(i)); i++) {
		struct nt_field want = { 0 }, got = { 0 };
		bool there = layout_field(layout, name, &want, NULL);

		if (is_doubtful(layout, name))
			continue;
		ck_assert_msg(nt_symbols_field(s, name, &got) == there,
			      "%s %s", layout_id(layout), name);
		ck_assert_msg(want.offset == got.offset &&
				      want.bit_pos == got.bit_pos &&
				      want.bit_len == got.bit_len,
			      "%s %s: %x %u %u, not %x %u %u",
			      layout_id(layout), name, got.offset, got.bit_pos,
			      got.bit_len, want.offset, want.bit_pos,
			      want.bit_len);
	}
}

static void assert_sizes(const NtSymbols *s, const struct nt_layout *layout)
{
	const char *name;

	for (size_t i = 0; (name = layouts_struct_name(i)); i++) {
		uint32_t want = 0, got = 0;
		bool there = layout_size(layout, name, &want);

		ck_assert(nt_symbols_size(s, name, &got) == there);
		ck_assert_uint_eq(got, want);
	}
}

static void assert_types(const NtSymbols *s, const struct nt_layout *layout)
{
	const char *name;

	for (size_t i = 0; (name = layouts_type_name(i)); i++) {
		const char *want = layout_type(layout, name);
		const char *got = nt_symbols_type(s, name);

		if (want && g_str_has_prefix(want, "__anonymous"))
			want = "anon";
		/* A type that the layout does not know is made up. */
		if (want)
			ck_assert_str_eq(got ? got : "-", want);
	}
}

static void assert_arch(const NtSymbols *s, const struct nt_layout *layout)
{
	uint32_t pte;

	if (layout_size(layout, "_MMPTE", &pte) ||
	    layout_arch(layout) != NT_ARCH_X86PAE)
		ck_assert_int_eq(nt_symbols_arch(s), layout_arch(layout));
	ck_assert_str_eq(nt_symbols_guid(s), GUID);
	ck_assert_str_eq(nt_symbols_pdb(s), "ntkrnlmp.pdb");
	ck_assert_uint_eq(nt_symbols_age(s), 3);
}

static void assert_addresses(const NtSymbols *s)
{
	uint32_t rva;

	for (size_t i = 0; i < G_N_ELEMENTS(addresses) - 1; i++) {
		ck_assert_msg(nt_symbols_address(s, addresses[i].name, &rva),
			      "%s", addresses[i].name);
		ck_assert_uint_eq(rva, addresses[i].rva);
	}
	ck_assert_uint_eq(nt_symbols_n_addresses(s),
			  G_N_ELEMENTS(addresses) - 1);
}

/* All that a layout says comes back, whatever the form of the file. */
START_TEST(test_round)
{
	const struct nt_layout *layout = layouts_get((size_t)_i);

	for (enum form form = 0; form < FORMS; form++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GBytes) bytes = make(layout, form);
		g_autoptr(NtSymbols) s = load(bytes, &error);

		ck_assert_msg(s != NULL, "%s %u: %s", layout_id(layout), form,
			      error ? error->message : "?");
		ck_assert_str_eq(nt_symbols_kind(s),
				 form == FORM_ISF ? "ISF" : "PDB");
		assert_fields(s, layout);
		assert_sizes(s, layout);
		assert_types(s, layout);
		assert_arch(s, layout);
		assert_addresses(s);
	}
}
END_TEST

/* A profile out of a file is that out of the layout. */
START_TEST(test_profile)
{
	const struct nt_layout *layout = layouts_find("amd64-10.0.19041-b");
	const struct nt_source source = { .layout = layout };
	struct nt_profile want;

	ck_assert(nt_profile_fill(&source, &want));
	for (enum form form = 0; form < FORMS; form++) {
		g_autoptr(GBytes) bytes = make(layout, form);
		g_autoptr(NtSymbols) s = load(bytes, NULL);
		const struct nt_source own = { .symbols = s };
		struct nt_profile got;

		ck_assert(nt_profile_fill(&own, &got));
		ck_assert_str_eq(nt_profile_name(&got), "ntkrnlmp.pdb");
		got.source = want.source;
		ck_assert_mem_eq(&got, &want, sizeof got);
	}
}
END_TEST

/* Whatever was read must be fit for use. */
static void assert_sane(const NtSymbols *s)
{
	const char *name;

	for (size_t i = 0; (name = layouts_field_name(i)); i++) {
		struct nt_field f;

		if (nt_symbols_field(s, name, &f))
			ck_assert(f.offset <= 16 * MIB &&
				  f.bit_pos + f.bit_len <= 64);
	}
}

static void assert_survives(const uint8_t *data, gsize len)
{
	g_autoptr(GBytes) bytes = g_bytes_new(data, len);
	g_autoptr(GError) error = NULL;
	g_autoptr(NtSymbols) s = load(bytes, &error);

	ck_assert(!s == !!error);
	if (s)
		assert_sane(s);
	else
		ck_assert_ptr_null(strchr(error->message, '\n'));
}

static const struct nt_layout *some_layout(void)
{
	return layouts_find("x86-6.1.7601-a") ?
		       layouts_find("x86-6.1.7601-a") :
		       layouts_find("amd64-10.0.19041-b");
}

START_TEST(test_truncated)
{
	g_autoptr(GBytes) bytes = make(some_layout(), (enum form)_i);
	gsize len;
	const uint8_t *data = g_bytes_get_data(bytes, &len);

	for (unsigned i = 0; i < 64; i++)
		assert_survives(data, len * i / 64);
	for (gsize n = 0; n < 200; n++)
		assert_survives(data, n);
	assert_survives(data, len - 1);
}
END_TEST

/* The same numbers each time. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

START_TEST(test_flipped)
{
	g_autoptr(GBytes) bytes = make(some_layout(), (enum form)_i);
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	gsize len;
	const uint8_t *data = g_bytes_get_data(bytes, &len);

	for (unsigned i = 0; i < 1000; i++) {
		g_autofree uint8_t *copy = g_memdup2(data, len);
		unsigned n = 1 + (unsigned)(draw(&state) % 8);

		/* Half of them in the headers. */
		while (n--)
			copy[draw(&state) % (i % 2 ? len : 4096)] ^=
				(uint8_t)(1u << draw(&state) % 8);
		assert_survives(copy, len);
	}
}
END_TEST

/* A file that claims what it does not have must not cost memory or time. */
START_TEST(test_claims)
{
	static const unsigned at[] = { 32, 36, 40, 44, 48, 52 };
	g_autoptr(GBytes) bytes = make(some_layout(), FORM_PDB);
	gsize len;
	const uint8_t *data = g_bytes_get_data(bytes, &len);

	for (size_t i = 0; i < G_N_ELEMENTS(at); i++) {
		g_autofree uint8_t *copy = g_memdup2(data, len);

		memset(copy + at[i], 0xff, 4);
		assert_survives(copy, len);
		memset(copy + at[i], 0, 4);
		assert_survives(copy, len);
	}
}
END_TEST

static NtSymbols *load_text(const char *text, GError **error)
{
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));

	return load(bytes, error);
}

#define HEAD(machine)                                                        \
	"{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID               \
	"\",\"age\":1,\"database\":\"a.pdb\",\"machine_type\":" machine "}}},"

/* Structures within each other, in ways that no compiler makes. */
START_TEST(test_odd_isf)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(NtSymbols) s = load_text(
		HEAD("34404")
		"\"user_types\":{"
		"\"_EPROCESS\":{\"size\":64,\"fields\":{"
		"\"Peb\":{\"offset\":99999999,\"type\":{}},"
		"\"Token\":{\"offset\":\"8\",\"type\":{}},"
		"\"Flags\":{\"offset\":4,\"type\":{\"kind\":\"bitfield\","
		"\"bit_position\":60,\"bit_length\":9}},"
		"\"x\":{\"offset\":8,\"anonymous\":true,\"type\":"
		"{\"kind\":\"struct\",\"name\":\"loop\"}}}},"
		"\"loop\":{\"size\":64,\"fields\":{"
		"\"UniqueProcessId\":{\"offset\":3,\"type\":{}},"
		"\"again\":{\"offset\":0,\"anonymous\":true,\"type\":"
		"{\"kind\":\"struct\",\"name\":\"loop\"}}}},"
		"\"_KPROCESS\":{\"size\":-1}}}", &error);
	struct nt_field f;
	uint32_t size;

	ck_assert_msg(s != NULL, "%s", error ? error->message : "");
	ck_assert(!nt_symbols_field(s, "_EPROCESS.Peb", &f));
	ck_assert(!nt_symbols_field(s, "_EPROCESS.Token", &f));
	ck_assert(!nt_symbols_field(s, "_EPROCESS.Flags", &f));
	ck_assert(nt_symbols_field(s, "_EPROCESS.UniqueProcessId", &f));
	ck_assert_uint_eq(f.offset, 11);
	ck_assert(nt_symbols_size(s, "_EPROCESS", &size) && size == 64);
	ck_assert(!nt_symbols_size(s, "_KPROCESS", &size));
}
END_TEST

/* Structures that are within each other, three times each, and take 16 MiB to
 * read: looked at only so often. */
START_TEST(test_fat_isf)
{
	g_autofree char *spaces = g_strnfill(16 * MIB, ' ');
	g_autoptr(GString) text = g_string_new(
		HEAD("34404") "\"user_types\":{");
	const clock_t start = clock();
	const char *name;
	g_autoptr(NtSymbols) s = NULL;

	for (size_t i = 0; (name = layouts_struct_name(i)); i++)
		g_string_append_printf(
			text,
			"\"%s\":{\"size\":8,\"fields\":{\"x\":{\"offset\":0,"
			"\"anonymous\":true,\"type\":{\"kind\":\"struct\","
			"\"name\":\"fat\"}}}},",
			name);
	g_string_append(text, "\"fat\":{\"fields\":{");
	for (unsigned i = 0; i < 3; i++)
		g_string_append_printf(
			text,
			"%s\"%u\":{\"offset\":0,\"anonymous\":true,"
			"\"type\":{%s\"kind\":\"struct\",\"name\":\"fat\"}}",
			i ? "," : "", i, i ? "" : spaces);
	g_string_append(text, "}}}}");
	s = load_text(text->str, NULL);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(nt_symbols_n_fields(s), 0);
	ck_assert((clock() - start) / CLOCKS_PER_SEC < 20);
}
END_TEST

START_TEST(test_more_fields)
{
	g_autoptr(NtSymbols) s = load_text(
		HEAD("332") "\"user_types\":{\"_MMPTE_HARDWARE\":{\"fields\":{"
		"\"Write\":{\"offset\":0,\"type\":{\"kind\":\"bitfield\","
		"\"bit_position\":1,\"bit_length\":1}}}}}}", NULL);
	struct nt_field f;

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(nt_symbols_arch(s), NT_ARCH_X86);
	ck_assert(nt_symbols_field(s, "_MMPTE_HARDWARE.Write", &f));
	ck_assert(f.offset == 0 && f.bit_pos == 1 && f.bit_len == 1);
}
END_TEST

static const char *const refused[] = {
	"", "x", "[]", "{}", "{\"metadata\":{}}", "{\"user_types\":{}}",
	"{\"metadata\":{\"linux\":{}},\"user_types\":{}}",
	HEAD("34404") "\"user_types\":[]}", HEAD("34404") "\"user_types\":{",
	HEAD("34404") "\"symbols\":{}}", HEAD("512") "\"user_types\":{}}",
	HEAD("34404") "\"user_types\":{},\"symbols\":[]}",
	"\x1f\x8b\x08", "\xfd" "7zXZ", "\x1f\x8b\x08 not gzip at all",
	"Microsoft C/C++ MSF 7.00\r\n\x1a" "DS",
	"Microsoft C/C++ program database 2.00\r\n\x1aJG",
};

START_TEST(test_refused)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(NtSymbols) s = load_text(refused[_i], &error);

	ck_assert_msg(!s, "%s", refused[_i]);
	ck_assert_uint_gt(strlen(error->message), 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-symfile");
	TCase *tcase = unit_case(suite, "symfile");

	tcase_add_loop_test(tcase, test_round, 0, (int)layouts_count());
	tcase_add_test(tcase, test_profile);
	tcase_add_loop_test(tcase, test_truncated, 0, FORMS);
	tcase_add_loop_test(tcase, test_flipped, 0, FORMS);
	tcase_add_test(tcase, test_claims);
	tcase_add_test(tcase, test_odd_isf);
	tcase_add_test(tcase, test_fat_isf);
	tcase_add_test(tcase, test_more_fields);
	tcase_add_loop_test(tcase, test_refused, 0, G_N_ELEMENTS(refused));
	return unit_main(suite);
}
