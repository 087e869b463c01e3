/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The address space of a process with all that is known of it: its tables,
 * and the prototype PTEs of the sections that it maps. For one walk or a few
 * questions: it holds a cache of what was read, and is for one thread.
 */
#ifndef NT_PROCSPACE_H
#define NT_PROCSPACE_H

#include "nt/proto.h"

typedef struct NtProcSpace NtProcSpace;
struct NtProcSpace {
	struct addr_space as; /* to be walked; uses the rest */
	struct nt_soft_ctx soft;
	GArray *vads;	 /* struct nt_vad, ascending */
	GArray *extents; /* struct nt_proto_extent, ascending */
};

/* own: to be walked, as nt_kernel_space() makes it. process: whose it is; NULL:
 * no VADs are known, and the others are not looked at. through: where its
 * objects are read, its own tables as a rule (own can be those for user mode,
 * which have no kernel). What they point to must outlive the result. */
NtProcSpace *nt_proc_space_new(const struct addr_space *own,
			       const struct nt_profile *profile,
			       const struct nt_process *process,
			       const struct addr_space *through);
void nt_proc_space_free(NtProcSpace *space);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtProcSpace, nt_proc_space_free)

#endif
