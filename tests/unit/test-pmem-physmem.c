/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of physical memory. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* [0x1000, 0x3000) and, elsewhere in the file, [0x3000, 0x4800); a hole;
 * [0x8000, 0x9000). */
static const struct image_run runs[] = {
	{ 0x1000, 0x2000, 0x4000 },
	{ 0x3000, 0x1800, 0x0000 },
	{ 0x8000, 0x1000, 0x2000 },
};
#define FILE_BYTES 0x6000u

static struct unit_mem mem;
static uint8_t bytes[FILE_BYTES];

static void setup(void)
{
	for (size_t i = 0; i < FILE_BYTES; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	unit_mem_init_runs(&mem, bytes, FILE_BYTES, runs, G_N_ELEMENTS(runs));
}

static void teardown(void)
{
	unit_mem_clear(&mem);
}

START_TEST(test_sizes)
{
	ck_assert_uint_eq(physmem_end(mem.pm), 0x9000);
	ck_assert_uint_eq(physmem_bytes(mem.pm), 0x4800);
	ck_assert_uint_eq(image_runs_count(physmem_runs(mem.pm)), 3);
}
END_TEST

START_TEST(test_read)
{
	uint8_t buf[0x4000];

	/* across two runs that follow each other in memory only */
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x2ff0), buf, 0x20),
			 PHYS_OK);
	ck_assert(!memcmp(buf, bytes + 0x5ff0, 0x10));
	ck_assert(!memcmp(buf + 0x10, bytes, 0x10));
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x1000), buf, 0x3800),
			 PHYS_OK);
	ck_assert(!memcmp(buf, bytes + 0x4000, 0x2000));
	ck_assert(!memcmp(buf + 0x2000, bytes, 0x1800));
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x5000), buf, 0), PHYS_OK);
}
END_TEST

START_TEST(test_read_outside)
{
	uint8_t buf[0x2000];

	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0), buf, 1), PHYS_OUTSIDE);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0xfff), buf, 2),
			 PHYS_OUTSIDE);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x47ff), buf, 1), PHYS_OK);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x47ff), buf, 2),
			 PHYS_OUTSIDE);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x9000), buf, 1),
			 PHYS_OUTSIDE);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x8000), buf, 0x1001),
			 PHYS_OUTSIDE);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(UINT64_MAX), buf, 2),
			 PHYS_OUTSIDE);
}
END_TEST

START_TEST(test_read_fault)
{
	uint8_t buf[16];

	image_io_set_reader(mem.image->io, unit_no_read, NULL);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0x1000), buf, 16), PHYS_IO);
	ck_assert_int_eq(physmem_read(mem.pm, PHYS(0), buf, 16), PHYS_OUTSIDE);
}
END_TEST

static void assert_slice(uint64_t pa, uint64_t max, bool present, uint64_t len,
			 size_t off)
{
	struct phys_slice s = physmem_slice(mem.pm, PHYS(pa), max);

	ck_assert(s.present == present);
	ck_assert_uint_eq(s.len, len);
	if (present)
		ck_assert_ptr_eq(s.map, mem.bytes + off);
	else
		ck_assert_ptr_null(s.map);
}

START_TEST(test_slice)
{
	assert_slice(0, 0x10000, false, 0x1000, 0);
	assert_slice(0, 0x10, false, 0x10, 0);
	assert_slice(0x1000, 0x10000, true, 0x2000, 0x4000);
	assert_slice(0x1234, 0x10, true, 0x10, 0x4234);
	assert_slice(0x2fff, 0x10000, true, 1, 0x5fff);
	assert_slice(0x3000, UINT64_MAX, true, 0x1800, 0);
	assert_slice(0x4800, UINT64_MAX, false, 0x3800, 0);
	assert_slice(0x9000, 0x1000, false, 0x1000, 0);
	assert_slice(UINT64_MAX, 0x1000, false, 0x1000, 0);
}
END_TEST

