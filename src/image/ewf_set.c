/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of an EWF set, and where in the media their chunks belong. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "image/ewf.h"

/* Files of one set: as many as a process may usually have open. 1.4 GiB each,
 * as the tools write by default, are more than a terabyte. */
#define SEGMENTS_MAX 800u
/* How many may be missing in a row before the search for more ends. */
#define SEGMENTS_MISSING 64u

/* "01" to "99" after the letter, then "AA" to "ZZ", then the next letter. */
static bool make_suffix(char suffix[3], uint32_t number)
{
	bool lower = g_ascii_islower(suffix[0]);
	char first = lower ? 'a' : 'A', last = lower ? 'z' : 'Z';
	uint32_t n = number - 100;

	if (number < 100) {
		suffix[1] = (char)('0' + number / 10);
		suffix[2] = (char)('0' + number % 10);
		return number;
	}
	if (n / 676 > (uint32_t)(last - suffix[0]))
		return false;
	suffix[0] = (char)(suffix[0] + n / 676);
	suffix[1] = (char)(first + n / 26 % 26);
	suffix[2] = (char)(first + n % 26);
	return true;
}

char *ewf_segment_path(const char *path, uint32_t number)
{
	size_t len = strlen(path);
	g_autofree char *other = g_strdup(path);

	if (len < 4 || path[len - 4] != '.' ||
	    !g_ascii_isalpha(path[len - 3]) ||
	    strcmp(path + len - 2, "01") != 0 ||
	    !make_suffix(other + len - 3, number))
		return NULL;
	return g_steal_pointer(&other);
}

const ImageIo *ewf_set_segment(const EwfSet *set, uint32_t segment)
{
	if (!segment)
		return set->first;
	return segment <= set->segments->len ?
		       set->segments->pdata[segment - 1] :
		       NULL;
}

uint32_t ewf_segment_number(const ImageIo *io)
{
	static const uint8_t magic[] = { 'E', 'V', 'F', 9, 13, 10, 255, 0 };
	uint8_t d[13];

	if (!image_io_read(io, 0, d, sizeof d) ||
	    memcmp(d, magic, sizeof magic) != 0)
		return 0;
	return load_le16(d + 9);
}

uint32_t ewf_assume_chunk(Log *log)
{
	log_add(log, LOG_WARN, "image",
		"ewf: nothing says how long chunks are; taken for 32768"
		" bytes");
	return 32768;
}

static void walk_segment(struct ewf_walk *w, const ImageIo *io,
			 uint32_t segment)
{
	w->io = io;
	w->segment = segment;
	w->end = w->foreign = false;
	w->n_doubts = 0;
	ewf_index_segment(w);
}

/* Opens segment `number` and indexes it; false: it is not there. */
static bool add_segment(struct ewf_walk *w, const char *path, uint32_t number)
{
	EwfSet *set = w->set;
	g_autofree char *name = ewf_segment_path(path, number);
	g_autoptr(ImageIo) io = name ? image_io_open(name, NULL) : NULL;
	const struct {
		guint n_tables;
		uint64_t next_chunk;
	} before = { set->tables->len, w->next_chunk };

	if (!io)
		return false;
	if (ewf_segment_number(io) == number) {
		walk_segment(w, io, number - 1);
		if (!w->foreign) {
			g_ptr_array_add(set->segments, g_steal_pointer(&io));
			g_ptr_array_add(set->paths, g_steal_pointer(&name));
			return true;
		}
		g_array_set_size(set->tables, before.n_tables);
		w->next_chunk = before.next_chunk;
		set->ended = false;
	}
	log_add(w->log, LOG_WARN, "image",
		"ewf: %s is of another set; not used", name);
	return false;
}

static void note_missing(struct ewf_walk *w, const char *path,
			 uint32_t number, uint32_t n)
{
	g_autofree char *name = ewf_segment_path(path, number);

	for (uint32_t i = 0; i < n; i++)
		g_ptr_array_add(w->set->segments, NULL);
	w->gap = true;
	w->set->whole = false;
	log_add(w->log, LOG_WARN, "image",
		"ewf: %s %s not there: the memory in %s cannot be read",
		name ? name : "the next segment",
		n > 1 ? "and those after it are" : "is",
		n > 1 ? "them" : "it");
}

static void add_segments(struct ewf_walk *w, const char *path)
{
	uint32_t n_missing = 0, number = 2;

	for (; number <= SEGMENTS_MAX && !w->set->ended; number++) {
		g_autofree char *name = ewf_segment_path(path, number);

		if (!name || n_missing == SEGMENTS_MISSING)
			break;
		if (!g_file_test(name, G_FILE_TEST_EXISTS)) {
			n_missing++;
			continue;
		}
		if (n_missing)
			note_missing(w, path, number - n_missing, n_missing);
		n_missing = 0;
		if (!add_segment(w, path, number))
			note_missing(w, path, number, 1);
	}
	if (!w->set->ended)
		note_missing(w, path, number - n_missing, 1);
}

