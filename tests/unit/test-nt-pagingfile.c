/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of Windows' own table of paging files: of all layouts, with and
 * without symbols, and with the table damaged in every way. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit-runs.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/pagingfile.h"
#include "nt/softkernel.h"

static void make(struct unit_win *w, const char *layout, const char *guid)
{
	const struct mk_options options = {
		.seed = 7,
		.size_mib = 32,
		.procs = 3,
		.layout = layout,
		.guid = guid,
		.page_files = true,
	};

	unit_win_init(w, &options);
	ck_assert_msg(w->kernel != NULL && w->kernel->has_system, "%s: lost",
		      layout ? layout : guid);
}

/* The entry of a number as the builder has it; NULL where it has none. */
static const struct mk_page_file *made(const struct unit_win *w,
				       unsigned number)
{
	const struct mk_page_file *files;
	size_t n;

	files = mk_win_page_files(w->win, &n, NULL);
	for (size_t i = 0; i < n; i++)
		if (files[i].number == number)
			return &files[i];
	return NULL;
}

static uint64_t table_va(const struct unit_win *w)
{
	uint64_t va;
	size_t n;

	(void)mk_win_page_files(w->win, &n, &va);
	return va;
}

/* All that it has is as it was made. */
static void check_entries(const struct unit_win *w, const GArray *table)
{
	for (guint i = 0; i < table->len; i++) {
		const struct nt_paging_file *f =
			&g_array_index(table, struct nt_paging_file, i);
		const struct mk_page_file *m = made(w, f->number);

		ck_assert_ptr_nonnull(m);
		ck_assert(!i || f[-1].number < f->number);
		ck_assert_uint_eq(f->va.v, m->va);
		ck_assert_uint_eq(f->pages, m->pages);
		ck_assert_int_eq(f->is_virtual, !m->name);
		ck_assert_ptr_eq(nt_paging_file_get(table, f->number), f);
	}
}

static void check_all(const struct unit_win *w, const char *want_how)
{
	const char *layout = mk_win_kernel(w->win)->layout, *how = "?";
	g_autoptr(GArray) table = nt_paging_files(w->kernel, &how);
	size_t n;

	(void)mk_win_page_files(w->win, &n, NULL);
	ck_assert_msg(!g_strcmp0(how, want_how), "%s: by %s, not %s", layout,
		      how ? how : "nothing", want_how);
	ck_assert_msg(table->len == n, "%s: %u entries", layout, table->len);
	check_entries(w, table);
	for (guint i = 0; i < table->len; i++) {
		const struct nt_paging_file *f =
			&g_array_index(table, struct nt_paging_file, i);

		ck_assert_int_eq(g_strcmp0(f->name, made(w, f->number)->name),
				 0);
	}
}

/* Some ARM64 layouts do not say what a paging file is. */
static const char *by_what(const char *id)
{
	struct nt_field field;

	if (!layout_field(layouts_find(id), "_MMPAGING_FILE.PageFileNumber",
			  &field, NULL))
		return NULL;
	return "search";
}

START_TEST(test_layout)
{
	const char *id = layout_id(layouts_get((size_t)_i));
	const struct mk_options options = {
		.seed = 7, .size_mib = 32, .procs = 3, .layout = id,
		.page_files = true,
	};
	g_autoptr(MkWin) possible = mk_win_new(&options, NULL);
	struct unit_win w;
	size_t n;

	if (!possible)
		return;
	make(&w, id, NULL);
	(void)mk_win_page_files(w.win, &n, NULL);
	ck_assert_uint_ge(n, 2);
	if (by_what(id)) {
		check_all(&w, "search");
	} else {
		const char *how = "?";
		g_autoptr(GArray) table = nt_paging_files(w.kernel, &how);

		ck_assert_ptr_null(how);
		ck_assert_uint_eq(table->len, 0);
	}
	unit_win_clear(&w);
}
END_TEST

