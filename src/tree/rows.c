/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of `maps`, `memmap` and `dump.idx`, made where they are read. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/rows.h"

/* A line to be: a page, or with `coalesce` what has been merged. */
struct row {
	uint64_t va; /* offset */
	uint64_t pa; /* of `dump.idx`: offset in `dump` */
	uint64_t len;
	unsigned rights;
	enum page_state state;
};

/* Where the next line starts. */
struct row_pos {
	size_t run;	/* index of a data run of the view */
	uint64_t done;	/* bytes of it that earlier lines have */
	uint64_t file;	/* bytes that all earlier lines have */
};

/* A line every so often whose place in the text is known: what a read in the
 * middle must go through for nothing is less than this. */
#define ROWS_PER_MARK 1024u
#define LINE_MAX_BYTES 128u
/* Where Linux puts the path of a line (seq_pad() in show_map_vma). */
#define PATH_COLUMN 73

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

/* One page of a run: of its own size, but for those at the borders of the
 * image, of which only a part is there. */
static bool next_page(const SpaceView *view, struct row_pos *pos,
		      struct row *row)
{
	struct map_run run;
	uint64_t leaf_end;

	if (pos->run >= addr_map_n_data(view->map))
		return false;
	run = addr_map_data(view->map, pos->run);
	if (pos->done >= run.len) /* another view than that of the marks */
		return false;
	row->va = run.va + pos->done;
	row->pa = run.pa + pos->done;
	row->rights = run.rights;
	row->state = run.state;
	leaf_end = (row->va & ~(run.leaf_len - 1)) + run.leaf_len;
	row->len = MIN(leaf_end, run.va + run.len) - row->va;
	pos->done += row->len;
	if (pos->done == run.len)
		*pos = (struct row_pos){ .run = pos->run + 1 };
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
static bool alike(enum space_text kind, unsigned a, unsigned b)
{
	char x[5], y[5];

	if (kind == SPACE_TEXT_MEMMAP || a == b)
		return true;
	space_perms(a, x);
	space_perms(b, y);
	return !strcmp(x, y);
}

/* As many whole runs as go together. */
static bool next_range(const RowText *text, const SpaceView *view,
		       struct row_pos *pos, struct row *row)
{
	size_t n = addr_map_n_data(view->map);
	struct map_run run;

