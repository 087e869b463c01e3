/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the JSON writer, by a parser that is not ours. */
#include "config.h"

#include "unit/unit-parse.h"
#include "unit/unit.h"

#include <string.h>

#include "tree/json.h"

static char *text_of(struct sink *out)
{
	char *text = g_strndup(out->buf, out->len);

	sink_clear(out);
	return text;
}

/* One string as the text of a document has it. */
static char *quoted(const char *utf8)
{
	struct sink out;
	struct json json;

	sink_init(&out, false);
	json_init(&json, &out, 0);
	json_str(&json, NULL, utf8);
	return text_of(&out);
}

static void fill(struct json *json)
{
	json_object(json, NULL);
	json_str(json, "name", "a \"b\"");
	json_null(json, "nothing");
	json_str(json, "no name", NULL);
	json_array(json, "list");
	json_u64(json, NULL, 0);
	json_u64(json, NULL, UINT64_C(1) << 53);
	json_u64(json, NULL, UINT64_MAX);
	json_i64(json, NULL, -5);
	json_end(json);
	json_array(json, "empty");
	json_end(json);
	json_object(json, "inner");
	json_hex(json, "short", 0x1a);
	json_hex_wide(json, "wide", 0x1a, 16);
	json_bool(json, "yes", true);
	json_bool(json, "no", false);
	json_object(json, "none");
	json_end(json);
	json_end(json);
	json_end(json);
	json_finish(json);
}

static void check_filled(const char *text)
{
	yajl_val v = unit_json(text);
	yajl_val list = unit_json_at(v, "list");

	ck_assert_str_eq(unit_json_str(v, "name"), "a \"b\"");
	ck_assert(YAJL_IS_NULL(unit_json_at(v, "nothing")));
	ck_assert(YAJL_IS_NULL(unit_json_at(v, "no name")));
	ck_assert_uint_eq(YAJL_GET_ARRAY(list)->len, 4);
	ck_assert_str_eq(YAJL_GET_NUMBER(YAJL_GET_ARRAY(list)->values[1]),
			 "9007199254740992");
	ck_assert_str_eq(YAJL_GET_STRING(YAJL_GET_ARRAY(list)->values[2]),
			 "18446744073709551615");
	ck_assert_int_eq(YAJL_GET_INTEGER(YAJL_GET_ARRAY(list)->values[3]),
			 -5);
	ck_assert_uint_eq(YAJL_GET_ARRAY(unit_json_at(v, "empty"))->len, 0);
	ck_assert_str_eq(unit_json_str(v, "inner.short"), "0x1a");
	ck_assert_str_eq(unit_json_str(v, "inner.wide"),
			 "0x000000000000001a");
	ck_assert(YAJL_IS_TRUE(unit_json_at(v, "inner.yes")));
	ck_assert(YAJL_IS_FALSE(unit_json_at(v, "inner.no")));
	yajl_tree_free(v);
}

/* However many lines it has, the document is the same; a sink that counts
 * agrees with one that keeps. */
START_TEST(test_document)
{
	unsigned n_lines = 0;

	for (unsigned lines = 0; lines < 3; lines++) {
		struct sink out, counted;
		struct json json;
		g_autofree char *text = NULL;
		unsigned n = 0;

		sink_init(&out, false);
		sink_init(&counted, true);
		json_init(&json, &out, lines);
		fill(&json);
		json_init(&json, &counted, lines);
		fill(&json);
		ck_assert_uint_eq(out.len, counted.len);
		text = text_of(&out);
		check_filled(text);
		for (const char *p = text; *p; p++)
			n += *p == '\n';
		ck_assert_uint_gt(n, n_lines);
		n_lines = n;
	}
}
END_TEST

START_TEST(test_strings)
{
	static const struct {
		const char *utf8, *want;
	} t[] = {
		{ "", "\"\"" },
		{ "a\\b\"c", "\"a\\\\b\\\"c\"" },
		{ "\n\t\r\x1b\x7f", "\"\\n\\t\\u000d\\u001b\\u007f\"" },
		{ "\xc3\xa4\xf0\x9f\x90\xa7", "\"\xc3\xa4\xf0\x9f\x90\xa7\"" },
		{ "\xff" "a\xc3", "\"\\ufffda\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xc0\x80", "\"\\ufffd\\ufffd\"" },
		{ "x\xe2\x80\xae" "fdp", "\"x\\u202efdp\"" },
		{ "\xc2\x85\xe2\x80\xa8", "\"\\u0085\\u2028\"" },
		{ "</script>", "\"</script>\"" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(t); i++) {
		g_autofree char *got = quoted(t[i].utf8);
		g_autofree char *array = g_strdup_printf("[%s]", got);

		ck_assert_str_eq(got, t[i].want);
		yajl_tree_free(unit_json(array));
	}
}
END_TEST

/* Any bytes whatever. */
START_TEST(test_any_bytes)
{
	char bytes[65536];
	uint32_t x = 1;
	g_autofree char *got = NULL, *array = NULL;

	for (size_t i = 0; i < sizeof bytes - 1; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (char)MAX(x >> 24, 1u);
	}
	bytes[sizeof bytes - 1] = '\0';
	got = quoted(bytes);
	array = g_strdup_printf("[%s]", got);
	yajl_tree_free(unit_json(array));
	for (const char *p = got; *p; p++)
		ck_assert((uint8_t)*p >= 0x20 && *p != 0x7f);
}
END_TEST

/* More levels than are kept apart, and ends too many: no harm. */
START_TEST(test_deep)
{
	struct sink out;
	struct json json;

	sink_init(&out, false);
	json_init(&json, &out, 3);
	for (unsigned i = 0; i < 100; i++)
		json_array(&json, NULL);
	for (unsigned i = 0; i < 120; i++)
		json_end(&json);
	ck_assert_uint_gt(out.len, 200);
	sink_clear(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-json");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_document);
	tcase_add_test(tcase, test_strings);
	tcase_add_test(tcase, test_any_bytes);
	tcase_add_test(tcase, test_deep);
	return unit_main(suite);
}
