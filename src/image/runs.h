/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which bytes of the container are which bytes of physical memory: sorted,
 * non-overlapping runs. Built from hostile headers, then read-only.
 */
#ifndef IMAGE_RUNS_H
#define IMAGE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* x86 and ARM64 physical addresses have 52 bits at the most. */
#define PHYS_ADDR_END (UINT64_C(1) << 52)

struct image_run {
	uint64_t pa;	/* first physical address */
	uint64_t len;	/* bytes, > 0 */
	uint64_t off;	/* file offset of the first byte */
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
/* Adds a run as a header claims it; what lies beyond the file or beyond the
 * physical address space is cut off and counted. Any order. */
void image_runs_add(ImageRuns *runs, uint64_t pa, uint64_t len, uint64_t off,
		    uint64_t file_size);
/* Sorts, cuts overlaps (the run that starts lower wins, of two that start
 * alike the longer) and merges neighbours. Then no more adding. */
void image_runs_finish(ImageRuns *runs);

size_t image_runs_count(const ImageRuns *runs);
const struct image_run *image_runs_get(const ImageRuns *runs, size_t index);
const struct image_runs_damage *image_runs_damage(const ImageRuns *runs);
/* Sum of all lengths. */
uint64_t image_runs_bytes(const ImageRuns *runs);
/* One past the highest physical address, 0 where there is no run. */
uint64_t image_runs_end(const ImageRuns *runs);
/* The run that holds pa, else the first one above it, else NULL. */
const struct image_run *image_runs_find(const ImageRuns *runs, uint64_t pa);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageRuns, image_runs_free)

#endif
