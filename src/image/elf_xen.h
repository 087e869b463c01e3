/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory in the sections of an ELF core that Xen wrote. */
#ifndef IMAGE_ELF_XEN_H
#define IMAGE_ELF_XEN_H

#include "image/image.h"

/* Where the section headers are, by the ELF header. */
struct elf_sections {
	bool is64;
	uint64_t off;
	uint16_t entsize;
	uint32_t n;
	uint32_t names; /* index of the section with their names */
};

/*
 * Adds what .xen_pages holds to the runs, and the processors of
 * .xen_prstatus. False: there is no such section, it is no core of Xen's.
 */
bool elf_xen_read(Image *image, const struct elf_sections *sections, Log *log);

#endif
