/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the bytes of an image file. */
#include "config.h"

#include "unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/io.h"

static const char text[] = "0123456789";
#define TEXT_LEN 10u

START_TEST(test_memory)
{
	g_autoptr(ImageIo) io = image_io_memory(text, TEXT_LEN);
	char buf[16] = "";

	ck_assert_uint_eq(image_io_size(io), TEXT_LEN);
	ck_assert_int_eq(image_io_mtime(io), 0);
	ck_assert(image_io_read(io, 3, buf, 4));
	ck_assert(!memcmp(buf, "3456", 4));
	ck_assert(image_io_read(io, TEXT_LEN, buf, 0));
	ck_assert(!image_io_read(io, 7, buf, 4));
	ck_assert(!image_io_read(io, TEXT_LEN, buf, 1));
	ck_assert(!image_io_read(io, TEXT_LEN + 1, buf, 0));
	ck_assert(!image_io_read(io, UINT64_MAX, buf, 2));
	ck_assert_ptr_eq(image_io_map(io), text);
	ck_assert_uint_eq(image_io_next_data(io, 3), 3);
	ck_assert_uint_eq(image_io_next_data(io, 30), TEXT_LEN);
	image_io_free(NULL);
}
END_TEST

START_TEST(test_file)
{
	char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "f", text, TEXT_LEN);
	g_autoptr(ImageIo) io = image_io_open(path, NULL);
	char buf[16] = "";

	ck_assert_ptr_nonnull(io);
	ck_assert_uint_eq(image_io_size(io), TEXT_LEN);
	ck_assert_int_gt(image_io_mtime(io), 0);
	ck_assert(image_io_read(io, 0, buf, TEXT_LEN));
	ck_assert_str_eq(buf, text);
	ck_assert(!image_io_read(io, 1, buf, TEXT_LEN));
	ck_assert(!memcmp(image_io_map(io), text, TEXT_LEN));
	/* The file shrinks: short reads, no signals. */
	ck_assert_int_eq(truncate(path, 4), 0);
	ck_assert_uint_eq(image_io_size(io), TEXT_LEN);
	ck_assert(image_io_read(io, 0, buf, 4));
	ck_assert(!image_io_read(io, 2, buf, 4));
	ck_assert(!image_io_read(io, 8, buf, 1));
	unit_dir_free(dir);
}
END_TEST

static void assert_refused(const char *path, const char *word)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(image_io_open(path, &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_OPEN));
	ck_assert_msg(strstr(error->message, word) != NULL, "%s",
		      error->message);
	ck_assert_ptr_null(strchr(error->message, '\n'));
}

START_TEST(test_refused)
{
	char *dir = unit_dir_new();
	g_autofree char *empty = unit_file(dir, "empty", "", 0);
	g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);
	g_autofree char *none = g_build_filename(dir, "none", NULL);

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	assert_refused(dir, "directory");
	assert_refused(empty, "empty");
	assert_refused(fifo, "special file");
	assert_refused(none, "cannot be opened");
	assert_refused("/dev/null", "character device");
	unit_dir_free(dir);
}
END_TEST

START_TEST(test_holes)
{
	char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "f", text, TEXT_LEN);
	g_autoptr(ImageIo) io = NULL;
	uint64_t next;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, 8 << 20), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, 4 << 20), 1);
	close(fd);
	io = image_io_open(path, NULL);
	ck_assert_ptr_nonnull(io);
	ck_assert_uint_eq(image_io_next_data(io, 0), 0);
	/* Where the file system has holes: there; else the offset itself. */
	next = image_io_next_data(io, 1 << 20);
	ck_assert(next == 1 << 20 || next == 4 << 20);
	next = image_io_next_data(io, 6 << 20);
	ck_assert(next == 6 << 20 || next == 8 << 20);
	ck_assert_uint_eq(image_io_next_data(io, UINT64_MAX), 8 << 20);
	unit_dir_free(dir);
}
END_TEST

/* A reader that gives one byte at a time, and fails from call `fail_at`. */
struct faulty {
	unsigned n_calls;
	unsigned fail_at;
	int64_t answer;
};

static int64_t faulty_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct faulty *f = ctx;

	if (++f->n_calls >= f->fail_at)
		return f->answer;
	(void)len;
	memcpy(buf, text + off, 1);
	return 1;
}

START_TEST(test_faults)
{
	g_autoptr(ImageIo) io = image_io_memory(text, TEXT_LEN);
	char buf[16] = "";

	for (unsigned n = 1; n <= 8; n++) {
		struct faulty f = { .fail_at = n, .answer = n % 2 ? -1 : 0 };

		image_io_set_reader(io, faulty_read, &f);
		ck_assert(image_io_read(io, 2, buf, 7) == (n == 8));
		ck_assert_uint_eq(f.n_calls, n < 8 ? n : 7);
	}
	ck_assert(!memcmp(buf, "2345678", 7));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-io");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_memory);
	tcase_add_test(tcase, test_file);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_holes);
	tcase_add_test(tcase, test_faults);
	return unit_main(suite);
}
