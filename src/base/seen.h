/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard of every walk over linked structures in an image: a set of the
 * addresses already visited, and a budget of steps. A walk asks seen_enter()
 * before each node and stops when told so.
 */
#ifndef BASE_SEEN_H
#define BASE_SEEN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Seen Seen;

enum seen_answer {
	SEEN_NEW,	/* go on with this node */
	SEEN_BEFORE,	/* a cycle: the node was visited */
	SEEN_EXHAUSTED,	/* the budget is spent: stop the walk */
};

/* budget: how many different nodes may be entered. */
Seen *seen_new(uint32_t budget);
void seen_free(Seen *seen);
enum seen_answer seen_enter(Seen *seen, uint64_t address);
bool seen_has(const Seen *seen, uint64_t address);

#include <glib.h>
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Seen, seen_free)

#endif
