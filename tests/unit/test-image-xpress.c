/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of XPRESS: the examples of [MS-XCA], what the compressors of the tests
 * make, and streams that are damaged. */
#include "config.h"

#include "image/xpress.h"
#include "lib/mkphys.h"
#include "lib/mkstore.h"
#include "unit/unit.h"

#include <string.h>

#define LEN_MAX 200000u

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

/* 300 bytes: "abc", and again. */
static void fill_abc(uint8_t *p)
{
	for (unsigned i = 0; i < 300; i++)
		p[i] = (uint8_t)"abc"[i % 3];
}

START_TEST(test_plain_examples)
{
	static const uint8_t head[4] = { 0x3f };
	static const uint8_t abc[] = { 0xff, 0xff, 0xff, 0x1f, 'a', 'b', 'c',
				       0x17, 0x00, 0x0f, 0xff, 0x26, 0x01 };
	uint8_t in[30], out[300], want[300];
	size_t used;

	memcpy(in, head, 4);
	memcpy(in + 4, letters, 26);
	ck_assert(xpress_unpack_plain(in, 30, out, 26, &used));
	ck_assert_uint_eq(used, 30);
	ck_assert_mem_eq(out, letters, 26);
	fill_abc(want);
	ck_assert(xpress_unpack_plain(abc, sizeof abc, out, 300, &used));
	ck_assert_uint_eq(used, sizeof abc);
	ck_assert_mem_eq(out, want, 300);
}
END_TEST

START_TEST(test_huffman_examples)
{
	static const uint8_t data[] = { 0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11,
					0x5b, 0xe9, 0x19, 0x5f, 0xf9, 0xd6,
					0x7c, 0xdf, 0x8d, 0x04, 0x00, 0x00,
					0x00, 0x00 };
	static const uint8_t abc[] = { 0xa8, 0xdc, 0x00, 0x00, 0xff, 0x26,
				       0x01 };
	uint8_t in[276] = { 0 }, out[300], want[300];
	size_t used;

	in[48] = 0x50;
	memset(in + 49, 0x55, 10);
	in[59] = 0x45;
	in[60] = 0x44;
	in[61] = 0x04;
	in[128] = 0x04;
	memcpy(in + 256, data, sizeof data);
	ck_assert(xpress_unpack_huffman(in, 276, out, 26, &used));
	ck_assert_uint_le(276 - used, 2);
	ck_assert_mem_eq(out, letters, 26);
	memset(in, 0, sizeof in);
	in[48] = 0x30;
	in[49] = 0x23;
	in[128] = 0x02;
	in[143] = 0x20;
	memcpy(in + 256, abc, sizeof abc);
	fill_abc(want);
	ck_assert(xpress_unpack_huffman(in, 263, out, 300, &used));
	ck_assert_uint_eq(used, 263);
	ck_assert_mem_eq(out, want, 300);
}
END_TEST

/* Zeros, noise, text, what repeats far away: kind. */
static void fill(struct mk_random *random, unsigned kind, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t r = mk_random_next(random);

		p[i] = kind == 0	   ? 0 :
		       kind == 1	   ? (uint8_t)r :
		       i < 9000 || r % 9   ? (uint8_t)(r >> 8) & 0x1f :
					     p[i - 8500];
		if (kind == 3 && i >= 40000)
			p[i] = p[i - 40000];
	}
}

static bool unpack(bool huffman, const uint8_t *in, size_t size, uint8_t *out,
		   size_t len, size_t *used)
{
	/* Just as long as it is: for the sanitizer. */
	g_autofree uint8_t *copy = g_memdup2(in, size ? size : 1);

	return huffman ? xpress_unpack_huffman(copy, size, out, len, used) :
			 xpress_unpack_plain(copy, size, out, len, used);
}

/* _i: kind, which of the two, whether the end is marked, how long. */
START_TEST(test_round_trip)
{
	static const size_t lens[] = { 1, 2, 100, 4096, 65535, 65536, 65537,
				       LEN_MAX };
	const bool huffman = _i & 1, mark = _i & 2;
	struct mk_random random = { (uint64_t)_i + 1 };
	g_autofree uint8_t *in = g_malloc(LEN_MAX);
	g_autofree uint8_t *packed = g_malloc(2 * LEN_MAX);
	g_autofree uint8_t *out = g_malloc(LEN_MAX + 1);

	for (size_t i = 0; i < G_N_ELEMENTS(lens); i++) {
		size_t len = lens[i], size, used;

		/* The plain compressor writes no longer lengths than these. */
		if (!huffman && len > 65536)
			continue;
		fill(&random, (unsigned)_i / 4, in, len);
		size = huffman ? mk_xpress_huffman(in, len, mark, packed,
						   2 * LEN_MAX) :
				 mk_xpress(in, len, packed, 2 * LEN_MAX);
		out[len] = 0x77;
		ck_assert(unpack(huffman, packed, size, out, len, &used));
		ck_assert_uint_le(size - used, 4);
		ck_assert_mem_eq(out, in, len);
		ck_assert_uint_eq(out[len], 0x77);
		/* Not what is cut; nor more than there is. */
		ck_assert(!unpack(huffman, packed, used / 2, out, len, NULL));
		if (!huffman || mark)
			ck_assert(!unpack(huffman, packed, size, out, len + 1,
					  NULL));
	}
}
END_TEST

START_TEST(test_damaged)
{
	const bool huffman = _i & 1;
	struct mk_random random = { 9 };
	g_autofree uint8_t *in = g_malloc(8192);
	g_autofree uint8_t *packed = g_malloc(16384);
	g_autofree uint8_t *out = g_malloc(8192);
	size_t size;

	fill(&random, 2, in, 8192);
	size = huffman ? mk_xpress_huffman(in, 8192, true, packed, 16384) :
			 mk_xpress(in, 8192, packed, 16384);
	for (unsigned i = 0; i < 4000; i++) {
		size_t at = mk_random_below(&random, size), used = 0;
		uint8_t bit = (uint8_t)(1 << mk_random_below(&random, 8));

		packed[at] ^= bit;
		if (unpack(huffman, packed, size, out, 8192, &used))
			ck_assert_uint_le(used, size);
		packed[at] ^= bit;
	}
}
END_TEST

START_TEST(test_wrong_codes)
{
	uint8_t in[300], out[100];

	/* No code; too many; one symbol only, as some writers have it. */
	memset(in, 0, sizeof in);
	ck_assert(!xpress_unpack_huffman(in, sizeof in, out, 100, NULL));
	memset(in, 0x11, 256);
	ck_assert(!xpress_unpack_huffman(in, sizeof in, out, 100, NULL));
	memset(in, 0, sizeof in);
	in['x' / 2] = 0x01;
	ck_assert(xpress_unpack_huffman(in, sizeof in, out, 100, NULL));
	ck_assert_uint_eq(out[99], 'x');
	in[257] = 0x80; /* its other half is no code */
	ck_assert(!xpress_unpack_huffman(in, sizeof in, out, 100, NULL));
	/* A match before the start. */
	memset(in, 0xff, sizeof in);
	ck_assert(!xpress_unpack_plain(in, sizeof in, out, 100, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-xpress");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_plain_examples);
	tcase_add_test(tcase, test_huffman_examples);
	tcase_add_loop_test(tcase, test_round_trip, 0, 16);
	tcase_add_loop_test(tcase, test_damaged, 0, 2);
	tcase_add_test(tcase, test_wrong_codes);
	return unit_main(suite);
}
