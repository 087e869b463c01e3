/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and values, in either form. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/record.h"

#define NOTE "Note"

static void json_note(struct json *json, const char *key, const char *note)
{
	char name[64];

	if (!note)
		return;
	(void)snprintf(name, sizeof name, "%s" NOTE, key);
	json_str(json, name, note);
}

static void text_line(struct sink *out, const char *key, const char *value,
		      const char *note)
{
	if (note)
		sink_key(out, key, "%s (%s)", value, note);
	else
		sink_key(out, key, "%s", value);
}

void record_u64(const struct record *r, const char *key, bool known,
		uint64_t v, const char *note)
{
	char buf[24];

	if (r->json) {
		if (known)
			json_u64(r->json, key, v);
		else
			json_null(r->json, key);
		json_note(r->json, key, note);
		return;
	}
	(void)snprintf(buf, sizeof buf, "%" PRIu64, v);
	text_line(r->out, key, known ? buf : "-", note);
}

void record_kib(const struct record *r, const char *key, uint64_t bytes)
{
	if (r->json)
		json_u64(r->json, key, bytes / KIB);
	else
		sink_key(r->out, key, "%8" PRIu64 " kB", bytes / KIB);
}

void record_hex(const struct record *r, const char *key, bool known,
		uint64_t v, unsigned digits)
{
	if (!known)
		record_word(r, key, NULL, NULL);
	else if (r->json)
		json_hex_wide(r->json, key, v, digits);
	else
		sink_key(r->out, key, "0x%0*" PRIx64, (int)digits, v);
}

void record_bool(const struct record *r, const char *key, bool known, bool v)
{
	if (known && r->json)
		json_bool(r->json, key, v);
	else
		record_word(r, key, !known ? NULL : v ? "yes" : "no", NULL);
}

void record_word(const struct record *r, const char *key, const char *word,
		 const char *note)
{
	if (r->json) {
		json_str(r->json, key, word);
		json_note(r->json, key, note);
	} else {
		text_line(r->out, key, word ? word : "-", note);
	}
}

void record_time(const struct record *r, const char *key, bool known,
		 uint64_t filetime)
{
	g_autofree char *time = text_filetime(filetime);
	int64_t sec;
	uint32_t nsec;

	known = known && filetime_to_unix(filetime, &sec, &nsec);
	record_word(r, key, known ? time : NULL, NULL);
}

void record_line(const struct record *r, const char *key, const char *utf8)
{
	g_autofree char *text = NULL;

	if (r->json) {
		json_str(r->json, key, utf8);
		return;
	}
	text = utf8 ? text_escape_line(utf8) : NULL;
	sink_key(r->out, key, "%s", text ? text : "-");
}

void record_path(const struct record *r, const char *key, const char *utf8,
		 const char *note)
{
	g_autofree char *text = NULL;

	if (r->json) {
		json_str(r->json, key, utf8);
		json_note(r->json, key, note);
		return;
	}
	text = utf8 ? text_escape_path(utf8) : NULL;
	text_line(r->out, key, text ? text : "-", note);
}

void record_words(const struct record *r, const char *key,
		  const char *const *words, size_t n)
{
	if (r->json) {
		json_array(r->json, key);
		for (size_t i = 0; i < n; i++)
			json_str(r->json, NULL, words[i]);
		json_end(r->json);
		return;
	}
	sink_str(r->out, key);
	sink_str(r->out, ":\t");
	for (size_t i = 0; i < n; i++) {
		sink_str(r->out, i ? " " : "");
		sink_str(r->out, words[i]);
	}
	sink_str(r->out, n ? "\n" : "-\n");
}

void record_numbers(const struct record *r, const char *key,
		    const unsigned *numbers, size_t n)
{
	if (r->json) {
		json_array(r->json, key);
		for (size_t i = 0; i < n; i++)
			json_u64(r->json, NULL, numbers[i]);
		json_end(r->json);
		return;
	}
	sink_printf(r->out, "%s:\t", key);
	for (size_t i = 0; i < n; i++)
		sink_printf(r->out, "%s%u", i ? " " : "", numbers[i]);
	sink_str(r->out, n ? "\n" : "-\n");
}
