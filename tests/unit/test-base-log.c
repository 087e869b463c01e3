/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the log. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "base/log.h"

START_TEST(test_lines)
{
	g_autoptr(Log) log = log_new();
	g_autofree char *text = NULL;

	log_add(log, LOG_INFO, "a", "one %d", 1);
	log_add(log, LOG_WARN, "b", "two");
	log_add(log, LOG_FAIL, "c", "three");
	text = log_text(log);
	ck_assert_str_eq(text, "info: a: one 1\nwarning: b: two\n"
			       "failed: c: three\n");
	ck_assert_uint_eq(log_count(log, LOG_INFO), 3);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 2);
	ck_assert_uint_eq(log_count(log, LOG_FAIL), 1);
}
END_TEST

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

START_TEST(test_repeats)
{
	g_autoptr(Log) log = log_new();
	g_autofree char *text = NULL;

	for (int i = 0; i < 20; i++)
		log_add(log, LOG_WARN, "a", "number %d", i);
	log_add(log, LOG_INFO, "a", "another");
	text = log_text(log);
	ck_assert_uint_eq(count_lines(text), 8 + 1 + 1);
	ck_assert_ptr_nonnull(strstr(text, "number 7\n"));
	ck_assert_ptr_null(strstr(text, "number 8\n"));
	ck_assert_ptr_nonnull(strstr(text, "12 more like"));
	ck_assert_uint_eq(log_count(log, LOG_WARN), 20);
}
END_TEST

START_TEST(test_eight_are_not_suppressed)
{
	g_autoptr(Log) log = log_new();
	g_autofree char *text = NULL;

	for (int i = 0; i < 8; i++)
		log_add(log, LOG_INFO, "a", "number %d", i);
	text = log_text(log);
	ck_assert_uint_eq(count_lines(text), 8);
	ck_assert_ptr_null(strstr(text, "more like"));
}
END_TEST

START_TEST(test_none)
{
	g_autoptr(Log) log = log_new();
	g_autofree char *text = log_text(log);

	ck_assert_str_eq(text, "");
	ck_assert_uint_eq(log_count(log, LOG_INFO), 0);
	log_add(NULL, LOG_FAIL, "a", "nobody listens");
	log_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-log");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_lines);
	tcase_add_test(tcase, test_repeats);
	tcase_add_test(tcase, test_eight_are_not_suppressed);
	tcase_add_test(tcase, test_none);
	return unit_main(suite);
}
