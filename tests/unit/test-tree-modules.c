/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of modules/: the truth of machines of all families, names that are
 * none, and lists and headers that lead astray. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/peinfo.h"
#include "tree/modules.h"
#include "tree/tree-priv.h"

static const char *const layouts[] = {
	"amd64-10.0.19041-b", "amd64-6.1.7601-b", "x86pae-6.1.7601",
	"x86-5.1.2600", "amd64la57-10.0.22000", "x86pae-10.0.19041-b",
	"amd64-5.2.3790-a", "x86-5.2.3790-b", "amd64-6.2.9200",
};

static struct unit_tree t;

static void make(const char *layout)
{
	const struct mk_options machine = { .seed = 5, .modules = true,
					    .layout = layout };

	unit_tree_init(&t, &machine, NULL);
}

static void teardown(void)
{
	unit_tree_clear(&t);
}

/* Writes into the image: of a user address of a process. */
static void poke(const struct mk_process *p, uint64_t va, uint64_t value,
		 unsigned n)
{
	const struct mk_page *page =
		mk_process_page(p, va & ~(uint64_t)PAGE_MASK_4K);
	const struct mk_run *runs;
	uint64_t off = 0, pa;
	size_t n_runs;

	ck_assert_ptr_nonnull(page);
	pa = page->pa + (va - page->va);
	runs = mk_phys_runs(mk_win_phys(t.w.win), &n_runs);
	for (size_t i = 0; i < n_runs; i++) {
		if (pa >= runs[i].start && pa - runs[i].start < runs[i].len) {
			value = GUINT64_TO_LE(value);
			memcpy(t.w.mem.bytes + off + (pa - runs[i].start),
			       &value, n);
			return;
		}
		off += runs[i].len;
	}
	ck_abort_msg("no memory at 0x%lx", (long)pa);
}

static uint64_t peek(const struct mk_process *p, uint64_t va)
{
	size_t i = procset_find_eprocess(t.procs, VIRT(p->eprocess));
	uint8_t b[8];

	ck_assert(i != SIZE_MAX &&
		  vtop_read(&procset_get(t.procs, i)->as, VIRT(va), b, 8));
	return load_le64(b);
}

static Detail *modules_of(const struct mk_process *p)
{
	struct tree_node node = unit_tree_node(&t, "/proc/%u/modules", p->pid);

	return detail_get(&t.tree->facts, node.space, DETAIL_MODULES);
}

static unsigned from_bits(const char *from)
{
	unsigned bits = 0;
	g_auto(GStrv) words = g_strsplit(from, ",", 0);

	for (char **w = words; *w; w++)
		bits |= !strcmp(*w, "ldr")   ? NT_MODULE_LDR :
			!strcmp(*w, "ldr32") ? NT_MODULE_LDR32 :
			!strcmp(*w, "vad")   ? NT_MODULE_VAD :
					       NT_MODULE_MAPPING;
	return bits;
}

static void check_facts(const struct mk_process *p, const struct mk_module *m)
{
	size_t i = procset_find_eprocess(t.procs, VIRT(p->eprocess));
	struct nt_pe_facts facts;

	ck_assert(nt_pe_facts_read(&procset_get(t.procs, i)->as, m->base,
				   &facts));
	ck_assert_uint_eq(facts.timestamp, m->timestamp);
	ck_assert(facts.has_rsds);
	ck_assert_mem_eq(facts.guid, m->guid, sizeof m->guid);
	ck_assert_str_eq(facts.pdb, m->pdb);
	ck_assert(facts.has_version);
	ck_assert_uint_eq(facts.version[2], m->version[0]);
	ck_assert_uint_eq(facts.version[3], m->version[1]);
	nt_pe_facts_clear(&facts);
}

static void check_process(const struct mk_process *p)
{
	g_autoptr(Detail) detail = modules_of(p);
	const struct nt_modules *all = space_modules_all(detail);

	ck_assert_uint_eq(all->modules->len, p->modules->len);
	ck_assert_uint_eq(all->ldr, NT_LDR_OK);
	ck_assert_uint_eq(all->ldr32, p->wow64 ? NT_LDR_OK : NT_LDR_NONE);
	for (guint i = 0; i < p->modules->len; i++) {
		const struct mk_module *want =
			&g_array_index(p->modules, struct mk_module, i);
		const struct nt_module *got =
			space_modules_find(detail, want->base + 0x123);

		ck_assert_ptr_nonnull(got);
		ck_assert_uint_eq(got->base, want->base);
		ck_assert_uint_eq(got->size, want->size);
		ck_assert_uint_eq(got->from, from_bits(want->from));
		ck_assert_uint_eq(got->timestamp, want->timestamp);
		if (want->pdb)
			check_facts(p, want);
	}
}

