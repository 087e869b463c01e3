/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing JSON (RFC 8259). */
#include "config.h"

#include <string.h>

#include "tree/json.h"

/* The largest integer up to which a double has them all (RFC 8259, 6). */
#define EXACT_MAX (UINT64_C(1) << 53)

void json_init(struct json *json, struct sink *out, unsigned lines)
{
	*json = (struct json){ .out = out, .lines = lines };
}

void json_finish(struct json *json)
{
	sink_bytes(json->out, "\n", 1);
}

static uint32_t bit_of(unsigned depth)
{
	return UINT32_C(1) << MIN(depth, JSON_DEPTH_MAX - 1);
}

static void new_line(struct json *json)
{
	sink_bytes(json->out, "\n", 1);
	for (unsigned i = 0; i < json->depth; i++)
		sink_bytes(json->out, "  ", 2);
}

/* Would c hide, break or turn around a line of a terminal, or is it one that
 * JSON does not allow as it is? */
static bool is_unsafe(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '"' || c == '\\' ||
	       c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

static void put_escaped(struct sink *out, gunichar c)
{
	char buf[8] = "\\u", *end;

	if (c == '"' || c == '\\') {
		buf[1] = (char)c;
		sink_bytes(out, buf, 2);
	} else if (c == '\n' || c == '\t') {
		sink_bytes(out, c == '\n' ? "\\n" : "\\t", 2);
	} else {
		end = put_hex(buf + 2, c, 4);
		sink_bytes(out, buf, (size_t)(end - buf));
	}
}

static void put_string(struct sink *out, const char *utf8)
{
	const char *from = utf8, *p = utf8;

	sink_bytes(out, "\"", 1);
	while (*p) {
		gunichar c = g_utf8_get_char_validated(p, -1);
		bool bad = c == (gunichar)-1 || c == (gunichar)-2;

		size_t n = bad ? 1 : (size_t)g_unichar_to_utf8(c, NULL);

		if (bad || is_unsafe(c)) {
			sink_bytes(out, from, (size_t)(p - from));
			put_escaped(out, bad ? 0xfffd : c);
			from = p + n;
		}
		p += n;
	}
	sink_bytes(out, from, (size_t)(p - from));
	sink_bytes(out, "\"", 1);
}

/* What stands before a value. */
static void begin(struct json *json, const char *key)
{
	uint32_t bit;

	if (!json->depth)
		return;
	bit = bit_of(json->depth);
	if (json->filled & bit)
		sink_bytes(json->out, ",", 1);
	if (json->depth <= json->lines)
		new_line(json);
	else if (json->filled & bit)
		sink_bytes(json->out, " ", 1);
	json->filled |= bit;
	if (json->arrays & bit)
		return;
	put_string(json->out, key ? key : "");
	sink_bytes(json->out, ": ", 2);
}

static void open_one(struct json *json, const char *key, bool array)
{
	uint32_t bit;

	begin(json, key);
	sink_bytes(json->out, array ? "[" : "{", 1);
	bit = bit_of(++json->depth);
	json->filled &= ~bit;
	json->arrays = array ? json->arrays | bit : json->arrays & ~bit;
}

void json_object(struct json *json, const char *key)
{
	open_one(json, key, false);
}

void json_array(struct json *json, const char *key)
{
	open_one(json, key, true);
}

void json_end(struct json *json)
{
	uint32_t bit = bit_of(json->depth);
	bool lines = json->depth <= json->lines;

	if (!json->depth)
		return;
	json->depth--;
	if (lines && json->filled & bit)
		new_line(json);
	sink_bytes(json->out, json->arrays & bit ? "]" : "}", 1);
}

void json_str(struct json *json, const char *key, const char *utf8)
{
	if (!utf8) {
		json_null(json, key);
		return;
	}
	begin(json, key);
	put_string(json->out, utf8);
}

static void put_u64(struct sink *out, uint64_t v)
{
	char buf[20], *p = buf + sizeof buf;

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	sink_bytes(out, p, (size_t)(buf + sizeof buf - p));
}

static void put_number(struct json *json, const char *key, uint64_t v,
		       bool negative)
{
	const char *quote = v > EXACT_MAX ? "\"" : "";

	begin(json, key);
	sink_str(json->out, quote);
	sink_str(json->out, negative ? "-" : "");
	put_u64(json->out, v);
	sink_str(json->out, quote);
}

void json_u64(struct json *json, const char *key, uint64_t v)
{
	put_number(json, key, v, false);
}

void json_i64(struct json *json, const char *key, int64_t v)
{
	put_number(json, key, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0);
}

void json_hex(struct json *json, const char *key, uint64_t v)
{
	json_hex_wide(json, key, v, 1);
}

void json_hex_wide(struct json *json, const char *key, uint64_t v,
		   unsigned min_digits)
{
	char buf[20] = "\"0x", *p;

	begin(json, key);
	p = put_hex(buf + 3, v, MIN(min_digits, 16));
	*p++ = '"';
	sink_bytes(json->out, buf, (size_t)(p - buf));
}

void json_bool(struct json *json, const char *key, bool v)
{
	begin(json, key);
	sink_str(json->out, v ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	begin(json, key);
	sink_str(json->out, "null");
}
