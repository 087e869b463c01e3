/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what becomes of the JSON of an ISF, made by hand here. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "nt/isf.h"

#define GUID "0123456789ABCDEFFEDCBA9876543210"
#define PDB                                                                  \
	"\"pdb\":{\"GUID\":\"" GUID "\",\"age\":1,\"database\":\"a.pdb\","   \
	"\"machine_type\":34404}"
#define HEAD "{\"metadata\":{\"windows\":{" PDB "}},"
/* A member, with the rest of its object. */
#define FIELD(name, rest) "\"" name "\":{\"type\":{}," rest "}"

static NtSymbols *read_bytes(const void *text, size_t len, GError **error)
{
	/* A copy of its own, so that a read beyond its end is found. */
	g_autofree void *copy = g_memdup2(text, len);

	return nt_isf_read("folder/a.json", copy, len, error);
}

static NtSymbols *read_text(const char *text)
{
	g_autoptr(GError) error = NULL;
	NtSymbols *s = read_bytes(text, strlen(text), &error);

	ck_assert(!s == !!error);
	ck_assert_msg(s != NULL, "%s: %s", error ? error->message : "", text);
	return s;
}

/* Refused, and for that reason. */
static void assert_refused(const char *text, size_t len, const char *why)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(NtSymbols) s = read_bytes(text, len, &error);

	ck_assert_msg(!s, "%.200s", text);
	ck_assert_msg(strstr(error->message, why) != NULL, "%s, not %s: %.200s",
		      error->message, why, text);
}

static void assert_offset(const NtSymbols *s, const char *name, uint32_t want)
{
	struct nt_field f = { 0 };

	ck_assert_msg(nt_symbols_field(s, name, &f), "%s", name);
	ck_assert_msg(f.offset == want, "%s: %x", name, f.offset);
}

/* Nothing of this is in the order in which it is of use. */
START_TEST(test_order)
{
	g_autoptr(NtSymbols) s = read_text(
		" { \"symbols\" : {\"MiState\":{\"type\":{\"a\":[{}]},"
		"\"address\":77}},\n\"other\":[1,[{\"metadata\":2}],null],"
		"\"user_types\":{\"_EPROCESS\":{\"fields\":{"
		"\"Flags\":{\"type\":{\"bit_length\":2,\"type\":{\"kind\":"
		"\"base\"},\"bit_position\":3,\"kind\":\"bitfield\"},"
		"\"offset\":12},\"u\":{\"anonymous\":true,\"offset\":32,"
		"\"type\":{\"name\":\"IN\",\"kind\":\"union\"}}},"
		"\"size\":99},\"IN\":{\"fields\":{" FIELD(
			"UniqueProcessId", "\"offset\":8") "}}},"
		"\"metadata\":{\"windows\":{" PDB "}}}\t");
	struct nt_field f;
	uint32_t n;

	ck_assert(nt_symbols_address(s, "MiState", &n) && n == 77);
	ck_assert(nt_symbols_size(s, "_EPROCESS", &n) && n == 99);
	ck_assert(nt_symbols_field(s, "_EPROCESS.Flags", &f));
	ck_assert(f.offset == 12 && f.bit_pos == 3 && f.bit_len == 2);
	assert_offset(s, "_EPROCESS.UniqueProcessId", 40);
	ck_assert_str_eq(nt_symbols_pdb(s), "a.pdb");
	ck_assert_str_eq(nt_symbols_guid(s), GUID);
	ck_assert_int_eq(nt_symbols_arch(s), NT_ARCH_AMD64);
	ck_assert_uint_eq(nt_symbols_n_fields(s), 2);
	ck_assert_uint_eq(nt_symbols_n_addresses(s), 1);
}
END_TEST

