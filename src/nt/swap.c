/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page files and the store, by the place of a page in them. */
#include "config.h"

#include "base/bytes.h"
#include "nt/store.h"
#include "nt/swap.h"

/* A number is the store's where Windows' table says so, or keys of the store
 * have it: then no file has it. */
static bool in_store(const struct nt_swap *swap, unsigned number,
		     uint32_t page, enum page_state *ret)
{
	uint8_t bytes[PAGE_SIZE_4K];

	if (!swap->store || !nt_store_is_virtual(swap->store, number))
		return false;
	*ret = nt_store_read(swap->store, number, page, bytes, NULL) ==
			       NT_STORE_OK ?
		       PAGE_STORE :
		       PAGE_COMPRESSED;
	return true;
}

enum page_state nt_swap_look(const struct nt_swap *swap, unsigned number,
			     uint32_t page)
{
	uint64_t off = (uint64_t)page << PAGE_SHIFT_4K;
	enum page_state state;

	if (!swap)
		return PAGE_PAGED_OUT;
	if (in_store(swap, number, page, &state))
		return state;
	if (swap->virtual_numbers >> (number & 15) & 1)
		return PAGE_COMPRESSED;
	if (swap->files && page_files_has(swap->files, number) &&
	    range_fits(off, PAGE_SIZE_4K,
		       page_files_size(swap->files, number)))
		return PAGE_PAGEFILE;
	return PAGE_PAGED_OUT;
}

/* 128 KiB. */
enum { MEMO_SLOTS = 1 << 14 };

/* Unpacking a page takes longer than that, but a process can well have most of
 * its pages in the store. */
#define COST_OF_UNPACKING 1u

struct NtSwapMemo {
	/* Made when first needed. Each (swap_place() >> 12) + 1, and the state
	 * from bit 56 on; 0: empty. */
	uint64_t *slots;
};

NtSwapMemo *nt_swap_memo_new(void)
{
	return g_new0(NtSwapMemo, 1);
}

void nt_swap_memo_free(NtSwapMemo *memo)
{
	if (!memo)
		return;
	g_free(memo->slots);
	g_free(memo);
}

enum page_state nt_swap_look_again(NtSwapMemo *memo, const struct nt_swap *swap,
				   unsigned number, uint32_t page,
				   unsigned *cost)
{
	uint64_t key = (swap_place(number, page).v >> PAGE_SHIFT_4K) + 1;
	enum page_state state;
	uint64_t *slot;

	*cost = 0;
	if (!memo || !swap || !swap->store ||
	    !nt_store_is_virtual(swap->store, number))
		return nt_swap_look(swap, number, page);
	if (!memo->slots)
		memo->slots = g_new0(uint64_t, MEMO_SLOTS);
	slot = &memo->slots[key % MEMO_SLOTS];
	if ((*slot & ((UINT64_C(1) << 56) - 1)) == key)
		return (enum page_state)(*slot >> 56);
	state = nt_swap_look(swap, number, page);
	*slot = key | (uint64_t)state << 56;
	*cost = COST_OF_UNPACKING;
	return state;
}

/* Page by page, each unpacked as a whole. */
static bool read_store(const NtStore *store, uint64_t place, uint8_t *buf,
		       size_t len_bytes)
{
	while (len_bytes) {
		uint64_t off = swap_place_offset(place);
		size_t skip = (size_t)(off & PAGE_MASK_4K);
		size_t n = MIN(len_bytes, (size_t)PAGE_SIZE_4K - skip);
		uint8_t bytes[PAGE_SIZE_4K];

		if (nt_store_read(store, swap_place_number(place),
				  (uint32_t)(off >> PAGE_SHIFT_4K), bytes,
				  NULL) != NT_STORE_OK)
			return false;
		memcpy(buf, bytes + skip, n);
		buf += n;
		place += n;
		len_bytes -= n;
	}
	return true;
}

bool nt_swap_read(const struct nt_swap *swap, enum page_state state,
		  uint64_t place, void *buf, size_t len_bytes)
{
	if (swap && state == PAGE_STORE && swap->store)
		return read_store(swap->store, place, buf, len_bytes);
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
