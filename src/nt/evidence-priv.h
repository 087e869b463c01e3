/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the evidence share. */
#ifndef NT_EVIDENCE_PRIV_H
#define NT_EVIDENCE_PRIV_H

#include "nt/cpus.h"
#include "nt/evidence.h"

/* One gathering; image and log may be NULL in nt_evidence_search_kdbg(). */
struct gather {
	NtKernel *k;
	const Image *image;
	Log *log;
	unsigned pointer_bytes;
	struct nt_version_block version;
	bool has_version;
};

/* The head of a list of processes; of a list at all where no profile tells
 * what a process is. */
bool nt_evidence_is_process_list(const struct gather *g, uint64_t va);

/* Sets g->k->kdbg (and the image, where there is none) by whatever leads to a
 * block, and logs it. */
void nt_evidence_find_kdbg(struct gather *g);
/* The same by symbol and search of the image only. */
bool nt_evidence_search_kdbg(struct gather *g);

#endif
