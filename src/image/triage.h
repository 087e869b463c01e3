/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a Windows triage dump (kernel minidump, DumpType 4) holds in place of
 * physical memory: ranges of virtual memory, copies of the structures of the
 * thread that crashed, lists of drivers. Read from the file, checked against
 * its size and nothing else; what it means is the nt layer's.
 */
#ifndef IMAGE_TRIAGE_H
#define IMAGE_TRIAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "image/io.h"

/* A range of virtual memory: address as the file has it (32-bit ones without
 * sign extension), its bytes in the file. May reach beyond the file. */
struct image_virtual {
	uint64_t va;
	uint64_t len;
	uint64_t off;
};

/* Bytes in the file; len 0: not there. */
struct image_part {
	uint64_t off;
	uint64_t len;	/* to what comes next in the file: the most it can be */
};

/* A driver, loaded or unloaded. */
struct image_module {
	uint64_t base;
	uint64_t size;
	uint32_t timestamp;	/* 0: not known, as for unloaded ones */
	char *name;		/* decoded, not escaped; owned */
};

struct image_triage {
	bool is64, pae;
	GArray *ranges;		/* struct image_virtual, in no order */
	size_t n_blocks;	/* how many of them are data blocks */
	GArray *modules;	/* struct image_module, in the dump's order */
	GArray *unloaded;	/* the same */
	struct image_part context, prcb, process, thread;
	uint64_t rip, rsp;	/* of the context; 0: not known */
};

void image_triage_free(struct image_triage *triage);

/* The lists of the drivers that are loaded, at off, and of those that are not
 * any more; what makes no sense is left out. *n_bad: entries that were. */
void image_triage_modules(struct image_triage *triage, const ImageIo *io,
			  uint64_t off, uint64_t count, uint64_t *n_bad);
void image_triage_unloaded(struct image_triage *triage, const ImageIo *io,
			   uint64_t off, uint64_t *n_bad);

#endif
