/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Squeezed raw files. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/seen.h"
#include "image/hole.h"
#include "nt/dtbscan.h"
#include "nt/hole.h"

enum {
	LAYOUTS_MAX = 16,
	SCAN_CHUNK = 1 << 20,
	ROOTS_MAX = 32,	    /* top-level tables that are walked */
	TABLES_MAX = 1024,  /* that are read for one of them in one layout */
	/* What a table that is right is worth in pages that are in the file,
	 * and how much more of these a layout must have than any other; with
	 * so much more, nothing else is looked at. */
	TABLE_WORTH = 16,
	BLANK_WORTH = 8,
	PAGES_WORTH_MAX = 96,
	CLEAR = 48,
	VERY_CLEAR = 200,
	PAE_SELF = 3,	    /* entry of the directory of the fourth GiB */
	TABLE_ENTRIES = 512,
};
/* Read at most behind the first root that was found. */
#define SCAN_MAX GIB
#define FRAME_MASK UINT64_C(0x000ffffffffff000)
/* By how much an entry for itself can differ from the offset of a table: all
 * holes begin at multiples of this, in the upper half of the 4 GiB. */
#define HOLE_BITS UINT64_C(0xf8000000)

enum {
	ENTRY_PRESENT = 1,
	ENTRY_UNCACHED = 0x18, /* memory of devices, most likely */
	ENTRY_ACCESSED = 0x20,
	ENTRY_LARGE = 0x80,
};

/* One way in which the file may be physical memory; all counts are of what is
 * above the first hole. */
struct layout {
	uint64_t hole;	/* 0: flat */
	Seen *seen;	/* tables that were looked at */
	int n_right;	/* tables that look like one */
	int n_wrong;	/* that do not, or are not in the file */
	int n_blank;	/* that are zeros, which is unlikely */
	int n_in, n_out; /* pages in the file, and not */
};

struct search {
	const ImageIo *io;
	uint64_t size;
	struct layout layouts[LAYOUTS_MAX];
	unsigned n_layouts, n_roots;
	unsigned left;	/* tables, of this root in this layout */
};

static void init(struct search *s, const Image *image)
{
	s->io = image_data(image);
	s->size = image_io_size(s->io);
	s->layouts[s->n_layouts++].hole = 0;
	for (size_t i = 0; image_holes[i] && s->n_layouts < LAYOUTS_MAX; i++)
		if (image_holes[i] < s->size)
			s->layouts[s->n_layouts++].hole = image_holes[i];
	for (unsigned i = 0; i < s->n_layouts; i++)
		s->layouts[i].seen = seen_new(ROOTS_MAX * TABLES_MAX);
}

static void clear(struct search *s)
{
	for (unsigned i = 0; i < s->n_layouts; i++)
		seen_free(s->layouts[i].seen);
}

static bool has(const struct search *s, const struct layout *l, uint64_t pa)
{
	uint64_t off;

	return image_hole_offset(l->hole, s->size, pa, &off);
}

static bool read_page(const struct search *s, const struct layout *l,
		      uint64_t pa, uint8_t *page)
{
	uint64_t off;

	return image_hole_offset(l->hole, s->size, pa, &off) &&
	       image_io_read(s->io, off, page, PAGE_SIZE_4K);
}

/*
 * Does a page look like a table? Entries that are present lead to what may be
 * memory, and were used; those of devices do not, but hardly ever fill a table
 * alone. 0: it is blank, which says nothing.
 */
static int judge(const struct search *s, const uint8_t *page)
{
	unsigned n_good = 0, n_bad = 0;

	for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
		uint64_t entry = load_le64(page + 8 * i);
		uint64_t frame = entry & FRAME_MASK;

		if (!(entry & ENTRY_PRESENT))
			continue;
		if (frame >= s->size + IMAGE_HOLE_END)
			n_bad++;
		else if (frame && entry & ENTRY_ACCESSED)
			n_good++;
	}
	if (n_bad > n_good)
		return -1;
	return n_good > 0;
}

/* Are the pages of a table on the last level in the file? */
static void count_pages(const struct search *s, struct layout *l,
			const uint8_t *page)
{
	for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
		uint64_t entry = load_le64(page + 8 * i);
		uint64_t frame = entry & FRAME_MASK;
		bool in = has(s, l, frame);

		if ((entry & (ENTRY_PRESENT | ENTRY_ACCESSED |
			      ENTRY_UNCACHED)) !=
			    (ENTRY_PRESENT | ENTRY_ACCESSED) ||
		    frame < image_holes[0] ||
		    frame >= s->size + IMAGE_HOLE_END)
			continue;
		l->n_in += in;
		l->n_out += !in;
	}
}

