/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which method should have seen a process: what is missing without a reason is
 * hidden. The rules and their reasons: docs/methods.md.
 */
#ifndef PROCS_CROSSVIEW_H
#define PROCS_CROSSVIEW_H

#include "procs/method.h"

enum crossview {
	CROSS_NOT_EXPECTED,	/* it has no reason to be there */
	CROSS_EXPECTED,
	CROSS_NO_EVIDENCE,	/* it may be in what could not be read */
};

/* Should a method see this process? */
enum crossview crossview_expects(const NtKernel *kernel,
				 const struct proc_evidence *evidence,
				 enum proc_method_id method,
				 const struct proc_entry *e);

/* Sets e->missing and e->no_evidence; evidence: of all METHODS, methods: those
 * to compare. */
void crossview_mark(const NtKernel *kernel,
		    const struct proc_evidence *evidence, unsigned methods,
		    struct proc_entry *e);

#endif
