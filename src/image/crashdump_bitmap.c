/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Crash dumps with a bitmap of the pages that they hold (SDMP, FDMP behind
 * the header). Its header has looked differently over the years, with the
 * same signature, and tools disagree about it; a damaged one may have any
 * values. So each reading of it is weighed by what it says of the rest: bits
 * that are set, the page that the header has as top of the page tables.
 */
#include "config.h"

#include "image/crashdump.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"

enum {
	BITMAP_HEADER = 0x38, /* of the newest */
	CHUNK_BYTES = 64 * 1024,
	POINTS_CLAIMED = 4, /* nothing had to be corrected */
	POINTS_COUNT = 8,   /* as many bits are set as it says */
	POINTS_TABLES = 8,  /* the top of the page tables is where it says */
	POINTS_PLACE = 1,   /* pages start where the bitmap ends */
	POINTS_SIZE = 1,    /* the old kind says its size twice */
};

#define BITS_MAX (UINT64_C(1) << 34) /* 64 TiB of memory */
#define READ_MAX (4 * GIB)	     /* for all readings */
#define FIRST_PAGE_GAP (16 * MIB)    /* between the bitmap and the pages */

/* Where the header of a bitmap has what. */
struct bitmap_layout {
	const char *name;
	uint8_t first_page, n_pages, n_bits, bits;
	uint8_t n_bits_again; /* or 0 */
	bool wide;	      /* 64-bit fields */
};

/* Windows 8 changed it, for machines of 32 and 64 bits alike. That the number
 * of pages and of bits are swapped is Volatility 2's reading of it; it costs
 * little to be prepared for a writer that believed it. Before, it was
 * SUMMARY_DUMP32 and SUMMARY_DUMP64 of the WDK. */
static const struct bitmap_layout new_layout = {
	"as since Windows 8", 0x20, 0x28, 0x30, 0x38, 0, true
};
static const struct bitmap_layout swapped_layout = {
	"with swapped sizes", 0x20, 0x30, 0x28, 0x38, 0, true
};
static const struct bitmap_layout old_layout_64 = {
	"as before Windows 8, 64-bit", 0x0c, 0x14, 0x10, 0x28, 0x18, false
};
static const struct bitmap_layout old_layout_32 = {
	"as before Windows 8, 32-bit", 0x0c, 0x14, 0x10, 0x20, 0x18, false
};

/* One reading of the header. Offsets in the file. */
struct bitmap {
	const struct bitmap_layout *layout;
	uint64_t bits;	     /* of the bitmap */
	uint64_t first_page; /* of the first page */
	uint64_t n_bits;
	uint64_t n_pages;    /* as claimed */
	uint64_t n_set;
	bool corrected;
	unsigned points;
};

struct weigher {
	const struct dump *d;
	uint8_t header[BITMAP_HEADER];
	uint8_t *chunk;
	uint64_t to_read; /* bytes that may still be read */
	struct bitmap best;
	unsigned enough; /* points that cannot be topped */
	bool is_signed;	 /* the header has its signature */
	bool cut;	 /* the header makes sense, but the pages are cut */
};

static unsigned count_ones(const uint8_t *p, size_t len)
{
	unsigned n = 0;

	for (; len >= 8; len -= 8, p += 8)
		n += (unsigned)__builtin_popcountll(load_le64(p));
	for (; len; len--)
		n += (unsigned)__builtin_popcount(*p++);
	return n;
}

/* How many of the first n bits at `at` are set. Holes are not read. */
static bool count_bits(struct weigher *w, uint64_t at, uint64_t n,
		       uint64_t *n_set)
{
	const uint64_t end = at + n / 8;

	*n_set = 0;
	for (at = image_io_next_data(w->d->io, at); at < end;
	     at = image_io_next_data(w->d->io, at)) {
		size_t len = (size_t)MIN(end - at, CHUNK_BYTES);

		if (len > w->to_read ||
		    !image_io_read(w->d->io, at, w->chunk, len))
			return false;
		w->to_read -= len;
		*n_set += count_ones(w->chunk, len);
		at += len;
	}
	if (n % 8) {
		uint8_t last;

		if (!image_io_read(w->d->io, end, &last, 1))
			return false;
		last &= (uint8_t)((1u << n % 8) - 1);
		*n_set += count_ones(&last, 1);
	}
	return true;
}

