/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The methods that list processes: each a function from a kernel to EPROCESS
 * addresses. What each of them sees and what not: docs/methods.md.
 */
#ifndef PROCS_METHOD_H
#define PROCS_METHOD_H

#include "base/log.h"
#include "base/seen.h"
#include "nt/kernel.h"
#include "nt/object.h"
#include "procs/entry.h"

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

/* One of the things that a method goes through: the table of a csrss, the
 * ring of a session. */
struct proc_part {
	uint64_t session_key;	/* which session it speaks for */
	uint64_t since;		/* FILETIME: it knows of what came later */
	bool whole;		/* all of it could be read */
};

/* Values that a method could not look at: first, first + 4, ... */
struct proc_lost {
	uint64_t first;
	uint64_t n;
};

/* How far the silence of a method can be trusted. */
struct proc_evidence {
	const char *unusable;	/* why it saw nothing at all; NULL: it ran */
	bool broken;		/* of what it went through not all is known */
	GArray *parts;		/* struct proc_part: CSRSS, Sessions */
	GArray *lost;		/* struct proc_lost: PspCidTable, by pid */
};

/* What a method works with. */
struct proc_run {
	const NtKernel *kernel;
	NtObjects *objects;
	Log *log;
	/* struct proc_entry, those that are known already. It grows while a
	 * method runs (by what it finds), and never shrinks. */
	const GPtrArray *known;
	/* Verdicts of proc_is_valid(): address -> GUINT, keys owned. */
	GHashTable *verdicts;
	uint32_t verdicts_left;	/* how many more it may come to */
	/* What CSRSS and Sessions went through in an earlier round. */
	Seen *csrss_done, *sessions_done;
	Seen *session_nodes;	/* LIST_ENTRYs of all sessions */
	uint32_t csrss_pages;	/* of handle tables that it may still read */
	uint32_t csrss_objects;	/* that it may still look at */
	uint32_t dtb_scans;	/* of kernel memory, for CR3s that no known
				 * process has */
	bool again;		/* a ring was broken: start from all known
				 * processes that are linked in it, too */
	struct proc_evidence *evidence;
	proc_found_fn fn;
	void *ctx;
};

struct ProcMethod {
	const char *name; /* Rekall's, as in method= */
	void (*run)(struct proc_run *run);
	/* It starts from processes that others found, and is run again while
	 * there are new ones. */
	bool derived;
};

extern const struct ProcMethod proc_methods[METHODS];

/* A list with more entries than this is garbage; Windows itself never had
 * more than a few ten thousand processes. */
#define PROCS_MAX 65536u
/* Sessions that are looked at. Windows Server admits some hundreds. */
#define SESSIONS_MAX 1024u

/* Why a method is of no use here; logged once, by the caller of run. */
void proc_unusable(struct proc_run *run, const char *why);

#endif
