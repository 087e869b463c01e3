/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of sparse.c, for files that are made of pieces. */
#ifndef TREE_SPARSE_PRIV_H
#define TREE_SPARSE_PRIV_H

#include "tree/sparse.h"

/* Each appends len bytes to the plan: 0, -E2BIG where there are too many pieces
 * (then it is begun anew, copying), or another negative errno. */
int sparse_plan_zeros(struct read_plan *plan, uint64_t len);
/* Bytes that stay where they are while the file is open. */
int sparse_plan_bytes(struct read_plan *plan, const uint8_t *bytes,
		      size_t len);
/* Of s->view, at an offset of the space. */
int sparse_plan_space(const struct sparse *s, struct read_plan *plan,
		      uint64_t va, uint64_t len);

/* How many of the len bytes at va may be given before a lost page: 0 where va
 * is in one. */
uint64_t sparse_until_lost(const struct sparse *s, uint64_t va, uint64_t len);

#endif