/* Where the page is in the file, by this reading; 0: it is not there. */
static uint64_t page_offset(struct weigher *w, const struct bitmap *b,
			    uint64_t pfn)
{
	uint64_t rank;
	uint8_t byte;

	if (pfn >= b->n_bits ||
	    !image_io_read(w->d->io, b->bits + pfn / 8, &byte, 1) ||
	    !(byte >> pfn % 8 & 1) || !count_bits(w, b->bits, pfn, &rank))
		return 0;
	return b->first_page + rank * PAGE_SIZE_4K;
}

/* Is there an entry that is present and leads to `frame`? Windows' top-level
 * tables map themselves, but for PAE's, whose four entries lead to others. */
static bool table_leads_to(const uint8_t *page, bool is64, uint64_t frame)
{
	if (!is64)
		return (load_le32(page + 0xc00) & 1) &&
		       page_floor(load_le32(page + 0xc00)) == frame;
	for (unsigned i = 256; i < 512; i++) {
		uint64_t entry = load_le64(page + 8 * i);

		if ((entry & 1) && bits_get(entry, 12, 36) == frame >> 12)
			return true;
	}
	return false;
}

/* Four page directories, whose last one maps all four. */
static bool pae_is_sane(struct weigher *w, const struct bitmap *b,
			const uint8_t *pdpt)
{
	uint8_t page[PAGE_SIZE_4K];
	uint64_t last = bits_get(load_le64(pdpt + 24), 12, 36);
	uint64_t off = page_offset(w, b, last);

	if (!(load_le64(pdpt + 24) & 1) || !off ||
	    !image_io_read(w->d->io, off, page, sizeof page))
		return false;
	for (unsigned i = 0; i < 4; i++)
		if (bits_get(load_le64(page + 8 * i), 12, 36) !=
		    bits_get(load_le64(pdpt + 8 * i), 12, 36))
			return false;
	return true;
}

static bool tables_are_sane(struct weigher *w, const struct bitmap *b)
{
	const struct dump *d = w->d;
	/* Of ARM64, the upper bits are the ASID. */
	uint64_t dtb = bits_get(dump_word(d, d->at->dtb), 0, 48);
	uint8_t page[PAGE_SIZE_4K];
	uint64_t off = page_offset(w, b, dtb >> PAGE_SHIFT_4K);

	if (!off || !image_io_read(d->io, off, page, sizeof page))
		return false;
	return table_leads_to(page, d->at->is64, page_floor(dtb)) ||
	       (!d->at->is64 &&
		pae_is_sane(w, b, page + (dtb & PAGE_MASK_4K & ~UINT64_C(31))));
}

static uint64_t get(const struct weigher *w, const struct bitmap_layout *l,
		    uint8_t offset)
{
	return l->wide ? load_le64(w->header + offset) :
			 load_le32(w->header + offset);
}

static bool is_possible(const struct weigher *w, const struct bitmap *b)
{
	return b->n_bits && b->n_bits <= BITS_MAX && b->first_page > b->bits &&
	       b->first_page < w->d->size &&
	       (b->n_bits + 7) / 8 <= b->first_page - b->bits;
}

static void weigh(struct weigher *w, struct bitmap b)
{
	const struct bitmap_layout *l = b.layout;

	bool whole;

	if (w->best.points >= w->enough || !is_possible(w, &b))
		return;
	/* Of one that cannot be read to its end, what is before is good. */
	whole = count_bits(w, b.bits, b.n_bits, &b.n_set);
	if (!b.n_set || (!whole && b.corrected))
		return;
	if (b.n_set == b.n_pages)
		b.points += POINTS_COUNT;
	if (tables_are_sane(w, &b))
		b.points += POINTS_TABLES;
	if (!b.corrected && w->is_signed)
		b.points += POINTS_CLAIMED;
	/* A correction that nothing speaks for is no better than none. */
	if (!b.points)
		return;
	if (b.first_page == page_ceil(b.bits + (b.n_bits + 7) / 8))
		b.points += POINTS_PLACE;
	if (l->n_bits_again && get(w, l, l->n_bits_again) == b.n_bits)
		b.points += POINTS_SIZE;
	if (b.points > w->best.points)
		w->best = b;
}

