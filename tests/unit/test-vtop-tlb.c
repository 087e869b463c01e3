/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of reads that find their pages among those translated last. */
#include "config.h"

#include "unit/unit-mem.h"
#include "unit/unit.h"

#include "base/bytes.h"
#include "lib/mkpaging.h"
#include "vtop/vtop.h"

#define LEAF (MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A)
#define VA UINT64_C(0x400000)
#define PAGES 300u
#define FRAMES UINT64_C(0x100000)

/* Page i of the first machine is page i * 7 of the frames, of the second one
 * i * 11; each frame has its number. */
struct machine {
	MkPhys *phys;
	MkPaging *paging[2];
	struct unit_mem mem;
	struct addr_space as[2];
};

static struct machine m;
static const unsigned factors[2] = { 7, 11 };

static uint64_t frame_of(unsigned space, unsigned page)
{
	return page * factors[space] % PAGES;
}

static void load(void)
{
	unit_mem_init(&m.mem, m.phys);
	for (unsigned s = 0; s < 2; s++)
		m.as[s] = (struct addr_space){
			.pm = m.mem.pm,
			.form = &paging_amd64,
			.root = PHYS(mk_paging_root(m.paging[s])),
		};
}

static void setup(void)
{
	m = (struct machine){ .phys = mk_phys_new(1) };
	mk_phys_add_ram(m.phys, 0, 8 * MIB);
	mk_phys_claim(m.phys, FRAMES, PAGES * 4096);
	for (uint64_t i = 0; i < PAGES; i++)
		mk_phys_write(m.phys, FRAMES + i * 4096 + 16, &i, sizeof i);
	for (unsigned s = 0; s < 2; s++) {
		/* Roots that differ in no bit that tells places apart. */
		m.paging[s] = mk_paging_new(m.phys, MK_MODE_AMD64,
					    4 * MIB + s * (MIB / 4));
		for (unsigned i = 0; i < PAGES; i++)
			mk_paging_map(m.paging[s], VA + i * 4096,
				      FRAMES + frame_of(s, i) * 4096, 4096,
				      LEAF);
	}
	load();
}

static void teardown(void)
{
	unit_mem_clear(&m.mem);
	for (unsigned s = 0; s < 2; s++)
		mk_paging_free(m.paging[s]);
	mk_phys_free(m.phys);
}

static uint64_t number_at(const struct addr_space *as, unsigned page)
{
	uint64_t n = UINT64_MAX;

	ck_assert(vtop_read(as, VIRT(VA + page * 4096 + 16), &n, sizeof n));
	return n;
}

/* More pages than have a place, of two address spaces, in any order. */
START_TEST(test_spaces)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);

	for (unsigned i = 0; i < 20000; i++) {
		unsigned s = g_rand_int_range(rand, 0, 2);
		unsigned page = g_rand_int_range(rand, 0, PAGES);

		ck_assert_uint_eq(number_at(&m.as[s], page),
				  frame_of(s, page));
	}
}
END_TEST

/* Another form reads the same table otherwise. */
START_TEST(test_forms)
{
	struct addr_space other = m.as[0];
	uint64_t n;

	ck_assert_uint_eq(number_at(&m.as[0], 1), 7);
	other.form = &paging_pae;
	ck_assert(!vtop_read(&other, VIRT(VA + 4096 + 16), &n, sizeof n));
}
END_TEST

/* What the memory is now is what counts, not what one before it had. */
START_TEST(test_changed)
{
	ck_assert_uint_eq(number_at(&m.as[0], 1), 7);
	mk_paging_poke(m.paging[0], VA + 4096, 1, (FRAMES + 5 * 4096) | LEAF);
	unit_mem_clear(&m.mem);
	load();
	ck_assert_uint_eq(number_at(&m.as[0], 1), 5);
}
END_TEST

static unsigned n_asked;

static struct soft_pte decode(const struct addr_space *as,
			      const struct soft_query *q)
{
	(void)as;
	n_asked++;
	return (struct soft_pte){ .state = PAGE_TRANSITION,
				  .pa = PHYS(q->entry & ~UINT64_C(0xfff)) };
}

/* Pages that hardware would not translate are asked for each time: so is all
 * below a table that it would not walk. */
START_TEST(test_soft)
{
	const struct soft_pte_ops ops = { .decode = decode };
	uint64_t pt = mk_paging_peek(m.paging[1], VA, 2);

	mk_paging_poke(m.paging[0], VA, 1, (FRAMES + 9 * 4096) | 2);
	mk_paging_poke(m.paging[1], VA, 2, (pt & ~UINT64_C(0xfff)) | 2);
	unit_mem_clear(&m.mem);
	load();
	for (unsigned s = 0; s < 2; s++) {
		m.as[s].soft = &ops;
		n_asked = 0;
		for (unsigned i = 1; i <= 3; i++) {
			ck_assert_uint_eq(number_at(&m.as[s], 0), s ? 0 : 9);
			ck_assert_uint_eq(n_asked, i);
		}
	}
	n_asked = 0;
	ck_assert_uint_eq(number_at(&m.as[0], 2), 14);
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

/* A page that is known costs its step all the same. */
START_TEST(test_meter)
{
	struct vtop_meter meter = { .left = 2 };
	struct addr_space as = m.as[0];
	uint64_t n;

	as.meter = &meter;
	ck_assert_uint_eq(number_at(&as, 3), 21);
	ck_assert_uint_eq(number_at(&as, 3), 21);
	ck_assert_uint_eq(meter.left, 0);
	ck_assert(!vtop_read(&as, VIRT(VA + 3 * 4096), &n, sizeof n));
}
END_TEST

/* A large page, a piece of it at a time; a page that goes on in the next. */
START_TEST(test_large)
{
	uint8_t bytes[8192] = { 0 };
	uint64_t n;

	mk_paging_map(m.paging[0], 8 * MIB, 0, 2 * MIB, LEAF | MK_PTE_PS);
	unit_mem_clear(&m.mem);
	load();
	/* 256 of the frames are in it. */
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t at = 8 * MIB + FRAMES + i % 256 * 4096 + 16;

		ck_assert(vtop_read(&m.as[0], VIRT(at), &n, sizeof n));
		ck_assert_uint_eq(n, i % 256);
	}
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(vtop_read(&m.as[1], VIRT(VA + 2048), bytes,
				    sizeof bytes));
		ck_assert_uint_eq(bytes[2048 + 16], frame_of(1, 1));
		ck_assert_uint_eq(bytes[6144 + 16], frame_of(1, 2));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtop-tlb");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_spaces);
	tcase_add_test(tcase, test_forms);
	tcase_add_test(tcase, test_changed);
	tcase_add_test(tcase, test_soft);
	tcase_add_test(tcase, test_meter);
	tcase_add_test(tcase, test_large);
	return unit_main(suite);
}
