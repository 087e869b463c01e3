/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON into a sink: what is put between begin and end of an object needs a
 * key, in an array it has none (NULL). Commas, line breaks and escapes are
 * made here; nothing is allocated. Whatever the strings hold, the text is
 * valid JSON in valid UTF-8, and no line of it can play tricks on a terminal.
 */
#ifndef TREE_JSON_H
#define TREE_JSON_H

#include "tree/sink.h"

#define JSON_DEPTH_MAX 32u

struct json {
	struct sink *out;
	unsigned lines;	/* members down to this depth have a line each */
	unsigned depth;
	uint32_t arrays; /* bit set: which depths are arrays */
	uint32_t filled; /* bit set: which have a member already */
};

/* lines: 0: all on one line; 1: a line for each member of the outermost; ...
 */
void json_init(struct json *json, struct sink *out, unsigned lines);
/* A line feed behind what must be closed by now. */
void json_finish(struct json *json);

void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
/* Ends the innermost object or array. */
void json_end(struct json *json);

/* utf8: NULL: null. Bytes that are no UTF-8 become U+FFFD. */
void json_str(struct json *json, const char *key, const char *utf8);
/* A number; above 2^53, where many readers lose digits, a string of them. */
void json_u64(struct json *json, const char *key, uint64_t v);
void json_i64(struct json *json, const char *key, int64_t v);
/* Addresses and bit sets: a string, "0x...". */
void json_hex(struct json *json, const char *key, uint64_t v);
/* The same with at least so many digits (1 to 16). */
void json_hex_wide(struct json *json, const char *key, uint64_t v,
		   unsigned min_digits);
void json_bool(struct json *json, const char *key, bool v);
void json_null(struct json *json, const char *key);

#endif
