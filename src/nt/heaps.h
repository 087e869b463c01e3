/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The heaps of a process, by its PEB. The process can write all of it. */
#ifndef NT_HEAPS_H
#define NT_HEAPS_H

#include "nt/eprocess.h"

/* Heaps of a process that are read, at most. */
#define NT_HEAPS_MAX 4096u

/*
 * Where the heaps begin that a PEB of that width (4 or 8 bytes a pointer)
 * names: ProcessHeap first, then those of the array ProcessHeaps. What makes
 * no sense is left out. (transfer full) of uint64_t; empty where the PEB
 * cannot be read.
 */
GArray *nt_heaps_read(const struct addr_space *own, VirtAddr peb,
		      unsigned pointer_bytes);

#endif
