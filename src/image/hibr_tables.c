/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hibernation files of XP to 7: tables of pages, and blocks behind each. */
#include "config.h"

#include "base/bytes.h"
#include "image/hibr-priv.h"
#include "image/xpress.h"

enum {
	MAGIC_BYTES = 8,
	ENTRIES_MAX = 0x1ff,
	WINDOW = 4096,		/* bytes that are searched at a time */
	FIRST_FAR = 1 << 20,	/* how far behind a table its blocks may be */
	TABLE_FAR = 1 << 12,	/* pages behind the last block, for a table */
	BLOCK_MAX = HIBR_BLOCK_HEAD + 0x10000,
	FIT_BLOCKS = 64,	/* that are looked at to tell forms apart */
};

/* What is searched where blocks are damaged, in all. */
#define SCAN_MAX (UINT64_C(256) << 20)
/* Blocks of one table at the most: a share of the file, and these. */
#define BLOCKS_LEAST (UINT64_C(1) << 18)

static const char magic[MAGIC_BYTES + 1] = "\x81\x81xpress";

/* By the order in which they are tried; two have the same length. */
const struct hibr_table_form hibr_table_forms[] = {
	{ "XP or 2003", false, 0xa8, 0x58, 0x20, 4, 0xc, 0x10, 0x10, 4, 8,
	  0xff, 2 },
	{ "XP or 2003", true, 0xc0, 0x68, 0x20, 8, 0x14, 0x20, 0x20, 8, 0x10,
	  0x7f, 2 },
	{ "7", false, 0xe0, 0x4c, 0x18, 0, 4, 8, 8, 0, 4, 0x1ff, 1 },
	{ "7", true, 0x128, 0x60, 0x20, 0, 8, 0x10, 0x10, 0, 8, 0xff, 1 },
	{ "Vista", false, 0xe0, 0x50, 0x18, 4, 0xc, 0x10, 0x10, 4, 8, 0xff,
	  4 },
	{ "Vista", true, 0x128, 0x68, 0x20, 8, 0x14, 0x20, 0x20, 8, 0x10, 0x7f,
	  4 },
	{ "Vista SP1", false, 0xf0, 0x50, 0x18, 4, 0xc, 0x10, 0x10, 4, 8, 0xff,
	  1 },
	{ "Vista SP1", true, 0x140, 0x68, 0x20, 8, 0x14, 0x20, 0x20, 8, 0x10,
	  0x7f, 1 },
	{ "Vista SP2", false, 0xf0, 0x50, 0x18, 4, 8, 0xc, 8, 0, 4, 0x1fe, 1 },
	{ "Vista SP2", true, 0x140, 0x68, 0x20, 8, 0x10, 0x18, 0x10, 0, 8,
	  0xfe, 1 },
	{ NULL, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
};

/* --- one table --- */

struct range {
	uint64_t pfn, n;
};

struct table {
	uint64_t next; /* page; 0: none */
	uint32_t count;
	uint32_t n_ranges; /* of them that make sense */
	uint64_t n_pages;
	struct range ranges[ENTRIES_MAX];
};

static uint64_t get(const struct hibr_table_form *form, const uint8_t *p)
{
	return form->is64 ? load_le64(p) : load_le32(p);
}

/* What is no range is damaged, as is all behind it: nobody knows how many pages
 * it has. */
static bool read_ranges(const struct hibr_table_form *form,
			const uint8_t *page, struct table *table)
{
	table->n_ranges = 0;
	table->n_pages = 0;
	for (uint32_t i = 0; i < table->count; i++) {
		const uint8_t *p = page + form->entries + i * form->stride;
		uint64_t start = get(form, p + form->start);
		uint64_t end = get(form, p + form->end);

		if (end <= start || end > HIBR_PFN_END)
			return false;
		table->ranges[i] = (struct range){ start, end - start };
		table->n_ranges++;
		table->n_pages += end - start;
	}
	return true;
}

/* False: damaged in part, or no table at all: n_ranges is then 0. */
static bool read_table(const ImageIo *io, const struct hibr_table_form *form,
		       uint64_t page, struct table *table)
{
	uint8_t bytes[PAGE_SIZE_4K];

	table->n_ranges = 0;
	table->n_pages = 0;
	table->next = 0;
	table->count = 0;
	if (page >= image_io_size(io) >> PAGE_SHIFT_4K ||
	    !image_io_read(io, page << PAGE_SHIFT_4K, bytes, sizeof bytes))
		return false;
	table->next = get(form, bytes + form->next);
	table->count = load_le32(bytes + form->count);
	if (!table->count || table->count > form->max)
		return false;
	return read_ranges(form, bytes, table);
}

/* --- blocks --- */

static bool is_block(const ImageIo *io, uint64_t off)
{
	char got[MAGIC_BYTES];

	return range_fits(off, HIBR_BLOCK_HEAD, image_io_size(io)) &&
	       image_io_read(io, off, got, sizeof got) &&
	       !memcmp(got, magic, MAGIC_BYTES);
}

/* Where the block behind this one starts, by its size. */
static uint64_t next_block(const ImageIo *io, uint64_t off)
{
	uint8_t head[HIBR_BLOCK_HEAD];
	uint64_t size;

	if (!range_fits(off, sizeof head, image_io_size(io)) ||
	    !image_io_read(io, off, head, sizeof head))
		return UINT64_MAX;
	size = (load_le32(head + 8) >> 10) + 1;
	return off + sizeof head + ((size + 7) & ~UINT64_C(7));
}

/* May so much be searched? So that a file that is all damage takes no longer
 * than one that is not. */
static bool may_search(struct hibr_tables *t, uint64_t n)
{
	if (t->scan_left < n)
		return false;
	t->scan_left -= n;
	return true;
}

/* The next block in [off, end); UINT64_MAX: none. */
static uint64_t search_block(struct hibr_tables *t, uint64_t off, uint64_t end)
{
	char bytes[WINDOW + MAGIC_BYTES];

	end = MIN(end, image_io_size(t->io));
	for (; off < end && may_search(t, WINDOW); off += WINDOW) {
		uint64_t n = MIN(end - off, (uint64_t)sizeof bytes);
		const char *at;

		if (!image_io_read(t->io, off, bytes, (size_t)n))
			continue;
		at = memmem(bytes, (size_t)n, magic, MAGIC_BYTES);
		if (at)
			return off + (uint64_t)(at - bytes);
	}
	return UINT64_MAX;
}

bool hibr_table_plausible(const ImageIo *io, const struct hibr_table_form *form,
			  uint64_t page)
{
	g_autofree struct table *table = g_new(struct table, 1);

	return page && page < image_io_size(io) >> PAGE_SHIFT_4K &&
	       read_table(io, form, page, table) &&
	       (!table->next || table->next > page) &&
	       is_block(io, (page + 1) << PAGE_SHIFT_4K);
}

bool hibr_table_fits(const ImageIo *io, const struct hibr_table_form *form,
		     uint64_t page)
{
	g_autofree struct table *table = g_new(struct table, 1);
	uint64_t off = (page + 1) << PAGE_SHIFT_4K, n_most;

	if (!hibr_table_plausible(io, form, page))
		return false;
	(void)read_table(io, form, page, table);
	n_most = (table->n_pages + HIBR_PAGES - 1) / HIBR_PAGES;
	for (uint64_t n = 0; n < MIN(n_most, (uint64_t)FIT_BLOCKS); n++) {
		if (!is_block(io, off))
			return false;
		off = next_block(io, off);
	}
	return n_most > FIT_BLOCKS || !is_block(io, off);
}

uint64_t hibr_tables_find_block(const ImageIo *io, uint64_t page, uint64_t end)
{
	end = MIN(end, image_io_size(io) >> PAGE_SHIFT_4K);
	for (; page < end; page++)
		if (is_block(io, page << PAGE_SHIFT_4K))
			return page;
	return 0;
}

/* --- the blocks of a table --- */

struct found {
	uint64_t off;
	uint64_t lost; /* blocks before it that were not found, as it seems */
};

/* The block behind the one at off, which is nowhere where its size says. */
static bool after_break(struct hibr_tables *t, uint64_t off, uint64_t end,
			struct found *next)
{
	uint64_t said = next_block(t->io, off);
	uint64_t after = next_block(t->io, said);

	next->lost = 0;
	/* Only its magic may be damaged. */
	if (said < end && after < end && is_block(t->io, after)) {
		next->off = said;
		return true;
	}
	next->off = search_block(t, off + HIBR_BLOCK_HEAD,
				 MIN(end, off + 4 * (uint64_t)BLOCK_MAX));
	if (next->off == UINT64_MAX)
		return false;
	/* Behind where this one ends, there was another. */
	if (said < next->off)
		next->lost = (next->off - said + BLOCK_MAX - 1) / BLOCK_MAX;
	t->n_breaks++;
	return true;
}

static bool behind(struct hibr_tables *t, uint64_t off, uint64_t end,
		   struct found *next)
{
	next->lost = 0;
	next->off = next_block(t->io, off);
	return (next->off < end && is_block(t->io, next->off)) ||
	       after_break(t, off, end, next);
}

/* How many pages the first block holds when it is not the usual number. */
static void find_unit(struct hibr_tables *t, uint64_t off, uint64_t n_pages)
{
	uint8_t head[HIBR_BLOCK_HEAD];
	g_autofree uint8_t *in = NULL, *out = NULL;
	uint32_t info, size, n;
	size_t used;

	t->unit = HIBR_PAGES;
	if (!image_io_read(t->io, off, head, sizeof head))
		return;
	info = load_le32(head + 8);
	size = (info >> 10) + 1;
	n = (info & 0x3ff) + 1;
	if (n == HIBR_PAGES || n >= n_pages || n > HIBR_PAGES_MAX ||
	    size >= n * PAGE_SIZE_4K)
		return;
	in = g_malloc(size);
	out = g_malloc(n * PAGE_SIZE_4K);
	if (image_io_read(t->io, off + sizeof head, in, size) &&
	    xpress_unpack_plain(in, size, out, n * PAGE_SIZE_4K, &used) &&
	    size - used < 8)
		t->unit = n;
}

/* Offsets of the blocks of a table (struct found), in [off, end). */
static GArray *find_blocks(struct hibr_tables *t, uint64_t off, uint64_t end,
			   uint64_t n_pages)
{
	GArray *blocks = g_array_new(FALSE, FALSE, sizeof(struct found));
	struct found at = { off, 0 };
	uint64_t n_most, n = 1;

	if (!is_block(t->io, off))
		at.off = search_block(t, off, MIN(end, off + FIRST_FAR));
	if (at.off == UINT64_MAX)
		return blocks;
	if (!t->unit)
		find_unit(t, at.off, n_pages);
	n_most = (n_pages + t->unit - 1) / t->unit;
	g_array_append_val(blocks, at);
	while (n < n_most && behind(t, at.off, end, &at)) {
		n += 1 + at.lost;
		g_array_append_val(blocks, at);
		if (blocks->len >= BLOCKS_LEAST + image_io_size(t->io) / 1024)
			break;
	}
	return blocks;
}

/* Where it is known how many there must be, one gap is as wide as what is not
 * there. */
static void settle_gap(GArray *blocks, uint64_t n_most)
{
	struct found *gap = NULL;
	uint64_t n = 0;

	for (guint i = 0; i < blocks->len; i++) {
		struct found *f = &g_array_index(blocks, struct found, i);

		n += 1 + f->lost;
		if (f->lost && gap)
			return;
		if (f->lost)
			gap = f;
	}
	if (gap && n != n_most && n_most > n - gap->lost)
		gap->lost = n_most - (n - gap->lost);
}

/* The next n pages of the ranges. */
struct cursor {
	const struct table *table;
	uint32_t i;
	uint64_t used; /* of range i */
};

static void take_pages(struct cursor *c, HibrIndex *index, uint64_t n)
{
	while (n && c->i < c->table->n_ranges) {
		const struct range *r = &c->table->ranges[c->i];
		uint64_t part = MIN(n, r->n - c->used);

		if (index)
			hibr_index_add_run(index, r->pfn + c->used, part);
		n -= part;
		c->used += part;
		if (c->used == r->n) {
			c->i++;
			c->used = 0;
		}
	}
}

static bool is_cut(const ImageIo *io, uint64_t off)
{
	uint8_t head[HIBR_BLOCK_HEAD];

	return !image_io_read(io, off, head, sizeof head) ||
	       !range_fits(off + sizeof head, (load_le32(head + 8) >> 10) + 1,
			   image_io_size(io));
}

/* How many of the table's pages have a block. */
static uint64_t add_blocks(struct hibr_tables *t, const struct table *table,
			   const GArray *blocks)
{
	struct cursor cursor = { table, 0, 0 };
	uint64_t at = 0, done = 0;

	for (guint i = 0; i < blocks->len && !t->full; i++) {
		const struct found *f = &g_array_index(blocks, struct found, i);
		uint64_t skip = MIN(f->lost * t->unit, table->n_pages - at);
		uint64_t n;

		take_pages(&cursor, NULL, skip);
		at += skip;
		n = MIN(t->unit, table->n_pages - at);
		if (n && i + 1 == blocks->len && is_cut(t->io, f->off)) {
			t->n_cut += n;
			return done + n;
		}
		if (!n)
			break;
		t->full = !hibr_index_add_set(t->index, f->off, (uint32_t)n);
		if (t->full)
			break;
		take_pages(&cursor, t->index, n);
		at += n;
		done += n;
	}
	return done;
}

/* --- all tables --- */

/* A table behind the last block that was found. */
static uint64_t search_table(struct hibr_tables *t, uint64_t off)
{
	uint64_t page = page_ceil(off) >> PAGE_SHIFT_4K;

	t->lost_table = true;
	for (uint64_t i = 0; i < TABLE_FAR && may_search(t, WINDOW); i++)
		if (hibr_table_plausible(t->io, t->form, page + i))
			return page + i;
	return 0;
}

/* Where the next table is; only a full one has one. */
static uint64_t next_table(struct hibr_tables *t, uint64_t page,
			   const struct table *table, bool whole, uint64_t off)
{
	if (whole && table->count < t->form->max)
		return 0;
	if (table->next > page &&
	    table->next < image_io_size(t->io) >> PAGE_SHIFT_4K)
		return table->next;
	return whole && !table->next ? 0 : search_table(t, off);
}

/* Up to end, which is where the next table is? Then it is known how many
 * blocks there must have been. */
static bool is_complete(const ImageIo *io, const GArray *blocks, uint64_t end)
{
	const struct found *last =
		&g_array_index(blocks, struct found, blocks->len - 1);
	uint64_t behind_it = next_block(io, last->off);

	return behind_it <= end && end - behind_it <= PAGE_SIZE_4K;
}

/* The pages of one; where its last block ends. */
static uint64_t follow_blocks(struct hibr_tables *t, uint64_t page,
			      const struct table *table, bool more)
{
	const uint64_t start = (page + 1) << PAGE_SHIFT_4K;
	g_autoptr(GArray) blocks = NULL;
	uint64_t end = image_io_size(t->io), last;

	if (more)
		end = MIN(end, table->next << PAGE_SHIFT_4K);
	blocks = find_blocks(t, start, end, table->n_pages);
	if (!blocks->len) {
		t->n_missing += table->n_pages;
		return start;
	}
	if (more && is_complete(t->io, blocks, end))
		settle_gap(blocks, (table->n_pages + t->unit - 1) / t->unit);
	t->n_blocks += blocks->len;
	t->n_missing += table->n_pages - add_blocks(t, table, blocks);
	last = next_block(t->io, g_array_index(blocks, struct found,
					       blocks->len - 1).off);
	/* More blocks than pages: the table has lost some of its pages. */
	t->n_doubtful += more && last < end && is_block(t->io, last);
	return last;
}

void hibr_tables_init(struct hibr_tables *t, const ImageIo *io,
		      const struct hibr_table_form *form)
{
	memset(t, 0, sizeof *t);
	t->io = io;
	t->form = form;
	t->index = hibr_index_new(io, true, form->is64);
	t->scan_left = SCAN_MAX;
}

void hibr_tables_follow(struct hibr_tables *t, uint64_t page)
{
	g_autofree struct table *table = g_new(struct table, 1);

	while (page && !t->full) {
		bool whole = read_table(t->io, t->form, page, table);
		bool more = table->count == t->form->max && table->next > page;
		uint64_t off = (page + 1) << PAGE_SHIFT_4K;

		t->n_tables++;
		t->n_doubtful += !whole;
		if (table->n_ranges)
			off = follow_blocks(t, page, table, more);
		/* next_block() of what cannot be read. */
		if (off == UINT64_MAX)
			return;
		page = next_table(t, page, table, whole, off);
	}
}
