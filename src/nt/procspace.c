/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address spaces with their VADs. */
#include "config.h"

#include "nt/procspace.h"

static void add_process(NtProcSpace *s, const struct addr_space *through,
			const struct nt_profile *profile,
			const struct nt_process *process)
{
	g_array_unref(s->vads);
	g_array_unref(s->extents);
	s->vads = nt_vad_list(through, profile, process);
	s->extents = nt_proto_extents(through, profile, s->vads);
	/* Else what a VAD would say is not known, rather than nothing. */
	if (profile->vad.known && profile->vad.first_proto != NT_ABSENT)
		s->soft.protos = s->extents;
}

NtProcSpace *nt_proc_space_new(const struct addr_space *own,
			       const struct nt_profile *profile,
			       const struct nt_process *process,
			       const struct addr_space *through)
{
	NtProcSpace *s = g_new0(NtProcSpace, 1);
	struct addr_space flat = *own;

	s->as = *own;
	s->vads = g_array_new(FALSE, FALSE, sizeof(struct nt_vad));
	s->extents = g_array_new(FALSE, FALSE, sizeof(struct nt_proto_extent));
	if (own->soft != &nt_soft_pte_ops)
		return s;
	s->soft = *(const struct nt_soft_ctx *)own->soft_ctx;
	s->as.soft_ctx = &s->soft;
	s->soft.swap_memo = nt_swap_memo_new();
	if (s->soft.flat) {
		flat.soft_ctx = s->soft.flat;
		s->soft.pages = nt_pages_new(&flat);
	}
	if (process)
		add_process(s, through, profile, process);
	return s;
}

void nt_proc_space_free(NtProcSpace *space)
{
	if (!space)
		return;
	nt_pages_free(space->soft.pages);
	nt_swap_memo_free(space->soft.swap_memo);
	g_array_unref(space->vads);
	g_array_unref(space->extents);
	g_free(space);
}
