/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `processes`, `status`, `status.json`. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "nt/clock.h"
#include "nt/counters.h"
#include "tree/columns.h"
#include "tree/linux.h"
#include "tree/record.h"
#include "tree/tree.h"

const char *render_state(const struct proc_entry *e)
{
	if (!e->plausible)
		return "doubtful";
	if (e->p.exit_time)
		return "exited";
	if (!e->has_space)
		return "no-space";
	return "running";
}

/* Linux's letters, where one fits. */
static const char *linux_state(const struct proc_entry *e)
{
	if (!e->plausible)
		return "X (doubtful: not like an EPROCESS";
	if (e->p.exit_time)
		return "Z (exited";
	if (!e->has_space)
		return "X (no address space";
	return e->dtb.grade == NT_DTB_GOOD     ? "S (running" :
	       e->dtb.grade == NT_DTB_DOUBTFUL ? "S (running, doubtful DTB" :
						 "S (running, bad DTB";
}

char linux_state_letter(const struct proc_entry *e)
{
	return linux_state(e)[0];
}

/* Linux's line says it all in one; of JSON, MissingFrom says from what. */
static void status_state(const struct record *r,
			 const struct render_facts *facts,
			 const struct proc_entry *e)
{
	if (r->json) {
		json_str(r->json, "State", render_state(e));
		json_bool(r->json, "Hidden", render_is_hidden(facts, e));
		return;
	}
	sink_printf(r->out, "State:\t%s", linux_state(e));
	if (render_is_hidden(facts, e))
		render_hidden_from(r->out, e);
	sink_str(r->out, ")\n");
}

static void add(GPtrArray *cells, char *text)
{
	g_ptr_array_add(cells, text);
}

static void process_cells(GPtrArray *cells, const struct render_facts *facts,
			  const struct proc_entry *e)
{
	for (size_t i = 0; i < process_columns_n; i++) {
		struct cell cell;

		if (!(process_columns[i].where & COLUMN_TABLE))
			continue;
		cell = cell_get(&process_columns[i], facts, e);
		add(cells, cell_field(&cell));
		cell_clear(&cell);
	}
	for (unsigned i = 0; i < METHODS; i++)
		add(cells, g_strdup(render_seen(facts, e, i)));
}

static void header_cells(GPtrArray *cells)
{
	for (size_t i = 0; i < process_columns_n; i++)
		if (process_columns[i].where & COLUMN_TABLE)
			add(cells, g_strdup(process_columns[i].name));
	for (unsigned i = 0; i < METHODS; i++)
		add(cells, g_strdup(proc_methods[i].name));
}

/* Cells in rows of n_columns, aligned; widths in characters. */
static void put_table(struct sink *out, const GPtrArray *cells,
		      guint n_columns)
{
	g_autofree glong *widths = g_new0(glong, n_columns);

	for (guint i = 0; i < cells->len; i++) {
		glong n = g_utf8_strlen(cells->pdata[i], -1);

		widths[i % n_columns] = MAX(widths[i % n_columns], n);
	}
	for (guint i = 0; i < cells->len; i++) {
		const char *cell = cells->pdata[i];
		glong pad = widths[i % n_columns] - g_utf8_strlen(cell, -1);

		sink_str(out, cell);
		if (i % n_columns == n_columns - 1)
			sink_str(out, "\n");
		else
			sink_printf(out, "%*s", (int)pad + 1, "");
	}
}

void render_processes(struct sink *out, const struct render_facts *facts)
{
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
	guint n_columns;

	header_cells(cells);
	n_columns = cells->len;
	for (size_t i = 0; i < procset_count(facts->procs); i++)
		process_cells(cells, facts, procset_get(facts->procs, i));
	put_table(out, cells, n_columns);
}

/* Linux's four ids, which are those of who mounted: Windows has none such. */
static void status_owner(const struct record *r,
			 const struct tree_options *o)
{
	if (!r->out || !o)
		return;
	sink_printf(r->out, "Uid:\t%u\t%u\t%u\t%u\n", o->uid, o->uid, o->uid,
		    o->uid);
	sink_printf(r->out, "Gid:\t%u\t%u\t%u\t%u\n", o->gid, o->gid, o->gid,
		    o->gid);
}

static void status_kib(const struct record *r, const char *key, bool known,
		       uint64_t bytes)
{
	if (known)
		record_kib(r, key, bytes);
	else
		record_word(r, key, NULL, NULL);
}

/* What is in memory is counted by the page tables; the rest is Windows'
 * own. */
