/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts about a kernel that nobody has symbols of, worked out of its memory:
 * each by a test that the right offset passes on every process that is found,
 * and that wrong ones fail on most (docs/profiles.md has the tests).
 */
#ifndef NT_DERIVE_H
#define NT_DERIVE_H

#include "nt/kernel.h"

enum nt_derived_kind {
	NT_DERIVED_OFFSET,	/* value: of a member, bytes */
	NT_DERIVED_ADDRESS,	/* value: virtual address of a variable */
	NT_DERIVED_NUMBER,
};

/* How a value came about. */
enum nt_derived_basis {
	NT_BASIS_PROVED,   /* memory says so, and says it of no other value */
	NT_BASIS_CHOSEN,   /* several fit, this is where relatives have it */
	NT_BASIS_ASSUMED,  /* nothing in memory tells: as in relatives */
};

/* One of them. */
struct nt_derived {
	const char *name;	/* static: "_EPROCESS.UniqueProcessId" */
	enum nt_derived_kind kind;
	enum nt_derived_basis basis;
	uint64_t value;
	unsigned n_for, n_against; /* how many processes (or other witnesses)
				    * agree and disagree */
	bool replaces;		/* the layout says otherwise: */
	uint32_t replaced;	/* this */
};

/* Percent: how much of what was looked at agrees, less where the value was
 * not the only one. */
unsigned nt_derived_confidence(const struct nt_derived *derived);

/*
 * How well a profile fits the processes of the list that System is in: the
 * members that stand their tests where it has them count 2, those that fail
 * -2 and in *n_failed; others nothing.
 */
int nt_derive_fit(const struct addr_space *as, const struct nt_profile *profile,
		  VirtAddr system, unsigned *n_failed);

/*
 * Without any layout: finds a process object by the DTB that its address space
 * has, the process list from there, System in it, then the members. k->as must
 * be a process's address space. Fills k->profile (the rest from the nearest
 * relative among the layouts), k->system; k->derived says what was derived.
 * False where no list of processes was found.
 */
bool nt_derive_core(NtKernel *k);

/*
 * With a profile whose source is not exact: each member that can be tested is
 * tested on the processes of the list; one that fails is replaced where memory
 * shows another place for it. The log tells of each.
 */
void nt_derive_members(NtKernel *k, Log *log);

/* The variables and numbers that no symbol, export or KDBG gave: PspCidTable,
 * HandleTableListHead, PsActiveProcessHead, ObTypeIndexTable and
 * ObHeaderCookie, InvalidPteMask. */
void nt_derive_variables(NtKernel *k, Log *log);

#endif
