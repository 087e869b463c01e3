/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kdump-compressed dumps: QEMU's dump-guest-memory -z, -l, -s (within the
 * flattened format, see flattened.c, or by itself), makedumpfile's own.
 * Sources: makedumpfile, IMPLEMENTATION and diskdump_mod.h; QEMU
 * include/sysemu/dump.h, dump/dump.c; observed with QEMU 7.2.
 *
 * Blocks of block_size bytes: the header; the sub-header (and notes, as QEMU
 * has it); the first bitmap, of the pages of memory that there are, and the
 * second one, of those that are in the file; a descriptor for each bit of
 * the second that is set; the pages, each packed by itself.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "image/elf_notes.h"
#include "image/formats.h"
#include "image/kdump.h"

enum {
	KDUMP_HEAD = 464,
	KDUMP_SUB_HEAD = 104,
	LAST_PAGES = 64,
	LEVEL_ZERO = 1, /* of dump_level: pages of zeros were left out */
};

struct kdump_head {
	bool is64;
	uint32_t version;
	uint64_t time; /* Unix seconds */
	uint32_t status;
	uint32_t block_size;
	uint32_t sub_blocks;
	uint32_t bitmap_blocks;
	uint32_t n_cpus;
	uint64_t max_pfn;
	uint32_t dump_level;
	uint32_t split;
	uint64_t note_off, note_len;
};

static enum image_probe kdump_probe(const ImageIo *io)
{
	uint8_t magic[8];

	if (!image_io_read(io, 0, magic, sizeof magic) ||
	    memcmp(magic, "KDUMP   ", sizeof magic))
		return IMAGE_NOT_MINE;
	return IMAGE_MINE;
}

/* struct disk_dump_header: utsname is of 390 bytes, the timeval behind it of
 * two words of the machine that wrote it, aligned to such a word. */
static void parse_head(const uint8_t *buf, bool is64, struct kdump_head *head)
{
	struct reader r;

	reader_init(&r, buf, KDUMP_HEAD);
	reader_seek(&r, 8);
	head->is64 = is64;
	head->version = reader_u32(&r);
	reader_seek(&r, is64 ? 408 : 404);
	head->time = reader_word(&r, is64);
	(void)reader_word(&r, is64);
	head->status = reader_u32(&r);
	head->block_size = reader_u32(&r);
	head->sub_blocks = reader_u32(&r);
	head->bitmap_blocks = reader_u32(&r);
	head->max_pfn = reader_u32(&r);
	reader_skip(&r, 16); /* total_ram_blocks to current_cpu */
	head->n_cpus = reader_u32(&r);
}

/* struct kdump_sub_header; that of 32 bits is packed. */
static void parse_sub_head(const uint8_t *buf, struct kdump_head *head)
{
	const bool is64 = head->is64;
	uint64_t max_pfn;
	struct reader r;

	reader_init(&r, buf, KDUMP_SUB_HEAD);
	(void)reader_word(&r, is64); /* phys_base */
	head->dump_level = reader_u32(&r);
	head->split = head->version >= 2 ? reader_u32(&r) : 0;
	reader_seek(&r, is64 ? 48 : 32);
	if (head->version >= 4) {
		head->note_off = reader_u64(&r);
		head->note_len = reader_word(&r, is64);
	}
	reader_seek(&r, is64 ? 96 : 72);
	max_pfn = reader_u64(&r);
	if (head->version >= 6 && max_pfn)
		head->max_pfn = max_pfn;
}

static bool read_head(const ImageIo *io, struct kdump_head *head)
{
	uint8_t buf[KDUMP_HEAD], sub[KDUMP_SUB_HEAD];

	if (!image_io_read(io, 0, buf, sizeof buf))
		return false;
	parse_head(buf, true, head);
	if (head->block_size != PAGE_SIZE_4K)
		parse_head(buf, false, head);
	if (head->block_size != PAGE_SIZE_4K)
		return true; /* refused below */
	if (!image_io_read(io, PAGE_SIZE_4K, sub, sizeof sub))
		return false;
	parse_sub_head(sub, head);
	return true;
}

static bool refuse(GError **error, const char *problem)
{
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT, "%s", problem);
	return false;
}

static const struct packing {
	unsigned flag;
	const char *name;
	const char *option; /* of configure */
} packings[] = {
	{ KDUMP_ZLIB, "zlib", "zlib" },
	{ KDUMP_LZO, "lzo", "lzo" },
	{ KDUMP_SNAPPY, "snappy", "snappy" },
	{ KDUMP_ZSTD, "zstd", "zstd" },
};

static const char *packing_name(uint32_t status)
{
	for (size_t i = 0; i < G_N_ELEMENTS(packings); i++)
		if (status & packings[i].flag)
			return packings[i].name;
	return "not compressed";
}

static bool check_packing(uint32_t status, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(packings); i++) {
		const struct packing *p = &packings[i];

		if (!(status & p->flag) || kdump_can_unpack(p->flag))
			continue;
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "its pages are compressed with %s, and this build"
			    " is without (configure --with-%s; or have the"
			    " dump made anew, with dump-guest-memory -z)",
			    p->name, p->option);
		return false;
	}
	return true;
}

static bool check_head(const struct kdump_head *head, GError **error)
{
	if (head->block_size != PAGE_SIZE_4K)
		return refuse(error, "its blocks are not of 4096 bytes, as"
				     " those of Windows machines are");
	if (head->split)
		return refuse(error, "is one of several files of makedumpfile"
				     " --split; put them together with"
				     " makedumpfile --reassemble first");
	if (!head->bitmap_blocks || !head->sub_blocks ||
	    head->sub_blocks > INT32_MAX)
		return refuse(error, "its header has no bitmap of pages");
	return check_packing(head->status, error);
}

