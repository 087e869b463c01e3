/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that says what takes so long. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/progress.h"
#include "front/waiting.h"

#define FIRST_AFTER (G_USEC_PER_SEC)
#define AGAIN_AFTER (G_USEC_PER_SEC / 5)

static struct {
	GMutex lock;
	GCond stopped;
	bool stop;	/* guarded by lock */
	GThread *thread;
} waiting;

static void put(const char *line)
{
	ssize_t ignored = write(STDERR_FILENO, line, strlen(line));

	(void)ignored;
}

static void put_progress(gint64 since)
{
	uint64_t done, total;
	const char *what;
	char text[120], share[16] = "";

	if (!progress_get(&what, &done, &total))
		what = "reading the image";
	else if (total)
		g_snprintf(share, sizeof share, " %3u %%",
			   (unsigned)(done >= total ? 100 :
						      (double)done * 100 /
							      (double)total));
	/* Back to the begin of the line, and what was there is cleared. */
	g_snprintf(text, sizeof text,
		   "\r\033[Kwinprocfs: %s%s (%" G_GINT64_FORMAT " s)", what,
		   share, (g_get_monotonic_time() - since) / G_USEC_PER_SEC);
	put(text);
}

static gpointer show(gpointer data)
{
	gint64 since = g_get_monotonic_time(), next = since + FIRST_AFTER;
	bool shown = false;

	(void)data;
	g_mutex_lock(&waiting.lock);
	while (!waiting.stop) {
		if (g_cond_wait_until(&waiting.stopped, &waiting.lock, next))
			continue;
		put_progress(since);
		shown = true;
		next = g_get_monotonic_time() + AGAIN_AFTER;
	}
	g_mutex_unlock(&waiting.lock);
	if (shown)
		put("\r\033[K");
	return NULL;
}

void waiting_start(bool quiet)
{
	const char *term = g_getenv("TERM");

	if (quiet || waiting.thread || !isatty(STDERR_FILENO) || !term ||
	    !strcmp(term, "dumb"))
		return;
	waiting.stop = false;
	waiting.thread = g_thread_new("waiting", show, NULL);
}

void waiting_stop(void)
{
	if (!waiting.thread)
		return;
	g_mutex_lock(&waiting.lock);
	waiting.stop = true;
	g_cond_signal(&waiting.stopped);
	g_mutex_unlock(&waiting.lock);
	g_thread_join(waiting.thread);
	waiting.thread = NULL;
}
