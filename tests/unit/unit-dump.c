/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Crash dumps made by hand. */
#include "config.h"

#include "unit/unit-dump.h"

#include <string.h>

#include "base/bytes.h"

#define TAG 0xff0u /* where in a page its number is */

UnitDump *unit_dump_new(bool is64, uint32_t type, size_t len)
{
	UnitDump *d = g_new0(UnitDump, 1);

	d->is64 = is64;
	d->len = len;
	d->bytes = g_malloc0(len);
	for (size_t i = 0; i < unit_dump_header_bytes(d); i += 4)
		memcpy(d->bytes + i, "PAGE", 4);
	memcpy(d->bytes + 4, is64 ? "DU64" : "DUMP", 4);
	unit_dump_put(d, is64 ? 0xf98 : 0xf88, type, 4);
	return d;
}

void unit_dump_free(UnitDump *d)
{
	if (!d)
		return;
	log_free(d->log);
	g_free(d->bytes);
	g_free(d);
}

size_t unit_dump_header_bytes(const UnitDump *d)
{
	return d->is64 ? 0x2000 : 0x1000;
}

void unit_dump_put(UnitDump *d, size_t at, uint64_t value, size_t len_bytes)
{
	const uint64_t word = GUINT64_TO_LE(value);

	ck_assert_uint_le(at + len_bytes, d->len);
	memcpy(d->bytes + at, &word, len_bytes);
}

void unit_dump_put_word(UnitDump *d, size_t at64, size_t at32, uint64_t value)
{
	unit_dump_put(d, d->is64 ? at64 : at32, value, d->is64 ? 8 : 4);
}

void unit_dump_put_block(UnitDump *d, uint32_t n_runs, uint64_t n_pages)
{
	unit_dump_put(d, d->is64 ? 0x88 : 0x64, n_runs, 4);
	unit_dump_put_word(d, 0x90, 0x68, n_pages);
}

void unit_dump_put_run(UnitDump *d, unsigned i, uint64_t page, uint64_t n_pages)
{
	const size_t word = d->is64 ? 8 : 4;
	const size_t at = (d->is64 ? 0x98u : 0x6cu) + 2 * word * i;

	unit_dump_put(d, at, page, word);
	unit_dump_put(d, at + word, n_pages, word);
}

void unit_dump_put_page(UnitDump *d, size_t off, uint64_t pfn)
{
	unit_dump_put(d, off + TAG, pfn, 8);
}

Image *unit_dump_open(UnitDump *d, size_t len, const char *format,
		      GError **error)
{
	const struct image_options options = { .format = format };

	log_free(d->log);
	d->log = log_new();
	return image_open_io(image_io_memory(d->bytes, len), "x", &options,
			     d->log, error);
}

uint64_t unit_dump_page(const Image *image, uint64_t pfn)
{
	const uint64_t pa = pfn * PAGE_SIZE_4K;
	struct image_run run;
	uint8_t word[8];

	if (!image_runs_find(image->runs, pa, &run) || run.pa > pa ||
	    !image_io_read(image->io, run.off + (pa - run.pa) + TAG, word,
			   sizeof word))
		return UINT64_MAX;
	return load_le64(word);
}

bool unit_dump_logged(const UnitDump *d, const char *text)
{
	g_autofree char *log = log_text(d->log);

	return strstr(log, text) != NULL;
}
