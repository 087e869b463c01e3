/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Following a migration stream through the sections of its memory.
 *
 * Sources: QEMU migration/savevm.c, migration/ram.c, docs/devel/migration;
 * observed with QEMU 7.2. All numbers are big-endian.
 */
#include "config.h"

#include "base/bytes.h"
#include "image/qevm.h"
#include "image/qevm_reader.h"

/* First byte of a section (QEMU_VM_*). */
enum {
	VM_EOF = 0,
	VM_START = 1,
	VM_PART = 2,
	VM_END = 3,
	VM_FULL = 4,
	VM_SUBSECTION = 5,
	VM_DESCRIPTION = 6,
	VM_CONFIGURATION = 7,
	VM_COMMAND = 8,
	VM_FOOTER = 0x7e,
};

/* Low bits of a record of memory (RAM_SAVE_FLAG_*). */
enum {
	RAM_ZERO = 0x02,
	RAM_MEM_SIZE = 0x04,
	RAM_PAGE = 0x08,
	RAM_EOS = 0x10,
	RAM_CONTINUE = 0x20,
	RAM_XBZRLE = 0x40,
	RAM_COMPRESS_PAGE = 0x100,
	RAM_MULTIFD_FLUSH = 0x200,
};

/* sizeof(MappedRamHeader): version, page size, where the bitmap is, where the
 * pages are. */
#define MAPPED_HEADER 28u
#define MAPPED_ALIGNMENT MIB

struct parse {
	struct qevm *q;
	struct qevm_reader r;
	uint32_t ram_id;
	bool has_ram;
	bool footers; /* sections end with one */
	guint block;  /* of the last page; blocks->len: none */
};

static bool stop(struct parse *p, const char *problem)
{
	if (!p->q->problem) {
		p->q->problem = problem;
		p->q->stopped = qevm_tell(&p->r);
	}
	return false;
}

/* What the reader says at the end of a file that was cut takes precedence. */
static bool check(struct parse *p, bool ok, const char *problem)
{
	if (p->r.bad)
		return stop(p, "the file was cut short");
	return ok || stop(p, problem);
}

/* A mapped-ram header behind the length of a block; else nothing is read. */
static void take_mapped(struct parse *p, guint i)
{
	struct qevm_block *block = qevm_block(p->q, i);
	uint64_t at = qevm_tell(&p->r), bitmap, pages, n;
	uint8_t head[MAPPED_HEADER];

	if (!image_io_read(p->q->io, at, head, sizeof head))
		return;
	bitmap = qevm_be64(head + 12);
	pages = qevm_be64(head + 20);
	n = block->size / PAGE_SIZE_4K;
	if (qevm_be32(head) != 1 || qevm_be64(head + 4) != PAGE_SIZE_4K ||
	    bitmap != at + MAPPED_HEADER || pages % MAPPED_ALIGNMENT ||
	    pages < bitmap || pages - bitmap < n / 8 ||
	    pages > INT64_MAX - block->size)
		return;
	block->bitmap_off = bitmap;
	block->pages_off = pages;
	qevm_seek(&p->r, pages + block->size);
}

/* The list of all blocks, of total bytes together. */
static bool take_blocks(struct parse *p, uint64_t total)
{
	GArray *blocks = p->q->blocks;

	if (blocks->len)
		return stop(p, "there is a second list of blocks");
	while (total) {
		struct qevm_block block = { 0 };

		qevm_string(&p->r, block.name);
		block.size = qevm_u64(&p->r);
		if (!check(p, block.size <= total && block.size &&
				      block.size <= PHYS_ADDR_END &&
				      blocks->len < QEVM_BLOCKS_MAX,
			   "the list of its blocks makes no sense"))
			return false;
		total -= block.size;
		g_array_append_val(blocks, block);
		take_mapped(p, blocks->len - 1);
	}
	return true;
}

