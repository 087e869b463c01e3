/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows triage dumps (kernel minidumps, DumpType 4), 32 and 64 bit. Source
 * of the header: Dump.h of Microsoft Research's Singularity (DUMP_HEADER64,
 * TRIAGE_DUMP64, TRIAGE_DATA_BLOCK); the 32-bit one as Rizin and Ghidra read
 * it (docs/formats.md, "triage"). All offsets in it are from the start of the
 * file.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "image/formats.h"
#include "image/triage.h"

enum {
	HEADER_MAX = 0x2000 + 0x80,
	DUMP_TRIAGE = 4,
	UNUSED = 0x45474150,	/* what is not filled in: "PAGE" */
	VALID = 0x44475254,	/* at ValidOffset: the dump was finished */
	BLOCK_BYTES = 16,	/* of a TRIAGE_DATA_BLOCK */
	PART_BYTES_MAX = 1 << 20,
	/* A dump of a few MiB has some thousands; 24 bytes each here, and up to
	 * 90 in what is made of them. */
	BLOCKS_MAX = 1 << 17,
};

/* MiniDumpFields: what the dump's header has that older ones lack. */
enum {
	HAS_DATA_PAGE = 0x200,
	HAS_DEBUGGER_DATA = 0x400,
	HAS_DATA_BLOCKS = 0x800,
};

/* Members of the triage header that are the same in both, by their place. */
enum member {
	SIZE_OF_DUMP = 0x04,
	VALID_OFFSET = 0x08,
	CONTEXT_OFFSET = 0x0c,
	EXCEPTION_OFFSET = 0x10,
	MM_OFFSET = 0x14,
	UNLOADED_OFFSET = 0x18,
	PRCB_OFFSET = 0x1c,
	PROCESS_OFFSET = 0x20,
	THREAD_OFFSET = 0x24,
	STACK_OFFSET = 0x28,
	STACK_SIZE = 0x2c,
	DRIVERS_OFFSET = 0x30,
	DRIVERS_COUNT = 0x34,
	STRINGS_OFFSET = 0x38,
	TOP_OF_STACK = 0x48,
};

/* Where each header has what; offsets in bytes, those of the triage header
 * from its start, which is behind the other. */
struct layout {
	bool is64;
	uint32_t header_bytes, triage_bytes;
	/* DUMP_HEADER */
	uint16_t dtb, module_list, process_head, machine, processors, bugcheck,
		params, kdbg, type, uptime, fields, product, time;
	/* TRIAGE_DUMP */
	uint16_t page_address, page_offset, page_size, kdbg_offset, kdbg_size,
		blocks_offset, blocks_count;
};

static const struct layout layout_32 = {
	false, 0x1000, 0x68,
	0x10, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x60, 0xf88, 0xfb8, 0xf8c,
	0xf94, 0xfc0,
	0x4c, 0x50, 0x54, 0x58, 0x5c, 0x60, 0x64,
};

static const struct layout layout_64 = {
	true, 0x2000, 0x80,
	0x10, 0x20, 0x28, 0x30, 0x34, 0x38, 0x40, 0x80, 0xf98, 0x1030, 0x1038,
	0x1040, 0xfa8,
	0x60, 0x68, 0x6c, 0x70, 0x74, 0x78, 0x7c,
};

/* Where the first part of the header ends, which other parts cannot be in. */
#define FACTS_END 0x100u
enum { MAJOR = 0x8, MINOR = 0xc, PAE_ENABLED_32 = 0x5c };

struct header {
	const struct layout *at;
	const ImageIo *io;
	bool has_triage; /* the file is not cut before its end */
	uint8_t bytes[HEADER_MAX];
};

static const struct layout *layout_of(const ImageIo *io)
{
	const struct layout *at;
	uint8_t magic[8], type[4];

	if (!image_io_read(io, 0, magic, sizeof magic) ||
	    memcmp(magic, "PAGE", 4))
		return NULL;
	if (!memcmp(magic + 4, "DU64", 4))
		at = &layout_64;
	else if (!memcmp(magic + 4, "DUMP", 4))
		at = &layout_32;
	else
		return NULL;
	if (!image_io_read(io, at->type, type, sizeof type) ||
	    load_le32(type) != DUMP_TRIAGE)
		return NULL;
	return at;
}

static enum image_probe triage_probe(const ImageIo *io)
{
	const struct layout *at = layout_of(io);

