/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Machines with pages in every state, what their page files hold beside them,
 * and what should be said of each page: by the builder's truth and the sizes
 * of the files alone.
 */
#ifndef UNIT_UNIT_STATES_H
#define UNIT_UNIT_STATES_H

#include "lib/mkplainsoft.h"
#include "unit/unit-tree.h"

/* The page files that are given. */
enum unit_files {
	UNIT_FILES_NONE,
	UNIT_FILES_WHOLE,
	UNIT_FILES_SHORT, /* number 0 ends in the middle of a page */
	UNIT_FILES_KINDS
};

enum unit_source { UNIT_BUILT_IN, UNIT_ISF, UNIT_PDB, UNIT_DERIVED,
		   UNIT_SOURCES };

struct unit_states_options {
	struct mk_options machine;
	enum unit_files files;
	enum unit_source source;
	bool no_kdbg; /* the debugger block is wiped */
};

struct unit_states {
	struct unit_states_options options;
	struct unit_tree t; /* t.tree: unit_states_add_tree() */
	PageFiles *files;
	uint64_t file_bytes[PAGE_FILES_MAX];
	char *dir; /* of the files; symbols too */
	bool no_vads; /* what is known of the kernel has no VADs */
	const char *id;
};

void unit_states_init(struct unit_states *s,
		      const struct unit_states_options *options);
/* Makes t.tree. */
void unit_states_add_tree(struct unit_states *s,
			  const struct tree_options *options);
void unit_states_clear(struct unit_states *s);

/* All layouts that a machine can be made of; *n of them, static. */
const char *const *unit_states_families(int *n);

/* Is it one whose pages the builder tells of? */
bool unit_states_is_told(const struct mk_process *process);
/* What was found of it. */
const struct proc_entry *unit_states_entry(const struct unit_states *s,
					   const struct mk_process *process);

/* What should be known of a page of the builder's, or of 4 KiB of a large
 * one. pa: in memory, or a swap_place(); MK_NO_PA: says nothing. */
struct unit_expect {
	enum page_state state;
	uint64_t pa;
};
/* plain: of the process, with its page files. skip: bytes into the page. */
struct unit_expect unit_states_expect(const struct unit_states *s,
				      const MkSoft *plain,
				      const struct mk_page *page,
				      uint64_t skip);
/* The same for a page that the builder does not list. bare: the process
 * without its page files. */
struct unit_expect unit_states_unlisted(const struct unit_states *s,
					const MkSoft *plain,
					const MkSoft *bare, uint64_t va);
/* What a page with data reads as. */
void unit_states_bytes(const struct unit_states *s,
		       const struct mk_process *process,
		       const struct mk_page *page,
		       const struct unit_expect *expect, uint64_t skip,
		       uint8_t bytes[MK_PAGE_SIZE]);

#endif
