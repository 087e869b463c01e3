/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the data base of Windows kernel layouts: well-known facts by name,
 * and that the tables agree with each other. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "nt/layouts.h"

/* An offset that no member has. */
#define UNTOUCHED 0xdeadbeef

static const struct nt_layout *get(const char *id)
{
	const struct nt_layout *layout = layouts_find(id);

	ck_assert_msg(layout != NULL, "no layout %s", id);
	return layout;
}

static const struct nt_kernel *get_kernel(const char *guid, uint32_t age)
{
	const struct nt_kernel *kernel = kernels_find(guid, age);

	ck_assert_msg(kernel != NULL, "no kernel %s", guid);
	return kernel;
}

/* The offset of a whole member of a complete layout. */
static uint32_t offset(const char *id, const char *path)
{
	struct nt_field field = { .offset = UNTOUCHED };
	bool guessed = true;

	ck_assert_msg(layout_field(get(id), path, &field, &guessed),
		      "%s: no %s", id, path);
	ck_assert_uint_eq(field.bit_len, 0);
	ck_assert_uint_eq(field.bit_pos, 0);
	ck_assert(!guessed);
	return field.offset;
}

static void assert_bits(const char *id, const char *path, uint32_t at,
			unsigned int pos, unsigned int len)
{
	struct nt_field field;

	ck_assert_msg(layout_field(get(id), path, &field, NULL),
		      "%s: no %s", id, path);
	ck_assert_uint_eq(field.offset, at);
	ck_assert_uint_eq(field.bit_pos, pos);
	ck_assert_uint_eq(field.bit_len, len);
}

static void assert_absent(const char *id, const char *path)
{
	struct nt_field field = { UNTOUCHED, 77, 99 };
	bool guessed = true;

	ck_assert_msg(!layout_field(get(id), path, &field, &guessed),
		      "%s has %s", id, path);
	ck_assert_uint_eq(field.offset, UNTOUCHED);
	ck_assert_uint_eq(field.bit_pos, 77);
	ck_assert_uint_eq(field.bit_len, 99);
	ck_assert(guessed);
}

/* The offset of a member, and whether it came from a fallback. */
static uint32_t guess(const char *id, const char *path, bool *guessed)
{
	struct nt_field field = { .offset = UNTOUCHED };

	ck_assert_msg(layout_field(get(id), path, &field, guessed),
		      "%s: no %s", id, path);
	return field.offset;
}

static const char *best(enum nt_arch arch, uint32_t build, bool la57)
{
	const struct nt_layout *layout = NULL;

	if (layouts_by_build(arch, build, la57, &layout, 1) == 0)
		return "";
	return layout_id(layout);
}

START_TEST(test_members)
{
	ck_assert_uint_eq(offset("amd64-10.0.19041-b",
				 "_EPROCESS.UniqueProcessId"), 0x440);
	ck_assert_uint_eq(offset("amd64-10.0.19041-b",
				 "_EPROCESS.ActiveProcessLinks"), 0x448);
	ck_assert_uint_eq(offset("amd64-6.1.7600",
				 "_EPROCESS.UniqueProcessId"), 0x180);
	ck_assert_uint_eq(offset("amd64-6.1.7600",
				 "_EPROCESS.ImageFileName"), 0x2e0);
	ck_assert_uint_eq(offset("x86-5.1.2600",
				 "_EPROCESS.UniqueProcessId"), 0x84);
	ck_assert_uint_eq(offset("x86-5.1.2600",
				 "_KPROCESS.DirectoryTableBase"), 0x18);
	ck_assert_uint_eq(offset("x86-6.1.7601",
				 "_EPROCESS.ActiveProcessLinks"), 0xb8);
	ck_assert_uint_eq(offset("amd64-10.0.22621",
				 "_KPROCESS.DirectoryTableBase"), 0x28);
	ck_assert_uint_eq(offset("amd64-10.0.26100",
				 "_EPROCESS.ActiveProcessLinks"), 0x1d8);
}
END_TEST

