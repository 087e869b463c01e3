/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which kernel is it: the steps of nt_kernel_find() on one address space. */
#ifndef NT_IDENTIFY_H
#define NT_IDENTIFY_H

#include "nt/kernel.h"

/* Reads _KUSER_SHARED_DATA (VA 0xfffff78000000000 on x64) into k->kuser;
 * valid where its version is one that exists. */
void nt_identify_kuser(NtKernel *k);

/*
 * Chooses the layout: by the PDB's GUID, else by time stamp and size of the
 * PE header, else by the build number, else all of the architecture; the first
 * with which System is found is it. Where none fits, or hints say
 * no_profile, it is derived. scan: kernel memory may be searched for
 * System where no symbol leads to it; returns whether that was done.
 */
bool nt_identify_profile(NtKernel *k, const struct nt_hints *hints, bool scan);

/* Without a System to check one: the layout that the build tells, where it is
 * known only now, so that lists can be tried. */
void nt_identify_unchecked(NtKernel *k);

/*
 * Where there is no System to check profiles with (triage dumps): the one that
 * fn gives most points, of all of the architecture, in that order; those that
 * the kernel's identity leads to have a few in advance. None, where none has
 * more than 0 and the identity leads to none. Replaces what k has.
 */
typedef int (*nt_score_fn)(const struct nt_profile *profile, void *ctx);
void nt_identify_fitting(NtKernel *k, nt_score_fn fn, void *ctx);

/* With the kernel chosen: System's DTB, the hook for software PTEs, what is
 * left of the facts. */
void nt_identify_finish(NtKernel *k, const Image *image);

/* k->user_end, from MmHighestUserAddress: 0x7ffeffff or, with /3GB, up to
 * 0xbffeffff on 32-bit machines; below half of the space on others. */
void nt_identify_user_end(NtKernel *k);

#endif
