/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of a kernel address space that were read a moment ago, for whoever
 * looks at many small things that lie close together. Not thread safe: one
 * for each walk.
 */
#ifndef NT_PAGES_H
#define NT_PAGES_H

#include "vtop/vtop.h"

typedef struct NtPages NtPages;

/* as is copied; what it points to must outlive the result. */
NtPages *nt_pages_new(const struct addr_space *as);
void nt_pages_free(NtPages *pages);
/* As vtop_read(). */
bool nt_pages_read(NtPages *pages, VirtAddr va, void *buf, size_t len_bytes);
/* What that has cost so far, in leaves of a walk's budget: pages that were not
 * at hand. */
unsigned nt_pages_cost(const NtPages *pages);

#include <glib.h>
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtPages, nt_pages_free)

#endif
