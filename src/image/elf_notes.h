/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processor state in the notes of an ELF core. */
#ifndef IMAGE_ELF_NOTES_H
#define IMAGE_ELF_NOTES_H

#include "image/image.h"

/* Reads a PT_NOTE segment at off; what it says of processors goes to
 * image->cpus. What cannot be read is skipped: notes are only hints. */
void elf_notes_read(Image *image, uint64_t off, uint64_t len_bytes);

#endif
