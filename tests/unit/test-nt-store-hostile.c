/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A compressed store whose structures say something else in places. */
#include "config.h"

#include "unit/unit-store.h"
#include "unit/unit-runs.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/store.h"

#define NUMBER UNIT_STORE_NUMBER

/* Where the bytes of a kernel address are in the image held in memory. */
static uint8_t *bytes_at(struct unit_win *w, uint64_t va)
{
	struct vtop_leaf leaf = vtop_translate(&w->kernel->as, VIRT(va));
	uint64_t pa = leaf.pa.v + (va - leaf.va.v);
	const ImageRuns *runs = physmem_runs(w->mem.pm);
	struct image_run run;

	ck_assert(page_state_has_data(leaf.state));
	run = unit_piece(runs, pa);
	return w->mem.bytes + run.off + (pa - run.pa);
}

struct target {
	uint8_t *at;
	size_t len;
};

static void add_target(GArray *targets, struct unit_win *w, uint64_t va,
		       size_t len)
{
	struct target t = { bytes_at(w, va), len };

	g_array_append_val(targets, t);
}

static uint64_t pointer_at(struct unit_win *w, uint64_t va)
{
	return load_le64(bytes_at(w, va));
}

/* All pages of a tree. */
static void add_tree(GArray *targets, struct unit_win *w, uint64_t va)
{
	uint8_t *page = bytes_at(w, va);

	add_target(targets, w, va, 16 + 16 * load_le16(page));
	if (page[3])
		return;
	add_tree(targets, w, load_le64(page + 8));
	for (unsigned i = 0; i < load_le16(page); i++)
		add_tree(targets, w, load_le64(page + 24 + 16 * i));
}

/* The structures of an x64 store with SmGlobals as it was up to 21H2. */
static GArray *find_targets(struct unit_win *w)
{
	GArray *targets = g_array_new(FALSE, FALSE, sizeof(struct target));
	uint64_t globals = mk_win_sm_globals(w->win);

	add_target(targets, w, globals, 0x1c8);
	add_tree(targets, w, pointer_at(w, globals + 0x1c0));
	for (unsigned i = 0; i < 2; i++) {
		uint64_t array = pointer_at(w, globals + 8 * i);
		uint64_t store = pointer_at(w, array + 0x28 * (i * 37 % 32));
		uint64_t chunks = pointer_at(w, store + 0x110 + 16);

		add_target(targets, w, array, 0x500);
		add_target(targets, w, store + 0x50, 0x340);
		add_target(targets, w, store + 0x1848, 8);
		add_target(targets, w, store + 0x19b8, 8);
		add_tree(targets, w, pointer_at(w, store + 0x50));
		add_target(targets, w, pointer_at(w, store + 0x1848), 40);
		add_target(targets, w, chunks, 64);
		add_target(targets, w, pointer_at(w, chunks), 0xc0);
	}
	return targets;
}

/* Are these the bytes of any page that is in the store? */
static bool is_any_page(const struct unit_win *w, const uint8_t *bytes)
{
	for (guint i = 0; i < mk_win_store_pages(w->win)->len; i++) {
		const struct mk_store_page *p = unit_store_page(w, i);
		uint8_t want[4096];

		mk_content_fill(UNIT_STORE_SEED, p->pid, p->va, p->content,
				want);
		if (unit_store_readable(p) && !memcmp(bytes, want, sizeof want))
			return true;
	}
	return false;
}

/* How many pages come out otherwise than they should: *wrong, with bytes that
 * no page ever had; *other, with those of another page. */
static void count_wrong(const struct unit_win *w, unsigned *wrong,
			unsigned *other)
{
	NtStore *store = nt_store_find(w->kernel, NUMBER, NULL);

	*wrong = *other = 0;
	for (guint i = 0; store && i < mk_win_store_pages(w->win)->len; i++) {
		const struct mk_store_page *p = unit_store_page(w, i);
		uint8_t got[4096], want[4096];

		if (nt_store_read(store, NUMBER, p->place, got, NULL))
			continue;
		mk_content_fill(UNIT_STORE_SEED, p->pid, p->va, p->content,
				want);
		if (unit_store_readable(p) && !memcmp(got, want, sizeof got))
			continue;
		if (is_any_page(w, got))
			(*other)++;
		else
			(*wrong)++;
	}
	nt_store_free(store);
}

