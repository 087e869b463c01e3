/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process with PEBs of both widths, in memory made by hand. */
#ifndef UNIT_UNIT_PEB_H
#define UNIT_UNIT_PEB_H

#include "lib/mkpaging.h"
#include "nt/peb.h"
#include "unit/unit-mem.h"

/* Where things are; each but ENVIRON is one page. */
#define PEB 0x340000u
#define PEB32 0x341000u
#define BLOCK 0x500000u
#define BLOCK32 0x600000u
#define ENVIRON 0x700000u /* two pages, then none */
#define TEXTS 0x800000u
#define NOWHERE 0x900000u

/* Offsets in one of the two forms. */
struct peb_form {
	unsigned pointer, parameters, image_base;
	unsigned directory, image_path, command_line, environment, size;
};
extern const struct peb_form wide, narrow;

struct world {
	MkPhys *phys;
	MkPaging *paging;
	struct unit_mem mem;
	struct addr_space as;
	struct nt_profile profile;
	struct nt_process process;
	uint32_t text_at;
	bool ready;
};

/* A process in 64 bits, in 32 bits (x86), or with both PEBs. */
enum kind { WIDE, NARROW, WOW64, KINDS };

void world_start(struct world *w, enum kind kind);
/* Reads the parameters; from then on the memory is w->mem. */
struct nt_params world_params(struct world *w);
void world_stop(struct world *w, struct nt_params *p);

/* Before that: one page more; a number; ASCII as UTF-16; a PEB with a block
 * whose texts have mark in them. */
void world_map(struct world *w, uint64_t va);
void put_int(struct world *w, uint64_t va, uint64_t v, size_t len);
void put_chars(struct world *w, uint64_t va, const char *text, size_t len);
void put_block(struct world *w, const struct peb_form *f, uint64_t peb,
	       uint64_t block, const char *mark);

#endif