START_TEST(test_bit_fields)
{
	/* plain, then with the swizzle bit */
	assert_bits("amd64-6.1.7600", "_MMPTE_SOFTWARE.PageFileLow", 0, 1, 4);
	assert_bits("amd64-6.1.7600", "_MMPTE_SOFTWARE.Protection", 0, 5, 5);
	assert_bits("amd64-6.1.7600", "_MMPTE_SOFTWARE.PageFileHigh", 0, 32,
		    32);
	assert_absent("amd64-6.1.7600", "_MMPTE_SOFTWARE.SwizzleBit");
	assert_bits("amd64-10.0.19041-b", "_MMPTE_SOFTWARE.SwizzleBit", 0, 4,
		    1);
	assert_bits("amd64-10.0.19041-b", "_MMPTE_SOFTWARE.PageFileLow", 0, 12,
		    4);
	assert_bits("amd64-10.0.19041-b", "_MMPTE_SOFTWARE.Prototype", 0, 10,
		    1);
	assert_bits("amd64-10.0.19041-b", "_MMPTE_SOFTWARE.Transition", 0, 11,
		    1);
	assert_bits("x86-5.1.2600", "_MMPTE_SOFTWARE.PageFileHigh", 0, 12, 20);
	/* what moved within one build */
	assert_bits("amd64-10.0.19041-a", "_MMPFN.u4.PfnExists", 0x28, 51, 1);
	assert_bits("amd64-10.0.19041-b", "_MMPFN.u4.PfnExists", 0x28, 50, 1);
	assert_bits("amd64-10.0.19041-b", "_HANDLE_TABLE_ENTRY."
		    "ObjectPointerBits", 0, 20, 44);
}
END_TEST

START_TEST(test_absent)
{
	struct nt_field field = { UNTOUCHED, 0, 0 };
	uint32_t size = UNTOUCHED;

	assert_absent("amd64-10.0.19041-b", "_EPROCESS.NoSuchMember");
	assert_absent("amd64-10.0.19041-b", "_EPROCESS");
	assert_absent("amd64-10.0.19041-b", "");
	assert_absent("amd64-10.0.19041-b", "~");
	/* known by name, but not there */
	assert_absent("x86-5.1.2600", "_EPROCESS.Protection");
	assert_absent("amd64-10.0.19041-b", "_EPROCESS.UniqueProcessId ");
	ck_assert(!layout_field(get("x86-5.1.2600"), "_EPROCESS.Protection",
				&field, NULL));
	ck_assert_uint_eq(field.offset, UNTOUCHED);
	ck_assert(!layout_size(get("x86-5.1.2600"), "_NO_SUCH_TYPE", &size));
	ck_assert(!layout_size(get("x86-5.1.2600"), "_RTL_AVL_TREE", &size));
	ck_assert_uint_eq(size, UNTOUCHED);
	ck_assert(!layout_type(get("x86-5.1.2600"), "_EPROCESS.NoSuchMember"));
	ck_assert(layouts_find("amd64-10.0.19041") == NULL);
	ck_assert(layouts_find("") == NULL);
	ck_assert(layouts_get(layouts_count()) == NULL);
	ck_assert(kernels_get(kernels_count()) == NULL);
}
END_TEST

START_TEST(test_fallbacks)
{
	bool guessed = true;

	/* one's own */
	ck_assert_uint_eq(guess("amd64-10.0.26100", "_EPROCESS.Peb",
				&guessed), 0x2e0);
	ck_assert(!guessed);
	/* 26100 has no handle table, 22621 has */
	ck_assert_uint_eq(guess("amd64-10.0.26100", "_HANDLE_TABLE.TableCode",
				&guessed),
			  offset("amd64-10.0.22621",
				 "_HANDLE_TABLE.TableCode"));
	ck_assert(guessed);
	/* three steps: la57 28000, 28000, 26100, 22621 */
	guessed = false;
	ck_assert_uint_eq(guess("amd64la57-10.0.28000",
				"_HANDLE_TABLE.TableCode", &guessed),
			  offset("amd64-10.0.22621",
				 "_HANDLE_TABLE.TableCode"));
	ck_assert(guessed);
	/* no guess is made of what a complete layout lacks */
	guess("amd64-10.0.22621", "_HANDLE_TABLE.TableCode", &guessed);
	ck_assert(!guessed);
	assert_absent("amd64la57-10.0.28000", "_EPROCESS.NoSuchMember");
	/* no fallback at all */
	assert_absent("arm64-10.0.16299", "_EPROCESS.UniqueProcessId");
}
END_TEST

