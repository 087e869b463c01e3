/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of kdump-compressed dumps and the flattened format. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "image/formats.h"
#include "image/kdump.h"
#include "pmem/physmem.h"

#define PAGE 4096u
/* Header, sub-header, a block for each bitmap; descriptors; pages. */
#define SUB 0x1000u
#define BITS 0x2000u
#define BITS2 0x3000u
#define DESCS 0x4000u
#define PAGES 0x5000u
#define LEN (PAGES + 4 * PAGE)
#define STATUS 424u

/* Four stored pages, at 0x2000, 0x3000, 0x9000 and 0xa000. */
static const uint64_t pfns[] = { 2, 3, 9, 10 };

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof v);
}

static void put64be(uint8_t *p, uint64_t v)
{
	put64(p, GUINT64_TO_BE(v));
}

static uint8_t *make_dump(void)
{
	uint8_t *b = g_malloc0(LEN);

	memcpy(b, "KDUMP   ", 8);
	put32(b + 8, 6);
	put32(b + STATUS + 4, PAGE);
	put32(b + STATUS + 8, 1);  /* sub-header */
	put32(b + STATUS + 12, 2); /* bitmaps */
	put32(b + STATUS + 16, 16);
	put64(b + SUB + 96, 16);
	for (size_t i = 0; i < G_N_ELEMENTS(pfns); i++) {
		uint8_t *desc = b + DESCS + i * KDUMP_DESC_BYTES;

		b[BITS + pfns[i] / 8] |= (uint8_t)(1u << pfns[i] % 8);
		b[BITS2 + pfns[i] / 8] |= (uint8_t)(1u << pfns[i] % 8);
		put64(desc, PAGES + i * PAGE);
		put32(desc + 8, PAGE);
		memset(b + PAGES + i * PAGE, (int)pfns[i], PAGE);
	}
	return b;
}

static Image *open_bytes(const uint8_t *b, size_t len, Log *log,
			 GError **error)
{
	return image_open_io(image_io_memory(b, len), NULL, NULL, log, error);
}

/* Is the page there, filled with its number? */
static enum phys_status read_page(const Image *image, uint64_t pfn)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	uint8_t page[PAGE], want[PAGE];
	enum phys_status status = physmem_read(pm, PHYS(pfn * PAGE), page,
					       PAGE);

	memset(want, (int)pfn, PAGE);
	if (status == PHYS_OK)
		ck_assert_mem_eq(page, want, PAGE);
	return status;
}

START_TEST(test_healthy)
{
	g_autofree uint8_t *b = make_dump();
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = open_bytes(b, LEN, log, NULL);

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "kdump");
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	ck_assert_uint_eq(image_runs_bytes(image->runs), 4 * PAGE);
	for (size_t i = 0; i < G_N_ELEMENTS(pfns); i++)
		ck_assert_uint_eq(read_page(image, pfns[i]), PHYS_OK);
	ck_assert_uint_eq(read_page(image, 4), PHYS_OUTSIDE);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
}
END_TEST

/* A page that is damaged cannot be read; those unpacked with it can. */
START_TEST(test_damaged_page)
{
	static const struct {
		unsigned at;
		uint32_t value;
	} damages[] = {
		{ 8, 0 }, { 8, PAGE - 1 }, { 8, UINT32_MAX },
		{ 0, LEN - 1 }, { 4, UINT32_MAX }, { 12, KDUMP_ZLIB },
		{ 12, KDUMP_LZO }, { 12, KDUMP_SNAPPY }, { 12, KDUMP_ZSTD },
		{ 12, KDUMP_PACKED },
	};

	for (size_t k = 0; k < G_N_ELEMENTS(damages); k++) {
		g_autofree uint8_t *b = make_dump();
		g_autoptr(Image) image = NULL;

		put32(b + DESCS + KDUMP_DESC_BYTES + damages[k].at,
		      damages[k].value);
		image = open_bytes(b, LEN, NULL, NULL);
		ck_assert_ptr_nonnull(image);
		for (size_t i = 0; i < G_N_ELEMENTS(pfns); i++)
			ck_assert_uint_eq(read_page(image, pfns[i]),
					  i == 1 ? PHYS_IO : PHYS_OK);
	}
}
END_TEST

static void assert_refused(const uint8_t *b, size_t len, const char *word)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(open_bytes(b, len, NULL, &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT));
	ck_assert_msg(strstr(error->message, word) != NULL, "%s",
		      error->message);
	ck_assert_ptr_null(strchr(error->message, '\n'));
}

START_TEST(test_refused)
{
	static const struct {
		unsigned at;
		uint32_t value;
		const char *word;
	} cases[] = {
		{ STATUS + 4, 65536, "4096" },
		{ STATUS + 8, 0, "bitmap" },
		{ STATUS + 8, UINT32_MAX, "bitmap" },
		{ STATUS + 12, 0, "bitmap" },
		{ SUB + 12, 1, "--reassemble" },
	};

	for (size_t k = 0; k < G_N_ELEMENTS(cases); k++) {
		g_autofree uint8_t *b = make_dump();

		put32(b + cases[k].at, cases[k].value);
		assert_refused(b, LEN, cases[k].word);
		assert_refused(b, 300, "cut short");
	}
}
END_TEST

/* Claims of as much as fits into the fields: it ends, and shows what there
 * is. */
