/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows' times and sizes as Linux has them. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/clock.h"
#include "tree/linux.h"

/* A clock that is put right after the start is wrong by a day at the most:
 * what claims to be older is not believed. */
#define SET_BACK_MAX (UINT64_C(86400) * 10000000)

/* The creation of the first process, from `since` on; `boot` if none is
 * before it. */
static uint64_t first_created(const ProcSet *procs, uint64_t since,
			      uint64_t boot)
{
	uint64_t first = boot;

	for (size_t i = 0; i < procset_count(procs); i++) {
		const struct proc_entry *e = procset_get(procs, i);
		uint64_t t = e->p.create_time;

		if (e->plausible && t && t >= since && (!first || t < first))
			first = t;
	}
	return first;
}

int64_t linux_btime(const struct render_facts *facts)
{
	uint64_t boot = facts->kernel ? nt_boot_filetime(facts->kernel) : 0;
	uint64_t since = boot > SET_BACK_MAX ? boot - SET_BACK_MAX : 0;
	uint32_t nsec;
	int64_t sec;

	boot = first_created(facts->procs, since, boot);
	return boot && filetime_to_unix(boot, &sec, &nsec) ? sec : 0;
}

uint64_t linux_start(const struct render_facts *facts, uint64_t filetime)
{
	int64_t btime = linux_btime(facts), sec;
	uint32_t nsec;

	if (!btime || !filetime_to_unix(filetime, &sec, &nsec) || sec < btime)
		return 0;
	return (uint64_t)(sec - btime) * LINUX_HZ +
	       nsec / (1000000000u / LINUX_HZ);
}

uint64_t linux_ticks(const struct render_facts *facts, uint64_t ticks)
{
	return facts->kernel ?
		       ticks * nt_clock_tick(facts->kernel) / LINUX_TICK :
		       0;
}

uint64_t linux_uptime(const struct render_facts *facts)
{
	const NtKernel *k = facts->kernel;
	uint64_t boot = k ? nt_boot_filetime(k) : 0;
	int64_t now, btime;
	uint32_t nsec;

	if (boot)
		return (k->kuser.system_time - boot) / LINUX_TICK;
	if (facts->image && facts->image->facts.uptime_100ns)
		return facts->image->facts.uptime_100ns / LINUX_TICK;
	btime = linux_btime(facts);
	if (!k || !btime ||
	    !filetime_to_unix(k->kuser.system_time, &now, &nsec) || now < btime)
		return 0;
	return (uint64_t)(now - btime) * LINUX_HZ;
}

uint64_t linux_size(const struct map_counts *counts)
{
	uint64_t size = counts->data_bytes;

	for (unsigned i = PAGE_DEMAND_ZERO; i < PAGE_DAMAGED; i++)
		size += counts->pages[i] << PAGE_SHIFT_4K;
	return size;
}

/* Who is the parent of those that have none; no process of Windows has this
 * pid (they are multiples of 4). */
#define LINUX_INIT 1u

/* Any order without circles would do; in this one parents are first. */
static bool is_before(const struct nt_process *a, const struct nt_process *b)
{
	return a->create_time != b->create_time ?
		       a->create_time < b->create_time :
		       a->pid < b->pid;
}

uint32_t linux_ppid(const struct render_facts *facts,
		    const struct proc_entry *e)
{
	bool taken = false;

	if (!(e->p.known & NTP_PPID) || !e->p.ppid)
		return LINUX_INIT;
	for (size_t i = 0; i < procset_count(facts->procs); i++) {
		const struct proc_entry *other = procset_get(facts->procs, i);

		if (other->p.pid != e->p.ppid)
			continue;
		if (is_before(&other->p, &e->p))
			return e->p.ppid;
		taken = true;
	}
	return taken ? LINUX_INIT : e->p.ppid;
}
