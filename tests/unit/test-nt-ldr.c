/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the lists of modules: made by hand, in both widths, whole, broken,
 * and compared with VADs. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit.h"

#include <string.h>

#include "nt/ldr.h"
#include "nt/layouts.h"
#include "nt/vad.h"

#define N 4u

static struct unit_kmem k;
static struct nt_profile profile;
static struct nt_process process;
static struct nt_modules found;
static GArray *vads;
static uint64_t peb, ldr, entries, bases[N];
static unsigned w; /* bytes of a pointer */

static uint32_t links_at(unsigned list)
{
	return list * 2 * w;
}

static uint64_t head(unsigned list)
{
	return ldr + (w == 8 ? 0x10 : 0xc) + list * 2 * w;
}

static uint64_t entry(unsigned i)
{
	return entries + i * MK_PAGE_SIZE;
}

static uint32_t off(const char *member)
{
	struct nt_field f;

	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *l = layouts_get(i);

		if (layout_arch(l) == (w == 8 ? NT_ARCH_AMD64 :
						NT_ARCH_X86PAE) &&
		    layout_field(l, member, &f, NULL))
			return f.offset;
	}
	ck_abort_msg("%s", member);
}

/* A link behind the last of a list that has `prev`. */
static void put_link(uint64_t at, uint64_t prev, uint64_t next)
{
	unit_kmem_put_ptr(&k, at, next);
	unit_kmem_put_ptr(&k, at + w, prev);
}

/* The list of those whose bits are set. */
static void put_list(unsigned list, unsigned which)
{
	uint64_t ring[N + 1] = { head(list) };
	unsigned n = 1;

	for (unsigned i = 0; i < N; i++)
		if (which & 1u << i)
			ring[n++] = entry(i) + links_at(list);
	for (unsigned i = 0; i < n; i++)
		put_link(ring[i], ring[(i + n - 1) % n], ring[(i + 1) % n]);
}

static void put_string(uint64_t at, uint64_t chars, const char *text)
{
	uint64_t len = 2 * strlen(text);

	unit_kmem_put(&k, at, len | (len + 2) << 16, 4);
	unit_kmem_put_ptr(&k, at + w, chars);
	for (size_t i = 0; text[i]; i++)
		unit_kmem_put(&k, chars + 2 * i, (uint8_t)text[i], 2);
}

static void put_entry(unsigned i)
{
	char name[] = "mod0.dll", path[] = "C:\\mod0.dll";

	name[3] = path[6] = (char)('0' + i);
	unit_kmem_put_ptr(&k, entry(i) + off("_LDR_DATA_TABLE_ENTRY.DllBase"),
			  bases[i]);
	unit_kmem_put_ptr(&k,
			  entry(i) + off("_LDR_DATA_TABLE_ENTRY.EntryPoint"),
			  bases[i] + 0x10);
	unit_kmem_put(&k, entry(i) + off("_LDR_DATA_TABLE_ENTRY.SizeOfImage"),
		      0x3000, 4);
	unit_kmem_put(&k,
		      entry(i) + off("_LDR_DATA_TABLE_ENTRY.TimeDateStamp"),
		      0x50000000 + i, 4);
	put_string(entry(i) + off("_LDR_DATA_TABLE_ENTRY.FullDllName"),
		   entry(i) + 0x400, path);
	put_string(entry(i) + off("_LDR_DATA_TABLE_ENTRY.BaseDllName"),
		   entry(i) + 0x800, name);
}

static void add_vad(uint64_t start, uint64_t len, unsigned type, bool own)
{
	struct nt_vad v = { .start = start, .last = start + len - 1,
			    .type = type, .private_memory = own };

	g_array_append_val(vads, v);
}

/* A PE header at the start of a page. */
static void put_pe(uint64_t base)
{
	unit_kmem_put(&k, base, 0x5a4d, 2);
	unit_kmem_put(&k, base + 60, 0x80, 4);
	unit_kmem_put(&k, base + 0x80, 0x4550, 4);
	unit_kmem_put(&k, base + 0x88, 0x60000000, 4);
	unit_kmem_put(&k, base + 0x94, 240, 2);
	unit_kmem_put(&k, base + 0x98, 0x20b, 2);
	unit_kmem_put(&k, base + 0x98 + 56, 0x2000, 4);
	unit_kmem_put(&k, base + 0x98 + 64, 0xabc, 4);
}

