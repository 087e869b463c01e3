/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual address descriptors: what a process has reserved, and as what. */
#ifndef NT_VAD_H
#define NT_VAD_H

#include "nt/eprocess.h"

struct nt_vad {
	uint64_t start;		/* first byte */
	uint64_t last;		/* last byte, included */
	VirtAddr node;
	unsigned protection;	/* MM protection, 5 bits */
	unsigned type;		/* VadType: 0 none, 2 image, ... */
	bool private_memory;
	/* Pages that are charged to it; NT_VAD_NO_COMMIT: it has none of its
	 * own (each page has), or not known. */
	uint64_t commit;
	/* Of those that map a section, else 0: prototype PTEs of the first
	 * page and of the last one whose PTE follows it, and the _SUBSECTION
	 * (before Vista the _CONTROL_AREA) that it begins in. */
	uint64_t first_proto, last_proto;
	uint64_t subsection, control_area;
	/* What nt_vad_read_section() found, else 0. */
	uint64_t file_object;	/* _FILE_OBJECT, or 0: none */
	unsigned section;	/* enum nt_vad_section */
};

#define NT_VAD_NO_COMMIT UINT64_MAX

/* What a VAD maps, by the control area of its section. */
enum nt_vad_section {
	NT_SECTION_READ = 1,	/* the control area was there */
	NT_SECTION_IMAGE = 2,	/* mapped as an executable */
	NT_SECTION_FILE = 4,	/* of a file; else in page files */
};

/* More descriptors than this are garbage. */
#define NT_VADS_MAX 262144u
/* A balanced tree of so many is not half as deep. */
#define NT_VAD_DEPTH_MAX 64u

/*
 * The VADs of a process, by start, without overlaps (of two that overlap the
 * one that starts lower is kept). own: the process's address space. Empty
 * where there are none or they cannot be read. The walk is bounded and cuts
 * cycles. (transfer full) of struct nt_vad.
 */
GArray *nt_vad_list(const struct addr_space *own,
		    const struct nt_profile *profile,
		    const struct nt_process *process);

/* The VAD that has va, by descending the tree; false where none has. For a
 * single question: it costs the depth of the tree. What only VADs of sections
 * have is 0. */
bool nt_vad_find(const struct addr_space *own,
		 const struct nt_profile *profile,
		 const struct nt_process *process, uint64_t va,
		 struct nt_vad *ret);

/*
 * Follows a VAD of the list that maps a section to its control area: fills
 * file_object, section, and where only a _SUBSECTION is named, control_area.
 * Nothing for private memory. Whether there is a file object at file_object is
 * not looked at.
 */
void nt_vad_read_section(const struct addr_space *own,
			 const struct nt_profile *profile, struct nt_vad *vad);

/* Is what lies in it the process's own: private memory, or copied on write
 * (protections WRITECOPY and EXECUTE_WRITECOPY)? */
bool nt_vad_is_private(const struct nt_vad *vad);

#endif
