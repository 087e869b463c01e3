/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs of physical memory by number. */
#ifndef UNIT_UNIT_RUNS_H
#define UNIT_UNIT_RUNS_H

#include "image/runs.h"

/* The run at `index`; all 0 where there are fewer. */
static inline struct image_run unit_run(const ImageRuns *runs, size_t index)
{
	struct image_run run = { 0, 0, 0 };
	uint64_t pa = 0;

	for (size_t i = 0; i <= index; i++, pa = run.pa + run.len)
		if (!image_runs_next(runs, pa, &run))
			return (struct image_run){ 0, 0, 0 };
	return run;
}

/* The piece that holds pa; all 0 where there is none. */
static inline struct image_run unit_piece(const ImageRuns *runs, uint64_t pa)
{
	struct image_run run;

	if (image_runs_find(runs, pa, &run) && run.pa <= pa)
		return run;
	return (struct image_run){ 0, 0, 0 };
}

#endif
