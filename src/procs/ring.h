/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rings of LIST_ENTRYs, followed in both directions at once: one broken link
 * hides nothing, as in Rekall's traversal of lists.
 */
#ifndef PROCS_RING_H
#define PROCS_RING_H

#include "base/log.h"
#include "base/seen.h"
#include "nt/kernel.h"

enum ring_answer {
	RING_GO_ON,	/* a good node: go on from it */
	RING_STOP_HERE,	/* a good node with links that are not to be followed */
	RING_GARBAGE,	/* no node at all: logged */
};

/* What is at a LIST_ENTRY? Not asked of the head. */
typedef enum ring_answer (*ring_visit_fn)(void *ctx, uint64_t link);

struct ring {
	const char *area;	/* in the log */
	const char *what;	/* "is not in a process object" */
	const NtKernel *kernel;
	struct addr_space as;	/* that links are read through */
	Log *log;		/* or NULL */
	ring_visit_fn visit;
	void *ctx;
	uint64_t head;		/* 0: not known; then a node within the
				 * kernel's image is taken for it, or one that
				 * is no good but well linked */
	Seen *seen;		/* nodes of other rings, which this one cannot
				 * have; or NULL */
};

struct ring_result {
	bool head_read;
	bool exhausted;		/* more than PROCS_MAX nodes */
	unsigned n_good;	/* nodes */
	/* Links that lead nowhere, by direction, those of the head apart. */
	unsigned n_bad_flinks, n_bad_blinks;
	bool head_bad;		/* not readable, or has such a link */
};

/*
 * Does a neighbour point back at this LIST_ENTRY? What is not in the ring must
 * not be its own witness: one that is linked to itself does not count.
 */
bool ring_is_linked(const struct addr_space *as, unsigned pointer_bytes,
		    uint64_t link);

/* From the head, where there is one, and from the links in starts. */
struct ring_result ring_walk(const struct ring *ring, const uint64_t *starts,
			     size_t n_starts);

/*
 * Does what the ring did not show prove something? While all links of one
 * direction are good, all that is linked in it was seen; where the head is
 * damaged, what lies to both sides of the start was, if no other link is.
 */
bool ring_is_evidence(const struct ring_result *result);

#endif
