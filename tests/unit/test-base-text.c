/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of decoding and escaping. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "base/text.h"

#define EPOCH UINT64_C(116444736000000000)

#define assert_text(call, want)                                               \
	do {                                                                  \
		g_autofree char *text_ = (call);                              \
		ck_assert_str_eq(text_, want);                                \
	} while (0)

START_TEST(test_ansi)
{
	assert_text(text_from_ansi("abc\0def", 7), "abc");
	assert_text(text_from_ansi("abcdef", 3), "abc");
	assert_text(text_from_ansi("", 0), "");
	/* UTF-8 as it is, else Windows-1252 */
	assert_text(text_from_ansi("\xc3\xa4", 2), "\xc3\xa4");
	assert_text(text_from_ansi("\xe4", 1), "\xc3\xa4");
	assert_text(text_from_ansi("\x80", 1), "\xe2\x82\xac");
	assert_text(text_from_ansi("\x9f", 1), "\xc5\xb8");
	assert_text(text_from_ansi("\x81", 1), "\xef\xbf\xbd");
	/* a character that was cut makes all of it 1252 */
	assert_text(text_from_ansi("a\xc3", 2), "a\xc3\x83");
}
END_TEST

START_TEST(test_utf16)
{
	assert_text(text_from_utf16("a\0b\0\0\0c\0", 8), "ab");
	assert_text(text_from_utf16("a\0b", 3), "a");
	assert_text(text_from_utf16("", 0), "");
	assert_text(text_from_utf16("\xac\x20", 2), "\xe2\x82\xac");
	assert_text(text_from_utf16("\x3d\xd8\x00\xde", 4),
		    "\xf0\x9f\x98\x80");
	/* lone halves: high at the end, high before another, low first */
	assert_text(text_from_utf16("\x3d\xd8", 2), "\xef\xbf\xbd");
	assert_text(text_from_utf16("\x3d\xd8" "a\0", 4), "\xef\xbf\xbd" "a");
	assert_text(text_from_utf16("\x00\xde" "a\0", 4), "\xef\xbf\xbd" "a");
	assert_text(text_from_utf16("\x3d\xd8\x00", 3), "\xef\xbf\xbd");
}
END_TEST

START_TEST(test_field)
{
	assert_text(text_escape_field("svchost.exe"), "svchost.exe");
	assert_text(text_escape_field("a b\tc\nd\\e\x7f"),
		    "a\\040b\\011c\\012d\\134e\\177");
	assert_text(text_escape_field(""), "-");
	assert_text(text_escape_field("/"), "/");
	assert_text(text_escape_field("\xc3\xa4"), "\xc3\xa4");
	/* C1 controls, line separator, overrides, an isolate, marks */
	assert_text(text_escape_field("\xc2\x85"), "\\302\\205");
	assert_text(text_escape_field("\xe2\x80\xa8"), "\\342\\200\\250");
	assert_text(text_escape_field("\xe2\x80\xae"), "\\342\\200\\256");
	assert_text(text_escape_field("\xe2\x81\xa6"), "\\342\\201\\246");
	assert_text(text_escape_field("\xe2\x80\x8f"), "\\342\\200\\217");
	assert_text(text_escape_field("\xd8\x9c"), "\\330\\234");
	/* not UTF-8 after all */
	assert_text(text_escape_field("a\xff" "b"), "a\\377b");
	assert_text(text_escape_field("a\xe2\x80"), "a\\342\\200");
}
END_TEST

START_TEST(test_line)
{
	assert_text(text_escape_line("a b"), "a b");
	assert_text(text_escape_line(""), "");
	assert_text(text_escape_line("a\nb\\"), "a\\012b\\134");
	assert_text(text_escape_path("C:\\a b\n\xff"), "C:\\a b\\012\\377");
	assert_text(text_escape_path("\x7f/"), "\\177/");
}
END_TEST

