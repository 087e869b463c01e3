/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What old winpmem (1.x and 2.x) says of the machine in an ELF core. */
#ifndef IMAGE_ELF_WINPMEM_H
#define IMAGE_ELF_WINPMEM_H

#include "image/image.h"

/* p_type of the program header: "pmem". */
#define ELF_PT_WINPMEM 0x6d656d70u

/* Reads the text at off: CR3 and the kernel's base go to image->facts. What is
 * no such text is skipped. */
void elf_winpmem_read(Image *image, uint64_t off, uint64_t len_bytes);

#endif