START_TEST(test_la57)
{
	const struct nt_layout *layout = get("amd64la57-10.0.22621");

	ck_assert(layout_la57(layout));
	ck_assert(!layout_la57(get("amd64-10.0.22621")));
	ck_assert(!layout_complete(layout));
	ck_assert_int_eq(layout_arch(layout), NT_ARCH_AMD64);
	ck_assert_uint_eq(layout_build(layout), 22621);
	assert_bits("amd64la57-10.0.22621",
		    "_HANDLE_TABLE_ENTRY.ObjectPointerBits", 0, 11, 53);
	assert_bits("amd64la57-10.0.22621",
		    "_HANDLE_TABLE_ENTRY.Attributes", 0, 8, 3);
	ck_assert_str_eq(best(NT_ARCH_AMD64, 22631, true),
			 "amd64la57-10.0.22621");
	ck_assert_str_eq(best(NT_ARCH_AMD64, 19041, true), "");
}
END_TEST

/* PAE kernels of which there is no dump: PTEs of another, the rest of the
 * kernel without PAE. */
START_TEST(test_derived_pae)
{
	bool guessed = false;

	assert_bits("x86pae-6.0.6001", "_MMPTE_SOFTWARE.PageFileHigh", 0, 32,
		    32);
	assert_bits("x86pae-6.0.6001", "_MMPFN.u4.PteFrame", 0x18, 0, 25);
	assert_absent("x86pae-6.0.6001", "_MMPTE_PROTOTYPE.ProtoAddressLow");
	ck_assert_uint_eq(guess("x86pae-6.0.6001",
				"_EPROCESS.UniqueProcessId", &guessed),
			  offset("x86-6.0.6001", "_EPROCESS.UniqueProcessId"));
	ck_assert(guessed);
	ck_assert_str_eq(best(NT_ARCH_X86PAE, 6002, false), "x86pae-6.0.6001");
	ck_assert_str_eq(best(NT_ARCH_X86PAE, 3790, false),
			 "x86pae-5.2.3790-b");
}
END_TEST

START_TEST(test_sizes_types)
{
	uint32_t size = 0;

	ck_assert(layout_size(get("amd64-10.0.19041-b"), "_EPROCESS", &size));
	ck_assert_uint_eq(size, 0xa40);
	ck_assert(layout_size(get("x86pae-6.1.7601"), "_MMPTE", &size));
	ck_assert_uint_eq(size, 8);
	/* grew from 2944: the largest */
	ck_assert(layout_size(get("amd64-10.0.20348"), "_EPROCESS", &size));
	ck_assert_uint_eq(size, 3008);
	/* by way of the fallback */
	ck_assert(layout_size(get("amd64la57-10.0.22621"), "_HANDLE_TABLE",
			      &size));
	ck_assert_uint_eq(size, 0x80);
	ck_assert_str_eq(layout_type(get("amd64-6.1.7600"),
				     "_EPROCESS.VadRoot"), "_MM_AVL_TABLE");
	ck_assert_str_eq(layout_type(get("amd64-10.0.19041-b"),
				     "_EPROCESS.VadRoot"), "_RTL_AVL_TREE");
	ck_assert_str_eq(layout_type(get("amd64la57-10.0.22000"),
				     "_EPROCESS.VadRoot"), "_RTL_AVL_TREE");
	ck_assert(layout_type(get("amd64-6.1.7600"), "_EPROCESS.Peb") == NULL);
}
END_TEST

START_TEST(test_builds)
{
	const struct nt_layout *ret[4] = { NULL };

	ck_assert_str_eq(best(NT_ARCH_AMD64, 19041, false),
			 "amd64-10.0.19041-b");
	for (uint32_t build = 19042; build <= 19045; build++)
		ck_assert_str_eq(best(NT_ARCH_AMD64, build, false),
				 "amd64-10.0.19041-b");
	ck_assert_str_eq(best(NT_ARCH_X86PAE, 19045, false),
			 "x86pae-10.0.19041-b");
	ck_assert_str_eq(best(NT_ARCH_AMD64, 18363, false),
			 "amd64-10.0.18362");
	ck_assert_str_eq(best(NT_ARCH_AMD64, 22631, false),
			 "amd64-10.0.22621");
	ck_assert_str_eq(best(NT_ARCH_AMD64, 26200, false),
			 "amd64-10.0.26100");
	ck_assert_str_eq(best(NT_ARCH_ARM64, 22000, false),
			 "arm64-10.0.19041");
	ck_assert_str_eq(best(NT_ARCH_X86, 6002, false), "x86-6.0.6001");
	ck_assert_str_eq(best(NT_ARCH_X86, 3790, false), "x86-5.2.3790-b");
	ck_assert_str_eq(best(NT_ARCH_X86, 19041, false), "");
	ck_assert_str_eq(best(NT_ARCH_AMD64, 0, false), "");
	/* tells how many there are, fills no more than asked */
	ck_assert_uint_eq(layouts_by_build(NT_ARCH_AMD64, 7601, false, NULL,
					   0), 4);
	ck_assert_uint_eq(layouts_by_build(NT_ARCH_AMD64, 7601, false, ret,
					   2), 4);
	ck_assert_str_eq(layout_id(ret[0]), "amd64-6.1.7600");
	ck_assert_str_eq(layout_id(ret[1]), "amd64-6.1.7601-d");
	ck_assert(ret[2] == NULL);
}
END_TEST

