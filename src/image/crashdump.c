/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows crash dumps, 32 and 64 bit: full, bitmap, kernel and live dumps of
 * Windows, and those that debuggers write. Triage dumps have no physical
 * memory and are another format's.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "image/crashdump.h"
#include "image/formats.h"

/* DUMP_FILE_ATTRIBUTES of the WDK. */
enum {
	ATTRIBUTE_SHORT = 1 << 2, /* InsufficientDumpfileSize */
	ATTRIBUTE_LIVE = 1 << 4,  /* LiveDumpGeneratedDump */
	ATTRIBUTE_FILTER = 1 << 6, /* FilterDumpFile: an active memory dump */
	ATTRIBUTE_ENCRYPTED = 1 << 8, /* EncryptedDumpData */
};

/* What each type is, and how it should say which pages it has. */
static const struct kind {
	uint32_t type;
	enum dump_index index;
	const char *name;
} kinds[] = {
	{ DUMP_FULL, DUMP_BY_BLOCK, "full" },
	{ DUMP_SUMMARY, DUMP_BY_BITMAP, "kernel" },
	{ DUMP_HEADER_ONLY, DUMP_BY_BITMAP, "header" }, /* if one is there */
	{ DUMP_BITMAP_FULL, DUMP_BY_BITMAP, "full bitmap" },
	{ DUMP_BITMAP_KERNEL, DUMP_BY_BITMAP, "kernel bitmap" },
	{ DUMP_AUTOMATIC, DUMP_BY_BITMAP, "automatic" },
	{ DUMP_RANGES_KERNEL, DUMP_BY_RANGES, "debugger's kernel" },
	{ DUMP_RANGES_USER, DUMP_BY_RANGES, "debugger's kernel and user" },
	{ DUMP_RANGES_FULL, DUMP_BY_RANGES, "debugger's complete" },
};

static const struct kind *find_kind(uint32_t type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

/* By the magic alone, so that a damaged one is still said to be one. */
static enum image_probe dump_probe(const ImageIo *io)
{
	g_autofree struct dump *d = g_new0(struct dump, 1);

	if (!dump_fields_of(io))
		return IMAGE_NOT_MINE;
	if (!dump_read_header(d, io))
		return IMAGE_DAMAGED;
	if (d->type == DUMP_TRIAGE)
		return IMAGE_NOT_MINE;
	return find_kind(d->type) ? IMAGE_MINE : IMAGE_DAMAGED;
}

static bool is_readable(const struct dump *d, GError **error)
{
	const char *why = NULL;

	if (d->type == DUMP_HEADER_ONLY &&
	    dump_index_of(d->io, d->at) == DUMP_BY_NOTHING)
		why = "is a crash dump with nothing but a header (DumpType 3):"
		      " it has no memory";
	if (d->type == DUMP_TRIAGE)
		why = "is a triage dump (DumpType 4): it has no physical"
		      " memory";
	if (d->size <= d->at->header_bytes)
		why = "is a crash dump that ends with its header: the file was"
		      " cut short before the first page";
	if (why)
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    why);
	return !why;
}

static bool add_pages(struct dump *d, enum dump_index index)
{
	switch (index) {
	case DUMP_BY_BLOCK:
		return dump_add_block(d);
	case DUMP_BY_BITMAP:
		return dump_add_bitmap(d);
	case DUMP_BY_RANGES:
		return dump_add_ranges(d);
	case DUMP_BY_NOTHING:
		break;
	}
	return false;
}

/* Where nothing tells which pages these are, they are shown all the same: a
 * search through memory needs no addresses. */
static void add_flat(struct dump *d)
{
	if (d->size - d->at->header_bytes < PAGE_SIZE_4K)
		return;
	log_add(d->log, LOG_WARN, "image",
		"the header does not tell which pages the dump holds: all"
		" behind it is shown as it lies in the file, from physical"
		" address 0 on, which is not where it belongs");
	image_runs_add(d->runs, 0, d->size - d->at->header_bytes,
		       d->at->header_bytes, d->size);
}