START_TEST(test_link)
{
	g_autofree char *many = g_strnfill(5000, '/');
	g_autofree char *cut = text_escape_link(many);

	assert_text(text_escape_link("C:\\a b"), "C:\\a b");
	assert_text(text_escape_link("/etc/x"), "\\057etc\\057x");
	assert_text(text_escape_link("."), "?\\.");
	assert_text(text_escape_link(""), "?\\");
	assert_text(text_escape_link("a\n\\"), "a\\012\\");
	ck_assert_uint_eq(strlen(cut), 4095);
	ck_assert(g_str_has_suffix(cut, "..."));
}
END_TEST

START_TEST(test_filename)
{
	g_autofree char *long_name = g_strnfill(300, 'x');
	g_autofree char *wide = NULL;
	g_autofree char *cut = NULL;
	GString *many = g_string_new("x");

	assert_text(text_escape_filename("a b"), "a b");
	assert_text(text_escape_filename("a/b"), "a\\057b");
	assert_text(text_escape_filename("../x"), "..\\057x");
	assert_text(text_escape_filename(""), "_");
	assert_text(text_escape_filename("."), "\\056");
	assert_text(text_escape_filename(".."), "\\056\\056");
	assert_text(text_escape_filename("..."), "...");
	assert_text(text_escape_filename("a\n"), "a\\012");
	cut = text_escape_filename(long_name);
	ck_assert_uint_eq(strlen(cut), 200);
	/* never in the middle of a character */
	for (int i = 0; i < 150; i++)
		g_string_append(many, "\xc3\xa4");
	wide = text_escape_filename(many->str);
	ck_assert_uint_eq(strlen(wide), 199);
	ck_assert(g_utf8_validate(wide, -1, NULL));
	g_string_free(many, TRUE);
}
END_TEST

/* Whatever the bytes: what comes out cannot break a line or a path. */
START_TEST(test_all_bytes)
{
	for (unsigned i = 1; i < 0x10000; i++) {
		char in[3] = { (char)(i & 0xff), (char)(i >> 8), 0 };
		g_autofree char *name = text_escape_filename(in);
		g_autofree char *field = text_escape_field(in);

		ck_assert(g_utf8_validate(name, -1, NULL));
		ck_assert(g_utf8_validate(field, -1, NULL));
		ck_assert_ptr_null(strchr(name, '/'));
		ck_assert_ptr_null(strpbrk(name, "\n\r\t\x1b\x7f"));
		ck_assert_ptr_null(strpbrk(field, " \n\r\t\x1b\x7f"));
		ck_assert_str_ne(name, ".");
		ck_assert_str_ne(name, "..");
		ck_assert_str_ne(name, "");
	}
}
END_TEST

START_TEST(test_filetime)
{
	int64_t sec = 7;
	uint32_t nsec = 8;

	assert_text(text_filetime(EPOCH), "1970-01-01T00:00:00Z");
	assert_text(text_filetime(EPOCH + UINT64_C(16725312000000001)),
		    "2023-01-01T00:00:00Z");
	assert_text(text_filetime(0), "-");
	assert_text(text_filetime(UINT64_MAX), "-");
	ck_assert(!filetime_to_unix(0, &sec, &nsec));
	ck_assert(!filetime_to_unix(EPOCH - 1, &sec, &nsec));
	ck_assert(!filetime_to_unix(UINT64_MAX, &sec, &nsec));
	ck_assert_int_eq(sec, 7);
	ck_assert_uint_eq(nsec, 8);
	ck_assert(filetime_to_unix(EPOCH + 12345678, &sec, &nsec));
	ck_assert_int_eq(sec, 1);
	ck_assert_uint_eq(nsec, 234567800);
}
END_TEST

/* The last second of the year 9999, and the one after. */
START_TEST(test_filetime_end)
{
	const uint64_t end = EPOCH + UINT64_C(253402300800) * 10000000;

	assert_text(text_filetime(end - 1), "9999-12-31T23:59:59Z");
	assert_text(text_filetime(end), "-");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-text");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_ansi);
	tcase_add_test(tcase, test_utf16);
	tcase_add_test(tcase, test_field);
	tcase_add_test(tcase, test_line);
	tcase_add_test(tcase, test_link);
	tcase_add_test(tcase, test_filename);
	tcase_add_test(tcase, test_all_bytes);
	tcase_add_test(tcase, test_filetime);
	tcase_add_test(tcase, test_filetime_end);
	return unit_main(suite);
}
