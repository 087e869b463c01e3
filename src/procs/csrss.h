/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The CSRSS method. */
#ifndef PROCS_CSRSS_H
#define PROCS_CSRSS_H

#include "procs/method.h"

/*
 * The processes, and the owners of the threads, that each known csrss.exe has
 * handles to: those of its session, but System, smss.exe and itself.
 */
void csrss_run(struct proc_run *run);

#endif