static void walk(struct search *s, struct layout *l, const uint8_t *page,
		 uint64_t self, unsigned depth);

/* The table that an entry leads to, which has depth levels below it. */
static void visit(struct search *s, struct layout *l, uint64_t pa,
		  unsigned depth)
{
	uint8_t page[PAGE_SIZE_4K];
	bool counts = pa >= image_holes[0];
	int verdict = -1;

	if (!s->left || seen_enter(l->seen, pa) != SEEN_NEW)
		return;
	s->left--;
	if (read_page(s, l, pa, page))
		verdict = judge(s, page);
	l->n_right += counts && verdict > 0;
	l->n_wrong += counts && verdict < 0;
	l->n_blank += counts && !verdict;
	if (verdict > 0 && depth)
		walk(s, l, page, pa, depth);
	else if (verdict > 0)
		count_pages(s, l, page);
}

static void walk(struct search *s, struct layout *l, const uint8_t *page,
		 uint64_t self, unsigned depth)
{
	for (unsigned i = 0; i < TABLE_ENTRIES && s->left; i++) {
		uint64_t entry = load_le64(page + 8 * i);
		uint64_t frame = entry & FRAME_MASK;

		if ((entry & (ENTRY_PRESENT | ENTRY_ACCESSED | ENTRY_LARGE)) ==
			    (ENTRY_PRESENT | ENTRY_ACCESSED) &&
		    frame && frame != self)
			visit(s, l, frame, depth - 1);
	}
}

static bool leads_to(const uint8_t *page, unsigned i, uint64_t pa)
{
	uint64_t entry = load_le64(page + 8 * i);

	return entry & ENTRY_PRESENT && (entry & FRAME_MASK) == pa;
}

/* Does a top-level table of four levels (or five) lead to itself? */
static bool is_top(const uint8_t *page, uint64_t pa)
{
	for (unsigned i = TABLE_ENTRIES / 2; i < TABLE_ENTRIES; i++)
		if (leads_to(page, i, pa))
			return true;
	return false;
}

static void try_root(struct search *s, struct layout *l, uint64_t pa)
{
	uint8_t page[PAGE_SIZE_4K];
	bool top;

	if (!read_page(s, l, pa, page))
		return;
	top = is_top(page, pa);
	if ((!top && !leads_to(page, PAE_SELF, pa)) ||
	    judge(s, page) <= 0 || seen_enter(l->seen, pa) != SEEN_NEW)
		return;
	l->n_right += pa >= image_holes[0];
	s->left = TABLES_MAX;
	/* PAE, the directory of the fourth GiB: its first entries lead to the
	 * other directories, all others to tables. */
	for (unsigned i = 0; !top && i < PAE_SELF; i++)
		visit(s, l, load_le64(page + 8 * i) & FRAME_MASK, 1);
	walk(s, l, page, pa, top ? 3 : 1);
}

/* How much speaks for a layout. Tables are hardly ever where they should not
 * be; pages can be. */
static int score(const struct layout *l)
{
	return TABLE_WORTH * (l->n_right - l->n_wrong) -
	       BLANK_WORTH * l->n_blank +
	       CLAMP(l->n_in - l->n_out, -PAGES_WORTH_MAX, PAGES_WORTH_MAX);
}

/* The layout for which so much more speaks than for any other, and next to
 * nothing against it; or NULL. */
static struct layout *clear_winner(struct search *s, int margin)
{
	struct layout *best = &s->layouts[0];

	for (unsigned i = 1; i < s->n_layouts; i++)
		if (score(&s->layouts[i]) > score(best))
			best = &s->layouts[i];
	if (best->n_wrong + best->n_blank > best->n_right / 4 ||
	    best->n_out > best->n_in / 4)
		return NULL;
	for (unsigned i = 0; i < s->n_layouts; i++) {
		const struct layout *l = &s->layouts[i];

		if (l != best && score(best) < score(l) + margin)
			return NULL;
	}
	return best;
}

