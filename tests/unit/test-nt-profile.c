/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the record that readers use, for all layouts. */
#include "config.h"

#include "unit/unit.h"

#include "nt/profile.h"

static struct nt_profile fill(const char *id)
{
	struct nt_source source = { .layout = layouts_find(id) };
	struct nt_profile p;

	ck_assert_ptr_nonnull(source.layout);
	ck_assert(nt_profile_fill(&source, &p));
	ck_assert_ptr_eq(p.source.layout, source.layout);
	ck_assert_ptr_null(p.source.symbols);
	return p;
}

START_TEST(test_19041)
{
	struct nt_profile p = fill("amd64-10.0.19041-b");

	ck_assert_uint_eq(p.pointer_bytes, 8);
	ck_assert(!p.guessed);
	ck_assert_uint_eq(p.eprocess.type, 0);
	ck_assert_uint_eq(p.eprocess.dtb, 0x28);
	ck_assert_uint_eq(p.eprocess.pid, 0x440);
	ck_assert_uint_eq(p.eprocess.links, 0x448);
	ck_assert_uint_eq(p.eprocess.ppid, 0x540);
	ck_assert_uint_eq(p.eprocess.name, 0x5a8);
	ck_assert_uint_eq(p.eprocess.peb, 0x550);
	ck_assert_uint_ne(p.eprocess.user_dtb, NT_ABSENT);
	ck_assert_uint_eq(p.pte.swizzle.bit_len, 1);
	ck_assert_uint_eq(p.session.id, 8);
	ck_assert_uint_ne(p.invalid_pte_mask, NT_ABSENT);
}
END_TEST

/* Windows 7 has neither KVA shadow nor swizzled entries. */
START_TEST(test_7600)
{
	struct nt_profile p = fill("amd64-6.1.7600");

	ck_assert_uint_eq(p.eprocess.pid, 0x180);
	ck_assert_uint_eq(p.eprocess.name, 0x2e0);
	ck_assert_uint_eq(p.eprocess.user_dtb, NT_ABSENT);
	ck_assert_uint_eq(p.pte.swizzle.bit_len, 0);
	ck_assert_uint_eq(p.invalid_pte_mask, NT_ABSENT);
	ck_assert_uint_ne(p.eprocess.wow64, NT_ABSENT);
}
END_TEST

START_TEST(test_x86)
{
	struct nt_profile p = fill("x86-6.1.7601");

	ck_assert_uint_eq(p.pointer_bytes, 4);
	ck_assert_uint_eq(p.eprocess.links, 0xb8);
	p = fill("x86pae-6.0.6001");
	ck_assert_uint_eq(p.pointer_bytes, 4);
	ck_assert(p.guessed);
}
END_TEST

/* _MM_SESSION_SPACE left the type information with 24H2. */
START_TEST(test_26100)
{
	struct nt_profile p = fill("amd64-10.0.26100");

	ck_assert_uint_eq(p.session.id, 8);
	ck_assert_uint_eq(p.eprocess.links, 0x1d8);
}
END_TEST

START_TEST(test_all)
{
	size_t n = 0;

	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);
		struct nt_source source = { .layout = layout };
		struct nt_profile p = { .pointer_bytes = 99 };

		if (!nt_profile_fill(&source, &p)) {
			ck_assert_uint_eq(p.pointer_bytes, 99);
			ck_assert_int_eq(layout_arch(layout), NT_ARCH_ARM64);
			continue;
		}
		n++;
		ck_assert(!p.guessed || !layout_complete(layout));
		ck_assert_uint_lt(p.eprocess.pid, 0x1000);
		ck_assert_uint_lt(p.eprocess.name, 0x1000);
		ck_assert_uint_lt(p.eprocess.links, 0x1000);
		ck_assert_uint_lt(p.eprocess.dtb, 0x100);
		ck_assert_uint_eq(p.eprocess.links % p.pointer_bytes, 0);
		if (p.pointer_bytes == 4)
			continue;
		/* without the fields of PTEs nothing is transition */
		if (p.pte.transition_pfn.bit_len) {
			ck_assert_uint_eq(p.pte.transition_pfn.bit_pos, 12);
			ck_assert_uint_ge(p.pte.transition_pfn.bit_len, 28);
			ck_assert_uint_eq(p.pte.protection.bit_len, 5);
		} else {
			ck_assert(!layout_complete(layout));
		}
		ck_assert_uint_ne(p.eprocess.peb, NT_ABSENT);
		ck_assert_uint_ne(p.eprocess.wow64, NT_ABSENT);
		ck_assert_uint_ne(p.eprocess.ppid, NT_ABSENT);
	}
	ck_assert_uint_ge(n, 50);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-profile");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_19041);
	tcase_add_test(tcase, test_7600);
	tcase_add_test(tcase, test_x86);
	tcase_add_test(tcase, test_26100);
	tcase_add_test(tcase, test_all);
	return unit_main(suite);
}
