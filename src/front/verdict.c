/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --check: what an image is and what would work, as a table. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "front/check.h"

/* The text of image/info, line by line: key -> value, the first of each. */
static GHashTable *read_info(const Session *s)
{
	GHashTable *info = g_hash_table_new_full(g_str_hash, g_str_equal,
						 g_free, g_free);
	g_autofree char *text = check_text(s, "image/info");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++) {
		char *tab = strchr(*line, '\t');

		if (!tab || tab == *line)
			continue;
		tab[-1] = '\0'; /* the colon */
		if (!g_hash_table_contains(info, *line))
			g_hash_table_insert(info, g_strdup(*line),
					    g_strdup(tab + 1));
	}
	return info;
}

/* A value, "-" where there is none. */
static const char *get(GHashTable *info, const char *key)
{
	const char *value = g_hash_table_lookup(info, key);

	return value && *value ? value : "-";
}

static bool has(GHashTable *info, const char *key)
{
	return get(info, key)[0] != '-';
}

static void put_row(const char *what, const char *state, const char *format,
		    ...) G_GNUC_PRINTF(3, 4);

static void put_row(const char *what, const char *state, const char *format,
		    ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	printf("%-22s %-9s %s\n", what, state, text);
}

static void put_image(const Session *s, GHashTable *info)
{
	g_autofree char *size = g_format_size_full(
		image_runs_bytes(s->image->runs), G_FORMAT_SIZE_IEC_UNITS);
	size_t n = image_runs_count(s->image->runs);

	put_row("image", n ? "ok" : "empty", "%s; %s of memory in %zu run(s)",
		get(info, "FormatDetail"), size, n);
	if (has(info, "Wrapped"))
		put_row("  within", "ok", "%s", get(info, "Wrapped"));
	put_row("captured", has(info, "CaptureTime") ? "ok" : "unknown", "%s",
		get(info, "CaptureTime"));
}

static void put_kernel(const Session *s, GHashTable *info)
{
	const char *source = get(info, "ProfileSource");

	if (!s->kernel) {
		put_row("Windows", "NONE",
			"not found: dtb=, kernel_base=, paging=, format= tell"
			" what was not found out");
		return;
	}
	put_row("Windows", has(info, "Os") ? "ok" : "unknown",
		"%s%s, version %s, %s", has(info, "Os") ? "" : "build ",
		has(info, "Os") ? get(info, "Os") : get(info, "Build"),
		get(info, "Version"), get(info, "Paging"));
	put_row("kernel", has(info, "KernelBase") ? "ok" : "unknown",
		"base %s by %s", get(info, "KernelBase"),
		get(info, "KernelBaseSource"));
	put_row("page tables", has(info, "Dtb") ? "ok" : "unknown",
		"DTB %s by %s", get(info, "Dtb"), get(info, "DtbSource"));
	put_row("profile", strstr(source, "deriv") ? "derived" :
			   source[0] == '-'	   ? "NONE" :
						     "ok",
		"%s, %s", get(info, "Profile"), source);
}

static void put_method(const Session *s, unsigned m)
{
	const char *why = procset_unusable(s->procs, m);
	g_autofree char *what = g_strdup_printf("  %s", proc_methods[m].name);
	size_t n = 0, missing = 0;

	for (size_t i = 0; i < procset_count(s->procs); i++) {
		const struct proc_entry *e = procset_get(s->procs, i);

		n += (e->seen >> m) & 1u;
		missing += (e->missing >> m) & 1u;
	}
	if (!(procset_methods_run(s->procs) & 1u << m))
		put_row(what, "not run", "method= leaves it out");
	else if (why)
		put_row(what, "FAILED", "%s", why);
	else if (missing)
		put_row(what, "ok", "%zu, and lacks %zu that it should have",
			n, missing);
	else
		put_row(what, "ok", "%zu", n);
}

static void put_hidden(const Session *s)
{
	for (size_t i = 0; i < procset_count(s->procs); i++) {
		const struct proc_entry *e = procset_get(s->procs, i);
		g_autofree char *name = text_escape_line(e->p.name);

		if (e->missing)
			put_row("  hidden", "LOOK", "pid %u %s", e->p.pid,
				name);
	}
}

static void put_processes(const Session *s)
{
	size_t n = procset_count(s->procs);

	if (!s->kernel)
		return;
	put_row("processes", n ? "ok" : "NONE", "%zu", n);
	for (unsigned m = 0; m < METHODS; m++)
		put_method(s, m);
	put_hidden(s);
}

static void put_swap(const Session *s, GHashTable *info)
{
	if (!s->kernel)
		return;
	put_row("page files", has(info, "PageFile") ? "ok" : "none",
		"%s", has(info, "PageFile") ?
			      get(info, "PageFile") :
			      "pagefile=FILE gives them, if you have them");
	put_row("compressed memory", has(info, "CompressedStore") ? "ok" :
								    "none",
		"%s", get(info, "CompressedStore"));
}

/* Of the log, what is wrong and what would help. */
static void put_warnings(const Session *s)
{
	g_autofree char *text = log_text(s->log);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		if (**line && !g_str_has_prefix(*line, "info:"))
			puts(*line);
}

int check_run(const Session *session)
{
	g_autoptr(GHashTable) info = read_info(session);
	bool good = session->kernel && session->kernel->has_system &&
		    procset_count(session->procs) &&
		    !log_count(session->log, LOG_WARN);

	put_image(session, info);
	put_kernel(session, info);
	put_processes(session);
	put_swap(session, info);
	put_warnings(session);
	printf("Verdict:\t%s\n", good ? "good" : "partial");
	return good ? 0 : 1;
}

int check_list(const Session *session)
{
	int r = check_cat(session, "processes");

	if (r || procset_count(session->procs))
		return r;
	fprintf(stderr, "winprocfs: %s\n",
		session->kernel ?
			"no process was found, or none matches pids=,"
			" eprocess=, proc_regex= and method=; --check tells"
			" more" :
			"no Windows was found; --check tells which options"
			" would help");
	return 1;
}
