/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of QEMU migration streams. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "image/formats.h"
#include "pmem/physmem.h"

#define PAGE 4096u

enum { ZERO = 2, SIZE = 4, STORED = 8, EOS = 0x10, CONT = 0x20, XBZRLE = 0x40,
       PACKED = 0x100 };

static void put(GByteArray *s, const void *bytes, size_t n)
{
	g_byte_array_append(s, bytes, (guint)n);
}

static void put8(GByteArray *s, uint8_t v)
{
	put(s, &v, 1);
}

static void put32(GByteArray *s, uint32_t v)
{
	v = GUINT32_TO_BE(v);
	put(s, &v, sizeof v);
}

static void put64(GByteArray *s, uint64_t v)
{
	v = GUINT64_TO_BE(v);
	put(s, &v, sizeof v);
}

static void put_name(GByteArray *s, const char *name)
{
	put8(s, (uint8_t)strlen(name));
	put(s, name, strlen(name));
}

/* The head, and the start of the memory up to its list of blocks. */
static GByteArray *start(const char *machine, uint64_t total)
{
	GByteArray *s = g_byte_array_new();

	put(s, "QEVM\0\0\0\3", 8);
	if (machine) {
		put8(s, 7);
		put32(s, (uint32_t)strlen(machine));
		put(s, machine, strlen(machine));
	}
	put8(s, 1);
	put32(s, 2);
	put_name(s, "ram");
	put32(s, 0);
	put32(s, 4);
	put64(s, total | SIZE);
	return s;
}

static void put_block(GByteArray *s, const char *name, uint64_t size)
{
	put_name(s, name);
	put64(s, size);
}

static void put_page(GByteArray *s, const char *block, uint64_t at,
		     uint8_t byte)
{
	uint8_t page[PAGE];

	memset(page, byte, sizeof page);
	put64(s, at | STORED | (block ? 0 : CONT));
	if (block)
		put_name(s, block);
	put(s, page, sizeof page);
}

static void end_ram(GByteArray *s)
{
	put64(s, EOS);
	put8(s, 0x7e);
	put32(s, 2);
	put8(s, 0);
}

static Image *open_stream(const GByteArray *s, Log *log, GError **error)
{
	return image_open_io(image_io_memory(s->data, s->len), NULL, NULL, log,
			     error);
}

/* First byte of the page at pa; -1: none there, -2: it cannot be read. */
static int byte_at(const Image *image, uint64_t pa)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	uint8_t page[PAGE];

	switch (physmem_read(pm, PHYS(pa), page, PAGE)) {
	case PHYS_OK:
		for (unsigned i = 0; i < PAGE; i++)
			ck_assert_uint_eq(page[i], page[0]);
		return page[0];
	case PHYS_OUTSIDE:
		return -1;
	default:
		return -2;
	}
}

/* Later ones count; what was not sent is not there. */
START_TEST(test_pages)
{
	g_autoptr(GByteArray) s = start("pc-i440fx-7.2", 0x10000 + 0x3000);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;

	put_block(s, "vga.vram", 0x3000);
	put_block(s, "pc.ram", 0x10000);
	put_page(s, "pc.ram", 0x1000, 1);
	put_page(s, NULL, 0x2000, 2);
	put_page(s, NULL, 0x3000, 3);
	put_page(s, "vga.vram", 0x1000, 99);
	put64(s, 0x5000 | ZERO);
	put_name(s, "pc.ram");
	put8(s, 0);
	put64(s, 0x6000 | ZERO | CONT);
	put8(s, 0x77);
	put_page(s, NULL, 0x2000, 4);
	put64(s, 0x7000 | XBZRLE | CONT);
	put(s, "\1\0\2ab", 5);
	end_ram(s);
	image = open_stream(s, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "qevm");
	ck_assert_ptr_nonnull(strstr(image->detail, "pc-i440fx-7.2"));
	ck_assert_int_eq(byte_at(image, 0), -1);
	ck_assert_int_eq(byte_at(image, 0x1000), 1);
	ck_assert_int_eq(byte_at(image, 0x2000), 4);
	ck_assert_int_eq(byte_at(image, 0x3000), 3);
	ck_assert_int_eq(byte_at(image, 0x4000), -1);
	ck_assert_int_eq(byte_at(image, 0x5000), 0);
	ck_assert_int_eq(byte_at(image, 0x6000), 0x77);
	ck_assert_int_eq(byte_at(image, 0x7000), -2);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
}
END_TEST

