/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of many lines, made where they are read. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/rowline.h"
#include "tree/rows.h"
#include "tree/vads.h"

/* Where the next line starts. */
struct row_pos {
	size_t run;	/* index of a data run of the view */
	uint64_t done;	/* bytes of it that earlier lines have */
	size_t range;	/* none before that one of the source's ranges has
			 * what follows */
	uint64_t file;	/* of `dump.idx`: bytes that earlier lines have */
};

/* A line every so often whose place in the text is known: what a read in the
 * middle must go through for nothing is less than this. */
#define ROWS_PER_MARK 1024u

struct mark {
	uint64_t off; /* in the text */
	struct row_pos pos;
};

struct RowText {
	enum space_text kind;
	bool coalesce;
	uint64_t size;
	char *head, *tail;
	size_t head_len, tail_len;
	GArray *marks; /* struct mark, ascending */
};

/* The name of the range that va is in; how far that holds (UINT64_MAX: to the
 * end), in *end. */
static const char *name_at(const struct row_source *src, struct row_pos *pos,
			   uint64_t va, uint64_t *end)
{
	const struct space_range *r = NULL;

	*end = UINT64_MAX;
	for (; pos->range < src->ranges->len; pos->range++) {
		r = &g_array_index(src->ranges, struct space_range,
				   pos->range);
		if (r->last >= va)
			break;
	}
	if (pos->range >= src->ranges->len)
		return NULL;
	*end = r->start > va ? r->start : r->last + 1;
	return r->start > va ? NULL : r->name;
}

/* What is left of a run, as far as it has one name. */
static bool next_piece(const RowText *text, const struct row_source *src,
		       struct row_pos *pos, struct map_run *run,
		       const char **name)
{
	const AddrMap *map = src->view->map;
	uint64_t end = UINT64_MAX;

	if (pos->run >= addr_map_n_data(map))
		return false;
	*run = addr_map_data(map, pos->run);
	if (pos->done >= run->len) /* another view than that of the marks */
		return false;
	run->va += pos->done;
	run->len -= pos->done;
	if (page_state_has_place(run->state))
		run->pa += pos->done;
	/* Rekall's table knows no names. */
	*name = text->kind == SPACE_TEXT_MEMMAP ?
			NULL : name_at(src, pos, run->va, &end);
	if (run->len <= end - run->va) {
		*pos = (struct row_pos){ .run = pos->run + 1,
					 .range = pos->range };
	} else {
		run->len = end - run->va;
		pos->done += run->len;
	}
	return true;
}

/* One page of a run: of its own size, but for those at the borders of the
 * image, of which only a part is there. Its name is that of its first byte. */
static bool next_page(const RowText *text, const struct row_source *src,
		      struct row_pos *pos, struct row *row)
{
	struct row_pos start = *pos;
	struct map_run run, whole;
	uint64_t leaf_end;

	if (!next_piece(text, src, pos, &run, &row->name))
		return false;
	whole = addr_map_data(src->view->map, start.run);
	row->va = run.va;
	row->pa = run.pa;
	row->rights = run.rights;
	row->state = run.state;
	leaf_end = (row->va & ~(run.leaf_len - 1)) + run.leaf_len;
	row->len = MIN(leaf_end, whole.va + whole.len) - row->va;
	pos->run = start.run;
	pos->done = start.done + row->len;
	if (pos->done == whole.len) {
		pos->run++;
		pos->done = 0;
	}
	return true;
}

/* What Rekall's memdump writes at once, and has a line of its own. */
#define CHUNK_BYTES MIB

/* Pages that follow each other, wherever they lie in memory and whatever
 * their rights. */
static bool next_chunk(const SpaceView *view, struct row_pos *pos,
		       struct row *row)
{
	size_t n = addr_map_n_data(view->map);

	*row = (struct row){ .pa = pos->file };
	while (pos->run < n && row->len < CHUNK_BYTES) {
		struct map_run run = addr_map_data(view->map, pos->run);
		uint64_t take;

		if (pos->done >= run.len) /* another view, as above */
			return false;
		if (!row->len)
			row->va = run.va + pos->done;
		else if (row->va + row->len != run.va + pos->done)
			break;
		take = MIN(run.len - pos->done, CHUNK_BYTES - row->len);
		row->len += take;
		pos->done += take;
		if (pos->done == run.len) {
			pos->run++;
			pos->done = 0;
		}
	}
	pos->file += row->len;
	return row->len;
}

