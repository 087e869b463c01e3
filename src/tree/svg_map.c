/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `map.svg`: an address space at one glance. */
#include "config.h"

#include <inttypes.h>
#include <limits.h>

#include "base/bytes.h"
#include "tree/svg_map.h"

/* Ranges that are drawn: what keeps the file below 2 MB, whatever is in it. */
#define ROWS_MAX 360u
#define TITLE_CHARS 120u

enum {
	ROW = 17,
	GAP_ROW = 13,
	BAR_X = 140,
	BAR_MAX = 340,
	BAR_MIN = 16,
	BAR_H = 11,
	CELL = 4,	/* pixels that have one colour */
	CELLS_MAX = BAR_MAX / CELL + 1,
};

static unsigned bar_width(const struct range *r)
{
	/* picture_log() ends at 2 * 45. */
	unsigned w = BAR_MIN + picture_log(r->size) * (BAR_MAX - BAR_MIN) / 60;

	return MIN(w, (unsigned)BAR_MAX) / CELL * CELL;
}

/* What most of the touched bytes of each cell are; wx: any page. */
struct cells {
	unsigned n;
	uint64_t span;	/* bytes of one */
	uint64_t bytes[CELLS_MAX][RANGE_PARTS];
	bool wx[CELLS_MAX];
};

static void add_to_cells(const struct picture *p, struct cells *c,
			 const struct range *r, const struct map_run *run)
{
	uint64_t from = MAX(run->va, r->start) - r->start;
	uint64_t end = MIN(run->va + (run->len - 1), r->last) - r->start;
	bool wx = range_run_wx(p->space, run);

	for (uint64_t i = from / c->span; i <= end / c->span; i++) {
		uint64_t first = MAX(from, i * c->span);
		uint64_t last = MIN(end, i * c->span + (c->span - 1));

		c->bytes[i][range_part_of(run->state)] += last - first + 1;
		c->wx[i] |= wx;
	}
}

static void fill_cells(const struct picture *p, const struct range *r,
		       struct cells *c)
{
	struct run_cursor at = run_cursor_at(p->view->map, r->start);
	struct map_run run;

	*c = (struct cells){ .n = bar_width(r) / CELL };
	c->span = (r->last - r->start) / c->n + 1;
	while (run_cursor_next(&at, &run) && run.va <= r->last)
		add_to_cells(p, c, r, &run);
}

static unsigned part_of_cell(const struct cells *c, unsigned i)
{
	unsigned best = PART_UNTOUCHED;
	uint64_t most = 0;

	for (unsigned part = 0; part < PART_UNTOUCHED; part++)
		if (c->bytes[i][part] > most) {
			most = c->bytes[i][part];
			best = part;
		}
	return best;
}

static bool cell_is(const struct cells *c, unsigned i, unsigned part)
{
	return part == RANGE_PARTS ? c->wx[i] : part_of_cell(c, i) == part;
}

/* One path for all cells of a part (RANGE_PARTS: of wx). */
static void put_cells(const struct picture *p, const struct cells *c,
		      unsigned part, const char *classes, unsigned y,
		      unsigned height)
{
	unsigned last = UINT_MAX;

	for (unsigned i = 0; i < c->n; i++) {
		unsigned from = i, len;

		while (i < c->n && cell_is(c, i, part))
			i++;
		if (i == from)
			continue;
		len = (i - from) * CELL;
		if (last == UINT_MAX)
			sink_printf(p->out, "<path class=\"%s\" d=\"M%u %u",
				    classes, BAR_X + from * CELL, y);
		else
			sink_printf(p->out, "m%u 0", (from - last) * CELL);
		sink_printf(p->out, "h%uv%uh-%uz", len, height, len);
		last = from;
	}
	if (last != UINT_MAX)
		sink_str(p->out, "\"/>");
}

