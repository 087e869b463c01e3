/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a Windows crash dump, private to crashdump*.c: the header, and
 * the three ways in which a dump says which pages it holds.
 *
 * Sources: the WDK's mindumpdef.h and the public readers of the format
 * (docs/formats.md, "crashdump").
 */
#ifndef IMAGE_CRASHDUMP_H
#define IMAGE_CRASHDUMP_H

#include "image/image.h"

enum {
	DUMP_HEADER_MAX = 0x2000,
	DUMP_UNUSED = 0x45474150, /* what is not filled in: "PAGE" */
};

enum dump_type {
	DUMP_FULL = 1,
	DUMP_SUMMARY = 2,
	DUMP_HEADER_ONLY = 3,
	DUMP_TRIAGE = 4,
	DUMP_BITMAP_FULL = 5,
	DUMP_BITMAP_KERNEL = 6,
	DUMP_AUTOMATIC = 7,
	DUMP_RANGES_KERNEL = 8,
	DUMP_RANGES_USER = 9,
	DUMP_RANGES_FULL = 0xa,
};

/* How a dump says which pages it holds. */
enum dump_index {
	DUMP_BY_NOTHING,
	DUMP_BY_BLOCK,	/* the runs of PhysicalMemoryBlock in the header */
	DUMP_BY_BITMAP, /* SDMP, FDMP: a bit for each page, behind the header */
	DUMP_BY_RANGES, /* RDMP: an array of ranges, behind the header */
};

/* Where the header has what; offsets in bytes. */
struct dump_fields {
	uint32_t header_bytes;
	bool is64;
	uint16_t dtb, module_list, process_head, machine, processors;
	uint16_t pae; /* PaeEnabled (a byte); 0: there is none */
	uint16_t bugcheck, params, kdbg, block, block_end, spill_end;
	uint16_t type, time, uptime, product, attributes;
};

/* A dump that is being opened. All but runs and header are borrowed. */
struct dump {
	const ImageIo *io;
	uint64_t size; /* of the file */
	ImageRuns *runs;
	Log *log;
	const struct dump_fields *at;
	uint32_t type; /* enum dump_type, or what the file claims */
	uint8_t header[DUMP_HEADER_MAX];
};

/* The fields of this kind of header; NULL where the file is no crash dump. */
const struct dump_fields *dump_fields_of(const ImageIo *io);
/* Fills io, size, at, type and header; false where it is not all there. */
bool dump_read_header(struct dump *d, const ImageIo *io);
uint32_t dump_u32(const struct dump *d, uint32_t offset);
/* 32 or 64 bits, as the machine has. */
uint64_t dump_word(const struct dump *d, uint32_t offset);
/* Was it filled in by whoever wrote the dump? */
bool dump_is_set(const struct dump *d, uint32_t offset);
/* What the header says of the Windows in it. */
void dump_get_facts(const struct dump *d, struct image_facts *facts);
/* FILETIME of the capture, 0: unknown. */
uint64_t dump_time(const struct dump *d);
/* By the signature behind the header. */
enum dump_index dump_index_of(const ImageIo *io, const struct dump_fields *at);

/* Each adds the pages to d->runs and logs what is odd; false where the dump's
 * own account of its pages cannot be used: then nothing was added. */
bool dump_add_block(struct dump *d);
bool dump_add_bitmap(struct dump *d);
bool dump_add_ranges(struct dump *d);

#endif