/* Names are what is meant, however they are written. */
START_TEST(test_escapes)
{
	g_autoptr(NtSymbols) s = read_text(
		HEAD "\"user\\u005ftypes\":{\"\\u005FEPROCESS\":{\"fields\":{"
		FIELD("\\u0050eb", "\"\\u006fffset\":24") ","
		FIELD("Token\\u0000", "\"offset\":1") ","
		FIELD("\\ud83d\\ude00\\ud83d\\\"\\/", "\"offset\":2")
		"}}},\"symbols\":{\"\\u004diState\":{\"address\":5},"
		"\"PspCidTable\\u0000\":{\"address\":6}}}");
	uint32_t n;

	assert_offset(s, "_EPROCESS.Peb", 24);
	ck_assert_uint_eq(nt_symbols_n_fields(s), 1);
	ck_assert(nt_symbols_address(s, "MiState", &n) && n == 5);
	ck_assert_uint_eq(nt_symbols_n_addresses(s), 1);
}
END_TEST

/* Of keys that come twice the first counts, on every level. */
START_TEST(test_twice)
{
	g_autoptr(NtSymbols) s = read_text(
		HEAD "\"metadata\":{\"windows\":{\"pdb\":{\"age\":7}}},"
		"\"user_types\":{\"_EPROCESS\":{\"size\":8,\"size\":9,"
		"\"fields\":{"
		FIELD("Peb", "\"offset\":16,\"offset\":17") ","
		FIELD("Peb", "\"offset\":18") "},\"fields\":{"
		FIELD("Token", "\"offset\":24") "}},"
		"\"_EPROCESS\":{\"size\":10,\"fields\":{"
		FIELD("Token", "\"offset\":32") "}}},"
		"\"user_types\":{\"_KPROCESS\":{\"size\":11}},"
		"\"symbols\":{\"MiState\":{\"address\":5,\"address\":6},"
		"\"MiState\":{\"address\":7}},\"symbols\":7}");
	struct nt_field f;
	uint32_t n;

	ck_assert_uint_eq(nt_symbols_age(s), 1);
	ck_assert(nt_symbols_size(s, "_EPROCESS", &n) && n == 8);
	assert_offset(s, "_EPROCESS.Peb", 16);
	ck_assert(!nt_symbols_field(s, "_EPROCESS.Token", &f));
	ck_assert(!nt_symbols_size(s, "_KPROCESS", &n));
	ck_assert(nt_symbols_address(s, "MiState", &n) && n == 5);
}
END_TEST

/* Numbers that are none of use count as not there, and end nothing. */
static const char *const numbers[] = {
	"-1", "1.5", "1e3", "18446744073709551615", "18446744073709551616",
	"9223372036854775808", "1e999999",
	"99999999999999999999999999999999999999999999999999999999999999",
	"\"8\"", "true", "null", "[8]", "{\"a\":8}", "{}", "[]",
};

START_TEST(test_numbers)
{
	g_autofree char *text = g_strdup_printf(
		HEAD "\"x\":%1$s,\"user_types\":{\"_EPROCESS\":{\"size\":%1$s,"
		"\"fields\":{" FIELD("Token", "\"offset\":%1$s") ","
		FIELD("Peb", "\"offset\":16") "}}},\"symbols\":{"
		"\"PspCidTable\":{\"address\":9},"
		"\"MiState\":{\"address\":%1$s}}}", numbers[_i]);
	g_autoptr(NtSymbols) s = read_text(text);
	uint32_t n;

	assert_offset(s, "_EPROCESS.Peb", 16);
	ck_assert_uint_eq(nt_symbols_n_fields(s), 1);
	ck_assert(!nt_symbols_size(s, "_EPROCESS", &n));
	ck_assert(!nt_symbols_address(s, "MiState", &n));
	ck_assert(nt_symbols_address(s, "PspCidTable", &n) && n == 9);
}
END_TEST

START_TEST(test_bits)
{
	g_autoptr(NtSymbols) s = read_text(
		HEAD "\"user_types\":{\"_EPROCESS\":{\"fields\":{\"Flags\":{"
		"\"offset\":4,\"type\":{\"kind\":\"bitfield\",\"bit_position\""
		":18446744073709551615,\"bit_length\":2}}}}}}");

	ck_assert_uint_eq(nt_symbols_n_fields(s), 0);
}
END_TEST