static void put_bar(const struct picture *p, const struct range *r, unsigned y)
{
	g_autofree struct cells *c = g_new(struct cells, 1);
	char classes[16];

	fill_cells(p, r, c);
	g_snprintf(classes, sizeof classes, "k%d p3", (int)r->kind);
	put_cells(p, c, PART_UNTOUCHED, classes, y, BAR_H);
	g_snprintf(classes, sizeof classes, "k%d", (int)r->kind);
	put_cells(p, c, PART_RESIDENT, classes, y, BAR_H);
	g_snprintf(classes, sizeof classes, "k%d p1", (int)r->kind);
	put_cells(p, c, PART_SWAPPED, classes, y, BAR_H);
	put_cells(p, c, PART_LOST, "p2", y, BAR_H);
	put_cells(p, c, RANGE_PARTS, "wx", y + BAR_H - 3, 3);
}

static const char *protection_name(unsigned protection)
{
	static const char *const names[] = {
		"NOACCESS",  "READONLY",	  "EXECUTE",
		"EXECUTE_READ", "READWRITE",	  "WRITECOPY",
		"EXECUTE_READWRITE", "EXECUTE_WRITECOPY",
	};

	return names[protection & 7];
}

/* What is shown when the pointer is over a row. */
static void row_title(const struct picture *p, const struct range *r,
		      const uint64_t parts[RANGE_PARTS])
{
	char size[24], part[RANGE_PARTS][24];
	uint64_t untouched = 0;

	for (unsigned i = 0; i < PART_UNTOUCHED; i++)
		untouched += parts[i];
	untouched = r->size - MIN(r->size, untouched);
	sink_str(p->out, "<title>");
	picture_address(p, r->start);
	sink_str(p->out, "-");
	picture_address(p, r->last);
	sink_printf(p->out, "\n%s", svg_kinds[r->kind].name);
	if (r->has_vad)
		sink_printf(p->out, ", VAD %s",
			    protection_name(r->protection));
	if (r->n > 1)
		sink_printf(p->out, ", %u ranges merged", r->n);
	if (r->name) {
		sink_str(p->out, "\n");
		markup_text(p->out, r->name, TITLE_CHARS);
	}
	sink_printf(p->out,
		    "\n%s: %s in memory, %s in page files, %s not in the"
		    " image, %s untouched</title>",
		    markup_size(r->size, size),
		    markup_size(parts[PART_RESIDENT], part[0]),
		    markup_size(parts[PART_SWAPPED], part[1]),
		    markup_size(parts[PART_LOST], part[2]),
		    markup_size(untouched, part[3]));
}

/* Pages that can be written and others that can be executed are no alarm. */
static const char *put_rights(const struct picture *p, const struct range *r,
			      char ret[8])
{
	bool knows = range_knows_exec(p->space);
	bool both = r->rights & RIGHT_WRITE && r->rights & RIGHT_EXEC && knows;
	char perms[5] = "---";

	if (r->rights)
		space_perms(r->rights, perms);
	if (!knows && r->rights)
		perms[2] = '?';
	perms[3] = '\0';
	(void)g_strlcpy(ret, both && !r->wx ? "rx+rw" : perms, 8);
	return ret;
}

static void row_text(const struct picture *p, const struct range *r,
		     const uint64_t parts[RANGE_PARTS], unsigned y)
{
	char size[24], percent[8], rights[8];

	sink_printf(p->out, "<text class=\"m%s\" x=\"%d\" y=\"%u\">",
		    r->wx ? " wx b" : "", MAP_LEFT, y);
	picture_address(p, r->start);
	sink_printf(p->out,
		    "</text><text class=\"m%s\" x=\"494\" y=\"%u\">%s</text>",
		    r->wx ? " wx b" : " q", y, put_rights(p, r, rights));
	sink_printf(p->out,
		    "<text class=\"e\" x=\"592\" y=\"%u\">%s</text>"
		    "<text class=\"e q\" x=\"642\" y=\"%u\">%s%%</text>",
		    y, markup_size(r->size, size), y,
		    markup_percent(parts[PART_RESIDENT], r->size, percent));
	sink_printf(p->out, "<text x=\"662\" y=\"%u\">", y);
	if (r->name)
		markup_text(p->out, r->name, MAP_NAME_CHARS);
	else
		sink_printf(p->out, "<tspan class=\"q\">%s</tspan>",
			    svg_kinds[r->kind].name);
	if (r->n > 1)
		sink_printf(p->out, "<tspan class=\"q\" dx=\"8\">%u merged"
				    "</tspan>", r->n);
	sink_str(p->out, "</text>");
}

