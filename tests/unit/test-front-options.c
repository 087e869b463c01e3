/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the command line and the mount options. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "front/options.h"

/* Parses "-o LIST IMAGE MOUNTPOINT". */
static Options *parse(const char *list, GError **error)
{
	char *argv[] = { (char *)(uintptr_t)"winprocfs",
			 (char *)(uintptr_t)"-o", (char *)(uintptr_t)list,
			 (char *)(uintptr_t)"img", (char *)(uintptr_t)"mnt",
			 NULL };

	return options_parse(5, argv, error);
}

static Options *good(const char *list)
{
	g_autoptr(GError) error = NULL;
	Options *o = parse(list, &error);

	ck_assert_msg(o != NULL, "%s: %s", list, error ? error->message : "");
	return o;
}

START_TEST(test_defaults)
{
	g_autoptr(Options) o = good("");

	ck_assert_int_eq(o->mode, MODE_MOUNT);
	ck_assert_str_eq(o->image, "img");
	ck_assert_str_eq(o->mountpoint, "mnt");
	ck_assert_ptr_null(o->format);
	ck_assert_uint_eq(o->select.methods, METHODS_ALL);
	ck_assert_uint_eq(o->select.n_pids + o->select.n_eprocess, 0);
	ck_assert_ptr_null(o->select.proc_regex);
	ck_assert(!o->tree.coalesce && !o->tree.all && !o->tree.eio);
	ck_assert_uint_eq(o->tree.umask, 0077);
	ck_assert_uint_eq(o->tree.uid, getuid());
	ck_assert_uint_eq(o->tree.gid, getgid());
	ck_assert_uint_eq(o->tree.dtb, 0);
	ck_assert_uint_eq(o->kernel_base, 0);
	ck_assert_ptr_null(o->tree.form);
	ck_assert(!o->allow_other && !o->foreground && !o->debug);
	ck_assert(!o->single);
	ck_assert_int_eq(o->ready_fd, -1);
	options_free(NULL);
}
END_TEST

START_TEST(test_companions)
{
	g_autoptr(Options) none = good("pagefile=none,nocompanions,map=m");
	g_autoptr(Options) file = good("pagefile=./none");
	g_autofree char *cwd = g_get_current_dir();

	ck_assert(none->no_pagefiles && none->no_companions);
	ck_assert_uint_eq(none->pagefiles->len, 0);
	ck_assert(g_str_has_prefix(none->map_file, cwd));
	ck_assert(!file->no_pagefiles && !file->no_companions);
	ck_assert_uint_eq(file->pagefiles->len, 1);
	ck_assert_ptr_null(file->map_file);
	ck_assert_ptr_null(parse("nocompanions=1", NULL));
	ck_assert_ptr_null(parse("map=", NULL));
	ck_assert_ptr_null(parse("map", NULL));
}
END_TEST

static const char *page_file(const Options *o, guint i)
{
	ck_assert_uint_lt(i, o->pagefiles->len);
	return g_ptr_array_index(o->pagefiles, i);
}

START_TEST(test_page_files)
{
	g_autoptr(Options) none = good("");
	g_autoptr(Options) o =
		good("pagefile=/a/p.sys::/b/x\\:y\\,z\\w,swapfile=/c:d\\:e");
	g_autoptr(Options) twice = good("pagefile=/a:,pagefile=:rel");
	g_autofree char *rel = g_canonicalize_filename("rel", NULL);

	ck_assert_uint_eq(none->pagefiles->len, 0);
	ck_assert_ptr_null(none->swapfile);
	ck_assert_uint_eq(o->pagefiles->len, 3);
	ck_assert_str_eq(page_file(o, 0), "/a/p.sys");
	ck_assert_str_eq(page_file(o, 1), "");
	ck_assert_str_eq(page_file(o, 2), "/b/x:y,z\\w");
	/* one path: nothing in it has a meaning but to -o */
	ck_assert_str_eq(o->swapfile, "/c:d\\:e");
	ck_assert_uint_eq(twice->pagefiles->len, 4);
	ck_assert_str_eq(page_file(twice, 1), "");
	ck_assert_str_eq(page_file(twice, 2), "");
	ck_assert_str_eq(page_file(twice, 3), rel);
}
END_TEST

