/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One memory in several containers: the trees are the same, file by file. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"

/* A tree over a file, with all that it stands on. */
struct opened {
	Log *log;
	Image *image;
	PhysMem *pm;
	NtKernel *kernel;
	ProcSet *procs;
	Tree *tree;
};

static void open_file(struct opened *o, const char *path)
{
	static const struct proc_select all = { .methods = METHODS_ALL };
	static const struct tree_options options = { .umask = 0077 };
	static const struct nt_hints none;
	g_autoptr(GError) error = NULL;

	o->log = log_new();
	o->image = image_open(path, NULL, o->log, &error);
	ck_assert_msg(o->image != NULL, "%s", error ? error->message : "");
	o->pm = physmem_new(o->image);
	o->kernel = nt_kernel_find(o->pm, o->image, &none, o->log);
	o->procs = procset_build(o->kernel, &all, o->log);
	o->tree = tree_new(o->image, o->pm, o->kernel, o->procs, o->log,
			   &options);
}

static void close_file(struct opened *o)
{
	tree_free(o->tree);
	procset_free(o->procs);
	nt_kernel_free(o->kernel);
	physmem_free(o->pm);
	image_free(o->image);
	log_free(o->log);
}

static const struct {
	const char *name;
	struct mk_write_options options;
} containers[] = {
	{ "raw", { .format = MK_FORMAT_RAW } },
	{ "elf", { .format = MK_FORMAT_ELF } },
	{ "elf-odd", { .format = MK_FORMAT_ELF, .unaligned = true,
		       .phdrs = 37 } },
	{ "elf-xnum", { .format = MK_FORMAT_ELF, .xnum = true,
			.phdrs = 5 } },
	{ "elf32", { .format = MK_FORMAT_ELF32 } },
};

static char *dir;
static MkWin *win;
static struct opened first;

static char *write_image(size_t i)
{
	char *path = g_build_filename(dir, containers[i].name, NULL);

	ck_assert(mk_write(mk_win_phys(win), path, &containers[i].options,
			   NULL));
	return path;
}

static void setup(void)
{
	const struct mk_options options = { .seed = 6, .size_mib = 32,
					    .procs = 8 };
	g_autofree char *path = NULL;

	dir = unit_dir_new();
	win = mk_win_new(&options, NULL);
	path = write_image(0);
	open_file(&first, path);
}

static void teardown(void)
{
	close_file(&first);
	mk_win_free(win);
	unit_dir_free(dir);
}

/* Texts that name the container, or say what is in it. */
static bool may_differ(enum node_kind kind, const char *path)
{
	return !strcmp(path, "/image/physical.svg") ||
	       !strcmp(path, "/report.html") || kind == NODE_INFO ||
	       kind == NODE_LOG || kind == NODE_IOMEM || kind == NODE_RUNS ||
	       kind == NODE_PMEM;
}

static int64_t read_some(TreeFile *file, uint64_t off, uint8_t *buf)
{
	return unit_tree_read(file, off, 65536, 65536, buf);
}

/* The first 50 extents and all else that a program could see. */
static void same_sparse(TreeFile *a, TreeFile *b, const char *path)
{
	g_autofree uint8_t *x = g_malloc0(65536);
	g_autofree uint8_t *y = g_malloc0(65536);
	int64_t at = 0;

	for (int i = 0; i < 50 && at >= 0; i++) {
		at = tree_file_seek(a, (uint64_t)at, SEEK_DATA);
		if (at < 0)
			break;
		ck_assert_int_eq(read_some(a, (uint64_t)at, x),
				 read_some(b, (uint64_t)at, y));
		ck_assert_msg(!memcmp(x, y, 65536), "%s", path);
		at = tree_file_seek(a, (uint64_t)at, SEEK_HOLE);
	}
}

