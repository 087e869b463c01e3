/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which address spaces map a physical address: an inverted index of all of
 * them, made when first asked for, then immutable. Where it would become too
 * large there is none, and each question goes through all spaces.
 */
#ifndef TREE_PTOV_H
#define TREE_PTOV_H

#include "tree/scan.h"

/* Bytes that the index may have (24 for each run of pages); while it is made,
 * sorting needs the same again. */
#define PTOV_INDEX_BYTES ((size_t)256 << 20)
/* Places that an answer lists. */
#define PTOV_HITS_MAX 65536u

typedef struct Ptov Ptov;

/* A place where an address is mapped. */
struct ptov_hit {
	size_t space;	/* position in the spaces */
	uint64_t va;	/* offset, of the very byte */
	uint64_t leaf_len;
	unsigned rights;
	enum page_state state;
};

struct ptov_answer {
	GArray *hits;	/* struct ptov_hit, by space and va; the first
			 * PTOV_HITS_MAX */
	uint64_t n_hits; /* all of them */
	uint8_t *flags;	/* enum scan_flag of each space */
};

/* The n spaces are borrowed, and the array of them taken; that of the kernel
 * comes first, where there is one. */
Ptov *ptov_new(Space **spaces, size_t n, ViewCache *cache, size_t max_bytes);
void ptov_free(Ptov *ptov);

size_t ptov_n_spaces(const Ptov *ptov);
const Space *ptov_space(const Ptov *ptov, size_t index);

/* All of them, to be gone through once more. */
const struct scan *ptov_scan(const Ptov *ptov);

/* Is the index there, so that ptov_find() of an address in the image takes no
 * time? */
bool ptov_is_ready(const Ptov *ptov);
/* Thread safe; makes the index, where that has not been done. An address
 * whose page is not in the image is looked for in all tables. */
void ptov_find(Ptov *ptov, PhysAddr pa, struct ptov_answer *ret);
void ptov_answer_clear(struct ptov_answer *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ptov, ptov_free)

#endif