	if (!at)
		return IMAGE_NOT_MINE;
	return range_fits(at->header_bytes, at->triage_bytes,
			  image_io_size(io)) ? IMAGE_MINE : IMAGE_DAMAGED;
}

/* As much of the headers as there is; the rest stays 0. */
static bool read_header(const ImageIo *io, struct header *h)
{
	uint32_t len;

	memset(h, 0, sizeof *h);
	h->io = io;
	h->at = layout_of(io);
	if (!h->at)
		return false;
	len = h->at->header_bytes + h->at->triage_bytes;
	h->has_triage = image_io_read(io, 0, h->bytes, len);
	if (h->has_triage)
		return true;
	memset(h->bytes, 0, sizeof h->bytes);
	len = (uint32_t)MIN(len, image_io_size(io));
	return image_io_read(io, 0, h->bytes, len);
}

static uint64_t get(const struct header *h, uint32_t offset)
{
	return h->at->is64 ? load_le64(h->bytes + offset) :
			     load_le32(h->bytes + offset);
}

/* What the system did not fill in is no fact. */
static bool is_filled(const struct header *h, uint32_t offset)
{
	return load_le32(h->bytes + offset) != UNUSED;
}

static uint64_t get_fact(const struct header *h, uint32_t offset)
{
	return is_filled(h, offset) ? get(h, offset) : 0;
}

static uint32_t get_u32(const struct header *h, uint32_t offset)
{
	return is_filled(h, offset) ? load_le32(h->bytes + offset) : 0;
}

/* A member of the triage header: u32. */
static uint32_t triage_u32(const struct header *h, uint32_t member)
{
	return load_le32(h->bytes + h->at->header_bytes + member);
}

static uint64_t triage_word(const struct header *h, uint32_t member)
{
	return get(h, h->at->header_bytes + member);
}

/* Where MiniDumpFields is not filled in, each part is looked at. */
static bool has_fields(const struct header *h, uint32_t bit)
{
	uint32_t fields = get_u32(h, h->at->fields);

	return !fields || fields & bit;
}

static void read_facts(const struct header *h, Image *image)
{
	const struct layout *at = h->at;
	struct image_facts *f = &image->facts;
	uint32_t step = at->is64 ? 8 : 4;

	f->dtb = get_fact(h, at->dtb);
	f->ps_active_head = get_fact(h, at->process_head);
	f->ps_loaded_module_list = get_fact(h, at->module_list);
	f->kdbg = get_fact(h, at->kdbg);
	f->dump_type = DUMP_TRIAGE;
	f->machine = get_u32(h, at->machine);
	f->processors = get_u32(h, at->processors);
	f->os_major = get_u32(h, MAJOR);
	f->os_minor = get_u32(h, MINOR);
	f->product_type = get_u32(h, at->product);
	f->has_bugcheck = is_filled(h, at->bugcheck);
	f->bugcheck = get_u32(h, at->bugcheck);
	for (unsigned i = 0; i < 4; i++)
		f->bugcheck_params[i] = get(h, at->params + i * step);
	if (is_filled(h, at->uptime))
		f->uptime_100ns = load_le64(h->bytes + at->uptime);
	if (is_filled(h, at->time))
		image->capture_filetime = load_le64(h->bytes + at->time);
}

/* Is off the place of anything: behind the headers and in the file? */
static bool is_place(const struct header *h, uint64_t off)
{
	return off >= (uint64_t)h->at->header_bytes + h->at->triage_bytes &&
	       off < image_io_size(h->io);
}

/* What is at a place goes on to the next place that the header names. The
 * context is in the dump's own header as a rule, where Windows has room for
 * it. */
static struct image_part part_at(const struct header *h, enum member member)
{
	static const enum member all[] = {
		VALID_OFFSET, CONTEXT_OFFSET, EXCEPTION_OFFSET, MM_OFFSET,
		UNLOADED_OFFSET, PRCB_OFFSET, PROCESS_OFFSET, THREAD_OFFSET,
		STACK_OFFSET, DRIVERS_OFFSET, STRINGS_OFFSET,
	};
	const uint32_t more[] = { h->at->page_offset, h->at->kdbg_offset,
				  h->at->blocks_offset };
	uint64_t off = triage_u32(h, member), end = image_io_size(h->io);

