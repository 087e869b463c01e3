/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The methods that list processes: each a function from a kernel to EPROCESS
 * addresses, independent of the others.
 */
#ifndef PROCS_METHOD_H
#define PROCS_METHOD_H

#include "base/log.h"
#include "nt/kernel.h"

/* In the order of the columns of `processes`. */
enum proc_method_id {
	METHOD_PSACTIVEPROCESSHEAD,
	METHOD_CSRSS,
	METHOD_PSPCIDTABLE,
	METHOD_SESSIONS,
	METHOD_HANDLES,
	METHODS
};
#define METHODS_ALL ((1u << METHODS) - 1)

/* Called for each EPROCESS that a method finds; the same one may come more
 * than once. */
typedef void (*proc_found_fn)(void *ctx, VirtAddr eprocess);

struct ProcMethod {
	const char *name; /* Rekall's, as in method= */
	/* NULL: this version does not have the method. */
	void (*run)(const NtKernel *kernel, Log *log, proc_found_fn fn,
		    void *ctx);
};

extern const struct ProcMethod proc_methods[METHODS];

/* A list with more entries than this is garbage; Windows itself never had
 * more than a few ten thousand processes. */
#define PROCS_MAX 65536u

#endif
