/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parsing ISF: yajl tells of each key and value in turn, and what counts is
 * where that is. Nothing is kept of what is of no use.
 */
#include "config.h"

#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/bytes.h"
#include "nt/isf_parse.h"
#include "nt/symfill.h"

/* An ISF of a kernel has some ten levels, 1800 structures, 16000 members,
 * 25000 types and 0.5 MiB of their names. */
enum {
	DEPTH_MAX = 64,
	STRUCTS_MAX = 1 << 16,
	ROWS_MAX = 1 << 18, /* members; types */
	NAME_MAX_BYTES = 1024,
	SYMBOL_NAME_BYTES = 64, /* none that is asked for is longer */
};
#define NAMES_MAX (16 * MIB)

/* What an object or another value is, by the keys that lead to it. */
enum part {
	OTHER, /* of no use, with all that is in it */
	TOP,
	METADATA,
	WINDOWS,
	PDB, PDB_GUID, PDB_AGE, PDB_NAME, PDB_MACHINE,
	STRUCTS,
	STRUCT, STRUCT_SIZE,
	MEMBERS,
	MEMBER, MEMBER_OFFSET, MEMBER_ANONYMOUS,
	TYPE, TYPE_KIND, TYPE_NAME, TYPE_COUNT, TYPE_BIT_POS, TYPE_BIT_LEN,
	SYMBOLS,
	SYMBOL, SYMBOL_ADDRESS,
};

/* The part that a key leads to; without a name, any key does. */
static const struct isf_key {
	enum part in, to;
	const char *name;
} keys[] = {
	{ TOP, METADATA, "metadata" },
	{ TOP, STRUCTS, "user_types" },
	{ TOP, SYMBOLS, "symbols" },
	{ METADATA, WINDOWS, "windows" },
	{ WINDOWS, PDB, "pdb" },
	{ PDB, PDB_GUID, "GUID" },
	{ PDB, PDB_AGE, "age" },
	{ PDB, PDB_NAME, "database" },
	{ PDB, PDB_MACHINE, "machine_type" },
	{ STRUCTS, STRUCT, NULL },
	{ STRUCT, STRUCT_SIZE, "size" },
	{ STRUCT, MEMBERS, "fields" },
	{ MEMBERS, MEMBER, NULL },
	{ MEMBER, MEMBER_OFFSET, "offset" },
	{ MEMBER, MEMBER_ANONYMOUS, "anonymous" },
	{ MEMBER, TYPE, "type" },
	{ TYPE, TYPE_KIND, "kind" },
	{ TYPE, TYPE_NAME, "name" },
	{ TYPE, TYPE_COUNT, "count" },
	{ TYPE, TYPE_BIT_POS, "bit_position" },
	{ TYPE, TYPE_BIT_LEN, "bit_length" },
	{ TYPE, TYPE, "subtype" },
	{ TYPE, TYPE, "type" },
	{ SYMBOLS, SYMBOL, NULL },
	{ SYMBOL, SYMBOL_ADDRESS, "address" },
};

/* An object or array that is open. */
struct level {
	enum part part;
	uint32_t seen;	/* a bit for each line of keys[] */
	uint32_t type;	/* of TYPE: its index */
};

struct parser {
	struct isf *isf;
	isf_symbol_fn fn;
	void *ctx;
	const char *why; /* it was ended; NULL: not */
	bool done;
	enum part next;	 /* what the value to come is */
	uint32_t name;	 /* of the structure or member to come */
	char symbol[SYMBOL_NAME_BYTES];
	uint64_t rva;
	unsigned depth;
	struct level levels[DEPTH_MAX];
};

void nt_isf_init(struct isf *isf)
{
	*isf = (struct isf){ 0 };
	isf->names = g_string_new(NULL);
	/* Position 0 is the name of what has none. */
	g_string_append_c(isf->names, '\0');
	isf->structs = g_array_new(FALSE, TRUE, sizeof(struct isf_struct));
	isf->members = g_array_new(FALSE, TRUE, sizeof(struct isf_member));
	isf->types = g_array_new(FALSE, TRUE, sizeof(struct isf_type));
}

void nt_isf_clear(struct isf *isf)
{
	g_string_free(isf->names, TRUE);
	g_array_unref(isf->structs);
	g_array_unref(isf->members);
	g_array_unref(isf->types);
}

/* 0 ends yajl's work. */
static int stop(struct parser *p, const char *why)
{
	p->why = why;
	return 0;
}

static bool is(const unsigned char *data, size_t len, const char *string)
{
	return strlen(string) == len && !memcmp(data, string, len);
}

static struct isf_struct *last_struct(const struct parser *p)
{
	const GArray *a = p->isf->structs;

	return &g_array_index(a, struct isf_struct, a->len - 1);
}

static struct isf_member *last_member(const struct parser *p)
{
	const GArray *a = p->isf->members;

	return &g_array_index(a, struct isf_member, a->len - 1);
}

