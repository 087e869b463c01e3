/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small, tolerant parser of Turtle. */
#include "config.h"

#include <string.h>

#include "image/affturtle.h"

#define PREFIXES_MAX 64u
/* One name or string. */
#define TOKEN_MAX 65536u
/* All of them: prefixes make a little text long. */
#define KEPT_MAX (UINT64_C(16) << 20)

struct AffTurtle {
	GStringChunk *strings; /* each once */
	GArray *statements;    /* struct aff_statement */
	size_t n_lost;
};

enum token {
	TOKEN_END,
	TOKEN_URI,	/* <...> */
	TOKEN_NAME,	/* prefix:name, a, true, 12 */
	TOKEN_STRING,
	TOKEN_SIGN,	/* . ; , */
	TOKEN_BAD,
};

struct parser {
	const char *at, *end;
	AffTurtle *turtle;
	GHashTable *prefixes;	/* of strings */
	GString *token;
	uint64_t kept;
	char sign;
};

static void skip_space(struct parser *p)
{
	while (p->at < p->end) {
		if (*p->at == '#')
			while (p->at < p->end && *p->at != '\n')
				p->at++;
		else if (!strchr(" \t\r\n", *p->at) || !*p->at)
			return;
		else
			p->at++;
	}
}

static bool add(struct parser *p, char c)
{
	if (p->token->len >= TOKEN_MAX)
		return false;
	g_string_append_c(p->token, c);
	return true;
}

static enum token read_uri(struct parser *p)
{
	for (p->at++; p->at < p->end; p->at++) {
		if (*p->at == '>') {
			p->at++;
			return TOKEN_URI;
		}
		if (*p->at == '\n' || !*p->at || !add(p, *p->at))
			break;
	}
	return TOKEN_BAD;
}

static char unescape(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
}

/* One quote at each end, or three. */
static enum token read_string(struct parser *p)
{
	char quote = *p->at;
	size_t n = p->end - p->at >= 3 && p->at[1] == quote &&
				   p->at[2] == quote ?
			   3 :
			   1;
	bool escaped;

	for (p->at += n; p->at < p->end; p->at++) {
		if (*p->at == quote &&
		    (n == 1 || (p->end - p->at >= 3 && p->at[1] == quote &&
				p->at[2] == quote))) {
			p->at += n;
			return TOKEN_STRING;
		}
		escaped = *p->at == '\\' && p->at + 1 < p->end;
		if (escaped)
			p->at++;
		if (!*p->at || !add(p, escaped ? unescape(*p->at) : *p->at))
			break;
	}
	return TOKEN_BAD;
}

/* A full stop ends a name only where nothing of it follows. */
static bool ends_name(const struct parser *p)
{
	char c = *p->at;

	if (c == '.')
		return p->at + 1 == p->end || strchr(" \t\r\n", p->at[1]);
	return !c || strchr(" \t\r\n;,<>\"'()[]", c) ||
	       (c == '^' && p->at + 1 < p->end && p->at[1] == '^');
}

static enum token next_token(struct parser *p)
{
	g_string_truncate(p->token, 0);
	skip_space(p);
	if (p->at == p->end)
		return TOKEN_END;
	switch (*p->at) {
	case '<':
		return read_uri(p);
	case '"':
	case '\'':
		return read_string(p);
	case '.':
	case ';':
	case ',':
		p->sign = *p->at++;
		return TOKEN_SIGN;
	default:
		while (p->at < p->end && !ends_name(p))
			if (!add(p, *p->at++))
				return TOKEN_BAD;
		if (p->token->len)
			return TOKEN_NAME;
		p->at++; /* ( [ and so on */
		return TOKEN_BAD;
	}
}

static const char *keep(struct parser *p, const char *text)
{
	size_t len = strlen(text);

	if (p->kept + len > KEPT_MAX)
		return NULL;
	p->kept += len + 1;
	return g_string_chunk_insert_const(p->turtle->strings, text);
}

/* prefix:name written out; numbers and words as they are. */
static const char *expand(struct parser *p)
{
	const char *text = p->token->str;
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	g_autofree char *prefix = g_strndup(text, len);
	const char *uri = colon ? g_hash_table_lookup(p->prefixes, prefix) :
				  NULL;
	g_autofree char *full = NULL;

	if (!uri)
		return keep(p, text);
	full = g_strconcat(uri, colon + 1, NULL);
	return keep(p, full);
}

/* @prefix NAME: <URI> . */
static bool read_prefix(struct parser *p)
{
	g_autofree char *name = NULL;

	if (next_token(p) != TOKEN_NAME || !g_str_has_suffix(p->token->str,
							     ":"))
		return false;
	name = g_strndup(p->token->str, p->token->len - 1);
	if (next_token(p) != TOKEN_URI)
		return false;
	if (g_hash_table_size(p->prefixes) < PREFIXES_MAX)
		g_hash_table_replace(p->prefixes, g_steal_pointer(&name),
				     g_strdup(p->token->str));
	return next_token(p) == TOKEN_SIGN && p->sign == '.';
}

