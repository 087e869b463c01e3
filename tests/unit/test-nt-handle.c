/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of handle tables: every encoding and level, and what is broken. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit.h"

#include "base/bytes.h"
#include "nt/handle.h"

/* How entries were encoded, and where things are in the table. */
struct generation {
	enum mk_mode mode;
	struct nt_field pointer;
	unsigned shift;
	uint32_t table_code, next_pool, count;
};

static const struct generation generations[] = {
	/* XP, 7 x64, 8.0, 8.1 and later, five levels, x86 since 8 */
	{ MK_MODE_X86, { 0, 0, 0 }, 0, 0, 0x38, 0x3c },
	{ MK_MODE_AMD64, { 0, 0, 0 }, 0, 0, 0x5c, 0x58 },
	{ MK_MODE_AMD64, { 0, 23, 41 }, 4, 8, 0, NT_ABSENT },
	{ MK_MODE_AMD64, { 0, 20, 44 }, 4, 8, 0, NT_ABSENT },
	{ MK_MODE_LA57, { 0, 11, 53 }, 4, 8, 0, NT_ABSENT },
	{ MK_MODE_PAE, { 0, 3, 29 }, 3, 8, 0, NT_ABSENT },
};
#define N_GENERATIONS ((int)G_N_ELEMENTS(generations))

struct fixture {
	const struct generation *g;
	struct unit_kmem k;
	struct nt_profile profile;
	uint64_t table;
	uint64_t n_entries, n_pointers;	/* of a page */
	GHashTable *want;	/* handle value / 4 -> entry was made */
	GArray *lost;		/* uint64_t: first, n */
	uint64_t n_found, last_value;
};

static void start(struct fixture *f, const struct generation *g)
{
	struct nt_handle_layout *h = &f->profile.handle;

	*f = (struct fixture){ .g = g };
	unit_kmem_init(&f->k, g->mode);
	f->profile.pointer_bytes = f->k.pointer_bytes;
	h->known = true;
	h->table_code = g->table_code;
	h->next_pool = g->next_pool;
	h->handle_count = g->count;
	h->entry_bytes = 2 * f->k.pointer_bytes;
	h->pointer = g->pointer;
	h->pointer_shift = g->shift;
	f->n_entries = MK_PAGE_SIZE / h->entry_bytes;
	f->n_pointers = MK_PAGE_SIZE / f->k.pointer_bytes;
	f->table = unit_kmem_page(&f->k, 1) + 0x80;
	f->want = g_hash_table_new(NULL, NULL);
	f->lost = g_array_new(FALSE, FALSE, sizeof(uint64_t));
}

static void stop(struct fixture *f)
{
	g_hash_table_unref(f->want);
	g_array_unref(f->lost);
	unit_kmem_clear(&f->k);
}

/* Where the object of a handle is: made up, nobody looks there. */
static uint64_t object_of(const struct fixture *f, uint64_t value)
{
	static const uint64_t bases[] = {
		[MK_MODE_X86] = 0x81000000,
		[MK_MODE_PAE] = 0x81000000,
		[MK_MODE_AMD64] = 0xffffe00011100000,
		[MK_MODE_LA57] = 0xff7a000022200000,
	};
	/* 8.0 keeps 45 bits of an address. */
	uint64_t base = f->g->pointer.bit_len == 41 ?
				UINT64_C(0xfffffa8033300000) :
				bases[f->g->mode];

	return base + 16 * (value / 4);
}

static uint64_t encode(const struct fixture *f, uint64_t object)
{
	const struct generation *g = f->g;
	uint64_t mask;

	/* with the lock bit, and other bits that are no address */
	if (!g->pointer.bit_len)
		return object | 1;
	mask = (UINT64_C(1) << g->pointer.bit_len) - 1;
	return ((object >> g->shift) & mask) << g->pointer.bit_pos |
	       ((UINT64_C(1) << g->pointer.bit_pos) - 1);
}

