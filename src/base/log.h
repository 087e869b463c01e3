/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was detected, what failed and what would help: the lines that the
 * user reads in the `log` file. Written while an image is being opened,
 * read-only afterwards. Not thread safe; nothing is printed here.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <glib.h>

enum log_level {
	LOG_INFO,
	LOG_WARN,	/* something is missing or in doubt */
	LOG_FAIL,	/* something that was asked for could not be done */
};

typedef struct Log Log;

Log *log_new(void);
void log_free(Log *log);

/* Adds a line, "area: text". Repeats of one format string are counted and
 * suppressed after the first eight. log may be NULL. */
void log_add(Log *log, enum log_level level, const char *area,
	     const char *format, ...) G_GNUC_PRINTF(4, 5);

/* The whole log, one line each, the counts of suppressed repeats last.
 * (transfer full) */
char *log_text(const Log *log);
/* How many lines of at least this level there are. */
guint log_count(const Log *log, enum log_level level);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Log, log_free)

#endif
