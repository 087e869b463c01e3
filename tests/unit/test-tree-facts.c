/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of cmdline, comm, environ, exe, cwd, and what status says of them. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit-runs.h"
#include "unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/bytes.h"
#include "tree/tree-priv.h"

static struct unit_tree t;
static const struct mk_process *explorer;

static void setup(void)
{
	const struct mk_options machine = { .seed = 1 };

	unit_tree_init(&t, &machine, NULL);
	/* What is changed here is read anew: nothing is kept. */
	tree_trim(t.tree);
	explorer = mk_win_find(t.w.win, "explorer.exe");
}

static void teardown(void)
{
	unit_tree_clear(&t);
}

static const struct proc_entry *entry_of(const struct mk_process *p)
{
	size_t i = procset_find_eprocess(t.procs, VIRT(p->eprocess));

	ck_assert_uint_ne(i, SIZE_MAX);
	return procset_get(t.procs, i);
}

/* Changes explorer.exe's memory. */
static void poke(uint64_t va, const void *bytes, size_t len)
{
	const struct addr_space *as = &entry_of(explorer)->as;

	for (size_t i = 0; i < len; i++) {
		struct vtop_leaf leaf = vtop_translate(as, VIRT(va + i));
		const ImageRuns *runs = physmem_runs(t.w.mem.pm);
		uint64_t pa = leaf.pa.v + (va + i) % MK_PAGE_SIZE;
		struct image_run run;

		ck_assert_int_eq(leaf.state, PAGE_VALID);
		run = unit_piece(runs, pa);
		ck_assert_uint_gt(run.len, 0);
		t.w.mem.bytes[run.off + pa - run.pa] =
			((const uint8_t *)bytes)[i];
	}
}

static void poke_int(uint64_t va, uint64_t v, size_t len)
{
	uint64_t le = GUINT64_TO_LE(v);

	poke(va, &le, len);
}

static uint64_t block(void)
{
	uint8_t le[8];

	ck_assert(vtop_read(&entry_of(explorer)->as,
			    VIRT(explorer->peb + 0x20), le, sizeof le));
	return load_le64(le);
}

/* Two pages one behind the other that nothing else uses. */
static uint64_t scratch(void)
{
	for (guint i = 1; i < explorer->pages->len; i++) {
		const struct mk_page *a =
			&g_array_index(explorer->pages, struct mk_page, i - 1);
		const struct mk_page *b = a + 1;

		if (a->state == MK_STATE_VALID && b->state == MK_STATE_VALID &&
		    a->content == MK_CONTENT_LABEL &&
		    b->content == MK_CONTENT_LABEL &&
		    a->va + MK_PAGE_SIZE == b->va)
			return a->va;
	}
	ck_abort_msg("no two pages");
	return 0;
}

/* Makes a UNICODE_STRING of the parameters say n times c. */
static void set_string(unsigned offset, uint64_t va, gunichar2 c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		poke_int(va + 2 * i, c, 2);
	poke_int(block() + offset, 2 * n, 2);
	poke_int(block() + offset + 2, 2 * n, 2);
	poke_int(block() + offset + 8, va, 8);
}

static char *target(const char *path)
{
	struct tree_node node = unit_tree_node(&t, "%s", path);
	char *text = tree_readlink(t.tree, &node);
	struct stat st;

	tree_stat(t.tree, &node, &st);
	ck_assert(tree_is_link(&node) && !tree_is_dir(&node));
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq((size_t)st.st_size, strlen(text));
	ck_assert_ptr_null(tree_open(t.tree, &node));
	return text;
}

static void assert_target(const char *path, const char *want)
{
	g_autofree char *got = target(path);

	ck_assert_str_eq(got, want);
}

static void assert_none(const char *path)
{
	struct tree_node node;

	ck_assert_int_eq(tree_resolve(t.tree, path, &node), -ENOENT);
}

static void assert_status(const char *line)
{
	g_autofree char *text = unit_tree_text(&t, "proc/3204/status");

	ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in:\n%s", line,
		      text);
}

START_TEST(test_whole)
{
	g_autofree char *comm = unit_tree_text(&t, "proc/3204/comm");
	g_autofree char *command = unit_tree_text(&t, "proc/3204/cmdline");

	ck_assert_str_eq(comm, "explorer.exe\n");
	ck_assert_str_eq(command, "explorer.exe");
	assert_target("proc/3204/exe", "C:\\Windows\\System32\\explorer.exe");
	assert_status("\nExe:\tC:\\Windows\\System32\\explorer.exe\n");
	assert_status("\nImagePath:\t\\Device\\HarddiskVolume2\\Windows\\"
		      "System32\\explorer.exe\n");
	assert_status("\nCmdLine:\texplorer.exe\n");
	assert_status("\nPeb32:\t-\n");
	assert_status("\nExitStatus:\t-\n");
}
END_TEST

