/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What handles lead to, and as whom processes run: for the parts of the Windows
 * builder. */
#ifndef MKHANDLED_H
#define MKHANDLED_H

#include "lib/mkwin-priv.h"

/* What a handle can lead to, but processes and threads. */
struct mk_handled {
	uint64_t body;
	const char *type;
	const char *name; /* or NULL */
};

/* What all processes get a handle to. */
struct mk_gift {
	uint64_t body;
	uint32_t access;
};

/* mktoken.c */
void mk_tokens_build(MkWin *win);
void mk_tokens_truth(GString *out, const MkWin *win);

/* mkhandled.c: what handles lead to; before there are tables. */
void mk_handled_build(MkWin *win);
/* Of an object; name (may be NULL) as users are to see it. */
void mk_handled_note(MkWin *win, uint64_t body, const char *type,
		     const char *name);
void mk_handles_truth(GString *out, const MkWin *win);
/* A handle: into the truth. */
void mk_handle_note(MkWin *win, const MkProc *proc, uint32_t value,
		    uint64_t body, uint32_t access);

#endif
