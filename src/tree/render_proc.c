/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `processes`, `status`. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/render.h"

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

static void status_state(struct sink *out, const struct render_facts *facts,
			 const struct proc_entry *e)
{
	sink_printf(out, "State:\t%s", linux_state(e));
	if (render_is_hidden(facts, e))
		render_hidden_from(out, e);
	sink_str(out, ")\n");
}

static char *known_u32(const struct nt_process *p, enum nt_process_field field,
		       uint32_t v)
{
	return p->known & field ? g_strdup_printf("%u", v) : g_strdup("-");
}

static char *time_field(const struct nt_process *p, enum nt_process_field field,
			uint64_t filetime)
{
	return p->known & field ? text_filetime(filetime) : g_strdup("-");
}

static void add(GPtrArray *cells, char *text)
{
	g_ptr_array_add(cells, text);
}

static void process_cells(GPtrArray *cells, const struct render_facts *facts,
			  const struct proc_entry *e)
{
	const struct nt_process *p = &e->p;

	add(cells, g_strdup_printf("%u", p->pid));
	add(cells, known_u32(p, NTP_PPID, p->ppid));
	add(cells, text_escape_field(p->name));
	add(cells, g_strdup_printf(PRIADDR, p->eprocess.v));
	add(cells, g_strdup_printf("0x%" PRIx64, addr_space_dtb(&e->as).v));
	add(cells, known_u32(p, NTP_SESSION, p->session));
	add(cells, known_u32(p, NTP_THREADS, p->threads));
	add(cells, g_strdup(!(p->known & NTP_WOW64) ? "-" :
			    p->wow64		    ? "yes" :
						      "no"));
	add(cells, time_field(p, NTP_CREATE, p->create_time));
	add(cells, time_field(p, NTP_EXIT, p->exit_time));
	add(cells, g_strconcat(render_state(e),
			       render_is_hidden(facts, e) ? ",hidden" : "",
			       e->has_space && e->dtb.grade == NT_DTB_BAD ?
				       ",dtb?" : "",
			       NULL));
	for (unsigned i = 0; i < METHODS; i++)
		add(cells, g_strdup(render_seen(facts, e, i)));
}

#define N_COLUMNS (11u + METHODS)

static void header_cells(GPtrArray *cells)
{
	static const char *const names[] = { "pid", "ppid", "name", "eprocess",
					     "dtb", "session", "threads",
					     "wow64", "create", "exit",
					     "state" };

	G_STATIC_ASSERT(G_N_ELEMENTS(names) + METHODS == N_COLUMNS);
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		add(cells, g_strdup(names[i]));
	for (unsigned i = 0; i < METHODS; i++)
		add(cells, g_strdup(proc_methods[i].name));
}

/* Cells in rows of N_COLUMNS, aligned; widths in characters. */
static void put_table(struct sink *out, const GPtrArray *cells)
{
	glong widths[N_COLUMNS] = { 0 };

	for (guint i = 0; i < cells->len; i++) {
		glong n = g_utf8_strlen(cells->pdata[i], -1);

		widths[i % N_COLUMNS] = MAX(widths[i % N_COLUMNS], n);
	}
	for (guint i = 0; i < cells->len; i++) {
		const char *cell = cells->pdata[i];
		glong pad = widths[i % N_COLUMNS] - g_utf8_strlen(cell, -1);

		sink_str(out, cell);
		if (i % N_COLUMNS == N_COLUMNS - 1)
			sink_str(out, "\n");
		else
			sink_printf(out, "%*s", (int)pad + 1, "");
	}
}

void render_processes(struct sink *out, const struct render_facts *facts)
{
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);

	header_cells(cells);
	for (size_t i = 0; i < procset_count(facts->procs); i++)
		process_cells(cells, facts, procset_get(facts->procs, i));
	put_table(out, cells);
}

static void status_memory(struct sink *out, const SpaceView *view)
{
	const struct map_counts *c = addr_map_counts(view->map);
	uint64_t size = c->data_bytes;

	/* What lies behind missing tables is nobody's guess. */
	for (unsigned i = PAGE_DEMAND_ZERO; i < PAGE_DAMAGED; i++)
		size += c->pages[i] << PAGE_SHIFT_4K;
	sink_printf(out, "VmSize:\t%8" PRIu64 " kB\n", size / KIB);
	sink_printf(out, "VmRSS:\t%8" PRIu64 " kB\n",
		    map_counts_resident(c) / KIB);
	sink_printf(out, "VmSwap:\t%8" PRIu64 " kB\n",
		    (c->pages[PAGE_PAGEFILE] + c->pages[PAGE_STORE] +
		     c->pages[PAGE_PAGED_OUT] + c->pages[PAGE_COMPRESSED])
			    << PAGE_SHIFT_4K >> 10);
}

void render_status(struct sink *out, const struct render_facts *facts,
		   const Space *space, const SpaceView *view)
{
	const struct proc_entry *e = space->proc;
	const struct nt_process *p = &e->p;
	g_autofree char *name = text_escape_line(p->name);
	g_autofree char *ppid = known_u32(p, NTP_PPID, p->ppid);
	g_autofree char *threads = known_u32(p, NTP_THREADS, p->threads);
	g_autofree char *session = known_u32(p, NTP_SESSION, p->session);
	g_autofree char *create = time_field(p, NTP_CREATE, p->create_time);
	g_autofree char *exit = time_field(p, NTP_EXIT, p->exit_time);
	g_autofree char *check = render_dtb_check(facts, e);

	sink_key(out, "Name", "%s", name);
	status_state(out, facts, e);
	sink_key(out, "Tgid", "%u", p->pid);
	sink_key(out, "Pid", "%u", p->pid);
	sink_key(out, "PPid", "%s", ppid);
	status_memory(out, view);
	sink_key(out, "Threads", "%s", threads);
	sink_key(out, "Eprocess", PRIADDR, p->eprocess.v);
	sink_key(out, "Dtb", "0x%" PRIx64, addr_space_dtb(&e->as).v);
	if (p->known & NTP_USER_DTB)
		sink_key(out, "UserDtb", "0x%" PRIx64, p->user_dtb_raw);
	else
		sink_key(out, "UserDtb", "-");
	sink_key(out, "DtbCheck", "%s", check);
	if (p->known & NTP_PEB)
		sink_key(out, "Peb", "0x%" PRIx64, p->peb.v);
	else
		sink_key(out, "Peb", "-");
	sink_key(out, "Session", "%s", session);
	sink_key(out, "Wow64", "%s",
		 !(p->known & NTP_WOW64) ? "-" : p->wow64 ? "yes" : "no");
	sink_key(out, "CreateTime", "%s", create);
	sink_key(out, "ExitTime", "%s", exit);
	render_status_facts(out, facts, e);
	render_status_methods(out, facts, e);
}