static void put_row(const struct picture *p, const struct range *r, unsigned y)
{
	uint64_t parts[RANGE_PARTS];

	picture_count(p, r->start, r->last, parts);
	sink_str(p->out, "<g class=\"r\">");
	row_title(p, r, parts);
	sink_printf(p->out,
		    "<rect class=\"o%s\" x=\"%d\" y=\"%u\" width=\"%d\""
		    " height=\"%d\"/>",
		    r->wx ? " x" : "", MAP_LEFT - 6, y,
		    MAP_RIGHT - MAP_LEFT + 12, ROW);
	put_bar(p, r, y + 3);
	row_text(p, r, parts, y + 12);
	sink_str(p->out, "</g>\n");
}

static void put_gap(const struct picture *p, uint64_t gap, unsigned y)
{
	char size[24];

	sink_printf(p->out,
		    "<path class=\"l\" stroke-dasharray=\"2 4\" d=\"M%d %uH%d\""
		    "/><text class=\"q\" font-size=\"10\" x=\"%d\" y=\"%u\">%s"
		    " free</text>\n",
		    BAR_X, y + 7, BAR_X + BAR_MAX, 494, y + 10,
		    markup_size(gap, size));
}

static unsigned rows_y(const struct picture *p)
{
	return picture_head_height(p) + 20;
}

/* Returns the height; draws where told to. */
static unsigned rows(const struct picture *p, bool draw)
{
	unsigned y = rows_y(p);

	for (guint i = 0; i < p->list->ranges->len; i++) {
		uint64_t gap = picture_gap(p, i);

		if (gap && draw)
			put_gap(p, gap, y);
		y += gap ? GAP_ROW : 0;
		if (draw)
			put_row(p, picture_range(p, i), y);
		y += ROW;
	}
	return y + 20;
}

static void head_of_rows(const struct picture *p)
{
	unsigned y = rows_y(p) - 8;

	sink_printf(p->out,
		    "<g class=\"q\"><text class=\"q\" x=\"%d\" y=\"%u\">"
		    "address</text><text class=\"q\" x=\"%d\" y=\"%u\">pages,"
		    " first to last (length: logarithm of the size)</text>"
		    "<text class=\"q\" x=\"494\" y=\"%u\">rights</text>"
		    "<text class=\"q e\" x=\"592\" y=\"%u\">size</text>"
		    "<text class=\"q e\" x=\"648\" y=\"%u\">in mem.</text>"
		    "<text class=\"q\" x=\"662\" y=\"%u\">what</text></g>\n",
		    MAP_LEFT, y, BAR_X, y, y, y, y, y);
}

static char *style(void)
{
	GString *css = g_string_new(
		".p1{fill-opacity:.55}.p3{fill-opacity:.2}"
		".p2{fill:url(#lost)}.o{fill:#8891a0;fill-opacity:0}"
		".r:hover .o{fill-opacity:.15}.x{fill:#d3002c;"
		"fill-opacity:.1}\n");

	for (unsigned i = 0; i < RANGE_KINDS; i++)
		g_string_append_printf(css, ".k%u{fill:%s}", i,
				       svg_kinds[i].colour);
	g_string_append_c(css, '\n');
	return g_string_free(css, FALSE);
}

void render_map_svg(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view)
{
	struct range_list *list = range_list_new(facts, space, view,
						 ROWS_MAX);
	const struct picture p = { out, facts, space, view, list };
	g_autofree char *css = style();

	svg_begin(out, MAP_WIDTH, rows(&p, false), css);
	sink_str(out,
		 "<defs><pattern id=\"lost\" width=\"5\" height=\"5\""
		 " patternUnits=\"userSpaceOnUse\""
		 " patternTransform=\"rotate(45)\"><rect width=\"5\""
		 " height=\"5\" fill=\"#9aa2ad\" fill-opacity=\".25\"/>"
		 "<rect width=\"2\" height=\"5\" fill=\"#7d8590\"/></pattern>"
		 "</defs>\n<title>");
	picture_name(&p);
	sink_str(out, "</title>\n");
	picture_head(&p);
	if (list->ranges->len)
		head_of_rows(&p);
	(void)rows(&p, true);
	svg_end(out);
	range_list_free(list);
}
