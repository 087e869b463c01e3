/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of text buffers. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "tree/sink.h"

static void fill(struct sink *sink)
{
	sink_str(sink, "abc");
	sink_printf(sink, "%d-%s\n", 42, "x");
	sink_key(sink, "Key", "0x%x", 255);
	for (int i = 0; i < 3000; i++)
		sink_bytes(sink, "0123456789", 10);
	sink_bytes(sink, "", 0);
	sink_str(sink, "");
}

/* What counts and what keeps agree, across growing. */
START_TEST(test_both)
{
	struct sink kept, counted;

	sink_init(&kept, false);
	sink_init(&counted, true);
	fill(&kept);
	fill(&counted);
	ck_assert_uint_eq(kept.len, counted.len);
	ck_assert_uint_eq(kept.len, 3 + 5 + 10 + 30000);
	ck_assert(!memcmp(kept.buf, "abc42-x\nKey:\t0xff\n0123456789", 28));
	ck_assert(!memcmp(kept.buf + kept.len - 10, "0123456789", 10));
	ck_assert_ptr_null(counted.buf);
	sink_clear(&kept);
	ck_assert_ptr_null(kept.buf);
	ck_assert_uint_eq(kept.len, 0);
}
END_TEST

static void assert_hex(uint64_t v, unsigned digits, const char *want)
{
	char buf[32] = "";

	*put_hex(buf, v, digits) = '\0';
	ck_assert_str_eq(buf, want);
}

START_TEST(test_hex)
{
	assert_hex(0, 1, "0");
	assert_hex(0, 0, "0");
	assert_hex(0, 8, "00000000");
	assert_hex(0xf, 1, "f");
	assert_hex(0x10, 1, "10");
	assert_hex(0xabcdef, 8, "00abcdef");
	assert_hex(UINT64_C(0x123456789), 8, "123456789");
	assert_hex(UINT64_MAX, 1, "ffffffffffffffff");
	assert_hex(UINT64_C(1) << 63, 16, "8000000000000000");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-sink");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_both);
	tcase_add_test(tcase, test_hex);
	return unit_main(suite);
}
