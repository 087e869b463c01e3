/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ELF cores: QEMU dump-guest-memory, libvirt, VirtualBox, Xen (elf_xen.c), old
 * winpmem; ELF64 and ELF32.
 *
 * Each PT_LOAD is a run of physical memory: p_paddr, p_filesz, p_offset (ELF
 * specification, "Program Header"). What p_memsz has beyond p_filesz is not
 * in the file: it is not physical memory that we hold.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "image/elf_notes.h"
#include "image/elf_winpmem.h"
#include "image/elf_xen.h"
#include "image/formats.h"

enum {
	ELF_CLASS32 = 1,
	ELF_CLASS64 = 2,
	ELF_DATA_LE = 1,
	ELF_TYPE_CORE = 4,
	ELF_PT_LOAD = 1,
	ELF_PT_NOTE = 4,
	ELF_PN_XNUM = 0xffff,
	ELF_HEADER_MAX = 64,
	ELF_PHDR_MAX = 56,
	/* More segments than any writer makes; a header can claim 2^32. */
	ELF_SEGMENTS_MAX = 1 << 20,
};

struct elf_header {
	bool is64;
	uint8_t data;
	uint16_t type;
	uint16_t machine;
	uint64_t phoff;
	uint64_t shoff;
	uint16_t phentsize;
	uint64_t phnum;
	uint16_t shentsize;
	uint16_t shnum;
	uint16_t shstrndx;
};

struct elf_phdr {
	uint32_t type;
	uint64_t off;
	uint64_t va;
	uint64_t pa;
	uint64_t filesz;
	uint64_t memsz;
};

static bool read_header(const ImageIo *io, struct elf_header *h)
{
	uint8_t buf[ELF_HEADER_MAX] = { 0 };
	size_t len = (size_t)MIN(sizeof buf, image_io_size(io));
	struct reader r;

	if (!image_io_read(io, 0, buf, len))
		return false;
	reader_init(&r, buf, len);
	if (reader_u32(&r) != 0x464c457f) /* "\x7f" "ELF" */
		return false;
	h->is64 = reader_u8(&r) == ELF_CLASS64;
	h->data = reader_u8(&r);
	reader_seek(&r, 16);
	h->type = reader_u16(&r);
	h->machine = reader_u16(&r);
	reader_skip(&r, 4); /* e_version: VirtualBox leaves it 0 */
	(void)reader_word(&r, h->is64); /* e_entry */
	h->phoff = reader_word(&r, h->is64);
	h->shoff = reader_word(&r, h->is64);
	reader_skip(&r, 6); /* e_flags, e_ehsize */
	h->phentsize = reader_u16(&r);
	h->phnum = reader_u16(&r);
	h->shentsize = reader_u16(&r);
	h->shnum = reader_u16(&r);
	h->shstrndx = reader_u16(&r);
	return reader_ok(&r);
}

/* More than 0xfffe program headers: their number is sh_info of the first
 * section header (ELF specification, PN_XNUM). */
static bool read_xnum(const ImageIo *io, struct elf_header *h)
{
	uint8_t info[4];
	uint64_t off;

	if (h->phnum != ELF_PN_XNUM)
		return true;
	if (!h->shoff || !add_u64(h->shoff, h->is64 ? 44 : 28, &off) ||
	    !image_io_read(io, off, info, sizeof info))
		return false;
	h->phnum = load_le32(info);
	return true;
}

static enum image_probe elf_probe(const ImageIo *io)
{
	struct elf_header h;

	if (!read_header(io, &h) || h.type != ELF_TYPE_CORE)
		return IMAGE_NOT_MINE;
	return h.phnum || h.shnum ? IMAGE_MINE : IMAGE_DAMAGED;
}

static bool parse_phdr(const uint8_t *buf, size_t len, bool is64,
		       struct elf_phdr *ph)
{
	struct reader r;

	reader_init(&r, buf, len);
	ph->type = reader_u32(&r);
	if (is64)
		reader_skip(&r, 4); /* p_flags */
	ph->off = reader_word(&r, is64);
	ph->va = reader_word(&r, is64);
	ph->pa = reader_word(&r, is64);
	ph->filesz = reader_word(&r, is64);
	ph->memsz = reader_word(&r, is64);
	return reader_ok(&r);
}

static bool check_header(const struct elf_header *h, GError **error)
{
	const char *problem = NULL;

	if (h->data != ELF_DATA_LE)
		problem = "is big-endian; Windows memory is little-endian";
	else if (h->type != ELF_TYPE_CORE)
		problem = "is an ELF program or library, no core (ET_CORE)";
	else if (h->phnum && (h->phentsize < (h->is64 ? 56 : 32) ||
			      h->phentsize > 4096))
		problem = "has an impossible e_phentsize";
	if (problem)
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "%s (format=raw shows the bytes as they are)",
			    problem);
	return !problem;
}