	if (pos->run >= n)
		return false;
	run = addr_map_data(view->map, pos->run++);
	*row = (struct row){ run.va, run.pa, run.len, run.rights, run.state };
	for (; pos->run < n; pos->run++) {
		run = addr_map_data(view->map, pos->run);
		if (!follows(row, &run) ||
		    !alike(text->kind, row->rights, run.rights))
			break;
		row->len += run.len;
	}
	return true;
}

static bool next_row(const RowText *text, const SpaceView *view,
		     struct row_pos *pos, struct row *row)
{
	if (text->kind == SPACE_TEXT_DUMP_IDX)
		return next_chunk(view, pos, row);
	do {
		if (!(text->coalesce ? next_range(text, view, pos, row) :
				       next_page(view, pos, row)))
			return false;
		/* Rekall's table is of physical addresses. */
	} while (text->kind == SPACE_TEXT_MEMMAP &&
		 !page_state_in_memory(row->state));
	return true;
}

/* One past the last address: 2^64 has 17 digits. */
static char *put_end(char *p, uint64_t start, uint64_t len)
{
	uint64_t end = start + len;

	if (end || !start)
		return put_hex(p, end, 8);
	memcpy(p, "10000000000000000", 17);
	return p + 17;
}

/* Where a page comes from that has no physical address. */
static char *put_origin(char *p, const struct row *row)
{
	if (row->state == PAGE_DIRECT)
		return (char *)memcpy(p, "[triage]", 8) + 8;
	if (row->state == PAGE_STORE)
		return (char *)memcpy(p, "[compressed]", 12) + 12;
	return p + sprintf(p, "[pagefile %u]", swap_place_number(row->pa));
}

/* As Linux writes it (fs/proc/task_mmu.c, show_vma_header_prefix), with the
 * physical address as offset, and the path from column 74 on. */
static size_t maps_line(char *line, const Space *space, const struct row *row)
{
	uint64_t va = space_address(space, row->va);
	char *p = line;

	p = put_hex(p, va, 8);
	*p++ = '-';
	p = put_end(p, va, row->len);
	*p++ = ' ';
	space_perms(row->rights, p);
	p += 4;
	*p++ = ' ';
	p = put_hex(p, page_state_in_memory(row->state) ? row->pa : 0, 8);
	memcpy(p, " 00:00 0 ", 9);
	p += 9;
	if (!page_state_in_memory(row->state)) {
		while (p < line + PATH_COLUMN)
			*p++ = ' ';
		p = put_origin(p, row);
	}
	*p++ = '\n';
	return (size_t)(p - line);
}

/* Rekall's columns: address width 14 on x64 (0x and 12 digits), 10 on 32-bit;
 * longer values widen the cell; the size is right-justified. */
static char *put_address(char *p, uint64_t v, unsigned digits)
{
	*p++ = '0';
	*p++ = 'x';
	return put_hex(p, v, digits);
}

static unsigned address_digits(const Space *space)
{
	return space->as.form->va_bits == 32 ? 8 : 12;
}

static size_t memmap_line(char *line, const Space *space, const struct row *row)
{
	unsigned digits = address_digits(space);
	char size[24], *p = line;
	size_t n;

	p = put_address(p, row->va, digits);
	*p++ = ' ';
	p = put_address(p, row->pa, digits);
	*p++ = ' ';
	n = (size_t)(put_address(size, row->len, 1) - size);
	for (size_t i = n; i < digits + 2; i++)
		*p++ = ' ';
	memcpy(p, size, n);
	p += n;
	*p++ = '\n';
	return (size_t)(p - line);
}

/* A cell of dump.idx: the address zero-padded, then up to the column's width,
 * which the header may have widened. */
static char *put_cell(char *p, uint64_t v, unsigned digits, unsigned width)
{
	char *end = p + width;

	p = put_address(p, v, digits);
	while (p < end)
		*p++ = ' ';
	return p;
}

/* Both longer headers have 12 characters: of a 32-bit system, wider than its
 * addresses. */
static size_t dump_idx_line(char *line, const Space *space,
			    const struct row *row)
{
	unsigned digits = address_digits(space);
	char *p = line;

	p = put_cell(p, row->pa, digits, 12);
	*p++ = ' ';
	p = put_cell(p, row->len, digits, 0);
	*p++ = ' ';
	p = put_cell(p, row->va, digits, 12);
	*p++ = '\n';
	return (size_t)(p - line);
}

static size_t put_line(const RowText *text, const Space *space,
		       const struct row *row, char *line)
{
	if (text->kind == SPACE_TEXT_MAPS)
		return maps_line(line, space, row);
	return text->kind == SPACE_TEXT_MEMMAP ?
		       memmap_line(line, space, row) :
		       dump_idx_line(line, space, row);
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
	if (address_digits(space) == 12)
		sink_str(out,
			 "   Virtual        Physical         Size     \n"
			 "-------------- -------------- --------------\n");
	else
		sink_str(out, " Virtual    Physical     Size   \n"
			      "---------- ---------- ----------\n");
}

static void dump_idx_head(struct sink *out, const Space *space)
{
	if (address_digits(space) == 12)
		sink_str(out,
			 " File Address      Length      Virtual Addr \n"
			 "-------------- -------------- --------------\n");
	else
		sink_str(out, "File Address   Length   Virtual Addr\n"
			      "------------ ---------- ------------\n");
}

#define CUT "cut: more tables or pages than an image of this size can have"

/* What was not walked, as a line of its own: in `maps` one that every reader
 * of /proc/PID/maps takes for a mapping without any rights. */
static void put_tail(RowText *text, const Space *space, const SpaceView *view)
{
	const struct vtop_stats *walk = &addr_map_counts(view->map)->walk;
	uint64_t va = space_address(space, walk->stopped_at);
	char range[40], *p = range;
	struct sink tail;

	sink_init(&tail, false);
	if (walk->exhausted && text->kind == SPACE_TEXT_MAPS) {
		p = put_hex(p, va, 8);
		*p++ = '-';
		p = put_end(p, va, space_address(space, space->last) - va + 1);
		*p = '\0';
		sink_printf(&tail, "%s ---p 00000000 00:00 0 [" CUT "]\n",
			    range);
	} else if (walk->exhausted) {
		sink_printf(&tail, "From 0x%" PRIx64 " on " CUT "\n", va);
	}
	text->tail = tail.buf;
	text->tail_len = (size_t)tail.len;
}

RowText *row_text_new(const Space *space, const SpaceView *view,
		      enum space_text kind, bool coalesce)
{
	RowText *text = g_new0(RowText, 1);
	struct mark mark = { 0 };
	struct row row;
	struct sink head;

	text->kind = kind;
	text->coalesce = coalesce;
	text->marks = g_array_new(FALSE, FALSE, sizeof(struct mark));
	sink_init(&head, false);
	if (kind == SPACE_TEXT_MEMMAP)
		memmap_head(&head, space);
	else if (kind == SPACE_TEXT_DUMP_IDX)
		dump_idx_head(&head, space);
	text->head = head.buf;
	text->head_len = (size_t)head.len;
	mark.off = head.len;
	for (uint64_t n = 0;; n++) {
		char line[LINE_MAX_BYTES];

		if (n % ROWS_PER_MARK == 0)
			g_array_append_val(text->marks, mark);
		if (!next_row(text, view, &mark.pos, &row))
			break;
		mark.off += put_line(text, space, &row, line);
	}
	put_tail(text, space, view);
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

void row_text_read(const RowText *text, const Space *space,
		   const SpaceView *view, uint64_t off, size_t len, char *buf)
{
	struct mark at = find_mark(text, off);
	struct row row;

	copy_piece(text->head, text->head_len, 0, off, len, buf);
	copy_piece(text->tail, text->tail_len, text->size - text->tail_len,
		   off, len, buf);
	while (at.off < off + len && next_row(text, view, &at.pos, &row)) {
		char line[LINE_MAX_BYTES];
		size_t n = put_line(text, space, &row, line);

		copy_piece(line, n, at.off, off, len, buf);
		at.off += n;
	}
}