/* machine, bytes of memory, where a page of it (offset) is. */
static const struct place {
	const char *machine, *block;
	uint64_t size, at, pa;
} places[] = {
	{ "pc-i440fx-7.2", "pc.ram", 0xdffff000, 0xdfffe000, 0xdfffe000 },
	{ "pc-i440fx-7.2", "pc.ram", 0xe0000000, 0xbffff000, 0xbffff000 },
	{ "pc-i440fx-7.2", "pc.ram", 0xe0000000, 0xc0000000, 0x100000000 },
	{ "pc-i440fx-1.7", "pc.ram", 0xf0000000, 0xd0000000, 0xd0000000 },
	{ "pc-i440fx-1.7", "pc.ram", 0xf0000000, 0xe0000000, 0x100000000 },
	{ "pc-q35-7.2", "pc.ram", 0xaffff000, 0xa0000000, 0xa0000000 },
	{ "pc-q35-7.2", "pc.ram", 0xb0000000, 0x7ffff000, 0x7ffff000 },
	{ "pc-q35-7.2", "pc.ram", 0xb0000000, 0x80000000, 0x100000000 },
	{ "pc-q35-1.7", "pc.ram", 0xc0000000, 0xb0001000, 0x100001000 },
	{ "virt-7.2", "mach-virt.ram", 0x100000, 0x1000, 0x40001000 },
	{ NULL, "mach-virt.ram", 0x100000, 0x1000, 0x40001000 },
	{ NULL, "/objects/anything", 0x100000, 0x1000, 0x1000 },
};

START_TEST(test_places)
{
	const struct place *p = &places[_i];
	g_autoptr(GByteArray) s = start(p->machine, p->size + 0x3000);
	g_autoptr(Image) image = NULL;

	put_block(s, "pc.bios", 0x3000);
	put_block(s, p->block, p->size);
	put_page(s, p->block, p->at, 7);
	end_ram(s);
	image = open_stream(s, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_bytes(image->runs), PAGE);
	ck_assert_int_eq(byte_at(image, p->pa), 7);
}
END_TEST

