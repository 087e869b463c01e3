/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `image/physical.svg`: who owns physical memory. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "tree/markup.h"
#include "tree/owners.h"

#define CELLS_WANTED 40000u
/* Gaps from this part of all memory on begin a new section. Where there would
 * be more sections than that, all gaps are left out instead. */
#define SECTION_PARTS 48u
#define SECTIONS_MAX 48u
#define TOP 12u

enum {
	WIDTH = 1180,
	LEFT = 20,
	GRID_X = 106,
	COLUMNS = 256,
	CELL_W = 3,
	GRID_Y = 124,
	LEGEND_X = 896,
	SECTION_GAP = 22,
	BAR_Y = 76,
	BAR_H = 16,
};

/* What a cell is coloured by. */
enum shade {
	SHADE_OUTSIDE,
	SHADE_NONE,
	SHADE_TABLE,
	SHADE_SEVERAL,
	SHADE_KERNEL,
	SHADE_OTHER,	/* a process that is not among the top ones */
	SHADE_TOP,	/* and above */
	SHADES = SHADE_TOP + TOP,
};

static const char *const colours[SHADES] = {
	"url(#out)", "#8f99a6", "#b05fb0", "#a0724f", "#5d6675", "#9ecae9",
	"#4c78a8",   "#f58518", "#54a24b", "#e45f8f", "#3ba7a0", "#d8b400",
	"#8c62c9",   "#d64f3f", "#17a4c4", "#9aab2a", "#c47ab0", "#7b9e6b",
};

/* Rows of cells that follow each other in physical memory. */
struct section {
	uint64_t start, end; /* addresses; packed: bytes of the image */
	unsigned rows;
};

struct grid {
	struct sink *out;
	const struct render_facts *facts;
	const struct owners *owners;
	uint64_t cell; /* bytes */
	unsigned row_height;
	bool packed;	/* one section, without what is not in the image */
	GArray *sections; /* struct section */
	unsigned n_rows;
	uint8_t *shade_of; /* by owner */
	size_t top[TOP];   /* owners, those with most first */
	unsigned n_top;
	uint64_t bytes[SHADES];
	uint8_t *cells;
};

static const struct section *section_at(const struct grid *g, guint i)
{
	return &g_array_index(g->sections, struct section, i);
}

/* The processes that have most, and what colour everybody has. */
static void find_top(struct grid *g)
{
	const struct owners *o = g->owners;

	g->shade_of = g_malloc(o->n);
	for (size_t i = 0; i < o->n; i++) {
		unsigned k = g->n_top;

		g->shade_of[i] = SHADE_OTHER;
		if (i < OWNER_SPACE || !o->bytes[i])
			continue;
		while (k && o->bytes[g->top[k - 1]] < o->bytes[i])
			k--;
		if (k == TOP)
			continue;
		g->n_top = MIN(g->n_top + 1, TOP);
		memmove(&g->top[k + 1], &g->top[k],
			(g->n_top - k - 1) * sizeof g->top[0]);
		g->top[k] = i;
	}
	g->shade_of[OWNER_NONE] = SHADE_NONE;
	g->shade_of[OWNER_TABLE] = SHADE_TABLE;
	g->shade_of[OWNER_SEVERAL] = SHADE_SEVERAL;
	g->shade_of[OWNER_KERNEL] = SHADE_KERNEL;
	for (unsigned i = 0; i < g->n_top; i++)
		g->shade_of[g->top[i]] = (uint8_t)(SHADE_TOP + i);
	for (size_t i = 0; i < o->n; i++)
		g->bytes[g->shade_of[i]] += o->bytes[i];
}

static void add_section(struct grid *g, uint64_t start, uint64_t end)
{
	const struct section s = { .start = start, .end = end };

	g_array_append_val(g->sections, s);
}

static void split(struct grid *g)
{
	const struct owners *o = g->owners;
	uint64_t gap_max = MAX((o->n_pages << PAGE_SHIFT_4K) / SECTION_PARTS,
			       MIB);
	uint64_t start = 0, end = 0;

	for (guint i = 0; i < o->runs->len; i++) {
		const struct owner_run *r =
			&g_array_index(o->runs, struct owner_run, i);
		uint64_t first = r->first << PAGE_SHIFT_4K;

		if (i && first - end > gap_max)
			add_section(g, start, end);
		if (!i || first - end > gap_max)
			start = first;
		end = (r->first + r->n) << PAGE_SHIFT_4K;
	}
	if (end)
		add_section(g, start, end);
}

