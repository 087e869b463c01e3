/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows full crash dumps, 32 and 64 bit: a header, then the runs of physical
 * memory one after the other. Source: the header as documented by the public
 * readers of the format (docs/formats.md, "Crash dumps").
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "image/formats.h"

enum {
	HEADER_MAX = 0x2000,
	DUMP_FULL = 1,
	BLOCK_BYTES = 700,     /* room of PhysicalMemoryBlock */
	UNUSED = 0x45474150,   /* what is not filled in: "PAGE" */
};

/* Where the header has what; offsets in bytes. */
struct layout {
	bool is64;
	uint32_t header_bytes;
	uint16_t dtb, module_list, process_head, machine, processors;
	uint16_t bugcheck, kdbg, memory, type, time;
};

static const struct layout layout_32 = {
	false, 0x1000, 0x10, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x60, 0x64, 0xf88,
	0xfc0,
};

static const struct layout layout_64 = {
	true, 0x2000, 0x10, 0x20, 0x28, 0x30, 0x34, 0x38, 0x80, 0x88, 0xf98,
	0xfa8,
};

struct header {
	const struct layout *at;
	uint8_t bytes[HEADER_MAX];
};

static const struct layout *layout_of(const ImageIo *io)
{
	uint8_t magic[8];

	if (!image_io_read(io, 0, magic, sizeof magic) ||
	    memcmp(magic, "PAGE", 4))
		return NULL;
	if (!memcmp(magic + 4, "DU64", 4))
		return &layout_64;
	return memcmp(magic + 4, "DUMP", 4) ? NULL : &layout_32;
}

static bool read_header(const ImageIo *io, struct header *h)
{
	h->at = layout_of(io);
	return h->at && image_io_read(io, 0, h->bytes, h->at->header_bytes);
}

static uint64_t get(const struct header *h, uint32_t offset)
{
	return h->at->is64 ? load_le64(h->bytes + offset) :
			     load_le32(h->bytes + offset);
}

/* What the system did not fill in is no address. */
static uint64_t get_fact(const struct header *h, uint32_t offset)
{
	return load_le32(h->bytes + offset) == UNUSED ? 0 : get(h, offset);
}

/* One word a run's start and one its length, in pages, behind two words; the
 * first 32 bits are how many there are. */
static size_t run_bytes(const struct header *h)
{
	return h->at->is64 ? 16 : 8;
}

static uint32_t count_runs(const struct header *h)
{
	uint32_t n = load_le32(h->bytes + h->at->memory);
	size_t room = (BLOCK_BYTES - run_bytes(h)) / run_bytes(h);

	return n == UNUSED || n > room ? 0 : n;
}

static enum image_probe dump_probe(const ImageIo *io)
{
	struct header h;

	if (!read_header(io, &h) ||
	    load_le32(h.bytes + h.at->type) != DUMP_FULL)
		return IMAGE_NOT_MINE;
	return count_runs(&h) ? IMAGE_MINE : IMAGE_NOT_MINE;
}

static void add_runs(Image *image, const struct header *h)
{
	uint64_t size = image_io_size(image->io), off = h->at->header_bytes;
	uint32_t n = count_runs(h);
	uint32_t at = (uint32_t)(h->at->memory + run_bytes(h));

	for (uint32_t i = 0; i < n; i++, at += (uint32_t)run_bytes(h)) {
		uint64_t page = get(h, at);
		uint64_t pages = get(h, at + (uint32_t)run_bytes(h) / 2);
		uint64_t end;

		/* So that neither wraps; what is beyond is cut. */
		page = MIN(page, PHYS_ADDR_END >> 12);
		pages = MIN(pages, PHYS_ADDR_END >> 12);
		image_runs_add(image->runs, page << 12, pages << 12, off,
			       size);
		if (!add_u64(off, pages << 12, &end))
			return;
		off = end;
	}
}

static bool dump_open(Image *image, Log *log, GError **error)
{
	struct header h;

	(void)log;
	if (!read_header(image->io, &h)) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "has no whole header of a crash dump");
		return false;
	}
	if (load_le32(h.bytes + h.at->type) != DUMP_FULL) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "a crash dump of type %u; only full ones (1) are"
			    " read",
			    load_le32(h.bytes + h.at->type));
		return false;
	}
	add_runs(image, &h);
	image->facts = (struct image_facts){
		.dtb = get_fact(&h, h.at->dtb),
		.ps_active_head = get_fact(&h, h.at->process_head),
		.ps_loaded_module_list = get_fact(&h, h.at->module_list),
		.kdbg = get_fact(&h, h.at->kdbg),
	};
	if (load_le32(h.bytes + h.at->time) != UNUSED)
		image->capture_filetime = load_le64(h.bytes + h.at->time);
	image->detail = g_strdup_printf(
		"Windows full crash dump, %d-bit, machine 0x%x, %u"
		" processor(s), bug check 0x%x",
		h.at->is64 ? 64 : 32, load_le32(h.bytes + h.at->machine),
		load_le32(h.bytes + h.at->processors),
		load_le32(h.bytes + h.at->bugcheck));
	return true;
}

const struct ImageOps image_crashdump_ops = {
	.name = "crashdump",
	.description = "Windows full crash dump",
	.probe = dump_probe,
	.open = dump_open,
};
