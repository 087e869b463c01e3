/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plain reader of what Windows means by each entry of a process's page
 * tables, sections and page files and all: written for itself, slow, and
 * trusting, for made-up machines. What others say is compared with it. It
 * reads the machine's memory, the layout of its structures, the addresses of
 * its symbols and its L1TF mask; nothing else that the builder knows.
 */
#ifndef MKPLAINSOFT_H
#define MKPLAINSOFT_H

#include "lib/mkwin.h"

typedef struct MkSoft MkSoft;

/* What was found about a page. state is MK_STATE_ABSENT with a raw of 0 where
 * there is nothing at all. */
struct mk_soft_page {
	enum mk_state state;
	enum mk_how how;
	uint64_t pa; /* of the byte at va; or MK_NO_PA */
	uint64_t size;
	uint64_t raw;
	uint64_t proto;
	uint64_t proto_raw;
	uint64_t swap; /* as in struct mk_page */
};

/* The address space of a process. files: its page files are there as well.
 * (transfer full) All is borrowed. */
MkSoft *mk_soft_new(MkWin *win, const struct mk_process *process, bool files);
void mk_soft_free(MkSoft *soft);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MkSoft, mk_soft_free)

void mk_soft_page(const MkSoft *soft, uint64_t va, struct mk_soft_page *ret);
/* The bytes of a page found; false where there are none. */
bool mk_soft_bytes(const MkSoft *soft, const struct mk_soft_page *page,
		   uint8_t bytes[MK_PAGE_SIZE]);
/* (transfer none) struct mk_vad with its range and node, in no order. */
const GArray *mk_soft_vads(const MkSoft *soft);

#endif