static void find_sections(struct grid *g)
{
	uint64_t span = 0;

	split(g);
	g->packed = g->sections->len > SECTIONS_MAX;
	if (g->packed) {
		g_array_set_size(g->sections, 0);
		add_section(g, 0, g->owners->n_pages << PAGE_SHIFT_4K);
	}
	for (guint i = 0; i < g->sections->len; i++)
		span += section_at(g, i)->end - section_at(g, i)->start;
	for (g->cell = PAGE_SIZE_4K; span / g->cell > CELLS_WANTED;)
		g->cell *= 2;
	for (guint i = 0; i < g->sections->len; i++) {
		struct section *s = &g_array_index(g->sections,
						   struct section, i);
		uint64_t row = g->cell * COLUMNS;

		s->start = s->start / g->cell * g->cell;
		s->rows = (unsigned)((s->end - s->start + row - 1) / row);
		g->n_rows += s->rows;
	}
}

/* What most of a cell is. */
static uint8_t shade_cell(const struct grid *g, uint64_t start, uint64_t end)
{
	uint64_t pfn = start >> PAGE_SHIFT_4K, stop = end >> PAGE_SHIFT_4K;
	uint64_t n_of[SHADES] = { 0 };
	unsigned best = 0;

	while (pfn < stop) {
		uint64_t n;
		unsigned owner = g->packed ?
					 owners_get_nth(g->owners, pfn, &n) :
					 owners_get(g->owners, pfn, &n);

		n = MIN(n, stop - pfn);
		n_of[owner < g->owners->n ? g->shade_of[owner] :
					    SHADE_OUTSIDE] += n;
		pfn += n;
	}
	for (unsigned i = 1; i < SHADES; i++)
		if (n_of[i] > n_of[best])
			best = i;
	return (uint8_t)best;
}

static void fill_cells(struct grid *g)
{
	unsigned row = 0;

	g->cells = g_malloc0((size_t)g->n_rows * COLUMNS + 1);
	for (guint i = 0; i < g->sections->len; i++) {
		const struct section *s = section_at(g, i);
		uint64_t pa = s->start;

		for (unsigned k = 0; k < s->rows * COLUMNS; k++) {
			g->cells[(size_t)row * COLUMNS + k] =
				shade_cell(g, pa, pa + g->cell);
			pa += g->cell;
		}
		row += s->rows;
	}
	g->row_height = g->n_rows <= 40 ? 12 : g->n_rows <= 90 ? 8 : 5;
}

static unsigned section_height(const struct grid *g, const struct section *s)
{
	return s->rows * g->row_height + SECTION_GAP;
}

/* Names */

static void put_owner_name(const struct grid *g, size_t owner)
{
	const Space *space = ptov_space(g->facts->ptov, owner - OWNER_SPACE);

	if (space->proc && space->kind == SPACE_PROCESS) {
		markup_raw(g->out, space->proc->p.name, 20);
		sink_printf(g->out, " (%u)", space->proc->p.pid);
	} else {
		sink_printf(g->out, "dtb 0x%" PRIx64,
			    addr_space_dtb(&space->as).v);
	}
}

static void put_shade_name(const struct grid *g, unsigned shade)
{
	static const char *const names[SHADE_TOP] = {
		"not in the image", "mapped by nobody", "page tables",
		"mapped by several", "kernel", "other processes",
	};

	if (shade >= SHADE_TOP)
		put_owner_name(g, g->top[shade - SHADE_TOP]);
	else
		sink_str(g->out, names[shade]);
}

/* The way to the picture of a process; false: there is none. */
static bool begin_link(const struct grid *g, unsigned shade)
{
	const Space *space;

	if (shade == SHADE_KERNEL) {
		sink_str(g->out, "<a href=\"../kernel/map.svg\">");
		return true;
	}
	if (shade < SHADE_TOP)
		return false;
	space = ptov_space(g->facts->ptov,
			   g->top[shade - SHADE_TOP] - OWNER_SPACE);
	if (space->kind != SPACE_PROCESS)
		return false;
	sink_printf(g->out, "<a href=\"../proc/%s/map.svg\">",
		    space->proc->dir);
	return true;
}

/* Drawing */

