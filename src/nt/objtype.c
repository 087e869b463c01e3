/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What type an object is of. */
#include "config.h"

#include "base/bytes.h"
#include "nt/objname-priv.h"

enum {
	FIRST_TYPE = 2,		/* index of the type "Type", since 7 */
	POINTED_MAX = 256,	/* types that are kept */
	LOOK = 4,		/* bytes of a body that are looked at */
	FILE_TYPE = 5,		/* IO_TYPE_FILE */
	PROCESS_OBJECT = 3,	/* _DISPATCHER_HEADER.Type */
	THREAD_OBJECT = 6,
	OBJECT_MASK = 0x7f,
};

/* _CM_KEY_BODY.Type of a key that is open, "ky02" */
#define KEY_BODY UINT32_C(0x6b793032)

static bool read_index(NtObjnames *o, uint64_t header, uint8_t *ret)
{
	uint32_t at = o->r.k->profile.object.type_index;

	return at != NT_ABSENT && nt_kread(&o->r, header + at, ret, 1);
}

/* The types in the table: it has no end mark, but unused entries are 0. */
static void read_table(NtObjnames *o)
{
	unsigned n = o->r.k->profile.pointer_bytes;
	uint64_t table = o->r.k->vars[NT_OB_TYPE_INDEX_TABLE].va.v;

	if (!table)
		return;
	for (unsigned i = FIRST_TYPE; i < OBJ_TYPES; i++) {
		if (!nt_kread_link(&o->r, table + i * n, &o->types[i]))
			return;
		o->n_types++;
	}
}

struct vote {
	unsigned n_plain, n_best;
	uint8_t best; /* what the index is mixed with, but for the address */
};

/* Types are objects as well: all of type FIRST_TYPE. So they tell whether
 * indexes are mixed, and with what. */
static struct vote count_votes(NtObjnames *o)
{
	unsigned votes[256] = { 0 };
	struct vote v = { 0 };

	for (unsigned i = FIRST_TYPE; i < FIRST_TYPE + o->n_types; i++) {
		uint64_t header = o->types[i] - o->r.k->profile.object.body;
		uint8_t raw, with;

		if (!read_index(o, header, &raw))
			continue;
		v.n_plain += raw == FIRST_TYPE;
		with = (uint8_t)(raw ^ FIRST_TYPE ^ bits_get(header, 8, 8));
		if (++votes[with] > v.n_best) {
			v.n_best = votes[with];
			v.best = with;
		}
	}
	return v;
}

void objtypes_learn(NtObjnames *o)
{
	const struct nt_profile *p = &o->r.k->profile;
	VirtAddr cookie = o->r.k->vars[NT_OB_HEADER_COOKIE].va;
	struct vote v;

	if (p->object.type_index == NT_ABSENT ||
	    p->object.type_name == NT_ABSENT)
		return;
	read_table(o);
	v = count_votes(o);
	if (v.n_best > v.n_plain) {
		o->mixed = true;
		o->cookie = v.best;
	} else if (!v.n_plain && o->n_types) {
		/* None of them could be read. */
		o->mixed = cookie.v && nt_kread(&o->r, cookie.v, &o->cookie, 1);
	}
}

static char *read_name(NtObjnames *o, uint64_t type)
{
	char *name = nt_kread_unicode(
		&o->r, type + o->r.k->profile.object.type_name, OBJ_TYPE_MAX);

	if (name && *name)
		return name;
	g_free(name);
	return NULL;
}

static const char *by_index(NtObjnames *o, uint64_t header)
{
	uint8_t i;

	if (!o->n_types || !read_index(o, header, &i))
		return NULL;
	if (o->mixed)
		i = (uint8_t)(i ^ o->cookie ^ bits_get(header, 8, 8));
	if (!o->types[i])
		return NULL;
	if (!o->type_names[i])
		o->type_names[i] = read_name(o, o->types[i]);
	return o->type_names[i];
}

static const char *by_pointer(NtObjnames *o, uint64_t header)
{
	const struct nt_object_layout *l = &o->r.k->profile.object;
	uint64_t type;
	char *name;

	if (l->type == NT_ABSENT || l->type_name == NT_ABSENT ||
	    !nt_kread_link(&o->r, header + l->type, &type))
		return NULL;
	name = g_hash_table_lookup(o->pointed, &type);
	if (name || g_hash_table_size(o->pointed) >= POINTED_MAX)
		return name;
	name = read_name(o, type);
	if (name)
		g_hash_table_insert(o->pointed,
				    g_memdup2(&type, sizeof type), name);
	return name;
}

/* A thread names a process, which is one by its header. */
static bool is_thread(NtObjnames *o, uint64_t body)
{
	uint32_t at = o->r.k->profile.thread.process;
	uint64_t process;
	uint8_t type;

	return at != NT_ABSENT && nt_kread_link(&o->r, body + at, &process) &&
	       nt_kread(&o->r, process, &type, 1) &&
	       (type & OBJECT_MASK) == PROCESS_OBJECT;
}

/* A process has an id that is a multiple of 4, and page tables. */
static bool is_process(NtObjnames *o, uint64_t body)
{
	const struct nt_eprocess_layout *e = &o->r.k->profile.eprocess;
	uint64_t pid, dtb;

	return nt_kread_pointer(&o->r, body + e->pid, &pid) &&
	       nt_kread_pointer(&o->r, body + e->dtb, &dtb) && pid && dtb &&
	       pid % 4 == 0 && pid <= UINT32_MAX;
}

/* Where no table of types is known: what the contents leave no doubt of. Sizes
 * of a _FILE_OBJECT: 0x70 and 0x80 on 32-bit kernels, 0xb8 and 0xd8. */
static const char *by_contents(NtObjnames *o, uint64_t body)
{
	uint8_t raw[LOOK];
	uint16_t size;

	if (!nt_kread(&o->r, body, raw, sizeof raw))
		return NULL;
	size = load_le16(raw + 2);
	if (load_le32(raw) == KEY_BODY)
		return "Key";
	if (load_le16(raw) == FILE_TYPE && (size == 0x70 || size == 0x80 ||
					    size == 0xb8 || size == 0xd8))
		return "File";
	if ((raw[0] & OBJECT_MASK) == PROCESS_OBJECT && is_process(o, body))
		return "Process";
	if ((raw[0] & OBJECT_MASK) == THREAD_OBJECT && is_thread(o, body))
		return "Thread";
	return NULL;
}

const char *objtype_get(NtObjnames *o, uint64_t header, uint64_t body)
{
	const char *type;

	if (o->r.k->profile.object.type_index == NT_ABSENT)
		type = by_pointer(o, header);
	else
		type = by_index(o, header);
	return type ? type : by_contents(o, body);
}
