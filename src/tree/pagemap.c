/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries of `pagemap`. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "tree/pagemap.h"

/* Linux, include/linux/swapops.h and fs/proc/task_mmu.c (PM_*). */
#define PM_SWAP_OFFSET_SHIFT 5
#define PM_FILE (UINT64_C(1) << 61)
#define PM_SWAP (UINT64_C(1) << 62)
#define PM_PRESENT (UINT64_C(1) << 63)

#define ENTRY_BYTES 8u

/* Of what is below a lost page table the place is the table's, and whether
 * there are pages nobody knows. */
static bool is_swapped_page(const struct map_run *run)
{
	switch (run->state) {
	case PAGE_PAGEFILE:
	case PAGE_STORE:
	case PAGE_PAGED_OUT:
	case PAGE_COMPRESSED:
		return run->leaf_len == PAGE_SIZE_4K;
	default:
		return false;
	}
}

static uint64_t swap_entry(uint64_t place)
{
	return swap_place_number(place) |
	       swap_place_offset(place) >> PAGE_SHIFT_4K
		       << PM_SWAP_OFFSET_SHIFT;
}

uint64_t pagemap_entry(const struct map_run *run, uint64_t va)
{
	uint64_t at = run->pa + (va - run->va);
	uint64_t shared = run->rights & RIGHT_SHARED ? PM_FILE : 0;

	if (run->state == PAGE_FILE)
		return PM_FILE;
	if (run->state == PAGE_PROTOTYPE)
		shared = PM_FILE;
	if (page_state_in_memory(run->state))
		return PM_PRESENT | shared | at >> PAGE_SHIFT_4K;
	if (is_swapped_page(run))
		return PM_SWAP | shared | swap_entry(at);
	return 0;
}

/* The runs that have entries, of both lists, ascending. */
struct cursor {
	const AddrMap *map;
	size_t data, lost;
	uint64_t end; /* runs from here on do not count */
};

/* From the first on that ends above va. */
static struct cursor cursor_at(const AddrMap *map, uint64_t va, uint64_t end)
{
	/* Ranges of a list are no pages. */
	return (struct cursor){ map,
				addr_map_is_direct(map) ?
					addr_map_n_data(map) :
					addr_map_find_data(map, va),
				addr_map_find_lost(map, va), end };
}

static bool cursor_next(struct cursor *c, struct map_run *ret)
{
	bool has_data = c->data < addr_map_n_data(c->map);
	struct map_run data = { 0 };

	if (has_data)
		data = addr_map_data(c->map, c->data);
	has_data = has_data && data.va < c->end;
	while (c->lost < addr_map_n_lost(c->map)) {
		struct map_run lost = addr_map_lost(c->map, c->lost);

		if (lost.va >= c->end || (has_data && lost.va > data.va))
			break;
		c->lost++;
		if (pagemap_entry(&lost, lost.va)) {
			*ret = lost;
			return true;
		}
	}
	if (!has_data)
		return false;
	c->data++;
	*ret = data;
	return true;
}

static uint64_t entry_at(uint64_t va)
{
	return va / PAGE_SIZE_4K * ENTRY_BYTES;
}

/* The first page whose entry is, if only in part, at off or above. */
static uint64_t va_of(uint64_t off)
{
	return off / ENTRY_BYTES * PAGE_SIZE_4K;
}

bool pagemap_next(const AddrMap *map, uint64_t off, uint64_t before,
		  uint64_t *start, uint64_t *end)
{
	uint64_t va = va_of(page_floor(off));
	struct cursor c = cursor_at(map, va, va_of(before));
	struct map_run run;

	if (!cursor_next(&c, &run))
		return false;
	*start = page_floor(entry_at(MAX(run.va, va)));
	*end = page_ceil(entry_at(run.va + run.len));
	return true;
}

uint64_t pagemap_data_bytes(const AddrMap *map, uint64_t size)
{
	struct cursor c = cursor_at(map, 0, va_of(size));
	uint64_t sum = 0, done = 0;
	struct map_run run;

	while (cursor_next(&c, &run)) {
		uint64_t start = page_floor(entry_at(run.va));
		uint64_t end = page_ceil(entry_at(run.va + run.len));

		start = MAX(start, done);
		end = MIN(end, size);
		if (end <= start)
			continue;
		sum += end - start;
		done = end;
	}
	return sum;
}

/* Puts those bytes of an entry, which is at `at` in the file, that are in
 * [off, end). */
static void put_entry(uint8_t *buf, uint64_t off, uint64_t end, uint64_t at,
		      uint64_t entry)
{
	uint64_t from = MAX(at, off), to = MIN(at + ENTRY_BYTES, end);

	entry >>= 8 * (from - at);
	for (uint64_t i = from; i < to; i++) {
		buf[i - off] = entry & 0xff;
		entry >>= 8;
	}
}

void pagemap_read(const AddrMap *map, uint64_t off, uint8_t *buf,
		  size_t len_bytes)
{
	uint64_t end = off + len_bytes, first = va_of(off);
	uint64_t last = va_of(end - 1) + PAGE_SIZE_4K;
	struct cursor c = cursor_at(map, first, last);
	struct map_run run;

	memset(buf, 0, len_bytes);
	while (cursor_next(&c, &run)) {
		uint64_t va = MAX(run.va, first);
		uint64_t stop = MIN(run.va + run.len, last);

		for (; va < stop; va += PAGE_SIZE_4K)
			put_entry(buf, off, end, entry_at(va),
				  pagemap_entry(&run, va));
	}
}
