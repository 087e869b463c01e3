/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the compressed store, on made-up machines of all its layouts. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/store.h"
#include "nt/unpack_page.h"

#define NUMBER 5u

static const struct {
	const char *layout;
	const char *row;
} layouts[] = {
	{ "amd64-10.0.14393-b", "x64 10 1607" },
	{ "amd64-10.0.15063", "x64 10 1703" },
	{ "amd64-10.0.16299", "x64 10 1709 to 1909" },
	{ "amd64-10.0.17763-b", "x64 10 1709 to 1909" },
	{ "amd64-10.0.18362", "x64 10 1709 to 1909" },
	{ "amd64-10.0.19041-b", "x64 10 2004 to 11 21H2" },
	{ "amd64-10.0.22000", "x64 10 2004 to 11 21H2" },
	{ "amd64la57-10.0.22000", "x64 10 2004 to 11 21H2" },
	{ "amd64-10.0.22621", "x64 11 22H2 and 23H2" },
	{ "amd64la57-10.0.22621", "x64 11 22H2 and 23H2" },
	{ "x86pae-10.0.14393", "x86 10 1607" },
	{ "x86pae-10.0.15063", "x86 10 1703" },
	{ "x86pae-10.0.16299", "x86 10 1709 to 1909" },
	{ "x86pae-10.0.18362", "x86 10 1709 to 1909" },
	{ "x86pae-10.0.19041-b", "x86 10 2004 and later" },
	/* Keys without a number, LZ4. */
	{ "amd64-10.0.26100", "x64 11 24H2 and later" },
	{ "amd64la57-10.0.26100", "x64 11 24H2 and later" },
	{ "amd64-10.0.28000", "x64 11 24H2 and later" },
};

static struct mk_options options_of(const char *layout)
{
	return (struct mk_options){ .seed = 11, .layout = layout,
				    .size_mib = 32, .store = NUMBER };
}

/* By the builder. */
static bool can_be_read(const struct mk_store_page *p)
{
	return p->kind < MK_STORE_NO_KEY;
}

static bool is_packed(const struct mk_store_page *p)
{
	return p->kind == MK_STORE_PACKED || p->kind == MK_STORE_CHAIN;
}

static enum nt_store_status wanted(const struct mk_store_page *p,
				   enum nt_codec codec)
{
	if (p->kind == MK_STORE_NO_KEY)
		return NT_STORE_NO_KEY;
	if ((is_packed(p) || p->kind == MK_STORE_TRUNCATED) &&
	    !nt_codec_usable(codec))
		return NT_STORE_UNREADABLE;
	if (can_be_read(p))
		return NT_STORE_OK;
	return p->kind == MK_STORE_LOST_REGION ? NT_STORE_UNREADABLE :
						 NT_STORE_DAMAGED;
}

static const struct mk_store_page *page_at(const struct unit_win *w, guint i)
{
	return &g_array_index(mk_win_store_pages(w->win), struct mk_store_page,
			      i);
}

static void check_info(const struct mk_store_page *p, enum nt_codec codec,
		       const struct nt_store_page *info)
{
	bool raw = p->kind == MK_STORE_RAW || p->kind == MK_STORE_RAW_SIZE;

	ck_assert_int_eq(info->raw, raw);
	ck_assert_int_eq(info->zero, p->kind == MK_STORE_ZERO);
	ck_assert(info->store == 0 || info->store == 37);
	ck_assert_uint_ne(info->record.v, 0);
	ck_assert_int_eq(info->data.v == 0, p->kind == MK_STORE_ZERO);
	if (raw)
		ck_assert_uint_eq(info->size, 4096);
	if (is_packed(p)) {
		ck_assert_str_eq(info->algorithm, nt_codec_name(codec));
		ck_assert_uint_gt(info->size, 16);
		ck_assert_uint_lt(info->size, 4096);
	}
}