/* System has no user half, so there is nothing to say, and no link. */
START_TEST(test_none)
{
	static const char *const keys[] = { "Exe", "CmdLine", "Cwd",
					    "Environ" };
	g_autofree char *status = unit_tree_text(&t, "proc/4/status");
	g_autofree char *command = unit_tree_text(&t, "proc/4/cmdline");
	g_autofree char *variables = unit_tree_text(&t, "proc/4/environ");
	g_autofree char *comm = unit_tree_text(&t, "proc/4/comm");

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *line =
			g_strdup_printf("\n%s:\t- (no PEB)\n", keys[i]);

		ck_assert_ptr_nonnull(strstr(status, line));
	}
	ck_assert_str_eq(command, "");
	ck_assert_str_eq(variables, "");
	ck_assert_str_eq(comm, "System\n");
	assert_none("proc/4/exe");
	assert_none("proc/4/cwd");
	assert_none("kernel/exe");
	assert_none("kernel/comm");
}
END_TEST

/* The folder of an exited process: the kernel still knows the image. */
START_TEST(test_exited)
{
	const struct mk_process *p = mk_win_find(t.w.win, "exited.exe");
	g_autofree char *exe = g_strdup_printf("proc/%u/exe", p->pid);
	g_autofree char *cwd = g_strdup_printf("proc/%u/cwd", p->pid);
	g_autofree char *status = unit_tree_text(&t, "proc/%u/status", p->pid);

	assert_target(exe, "\\Device\\HarddiskVolume2\\Windows\\System32\\"
			   "exited.exe");
	assert_none(cwd);
	ck_assert_ptr_nonnull(strstr(status, "\nExitStatus:\t0x"));
}
END_TEST

START_TEST(test_command_line)
{
	static const char line[] = "\"a b\" \\\n c\xe9";
	static const char want[] = "a b\0\\\n\0c\xc3\xa9\0";
	const uint64_t va = scratch();
	struct tree_node node;
	g_autofree char *got = NULL;
	struct stat st;

	set_string(0x70, va, 'x', sizeof line - 1);
	for (size_t i = 0; i < sizeof line - 1; i++)
		poke_int(va + 2 * i, (uint8_t)line[i], 2);
	node = unit_tree_node(&t, "proc/3204/cmdline");
	tree_stat(t.tree, &node, &st);
	got = unit_tree_text(&t, "proc/3204/cmdline");
	ck_assert_int_eq(st.st_size, sizeof want - 1);
	ck_assert(!memcmp(got, want, sizeof want));
	/* in a line what would break it is escaped, a backslash is not */
	assert_status("\nCmdLine:\t\"a b\" \\\\012 c\xc3\xa9\n");
}
END_TEST

START_TEST(test_environ)
{
	static const char want[] = "A=B\0=C:=C:\\x\0";
	const uint64_t va = scratch();
	g_autofree char *got = NULL;

	for (size_t i = 0; i < sizeof want; i++)
		poke_int(va + 2 * i, (uint8_t)want[i], 2);
	poke_int(block() + 0x80, va, 8);
	poke_int(block() + 0x3f0, 0x1000, 8);
	got = unit_tree_text(&t, "proc/3204/environ");
	ck_assert(!memcmp(got, want, sizeof want));
	assert_status("\nEnviron:\t2\n");
}
END_TEST

START_TEST(test_environ_cut)
{
	const uint64_t va = scratch();
	g_autofree char *got = NULL;

	poke_int(va, 'A', 2);
	poke_int(va + 2, 0, 2);
	poke_int(va + 4, 'B', 2);
	poke_int(block() + 0x80, va, 8);
	poke_int(block() + 0x3f0, 6, 8);
	got = unit_tree_text(&t, "proc/3204/environ");
	ck_assert_str_eq(got, "A");
	assert_status("\nEnviron:\t1 (its end is not in the image)\n");
}
END_TEST

START_TEST(test_cwd)
{
	set_string(0x38, scratch(), 7, 2);
	assert_target("proc/3204/cwd", "\\007\\007");
	assert_status("\nCwd:\t\\007\\007\n");
}
END_TEST

/* No link leads to a file of the machine on which it is looked at, nor to one
 * of its own folder. */
START_TEST(test_hostile_link)
{
	static const struct {
		const char *cwd, *want;
	} cases[] = {
		{ "/etc/shadow", "\\057etc\\057shadow" },
		{ "../../x", "..\\057..\\057x" },
		{ "..", "?\\.." },
		{ "vmem", "?\\vmem" },
		{ "C:\\a b\\", "C:\\a b\\" },
	};
	const uint64_t va = scratch();

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct tree_node node = unit_tree_node(&t, "proc/3204"), to;
		size_t len = strlen(cases[i].cwd);

		set_string(0x38, va, 'x', (unsigned)len);
		for (size_t k = 0; k < len; k++)
			poke_int(va + 2 * k, (uint8_t)cases[i].cwd[k], 2);
		assert_target("proc/3204/cwd", cases[i].want);
		ck_assert_int_eq(tree_lookup(t.tree, &node, cases[i].want,
					     &to), -ENOENT);
	}
}
END_TEST

