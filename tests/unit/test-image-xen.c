/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of Xen's cores, and of what old winpmem says in a core. */
#include "config.h"

#include "unit/unit.h"

#include <elf.h>
#include <string.h>

#include "image/formats.h"
#include "pmem/physmem.h"

#define PAGE 4096u
#define NAMES 0x400u
#define INDEX 0x800u
#define STATUS 0x1000u
#define PAGES 0x4000u
#define N_PAGES 6u
#define LEN (PAGES + N_PAGES * PAGE)

enum { S_NONE, S_NAMES, S_PAGES, S_INDEX, S_STATUS, N_SECTIONS };

struct core {
	uint8_t bytes[LEN];
	Elf64_Shdr sections[N_SECTIONS];
};

static const uint64_t pfns[N_PAGES] = { 0x10, 0x11, UINT64_MAX, 0x12, 5,
					UINT32_MAX };

static struct core *make_core(bool p2m)
{
	static const char names[] = "\0.xen_pages\0.xen_pfn\0.xen_p2m\0"
				    ".xen_prstatus\0.shstrtab";
	struct core *c = g_new0(struct core, 1);
	Elf64_Ehdr head = { .e_type = ET_CORE, .e_shoff = 0x100,
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = N_SECTIONS, .e_shstrndx = S_NAMES };
	size_t entry = p2m ? 16 : 8;
	uint64_t cr3 = 0x1ad000;

	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(c->bytes, &head, sizeof head);
	memcpy(c->bytes + NAMES, names, sizeof names);
	c->sections[S_NAMES] = (Elf64_Shdr){ .sh_name = 44, .sh_offset = NAMES,
					     .sh_size = sizeof names };
	c->sections[S_PAGES] = (Elf64_Shdr){ .sh_name = 1, .sh_offset = PAGES,
					     .sh_size = N_PAGES * PAGE };
	c->sections[S_INDEX] = (Elf64_Shdr){ .sh_name = p2m ? 21 : 12,
					     .sh_offset = INDEX,
					     .sh_size = N_PAGES * entry };
	c->sections[S_STATUS] = (Elf64_Shdr){ .sh_name = 30,
					      .sh_offset = STATUS,
					      .sh_size = 2 * 5168 };
	for (unsigned i = 0; i < N_PAGES; i++) {
		memcpy(c->bytes + INDEX + i * entry, &pfns[i], 8);
		memset(c->bytes + PAGES + i * PAGE, 0x60 + (int)i, PAGE);
	}
	memcpy(c->bytes + STATUS + 5168 + 5008, &cr3, sizeof cr3);
	return c;
}

static Image *open_core(struct core *c, size_t len, Log *log)
{
	memcpy(c->bytes + 0x100, c->sections, sizeof c->sections);
	return image_open_io(image_io_memory(c->bytes, len), NULL, NULL, log,
			     NULL);
}

static int byte_at(const Image *image, uint64_t pa)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	uint8_t byte;

	return physmem_read(pm, PHYS(pa), &byte, 1) == PHYS_OK ? byte : -1;
}

START_TEST(test_healthy)
{
	for (int p2m = 0; p2m < 2; p2m++) {
		g_autofree struct core *c = make_core(p2m);
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = open_core(c, LEN, log);

		ck_assert_ptr_nonnull(image);
		ck_assert_str_eq(image->ops->name, "elf");
		ck_assert_ptr_nonnull(strstr(image->detail, "Xen"));
		ck_assert_uint_eq(image_runs_bytes(image->runs), 4 * PAGE);
		ck_assert_int_eq(byte_at(image, 0x10000), 0x60);
		ck_assert_int_eq(byte_at(image, 0x11000), 0x61);
		ck_assert_int_eq(byte_at(image, 0x12000), 0x63);
		ck_assert_int_eq(byte_at(image, 0x5000), 0x64);
		ck_assert_int_eq(byte_at(image, 0x13000), -1);
		ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
		ck_assert_uint_eq(image->cpus->len, 1);
		ck_assert_uint_eq(g_array_index(image->cpus, struct image_cpu,
						0).cr3, 0x1ad000);
	}
}
END_TEST