/* A leaf with every n-th entry in use; number: which one it is. */
static uint64_t make_leaf(struct fixture *f, uint64_t number, unsigned step)
{
	uint64_t va = unit_kmem_page(&f->k, 1);
	unsigned size = 2 * f->k.pointer_bytes;

	/* The first one is never a handle. */
	unit_kmem_put_ptr(&f->k, va, encode(f, object_of(f, 0x123450)));
	for (uint64_t i = 1; i < f->n_entries; i++) {
		uint64_t value = 4 * (number * f->n_entries + i);

		if (i % step) {
			/* a free one: no object, a link in the other word */
			unit_kmem_put_ptr(&f->k, va + i * size +
					  f->k.pointer_bytes, value);
			continue;
		}
		unit_kmem_put_ptr(&f->k, va + i * size,
				  encode(f, object_of(f, value)));
		unit_kmem_put(&f->k, va + i * size + f->k.pointer_bytes,
			      0x1f0fff, 4);
		g_hash_table_add(f->want, GUINT_TO_POINTER(value / 4));
	}
	return va;
}

static void set_table(struct fixture *f, uint64_t root, unsigned level,
		      uint64_t n_leaves)
{
	unit_kmem_put_ptr(&f->k, f->table + f->g->table_code, root | level);
	unit_kmem_put(&f->k, f->table + f->g->next_pool,
		      n_leaves * f->n_entries * 4, 4);
	if (f->g->count != NT_ABSENT)
		unit_kmem_put(&f->k, f->table + f->g->count,
			      g_hash_table_size(f->want), 4);
}

static void entry(void *ctx, const struct nt_handle *h)
{
	struct fixture *f = ctx;

	ck_assert_msg(g_hash_table_contains(f->want,
					    GUINT_TO_POINTER(h->value / 4)),
		      "handle %lx", (long)h->value);
	ck_assert_uint_gt(h->value, f->last_value);
	f->last_value = h->value;
	ck_assert_uint_eq(h->object, object_of(f, h->value));
	ck_assert_uint_eq(h->access, 0x1f0fff);
	f->n_found++;
}

static void lost(void *ctx, uint64_t first, uint64_t n)
{
	struct fixture *f = ctx;

	g_array_append_val(f->lost, first);
	g_array_append_val(f->lost, n);
}

static struct nt_handles walk(struct fixture *f, uint32_t budget)
{
	const struct nt_handle_sink sink = { entry, lost, f };

	if (!f->k.mem.pm)
		unit_kmem_ready(&f->k);
	f->n_found = f->last_value = 0;
	g_array_set_size(f->lost, 0);
	return nt_handles_walk(&f->k.as, &f->profile, VIRT(f->table), &budget,
			       &sink);
}

static void assert_whole(struct fixture *f, unsigned level, uint32_t n_pages)
{
	struct nt_handles h = walk(f, nt_handles_budget(&f->profile));

	ck_assert_int_eq(h.status, NT_HANDLES_OK);
	ck_assert_uint_eq(h.level, level);
	ck_assert_uint_eq(h.n_used, g_hash_table_size(f->want));
	ck_assert_uint_eq(f->n_found, h.n_used);
	ck_assert_uint_eq(h.n_pages, n_pages);
	ck_assert_uint_eq(h.n_lost, 0);
	ck_assert(!h.exhausted);
	ck_assert(h.has_count == (f->g->count != NT_ABSENT));
	if (h.has_count)
		ck_assert_uint_eq(h.count, h.n_used);
}

START_TEST(test_level_0)
{
	struct fixture f;

	start(&f, &generations[_i]);
	set_table(&f, make_leaf(&f, 0, 3), 0, 1);
	assert_whole(&f, 0, 1);
	stop(&f);
}
END_TEST

/* A page of pointers, with one that is NULL: the values behind it stay. */
static uint64_t make_pointers(struct fixture *f, uint64_t first, unsigned n)
{
	uint64_t va = unit_kmem_page(&f->k, 1);

	for (unsigned i = 0; i < n; i++)
		if (i != 1)
			unit_kmem_put_ptr(&f->k,
					  va + i * f->k.pointer_bytes,
					  make_leaf(f, first + i, 2 + i));
	return va;
}