/* That of the innermost object, which is a type. */
static struct isf_type *this_type(const struct parser *p)
{
	return &g_array_index(p->isf->types, struct isf_type,
			      p->levels[p->depth - 1].type);
}

/* False where there are too many names. */
static bool put_name(struct parser *p, const unsigned char *data, size_t len,
		     uint32_t *ret)
{
	GString *names = p->isf->names;

	*ret = 0;
	if (!len || len > NAME_MAX_BYTES || memchr(data, '\0', len))
		return true;
	if (names->len + len >= NAMES_MAX) {
		p->why = "more names than a kernel has";
		return false;
	}
	*ret = (uint32_t)names->len;
	g_string_append_len(names, (const char *)data, (gssize)len);
	g_string_append_c(names, '\0');
	return true;
}

/* Makes room for one row at the end of a table, all zero. */
static bool add_row(struct parser *p, GArray *rows, guint max)
{
	if (rows->len == max) {
		p->why = "more types than a kernel has";
		return false;
	}
	g_array_set_size(rows, rows->len + 1);
	return true;
}

static bool begin_struct(struct parser *p)
{
	if (!add_row(p, p->isf->structs, STRUCTS_MAX))
		return false;
	last_struct(p)->name = p->name;
	last_struct(p)->first = p->isf->members->len;
	return true;
}

static bool begin_member(struct parser *p)
{
	if (!add_row(p, p->isf->members, ROWS_MAX))
		return false;
	last_struct(p)->n_members++;
	last_member(p)->name = p->name;
	last_member(p)->offset = UINT64_MAX;
	return true;
}

/* The type of a member, or what another type is made of. */
static bool begin_type(struct parser *p, const struct level *outer,
		       struct level *level)
{
	GArray *types = p->isf->types;

	if (!add_row(p, types, ROWS_MAX))
		return false;
	level->type = types->len - 1;
	if (outer->part == TYPE)
		g_array_index(types, struct isf_type, outer->type).inner =
			types->len;
	else
		last_member(p)->type = types->len;
	return true;
}

/* False where it has to end. Only objects within others are of these kinds,
 * so that there is an outer level. */
static bool begin_part(struct parser *p, struct level *level)
{
	switch (level->part) {
	case STRUCTS:
		p->isf->has_structs = true;
		return true;
	case STRUCT:
		return begin_struct(p);
	case MEMBER:
		return begin_member(p);
	case TYPE:
		return begin_type(p, level - 1, level);
	case SYMBOL:
		p->rva = 0;
		return true;
	default: /* the others keep nothing */
		return true;
	}
}

/* What the value to come is, taken: what is in it is of no use until a key
 * says otherwise. */
static enum part take_next(struct parser *p)
{
	enum part part = p->next;

	p->next = OTHER;
	return part;
}

static int open_level(struct parser *p, enum part part)
{
	struct level *level;

	if (p->depth == DEPTH_MAX)
		return stop(p, "JSON that is nested too deep");
	level = &p->levels[p->depth++];
	*level = (struct level){ .part = part };
	return begin_part(p, level);
}

/* A value that is no object, where that matters. */
static bool is_misplaced(struct parser *p, enum part part)
{
	if (part == STRUCTS)
		p->why = "its user_types are damaged";
	else if (part == SYMBOLS || part == SYMBOL)
		p->why = "its symbols are damaged";
	return p->why;
}

static int on_start_map(void *ctx)
{
	struct parser *p = ctx;
	enum part part = take_next(p);

	return open_level(p, p->depth ? part : TOP);
}

static int on_start_array(void *ctx)
{
	struct parser *p = ctx;

	if (is_misplaced(p, take_next(p)))
		return 0;
	return open_level(p, OTHER);
}

static int on_end(void *ctx)
{
	struct parser *p = ctx;
	enum part part = p->levels[--p->depth].part;

	if (part == SYMBOL && p->symbol[0] && p->fn)
		p->fn(p->ctx, p->symbol, p->rva);
	/* Who only wants to know which PDB it is has all that is needed. */
	p->done = part == PDB && !p->fn;
	return !p->done;
}

static void keep_symbol_name(struct parser *p, const unsigned char *data,
			     size_t len)
{
	p->symbol[0] = '\0';
	if (len >= sizeof p->symbol || memchr(data, '\0', len))
		return;
	memcpy(p->symbol, data, len);
	p->symbol[len] = '\0';
}

/* The line of keys[] for a key of that object; NULL: of no use. */
static const struct isf_key *find_key(struct level *level,
				      const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		const uint32_t bit = UINT32_C(1) << i;

		if (keys[i].in != level->part)
			continue;
		if (!keys[i].name)
			return &keys[i];
		if (!is(data, len, keys[i].name))
			continue;
		if (level->seen & bit)
			return NULL;
		level->seen |= bit;
		return &keys[i];
	}
	return NULL;
}
G_STATIC_ASSERT(G_N_ELEMENTS(keys) <= 32);

