/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The software PTE hook of a kernel: what it needs to know, and from where. */
#ifndef NT_SOFTKERNEL_H
#define NT_SOFTKERNEL_H

#include "nt/kernel.h"

/* By the kernel's profile, symbols and KDBG; gives k->as the hook. After each
 * change of the profile or of k->as. */
void nt_soft_setup(NtKernel *k);
/* InvalidPteMask; how: static, "derived". */
void nt_soft_set_mask(NtKernel *k, uint64_t mask, const char *how);
/* Gives the kernel the page files beside the image (or NULL; they must outlive
 * it), and looks for the compressed store. After nt_kernel_find(). */
void nt_soft_open_swap(NtKernel *k, const PageFiles *files, Log *log);

#endif