START_TEST(test_level_1)
{
	struct fixture f;

	start(&f, &generations[_i]);
	set_table(&f, make_pointers(&f, 0, 4), 1, 4);
	assert_whole(&f, 1, 3);
	stop(&f);
}
END_TEST

/* The top of level 2 is not a page: what lies behind its pointers is none. */
START_TEST(test_level_2)
{
	struct fixture f;
	uint64_t top;

	start(&f, &generations[_i]);
	top = unit_kmem_page(&f.k, 1) + 0x20;
	unit_kmem_put_ptr(&f.k, top, make_pointers(&f, 0, 3));
	unit_kmem_put_ptr(&f.k, top + f.k.pointer_bytes,
			  make_pointers(&f, f.n_pointers, 3));
	for (unsigned i = 2; i < 100; i++)
		unit_kmem_put_ptr(&f.k, top + i * f.k.pointer_bytes, top);
	set_table(&f, top, 2, f.n_pointers + 3);
	assert_whole(&f, 2, 4);
	stop(&f);
}
END_TEST

/* Where NextHandleNeedingPool makes no sense, all pointers that there can be
 * are tried, and none that is no address. */
START_TEST(test_level_2_unbounded)
{
	struct fixture f;
	struct nt_handles h;
	uint64_t top;

	start(&f, &generations[_i]);
	top = unit_kmem_page(&f.k, 1);
	unit_kmem_put_ptr(&f.k, top, make_pointers(&f, 0, 3));
	unit_kmem_put_ptr(&f.k, top + 2 * f.k.pointer_bytes, 0x1234);
	unit_kmem_put_ptr(&f.k, top + 200 * f.k.pointer_bytes, top);
	set_table(&f, top, 2, 1);
	h = walk(&f, nt_handles_budget(&f.profile));
	ck_assert_int_eq(h.status, NT_HANDLES_OK);
	ck_assert_uint_eq(h.n_used, g_hash_table_size(f.want));
	ck_assert_uint_eq(h.n_lost, 1);
	ck_assert_uint_eq(g_array_index(f.lost, uint64_t, 0),
			  2 * f.n_pointers * f.n_entries * 4);
	stop(&f);
}
END_TEST

START_TEST(test_missing_pages)
{
	const struct generation *g = &generations[_i];
	struct fixture f;
	struct nt_handles h;
	uint64_t pointers;

	start(&f, g);
	pointers = make_pointers(&f, 0, 5);
	unit_kmem_put_ptr(&f.k, pointers + f.k.pointer_bytes,
			  unit_kmem_hole(&f.k));
	set_table(&f, pointers, 1, 5);
	h = walk(&f, nt_handles_budget(&f.profile));
	ck_assert_int_eq(h.status, NT_HANDLES_OK);
	ck_assert_uint_eq(h.n_used, g_hash_table_size(f.want));
	ck_assert_uint_eq(h.n_lost, 1);
	ck_assert_uint_eq(f.lost->len, 2);
	ck_assert_uint_eq(g_array_index(f.lost, uint64_t, 0),
			  f.n_entries * 4);
	ck_assert_uint_eq(g_array_index(f.lost, uint64_t, 1), f.n_entries);
	stop(&f);
}
END_TEST

static void assert_status(const struct generation *g, uint64_t root,
			  unsigned level, enum nt_handles_status want)
{
	struct fixture f;
	struct nt_handles h;

	start(&f, g);
	if (!root)
		root = unit_kmem_hole(&f.k);
	set_table(&f, root, level, 1);
	h = walk(&f, 100);
	ck_assert_int_eq(h.status, want);
	ck_assert_uint_eq(h.n_used, 0);
	stop(&f);
}

START_TEST(test_bad_tables)
{
	const struct generation *g = &generations[_i];
	struct fixture f;

	for (unsigned level = 0; level < 3; level++) {
		assert_status(g, 0, level, NT_HANDLES_UNREADABLE);
		assert_status(g, 0x1000, level, NT_HANDLES_BAD);
	}
	for (unsigned level = 3; level < 8; level++)
		assert_status(g, 0, level, NT_HANDLES_BAD);
	start(&f, g);
	set_table(&f, make_leaf(&f, 0, 2), 0, 1);
	f.table = unit_kmem_hole(&f.k);
	ck_assert_int_eq(walk(&f, 100).status, NT_HANDLES_UNREADABLE);
	f.table = 0x1000;
	ck_assert_int_eq(walk(&f, 100).status, NT_HANDLES_UNREADABLE);
	f.profile.handle.known = false;
	ck_assert_int_eq(walk(&f, 100).status, NT_HANDLES_UNKNOWN);
	stop(&f);
}
END_TEST

