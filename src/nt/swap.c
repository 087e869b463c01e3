/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page files and the store, by the place of a page in them. */
#include "config.h"

#include "base/bytes.h"
#include "nt/swap.h"

enum page_state nt_swap_look(const struct nt_swap *swap, unsigned number,
			     uint32_t page)
{
	uint64_t off = (uint64_t)page << PAGE_SHIFT_4K;

	if (!swap)
		return PAGE_PAGED_OUT;
	if (swap->virtual_numbers >> (number & 15) & 1)
		return PAGE_COMPRESSED;
	if (swap->files && page_files_has(swap->files, number) &&
	    range_fits(off, PAGE_SIZE_4K,
		       page_files_size(swap->files, number)))
		return PAGE_PAGEFILE;
	return PAGE_PAGED_OUT;
}

bool nt_swap_read(const struct nt_swap *swap, enum page_state state,
		  uint64_t place, void *buf, size_t len_bytes)
{
	if (!swap || state != PAGE_PAGEFILE || !swap->files)
		return false;
	return page_files_read(swap->files, swap_place_number(place),
			       swap_place_offset(place), buf, len_bytes);
}

const uint8_t *nt_swap_map(const struct nt_swap *swap, enum page_state state,
			   uint64_t place, size_t len_bytes)
{
	if (!swap || state != PAGE_PAGEFILE || !swap->files)
		return NULL;
	return page_files_map(swap->files, swap_place_number(place),
			      swap_place_offset(place), len_bytes);
}
