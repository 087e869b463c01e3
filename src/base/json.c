/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking JSON text without building anything of it. */
#include "config.h"

#include "base/json.h"

void json_init(struct json *j, const void *data, size_t len_bytes)
{
	*j = (struct json){ .data = data, .len_bytes = len_bytes };
}

static bool fail(struct json *j)
{
	j->bad = true;
	return false;
}

static char here(const struct json *j)
{
	return !j->bad && j->pos < j->len_bytes ? j->data[j->pos] : '\0';
}

static void skip_space(struct json *j)
{
	while (j->pos < j->len_bytes &&
	       (j->data[j->pos] == ' ' || j->data[j->pos] == '\n' ||
		j->data[j->pos] == '\t' || j->data[j->pos] == '\r'))
		j->pos++;
}

/* The next character that is not space. */
static char next(struct json *j)
{
	skip_space(j);
	return here(j);
}

static bool take(struct json *j, char c)
{
	if (next(j) != c || !c)
		return fail(j);
	j->pos++;
	return true;
}

char json_peek(struct json *j)
{
	char c = next(j);

	return g_ascii_isdigit(c) ? '0' : c;
}

bool json_object(struct json *j)
{
	return take(j, '{');
}

bool json_member(struct json *j, bool *first, struct json_text *name)
{
	char c = next(j);

	if (c == '}') {
		j->pos++;
		return false;
	}
	if (!*first && !take(j, ','))
		return false;
	*first = false;
	return json_string(j, name) && take(j, ':');
}

bool json_string(struct json *j, struct json_text *ret)
{
	size_t start;

	if (!take(j, '"'))
		return false;
	start = j->pos;
	while (j->pos < j->len_bytes && j->data[j->pos] != '"') {
		/* Whatever is behind a backslash does not end the string. */
		if (j->data[j->pos] == '\\')
			j->pos++;
		else if ((unsigned char)j->data[j->pos] < ' ')
			return fail(j);
		j->pos++;
	}
	if (j->pos >= j->len_bytes)
		return fail(j);
	*ret = (struct json_text){ j->data + start, j->pos - start };
	j->pos++;
	return true;
}

static bool is_number_char(char c)
{
	return g_ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
}

bool json_u64(struct json *j, uint64_t *ret)
{
	uint64_t value = 0;

	if (!g_ascii_isdigit(next(j)))
		return fail(j);
	while (g_ascii_isdigit(here(j)))
		if (!mul_u64(value, 10, &value) ||
		    !add_u64(value, (uint64_t)(j->data[j->pos++] - '0'),
			     &value))
			return fail(j);
	if (is_number_char(here(j)))
		return fail(j);
	*ret = value;
	return true;
}

/* true, false, null, and numbers of any form. */
static bool skip_word(struct json *j)
{
	size_t start = j->pos;

	while (is_number_char(here(j)))
		j->pos++;
	return j->pos > start || fail(j);
}

/* What is behind a value: closes as many levels as end here. True where the
 * outermost value is complete. */
static bool close_levels(struct json *j, const char *open, unsigned *depth)
{
	while (*depth) {
		char c = next(j);

		if (c == ',') {
			j->pos++;
			return false;
		}
		if (c != (open[*depth - 1] == '{' ? '}' : ']'))
			return fail(j);
		j->pos++;
		--*depth;
	}
	return true;
}

static bool skip_key(struct json *j)
{
	struct json_text name;

	return json_string(j, &name) && take(j, ':');
}

/* Opens one level; an empty one is closed at once. True where something is in
 * it. */
static bool open_level(struct json *j, char *open, unsigned *depth)
{
	char c = here(j);

	if (*depth == JSON_DEPTH_MAX)
		return fail(j);
	j->pos++;
	if (next(j) == (c == '{' ? '}' : ']')) {
		j->pos++;
		return false;
	}
	open[(*depth)++] = c;
	return true;
}

bool json_skip(struct json *j)
{
	char open[JSON_DEPTH_MAX];
	unsigned depth = 0;
	struct json_text text;

	while (!j->bad) {
		char c;

		if (depth && open[depth - 1] == '{' && !skip_key(j))
			return false;
		c = next(j);
		if (c == '{' || c == '[') {
			if (open_level(j, open, &depth))
				continue;
		} else if (c == '"') {
			json_string(j, &text);
		} else {
			skip_word(j);
		}
		if (!j->bad && close_levels(j, open, &depth))
			return true;
	}
	return false;
}

bool json_equal(struct json_text text, const char *string)
{
	return strlen(string) == text.len_bytes &&
	       !memcmp(text.data, string, text.len_bytes);
}

char *json_dup(struct json_text text)
{
	return g_strndup(text.data, text.len_bytes);
}