START_TEST(test_has_page)
{
	ck_assert(!physmem_has_page(mem.pm, PHYS(0)));
	ck_assert(!physmem_has_page(mem.pm, PHYS(0xfff)));
	ck_assert(physmem_has_page(mem.pm, PHYS(0x1000)));
	/* a page of which the first half is there: all of its addresses */
	ck_assert(physmem_has_page(mem.pm, PHYS(0x4fff)));
	ck_assert(!physmem_has_page(mem.pm, PHYS(0x5000)));
	ck_assert(physmem_has_page(mem.pm, PHYS(0x8fff)));
	ck_assert(!physmem_has_page(mem.pm, PHYS(0x9000)));
	ck_assert(!physmem_has_page(mem.pm, PHYS(UINT64_MAX)));
}
END_TEST

START_TEST(test_next_data)
{
	ck_assert_uint_eq(physmem_next_data(mem.pm, 0), 0x1000);
	ck_assert_uint_eq(physmem_next_data(mem.pm, 0x1234), 0x1234);
	ck_assert_uint_eq(physmem_next_data(mem.pm, 0x4800), 0x8000);
	ck_assert_uint_eq(physmem_next_data(mem.pm, 0x8fff), 0x8fff);
	ck_assert_uint_eq(physmem_next_data(mem.pm, 0x9000), 0x9000);
	ck_assert_uint_eq(physmem_next_data(mem.pm, UINT64_MAX), 0x9000);
}
END_TEST

/* Only the second half of a page is in the image. */
START_TEST(test_half_page)
{
	const struct image_run half = { 0x1800, 0x800, 0 };
	struct unit_mem m;

	unit_mem_init_runs(&m, bytes, FILE_BYTES, &half, 1);
	ck_assert(physmem_has_page(m.pm, PHYS(0x1000)));
	ck_assert(!physmem_slice(m.pm, PHYS(0x1000), 0x1000).present);
	ck_assert_uint_eq(physmem_slice(m.pm, PHYS(0x1000), 0x1000).len,
			  0x800);
	unit_mem_clear(&m);
}
END_TEST

START_TEST(test_empty)
{
	struct unit_mem m;
	uint8_t b;

	unit_mem_init_runs(&m, bytes, FILE_BYTES, NULL, 0);
	ck_assert_uint_eq(physmem_end(m.pm), 0);
	ck_assert_uint_eq(physmem_next_data(m.pm, 0), 0);
	ck_assert_int_eq(physmem_read(m.pm, PHYS(0), &b, 1), PHYS_OUTSIDE);
	ck_assert(!physmem_has_page(m.pm, PHYS(0)));
	unit_mem_clear(&m);
	physmem_free(NULL);
}
END_TEST

/* Holes of the file are skipped (or not there, where it can have none). */
START_TEST(test_file_holes)
{
	char *dir = unit_dir_new();
	g_autofree char *path = unit_file(dir, "f", "x", 1);
	g_autoptr(Image) image = NULL;
	g_autoptr(PhysMem) pm = NULL;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint64_t next;

	ck_assert_int_eq(ftruncate(fd, 8 << 20), 0);
	ck_assert_int_eq(pwrite(fd, "y", 1, 4 << 20), 1);
	close(fd);
	image = image_open(path, IMAGE_FORMAT("raw"), NULL, NULL);
	ck_assert_ptr_nonnull(image);
	pm = physmem_new(image);
	next = physmem_next_data(pm, 1 << 20);
	ck_assert(next == 1 << 20 || next == 4 << 20);
	next = physmem_next_data(pm, 6 << 20);
	ck_assert(next == 6 << 20 || next == 8 << 20);
	unit_dir_free(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmem-physmem");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_sizes);
	tcase_add_test(tcase, test_read);
	tcase_add_test(tcase, test_read_outside);
	tcase_add_test(tcase, test_read_fault);
	tcase_add_test(tcase, test_slice);
	tcase_add_test(tcase, test_has_page);
	tcase_add_test(tcase, test_next_data);
	tcase_add_test(tcase, test_half_page);
	tcase_add_test(tcase, test_empty);
	tcase_add_test(tcase, test_file_holes);
	return unit_main(suite);
}
