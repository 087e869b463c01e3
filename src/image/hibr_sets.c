/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hibernation files of Windows 8 and later: sets that follow each other. */
#include "config.h"

#include "base/bytes.h"
#include "image/hibr-priv.h"

enum {
	COUNT_BYTES = 4,   /* how many descriptors, bytes; the method */
	WINDOW = 64 << 10, /* bytes that are searched at a time */
	CHAIN = 4,	   /* sets in a row that cannot be chance */
};

/* What is searched where sets are damaged, in all. */
#define SCAN_MAX (UINT64_C(256) << 20)
#define TRIES_MAX (UINT64_C(1) << 20)
/* How far a search of one place goes; where nobody says that there must be
 * more, it is short. */
#define SCAN_FAR (UINT64_C(16) << 20)
#define SCAN_NEAR (UINT64_C(256) << 10)
/* Where it is not known: no machine with such a file has more than 256 GiB. */
#define HIGHEST_LIKELY (UINT64_C(1) << 26)

/* --- one set --- */

static bool read_count(const uint8_t *p, bool is64, struct hibr_set *set)
{
	const uint32_t word = load_le32(p);

	set->n_descs = word & 0xff;
	set->size = word >> 8 & 0x3fffff;
	set->method = word >> 30;
	set->data_at = COUNT_BYTES + set->n_descs * (is64 ? 8 : 4);
	return set->n_descs && set->size &&
	       set->size <= (HIBR_PAGES_MAX + 1) * PAGE_SIZE_4K;
}

static bool read_descs(const uint8_t *p, bool is64, struct hibr_set *set)
{
	set->n_pages = 0;
	for (uint32_t i = 0; i < set->n_descs; i++) {
		const uint64_t word = is64 ? load_le64(p + 8 * i) :
					     load_le32(p + 4 * i);
		const struct hibr_desc desc = { word >> 4,
						(uint32_t)(word & 0xf) + 1 };

		if (desc.pfn >= HIBR_PFN_END - HIBR_PAGES)
			return false;
		set->descs[i] = desc;
		set->n_pages += desc.n;
	}
	/* Huffman codes take 256 bytes of pages that do not compress. */
	return set->n_pages <= HIBR_PAGES_MAX &&
	       set->size <= set->n_pages * PAGE_SIZE_4K + 1024;
}

bool hibr_set_read(const ImageIo *io, bool is64, uint64_t off,
		   struct hibr_set *set)
{
	uint8_t head[COUNT_BYTES + 8 * 255];
	uint64_t size = image_io_size(io), n;

	/* Mostly there are few descriptors: what they take is one read. */
	if (!range_fits(off, COUNT_BYTES, size))
		return false;
	n = MIN(size - off, (uint64_t)(COUNT_BYTES + 8 * HIBR_PAGES));
	if (!image_io_read(io, off, head, (size_t)n) ||
	    !read_count(head, is64, set) ||
	    !range_fits(off, set->data_at, size))
		return false;
	if (set->data_at > n &&
	    !image_io_read(io, off + n, head + n, (size_t)(set->data_at - n)))
		return false;
	return read_descs(head + COUNT_BYTES, is64, set);
}

/* As Windows writes them, and of pages up to the highest: what is searched must
 * look like that. */
static bool is_usual(const struct hibr_set *set, uint64_t highest)
{
	for (uint32_t i = 0; i < set->n_descs; i++)
		if (set->descs[i].pfn + set->descs[i].n - 1 > highest)
			return false;
	return set->n_pages <= HIBR_PAGES &&
	       set->size <= set->n_pages * PAGE_SIZE_4K;
}

static bool is_blank(const ImageIo *io, uint64_t off)
{
	uint8_t word[COUNT_BYTES];

	return !range_fits(off, sizeof word, image_io_size(io)) ||
	       (image_io_read(io, off, word, sizeof word) &&
		!load_le32(word));
}

static bool are_sets(const ImageIo *io, bool is64, uint64_t off, unsigned n,
		     uint64_t highest)
{
	g_autofree struct hibr_set *set = g_new(struct hibr_set, 1);
	uint64_t at = off;

	for (unsigned i = 0; i < n; i++) {
		if (!hibr_set_read(io, is64, at, set) ||
		    !is_usual(set, highest)) {
			if (i < 2 || !is_blank(io, at))
				return false;
			break;
		}
		at += set->data_at + set->size;
		if (at > image_io_size(io))
			return false;
	}
	return hibr_set_read(io, is64, off, set) &&
	       hibr_set_unpacks(io, off, set);
}

bool hibr_sets_plausible(const ImageIo *io, bool is64, uint64_t off, unsigned n)
{
	return are_sets(io, is64, off, n, HIBR_PFN_END);
}

