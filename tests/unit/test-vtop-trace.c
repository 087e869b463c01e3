/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the steps of a translation, in all forms, and of what finds the
 * entry that maps the tables. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "lib/mkpaging.h"
#include "vtop/vtop.h"

#define LEAF (MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A)
#define VA UINT64_C(0x12345000)

static const struct {
	enum mk_mode mode;
	const struct paging_form *form;
	uint64_t large;
} forms[] = {
	{ MK_MODE_X86, &paging_x86, 4 * MIB },
	{ MK_MODE_PAE, &paging_pae, 2 * MIB },
	{ MK_MODE_AMD64, &paging_amd64, 2 * MIB },
	{ MK_MODE_LA57, &paging_la57, 2 * MIB },
	{ MK_MODE_ARM64, &paging_arm64, 2 * MIB },
};

struct machine {
	MkPhys *phys;
	MkPaging *paging;
	struct unit_mem mem;
	struct addr_space as;
	struct vtop_step steps[PAGING_LEVELS_MAX];
	struct vtop_leaf leaf;
	unsigned n;
};

static void machine_start(struct machine *m, int i)
{
	m->phys = mk_phys_new(1);
	mk_phys_add_ram(m->phys, 0, 8 * MIB);
	m->paging = mk_paging_new(m->phys, forms[i].mode, 0);
}

static void machine_trace(struct machine *m, int i, uint64_t va)
{
	unit_mem_init(&m->mem, m->phys);
	m->as = (struct addr_space){ .pm = m->mem.pm, .form = forms[i].form,
				     .root = PHYS(mk_paging_root(m->paging)) };
	m->n = vtop_trace(&m->as, VIRT(va), m->steps, &m->leaf);
}

static void machine_stop(struct machine *m)
{
	unit_mem_clear(&m->mem);
	mk_paging_free(m->paging);
	mk_phys_free(m->phys);
}

/* The steps are the entries that the builder wrote, and the leaf is what
 * vtop_translate() says. */
static void check_steps(struct machine *m, int i, uint64_t va)
{
	struct vtop_leaf leaf = vtop_translate(&m->as, VIRT(va));
	int top = mk_paging_top(forms[i].mode);

	for (unsigned k = 0; k < m->n; k++) {
		const struct vtop_step *step = &m->steps[k];
		int level = top - (int)k;

		ck_assert_uint_eq(step->level, k);
		ck_assert_uint_eq(step->entry_pa.v,
				  mk_paging_entry(m->paging, va, level));
		ck_assert(step->read);
		ck_assert_uint_eq(step->entry,
				  mk_paging_peek(m->paging, va, level));
		ck_assert_int_eq(step->present, (int)(step->entry & 1));
	}
	ck_assert_uint_gt(m->n, 0);
	ck_assert_uint_eq(m->steps[m->n - 1].entry_pa.v, leaf.entry_pa.v);
	ck_assert_uint_eq(m->leaf.pa.v, leaf.pa.v);
	ck_assert_uint_eq(m->leaf.state, leaf.state);
	ck_assert_uint_eq(m->leaf.rights, leaf.rights);
	ck_assert_uint_eq(m->leaf.level, m->n - 1);
}

START_TEST(test_page)
{
	struct machine m;

	machine_start(&m, _i);
	mk_paging_map(m.paging, VA, 0x7000, 4 * KIB, LEAF);
	machine_trace(&m, _i, VA + 5);
	ck_assert_uint_eq(m.n, forms[_i].form->n_levels);
	check_steps(&m, _i, VA + 5);
	ck_assert_uint_eq(m.leaf.pa.v, 0x7000);
	ck_assert_uint_eq(m.steps[m.n - 1].rights, m.leaf.rights);
	machine_stop(&m);
}
END_TEST

START_TEST(test_large)
{
	struct machine m;
	uint64_t va = VA & ~(forms[_i].large - 1);

	machine_start(&m, _i);
	mk_paging_map(m.paging, va, 4 * MIB, forms[_i].large, LEAF);
	machine_trace(&m, _i, va + 0x1234);
	ck_assert_uint_eq(m.n, forms[_i].form->n_levels - 1u);
	check_steps(&m, _i, va + 0x1234);
	ck_assert_uint_eq(m.leaf.len, forms[_i].large);
	machine_stop(&m);
}
END_TEST

