/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of command lines: what CommandLineToArgvW makes of each. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "base/argv.h"

/* Arguments are separated by | in what is wanted. */
static const struct {
	const char *line;
	const char *want;
} cases[] = {
	{ "", "" },
	{ "a", "a|" },
	{ "a b\tc", "a|b|c|" },
	{ "a  b ", "a|b|" },
	{ " a", "|a|" },
	{ "\"a b\" c", "a b|c|" },
	{ "\"a b\"c d", "a b|c|d|" },
	{ "\"a b", "a b|" },
	{ "\"\"", "|" },
	{ "a\"b c\"", "a\"b|c|" },
	{ "C:\\x\\ y\\", "C:\\x\\|y\\|" },
	{ "\"C:\\x\\\" y", "C:\\x\\|y|" },
	{ "p \"\"", "p||" },
	{ "p \"a b\"c", "p|a bc|" },
	{ "p a\\\\b", "p|a\\\\b|" },
	{ "p a\\\"b c", "p|a\"b|c|" },
	{ "p a\\\\\"b c\" d", "p|a\\b c|d|" },
	{ "p a\\\\\\\"b c", "p|a\\\"b|c|" },
	{ "p \"a\\\\\\\\\" b", "p|a\\\\|b|" },
	{ "p \"a\"\"b c", "p|a\"b|c|" },
	{ "p \"\"\"a b", "p|\"a|b|" },
	{ "p \"\"\"\"a b", "p|\"a b|" },
	{ "p \"a b\\", "p|a b\\|" },
	{ "p \xc3\xa4\n\x01|", "p|\xc3\xa4\n\x01||" },
};

START_TEST(test_split)
{
	GString *got = argv_split(cases[_i].line);

	for (size_t i = 0; i < got->len; i++)
		if (!got->str[i])
			got->str[i] = '|';
	ck_assert_str_eq(got->str, cases[_i].want);
	g_string_free(got, TRUE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-argv");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_split, 0, (int)G_N_ELEMENTS(cases));
	return unit_main(suite);
}
