/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handles of a process: `handles`, and fd/ with a link for each. A handle
 * is there twice: "0x1c" for people (File:\Device\x), "28" for the tools of
 * Linux, which take a name of other than decimal digits for no descriptor
 * (lsof, dialects/linux/dproc.c: nm2id()) and cut the text of a link that does
 * not begin with '/' at its first ':' (getlinksrc()).
 */
#ifndef TREE_FDS_H
#define TREE_FDS_H

#include "nt/handle.h"
#include "tree/items.h"

enum {
	FDS_MAX = 262144,	/* handles of a process that are kept */
	FDS_NAME_BYTES = 32 << 20, /* of all their names */
};

struct space_handle {
	uint64_t value;
	uint64_t header;	/* what the table holds: its object header */
	uint64_t object;	/* 0: the header is not in the image */
	uint32_t access;
	/* Decoded, not escaped; NULL: not known; name also: it has none. */
	const char *type;
	const char *name;
};

/* What there is besides. */
struct space_handles_facts {
	bool has_table;
	enum nt_handles_status status;
	uint64_t n_used;	/* in use, FDS_MAX of which are kept */
	uint32_t n_lost;	/* pages of the table that cannot be read */
	uint64_t n_unnamed;	/* not named, since too much is kept */
	bool exhausted;
};

extern const struct detail_class handles_class; /* DETAIL_HANDLES */

/* Of struct space_handle, ascending by value; borrowed from the detail. */
const GArray *space_handles(const Detail *detail);
const struct space_handles_facts *space_handles_facts(const Detail *detail);

/* ITEM_FDS, ITEM_FD. The arg of an ITEM_FD is the handle's value, + 1 for that
 * of the decimal name (values are multiples of 4). */
bool fds_at(const struct render_facts *facts, const Space *space, uint64_t arg,
	    uint64_t index, struct item_entry *ret);
bool fds_find(const struct render_facts *facts, const Space *space,
	      uint64_t arg, const char *name, struct item_entry *ret);
bool fd_there(const struct render_facts *facts, const Space *space,
	      uint64_t arg);
char *fd_target(const struct render_facts *facts, const Space *space,
		uint64_t arg);

/* The text `handles`. */
void render_handles(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view);

#endif
