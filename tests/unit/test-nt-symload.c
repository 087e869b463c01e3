/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of finding symbol files, and of kernels known by them alone. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <glib/gstdio.h>
#include <string.h>

#include "lib/mksym.h"
#include "nt/symfile.h"

#define GUID "ABCDEF6789ABCDEFFEDCBA9876543210"
#define OTHER "00000000000000000000000000000001"

static const struct nt_pdb_id wanted = { "ntkrnlmp.pdb", GUID, 31 };

/* Writes a file of the layout below dir, whose folders are made. */
static char *put(const char *dir, const char *name, const char *guid,
		 uint32_t age)
{
	const struct mk_symbols s = {
		.layout = layouts_find("amd64-10.0.19041-b"),
		.guid = guid,
		.age = age,
	};
	char *path = g_build_filename(dir, name, NULL);
	g_autofree char *parent = g_path_get_dirname(path);

	ck_assert_int_eq(g_mkdir_with_parents(parent, 0700), 0);
	ck_assert(g_str_has_suffix(name, ".pdb") ?
			  mk_pdb_write(path, &s, NULL) :
			  mk_isf_write(path, &s, NULL));
	return path;
}

/* Removes a file and the folders that it leaves empty, up to dir. */
static void drop(const char *dir, char *path)
{
	g_autofree char *at = path;

	while (strcmp(at, dir) != 0) {
		char *parent = g_path_get_dirname(at);

		(void)g_remove(at);
		g_free(at);
		at = parent;
	}
}

static const struct {
	const char *name;
	bool found;
	unsigned warnings;
} places[] = {
	{ "ntkrnlmp.pdb", true, 0 },
	{ "ntkrnlmp.pdb/" GUID "1F/ntkrnlmp.pdb", true, 0 },
	{ "ntkrnlmp.pdb/abcdef6789abcdeffedcba98765432101f/ntkrnlmp.pdb",
	  true, 0 },
	{ GUID "-31.json", true, 0 },
	{ "ntkrnlmp.pdb/" GUID "-31.json", true, 0 },
	{ "windows/ntkrnlmp.pdb/" GUID "-31.json", true, 0 },
	/* what they are called does not matter */
	{ "any name.pdb", true, 0 },
	{ "other.JSON", true, 0 },
	/* neither folders nor names are guessed at */
	{ "below/ntkrnlmp.pdb", false, 0 },
	{ "ntkrnlmp.pdb/" GUID "31/ntkrnlmp.pdb", false, 0 },
	{ "ntkrnlmp.pdb/" GUID "-1F.json", false, 0 },
	{ "symbols.txt", false, 0 },
};

START_TEST(test_places)
{
	char *dir = unit_dir_new();
	g_autoptr(Log) log = log_new();
	char *path = put(dir, places[_i].name, GUID, 31);
	g_autoptr(NtSymbols) s = nt_symfile_find(dir, &wanted, log);

	ck_assert_msg(!s == !places[_i].found, "%s", places[_i].name);
	if (s)
		ck_assert_str_eq(nt_symbols_path(s), path);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	drop(dir, path);
	unit_dir_free(dir);
}
END_TEST

static const struct {
	const char *name, *guid;
	uint32_t age;
	bool said;	/* its name was right, so the log tells */
} strangers[] = {
	{ "ntkrnlmp.pdb", OTHER, 31, true },
	{ "ntkrnlmp.pdb", GUID, 30, true },
	{ "ntkrnlmp.pdb/" GUID "1F/ntkrnlmp.pdb", OTHER, 31, true },
	{ GUID "-31.json", GUID, 1, true },
	{ GUID "-31.json", OTHER, 31, true },
	{ "x.pdb", OTHER, 31, false },
	{ "x.json", OTHER, 31, false },
};

/* What is of another kernel is never used. */
START_TEST(test_strangers)
{
	char *dir = unit_dir_new();
	g_autoptr(Log) log = log_new();
	char *path = put(dir, strangers[_i].name, strangers[_i].guid,
			 strangers[_i].age);
	g_autoptr(NtSymbols) s = nt_symfile_find(dir, &wanted, log);
	g_autofree char *text = log_text(log);

	ck_assert_ptr_null(s);
	ck_assert_uint_eq(log_count(log, LOG_WARN), strangers[_i].said);
	if (strangers[_i].said) {
		ck_assert_ptr_nonnull(strstr(text, GUID));
		ck_assert_ptr_nonnull(strstr(text, strangers[_i].guid));
		ck_assert_ptr_nonnull(strstr(text, "not used"));
	}
	drop(dir, path);
	unit_dir_free(dir);
}
END_TEST

