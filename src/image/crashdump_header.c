/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of a Windows crash dump. */
#include "config.h"

#include "image/crashdump.h"

#include <string.h>

#include "base/bytes.h"

/* WDK, mindumpdef.h: DUMP_HEADER32, DUMP_HEADER64. The block has 700 bytes;
 * a writer that has more runs than they hold may go on behind them, up to the
 * exception record (32 bit) or the dump's type (64 bit). */
static const struct dump_fields fields_32 = {
	.header_bytes = 0x1000,
	.dtb = 0x10,
	.module_list = 0x18,
	.process_head = 0x1c,
	.machine = 0x20,
	.processors = 0x24,
	.bugcheck = 0x28,
	.params = 0x2c,
	.pae = 0x5c,
	.kdbg = 0x60,
	.block = 0x64,
	.block_end = 0x320,
	.spill_end = 0x7d0,
	.attributes = 0x8a0,
	.type = 0xf88,
	.product = 0xf94,
	.uptime = 0xfb8,
	.time = 0xfc0,
};

static const struct dump_fields fields_64 = {
	.header_bytes = 0x2000,
	.is64 = true,
	.dtb = 0x10,
	.module_list = 0x20,
	.process_head = 0x28,
	.machine = 0x30,
	.processors = 0x34,
	.bugcheck = 0x38,
	.params = 0x40,
	.kdbg = 0x80,
	.block = 0x88,
	.block_end = 0x348,
	.spill_end = 0xf00,
	.type = 0xf98,
	.time = 0xfa8,
	.uptime = 0x1030,
	.product = 0x1040,
	.attributes = 0x1050,
};

const struct dump_fields *dump_fields_of(const ImageIo *io)
{
	uint8_t magic[8];

	if (!image_io_read(io, 0, magic, sizeof magic) ||
	    memcmp(magic, "PAGE", 4))
		return NULL;
	if (!memcmp(magic + 4, "DU64", 4))
		return &fields_64;
	return memcmp(magic + 4, "DUMP", 4) ? NULL : &fields_32;
}

bool dump_read_header(struct dump *d, const ImageIo *io)
{
	d->io = io;
	d->size = image_io_size(io);
	d->at = dump_fields_of(io);
	if (!d->at || !image_io_read(io, 0, d->header, d->at->header_bytes))
		return false;
	d->type = dump_u32(d, d->at->type);
	return true;
}

uint32_t dump_u32(const struct dump *d, uint32_t offset)
{
	return load_le32(d->header + offset);
}

uint64_t dump_word(const struct dump *d, uint32_t offset)
{
	return d->at->is64 ? load_le64(d->header + offset) :
			     load_le32(d->header + offset);
}

bool dump_is_set(const struct dump *d, uint32_t offset)
{
	return dump_u32(d, offset) != DUMP_UNUSED;
}

static uint64_t get_word(const struct dump *d, uint32_t offset)
{
	return dump_is_set(d, offset) ? dump_word(d, offset) : 0;
}

static uint32_t get_u32(const struct dump *d, uint32_t offset)
{
	return dump_is_set(d, offset) ? dump_u32(d, offset) : 0;
}

static uint64_t get_u64(const struct dump *d, uint32_t offset)
{
	return dump_is_set(d, offset) ? load_le64(d->header + offset) : 0;
}

uint64_t dump_time(const struct dump *d)
{
	return get_u64(d, d->at->time);
}

void dump_get_facts(const struct dump *d, struct image_facts *facts)
{
	const struct dump_fields *at = d->at;

	facts->dtb = get_word(d, at->dtb);
	facts->ps_active_head = get_word(d, at->process_head);
	facts->ps_loaded_module_list = get_word(d, at->module_list);
	facts->kdbg = get_word(d, at->kdbg);
	facts->dump_type = get_u32(d, at->type);
	facts->machine = get_u32(d, at->machine);
	facts->processors = get_u32(d, at->processors);
	facts->os_major = get_u32(d, 8);
	facts->os_minor = get_u32(d, 12);
	facts->product_type = get_u32(d, at->product);
	facts->uptime_100ns = get_u64(d, at->uptime);
	facts->has_bugcheck = dump_is_set(d, at->bugcheck);
	if (!facts->has_bugcheck)
		return;
	facts->bugcheck = dump_u32(d, at->bugcheck);
	for (uint32_t i = 0; i < 4; i++)
		facts->bugcheck_params[i] =
			get_word(d, at->params + i * (at->is64 ? 8 : 4));
}

enum dump_index dump_index_of(const ImageIo *io, const struct dump_fields *at)
{
	uint8_t magic[12];

	if (!image_io_read(io, at->header_bytes, magic, sizeof magic))
		return DUMP_BY_NOTHING;
	if (!memcmp(magic, "SDMPDUMP", 8) || !memcmp(magic, "FDMPDUMP", 8))
		return DUMP_BY_BITMAP;
	return memcmp(magic + 4, "RDMPDUMP", 8) ? DUMP_BY_NOTHING :
						  DUMP_BY_RANGES;
}
