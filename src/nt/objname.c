/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types and names of objects by their headers. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/fileobj.h"
#include "nt/objname-priv.h"

enum {
	FAST_REF_64 = 15,	/* bits of an _EX_FAST_REF, no address */
	FAST_REF_32 = 7,
	REMOTE_FILE = 3,	/* bits of _SECTION.u1: it is a file object */
	NAME_15 = 15,		/* bytes of _EPROCESS.ImageFileName */
};

char *objname_wide(uint8_t *text, size_t len_bytes)
{
	for (size_t i = 0; i + 1 < len_bytes; i += 2) {
		if (text[i] || text[i + 1])
			continue;
		/* U+2400: what hides the rest of a name from others. */
		text[i + 1] = 0x24;
	}
	return text_from_utf16(text, len_bytes);
}

char *objname_utf16(NtObjnames *o, uint64_t va, size_t len_bytes)
{
	uint8_t text[OBJ_PART_MAX];

	if (len_bytes > sizeof text || !nt_kread(&o->r, va, text, len_bytes))
		return NULL;
	return objname_wide(text, len_bytes);
}

/* At a character's border. */
static void cut(char *name)
{
	size_t len = NT_OBJNAME_MAX - 3;

	if (strlen(name) <= NT_OBJNAME_MAX)
		return;
	while (len && ((uint8_t)name[len] & 0xc0) == 0x80)
		len--;
	memcpy(name + len, "...", 4);
}

char *objname_join(const char *top, const GPtrArray *parts)
{
	GString *path = g_string_new(top);

	for (guint i = parts->len; i-- && path->len <= NT_OBJNAME_MAX;) {
		g_string_append(path, g_ptr_array_index(parts, i));
		if (i)
			g_string_append_c(path, '\\');
	}
	cut(path->str);
	return g_string_free(path, FALSE);
}

static char *process_text(NtObjnames *o, uint64_t body)
{
	const struct nt_eprocess_layout *e = &o->r.k->profile.eprocess;
	g_autofree char *name = NULL;
	uint8_t raw[NAME_15];
	uint64_t pid;

	if (!nt_kread_pointer(&o->r, body + e->pid, &pid) ||
	    !nt_kread(&o->r, body + e->name, raw, sizeof raw))
		return NULL;
	name = text_from_ansi(raw, sizeof raw);
	return g_strdup_printf("%s(%" PRIu32 ")", name, (uint32_t)pid);
}

static char *thread_text(NtObjnames *o, uint64_t body)
{
	const struct nt_profile *p = &o->r.k->profile;
	g_autofree char *owner = NULL;
	uint64_t tid, process;

	if (p->objname.thread_id == NT_ABSENT ||
	    !nt_kread_pointer(&o->r, body + p->objname.thread_id, &tid))
		return NULL;
	if (p->thread.process != NT_ABSENT &&
	    nt_kread_link(&o->r, body + p->thread.process, &process))
		owner = process_text(o, process);
	return owner ? g_strdup_printf("%" PRIu32 " of %s", (uint32_t)tid,
				       owner) :
		       g_strdup_printf("%" PRIu32, (uint32_t)tid);
}

/* The control area that a section object leads to, or the file itself. */
static bool section_area(NtObjnames *o, uint64_t body, uint64_t *area,
			 uint64_t *file)
{
	const struct nt_objname_layout *l = &o->r.k->profile.objname;
	uint64_t segment;

	*file = 0;
	/* The types of 10240 have both: the old one is a leftover. */
	if (l->section_area == NT_ABSENT)
		return l->section_segment != NT_ABSENT &&
		       nt_kread_link(&o->r, body + l->section_segment,
				     &segment) &&
		       nt_kread_link(&o->r, segment + l->segment_area, area);
	if (!nt_kread_link(&o->r, body + l->section_area, area))
		return false;
	if (*area & REMOTE_FILE)
		*file = *area & ~(uint64_t)REMOTE_FILE;
	return true;
}

