/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of minidumps: streams out of plain facts, and files of processes. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "tree/mdmp_facts.h"
#include "tree/mdmp_info.h"

/* Where a stream of a type is; its size. 0: there is none. */
static uint32_t stream(const GByteArray *d, uint32_t type, uint32_t *size)
{
	uint32_t n, dir;

	ck_assert_uint_ge(d->len, 32);
	ck_assert(!memcmp(d->data, "MDMP", 4));
	n = load_le32(d->data + 8);
	dir = load_le32(d->data + 12);
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *entry = d->data + dir + 12 * i;

		ck_assert(range_fits(load_le32(entry + 8),
				     load_le32(entry + 4), d->len));
		*size = load_le32(entry + 4);
		if (load_le32(entry) == type)
			return load_le32(entry + 8);
	}
	return 0;
}

/* Nothing is known, and still it is one. */
START_TEST(test_nothing)
{
	const struct mdmp m = { .architecture = MDMP_AMD64, .pid = 8 };
	g_autoptr(GByteArray) d = mdmp_build(&m);
	uint32_t size, at = stream(d, 3, &size);

	ck_assert_uint_eq(d->len % PAGE_SIZE_4K, 0);
	ck_assert_uint_eq(size, 4);
	ck_assert_uint_eq(load_le32(d->data + at), 0);
	at = stream(d, 9, &size);
	ck_assert_uint_eq(size, 16);
	ck_assert_uint_eq(load_le64(d->data + at), 0);
	ck_assert_uint_eq(load_le64(d->data + at + 8), d->len);
	ck_assert_uint_eq(stream(d, 12, &size), 0);
	ck_assert_uint_eq(stream(d, 10, &size), 0);
	at = stream(d, 15, &size);
	ck_assert_uint_eq(load_le32(d->data + at + 8), 8);
	ck_assert_uint_eq(load_le32(d->data + at + 4), 1);
}
END_TEST

static GArray *one(const void *element, guint bytes)
{
	GArray *array = g_array_new(FALSE, FALSE, bytes);

	g_array_append_vals(array, element, 1);
	return array;
}

/* A name is cut, not in the middle of a pair; one that is no UTF-8 is empty. */
START_TEST(test_names)
{
	g_autoptr(GString) name = g_string_new("x");
	static const char bad[] = "\xff\xfe";
	struct mdmp_module module = { .base = 0x10000, .size = 4096 };
	g_autoptr(GArray) modules = NULL;
	g_autoptr(GByteArray) d = NULL;
	struct mdmp m = { .architecture = MDMP_INTEL };
	uint32_t size, at;

	while (name->len < 3 * MDMP_NAME_MAX)
		g_string_append(name, "\xf0\x9f\x98\x80"); /* two units */
	module.path = _i ? bad : name->str;
	modules = one(&module, sizeof module);
	m.modules = modules;
	d = mdmp_build(&m);
	at = stream(d, 4, &size);
	ck_assert_uint_eq(size, 4 + 108);
	at = load_le32(d->data + at + 4 + 20);
	size = load_le32(d->data + at);
	ck_assert_uint_eq(size, _i ? 0 : 2 * (MDMP_NAME_MAX - 1));
	ck_assert_uint_eq(load_le16(d->data + at + 4 + size), 0);
}
END_TEST

/* The stack of a thread, where an RVA reaches it and where not. */
START_TEST(test_stack)
{
	const struct mdmp_range ranges[] = {
		{ 0x10000, 0x2000 },
		{ 0x100000000, _i ? 8 * GIB : 0x3000 },
		{ 0x500000000, 0x4000 },
	};
	struct mdmp_thread thread = {
		.tid = 12, .stack_limit = 0x500001000,
		.stack_base = 0x500004000,
	};
	g_autoptr(GArray) threads = NULL;
	g_autoptr(GArray) array = g_array_new(FALSE, FALSE, sizeof *ranges);
	g_autoptr(GByteArray) d = NULL;
	struct mdmp m = { .architecture = MDMP_AMD64 };
	const uint8_t *p;
	uint32_t size;

	g_array_append_vals(array, ranges, G_N_ELEMENTS(ranges));
	threads = one(&thread, sizeof thread);
	m.threads = threads;
	m.ranges = array;
	d = mdmp_build(&m);
	p = d->data + stream(d, 3, &size) + 4;
	ck_assert_uint_eq(size, 52);
	ck_assert_uint_eq(load_le64(p + 24), 0x500001000);
	ck_assert_uint_eq(load_le32(p + 32), _i ? 0 : 0x3000);
	ck_assert_uint_eq(load_le32(p + 36), _i ? 0 : d->len + 0x6000);
	ck_assert_uint_eq(load_le32(p + 40), mdmp_context_size(MDMP_AMD64));
}
END_TEST

