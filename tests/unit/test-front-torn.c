/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that changes between any two readings of it: one time it is one
 * machine's, one time another's. Nothing may crash or be endless. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "front/session.h"

enum { MACHINES = 3 };

struct torn {
	uint8_t *bytes[MACHINES];
	size_t len;
	uint32_t random;
	unsigned often; /* of so many readings one is of another machine */
};

static struct torn torn;

static uint32_t next_random(struct torn *t)
{
	t->random = t->random * 1664525 + 1013904223;
	return t->random >> 8;
}

static int64_t read_torn(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	struct torn *t = ctx;
	unsigned machine = next_random(t) % t->often ?
				   0 :
				   next_random(t) % MACHINES;

	if (off >= t->len)
		return 0;
	len_bytes = (size_t)MIN(len_bytes, t->len - off);
	memcpy(buf, t->bytes[machine] + off, len_bytes);
	return (int64_t)len_bytes;
}

static void setup(void)
{
	const struct mk_options options[MACHINES] = {
		{ .seed = 1, .size_mib = 24, .procs = 8, .states = true },
		{ .seed = 1, .size_mib = 24, .procs = 11, .states = true },
		{ .seed = 2, .size_mib = 24, .procs = 9 },
	};
	g_autofree char *dir = unit_dir_new();
	g_autofree char *path = g_build_filename(dir, "image", NULL);

	for (unsigned i = 0; i < MACHINES; i++) {
		g_autoptr(MkWin) win = mk_win_new(&options[i], NULL);

		ck_assert(mk_win_write(win, path, MK_FORMAT_RAW, NULL));
		ck_assert(g_file_get_contents(path, (char **)&torn.bytes[i],
					      &torn.len, NULL));
	}
	unit_dir_free(g_steal_pointer(&dir));
}

static void teardown(void)
{
	for (unsigned i = 0; i < MACHINES; i++)
		g_free(torn.bytes[i]);
}

static void read_some(TreeFile *file)
{
	for (uint64_t off = 0, n = 0; n < 64; n++) {
		struct read_plan plan;
		int64_t next = tree_file_seek(file, off, SEEK_DATA);

		if (next < 0)
			return;
		read_plan_init(&plan);
		off = (uint64_t)next;
		if (tree_file_read(file, off, 65536, &plan))
			plan.len = 0;
		off += plan.len ? plan.len : 4096;
		read_plan_clear(&plan);
	}
}

/* All that is there, but for what leads up again. */
static void visit(Tree *tree, const struct tree_node *node, unsigned depth)
{
	g_autoptr(TreeFile) file = NULL;
	struct tree_node below;
	struct stat st;
	char *name;

	tree_stat(tree, node, &st);
	g_free(tree_readlink(tree, node));
	if (!tree_is_dir(node)) {
		file = tree_open(tree, node);
		if (file)
			read_some(file);
		return;
	}
	for (uint64_t i = 0; depth < 4 && i < 100 &&
	     tree_entry(tree, node, i, &below, &name); i++) {
		g_free(name);
		visit(tree, &below, depth + 1);
	}
}

static void open_and_visit(unsigned often, uint32_t seed)
{
	char *argv[] = { (char *)(uintptr_t)"w", (char *)(uintptr_t)"image",
			 (char *)(uintptr_t)"mnt", NULL };
	g_autoptr(Options) o = options_parse(3, argv, NULL);
	g_autoptr(Session) s = NULL;
	ImageIo *io = image_io_memory(torn.bytes[0], torn.len);
	Log *log = log_new();
	Image *image;
	struct tree_node root;

	torn.often = often;
	torn.random = seed;
	o->tree.copy = true; /* what is shown is torn as well */
	image_io_set_reader(io, read_torn, &torn);
	image = image_open_io(io, "image", IMAGE_FORMAT("raw"), log, NULL);
	ck_assert_ptr_nonnull(image);
	s = session_open_image(image, log, o, NULL);
	ck_assert_ptr_nonnull(s);
	root = tree_root(s->tree);
	visit(s->tree, &root, 0);
}

START_TEST(test_torn)
{
	/* From a page now and then to a machine that is two at once. */
	static const unsigned often[] = { 1000, 100, 20, 3, 1 };

	for (size_t i = 0; i < G_N_ELEMENTS(often); i++)
		open_and_visit(often[i], (uint32_t)_i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("front-torn");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_torn, 0, 6);
	return unit_main(suite);
}
