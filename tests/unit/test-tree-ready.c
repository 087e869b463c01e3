/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what is answered at once, and what is left to others. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

static struct unit_tree t;

/* bulk.exe has 64 MiB, far more than can be gone through in no time. */
static void setup(void)
{
	const struct mk_options machine = { .seed = 1, .size_mib = 128,
					    .bulk_mib = 64, .threads = true,
					    .modules = true };

	unit_tree_init(&t, &machine, NULL);
}

static void teardown(void)
{
	unit_tree_clear(&t);
}

static uint64_t pid_of(const char *name)
{
	return mk_win_find(t.w.win, name)->pid;
}

static bool is_ready(uint64_t pid, const char *file)
{
	struct tree_node node = unit_tree_node(&t, "proc/%" PRIu64 "/%s", pid,
					       file);

	return tree_is_ready(t.tree, &node);
}

static void ask_size(uint64_t pid, const char *file)
{
	struct tree_node node = unit_tree_node(&t, "proc/%" PRIu64 "/%s", pid,
					       file);
	struct stat st;

	tree_stat(t.tree, &node, &st);
}

static const char *const texts[] = { "memmap", "smaps", "status", "map.svg",
				     "maps.json", "cmdline", "vads", "paging" };

static void check(uint64_t pid, bool ready)
{
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		ck_assert_msg(is_ready(pid, texts[i]) == ready, "%s %d",
			      texts[i], ready);
}

/* Once a small process was walked, all that is made of it is. */
START_TEST(test_small)
{
	uint64_t pid = pid_of("explorer.exe");

	check(pid, false);
	ask_size(pid, "vmem");
	ck_assert(is_ready(pid, "vmem"));
	check(pid, false); /* the names are not known yet */
	ask_size(pid, "maps");
	check(pid, true);
	ck_assert(is_ready(pid, "dump"));
	ck_assert(is_ready(pid, "core"));
	/* What needs more than that. */
	ck_assert(!is_ready(pid, "handles"));
	ck_assert(!is_ready(pid, "minidump.dmp"));
	ask_size(pid, "handles");
	ck_assert(is_ready(pid, "handles"));
}
END_TEST

/* Of a large one each is, once it was made. */
START_TEST(test_large)
{
	uint64_t pid = pid_of("bulk.exe");

	ask_size(pid, "maps");
	ck_assert(is_ready(pid, "vmem"));
	ck_assert(is_ready(pid, "maps"));
	check(pid, false);
	ck_assert(!is_ready(pid, "dump"));
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		ask_size(pid, texts[i]);
	check(pid, true);
}
END_TEST

/* What is forgotten is not ready. */
START_TEST(test_trimmed)
{
	uint64_t pid = pid_of("explorer.exe");

	ask_size(pid, "maps");
	check(pid, true);
	tree_trim(t.tree);
	ck_assert(!is_ready(pid, "memmap"));
	ck_assert(!is_ready(pid, "dump"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-ready");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_small);
	tcase_add_test(tcase, test_large);
	tcase_add_test(tcase, test_trimmed);
	return unit_main(suite);
}