START_TEST(the_truth)
{
	unsigned n = 0;

	make(layouts[_i]);
	for (size_t i = 0; i < mk_win_n_processes(t.w.win); i++) {
		const struct mk_process *p = mk_win_process(t.w.win, i);

		if (!p->modules->len)
			continue;
		check_process(p);
		n++;
	}
	ck_assert_uint_gt(n, 10);
}
END_TEST

static void check_entry(void *ctx, const struct unit_tree *tree,
			const struct tree_node *node, const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	struct tree_node dir, found;
	unsigned *n = ctx;

	if (!strstr(path, "/modules/"))
		return;
	dir = unit_tree_node(tree, "%s", folder);
	ck_assert_int_eq(tree_lookup(tree->tree, &dir, name, &found), 0);
	ck_assert_uint_eq(found.item, node->item);
	ck_assert_uint_eq(found.arg, node->arg);
	++*n;
}

START_TEST(names)
{
	static const char *const wrong[] = {
		"", ".", "..", "0", "list.pe", "List", "7ffb10000000",
		"00007ffb10000000", "00007ffb10000000-",
		"00007ffb10000000-ntdll.DLL", "00007FFB10000000-ntdll.dll",
		"7ffb10000000-ntdll.dll", "00007ffb10000000-ntdll.dll.pe.pe",
		"00007ffb10000001-ntdll.dll", "ffffffffffffffffffff-x",
		"0x00007ffb10000000-ntdll.dll",
	};
	struct tree_node dir, node;
	unsigned n = 0;

	make(layouts[0]);
	unit_tree_each(&t, check_entry, &n);
	ck_assert_uint_gt(n, 80);
	dir = unit_tree_node(&t, "/proc/800/modules");
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		ck_assert_msg(tree_lookup(t.tree, &dir, wrong[i], &node) ==
				      -ENOENT, "%s", wrong[i]);
	ck_assert_int_eq(tree_lookup(t.tree, &dir,
				     "00007ffb10000000-ntdll.dll", &node), 0);
}
END_TEST

/* Reads all files of a folder of modules; how many there are. */
static unsigned read_files(uint32_t pid, uint64_t max)
{
	struct tree_node dir = unit_tree_node(&t, "/proc/%u/modules", pid);
	struct tree_node node;
	g_autofree uint8_t *buf = g_malloc(1 << 16);
	unsigned n = 0;
	char *name;

	for (; tree_entry(t.tree, &dir, n, &node, &name); n++) {
		g_autofree char *own = name;
		g_autoptr(TreeFile) file = tree_open(t.tree, &node);
		struct stat st;

		ck_assert(g_utf8_validate(own, -1, NULL));
		ck_assert(!strchr(own, '/') && strlen(own) < 256);
		tree_stat(t.tree, &node, &st);
		ck_assert_uint_le((uint64_t)st.st_size, max);
		tree_file_render(file);
		for (uint64_t off = 0; off < (uint64_t)st.st_size;
		     off += MAX((uint64_t)st.st_size / 8, 1 << 16)) {
			uint64_t len = MIN(1u << 16,
					   (uint64_t)st.st_size - off);

			ck_assert_int_eq(unit_tree_read(file, off, len,
							1 << 16, buf),
					 (int64_t)len);
		}
	}
	return n;
}

/* The entry of ntdll.dll, behind that of the program. */
static uint64_t second_entry(const struct mk_process *p)
{
	return peek(p, peek(p, peek(p, p->peb + 0x18) + 0x10));
}

static const struct mk_process *victim(void)
{
	make(layouts[0]);
	return mk_win_find(t.w.win, "lsass.exe");
}

START_TEST(hostile_entries)
{
	static const struct {
		uint32_t at;
		unsigned bytes;
		uint64_t value;
	} values[] = {
		{ 0x40, 4, 0xffffffff },
		{ 0x40, 4, 0 },
		{ 0x30, 8, UINT64_C(0x7ffffffff000) },
		{ 0x30, 8, UINT64_C(0xfffff80000000000) },
		{ 0x30, 8, UINT64_C(0x8000000000000000) },
		{ 0x58, 4, 0xfffefffe },
		{ 0x60, 8, UINT64_MAX },
		{ 0x58, 4, 0x20001 },
		{ 0, 8, 0 },
		{ 0x10, 8, UINT64_MAX },
	};
	const struct mk_process *p = victim();
	uint64_t entry = second_entry(p);

	poke(p, entry + values[_i].at, values[_i].value, values[_i].bytes);
	ck_assert_uint_ge(read_files(p->pid, UINT64_C(1) << 32), 5);
}
END_TEST