/* A stranger under the right name does not hide the right one. */
START_TEST(test_both)
{
	char *dir = unit_dir_new();
	char *a = put(dir, "ntkrnlmp.pdb", OTHER, 31);
	char *b = put(dir, "right.pdb", GUID, 31);
	g_autoptr(NtSymbols) s = nt_symfile_find(dir, &wanted, NULL);

	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(nt_symbols_path(s), b);
	ck_assert_str_eq(nt_symbols_pdb(s), "right.pdb");
	drop(dir, a);
	drop(dir, b);
	unit_dir_free(dir);
}
END_TEST

/* The name is the image's. */
START_TEST(test_hostile_name)
{
	static const char *const names[] = { "..", ".", "", "../x.pdb" };
	char *dir = unit_dir_new();

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		struct nt_pdb_id id = wanted;

		g_strlcpy(id.name, names[i], sizeof id.name);
		ck_assert_ptr_null(nt_symfile_find(dir, &id, NULL));
	}
	ck_assert_ptr_null(nt_symfile_find("/nonexistent", &wanted, NULL));
	unit_dir_free(dir);
}
END_TEST

START_TEST(test_load_errors)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(nt_symfile_load("/nonexistent/x.pdb", &error));
	ck_assert_ptr_nonnull(strstr(error->message, "/nonexistent/x.pdb"));
	g_clear_error(&error);
	ck_assert_ptr_null(nt_symfile_load("/dev/zero", &error));
	ck_assert_ptr_nonnull(strstr(error->message, "plain file"));
	g_clear_error(&error);
	ck_assert_ptr_null(nt_symfile_load("/", &error));
}
END_TEST

struct machine {
	struct unit_win w;
	char *dir, *pdb, *isf;
};

/* A kernel whose GUID nobody knows, and its symbols in dir. */
static void machine_init(struct machine *m, const struct mk_options *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(MkWin) win = mk_win_new(options, &error);

	ck_assert_ptr_nonnull(win);
	m->dir = unit_dir_new();
	m->pdb = g_build_filename(m->dir, "a.pdb", NULL);
	m->isf = g_build_filename(m->dir, "a.json", NULL);
	ck_assert(mk_win_write_symbols(win, m->pdb, m->isf, &error));
}

static void machine_clear(struct machine *m)
{
	unit_win_clear(&m->w);
	unit_dir_free(m->dir);
	g_free(m->pdb);
	g_free(m->isf);
}

static const struct mk_options unknown = {
	.seed = 5, .layout = "amd64-10.0.22621", .procs = 6, .size_mib = 16,
};

static void assert_system(const struct machine *m)
{
	const NtKernel *k = m->w.kernel;

	ck_assert_ptr_nonnull(k);
	ck_assert(k->has_system && k->has_profile);
	ck_assert_uint_eq(k->system.eprocess.v,
			  mk_win_process(m->w.win, 0)->eprocess);
}

static void assert_source(const struct machine *m, const char *source)
{
	const NtKernel *k = m->w.kernel;

	assert_system(m);
	ck_assert_str_eq(k->profile_source, source);
	ck_assert_ptr_nonnull(k->profile.source.symbols);
	ck_assert_uint_eq(k->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v,
			  mk_win_kernel(m->w.win)->active_head);
}

static void assert_built_in(const struct machine *m)
{
	assert_system(m);
	ck_assert(g_str_has_prefix(m->w.kernel->profile_source, "built-in"));
	ck_assert_ptr_null(m->w.kernel->profile.source.symbols);
}

START_TEST(test_folder)
{
	struct machine m = { 0 };
	struct nt_hints hints = { 0 };
	g_autofree char *os = NULL;

	machine_init(&m, &unknown);
	ck_assert_int_eq(g_remove(_i ? m.pdb : m.isf), 0);
	hints.symbols_dir = m.dir;
	unit_win_init_hints(&m.w, &unknown, &hints);
	assert_source(&m, _i ? "ISF file" : "PDB file");
	ck_assert_str_eq(nt_profile_name(&m.w.kernel->profile),
			 _i ? "a.json" : "a.pdb");
	ck_assert_uint_eq(log_count(m.w.log, LOG_WARN), 0);
	os = nt_kernel_os(m.w.kernel);
	ck_assert_str_eq(os, "Windows 11 22H2-23H2");
	machine_clear(&m);
}
END_TEST

START_TEST(test_profile)
{
	struct machine m = { 0 };
	struct nt_hints hints = { 0 };

	machine_init(&m, &unknown);
	hints.profile_file = _i ? m.isf : m.pdb;
	unit_win_init_hints(&m.w, &unknown, &hints);
	assert_source(&m, _i ? "ISF file" : "PDB file");
	ck_assert_uint_eq(log_count(m.w.log, LOG_WARN), 0);
	machine_clear(&m);
}
END_TEST

