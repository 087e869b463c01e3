/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images, and the loaders' lists of them: what parts of the builder share. */
#ifndef MKLDR_H
#define MKLDR_H

#include "lib/mkwin.h"

typedef struct MkProc MkProc;

#define MK_PE_SECTIONS 4u
#define MK_DLLS_MAX 8u

/* What an image is to say of itself; its pages, headers and all. */
struct mk_image {
	uint64_t base;
	bool wide; /* PE32+ */
	unsigned int pages;
	uint16_t machine;
	uint32_t number; /* that makes it unlike others */
	uint32_t timestamp;
	uint32_t version[2];
	uint8_t guid[16];
	const char *name;
	const char *pdb;
};

/* One that processes share. */
struct mk_dll {
	struct mk_image image; /* name NULL: free */
	uint64_t pa[5];
};

/* mkpe.c: what an image is, by its name alone; its bytes (transfer full) as
 * they lie in memory, 5 pages or 16; MK_PROT_... of one of them. */
void mk_image_init(MkWin *win, struct mk_image *image, const char *name,
		   bool wide, unsigned int pages);
uint8_t *mk_pe_build(const struct mk_image *image);
unsigned int mk_pe_protection(const struct mk_image *image, unsigned int page);

/* mkldr.c, with modules: images and lists of a process that has its program at
 * image; drivers from an address on; lines of the truth. */
void mk_ldr_build(MkWin *win, MkProc *proc, uint64_t image, uint64_t low);
void mk_ldr_drivers(MkWin *win, uint64_t at);
void mk_ldr_unloaded(MkWin *win);
void mk_ldr_truth(GString *out, const MkWin *win);

#endif