/* One kernel with symbols of each of the layouts that have any. */
START_TEST(test_symbol)
{
	static const struct {
		const char *guid, *how;
	} kernels[] = {
		{ "339E74133576439CBCDF7E0229DA3773", "MmPagingFile" },
		{ "06A508F37B81478E855A3542E272C084", "MmPagingFile" },
		{ "03A098BC85D047028437D88E4C8BBC6B", "MiSystemPartition" },
		{ "00F31FD82648C8ED1A4426DFFC56A424", "MiSystemPartition" },
		{ "11BC9A513F1140CA359ECDF50F0122C1", "MiSystemPartition" },
		{ "110A2D89ED7A438FEFFC84F9CFDD6C00", "MiSystemPartition" },
		{ "66546C893F1136BF8732FF5773F69265", "MiSystemPartition" },
		{ "32C1A669D5FFEFD41091F636CFDB6E99", "MiSystemPartition" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(kernels); i++) {
		struct unit_win w;

		make(&w, NULL, kernels[i].guid);
		check_all(&w, kernels[i].how);
		unit_win_clear(&w);
	}
}
END_TEST

/* A kernel that nobody knows: members are derived, the table is searched. */
START_TEST(test_unknown)
{
	const struct mk_options options = {
		.seed = 7,
		.size_mib = 32,
		.layout = "amd64-10.0.19041-b",
		.page_files = true,
		.damage = { .kernel_unknown = true, .shift_eprocess = 0x20 },
	};
	struct unit_win w;

	unit_win_init(&w, &options);
	ck_assert(w.kernel->has_system);
	check_all(&w, "search");
	unit_win_clear(&w);
}
END_TEST

/* Windows without a table, and a machine of which it was never written. */
START_TEST(test_none)
{
	const struct mk_options options = { .seed = 7, .size_mib = 32,
					    .procs = 3,
					    .layout = "amd64-10.0.22621" };
	const char *how = "?";
	g_autoptr(GArray) table = NULL;
	struct unit_win w;

	unit_win_init(&w, &options);
	table = nt_paging_files(w.kernel, &how);
	ck_assert_ptr_null(how);
	ck_assert_uint_eq(table->len, 0);
	ck_assert_ptr_null(nt_paging_file_get(table, 0));
	unit_win_clear(&w);
}
END_TEST

/* --- damage: of a table that has a symbol, and of one that has none --- */

static struct unit_win win;
static uint64_t array;

static void setup_symbol(void)
{
	make(&win, NULL, "110A2D89ED7A438FEFFC84F9CFDD6C00");
	array = table_va(&win);
}

static void setup_search(void)
{
	make(&win, "amd64-10.0.22621", NULL);
	array = table_va(&win);
}

static void teardown(void)
{
	unit_win_clear(&win);
}

static void poke(uint64_t va, const void *bytes, size_t len)
{
	struct vtop_leaf leaf = vtop_translate(&win.kernel->as, VIRT(va));
	uint64_t pa = leaf.pa.v + (va - leaf.va.v);
	const ImageRuns *runs = physmem_runs(win.mem.pm);
	struct image_run run;

	ck_assert(page_state_has_data(leaf.state));
	run = unit_piece(runs, pa);
	if (range_fits(pa - run.pa, len, run.len))
		memcpy(win.mem.bytes + run.off + (pa - run.pa), bytes, len);
}

static void poke64(uint64_t va, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	poke(va, &value, sizeof value);
}

static uint64_t peek64(uint64_t va)
{
	uint8_t raw[8];

	ck_assert(vtop_read(&win.kernel->as, VIRT(va), raw, sizeof raw));
	return load_le64(raw);
}

/* Now; in the order of the numbers, as digits. */
static char *numbers_now(const char **how)
{
	g_autoptr(GArray) table = nt_paging_files_find(win.kernel, how);
	GString *text = g_string_new(NULL);

	check_entries(&win, table);
	for (guint i = 0; i < table->len; i++)
		g_string_append_printf(
			text, "%u",
			g_array_index(table, struct nt_paging_file, i).number);
	return g_string_free(text, FALSE);
}

static void expect(const char *numbers, const char *how)
{
	const char *got_how = "?";
	g_autofree char *got = numbers_now(&got_how);

	ck_assert_msg(!g_strcmp0(how, got_how), "by %s, not %s",
		      got_how ? got_how : "nothing", how ? how : "nothing");
	ck_assert_str_eq(got, numbers);
}

static uint32_t member(const char *path)
{
	struct nt_field field;

	ck_assert(nt_source_field(&win.kernel->profile.source, path, &field,
				  NULL));
	return field.offset;
}

static void set_number(unsigned number, uint8_t value)
{
	poke(made(&win, number)->va + member("_MMPAGING_FILE.PageFileNumber"),
	     &value, 1);
}

START_TEST(test_wrong_number)
{
	expect("0123", "MiSystemPartition");
	set_number(1, 5);
	expect("023", "MiSystemPartition");
	set_number(1, 0);
	expect("023", "MiSystemPartition");
	set_number(0, 1);
	expect("23", "MiSystemPartition");
}
END_TEST

START_TEST(test_wrong_number_search)
{
	expect("0123", "search");
	set_number(1, 5);
	expect("", NULL);
	set_number(1, 1);
	expect("0123", "search");
}
END_TEST

START_TEST(test_wrong_pointer)
{
	uint64_t old = peek64(array + 8);

	poke64(array + 8, 0x7ffe0000);
	expect("023", "MiSystemPartition");
	poke64(array + 8, old + 1);
	expect("023", "MiSystemPartition");
	poke64(array + 8, UINT64_C(0xffff900000000000));
	expect("023", "MiSystemPartition");
	poke64(array + 8, UINT64_MAX - 7);
	expect("023", "MiSystemPartition");
	poke64(array + 15 * 8, old);
	expect("023", "MiSystemPartition");
}
END_TEST

START_TEST(test_wrong_pointer_search)
{
	poke64(array + 15 * 8, UINT64_C(0xffff900000000000));
	expect("", NULL);
	poke64(array + 15 * 8, 0);
	expect("0123", "search");
	/* the first is gone */
	poke64(array, 0);
	expect("123", "search");
	/* none with a name is left */
	poke64(array + 8, 0);
	poke64(array + 24, 0);
	expect("", NULL);
}
END_TEST

static const char *name_now(GArray **table, unsigned number)
{
	*table = nt_paging_files_find(win.kernel, NULL);
	ck_assert_ptr_nonnull(nt_paging_file_get(*table, number));
	return nt_paging_file_get(*table, number)->name;
}

START_TEST(test_name)
{
	uint64_t va = made(&win, 3)->va;
	uint64_t name = va + member("_MMPAGING_FILE.PageFileName");
	uint64_t file = va + member("_MMPAGING_FILE.File");
	GArray *table;

	ck_assert_str_eq(name_now(&table, 3), "\\??\\D:\\pagefile.sys");
	g_array_unref(table);
	/* its characters are not in memory: what the file object says */
	poke64(name + 8, UINT64_C(0xffff900000000000));
	ck_assert_str_eq(name_now(&table, 3), "\\pagefile.sys");
	g_array_unref(table);
	poke64(file, UINT64_C(0xffff900000000000));
	ck_assert_ptr_null(name_now(&table, 3));
	g_array_unref(table);
	/* no names: odd, longer than its room, empty, at no kernel address */
	poke64(name, 0x0026002500260025);
	expect("012", "MiSystemPartition");
	poke64(name, 0x00260028);
	expect("012", "MiSystemPartition");
	poke64(name, 0);
	expect("012", "MiSystemPartition");
	poke64(name, 0x00280026);
	poke64(name + 8, 0x10000);
	expect("012", "MiSystemPartition");
	/* no path */
	poke64(name + 8, array);
	expect("012", "MiSystemPartition");
}
END_TEST

START_TEST(test_size)
{
	uint64_t size = made(&win, 3)->va + member("_MMPAGING_FILE.Size");

	poke64(size, 0);
	expect("012", "MiSystemPartition");
	poke64(size, UINT64_C(1) << 33);
	expect("012", "MiSystemPartition");
	poke64(size, made(&win, 3)->pages);
	expect("0123", "MiSystemPartition");
}
END_TEST

static uint64_t node_of(unsigned number)
{
	return made(&win, number)->va +
	       member("_MMPAGING_FILE.FileObjectNode");
}

static void wipe_array(void)
{
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++)
		poke64(array + 8 * i, 0);
}

