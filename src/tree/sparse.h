/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sparse files: `vmem`, `regions/...`, `pmem`, `pagemap`. A read is answered
 * with a plan of where the bytes lie (in the mapping of the image, or zeros),
 * so that a reply need not copy them.
 */
#ifndef TREE_SPARSE_H
#define TREE_SPARSE_H

#include <sys/uio.h>

#include "tree/space.h"

#define PLAN_MAX_BYTES (UINT64_C(1) << 20)
#define PLAN_MAX_IOV 512u
/* Blocks of compressed images that a plan keeps, and what they may take. */
#define PLAN_MAX_HOLDS 128u
#define PLAN_MAX_PINNED ((size_t)8 << 20)

/* The bytes of one read. What the vectors point at is good for system calls
 * for as long as the tree lives; they may fail with EFAULT where the image was
 * truncated meanwhile, which is an EIO. */
struct read_plan {
	struct iovec iov[PLAN_MAX_IOV];
	unsigned n;
	size_t len;	/* bytes in all */
	uint8_t *bounce; /* owned; or NULL */
	GBytes *text;	 /* what the vectors point into, kept; or NULL */
	bool copying;
	bool wait; /* for what is not decompressed yet; else -EAGAIN */
	const PhysMem *held_by; /* of the next ones; or NULL: none */
	struct image_hold holds[PLAN_MAX_HOLDS];
	unsigned n_holds;
	size_t pinned;
};

void read_plan_init(struct read_plan *plan);
void read_plan_clear(struct read_plan *plan);
/* Copies the planned bytes to buf, which has room for plan->len. Only for
 * images that nobody truncates meanwhile: for tests. */
void read_plan_gather(const struct read_plan *plan, void *buf);

struct sparse {
	const PhysMem *pm;
	const struct nt_swap *swap; /* or NULL */
	const DirectMap *direct; /* of a space that is a list, or NULL */
	SpaceView *view; /* owned; NULL: physical memory itself */
	uint64_t base;	 /* offset in the space of the first byte */
	uint64_t size;	 /* bytes */
	bool eio;	 /* holes=eio */
	bool copy;	 /* never point into the mapping */
	struct Compose *compose; /* owned; or NULL. Then view is its own */
	bool pagemap;	 /* entries about the pages of view, not their bytes */
};

void sparse_clear(struct sparse *s);

/*
 * Plans a read of len bytes at off; fewer at the end of the file, at most
 * PLAN_MAX_BYTES. Returns 0 or a negative errno: -EIO for a read that starts
 * in a page that the address space has but the image has not (with eio; one
 * that runs into such a page is cut short), and where the image cannot be
 * read; -EAGAIN where plan->wait is not set and it takes time.
 */
int sparse_read(const struct sparse *s, uint64_t off, uint64_t len,
		struct read_plan *plan) G_GNUC_WARN_UNUSED_RESULT;

/* As lseek(SEEK_DATA) and lseek(SEEK_HOLE); -ENXIO as there. */
int64_t sparse_next_data(const struct sparse *s, uint64_t off);
int64_t sparse_next_hole(const struct sparse *s, uint64_t off);

#endif
