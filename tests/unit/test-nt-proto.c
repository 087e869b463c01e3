/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of pages by prototype PTEs alone: which prototype PTEs a view has, by
 * VADs and subsections that are sound, odd, damaged or hostile; and what they
 * say of pages, in any cut. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit.h"

#include "nt/proto.h"
#include "vtop/map.h"

#define PTE 8u
#define START UINT64_C(0x10000000)

/* Of nobody's: for any will do. */
enum { AT_CONTROL = 0, AT_BASE = 8, AT_COUNT = 0x10, AT_NEXT = 0x18,
       CONTROL_BYTES = 0x40 };

static struct unit_kmem k;
static struct nt_profile profile;
static struct nt_soft_ctx ctx, flat;
static GArray *vads;

static void start(enum mk_mode mode, const char *layout)
{
	struct nt_source source = { .layout = layouts_find(layout) };

	unit_kmem_init(&k, mode);
	ck_assert_ptr_nonnull(source.layout);
	ck_assert(nt_profile_fill(&source, &profile));
	profile.section = (struct nt_section_layout){
		.known = true, .control_area = AT_CONTROL, .base = AT_BASE,
		.n_ptes = AT_COUNT, .next = AT_NEXT,
		.control_area_bytes = CONTROL_BYTES,
	};
	vads = g_array_new(FALSE, FALSE, sizeof(struct nt_vad));
}

static void setup(void)
{
	start(MK_MODE_AMD64, "amd64-10.0.19041-b");
}

static void setup_narrow(void)
{
	start(MK_MODE_X86, "x86-5.1.2600");
}

static void teardown(void)
{
	g_array_unref(vads);
	unit_kmem_clear(&k);
}

static void put_subsection(uint64_t va, uint64_t control, uint64_t base,
			   uint32_t n, uint64_t next)
{
	unit_kmem_put_ptr(&k, va + AT_CONTROL, control);
	unit_kmem_put_ptr(&k, va + AT_BASE, base);
	unit_kmem_put(&k, va + AT_COUNT, n, 4);
	unit_kmem_put_ptr(&k, va + AT_NEXT, next);
}

static struct nt_vad *add_vad(uint64_t start, uint64_t n_pages,
			      uint64_t first, uint64_t last,
			      uint64_t subsection)
{
	struct nt_vad vad = {
		.start = start,
		.last = start + n_pages * 4096 - 1,
		.first_proto = first,
		.last_proto = last,
		.subsection = subsection,
	};

	g_array_append_val(vads, vad);
	return &g_array_index(vads, struct nt_vad, vads->len - 1);
}

/* Of what was made; what is wanted of all extents holds for any. */
static GArray *extents(void)
{
	GArray *all;
	uint64_t next = 0;

	if (!k.mem.pm)
		unit_kmem_ready(&k);
	all = nt_proto_extents(&k.as, &profile, vads);
	for (guint i = 0; i < all->len; i++) {
		const struct nt_proto_extent *x =
			&g_array_index(all, struct nt_proto_extent, i);

		ck_assert_uint_ge(x->start, next);
		ck_assert_uint_gt(x->last, x->start);
		ck_assert_uint_eq((x->last - x->start + 1) % 4096, 0);
		next = x->last + 1;
	}
	return all;
}

static void assert_extent(const GArray *all, guint i, uint64_t page,
			  uint64_t n, uint64_t pte)
{
	const struct nt_proto_extent *x =
		&g_array_index(all, struct nt_proto_extent, i);

	ck_assert_uint_lt(i, all->len);
	ck_assert_uint_eq(x->start, START + page * 4096);
	ck_assert_uint_eq(x->last - x->start + 1, n * 4096);
	ck_assert_uint_eq(x->pte.v, pte);
}

/* Three subsections, of which the view has the end of the first one, the
 * second, and the beginning of the third. */
START_TEST(test_chain)
{
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 3);
	g_autoptr(GArray) all = NULL;

	put_subsection(a, ca, protos, 5, a + 0x100);
	put_subsection(a + 0x100, ca, protos + 0x1000, 9, a + 0x200);
	put_subsection(a + 0x200, ca, protos + 0x2000, 6, 0);
	add_vad(START, 15, protos + 2 * PTE, protos + 4 * PTE, a);
	all = extents();
	ck_assert_uint_eq(all->len, 3);
	assert_extent(all, 0, 0, 3, protos + 2 * PTE);
	assert_extent(all, 1, 3, 9, protos + 0x1000);
	assert_extent(all, 2, 12, 3, protos + 0x2000);
	ck_assert(nt_proto_at(all, START + 15 * 4096 - 1));
	ck_assert(!nt_proto_at(all, START + 15 * 4096));
	ck_assert(!nt_proto_at(all, START - 1));
	ck_assert(!nt_proto_at(NULL, START));
}
END_TEST

