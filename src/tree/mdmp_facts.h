/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a process's threads, modules and handles, in the form that
 * a minidump has it. */
#ifndef TREE_MDMP_FACTS_H
#define TREE_MDMP_FACTS_H

#include "nt/peinfo.h"
#include "tree/fds.h"
#include "tree/mdmp.h"
#include "tree/modules.h"
#include "tree/threads.h"

struct mdmp_facts {
	GArray *threads; /* struct mdmp_thread */
	GArray *modules; /* struct mdmp_module */
	GArray *handles; /* struct mdmp_handle */
	/* Of the threads: how many have a place where they will go on, and of
	 * those, how many may have run since; how many more have ended. */
	unsigned n_placed, n_old, n_exited;
	bool cut;	    /* there are more than a minidump has */
	Detail *kept[3];    /* what the arrays borrow from */
	GPtrArray *strings; /* the same; owned */
};

void mdmp_facts_init(struct mdmp_facts *f);
/* All three have been called then. */
void mdmp_facts_clear(struct mdmp_facts *f);

/* Threads that have not ended. */
void mdmp_facts_threads(struct mdmp_facts *f,
			const struct render_facts *facts, const Space *space,
			unsigned architecture);
/* The program first, then by address. */
void mdmp_facts_modules(struct mdmp_facts *f,
			const struct render_facts *facts, const Space *space);
void mdmp_facts_handles(struct mdmp_facts *f,
			const struct render_facts *facts, const Space *space);

/* Registers in a CONTEXT of an architecture; of 32-bit code in that of x64 as
 * the processor has them. Nothing is known of those of another. */
void mdmp_regs_set(struct mdmp_regs *ret, const struct nt_regs *from,
		   unsigned architecture);

#endif