/* Four modules of three pages, of which the first has its header. */
static void make(bool wide)
{
	unit_kmem_init(&k, wide ? MK_MODE_AMD64 : MK_MODE_PAE);
	w = k.pointer_bytes;
	k.next = 0x100000;
	profile = (struct nt_profile){ .pointer_bytes = w };
	peb = unit_kmem_page(&k, 1);
	ldr = unit_kmem_page(&k, 1);
	entries = unit_kmem_page(&k, N);
	for (unsigned i = 0; i < N; i++) {
		unit_kmem_hole(&k);
		bases[i] = unit_kmem_page(&k, 3);
	}
	process = (struct nt_process){ .peb = VIRT(peb) };
	unit_kmem_put_ptr(&k, peb + off("_PEB.Ldr"), ldr);
	ck_assert_uint_eq(off("_PEB_LDR_DATA.InLoadOrderModuleList"),
			  head(0) - ldr);
	ck_assert_uint_eq(off("_PEB_LDR_DATA.InMemoryOrderModuleList"),
			  head(1) - ldr);
	put_list(0, 15);
	put_list(1, 15);
	put_list(2, 14);
	for (unsigned i = 0; i < N; i++)
		put_entry(i);
	put_pe(bases[0]);
	vads = g_array_new(FALSE, FALSE, sizeof(struct nt_vad));
}

static void add_vads(void)
{
	for (unsigned i = 0; i < N; i++)
		add_vad(bases[i], 0x3000, 2, false);
}

static void run(void)
{
	unit_kmem_ready(&k);
	nt_modules_read(&k.as, &profile, &process, vads, &found);
}

static const struct nt_module *module(unsigned i)
{
	ck_assert_uint_lt(i, found.modules->len);
	return &g_array_index(found.modules, struct nt_module, i);
}

static void teardown(void)
{
	nt_modules_clear(&found);
	g_clear_pointer(&vads, g_array_unref);
	unit_kmem_clear(&k);
}

START_TEST(whole_lists)
{
	make(_i);
	add_vads();
	run();
	ck_assert_uint_eq(found.ldr, NT_LDR_OK);
	ck_assert_uint_eq(found.ldr32, NT_LDR_NONE);
	ck_assert_uint_eq(found.modules->len, N);
	for (unsigned i = 0; i < N; i++) {
		ck_assert_uint_eq(module(i)->base, bases[i]);
		ck_assert_uint_eq(module(i)->size, 0x3000);
		ck_assert_uint_eq(module(i)->entry, bases[i] + 0x10);
		ck_assert_uint_eq(module(i)->from,
				  NT_MODULE_LDR | NT_MODULE_VAD);
		ck_assert_uint_eq(module(i)->marks, 0);
		ck_assert(module(i)->has_head == !i);
		ck_assert_uint_eq(module(i)->timestamp,
				  i ? 0x50000000 + i : 0x60000000);
		ck_assert_uint_eq(module(i)->checksum, i ? 0 : 0xabc);
	}
	ck_assert_str_eq(module(2)->name, "mod2.dll");
	ck_assert_str_eq(module(2)->path, "C:\\mod2.dll");
}
END_TEST

/* Module 1 is not in the list by load order, 2 not in that by address, 3 in
 * that of initialisation alone. */
START_TEST(unlinked)
{
	make(_i);
	put_list(0, 1 | 4);
	put_list(1, 1 | 2);
	run();
	ck_assert_uint_eq(found.ldr, NT_LDR_OK);
	ck_assert_uint_eq(found.modules->len, N);
	ck_assert_uint_eq(module(0)->marks, 0);
	ck_assert_uint_eq(module(1)->marks, NT_MODULE_UNLINKED);
	ck_assert_uint_eq(module(2)->marks, NT_MODULE_UNLINKED);
	ck_assert_uint_eq(module(3)->marks, NT_MODULE_UNLINKED);
}
END_TEST

/* In no list, but with a VAD; and a VAD too few. */
START_TEST(lists_against_vads)
{
	make(_i);
	put_list(0, 15 - 2);
	put_list(1, 15 - 2);
	put_list(2, 15 - 2);
	add_vad(bases[0], 0x2000, 2, false);
	add_vad(bases[1], 0x3000, 2, false);
	add_vad(bases[2], 0x3000, 2, false);
	run();
	ck_assert_uint_eq(found.modules->len, N);
	ck_assert_uint_eq(module(0)->size, 0x2000);
	ck_assert_uint_eq(module(1)->from, NT_MODULE_VAD);
	ck_assert_uint_eq(module(1)->marks, NT_MODULE_VAD_ONLY);
	ck_assert_uint_eq(module(1)->size, 0x3000);
	ck_assert_ptr_null(module(1)->name);
	ck_assert_uint_eq(module(3)->from, NT_MODULE_LDR);
	ck_assert_uint_eq(module(3)->marks, NT_MODULE_NO_VAD);
}
END_TEST