/* A value: a URI, a name, or a string, whose type or language is dropped. */
static const char *read_value(struct parser *p)
{
	enum token token = next_token(p);
	const char *value;

	if (token == TOKEN_URI)
		return keep(p, p->token->str);
	if (token == TOKEN_NAME)
		return expand(p);
	if (token != TOKEN_STRING)
		return NULL;
	value = keep(p, p->token->str);
	if (!value)
		return NULL;
	if (p->end - p->at >= 2 && p->at[0] == '^' && p->at[1] == '^') {
		p->at += 2;
		token = next_token(p);
		if (token != TOKEN_URI && token != TOKEN_NAME)
			return NULL;
	} else if (p->at < p->end && *p->at == '@') {
		next_token(p);
	}
	return value;
}

static void add_statement(struct parser *p, const char *subject,
			  const char *property, const char *value)
{
	const struct aff_statement s = { subject, property, value };

	if (p->turtle->statements->len < AFF_STATEMENTS_MAX)
		g_array_append_val(p->turtle->statements, s);
	else
		p->turtle->n_lost++;
}

/* Property and values, up to `;` or `.`: that is in p->sign. */
static bool read_property(struct parser *p, const char *subject)
{
	enum token token = next_token(p);
	const char *property;

	/* `; .` */
	if (token == TOKEN_SIGN)
		return p->sign != ',';
	if (token != TOKEN_URI && token != TOKEN_NAME)
		return false;
	if (token == TOKEN_URI)
		property = keep(p, p->token->str);
	else
		property = strcmp(p->token->str, "a") ? expand(p) : "type";
	if (!property)
		return false;
	do {
		const char *value = read_value(p);

		if (!value)
			return false;
		add_statement(p, subject, property, value);
		if (next_token(p) != TOKEN_SIGN)
			return false;
	} while (p->sign == ',');
	return true;
}

static bool read_subject(struct parser *p, enum token token)
{
	const char *subject;

	if (token == TOKEN_NAME && (!strcmp(p->token->str, "@prefix") ||
				    !g_ascii_strcasecmp(p->token->str,
							"PREFIX")))
		return read_prefix(p);
	if (token == TOKEN_URI)
		subject = keep(p, p->token->str);
	else if (token == TOKEN_NAME)
		subject = expand(p);
	else
		return false;
	if (!subject)
		return false;
	do
		if (!read_property(p, subject))
			return false;
	while (p->sign == ';');
	return true;
}

/* After what was not understood: behind the next full stop of a line. */
static void recover(struct parser *p)
{
	p->turtle->n_lost++;
	for (; p->at < p->end; p->at++)
		if (*p->at == '.' &&
		    (p->at + 1 == p->end || strchr("\r\n", p->at[1]))) {
			p->at++;
			return;
		}
}

AffTurtle *aff_turtle_parse(const char *text, size_t len)
{
	AffTurtle *turtle = g_new0(AffTurtle, 1);
	struct parser p = { .at = text, .end = text + len, .turtle = turtle };
	enum token token;

	turtle->strings = g_string_chunk_new(4096);
	turtle->statements = g_array_new(FALSE, FALSE,
					 sizeof(struct aff_statement));
	p.prefixes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					   g_free);
	p.token = g_string_new(NULL);
	while ((token = next_token(&p)) != TOKEN_END)
		if (!read_subject(&p, token))
			recover(&p);
	g_string_free(p.token, TRUE);
	g_hash_table_unref(p.prefixes);
	return turtle;
}

void aff_turtle_free(AffTurtle *turtle)
{
	if (!turtle)
		return;
	g_string_chunk_free(turtle->strings);
	g_array_unref(turtle->statements);
	g_free(turtle);
}

size_t aff_turtle_count(const AffTurtle *turtle)
{
	return turtle->statements->len;
}

const struct aff_statement *aff_turtle_get(const AffTurtle *turtle,
					   size_t index)
{
	return &g_array_index(turtle->statements, struct aff_statement, index);
}

size_t aff_turtle_lost(const AffTurtle *turtle)
{
	return turtle->n_lost;
}

const char *aff_local_name(const char *uri)
{
	const char *name = uri;

	for (const char *c = uri; *c; c++)
		if (*c == '#' || *c == '/')
			name = c + 1;
	return name;
}

const char *aff_turtle_value(const AffTurtle *turtle, const char *subject,
			     const char *property)
{
	for (size_t i = 0; i < aff_turtle_count(turtle); i++) {
		const struct aff_statement *s = aff_turtle_get(turtle, i);

		if (!strcmp(s->subject, subject) &&
		    !strcmp(aff_local_name(s->property), property))
			return s->value;
	}
	return NULL;
}

bool aff_turtle_number(const AffTurtle *turtle, const char *subject,
		       const char *property, uint64_t *value)
{
	const char *text = aff_turtle_value(turtle, subject, property);

	return text && g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX,
						  value, NULL);
}

bool aff_turtle_has(const AffTurtle *turtle, const char *subject,
		    const char *property, const char *value)
{
	for (size_t i = 0; i < aff_turtle_count(turtle); i++) {
		const struct aff_statement *s = aff_turtle_get(turtle, i);

		if (!strcmp(s->subject, subject) &&
		    !strcmp(aff_local_name(s->property), property) &&
		    !strcmp(aff_local_name(s->value), value))
			return true;
	}
	return false;
}
