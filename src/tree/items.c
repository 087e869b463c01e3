/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of items, and what is asked of it. */
#include "config.h"

#include <string.h>

#include "tree/fds.h"
#include "tree/core.h"
#include "tree/dump.h"
#include "tree/items.h"
#include "tree/minidump.h"
#include "tree/modules.h"
#include "tree/threads.h"

#define IN_ALL_SPACES (ITEM_IN_PROCESS | ITEM_IN_KERNEL | ITEM_IN_DTB)

static const struct item_ops table[SPACE_ITEMS] = {
	[ITEM_FDS] = { .name = "fd", .type = ITEM_IS_FOLDER,
		       .where = ITEM_IN_PROCESS, .needs = DETAIL_HANDLES + 1,
		       .at = fds_at, .find = fds_find },
	[ITEM_FD] = { .type = ITEM_IS_LINK, .parent = ITEM_FDS,
		      .needs = DETAIL_HANDLES + 1, .there = fd_there,
		      .target = fd_target },
	[ITEM_TASKS] = { .name = "task", .type = ITEM_IS_FOLDER,
			 .where = ITEM_IN_PROCESS,
			 .needs = DETAIL_THREADS + 1, .there = tasks_there,
			 .at = tasks_at, .find = tasks_find },
	[ITEM_TASK] = { .type = ITEM_IS_FOLDER, .parent = ITEM_TASKS,
			.needs = DETAIL_THREADS + 1, .there = task_there,
			.at = task_at },
	[ITEM_TASK_COMM] = { .name = "comm", .type = ITEM_IS_TEXT,
			     .parent = ITEM_TASK, .there = task_there,
			     .needs = DETAIL_THREADS + 1,
			     .render = render_task_comm },
	[ITEM_TASK_CMDLINE] = { .name = "cmdline", .type = ITEM_IS_TEXT,
				.parent = ITEM_TASK, .there = task_there,
				.quick = DETAIL_THREADS + 1,
				.render = render_task_cmdline },
	/* Those with the size of memory, for which that is walked. */
	[ITEM_TASK_STAT] = { .name = "stat", .type = ITEM_IS_TEXT,
			     .parent = ITEM_TASK, .there = task_there,
			     .quick = DETAIL_THREADS + 1,
			     .render = render_task_stat },
	[ITEM_TASK_STATM] = { .name = "statm", .type = ITEM_IS_TEXT,
			      .parent = ITEM_TASK, .there = task_there,
			      .quick = DETAIL_THREADS + 1,
			      .render = render_task_statm },
	[ITEM_TASK_STATUS] = { .name = "status", .type = ITEM_IS_TEXT,
			       .parent = ITEM_TASK, .there = task_there,
			       .quick = DETAIL_THREADS + 1,
			       .render = render_task_status },

	[ITEM_MODULES] = { .name = "modules", .type = ITEM_IS_FOLDER,
			   .where = ITEM_IN_PROCESS | ITEM_IN_KERNEL,
			   .needs = DETAIL_MODULES + 1,
			   .there = modules_there, .at = modules_at,
			   .find = modules_find },
	[ITEM_MODULES_LIST] = { .type = ITEM_IS_TEXT, .parent = ITEM_MODULES,
				.needs = DETAIL_MODULES + 1,
				.render = modules_render_list },
	[ITEM_MODULE] = { .type = ITEM_IS_BLOB, .parent = ITEM_MODULES,
			  .there = module_there,
			  .quick = DETAIL_MODULES + 1,
			  .compose = module_compose },
	[ITEM_MODULE_PE] = { .type = ITEM_IS_BLOB, .parent = ITEM_MODULES,
			     .there = module_pe_there,
			     .quick = DETAIL_MODULES + 1,
			     .compose = module_pe_compose },
	[ITEM_CORE] = { .name = "core",
			.type = ITEM_IS_BLOB,
			.where = IN_ALL_SPACES,
			.quick = DETAIL_THREADS + 1,
			.compose = core_compose },
	[ITEM_CORE32] = { .name = "core32",
			  .type = ITEM_IS_BLOB,
			  .where = ITEM_IN_PROCESS,
			  .there = core32_there,
			  .compose = core32_compose },
	[ITEM_MINIDUMP] = { .name = "minidump.dmp",
			    .type = ITEM_IS_BLOB,
			    .where = ITEM_IN_PROCESS,
			    .compose = minidump_compose },
	[ITEM_DUMP] = { .name = "dump",
			.type = ITEM_IS_BLOB,
			.where = IN_ALL_SPACES,
			.quick = DETAIL_VADS + 1,
			.compose = dump_compose },
};

static const struct item_ops nothing;

const struct item_ops *item_ops(unsigned item)
{
	return item < SPACE_ITEMS ? &table[item] : &nothing;
}

bool item_is_in(const struct render_facts *facts, const Space *space,
		unsigned item)
{
	const struct item_ops *ops = item_ops(item);

	return ops->type != ITEM_IS_NOTHING &&
	       ops->where & 1u << space->kind &&
	       (!ops->there || ops->there(facts, space, 0));
}

bool item_there(const struct render_facts *facts, const Space *space,
		unsigned item, uint64_t arg)
{
	const struct item_ops *ops = item_ops(item);

	return ops->type != ITEM_IS_NOTHING &&
	       (!ops->there || ops->there(facts, space, arg));
}

bool item_find(const struct render_facts *facts, const Space *space,
	       unsigned folder, uint64_t arg, const char *name,
	       struct item_entry *ret)
{
	const struct item_ops *ops = item_ops(folder);

	if (!ops->at)
		return false;
	if (ops->find)
		return ops->find(facts, space, arg, name, ret);
	for (uint64_t i = 0; ops->at(facts, space, arg, i, ret); i++) {
		bool same = !strcmp(ret->name, name);

		g_free(ret->name);
		if (same)
			return true;
	}
	return false;
}

bool item_is_ready(const struct render_facts *facts, const Space *space,
		   unsigned item)
{
	const struct item_ops *ops = item_ops(item);

	if (ops->quick && detail_is_quick(facts, space,
					  (enum space_detail)(ops->quick - 1)))
		return true;
	return ops->type != ITEM_IS_BLOB && ops->needs &&
	       detail_is_there(facts, space,
			       (enum space_detail)(ops->needs - 1));
}

/* What the cache keeps of a blob. */
static gpointer load_compose(const struct render_facts *facts,
			     const Space *space, unsigned kind, uint64_t arg)
{
	const struct item_ops *ops = item_ops(kind - SPACE_DETAILS);

	return ops->compose ? ops->compose(facts, space, arg) : NULL;
}

static void free_compose(gpointer data)
{
	compose_unref(data);
}

static size_t compose_kept(gconstpointer data)
{
	return compose_footprint(data);
}

static const struct detail_class blob_class = { load_compose, free_compose,
						compose_kept };

Detail *item_compose(const struct render_facts *facts, const Space *space,
		     unsigned item, uint64_t arg)
{
	return detail_get_other(facts, space, SPACE_DETAILS + item, arg,
				&blob_class);
}