/* Where the parts of the file are. */
struct kdump_parts {
	uint64_t first, second;	/* bitmaps; one and the same: there is one */
	uint64_t bitmap_len;
	uint64_t descs;
};

/* Below 2^44 each: blocks are 32 bits in number, and of 4096 bytes. */
static void find_parts(const struct kdump_head *head, struct kdump_parts *p)
{
	uint64_t len = head->bitmap_blocks * PAGE_SIZE_4K;

	p->first = (1 + (uint64_t)head->sub_blocks) * PAGE_SIZE_4K;
	p->descs = p->first + len;
	p->second = p->first;
	p->bitmap_len = len;
	if (len / 2 >= (head->max_pfn + 7) / 8) {
		p->second += len / 2;
		p->bitmap_len = len / 2;
	}
}

static uint64_t count_bits(const ImageIo *io, uint64_t off, uint64_t n_bits)
{
	uint64_t end = MIN(off + n_bits / 8, image_io_size(io)), sum = 0;
	uint8_t bits[4096];

	while (off < end) {
		size_t n;

		off = image_io_next_data(io, off);
		n = off < end ? (size_t)MIN(end - off, sizeof bits) : 0;
		if (!n || !image_io_read(io, off, bits, n))
			break;
		for (size_t i = 0; i < n; i++)
			sum += (uint64_t)__builtin_popcount(bits[i]);
		off += n;
	}
	return sum;
}

/* Pages follow the n descriptors in their order, but for those of zeros: is
 * one of the last behind the end of the file? */
static bool is_cut(const ImageIo *io, const struct kdump_parts *parts,
		   uint64_t n)
{
	uint8_t desc[KDUMP_DESC_BYTES];

	for (uint64_t i = n > LAST_PAGES ? n - LAST_PAGES : 0; i < n; i++)
		if (!image_io_read(io, parts->descs + i * KDUMP_DESC_BYTES,
				   desc, sizeof desc) ||
		    !load_le32(desc + 8) ||
		    !range_fits(load_le64(desc), load_le32(desc + 8),
				image_io_size(io)))
			return true;
	return false;
}

static void log_missing(const ImageIo *io, const struct kdump_head *head,
			const struct kdump_parts *parts, uint64_t n_bits,
			Log *log)
{
	uint64_t n = count_bits(io, parts->second, n_bits);
	uint64_t all = count_bits(io, parts->first, n_bits);

	if (is_cut(io, parts, n))
		log_add(log, LOG_WARN, "kdump",
			"the last pages lie beyond the end of the file: it was"
			" cut short; they cannot be read");
	/* QEMU says that it leaves out pages of zeros, and does not. */
	if (all > n)
		log_add(log, LOG_WARN, "kdump",
			"%" PRIu64 " page(s) were left out when the dump was"
			" made (%s, dump level %" PRIu32 "); they count as"
			" outside the image", all - n,
			head->dump_level == LEVEL_ZERO ? "those of zeros" :
							 "by what they are for",
			head->dump_level);
}

/* Of the libraries, only that which is used. */
static void name_library(Image *image, uint32_t status)
{
	const char *library = kdump_library(status & KDUMP_PACKED);

	g_ptr_array_set_size(image->libraries,
			     (gint)image->libraries->len - 1);
	if (*library)
		g_ptr_array_add(image->libraries, g_strdup(library));
}

static void add_pages(Image *image, const struct kdump_head *head, Log *log)
{
	uint64_t size = image_io_size(image->io), n_bits, n_descs = 0;
	struct kdump_parts parts;

	find_parts(head, &parts);
	n_bits = MIN(head->max_pfn, parts.bitmap_len * 8);
	if (n_bits < head->max_pfn)
		log_add(log, LOG_WARN, "kdump",
			"the bitmap has no bits for the last %" PRIu64
			" pages that the header speaks of",
			head->max_pfn - n_bits);
	if (parts.descs < size)
		n_descs = (size - parts.descs) / KDUMP_DESC_BYTES;
	n_descs = MIN(n_descs, PHYS_ADDR_END / PAGE_SIZE_4K);
	image->data = kdump_pages_new(image, parts.descs, n_descs);
	if (!image_runs_add_bitmap(image->runs, 0, n_bits, image->io,
				   parts.second, 0, n_descs * PAGE_SIZE_4K))
		log_add(log, LOG_WARN, "kdump",
			"the bitmap of the pages cannot be read to its end");
	log_missing(image->io, head, &parts, n_bits, log);
}

static bool kdump_open(Image *image, Log *log, GError **error)
{
	struct kdump_head head = { 0 };

	if (!read_head(image->io, &head))
		return refuse(error, "was cut short within its headers");
	if (!check_head(&head, error))
		return false;
	name_library(image, head.status);
	add_pages(image, &head, log);
	if (head.note_len)
		elf_notes_read(image, head.note_off, head.note_len);
	image->detail = g_strdup_printf(
		"version %" PRIu32 ", %d bits, %s, %" PRIu32 " processor(s)",
		head.version, head.is64 ? 64 : 32, packing_name(head.status),
		head.n_cpus);
	return true;
}

const struct ImageOps image_kdump_ops = {
	.name = "kdump",
	.description = "kdump-compressed dump",
	.probe = kdump_probe,
	.open = kdump_open,
	.reads_with = kdump_libraries,
};
