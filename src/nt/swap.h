/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is at hand of pages that Windows took out of memory: page files that
 * the user gave, and the compressed store. Immutable once made, thread safe.
 */
#ifndef NT_SWAP_H
#define NT_SWAP_H

#include "image/pagefile.h"
#include "vtop/vtop.h"

typedef struct NtStore NtStore;

struct nt_swap {
	const PageFiles *files; /* borrowed; or NULL */
	const NtStore *store;	/* the same */
	unsigned virtual_numbers; /* bit per page-file number: Windows says
				   * that it is the store's */
};

/* What can be had of a page: PAGE_PAGEFILE, PAGE_STORE, or PAGE_PAGED_OUT,
 * PAGE_COMPRESSED. swap may be NULL. A page of the store is looked up and
 * unpacked for the answer. */
enum page_state nt_swap_look(const struct nt_swap *swap, unsigned number,
			     uint32_t page);
/* What was answered a moment ago about pages of the store, for one walk: not
 * thread safe. */
typedef struct NtSwapMemo NtSwapMemo;

NtSwapMemo *nt_swap_memo_new(void);
void nt_swap_memo_free(NtSwapMemo *memo);
/* As nt_swap_look(); *cost: what it took, in leaves of a walk's budget. memo
 * may be NULL. */
enum page_state nt_swap_look_again(NtSwapMemo *memo, const struct nt_swap *swap,
				   unsigned number, uint32_t page,
				   unsigned *cost);

/* len_bytes from a swap_place() on, which may be inside of a page and go on
 * into the next ones. False where any cannot be had. */
bool nt_swap_read(const struct nt_swap *swap, enum page_state state,
		  uint64_t place, void *buf, size_t len_bytes);
/* The same, in a mapping, for system calls: NULL where it is in none. */
const uint8_t *nt_swap_map(const struct nt_swap *swap, enum page_state state,
			   uint64_t place, size_t len_bytes);

#endif