	if (!is_place(h, off) &&
	    !(member == CONTEXT_OFFSET && off >= FACTS_END && off < end))
		return (struct image_part){ 0 };
	for (size_t i = 0; i < G_N_ELEMENTS(all) + G_N_ELEMENTS(more); i++) {
		size_t k = i - MIN(i, G_N_ELEMENTS(all));
		uint64_t other = triage_u32(
			h, i < G_N_ELEMENTS(all) ? all[i] : more[k]);

		if (other > off)
			end = MIN(end, other);
	}
	return (struct image_part){ off, MIN(end - off, PART_BYTES_MAX) };
}

/* 32-bit addresses are sign-extended where they are in 64 bits. */
static uint64_t address_of(const struct header *h, uint64_t va)
{
	if (!h->at->is64 && va >> 32 == UINT32_MAX)
		va &= UINT32_MAX;
	return va;
}

static void add_range(const struct header *h, struct image_triage *t,
		      uint64_t va, uint64_t len, uint64_t off)
{
	struct image_virtual v = { address_of(h, va), len, off };

	if (va && len && is_place(h, off))
		g_array_append_val(t->ranges, v);
}

/* The registers' places in a CONTEXT (winnt.h). */
static void read_context(const struct header *h, const Image *image,
			 struct image_triage *t)
{
	bool arm = image->facts.machine == 0xaa64;
	uint32_t ip = arm ? 0x108 : t->is64 ? 0xf8 : 0xb8;
	uint32_t sp = arm ? 0x100 : t->is64 ? 0x98 : 0xc4;
	uint8_t b[0x110];

	if (t->context.len < sizeof b ||
	    !image_io_read(h->io, t->context.off, b, sizeof b) ||
	    load_le32(b) == UNUSED)
		return;
	t->rip = t->is64 ? load_le64(b + ip) : load_le32(b + ip);
	t->rsp = t->is64 ? load_le64(b + sp) : load_le32(b + sp);
}

/* TopOfStack is the lowest address of what is there of the stack, in the files
 * that have been looked at (a header of Microsoft's calls it the highest): the
 * stack pointer tells. */
static void add_stack(const struct header *h, struct image_triage *t)
{
	uint64_t top = triage_word(h, TOP_OF_STACK);
	uint64_t len = triage_u32(h, STACK_SIZE);

	if (t->rsp < top && len <= top && t->rsp >= top - len)
		top -= len;
	add_range(h, t, top, len, triage_u32(h, STACK_OFFSET));
}

/* True where the file has what a block says. */
static bool add_block(const struct header *h, struct image_triage *t,
		      const uint8_t b[BLOCK_BYTES])
{
	uint64_t va = load_le64(b);
	uint32_t off = load_le32(b + 8), len = load_le32(b + 12);

	add_range(h, t, va, len, off);
	return va && len && is_place(h, off) &&
	       range_fits(off, len, image_io_size(h->io));
}

/* The table is read in pieces, for the count is nobody's word. *n_bad: blocks
 * that are not in the file, or not wholly. */
static void add_blocks(const struct header *h, struct image_triage *t,
		       uint64_t *n_bad)
{
	uint64_t off = triage_u32(h, h->at->blocks_offset);
	uint64_t count = triage_u32(h, h->at->blocks_count);
	uint8_t b[256 * BLOCK_BYTES];
	uint64_t room;

	if (!is_place(h, off)) {
		*n_bad += off && off != UNUSED ? count : 0;
		return;
	}
	room = MIN((image_io_size(h->io) - off) / BLOCK_BYTES, BLOCKS_MAX);
	*n_bad += count > room ? count - room : 0;
	count = MIN(count, room);
	for (uint64_t i = 0; i < count; i += 256) {
		uint64_t n = MIN(count - i, 256);

		if (!image_io_read(h->io, off + i * BLOCK_BYTES, b,
				   (size_t)n * BLOCK_BYTES)) {
			*n_bad += n;
			continue;
		}
		for (uint64_t k = 0; k < n; k++)
			*n_bad += !add_block(h, t, b + k * BLOCK_BYTES);
		t->n_blocks += n;
	}
}

static void read_ranges(const struct header *h, const Image *image,
			struct image_triage *t, Log *log)
{
	const struct layout *at = h->at;
	uint64_t n_bad = 0;

