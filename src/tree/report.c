/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `report.html`: what is to be known first, on one page. There is no script in
 * it and nothing from elsewhere, and its own rules allow neither
 * (Content-Security-Policy): what an image has for names stays text.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "nt/machine.h"
#include "tree/report.h"

void report_section(struct sink *out, const char *id, const char *title)
{
	sink_printf(out, "<section id=\"%s\"><h2>%s</h2>\n", id, title);
}

void report_section_end(struct sink *out)
{
	sink_str(out, "</section>\n");
}

void report_time(struct sink *out, bool known, uint64_t filetime)
{
	g_autofree char *text = text_filetime(known ? filetime : 0);

	if (!strcmp(text, "-")) {
		sink_str(out, "\xe2\x80\x93");
		return;
	}
	/* 2024-02-16T19:51:17Z */
	text[10] = ' ';
	text[19] = '\0';
	sink_str(out, text);
}

static size_t count_lines(const char *text, const char *start)
{
	size_t n = 0;

	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		p += *p == '\n';
		n += g_str_has_prefix(p, start);
	}
	return n;
}

static void count_log(const struct render_facts *facts,
		      struct report_counts *c)
{
	gsize len;
	const char *bytes = g_bytes_get_data(facts->log, &len);
	g_autofree char *text = g_strndup(bytes, len);

	c->n_warnings = count_lines(text, "warning: ");
	c->n_failures = count_lines(text, "failed: ");
}

static void count_all(const struct render_facts *facts,
		      struct report_counts *c)
{
	*c = (struct report_counts){ .n = procset_count(facts->procs) };
	for (size_t i = 0; i < c->n; i++) {
		const struct proc_entry *e = procset_get(facts->procs, i);

		c->n_exited += e->p.exit_time != 0;
		c->n_running += !strcmp(render_state(e), "running");
		c->n_hidden += render_is_hidden(facts, e);
		c->n_bad_dtb += e->has_space && e->dtb.grade == NT_DTB_BAD;
	}
	count_log(facts, c);
}

static char *file_name(const struct render_facts *facts)
{
	return g_path_get_basename(facts->image->path);
}

static void put_head(struct sink *out, const struct render_facts *facts)
{
	g_autofree char *file = file_name(facts);

	sink_str(out,
		 "<!DOCTYPE html>\n<html lang=\"en\"><head>"
		 "<meta charset=\"utf-8\"/>\n"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\""
		 "default-src 'none'; style-src 'unsafe-inline'\"/>\n"
		 "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
		 "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
		 "<title>");
	markup_raw(out, file, 200);
	sink_str(out, "</title>\n<style>\n");
	sink_str(out, report_style);
	sink_str(out, "</style></head><body><main>\n");
}

static void put_title(struct sink *out, const struct render_facts *facts)
{
	const NtKernel *k = facts->kernel;
	g_autofree char *file = file_name(facts);
	g_autofree char *os = k ? nt_kernel_os(k) : NULL;

	sink_str(out, "<h1>");
	markup_raw(out, file, 300);
	sink_str(out, "</h1>\n<p class=\"sub\"><b>");
	markup_raw(out, os ? os : "No Windows was found in it", 100);
	sink_str(out, "</b>");
	if (k) {
		sink_printf(out, " \xc2\xb7 %s",
			    nt_machine_of(k->as.form)->name);
		if (k->build)
			sink_printf(out, " \xc2\xb7 build %u", k->build);
		if (k->n_processors)
			sink_printf(out, " \xc2\xb7 %u processors",
				    k->n_processors);
		sink_str(out, " \xc2\xb7 as of <b>");
		report_time(out, k->kuser.valid, k->kuser.system_time);
		sink_str(out, "</b> UTC");
	}
	sink_str(out, "</p>\n");
}

static void put_card(struct sink *out, const char *href, const char *cls,
		     size_t n, const char *what, const char *more)
{
	sink_printf(out,
		    "<a href=\"%s\"%s%s%s><b>%zu</b><span>%s%s</span></a>\n",
		    href, *cls ? " class=\"" : "", cls, *cls ? "\"" : "", n,
		    what, more);
}

static void put_cards(struct sink *out, const struct render_facts *facts,
		      const struct report_counts *c)
{
	g_autofree char *running = g_strdup_printf(
		" (%zu running, %zu exited)", c->n_running, c->n_exited);
	char size[24];

	sink_str(out, "<div class=\"cards\">\n");
	put_card(out, "#tree", "", c->n, "processes", running);
	put_card(out, "#hidden", c->n_hidden ? "bad" : "ok", c->n_hidden,
		 "hidden from a list", "");
	put_card(out, "#tree", c->n_bad_dtb ? "bad" : "ok", c->n_bad_dtb,
		 "with bad page tables", "");
	put_card(out, "#log", c->n_failures ? "bad" : "ok", c->n_failures,
		 "failures in the log", "");
	put_card(out, "#log", c->n_warnings ? "warn" : "ok", c->n_warnings,
		 "warnings in the log", "");
	sink_printf(out,
		    "<a href=\"image/physical.svg\"><b>%s</b><span>of physical"
		    " memory: picture</span></a>\n</div>\n",
		    markup_size(physmem_bytes(facts->pm), size));
}

static void put_nav(struct sink *out, const struct render_facts *facts)
{
	sink_str(out,
		 "<nav><a href=\"README\">README</a>"
		 "<a href=\"proc/\">proc/</a>");
	if (facts->kernel)
		sink_str(out, "<a href=\"kernel/\">kernel/</a>"
			      "<a href=\"kernel/map.svg\">kernel/map.svg</a>");
	sink_str(out,
		 "<a href=\"image/\">image/</a>"
		 "<a href=\"image/physical.svg\">image/physical.svg</a>"
		 "<a href=\"processes\">processes</a>"
		 "<a href=\"processes.json\">processes.json</a>"
		 "<a href=\"processes.tsv\">processes.tsv</a>"
		 "<a href=\"log\">log</a></nav>\n");
}

void render_report(struct sink *out, const struct render_facts *facts)
{
	struct report_counts counts;

	count_all(facts, &counts);
	put_head(out, facts);
	put_title(out, facts);
	put_cards(out, facts, &counts);
	put_nav(out, facts);
	if (facts->kernel) {
		report_hidden(out, facts, &counts);
		report_tree(out, facts);
		report_methods(out, facts);
	}
	report_log(out, facts, &counts);
	report_facts(out, facts);
	sink_str(out,
		 "<footer>Made by winprocfs from the image alone. All times are"
		 " UTC. Links lead into the mount that this page is in."
		 "</footer>\n</main></body></html>\n");
}
