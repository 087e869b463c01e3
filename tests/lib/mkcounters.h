/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Windows counts: for the files that make a machine. */
#ifndef LIB_MKCOUNTERS_H
#define LIB_MKCOUNTERS_H

#include "lib/mkwin-priv.h"

/* Puts the counters of a process into its objects. */
void mk_counters_write(MkWin *win, const struct mk_process *process);
/* Memory of the machine. */
void mk_memory_write(MkWin *win);
/* A line of the truth about a process. */
void mk_counters_truth(GString *out, const MkWin *win,
		       const struct mk_process *process);

#endif