/* A backslash of a path is four: two for -o, each two for the list. */
START_TEST(test_page_file_backslash)
{
	g_autoptr(Options) o = good("pagefile=/a\\\\\\\\b:/c\\");

	ck_assert_str_eq(page_file(o, 0), "/a\\b");
	ck_assert_str_eq(page_file(o, 1), "/c\\");
}
END_TEST

START_TEST(test_page_file_count)
{
	g_autoptr(Options) o = good("pagefile=a:a:a:a:a:a:a:a:a:a:a:a:a:a:a:a");

	ck_assert_uint_eq(o->pagefiles->len, 16);
}
END_TEST

START_TEST(test_flags)
{
	g_autoptr(Options) o = good("coalesce,all,allow_other,"
				    "default_permissions,ro,nosuid,nodev,"
				    "noatime,noauto,_netdev,x-systemd.automount"
				    ",x-a=b,,defaults");

	ck_assert(o->tree.coalesce && o->tree.all && o->allow_other);
}
END_TEST

START_TEST(test_numbers)
{
	g_autoptr(Options) o = good("dtb=0x1ad000,kernel_base=0xfffff80470a0000"
				    "0,uid=5,gid=0x10,umask=027");

	ck_assert_uint_eq(o->tree.dtb, 0x1ad000);
	ck_assert_uint_eq(o->kernel_base, UINT64_C(0xfffff80470a00000));
	ck_assert_uint_eq(o->tree.uid, 5);
	ck_assert_uint_eq(o->tree.gid, 16);
	ck_assert_uint_eq(o->tree.umask, 027);
}
END_TEST

START_TEST(test_limits)
{
	g_autoptr(Options) o = good("dtb=0xfffffffffffff,kernel_base=0xffffffff"
				    "ffffffff,uid=4294967294,umask=777,"
				    "pids=4294967295");

	ck_assert_uint_eq(o->tree.dtb, (UINT64_C(1) << 52) - 1);
	ck_assert(o->kernel_base == UINT64_MAX);
	ck_assert_uint_eq(o->tree.uid, UINT32_MAX - 1);
	ck_assert_uint_eq(o->tree.umask, 0777);
	ck_assert_uint_eq(o->select.pids[0], UINT32_MAX);
}
END_TEST

START_TEST(test_lists)
{
	g_autoptr(Options) o = good("pids=4:0x10:8,eprocess=0xffffb90080000530"
				    ":5,pids=12,method=csrss:PSPCIDTABLE");

	ck_assert_uint_eq(o->select.n_pids, 4);
	ck_assert_uint_eq(o->select.pids[0], 4);
	ck_assert_uint_eq(o->select.pids[1], 16);
	ck_assert_uint_eq(o->select.pids[3], 12);
	ck_assert_uint_eq(o->select.n_eprocess, 2);
	ck_assert(o->select.eprocess[0] == UINT64_C(0xffffb90080000530));
	ck_assert_uint_eq(o->select.methods,
			  1u << METHOD_CSRSS | 1u << METHOD_PSPCIDTABLE);
}
END_TEST

START_TEST(test_words)
{
	g_autoptr(Options) o = good("holes=eio,format=elf,paging=la57");
	g_autoptr(Options) p = good("holes=eio,holes=zero,format=elf,"
				    "format=raw,paging=pae,paging=amd64");

	ck_assert(o->tree.eio);
	ck_assert_str_eq(o->format, "elf");
	ck_assert_ptr_eq(o->tree.form, &paging_la57);
	/* the last one counts */
	ck_assert(!p->tree.eio);
	ck_assert_str_eq(p->format, "raw");
	ck_assert_ptr_eq(p->tree.form, &paging_amd64);
}
END_TEST

START_TEST(test_regex)
{
	g_autoptr(Options) o = good("proc_regex=svc{1\\,2}h,all");
	g_autoptr(Options) p = good("proc_regex=a,"
				    "proc_regex=\\d\\\\.,coalesce");

	ck_assert_str_eq(g_regex_get_pattern(o->select.proc_regex),
			 "svc{1,2}h");
	ck_assert(o->tree.all);
	ck_assert(g_regex_match(o->select.proc_regex, "SVCHOST", 0, NULL));
	ck_assert_str_eq(g_regex_get_pattern(p->select.proc_regex),
			 "\\d\\.");
	ck_assert(p->tree.coalesce);
}
END_TEST

