/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Windows counts in, told in what Linux counts in. */
#ifndef TREE_LINUX_H
#define TREE_LINUX_H

#include "tree/render.h"

/* Clock ticks of Linux' files in a second (USER_HZ), and how long one is in
 * 100 ns. */
#define LINUX_HZ 100u
#define LINUX_TICK (10000000u / LINUX_HZ)

/*
 * The second, Unix time, that proc/stat calls btime: when the machine was
 * started, or, where the clock was set back then or that is not known, when
 * the first process was made. So readers who add start times to it get the
 * creation times. 0 where neither is known.
 */
int64_t linux_btime(const struct render_facts *facts);
/* Clock ticks from there to a FILETIME; 0 for what is before it or no time. */
uint64_t linux_start(const struct render_facts *facts, uint64_t filetime);
/* A number of Windows' clock ticks in those of Linux. */
uint64_t linux_ticks(const struct render_facts *facts, uint64_t ticks);
/* How long the machine had been up, in those of Linux, by Windows, else by the
 * container; 0: not known. */
uint64_t linux_uptime(const struct render_facts *facts);

/* Bytes of an address space that Windows has, wherever they are; what lies
 * behind missing tables is nobody's guess. */
uint64_t linux_size(const struct map_counts *counts);

/* The letter of `State:` in `status`. */
char linux_state_letter(const struct proc_entry *e);

/*
 * The parent as programs need it that make a tree of all processes: their tree
 * begins with pid 1, and they go round in circles where processes are each
 * other's parents. The pid of a parent that has ended may belong to another
 * process by now. So: Windows' parent where it was there before its child, or
 * where no process has that pid any more; else, and for the first process
 * (whose parent is 0), 1.
 */
uint32_t linux_ppid(const struct render_facts *facts,
		    const struct proc_entry *e);

/* Files of a process: proc(5). */
void render_stat(struct sink *out, const struct render_facts *facts,
		 const Space *space, const SpaceView *view);
void render_statm(struct sink *out, const struct render_facts *facts,
		  const Space *space, const SpaceView *view);

/* Files of proc/ itself. */
void render_uptime(struct sink *out, const struct render_facts *facts);
void render_loadavg(struct sink *out, const struct render_facts *facts);
void render_version(struct sink *out, const struct render_facts *facts);
void render_machine_stat(struct sink *out, const struct render_facts *facts);
void render_meminfo(struct sink *out, const struct render_facts *facts);
void render_vmstat(struct sink *out, const struct render_facts *facts);
void render_cpuinfo(struct sink *out, const struct render_facts *facts);
void render_mounts(struct sink *out, const struct render_facts *facts);
/* The folder of a process that runs and has an address space: System where
 * it is there. NULL where there is no process. (transfer full) */
char *render_self(const struct render_facts *facts);

#endif