/* A name that would lead out of the folder, break a line, or end it. */
START_TEST(a_hostile_name)
{
	static const char name[] = "../..\n\t\x1b x";
	const struct mk_process *p = victim();
	uint64_t entry = second_entry(p);
	uint64_t chars = peek(p, entry + 0x60);
	g_autofree char *list = NULL;

	poke(p, entry + 0x58, 2 * (sizeof name - 1) * 0x10001, 4);
	for (size_t i = 0; i < sizeof name - 1; i++)
		poke(p, chars + 2 * i, (uint8_t)name[i], 2);
	ck_assert_uint_eq(read_files(p->pid, 1 << 20), 7);
	list = unit_tree_text(&t, "/proc/%u/modules/list", p->pid);
	ck_assert_ptr_nonnull(
		strstr(list, " ../..\\012\\011\\033\\040x "));
}
END_TEST

/* Headers that claim all there is. */
START_TEST(hostile_headers)
{
	static const struct {
		uint32_t at;
		unsigned bytes;
		uint64_t value;
	} values[] = {
		{ 0x86, 2, 0xffff }, { 0x94, 2, 0xffff }, { 0x3c, 4, ~0u },
		{ 0xb8, 4, 0 },	     { 0xbc, 4, 0 },	  { 0xd0, 4, ~0u },
		{ 0xd4, 4, ~0u },    { 0x190, 8, UINT64_MAX },
		{ 0x198, 8, UINT64_MAX }, { 0x3c, 4, 0x1ff0 },
	};
	const struct mk_process *p = victim();

	poke(p, UINT64_C(0x7ffb10000000) + values[_i].at, values[_i].value,
	     values[_i].bytes);
	ck_assert_uint_ge(read_files(p->pid, 1 << 22), 6);
}
END_TEST

/* Any value anywhere in the lists and in what an image says of itself. */
START_TEST(random_changes)
{
	static const uint64_t values[] = {
		0, 1, 0x18, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff,
		UINT64_C(0x7ffb10000000), UINT64_C(0x7ffb10002000),
		UINT64_C(0xfffff80000000000), UINT64_MAX,
	};
	struct mk_random random = { (uint64_t)_i + 77 };
	const struct mk_process *p = victim();
	const uint64_t dll = UINT64_C(0x7ffb10000000);
	uint64_t ldr = peek(p, p->peb + 0x18);

	detail_cache_trim(t.tree->facts.details); /* nothing is kept */
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 4; i++) {
			const uint64_t places[] = {
				ldr + 8 * mk_random_below(&random, 0x100),
				dll + 4 * mk_random_below(&random, 0x80),
				dll + 0x2000 +
					4 * mk_random_below(&random, 32),
				dll + 0x4000 +
					4 * mk_random_below(&random, 64),
			};

			poke(p, places[i],
			     values[mk_random_below(&random,
						    G_N_ELEMENTS(values))],
			     i ? 4 : 8);
		}
		ck_assert_uint_ge(read_files(p->pid, UINT64_C(1) << 32), 1);
	}
}
END_TEST

START_TEST(drivers)
{
	g_autofree char *list = NULL;

	make(layouts[_i]);
	list = unit_tree_text(&t, "/kernel/modules/list");
	ck_assert_ptr_nonnull(strstr(list, " ntoskrnl.exe "));
	ck_assert_ptr_nonnull(strstr(list, " my\\040driver.sys "));
	ck_assert_ptr_nonnull(
		strstr(list, " \\SystemRoot\\system32\\my\\040driver.sys"));
	ck_assert_ptr_null(strchr(list, '#'));
}
END_TEST

START_TEST(unloaded)
{
	g_autofree char *list = NULL, *want = NULL, *time = NULL;
	const struct mk_kernel *k;

	make(layouts[_i]);
	k = mk_win_kernel(t.w.win);
	list = unit_tree_text(&t, "/kernel/unloaded-modules");
	time = text_filetime(k->time - 10000000);
	want = g_strdup_printf("0x%0*" PRIx64 " 0x7000 crash.sys - %s\n0x",
			       layouts[_i][0] == 'x' ? 8 : 16,
			       k->base + 0x4000000, time);
	ck_assert_msg(g_str_has_prefix(list, want), "%s", list);
	ck_assert_ptr_nonnull(strstr(list, " half\\040gone.sys - 20"));
	ck_assert_ptr_null(strstr(list, "none"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-modules");
	TCase *all = unit_case(suite, "all");

	tcase_add_checked_fixture(all, NULL, teardown);
	tcase_add_loop_test(all, the_truth, 0, (int)G_N_ELEMENTS(layouts));
	tcase_add_test(all, names);
	tcase_add_loop_test(all, hostile_entries, 0, 10);
	tcase_add_test(all, a_hostile_name);
	tcase_add_loop_test(all, hostile_headers, 0, 10);
	tcase_add_loop_test(all, random_changes, 0, 8);
	tcase_add_loop_test(all, drivers, 0, 4);
	tcase_add_loop_test(all, unloaded, 0, 4);
	return unit_main(suite);
}