START_TEST(test_symbol_files)
{
	g_autoptr(Options) o = good("symbols=.,profile=a/../b.pdb,"
				    "profile_force");
	g_autoptr(Options) p = good("profile=b.pdb,profile=none");
	g_autoptr(Options) q = good("all");
	g_autofree char *cwd = g_get_current_dir();

	/* absolute, for the daemon goes elsewhere */
	ck_assert_str_eq(o->symbols_dir, cwd);
	ck_assert(g_path_is_absolute(o->profile));
	ck_assert(g_str_has_suffix(o->profile, "/b.pdb"));
	ck_assert(o->profile_force && !o->no_profile);
	ck_assert(p->no_profile);
	ck_assert_ptr_null(p->profile);
	ck_assert(!q->symbols_dir && !q->profile && !q->profile_force &&
		  !q->no_profile);
}
END_TEST

static const char *const malformed[] = {
	"nosuch", "nosuch=1", "coalesc", "coalesce=1", "all=yes",
	"allow_other=1", "pids", "pids=", "pids=x", "pids=4:", "pids=:4",
	"pids=4::5", "pids=-4", "pids=+4", "pids= 4", "pids=4 ", "pids=0x",
	"pids=4294967296", "pids=0x1ffffffffffffffff", "eprocess=",
	"eprocess=0xg", "eprocess=18446744073709551616", "proc_regex=",
	"proc_regex=(", "proc_regex=[a", "proc_regex=\xff", "method=",
	"method=x", "method=CSRSS:", "method=CSRSS,method=", "holes=",
	"holes=no", "holes=EIO", "format=", "format=nosuch", "format=ELF",
	"dtb=", "dtb=x", "dtb=0x10000000000000", "kernel_base=nt",
	"symbols=/nonexistent",
	"symbols=", "profile=", "profile_force=1", "profile_force=yes",
	"paging=x64", "paging=", "uid=root", "uid=-1", "uid=4294967295",
	"gid=4294967295", "gid=", "umask=8", "umask=1000", "umask=0x1ff",
	"umask=", "umask=-1", "umask=99999999999999999999999", "ro=1",
	"pagefile", "pagefile=", "pagefile=:", "pagefile=a,pagefile=::",
	"pagefile=a:a:a:a:a:a:a:a:a:a:a:a:a:a:a:a:a",
	"pagefile=a:a:a:a:a:a:a:a:a:a:a:a:a:a:a:a,pagefile=b",
	"swapfile=", "swapfile",
};

START_TEST(test_malformed)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Options) o = parse(malformed[_i], &error);

	ck_assert_msg(!o, "%s was taken", malformed[_i]);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(!strchr(error->message, '\n'), "%s", error->message);
	ck_assert_uint_gt(strlen(error->message), 10);
}
END_TEST

static const struct {
	const char *argv[8];
	enum front_mode mode;
	bool ok;
} lines[] = {
	{ { "w", "i", "m" }, MODE_MOUNT, true },
	{ { "w", "i" }, MODE_MOUNT, false },
	{ { "w" }, MODE_MOUNT, false },
	{ { "w", "i", "m", "x" }, MODE_MOUNT, false },
	{ { "w", "--check", "i" }, MODE_CHECK, true },
	{ { "w", "--check" }, MODE_CHECK, false },
	{ { "w", "--list", "i" }, MODE_LIST, true },
	{ { "w", "--list", "-q", "i" }, MODE_LIST, true },
	{ { "w", "--list" }, MODE_LIST, false },
	{ { "w", "--list", "--check", "i" }, MODE_LIST, false },
	{ { "w", "--check", "i", "m" }, MODE_CHECK, false },
	{ { "w", "--ls", "/", "i" }, MODE_LS, true },
	{ { "w", "--cat=log", "i" }, MODE_CAT, true },
	{ { "w", "--cat", "i" }, MODE_CAT, false },
	{ { "w", "--cat", "a", "--ls", "b", "i" }, MODE_CAT, false },
	{ { "w", "--check", "--list-profiles" }, MODE_CHECK, false },
	{ { "w", "--list-profiles" }, MODE_LIST_PROFILES, true },
	{ { "w", "-h" }, MODE_HELP, true },
	{ { "w", "--help", "i", "m", "x" }, MODE_HELP, true },
	{ { "w", "-V" }, MODE_VERSION, true },
	{ { "w", "--version" }, MODE_VERSION, true },
	{ { "w", "--nosuch", "i", "m" }, MODE_MOUNT, false },
	{ { "w", "-x", "i", "m" }, MODE_MOUNT, false },
	{ { "w", "-o" }, MODE_MOUNT, false },
	{ { "w", "i", "m", "-o", "all" }, MODE_MOUNT, true },
	{ { "w", "-oall", "i", "m" }, MODE_MOUNT, true },
	{ { "w", "-onosuch", "i", "m" }, MODE_MOUNT, false },
	{ { "w", "--", "-onosuch", "m" }, MODE_MOUNT, true },
	{ { "w", "-f", "-s", "i", "m" }, MODE_MOUNT, true },
	{ { "w", "-fs", "i", "m" }, MODE_MOUNT, true },
	{ { "w", "--", "-i", "-m" }, MODE_MOUNT, true },
	{ { "w", "--ready-fd", "5", "i", "m" }, MODE_MOUNT, true },
	{ { "w", "--ready-fd", "x", "i", "m" }, MODE_MOUNT, false },
	{ { "w", "--ready-fd=-2", "i", "m" }, MODE_MOUNT, false },
	{ { "w", "--ready-fd=99999999999", "i", "m" }, MODE_MOUNT, false },
};