static bool add_piece(struct parse *p, uint64_t page, uint64_t off,
		      uint32_t n, uint16_t stride, unsigned kind)
{
	const struct overlay_piece piece = {
		.start = p->block * QEVM_BLOCK_UNITS + page,
		.off = off,
		.n = n,
		.stride = stride,
		.kind = (uint16_t)kind,
	};

	return overlay_add(p->q->pages, &piece) ||
	       stop(p, "there are too many records for a file of its size");
}

/* The block's pages that are in the file, by its bitmap. */
static bool add_mapped(struct parse *p, const struct qevm_block *block)
{
	uint64_t size = image_io_size(p->q->io), off = block->pages_off;
	uint64_t n = 0;

	if (off < size)
		n = MIN(block->size, size - off) / PAGE_SIZE_4K;
	for (uint64_t done = 0; done < n;) {
		uint32_t some = (uint32_t)MIN(n - done, UINT32_MAX / 2);

		if (!add_piece(p, done, off + done * PAGE_SIZE_4K, some,
			       PAGE_SIZE_4K, QEVM_MAPPED))
			return false;
		done += some;
	}
	return true;
}

/* What there is to do when all blocks are known, or all that can be. */
static bool start_blocks(struct parse *p)
{
	qevm_choose_blocks(p->q);
	for (p->block = 0; p->block < p->q->blocks->len; p->block++) {
		const struct qevm_block *block = qevm_block(p->q, p->block);

		if (block->wanted && block->bitmap_off &&
		    !add_mapped(p, block))
			return false;
	}
	return true;
}

/* Whose pages come next: p->block. */
static bool take_block_name(struct parse *p)
{
	char name[QEVM_NAME_MAX];

	qevm_string(&p->r, name);
	if (p->r.bad)
		return check(p, false, NULL);
	for (p->block = 0; p->block < p->q->blocks->len; p->block++)
		if (!strcmp(name, qevm_block(p->q, p->block)->name))
			return true;
	return stop(p, "a page is of a block that was not announced");
}

/* What follows the word of a record of a page, by its flags. */
static bool take_page(struct parse *p, unsigned flags, uint64_t page)
{
	bool wanted = qevm_block(p->q, p->block)->wanted;
	uint64_t off = qevm_tell(&p->r), len = PAGE_SIZE_4K;
	unsigned kind = QEVM_STORED, stride = PAGE_SIZE_4K + 8;

	if (flags == RAM_ZERO) {
		kind = QEVM_FILLED + qevm_u8(&p->r);
		len = 0;
		stride = 0;
		off = 0;
	} else if (flags == RAM_COMPRESS_PAGE) {
		kind = QEVM_ZLIB;
		len = qevm_u32(&p->r);
		off += 4;
		stride = 0;
	} else if (flags == RAM_XBZRLE) {
		kind = QEVM_LOST;
		qevm_u8(&p->r);
		len = qevm_u16(&p->r);
		off = 0;
		stride = 0;
		p->q->n_lost += wanted;
	}
	qevm_skip(&p->r, len);
	if (!check(p, len <= 2 * PAGE_SIZE_4K, "a page is too long"))
		return false;
	return !wanted ||
	       add_piece(p, page, off, 1, (uint16_t)stride, kind);
}

static bool take_page_record(struct parse *p, uint64_t word)
{
	unsigned flags = word & 0xfff & ~RAM_CONTINUE;
	uint64_t addr = page_floor(word);

	if (!(word & RAM_CONTINUE) && !take_block_name(p))
		return false;
	if (p->block >= p->q->blocks->len ||
	    addr >= qevm_block(p->q, p->block)->size)
		return stop(p, "a page is beyond the end of its block");
	return take_page(p, flags, addr / PAGE_SIZE_4K);
}

/* Records of memory up to the mark of their end. */
static bool take_ram(struct parse *p)
{
	for (;;) {
		uint64_t word = qevm_u64(&p->r);
		bool ok = true;

		if (p->r.bad)
			return check(p, false, NULL);
		switch (word & 0xfff & ~RAM_CONTINUE) {
		case RAM_EOS:
			return true;
		case RAM_MULTIFD_FLUSH:
			break;
		case RAM_MEM_SIZE:
			ok = take_blocks(p, page_floor(word));
			ok = start_blocks(p) && ok;
			break;
		case RAM_ZERO:
		case RAM_PAGE:
		case RAM_XBZRLE:
		case RAM_COMPRESS_PAGE:
			ok = take_page_record(p, word);
			break;
		default:
			return stop(p, "a record is of no known kind");
		}
		if (!ok)
			return false;
	}
}

