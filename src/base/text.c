/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding and escaping of text from an image. */
#include "config.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/text.h"

/* 100 ns ticks from 1601-01-01 to 1970-01-01 (MS-DTYP 2.3.3). */
#define FILETIME_UNIX_EPOCH UINT64_C(116444736000000000)
#define FILETIME_PER_SEC UINT64_C(10000000)
#define UNIX_YEAR_10000 INT64_C(253402300800)
#define FILENAME_MAX_BYTES 200u

/* Windows-1252, 0x80 to 0x9F; 0 where undefined (Microsoft cp1252 table). */
static const uint16_t cp1252_high[32] = {
	0x20AC, 0,	0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,	0x017D, 0,
	0,	0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,	0x017E, 0x0178,
};

static gunichar cp1252_char(uint8_t byte)
{
	if (byte < 0x80 || byte > 0x9f)
		return byte;
	return cp1252_high[byte - 0x80] ? cp1252_high[byte - 0x80] : 0xfffd;
}

char *text_from_ansi(const void *bytes, size_t n_bytes)
{
	const uint8_t *p = bytes;
	GString *out;
	size_t len = 0;

	while (len < n_bytes && p[len])
		len++;
	if (g_utf8_validate_len(bytes, len, NULL))
		return g_strndup(bytes, len);
	out = g_string_sized_new(len * 2);
	for (size_t i = 0; i < len; i++)
		g_string_append_unichar(out, cp1252_char(p[i]));
	return g_string_free(out, FALSE);
}

char *text_from_utf16(const void *bytes, size_t n_bytes)
{
	const uint8_t *p = bytes;
	GString *out = g_string_sized_new(n_bytes);

	for (size_t i = 0; i + 1 < n_bytes; i += 2) {
		gunichar c = load_le16(p + i);

		if (!c)
			break;
		if (c >= 0xd800 && c < 0xdc00 && i + 3 < n_bytes) {
			gunichar low = load_le16(p + i + 2);

			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) +
				    (low - 0xdc00);
				i += 2;
			}
		}
		if (c >= 0xd800 && c < 0xe000)
			c = 0xfffd;
		g_string_append_unichar(out, c);
	}
	return g_string_free(out, FALSE);
}

/* Would c break a line of text, or change how a terminal shows it? */
static gboolean char_is_unsafe(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '\\' ||
	       c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void append_octal(GString *out, const char *bytes, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		g_string_append_printf(out, "\\%03o", (uint8_t)bytes[i]);
}

/* also: one more ASCII character to escape; keep: one that is left as it is, or
 * 0. */
static GString *escape(const char *utf8, gunichar also, gunichar keep)
{
	GString *out = g_string_new(NULL);
	const char *p = utf8;

	while (*p) {
		gunichar c = g_utf8_get_char_validated(p, -1);
		size_t len = 1;

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			append_octal(out, p, 1);
		} else {
			len = (size_t)g_unichar_to_utf8(c, NULL);
			if ((char_is_unsafe(c) && c != keep) || c == also)
				append_octal(out, p, len);
			else
				g_string_append_len(out, p, (gssize)len);
		}
		p += len;
	}
	return out;
}

char *text_escape_field(const char *utf8)
{
	GString *out = escape(utf8, ' ', 0);

	if (!out->len)
		g_string_append_c(out, '-');
	return g_string_free(out, FALSE);
}

char *text_escape_line(const char *utf8)
{
	return g_string_free(escape(utf8, '\\', 0), FALSE);
}

char *text_escape_path(const char *utf8)
{
	return g_string_free(escape(utf8, 0, '\\'), FALSE);
}

/* The kernel takes less than PATH_MAX bytes. */
static void cut_link(GString *link)
{
	static const char mark[] = "...";
	size_t len = PATH_MAX - sizeof mark;

	if (link->len < PATH_MAX)
		return;
	while (((uint8_t)link->str[len] & 0xc0) == 0x80)
		len--;
	g_string_truncate(link, len);
	g_string_append(link, mark);
}

char *text_escape_link(const char *utf8)
{
	GString *out = escape(utf8, '/', '\\');

	if (!strchr(out->str, '\\'))
		g_string_prepend(out, "?\\");
	cut_link(out);
	return g_string_free(out, FALSE);
}

/* Cuts at a character's border so that the name stays valid UTF-8. */
static void cut_name(GString *name)
{
	size_t len = FILENAME_MAX_BYTES;

	if (name->len <= FILENAME_MAX_BYTES)
		return;
	while (len && ((uint8_t)name->str[len] & 0xc0) == 0x80)
		len--;
	/* Nor in the middle of an escape: \ooo. */
	for (size_t back = 1; back <= 3; back++)
		if (name->str[len - back] == '\\') {
			len -= back;
			break;
		}
	g_string_truncate(name, len);
}

char *text_escape_filename(const char *utf8)
{
	GString *out = escape(utf8, '/', 0);

	if (!out->len)
		g_string_append_c(out, '_');
	if (!strcmp(out->str, ".") || !strcmp(out->str, "..")) {
		g_autofree char *dots = g_strdup(out->str);

		g_string_truncate(out, 0);
		append_octal(out, dots, strlen(dots));
	}
	cut_name(out);
	return g_string_free(out, FALSE);
}

gboolean filetime_to_unix(uint64_t filetime, int64_t *sec, uint32_t *nsec)
{
	uint64_t ticks;

	if (filetime < FILETIME_UNIX_EPOCH)
		return FALSE;
	ticks = filetime - FILETIME_UNIX_EPOCH;
	if (ticks / FILETIME_PER_SEC >= (uint64_t)UNIX_YEAR_10000)
		return FALSE;
	*sec = (int64_t)(ticks / FILETIME_PER_SEC);
	*nsec = (uint32_t)(ticks % FILETIME_PER_SEC) * 100;
	return TRUE;
}

char *text_filetime(uint64_t filetime)
{
	char buf[sizeof "2026-01-01T00:00:00Z"];
	struct tm tm;
	int64_t sec;
	uint32_t nsec;
	time_t t;

	if (!filetime_to_unix(filetime, &sec, &nsec))
		return g_strdup("-");
	t = (time_t)sec;
	if (!gmtime_r(&t, &tm) ||
	    !strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return g_strdup("-");
	return g_strdup(buf);
}