/* A value of JSON's own, and what is not. */
static const char *const bad[] = {
	"", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1",
	"{\"a\":1,}", "{,}", "{1:2}", "[}", "{\"a\":1]", "\"", "\"\\", "\"\\\"",
	"\"\n\"", "{\"a\" 1}", "]", ",", "[,1]", "{\"a\":}", "nul", "01", "+1",
	"\"\\x\"", "\"\\u12g4\"", "\"\xff\"", "'a'", "/*x*/1", "1}{",
};

START_TEST(test_bad)
{
	g_autofree char *text = g_strconcat(
		HEAD "\"user_types\":{},\"x\":", bad[_i], "}", NULL);

	assert_refused(text, strlen(text), "damaged JSON");
}
END_TEST

static const struct {
	const char *text, *why;
} wrong[] = {
	{ "null", "metadata" }, { "[]", "metadata" }, { "{}", "metadata" },
	{ "{\"metadata\":[{\"windows\":{" PDB "}}]}", "metadata" },
	{ "{\"metadata\":{" PDB "},\"user_types\":{}}", "metadata" },
	{ "{\"metadata\":{\"windows\":{\"pdb\":{\"age\":1}}}}", "GUID" },
	{ "{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID "\"}}}}",
	  "age" },
	{ "{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID "\","
	  "\"age\":4294967296}}}}", "age" },
	{ "{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID "0\","
	  "\"age\":1}}}}", "GUID" },
	{ HEAD "\"x\":1}", "user_types" },
	{ HEAD "\"user_types\":[]}", "user_types" },
	{ HEAD "\"user_types\":\"x\"}", "user_types" },
	{ HEAD "\"user_types\":{},\"symbols\":null}", "symbols" },
	{ HEAD "\"user_types\":{},\"symbols\":{\"a\":true}}", "symbols" },
	{ HEAD "\"user_types\":{}}{}", "damaged JSON" },
};

START_TEST(test_wrong)
{
	assert_refused(wrong[_i].text, strlen(wrong[_i].text), wrong[_i].why);
}
END_TEST

/* Wherever it ends, it is refused: nothing that is read is taken for all. */
START_TEST(test_cut)
{
	static const char text[] =
		HEAD "\"user_types\":{\"_EPROCESS\":{\"size\":8,\"fields\":{"
		"\"a\\\"\\u00e9\":{\"offset\":-1.5e3,\"anonymous\":true}}}},"
		"\"symbols\":{\"MiState\":{\"address\":5}}}";

	for (size_t n = 0; n < strlen(text); n++)
		assert_refused(text, n, "damaged JSON");
}
END_TEST

static char *nested(unsigned depth)
{
	g_autofree char *open = g_strnfill(depth, '[');
	g_autofree char *close = g_strnfill(depth, ']');

	return g_strconcat(HEAD "\"user_types\":{},\"x\":", open, close, "}",
			   NULL);
}

/* One level is that of the outer object. */
START_TEST(test_depth)
{
	g_autofree char *good = nested(63), *deep = nested(64);
	g_autofree char *deepest = g_strnfill(10 * MIB, '[');
	g_autoptr(NtSymbols) s = read_text(good);

	ck_assert_uint_eq(nt_symbols_age(s), 1);
	assert_refused(deep, strlen(deep), "nested too deep");
	assert_refused(deepest, 10 * MIB, "nested too deep");
}
END_TEST

/* Types of types. */
START_TEST(test_deep_type)
{
	g_autoptr(GString) text = g_string_new(
		HEAD "\"user_types\":{\"_EPROCESS\":{\"fields\":{\"Peb\":{"
		"\"offset\":8,\"type\":{\"kind\":\"pointer\"");
	g_autoptr(NtSymbols) s = NULL;

	for (unsigned i = 0; i < 50; i++)
		g_string_append(text, ",\"subtype\":{\"kind\":\"pointer\"");
	for (unsigned i = 0; i < 50; i++)
		g_string_append_c(text, '}');
	g_string_append(text, "}}}}}}");
	s = read_text(text->str);
	assert_offset(s, "_EPROCESS.Peb", 8);
}
END_TEST