static bool take_subsections(struct parse *p)
{
	while (qevm_peek(&p->r) == VM_SUBSECTION) {
		char name[QEVM_NAME_MAX];

		qevm_u8(&p->r);
		qevm_string(&p->r, name);
		qevm_u32(&p->r);
		if (!strcmp(name, "configuration/target-page-bits")) {
			qevm_skip(&p->r, 4);
		} else if (!strcmp(name, "configuration/uuid")) {
			qevm_skip(&p->r, 16);
		} else if (!strcmp(name, "configuration/capabilities")) {
			for (uint32_t n = qevm_u32(&p->r); n && !p->r.bad; n--)
				qevm_string(&p->r, name);
		} else {
			return check(p, false, "its configuration has a part"
					       " that is not known");
		}
	}
	return true;
}

static bool take_configuration(struct parse *p)
{
	uint32_t len = qevm_u32(&p->r);

	if (!check(p, len < QEVM_NAME_MAX, "its machine has too long a name"))
		return false;
	qevm_bytes(&p->r, p->q->machine, len);
	p->q->machine[len] = '\0';
	return take_subsections(p);
}

/* The start of a section, or all of one: its name tells what it is. */
static bool take_start(struct parse *p, bool full, uint32_t id)
{
	char name[QEVM_NAME_MAX];

	qevm_string(&p->r, name);
	qevm_skip(&p->r, 8); /* instance, version */
	if (p->r.bad)
		return check(p, false, NULL);
	if (!strcmp(name, "ram") && !full) {
		p->ram_id = id;
		p->has_ram = true;
		return take_ram(p);
	}
	if (!full && p->footers)
		return qevm_skip_section(&p->r, id) || check(p, false, NULL);
	return stop(p, "a device is in front of the memory");
}

static bool take_part(struct parse *p, uint32_t id)
{
	if (p->has_ram && id == p->ram_id)
		return take_ram(p);
	if (p->footers)
		return qevm_skip_section(&p->r, id) || check(p, false, NULL);
	return stop(p, "there is a section that is not known");
}

/* What is behind the end of a section of memory. */
static void take_footer(struct parse *p, uint32_t id)
{
	if (qevm_peek(&p->r) != VM_FOOTER)
		return;
	qevm_u8(&p->r);
	if (qevm_u32(&p->r) == id)
		p->footers = true;
	else
		stop(p, "the end of a section is not that of its start");
}

/* One section; false at the end of the memory, or where it cannot go on. */
static bool take_section(struct parse *p)
{
	uint64_t at = qevm_tell(&p->r);
	uint8_t kind = qevm_u8(&p->r);
	uint32_t id;
	bool ok;

	if (kind == VM_CONFIGURATION)
		return take_configuration(p);
	if (kind == VM_COMMAND) {
		qevm_u16(&p->r);
		qevm_skip(&p->r, qevm_u16(&p->r));
		return check(p, true, NULL);
	}
	if (p->has_ram && (kind == VM_FULL || kind == VM_EOF)) {
		p->q->tail = at;
		return false;
	}
	if (kind < VM_START || kind > VM_FULL)
		return check(p, false, "there is a section of no known kind");
	id = qevm_u32(&p->r);
	ok = kind == VM_START || kind == VM_FULL ?
		     take_start(p, kind == VM_FULL, id) : take_part(p, id);
	if (!ok)
		return false;
	take_footer(p, id);
	return !p->q->problem;
}

void qevm_parse(struct qevm *q, uint64_t off)
{
	struct parse p = { .q = q };

	qevm_reader_init(&p.r, q->io, off + 8); /* magic, version */
	while (take_section(&p))
		;
	qevm_reader_clear(&p.r);
	overlay_finish(q->pages);
}
