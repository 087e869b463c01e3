/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: bytes as an image file, by each format and by none. */
#include "config.h"

#include <elf.h>
#include <glib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "image/image.h"
#include "pmem/physmem.h"

static void check_runs(const Image *image)
{
	const uint64_t size = image_io_size(image_data(image));
	uint64_t end = 0, sum = 0, n = 0;
	struct image_run run, piece;

	for (; n < 5000 && image_runs_next(image->runs, end, &run); n++) {
		MUST(run.len > 0);
		MUST(n == 0 || run.pa >= end);
		MUST(run.off <= size && run.len <= size - run.off);
		MUST(run.pa < PHYS_ADDR_END);
		MUST(run.len <= PHYS_ADDR_END - run.pa);
		end = run.pa + run.len;
		sum += run.len;
		MUST(image_runs_find(image->runs, run.pa, &piece));
		MUST(piece.pa == run.pa && piece.off == run.off);
		MUST(image_runs_find(image->runs, end - 1, &piece));
		MUST(piece.pa + piece.len == end);
	}
	if (n == 5000)
		return;
	MUST(image_runs_count(image->runs) == n);
	MUST(image_runs_end(image->runs) == end);
	MUST(image_runs_bytes(image->runs) == sum);
	MUST(!image_runs_find(image->runs, end, &run));
}

/* A byte of a run: of the file where it is there as it is, else it can be
 * made or not, but always alike. */
static void check_byte(const PhysMem *pm, const Image *image, uint64_t pa,
		       uint64_t off)
{
	const uint8_t *map = image_io_map(image_data(image));
	enum phys_status status;
	uint8_t a = 0, b = 0;

	status = physmem_read(pm, PHYS(pa), &a, 1);
	if (map)
		MUST(status == PHYS_OK && a == map[off]);
	MUST(physmem_read(pm, PHYS(pa), &b, 1) == status);
	MUST(status != PHYS_OK || a == b);
}

/* The bytes at both ends of the first runs. */
static void check_reads(const Image *image)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	struct image_run run;
	uint64_t end = 0;

	for (unsigned i = 0; i < 200; i++) {
		struct phys_slice s;

		if (!image_runs_next(image->runs, end, &run))
			return;
		end = run.pa + run.len;
		check_byte(pm, image, run.pa, run.off);
		check_byte(pm, image, end - 1, run.off + run.len - 1);
		s = physmem_slice(pm, PHYS(run.pa), UINT64_MAX);
		MUST(s.present && s.len <= run.len);
		MUST(physmem_has_page(pm, PHYS(end - 1)));
	}
}

static void open_as(const uint8_t *data, size_t size, const char *format)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Log) log = log_new();
	g_autofree char *text = NULL;
	g_autoptr(Image) image = image_open_io(image_io_memory(data, size),
					       "fuzz", IMAGE_FORMAT(format),
					       log, &error);

	MUST(!image == !!error);
	text = log_text(log);
	MUST(g_utf8_validate(text, -1, NULL));
	if (!image) {
		MUST(!strchr(error->message, '\n'));
		return;
	}
	MUST(image_runs_count(image->runs) > 0 || image->triage);
	MUST(image->cpus->len <= IMAGE_CPUS_MAX);
	check_runs(image);
	check_reads(image);
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
