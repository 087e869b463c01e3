/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of names, nodes, stat and inode numbers, over whole trees. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

static const struct mk_options machines[] = {
	{ .seed = 1 },
	{ .seed = 2, .hostile_names = true, .hole = true, .tail = 77 },
	{ .seed = 3, .damage = { .dup_pid = true }, .trans_table = true,
	  .layout = "amd64-6.1.7601-d" },
	{ .seed = 4, .no_windows = true, .paging = MK_MODE_PAE },
};
#define MACHINES ((int)G_N_ELEMENTS(machines))

static struct unit_tree trees[MACHINES];

static void setup(void)
{
	for (int i = 0; i < MACHINES; i++) {
		const struct tree_options options = {
			.umask = i ? 0022 : 0077, .uid = 12, .gid = 34,
			.all = i == 2,
			.dtb = i == 3 ? UINT64_C(0x1000) : 0,
		};

		unit_tree_init(&trees[i], &machines[i], &options);
	}
}

static void teardown(void)
{
	for (int i = 0; i < MACHINES; i++)
		unit_tree_clear(&trees[i]);
}

static bool same(const struct tree_node *a, const struct tree_node *b)
{
	return a->kind == b->kind && a->space == b->space && a->arg == b->arg;
}

static void check_lookup(void *ctx, const struct unit_tree *t,
			 const struct tree_node *node, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	g_autofree char *up = g_strndup(path, (gsize)(name - path));
	struct tree_node dir, found;
	unsigned *n = ctx;

	++*n;
	ck_assert_int_eq(tree_resolve(t->tree, up, &dir), 0);
	ck_assert_int_eq(tree_lookup(t->tree, &dir, name, &found), 0);
	ck_assert_msg(same(node, &found), "%s", path);
	ck_assert_ptr_null(strpbrk(name, "\n\t"));
	ck_assert_uint_le(strlen(name), 255);
	ck_assert(g_utf8_validate(name, -1, NULL));
}

/* What a folder lists can be looked up, and is the same. */
START_TEST(test_lookup)
{
	unsigned n = 0;

	unit_tree_each(&trees[_i], check_lookup, &n);
	ck_assert_uint_gt(n, _i == 3 ? 15 : 500);
}
END_TEST

static void check_parent(void *ctx, const struct unit_tree *t,
			 const struct tree_node *node, const char *path)
{
	g_autofree char *up = g_path_get_dirname(path);
	struct tree_node dir = unit_tree_node(t, "%s", up), parent;

	(void)ctx;
	if (!tree_is_dir(node))
		return;
	parent = tree_parent(node);
	ck_assert_msg(same(&dir, &parent), "%s", path);
}

START_TEST(test_parent)
{
	struct tree_node root = tree_root(trees[_i].tree);
	struct tree_node parent = tree_parent(&root);

	ck_assert(same(&root, &parent));
	unit_tree_each(&trees[_i], check_parent, NULL);
}
END_TEST

static void check_stat(void *ctx, const struct unit_tree *t,
		       const struct tree_node *node, const char *path)
{
	g_autofree char *target = tree_readlink(t->tree, node);
	g_autoptr(TreeFile) file = tree_open(t->tree, node);
	mode_t seen = *(int *)ctx ? 0755 : 0700;
	struct stat st;

	tree_stat(t->tree, node, &st);
	ck_assert_uint_eq(st.st_ino, tree_ino(node));
	ck_assert_uint_eq(st.st_uid, 12);
	ck_assert_uint_eq(st.st_gid, 34);
	ck_assert_int_ge(st.st_mtim.tv_sec, 0);
	ck_assert_int_lt(st.st_mtim.tv_nsec, 1000000000);
	ck_assert_int_gt(st.st_nlink, 0);
	if (target) {
		ck_assert(S_ISLNK(st.st_mode));
		ck_assert_uint_eq((size_t)st.st_size, strlen(target));
		ck_assert_ptr_null(file);
		return;
	}
	ck_assert_uint_eq(st.st_mode & 0777,
			  (S_ISDIR(st.st_mode) ? 0555u : 0444u) & seen);
	if (tree_is_dir(node)) {
		ck_assert(S_ISDIR(st.st_mode));
		ck_assert_ptr_null(file);
		return;
	}
	ck_assert_ptr_nonnull(file);
	ck_assert(S_ISREG(st.st_mode));
	/* texts have no holes: their blocks are those of their size */
	if (!tree_file_is_sparse(file)) {
		g_autofree char *text = unit_tree_text(t, "%s", path);

		ck_assert_int_eq(st.st_blocks, (st.st_size + 511) / 512);
		ck_assert(g_utf8_validate(text, -1, NULL));
		ck_assert(!st.st_size ||
			  text[st.st_size - 1] ==
				  (unit_tree_has_nuls(node) ? '\0' : '\n'));
	}
}

