/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `dump`: all bytes of an address space back to back, in the order of their
 * addresses; `dump.idx` (rows.h) says which is which. Rekall's memdump writes
 * both.
 */
#ifndef TREE_DUMP_H
#define TREE_DUMP_H

#include "tree/items.h"

Compose *dump_compose(const struct render_facts *facts, const Space *space,
		      uint64_t arg);

#endif
