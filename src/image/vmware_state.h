/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a VMware state file (.vmss, .vmsn) says: where in memory the pages of
 * the .vmem beside it (or of its own) belong, and the processors' registers.
 *
 * Sources: Volatility 2 (volatilityfoundation/volatility, plugins/addrspaces/
 * vmware.py) and VMware's own reader in crash (crash-utility/crash,
 * vmware_vmss.c and .h). docs/formats.md has the layout.
 */
#ifndef IMAGE_VMWARE_STATE_H
#define IMAGE_VMWARE_STATE_H

#include "image/image.h"

/* Pages of memory that lie together in the file. */
struct vmware_region {
	uint64_t file_page; /* in the .vmem, or from memory_off */
	uint64_t first_pfn;
	uint64_t n_pages;
	unsigned known;	    /* which of these were said; a bit each */
};

#define VMWARE_REGION_KNOWN 7u

struct vmware_state {
	uint32_t magic;
	GArray *regions;     /* struct vmware_region */
	uint32_t n_claimed;  /* regionsCount; UINT32_MAX: not said */
	uint32_t n_partial;  /* regions left out: not all of one is known */
	/* The tag "Memory": the bytes themselves. */
	uint64_t memory_off;
	uint64_t memory_len; /* in the file; 0: there is none */
	bool compressed;
	GArray *cpus;	     /* struct image_cpu, by number */
	uint32_t n_groups;   /* that were read */
	bool damaged;	     /* what should be there is beyond the file */
};

/* Does the file begin as a state file does? */
bool vmware_is_state(const ImageIo *io);
/* Reads all that; false: it is no state file. To be cleared by
 * vmware_state_clear() in both cases. */
bool vmware_state_read(const ImageIo *io, struct vmware_state *state);
void vmware_state_clear(struct vmware_state *state);

/* Bytes that the regions need of the file with the memory; 0: there are no
 * regions. */
uint64_t vmware_state_extent(const struct vmware_state *state);
/* Is it known where the memory's bytes belong? Not where the file ends before
 * it says so. */
bool vmware_state_has_layout(const struct vmware_state *state);
/* Is the memory in this very file? */
bool vmware_state_has_memory(const struct vmware_state *state);

#endif
