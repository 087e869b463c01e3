/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the reader of modules share. */
#ifndef NT_LDR_PRIV_H
#define NT_LDR_PRIV_H

#include "nt/ldr.h"

/* Modules as they are found, before they are put together. */
struct nt_found {
	const struct addr_space *as;
	const struct nt_profile *profile; /* or NULL: there are no VADs */
	GArray *modules;	/* struct nt_module, in no order */
	size_t name_bytes;	/* of all names and paths so far */
	uint64_t n_bad;		/* entries of lists that make no sense */
};

/* as: to read headers by, and what VADs lead to. */
void nt_found_init(struct nt_found *found, const struct addr_space *as,
		   const struct nt_profile *profile);
/* May more names be kept? There are 4 MiB for all of a process. */
bool nt_found_has_room(const struct nt_found *found);
/* Takes the module's texts. */
void nt_found_add(struct nt_found *found, const struct nt_module *module);
/* Puts together what was found of each base, compares it with the VADs (or
 * NULL), asks the headers; ret->ldr and ldr32 are there already. */
void nt_found_end(struct nt_found *found, const GArray *vads,
		  struct nt_modules *ret);

/* The lists of both kinds of PEBs. */
void nt_ldr_read(const struct addr_space *own,
		 const struct nt_profile *profile,
		 const struct nt_process *process, struct nt_modules *ret,
		 struct nt_found *found);

#endif
