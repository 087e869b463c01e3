/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The upper part of `map.svg`: all ranges side by side. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "tree/svg_map.h"

/* Emptiness that is told of, in bytes. */
#define GAP_SHOWN (16 * MIB)

enum {
	OVERVIEW_Y = 92,
	OVERVIEW_H = 56,
	LEGEND_Y = 192,
	LEGEND_ROW = 18,
};

const struct svg_kind svg_kinds[RANGE_KINDS] = {
	[RANGE_IMAGE] = { "image", "#4c78a8" },
	[RANGE_FILE] = { "mapped file", "#3ba7a0" },
	[RANGE_SHARED] = { "shared", "#a0724f" },
	[RANGE_PRIVATE] = { "private", "#54a24b" },
	[RANGE_HEAP] = { "heap", "#d8b400" },
	[RANGE_STACK] = { "stack", "#f58518" },
	[RANGE_SYSTEM] = { "PEB, TEB, system", "#b05fb0" },
	[RANGE_KERNEL] = { "kernel", "#6f7785" },
	[RANGE_UNKNOWN] = { "no VAD", "#e45f8f" },
};

const struct range *picture_range(const struct picture *p, guint i)
{
	return &g_array_index(p->list->ranges, struct range, i);
}

uint64_t picture_gap(const struct picture *p, guint i)
{
	uint64_t gap;

	if (!i)
		return 0;
	gap = picture_range(p, i)->start - picture_range(p, i - 1)->last - 1;
	return gap >= GAP_SHOWN ? gap : 0;
}

unsigned picture_log(uint64_t bytes)
{
	uint64_t pages = MAX(bytes >> PAGE_SHIFT_4K, 1);
	unsigned log = 63u - (unsigned)__builtin_clzll(pages);
	unsigned half = log && pages >> (log - 1) & 1;

	return 2 * log + half;
}

void picture_count(const struct picture *p, uint64_t start, uint64_t last,
			uint64_t parts[RANGE_PARTS])
{
	struct run_cursor at = run_cursor_at(p->view->map, start);
	struct map_run run;

	for (unsigned i = 0; i < RANGE_PARTS; i++)
		parts[i] = 0;
	while (run_cursor_next(&at, &run) && run.va <= last) {
		uint64_t from = MAX(run.va, start);
		uint64_t end = MIN(run.va + (run.len - 1), last);

		parts[range_part_of(run.state)] += end - from + 1;
	}
}

unsigned picture_digits(const struct picture *p)
{
	return p->space->as.form->va_bits == 32 ? 8 : 16;
}

void picture_address(const struct picture *p, uint64_t offset)
{
	char buf[20], *end;

	end = put_hex(buf, space_address(p->space, offset), picture_digits(p));
	sink_bytes(p->out, buf, (size_t)(end - buf));
}

void picture_name(const struct picture *p)
{
	const struct proc_entry *e = p->space->proc;

	if (e && p->space->kind == SPACE_PROCESS) {
		markup_raw(p->out, e->p.name, 40);
		sink_printf(p->out, " \xc2\xb7 pid %u", e->p.pid);
	} else if (p->space->kind == SPACE_KERNEL) {
		sink_str(p->out, "Kernel");
	} else {
		sink_printf(p->out, "Page tables at 0x%" PRIx64,
			    addr_space_dtb(&p->space->as).v);
	}
}

static void title_line(const struct picture *p)
{
	const struct proc_entry *e = p->space->proc;

	sink_printf(p->out, "<text class=\"h\" x=\"%d\" y=\"34\">", MAP_LEFT);
	picture_name(p);
	sink_str(p->out, "</text>\n");
	sink_printf(p->out,
		    "<text class=\"q e m\" x=\"%d\" y=\"34\">dtb 0x%" PRIx64,
		    MAP_RIGHT, addr_space_dtb(&p->space->as).v);
	if (e && p->space->kind == SPACE_PROCESS)
		sink_printf(p->out, " \xc2\xb7 EPROCESS " PRIADDR,
			    e->p.eprocess.v);
	sink_printf(p->out, " \xc2\xb7 %s</text>\n",
		    p->space->as.direct ? "no page tables" :
					  p->space->as.form->description);
}

static void total(const struct range_list *list, struct range_sum *ret)
{
	*ret = (struct range_sum){ 0 };
	for (unsigned k = 0; k < RANGE_KINDS; k++) {
		ret->n += list->sums[k].n;
		ret->size += list->sums[k].size;
		for (unsigned i = 0; i < RANGE_PARTS; i++)
			ret->parts[i] += list->sums[k].parts[i];
	}
}

