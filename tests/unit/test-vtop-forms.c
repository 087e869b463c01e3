/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the paging forms. */
#include "config.h"

#include "unit/unit.h"

#include <glib.h>

#include "vtop/forms.h"

START_TEST(test_find)
{
	ck_assert_ptr_eq(paging_form_find("x86"), &paging_x86);
	ck_assert_ptr_eq(paging_form_find("pae"), &paging_pae);
	ck_assert_ptr_eq(paging_form_find("amd64"), &paging_amd64);
	ck_assert_ptr_eq(paging_form_find("la57"), &paging_la57);
	ck_assert_ptr_eq(paging_form_find("arm64"), &paging_arm64);
	ck_assert_ptr_null(paging_form_find("AMD64"));
	ck_assert_ptr_null(paging_form_find("amd6"));
	ck_assert_ptr_null(paging_form_find(""));
}
END_TEST

/* The levels divide the address bits without gaps, down to the page. */
START_TEST(test_levels)
{
	for (size_t i = 0; paging_forms[i]; i++) {
		const struct paging_form *form = paging_forms[i];
		unsigned bit = form->va_bits;

		for (unsigned l = 0; l < form->n_levels; l++) {
			bit -= form->levels[l].bits;
			ck_assert_uint_eq(form->levels[l].shift, bit);
			ck_assert_ptr_nonnull(form->levels[l].name);
			/* a table is at most a page */
			ck_assert_uint_le(
				form->entry_bytes << form->levels[l].bits,
				4096);
		}
		ck_assert_uint_eq(bit, 12);
	}
}
END_TEST

/* What is reserved is no address bit, and not the bit that makes it so. */
START_TEST(test_masks)
{
	for (size_t i = 0; paging_forms[i]; i++) {
		const struct paging_form *form = paging_forms[i];

		for (unsigned l = 0; l < form->n_levels; l++) {
			const struct paging_level *level = &form->levels[l];

			ck_assert_uint_eq(level->reserved & form->pa_mask, 0);
			ck_assert_uint_eq(level->reserved & 1, 0);
			ck_assert_uint_eq(level->reserved_large &
						  level->large_mask, 0);
			ck_assert_uint_eq(level->reserved_large &
						  (level->large | 1), 0);
			ck_assert_uint_eq(level->ones & ~level->reserved, 0);
			ck_assert(level->large || !level->large_mask);
			ck_assert_uint_eq(level->large_mask &
						  ((1u << 12) - 1), 0);
		}
		ck_assert_uint_eq(form->pa_mask & 0xfff, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-forms");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_levels);
	tcase_add_test(tcase, test_masks);
	return unit_main(suite);
}
