/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Maps: pieces of other streams, or of none (zeros and such), at addresses.
 * Where several streams are mapped, their bytes stand one behind the other in
 * an ImageIo of its own.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "image/aff4.h"

#define ENTRY 28u
#define TARGETS_MAX 1024u
#define IDX_MAX (UINT32_C(1) << 20)

/* What a map's entry leads to. */
struct part {
	uint64_t base;		/* in the joined bytes */
	uint64_t size;		/* 0: cannot be read */
	const ImageIo *io;	/* NULL: all bytes are `fill` */
	uint8_t fill;
	bool absent;		/* was not read by who made the image */
};

struct joined {
	GArray *parts; /* struct part, by base */
};

static int64_t joined_read(void *ctx, uint64_t off, void *buf,
			   size_t len_bytes)
{
	const struct joined *j = ctx;
	size_t from = 0, to = j->parts->len;
	const struct part *p;

	while (to - from > 1) {
		size_t mid = from + (to - from) / 2;

		if (off < g_array_index(j->parts, struct part, mid).base)
			to = mid;
		else
			from = mid;
	}
	p = &g_array_index(j->parts, struct part, from);
	if (off - p->base >= p->size)
		return -1;
	len_bytes = (size_t)MIN(len_bytes, p->size - (off - p->base));
	if (!p->io)
		memset(buf, p->fill, len_bytes);
	else if (!image_io_read(p->io, off - p->base, buf, len_bytes))
		return -1;
	return (int64_t)len_bytes;
}

static void joined_free(void *ctx)
{
	struct joined *j = ctx;

	g_array_unref(j->parts);
	g_free(j);
}

static const struct image_io_ops joined_ops = {
	.read = joined_read,
	.free = joined_free,
};

/* Streams that have no bytes of their own: standard, 4.4. */
static bool is_symbolic(const char *urn, struct part *part)
{
	const char *name = aff_local_name(urn);
	int high, low;

	*part = (struct part){ .size = AFF4_SIZE_MAX };
	if (!strcmp(name, "UnknownData") || !strcmp(name, "UnreadableData")) {
		part->absent = true;
		part->size = 0;
		return true;
	}
	if (!strcmp(name, "Zero"))
		return true;
	part->fill = 0xff;
	if (!strcmp(name, "FFDevice") || !strcmp(name, "FF"))
		return true;
	if (!g_str_has_prefix(name, "SymbolicStream"))
		return false;
	name += strlen("SymbolicStream");
	if (!g_ascii_isxdigit(name[0]) || !g_ascii_isxdigit(name[1]) || name[2])
		return false;
	high = g_ascii_xdigit_value(name[0]);
	low = g_ascii_xdigit_value(name[1]);
	part->fill = (uint8_t)(high << 4 | low);
	return true;
}

static void open_part(struct aff4 *a, const char *urn, struct part *part)
{
	g_autofree char *shown = NULL;

	if (is_symbolic(urn, part))
		return;
	*part = (struct part){ .io = aff4_open_stream(a, urn) };
	if (part->io) {
		part->size = image_io_size(part->io);
		return;
	}
	shown = text_escape_line(urn);
	log_add(a->log, LOG_WARN, "image",
		"aff4: %.200s, which a map leads to, cannot be read", shown);
}

static bool read_member(struct aff4 *a, const char *map, const char *name,
			struct aff_member *member)
{
	g_autofree char *urn = g_strconcat(map, "/", name, NULL);

	return aff_zip_find(a->zip, urn, member);
}

/* idx: a URN in each line. NULL: there is none, or it has no line. */
static GArray *open_targets(struct aff4 *a, const char *map)
{
	struct aff_member member;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	GArray *parts;
	uint64_t base = 0;
	size_t len;

	if (read_member(a, map, "idx", &member))
		text = aff_zip_read(a->zip, &member, IDX_MAX, &len);
	if (!text || !*text)
		return NULL;
	lines = g_strsplit(text, "\n", TARGETS_MAX + 1);
	parts = g_array_new(FALSE, TRUE, sizeof(struct part));
	for (size_t i = 0; i < TARGETS_MAX && lines[i]; i++) {
		struct part part = { 0 };

		g_strstrip(lines[i]);
		if (*lines[i])
			open_part(a, lines[i], &part);
		/* At most 2^10 of 2^52. */
		part.base = base;
		base += page_ceil(part.size);
		g_array_append_val(parts, part);
	}
	return parts;
}

/* What of a map was left out. */
struct left_out {
	uint64_t absent, lost, n_bad;
};

static void add_entry(const uint8_t *d, const GArray *parts, ImageRuns *runs,
		      struct left_out *out)
{
	uint64_t at = load_le64(d), len = load_le64(d + 8);
	uint64_t off = load_le64(d + 16);
	uint32_t id = load_le32(d + 24);
	const struct part *p;