static void sum_line(const struct picture *p)
{
	const struct vtop_stats *walk = &addr_map_counts(p->view->map)->walk;
	const struct range_list *list = p->list;
	struct range_sum all;
	char size[24], resident[24], lost[24];

	total(list, &all);
	sink_printf(p->out,
		    "<text x=\"%d\" y=\"60\"><tspan class=\"b\">%" PRIu64
		    "</tspan> ranges, <tspan class=\"b\">%s</tspan> of"
		    " addresses, <tspan class=\"b\">%s</tspan> in memory,"
		    " <tspan class=\"b\">%s</tspan> not in the image",
		    MAP_LEFT, all.n, markup_size(all.size, size),
		    markup_size(all.parts[PART_RESIDENT], resident),
		    markup_size(all.parts[PART_LOST], lost));
	if (list->n_wx)
		sink_printf(p->out,
			    " <tspan class=\"wx b\" dx=\"12\">%" PRIu64
			    " writable and executable</tspan>",
			    list->n_wx);
	if (!range_knows_exec(p->space) && !p->space->as.direct)
		sink_str(p->out,
			 " <tspan class=\"q\" dx=\"12\">page tables without NX:"
			 " what may be executed is not known</tspan>");
	if (list->n_all > list->ranges->len)
		sink_printf(p->out,
			    " <tspan class=\"q\" dx=\"12\">neighbours merged:"
			    " %u rows</tspan>",
			    list->ranges->len);
	if (walk->exhausted)
		sink_str(p->out, " <tspan class=\"wx\" dx=\"12\">cut: more"
				 " tables or pages than it can have</tspan>");
	sink_str(p->out, "</text>\n");
}

/* Overview: all ranges side by side, as wide as the logarithm of their size,
 * filled as far as they are in memory. */

static unsigned weight(uint64_t bytes)
{
	return 2 + picture_log(bytes);
}

#define GAP_WEIGHT 10u

static unsigned total_weight(const struct picture *p)
{
	unsigned sum = 0;

	for (guint i = 0; i < p->list->ranges->len; i++)
		sum += weight(picture_range(p, i)->size) +
		       (picture_gap(p, i) ? GAP_WEIGHT : 0);
	return MAX(sum, 1);
}

/* Hundredths of a pixel as a number. */
static void put_hundredths(struct sink *out, unsigned v)
{
	sink_printf(out, "%u.%02u", v / 100, v % 100);
}

static void overview_box(struct sink *out, const char *classes, unsigned x,
			 unsigned width, unsigned y, unsigned height)
{
	if (!height)
		return;
	sink_printf(out, "<rect class=\"%s\" x=\"", classes);
	put_hundredths(out, x);
	sink_printf(out, "\" y=\"%u\" width=\"", y);
	put_hundredths(out, width);
	sink_printf(out, "\" height=\"%u\"/>", height);
}

static unsigned share(uint64_t part, uint64_t whole)
{
	unsigned h = whole ? (unsigned)((double)part / (double)whole *
					OVERVIEW_H) : 0;

	return MIN(part && !h ? 1 : h, (unsigned)OVERVIEW_H);
}

static void overview_range(const struct picture *p, const struct range *r,
			   unsigned x, unsigned width)
{
	uint64_t parts[RANGE_PARTS];
	unsigned resident, lost, bottom = OVERVIEW_Y + OVERVIEW_H;
	char classes[16];

	picture_count(p, r->start, r->last, parts);
	resident = share(parts[PART_RESIDENT] + parts[PART_SWAPPED], r->size);
	lost = MIN(share(parts[PART_LOST], r->size), OVERVIEW_H - resident);
	sink_str(p->out, "<g><title>");
	picture_address(p, r->start);
	sink_str(p->out, " ");
	sink_str(p->out, svg_kinds[r->kind].name);
	if (r->name) {
		sink_str(p->out, " ");
		markup_text(p->out, r->name, MAP_NAME_CHARS);
	}
	sink_str(p->out, "</title>");
	g_snprintf(classes, sizeof classes, "k%d p3", (int)r->kind);
	overview_box(p->out, classes, x, width, OVERVIEW_Y, OVERVIEW_H);
	g_snprintf(classes, sizeof classes, "k%d", (int)r->kind);
	overview_box(p->out, classes, x, width, bottom - resident, resident);
	overview_box(p->out, "p2", x, width, bottom - resident - lost, lost);
	if (r->wx)
		overview_box(p->out, "wx", x, MAX(width, 150), OVERVIEW_Y - 7,
			     5);
	sink_str(p->out, "</g>\n");
}