START_TEST(test_stat)
{
	int machine = _i;

	unit_tree_each(&trees[_i], check_stat, &machine);
}
END_TEST

static void count_dirs(void *ctx, const struct unit_tree *t,
		       const struct tree_node *node, const char *path)
{
	struct tree_node child;
	struct stat st;
	nlink_t n = 2;
	char *name;

	(void)ctx;
	if (!tree_is_dir(node))
		return;
	for (uint64_t i = 0; tree_entry(t->tree, node, i, &child, &name); i++) {
		n += tree_is_dir(&child);
		g_free(name);
	}
	tree_stat(t->tree, node, &st);
	ck_assert_msg(st.st_nlink == n, "%s: %u, not %u", path,
		      (unsigned)st.st_nlink, (unsigned)n);
	/* and nothing comes after the end */
	ck_assert(!tree_entry(t->tree, node, UINT64_MAX, &child, &name));
}

/* find(1) counts on it: a folder has a link for each folder in it. */
START_TEST(test_nlink)
{
	struct tree_node root = tree_root(trees[_i].tree);

	count_dirs(NULL, &trees[_i], &root, "/");
	unit_tree_each(&trees[_i], count_dirs, NULL);
}
END_TEST

static void note_ino(void *ctx, const struct unit_tree *t,
		     const struct tree_node *node, const char *path)
{
	GHashTable *inos = ctx;
	gint64 *key = g_new(gint64, 1);
	const char *other;

	(void)t;
	*key = (gint64)tree_ino(node);
	other = g_hash_table_lookup(inos, key);
	ck_assert_msg(!other, "%s has the number of %s", path, other);
	ck_assert_int_gt(*key, 1);
	g_hash_table_insert(inos, key, g_strdup(path));
}

static GHashTable *inos_of(const struct unit_tree *t)
{
	GHashTable *inos = g_hash_table_new_full(g_int64_hash, g_int64_equal,
						 g_free, g_free);

	unit_tree_each(t, note_ino, inos);
	return inos;
}

static void find_ino(void *ctx, const struct unit_tree *t,
		     const struct tree_node *node, const char *path)
{
	gint64 ino = (gint64)tree_ino(node);
	const char *other = g_hash_table_lookup(ctx, &ino);

	(void)t;
	ck_assert_ptr_nonnull(other);
	ck_assert_str_eq(other, path);
}

/* No number twice, and the same numbers in another tree of the image. */
START_TEST(test_inodes)
{
	g_autoptr(GHashTable) inos = inos_of(&trees[_i]);
	const struct tree_options options = {
		.all = _i == 2, .dtb = _i == 3 ? UINT64_C(0x1000) : 0,
	};
	struct unit_tree again;

	unit_tree_init(&again, &machines[_i], &options);
	unit_tree_each(&again, find_ino, inos);
	unit_tree_clear(&again);
}
END_TEST

START_TEST(test_resolve)
{
	const struct unit_tree *t = &trees[0];
	struct tree_node a, b = { .arg = 77 };

	a = unit_tree_node(t, "/proc/4/vmem");
	b = unit_tree_node(t, "proc//4/./vmem");
	ck_assert(same(&a, &b));
	a = unit_tree_node(t, "/by-name/System-4/vmem");
	ck_assert(same(&a, &b));
	a = unit_tree_node(t, "/");
	ck_assert_int_eq(a.kind, NODE_ROOT);
	b.arg = 77;
	ck_assert_int_eq(tree_resolve(t->tree, "nosuch", &b), -ENOENT);
	ck_assert_int_eq(tree_resolve(t->tree, "proc/5", &b), -ENOENT);
	ck_assert_int_eq(tree_resolve(t->tree, "proc/04", &b), -ENOENT);
	ck_assert_int_eq(tree_resolve(t->tree, "README/x", &b), -ENOTDIR);
	ck_assert_int_eq(tree_resolve(t->tree, "proc/4/vmem/x", &b), -ENOTDIR);
	ck_assert_int_eq(tree_resolve(t->tree, "proc/4/nosuch", &b), -ENOENT);
	ck_assert_int_eq(tree_resolve(t->tree, "kernel/status", &b), -ENOENT);
	ck_assert_int_eq(tree_resolve(t->tree, "by-eprocess/4", &b), -ENOENT);
	ck_assert_int_eq(tree_resolve(t->tree, "by-name/4", &b), -ENOENT);
	ck_assert_uint_eq(b.arg, 77);
	ck_assert_int_eq(tree_resolve(trees[3].tree, "kernel", &b), -ENOENT);
}
END_TEST

