/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which bytes of the container are which bytes of physical memory: sorted,
 * non-overlapping stretches, each a run or the pages of a bitmap. Built from
 * hostile headers, then read-only.
 */
#ifndef IMAGE_RUNS_H
#define IMAGE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "image/io.h"

/* x86 and ARM64 physical addresses have 52 bits at the most. */
#define PHYS_ADDR_END (UINT64_C(1) << 52)

struct image_run {
	uint64_t pa;	/* first physical address */
	uint64_t len;	/* bytes, > 0 */
	uint64_t off;	/* offset of the first byte in the data */
};

typedef struct ImageRuns ImageRuns;

/* What was not as it should be in the runs that were added. */
struct image_runs_damage {
	uint64_t n_beyond_file;	    /* runs cut or dropped: file too short */
	uint64_t missing_bytes;	    /* how much that is */
	uint64_t n_beyond_address;  /* runs cut or dropped: above 2^52 */
	uint64_t n_overlaps;	    /* runs that overlapped an earlier one */
};

ImageRuns *image_runs_new(void);
void image_runs_free(ImageRuns *runs);
/* Adds a run as a header claims it; what lies beyond the data (data_size
 * bytes) or beyond the physical address space is cut off and counted. Any
 * order. */
void image_runs_add(ImageRuns *runs, uint64_t pa, uint64_t len, uint64_t off,
		    uint64_t data_size);
/*
 * Adds 4 KiB pages by a bitmap of n_bits bits at bits_off of io, lowest bit of
 * each byte first: bit n says that page first_pfn + n is there, at off plus
 * 4096 for each bit that is set before it. Bits beyond the end of io, of the
 * data and of the physical address space are not taken; those that are set
 * count as damage. What is kept: 1.5 bits a page, of stretches of 2^15 pages
 * that have one. False where the bitmap could not be read to its end: the
 * pages before that are there.
 */
bool image_runs_add_bitmap(ImageRuns *runs, uint64_t first_pfn,
			   uint64_t n_bits, const ImageIo *io,
			   uint64_t bits_off, uint64_t off,
			   uint64_t data_size);
/* Sorts, cuts overlaps (what starts lower wins, of two that start alike the
 * longer; of bitmaps, only the bits that are set count) and merges
 * neighbours. Then no more adding. */
void image_runs_finish(ImageRuns *runs);

/* How many runs there are, of the greatest length each. */
size_t image_runs_count(const ImageRuns *runs);
const struct image_runs_damage *image_runs_damage(const ImageRuns *runs);
/* Sum of all lengths. */
uint64_t image_runs_bytes(const ImageRuns *runs);
/* One past the highest physical address, 0 where there is no run. */
uint64_t image_runs_end(const ImageRuns *runs);
/*
 * A piece that holds pa, else the first one above it; false where there is
 * none. What it is a piece of may go on at both sides where a bitmap says
 * which pages are there. For readers: O(log) of the stretches, no allocation.
 */
bool image_runs_find(const ImageRuns *runs, uint64_t pa,
		     struct image_run *piece);
/* The same, but goes on as far as the data do: to list runs, ask for 0 and
 * then for the end of the one before. */
bool image_runs_next(const ImageRuns *runs, uint64_t pa,
		     struct image_run *run);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageRuns, image_runs_free)

#endif