static void put_head(const struct grid *g)
{
	uint64_t total = g->owners->n_pages << PAGE_SHIFT_4K;
	char size[24], cell[24], row[24];

	sink_printf(g->out,
		    "<title>Physical memory</title>\n"
		    "<text class=\"h\" x=\"%d\" y=\"34\">Physical memory"
		    "</text>\n<text x=\"%d\" y=\"60\"><tspan class=\"b\">%s"
		    "</tspan> in the image. Each cell is %s, in the colour of"
		    " most of its pages; a row is %s.",
		    LEFT, LEFT, markup_size(total, size),
		    markup_size(g->cell, cell),
		    markup_size(g->cell * COLUMNS, row));
	if (g->owners->n_incomplete)
		sink_printf(g->out,
			    " <tspan class=\"wx\">%zu address spaces could not"
			    " be gone through to their end.</tspan>",
			    g->owners->n_incomplete);
	if (g->packed)
		sink_str(g->out, " <tspan class=\"q\">What is not in the image"
				 " is left out.</tspan>");
	if (g->owners->grain > 1)
		sink_printf(g->out, " <tspan class=\"q\">%" PRIu64
				    " pages count as one.</tspan>",
			    g->owners->grain);
	sink_str(g->out, "</text>\n");
}

/* All of memory in one bar, by owner. */
static void put_bar(const struct grid *g)
{
	uint64_t total = g->owners->n_pages << PAGE_SHIFT_4K, before = 0;
	const double scale = (double)(WIDTH - 2 * LEFT) /
			     (double)MAX(total, 1) * 100;

	for (unsigned k = 1; k < SHADES; k++) {
		/* The free ones last. */
		unsigned i = k == SHADES - 1 ? SHADE_NONE : k + 1;
		unsigned from = (unsigned)((double)before * scale);
		unsigned to;

		if (!g->bytes[i])
			continue;
		before += g->bytes[i];
		to = (unsigned)((double)before * scale);
		sink_printf(g->out,
			    "<rect class=\"f%u\" x=\"%u.%02u\" y=\"%d\""
			    " width=\"%u.%02u\" height=\"%d\"><title>",
			    i, LEFT + from / 100, from % 100, BAR_Y,
			    (to - from) / 100, (to - from) % 100, BAR_H);
		put_shade_name(g, i);
		sink_str(g->out, "</title></rect>\n");
	}
}

static void put_legend_row(const struct grid *g, unsigned shade, unsigned y)
{
	uint64_t total = g->owners->n_pages << PAGE_SHIFT_4K;
	char size[24], percent[8];
	bool link = begin_link(g, shade);

	sink_printf(g->out,
		    "<rect class=\"f%u\" x=\"%d\" y=\"%u\" width=\"16\""
		    " height=\"11\"/><text x=\"%d\" y=\"%u\">",
		    shade, LEGEND_X, y - 10, LEGEND_X + 24, y);
	put_shade_name(g, shade);
	sink_str(g->out, "</text>");
	sink_str(g->out, link ? "</a>" : "");
	if (shade == SHADE_OUTSIDE) {
		sink_str(g->out, "\n");
		return;
	}
	sink_printf(g->out,
		    "<text class=\"e\" x=\"%d\" y=\"%u\">%s</text>"
		    "<text class=\"e q\" x=\"%d\" y=\"%u\">%s%%</text>\n",
		    WIDTH - LEFT - 42, y, markup_size(g->bytes[shade], size),
		    WIDTH - LEFT, y,
		    markup_percent(g->bytes[shade], total, percent));
}

/* Returns where it ends. */
static unsigned put_legend(const struct grid *g, bool draw)
{
	unsigned y = GRID_Y + 10;

	for (unsigned k = 0; k < SHADES; k++) {
		/* Processes first, then all others, then what is free. */
		unsigned i = k < TOP ? SHADE_TOP + k :
				       SHADE_TOP - 1 - (k - TOP);

		if (i != SHADE_OUTSIDE && !g->bytes[i])
			continue;
		if (draw)
			put_legend_row(g, i, y);
		y += 20;
	}
	return y;
}

