/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: a small Windows, changed in places, shown as a tree; the whole
 * tree is walked and every file is read.
 *
 * Input: byte 0 options; then changes of 11 bytes each: two that choose one of
 * the pages in use, two with the offset in it (12 bits) and how many bytes
 * change, and the new bytes.
 */
#include "config.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "lib/mkwin.h"
#include "tree/tree.h"

#define RECORD 11u
#define CHANGES_MAX 64u
#define READ_MAX (UINT64_C(64) << 10)
#define ENTRIES_MAX 300u
#define TEXT_MAX (UINT64_C(1) << 20)

/* The healthy memory; changed in place, and put back. */
static struct {
	uint8_t *bytes;
	size_t len;
	GArray *used;  /* uint64_t: pages that are not zeros */
	bool copy, eio, all;
} base;

static void base_init(void)
{
	const struct mk_options options = { .seed = 1, .size_mib = 24,
					    .procs = 4, .threads = true,
					    .objects = true, .modules = true };
	g_autoptr(MkWin) win = NULL;

	if (base.bytes)
		return;
	win = mk_win_new(&options, NULL);
	MUST(win != NULL);
	base.len = (size_t)mk_phys_end(mk_win_phys(win));
	base.bytes = g_malloc0(base.len);
	base.used = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	mk_phys_read(mk_win_phys(win), 0, base.bytes, base.len);
	for (uint64_t pa = 0; pa < base.len; pa += 4096)
		if (mk_phys_used(mk_win_phys(win), pa))
			g_array_append_val(base.used, pa);
}

struct change {
	uint64_t at;
	uint8_t old[8];
};

static size_t apply(const uint8_t *data, size_t size, struct change *changes)
{
	size_t n = 0;

	for (size_t at = 1; at + RECORD <= size && n < CHANGES_MAX;
	     at += RECORD) {
		guint page = load_le16(data + at) % base.used->len;
		unsigned where = load_le16(data + at + 2);
		size_t len = 1 + (where >> 12) % 7;
		uint64_t pa = g_array_index(base.used, uint64_t, page);

		changes[n].at = MIN(pa + where % 4096, base.len - 8);
		memcpy(changes[n].old, base.bytes + changes[n].at, 8);
		memcpy(base.bytes + changes[n].at, data + at + 4, len);
		n++;
	}
	return n;
}

static void undo(const struct change *changes, size_t n)
{
	while (n--)
		memcpy(base.bytes + changes[n].at, changes[n].old, 8);
}

/* One read; how many bytes it gave, or a negative errno. */
static int64_t read_at(TreeFile *file, uint64_t off, uint64_t len)
{
	g_autofree uint8_t *buf = NULL;
	struct read_plan plan;
	int64_t r;

	read_plan_init(&plan);
	r = tree_file_read(file, off, len, &plan);
	MUST(r == 0 || r == -EIO);
	if (!r) {
		MUST(plan.len <= len && plan.n <= PLAN_MAX_IOV);
		buf = g_malloc(plan.len + 1);
		read_plan_gather(&plan, buf);
		r = (int64_t)plan.len;
	}
	read_plan_clear(&plan);
	return r;
}

/* All of a text: as long as its size says, and UTF-8. */
static void read_text(TreeFile *file, uint64_t size)
{
	uint64_t off = 0;

	while (off < MIN(size, TEXT_MAX)) {
		int64_t n = read_at(file, off, MIN(PLAN_MAX_BYTES, size));

		MUST(n > 0);
		off += (uint64_t)n;
		MUST(off <= size);
	}
	MUST(size > TEXT_MAX || off == size);
	MUST(read_at(file, size, 10) == 0);
	if (size)
		MUST(read_at(file, size - 1, 10) == 1);
}

/* Data and holes take turns, up to the end; their borders can be read. */
static void read_sparse(TreeFile *file, uint64_t size)
{
	uint64_t off = 0;

	for (unsigned i = 0; i < ENTRIES_MAX && off < size; i++) {
		int64_t data = tree_file_seek(file, off, SEEK_DATA);
		int64_t hole;

		if (data < 0) {
			MUST(data == -ENXIO);
			break;
		}
		MUST((uint64_t)data >= off && (uint64_t)data < size);
		hole = tree_file_seek(file, (uint64_t)data, SEEK_HOLE);
		MUST(hole > data && (uint64_t)hole <= size);
		MUST(read_at(file, (uint64_t)data, READ_MAX) > 0);
		MUST(read_at(file, (uint64_t)hole - 1, 2) > 0);
		off = (uint64_t)hole;
	}
	MUST(tree_file_seek(file, size, SEEK_DATA) == -ENXIO);
	MUST(read_at(file, size, 1) == 0);
	if (size)
		MUST(base.eio || read_at(file, size - 1, 5) == 1);
}