struct elf_load {
	Image *image;
	Log *log;
	bool use_va;	   /* p_paddr is 0 everywhere: p_vaddr has it */
	uint64_t n_short;  /* segments with memsz > filesz */
	uint64_t n_notes;
};

static void add_segment(struct elf_load *load, const struct elf_phdr *ph)
{
	Image *image = load->image;

	if (ph->type == ELF_PT_LOAD) {
		load->n_short += ph->memsz > ph->filesz;
		image_runs_add(image->runs, load->use_va ? ph->va : ph->pa,
			       ph->filesz, ph->off, image_io_size(image->io));
	} else if (ph->type == ELF_PT_NOTE && load->n_notes++ < 16) {
		elf_notes_read(image, ph->off, ph->filesz);
	} else if (ph->type == ELF_PT_WINPMEM) {
		elf_winpmem_read(image, ph->off, ph->filesz);
	}
}

typedef void (*phdr_fn)(void *ctx, const struct elf_phdr *ph);

/* Calls fn for each program header that is in the file; returns how many. */
static uint64_t each_phdr(const Image *image, const struct elf_header *h,
			  phdr_fn fn, void *ctx)
{
	uint8_t buf[ELF_PHDR_MAX];
	size_t len = h->is64 ? 56 : 32;
	uint64_t i;

	for (i = 0; i < MIN(h->phnum, ELF_SEGMENTS_MAX); i++) {
		struct elf_phdr ph = { 0 };
		uint64_t off;

		/* i < 2^32 and phentsize <= 4096: the product fits. */
		if (!add_u64(h->phoff, i * h->phentsize, &off) ||
		    !image_io_read(image->io, off, buf, len) ||
		    !parse_phdr(buf, len, h->is64, &ph))
			break;
		fn(ctx, &ph);
	}
	return i;
}

static void segment_fn(void *ctx, const struct elf_phdr *ph)
{
	add_segment(ctx, ph);
}

struct elf_survey {
	uint64_t n_loads;
	uint64_t n_pa;	/* PT_LOADs with p_paddr != 0 */
	uint64_t n_va;
};

static void survey_fn(void *ctx, const struct elf_phdr *ph)
{
	struct elf_survey *survey = ctx;

	if (ph->type != ELF_PT_LOAD)
		return;
	survey->n_loads++;
	survey->n_pa += ph->pa != 0;
	survey->n_va += ph->va != 0;
}

/* Xen's cores have their memory in sections. */
static bool read_sections(Image *image, const struct elf_header *h, Log *log)
{
	const struct elf_sections sections = {
		.is64 = h->is64,
		.off = h->shoff,
		.entsize = h->shentsize,
		.n = h->shnum,
		.names = h->shstrndx,
	};

	return h->shoff && elf_xen_read(image, &sections, log);
}

static bool elf_open(Image *image, Log *log, GError **error)
{
	struct elf_load load = { .image = image, .log = log };
	struct elf_survey survey = { 0 };
	struct elf_header h = { 0 };
	uint64_t n;
	bool xen;

	if (!read_header(image->io, &h)) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "has no whole ELF header");
		return false;
	}
	if (!check_header(&h, error))
		return false;
	if (!read_xnum(image->io, &h))
		log_add(log, LOG_WARN, "elf",
			"the number of program headers (PN_XNUM) cannot be"
			" read from the first section header; 65535 taken");
	n = each_phdr(image, &h, survey_fn, &survey);
	if (n < h.phnum)
		log_add(log, LOG_WARN, "elf",
			"%" PRIu64 " of %" PRIu64 " program headers were left"
			" out: beyond the end of the file, or more than %d",
			h.phnum - n, h.phnum, ELF_SEGMENTS_MAX);
	load.use_va = survey.n_loads > 1 && !survey.n_pa && survey.n_va;
	if (load.use_va)
		log_add(log, LOG_WARN, "elf",
			"p_paddr is 0 in all segments; p_vaddr taken as"
			" physical address");
	each_phdr(image, &h, segment_fn, &load);
	if (load.n_short)
		log_add(log, LOG_WARN, "elf",
			"%" PRIu64 " segment(s) have more memory than the file"
			" holds (p_memsz > p_filesz); the rest counts as"
			" outside the image",
			load.n_short);
	xen = !survey.n_loads && read_sections(image, &h, log);
	image->detail = g_strdup_printf("ELF%d core%s, machine %u, %" PRIu64
					" program headers",
					h.is64 ? 64 : 32,
					xen ? " of Xen" : "", h.machine,
					h.phnum);
	return true;
}

const struct ImageOps image_elf_ops = {
	.name = "elf",
	.description = "ELF core",
	.probe = elf_probe,
	.open = elf_open,
};
