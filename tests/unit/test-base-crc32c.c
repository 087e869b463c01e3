/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of checksums. */
#include "config.h"

#include "unit/unit.h"

#include <glib.h>
#include <string.h>

#include "base/crc32c.h"

/* RFC 3720, appendix B.4; the last one is the usual check value. */
START_TEST(test_known)
{
	uint8_t bytes[32];

	memset(bytes, 0, sizeof bytes);
	ck_assert_uint_eq(crc32c(bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	ck_assert_uint_eq(crc32c(bytes, 32), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	ck_assert_uint_eq(crc32c(bytes, 32), 0x46dd794e);
	ck_assert_uint_eq(crc32c_portable(bytes, 32), 0x46dd794e);
	ck_assert_uint_eq(crc32c("123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c("", 0), 0);
}
END_TEST

/* Both ways agree at any length and alignment, of few bytes and of many. */
START_TEST(test_ways)
{
	static uint8_t bytes[65536 + 300];

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + i / 7);
	for (unsigned at = 0; at < 9; at++)
		for (unsigned len = 0; len < 300; len++)
			ck_assert_uint_eq(crc32c(bytes + at, len),
					  crc32c_portable(bytes + at, len));
	for (unsigned len = 300; len <= sizeof bytes - 7; len += 997)
		ck_assert_uint_eq(crc32c(bytes + 7, len),
				  crc32c_portable(bytes + 7, len));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-crc32c");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_known);
	tcase_add_test(tcase, test_ways);
	return unit_main(suite);
}