static char *section_file(NtObjnames *o, uint64_t body)
{
	const struct nt_profile *p = &o->r.k->profile;
	uint64_t area, file;

	if (!section_area(o, body, &area, &file))
		return NULL;
	if (!file && (p->objname.area_file == NT_ABSENT ||
		      !nt_kread_link(&o->r, area + p->objname.area_file,
				     &file)))
		return NULL;
	file &= ~(uint64_t)(p->pointer_bytes == 8 ? FAST_REF_64 : FAST_REF_32);
	return nt_file_object_path_by(&o->r, VIRT(file));
}

static char *name_of(NtObjnames *o, const char *type, uint64_t body)
{
	char *name;

	if (!g_strcmp0(type, "File"))
		return nt_file_object_path_by(&o->r, VIRT(body));
	if (!g_strcmp0(type, "Key"))
		return objkey_path(o, body);
	if (!g_strcmp0(type, "Process"))
		return process_text(o, body);
	if (!g_strcmp0(type, "Thread"))
		return thread_text(o, body);
	name = nt_object_path_by(&o->r, VIRT(body));
	if (!name && !g_strcmp0(type, "Section"))
		return section_file(o, body);
	return name;
}

static uint32_t member(const struct nt_source *source, const char *path)
{
	struct nt_field field;

	return nt_source_field(source, path, &field, NULL) ? field.offset :
							     NT_ABSENT;
}

/*
 * A thread's id is the second pointer of its _CLIENT_ID. ControlArea is the
 * first member of a _SEGMENT, KeyControlBlock the second one of a
 * _CM_KEY_BODY, behind u32 Type at its alignment: in all type tables.
 */
void nt_objname_layout_fill(const struct nt_source *source,
			    unsigned pointer_bytes,
			    struct nt_objname_layout *ret)
{
	uint32_t cid = member(source, "_ETHREAD.Cid");

	*ret = (struct nt_objname_layout){
		.thread_id = cid == NT_ABSENT ? cid : cid + pointer_bytes,
		.section_area = member(source, "_SECTION.u1"),
		.section_segment = member(source, "_SECTION_OBJECT.Segment"),
		.segment_area = 0,
		.area_file = member(source, "_CONTROL_AREA.FilePointer"),
		.key_block = pointer_bytes,
		.token = member(source, "_EPROCESS.Token"),
	};
}

NtObjnames *nt_objnames_new(const NtKernel *kernel)
{
	NtObjnames *o = g_new0(NtObjnames, 1);

	o->r = (struct nt_reader){ kernel, nt_pages_new(&kernel->as) };
	o->pointed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					   g_free);
	o->kcb_parent = NT_ABSENT;
	objtypes_learn(o);
	return o;
}

void nt_objnames_free(NtObjnames *names)
{
	if (!names)
		return;
	for (unsigned i = 0; i < OBJ_TYPES; i++)
		g_free(names->type_names[i]);
	g_hash_table_unref(names->pointed);
	nt_pages_free(names->r.pages);
	g_free(names);
}

unsigned nt_objnames_types(const NtObjnames *names)
{
	return names->n_types;
}

bool nt_objname_read(NtObjnames *names, VirtAddr header,
		     struct nt_object_info *ret)
{
	uint32_t len = names->r.k->profile.object.body;
	uint64_t body;
	const char *type;
	uint8_t last;

	if (len == NT_ABSENT || !len || !add_u64(header.v, len, &body) ||
	    !nt_kread(&names->r, body - 1, &last, 1) ||
	    !nt_kread(&names->r, header.v, &last, 1))
		return false;
	type = objtype_get(names, header.v, body);
	*ret = (struct nt_object_info){ VIRT(body), g_strdup(type),
					name_of(names, type, body) };
	if (ret->name)
		cut(ret->name);
	return true;
}

void nt_object_info_clear(struct nt_object_info *info)
{
	g_free(info->type);
	g_free(info->name);
	*info = (struct nt_object_info){ 0 };
}
