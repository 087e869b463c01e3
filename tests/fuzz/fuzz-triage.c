/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: a triage dump, changed in places, shown as a tree of which all
 * files are read.
 *
 * Input: byte 0 which dump, byte 1 how much of it is left out at its end (in
 * 1/256, of it); then changes of 8 bytes each: three with the place (its
 * highest bit: in the triage header), one with how many bytes, and those.
 */
#include "config.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "lib/mkfmt-triage.h"
#include "tree/tree.h"

#define RECORD 8u
#define CHANGES_MAX 64u
#define ENTRIES_MAX 300u
#define BASES 3u

static GByteArray *bases[BASES];
static const size_t heads[BASES] = { 0x2000, 0x1000, 0x2000 };

static void bases_init(void)
{
	static const char *const layouts[BASES] = {
		"amd64-10.0.19041-b", "x86pae-6.1.7601", "arm64-10.0.26100",
	};

	for (unsigned i = 0; i < BASES && !bases[i]; i++) {
		const struct mk_options options = { .seed = 1, .size_mib = 16,
						    .layout = layouts[i],
						    .plain_kdbg = true };
		g_autoptr(MkWin) win = mk_win_new(&options, NULL);
		struct mk_triage t;

		MUST(win != NULL);
		bases[i] = mk_triage_make(win, &t);
		mk_triage_clear(&t);
	}
}

/* (transfer full) */
static uint8_t *make(const uint8_t *data, size_t size, size_t *len)
{
	unsigned which = data[0] % BASES;
	const GByteArray *base = bases[which];
	uint8_t *bytes = g_memdup2(base->data, base->len);
	unsigned n = 0;

	for (size_t i = 2; i + RECORD <= size && n < CHANGES_MAX;
	     i += RECORD, n++) {
		uint32_t place = load_le32(data + i) & 0xffffff;
		size_t at = place & 0x800000 ? heads[which] + place % 0x80 :
					       place % base->len;
		size_t k = MIN(1 + data[i + 3] % 4u, base->len - at);

		memcpy(bytes + at, data + i + 4, k);
	}
	*len = base->len - base->len / 256 * data[1];
	return bytes;
}

static void read_file(Tree *tree, const struct tree_node *node)
{
	g_autoptr(TreeFile) file = tree_open(tree, node);
	struct read_plan plan;
	struct stat st;
	int64_t at;

	if (!file)
		return;
	tree_stat(tree, node, &st);
	MUST(st.st_size >= 0);
	at = tree_file_seek(file, 0, SEEK_DATA);
	MUST(at < (int64_t)MAX(st.st_size, 1));
	read_plan_init(&plan);
	MUST(tree_file_read(file, (uint64_t)MAX(at, 0), 70000, &plan) == 0);
	if (plan.len) {
		g_autofree uint8_t *buf = g_malloc(plan.len);

		read_plan_gather(&plan, buf);
		if (!tree_file_is_sparse(file) && plan.len < 70000)
			MUST(g_utf8_validate((const char *)buf,
					     (gssize)plan.len, NULL));
	}
	read_plan_clear(&plan);
}

static void read_dir(Tree *tree, const struct tree_node *dir, unsigned depth)
{
	struct tree_node node;
	char *name;

	for (uint64_t i = 0; depth < 5 && i < ENTRIES_MAX &&
			     tree_entry(tree, dir, i, &node, &name);
	     i++) {
		MUST(g_utf8_validate(name, -1, NULL) && !strchr(name, '/'));
		g_free(name);
		if (tree_is_link(&node))
			continue;
		if (tree_is_dir(&node))
			read_dir(tree, &node, depth + 1);
		else
			read_file(tree, &node);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct nt_hints hints;
	static const struct proc_select all = { .methods = METHODS_ALL };
	const struct tree_options options = { .umask = 0077, .all = true };
	g_autofree uint8_t *bytes = NULL;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct tree_node root;
	NtKernel *kernel;
	ProcSet *procs;
	PhysMem *pm;
	Tree *tree;
	size_t len;

	bases_init();
	if (size < 2)
		return 0;
	bytes = make(data, size, &len);
	image = image_open_io(image_io_memory(bytes, len), "fuzz", NULL, log,
			      NULL);
	if (!image)
		return 0;
	pm = physmem_new(image);
	kernel = nt_kernel_find(pm, image, &hints, log);
	MUST(!image->triage || kernel);
	procs = procset_build(kernel, &all, log);
	tree = tree_new(image, pm, kernel, procs, log, &options);
	root = tree_root(tree);
	read_dir(tree, &root, 0);
	tree_free(tree);
	procset_free(procs);
	nt_kernel_free(kernel);
	physmem_free(pm);
	return 0;
}

/* Places and counts of each part, with values of all sizes. */
void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	static const uint32_t values[] = { 0, 1, 0x2080, 0x3000, UINT32_MAX,
					   0x80000000 };

	for (unsigned which = 0; which < BASES; which++) {
		uint8_t seed[2 + RECORD] = { (uint8_t)which };

		fn(ctx, seed, 2);
		for (unsigned at = 0; at < 0x80; at += 4)
			for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
				uint32_t v = GUINT32_TO_LE(values[i]);

				seed[2] = (uint8_t)at;
				seed[4] = 0x80;
				seed[5] = 3;
				memcpy(seed + 6, &v, sizeof v);
				fn(ctx, seed, sizeof seed);
			}
	}
}