/* More than a link can hold. */
START_TEST(test_long_link)
{
	g_autofree char *text = NULL;

	set_string(0x38, scratch(), 0x20ac, 2000);
	text = target("proc/3204/cwd");
	ck_assert_uint_lt(strlen(text), PATH_MAX);
	ck_assert_uint_gt(strlen(text), PATH_MAX - 8);
	ck_assert(g_utf8_validate(text, -1, NULL));
	ck_assert(g_str_has_suffix(text, "\xe2\x82\xac..."));
}
END_TEST

/* The longest that needs no cut. */
START_TEST(test_longest_link)
{
	g_autofree char *text = NULL;

	set_string(0x38, scratch(), '\\', PATH_MAX - 1);
	text = target("proc/3204/cwd");
	ck_assert_uint_eq(strlen(text), PATH_MAX - 1);
	ck_assert_ptr_null(strchr(text, '.'));
}
END_TEST

/* Without the path, what the kernel noted; without that, the name. */
START_TEST(test_exe_fallback)
{
	poke_int(block() + 0x60, 0, 2);
	assert_target("proc/3204/exe", "\\Device\\HarddiskVolume2\\Windows\\"
				       "System32\\explorer.exe");
	assert_status("\nExe:\t- (empty)\n");
	t.w.kernel->profile.eprocess.audit_name = NT_ABSENT;
	assert_target("proc/3204/exe", "?\\explorer.exe");
}
END_TEST

/* One string, in which pidof finds a space. */
START_TEST(test_raw_cmdline)
{
	const struct mk_options machine = { .seed = 1 };
	const struct tree_options raw = { .raw_cmdline = true };
	struct unit_tree r;

	unit_tree_init(&r, &machine, &raw);
	for (size_t i = 0; i < procset_count(r.procs); i++) {
		const struct proc_entry *e = procset_get(r.procs, i);
		g_autofree char *line = render_command_line(&r.tree->facts, e);
		g_autofree char *got = unit_tree_text(&r, "proc/%s/cmdline",
						      e->dir);
		g_autofree char *padded = g_strconcat(line ? line : "", " ",
						      NULL);

		if (!line)
			ck_assert_str_eq(got, "");
		else
			ck_assert_str_eq(got, strchr(line, ' ') ? line :
								  padded);
	}
	unit_tree_clear(&r);
}
END_TEST

/* What is missing is said by name. */
START_TEST(test_lost)
{
	g_autofree char *got = NULL;

	poke_int(block() + 0x78, 0x1000, 8);
	got = unit_tree_text(&t, "proc/3204/cmdline");
	ck_assert_str_eq(got, "");
	assert_status("\nCmdLine:\t- (not in the image)\n");
	assert_status("\nExe:\tC:\\Windows\\System32\\explorer.exe\n");
}
END_TEST

/* Looking up in a folder takes no time once its links are known. */
START_TEST(test_ready)
{
	struct tree_node dir = unit_tree_node(&t, "proc/3204"), node;
	struct tree_node kernel = unit_tree_node(&t, "kernel");

	ck_assert(tree_is_ready(t.tree, &kernel));
	ck_assert(!tree_is_ready(t.tree, &dir));
	ck_assert_int_eq(tree_lookup(t.tree, &dir, "exe", &node), 0);
	ck_assert(tree_is_ready(t.tree, &dir));
	ck_assert(!tree_is_ready(t.tree, &node));
	ck_assert_int_eq(tree_lookup(t.tree, &node, "x", &node), -ENOTDIR);
	node = unit_tree_node(&t, "proc/3204/comm");
	ck_assert(!tree_is_ready(t.tree, &node));
	g_free(unit_tree_text(&t, "proc/3204/comm"));
	ck_assert(tree_is_ready(t.tree, &node));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-facts");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_whole);
	tcase_add_test(tcase, test_none);
	tcase_add_test(tcase, test_exited);
	tcase_add_test(tcase, test_command_line);
	tcase_add_test(tcase, test_environ);
	tcase_add_test(tcase, test_environ_cut);
	tcase_add_test(tcase, test_cwd);
	tcase_add_test(tcase, test_hostile_link);
	tcase_add_test(tcase, test_long_link);
	tcase_add_test(tcase, test_longest_link);
	tcase_add_test(tcase, test_exe_fallback);
	tcase_add_test(tcase, test_raw_cmdline);
	tcase_add_test(tcase, test_lost);
	tcase_add_test(tcase, test_ready);
	return unit_main(suite);
}
