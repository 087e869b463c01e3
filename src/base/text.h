/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text made of bytes from an image: decoding, and escaping for the places
 * where a hostile name could do harm.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Decodes n_bytes of single-byte text up to the first NUL. Valid UTF-8 is
 * taken as it is; else bytes 0x80 and above are read as Windows-1252, the
 * usual ANSI code page (undefined ones become U+FFFD). (transfer full)
 */
char *text_from_ansi(const void *bytes, size_t n_bytes);

/* Decodes UTF-16LE up to the first NUL; lone surrogates become U+FFFD.
 * (transfer full) */
char *text_from_utf16(const void *bytes, size_t n_bytes);

/*
 * Escaped as in /proc/mounts: space, tab, newline, other control characters,
 * DEL and the backslash become \ooo (three octal digits of each byte), also
 * the controls U+0080..U+009F and the line separators U+2028/U+2029 and the
 * bidirectional overrides, which would change how a line of a terminal
 * reads. An empty name becomes "-". (transfer full)
 */
char *text_escape_field(const char *utf8);

/* The same for text in which spaces and emptiness do no harm. (transfer full)
 */
char *text_escape_line(const char *utf8);

/* The same for paths and command lines of Windows, which are full of
 * backslashes: those stay as they are, so a \ooo in it may also be just that.
 * (transfer full) */
char *text_escape_path(const char *utf8);

/*
 * A path of Windows as the text of a symbolic link, which must not lead to
 * anything on this machine: as text_escape_path(), '/' escaped too, and with
 * "?\" before it where it has no backslash (its folder is not known). So it
 * is one name, which no folder of ours has. Shorter than PATH_MAX; what is cut
 * ends in "...". (transfer full)
 */
char *text_escape_link(const char *utf8);

/*
 * A name that can stand in a directory: no '/', nothing that
 * text_escape_field() escapes but spaces, never "." or ".." or empty, at
 * most 200 bytes. What is escaped is written \ooo. (transfer full)
 */
char *text_escape_filename(const char *utf8);

/* ISO 8601 in UTC with seconds for a FILETIME (100 ns since 1601), or "-"
 * for times before 1970 (0 is none) and beyond the year 9999. (transfer full)
 */
char *text_filetime(uint64_t filetime);

/* Unix time of a FILETIME; false for 0 and for times before 1970 or beyond
 * the year 9999 (ret untouched). */
gboolean filetime_to_unix(uint64_t filetime, int64_t *sec, uint32_t *nsec);

#endif