/* ContextFlags only of what is known as a whole, of no other machine. */
START_TEST(test_regs)
{
	struct nt_regs from = {
		.machine = NT_MACHINE_AMD64, .ip = 0x1111, .sp = 0x2222,
		.bp = 0x3333, .flags = 0x246, .cs = 0x33,
		.gpr_known = 0xff8,
		.known = NT_REGS_CONTROL | NT_REGS_FRAME,
	};
	g_autoptr(GByteArray) out = g_byte_array_new();
	struct mdmp_regs to;

	from.gpr[NT_R8] = 8;
	from.gpr[NT_R12] = 12;
	mdmp_regs_set(&to, &from, MDMP_AMD64);
	ck_assert_uint_eq(to.known, MDMP_REGS_CONTROL);
	mdmp_put_context(out, MDMP_AMD64, &to);
	ck_assert_uint_eq(out->len, 1232);
	ck_assert_uint_eq(load_le32(out->data + 0x30), 0x100001);
	ck_assert_uint_eq(load_le64(out->data + 0x98), 0x2222);
	ck_assert_uint_eq(load_le64(out->data + 0xa0), 0x3333);
	ck_assert_uint_eq(load_le64(out->data + 0xb8), 8);
	ck_assert_uint_eq(load_le64(out->data + 0xd8), 0);
	ck_assert_uint_eq(load_le64(out->data + 0xf8), 0x1111);
	from.gpr_known = 0xffff;
	mdmp_regs_set(&to, &from, MDMP_AMD64);
	ck_assert_uint_eq(to.known, MDMP_REGS_CONTROL | MDMP_REGS_INTEGER);
	mdmp_regs_set(&to, &from, MDMP_ARM64);
	ck_assert_uint_eq(to.known, 0);
	ck_assert_uint_eq(to.ip, 0);
}
END_TEST

START_TEST(test_protect)
{
	ck_assert_uint_eq(mdmp_protect(0), MDMP_PAGE_NOACCESS);
	ck_assert_uint_eq(mdmp_protect(4), MDMP_PAGE_READWRITE);
	ck_assert_uint_eq(mdmp_protect(7), MDMP_PAGE_EXECUTE_WRITECOPY);
	ck_assert_uint_eq(mdmp_protect(0x14),
			  MDMP_PAGE_READWRITE | MDMP_PAGE_GUARD);
	ck_assert_uint_eq(mdmp_protect(0x18), MDMP_PAGE_NOACCESS);
}
END_TEST

/* Each process has one, those that have ended too. */
START_TEST(test_processes)
{
	static const struct mk_options machines[] = {
		{ .seed = 1, .hostile_names = true },
		{ .seed = 2, .damage = { .bad_vads = true }, .states = true },
		{ .seed = 3, .layout = "x86-5.1.2600" },
	};
	struct unit_tree t;

	unit_tree_init(&t, &machines[_i], NULL);
	for (size_t i = 0; i < procset_count(t.procs); i++) {
		struct tree_node node =
			unit_tree_node(&t, "proc/%s/minidump.dmp",
				       procset_get(t.procs, i)->dir);
		g_autoptr(TreeFile) file = tree_open(t.tree, &node);
		uint8_t head[PAGE_SIZE_4K];
		struct stat st;

		tree_stat(t.tree, &node, &st);
		ck_assert_int_ge(st.st_size, PAGE_SIZE_4K);
		ck_assert_int_eq(st.st_size % 4096, 0);
		ck_assert_int_eq(unit_tree_read(file, 0, sizeof head, 512,
						head),
				 sizeof head);
		ck_assert(!memcmp(head, "MDMP\x93\xa7", 6));
		ck_assert_int_eq(unit_tree_read(file, (uint64_t)st.st_size, 1,
						1, head),
				 0);
	}
	unit_tree_clear(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-minidump");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_nothing);
	tcase_add_loop_test(tcase, test_names, 0, 2);
	tcase_add_loop_test(tcase, test_stack, 0, 2);
	tcase_add_test(tcase, test_regs);
	tcase_add_test(tcase, test_protect);
	tcase_add_loop_test(tcase, test_processes, 0, 3);
	return unit_main(suite);
}
