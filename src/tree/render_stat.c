/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `stat`, `statm` of a process. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/counters.h"
#include "tree/linux.h"

/* The processor that was running it, or 0. */
static unsigned processor(const struct proc_entry *e)
{
	return e->running_on && e->running_on->len ?
		       g_array_index(e->running_on, unsigned, 0) :
		       0;
}

/* pid comm state ppid pgrp session tty_nr tpgid flags minflt cminflt majflt
 * cmajflt. Readers look for the last ')'. */
static void stat_head(struct sink *out, const struct render_facts *facts,
		      const struct proc_entry *e, const struct nt_counters *c)
{
	g_autofree char *name = text_escape_line(e->p.name);
	uint32_t soft = c->faults > c->hard_faults ?
				c->faults - c->hard_faults :
				0;

	sink_printf(out, "%u (%s) %c %u %u %u 0 -1 0 %u 0 %u 0", e->p.pid,
		    name, linux_state_letter(e), linux_ppid(facts, e),
		    e->p.pid, e->p.known & NTP_SESSION ? e->p.session : 0,
		    soft, c->hard_faults);
}

/* utime stime cutime cstime priority nice num_threads itrealvalue starttime
 * vsize rss rsslim */
static void stat_sizes(struct sink *out, const struct render_facts *facts,
		       const struct proc_entry *e, const struct nt_counters *c,
		       const struct map_counts *m)
{
	sink_printf(out,
		    " %" PRIu64 " %" PRIu64 " 0 0 %u 0 %u 0 %" PRIu64
		    " %" PRIu64 " %" PRIu64 " %" PRIu64,
		    linux_ticks(facts, c->user_time),
		    linux_ticks(facts, c->kernel_time), c->priority,
		    e->p.threads, linux_start(facts, e->p.create_time),
		    linux_size(m), map_counts_resident(m) >> PAGE_SHIFT_4K,
		    UINT64_MAX);
}

void render_stat(struct sink *out, const struct render_facts *facts,
		 const Space *space, const SpaceView *view)
{
	const struct proc_entry *e = space->proc;
	struct nt_counters c;

	nt_counters_read(facts->kernel, &e->p, &c);
	stat_head(out, facts, e, &c);
	stat_sizes(out, facts, e, &c, addr_map_counts(view->map));
	/* startcode endcode startstack kstkesp kstkeip, four sets of signals,
	 * wchan nswap cnswap exit_signal processor rt_priority policy, times of
	 * I/O and guests, seven addresses, exit_code */
	sink_printf(out,
		    " 0 0 0 0 0 0 0 0 0 0 0 0 17 %u 0 0 0 0 0 0 0 0 0 0 0 0"
		    " %u\n",
		    processor(e),
		    e->p.exit_time && e->p.known & NTP_EXIT_STATUS ?
			    e->p.exit_status :
			    0);
}

void render_statm(struct sink *out, const struct render_facts *facts,
		  const Space *space, const SpaceView *view)
{
	const struct map_counts *m = addr_map_counts(view->map);
	struct nt_counters c;

	nt_counters_read(facts->kernel, &space->proc->p, &c);
	/* size resident shared text lib data dt */
	sink_printf(out, "%" PRIu64 " %" PRIu64 " 0 0 0 %" PRIu64 " 0\n",
		    linux_size(m) >> PAGE_SHIFT_4K,
		    map_counts_resident(m) >> PAGE_SHIFT_4K, c.commit);
}