/* Where a list has a hole, it is read from behind, and nothing is said of what
 * was not found. */
START_TEST(a_hole_in_the_lists)
{
	make(_i);
	add_vads();
	mk_paging_poke(k.paging, entry(1), 1, 0);
	run();
	ck_assert_uint_eq(found.ldr, NT_LDR_CUT);
	ck_assert_uint_eq(found.modules->len, N);
	for (unsigned i = 0; i < N; i++)
		ck_assert_uint_eq(module(i)->marks, 0);
	ck_assert_uint_eq(module(0)->from, NT_MODULE_LDR | NT_MODULE_VAD);
	ck_assert_uint_eq(module(1)->from, NT_MODULE_VAD);
	ck_assert_uint_eq(module(3)->from, NT_MODULE_LDR | NT_MODULE_VAD);
}
END_TEST

START_TEST(rings_without_end)
{
	make(_i);
	for (unsigned list = 0; list < 3; list++) {
		uint64_t at = entry(3) + links_at(list);

		put_link(at, at, entry(1) + links_at(list));
		put_link(entry(1) + links_at(list), at,
			 entry(3) + links_at(list));
	}
	run();
	ck_assert_uint_eq(found.ldr, NT_LDR_CUT);
	ck_assert_uint_eq(found.modules->len, N - 1);
	ck_assert_uint_eq(module(N - 2)->base, bases[3]);
	ck_assert_uint_eq(module(N - 2)->marks, 0);
}
END_TEST

static const uint64_t wrong_links[] = { 0, 1, UINT64_C(0xfffffa8000000000),
					0x80000000, UINT64_MAX };

START_TEST(links_astray)
{
	make(_i & 1);
	unit_kmem_put_ptr(&k, entry(0), wrong_links[_i / 2]);
	unit_kmem_put_ptr(&k, head(0) + w, wrong_links[_i / 2]);
	run();
	ck_assert_uint_eq(found.ldr, NT_LDR_CUT);
	ck_assert_uint_eq(found.modules->len, N);
}
END_TEST

START_TEST(entries_that_make_no_sense)
{
	make(_i);
	add_vads();
	unit_kmem_put_ptr(&k, entry(1) + (w == 8 ? 0x30 : 0x18), 0);
	unit_kmem_put_ptr(&k, entry(2) + (w == 8 ? 0x30 : 0x18),
			  bases[2] + 1);
	unit_kmem_put(&k, entry(3) + (w == 8 ? 0x40 : 0x20), 0xffffffff, 4);
	unit_kmem_put(&k, entry(3) + (w == 8 ? 0x58 : 0x2c), 0xffffffff, 4);
	run();
	ck_assert_uint_eq(found.ldr, NT_LDR_CUT);
	ck_assert_uint_eq(found.modules->len, N);
	ck_assert_uint_eq(module(1)->from, NT_MODULE_VAD);
	ck_assert_uint_eq(module(2)->from, NT_MODULE_VAD);
	ck_assert_uint_eq(module(2)->marks, 0);
	ck_assert_uint_eq(module(3)->size, 0x3000);
	ck_assert_ptr_null(module(3)->name);
	ck_assert_str_eq(module(3)->path, "C:\\mod3.dll");
}
END_TEST

/* Views that are no images: one has a header, private memory too; the last has
 * none. */
START_TEST(mappings)
{
	uint64_t at;

	make(true);
	add_vads();
	at = unit_kmem_page(&k, 12);
	put_pe(at);
	put_pe(at + 0x4000);
	add_vad(at, 0x4000, 0, false);
	add_vad(at + 0x4000, 0x4000, 0, true);
	add_vad(at + 0x8000, 0x4000, 0, true);
	run();
	ck_assert_uint_eq(found.modules->len, N + 2);
	ck_assert_uint_eq(module(N)->from, NT_MODULE_MAPPING);
	ck_assert_uint_eq(module(N)->size, 0x4000);
	ck_assert_uint_eq(module(N)->marks, 0);
	ck_assert_uint_eq(module(N + 1)->from, NT_MODULE_MAPPING);
	ck_assert_uint_eq(module(N + 1)->size, 0x2000);
	ck_assert_uint_eq(module(N + 1)->marks, NT_MODULE_PRIVATE);
}
END_TEST

