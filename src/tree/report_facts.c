/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of `report.html`: hidden processes, methods, the log, facts of the image. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "tree/report.h"

static void put_missing(struct sink *out, const struct proc_entry *e)
{
	if (!e->missing)
		sink_str(out, "<span class=\"chip bad\">every list: a"
			      " processor was running it</span>");
	for (unsigned i = 0; i < METHODS; i++)
		if (e->missing & 1u << i)
			sink_printf(out, "<span class=\"chip bad\">%s</span>",
				    proc_methods[i].name);
}

static void put_found(struct sink *out, const struct proc_entry *e)
{
	for (unsigned i = 0; i < METHODS; i++)
		if (e->seen & 1u << i)
			sink_printf(out, "<span class=\"chip\">%s</span>",
				    proc_methods[i].name);
	for (guint i = 0; e->running_on && i < e->running_on->len; i++)
		sink_printf(out, "<span class=\"chip\">processor %u</span>",
			    g_array_index(e->running_on, unsigned, i));
}

static void put_hidden(struct sink *out, const struct render_facts *facts,
		       const struct proc_entry *e)
{
	sink_str(out, "<tr><td class=\"p\">");
	report_name(out, e);
	sink_printf(out, "</td><td class=\"n\">%u</td><td>", e->p.pid);
	report_badges(out, facts, e);
	sink_str(out, "</td><td>");
	put_missing(out, e);
	sink_str(out, "</td><td>");
	put_found(out, e);
	sink_str(out, "</td><td class=\"k\">");
	report_links(out, e);
	sink_str(out, "</td></tr>\n");
}

void report_hidden(struct sink *out, const struct render_facts *facts,
		   const struct report_counts *counts)
{
	size_t n = 0;

	if (!counts->n_hidden) {
		report_section(out, "hidden", "Hidden processes");
		sink_str(out, "<p class=\"q\">None: each process is in every"
			      " list that should have it.</p>\n");
		report_section_end(out);
		return;
	}
	sink_str(out,
		 "<section id=\"hidden\" class=\"alarm\"><h2>Hidden processes"
		 "</h2>\n<table><thead><tr><th>process</th>"
		 "<th class=\"n\">pid</th><th>state</th><th>missing from</th>"
		 "<th>found by</th><th>files</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < procset_count(facts->procs); i++) {
		const struct proc_entry *e = procset_get(facts->procs, i);

		if (render_is_hidden(facts, e) && n++ < REPORT_PROCESSES_MAX)
			put_hidden(out, facts, e);
	}
	sink_str(out, "</tbody></table>\n");
	report_section_end(out);
}

static void put_method(struct sink *out, const struct render_facts *facts,
		       unsigned method)
{
	unsigned bit = 1u << method;
	size_t n_seen = 0, n_missing = 0, n_only = 0;
	const char *why = procset_unusable(facts->procs, method);

	for (size_t i = 0; i < procset_count(facts->procs); i++) {
		const struct proc_entry *e = procset_get(facts->procs, i);

		n_seen += (e->seen & bit) != 0;
		n_only += e->seen == bit;
		n_missing += (e->missing & bit) != 0;
	}
	sink_printf(out,
		    "<tr><td><b>%s</b></td><td class=\"n\">%zu</td>"
		    "<td class=\"n\">%zu</td><td class=\"n%s\">%zu</td><td>",
		    proc_methods[method].name, n_seen, n_only,
		    n_missing ? " m2" : "", n_missing);
	if (!(procset_methods_run(facts->procs) & bit))
		sink_str(out, "<span class=\"chip\">not run</span>");
	else if (why)
		sink_str(out, "<span class=\"chip warn\">saw nothing</span> ");
	else
		sink_str(out, "<span class=\"chip ok\">ok</span>");
	if (why)
		markup_text(out, why, 200);
	sink_str(out, "</td></tr>\n");
}

void report_methods(struct sink *out, const struct render_facts *facts)
{
	report_section(out, "methods", "Cross-view");
	sink_str(out,
		 "<p class=\"q\">Five ways to list processes. One that is not"
		 " where it should be is hidden.</p><table><thead><tr>"
		 "<th>method</th><th class=\"n\">saw</th>"
		 "<th class=\"n\">it alone</th><th class=\"n\">missing</th>"
		 "<th></th></tr></thead><tbody>\n");
	for (unsigned i = 0; i < METHODS; i++)
		put_method(out, facts, i);
	sink_str(out, "</tbody></table>\n");
	report_section_end(out);
}

/* What went wrong first, then the rest; up to so many lines. */
static void put_log_lines(struct sink *out, char **lines, const char *start,
			  const char *cls, unsigned *left)
{
	for (char **line = lines; *line; line++) {
		if (!**line || !g_str_has_prefix(*line, start))
			continue;
		if (!*left)
			return;
		--*left;
		sink_printf(out, "<span class=\"%s\">", cls);
		markup_text(out, *line, 400);
		sink_str(out, "</span>\n");
	}
}

void report_log(struct sink *out, const struct render_facts *facts,
		const struct report_counts *counts)
{
	gsize len;
	const char *bytes = g_bytes_get_data(facts->log, &len);
	g_autofree char *text = g_strndup(bytes, len);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned left = REPORT_LOG_MAX;

	report_section(out, "log", "Log");
	sink_str(out, "<pre>");
	put_log_lines(out, lines, "failed: ", "f", &left);
	put_log_lines(out, lines, "warning: ", "w2", &left);
	put_log_lines(out, lines, "info: ", "i", &left);
	sink_str(out, "</pre>\n");
	if (!left || !(counts->n_warnings + counts->n_failures))
		sink_printf(out, "<p class=\"q\">%s <a href=\"log\">log</a>"
				 "</p>\n",
			    left ? "Nothing failed." : "The rest is in");
	report_section_end(out);
}

void report_facts(struct sink *out, const struct render_facts *facts)
{
	g_auto(GStrv) lines = NULL;
	g_autofree char *text = NULL;
	struct sink info;

	sink_init(&info, false);
	render_info(&info, facts);
	text = g_strndup(info.buf, info.len);
	sink_clear(&info);
	lines = g_strsplit(text, "\n", -1);
	report_section(out, "image", "Image");
	sink_str(out, "<table class=\"key\"><tbody>\n");
	for (char **line = lines; *line; line++) {
		char *value = strstr(*line, ":\t");

		if (!value)
			continue;
		*value = '\0';
		sink_str(out, "<tr><td>");
		markup_text(out, *line, 60);
		sink_str(out, "</td><td>");
		markup_text(out, value + 2, 600);
		sink_str(out, "</td></tr>\n");
	}
	sink_str(out, "</tbody></table>\n");
	report_section_end(out);
}
