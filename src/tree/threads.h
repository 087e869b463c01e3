/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads of a process: DETAIL_THREADS, and task/ with what is in it. */
#ifndef TREE_THREADS_H
#define TREE_THREADS_H

#include "nt/thread.h"
#include "tree/items.h"

/* Of DETAIL_THREADS. */
extern const struct detail_class threads_detail;

/* struct nt_thread, ascending by tid; those of one id next to each other, one
 * that lives first. Empty for what is no process. (transfer none) */
const GArray *space_threads(const Detail *detail);
/* The (first) thread of an id, or NULL. */
const struct nt_thread *space_thread(const Detail *detail, uint64_t tid);

/* Linux's letter for what a thread does: R (runs or could), S (waits), D
 * (waits for a page), T (suspended), Z (ended). */
char thread_letter(const struct nt_thread *thread);

/* Rows of items.c: task/ (where there is a thread), task/TID/ and its
 * texts. */
bool tasks_there(const struct render_facts *facts, const Space *space,
		 uint64_t arg);
bool tasks_at(const struct render_facts *facts, const Space *space,
	      uint64_t arg, uint64_t index, struct item_entry *ret);
bool tasks_find(const struct render_facts *facts, const Space *space,
		uint64_t arg, const char *name, struct item_entry *ret);
bool task_there(const struct render_facts *facts, const Space *space,
		uint64_t tid);
bool task_at(const struct render_facts *facts, const Space *space,
	     uint64_t tid, uint64_t index, struct item_entry *ret);
void render_task_comm(struct sink *out, const struct render_facts *facts,
		      const Space *space, uint64_t tid);
/* The 52 fields of Linux's /proc/PID/task/TID/stat (proc(5)). */
void render_task_stat(struct sink *out, const struct render_facts *facts,
		      const Space *space, uint64_t tid);
/* Those of the process, which all its threads have: tools that list threads
 * look for them here. */
void render_task_statm(struct sink *out, const struct render_facts *facts,
		       const Space *space, uint64_t tid);
void render_task_cmdline(struct sink *out, const struct render_facts *facts,
			 const Space *space, uint64_t tid);
void render_task_status(struct sink *out, const struct render_facts *facts,
			const Space *space, uint64_t tid);

#endif