static void overview_gap(const struct picture *p, uint64_t gap, unsigned x,
			 unsigned width)
{
	char size[24];
	unsigned middle = (x + width / 2) / 100;

	sink_printf(p->out,
		    "<path class=\"l\" fill=\"none\" d=\"M%u %dl3 9l-6 9l6 9"
		    "l-6 9l6 9l-3 11\"><title>%s free</title></path>\n",
		    middle, OVERVIEW_Y, markup_size(gap, size));
}

static void overview(const struct picture *p)
{
	unsigned each = (MAP_RIGHT - MAP_LEFT) * 10000u / total_weight(p);
	unsigned x = MAP_LEFT * 10000u, label_end = 0;

	/* A few ranges are not drawn as wide as a wall. */
	each = MIN(each, 6 * 10000u);
	for (guint i = 0; i < p->list->ranges->len; i++) {
		const struct range *r = picture_range(p, i);
		unsigned width = each * weight(r->size);
		uint64_t gap = picture_gap(p, i);

		if (gap) {
			overview_gap(p, gap, x / 100, each * GAP_WEIGHT / 100);
			x += each * GAP_WEIGHT;
		}
		if ((!i || gap) && x / 10000 >= label_end &&
		    x / 10000 + 7 * picture_digits(p) < MAP_RIGHT) {
			sink_printf(p->out,
				    "<text class=\"m q\" x=\"%u\" y=\"%d\">",
				    x / 10000, OVERVIEW_Y + OVERVIEW_H + 15);
			picture_address(p, r->start);
			sink_str(p->out, "</text>\n");
			label_end = x / 10000 + 7 * picture_digits(p) + 12;
		}
		/* A hair of a line between those that are wide enough. */
		overview_range(p, r, x / 100,
			       width / 100 - (width > 30000 ? 80 : 0));
		x += width;
	}
}

/* Legend */

static void swatch(struct sink *out, unsigned x, unsigned y,
		   const char *classes)
{
	sink_printf(out,
		    "<rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"22\""
		    " height=\"11\"/>",
		    classes, x, y - 10);
}

static void legend_kind(const struct picture *p, unsigned kind, unsigned at)
{
	const struct range_sum *s = &p->list->sums[kind];
	unsigned x = MAP_LEFT + at % 3 * 380;
	unsigned y = LEGEND_Y + at / 3 * LEGEND_ROW;
	char size[24], resident[24], classes[8];

	g_snprintf(classes, sizeof classes, "k%u", kind);
	swatch(p->out, x, y, classes);
	sink_printf(p->out,
		    "<text x=\"%u\" y=\"%u\">%s<tspan class=\"q\" dx=\"8\">%"
		    PRIu64 ", %s, in memory %s</tspan></text>\n",
		    x + 30, y, svg_kinds[kind].name, s->n,
		    markup_size(s->size, size),
		    markup_size(s->parts[PART_RESIDENT], resident));
}

/* Returns the rows that it takes. */
static unsigned legend_rows(const struct range_list *list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RANGE_KINDS; i++)
		n += list->sums[i].n > 0;
	return (n + 2) / 3 + 1;
}

static void legend_parts(const struct picture *p, unsigned y)
{
	static const struct {
		unsigned x;
		const char *classes, *text;
	} all[] = {
		{ 0, "k7", "in memory" },
		{ 130, "k7 p1", "in a page file or store" },
		{ 330, "p2", "paged out or lost: not in the image" },
		{ 600, "k7 p3", "never touched" },
		{ 740, "wx", "writable and executable" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		swatch(p->out, MAP_LEFT + all[i].x, y, all[i].classes);
		sink_printf(p->out,
			    "<text x=\"%u\" y=\"%u\" class=\"q\">%s</text>",
			    MAP_LEFT + all[i].x + 30, y, all[i].text);
	}
	sink_str(p->out, "\n");
}

static void legend(const struct picture *p)
{
	unsigned at = 0;

	for (unsigned i = 0; i < RANGE_KINDS; i++)
		if (p->list->sums[i].n)
			legend_kind(p, i, at++);
	legend_parts(p, LEGEND_Y + (legend_rows(p->list) - 1) * LEGEND_ROW);
}

void picture_head(const struct picture *p)
{
	title_line(p);
	sum_line(p);
	overview(p);
	legend(p);
}

unsigned picture_head_height(const struct picture *p)
{
	return LEGEND_Y + legend_rows(p->list) * LEGEND_ROW;
}