/* Tables behind a gap, placed from the end of the media: only where the end
 * is there and the volume says how many chunks there are. */
static size_t place_from_end(EwfSet *set)
{
	uint64_t at = set->n_chunks;
	size_t i = set->tables->len;

	while (i > 0) {
		struct ewf_table *t =
			&g_array_index(set->tables, struct ewf_table, i - 1);

		if (t->n > at)
			return i;
		at -= t->n;
		t->first = at;
		i--;
		if (t->gap_before)
			return i;
	}
	return i;
}

/* How many tables stand where they are counted to be from the start. */
static size_t count_before_gap(const EwfSet *set)
{
	size_t i = 0;

	while (i < set->tables->len &&
	       !g_array_index(set->tables, struct ewf_table, i).gap_before)
		i++;
	return i;
}

static void clear_table(void *p)
{
	g_free(((struct ewf_table *)p)->found);
}

static void place_tables(EwfSet *set, bool gap_at_end, Log *log)
{
	size_t good = count_before_gap(set);
	size_t later = set->tables->len;
	const struct ewf_table *t;

	if (good == set->tables->len)
		return;
	if (set->ended && set->n_chunks && !gap_at_end)
		later = place_from_end(set);
	/* What the two ends claim both cannot be told. */
	t = good ? &g_array_index(set->tables, struct ewf_table, good - 1) :
		   NULL;
	while (t && later < set->tables->len &&
	       g_array_index(set->tables, struct ewf_table, later).first <
		       t->first + t->n)
		later++;
	if (later > good) {
		log_add(log, LOG_WARN, "image",
			"ewf: %zu table(s) of chunks cannot be placed:"
			" nothing says how much is missing before them",
			later - good);
		g_array_remove_range(set->tables, (guint)good,
				     (guint)(later - good));
	}
}

/* What can be shown: up to the last chunk that has a place. */
static void find_size(EwfSet *set, Log *log)
{
	const struct ewf_table *last =
		&g_array_index(set->tables, struct ewf_table,
			       set->tables->len - 1);
	uint64_t there = (last->first + last->n) * set->chunk_bytes;

	set->size = there;
	if (set->media_bytes)
		set->size = MIN(there, set->media_bytes);
	if (set->n_chunks != last->first + last->n || !set->media_bytes ||
	    set->media_bytes > there ||
	    there - set->media_bytes >= set->chunk_bytes)
		set->whole = false;
	if (set->media_bytes > there)
		log_add(log, LOG_WARN, "image",
			"ewf: the last %" PRIu64 " of %" PRIu64 " bytes are"
			" not in the files: the set was cut short; what is"
			" before them is there",
			set->media_bytes - there, set->media_bytes);
}

static bool fail(const EwfSet *set, GError **error)
{
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT, "%s",
		    set->logical ?
			    "is logical evidence (L01), which holds files, no"
			    " memory" :
			    "holds no chunk that can be found; expected the"
			    " first file of the set, with its volume and table"
			    " sections (ewfrecover may help)");
	return false;
}

bool ewf_set_open(EwfSet *set, const ImageIo *io, const char *path, Log *log,
		  GError **error)
{
	struct ewf_walk w = { .set = set, .log = log };

	*set = (EwfSet){ .first = io, .whole = true };
	set->find_budget = EWF_FIND_BYTES;
	set->segments = g_ptr_array_new_with_free_func(
		(GDestroyNotify)image_io_free);
	set->paths = g_ptr_array_new_with_free_func(g_free);
	set->tables = g_array_new(FALSE, TRUE, sizeof(struct ewf_table));
	g_array_set_clear_func(set->tables, clear_table);
	g_ptr_array_add(set->paths, g_strdup(path));
	walk_segment(&w, io, 0);
	if (!set->ended)
		add_segments(&w, path);
	place_tables(set, w.gap, log);
	if (!set->tables->len || set->logical)
		return fail(set, error);
	if (!set->chunk_bytes)
		set->chunk_bytes = ewf_assume_chunk(log);
	find_size(set, log);
	return true;
}

void ewf_set_clear(EwfSet *set)
{
	if (set->segments)
		g_ptr_array_unref(set->segments);
	if (set->paths)
		g_ptr_array_unref(set->paths);
	if (set->tables)
		g_array_unref(set->tables);
}
