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

/* A terminal that stands in for standard error. What is written to it arrives
 * at the other end a moment later, on a busy machine a good moment. */
struct terminal {
	int master, slave, saved;
	char got[4096];
	size_t len;
};

static void terminal_open(struct terminal *t, const char *term)
{
	memset(t, 0, sizeof *t);
	t->saved = dup(STDERR_FILENO);
	t->master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(t->master, 0);
	ck_assert_int_eq(grantpt(t->master), 0);
	ck_assert_int_eq(unlockpt(t->master), 0);
	t->slave = open(ptsname(t->master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(t->slave, 0);
	g_setenv("TERM", term, TRUE);
	dup2(t->slave, STDERR_FILENO);
	progress_step("testing");
	progress_at(1, 4);
}

/* Reads until what came ends with the text. */
static void terminal_read(struct terminal *t, const char *until)
{
	ssize_t n;

	while (!g_str_has_suffix(t->got, until)) {
		ck_assert_uint_lt(t->len, sizeof t->got - 1);
		n = read(t->master, t->got + t->len,
			 sizeof t->got - 1 - t->len);
		ck_assert_int_gt(n, 0);
		t->len += (size_t)n;
		t->got[t->len] = '\0';
	}
}

/* Back to the real standard error; what came is in got. */
static void terminal_close(struct terminal *t)
{
	progress_step(NULL);
	ck_assert_int_eq(write(t->slave, "#", 1), 1);
	terminal_read(t, "#");
	t->got[--t->len] = '\0';
	dup2(t->saved, STDERR_FILENO);
	close(t->slave);
	close(t->master);
	close(t->saved);
}

START_TEST(test_line)
{
	gint64 start = g_get_monotonic_time();
	struct terminal t;

	terminal_open(&t, "xterm");
	waiting_start(false);
	terminal_read(&t, " s)");
	ck_assert_int_ge(g_get_monotonic_time() - start, G_USEC_PER_SEC);
	waiting_stop();
	terminal_close(&t);
	ck_assert(g_str_has_prefix(t.got,
				   "\r\033[Kwinprocfs: testing  25 % ("));
	ck_assert_ptr_null(strchr(t.got, '\n'));
	/* It ends with an empty line. */
	ck_assert(g_str_has_suffix(t.got, " s)\r\033[K"));
}
END_TEST

/* What is written while something takes so many milliseconds. */
static const char *waited(bool quiet, unsigned ms, const char *term)
{
	static struct terminal t;

	terminal_open(&t, term);
	waiting_start(quiet);
	g_usleep(ms * 1000);
	waiting_stop();
	terminal_close(&t);
	return t.got;
}

START_TEST(test_silent)
{
	gint64 start = g_get_monotonic_time();
	const char *got = waited(false, 10, "xterm");

	/* What a busy machine let take a second is another matter. */
	if (g_get_monotonic_time() - start < G_USEC_PER_SEC)
		ck_assert_str_eq(got, "");
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