/* The view begins in the second; it is larger than all of them. */
START_TEST(test_begin_later)
{
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 2);
	g_autoptr(GArray) all = NULL;

	put_subsection(a, ca, protos, 5, a + 0x100);
	put_subsection(a + 0x100, ca, protos + 0x1000, 9, 0);
	add_vad(START, 100, protos + 0x1000 + PTE, protos + 0x1000 + 8 * PTE,
		a);
	all = extents();
	ck_assert_uint_eq(all->len, 1);
	assert_extent(all, 0, 0, 8, protos + 0x1000 + PTE);
}
END_TEST

/* MM_ALLOCATION_FILLS_VAD: one array for all. */
START_TEST(test_fills)
{
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 1);
	g_autoptr(GArray) all = NULL;

	put_subsection(a, ca, protos, 1, a + 0x100);
	put_subsection(a + 0x100, ca, protos + PTE, 5, 0);
	add_vad(START, 6, protos, ~UINT64_C(3), a);
	all = extents();
	ck_assert_uint_eq(all->len, 1);
	assert_extent(all, 0, 0, 6, protos);
}
END_TEST

/* LastContiguousPte below the first: as far as the subsection goes; where that
 * cannot be read either, nothing tells how far. */
START_TEST(test_below)
{
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 1);
	g_autoptr(GArray) all = NULL;

	put_subsection(a, ca, protos, 5, 0);
	add_vad(START, 16, protos + PTE, protos, a);
	add_vad(START + 0x100000, 16, protos + PTE, protos,
		unit_kmem_hole(&k));
	all = extents();
	ck_assert_uint_eq(all->len, 1);
	assert_extent(all, 0, 0, 4, protos + PTE);
}
END_TEST

/* NextSubsection leads back, to itself, to user memory, to nothing. */
START_TEST(test_cycles)
{
	const uint64_t hole = unit_kmem_hole(&k);
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 1);
	const uint64_t next[] = { a, a + 0x100, 0x1000, hole, ca - 8, 1 };
	g_autoptr(GArray) all = NULL;

	put_subsection(a, ca, protos, 2, a + 0x100);
	put_subsection(a + 0x100, ca, protos + 2 * PTE, 2, next[_i]);
	add_vad(START, 1000, protos, protos + PTE, a);
	all = extents();
	ck_assert_uint_eq(all->len, 2);
	assert_extent(all, 1, 2, 2, protos + 2 * PTE);
}
END_TEST

/* Of another control area; without pages; with a base that is none. */
START_TEST(test_misfits)
{
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 1);
	g_autoptr(GArray) all = NULL;

	put_subsection(a, ca, protos, 2, a + 0x100);
	put_subsection(a + 0x100, _i == 0 ? ca + 8 : _i == 1 ? 0x1000 : ca,
		       _i == 2 ? protos + 3 : _i == 3 ? 0x2000 : protos + 0x80,
		       _i == 4 ? 0 : 7, 0);
	add_vad(START, 50, protos, protos + PTE, a);
	all = extents();
	ck_assert_uint_eq(all->len, 1);
	assert_extent(all, 0, 0, 2, protos);
}
END_TEST

/* A subsection of 4 billion pages: as many as the view has. */
START_TEST(test_huge_count)
{
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 1);
	g_autoptr(GArray) all = NULL;

	put_subsection(a, ca, protos, 2, a + 0x100);
	put_subsection(a + 0x100, ca, protos + 0x80, UINT32_MAX, 0);
	add_vad(START, 50, protos, protos + PTE, a);
	all = extents();
	ck_assert_uint_eq(all->len, 2);
	assert_extent(all, 1, 2, 48, protos + 0x80);
}
END_TEST

START_TEST(test_no_array)
{
	const uint64_t bad[] = { 1, 0x1000, 0xffff800000000004, UINT64_MAX,
				 0x7ffffffffff8, 0x0000800000000000 };
	g_autoptr(GArray) all = NULL;

	add_vad(START, 16, bad[_i], UINT64_MAX, 0);
	all = extents();
	ck_assert_uint_eq(all->len, 0);
}
END_TEST

