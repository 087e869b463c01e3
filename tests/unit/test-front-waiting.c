/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the line that says what takes so long: on a terminal, after a
 * second, gone afterwards; and nowhere else. */
#include "config.h"

#include "unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/progress.h"
#include "front/waiting.h"

/* What is written to a terminal that stands in for standard error while
 * something takes so many milliseconds. */
static char *waited(bool quiet, unsigned ms, const char *term)
{
	static char got[4096];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	int slave, saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(slave, 0);
	g_setenv("TERM", term, TRUE);
	dup2(slave, STDERR_FILENO);
	progress_step("testing");
	progress_at(1, 4);
	waiting_start(quiet);
	g_usleep(ms * 1000);
	waiting_stop();
	progress_step(NULL);
	dup2(saved, STDERR_FILENO);
	n = read(master, got, sizeof got - 1);
	got[n < 0 ? 0 : n] = '\0';
	close(slave);
	close(master);
	close(saved);
	return got;
}

START_TEST(test_line)
{
	const char *got = waited(false, 1500, "xterm");

	ck_assert_ptr_nonnull(strstr(got, "winprocfs: testing  25 % (1 s)"));
	ck_assert_ptr_null(strchr(got, '\n'));
	/* It ends with an empty line. */
	ck_assert(g_str_has_suffix(got, "\r\033[K"));
}
END_TEST

START_TEST(test_silent)
{
	ck_assert_str_eq(waited(false, 100, "xterm"), "");
	ck_assert_str_eq(waited(true, 1300, "xterm"), "");
	ck_assert_str_eq(waited(false, 1300, "dumb"), "");
}
END_TEST

START_TEST(test_steps)
{
	uint64_t done, total;
	const char *what;

	ck_assert(!progress_get(&what, &done, &total));
	progress_step("one");
	progress_at(5, 6);
	ck_assert(progress_get(&what, &done, &total));
	ck_assert_str_eq(what, "one");
	ck_assert_uint_eq(done, 5);
	ck_assert_uint_eq(total, 6);
	progress_step("two");
	ck_assert(progress_get(&what, &done, &total));
	ck_assert_uint_eq(total, 0);
	progress_step(NULL);
	ck_assert(!progress_get(&what, &done, &total));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("front-waiting");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_line);
	tcase_add_test(tcase, test_silent);
	tcase_add_test(tcase, test_steps);
	return unit_main(suite);
}