static int on_map_key(void *ctx, const unsigned char *data, size_t len)
{
	struct parser *p = ctx;
	struct level *level = &p->levels[p->depth - 1];
	const struct isf_key *key = NULL;

	if (level->part != OTHER)
		key = find_key(level, data, len);
	p->next = key ? key->to : OTHER;
	/* Who only wants to know which PDB it is needs nothing else. */
	if (!p->fn && (p->next == STRUCTS || p->next == SYMBOLS))
		p->next = OTHER;
	if (p->next == SYMBOL)
		keep_symbol_name(p, data, len);
	else if (p->next == STRUCT || p->next == MEMBER)
		return put_name(p, data, len, &p->name);
	return 1;
}

static bool copy_guid(const unsigned char *data, size_t len, char ret[33])
{
	if (len != 32)
		return false;
	for (unsigned i = 0; i < 32; i++)
		if (!g_ascii_isxdigit(data[i]))
			return false;
	for (unsigned i = 0; i < 32; i++)
		ret[i] = g_ascii_toupper((char)data[i]);
	ret[32] = '\0';
	return true;
}

/* The plain characters only, as of names in images; else "". */
static void copy_name(const unsigned char *data, size_t len, char ret[64])
{
	if (len >= 64)
		return;
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isalnum(data[i]) && data[i] != '.' &&
		    data[i] != '_' && data[i] != '-')
			return;
	memcpy(ret, data, len);
	ret[len] = '\0';
}

static enum isf_kind kind_of(const unsigned char *data, size_t len)
{
	static const struct {
		const char *name;
		enum isf_kind kind;
	} kinds[] = {
		{ "struct", ISF_STRUCT },     { "union", ISF_STRUCT },
		{ "class", ISF_STRUCT },      { "pointer", ISF_POINTER },
		{ "array", ISF_ARRAY },	      { "bitfield", ISF_BITFIELD },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (is(data, len, kinds[i].name))
			return kinds[i].kind;
	return ISF_OTHER;
}

static int on_string(void *ctx, const unsigned char *data, size_t len)
{
	struct parser *p = ctx;
	enum part part = take_next(p);

	switch (part) {
	case PDB_GUID:
		p->isf->has_guid = copy_guid(data, len, p->isf->id.guid);
		return 1;
	case PDB_NAME:
		copy_name(data, len, p->isf->id.name);
		return 1;
	case TYPE_KIND:
		this_type(p)->kind = kind_of(data, len);
		return 1;
	case TYPE_NAME:
		return put_name(p, data, len, &this_type(p)->name);
	default: /* of no use as a string */
		return !is_misplaced(p, part);
	}
}

static void take_number(struct parser *p, enum part part, uint64_t n)
{
	switch (part) {
	case PDB_AGE:
		p->isf->has_age = n <= UINT32_MAX;
		p->isf->id.age = (uint32_t)n;
		break;
	case PDB_MACHINE:
		p->isf->machine = n;
		break;
	case STRUCT_SIZE:
		last_struct(p)->size_bytes = n;
		break;
	case MEMBER_OFFSET:
		last_member(p)->offset = n;
		break;
	case TYPE_COUNT:
		this_type(p)->count = n;
		break;
	case TYPE_BIT_POS:
		this_type(p)->bit_pos = n;
		break;
	case TYPE_BIT_LEN:
		this_type(p)->bit_len = n;
		break;
	case SYMBOL_ADDRESS:
		p->rva = n;
		break;
	default: /* of no use as a number */
		break;
	}
}

/*
 * Whole numbers from 0 to 2^64 - 1 are taken; others count as not there. Not
 * yajl_integer: a number beyond 2^63 would end it, wherever it is.
 */
static int on_number(void *ctx, const char *data, size_t len)
{
	struct parser *p = ctx;
	enum part part = take_next(p);
	char text[24];
	guint64 n;

	if (is_misplaced(p, part))
		return 0;
	if (part == OTHER || len >= sizeof text)
		return 1;
	memcpy(text, data, len);
	text[len] = '\0';
	if (g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, &n, NULL))
		take_number(p, part, n);
	return 1;
}

static int on_boolean(void *ctx, int value)
{
	struct parser *p = ctx;
	enum part part = take_next(p);

	if (part == MEMBER_ANONYMOUS)
		last_member(p)->anonymous = value;
	return !is_misplaced(p, part);
}

static int on_null(void *ctx)
{
	struct parser *p = ctx;

	return !is_misplaced(p, take_next(p));
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

bool nt_isf_parse(struct isf *isf, const void *text, size_t len_bytes,
		  isf_symbol_fn fn, void *ctx, GError **error)
{
	struct parser p = { .isf = isf, .fn = fn, .ctx = ctx };
	yajl_handle yajl = yajl_alloc(&callbacks, NULL, &p);
	yajl_status status;

	if (!yajl)
		return nt_symfill_fail(error, "yajl cannot be used");
	status = yajl_parse(yajl, text, len_bytes);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(yajl);
	yajl_free(yajl);
	if (status == yajl_status_ok || p.done)
		return true;
	return nt_symfill_fail(error, "%s", p.why ? p.why : "damaged JSON");
}
