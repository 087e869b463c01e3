/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the JSON cursor. */
#include "config.h"

#include "unit/unit.h"

#include "base/json.h"

static struct json over(const char *text)
{
	struct json j;

	json_init(&j, text, strlen(text));
	return j;
}

START_TEST(test_walk)
{
	struct json j = over(" { \"a\" : 12 ,\n\"b\":{\"c\":[1,{},[]]},"
			     "\"d\":\"x\\\"y\",\"e\":-1.5e3,\"f\":null}");
	struct json_text name, text;
	bool first = true;
	uint64_t n;

	ck_assert(json_object(&j));
	ck_assert(json_member(&j, &first, &name));
	ck_assert(json_equal(name, "a") && !json_equal(name, "ab"));
	ck_assert_int_eq(json_peek(&j), '0');
	ck_assert(json_u64(&j, &n) && n == 12);
	ck_assert(json_member(&j, &first, &name) && json_equal(name, "b"));
	ck_assert_int_eq(json_peek(&j), '{');
	ck_assert(json_skip(&j));
	ck_assert(json_member(&j, &first, &name) && json_equal(name, "d"));
	ck_assert(json_string(&j, &text) && json_equal(text, "x\\\"y"));
	ck_assert(json_member(&j, &first, &name) && json_equal(name, "e"));
	ck_assert(json_skip(&j));
	ck_assert(json_member(&j, &first, &name) && json_equal(name, "f"));
	ck_assert(json_skip(&j));
	ck_assert(!json_member(&j, &first, &name));
	ck_assert(json_ok(&j));
	ck_assert_uint_eq(j.pos, j.len_bytes);
}
END_TEST

static const char *const good[] = {
	"{}", "[]", "[[],{}]", "\"\"", "0", "-1.5E+7", "true", "null",
	"{\"a\":[{\"b\":{}}],\"c\":\"\\\\\"}", " [ 1 , 2 ] ",
};

START_TEST(test_good)
{
	struct json j = over(good[_i]);

	ck_assert_msg(json_skip(&j) && json_ok(&j), "%s", good[_i]);
}
END_TEST

static const char *const bad[] = {
	"", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1",
	"{\"a\":1,}", "{,}", "{1:2}", "[}", "{\"a\":1]", "\"", "\"\\", "\"\\\"",
	"\"\n\"", "{\"a\" 1}", "]", ",", "[,1]", "{\"a\":}",
};

START_TEST(test_bad)
{
	struct json j = over(bad[_i]);

	ck_assert_msg(!json_skip(&j), "%s", bad[_i]);
	ck_assert(!json_ok(&j));
	/* bad for good */
	ck_assert(!json_object(&j) && !json_skip(&j));
	ck_assert_int_eq(json_peek(&j), 0);
}
END_TEST

/* Nothing is read behind the end, wherever that is. */
START_TEST(test_cut)
{
	const char *text = "{\"a\":[1,{\"b\":\"c\\\"d\"},true],\"e\":-1}";

	for (size_t n = 0; n < strlen(text); n++) {
		g_autofree char *copy = g_memdup2(text, n ? n : 1);
		struct json j;

		json_init(&j, copy, n);
		ck_assert_msg(!json_skip(&j), "%zu", n);
	}
}
END_TEST

START_TEST(test_numbers)
{
	struct json j = over("18446744073709551615");
	uint64_t n = 7;

	ck_assert(json_u64(&j, &n) && n == UINT64_MAX);
	j = over("18446744073709551616");
	ck_assert(!json_u64(&j, &n) && n == UINT64_MAX);
	j = over("1.5");
	ck_assert(!json_u64(&j, &n));
	j = over("-1");
	ck_assert(!json_u64(&j, &n));
	j = over("\"1\"");
	ck_assert(!json_u64(&j, &n));
	j = over("true");
	ck_assert(!json_u64(&j, &n));
}
END_TEST

START_TEST(test_depth)
{
	g_autofree char *deep = g_strnfill(10 * MIB, '[');
	char text[2 * JSON_DEPTH_MAX + 3] = { 0 };
	struct json j;

	json_init(&j, deep, 10 * MIB);
	ck_assert(!json_skip(&j));
	ck_assert_uint_le(j.pos, JSON_DEPTH_MAX);
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	j = over(text);
	ck_assert(json_skip(&j));
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	j = over(text);
	ck_assert(!json_skip(&j));
}
END_TEST

START_TEST(test_dup)
{
	struct json j = over("\"abc\"");
	struct json_text text;
	g_autofree char *copy = NULL;

	ck_assert(json_string(&j, &text));
	copy = json_dup(text);
	ck_assert_str_eq(copy, "abc");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-json");
	TCase *tcase = unit_case(suite, "json");

	tcase_add_test(tcase, test_walk);
	tcase_add_loop_test(tcase, test_good, 0, G_N_ELEMENTS(good));
	tcase_add_loop_test(tcase, test_bad, 0, G_N_ELEMENTS(bad));
	tcase_add_test(tcase, test_cut);
	tcase_add_test(tcase, test_numbers);
	tcase_add_test(tcase, test_depth);
	tcase_add_test(tcase, test_dup);
	return unit_main(suite);
}