/* Does the page lie where the previous one ends? `maps` shows no address of
 * pages in page files, of which one is as good as the other. */
static bool follows(const struct row *row, const struct map_run *run)
{
	if (row->va + row->len != run->va)
		return false;
	if (page_state_in_memory(row->state) !=
	    page_state_in_memory(run->state))
		return false;
	if (page_state_in_memory(row->state))
		return row->pa + row->len == run->pa;
	return row->state == run->state &&
	       (row->state != PAGE_PAGEFILE ||
		swap_place_number(row->pa) == swap_place_number(run->pa));
}

/* May a page that follows in both spaces go into the same line? In `memmap`
 * always (Rekall), in `maps` with the same rights. */
static bool alike(enum space_text kind, const struct row *row,
		  const struct map_run *run)
{
	char x[5], y[5];

	if (kind == SPACE_TEXT_MEMMAP)
		return true;
	if (kind == SPACE_TEXT_MAPS_JSON && row->state != run->state)
		return false;
	if (row->rights == run->rights)
		return true;
	space_perms(row->rights, x);
	space_perms(run->rights, y);
	return !strcmp(x, y);
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* As many pieces as go together. */
static bool next_range(const RowText *text, const struct row_source *src,
		       struct row_pos *pos, struct row *row)
{
	struct row_pos next;
	struct map_run run;
	const char *name;

	if (!next_piece(text, src, pos, &run, &name))
		return false;
	*row = (struct row){ run.va, run.pa, run.len, run.rights, run.state,
			     name };
	for (next = *pos; next_piece(text, src, &next, &run, &name);
	     *pos = next) {
		if (!follows(row, &run) || !alike(text->kind, row, &run) ||
		    !same_name(row->name, name))
			break;
		row->len += run.len;
	}
	return true;
}

static bool next_row(const RowText *text, const struct row_source *src,
		     struct row_pos *pos, struct row *row)
{
	if (text->kind == SPACE_TEXT_DUMP_IDX)
		return next_chunk(src->view, pos, row);
	do {
		if (!(text->coalesce ? next_range(text, src, pos, row) :
				       next_page(text, src, pos, row)))
			return false;
		/* Rekall's table is of physical addresses. */
	} while (text->kind == SPACE_TEXT_MEMMAP &&
		 !page_state_in_memory(row->state));
	return true;
}

static void put_line(const RowText *text, const struct row_source *src,
		     const struct row *row, bool first, struct sink *out)
{
	if (text->kind == SPACE_TEXT_MAPS)
		row_put_maps(out, src->space, row);
	else if (text->kind == SPACE_TEXT_MEMMAP)
		row_put_memmap(out, src->space, row);
	else if (text->kind == SPACE_TEXT_DUMP_IDX)
		row_put_dump_idx(out, src->space, row);
	else
		row_put_json(out, src->space, row, first);
}

static void memmap_head(struct sink *out, const Space *space)
{
	if (space->kind == SPACE_PROCESS) {
		g_autofree char *name = text_escape_line(space->proc->p.name);

		for (unsigned i = 0; i < 50; i++)
			sink_bytes(out, "*", 1);
		sink_printf(out, "\nProcess: '%s' pid: %-6u\n\n", name,
			    space->proc->p.pid);
	}
	/* Of a list nothing has a physical address. */
	if (space->empty || space->as.direct) {
		sink_str(out, "Unable to read pages for task.\n");
		return;
	}
	sink_printf(out, "Dumping address space at DTB 0x%" PRIx64 "\n\n",
		    space->dtb_raw);
	if (row_address_digits(space) == 12)
		sink_str(out,
			 "   Virtual        Physical         Size     \n"
			 "-------------- -------------- --------------\n");
	else
		sink_str(out, " Virtual    Physical     Size   \n"
			      "---------- ---------- ----------\n");
}

static void dump_idx_head(struct sink *out, const Space *space)
{
	if (row_address_digits(space) == 12)
		sink_str(out,
			 " File Address      Length      Virtual Addr \n"
			 "-------------- -------------- --------------\n");
	else
		sink_str(out, "File Address   Length   Virtual Addr\n"
			      "------------ ---------- ------------\n");
}

#define CUT "cut: more tables or pages than an image of this size can have"

/* What was not walked, as a line of its own: in `maps` one that every reader
 * of /proc/PID/maps takes for a mapping without any rights. any: there are
 * lines before it. */
static void put_cut(struct sink *tail, const RowText *text, const Space *space,
		    uint64_t from, bool any)
{
	uint64_t va = space_address(space, from);
	uint64_t len = space_address(space, space->last) - va + 1;
	char range[40], *p = range;

	if (text->kind == SPACE_TEXT_MAPS) {
		p = put_hex(p, va, 8);
		*p++ = '-';
		p = row_put_end(p, va, len);
		*p = '\0';
		sink_printf(tail, "%s ---p 00000000 00:00 0 [" CUT "]\n",
			    range);
	} else if (text->kind != SPACE_TEXT_MAPS_JSON) {
		sink_printf(tail, "From 0x%" PRIx64 " on " CUT "\n", va);
	} else {
		row_put_json_cut(tail, va, len, !any);
	}
}

static void put_tail(RowText *text, const struct row_source *src, bool any)
{
	const struct vtop_stats *walk =
		&addr_map_counts(src->view->map)->walk;
	struct sink tail;

	sink_init(&tail, false);
	if (walk->exhausted)
		put_cut(&tail, text, src->space, walk->stopped_at, any);
	if (text->kind == SPACE_TEXT_MAPS_JSON)
		sink_str(&tail, "\n]\n");
	text->tail = tail.buf;
	text->tail_len = (size_t)tail.len;
}

static void put_head(RowText *text, const Space *space)
{
	struct sink head;

	sink_init(&head, false);
	if (text->kind == SPACE_TEXT_MEMMAP)
		memmap_head(&head, space);
	else if (text->kind == SPACE_TEXT_DUMP_IDX)
		dump_idx_head(&head, space);
	else if (text->kind == SPACE_TEXT_MAPS_JSON)
		sink_str(&head, "[");
	text->head = head.buf;
	text->head_len = (size_t)head.len;
}

RowText *row_text_new(const struct row_source *src, enum space_text kind,
		      bool coalesce)
{
	RowText *text = g_new0(RowText, 1);
	struct mark mark = { 0 };
	struct sink count;
	struct row row;

	text->kind = kind;
	text->coalesce = coalesce || kind == SPACE_TEXT_MAPS_JSON;
	text->marks = g_array_new(FALSE, FALSE, sizeof(struct mark));
	put_head(text, src->space);
	sink_init(&count, true);
	for (uint64_t n = 0;; n++) {
		mark.off = text->head_len + count.len;
		if (n % ROWS_PER_MARK == 0)
			g_array_append_val(text->marks, mark);
		if (!next_row(text, src, &mark.pos, &row))
			break;
		put_line(text, src, &row, n == 0, &count);
	}
	put_tail(text, src, count.len > 0);
	text->size = mark.off + text->tail_len;
	return text;
}

void row_text_free(RowText *text)
{
	if (!text)
		return;
	g_array_unref(text->marks);
	g_free(text->head);
	g_free(text->tail);
	g_free(text);
}

uint64_t row_text_size(const RowText *text)
{
	return text->size;
}

/* The last mark at or before off. */
static struct mark find_mark(const RowText *text, uint64_t off)
{
	size_t low = 0, high = text->marks->len - 1;

	while (low < high) {
		size_t mid = high - (high - low) / 2;

		if (g_array_index(text->marks, struct mark, mid).off <= off)
			low = mid;
		else
			high = mid - 1;
	}
	return g_array_index(text->marks, struct mark, low);
}

/* A piece of the text at piece_off: the part of it that was asked for. */
static void copy_piece(const char *piece, size_t piece_len, uint64_t piece_off,
		       uint64_t off, size_t len, char *buf)
{
	uint64_t start = MAX(piece_off, off);
	uint64_t end = MIN(piece_off + piece_len, off + len);

	if (start < end)
		memcpy(buf + (start - off), piece + (start - piece_off),
		       (size_t)(end - start));
}

void row_text_read(const RowText *text, const struct row_source *src,
		   uint64_t off, size_t len, char *buf)
{
	struct mark at = find_mark(text, off);
	struct sink line;
	struct row row;

	copy_piece(text->head, text->head_len, 0, off, len, buf);
	copy_piece(text->tail, text->tail_len, text->size - text->tail_len,
		   off, len, buf);
	sink_init(&line, false);
	while (at.off < off + len && next_row(text, src, &at.pos, &row)) {
		line.len = 0;
		put_line(text, src, &row, at.off == text->head_len, &line);
		copy_piece(line.buf, (size_t)line.len, at.off, off, len, buf);
		at.off += line.len;
	}
	sink_clear(&line);
}
