/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A made-up Windows with all that is found in it, up to the tree. */
#ifndef UNIT_UNIT_WIN_H
#define UNIT_UNIT_WIN_H

#include "lib/mkwin.h"
#include "procs/procset.h"
#include "unit/unit-mem.h"

struct unit_win {
	MkWin *win;
	struct unit_mem mem;
	Log *log;
	NtKernel *kernel; /* or NULL */
};

/* A machine by its options, in memory, and its kernel. */
void unit_win_init(struct unit_win *w, const struct mk_options *options);
/* The same, with hints. */
void unit_win_init_hints(struct unit_win *w, const struct mk_options *options,
			 const struct nt_hints *hints);
void unit_win_clear(struct unit_win *w);

/* Kernel address space of a machine, without the hook of software PTEs. */
struct addr_space unit_win_space(const struct unit_win *w);

/* Which methods see a process, as bits, by the truth of the builder. */
unsigned unit_win_seen(const struct mk_process *process);
/* From which it is missing though it should be there: the builder's names say
 * what each hides from. */
unsigned unit_win_missing(const char *name);

#endif