START_TEST(test_hostile)
{
	for (unsigned k = 0; k < 3; k++) {
		g_autofree uint8_t *b = make_dump();
		g_autoptr(Image) image = NULL;
		g_autoptr(Log) log = log_new();

		put64(b + SUB + 96, UINT64_C(1) << (k == 1 ? 60 : 63));
		if (k == 2)
			put32(b + STATUS + 12, UINT32_MAX);
		put64(b + SUB + 48, UINT64_MAX - 4);
		put64(b + SUB + 56, UINT64_MAX);
		image = open_bytes(b, LEN, log, NULL);
		if (image)
			ck_assert_uint_le(image_runs_bytes(image->runs),
					  LEN / KDUMP_DESC_BYTES * PAGE);
		ck_assert(!image || log_count(log, LOG_WARN) > 0);
	}
}
END_TEST

/* All bits set: pages for which there is no descriptor are not there. */
START_TEST(test_more_bits)
{
	g_autofree uint8_t *b = make_dump();
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;

	memset(b + BITS, 0xff, 2 * PAGE);
	put64(b + SUB + 96, PAGE * 8);
	image = open_bytes(b, LEN, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_le(image_runs_bytes(image->runs),
			  (LEN - DESCS) / KDUMP_DESC_BYTES * PAGE);
	ck_assert_uint_gt(log_count(log, LOG_WARN), 0);
}
END_TEST

/* The dump in records; step: bytes of each. */
static GByteArray *flatten(const uint8_t *b, size_t len, size_t step)
{
	GByteArray *flat = g_byte_array_new();
	uint8_t head[4096] = "makedumpfile", record[16];

	put64be(head + 16, 1);
	put64be(head + 24, 1);
	g_byte_array_append(flat, head, sizeof head);
	/* Backwards, and something else first where the last one goes. */
	put64be(record, 100);
	put64be(record + 8, 50);
	g_byte_array_append(flat, record, sizeof record);
	g_byte_array_append(flat, head, 50);
	for (size_t end = len; end; end -= MIN(step, end)) {
		size_t n = MIN(step, end);

		put64be(record, end - n);
		put64be(record + 8, n);
		g_byte_array_append(flat, record, sizeof record);
		g_byte_array_append(flat, b + end - n, (guint)n);
	}
	memset(record, 0xff, sizeof record);
	g_byte_array_append(flat, record, sizeof record);
	return flat;
}

START_TEST(test_flattened)
{
	static const size_t steps[] = { 7, 4096, 5000, LEN };
	g_autofree uint8_t *b = make_dump();

	for (size_t k = 0; k < G_N_ELEMENTS(steps); k++) {
		g_autoptr(GByteArray) flat = flatten(b, LEN, steps[k]);
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = open_bytes(flat->data, flat->len, log,
						    NULL);

		ck_assert_ptr_nonnull(image);
		ck_assert_str_eq(image->ops->name, "kdump");
		ck_assert_uint_eq(image->wrappers->len, 1);
		for (size_t i = 0; i < G_N_ELEMENTS(pfns); i++)
			ck_assert_uint_eq(read_page(image, pfns[i]), PHYS_OK);
		ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	}
}
END_TEST

/* Records that make no sense end it; those before them count. */
START_TEST(test_flattened_damaged)
{
	static const uint64_t numbers[] = { UINT64_MAX - 1, INT64_MAX,
					    (uint64_t)INT64_MAX + 1,
					    UINT64_C(1) << 60 };
	g_autofree uint8_t *b = make_dump();

	for (size_t k = 0; k < 2 * G_N_ELEMENTS(numbers); k++) {
		g_autoptr(GByteArray) flat = flatten(b, LEN, LEN);
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;
		uint8_t record[16] = { 0 };

		put64be(record + k % 2 * 8, numbers[k / 2]);
		record[15] |= 1;
		g_byte_array_set_size(flat, flat->len - 16);
		g_byte_array_append(flat, record, sizeof record);
		image = open_bytes(flat->data, flat->len, log, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_uint_gt(log_count(log, LOG_WARN), 0);
		ck_assert_uint_eq(read_page(image, pfns[3]), PHYS_OK);
	}
}
END_TEST

static void add_record(GByteArray *flat, uint64_t start, const void *bytes,
		       guint len)
{
	uint8_t record[16];

	put64be(record, start);
	put64be(record + 8, len);
	g_byte_array_append(flat, record, sizeof record);
	g_byte_array_append(flat, bytes, len);
}

/* Within it the same again, then a hole of 2^43 bytes: no records, and none
 * is looked for from zero to zero. */
START_TEST(test_flattened_hole)
{
	g_autoptr(GByteArray) flat = g_byte_array_new();
	uint8_t head[4096] = "makedumpfile", record[16] = { 0 };
	g_autoptr(GError) error = NULL;

	put64be(head + 16, 1);
	put64be(head + 24, 1);
	g_byte_array_append(flat, head, sizeof head);
	add_record(flat, 0, head, sizeof head);
	add_record(flat, UINT64_C(1) << 43, "x", 1);
	ck_assert_ptr_null(open_bytes(flat->data, flat->len, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "no record"));
	/* nor is all of it one record that is kept in pieces */
	g_clear_error(&error);
	put64be(record + 8, UINT64_C(1) << 60);
	add_record(flat, sizeof head, record, sizeof record);
	ck_assert_ptr_null(open_bytes(flat->data, flat->len, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "no record"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-kdump");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_healthy);
	tcase_add_test(tcase, test_damaged_page);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_hostile);
	tcase_add_test(tcase, test_more_bits);
	tcase_add_test(tcase, test_flattened);
	tcase_add_test(tcase, test_flattened_damaged);
	tcase_add_test(tcase, test_flattened_hole);
	return unit_main(suite);
}