START_TEST(test_command_line)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Options) o = NULL;
	char *argv[8];
	int argc = 0;

	for (; lines[_i].argv[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)lines[_i].argv[argc];
	argv[argc] = NULL;
	o = options_parse(argc, argv, &error);
	ck_assert_msg(!!o == lines[_i].ok, "line %d: %s", _i,
		      error ? error->message : "taken");
	ck_assert(!o == !!error);
	if (o)
		ck_assert_int_eq(o->mode, lines[_i].mode);
	else
		ck_assert_ptr_null(strchr(error->message, '\n'));
}
END_TEST

START_TEST(test_switches)
{
	char *argv[] = { (char *)(uintptr_t)"w", (char *)(uintptr_t)"-d",
			 (char *)(uintptr_t)"-s",
			 (char *)(uintptr_t)"--ready-fd",
			 (char *)(uintptr_t)"7", (char *)(uintptr_t)"i",
			 (char *)(uintptr_t)"m", NULL };
	g_autoptr(Options) o = options_parse(7, argv, NULL);

	ck_assert(o->debug && o->foreground && o->single);
	ck_assert_int_eq(o->ready_fd, 7);
	/* argv stays as it was */
	ck_assert_str_eq(argv[1], "-d");
	ck_assert_str_eq(argv[6], "m");
}
END_TEST

/* Every option of the help is one that is taken. */
START_TEST(test_help)
{
	static const char *const names[] = {
		"coalesce", "all", "pids", "eprocess", "proc_regex", "method",
		"holes", "format", "dtb", "kernel_base", "paging", "uid",
		"gid", "umask", "allow_other", "default_permissions",
		"container_regs",
		"--check", "--list ", "--quiet",
		"--ls", "--cat", "--list-profiles", "--ready-fd",
		"-f", "-d", "-s", "-V", "-h",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		ck_assert_msg(strstr(options_help(), names[i]) != NULL, "%s",
			      names[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("front-options");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_defaults);
	tcase_add_test(tcase, test_companions);
	tcase_add_test(tcase, test_flags);
	tcase_add_test(tcase, test_numbers);
	tcase_add_test(tcase, test_limits);
	tcase_add_test(tcase, test_lists);
	tcase_add_test(tcase, test_words);
	tcase_add_test(tcase, test_regex);
	tcase_add_test(tcase, test_symbol_files);
	tcase_add_test(tcase, test_page_files);
	tcase_add_test(tcase, test_page_file_backslash);
	tcase_add_test(tcase, test_page_file_count);
	tcase_add_loop_test(tcase, test_malformed, 0,
			    (int)G_N_ELEMENTS(malformed));
	tcase_add_loop_test(tcase, test_command_line, 0,
			    (int)G_N_ELEMENTS(lines));
	tcase_add_test(tcase, test_switches);
	tcase_add_test(tcase, test_help);
	return unit_main(suite);
}