START_TEST(test_links)
{
	const struct unit_tree *t = &trees[0];
	uint64_t va = mk_win_process(t->w.win, 0)->eprocess;
	struct tree_node dir = unit_tree_node(t, "by-eprocess"), link, to;
	g_autofree char *name = g_strdup_printf("%016lx", (long)va);
	g_autofree char *target = NULL;

	ck_assert_int_eq(tree_lookup(t->tree, &dir, name, &link), 0);
	target = tree_readlink(t->tree, &link);
	ck_assert_str_eq(target, "../proc/4");
	to = unit_tree_node(t, "proc/4");
	ck_assert_ptr_null(tree_readlink(t->tree, &to));
}
END_TEST

static const struct {
	const char *name;
	int answer;
} dtbs[] = {
	{ "0x1ad000", 0 },	{ "1ad000", 0 },
	{ "0x1AD000", 0 },	{ "0x00000000001ad000", 0 },
	{ "0x5000", 0 },	{ "0x1ad001", -ENOENT },
	{ "0x1ad020", -ENOENT }, { "1ad000 ", -ENOENT },
	{ " 1ad000", -ENOENT }, { "-1000", -ENOENT },
	{ "+1000", -ENOENT },	{ "0x", -ENOENT },
	{ "", -ENOENT },	{ "xyz", -ENOENT },
	{ "0x1ad000/", -ENOENT }, { "0x0x1000", -ENOENT },
	{ "0x4000000000", -ENOENT }, { "0xffffffffffffffff", -ENOENT },
	{ "fffffffffffff000", -ENOENT }, { "00000000000000001000", -ENOENT },
};

START_TEST(test_dtbs)
{
	const struct unit_tree *t = &trees[0];
	struct tree_node dir = unit_tree_node(t, "dtb"), a, b;

	for (size_t i = 0; i < G_N_ELEMENTS(dtbs); i++)
		ck_assert_msg(tree_lookup(t->tree, &dir, dtbs[i].name, &a) ==
				      dtbs[i].answer,
			      "%s", dtbs[i].name);
	/* however it is written, it is one folder */
	a = unit_tree_node(t, "dtb/0x1ad000");
	b = unit_tree_node(t, "dtb/1AD000");
	ck_assert(same(&a, &b));
}
END_TEST

/* A root of PAE is found by its address, which is no page's. */
START_TEST(test_dtb_pae)
{
	const struct unit_tree *t = &trees[3];
	uint64_t dtb = mk_win_kernel(t->w.win)->dtb;
	g_autofree char *maps = NULL, *paging = NULL;

	ck_assert_uint_ne(dtb % 4096, 0);
	paging = unit_tree_text(t, "dtb/%lx/paging", (long)dtb);
	ck_assert_ptr_nonnull(strstr(paging, "Paging:\tx86 PAE 3-level"));
	maps = unit_tree_text(t, "dtb/%lx/maps", (long)dtb);
	ck_assert(g_str_has_prefix(maps, "00010000-00011000 rwxp "));
}
END_TEST

START_TEST(test_region_names)
{
	const struct unit_tree *t = &trees[0];
	struct tree_node dir = unit_tree_node(t, "proc/3204/regions");
	static const char *const bad[] = {
		"", "0", "-", "0-", "0-1.rwxp", "x-y.rwxp", "regions",
		"ffffffffffffffff-10000000000000000.r--p",
	};
	struct tree_node node, found;
	g_autofree char *changed = NULL;
	char *name;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		ck_assert_int_eq(tree_lookup(t->tree, &dir, bad[i], &node),
				 -ENOENT);
	ck_assert(tree_entry(t->tree, &dir, 0, &node, &name));
	changed = g_strdup_printf(" %s", name);
	ck_assert_int_eq(tree_lookup(t->tree, &dir, changed, &found), -ENOENT);
	name[strlen(name) - 1] = 'q';
	ck_assert_int_eq(tree_lookup(t->tree, &dir, name, &found), -ENOENT);
	g_free(name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-dirs");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_lookup, 0, MACHINES);
	tcase_add_loop_test(tcase, test_parent, 0, MACHINES);
	tcase_add_loop_test(tcase, test_stat, 0, MACHINES);
	tcase_add_loop_test(tcase, test_nlink, 0, MACHINES);
	tcase_add_loop_test(tcase, test_inodes, 0, MACHINES);
	tcase_add_test(tcase, test_resolve);
	tcase_add_test(tcase, test_links);
	tcase_add_test(tcase, test_dtbs);
	tcase_add_test(tcase, test_dtb_pae);
	tcase_add_test(tcase, test_region_names);
	return unit_main(suite);
}
