/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of unpacking single pages. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#ifdef HAVE_LZ4
#include <lz4.h>
#endif

#include "lib/mkstore.h"
#include "nt/unpack_page.h"

/* A page of a kind: how random it is, what repeats. */
static void make_page(struct mk_random *random, uint8_t page[4096])
{
	uint64_t period = 1 + mk_random_below(random, 4096);
	uint64_t values = 1 + mk_random_below(random, 256);

	memset(page, 0, 4096);
	for (size_t i = 0; i < 4096; i++)
		page[i] = i < period ?
				  (uint8_t)mk_random_below(random, values) :
				  page[i - period];
	for (uint64_t n = mk_random_below(random, 40); n > 0; n--)
		page[mk_random_below(random, 4096)] =
			(uint8_t)mk_random_next(random);
}

/* In memory of its own, so that sanitizers see each byte that is not. */
static bool unpack(enum nt_codec codec, const uint8_t *in, size_t len,
		   uint8_t out[4096])
{
	g_autofree uint8_t *copy = g_memdup2(in, len);
	g_autofree uint8_t *own = g_malloc(4096);
	bool ok = nt_unpack_page(codec, copy, len, own);

	if (ok)
		memcpy(out, own, 4096);
	return ok;
}

static size_t pack(enum nt_codec codec, const uint8_t page[4096],
		   uint8_t out[4096])
{
	int n = 0;

	if (codec == NT_CODEC_XPRESS)
		return mk_xpress(page, 4096, out, 4096);
#ifdef HAVE_LZ4
	n = LZ4_compress_default((const char *)page, (char *)out, 4096, 4096);
#endif
	return n > 0 ? (size_t)n : 0;
}

START_TEST(test_round_trip)
{
	enum nt_codec codec = (enum nt_codec)_i;
	struct mk_random random = { 5 };
	uint8_t page[4096], packed[4096], got[4096];
	unsigned n_packed = 0;

	if (!nt_codec_usable(codec))
		return;
	for (unsigned i = 0; i < 3000; i++) {
		size_t n;

		make_page(&random, page);
		n = pack(codec, page, packed);
		if (!n)
			continue;
		n_packed++;
		ck_assert(unpack(codec, packed, n, got));
		ck_assert_mem_eq(got, page, 4096);
	}
	ck_assert_uint_gt(n_packed, 1500);
}
END_TEST

/* A stream that was cut: never another page. */
START_TEST(test_truncated)
{
	enum nt_codec codec = (enum nt_codec)_i;
	struct mk_random random = { 6 };
	uint8_t page[4096], packed[4096], got[4096];

	if (!nt_codec_usable(codec))
		return;
	for (unsigned i = 0; i < 200; i++) {
		size_t n;

		make_page(&random, page);
		n = pack(codec, page, packed);
		for (size_t len = n > 20 ? n - 20 : 1; len < n; len++)
			if (unpack(codec, packed, len, got))
				ck_assert_mem_eq(got, page, 4096);
	}
}
END_TEST

START_TEST(test_random)
{
	enum nt_codec codec = (enum nt_codec)_i;
	struct mk_random random = { 7 };
	uint8_t in[4096], got[4096];

	for (unsigned i = 0; i < 20000; i++) {
		size_t len = 1 + mk_random_below(&random, i % 2 ? 64 : 4096);
		uint64_t values = 1 + mk_random_below(&random, 256);

		for (size_t j = 0; j < len; j++)
			in[j] = (uint8_t)mk_random_below(&random, values);
		(void)unpack(codec, in, len, got);
	}
}
END_TEST

/* Streams with one byte that is another. */
START_TEST(test_mutated)
{
	enum nt_codec codec = (enum nt_codec)_i;
	struct mk_random random = { 8 };
	uint8_t page[4096], packed[4096], got[4096];

	for (unsigned i = 0; i < 2000; i++) {
		size_t n;

		make_page(&random, page);
		n = pack(codec, page, packed);
		if (!n)
			continue;
		packed[mk_random_below(&random, n)] ^=
			(uint8_t)(1u << mk_random_below(&random, 8));
		(void)unpack(codec, packed, n, got);
	}
}
END_TEST

/* By hand, after MS-XCA: a page of one letter; lengths in all forms. */
START_TEST(test_by_hand)
{
	/* literal 'a', a match of 4095 from one byte before */
	static const uint8_t letters[] = {
		0xff, 0xff, 0xff, 0x7f, 'a', 0x07, 0x00, 0x0f, 0xff,
		0xfc, 0x0f,
	};
	uint8_t got[4096];

	if (!nt_codec_usable(NT_CODEC_XPRESS))
		return;
	ck_assert(unpack(NT_CODEC_XPRESS, letters, sizeof letters, got));
	for (size_t i = 0; i < sizeof got; i++)
		ck_assert_int_eq(got[i], 'a');
	for (size_t len = 1; len < sizeof letters; len++)
		ck_assert(!unpack(NT_CODEC_XPRESS, letters, len, got));
}
END_TEST

START_TEST(test_limits)
{
	uint8_t in[4096] = { 0 }, got[4096];

	for (unsigned i = 0; i < 2; i++) {
		ck_assert(!nt_unpack_page((enum nt_codec)i, in, 0, got));
		ck_assert(!nt_unpack_page((enum nt_codec)i, in, 4097, got));
		ck_assert(!nt_unpack_page((enum nt_codec)i, in, SIZE_MAX,
					  got));
	}
	ck_assert_str_eq(nt_codec_name(NT_CODEC_XPRESS), "XPRESS");
	ck_assert_str_eq(nt_codec_library(NT_CODEC_LZ4), "liblz4");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-unpack-page");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_round_trip, 0, 2);
	tcase_add_loop_test(tcase, test_truncated, 0, 2);
	tcase_add_loop_test(tcase, test_random, 0, 2);
	tcase_add_loop_test(tcase, test_mutated, 0, 2);
	tcase_add_test(tcase, test_by_hand);
	tcase_add_test(tcase, test_limits);
	return unit_main(suite);
}