/* All cells of a colour as one path. */
static void put_shade(const struct grid *g, unsigned shade)
{
	unsigned row = 0, y = GRID_Y;
	bool any = false;

	for (guint k = 0; k < g->sections->len; k++) {
		const struct section *s = section_at(g, k);
		const uint8_t *cells = g->cells + (size_t)row * COLUMNS;

		for (unsigned i = 0; i < s->rows * COLUMNS; i++) {
			unsigned from = i, column = i % COLUMNS;

			while (i - from < COLUMNS - column &&
			       cells[i] == shade)
				i++;
			if (i == from)
				continue;
			if (!any)
				sink_printf(g->out,
					    "<path class=\"s%u\" d=\"", shade);
			any = true;
			sink_printf(g->out, "M%u %uh%u",
				    GRID_X + column * CELL_W,
				    y + from / COLUMNS * g->row_height +
					    g->row_height / 2,
				    (i - from) * CELL_W);
			i--;
		}
		row += s->rows;
		y += section_height(g, s);
	}
	if (!any)
		return;
	sink_str(g->out, "\"><title>");
	put_shade_name(g, shade);
	sink_str(g->out, "</title></path>\n");
}

static uint64_t row_address(const struct grid *g, const struct section *s,
			    unsigned row)
{
	uint64_t at = s->start + g->cell * COLUMNS * row;

	if (!g->packed)
		return at;
	return owners_nth(g->owners, at >> PAGE_SHIFT_4K) << PAGE_SHIFT_4K;
}

static void put_labels(const struct grid *g)
{
	unsigned y = GRID_Y, step = MAX(16 / g->row_height, 1);

	step = g->n_rows > 40 ? 8 : step * 2;
	for (guint k = 0; k < g->sections->len; k++) {
		const struct section *s = section_at(g, k);
		char size[24];

		for (unsigned i = 0; i < s->rows; i += step)
			sink_printf(g->out,
				    "<text class=\"m q e\" x=\"%d\" y=\"%u\">"
				    "0x%" PRIx64 "</text>\n",
				    GRID_X - 8, y + i * g->row_height + 9,
				    row_address(g, s, i));
		y += section_height(g, s);
		if (k + 1 < g->sections->len)
			sink_printf(g->out,
				    "<text class=\"q\" font-size=\"10\""
				    " x=\"%d\" y=\"%u\">%s not in the image"
				    "</text>\n",
				    GRID_X, y - 8,
				    markup_size(section_at(g, k + 1)->start -
							s->end,
						size));
	}
}

static unsigned grid_end(const struct grid *g)
{
	unsigned y = GRID_Y;

	for (guint i = 0; i < g->sections->len; i++)
		y += section_height(g, section_at(g, i));
	return y;
}

static char *style(const struct grid *g)
{
	GString *css = g_string_new(".f1,.s1{opacity:.22}a:hover text"
				    "{text-decoration:underline}\n");

	for (unsigned i = 0; i < SHADES; i++)
		g_string_append_printf(css,
				       ".f%u{fill:%s}.s%u{stroke:%s;"
				       "stroke-width:%u}",
				       i, colours[i], i,
				       i ? colours[i] : "#8f99a6",
				       i ? g->row_height : 1);
	g_string_append_c(css, '\n');
	return g_string_free(css, FALSE);
}

static void draw(const struct grid *g)
{
	unsigned end = MAX(grid_end(g), put_legend(g, false) + 20);
	g_autofree char *css = style(g);

	svg_begin(g->out, WIDTH, end, css);
	sink_str(g->out,
		 "<defs><pattern id=\"out\" width=\"5\" height=\"5\""
		 " patternUnits=\"userSpaceOnUse\"><rect y=\"2\" width=\"5\""
		 " height=\"1\" fill=\"#8f99a6\"/></pattern></defs>\n");
	put_head(g);
	put_bar(g);
	put_labels(g);
	sink_str(g->out, "<g fill=\"none\" shape-rendering=\"crispEdges\">\n");
	for (unsigned i = 0; i < SHADES; i++)
		put_shade(g, i);
	sink_str(g->out, "</g>\n");
	(void)put_legend(g, true);
	svg_end(g->out);
}

void render_physical_svg(struct sink *out, const struct render_facts *facts)
{
	struct owners *owners = owners_new(facts);
	struct grid g = {
		.out = out,
		.facts = facts,
		.owners = owners,
		.sections = g_array_new(FALSE, FALSE, sizeof(struct section)),
	};

	find_top(&g);
	find_sections(&g);
	fill_cells(&g);
	draw(&g);
	g_array_unref(g.sections);
	g_free(g.shade_of);
	g_free(g.cells);
	owners_free(owners);
}
