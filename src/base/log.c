/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines of the `log` file. */
#include "config.h"

#include <string.h>

#include "base/log.h"

#define REPEATS_SHOWN 8u
#define LINES_MAX 4096u

struct Log {
	GString *text;
	GHashTable *repeats; /* format string -> count */
	guint n_lines;
	guint n_dropped;
	guint counts[3];
};

Log *log_new(void)
{
	Log *log = g_new0(Log, 1);

	log->text = g_string_new(NULL);
	log->repeats = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					     NULL);
	return log;
}

void log_free(Log *log)
{
	if (!log)
		return;
	g_string_free(log->text, TRUE);
	g_hash_table_unref(log->repeats);
	g_free(log);
}

static guint count_repeat(Log *log, const char *format)
{
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(log->repeats, format));

	g_hash_table_insert(log->repeats, g_strdup(format),
			    GUINT_TO_POINTER(n + 1));
	return n + 1;
}

void log_add(Log *log, enum log_level level, const char *area,
	     const char *format, ...)
{
	static const char *const names[] = { "info", "warning", "failed" };
	g_autofree char *line = NULL;
	va_list ap;

	if (!log)
		return;
	log->counts[level]++;
	if (count_repeat(log, format) > REPEATS_SHOWN)
		return;
	if (log->n_lines >= LINES_MAX) {
		log->n_dropped++;
		return;
	}
	va_start(ap, format);
	line = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_string_append_printf(log->text, "%s: %s: %s\n", names[level], area,
			       line);
	log->n_lines++;
}

static gint compare_keys(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

char *log_text(const Log *log)
{
	GString *out = g_string_new(log->text->str);
	GList *keys = g_list_sort(g_hash_table_get_keys(log->repeats),
				  compare_keys);

	for (GList *l = keys; l; l = l->next) {
		guint n = GPOINTER_TO_UINT(
			g_hash_table_lookup(log->repeats, l->data));

		if (n > REPEATS_SHOWN)
			g_string_append_printf(
				out, "info: log: %u more like \"%s\"\n",
				n - REPEATS_SHOWN, (const char *)l->data);
	}
	g_list_free(keys);
	if (log->n_dropped)
		g_string_append_printf(out, "info: log: %u more lines\n",
				       log->n_dropped);
	return g_string_free(out, FALSE);
}

guint log_count(const Log *log, enum log_level level)
{
	guint n = 0;

	for (guint i = level; i < G_N_ELEMENTS(log->counts); i++)
		n += log->counts[i];
	return n;
}
