/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hibernation files of XP to 7: the xpress blocks behind a table. */
#include "config.h"

#include "base/bytes.h"
#include "image/hibr-priv.h"
#include "image/xpress.h"

enum {
	MAGIC_BYTES = 8,
	WINDOW = 4096,		/* bytes that are searched at a time */
	FIRST_FAR = 1 << 20,	/* how far behind a table its blocks may be */
	BLOCK_MAX = HIBR_BLOCK_HEAD + 0x10000,
	ROUNDING = 8,		/* the size of a block is a multiple of it */
};

/* Blocks of one table at the most: a share of the file, and these. */
#define BLOCKS_LEAST (UINT64_C(1) << 18)

static const char magic[MAGIC_BYTES + 1] = "\x81\x81xpress";

/* --- one block --- */

bool hibr_is_block(const ImageIo *io, uint64_t off)
{
	char got[MAGIC_BYTES];

	return range_fits(off, HIBR_BLOCK_HEAD, image_io_size(io)) &&
	       image_io_read(io, off, got, sizeof got) &&
	       !memcmp(got, magic, MAGIC_BYTES);
}

/* What a header says; size: bytes of the data. */
static bool read_head(const ImageIo *io, uint64_t off, uint32_t *size,
		      uint32_t *n_pages)
{
	uint8_t head[HIBR_BLOCK_HEAD];
	uint32_t info;

	if (!range_fits(off, sizeof head, image_io_size(io)) ||
	    !image_io_read(io, off, head, sizeof head))
		return false;
	info = load_le32(head + 8);
	*size = (info >> 10) + 1;
	*n_pages = (info & 0x3ff) + 1;
	return true;
}

/* Only its magic may be damaged: then there is another one behind it. */
bool hibr_starts_block(const ImageIo *io, uint64_t off)
{
	return hibr_is_block(io, off) ||
	       hibr_is_block(io, hibr_block_end(io, off));
}

uint64_t hibr_block_end(const ImageIo *io, uint64_t off)
{
	uint32_t size, n_pages;

	if (!read_head(io, off, &size, &n_pages))
		return UINT64_MAX;
	size = (size + ROUNDING - 1) & ~(uint32_t)(ROUNDING - 1);
	return off + HIBR_BLOCK_HEAD + size;
}

/* Its first n pages, where it has just so many; or NULL. */
static uint8_t *unpack(const ImageIo *io, uint64_t off, uint32_t n)
{
	const size_t len = n * PAGE_SIZE_4K;
	g_autofree uint8_t *in = NULL, *out = NULL;
	uint32_t size, n_pages;
	size_t used;

	if (!read_head(io, off, &size, &n_pages) || size > BLOCK_MAX ||
	    n > HIBR_PAGES_MAX)
		return NULL;
	in = g_malloc(size);
	if (!image_io_read(io, off + HIBR_BLOCK_HEAD, in, size))
		return NULL;
	if (size == len)
		return g_steal_pointer(&in);
	out = g_malloc(len);
	return xpress_unpack_plain(in, size, out, len, &used) &&
			       size - used < ROUNDING ?
		       g_steal_pointer(&out) :
		       NULL;
}

static bool gives(const ImageIo *io, uint64_t off, uint32_t n)
{
	g_autofree uint8_t *out = unpack(io, off, n);

	return out != NULL;
}

/* Has it n pages, of which all from the first-th on are zeros? */
static bool is_filled_up(const ImageIo *io, uint64_t off, uint32_t first,
			 uint32_t n)
{
	g_autofree uint8_t *out = unpack(io, off, n);
	size_t at = first * PAGE_SIZE_4K;

	while (out && at < n * PAGE_SIZE_4K && !out[at])
		at++;
	return out && at == n * PAGE_SIZE_4K;
}

/* --- searching --- */