/* Nodes in the order of their numbers. */
START_TEST(test_nodes)
{
	g_autoptr(GByteArray) s = start("pc-q35-7.2", 0x9000);
	g_autoptr(Image) image = NULL;

	put_block(s, "/objects/ram-node10", 0x4000);
	put_block(s, "/objects/ram-node2", 0x3000);
	put_block(s, "pc.rom", 0x2000);
	put_page(s, "/objects/ram-node10", 0x1000, 10);
	put_page(s, "/objects/ram-node2", 0x1000, 2);
	end_ram(s);
	image = open_stream(s, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(byte_at(image, 0x1000), 2);
	ck_assert_int_eq(byte_at(image, 0x4000), 10);
}
END_TEST

/* A page of the wrong kind ends it: what was before is there. */
START_TEST(test_damaged)
{
	static const struct {
		uint64_t word;
		const char *block;
	} records[] = {
		{ 0x1000 | STORED, "none" },
		{ 0x1000 | STORED, "" },
		{ 0x10000 | STORED | CONT, NULL },
		{ UINT64_C(0xfffffffffffff000) | STORED | CONT, NULL },
		{ 0x1000 | 0x80, NULL },
		{ 0x1000 | ZERO | STORED | CONT, NULL },
		{ 0x1000 | SIZE, NULL },
		{ 0x1000 | PACKED | CONT, NULL },
	};

	for (size_t k = 0; k < G_N_ELEMENTS(records); k++) {
		g_autoptr(GByteArray) s = start("pc-q35-7.2", 0x10000);
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;

		put_block(s, "pc.ram", 0x10000);
		put_page(s, "pc.ram", 0x3000, 3);
		put64(s, records[k].word);
		if (records[k].block)
			put_name(s, records[k].block);
		put64(s, UINT64_MAX);
		image = open_stream(s, log, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_int_eq(byte_at(image, 0x3000), 3);
		ck_assert_uint_eq(image_runs_bytes(image->runs), PAGE);
		ck_assert_uint_gt(log_count(log, LOG_WARN), 0);
	}
}
END_TEST

/* Lists of blocks that claim what cannot be. */
START_TEST(test_hostile_blocks)
{
	static const uint64_t sizes[] = { 0, 0x11000, UINT64_C(1) << 60,
					  UINT64_MAX };

	for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++) {
		g_autoptr(GByteArray) s = start("pc-q35-7.2", 0x10000);
		g_autoptr(GError) error = NULL;

		put_block(s, "pc.ram", sizes[k]);
		put_page(s, "pc.ram", 0, 1);
		end_ram(s);
		ck_assert_ptr_null(open_stream(s, NULL, &error));
		ck_assert(g_error_matches(error, IMAGE_ERROR,
					  IMAGE_ERROR_FORMAT));
	}
}
END_TEST

/* 2^52 bytes of memory of which one page is in the file. */
START_TEST(test_hostile_size)
{
	g_autoptr(GByteArray) s = start("pc-q35-7.2", UINT64_C(1) << 52);
	g_autoptr(Image) image = NULL;

	put_block(s, "pc.ram", UINT64_C(1) << 52);
	put_page(s, "pc.ram", (UINT64_C(1) << 52) - 2 * PAGE, 1);
	put_page(s, NULL, UINT64_C(1) << 40, 5);
	end_ram(s);
	image = open_stream(s, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_bytes(image->runs), PAGE);
	ck_assert_int_eq(byte_at(image, (UINT64_C(1) << 40) +
						UINT64_C(0x80000000)), 5);
}
END_TEST

static GByteArray *libvirt_head(const char *magic, uint32_t format)
{
	GByteArray *s = g_byte_array_new();
	uint32_t head[19] = { GUINT32_TO_LE(2), GUINT32_TO_LE(300), 0,
			      GUINT32_TO_LE(format) };
	uint8_t xml[300] = "<domain/>";

	put(s, magic, 16);
	put(s, head, sizeof head);
	put(s, xml, sizeof xml);
	return s;
}

START_TEST(test_libvirt)
{
	for (uint32_t format = 0; format < 9; format++) {
		g_autoptr(GByteArray) save = libvirt_head("LibvirtQemudSave",
							  format);
		g_autoptr(GByteArray) s = start("pc-q35-7.2", 0x10000);
		g_autoptr(GError) error = NULL;
		g_autoptr(Image) image = NULL;

		put_block(s, "pc.ram", 0x10000);
		put_page(s, "pc.ram", 0x3000, 3);
		end_ram(s);
		put(save, s->data, s->len);
		image = open_stream(save, NULL, &error);
		ck_assert((image != NULL) == (format == 0 || format == 6));
		if (image)
			ck_assert_int_eq(byte_at(image, 0x3000), 3);
		else
			ck_assert_ptr_nonnull(strstr(error->message,
						     "compressed"));
	}
}
END_TEST

/* What libvirt had not finished is read all the same; nothing behind it is
 * an error. */
START_TEST(test_libvirt_part)
{
	g_autoptr(GByteArray) save = libvirt_head("LibvirtQemudPart", 0);
	g_autoptr(GByteArray) s = start("pc-q35-7.2", 0x10000);
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(open_stream(save, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "no QEMU migration"));
	put_block(s, "pc.ram", 0x10000);
	put_page(s, "pc.ram", 0x3000, 3);
	put(save, s->data, s->len);
	image = open_stream(save, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_ge(log_count(log, LOG_WARN), 2);
}
END_TEST

/* mapped-ram of a bitmap with two pages of four, the file cut behind the
 * third: zeros where no bit is set, whatever is there. */
START_TEST(test_mapped)
{
	for (int cut = 0; cut < 2; cut++) {
		g_autoptr(GByteArray) s = start("pc-q35-9.0", 0x4000);
		g_autoptr(Image) image = NULL;
		guint bitmap;

		put_block(s, "pc.ram", 0x4000);
		bitmap = s->len + 28;
		put32(s, 1);
		put64(s, PAGE);
		put64(s, bitmap);
		put64(s, MIB);
		put64(s, UINT64_C(0x0a00000000000000)); /* bits 1, 3 */
		g_byte_array_set_size(s, (guint)MIB);
		memset(s->data + bitmap + 8, 0, MIB - bitmap - 8);
		for (uint8_t i = 0; i < 4; i++) {
			uint8_t page[PAGE];

			memset(page, 0x40 + i, sizeof page);
			put(s, page, sizeof page);
		}
		end_ram(s);
		if (cut)
			g_byte_array_set_size(s, (guint)MIB + 3 * PAGE);
		image = open_stream(s, NULL, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_ptr_nonnull(strstr(image->detail, "mapped-ram"));
		ck_assert_int_eq(byte_at(image, 0), 0);
		ck_assert_int_eq(byte_at(image, 0x1000), 0x41);
		ck_assert_int_eq(byte_at(image, 0x2000), 0);
		ck_assert_int_eq(byte_at(image, 0x3000), cut ? -1 : 0x43);
	}
}
END_TEST

/* A section of another kind in front, whose length nobody says. */
START_TEST(test_other_section)
{
	g_autoptr(GByteArray) s = start("pc-q35-7.2", 0x10000);
	g_autoptr(Image) image = NULL;

	put_block(s, "pc.ram", 0x10000);
	put64(s, EOS);
	put(s, "\x7e\0\0\0\2", 5);
	put8(s, 1);
	put32(s, 9);
	put_name(s, "vfio");
	put32(s, 0);
	put32(s, 1);
	put(s, "whatever \x7e it has \x7e\0\0\0\2", 24);
	put(s, "\x7e\0\0\0\x09", 5);
	put8(s, 3);
	put32(s, 2);
	put_page(s, "pc.ram", 0x3000, 3);
	end_ram(s);
	image = open_stream(s, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(byte_at(image, 0x3000), 3);
}
END_TEST

START_TEST(test_version)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) s = g_byte_array_new();

	put(s, "QEVM\0\0\0\2", 8);
	ck_assert_ptr_null(open_stream(s, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "version 2"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-qevm");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_pages);
	tcase_add_loop_test(tcase, test_places, 0,
			    (int)G_N_ELEMENTS(places));
	tcase_add_test(tcase, test_nodes);
	tcase_add_test(tcase, test_damaged);
	tcase_add_test(tcase, test_hostile_blocks);
	tcase_add_test(tcase, test_hostile_size);
	tcase_add_test(tcase, test_libvirt);
	tcase_add_test(tcase, test_libvirt_part);
	tcase_add_test(tcase, test_mapped);
	tcase_add_test(tcase, test_other_section);
	tcase_add_test(tcase, test_version);
	return unit_main(suite);
}
