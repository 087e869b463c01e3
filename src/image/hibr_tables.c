/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hibernation files of XP to 7: tables of pages, and the blocks behind each. */
#include "config.h"

#include "base/bytes.h"
#include "image/hibr-priv.h"

enum {
	TABLE_FAR = 1 << 12, /* pages behind the last block, for a table */
	FIT_BLOCKS = 64,     /* that are looked at to tell forms apart */
};

/* What is searched where blocks are damaged, in all. */
#define SCAN_MAX (UINT64_C(256) << 20)

/* --- what may be a table --- */

static uint64_t file_pages(const ImageIo *io)
{
	return image_io_size(io) >> PAGE_SHIFT_4K;
}

bool hibr_table_plausible(const ImageIo *io, const struct hibr_table_form *form,
			  uint64_t page)
{
	g_autofree struct hibr_table *table = g_new(struct hibr_table, 1);

	return page && page < file_pages(io) &&
	       hibr_table_read(io, form, page, table) &&
	       (!table->next || table->next > page) &&
	       hibr_starts_block(io, (page + 1) << PAGE_SHIFT_4K);
}

bool hibr_table_fits(const ImageIo *io, const struct hibr_table_form *form,
		     uint64_t page)
{
	g_autofree struct hibr_table *table = g_new(struct hibr_table, 1);
	uint64_t off, n_most;

	if (!hibr_table_plausible(io, form, page))
		return false;
	(void)hibr_table_read(io, form, page, table);
	off = (page + 1) << PAGE_SHIFT_4K;
	n_most = (table->n_pages + HIBR_PAGES - 1) / HIBR_PAGES;
	for (uint64_t n = 0; n < MIN(n_most, (uint64_t)FIT_BLOCKS); n++) {
		if (n ? !hibr_is_block(io, off) : !hibr_starts_block(io, off))
			return false;
		off = hibr_block_end(io, off);
	}
	return n_most > FIT_BLOCKS || !hibr_is_block(io, off);
}

/* --- its pages --- */

/* The next n pages of the ranges. */
struct cursor {
	const struct hibr_table *table;
	uint32_t i;
	uint64_t used; /* of range i */
};

/* index: NULL, to leave them out. */
static void take_pages(struct cursor *c, HibrIndex *index, uint64_t n)
{
	while (n && c->i < c->table->n_ranges) {
		const struct hibr_range *r = &c->table->ranges[c->i];
		uint64_t part = MIN(n, r->n - c->used);

		if (index && r->pfn == HIBR_PFN_END)
			hibr_index_skip(index, part);
		else if (index)
			hibr_index_add_run(index, r->pfn + c->used, part);
		n -= part;
		c->used += part;
		if (c->used == r->n) {
			c->i++;
			c->used = 0;
		}
	}
}

/* Does the file end within the last block? */
static bool is_cut(const struct hibr_tables *t, const GArray *blocks)
{
	/* Up to 7 bytes are only there to round. */
	return hibr_blocks_end(t, blocks) - 7 > image_io_size(t->io);
}

/* How many of the table's pages have a block. */
static uint64_t add_blocks(struct hibr_tables *t,
			   const struct hibr_table *table, const GArray *blocks)
{
	struct cursor cursor = { table, 0, 0 };
	const bool cut = is_cut(t, blocks);
	uint64_t at = 0, done = 0;

	for (guint i = 0; i < blocks->len && at < table->n_pages; i++) {
		const struct hibr_block *b =
			&g_array_index(blocks, struct hibr_block, i);
		uint64_t skip = MIN(b->lost * t->unit, table->n_pages - at);
		uint64_t n = MIN(t->unit, table->n_pages - at - skip);

		take_pages(&cursor, NULL, skip);
		at += skip + n;
		done += n;
		if (cut && i + 1 == blocks->len) {
			t->n_cut += n;
			break;
		}
		if (!n || !hibr_index_add_set(t->index, b->off, (uint32_t)n)) {
			t->full = n != 0;
			break;
		}
		take_pages(&cursor, t->index, n);
	}
	return done;
}

/* --- all tables --- */

/* A table behind the last block that was found. */
static uint64_t search_table(struct hibr_tables *t, uint64_t off)
{
	uint64_t page = page_ceil(off) >> PAGE_SHIFT_4K;

	for (uint64_t i = 0; i < TABLE_FAR; i++) {
		if (page + i >= file_pages(t->io) ||
		    !hibr_tables_may_search(t, PAGE_SIZE_4K))
			return 0;
		if (hibr_table_plausible(t->io, t->form, page + i)) {
			t->lost_table = true;
			return page + i;
		}
	}
	return 0;
}

/* Does it lead to another one, even to one that is damaged itself? */
static bool leads_on(const struct hibr_tables *t, uint64_t page,
		     const struct hibr_table *table)
{
	return table->next > page && table->next < file_pages(t->io) &&
	       hibr_starts_block(t->io, (table->next + 1) << PAGE_SHIFT_4K);
}

/* Only a full one is followed by another. off: behind its last block. */
static uint64_t next_table(struct hibr_tables *t,
			   const struct hibr_table *table, bool more,
			   uint64_t off)
{
	if (more)
		return table->next;
	if (table->count < t->form->max || !table->next)
		return 0;
	return search_table(t, off);
}

/* The pages of one; where its last block ends. */
static uint64_t follow_blocks(struct hibr_tables *t, uint64_t page,
			      struct hibr_table *table, bool more)
{
	const uint64_t start = (page + 1) << PAGE_SHIFT_4K;
	uint64_t end = more ? table->next << PAGE_SHIFT_4K :
			      image_io_size(t->io);
	g_autoptr(GArray) blocks =
		hibr_blocks_find(t, start, end, table->n_pages);

	if (!blocks->len) {
		t->n_missing += table->n_pages;
		return start;
	}
	t->n_doubtful += !hibr_blocks_settle(t, table, blocks, end, more);
	t->n_blocks += blocks->len;
	t->n_missing += table->n_pages - add_blocks(t, table, blocks);
	return hibr_blocks_end(t, blocks);
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
	g_autofree struct hibr_table *table = g_new(struct hibr_table, 1);

	while (page && !t->full) {
		bool whole = hibr_table_read(t->io, t->form, page, table);
		uint64_t off = (page + 1) << PAGE_SHIFT_4K;
		bool more = (!whole || table->count == t->form->max) &&
			    leads_on(t, page, table);

		t->n_tables++;
		off = follow_blocks(t, page, table, more);
		if (off > image_io_size(t->io) + PAGE_SIZE_4K)
			return;
		/* Its count may have been wrong. */
		more = table->count == t->form->max &&
		       leads_on(t, page, table);
		page = next_table(t, table, more, off);
	}
}
