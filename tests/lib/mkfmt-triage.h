/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a triage dump of a made-up machine: as if the last processor had
 * crashed. No other container of its memory: it has pieces of the virtual one.
 */
#ifndef MKFMT_TRIAGE_H
#define MKFMT_TRIAGE_H

#include "lib/mkwin.h"

/* A piece of virtual memory in the file. */
struct mk_block {
	uint64_t va;
	uint64_t len;
	uint64_t off;
};

/* A driver in its lists; not owned. */
struct mk_driver {
	const char *name;
	uint64_t base;
	uint64_t size;
	uint32_t timestamp;
	bool unloaded;
};

struct mk_triage {
	const struct mk_process *process; /* that crashed */
	uint64_t prcb, thread;
	unsigned processor;
	uint64_t rip, rsp;
	uint64_t params[4];
	uint32_t bugcheck;
	GArray *blocks;	 /* struct mk_block: data blocks and all else that has
			  * an address; the first two overlap */
	GArray *drivers; /* struct mk_driver, loaded ones first */
	size_t n_blocks; /* data blocks: the first of blocks */
};

/* The file as bytes; the machine must have a plain KDBG. (transfer full) */
GByteArray *mk_triage_make(MkWin *win, struct mk_triage *ret);
void mk_triage_clear(struct mk_triage *triage);

/*
 * Writes it; appends to the file of the truth, where one is given:
 *	triage EPROCESS THREAD PRCB PROCESSOR RIP RSP BUGCHECK
 *	block VA LEN OFF	ascending by nothing
 *	driver BASE SIZE TIMESTAMP UNLOADED NAME
 */
bool mk_triage_write(MkWin *win, const char *path, const char *truth,
		     GError **error);

#endif