static void status_memory(const struct record *r, const SpaceView *view,
			  const struct nt_counters *n)
{
	const struct map_counts *c = addr_map_counts(view->map);

	status_kib(r, "VmPeak", n->known & NTC_PEAK_VIRTUAL, n->peak_virtual);
	record_kib(r, "VmSize", linux_size(c));
	status_kib(r, "VmHWM", n->known & NTC_PEAK_WORKING_SET,
		   n->peak_working_set << PAGE_SHIFT_4K);
	record_kib(r, "VmRSS", map_counts_resident(c));
	status_kib(r, "VmData", n->known & NTC_COMMIT,
		   n->commit << PAGE_SHIFT_4K);
	record_kib(r, "VmSwap",
		   (c->pages[PAGE_PAGEFILE] + c->pages[PAGE_STORE] +
		    c->pages[PAGE_PAGED_OUT] + c->pages[PAGE_COMPRESSED])
			   << PAGE_SHIFT_4K);
}

static void status_identity(const struct record *r,
			    const struct render_facts *facts,
			    const struct proc_entry *e)
{
	const struct nt_process *p = &e->p;
	g_autofree char *check = render_dtb_check(facts, e);

	record_u64(r, "Threads", p->known & NTP_THREADS, p->threads, NULL);
	record_hex(r, "Eprocess", true, p->eprocess.v, 16);
	record_hex(r, "Dtb", true, addr_space_dtb(&e->as).v, 1);
	record_hex(r, "UserDtb", p->known & NTP_USER_DTB, p->user_dtb_raw, 1);
	record_word(r, "DtbCheck", check, NULL);
	record_hex(r, "Peb", p->known & NTP_PEB, p->peb.v, 1);
	record_u64(r, "Session", p->known & NTP_SESSION, p->session, NULL);
	record_bool(r, "Wow64", p->known & NTP_WOW64, p->wow64);
	record_time(r, "CreateTime", p->known & NTP_CREATE, p->create_time);
	record_time(r, "ExitTime", p->known & NTP_EXIT, p->exit_time);
}

static void status_time(const struct record *r, const char *key, bool known,
			uint64_t ms)
{
	if (r->json)
		record_u64(r, key, known, ms, NULL);
	else if (known)
		sink_key(r->out, key, "%" PRIu64 " ms", ms);
	else
		sink_key(r->out, key, "-");
}

static void status_counters(const struct record *r,
			    const struct render_facts *facts,
			    const struct nt_counters *n)
{
	uint64_t tick = nt_clock_tick(facts->kernel);

	status_time(r, "UserTime", n->known & NTC_USER_TIME,
		    n->user_time * tick / 10000);
	status_time(r, "KernelTime", n->known & NTC_KERNEL_TIME,
		    n->kernel_time * tick / 10000);
	record_u64(r, "BasePriority", n->known & NTC_PRIORITY, n->priority,
		   NULL);
	record_u64(r, "PageFaults", n->known & NTC_FAULTS, n->faults, NULL);
	record_u64(r, "HardFaults", n->known & NTC_HARD_FAULTS,
		   n->hard_faults, NULL);
	status_kib(r, "WorkingSet", n->known & NTC_WORKING_SET,
		   n->working_set << PAGE_SHIFT_4K);
}

/* All of both forms of `status`. */
static void status(const struct record *r, const struct render_facts *facts,
		   const Space *space, const SpaceView *view)
{
	const struct proc_entry *e = space->proc;
	const struct nt_process *p = &e->p;
	struct nt_counters counters;

	nt_counters_read(facts->kernel, p, &counters);
	record_line(r, "Name", p->name);
	status_state(r, facts, e);
	record_u64(r, "Tgid", true, p->pid, NULL);
	record_u64(r, "Pid", true, p->pid, NULL);
	record_u64(r, "PPid", p->known & NTP_PPID, p->ppid, NULL);
	status_owner(r, facts->options);
	status_memory(r, view, &counters);
	status_identity(r, facts, e);
	status_counters(r, facts, &counters);
	render_status_facts(r, facts, e);
	render_status_methods(r, facts, e);
}

void render_status(struct sink *out, const struct render_facts *facts,
		   const Space *space, const SpaceView *view)
{
	const struct record r = { .out = out };

	status(&r, facts, space, view);
}

void render_status_json(struct sink *out, const struct render_facts *facts,
			const Space *space, const SpaceView *view)
{
	struct json json;
	const struct record r = { .json = &json };

	json_init(&json, out, 1);
	json_object(&json, NULL);
	status(&r, facts, space, view);
	json_end(&json);
	json_finish(&json);
}