/* Pointers that all lead to one page, or back to their own. */
START_TEST(test_hostile)
{
	struct fixture f;
	struct nt_handles h;
	uint64_t top, pointers, leaf;

	start(&f, &generations[_i]);
	top = unit_kmem_page(&f.k, 1);
	pointers = unit_kmem_page(&f.k, 1);
	leaf = make_leaf(&f, 0, 1);
	for (uint64_t i = 0; i < f.n_pointers; i++) {
		unit_kmem_put_ptr(&f.k, top + i * f.k.pointer_bytes,
				  i % 2 ? top : pointers);
		unit_kmem_put_ptr(&f.k, pointers + i * f.k.pointer_bytes,
				  i % 2 ? pointers : leaf);
	}
	set_table(&f, top, 2, 0);
	h = walk(&f, nt_handles_budget(&f.profile));
	ck_assert_uint_eq(h.n_pages, 1);
	ck_assert_uint_eq(h.n_used, f.n_entries - 1);
	ck_assert_uint_gt(h.n_lost, 1);
	stop(&f);
}
END_TEST

START_TEST(test_budget)
{
	const struct nt_handle_sink sink = { entry, NULL, NULL };
	struct fixture f;
	struct nt_handles h;
	uint32_t budget = 0;

	start(&f, &generations[_i]);
	set_table(&f, make_pointers(&f, 0, 6), 1, 6);
	h = walk(&f, 2);
	ck_assert(h.exhausted);
	ck_assert_uint_eq(h.n_pages, 2);
	ck_assert_int_eq(h.status, NT_HANDLES_OK);
	h = nt_handles_walk(&f.k.as, &f.profile, VIRT(f.table), &budget,
			    &sink);
	ck_assert(h.exhausted);
	ck_assert_uint_eq(h.n_used, 0);
	ck_assert_uint_eq(budget, 0);
	stop(&f);
}
END_TEST

/* From one entry that is known: how all are encoded. */
START_TEST(test_learn)
{
	const struct generation *g = &generations[_i / 3];
	unsigned level = (unsigned)_i % 3;
	struct nt_handle_layout learnt = { .next_pool = g->next_pool,
					   .handle_count = g->count,
					   .known = true };
	struct fixture f;
	uint64_t root, want;

	start(&f, g);
	root = make_leaf(&f, 0, 1);
	want = object_of(&f, 4);
	for (unsigned i = 0; i < level; i++) {
		uint64_t above = unit_kmem_page(&f.k, 1);

		unit_kmem_put_ptr(&f.k, above, root);
		root = above;
	}
	set_table(&f, root, level, 0);
	unit_kmem_ready(&f.k);
	ck_assert(!nt_handle_learn(&f.k.as, f.k.pointer_bytes, VIRT(f.table),
				   want + 0x100000, &learnt));
	ck_assert_uint_eq(learnt.entry_bytes, 0);
	ck_assert(nt_handle_learn(&f.k.as, f.k.pointer_bytes, VIRT(f.table),
				  want, &learnt));
	ck_assert_uint_eq(learnt.table_code, g->table_code);
	ck_assert_uint_eq(learnt.pointer.bit_pos, g->pointer.bit_pos);
	ck_assert_uint_eq(learnt.pointer.bit_len, g->pointer.bit_len);
	f.profile.handle = learnt;
	assert_whole(&f, level, 1);
	stop(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-handle");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_level_0, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_level_1, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_level_2, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_level_2_unbounded, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_missing_pages, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_bad_tables, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_hostile, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_budget, 0, N_GENERATIONS);
	tcase_add_loop_test(tcase, test_learn, 0, 3 * N_GENERATIONS);
	return unit_main(suite);
}
