/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose page tables are these? What speaks for a table's being a process's:
 * what the kernel knows of the process (PEB, image, VADs) is looked for under
 * the table.
 */
#ifndef NT_DTBFIT_H
#define NT_DTBFIT_H

#include "nt/dtbcheck.h"

struct nt_dtb_fit {
	enum nt_fit peb;	/* ImageBaseAddress there is the EPROCESS's
				 * SectionBaseAddress */
	enum nt_fit image;	/* there is an MZ at SectionBaseAddress */
	enum nt_fit teb;	/* a TEB next to the PEB names the process */
	uint64_t teb_pid;	/* unless NT_FIT_UNKNOWN */
	unsigned n_pages;	/* valid in the user half, 32768 at the most */
	unsigned n_in_vads;	/* of those, within a VAD */
	bool has_vads;		/* else the last says nothing */
	int score;		/* > 0: more speaks for than against it */
};

/* vads: nt_vad_list() of the process; NULL: the pages are not looked at, which
 * takes no time. */
void nt_dtb_fit(const NtKernel *kernel, const struct nt_process *p,
		const GArray *vads, uint64_t dtb_raw, struct nt_dtb_fit *ret);

/* "PEB has the image base; 31 of 31 pages in VADs". (transfer full) */
char *nt_dtb_fit_text(const struct nt_dtb_fit *fit);

#endif