	if (id >= parts->len || len > AFF4_SIZE_MAX) {
		out->n_bad++;
		return;
	}
	p = &g_array_index(parts, struct part, id);
	if (p->absent)
		out->absent += len;
	else if (!p->size)
		out->lost += len;
	else if (p->io)
		image_runs_add(runs, at, len, p->base + MIN(off, p->size),
			       p->base + p->size);
	else /* any byte of it is as good as any other */
		image_runs_add(runs, at, len, p->base, p->base + p->size);
}

/* Entries in pieces, out of a member of any length. */
static void read_entries(struct aff4 *a, const struct aff_member *member,
			 const GArray *parts, ImageRuns *runs,
			 struct left_out *out)
{
	g_autoptr(ImageIo) io = aff_zip_member_io(a->zip, member);
	uint64_t n_all = member->size / ENTRY;
	uint64_t n = io ? MIN(n_all, a->entries_left) : 0;
	uint8_t d[ENTRY * 128];

	out->n_bad += n_all - n;
	a->entries_left -= (uint32_t)n;
	for (uint64_t i = 0; i < n; i += 128) {
		size_t some = (size_t)MIN(128, n - i);

		if (!image_io_read(io, i * ENTRY, d, some * ENTRY)) {
			out->n_bad += n - i;
			return;
		}
		for (size_t k = 0; k < some; k++)
			add_entry(d + k * ENTRY, parts, runs, out);
	}
}

static void log_left_out(const struct aff4 *a, const struct left_out *out)
{
	if (out->absent)
		log_add(a->log, LOG_INFO, "image",
			"aff4: %" PRIu64 " bytes were not read by who made"
			" the image",
			out->absent);
	if (out->lost)
		log_add(a->log, LOG_WARN, "image",
			"aff4: %" PRIu64 " bytes are in streams that cannot"
			" be read",
			out->lost);
	if (out->n_bad)
		log_add(a->log, LOG_WARN, "image",
			"aff4: %" PRIu64 " entries of a map make no sense, or"
			" cannot be read",
			out->n_bad);
}

ImageIo *aff4_map_load(struct aff4 *a, const char *urn, ImageRuns *runs)
{
	struct aff_member member;
	struct left_out out = { 0 };
	struct joined *j;
	const struct part *last;
	GArray *parts;

	if (!read_member(a, urn, "map", &member))
		return NULL;
	parts = open_targets(a, urn);
	if (!parts)
		return NULL;
	read_entries(a, &member, parts, runs, &out);
	log_left_out(a, &out);
	j = g_new0(struct joined, 1);
	j->parts = parts;
	last = &g_array_index(parts, struct part, parts->len - 1);
	return image_io_custom(&joined_ops, j, last->base + last->size,
			       image_io_mtime(a->image->io));
}

/* A map as bytes. */
struct map {
	ImageRuns *runs;
	ImageIo *data;
	bool zeros; /* what is not mapped reads as zeros */
};

static int64_t map_read(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	const struct map *m = ctx;
	struct image_run run;
	bool found = image_runs_find(m->runs, off, &run);

	if (!found || run.pa > off) {
		if (!m->zeros)
			return -1;
		if (found)
			len_bytes = (size_t)MIN(len_bytes, run.pa - off);
		memset(buf, 0, len_bytes);
		return (int64_t)len_bytes;
	}
	len_bytes = (size_t)MIN(len_bytes, run.len - (off - run.pa));
	if (!image_io_read(m->data, run.off + (off - run.pa), buf, len_bytes))
		return -1;
	return (int64_t)len_bytes;
}

static void map_free(void *ctx)
{
	struct map *m = ctx;

	image_runs_free(m->runs);
	image_io_free(m->data);
	g_free(m);
}

static const struct image_io_ops map_ops = {
	.read = map_read,
	.free = map_free,
};

ImageIo *aff4_map_new(struct aff4 *a, const char *urn)
{
	struct map *m = g_new0(struct map, 1);
	const char *gap = aff_turtle_value(a->turtle, urn,
					   "mapGapDefaultStream");
	uint64_t size;

	m->runs = image_runs_new();
	m->zeros = !gap || !strcmp(aff_local_name(gap), "Zero");
	m->data = aff4_map_load(a, urn, m->runs);
	if (!m->data) {
		map_free(m);
		return NULL;
	}
	image_runs_finish(m->runs);
	if (!aff_turtle_number(a->turtle, urn, "size", &size) || !size)
		size = image_runs_end(m->runs);
	return image_io_custom(&map_ops, m, MIN(size, AFF4_SIZE_MAX),
			       image_io_mtime(a->image->io));
}
