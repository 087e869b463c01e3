/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Crash dumps that list their pages as ranges: full ones by the
 * PhysicalMemoryBlock of the header, those of newer debuggers by an array
 * behind it. The pages lie one behind the other, in the order of the list.
 */
#include "config.h"

#include "image/crashdump.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"

#define PFN_END (PHYS_ADDR_END >> PAGE_SHIFT_4K)

enum {
	/* An array may claim as many ranges as the file has room for; so many
	 * are kept (24 bytes each). */
	RANGES_MAX = 1 << 20,
	RANGES_CHUNK = 4096,
	/* Of the header behind the header, from its start. */
	RDMP_METADATA = 0x10,
	RDMP_FIRST_PAGE = 0x18,
	RDMP_TOTAL_PAGES = 0x28,
	RDMP_ARRAY = 0x30,
};

struct range {
	uint64_t pfn, n_pages;
};

/* One word of padding or the sum stands between the number and the runs, and
 * a run is two words. */
static uint32_t run_bytes(const struct dump *d)
{
	return d->at->is64 ? 16 : 8;
}

/* How many runs there is room for before `end`. */
static uint32_t block_room(const struct dump *d, uint32_t end)
{
	return (end - d->at->block) / run_bytes(d) - 1;
}

static struct range block_run(const struct dump *d, uint32_t i)
{
	uint32_t at = d->at->block + (i + 1) * run_bytes(d);

	return (struct range){ dump_word(d, at),
			       dump_word(d, at + run_bytes(d) / 2) };
}

/* Sum of the pages of all runs; 0 where it is not filled in. */
static uint64_t block_sum(const struct dump *d)
{
	uint32_t at = d->at->block + run_bytes(d) / 2;

	return dump_is_set(d, at) ? dump_word(d, at) : 0;
}

/* Runs that a Windows can have had: filled in, ascending, not too high. */
static bool range_is_sane(struct range r, uint64_t min_pfn)
{
	return (uint32_t)r.pfn != DUMP_UNUSED && r.n_pages > 0 &&
	       r.pfn >= min_pfn && range_fits(r.pfn, r.n_pages, PFN_END);
}

/* How many sane runs there are at the start, n at the most; no more than make
 * up `sum` where that is not 0. */
static uint32_t count_sane(const struct dump *d, uint32_t n, uint64_t sum,
			   uint64_t *n_pages)
{
	uint64_t min_pfn = 0;
	uint32_t i;

	*n_pages = 0;
	for (i = 0; i < n; i++) {
		struct range r = block_run(d, i);

		if (!range_is_sane(r, min_pfn) || (sum && *n_pages >= sum))
			break;
		*n_pages += r.n_pages;
		min_pfn = r.pfn + r.n_pages;
	}
	return i;
}

/* Pages of the first n runs, whatever they are. */
static uint64_t count_pages(const struct dump *d, uint32_t n)
{
	uint64_t n_pages = 0;

	for (uint32_t i = 0; i < n; i++)
		n_pages += block_run(d, i).n_pages;
	return n_pages;
}

/* Does the file have so many pages? */
static bool has_pages(const struct dump *d, uint64_t n_pages)
{
	return n_pages <= (d->size - d->at->header_bytes) / PAGE_SIZE_4K;
}

/* Where the number of runs fits neither the block nor their sum: runs may go
 * on behind the block, or the number alone is wrong. The sum tells, but where
 * it would drop pages that the file has. */
static uint32_t guess_runs(struct dump *d, uint32_t claimed, uint32_t room)
{
	uint64_t sum = block_sum(d), n_pages, n_claimed;
	uint32_t n = count_sane(d, block_room(d, d->at->spill_end), sum,
				&n_pages);
	bool fits = claimed && claimed <= room;

	n_claimed = fits ? count_pages(d, claimed) : 0;
	if (sum && n_pages == sum &&
	    !(fits && n < claimed && has_pages(d, n_claimed))) {
		log_add(d->log, LOG_WARN, "image",
			"the header claims %u run(s) of memory, its block has"
			" room for %u: %u that follow each other make up its"
			" number of pages and are used",
			claimed, room, n);
		return n;
	}
	if (fits) {
		log_add(d->log, LOG_WARN, "image",
			"the runs of memory in the header have %" PRIu64
			" pages, its NumberOfPages is %" PRIu64
			": one of them is wrong",
			n_claimed, sum);
		return claimed;
	}
	n = count_sane(d, room, 0, &n_pages);
	log_add(d->log, LOG_WARN, "image",
		"the header claims %u run(s) of memory, its block has room for"
		" %u: %u of %" PRIu64 " pages are used (it claims %" PRIu64
		"); where the other pages belong is not known",
		claimed, room, n, n_pages, sum);
	return n;
}

