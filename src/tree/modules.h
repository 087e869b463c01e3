/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Modules of a process and drivers of the kernel: the folder `modules/`, with
 * a list, and each module as it lies in memory and as the file it was.
 */
#ifndef TREE_MODULES_H
#define TREE_MODULES_H

#include "nt/ldr.h"
#include "tree/items.h"

/* Of DETAIL_MODULES: never NULL. */
extern const struct detail_class modules_detail;

/* struct nt_module, ascending by base; of a detail of that kind. */
const GArray *space_modules(const Detail *detail);
/* What became of the lists that they come from, and more. */
const struct nt_modules *space_modules_all(const Detail *detail);
/* The one that has va, or NULL. */
const struct nt_module *space_modules_find(const Detail *detail, uint64_t va);

/* Of the table in items.c. */
bool modules_there(const struct render_facts *facts, const Space *space,
		   uint64_t arg);
bool modules_at(const struct render_facts *facts, const Space *space,
		uint64_t arg, uint64_t index, struct item_entry *ret);
bool modules_find(const struct render_facts *facts, const Space *space,
		  uint64_t arg, const char *name, struct item_entry *ret);
void modules_render_list(struct sink *out, const struct render_facts *facts,
			 const Space *space, uint64_t arg);
bool module_there(const struct render_facts *facts, const Space *space,
		  uint64_t arg);
bool module_pe_there(const struct render_facts *facts, const Space *space,
		     uint64_t arg);
Compose *module_compose(const struct render_facts *facts, const Space *space,
			uint64_t arg);
Compose *module_pe_compose(const struct render_facts *facts,
			   const Space *space, uint64_t arg);

#endif