/* The signature behind the header says how, but for full dumps, which have
 * memory there; then the type; last the block, which any header has. */
static bool find_pages(struct dump *d, const struct kind *kind)
{
	const enum dump_index by_type = kind ? kind->index : DUMP_BY_NOTHING;
	const enum dump_index by_magic = dump_index_of(d->io, d->at);
	const bool is_full = by_type == DUMP_BY_BLOCK;
	const enum dump_index order[] = {
		is_full ? by_type : by_magic,
		is_full ? by_magic : by_type,
		kind ? DUMP_BY_NOTHING : DUMP_BY_BLOCK,
	};

	if (kind && !is_full && by_magic != by_type)
		log_add(d->log, LOG_WARN, "image",
			"DumpType is %u, but no %s is behind the header",
			d->type,
			by_type == DUMP_BY_BITMAP ? "SDMP or FDMP" : "RDMP");
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
		if ((!i || order[i] != order[i - 1]) && add_pages(d, order[i]))
			return true;
	return false;
}

static void add_all(struct dump *d)
{
	const struct kind *kind = find_kind(d->type);

	if (!kind)
		log_add(d->log, LOG_WARN, "image",
			"DumpType 0x%x is none that is known: the rest of the"
			" header is gone by",
			d->type);
	if (!find_pages(d, kind))
		add_flat(d);
}

static uint32_t get_attributes(const struct dump *d)
{
	return dump_is_set(d, d->at->attributes) ?
		       dump_u32(d, d->at->attributes) :
		       0;
}

/* Kernel bitmap dumps have user pages where they are "active" ones; a live
 * dump where its maker asked for them, which no field says. */
static bool lacks_user_pages(const struct dump *d)
{
	uint32_t attributes = get_attributes(d);

	return d->type == DUMP_SUMMARY || d->type == DUMP_RANGES_KERNEL ||
	       ((d->type == DUMP_BITMAP_KERNEL || d->type == DUMP_AUTOMATIC) &&
		!(attributes & (ATTRIBUTE_FILTER | ATTRIBUTE_LIVE)));
}

static void log_kind(const struct dump *d)
{
	uint32_t attributes = get_attributes(d);

	if (lacks_user_pages(d))
		log_add(d->log, LOG_INFO, "image",
			"a kernel dump: it was made without the pages of user"
			" space, which are missing by design; processes, the"
			" kernel and page tables are there");
	else if (attributes & ATTRIBUTE_LIVE)
		log_add(d->log, LOG_INFO, "image",
			"a live dump: pages of user space are in it only if"
			" its maker asked for them");
	if (attributes & ATTRIBUTE_SHORT)
		log_add(d->log, LOG_WARN, "image",
			"the dump file was too small: Windows left pages out"
			" of it");
	if (attributes & ATTRIBUTE_ENCRYPTED)
		log_add(d->log, LOG_FAIL, "image",
			"the pages of this dump are encrypted: they are shown"
			" as they are; decrypt the dump first");
}

static char *describe(const struct dump *d)
{
	const struct kind *kind = find_kind(d->type);
	bool pae = d->at->pae && d->header[d->at->pae] == 1;

	return g_strdup_printf("Windows %s crash dump (DumpType %u), %d-bit%s",
			       kind ? kind->name : "unknown", d->type,
			       d->at->is64 ? 64 : 32, pae ? " PAE" : "");
}

static bool dump_open(Image *image, Log *log, GError **error)
{
	g_autofree struct dump *d = g_new0(struct dump, 1);

	if (!dump_read_header(d, image->io)) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "has no whole header of a crash dump");
		return false;
	}
	if (!is_readable(d, error))
		return false;
	d->runs = image->runs;
	d->log = log;
	add_all(d);
	log_kind(d);
	dump_get_facts(d, &image->facts);
	image->facts.kernel_only = lacks_user_pages(d);
	image->capture_filetime = dump_time(d);
	image->detail = describe(d);
	return true;
}

const struct ImageOps image_crashdump_ops = {
	.name = "crashdump",
	.description = "Windows crash dump",
	.probe = dump_probe,
	.open = dump_open,
};
