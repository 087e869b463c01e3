/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of `report.html`: the processes, as children of their parents. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "tree/report.h"

/* Levels that are drawn; deeper ones are not indented any more. */
#define DEPTH_MAX 24u
/* Processes of one pid that are looked at for whose child one is. */
#define SAME_PID_MAX 64u
#define NONE SIZE_MAX

void report_name(struct sink *out, const struct proc_entry *e)
{
	sink_printf(out, "<a href=\"proc/%s/\">", e->dir);
	markup_raw(out, *e->p.name ? e->p.name : "(no name)", 64);
	sink_str(out, "</a>");
}

static void badge(struct sink *out, const char *cls, const char *text)
{
	sink_printf(out, "<span class=\"chip %s\">%s</span>", cls, text);
}

void report_badges(struct sink *out, const struct render_facts *facts,
		   const struct proc_entry *e)
{
	const char *state = render_state(e);

	if (strcmp(state, "running"))
		badge(out, strcmp(state, "doubtful") ? "q" : "warn", state);
	else
		sink_str(out, "<span class=\"q\">running </span>");
	if (render_is_hidden(facts, e))
		badge(out, "bad", "hidden");
	if (e->has_space && e->dtb.grade == NT_DTB_BAD)
		badge(out, "bad", "bad DTB");
	if (e->has_space && e->dtb.grade == NT_DTB_DOUBTFUL)
		badge(out, "warn", "DTB?");
	if (e->p.known & NTP_WOW64 && e->p.wow64)
		badge(out, "", "WoW64");
	if (e->running_on)
		badge(out, "", "on a processor");
}

void report_links(struct sink *out, const struct proc_entry *e)
{
	static const struct {
		const char *file, *text;
	} links[] = {
		{ "map.svg", "picture" },
		{ "maps", "maps" },
		{ "status", "status" },
		{ "modules/", "modules" },
	};
	/* What has no image has no modules. */
	size_t n = e->has_space && e->p.peb.v ? G_N_ELEMENTS(links) :
						G_N_ELEMENTS(links) - 1;

	for (size_t i = 0; i < n; i++)
		sink_printf(out, "%s<a href=\"proc/%s/%s\">%s</a>",
			    i ? " \xc2\xb7 " : "", e->dir, links[i].file,
			    links[i].text);
}

void report_mark_heads(struct sink *out)
{
	static const char *const heads[METHODS] = {
		"Active", "CSRSS", "Cid", "Sess.", "Handles",
	};

	for (unsigned i = 0; i < METHODS; i++)
		sink_printf(out, "<th class=\"c\" title=\"%s\">%s</th>",
			    proc_methods[i].name, heads[i]);
}

void report_marks(struct sink *out, const struct render_facts *facts,
		  const struct proc_entry *e)
{
	static const struct {
		const char *seen, *mark;
	} marks[] = {
		{ "yes", "\xe2\x97\x8f" },
		{ "MISSING", "\xe2\x9c\x95" },
		{ "no", "\xc2\xb7" },
		{ "-", "?" },
	};

	for (unsigned i = 0; i < METHODS; i++) {
		const char *seen = render_seen(facts, e, i);
		size_t k = 0;

		while (k + 1 < G_N_ELEMENTS(marks) &&
		       strcmp(marks[k].seen, seen))
			k++;
		sink_printf(out,
			    "<td class=\"c m%zu\" title=\"%s: %s\">%s</td>",
			    k + 1, proc_methods[i].name, seen, marks[k].mark);
	}
}

/* Who is whose child. A pid is used again: the parent was there before. */
struct family {
	const struct render_facts *facts;
	struct sink *out;
	size_t n, n_shown;
	size_t *parent, *child, *sibling; /* NONE: none */
	bool *done;
};

static size_t find_parent(const struct family *f, GHashTable *by_pid,
			  const size_t *same_pid, size_t i)
{
	const struct nt_process *p = &procset_get(f->facts->procs, i)->p;
	gpointer first;
	size_t best = NONE;
	unsigned left = SAME_PID_MAX;

	if (!(p->known & NTP_PPID) || !p->ppid ||
	    !g_hash_table_lookup_extended(by_pid, GUINT_TO_POINTER(p->ppid),
					  NULL, &first))
		return NONE;
	for (size_t k = GPOINTER_TO_SIZE(first); k != NONE && left--;
	     k = same_pid[k]) {
		const struct nt_process *q =
			&procset_get(f->facts->procs, k)->p;

		if (k == i || q->create_time > p->create_time)
			continue;
		if (best == NONE ||
		    q->create_time >
			    procset_get(f->facts->procs, best)->p.create_time)
			best = k;
	}
	return best;
}

static void find_family(struct family *f)
{
	g_autoptr(GHashTable) by_pid = g_hash_table_new(NULL, NULL);
	g_autofree size_t *same_pid = g_new(size_t, f->n + 1);

	for (size_t i = f->n; i-- > 0;) {
		gpointer pid = GUINT_TO_POINTER(
			procset_get(f->facts->procs, i)->p.pid);
		gpointer next;

		same_pid[i] = NONE;
		if (g_hash_table_lookup_extended(by_pid, pid, NULL, &next))
			same_pid[i] = GPOINTER_TO_SIZE(next);
		g_hash_table_insert(by_pid, pid, GSIZE_TO_POINTER(i));
		f->child[i] = NONE;
	}
	for (size_t i = f->n; i-- > 0;) {
		size_t parent = find_parent(f, by_pid, same_pid, i);

		f->parent[i] = parent;
		if (parent == NONE)
			continue;
		f->sibling[i] = f->child[parent];
		f->child[parent] = i;
	}
}