/* Nothing there: the steps end with the entry that says so. */
START_TEST(test_absent)
{
	struct machine m;
	uint64_t other = UINT64_C(0x72345000);

	machine_start(&m, _i);
	mk_paging_map(m.paging, VA, 0x7000, 4 * KIB, LEAF);
	machine_trace(&m, _i, other);
	ck_assert_uint_lt(m.n, forms[_i].form->n_levels);
	ck_assert_uint_eq(m.leaf.state, PAGE_ABSENT);
	ck_assert(!m.steps[m.n - 1].present && m.steps[m.n - 1].read);
	ck_assert_uint_eq(m.steps[m.n - 1].entry, 0);
	machine_stop(&m);
}
END_TEST

/* A table outside the image: its entry cannot be read. */
START_TEST(test_unreadable)
{
	struct machine m;

	machine_start(&m, _i);
	mk_paging_map(m.paging, VA, 0x7000, 4 * KIB, LEAF);
	mk_paging_poke(m.paging, VA, 2,
		       UINT64_C(0x40000000) | LEAF |
			       (_i == 4 ? MK_PTE_W : 0));
	machine_trace(&m, _i, VA);
	ck_assert_uint_eq(m.n, forms[_i].form->n_levels);
	ck_assert(m.steps[m.n - 2].read);
	ck_assert(!m.steps[m.n - 1].read && !m.steps[m.n - 1].present);
	ck_assert_uint_eq(m.steps[m.n - 1].entry, 0);
	ck_assert_uint_eq(m.steps[m.n - 1].entry_pa.v & ~UINT64_C(0xfff),
			  UINT64_C(0x40000000));
	ck_assert_uint_eq(m.leaf.state, PAGE_DAMAGED);
	machine_stop(&m);
}
END_TEST

START_TEST(test_not_canonical)
{
	struct machine m;

	machine_start(&m, _i);
	machine_trace(&m, _i, UINT64_C(0x0123456789abcdef));
	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(m.leaf.state, PAGE_ABSENT);
	machine_stop(&m);
}
END_TEST

/* A top-level table alone, of which only the bytes from skip on are in the
 * image: entry 5 points elsewhere, 0x1ed at the table, 0x1ee is not present. */
static unsigned self_map(const struct paging_form *form, uint64_t skip,
			 unsigned first)
{
	const struct image_run run = { 0x5000 + skip, 4096 - skip, skip };
	const uint64_t entries[] = { 0x6003, 0x5003, 0x5002 };
	const unsigned places[] = { 5, 0x1ed, 0x1ee };
	uint8_t table[4096] = { 0 };
	struct unit_mem mem;
	struct addr_space as = { .form = form, .root = PHYS(0x5000) };
	unsigned found;

	for (unsigned i = 0; i < G_N_ELEMENTS(places); i++)
		memcpy(table + places[i] * form->entry_bytes, &entries[i],
		       form->entry_bytes);
	unit_mem_init_runs(&mem, table, sizeof table, &run, 1);
	as.pm = mem.pm;
	found = vtop_self_map(&as, first);
	unit_mem_clear(&mem);
	return found;
}

START_TEST(test_self_map)
{
	ck_assert_uint_eq(self_map(&paging_amd64, 0, 0), 0x1ed);
	ck_assert_uint_eq(self_map(&paging_amd64, 0, 0x1ed), 0x1ed);
	ck_assert_uint_eq(self_map(&paging_amd64, 0, 0x1ee), 512);
	ck_assert_uint_eq(self_map(&paging_x86, 0, 0), 0x1ed);
	ck_assert_uint_eq(self_map(&paging_x86, 0, 0x1ee), 1024);
	/* The page is cut: before the entry, and behind it. */
	ck_assert_uint_eq(self_map(&paging_amd64, 0x800, 0), 0x1ed);
	ck_assert_uint_eq(self_map(&paging_amd64, 0xf70, 0), 512);
	ck_assert_uint_eq(self_map(&paging_x86, 0x800, 0), 1024);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-trace");
	TCase *tcase = unit_case(suite, "all");
	int n = (int)G_N_ELEMENTS(forms);

	tcase_add_loop_test(tcase, test_page, 0, n);
	tcase_add_loop_test(tcase, test_large, 0, n);
	tcase_add_loop_test(tcase, test_absent, 0, n);
	tcase_add_loop_test(tcase, test_unreadable, 0, n);
	tcase_add_loop_test(tcase, test_not_canonical, 0, n);
	tcase_add_test(tcase, test_self_map);
	return unit_main(suite);
}
