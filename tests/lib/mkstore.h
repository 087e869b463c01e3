/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A compressed store: what the parts of its builder share. */
#ifndef MKSTORE_H
#define MKSTORE_H

#include "lib/mkwin-priv.h"

/* Plain LZ77 (MS-XCA 2.3), greedy: literals, and matches with the last place
 * that has the same three bytes. Returns how many bytes it took; 0: more than
 * max. */
size_t mk_xpress(const uint8_t *in, size_t len, uint8_t *out, size_t max);

/* LZ77+Huffman (MS-XCA 2.1), in the same way. mark_end: with the symbol that
 * says that the stream is over. Returns how many bytes it took; 0: more than
 * max. */
size_t mk_xpress_huffman(const uint8_t *in, size_t len, bool mark_end,
			 uint8_t *out, size_t max);

struct mk_tree_entry {
	uint32_t key, value;
};

/* A B+tree over entries (sorted here) with few to a page, so that it has
 * levels; the address of its root. */
uint64_t mk_tree_build(MkWin *win, GArray *entries);

/* Where members are, by build; written down apart from those under test. */
struct mk_store_offsets {
	uint32_t first_build;
	uint32_t link_at, link_to, tree;
	uint32_t meta_bytes, meta_owner;
	uint32_t pages_tree, chunks, size_mask, index_shift;
	uint32_t algorithm, regions, owner;
	uint32_t stride;
	bool numbers;
};

#endif