START_TEST(test_tree)
{
	wipe_array();
	expect("013", "MiState");
	/* to itself, to its parent: each is seen once */
	poke64(node_of(0), node_of(1));
	poke64(node_of(0) + 8, node_of(0));
	poke64(node_of(3), node_of(1));
	expect("013", "MiState");
	/* two that say they are the same: the first that is met */
	set_number(3, 0);
	poke64(node_of(1), 0);
	poke64(node_of(3), node_of(0));
	set_number(3, 3);
	expect("013", "MiState");
	/* into user space, into nothing */
	poke64(node_of(1) + 8, 0x10000);
	expect("1", "MiState");
	poke64(node_of(1), UINT64_C(0xffff900000000000));
	expect("1", "MiState");
	set_number(1, 1);
	poke64(made(&win, 1)->va + member("_MMPAGING_FILE.Size"), 0);
	expect("", NULL);
}
END_TEST

/* A chain that never ends: node after node, in all of a large pool. */
START_TEST(test_long_tree)
{
	uint64_t at = node_of(3);

	wipe_array();
	poke64(node_of(1) + 8, at);
	for (unsigned i = 0; i < 200; i++) {
		if (!page_state_has_data(
			    vtop_translate(&win.kernel->as, VIRT(at + 40))
				    .state))
			break;
		poke64(at + 8, at + 32);
		at += 32;
	}
	expect("013", "MiState");
}
END_TEST

