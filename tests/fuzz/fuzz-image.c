/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: bytes as an image file, by each format and by none. */
#include "config.h"

#include <elf.h>
#include <glib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "image/image.h"
#include "pmem/physmem.h"

static void check_runs(const Image *image, size_t size)
{
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < image_runs_count(image->runs); i++) {
		const struct image_run *run = image_runs_get(image->runs, i);

		MUST(run->len > 0);
		MUST(i == 0 || run->pa >= end);
		MUST(run->off <= size && run->len <= size - run->off);
		MUST(run->pa < PHYS_ADDR_END);
		MUST(run->len <= PHYS_ADDR_END - run->pa);
		end = run->pa + run->len;
		sum += run->len;
		MUST(image_runs_find(image->runs, run->pa) == run);
		MUST(image_runs_find(image->runs, end - 1) == run);
	}
	MUST(image_runs_end(image->runs) == end);
	MUST(image_runs_bytes(image->runs) == sum);
	MUST(image_runs_find(image->runs, end) == NULL);
}

/* The bytes at both ends of each run are those of the file. */
static void check_reads(const Image *image, const uint8_t *data)
{
	g_autoptr(PhysMem) pm = physmem_new(image);

	for (size_t i = 0; i < image_runs_count(image->runs); i++) {
		const struct image_run *run = image_runs_get(image->runs, i);
		uint64_t last = run->pa + run->len - 1;
		struct phys_slice s;
		uint8_t b;

		MUST(physmem_read(pm, PHYS(run->pa), &b, 1) == PHYS_OK);
		MUST(b == data[run->off]);
		MUST(physmem_read(pm, PHYS(last), &b, 1) == PHYS_OK);
		MUST(b == data[run->off + run->len - 1]);
		s = physmem_slice(pm, PHYS(run->pa), UINT64_MAX);
		MUST(s.present && s.len == run->len);
		MUST(physmem_has_page(pm, PHYS(last)));
		MUST(physmem_next_data(pm, run->pa) == run->pa);
	}
}

static void open_as(const uint8_t *data, size_t size, const char *format)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Log) log = log_new();
	g_autofree char *text = NULL;
	g_autoptr(Image) image = image_open_io(image_io_memory(data, size),
					       "fuzz", format, log, &error);

	MUST(!image == !!error);
	text = log_text(log);
	MUST(g_utf8_validate(text, -1, NULL));
	if (!image) {
		MUST(!strchr(error->message, '\n'));
		return;
	}
	MUST(image_runs_count(image->runs) > 0);
	MUST(image->cpus->len <= IMAGE_CPUS_MAX);
	check_runs(image, size);
	check_reads(image, data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_as(data, size, NULL);
	for (size_t i = 0; image_formats[i]; i++)
		open_as(data, size, image_formats[i]->name);
	return 0;
}

static void set_ident(unsigned char *ident, unsigned char class)
{
	memcpy(ident, ELFMAG, SELFMAG);
	ident[EI_CLASS] = class;
	ident[EI_DATA] = ELFDATA2LSB;
	ident[EI_VERSION] = EV_CURRENT;
}

/* Three segments and a note of one processor. */
static void seed64(uint8_t *b, bool xnum)
{
	Elf64_Ehdr h = { .e_type = ET_CORE, .e_machine = EM_X86_64,
			 .e_phoff = sizeof h,
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = xnum ? PN_XNUM : 4, .e_shoff = 0x180 };
	const Elf64_Phdr p[4] = {
		{ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 20 + 440 },
		{ .p_type = PT_LOAD, .p_offset = 0x400, .p_filesz = 0x100,
		  .p_memsz = 0x200 },
		{ .p_type = PT_LOAD, .p_offset = 0x500, .p_filesz = 0x100,
		  .p_paddr = 0x1000, .p_memsz = 0x100 },
		{ .p_type = PT_LOAD, .p_offset = 0x600, .p_filesz = 0x200,
		  .p_paddr = UINT64_C(0x100000000), .p_memsz = 0x200 },
	};
	const uint32_t note[5] = { 5, 440, 0, 0x554d4551, 0 };
	const uint32_t info = 4;

	set_ident(h.e_ident, ELFCLASS64);
	memcpy(b, &h, sizeof h);
	memcpy(b + sizeof h, p, sizeof p);
	memcpy(b + 0x180 + 44, &info, 4);
	memcpy(b + 0x200, note, sizeof note);
	b[0x200 + 20 + 0x188 + 25] = 0x10;
}

static void seed32(uint8_t *b)
{
	Elf32_Ehdr h = { .e_type = ET_CORE, .e_machine = EM_386,
			 .e_phoff = sizeof h, .e_phnum = 2,
			 .e_phentsize = sizeof(Elf32_Phdr) };
	const Elf32_Phdr p[2] = {
		{ .p_type = PT_LOAD, .p_offset = 0x400, .p_filesz = 0x200,
		  .p_vaddr = 0x1000, .p_memsz = 0x200 },
		{ .p_type = PT_LOAD, .p_offset = 0x600, .p_filesz = 0x200,
		  .p_vaddr = 0x5000, .p_memsz = 0x200 },
	};

	set_ident(h.e_ident, ELFCLASS32);
	memcpy(b, &h, sizeof h);
	memcpy(b + sizeof h, p, sizeof p);
}

void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	uint8_t b[0x2800] = { 0 };

	fn(ctx, b, 0x800);
	fn(ctx, b, 1);
	seed64(b, false);
	fn(ctx, b, 0x800);
	seed64(b, true);
	fn(ctx, b, 0x800);
	memset(b, 0, sizeof b);
	seed32(b);
	fn(ctx, b, 0x800);
	memset(b, 0, sizeof b);
	memcpy(b, "PAGEDU64", 8);
	fn(ctx, b, 64);
	/* A full dump of one page. */
	b[0x88] = b[0xa0] = b[0xf98] = 1;
	fn(ctx, b, sizeof b);
}