static uint32_t choose_runs(struct dump *d)
{
	uint32_t n = dump_u32(d, d->at->block);
	uint32_t room = block_room(d, d->at->block_end);
	uint64_t sum = block_sum(d);

	if (n && n <= room && (!sum || count_pages(d, n) == sum))
		return n;
	return guess_runs(d, n, room);
}

/* Adds pages that lie at *off and moves on; false where that would wrap. */
static bool add_range(struct dump *d, struct range r, uint64_t *off)
{
	/* So that neither wraps; what is beyond is cut. */
	uint64_t pfn = MIN(r.pfn, PFN_END);
	uint64_t n_pages = MIN(r.n_pages, PFN_END);

	image_runs_add(d->runs, pfn << PAGE_SHIFT_4K, n_pages << PAGE_SHIFT_4K,
		       *off, d->size);
	return add_u64(*off, n_pages << PAGE_SHIFT_4K, off);
}

bool dump_add_block(struct dump *d)
{
	uint64_t off = d->at->header_bytes;
	uint32_t n = choose_runs(d), n_sane = 0;

	for (uint32_t i = 0; i < n; i++)
		n_sane += range_is_sane(block_run(d, i), 0);
	if (!n_sane)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!add_range(d, block_run(d, i), &off))
			break;
	return true;
}

/* What the header behind the header says. */
struct rdmp {
	uint64_t array;	     /* offset of the first range */
	uint64_t array_end;
	uint64_t first_page; /* offset */
	uint64_t total;	     /* pages; 0: not said */
};

/* The first page follows the array: two fields tell where that is. */
static bool read_rdmp(const struct dump *d, struct rdmp *ret)
{
	uint64_t at = d->at->header_bytes, by_size;
	uint8_t h[RDMP_ARRAY];

	if (!image_io_read(d->io, at, h, sizeof h))
		return false;
	ret->array = at + RDMP_ARRAY;
	ret->first_page = load_le64(h + RDMP_FIRST_PAGE);
	ret->total = d->type == DUMP_RANGES_FULL ?
			     load_le64(h + RDMP_TOTAL_PAGES) :
			     0;
	if (!add_u64(load_le64(h + RDMP_METADATA), at + 0x20, &by_size))
		by_size = 0;
	if (by_size != ret->first_page)
		log_add(d->log, LOG_WARN, "image",
			"the list of ranges ends at 0x%" PRIx64
			", the first page is at 0x%" PRIx64
			": one of them is wrong",
			by_size, ret->first_page);
	if (ret->first_page <= ret->array || ret->first_page > d->size)
		ret->first_page = by_size;
	ret->array_end = MIN(ret->first_page, d->size);
	return ret->array_end > ret->array;
}

struct range_list {
	struct dump *d;
	uint64_t off;	  /* of the next page */
	uint64_t n_pages; /* so far */
	uint64_t total;
	uint32_t n;
};

/* False at the end: a range without pages, one at page 0 that is not the
 * first, or all pages are there. */
static bool take_range(struct range_list *list, struct range r)
{
	if (!r.n_pages || (!r.pfn && list->n))
		return false;
	if (list->n >= RANGES_MAX) {
		log_add(list->d->log, LOG_WARN, "image",
			"more than %u ranges of memory: the pages of those"
			" behind are left out",
			list->n);
		return false;
	}
	list->n++;
	if (!add_u64(list->n_pages, r.n_pages, &list->n_pages) ||
	    !add_range(list->d, r, &list->off))
		return false;
	return !list->total || list->n_pages < list->total;
}

static void take_ranges(struct range_list *list, uint64_t at, uint64_t end)
{
	g_autofree uint8_t *chunk = g_malloc(RANGES_CHUNK);

	while (end - at >= 16) {
		size_t len = (size_t)MIN(end - at, RANGES_CHUNK) & ~(size_t)15;

		if (!image_io_read(list->d->io, at, chunk, len)) {
			log_add(list->d->log, LOG_WARN, "image",
				"the list of ranges cannot be read at 0x%"
				PRIx64 ": where the pages of those behind"
				" belong is not known",
				at);
			return;
		}
		for (size_t i = 0; i < len; i += 16)
			if (!take_range(list,
					(struct range){
						load_le64(chunk + i),
						load_le64(chunk + i + 8) }))
				return;
		at += len;
	}
}

bool dump_add_ranges(struct dump *d)
{
	struct range_list list = { .d = d };
	struct rdmp h;

	if (!read_rdmp(d, &h))
		return false;
	list.off = h.first_page;
	list.total = h.total;
	take_ranges(&list, h.array, h.array_end);
	if (list.n && h.total && list.n_pages != h.total)
		log_add(d->log, LOG_WARN, "image",
			"%u ranges have %" PRIu64 " pages, the header claims"
			" %" PRIu64,
			list.n, list.n_pages, h.total);
	return list.n > 0;
}
