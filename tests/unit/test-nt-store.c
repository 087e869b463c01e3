/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the compressed store, on made-up machines of all its layouts. */
#include "config.h"

#include "unit/unit-store.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/store.h"
#include "nt/unpack_page.h"

#define NUMBER UNIT_STORE_NUMBER

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
	if (unit_store_readable(p))
		return NT_STORE_OK;
	return p->kind == MK_STORE_LOST_REGION ? NT_STORE_UNREADABLE :
						 NT_STORE_DAMAGED;
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
	mk_content_fill(UNIT_STORE_SEED, p->pid, p->va, p->content,
				want);
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
		check_page(w, store, unit_store_page(w, i), codec);
		kinds |= 1u << unit_store_page(w, i)->kind;
	}
	ck_assert_uint_eq(kinds, (1u << MK_STORE_KINDS) - 1);
}

static bool is_lz4(int i)
{
	return strstr(layouts[i].row, "24H2") != NULL;
}

/* Without liblz4 the builder has no such machines. */
static bool has_lz4(void)
{
	return nt_codec_usable(NT_CODEC_LZ4);
}

/* Each layout: found in the kernel's data, each kind of page. */
START_TEST(test_layouts)
{
	struct mk_options options = unit_store_options(layouts[_i].layout);
	enum nt_codec codec = is_lz4(_i) ? NT_CODEC_LZ4 : NT_CODEC_XPRESS;
	const struct mk_process *owner;
	struct nt_store_facts facts;
	struct unit_win w;
	NtStore *store;

	if (is_lz4(_i) && !has_lz4())
		return;
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
	struct mk_options options = unit_store_options("amd64-10.0.19041-b");
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
	p = unit_store_page(&w, 0);
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
	struct mk_options options = unit_store_options("amd64-10.0.26100");
	struct unit_win w;
	uint8_t page[4096];
	NtStore *store;

	if (!has_lz4())
		return;
	unit_win_init(&w, &options);
	store = nt_store_find(w.kernel, -1, w.log);
	ck_assert_ptr_nonnull(store);
	for (unsigned n = 0; n < 16; n++) {
		ck_assert(!nt_store_is_virtual(store, n));
		ck_assert_int_eq(nt_store_read(store, n,
				       unit_store_page(&w, 0)->place,
					       page, NULL), NT_STORE_NO_KEY);
	}
	nt_store_free(store);
	unit_win_clear(&w);
}
END_TEST

/* Places that no key has room for. */
START_TEST(test_far)
{
	struct mk_options options = unit_store_options("amd64-10.0.19041-b");
	const uint32_t place = 0x40007; /* the second: stored as it is */
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
	struct mk_options options = unit_store_options("amd64-10.0.22621");
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
	struct mk_options options = unit_store_options("amd64-10.0.18362");
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

/* --- a page of the store that is itself in the store --- */

static struct {
	const NtStore *store;
	uint32_t place;
	unsigned n_asked;
	enum nt_store_status status;
} within;

/* As if page files were read where an entry names one. */
static struct soft_pte decode_and_read(const struct addr_space *as,
				       const struct soft_query *query)
{
	struct soft_pte pte = nt_soft_pte_ops.decode(as, query);
	uint8_t page[4096];

	if (within.store && pte.state == PAGE_PAGED_OUT) {
		within.n_asked++;
		within.status = nt_store_read(within.store, NUMBER,
					      within.place, page, NULL);
	}
	return pte;
}

START_TEST(test_recursion)
{
	static struct soft_pte_ops ops;
	struct mk_options options = unit_store_options("amd64-10.0.19041-b");
	struct unit_win w;
	uint8_t page[4096];
	NtStore *store;
	guint i = 0;

	ops = nt_soft_pte_ops;
	ops.decode = decode_and_read;
	unit_win_init(&w, &options);
	w.kernel->as.soft = &ops;
	within.store = store = nt_store_find(w.kernel, NUMBER, NULL);
	ck_assert_ptr_nonnull(store);
	while (unit_store_page(&w, i)->kind != MK_STORE_LOST_REGION)
		i++;
	within.place = unit_store_page(&w, i)->place;
	ck_assert_int_eq(nt_store_read(store, NUMBER, within.place, page,
				       NULL), NT_STORE_UNREADABLE);
	ck_assert_uint_gt(within.n_asked, 0);
	ck_assert_int_eq(within.status, NT_STORE_UNREADABLE);
	/* And afterwards all is as before. */
	ck_assert_int_eq(nt_store_read(store, NUMBER,
				       unit_store_page(&w, 1)->place,
				       page, NULL), NT_STORE_OK);
	within.store = NULL;
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
		const struct mk_store_page *p = unit_store_page(r->w, i % n);
		uint8_t got[4096], want[4096];
		enum nt_store_status status =
			nt_store_read(r->store, NUMBER, p->place, got, NULL);

		mk_content_fill(UNIT_STORE_SEED, p->pid, p->va, p->content,
				want);
		r->n_bad += status != wanted(p, NT_CODEC_XPRESS) ||
			    (!status && memcmp(got, want, sizeof got));
	}
	return NULL;
}

START_TEST(test_threads)
{
	struct mk_options options = unit_store_options("amd64-10.0.19041-b");
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
	tcase_add_test(tcase, test_recursion);
	tcase_add_test(tcase, test_threads);
	return unit_main(suite);
}