static void check_sane(const GArray *table)
{
	for (guint i = 0; i < table->len; i++) {
		const struct nt_paging_file *f =
			&g_array_index(table, struct nt_paging_file, i);

		ck_assert_uint_lt(f->number, PAGE_FILES_MAX);
		ck_assert(!i || f[-1].number < f->number);
		ck_assert_uint_le(f->pages, UINT64_C(1) << 32);
		ck_assert(!f->name || f->name[0] == '\\');
		ck_assert(!f->name || g_utf8_validate(f->name, -1, NULL));
	}
}

/* Any bytes in the array, in what it leads to, in names and nodes. */
START_TEST(test_noise)
{
	struct mk_random random = { 77 };
	unsigned n_found = 0, n_none = 0;

	for (unsigned i = 0; i < 3000; i++) {
		unsigned number = (unsigned)mk_random_below(&random, 4);
		uint64_t va = made(&win, number)->va;
		uint64_t at = mk_random_below(&random, 2) ?
				      array + mk_random_below(&random, 128) :
				      va + mk_random_below(&random, 0x120);
		uint64_t values[] = { mk_random_next(&random), 0, va,
				      node_of(number), array,
				      UINT64_C(0xffff000000280026) };
		uint64_t old = peek64(at);
		g_autoptr(GArray) table = NULL;
		const char *how;

		poke64(at, values[mk_random_below(&random, 6)]);
		table = nt_paging_files_find(win.kernel, &how);
		check_sane(table);
		ck_assert(how || !table->len);
		n_found += how != NULL;
		n_none += how == NULL;
		/* one fault at a time, later on now and then they add up */
		if (i % 50 || i < 2000)
			poke64(at, old);
	}
	ck_assert_uint_gt(n_found, 500);
	ck_assert_uint_eq(n_found + n_none, 3000);
}
END_TEST

/* What was found with the kernel stays, whatever becomes of memory. */
START_TEST(test_kept)
{
	g_autoptr(GArray) table = NULL;
	const char *how;

	wipe_array();
	table = nt_paging_files(win.kernel, &how);
	ck_assert_uint_eq(table->len, 4);
	ck_assert_str_eq(how, "MiSystemPartition");
}
END_TEST

START_TEST(test_page_files)
{
	g_autoptr(PageFiles) files = page_files_new();

	ck_assert_ptr_null(win.kernel->swap.files);
	nt_soft_open_swap(win.kernel, files, NULL);
	ck_assert_ptr_eq(win.kernel->swap.files, files);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-pagingfile");
	TCase *all = unit_case(suite, "all");
	TCase *symbol = unit_case(suite, "damage, symbol");
	TCase *search = unit_case(suite, "damage, search");

	tcase_add_loop_test(all, test_layout, 0, (int)layouts_count());
	tcase_add_test(all, test_symbol);
	tcase_add_test(all, test_unknown);
	tcase_add_test(all, test_none);
	tcase_add_checked_fixture(symbol, setup_symbol, teardown);
	tcase_add_test(symbol, test_wrong_number);
	tcase_add_test(symbol, test_wrong_pointer);
	tcase_add_test(symbol, test_name);
	tcase_add_test(symbol, test_size);
	tcase_add_test(symbol, test_tree);
	tcase_add_test(symbol, test_long_tree);
	tcase_add_test(symbol, test_noise);
	tcase_add_test(symbol, test_kept);
	tcase_add_test(symbol, test_page_files);
	tcase_add_checked_fixture(search, setup_search, teardown);
	tcase_add_test(search, test_wrong_number_search);
	tcase_add_test(search, test_wrong_pointer_search);
	tcase_add_test(search, test_noise);
	return unit_main(suite);
}
