/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of page files. */
#include "config.h"

#include "unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "image/image.h"
#include "image/pagefile.h"

static char *dir;

static void setup(void)
{
	dir = unit_dir_new();
}

static void teardown(void)
{
	unit_dir_free(dir);
}

/* n pages, each full of its number + first. */
static char *pages_file(const char *name, unsigned n, unsigned first)
{
	g_autofree uint8_t *bytes = g_malloc(n * PAGE_SIZE_4K);

	for (unsigned i = 0; i < n; i++)
		memset(bytes + i * PAGE_SIZE_4K, (int)(first + i),
		       PAGE_SIZE_4K);
	return unit_file(dir, name, bytes, n * PAGE_SIZE_4K);
}

START_TEST(test_numbers)
{
	g_autoptr(PageFiles) files = page_files_new();
	g_autofree char *a = pages_file("a", 3, 1);
	g_autofree char *b = pages_file("b", 2, 50);
	uint8_t page[4096];

	ck_assert(page_files_add(files, 0, a, NULL));
	ck_assert(page_files_add(files, 15, b, NULL));
	ck_assert(page_files_has(files, 0));
	ck_assert(!page_files_has(files, 1));
	ck_assert(page_files_has(files, 15));
	ck_assert_str_eq(page_files_path(files, 15), b);
	ck_assert_ptr_null(page_files_path(files, 1));
	ck_assert_uint_eq(page_files_size(files, 0), 3 * PAGE_SIZE_4K);
	ck_assert_uint_eq(page_files_size(files, 1), 0);
	ck_assert(page_files_read(files, 0, 4096, page, sizeof page));
	ck_assert_uint_eq(page[0], 2);
	ck_assert_uint_eq(page[4095], 2);
	ck_assert(page_files_read(files, 15, 4096, page, sizeof page));
	ck_assert_uint_eq(page[100], 51);
	ck_assert(!page_files_read(files, 1, 0, page, sizeof page));
	ck_assert_int_eq(page_files_map(files, 15, 1, 4096)[4095], 51);
	ck_assert_ptr_null(page_files_map(files, 1, 0, 1));
}
END_TEST

START_TEST(test_short)
{
	g_autoptr(PageFiles) files = page_files_new();
	g_autofree char *bytes = g_malloc0(4096 + 100);
	g_autofree char *path = unit_file(dir, "f", bytes, 4096 + 100);
	uint8_t page[4096];

	ck_assert(page_files_add(files, 2, path, NULL));
	ck_assert(page_files_read(files, 2, 0, page, 4096));
	ck_assert(page_files_read(files, 2, 4096, page, 100));
	/* a page of which a part is there is not there */
	ck_assert(!page_files_read(files, 2, 4096, page, 4096));
	ck_assert(!page_files_read(files, 2, UINT64_C(0xffffffff) << 12, page,
				   4096));
	ck_assert(!page_files_read(files, 2, UINT64_MAX - 10, page, 4096));
	ck_assert_ptr_nonnull(page_files_map(files, 2, 0, 4096));
	ck_assert_ptr_null(page_files_map(files, 2, 4096, 4096));
	ck_assert_ptr_null(page_files_map(files, 2, UINT64_MAX, 2));
	/* it shrinks under us: no bytes, no signal */
	ck_assert_int_eq(truncate(path, 10), 0);
	ck_assert(!page_files_read(files, 2, 0, page, 4096));
	ck_assert(page_files_read(files, 2, 0, page, 10));
}
END_TEST

/* A hole is a page of zeros, not a page that is missing. */
START_TEST(test_sparse)
{
	g_autoptr(PageFiles) files = page_files_new();
	g_autofree char *path = pages_file("f", 1, 7);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t page[4096];
	uint64_t far = UINT64_C(6) << 30;

	ck_assert_int_eq(ftruncate(fd, (off_t)far + 4096), 0);
	ck_assert_int_eq(pwrite(fd, "end", 3, (off_t)far), 3);
	close(fd);
	ck_assert(page_files_add(files, 0, path, NULL));
	ck_assert_uint_eq(page_files_size(files, 0), far + 4096);
	memset(page, 1, sizeof page);
	ck_assert(page_files_read(files, 0, far / 2, page, 4096));
	for (unsigned i = 0; i < 4096; i++)
		ck_assert_uint_eq(page[i], 0);
	ck_assert(page_files_read(files, 0, far, page, 4096));
	ck_assert(!memcmp(page, "end", 4));
	ck_assert(!memcmp(page_files_map(files, 0, far, 4096), "end", 4));
	ck_assert(!page_files_read(files, 0, far + 1, page, 4096));
}
END_TEST

static void assert_refused(PageFiles *files, unsigned number, const char *path,
			   int code, const char *word)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!page_files_add(files, number, path, &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, code));
	ck_assert(g_str_has_prefix(error->message, path));
	ck_assert_msg(strstr(error->message, word) != NULL, "%s",
		      error->message);
	ck_assert_ptr_null(strchr(error->message, '\n'));
}

START_TEST(test_refused)
{
	g_autoptr(PageFiles) files = page_files_new();
	g_autofree char *none = g_build_filename(dir, "none", NULL);
	g_autofree char *empty = unit_file(dir, "empty", "", 0);
	g_autofree char *a = pages_file("a", 1, 1);
	g_autofree char *b = pages_file("b", 1, 2);

	assert_refused(files, 0, none, IMAGE_ERROR_OPEN, "cannot be opened");
	assert_refused(files, 0, dir, IMAGE_ERROR_OPEN, "directory");
	assert_refused(files, 0, empty, IMAGE_ERROR_OPEN, "empty");
	ck_assert(!page_files_has(files, 0));
	ck_assert(page_files_add(files, 0, a, NULL));
	assert_refused(files, 0, b, IMAGE_ERROR_OPTION, "already");
	ck_assert_str_eq(page_files_path(files, 0), a);
	assert_refused(files, 16, b, IMAGE_ERROR_OPTION, "up to 15");
	assert_refused(files, UINT_MAX, b, IMAGE_ERROR_OPTION, "up to 15");
}
END_TEST

START_TEST(test_none)
{
	g_autoptr(PageFiles) files = page_files_new();
	uint8_t byte;

	for (unsigned i = 0; i < 20; i++) {
		ck_assert(!page_files_has(files, i));
		ck_assert(!page_files_read(files, i, 0, &byte, 1));
		ck_assert_ptr_null(page_files_map(files, i, 0, 1));
	}
	ck_assert(!page_files_has(NULL, 0));
	ck_assert_ptr_null(page_files_path(NULL, 0));
	ck_assert_uint_eq(page_files_size(NULL, 0), 0);
	ck_assert(!page_files_read(NULL, 0, 0, &byte, 1));
	ck_assert_ptr_null(page_files_map(NULL, 0, 0, 1));
	page_files_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-pagefile");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_numbers);
	tcase_add_test(tcase, test_short);
	tcase_add_test(tcase, test_sparse);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_none);
	return unit_main(suite);
}