START_TEST(test_kernels)
{
	const struct nt_kernel *kernel;
	uint32_t rva = UNTOUCHED;

	kernel = get_kernel("339E74133576439CBCDF7E0229DA3773", 1);
	ck_assert_str_eq(kernel_guid(kernel),
			 "339E74133576439CBCDF7E0229DA3773");
	ck_assert_uint_eq(kernel_age(kernel), 1);
	ck_assert_str_eq(kernel_pdb(kernel), "ntkrnlmp.pdb");
	ck_assert_str_eq(kernel_version(kernel), "6.1.7601.24540");
	ck_assert_str_eq(layout_id(kernel_layout(kernel)), "amd64-6.1.7601-d");
	ck_assert(kernel_symbol(kernel, "PsActiveProcessHead", &rva));
	ck_assert_uint_eq(rva, 0x21b940);
	ck_assert(kernel_symbol(kernel, "KdDebuggerDataBlock", &rva));
	ck_assert_uint_eq(rva, 0x1e2130);
	rva = UNTOUCHED;
	ck_assert(!kernel_symbol(kernel, "ObHeaderCookie", &rva));
	ck_assert(!kernel_symbol(kernel, "NoSuchSymbol", &rva));
	ck_assert_uint_eq(rva, UNTOUCHED);
	/* a table of a single symbol */
	kernel = get_kernel("ECE191A20CFF4465AE46DF96C2263845", 1);
	ck_assert(kernel_symbol(kernel, "MmPhysicalMemoryBlock", &rva));
	ck_assert_uint_eq(rva, 0x29d038);
	ck_assert(!kernel_symbol(kernel, "PsActiveProcessHead", &rva));

	ck_assert(!kernels_find("339E74133576439CBCDF7E0229DA3773", 2));
	ck_assert(!kernels_find("00000000000000000000000000000000", 1));
	ck_assert(!kernels_find("", 1));
}
END_TEST

START_TEST(test_images)
{
	const struct nt_image *image = images_find(0x559f3c1a, 0x852000);

	ck_assert(image != NULL);
	ck_assert_int_eq(image->arch, NT_ARCH_AMD64);
	ck_assert_uint_eq(image->timestamp, 0x559f3c1a);
	ck_assert_uint_eq(image->size, 0x852000);
	ck_assert_str_eq(image->version, "10.0.10240.16384");
	ck_assert_str_eq(layout_id(image->layout), "amd64-10.0.10240-a");
	ck_assert_int_eq(image->doubt, '\0');
	/* the next update: only its software PTEs are in doubt */
	image = images_find(0x55a9d114, 0x852000);
	ck_assert(image != NULL);
	ck_assert_str_eq(layout_id(image->layout), "amd64-10.0.10240-a");
	ck_assert_int_eq(image->doubt, '~');
	/* an insider build */
	image = images_find(0x54be00cf, 0x80b000);
	ck_assert(image != NULL);
	ck_assert_str_eq(image->version, "10.0.9926.0");
	ck_assert(image->layout == NULL);
	/* two revisions, one key */
	image = images_find(0x7a5ef578, 0x1047000);
	ck_assert(image != NULL);
	ck_assert_str_eq(image->version, "10.0.22621.1483");

	ck_assert(images_find(0x559f3c1a, 0x853000) == NULL);
	ck_assert(images_find(0, 0) == NULL);
	ck_assert_uint_gt(images_count(), 3000);
}
END_TEST

START_TEST(test_kdbg)
{
	uint32_t at = UNTOUCHED;

	ck_assert(!kdbg_field("NoSuchMember", &at));
	ck_assert_uint_eq(at, UNTOUCHED);
	ck_assert(kdbg_field("Header.OwnerTag", &at));
	ck_assert_uint_eq(at, 0x10);
	ck_assert(kdbg_field("KernBase", &at));
	ck_assert_uint_eq(at, 0x18);
	ck_assert(kdbg_field("PsLoadedModuleList", &at));
	ck_assert_uint_eq(at, 0x48);
	ck_assert(kdbg_field("PsActiveProcessHead", &at));
	ck_assert_uint_eq(at, 0x50);
	ck_assert(kdbg_field("MmPfnDatabase", &at));
	ck_assert_uint_eq(at, 0xc0);
}
END_TEST

