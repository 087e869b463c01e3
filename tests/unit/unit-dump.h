/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Crash dumps made by hand, in memory: each field can be given any value. */
#ifndef UNIT_DUMP_H
#define UNIT_DUMP_H

#include "unit/unit.h"

#include "image/image.h"

typedef struct unit_dump UnitDump;
struct unit_dump {
	bool is64;
	size_t len;
	uint8_t *bytes;
	Log *log; /* of the last unit_dump_open() */
};

/* len bytes: a header (filled with "PAGE" where nothing else is said) with
 * this DumpType, then zeros. */
UnitDump *unit_dump_new(bool is64, uint32_t type, size_t len);
void unit_dump_free(UnitDump *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UnitDump, unit_dump_free)

size_t unit_dump_header_bytes(const UnitDump *d);
void unit_dump_put(UnitDump *d, size_t at, uint64_t value,
		   size_t len_bytes);
/* A word of the machine's width, in the header of either kind. */
void unit_dump_put_word(UnitDump *d, size_t at64, size_t at32,
			uint64_t value);
/* PhysicalMemoryBlock: the numbers, and one run. */
void unit_dump_put_block(UnitDump *d, uint32_t n_runs,
			 uint64_t n_pages);
void unit_dump_put_run(UnitDump *d, unsigned i, uint64_t page,
		       uint64_t n_pages);
/* Writes the number of the page into a page's place in the file. */
void unit_dump_put_page(UnitDump *d, size_t off, uint64_t pfn);

/* The first len bytes of it, opened; format NULL: found out. */
Image *unit_dump_open(UnitDump *d, size_t len, const char *format,
		      GError **error);
/* What unit_dump_put_page() wrote into the page that is shown at pfn;
 * UINT64_MAX: no such page. */
uint64_t unit_dump_page(const Image *image, uint64_t pfn);
/* Does the log of the last opening have this? */
bool unit_dump_logged(const UnitDump *d, const char *text);

#endif