/* A file that ends before its first page. */
static bool is_cut(const struct weigher *w, const struct bitmap *b)
{
	uint64_t end = b->bits + (b->n_bits + 7) / 8;

	return b->n_bits && b->n_bits <= BITS_MAX && b->n_pages <= b->n_bits &&
	       b->first_page >= w->d->size && b->first_page >= end &&
	       b->first_page - end <= FIRST_PAGE_GAP;
}

/* As the header says it; then with each field that others may correct. */
static void weigh_layout(struct weigher *w, const struct bitmap_layout *l)
{
	const uint64_t at = w->d->at->header_bytes, size = w->d->size;
	struct bitmap b = {
		.layout = l,
		.bits = at + l->bits,
		.first_page = get(w, l, l->first_page),
		.n_bits = get(w, l, l->n_bits),
		.n_pages = get(w, l, l->n_pages),
	};
	const struct bitmap claimed = b;

	w->cut |= is_cut(w, &b);
	weigh(w, b);
	b.corrected = true;
	if (b.first_page > b.bits && b.first_page < size) {
		b.n_bits = MIN((b.first_page - b.bits) * 8, BITS_MAX);
		weigh(w, b);
	}
	b = claimed;
	b.corrected = true;
	if (b.n_bits <= BITS_MAX) {
		b.first_page = page_ceil(b.bits + (b.n_bits + 7) / 8);
		weigh(w, b);
	}
	if (b.n_pages < size / PAGE_SIZE_4K) {
		b.first_page = page_floor(size - b.n_pages * PAGE_SIZE_4K);
		if (!is_possible(w, &b) && b.first_page > b.bits)
			b.n_bits = (b.first_page - b.bits) * 8;
		weigh(w, b);
	}
}

static void log_choice(const struct dump *d, const struct bitmap *b)
{
	log_add(d->log, b->corrected ? LOG_WARN : LOG_INFO, "image",
		"bitmap header %s%s: %" PRIu64 " bits, pages start at 0x%"
		PRIx64,
		b->layout->name,
		b->corrected ? ", whose values do not fit together and were"
			       " corrected" : "",
		b->n_bits, b->first_page);
	if (b->n_set != b->n_pages)
		log_add(d->log, LOG_WARN, "image",
			"the bitmap has %" PRIu64 " pages, its header claims"
			" %" PRIu64 ": one of them is damaged, and pages may"
			" be at wrong addresses",
			b->n_set, b->n_pages);
}

static void weigh_all(struct weigher *w)
{
	weigh_layout(w, &new_layout);
	w->enough += POINTS_SIZE;
	weigh_layout(w, w->d->at->is64 ? &old_layout_64 : &old_layout_32);
	weigh_layout(w, &swapped_layout);
	weigh_layout(w, w->d->at->is64 ? &old_layout_32 : &old_layout_64);
}

bool dump_add_bitmap(struct dump *d)
{
	g_autofree uint8_t *chunk = g_malloc(CHUNK_BYTES);
	struct weigher w = {
		.d = d,
		.chunk = chunk,
		.to_read = READ_MAX,
		.enough = POINTS_CLAIMED + POINTS_COUNT + POINTS_PLACE +
			  POINTS_TABLES,
	};

	if (!image_io_read(d->io, d->at->header_bytes, w.header,
			   sizeof w.header))
		return false;
	w.is_signed = dump_index_of(d->io, d->at) == DUMP_BY_BITMAP;
	weigh_all(&w);
	if (!w.best.points && w.cut)
		log_add(d->log, LOG_WARN, "image",
			"the file was cut short before its first page");
	if (!w.best.points)
		return w.cut;
	log_choice(d, &w.best);
	if (!image_runs_add_bitmap(d->runs, 0, w.best.n_bits, d->io,
				   w.best.bits, w.best.first_page, d->size))
		log_add(d->log, LOG_WARN, "image",
			"the bitmap cannot be read to its end: where the pages"
			" behind that belong is not known");
	return true;
}