static void same_text(TreeFile *a, TreeFile *b, uint64_t size,
		      const char *path)
{
	g_autofree uint8_t *x = g_malloc((gsize)size + 1);
	g_autofree uint8_t *y = g_malloc((gsize)size + 1);

	ck_assert_int_eq(unit_tree_read(a, 0, size + 1, size + 1, x),
			 (int64_t)size);
	ck_assert_int_eq(unit_tree_read(b, 0, size + 1, size + 1, y),
			 (int64_t)size);
	ck_assert_msg(!memcmp(x, y, (size_t)size), "%s", path);
}

static void same_node(Tree *s, const struct tree_node *a, Tree *t,
		      const struct tree_node *b, const char *path)
{
	g_autoptr(TreeFile) f = tree_open(s, a);
	g_autoptr(TreeFile) g = tree_open(t, b);
	struct stat x, y;

	tree_stat(s, a, &x);
	tree_stat(t, b, &y);
	ck_assert_uint_eq(x.st_ino, y.st_ino);
	ck_assert_uint_eq(x.st_mode, y.st_mode);
	ck_assert_int_eq(x.st_mtim.tv_sec, y.st_mtim.tv_sec);
	if (may_differ(a->kind, path))
		return;
	ck_assert_msg(x.st_size == y.st_size, "%s", path);
	ck_assert(!f == !g);
	if (!f)
		return;
	if (tree_file_is_sparse(f))
		same_sparse(f, g, path);
	else
		same_text(f, g, (uint64_t)x.st_size, path);
}

static unsigned same_dirs(Tree *s, const struct tree_node *a, Tree *t,
			  const struct tree_node *b, const char *path)
{
	struct tree_node x, y;
	unsigned n = 0;
	char *p, *q;

	for (uint64_t i = 0; tree_entry(s, a, i, &x, &p); i++) {
		g_autofree char *below = g_strdup_printf("%s/%s", path, p);

		ck_assert_msg(tree_entry(t, b, i, &y, &q), "no %s", below);
		ck_assert_str_eq(p, q);
		g_free(p);
		g_free(q);
		same_node(s, &x, t, &y, below);
		n++;
		if (tree_is_dir(&x))
			n += same_dirs(s, &x, t, &y, below);
	}
	ck_assert(!tree_entry(t, b, n ? UINT32_MAX : 0, &y, &q));
	return n;
}

START_TEST(test_same)
{
	g_autofree char *path = write_image((size_t)_i);
	struct tree_node a = tree_root(first.tree), b;
	struct opened other;

	open_file(&other, path);
	b = tree_root(other.tree);
	ck_assert_str_eq(other.image->ops->name, "elf");
	ck_assert_uint_gt(same_dirs(first.tree, &a, other.tree, &b, ""), 200);
	close_file(&other);
}
END_TEST

/* Notes lead to the DTB without any search. */
START_TEST(test_notes)
{
	g_autofree char *path = g_build_filename(dir, "notes", NULL);
	struct opened o;

	ck_assert(mk_win_write(win, path, MK_FORMAT_ELF, NULL));
	open_file(&o, path);
	ck_assert_uint_gt(o.image->cpus->len, 0);
	ck_assert_ptr_nonnull(o.kernel);
	ck_assert_ptr_nonnull(strstr(o.kernel->dtb_source, "CR3"));
	close_file(&o);
}
END_TEST

/* Zeros that a container leaves out are not in it: fewer bytes, the same
 * processes. */
START_TEST(test_less)
{
	const struct mk_write_options options = {
		.format = MK_FORMAT_ELF, .memsz = true, .phdrs = 3,
	};
	g_autofree char *path = g_build_filename(dir, "less", NULL);
	struct opened o;

	ck_assert(mk_write(mk_win_phys(win), path, &options, NULL));
	open_file(&o, path);
	ck_assert_uint_lt(physmem_bytes(o.pm), physmem_bytes(first.pm));
	ck_assert_uint_gt(log_count(o.log, LOG_WARN), 0);
	ck_assert_uint_eq(procset_count(o.procs), procset_count(first.procs));
	close_file(&o);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-formats");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_same, 1,
			    (int)G_N_ELEMENTS(containers));
	tcase_add_test(tcase, test_less);
	tcase_add_test(tcase, test_notes);
	return unit_main(suite);
}
