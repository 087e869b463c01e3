/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and values, as the lines of `status` or as the members of an object of
 * JSON: who tells of a process says each thing once, and both files have it
 * under the same key, in the same order.
 *
 * As text, what is not known is "-"; as JSON, null. A note (why it is not
 * known, what is odd about it; of our own words, or NULL) is in parentheses
 * behind the value, or a member KEY + "Note".
 */
#ifndef TREE_RECORD_H
#define TREE_RECORD_H

#include "tree/json.h"

struct record {
	struct sink *out;  /* of text; or NULL */
	struct json *json; /* within an object; or NULL */
};

void record_u64(const struct record *r, const char *key, bool known,
		uint64_t v, const char *note);
/* Bytes; told in kB (KiB), as Linux has it. */
void record_kib(const struct record *r, const char *key, uint64_t bytes);
/* digits: at least so many. */
void record_hex(const struct record *r, const char *key, bool known,
		uint64_t v, unsigned digits);
void record_bool(const struct record *r, const char *key, bool known, bool v);
/* Text of ours (NULL: not known). */
void record_word(const struct record *r, const char *key, const char *word,
		 const char *note);
/* A time as FILETIME; 0 and what is no time: not known. */
void record_time(const struct record *r, const char *key, bool known,
		 uint64_t filetime);
/* Text from the image (NULL: not known): a line, and one in which backslashes
 * stay as they are; in JSON, both as they are. */
void record_line(const struct record *r, const char *key, const char *utf8);
void record_path(const struct record *r, const char *key, const char *utf8,
		 const char *note);
/* A list of words of ours, or of numbers: "a b", [ "a", "b" ]. Without any,
 * "-" and []. */
void record_words(const struct record *r, const char *key,
		  const char *const *words, size_t n);
void record_numbers(const struct record *r, const char *key,
		    const unsigned *numbers, size_t n);

#endif