/* Private memory has none, whatever is where others have it. */
START_TEST(test_private)
{
	uint64_t protos = unit_kmem_page(&k, 1);
	g_autoptr(GArray) all = NULL;

	add_vad(START, 4, protos, protos + 3 * PTE, 0)->private_memory = true;
	all = extents();
	ck_assert_uint_eq(all->len, 0);
}
END_TEST

/* Thousands of views of one section of hundreds of subsections. */
START_TEST(test_budget)
{
	enum { N_VIEWS = 3000, N = 128 };
	uint64_t a = unit_kmem_page(&k, 1), ca = unit_kmem_page(&k, 1);
	uint64_t protos = unit_kmem_page(&k, 1);
	g_autoptr(GArray) all = NULL;

	for (unsigned i = 0; i < N; i++)
		put_subsection(a + i * 0x20, ca, protos + i * PTE, 1,
			       i + 1 < N ? a + (i + 1) * 0x20 : 0);
	for (unsigned i = 0; i < N_VIEWS; i++)
		add_vad(START + i * UINT64_C(0x100000), N, protos, protos, a);
	all = extents();
	ck_assert_uint_gt(all->len, NT_SUBSECTIONS_MAX - N);
	ck_assert_uint_le(all->len, NT_SUBSECTIONS_MAX + N_VIEWS);
}
END_TEST

/* Before Vista: the first subsection lies behind the control area; behind a
 * _LARGE_CONTROL_AREA there is something else where it should be. */
START_TEST(test_narrow)
{
	uint64_t ca = unit_kmem_page(&k, 1), protos = unit_kmem_page(&k, 1);
	uint64_t sub = ca + CONTROL_BYTES, large = ca + 0x400;
	g_autoptr(GArray) all = NULL;

	put_subsection(sub, ca, protos, 3, ca + 0x100);
	put_subsection(ca + 0x100, ca, protos + 0x200, 4, 0);
	put_subsection(large + CONTROL_BYTES + 0x10, large, protos, 3, 0);
	add_vad(START, 7, protos + 4, protos + 8, 0)->control_area = ca;
	add_vad(START + 0x10000, 7, protos, protos + 8, 0)->control_area =
		large;
	all = extents();
	ck_assert_uint_eq(all->len, 3);
	assert_extent(all, 0, 0, 2, protos + 4);
	assert_extent(all, 1, 2, 4, protos + 0x200);
	/* what the VAD itself says */
	assert_extent(all, 2, 16, 3, protos);
}
END_TEST

/* --- vacant --- */

static struct addr_space space(GArray *all)
{
	struct addr_space as;

	flat = (struct nt_soft_ctx){ .pte = profile.pte };
	ctx = flat;
	ctx.flat = &flat;
	ctx.protos = all;
	as = k.as;
	as.soft = &nt_soft_pte_ops;
	as.soft_ctx = &ctx;
	return as;
}

/* What the process's own entry says of protection goes before what the VAD
 * does, and that before what the prototype PTE has; nothing is no word. */
START_TEST(test_rights)
{
	uint64_t proto = unit_kmem_page(&k, 1);
	struct soft_query q = { .va = START, .entry = proto << 16 | 0x400 };
	g_autoptr(GArray) all = NULL;
	struct addr_space as;
	struct soft_pte r;

	unit_kmem_put(&k, proto, 0x2001 | 0x800 | UINT64_C(1) << 63, 8);
	add_vad(START, 1, proto, proto, 0)->protection = 1;
	all = extents();
	as = space(all);
	r = nt_soft_pte_ops.decode(&as, &q);
	ck_assert_uint_eq(r.rights, RIGHT_USER | RIGHT_READ);
	as = space(NULL);
	r = nt_soft_pte_ops.decode(&as, &q);
	ck_assert_int_eq(r.state, PAGE_PROTOTYPE);
	ck_assert_uint_eq(r.pa.v, 0x2000);
	ck_assert_uint_eq(r.rights, RIGHT_USER | RIGHT_READ | RIGHT_WRITE);
	/* EXECUTE_WRITECOPY */
	q.entry |= UINT64_C(7) << profile.pte.proto_protection.bit_pos;
	r = nt_soft_pte_ops.decode(&as, &q);
	ck_assert_int_eq(r.state, PAGE_PROTOTYPE);
	ck_assert_uint_eq(r.rights, RIGHT_USER | RIGHT_READ | RIGHT_EXEC |
					    RIGHT_COW);
}
END_TEST

/* The whole of the lower half by one array that is not there, or that is one
 * page again and again: bounded. */