bool hibr_tables_may_search(struct hibr_tables *t, uint64_t n)
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
	for (; off < end && hibr_tables_may_search(t, WINDOW); off += WINDOW) {
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

uint64_t hibr_tables_find_block(const ImageIo *io, uint64_t page, uint64_t end)
{
	end = MIN(end, image_io_size(io) >> PAGE_SHIFT_4K);
	for (; page < end; page++)
		if (hibr_is_block(io, page << PAGE_SHIFT_4K))
			return page;
	return 0;
}

/* --- those of a table --- */

/* Does it hold fewer pages than others? That is the last of its table. */
static bool is_short(const struct hibr_tables *t, uint64_t off)
{
	uint32_t size, n_pages;

	return read_head(t->io, off, &size, &n_pages) && n_pages < t->unit;
}

/* The block behind the one at off, which is nowhere where its size says. */
static bool after_break(struct hibr_tables *t, uint64_t off, uint64_t end,
			struct hibr_block *next)
{
	uint64_t said = hibr_block_end(t->io, off);
	uint64_t after = hibr_block_end(t->io, said);

	/* Only its magic may be damaged. */
	if (said < end && after < end && hibr_is_block(t->io, after)) {
		next->off = said;
		return true;
	}
	if (is_short(t, off))
		return false;
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
		   struct hibr_block *next)
{
	next->lost = 0;
	next->off = hibr_block_end(t->io, off);
	return (next->off < end && hibr_is_block(t->io, next->off)) ||
	       after_break(t, off, end, next);
}

/* How many pages the first block holds, when it is not the usual number. */
static void find_unit(struct hibr_tables *t, uint64_t off, uint64_t n_pages)
{
	uint32_t size, n;

	t->unit = HIBR_PAGES;
	if (read_head(t->io, off, &size, &n) && n != HIBR_PAGES &&
	    n < n_pages && gives(t->io, off, n))
		t->unit = n;
}

static bool have_all(const struct hibr_tables *t, const GArray *blocks)
{
	return blocks->len >= BLOCKS_LEAST + image_io_size(t->io) / 1024;
}

GArray *hibr_blocks_find(struct hibr_tables *t, uint64_t off, uint64_t end,
			 uint64_t n_pages)
{
	GArray *blocks = g_array_new(FALSE, FALSE, sizeof(struct hibr_block));
	struct hibr_block at = { off, 0 };
	uint64_t n_most, n = 1;

	if (!hibr_starts_block(t->io, off))
		at.off = search_block(t, off, MIN(end, off + FIRST_FAR));
	if (at.off == UINT64_MAX)
		return blocks;
	if (!t->unit)
		find_unit(t, at.off, n_pages);
	n_most = (n_pages + t->unit - 1) / t->unit;
	g_array_append_val(blocks, at);
	while (n < n_most && !have_all(t, blocks) &&
	       behind(t, at.off, end, &at)) {
		n += 1 + at.lost;
		g_array_append_val(blocks, at);
	}
	return blocks;
}

static const struct hibr_block *last_of(const GArray *blocks)
{
	return &g_array_index(blocks, struct hibr_block, blocks->len - 1);
}

uint64_t hibr_blocks_end(const struct hibr_tables *t, const GArray *blocks)
{
	return hibr_block_end(t->io, last_of(blocks)->off);
}

/* Where it is known how many there must be, one gap is as wide as what is not
 * there. */
static void settle_gap(GArray *blocks, uint64_t n_most)
{
	struct hibr_block *gap = NULL;
	uint64_t n = 0;

	for (guint i = 0; i < blocks->len; i++) {
		struct hibr_block *b =
			&g_array_index(blocks, struct hibr_block, i);

		n += 1 + b->lost;
		if (b->lost && gap)
			return;
		if (b->lost)
			gap = b;
	}
	if (gap && n != n_most && n_most > n - gap->lost)
		gap->lost = n_most - (n - gap->lost);
}

/* How many pages all of them hold; 0: nobody knows. */
static uint64_t count_pages(const struct hibr_tables *t, const GArray *blocks)
{
	uint32_t size, first, last;

	for (guint i = 0; i < blocks->len; i++)
		if (g_array_index(blocks, struct hibr_block, i).lost)
			return 0;
	if (!read_head(t->io, g_array_index(blocks, struct hibr_block, 0).off,
		       &size, &first) ||
	    !read_head(t->io, last_of(blocks)->off, &size, &last) ||
	    last > t->unit || (blocks->len > 1 && first != t->unit))
		return 0;
	return (uint64_t)(blocks->len - 1) * t->unit + last;
}

/* Does the last one hold what is left for it? Some writers may fill up all of
 * its 16 pages; but extra: there is one behind it. */
static bool last_fits(const struct hibr_tables *t,
		      const struct hibr_table *table, const GArray *blocks,
		      bool extra)
{
	const uint64_t off = last_of(blocks)->off;
	uint64_t before = (uint64_t)(blocks->len - 1) * t->unit;
	uint32_t size, said = 0, rest;

	if (table->n_pages <= before || table->n_pages > before + t->unit)
		return false;
	rest = (uint32_t)(table->n_pages - before);
	(void)read_head(t->io, off, &size, &said);
	return said == rest || gives(t->io, off, rest) ||
	       (!extra && is_filled_up(t->io, off, rest, t->unit));
}

/* Those that follow without a gap. */
static void find_rest(const struct hibr_tables *t, GArray *blocks, uint64_t end)
{
	uint64_t off = hibr_blocks_end(t, blocks);

	while (off < end && hibr_is_block(t->io, off) && !have_all(t, blocks)) {
		const struct hibr_block next = { off, 0 };

		g_array_append_val(blocks, next);
		off = hibr_block_end(t->io, off);
	}
}

bool hibr_blocks_settle(struct hibr_tables *t, struct hibr_table *table,
			GArray *blocks, uint64_t end, bool more)
{
	const uint64_t off = hibr_blocks_end(t, blocks);
	const uint64_t n = (table->n_pages + t->unit - 1) / t->unit;
	const bool whole = table->n_ranges && table->n_ranges == table->count;
	const bool extra = off < end && hibr_is_block(t->io, off);
	const bool all = more && off <= end && end - off <= PAGE_SIZE_4K;
	const guint n_found = blocks->len;
	uint64_t n_pages;
	bool fits;

	if (all)
		settle_gap(blocks, n);
	/* Cut, or a gap: what there is has its place. */
	if (whole && blocks->len != n && !extra && !all &&
	    !is_short(t, last_of(blocks)->off))
		return true;
	fits = whole && last_fits(t, table, blocks, extra);
	if (fits && !extra)
		return true;
	find_rest(t, blocks, end);
	n_pages = count_pages(t, blocks);
	if (fits && !more && !hibr_table_recount(table, n_pages)) {
		/* What is behind the last block was there before. */
		g_array_set_size(blocks, n_found);
		return true;
	}
	if (n_pages)
		hibr_table_settle(table, n_pages);
	return false;
}
