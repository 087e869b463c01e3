/* SPDX-License-Identifier: GPL-3.0-or-later */
/* QEMU's migration streams: what is shared by the files qevm*.c. */
#ifndef IMAGE_QEVM_H
#define IMAGE_QEVM_H

#include "image/image.h"
#include "image/overlay.h"

enum {
	QEVM_NAME_MAX = 256, /* of a block, with its zero */
	QEVM_BLOCKS_MAX = 1024,
};

/* The pages of a block are units of the overlay from here on; in the data,
 * they are bytes from 4096 times that on. */
#define QEVM_BLOCK_UNITS (PHYS_ADDR_END >> 12)

/* A block of memory: "pc.ram", "vga.vram"... */
struct qevm_block {
	char name[QEVM_NAME_MAX];
	uint64_t size;
	bool wanted;	     /* it is guest memory */
	uint64_t bitmap_off; /* mapped-ram: a bit for each page; else 0 */
	uint64_t pages_off;
};

/* What a page is like in the file (overlay_piece.kind). */
enum qevm_kind {
	QEVM_FILLED,	/* of one byte: kind - QEVM_FILLED; up to 255 */
	QEVM_STORED = 256,
	QEVM_ZLIB,	/* its length (u32, big-endian) before it */
	QEVM_MAPPED,	/* where the bitmap says so; else zeros */
	QEVM_LOST,	/* a difference to what is not in the file */
};

struct qevm {
	const ImageIo *io;
	char machine[QEVM_NAME_MAX]; /* "pc-q35-7.2", or "" */
	GArray *blocks;		     /* struct qevm_block */
	Overlay *pages;
	uint64_t tail;	   /* where the devices behind the memory begin; 0: not
			    * reached */
	uint64_t n_lost;
	uint64_t stopped;  /* where the stream could not be followed, and why */
	const char *problem;
};

static inline struct qevm_block *qevm_block(const struct qevm *q, guint i)
{
	return &g_array_index(q->blocks, struct qevm_block, i);
}

/* Follows the stream at off and fills in the rest. */
void qevm_parse(struct qevm *q, uint64_t off);
/* Once all blocks are known: which of them are guest memory. */
void qevm_choose_blocks(struct qevm *q);
/* Adds the pages of these to the runs, at the addresses that the machine has
 * them at. */
void qevm_place(const struct qevm *q, ImageRuns *runs, Log *log);
/* What CR3 and such the devices behind the memory have. */
void qevm_find_cpus(const struct qevm *q, Image *image);
/* The pages as bytes; takes q. */
ImageIo *qevm_data(struct qevm *q);
void qevm_free(void *q);

#endif
