/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of address types. */
#include "config.h"

#include "unit/unit.h"

#include "base/addr.h"

START_TEST(test_extends)
{
	ck_assert(virt_canonical(UINT64_C(0x800000000000), 48).v ==
		  UINT64_C(0xffff800000000000));
	ck_assert(virt_canonical(UINT64_C(0x7fffffffffff), 48).v ==
		  UINT64_C(0x7fffffffffff));
	ck_assert(virt_canonical(UINT64_C(0x100000000000000), 57).v ==
		  UINT64_C(0xff00000000000000));
	/* 32 bits: no sign */
	ck_assert(virt_canonical(UINT64_C(0x80000000), 32).v ==
		  UINT64_C(0x80000000));
	/* what lies above the bits is dropped */
	ck_assert(virt_canonical(UINT64_C(0xabc0700000001000), 48).v ==
		  UINT64_C(0x700000001000));
	ck_assert(virt_canonical(UINT64_C(0x1f00001000), 32).v == 0x1000);
	ck_assert(virt_canonical(UINT64_MAX, 64).v == UINT64_MAX);
}
END_TEST

START_TEST(test_is_canonical)
{
	ck_assert(virt_is_canonical(UINT64_C(0x7fffffffffff), 48));
	ck_assert(!virt_is_canonical(UINT64_C(0x800000000000), 48));
	ck_assert(!virt_is_canonical(UINT64_C(0xffff7fffffffffff), 48));
	ck_assert(virt_is_canonical(UINT64_C(0xffff800000000000), 48));
	ck_assert(virt_is_canonical(UINT64_C(0x800000000000), 57));
	ck_assert(!virt_is_canonical(UINT64_C(0x100000000000000), 57));
	ck_assert(virt_is_canonical(UINT32_MAX, 32));
	ck_assert(!virt_is_canonical(UINT64_C(0x100000000), 32));
	ck_assert(!virt_is_canonical(UINT64_MAX, 32));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base-addr");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_extends);
	tcase_add_test(tcase, test_is_canonical);
	return unit_main(suite);
}