#define HOSTILE_ROUNDS 300

/*
 * Random words in the structures: an error, or the right bytes. What is left
 * are words that by chance lead to other bytes that are there (a raw page
 * somewhere else): no more than some in a thousand.
 */
START_TEST(test_random_words)
{
	struct mk_options options = unit_store_options("amd64-10.0.19041-b");
	struct mk_random random = { 77 };
	unsigned sum_wrong = 0, sum_other = 0;
	GArray *targets;
	struct unit_win w;

	options.procs = 6;
	unit_win_init(&w, &options);
	targets = find_targets(&w);
	for (unsigned i = 0; i < HOSTILE_ROUNDS; i++) {
		const struct target *t = &g_array_index(
			targets, struct target,
			(guint)mk_random_below(&random, targets->len));
		uint8_t *at = t->at + 4 * mk_random_below(&random, t->len / 4);
		uint64_t value = mk_random_next(&random);
		unsigned wrong, other;
		uint8_t old[4];

		memcpy(old, at, 4);
		memcpy(at, &value, 4);
		count_wrong(&w, &wrong, &other);
		memcpy(at, old, 4);
		sum_wrong += wrong;
		sum_other += other;
	}
	ck_assert_uint_eq(sum_wrong, 0);
	ck_assert_uint_le(sum_other, 2);
	g_array_unref(targets);
	unit_win_clear(&w);
}
END_TEST

/* Trees whose pages lead back to the root. */
START_TEST(test_loops)
{
	struct mk_options options = unit_store_options("amd64-10.0.19041-b");
	uint64_t globals, root;
	unsigned wrong, other;
	struct unit_win w;
	uint8_t *page;

	options.procs = 6;
	unit_win_init(&w, &options);
	globals = mk_win_sm_globals(w.win);
	root = pointer_at(&w, globals + 0x1c0);
	page = bytes_at(&w, root);
	ck_assert_uint_eq(page[3], 0);
	ck_assert_uint_ge(page[2], 3); /* levels */
	memcpy(page + 8, &root, 8);
	for (unsigned i = 0; i < load_le16(page); i++)
		memcpy(page + 24 + 16 * i, &root, 8);
	count_wrong(&w, &wrong, &other);
	ck_assert_uint_eq(wrong + other, 0);
	/* All zeros: an empty inner page. */
	memset(page, 0, 4096);
	count_wrong(&w, &wrong, &other);
	ck_assert_uint_eq(wrong + other, 0);
	/* Numbers of entries that do not fit. */
	memset(page, 0xff, 4096);
	count_wrong(&w, &wrong, &other);
	ck_assert_uint_eq(wrong + other, 0);
	unit_win_clear(&w);
}
END_TEST

/* The record of a page of zeros in memory that was wiped. */
START_TEST(test_wiped)
{
	struct mk_options options = unit_store_options("amd64-10.0.19041-b");
	struct nt_store_page info;
	struct unit_win w;
	uint8_t page[4096];
	NtStore *store;
	guint i = 0;

	unit_win_init(&w, &options);
	while (unit_store_page(&w, i)->kind != MK_STORE_ZERO)
		i++;
	store = nt_store_find(w.kernel, NUMBER, NULL);
	ck_assert_int_eq(nt_store_read(store, NUMBER,
				       unit_store_page(&w, i)->place,
				       page, &info), NT_STORE_OK);
	nt_store_free(store);
	memset(bytes_at(&w, page_floor(info.record.v)), 0, 4096);
	store = nt_store_find(w.kernel, NUMBER, NULL);
	ck_assert_ptr_nonnull(store);
	ck_assert_int_eq(nt_store_read(store, NUMBER,
				       unit_store_page(&w, i)->place,
				       page, &info), NT_STORE_DAMAGED);
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-store-hostile");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_random_words);
	tcase_add_test(tcase, test_loops);
	tcase_add_test(tcase, test_wiped);
	return unit_main(suite);
}