static void put_command(const struct family *f, const struct proc_entry *e)
{
	g_autofree char *text = render_command_line(f->facts, e);

	if (!text || !*text)
		return;
	sink_str(f->out, "<span class=\"cmd\">");
	markup_raw(f->out, text, REPORT_COMMAND_CHARS);
	sink_str(f->out, "</span>");
}

/* The lines that lead to a name; last: it has no sibling below it. */
static void put_branches(const struct family *f, size_t i, unsigned depth)
{
	const char *parts[DEPTH_MAX];
	unsigned n = 0;

	for (size_t at = i; n < MIN(depth, DEPTH_MAX); at = f->parent[at]) {
		bool more = f->sibling[at] != NONE;

		parts[n++] = at == i ? (more ? "\xe2\x94\x9c\xe2\x94\x80" :
					       "\xe2\x94\x94\xe2\x94\x80") :
				       (more ? "\xe2\x94\x82 " : "  ");
	}
	if (!n)
		return;
	sink_str(f->out, "<span class=\"w\">");
	while (n)
		sink_str(f->out, parts[--n]);
	sink_str(f->out, "\xe2\x94\x80</span>");
}

static void put_process(struct family *f, size_t i, unsigned depth)
{
	const struct proc_entry *e = procset_get(f->facts->procs, i);
	const struct nt_process *p = &e->p;

	f->done[i] = true;
	if (f->n_shown++ >= REPORT_PROCESSES_MAX)
		return;
	sink_printf(f->out, "<tr%s><td><div class=\"r\">",
		    render_is_hidden(f->facts, e) ? " class=\"hid\"" :
		    p->exit_time		  ? " class=\"gone\"" :
						    "");
	put_branches(f, i, depth);
	sink_str(f->out, "<div><span class=\"p\">");
	report_name(f->out, e);
	sink_str(f->out, "</span>");
	if (f->parent[i] == NONE && p->known & NTP_PPID && p->ppid)
		sink_printf(f->out,
			    " <span class=\"q\">parent %u is gone</span>",
			    p->ppid);
	put_command(f, e);
	sink_printf(f->out, "</div></div></td><td class=\"n\">%u</td><td>",
		    p->pid);
	report_badges(f->out, f->facts, e);
	sink_str(f->out, "</td><td class=\"n\">");
	if (p->known & NTP_SESSION)
		sink_printf(f->out, "%u", p->session);
	sink_str(f->out, "</td><td class=\"n\">");
	if (p->known & NTP_THREADS)
		sink_printf(f->out, "%u", p->threads);
	sink_str(f->out, "</td><td class=\"t\">");
	report_time(f->out, p->known & NTP_CREATE, p->create_time);
	sink_str(f->out, "</td>");
	report_marks(f->out, f->facts, e);
	sink_str(f->out, "<td class=\"k\">");
	report_links(f->out, e);
	sink_str(f->out, "</td></tr>\n");
}

/* One and all that come from it, without recursion. */
static void put_line(struct family *f, size_t root)
{
	unsigned depth = 0;
	size_t i = root;

	while (i != NONE) {
		put_process(f, i, depth);
		if (f->child[i] != NONE && !f->done[f->child[i]]) {
			i = f->child[i];
			depth++;
			continue;
		}
		while (i != root && f->sibling[i] == NONE) {
			i = f->parent[i];
			depth--;
		}
		if (i == root)
			return;
		i = f->sibling[i];
		if (f->done[i])
			return;
	}
}

static void put_rows(struct family *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->parent[i] == NONE)
			put_line(f, i);
	/* Those that would be each other's parents. */
	for (size_t i = 0; i < f->n; i++)
		if (!f->done[i])
			put_process(f, i, 0);
}

void report_tree(struct sink *out, const struct render_facts *facts)
{
	size_t n = procset_count(facts->procs);
	struct family f = {
		.facts = facts, .out = out, .n = n,
		.parent = g_new(size_t, n + 1),
		.child = g_new(size_t, n + 1),
		.sibling = g_new(size_t, n + 1),
		.done = g_new0(bool, n + 1),
	};

	for (size_t i = 0; i < n; i++)
		f.sibling[i] = NONE;
	report_section(out, "tree", "Processes");
	sink_str(out, "<p class=\"q\">The five columns are the lists that"
		      " have it: <span class=\"m1\">\xe2\x97\x8f</span> seen"
		      " \xc2\xa0 <span class=\"m2\">\xe2\x9c\x95</span>"
		      " missing, but should be there \xc2\xa0 \xc2\xb7 need"
		      " not be there \xc2\xa0 ? nothing is known</p>\n");
	sink_str(out, "<table class=\"tree\"><thead><tr><th>process</th>"
		      "<th class=\"n\">pid</th><th>state</th>"
		      "<th class=\"n\">session</th><th class=\"n\">threads"
		      "</th><th>created</th>");
	report_mark_heads(out);
	sink_str(out, "<th>files</th></tr></thead><tbody>\n");
	find_family(&f);
	put_rows(&f);
	sink_str(out, "</tbody></table>\n");
	if (f.n_shown > REPORT_PROCESSES_MAX)
		sink_printf(out, "<p class=\"q\">%zu more are in <a href=\""
				 "processes\">processes</a></p>\n",
			    f.n_shown - REPORT_PROCESSES_MAX);
	report_section_end(out);
	g_free(f.parent);
	g_free(f.child);
	g_free(f.sibling);
	g_free(f.done);
}
