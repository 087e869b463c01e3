/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical memory: bytes at a physical address. Read-only, thread safe. */
#ifndef PMEM_PHYSMEM_H
#define PMEM_PHYSMEM_H

#include "base/addr.h"
#include "image/image.h"

enum phys_status {
	PHYS_OK,
	PHYS_OUTSIDE,	/* at least one byte is not in the image */
	PHYS_IO,	/* the image could not be read there */
};

/* Bytes of one kind that follow each other. */
struct phys_slice {
	bool present;	     /* in the image; else a hole */
	uint64_t len;	     /* > 0 */
	const uint8_t *map;  /* borrowed from the mapping of the image for as
			      * long as the PhysMem lives, for system calls
			      * only; NULL in holes and where nothing is
			      * mapped (then physmem_read) */
};

typedef struct PhysMem PhysMem;

/* Borrows the image, which must outlive it. */
PhysMem *physmem_new(const Image *image);
void physmem_free(PhysMem *pm);
/* Not 0, and never that of another one of this process. */
uint64_t physmem_serial(const PhysMem *pm);

/* One past the last physical address in the image. */
uint64_t physmem_end(const PhysMem *pm);
/* Bytes of physical memory in the image. */
uint64_t physmem_bytes(const PhysMem *pm);
/* The runs that it consists of. */
const ImageRuns *physmem_runs(const PhysMem *pm);

/* All of len_bytes at pa, or a status (buf then holds nothing of use). */
enum phys_status physmem_read(const PhysMem *pm, PhysAddr pa, void *buf,
			      size_t len_bytes) G_GNUC_WARN_UNUSED_RESULT;
/* What is at pa and how far it goes, max_len bytes at the most (> 0). */
struct phys_slice physmem_slice(const PhysMem *pm, PhysAddr pa,
				uint64_t max_len);
/* Are slices of what is present mapped? */
bool physmem_is_mapped(const PhysMem *pm);
/* The first of the len_bytes at pa, of which all are present, as they lie in
 * memory (image_io_hold()). */
enum image_held physmem_hold(const PhysMem *pm, PhysAddr pa, size_t len_bytes,
			     bool wait, struct image_hold *ret);
void physmem_unhold(const PhysMem *pm, const struct image_hold *hold);
/* Is at least one byte of the 4 KiB page of pa in the image? */
bool physmem_has_page(const PhysMem *pm, PhysAddr pa);
/* First address >= pa that is in the image and not in a hole of its file;
 * physmem_end() where there is none. For scans. */
uint64_t physmem_next_data(const PhysMem *pm, uint64_t pa);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PhysMem, physmem_free)

#endif
