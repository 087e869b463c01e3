/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of proc/ about the machine: uptime, meminfo, stat, ... */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/cpus.h"
#include "nt/machine.h"
#include "nt/sysinfo.h"
#include "tree/linux.h"

void render_uptime(struct sink *out, const struct render_facts *facts)
{
	uint64_t up = linux_uptime(facts);

	/* The second number is how long processors were idle. */
	sink_printf(out, "%" PRIu64 ".%02u 0.00\n", up / LINUX_HZ,
		    (unsigned)(up % LINUX_HZ));
}

/* How many processors were at work, or -1. */
static int n_busy(const struct render_facts *facts)
{
	const GArray *cpus = facts->kernel ? facts->kernel->cpus : NULL;
	int n = 0;

	if (!cpus || !cpus->len)
		return -1;
	for (guint i = 0; i < cpus->len; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(cpus, struct nt_cpu, i);

		n += cpu->thread.v && !nt_cpu_is_idle(cpu);
	}
	return n;
}

static unsigned n_processors(const struct render_facts *facts)
{
	unsigned n = facts->kernel ? facts->kernel->n_processors : 0;

	if (!n && facts->kernel)
		n = facts->kernel->cpus->len;
	if (!n)
		n = facts->image->facts.processors;
	return CLAMP(n, 1, NT_CPUS_MAX);
}

/* Windows keeps no averages. */
void render_loadavg(struct sink *out, const struct render_facts *facts)
{
	uint64_t threads = 0;
	uint32_t last = 0;

	for (size_t i = 0; i < procset_count(facts->procs); i++) {
		const struct proc_entry *e = procset_get(facts->procs, i);

		if (!e->plausible)
			continue;
		threads += e->p.exit_time ? 0 : e->p.threads;
		last = MAX(last, e->p.pid);
	}
	sink_printf(out, "0.00 0.00 0.00 %d/%" PRIu64 " %u\n",
		    MAX(n_busy(facts), 0), threads, last);
}

void render_version(struct sink *out, const struct render_facts *facts)
{
	const NtKernel *k = facts->kernel;
	g_autofree char *os = nt_kernel_os(k);

	sink_str(out, "Windows NT version ");
	if (k->version)
		sink_str(out, k->version);
	else if (k->kuser.valid)
		sink_printf(out, "%u.%u.%u", k->kuser.major, k->kuser.minor,
			    k->build);
	else
		sink_str(out, "-");
	sink_printf(out, " (%s, %s)", os ? os : "-",
		    nt_machine_of(k->as.form)->name);
	if (k->has_image && k->image.has_pdb) {
		g_autofree char *pdb = text_escape_field(k->image.pdb.name);

		sink_printf(out, " %s %s-%u", pdb, k->image.pdb.guid,
			    k->image.pdb.age);
	}
	sink_str(out, "\n");
}

/* What processors did with their time is not known here. */
void render_machine_stat(struct sink *out, const struct render_facts *facts)
{
	unsigned n = n_processors(facts);
	int busy = n_busy(facts);

	sink_str(out, "cpu  0 0 0 0 0 0 0 0 0 0\n");
	for (unsigned i = 0; i < n; i++)
		sink_printf(out, "cpu%u 0 0 0 0 0 0 0 0 0 0\n", i);
	sink_printf(out, "btime %" PRId64 "\nprocesses %zu\n",
		    linux_btime(facts), procset_count(facts->procs));
	if (busy >= 0)
		sink_printf(out, "procs_running %d\n", busy);
	sink_str(out, "procs_blocked 0\n");
}

static void meminfo(struct sink *out, const char *key, bool known,
		    uint64_t bytes)
{
	g_autofree char *name = g_strconcat(key, ":", NULL);

	if (known)
		sink_printf(out, "%-16s%8" PRIu64 " kB\n", name, bytes / KIB);
}

void render_meminfo(struct sink *out, const struct render_facts *facts)
{
	struct nt_sysinfo s = { 0 };

	if (facts->kernel)
		nt_sysinfo_read(facts->kernel, &s);
	meminfo(out, "MemTotal", true,
		s.known & NTS_PAGES ? s.pages << PAGE_SHIFT_4K :
				      physmem_bytes(facts->pm));
	meminfo(out, "MemAvailable", s.known & NTS_AVAILABLE,
		s.available << PAGE_SHIFT_4K);
	meminfo(out, "CommitLimit", s.known & NTS_COMMIT_LIMIT,
		s.commit_limit << PAGE_SHIFT_4K);
	meminfo(out, "Committed_AS", s.known & NTS_COMMITTED,
		s.committed << PAGE_SHIFT_4K);
}

/* procps reads no file that is empty. */
void render_vmstat(struct sink *out, const struct render_facts *facts)
{
	(void)facts;
	sink_str(out, "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n");
}

void render_cpuinfo(struct sink *out, const struct render_facts *facts)
{
	unsigned n = n_processors(facts);

	for (unsigned i = 0; i < n; i++)
		sink_printf(out, "processor\t: %u\n\n", i);
}

void render_mounts(struct sink *out, const struct render_facts *facts)
{
	(void)facts;
	sink_str(out, "winprocfs /proc fuse.winprocfs ro,nosuid,nodev 0 0\n");
}

static bool has_stat(const struct proc_entry *e)
{
	return e->plausible && !e->p.exit_time && e->has_space &&
	       !strchr(e->dir, '-');
}

char *render_self(const struct render_facts *facts)
{
	const struct proc_entry *first = NULL;

	for (size_t i = 0; i < procset_count(facts->procs); i++) {
		const struct proc_entry *e = procset_get(facts->procs, i);

		if (has_stat(e) && (!first || e->p.pid < first->p.pid))
			first = e;
	}
	if (!first && procset_count(facts->procs))
		first = procset_get(facts->procs, 0);
	return first ? g_strdup(first->dir) : NULL;
}
