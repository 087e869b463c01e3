/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ranges of a process that prototype PTEs describe: views of sections. A page
 * there need not have a PTE of its own before it is touched, nor even a page
 * table; its prototype PTE says what it is all the same.
 *
 * Sources: symbol tables (_MMVAD, _SUBSECTION), Windows Research Kernel
 * (MiLocateSubsection, MM_ALLOCATION_FILLS_VAD), google/rekall
 * plugins/windows/pagefile.py. docs/formats.md, "Page table entries".
 */
#ifndef NT_PROTO_H
#define NT_PROTO_H

#include "nt/softpte.h"
#include "nt/vad.h"

/* Pages whose prototype PTEs follow each other. */
struct nt_proto_extent {
	uint64_t start;	/* offsets in the address space */
	uint64_t last;	/* last byte */
	VirtAddr pte;	/* of the first page's prototype PTE */
	unsigned rights; /* by the VAD; 0: those of the prototype PTE */
	VirtAddr vad;
};

/* Subsections that are followed for one process. */
#define NT_SUBSECTIONS_MAX 65536u

/* Of all VADs of a list (struct nt_vad, ascending): ascending, without
 * overlaps. (transfer full) */
GArray *nt_proto_extents(const struct addr_space *own,
			 const struct nt_profile *profile, const GArray *vads);

/* The extent that has va, or the first above it; NULL where there is none. */
const struct nt_proto_extent *nt_proto_find(const GArray *extents,
					    uint64_t va);
/* The extent that has va, or NULL; extents may be NULL: none is known. */
const struct nt_proto_extent *nt_proto_at(const GArray *extents, uint64_t va);
/* Where the prototype PTE of va is, which the extent must have. */
VirtAddr nt_proto_pte(const struct addr_space *as,
		      const struct nt_proto_extent *extent, uint64_t va);

/* The `vacant` hook of the walker. */
uint64_t nt_proto_vacant(const struct addr_space *as, uint64_t va,
			 uint64_t last, struct soft_pte *ret);

#endif
