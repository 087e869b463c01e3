/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the unit tests of all layers share. */
#include "config.h"

#include "unit/unit.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define TIMEOUT_SEC 300

TCase *unit_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, TIMEOUT_SEC);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int unit_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* clang tells by __has_feature(), gcc by a macro. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

void unit_limit_memory(uint64_t bytes)
{
#ifdef SANITIZED
	(void)bytes;
#else
	const struct rlimit limit = { bytes, bytes };

	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
#endif
}

char *unit_dir_new(void)
{
	g_autofree char *template =
		g_build_filename(g_get_tmp_dir(), "unit-XXXXXX", NULL);

	ck_assert_ptr_nonnull(g_mkdtemp(template));
	return g_steal_pointer(&template);
}

void unit_dir_free(char *dir)
{
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	const char *name;

	while (entries && (name = g_dir_read_name(entries))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		(void)g_remove(path);
	}
	(void)g_rmdir(dir);
	g_free(dir);
}

char *unit_file(const char *dir, const char *name, const void *bytes,
		size_t len_bytes)
{
	char *path = g_build_filename(dir, name, NULL);

	ck_assert(g_file_set_contents(path, bytes, (gssize)len_bytes, NULL));
	return path;
}