START_TEST(no_lists)
{
	static const enum nt_ldr_state states[] = {
		NT_LDR_NONE, NT_LDR_LOST, NT_LDR_EMPTY, NT_LDR_LOST,
		NT_LDR_LOST,
	};
	static const uint64_t ldrs[] = { 1, 1, 0, 0x7000, UINT64_MAX };

	make(true);
	add_vads();
	unit_kmem_put_ptr(&k, peb + 0x18, ldrs[_i]);
	if (_i < 2)
		process.peb = VIRT(_i ? 0x7000 : 0);
	run();
	ck_assert_uint_eq(found.ldr, states[_i]);
	ck_assert_uint_eq(found.modules->len, N);
	for (unsigned i = 0; i < N; i++) {
		ck_assert_uint_eq(module(i)->from, NT_MODULE_VAD);
		ck_assert_uint_eq(module(i)->marks, 0);
	}
}
END_TEST

/* The constants of the reader are those of all layouts. */
START_TEST(the_layouts_agree)
{
	static const struct {
		const char *path;
		uint32_t wide, narrow;
	} list[] = {
		{ "_PEB.Ldr", 0x18, 0xc },
		{ "_PEB_LDR_DATA.InLoadOrderModuleList", 0x10, 0xc },
		{ "_PEB_LDR_DATA.InMemoryOrderModuleList", 0x20, 0x14 },
		{ "_PEB_LDR_DATA.InInitializationOrderModuleList", 0x30,
		  0x1c },
		{ "_LDR_DATA_TABLE_ENTRY.InLoadOrderLinks", 0, 0 },
		{ "_LDR_DATA_TABLE_ENTRY.InMemoryOrderLinks", 0x10, 8 },
		{ "_LDR_DATA_TABLE_ENTRY.InInitializationOrderLinks", 0x20,
		  0x10 },
		{ "_LDR_DATA_TABLE_ENTRY.DllBase", 0x30, 0x18 },
		{ "_LDR_DATA_TABLE_ENTRY.EntryPoint", 0x38, 0x1c },
		{ "_LDR_DATA_TABLE_ENTRY.SizeOfImage", 0x40, 0x20 },
		{ "_LDR_DATA_TABLE_ENTRY.FullDllName", 0x48, 0x24 },
		{ "_LDR_DATA_TABLE_ENTRY.BaseDllName", 0x58, 0x2c },
		{ "_LDR_DATA_TABLE_ENTRY.TimeDateStamp", 0x80, 0x44 },
	};
	size_t n = 0;

	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *l = layouts_get(i);
		bool wide = layout_arch(l) == NT_ARCH_AMD64 ||
			    layout_arch(l) == NT_ARCH_ARM64;

		for (size_t j = 0; j < G_N_ELEMENTS(list); j++) {
			struct nt_field f;

			if (!layout_field(l, list[j].path, &f, NULL))
				continue;
			n++;
			ck_assert_msg(f.offset == (wide ? list[j].wide :
							  list[j].narrow),
				      "%s: %s", layout_id(l), list[j].path);
		}
	}
	ck_assert_uint_gt(n, 500);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt/ldr");
	TCase *lists = unit_case(suite, "lists");
	TCase *layouts = unit_case(suite, "layouts");

	tcase_add_checked_fixture(lists, NULL, teardown);
	tcase_add_loop_test(lists, whole_lists, 0, 2);
	tcase_add_loop_test(lists, unlinked, 0, 2);
	tcase_add_loop_test(lists, lists_against_vads, 0, 2);
	tcase_add_loop_test(lists, a_hole_in_the_lists, 0, 2);
	tcase_add_loop_test(lists, rings_without_end, 0, 2);
	tcase_add_loop_test(lists, links_astray, 0,
			    2 * (int)G_N_ELEMENTS(wrong_links));
	tcase_add_loop_test(lists, entries_that_make_no_sense, 0, 2);
	tcase_add_test(lists, mappings);
	tcase_add_loop_test(lists, no_lists, 0, 5);
	tcase_add_test(layouts, the_layouts_agree);
	return unit_main(suite);
}
