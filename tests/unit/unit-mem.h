/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made-up physical memory as an image that is held in memory. */
#ifndef UNIT_UNIT_MEM_H
#define UNIT_UNIT_MEM_H

#include "lib/mkphys.h"
#include "pmem/physmem.h"

struct unit_mem {
	uint8_t *bytes;
	Image *image;
	PhysMem *pm;
};

/* All RAM of phys, one run for each of its runs; a copy. */
void unit_mem_init(struct unit_mem *mem, const MkPhys *phys);
/* Runs of any kind over bytes, which are copied. */
void unit_mem_init_runs(struct unit_mem *mem, const void *bytes, size_t len,
			const struct image_run *runs, size_t n);
void unit_mem_clear(struct unit_mem *mem);
/* A reader for image_io_set_reader(): every read fails. */
int64_t unit_no_read(void *ctx, uint64_t off, void *buf, size_t len);

#endif