START_TEST(test_128_tib)
{
	const uint64_t last = (UINT64_C(1) << 47) - 1;
	uint64_t protos = _i ? unit_kmem_page(&k, 1) : unit_kmem_hole(&k);
	g_autoptr(GArray) all = NULL;
	struct addr_space as;
	const struct map_counts *counts;
	AddrMap *map;

	for (unsigned i = 0; _i && i < 512; i++)
		unit_kmem_put(&k, protos + i * PTE,
			      i % 2 ? 0 : 0x2001 + 0x1000 * i, 8);
	add_vad(0, UINT64_C(1) << 35, protos, UINT64_MAX, 0);
	all = extents();
	ck_assert_uint_eq(all->len, 1);
	as = space(all);
	map = addr_map_build(&as, 0, last);
	counts = addr_map_counts(map);
	/* All of it, or it says that there is more; in little memory. */
	ck_assert(counts->walk.exhausted ||
		  counts->lost_bytes + counts->data_bytes > last / 4);
	ck_assert_uint_lt(addr_map_footprint(map), 64 << 20);
	addr_map_unref(map);
}
END_TEST

static uint64_t random_pte(struct mk_random *random)
{
	const uint64_t frame = mk_random_below(random, 5000) << 12;

	switch (mk_random_below(random, 8)) {
	case 0:
		return frame | 0x800 | 4 << 5 | 0x10;
	case 1:
		return frame | 1;
	case 2:
		return UINT64_C(0xffff876543210400);
	case 3:
		return frame << 20 | 4 << 5 | 0x10;
	case 4:
		return mk_random_next(random);
	default:
		return 0;
	}
}

/* In any cut the answer is that of the pages one by one. */
static void assert_cut(const struct addr_space *as, uint64_t va,
		       uint64_t last)
{
	struct soft_pte r, one;
	uint64_t n = nt_soft_pte_ops.vacant(as, va, last, &r);

	ck_assert_uint_gt(n, 0);
	ck_assert_uint_le(n - 1, last - va);
	for (uint64_t at = va; at - va < n; at += 4096) {
		const uint64_t end = at | 0xfff;

		(void)nt_soft_pte_ops.vacant(as, at, end, &one);
		ck_assert_int_eq(one.state, r.state);
		if (r.state == PAGE_ABSENT)
			continue;
		ck_assert_uint_eq(one.rights, r.rights);
		if (page_state_has_place(r.state))
			ck_assert_uint_eq(one.pa.v, r.pa.v + (at - va));
	}
}

START_TEST(test_any_cut)
{
	struct mk_random random = { 77 + (uint64_t)_i };
	uint64_t protos = unit_kmem_page(&k, 2);
	g_autoptr(GArray) all = NULL;
	struct addr_space as;

	(void)unit_kmem_hole(&k);
	for (unsigned i = 0; i < 1024; i++)
		unit_kmem_put(&k, protos + i * PTE, random_pte(&random), 8);
	/* the last 200 are not to be read */
	add_vad(START, 1000, protos + 224 * PTE, UINT64_MAX, 0);
	add_vad(START + 0x800000, 30, protos + 4000, protos + 4200, 0)
		->protection = 4;
	all = extents();
	as = space(all);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t va = START - 0x10000 +
			      mk_random_below(&random, 0x900) * 4096;

		assert_cut(&as, va, va + mk_random_below(&random, 600) * 4096 +
					    4095);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-proto");
	TCase *wide = unit_case(suite, "wide");
	TCase *narrow = unit_case(suite, "narrow");

	tcase_add_checked_fixture(wide, setup, teardown);
	tcase_add_checked_fixture(narrow, setup_narrow, teardown);
	tcase_add_test(wide, test_chain);
	tcase_add_test(wide, test_begin_later);
	tcase_add_test(wide, test_fills);
	tcase_add_test(wide, test_below);
	tcase_add_loop_test(wide, test_cycles, 0, 6);
	tcase_add_loop_test(wide, test_misfits, 0, 5);
	tcase_add_test(wide, test_huge_count);
	tcase_add_loop_test(wide, test_no_array, 0, 6);
	tcase_add_test(wide, test_private);
	tcase_add_test(wide, test_budget);
	tcase_add_test(wide, test_rights);
	tcase_add_loop_test(wide, test_128_tib, 0, 2);
	tcase_add_loop_test(wide, test_any_cut, 0, 4);
	tcase_add_test(narrow, test_narrow);
	return unit_main(suite);
}