/* Of another kernel: refused, or used with a warning. */
START_TEST(test_forced)
{
	struct machine m = { 0 };
	struct mk_options options = unknown;
	struct nt_hints hints = { .profile_force = _i };
	g_autofree char *log = NULL;

	machine_init(&m, &unknown);
	hints.profile_file = m.pdb;
	options.seed = 6;
	unit_win_init_hints(&m.w, &options, &hints);
	log = log_text(m.w.log);
	assert_system(&m);
	ck_assert_uint_ge(log_count(m.w.log, LOG_WARN), 1);
	ck_assert_ptr_nonnull(strstr(log, mk_win_kernel(m.w.win)->guid));
	if (_i) {
		ck_assert_str_eq(m.w.kernel->profile_source, "PDB file");
		ck_assert_ptr_nonnull(strstr(log, "used all the same"));
	} else {
		assert_built_in(&m);
		ck_assert_ptr_null(m.w.kernel->image.symbols);
		ck_assert_ptr_nonnull(strstr(log, "not used"));
	}
	machine_clear(&m);
}
END_TEST

/* A candidate for the kernel that is none says nothing about the file. */
START_TEST(test_candidates)
{
	struct machine m = { 0 };
	struct nt_hints hints = { 0 };

	machine_init(&m, &unknown);
	hints.profile_file = m.pdb;
	hints.dtb = 0x2000;
	unit_win_init_hints(&m.w, &unknown, &hints);
	assert_source(&m, "PDB file");
	ck_assert_uint_eq(log_count(m.w.log, LOG_WARN), 0);
	machine_clear(&m);
}
END_TEST

/* Nothing in the image names the PDB. */
START_TEST(test_no_rsds)
{
	struct machine m = { 0 };
	struct mk_options options = unknown;
	struct nt_hints hints = { 0 };
	g_autofree char *log = NULL;

	machine_init(&m, &unknown);
	hints.profile_file = m.pdb;
	hints.symbols_dir = m.dir;
	options.damage.no_rsds = true;
	unit_win_init_hints(&m.w, &options, &hints);
	log = log_text(m.w.log);
	assert_source(&m, "PDB file");
	ck_assert_ptr_nonnull(strstr(log, "nothing in the image tells"));
	machine_clear(&m);
}
END_TEST

/* No header, an unknown kernel: the symbols tell where its base is. */
START_TEST(test_no_header)
{
	struct machine m = { 0 };
	struct mk_options options = unknown;
	struct nt_hints hints = { 0 };

	machine_init(&m, &unknown);
	hints.symbols_dir = m.dir;
	options.damage.zero_kernel_header = true;
	unit_win_init_hints(&m.w, &options, &hints);
	assert_source(&m, "ISF file");
	ck_assert(m.w.kernel->image.base_certain);
	ck_assert_uint_eq(m.w.kernel->image.base.v,
			  mk_win_kernel(m.w.win)->base);
	machine_clear(&m);
}
END_TEST

/* A file that is none: one line, and on without it. */
START_TEST(test_bad_profile)
{
	struct machine m = { 0 };
	struct nt_hints hints = { 0 };
	g_autofree char *log = NULL;

	machine_init(&m, &unknown);
	ck_assert(g_file_set_contents(m.pdb, "{}", 2, NULL));
	hints.profile_file = m.pdb;
	unit_win_init_hints(&m.w, &unknown, &hints);
	log = log_text(m.w.log);
	assert_system(&m);
	assert_built_in(&m);
	ck_assert_ptr_nonnull(strstr(log, "going on without it"));
	ck_assert_uint_eq(log_count(m.w.log, LOG_FAIL), 1);
	machine_clear(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-symload");
	TCase *tcase = unit_case(suite, "symload");

	tcase_add_loop_test(tcase, test_places, 0, G_N_ELEMENTS(places));
	tcase_add_loop_test(tcase, test_strangers, 0, G_N_ELEMENTS(strangers));
	tcase_add_test(tcase, test_both);
	tcase_add_test(tcase, test_hostile_name);
	tcase_add_test(tcase, test_load_errors);
	tcase_add_loop_test(tcase, test_folder, 0, 2);
	tcase_add_loop_test(tcase, test_profile, 0, 2);
	tcase_add_loop_test(tcase, test_forced, 0, 2);
	tcase_add_test(tcase, test_candidates);
	tcase_add_test(tcase, test_no_rsds);
	tcase_add_test(tcase, test_no_header);
	tcase_add_test(tcase, test_bad_profile);
	return unit_main(suite);
}
