/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is the DTB of a process one? What was compared and why each finding is bad,
 * or only doubtful, is in docs/formats.md, "When a DTB is doubted".
 */
#ifndef NT_DTBCHECK_H
#define NT_DTBCHECK_H

#include "nt/kernel.h"

enum nt_dtb_verdict {
	NT_DTB_OK,
	NT_DTB_NONE,		/* 0: no address space */
	NT_DTB_NO_SYSTEM,	/* nothing to compare it with */
	NT_DTB_ODD_BITS,	/* bits that the form has no use for */
	NT_DTB_BEYOND,		/* the machine has no memory there */
	NT_DTB_OUTSIDE,		/* memory that the image lacks */
	NT_DTB_LOST,		/* PAE: its directories are not there */
	NT_DTB_ZEROS,		/* the table is nothing but zeros */
	NT_DTB_GARBAGE,		/* entries that no processor would take */
	NT_DTB_KERNEL_DIFFERS,	/* maps the kernel to other memory */
	NT_DTB_USER_TABLE,	/* KVA shadow's: lacks the kernel half */
	NT_DTB_SELF_MAP,	/* the self-map is missing or another's */
	NT_DTB_SYSTEMS,		/* System's, but it is another process */
	NT_DTB_OF_ANOTHER,	/* another live process has the same */
	NT_DTB_NO_PEB,		/* nothing is mapped where its PEB is */
	NT_DTB_OTHER_TEB,	/* the TEBs there name another process */
	NT_DTB_NO_TABLES,	/* the image has no page tables by design */
	NT_DTB_VERDICTS
};

enum nt_dtb_grade {
	NT_DTB_GOOD,
	NT_DTB_DOUBTFUL, /* may be all right: smear, a process that ends */
	NT_DTB_BAD,
};

/* An answer, where there is one. */
enum nt_fit { NT_FIT_UNKNOWN, NT_FIT_YES, NT_FIT_NO };

struct nt_dtb_check {
	enum nt_dtb_verdict verdict;
	enum nt_dtb_grade grade;
};

/* One line of English; static. */
const char *nt_dtb_text(enum nt_dtb_verdict verdict);

/* The address of the top-level table, flag bits (PCID, no-flush) masked. */
uint64_t nt_dtb_mask(const NtKernel *kernel, uint64_t dtb_raw);

/* The table that user code runs on (KVA shadow), masked; 0 where there is
 * none: UserDirectoryTableBase is absent, 0, or 1 (which Windows writes where
 * it does without). */
uint64_t nt_dtb_user(const NtKernel *kernel, const struct nt_process *p);

/*
 * Is it certain that the process has an address space of its own and uses it?
 * Not so where it has exited, is new, is being taken down, is swapped out, or
 * has no user half by its nature. What is odd about such a process's DTB is
 * never more than doubtful.
 */
bool nt_dtb_is_settled(const NtKernel *kernel, const struct nt_process *p);

/* Of a table, whosesoever it is: NT_DTB_OK to NT_DTB_SELF_MAP. */
enum nt_dtb_verdict nt_dtb_check_table(const NtKernel *kernel,
				       uint64_t dtb_raw);

/* Do the page tables say that nothing was ever at va: an entry of 0, on the
 * last level or above? */
bool nt_dtb_has_nothing_at(const NtKernel *kernel, uint64_t dtb_raw,
			   VirtAddr va);

/*
 * The process that the TEBs next to the PEB name (at 32 pages on either side):
 * NT_FIT_YES where one of them names this process, NT_FIT_NO where all name
 * others; *pid then says which. The process can write there.
 * (Sources: _NT_TIB.Self 0x30, 0x18 in 32 bits; _TEB.ClientId 0x40, 0x20;
 * _TEB.ProcessEnvironmentBlock 0x60, 0x30, in all symbol tables.)
 */
enum nt_fit nt_dtb_teb(const NtKernel *kernel, const struct nt_process *p,
		       uint64_t dtb_raw, uint64_t *pid);

/* How bad a verdict is for this process. */
enum nt_dtb_grade nt_dtb_grade(const NtKernel *kernel,
			       const struct nt_process *p,
			       enum nt_dtb_verdict verdict);

/* Of a process by itself: all but NT_DTB_OF_ANOTHER, for which the others are
 * needed. */
struct nt_dtb_check nt_dtb_check(const NtKernel *kernel,
				 const struct nt_process *p);

#endif
