/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VADs with names, and the ranges that they and the rest make. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/fileobj.h"
#include "tree/vadnames.h"
#include "tree/vads.h"

/* Files of one process whose names are read, and bytes of all of them. */
#define FILES_MAX 65536u
#define NAME_BYTES_MAX (16u << 20)

struct vads {
	GArray *vads;	/* struct space_vad */
	GArray *ranges;	/* struct space_range */
	GHashTable *files; /* file object -> its name, owned; or NULL */
	size_t name_bytes;
	GPtrArray *texts;  /* other names, owned */
};

struct loader {
	const struct render_facts *facts;
	struct vads *v;
};

/* The name of a file, asked for once: many VADs map the same. */
static const char *file_name(struct loader *l, uint64_t file)
{
	g_autofree char *path = NULL;
	gpointer known = NULL;
	char *text;

	if (g_hash_table_lookup_extended(l->v->files, &file, NULL, &known))
		return known;
	if (g_hash_table_size(l->v->files) >= FILES_MAX ||
	    l->v->name_bytes >= NAME_BYTES_MAX)
		return VADS_NAMELESS;
	path = nt_file_object_path(l->facts->kernel, VIRT(file));
	text = path ? text_escape_path(path) : g_strdup(VADS_NAMELESS);
	l->v->name_bytes += strlen(text);
	g_hash_table_insert(l->v->files, g_memdup2(&file, sizeof file), text);
	return text;
}

static void add_vads(struct loader *l, const Space *space)
{
	g_autoptr(GArray) list = nt_vad_list(&space->proc->as, space->profile,
					     &space->proc->p);

	for (guint i = 0; i < list->len; i++) {
		struct space_vad v = {
			.vad = g_array_index(list, struct nt_vad, i),
		};

		nt_vad_read_section(&space->proc->as, space->profile, &v.vad);
		if (v.vad.file_object)
			v.path = file_name(l, v.vad.file_object);
		g_array_append_val(l->v->vads, v);
	}
}

/* --- ranges --- */

static void emit(GArray *ranges, uint64_t start, uint64_t last,
		 const char *name, uint32_t vad)
{
	struct space_range r = { start, last, name, vad };

	if (start <= last)
		g_array_append_val(ranges, r);
}

/* The part of a VAD without a file that is not marked, and those that are. */
static guint emit_marked(struct vads *v, uint32_t index, const GArray *marks,
			 guint m, const char *name)
{
	const struct nt_vad *vad =
		&g_array_index(v->vads, struct space_vad, index).vad;
	uint64_t at = vad->start;

	for (; m < marks->len; m++) {
		const struct vad_mark *mark =
			&g_array_index(marks, struct vad_mark, m);
		uint64_t last = MIN(mark->last, vad->last);

		if (mark->start > vad->last)
			break;
		if (mark->start > at)
			emit(v->ranges, at, mark->start - 1, name, index);
		emit(v->ranges, MAX(mark->start, at), last, mark->name, index);
		at = MAX(at, last + 1);
		if (mark->last > vad->last) /* the rest is for the next */
			break;
	}
	emit(v->ranges, at, vad->last, name, index);
	return m;
}

/* What a VAD is called: by its file, else by what points into it. */
static const char *vad_name(const struct space_vad *vad, const GArray *uses,
			    guint *u)
{
	const char *name = vad->path;

	for (; *u < uses->len; ++*u) {
		const struct vad_mark *use =
			&g_array_index(uses, struct vad_mark, *u);

		if (use->start > vad->vad.last)
			break;
		if (!name && use->start >= vad->vad.start)
			name = use->name;
	}
	return name;
}

/* Marks that lie before a VAD, in none. */
static guint emit_before(struct vads *v, const GArray *marks, guint m,
			 uint64_t done, uint64_t start)
{
	for (; m < marks->len; m++) {
		const struct vad_mark *mark =
			&g_array_index(marks, struct vad_mark, m);
		uint64_t from = MAX(mark->start, done);

		if (mark->start >= start)
			break;
		if (from <= mark->last && from < start)
			emit(v->ranges, from, MIN(mark->last, start - 1),
			     mark->name, NO_VAD);
		if (mark->last >= start)
			break;
	}
	return m;
}

/* VADs, marks and uses are ascending: one pass. */
static void make_ranges(struct vads *v, const struct vad_marks *all)
{
	const GArray *marks = all->pages;
	uint64_t done = 0;
	guint m = 0, u = 0;

	for (guint i = 0; i < v->vads->len; i++) {
		const struct space_vad *vad =
			&g_array_index(v->vads, struct space_vad, i);
		const char *name = vad_name(vad, all->uses, &u);

		m = emit_before(v, marks, m, done, vad->vad.start);
		if (vad->path)
			emit(v->ranges, vad->vad.start, vad->vad.last, name, i);
		else
			m = emit_marked(v, i, marks, m, name);
		done = vad->vad.last + 1;
	}
	emit_before(v, marks, m, done, UINT64_MAX);
}

/* --- the detail --- */

static void vads_free(gpointer data)
{
	struct vads *v = data;

	g_array_unref(v->vads);
	g_array_unref(v->ranges);
	g_hash_table_unref(v->files);
	g_ptr_array_unref(v->texts);
	g_free(v);
}

static struct vads *vads_new(void)
{
	struct vads *v = g_new0(struct vads, 1);

	v->vads = g_array_new(FALSE, FALSE, sizeof(struct space_vad));
	v->ranges = g_array_new(FALSE, FALSE, sizeof(struct space_range));
	v->files = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					 g_free);
	v->texts = g_ptr_array_new_with_free_func(g_free);
	return v;
}

static gpointer vads_load(const struct render_facts *facts, const Space *space,
			  unsigned kind, uint64_t arg)
{
	struct vads *v = vads_new();
	struct loader l = { facts, v };
	struct vad_marks marks = { NULL, NULL };

	(void)kind;
	(void)arg;
	if (!facts->kernel || space->empty || space->as.direct)
		return v;
	if (space->proc && space->profile)
		add_vads(&l, space);
	vad_marks_read(&marks, facts, space, v->texts);
	make_ranges(v, &marks);
	vad_marks_clear(&marks);
	return v;
}

static size_t vads_footprint(gconstpointer data)
{
	const struct vads *v = data;
	size_t n = sizeof *v + v->name_bytes;

	n += v->vads->len * sizeof(struct space_vad);
	n += v->ranges->len * sizeof(struct space_range);
	for (guint i = 0; i < v->texts->len; i++)
		n += strlen(v->texts->pdata[i]) + 32;
	return n + g_hash_table_size(v->files) * 96;
}

const struct detail_class vads_detail = { vads_load, vads_free,
					  vads_footprint };

Detail *space_vads_get(const struct render_facts *facts, const Space *space)
{
	return detail_get(facts, space, DETAIL_VADS);
}

const GArray *space_vads(const Detail *vads)
{
	const struct vads *v = detail_data(vads);

	return v->vads;
}

const GArray *space_ranges(const Detail *vads)
{
	const struct vads *v = detail_data(vads);

	return v->ranges;
}

size_t space_ranges_find(const GArray *ranges, uint64_t va)
{
	size_t low = 0, high = ranges->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (g_array_index(ranges, struct space_range, mid).last < va)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const char *space_vads_name(const Detail *vads, uint64_t va)
{
	const GArray *ranges = space_ranges(vads);
	size_t i = space_ranges_find(ranges, va);
	const struct space_range *r;

	if (i == ranges->len)
		return NULL;
	r = &g_array_index(ranges, struct space_range, i);
	return r->start <= va ? r->name : NULL;
}
