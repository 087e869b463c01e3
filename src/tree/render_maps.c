/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `maps` and `memmap`: one line for each page, or for each range. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/render.h"

/* A line to be: a page, or with `coalesce` what has been merged so far. */
struct row {
	uint64_t va; /* offset */
	uint64_t pa;
	uint64_t len;
	unsigned rights;
};

typedef void (*row_fn)(struct sink *out, const Space *space,
		       const struct row *row);
/* May b become one line with a, which it follows in both spaces? */
typedef bool (*merge_fn)(const struct row *a, const struct row *b);

/* The pages of a run: each of its own size, but for those at the borders of
 * the image, of which only a part is there. */
static void each_page(struct sink *out, const Space *space,
		      const struct map_run *run, row_fn fn)
{
	struct row row = { run->va, run->pa, 0, run->rights };
	uint64_t end = run->va + run->len;

	while (row.va < end) {
		uint64_t leaf_end = (row.va & ~(run->leaf_len - 1)) +
				    run->leaf_len;

		row.len = MIN(leaf_end, end) - row.va;
		fn(out, space, &row);
		row.va += row.len;
		row.pa += row.len;
	}
}

static void rows_plain(struct sink *out, const Space *space,
		       const SpaceView *view, row_fn fn)
{
	for (size_t i = 0; i < addr_map_n_data(view->map); i++) {
		struct map_run run = addr_map_data(view->map, i);

		each_page(out, space, &run, fn);
	}
}

static void rows_coalesced(struct sink *out, const Space *space,
			   const SpaceView *view, row_fn fn, merge_fn merge)
{
	struct row row = { 0 };

	for (size_t i = 0; i < addr_map_n_data(view->map); i++) {
		struct map_run run = addr_map_data(view->map, i);
		struct row next = { run.va, run.pa, run.len, run.rights };

		if (row.len && row.va + row.len == next.va &&
		    row.pa + row.len == next.pa && merge(&row, &next)) {
			row.len += next.len;
			continue;
		}
		if (row.len)
			fn(out, space, &row);
		row = next;
	}
	if (row.len)
		fn(out, space, &row);
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

/* As fs/proc/task_mmu.c writes it, with the physical address as offset. */
static void maps_row(struct sink *out, const Space *space,
		     const struct row *row)
{
	char line[96], *p = line;
	uint64_t va = space_address(space, row->va);

	p = put_hex(p, va, 8);
	*p++ = '-';
	p = put_end(p, va, row->len);
	*p++ = ' ';
	space_perms(row->rights, p);
	p += 4;
	*p++ = ' ';
	p = put_hex(p, row->pa, 8);
	memcpy(p, " 00:00 0 \n", 10);
	p += 10;
	sink_bytes(out, line, (size_t)(p - line));
}

static bool maps_merge(const struct row *a, const struct row *b)
{
	char x[5], y[5];

	space_perms(a->rights, x);
	space_perms(b->rights, y);
	return !strcmp(x, y);
}

void render_maps(struct sink *out, const struct render_facts *facts,
		 const Space *space, const SpaceView *view)
{
	if (facts->coalesce)
		rows_coalesced(out, space, view, maps_row, maps_merge);
	else
		rows_plain(out, space, view, maps_row);
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

static void memmap_row(struct sink *out, const Space *space,
		       const struct row *row)
{
	unsigned digits = address_digits(space);
	char line[96], size[24], *p = line;
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
	sink_bytes(out, line, (size_t)(p - line));
}

static bool memmap_merge(const struct row *a, const struct row *b)
{
	(void)a;
	(void)b;
	return true;
}

static void memmap_head(struct sink *out, const Space *space)
{
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

void render_memmap(struct sink *out, const struct render_facts *facts,
		   const Space *space, const SpaceView *view)
{
	if (space->kind == SPACE_PROCESS) {
		g_autofree char *name = text_escape_line(space->proc->p.name);

		sink_printf(out, "%.50s\n",
			    "**************************************************");
		sink_printf(out, "Process: '%s' pid: %-6u\n\n", name,
			    space->proc->p.pid);
	}
	if (space->empty) {
		sink_str(out, "Unable to read pages for task.\n");
		return;
	}
	memmap_head(out, space);
	if (facts->coalesce)
		rows_coalesced(out, space, view, memmap_row, memmap_merge);
	else
		rows_plain(out, space, view, memmap_row);
}
