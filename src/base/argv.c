/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking a command line apart. The rules are those of CommandLineToArgvW
 * (Microsoft, shellapi.h): arguments end at a space or tab outside of quotes;
 * 2n backslashes before a quote are n of them, an odd one more makes the quote
 * an ordinary character; two quotes within quotes are one, and end them. The
 * program's name, which comes first, knows no backslashes.
 */
#include "config.h"

#include <string.h>

#include "base/argv.h"

static gboolean is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

/* Appends the name; returns what follows it. */
static const char *take_name(const char *p, GString *out)
{
	gboolean quoted = *p == '"';
	const char *start = p + quoted;

	p = start;
	while (*p && (quoted ? *p != '"' : !is_blank(*p)))
		p++;
	g_string_append_len(out, start, p - start);
	g_string_append_c(out, '\0');
	return quoted && *p ? p + 1 : p;
}

/* Backslashes and what they do to a quote behind them. */
static const char *take_backslashes(const char *p, GString *out)
{
	size_t n = strspn(p, "\\");
	gboolean before_quote = p[n] == '"';

	for (size_t i = 0; i < (before_quote ? n / 2 : n); i++)
		g_string_append_c(out, '\\');
	p += n;
	if (!before_quote || n % 2 == 0)
		return p;
	g_string_append_c(out, '"');
	return p + 1;
}

/* Appends an argument; returns what follows it. */
static const char *take_argument(const char *p, GString *out)
{
	gboolean quoted = FALSE;

	while (*p && (quoted || !is_blank(*p))) {
		if (*p == '\\') {
			p = take_backslashes(p, out);
			continue;
		}
		if (*p != '"') {
			g_string_append_c(out, *p++);
			continue;
		}
		if (quoted && p[1] == '"')
			g_string_append_c(out, *p++);
		quoted = !quoted;
		p++;
	}
	g_string_append_c(out, '\0');
	return p;
}

GString *argv_split(const char *command_line)
{
	GString *out = g_string_new(NULL);
	const char *p = command_line;

	if (!*p)
		return out;
	p = skip_blanks(take_name(p, out));
	while (*p)
		p = skip_blanks(take_argument(p, out));
	return out;
}