	if (has_fields(h, HAS_DATA_BLOCKS))
		add_blocks(h, t, &n_bad);
	if (n_bad)
		log_add(log, LOG_WARN, "image",
			"%" PRIu64 " data block(s) of the triage dump are not"
			" in the file, or not wholly: it was cut short or is"
			" damaged",
			n_bad);
	add_stack(h, t);
	if (has_fields(h, HAS_DATA_PAGE))
		add_range(h, t, triage_word(h, at->page_address),
			  triage_u32(h, at->page_size),
			  triage_u32(h, at->page_offset));
	if (has_fields(h, HAS_DEBUGGER_DATA))
		add_range(h, t, image->facts.kdbg,
			  triage_u32(h, at->kdbg_size),
			  triage_u32(h, at->kdbg_offset));
}

static void read_drivers(const struct header *h, struct image_triage *t,
			 Log *log)
{
	uint64_t off = triage_u32(h, DRIVERS_OFFSET), n_bad = 0;

	image_triage_modules(t, h->io, off,
			     is_place(h, off) ?
				     triage_u32(h, DRIVERS_COUNT) : 0,
			     &n_bad);
	off = triage_u32(h, UNLOADED_OFFSET);
	image_triage_unloaded(t, h->io, is_place(h, off) ? off : 0, &n_bad);
	if (n_bad)
		log_add(log, LOG_WARN, "image",
			"%" PRIu64 " driver(s) in the lists of the triage dump"
			" make no sense and were left out",
			n_bad);
}

static void check_end(const struct header *h, Log *log)
{
	uint64_t size = triage_u32(h, SIZE_OF_DUMP);
	uint8_t b[4];

	if (!h->has_triage)
		log_add(log, LOG_WARN, "image",
			"the file ends within the headers of the triage dump:"
			" only what they say is shown");
	else if (size > image_io_size(h->io))
		log_add(log, LOG_WARN, "image",
			"the triage dump had %" PRIu64 " bytes, the file has %"
			PRIu64 ": it was cut short",
			size, image_io_size(h->io));
	else if (!image_io_read(h->io, triage_u32(h, VALID_OFFSET), b,
				sizeof b) ||
		 load_le32(b) != VALID)
		log_add(log, LOG_WARN, "image",
			"the triage dump lacks its mark of validity: it was"
			" not finished, or is damaged");
}

static const char *machine_name(uint32_t machine)
{
	return machine == 0x8664 ? "x64" :
	       machine == 0xaa64 ? "ARM64" :
	       machine == 0x14c	 ? "x86" :
				   "unknown machine";
}

static void log_nature(const Image *image, Log *log)
{
	const struct image_triage *t = image->triage;

	log_add(log, LOG_INFO, "image",
		"this is a triage dump (a small memory dump, kernel minidump)."
		" Windows wrote into it what explains a crash: the registers,"
		" the stack, the process and the thread that crashed, the list"
		" of drivers, and some pieces of kernel memory (%zu data"
		" blocks)",
		t->n_blocks);
	log_add(log, LOG_INFO, "image",
		"a triage dump has no physical memory and no page tables:"
		" image/pmem is empty, no process but the one that crashed can"
		" be listed, and no memory is there but those pieces, at their"
		" addresses in kernel/vmem. Full, kernel, automatic and active"
		" dumps hold more (System Properties, Startup and Recovery)");
}

static bool triage_open(Image *image, Log *log, GError **error)
{
	g_autofree struct header *h = g_new(struct header, 1);
	struct image_triage *t;

	if (!read_header(image->io, h)) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "has no header of a triage dump (a crash"
				    " dump of type 4)");
		return false;
	}
	read_facts(h, image);
	t = image->triage = g_new0(struct image_triage, 1);
	t->is64 = h->at->is64;
	t->pae = !t->is64 && h->bytes[PAE_ENABLED_32] == 1;
	t->ranges = g_array_new(FALSE, FALSE, sizeof(struct image_virtual));
	check_end(h, log);
	t->context = part_at(h, CONTEXT_OFFSET);
	t->prcb = part_at(h, PRCB_OFFSET);
	t->process = part_at(h, PROCESS_OFFSET);
	t->thread = part_at(h, THREAD_OFFSET);
	read_context(h, image, t);
	read_ranges(h, image, t, log);
	read_drivers(h, t, log);
	image->detail = g_strdup_printf(
		"Windows triage dump (small memory dump), %d-bit %s, bug check"
		" 0x%x",
		t->is64 ? 64 : 32, machine_name(image->facts.machine),
		image->facts.bugcheck);
	log_nature(image, log);
	return true;
}

const struct ImageOps image_triage_ops = {
	.name = "triage",
	.description = "Windows triage dump",
	.probe = triage_probe,
	.open = triage_open,
};
