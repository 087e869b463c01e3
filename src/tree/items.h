/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the folder of a space has beside its texts, its memory and its regions:
 * folders (task/, fd/, modules/) with what is in them, and files that are made
 * of pieces (core). A table: to add a file is to add a row and its functions.
 */
#ifndef TREE_ITEMS_H
#define TREE_ITEMS_H

#include "tree/compose.h"
#include "tree/details.h"

enum space_item {
	ITEM_CORE,
	ITEM_CORE32,
	ITEM_MINIDUMP,
	ITEM_DUMP,
	ITEM_TASKS,	/* task/ */
	ITEM_TASK,	/* task/TID/; arg: the id */
	ITEM_TASK_COMM,
	ITEM_TASK_STAT,
	ITEM_TASK_STATUS,
	ITEM_TASK_STATM,
	ITEM_TASK_CMDLINE,
	ITEM_FDS,	/* fd/ */
	ITEM_FD,	/* arg: the handle's value */
	ITEM_MODULES,	/* modules/ */
	ITEM_MODULES_LIST,
	ITEM_MODULE,	/* arg: base address */
	ITEM_MODULE_PE,
	SPACE_ITEMS
};

enum item_type {
	ITEM_IS_NOTHING, /* the row is empty */
	ITEM_IS_FOLDER,
	ITEM_IS_TEXT,
	ITEM_IS_LINK,	 /* leads out of the tree */
	ITEM_IS_BLOB,	 /* made of pieces */
};

/* In which spaces' own folder it is. */
enum item_where {
	ITEM_IN_PROCESS = 1 << SPACE_PROCESS,
	ITEM_IN_KERNEL = 1 << SPACE_KERNEL,
	ITEM_IN_DTB = 1 << SPACE_DTB,
};

struct item_entry {
	enum space_item item;
	uint64_t arg;
	char *name;	/* (transfer full) */
};

struct item_ops {
	const char *name;	/* in the folder of the space */
	enum item_type type;
	unsigned where;		/* enum item_where; 0: it is in `parent` */
	enum space_item parent;
	/* enum space_detail + 1 that all answers but a blob's come from; 0:
	 * none, they may always take their time. */
	unsigned needs;
	/* enum space_detail + 1: where that is quick (detail_is_quick()) so is
	 * this, although it needs more. */
	unsigned quick;
	/* Is there such a thing? NULL: always. */
	bool (*there)(const struct render_facts *facts, const Space *space,
		      uint64_t arg);
	/* Of a folder: the entry at a position, false at the end. */
	bool (*at)(const struct render_facts *facts, const Space *space,
		   uint64_t arg, uint64_t index, struct item_entry *ret);
	/* Of a folder: the entry of a name, just as at() has it (ret->name
	 * does not count). NULL: all are gone through. */
	bool (*find)(const struct render_facts *facts, const Space *space,
		     uint64_t arg, const char *name, struct item_entry *ret);
	void (*render)(struct sink *out, const struct render_facts *facts,
		       const Space *space, uint64_t arg);
	/* (transfer full); NULL: it is not known any more. */
	char *(*target)(const struct render_facts *facts, const Space *space,
			uint64_t arg);
	/* (transfer full), NULL: it cannot be made. Kept in the cache. */
	Compose *(*compose)(const struct render_facts *facts,
			    const Space *space, uint64_t arg);
};

/* (transfer none); of what is not below SPACE_ITEMS an empty row. */
const struct item_ops *item_ops(unsigned item);
/* Does the space's own folder have it? */
bool item_is_in(const struct render_facts *facts, const Space *space,
		unsigned item);
bool item_there(const struct render_facts *facts, const Space *space,
		unsigned item, uint64_t arg);
/* The entry of a name in a folder; false where there is none. */
bool item_find(const struct render_facts *facts, const Space *space,
	       unsigned folder, uint64_t arg, const char *name,
	       struct item_entry *ret);
/* Can it be answered without reading the image (but for its bytes)? */
bool item_is_ready(const struct render_facts *facts, const Space *space,
		   unsigned item);
/* The pieces of a blob; detail_data() is a Compose, or NULL. */
Detail *item_compose(const struct render_facts *facts, const Space *space,
		     unsigned item, uint64_t arg);

#endif
