/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hibernation files of XP to 7: one table of pages, and what is wrong in it. */
#include "config.h"

#include "base/bytes.h"
#include "image/hibr-priv.h"

enum {
	PART_MIN = 4, /* of a table, one may be wrong */
};

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

/* --- reading --- */

static uint64_t get(const struct hibr_table_form *form, const uint8_t *p)
{
	return form->is64 ? load_le64(p) : load_le32(p);
}

static struct hibr_range get_range(const struct hibr_table_form *form,
				   const uint8_t *p)
{
	uint64_t start = get(form, p + form->start);
	uint64_t end = get(form, p + form->end);

	if (end <= start || end > HIBR_PFN_END)
		return (struct hibr_range){ start, 0 };
	return (struct hibr_range){ start, end - start };
}

static void count_pages(struct hibr_table *table)
{
	table->n_pages = 0;
	for (uint32_t i = 0; i < table->n_ranges; i++)
		table->n_pages += table->ranges[i].n;
}

/* How many make sense before the first that does not. */
static uint32_t count_good(const struct hibr_table *table, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && table->ranges[i].n)
		i++;
	return i;
}

uint32_t hibr_table_most(const struct hibr_table *table)
{
	const uint32_t n = table->count;
	uint32_t good = 0;

	if (!n || n > table->max)
		return n && table->n_ranges >= PART_MIN ? table->n_ranges : 0;
	for (uint32_t i = 0; i < n; i++)
		good += table->ranges[i].n != 0;
	return good >= n - n / PART_MIN ? good : 0;
}

bool hibr_table_read(const ImageIo *io, const struct hibr_table_form *form,
		     uint64_t page, struct hibr_table *table)
{
	uint8_t bytes[PAGE_SIZE_4K];

	memset(table, 0, sizeof *table);
	if (page >= image_io_size(io) >> PAGE_SHIFT_4K ||
	    !image_io_read(io, page << PAGE_SHIFT_4K, bytes, sizeof bytes))
		return false;
	table->next = get(form, bytes + form->next);
	table->max = form->max;
	table->count = load_le32(bytes + form->count);
	for (uint32_t i = 0; i < form->max; i++)
		table->ranges[i] = get_range(form, bytes + form->entries +
							   i * form->stride);
	table->n_ranges = count_good(table, table->count && table->count <=
							    form->max ?
						    table->count :
						    form->max);
	count_pages(table);
	return table->n_ranges && table->n_ranges == table->count;
}

/* --- repairing --- */

static bool is_bit(uint64_t v)
{
	return v && !(v & (v - 1));
}

static uint64_t end_of(const struct hibr_range *r)
{
	return r->pfn + r->n;
}

/* Ranges go up: does range i reach into the next one? */
static bool overlaps(const struct hibr_table *table, uint32_t n, uint32_t i)
{
	const struct hibr_range *r = &table->ranges[i];

	return i + 1 < n && end_of(r) > r[1].pfn;
}

/* Could range i be d pages too long, for one bit of one of its ends? */
static bool may_be_long(const struct hibr_table *table, uint32_t i, uint64_t d)
{
	const struct hibr_range *r = &table->ranges[i];

	return r->n > d && (is_bit(end_of(r) ^ (end_of(r) - d)) ||
			    is_bit(r->pfn ^ (r->pfn + d)));
}

/* Or d pages too short, and have room for them? */
static bool may_be_short(const struct hibr_table *table, uint32_t n, uint32_t i,
			 uint64_t d)
{
	const struct hibr_range *r = &table->ranges[i];
	uint64_t low = i ? end_of(r - 1) : 0;
	uint64_t high = i + 1 < n ? r[1].pfn : HIBR_PFN_END;

	return (r->pfn >= d && r->pfn - d >= low &&
		is_bit(r->pfn ^ (r->pfn - d))) ||
	       (end_of(r) + d <= high && is_bit(end_of(r) ^ (end_of(r) + d)));
}

bool hibr_table_recount(struct hibr_table *table, uint64_t n_pages)
{
	const uint32_t good = count_good(table, table->max);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < good; i++)
		sum += table->ranges[i].n;
	if (sum != n_pages)
		return false;
	table->n_ranges = good;
	table->n_pages = sum;
	table->count = good;
	return true;
}

/* May this one be wrong, of n that hold other pages than n_pages? */
static bool is_suspect(const struct hibr_table *table, uint32_t n, uint32_t i,
		       uint64_t n_pages)
{
	if (table->n_pages < n_pages)
		return may_be_short(table, n, i, n_pages - table->n_pages);
	return may_be_long(table, i, table->n_pages - n_pages);
}

/* The first and the last range that may be those that are wrong: that is none;
 * reaches into another; or can be put right by one bit. */
static bool find_wrong(const struct hibr_table *table, uint64_t n_pages,
		       uint32_t *first, uint32_t *last)
{
	const uint32_t n = MIN(table->count, table->max);
	const bool bad = count_good(table, n) < n;
	bool found = false, overlap = false;

	for (uint32_t i = 0; i < n; i++)
		overlap |= overlaps(table, n, i);
	for (uint32_t i = 0; i < n; i++) {
		bool beside = overlaps(table, n, i) ||
			      (i && overlaps(table, n, i - 1));

		if (bad ? table->ranges[i].n != 0 :
			  (overlap && !beside) ||
				  !is_suspect(table, n, i, n_pages))
			continue;
		if (!found)
			*first = i;
		found = true;
		*last = i;
	}
	return found;
}

void hibr_table_settle(struct hibr_table *table, uint64_t n_pages)
{
	const uint32_t n = MIN(table->count, table->max);
	uint64_t before = 0, behind = 0;
	uint32_t first = 0, last = 0;

	if (hibr_table_recount(table, n_pages))
		return;
	if (!find_wrong(table, n_pages, &first, &last)) {
		/* All of them may be. */
		first = 0;
		last = n - 1;
	}
	for (uint32_t i = 0; i < n; i++)
		if (i < first)
			before += table->ranges[i].n;
		else if (i > last)
			behind += table->ranges[i].n;
	if (!n || before > n_pages || behind > n_pages - before) {
		table->n_ranges = 0;
		table->n_pages = 0;
		return;
	}
	/* Those before it and behind it have their places. */
	table->ranges[first] = (struct hibr_range){ HIBR_PFN_END,
						    n_pages - before - behind };
	memmove(&table->ranges[first + 1], &table->ranges[last + 1],
		(n - last - 1) * sizeof table->ranges[0]);
	table->n_ranges = n - (last - first);
	table->n_pages = n_pages;
}