static void check_page(const struct unit_win *w, const NtStore *store,
		       const struct mk_store_page *p, enum nt_codec codec)
{
	uint8_t got[4096], want[4096];
	struct nt_store_page info;
	enum nt_store_status status;

	memset(got, 0xa5, sizeof got);
	status = nt_store_read(store, NUMBER, p->place, got, &info);
	ck_assert_int_eq(status, wanted(p, codec));
	ck_assert_uint_eq(info.key & 0x0fffffff, p->place);
	if (status) {
		for (size_t i = 0; i < sizeof got; i++)
			ck_assert_uint_eq(got[i], 0xa5);
		return;
	}
	mk_content_fill(11, p->pid, p->va, p->content, want);
	ck_assert_mem_eq(got, want, sizeof got);
	check_info(p, codec, &info);
	(void)w;
}

static void check_pages(const struct unit_win *w, const NtStore *store,
			enum nt_codec codec)
{
	unsigned kinds = 0;

	ck_assert_uint_ge(mk_win_store_pages(w->win)->len, 40);
	for (guint i = 0; i < mk_win_store_pages(w->win)->len; i++) {
		check_page(w, store, page_at(w, i), codec);
		kinds |= 1u << page_at(w, i)->kind;
	}
	ck_assert_uint_eq(kinds, (1u << MK_STORE_KINDS) - 1);
}

static bool is_lz4(int i)
{
	return strstr(layouts[i].row, "24H2") != NULL;
}

