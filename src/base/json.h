/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A cursor over JSON text that nobody vouches for (RFC 8259).
 *
 * Nothing is built and nothing is allocated: the caller walks the objects
 * that it wants and skips the rest, at a cost of one look at each byte. As
 * with struct reader, an error makes the cursor bad for good and every call
 * then answers false; callers ask json_ok() once. Nesting is bounded.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/bytes.h"

/* Values deeper than this are an error; ISF files have some ten levels. */
#define JSON_DEPTH_MAX 64

struct json {
	const char *data; /* borrowed, need not end with NUL */
	size_t len_bytes;
	size_t pos;
	bool bad;
};

/* A string as it is written, without its quotes: escapes are not decoded. */
struct json_text {
	const char *data;
	size_t len_bytes;
};

void json_init(struct json *j, const void *data, size_t len_bytes);
static inline bool json_ok(const struct json *j)
{
	return !j->bad;
}

/* The kind of the next value by its first character: one of {["tfn-0, the
 * digit standing for all of them; 0 at the end. Nothing is consumed. */
char json_peek(struct json *j);

/* Goes into an object; an error where the next value is none. */
bool json_object(struct json *j);
/* The next member of the object: its value has to be taken or skipped before
 * the next call. False at the end of the object, which is consumed. *first
 * is true before the first call. */
bool json_member(struct json *j, bool *first, struct json_text *name);

bool json_string(struct json *j, struct json_text *ret);
/* A number that is a whole one from 0 to 2^64 - 1. */
bool json_u64(struct json *j, uint64_t *ret);
/* Any value, with all that is in it. */
bool json_skip(struct json *j);

/* Does the text stand for exactly these characters? (One that is written with
 * escapes is equal to nothing.) */
bool json_equal(struct json_text text, const char *string);
/* A copy, (transfer full); what is escaped stays so. */
char *json_dup(struct json_text text);

#endif
