/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Judging the DTBs of all processes, by themselves and beside each other. */
#ifndef PROCS_DTBS_H
#define PROCS_DTBS_H

#include "procs/entry.h"

/* Sets dtb and dtb_other of all entries (struct proc_entry). */
void proc_dtbs_check(const NtKernel *kernel, const GPtrArray *entries);

/* Is the process's own table worth looking for: it has none, or one that is
 * bad or not its own? */
bool proc_dtb_is_sought(const struct proc_entry *e);

#endif