/* Each layout is found by its id and by its build. */
START_TEST(test_all_layouts)
{
	const struct nt_layout *ret[8] = { NULL };

	ck_assert_uint_ge(layouts_count(), 62);
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);
		bool found = false;
		size_t n;

		ck_assert(layouts_find(layout_id(layout)) == layout);
		ck_assert_uint_gt(strlen(layout_os(layout)), 0);
		ck_assert(strstr(layout_id(layout), layout_version(layout)));
		n = layouts_by_build(layout_arch(layout), layout_build(layout),
				     layout_la57(layout), ret, 8);
		ck_assert_uint_le(n, 8);
		for (size_t k = 0; k < n; k++)
			found |= ret[k] == layout;
		ck_assert_msg(found, "%s", layout_id(layout));
	}
}
END_TEST

static void assert_member(const struct nt_layout *layout, const char *type,
			  const char *path)
{
	struct nt_field field;
	uint32_t size;
	bool guessed = false;

	ck_assert_msg(layout_field(layout, path, &field, &guessed),
		      "%s: no %s", layout_id(layout), path);
	ck_assert(!guessed || !layout_complete(layout));
	ck_assert_msg(layout_size(layout, type, &size),
		      "%s: no size of %s", layout_id(layout), type);
	ck_assert_uint_lt(field.offset, size);
}

/* What all readers need is there, by fallback or not, and within its
 * structure; arm64 layouts have no fallback and only some members. */
START_TEST(test_all_members)
{
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);

		if (layout_arch(layout) == NT_ARCH_ARM64)
			continue;
		assert_member(layout, "_EPROCESS", "_EPROCESS.UniqueProcessId");
		assert_member(layout, "_EPROCESS",
			      "_EPROCESS.ActiveProcessLinks");
		assert_member(layout, "_EPROCESS", "_EPROCESS.ImageFileName");
		assert_member(layout, "_EPROCESS", "_EPROCESS.Peb");
		assert_member(layout, "_EPROCESS", "_EPROCESS.VadRoot");
		assert_member(layout, "_KPROCESS",
			      "_KPROCESS.DirectoryTableBase");
		assert_member(layout, "_ETHREAD", "_ETHREAD.Cid");
		assert_member(layout, "_MMPTE", "_MMPTE_SOFTWARE.Protection");
		ck_assert_ptr_nonnull(layout_type(layout,
						  "_EPROCESS.VadRoot"));
	}
}
END_TEST

START_TEST(test_all_kernels)
{
	for (size_t i = 0; i < kernels_count(); i++) {
		const struct nt_kernel *kernel = kernels_get(i);
		uint32_t rva = 0;

		ck_assert(kernels_find(kernel_guid(kernel),
				       kernel_age(kernel)) == kernel);
		ck_assert_uint_eq(strlen(kernel_guid(kernel)), 32);
		ck_assert_ptr_nonnull(kernel_layout(kernel));
		ck_assert_ptr_nonnull(strstr(kernel_pdb(kernel), ".pdb"));
		/* the one symbol that all tables have */
		ck_assert(kernel_symbol(kernel, "MmPhysicalMemoryBlock",
					&rva));
		ck_assert_uint_gt(rva, 0x1000);
	}
}
END_TEST

static Suite *layouts_suite(void)
{
	Suite *suite = suite_create("nt-layouts");
	TCase *facts = tcase_create("facts");
	TCase *all = tcase_create("all");

	tcase_add_test(facts, test_members);
	tcase_add_test(facts, test_bit_fields);
	tcase_add_test(facts, test_absent);
	tcase_add_test(facts, test_fallbacks);
	tcase_add_test(facts, test_la57);
	tcase_add_test(facts, test_derived_pae);
	tcase_add_test(facts, test_sizes_types);
	tcase_add_test(facts, test_builds);
	tcase_add_test(facts, test_kernels);
	tcase_add_test(facts, test_images);
	tcase_add_test(facts, test_kdbg);
	suite_add_tcase(suite, facts);
	tcase_add_test(all, test_all_layouts);
	tcase_add_test(all, test_all_members);
	tcase_add_test(all, test_all_kernels);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(layouts_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
