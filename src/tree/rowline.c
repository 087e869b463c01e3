/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a line of `maps` and its like looks like. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "tree/render.h"
#include "tree/rowline.h"

char *row_put_end(char *p, uint64_t start, uint64_t len)
{
	uint64_t end = start + len;

	if (end || !start)
		return put_hex(p, end, 8);
	memcpy(p, "10000000000000000", 17);
	return p + 17;
}

size_t row_put_head(char *line, const Space *space, const struct row *row)
{
	uint64_t va = space_address(space, row->va);
	char *p = line;

	p = put_hex(p, va, 8);
	*p++ = '-';
	p = row_put_end(p, va, row->len);
	*p++ = ' ';
	space_perms(row->rights, p);
	p += 4;
	*p++ = ' ';
	p = put_hex(p, page_state_in_memory(row->state) ? row->pa : 0, 8);
	memcpy(p, " 00:00 0 ", 9);
	return (size_t)(p + 9 - line);
}

/* Where a page comes from that has no physical address. */
static void put_origin(struct sink *out, const struct row *row)
{
	if (row->state == PAGE_DIRECT)
		sink_str(out, "[triage]");
	else if (row->state == PAGE_STORE)
		sink_str(out, "[compressed]");
	else
		sink_printf(out, "[pagefile %u]", swap_place_number(row->pa));
}

/* As Linux writes it (fs/proc/task_mmu.c, show_vma_header_prefix), with the
 * physical address as offset, and the path from column 74 on. */
void row_put_maps(struct sink *out, const Space *space, const struct row *row)
{
	bool elsewhere = !page_state_in_memory(row->state);
	char line[ROW_HEAD_BYTES];
	size_t n = row_put_head(line, space, row);

	if (row->name || elsewhere) {
		memset(line + n, ' ', sizeof line - n);
		n = MAX(n, ROW_PATH_COLUMN);
	}
	sink_bytes(out, line, n);
	if (row->name)
		sink_str(out, row->name);
	if (row->name && elsewhere)
		sink_bytes(out, " ", 1);
	if (elsewhere)
		put_origin(out, row);
	sink_bytes(out, "\n", 1);
}

/* Rekall's columns: address width 14 on x64 (0x and 12 digits), 10 on 32-bit;
 * longer values widen the cell; the size is right-justified. */
static char *put_address(char *p, uint64_t v, unsigned digits)
{
	*p++ = '0';
	*p++ = 'x';
	return put_hex(p, v, digits);
}

unsigned row_address_digits(const Space *space)
{
	return space->as.form->va_bits == 32 ? 8 : 12;
}

void row_put_memmap(struct sink *out, const Space *space, const struct row *row)
{
	unsigned digits = row_address_digits(space);
	char line[ROW_HEAD_BYTES], size[24], *p = line;
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
void row_put_dump_idx(struct sink *out, const Space *space,
		      const struct row *row)
{
	unsigned digits = row_address_digits(space);
	char line[ROW_HEAD_BYTES], *p = line;

	p = put_cell(p, row->pa, digits, 12);
	*p++ = ' ';
	p = put_cell(p, row->len, digits, 0);
	*p++ = ' ';
	p = put_cell(p, row->va, digits, 12);
	*p++ = '\n';
	sink_bytes(out, line, (size_t)(p - line));
}

/* Names are escaped for a line already: what is left are two characters. */
static void put_string(struct sink *out, const char *text)
{
	sink_bytes(out, "\"", 1);
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			sink_bytes(out, "\\", 1);
		sink_bytes(out, p, 1);
	}
	sink_bytes(out, "\"", 1);
}

/* ,"key":"0x..." */
static void put_hex_member(struct sink *out, const char *key, uint64_t v)
{
	char text[80], *p = text;

	p = g_stpcpy(p, ",\"");
	p = g_stpcpy(p, key);
	p = g_stpcpy(p, "\":\"0x");
	p = put_hex(p, v, 1);
	*p++ = '"';
	sink_bytes(out, text, (size_t)(p - text));
}

static void put_range(struct sink *out, uint64_t va, uint64_t len, bool first)
{
	char text[24], *p = put_hex(text, va, 1);

	*p = '\0';
	sink_str(out, first ? "\n{\"start\":\"0x" : ",\n{\"start\":\"0x");
	sink_str(out, text);
	sink_bytes(out, "\"", 1);
	if (va && !(va + len))
		sink_str(out, ",\"end\":\"0x10000000000000000\"");
	else
		put_hex_member(out, "end", va + len);
}

void row_put_json_cut(struct sink *out, uint64_t va, uint64_t len, bool first)
{
	put_range(out, va, len, first);
	sink_printf(out, ",\"size\":%" PRIu64 ",\"perms\":\"---p\","
		    "\"physical\":null,\"pagefile\":null,"
		    "\"state\":\"not-walked\",\"path\":null}", len);
}

static void put_place(struct sink *out, const struct row *row)
{
	if (page_state_in_memory(row->state)) {
		put_hex_member(out, "physical", row->pa);
		sink_str(out, ",\"pagefile\":null");
		return;
	}
	sink_str(out, ",\"physical\":null,\"pagefile\":");
	if (row->state == PAGE_PAGEFILE)
		sink_printf(out, "%u", swap_place_number(row->pa));
	else
		sink_str(out, "null");
}

/* ,"size":4096 */
static void put_size(struct sink *out, uint64_t v)
{
	char digits[20], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	sink_str(out, ",\"size\":");
	sink_bytes(out, p, (size_t)(digits + sizeof digits - p));
}

void row_put_json(struct sink *out, const Space *space, const struct row *row,
		  bool first)
{
	char perms[5];

	space_perms(row->rights, perms);
	put_range(out, space_address(space, row->va), row->len, first);
	put_size(out, row->len);
	sink_str(out, ",\"perms\":\"");
	sink_bytes(out, perms, 4);
	sink_bytes(out, "\"", 1);
	put_place(out, row);
	sink_str(out, ",\"state\":\"");
	sink_str(out, render_page_state(row->state));
	sink_str(out, "\",\"path\":");
	if (row->name)
		put_string(out, row->name);
	else
		sink_str(out, "null");
	sink_bytes(out, "}", 1);
}
