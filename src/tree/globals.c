/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of files of the whole machine. */
#include "config.h"

#include "tree/globals.h"
#include "tree/linux.h"

static const struct global_file table[] = {
	{ NODE_ROOT, "processes.json", render_processes_json, NULL, false },
	{ NODE_ROOT, "processes.tsv", render_processes_tsv, NULL, false },
	{ NODE_ROOT, "report.html", render_report, NULL, false },
	{ NODE_IMAGE, "physical.svg", render_physical_svg, NULL, false },
	{ NODE_PROC, "cpuinfo", render_cpuinfo, NULL, true },
	{ NODE_PROC, "loadavg", render_loadavg, NULL, true },
	{ NODE_PROC, "meminfo", render_meminfo, NULL, true },
	{ NODE_PROC, "mounts", render_mounts, NULL, true },
	{ NODE_PROC, "self", NULL, render_self, true },
	{ NODE_PROC, "stat", render_machine_stat, NULL, true },
	{ NODE_PROC, "uptime", render_uptime, NULL, true },
	{ NODE_PROC, "version", render_version, NULL, true },
	{ NODE_PROC, "vmstat", render_vmstat, NULL, true },
};

G_STATIC_ASSERT(G_N_ELEMENTS(table) <= GLOBAL_FILES_MAX);

const struct global_file *global_file(size_t index)
{
	return index < G_N_ELEMENTS(table) && table[index].name ?
		       &table[index] :
		       NULL;
}

bool global_file_there(const struct render_facts *facts, size_t index)
{
	const struct global_file *file = global_file(index);
	g_autofree char *target = NULL;

	if (!file || (file->needs_windows && !facts->kernel))
		return false;
	if (!file->target)
		return true;
	target = file->target(facts);
	return target != NULL;
}
