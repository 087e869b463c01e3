/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hole below 4 GiB: machines with more memory than fits below the PCI
 * devices have the rest of it from 4 GiB on. Some raw files have the hole in
 * them (flat: offset = physical address), some have it squeezed out.
 */
#ifndef IMAGE_HOLE_H
#define IMAGE_HOLE_H

#include "image/image.h"

#define IMAGE_HOLE_END (UINT64_C(1) << 32)

/*
 * Where the hole begins on machines that are known, ascending; ends with 0.
 *	0x80000000	QEMU q35
 *	0xb0000000	QEMU q35 without gigabyte alignment (pc_q35.c)
 *	0xc0000000	VMware, QEMU pc, bhyve (pc_piix.c)
 *	0xd0000000	Firecracker
 *	0xe0000000	VirtualBox (MM/RamHoleSize), older QEMU pc
 *	0xf0000000	Xen (HVM_BELOW_4G_MMIO_START)
 *	0xf8000000	Hyper-V
 */
extern const uint64_t image_holes[];

/* Is it a raw file with memory that may lie otherwise: as flat as it is taken
 * for at first, and longer than the first hole? */
bool image_may_lack_hole(const Image *image);

/* Takes it for one that has the hole from start (of image_holes[], below the
 * file's size) squeezed out. Only before anybody uses its runs. */
void image_set_hole(Image *image, uint64_t start);

/* The offset of physical address pa in a file of size bytes without the hole
 * that begins at start (0: flat); false where it is in the hole or beyond. */
bool image_hole_offset(uint64_t start, uint64_t size, uint64_t pa,
		       uint64_t *off);
/* The other way round. */
uint64_t image_hole_address(uint64_t start, uint64_t off);

#endif
