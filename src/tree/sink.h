/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where rendered text goes: a growing buffer, or nowhere but a count. The
 * same renderer so yields the text of a file and, for nothing but the time,
 * its exact size.
 */
#ifndef TREE_SINK_H
#define TREE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

struct sink {
	char *buf;	/* owned; NULL while counting */
	size_t cap;
	uint64_t len;	/* bytes written, or that would have been */
	bool counting;
};

void sink_init(struct sink *sink, bool counting);
void sink_clear(struct sink *sink);

void sink_bytes(struct sink *sink, const char *bytes, size_t len);
void sink_str(struct sink *sink, const char *str);
void sink_printf(struct sink *sink, const char *format, ...)
	G_GNUC_PRINTF(2, 3);
/* "Key:\tvalue\n" */
void sink_key(struct sink *sink, const char *key, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

/* Lower-case hex of v with at least min_digits digits, to p (room for 16);
 * returns its end. For rows of which there are millions. */
char *put_hex(char *p, uint64_t v, unsigned min_digits);

#endif