uint64_t hibr_sets_find_page(const ImageIo *io, bool is64, uint64_t page,
			     uint64_t end, unsigned n)
{
	while (page < end) {
		uint64_t off = page << PAGE_SHIFT_4K;
		uint64_t data = image_io_next_data(io, off);

		if (data >= image_io_size(io))
			return 0;
		if (page_floor(data) > off) {
			page = data >> PAGE_SHIFT_4K;
			continue;
		}
		if (hibr_sets_plausible(io, is64, off, n))
			return page;
		page++;
	}
	return 0;
}

/* --- where the next one starts, when the chain is broken --- */

/* May a set start here? What a look at the first word says. */
static bool may_start(const uint8_t *p)
{
	const uint32_t word = load_le32(p), n = word & 0xff;
	const uint32_t size = word >> 8 & 0x3fffff;

	return n && n <= HIBR_PAGES && size &&
	       size <= HIBR_PAGES * PAGE_SIZE_4K;
}

/* In one window; 0: nowhere. */
static uint64_t search_window(struct hibr_sets *s, uint64_t off,
			      const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i + COUNT_BYTES <= n && s->tries_left; i++) {
		if (!may_start(bytes + i))
			continue;
		s->tries_left--;
		if (are_sets(s->io, s->is64, off + i, CHAIN, s->highest))
			return off + i;
	}
	return 0;
}

/* The first place in [off, end) where sets start; 0: there is none, or there
 * was enough searching. */
static uint64_t search_set(struct hibr_sets *s, uint64_t off, uint64_t end)
{
	g_autofree uint8_t *bytes = g_malloc(WINDOW + COUNT_BYTES);

	while (off < end && s->scan_left && s->tries_left) {
		uint64_t n = MIN(end - off, (uint64_t)WINDOW), found;
		uint64_t left = image_io_size(s->io) - off;

		n = MIN(n, s->scan_left);
		s->scan_left -= n;
		/* A word that starts at the end of the window counts. */
		left = MIN(left, n + COUNT_BYTES - 1);
		if (image_io_read(s->io, off, bytes, (size_t)left)) {
			found = search_window(s, off, bytes, (size_t)left);
			if (found)
				return found;
		}
		off += n;
	}
	return 0;
}

/* --- all of them --- */

void hibr_sets_init(struct hibr_sets *s, const ImageIo *io, bool is64,
		    uint64_t highest)
{
	memset(s, 0, sizeof *s);
	s->io = io;
	s->is64 = is64;
	s->highest = highest ? highest : HIGHEST_LIKELY;
	s->index = hibr_index_new(io, false, is64);
	s->scan_left = SCAN_MAX;
	s->tries_left = TRIES_MAX;
}

/* One that is read; false: there is no more. */
static bool take_set(struct hibr_sets *s, uint64_t off,
		     const struct hibr_set *set)
{
	if (!range_fits(off + set->data_at, set->size, image_io_size(s->io))) {
		s->n_cut += set->n_pages;
		return false;
	}
	if (!hibr_index_add_set(s->index, off, set->n_pages)) {
		s->full = true;
		return false;
	}
	for (uint32_t i = 0; i < set->n_descs; i++)
		hibr_index_add_run(s->index, set->descs[i].pfn,
				   set->descs[i].n);
	return true;
}

/* The chain is broken at off; what came before began its data at data. */
static uint64_t resume(struct hibr_sets *s, uint64_t data, uint64_t end,
		       bool more)
{
	uint64_t far = more ? SCAN_FAR : SCAN_NEAR, found;

	found = search_set(s, data, MIN(end, data + far));
	s->n_breaks += found != 0;
	return found;
}

/* Reads a set that others lead to. One that is odd must lead to others. */
static bool read_next(const struct hibr_sets *s, uint64_t off,
		      struct hibr_set *set)
{
	g_autofree struct hibr_set *next = NULL;
	uint64_t end;

	if (!hibr_set_read(s->io, s->is64, off, set))
		return false;
	if (is_usual(set, s->highest))
		return true;
	next = g_new(struct hibr_set, 1);
	end = off + set->data_at + set->size;
	return is_blank(s->io, end) ||
	       hibr_set_read(s->io, s->is64, end, next);
}

uint64_t hibr_sets_follow(struct hibr_sets *s, uint64_t off, uint64_t end,
			  uint64_t total)
{
	g_autofree struct hibr_set *set = g_new(struct hibr_set, 1);
	uint64_t done = 0, data = off + 1;

	end = MIN(end, image_io_size(s->io));
	while (off < end && (!total || done < total)) {
		if (!read_next(s, off, set)) {
			/* Zeros are the end where nobody says that more must
			 * come. */
			if (!total && is_blank(s->io, off))
				break;
			off = resume(s, data, end, total != 0);
			if (!off)
				break;
			data = off + 1;
			continue;
		}
		if (!take_set(s, off, set))
			break;
		done += set->n_pages;
		data = off + set->data_at;
		off = data + set->size;
	}
	s->end = MAX(off, data);
	if (total > done)
		s->n_missing += total - done;
	return done;
}
