/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of methods. */
#include "config.h"

#include "procs/method.h"
#include "procs/psactive.h"

const struct ProcMethod proc_methods[METHODS] = {
	[METHOD_PSACTIVEPROCESSHEAD] = { "PsActiveProcessHead",
					 psactive_run },
	[METHOD_CSRSS] = { "CSRSS", NULL },
	[METHOD_PSPCIDTABLE] = { "PspCidTable", NULL },
	[METHOD_SESSIONS] = { "Sessions", NULL },
	[METHOD_HANDLES] = { "Handles", NULL },
};