/* Cut: the pages that are left, and it is said. */
START_TEST(test_cut)
{
	for (unsigned n = 1; n < N_PAGES; n++) {
		g_autofree struct core *c = make_core(false);
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image =
			open_core(c, PAGES + n * PAGE + 100, log);

		ck_assert_ptr_nonnull(image);
		ck_assert_int_eq(byte_at(image, 0x10000), 0x60);
		ck_assert_int_eq(byte_at(image, 0x12000), n > 3 ? 0x63 : -1);
		ck_assert_uint_gt(log_count(log, LOG_WARN), 0);
	}
}
END_TEST

/* Any number in any field of a section: it ends, and shows no more than the
 * file has. */
START_TEST(test_hostile)
{
	static const uint64_t numbers[] = { 0, 1, 7, UINT32_MAX,
					    UINT64_C(1) << 60, UINT64_MAX - 7,
					    UINT64_MAX };

	for (unsigned i = 0; i < N_SECTIONS * 3; i++) {
		for (size_t k = 0; k < G_N_ELEMENTS(numbers); k++) {
			g_autofree struct core *c = make_core(i % 2);
			Elf64_Shdr *s = &c->sections[i / 3];
			g_autoptr(Image) image = NULL;

			if (i % 3 == 0)
				s->sh_offset = numbers[k];
			else if (i % 3 == 1)
				s->sh_size = numbers[k];
			else
				s->sh_name = (Elf64_Word)numbers[k];
			image = open_core(c, LEN, NULL);
			if (image)
				ck_assert_uint_le(
					image_runs_bytes(image->runs), LEN);
		}
	}
}
END_TEST

/* Headers of sections that cannot be. */
START_TEST(test_hostile_head)
{
	static const struct {
		size_t at;
		uint16_t value;
	} cases[] = { { 58, 0 }, { 58, 63 }, { 58, UINT16_MAX }, { 60, 0 },
		      { 60, 1 }, { 62, UINT16_MAX }, { 62, S_NONE } };

	for (size_t k = 0; k < G_N_ELEMENTS(cases); k++) {
		g_autofree struct core *c = make_core(false);
		g_autoptr(Image) image = NULL;

		memcpy(c->bytes + cases[k].at, &cases[k].value, 2);
		image = open_core(c, LEN, NULL);
		ck_assert_ptr_null(image);
	}
}
END_TEST

START_TEST(test_winpmem)
{
	static const char text[] = "# PMEM\n---\nCR3: 0x1ad000\nNBuild: 1\n"
				   "KernBase: 0xfffff80001000000\n...\n"
				   "CR3: 0x5000\n";
	g_autofree uint8_t *b = g_malloc0(0x3000);
	g_autoptr(Image) image = NULL;
	Elf64_Ehdr head = { .e_type = ET_CORE, .e_phoff = 64, .e_phnum = 2,
			    .e_phentsize = sizeof(Elf64_Phdr) };
	const Elf64_Phdr phdrs[] = {
		{ .p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = 0x1000,
		  .p_filesz = 0x1000, .p_memsz = 0x1000 },
		{ .p_type = 0x6d656d70, .p_offset = 0x2000,
		  .p_filesz = UINT64_MAX },
	};

	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(b, &head, sizeof head);
	memcpy(b + 64, phdrs, sizeof phdrs);
	memcpy(b + 0x2000, text, sizeof text);
	image = image_open_io(image_io_memory(b, 0x3000), NULL, NULL, NULL,
			      NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image->facts.dtb, 0x1ad000);
	ck_assert_uint_eq(image->facts.kernel_base,
			  UINT64_C(0xfffff80001000000));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-xen");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_healthy);
	tcase_add_test(tcase, test_cut);
	tcase_add_test(tcase, test_hostile);
	tcase_add_test(tcase, test_hostile_head);
	tcase_add_test(tcase, test_winpmem);
	return unit_main(suite);
}