static void visit_file(Tree *tree, const struct tree_node *node,
		       const struct stat *st)
{
	g_autoptr(TreeFile) file = tree_open(tree, node);
	uint64_t size = (uint64_t)st->st_size;

	MUST(file != NULL);
	MUST(st->st_size >= 0);
	if (tree_file_is_sparse(file))
		read_sparse(file, size);
	else
		read_text(file, size);
}

/* Folders that list nothing: some of what can be looked up in them. */
static void visit_named(Tree *tree, const struct tree_node *dir)
{
	static const char *const names[] = {
		"0", "0x1ad123", "7ffe0008", "fffffffff", "fffff78000000014",
		"ffffffffffffffff",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		struct tree_node node;
		struct stat st;

		if (tree_lookup(tree, dir, names[i], &node))
			continue;
		tree_stat(tree, &node, &st);
		visit_file(tree, &node, &st);
	}
}

static void visit(Tree *tree, const struct tree_node *dir, unsigned depth)
{
	struct tree_node node, found;
	char *name;

	MUST(depth < 6);
	if (dir->kind == NODE_PTOVS || dir->kind == NODE_VTOPS)
		visit_named(tree, dir);
	/* Whole address spaces once more: they take most of the time. */
	if (dir->kind == NODE_DTBS && !base.all)
		return;
	for (uint64_t i = 0; i < ENTRIES_MAX; i++) {
		g_autofree char *target = NULL;
		struct stat st;

		if (!tree_entry(tree, dir, i, &node, &name))
			break;
		MUST(*name && !strchr(name, '/'));
		MUST(strcmp(name, ".") && strcmp(name, ".."));
		MUST(strlen(name) <= 255);
		MUST(tree_lookup(tree, dir, name, &found) == 0);
		g_free(name);
		MUST(found.kind == node.kind && found.space == node.space &&
		     found.arg == node.arg && found.item == node.item);
		tree_stat(tree, &node, &st);
		MUST(st.st_ino == tree_ino(&node) && st.st_ino > 0);
		target = tree_readlink(tree, &node);
		if (target)
			MUST((size_t)st.st_size == strlen(target));
		else if (tree_is_dir(&node))
			visit(tree, &node, depth + 1);
		else
			visit_file(tree, &node, &st);
	}
}

static void show(const Image *image, const struct tree_options *options,
		 Log *log)
{
	static const struct proc_select all = { .methods = METHODS_ALL };
	static const struct nt_hints none;
	g_autoptr(PhysMem) pm = physmem_new(image);
	g_autoptr(NtKernel) kernel = nt_kernel_find(pm, image, &none, log);
	g_autoptr(ProcSet) procs = procset_build(kernel, &all, log);
	g_autoptr(Tree) tree = tree_new(image, pm, kernel, procs, log,
					options);
	struct tree_node root = tree_root(tree);

	visit(tree, &root, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct change changes[CHANGES_MAX];
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct tree_options options = { .umask = 0077 };
	size_t n;

	if (!size)
		return 0;
	base_init();
	n = apply(data, size, changes);
	options.coalesce = data[0] & 1;
	options.all = data[0] & 2;
	options.eio = base.eio = data[0] & 4;
	base.all = data[0] & 16;
	options.copy = data[0] & 8;
	image = image_open_io(image_io_memory(base.bytes, base.len), "fuzz",
			      IMAGE_FORMAT("raw"), log, NULL);
	MUST(image != NULL);
	show(image, &options, log);
	undo(changes, n);
	return 0;
}

/* Changes all over the pages that are used, a few at a time. */
void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	struct mk_random random = { 17 };

	for (unsigned i = 0; i < 40; i++) {
		uint8_t b[1 + 6 * RECORD] = { (uint8_t)(i % 32) };

		for (size_t at = 1; at < sizeof b; at++)
			b[at] = (uint8_t)mk_random_below(&random, 256);
		fn(ctx, b, 1 + i % 7 * RECORD);
	}
}