/* The same many times, each with a name that begins with its number. */
static void assert_too_many(const char *head, const char *rest, unsigned n,
			    const char *why)
{
	g_autoptr(GString) text = g_string_new(HEAD "\"user_types\":{");

	g_string_append(text, head);
	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(text, "\"%u%s,", i, rest);
	assert_refused(text->str, text->len, why);
}

/* What would fill memory is no kernel's. */
START_TEST(test_too_many)
{
	g_autofree char *name = g_strnfill(1000, 'x');
	g_autofree char *named = g_strconcat(name, "\":{}", NULL);
	const char *member = "\"a\":{\"fields\":{";

	assert_too_many("", "\":{}", (1 << 16) + 1, "more types");
	assert_too_many(member, "\":{}", (1 << 18) + 1, "more types");
	assert_too_many(member,
			"\":{\"type\":{\"subtype\":{\"subtype\":{}}}}",
			90000, "more types");
	assert_too_many(member, named, 17000, "more names");
}
END_TEST

/* Names that are all alike but for their end, and looked for all the time. */
START_TEST(test_alike)
{
	g_autoptr(GString) text = g_string_new(
		HEAD "\"user_types\":{\"_EPROCESS\":{\"fields\":{");
	g_autofree char *name = g_strnfill(200, 'x');
	const clock_t start = clock();
	g_autoptr(NtSymbols) s = NULL;

	for (unsigned i = 0; i < 20000; i++)
		g_string_append_printf(
			text, "\"%u\":{\"offset\":0,\"anonymous\":true,"
			"\"type\":{\"kind\":\"struct\",\"name\":\"%s%u\"}},",
			i, name, i);
	g_string_append(text, FIELD("Peb", "\"offset\":8") "}}");
	for (unsigned i = 0; i < 20000; i++)
		g_string_append_printf(text, ",\"%s%u\":{\"fields\":{"
				       FIELD("Token", "\"offset\":3") "}}",
				       name, i);
	g_string_append(text, "}}");
	s = read_text(text->str);
	assert_offset(s, "_EPROCESS.Peb", 8);
	assert_offset(s, "_EPROCESS.Token", 3);
	ck_assert((clock() - start) / CLOCKS_PER_SEC < 10);
}
END_TEST

static bool id_of(const char *text, struct nt_pdb_id *ret)
{
	g_autofree void *copy = g_memdup2(text, strlen(text));

	return nt_isf_id(copy, strlen(text), ret);
}

/* The rest of the text is not looked at: that is for who reads it. */
START_TEST(test_id)
{
	struct nt_pdb_id id = { .age = 77 };

	ck_assert(!id_of("{\"metadata\":{\"windows\":{}},\"symbols\":{}}",
			 &id));
	ck_assert(!id_of("{\"metadata\":{\"windows\":{\"pdb\":{\"age\":", &id));
	ck_assert(!id_of("{\"metadata\":{\"windows\":{\"pdb\":{}}}}", &id));
	ck_assert_uint_eq(id.age, 77);
	ck_assert(id_of(HEAD "!", &id));
	ck_assert_uint_eq(id.age, 1);
	ck_assert_str_eq(id.guid, GUID);
	ck_assert_str_eq(id.name, "a.pdb");
	ck_assert(id_of("{\"symbols\":{\"a\":1},\"user_types\":[],"
			"\"metadata\":{\"windows\":{" PDB "}}}", &id));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-isf");
	TCase *tcase = unit_case(suite, "isf");

	tcase_add_test(tcase, test_order);
	tcase_add_test(tcase, test_escapes);
	tcase_add_test(tcase, test_twice);
	tcase_add_loop_test(tcase, test_numbers, 0, G_N_ELEMENTS(numbers));
	tcase_add_test(tcase, test_bits);
	tcase_add_loop_test(tcase, test_bad, 0, G_N_ELEMENTS(bad));
	tcase_add_loop_test(tcase, test_wrong, 0, G_N_ELEMENTS(wrong));
	tcase_add_test(tcase, test_cut);
	tcase_add_test(tcase, test_depth);
	tcase_add_test(tcase, test_deep_type);
	tcase_add_test(tcase, test_too_many);
	tcase_add_test(tcase, test_alike);
	tcase_add_test(tcase, test_id);
	return unit_main(suite);
}