/* Each layout: found in the kernel's data, each kind of page. */
START_TEST(test_layouts)
{
	struct mk_options options = options_of(layouts[_i].layout);
	enum nt_codec codec = is_lz4(_i) ? NT_CODEC_LZ4 : NT_CODEC_XPRESS;
	const struct mk_process *owner;
	struct nt_store_facts facts;
	struct unit_win w;
	NtStore *store;

	unit_win_init(&w, &options);
	store = nt_store_find(w.kernel, NUMBER, w.log);
	ck_assert_ptr_nonnull(store);
	nt_store_facts(store, &facts);
	ck_assert_str_eq(facts.layout, layouts[_i].row);
	ck_assert_str_eq(facts.how, "derived");
	ck_assert_uint_eq(facts.globals.v, mk_win_sm_globals(w.win));
	ck_assert_uint_eq(facts.n_stores, 2);
	owner = mk_win_find(w.win, "MemCompression");
	ck_assert_uint_eq(facts.owner.v, owner->eprocess);
	check_pages(&w, store, codec);
	/* Again, from the cache. */
	check_pages(&w, store, codec);
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

/* The number of the virtual page file is not known: the keys tell. */
START_TEST(test_number_unknown)
{
	struct mk_options options = options_of("amd64-10.0.19041-b");
	const struct mk_store_page *p;
	struct unit_win w;
	uint8_t page[4096];
	NtStore *store;

	unit_win_init(&w, &options);
	store = nt_store_find(w.kernel, -1, w.log);
	ck_assert_ptr_nonnull(store);
	for (unsigned n = 0; n < 20; n++)
		ck_assert_int_eq(nt_store_is_virtual(store, n), n == NUMBER);
	check_pages(&w, store, NT_CODEC_XPRESS);
	p = page_at(&w, 0);
	ck_assert_int_eq(nt_store_read(store, 2, p->place, page, NULL),
			 NT_STORE_NO_KEY);
	ck_assert_int_eq(nt_store_read(store, NUMBER, p->place + 1, page,
				       NULL), NT_STORE_NO_KEY);
	nt_store_free(store);
	/* Windows' table counts, whatever keys there are. */
	store = nt_store_find(w.kernel, 2, w.log);
	ck_assert(nt_store_is_virtual(store, 2));
	ck_assert(!nt_store_is_virtual(store, NUMBER));
	ck_assert_int_eq(nt_store_read(store, NUMBER, p->place, page, NULL),
			 NT_STORE_NO_KEY);
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

/* Keys without a number: without Windows' table nothing is taken for it. */
START_TEST(test_no_numbers)
{
	struct mk_options options = options_of("amd64-10.0.26100");
	struct unit_win w;
	uint8_t page[4096];
	NtStore *store;

	unit_win_init(&w, &options);
	store = nt_store_find(w.kernel, -1, w.log);
	ck_assert_ptr_nonnull(store);
	for (unsigned n = 0; n < 16; n++) {
		ck_assert(!nt_store_is_virtual(store, n));
		ck_assert_int_eq(nt_store_read(store, n, page_at(&w, 0)->place,
					       page, NULL), NT_STORE_NO_KEY);
	}
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

/* Places that no key has room for. */
START_TEST(test_far)
{
	struct mk_options options = options_of("amd64-10.0.19041-b");
	const uint32_t place = 0x40000;
	struct unit_win w;
	uint8_t page[4096];
	NtStore *store;

	unit_win_init(&w, &options);
	store = nt_store_find(w.kernel, NUMBER, NULL);
	ck_assert_int_eq(nt_store_read(store, NUMBER, place, page, NULL),
			 NT_STORE_OK);
	for (unsigned bit = 28; bit < 32; bit++)
		ck_assert_int_eq(nt_store_read(store, NUMBER,
					       place | 1u << bit, page, NULL),
				 NT_STORE_NO_KEY);
	ck_assert_int_eq(nt_store_read(store, 16, place, page, NULL),
			 NT_STORE_NO_KEY);
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

/* Nothing there, or nothing that is known. */
static const char *const without[] = {
	"amd64-10.0.19041-b", "amd64-10.0.26100", "x86pae-10.0.19041-b",
	"amd64-10.0.10586", "amd64-6.1.7601-d", "x86-5.1.2600",
	"arm64-10.0.19041",
};

START_TEST(test_without)
{
	struct mk_options options = { .seed = 3, .layout = without[_i],
				      .size_mib = 32, .full = true };
	struct unit_win w;
	guint before;

	unit_win_init(&w, &options);
	before = log_count(w.log, LOG_INFO);
	ck_assert_ptr_null(nt_store_find(w.kernel, 2, w.log));
	ck_assert_uint_eq(log_count(w.log, LOG_INFO), before + 1);
	unit_win_clear(&w);
}
END_TEST

/* By a symbol file. */
START_TEST(test_symbol)
{
	struct mk_options options = options_of("amd64-10.0.22621");
	g_autofree char *dir = unit_dir_new();
	g_autofree char *isf = g_build_filename(dir, "kernel.json", NULL);
	struct nt_hints hints = { .profile_file = isf };
	struct nt_store_facts facts;
	MkWin *win = mk_win_new(&options, NULL);
	struct unit_win w;
	NtStore *store;

	ck_assert(mk_win_write_symbols(win, NULL, isf, NULL));
	mk_win_free(win);
	unit_win_init_hints(&w, &options, &hints);
	store = nt_store_find(w.kernel, NUMBER, w.log);
	ck_assert_ptr_nonnull(store);
	nt_store_facts(store, &facts);
	ck_assert_str_eq(facts.how, "symbol");
	ck_assert_uint_eq(facts.globals.v, mk_win_sm_globals(w.win));
	ck_assert_str_eq(facts.layout, "x64 11 22H2 and 23H2");
	check_pages(&w, store, NT_CODEC_XPRESS);
	nt_store_free(store);
	unit_win_clear(&w);
	unit_dir_free(g_steal_pointer(&dir));
}
END_TEST

/* The layout goes by memory, whatever build the kernel says it is. */
START_TEST(test_other_build)
{
	struct mk_options options = options_of("amd64-10.0.18362");
	struct nt_store_facts facts;
	struct unit_win w;
	NtStore *store;

	options.build = 22621;
	unit_win_init(&w, &options);
	store = nt_store_find(w.kernel, NUMBER, w.log);
	ck_assert_ptr_nonnull(store);
	nt_store_facts(store, &facts);
	ck_assert_str_eq(facts.layout, "x64 10 1709 to 1909");
	check_pages(&w, store, NT_CODEC_XPRESS);
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

/* --- hostile twins --- */

/* Where the bytes of a kernel address are in the image held in memory. */
static uint8_t *bytes_at(struct unit_win *w, uint64_t va)
{
	struct vtop_leaf leaf = vtop_translate(&w->kernel->as, VIRT(va));
	uint64_t pa = leaf.pa.v + (va - leaf.va.v);
	const ImageRuns *runs = physmem_runs(w->mem.pm);
	const struct image_run *run;

	ck_assert(page_state_has_data(leaf.state));
	run = image_runs_find(runs, pa);
	return w->mem.bytes + run->off + (pa - run->pa);
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
		const struct mk_store_page *p = page_at(w, i);
		uint8_t want[4096];

		mk_content_fill(11, p->pid, p->va, p->content, want);
		if (can_be_read(p) && !memcmp(bytes, want, sizeof want))
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
		const struct mk_store_page *p = page_at(w, i);
		uint8_t got[4096], want[4096];

		if (nt_store_read(store, NUMBER, p->place, got, NULL))
			continue;
		mk_content_fill(11, p->pid, p->va, p->content, want);
		if (can_be_read(p) && !memcmp(got, want, sizeof got))
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
	struct mk_options options = options_of("amd64-10.0.19041-b");
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
	struct mk_options options = options_of("amd64-10.0.19041-b");
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
	struct mk_options options = options_of("amd64-10.0.19041-b");
	struct nt_store_page info;
	struct unit_win w;
	uint8_t page[4096];
	NtStore *store;
	guint i = 0;

	unit_win_init(&w, &options);
	while (page_at(&w, i)->kind != MK_STORE_ZERO)
		i++;
	store = nt_store_find(w.kernel, NUMBER, NULL);
	ck_assert_int_eq(nt_store_read(store, NUMBER, page_at(&w, i)->place,
				       page, &info), NT_STORE_OK);
	nt_store_free(store);
	memset(bytes_at(&w, page_floor(info.record.v)), 0, 4096);
	store = nt_store_find(w.kernel, NUMBER, NULL);
	ck_assert_ptr_nonnull(store);
	ck_assert_int_eq(nt_store_read(store, NUMBER, page_at(&w, i)->place,
				       page, &info), NT_STORE_DAMAGED);
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

/* --- several threads --- */

struct reading {
	const struct unit_win *w;
	const NtStore *store;
	unsigned n_bad;
};

static gpointer read_all(gpointer data)
{
	struct reading *r = data;
	guint n = mk_win_store_pages(r->w->win)->len;

	for (guint i = 0; i < 20 * n; i++) {
		const struct mk_store_page *p = page_at(r->w, i % n);
		uint8_t got[4096], want[4096];
		enum nt_store_status status =
			nt_store_read(r->store, NUMBER, p->place, got, NULL);

		mk_content_fill(11, p->pid, p->va, p->content, want);
		r->n_bad += status != wanted(p, NT_CODEC_XPRESS) ||
			    (!status && memcmp(got, want, sizeof got));
	}
	return NULL;
}

START_TEST(test_threads)
{
	struct mk_options options = options_of("amd64-10.0.19041-b");
	struct reading readings[4];
	GThread *threads[4];
	struct unit_win w;
	NtStore *store;

	unit_win_init(&w, &options);
	store = nt_store_find(w.kernel, NUMBER, w.log);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
		readings[i] = (struct reading){ &w, store, 0 };
		threads[i] = g_thread_new("read", read_all, &readings[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
		g_thread_join(threads[i]);
		ck_assert_uint_eq(readings[i].n_bad, 0);
	}
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-store");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_layouts, 0, G_N_ELEMENTS(layouts));
	tcase_add_test(tcase, test_number_unknown);
	tcase_add_test(tcase, test_no_numbers);
	tcase_add_test(tcase, test_far);
	tcase_add_loop_test(tcase, test_without, 0, G_N_ELEMENTS(without));
	tcase_add_test(tcase, test_symbol);
	tcase_add_test(tcase, test_other_build);
	tcase_add_test(tcase, test_random_words);
	tcase_add_test(tcase, test_loops);
	tcase_add_test(tcase, test_wiped);
	tcase_add_test(tcase, test_threads);
	return unit_main(suite);
}
