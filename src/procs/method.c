/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of methods. */
#include "config.h"

#include "procs/cidtable.h"
#include "procs/csrss.h"
#include "procs/handles.h"
#include "procs/method.h"
#include "procs/psactive.h"
#include "procs/sessions.h"

const struct ProcMethod proc_methods[METHODS] = {
	[METHOD_PSACTIVEPROCESSHEAD] = { "PsActiveProcessHead", psactive_run,
					 false },
	[METHOD_CSRSS] = { "CSRSS", csrss_run, true },
	[METHOD_PSPCIDTABLE] = { "PspCidTable", cidtable_run, false },
	[METHOD_SESSIONS] = { "Sessions", sessions_run, true },
	[METHOD_HANDLES] = { "Handles", handles_run, false },
};

void proc_unusable(struct proc_run *run, const char *why)
{
	run->evidence->unusable = why;
}