/* False: that is enough. */
static bool try_offset(struct search *s, uint64_t off)
{
	s->n_roots++;
	for (unsigned i = 0; i < s->n_layouts; i++) {
		struct layout *l = &s->layouts[i];

		try_root(s, l, image_hole_address(l->hole, off));
	}
	return s->n_roots < ROOTS_MAX && !clear_winner(s, VERY_CLEAR);
}

/* May an entry be that of a table at off for itself? */
static uint64_t may_be(uint64_t entry, uint64_t off)
{
	return (((entry & FRAME_MASK) - off) & ~HOLE_BITS) == 0;
}

/* May it be a root in one of the layouts? The loop that sees every page. */
static bool may_be_root(const uint8_t *page, uint64_t off)
{
	uint64_t own = load_le64(page + 8 * PAE_SELF);
	uint64_t found = own & 1 & may_be(own, off);

	for (unsigned i = TABLE_ENTRIES / 2; i < TABLE_ENTRIES; i++) {
		uint64_t entry = load_le64(page + 8 * i);

		found |= entry & 1 & may_be(entry, off);
	}
	return found;
}

static void scan(struct search *s)
{
	g_autofree uint8_t *buf = g_malloc(SCAN_CHUNK);
	uint64_t off = image_io_next_data(s->io, 0), n_read = 0;

	while (off < s->size && (!s->n_roots || n_read < SCAN_MAX)) {
		size_t len;

		off = page_floor(off);
		len = (size_t)page_floor(MIN(SCAN_CHUNK, s->size - off));
		if (len && !image_io_read(s->io, off, buf, len))
			len = 0;
		for (size_t at = 0; at < len; at += PAGE_SIZE_4K)
			if (may_be_root(buf + at, off + at) &&
			    !try_offset(s, off + at))
				return;
		n_read += s->n_roots ? len : 0;
		off = image_io_next_data(s->io, off + MAX(len, PAGE_SIZE_4K));
	}
}

/* What a flat file that is whole does not have. */
static bool is_odd(const struct layout *flat)
{
	return flat->n_wrong + flat->n_blank > flat->n_right / 4 ||
	       flat->n_out > MAX(CLEAR / 2, flat->n_in / 8);
}

/* "40 of 41 page tables and 9 of 12 pages". */
static char *text_of(const struct layout *l)
{
	return g_strdup_printf("%d of %d page tables and %d of %d pages",
			       l->n_right,
			       l->n_right + l->n_wrong + l->n_blank, l->n_in,
			       l->n_in + l->n_out);
}

static const struct layout *decide(struct search *s, Log *log)
{
	const struct layout *flat = &s->layouts[0];
	const struct layout *best = clear_winner(s, CLEAR);
	g_autofree char *flat_text = text_of(flat);
	g_autofree char *text = text_of(best ? best : flat);

	if (best && best->hole)
		log_add(log, LOG_INFO, "image",
			"the hole from 0x%" PRIx64 " to 4 GiB is taken to be"
			" left out of the file: above 2 GiB %s are where page"
			" tables say, %s in a flat file; map=FILE overrides it",
			best->hole, text, flat_text);
	else if (best || !is_odd(flat))
		log_add(log, LOG_INFO, "image",
			"taken as flat: above 2 GiB %s are where page tables"
			" say",
			flat_text);
	else
		log_add(log, LOG_WARN, "image",
			"taken as flat, though above 2 GiB only %s are where"
			" page tables say: if the hole below 4 GiB was left out"
			" of the file, map=FILE tells of it",
			flat_text);
	return best ? best : flat;
}

uint64_t nt_hole_find(const PhysMem *pm, const Image *image,
		      const struct nt_hints *hints, Log *log)
{
	struct search s = { 0 };
	uint64_t hint, hole;
	PhysAddr dtb;

	/* Two levels reach no further than 4 GiB; ARM64 has no such hole. */
	if (hints->form == &paging_x86 || hints->form == &paging_arm64)
		return 0;
	init(&s, image);
	for (unsigned i = 0; i < s.n_layouts; i++)
		if (hints->dtb)
			try_root(&s, &s.layouts[i], page_floor(hints->dtb));
	if (nt_dtb_low_stub(pm, &dtb, &hint))
		for (unsigned i = 0; i < s.n_layouts; i++)
			try_root(&s, &s.layouts[i], page_floor(dtb.v));
	if (!clear_winner(&s, VERY_CLEAR))
		scan(&s);
	hole = decide(&s, log)->hole;
	clear(&s);
	return hole;
}
