/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images in memory as files. Source: PE/COFF specification. */
#include "config.h"

#include "base/bytes.h"
#include "nt/pefile.h"
#include "nt/peinfo.h"

enum {
	FILE_HEADER = 24, /* with "PE\0\0" */
	SECTOR = 0x200,	  /* offsets in files are multiples of it */
	ALIGN_MAX = 0x10000,
	/* In the patch, which begins with "PE\0\0". */
	N_SECTIONS_AT = 6,
	SYMBOLS_AT = 12, /* offset and number */
	IMAGE_BASE_32 = FILE_HEADER + 28,
	IMAGE_BASE_64 = FILE_HEADER + 24,
	FILE_ALIGN_AT = FILE_HEADER + 36,
	HEADERS_AT = FILE_HEADER + 60,
	ROW_RAW_SIZE = 16,
	ROW_RAW = 20,
};
/* Of what a file has beyond the size in memory. */
#define SLACK MIB

struct rows {
	struct nt_pe_section s[NT_PE_SECTIONS_MAX];
	unsigned n;
	bool is_flat;	/* sections are no pages: memory is as the file */
	uint64_t size;	/* of the image in memory */
	uint64_t end;	/* of the table */
};

static uint64_t align_up(uint64_t v, uint64_t n)
{
	return (v + n - 1) / n * n;
}

static void read_rows(const struct addr_space *as, uint64_t base,
		      const struct nt_pe_head *h, struct rows *rows)
{
	while (rows->n < NT_PE_SECTIONS_MAX &&
	       nt_pe_section_read(as, base, h, (uint16_t)rows->n,
				  &rows->s[rows->n]))
		rows->n++;
	rows->is_flat = h->section_align < PAGE_SIZE_4K;
	rows->end = h->sections + (uint64_t)rows->n * NT_PE_SECTION_BYTES;
}

/* How much of a section is in memory: whole pages of the file are mapped. */
static uint64_t in_memory(const struct rows *rows,
			  const struct nt_pe_section *s)
{
	uint64_t n = s->size ? s->size : s->raw_size;

	if (s->rva >= rows->size)
		return 0;
	n = rows->is_flat ? MAX(n, s->raw_size) : page_ceil(n);
	return MIN(n, rows->size - s->rva);
}

static gint compare_parts(gconstpointer a, gconstpointer b)
{
	const struct nt_pe_part *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static bool is_good_alignment(const struct rows *rows, uint32_t align)
{
	return align && !(align & (align - 1)) && align <= ALIGN_MAX &&
	       (rows->is_flat || align >= SECTOR);
}

/* Sections where the header has them; false where that cannot be a file. */
static bool plan_kept(const struct rows *rows, const struct nt_pe_head *h,
		      struct nt_pe_file *f)
{
	uint64_t end = rows->end;

	if (!is_good_alignment(rows, h->file_align))
		return false;
	for (unsigned i = 0; i < rows->n; i++) {
		const struct nt_pe_section *s = &rows->s[i];
		struct nt_pe_part part = { s->raw, s->raw_size, s->rva,
					   in_memory(rows, s) };

		if (!part.len)
			continue;
		if (!rows->is_flat && part.off % SECTOR)
			return false;
		part.data = MIN(part.data, part.len);
		g_array_append_val(f->parts, part);
	}
	g_array_sort(f->parts, compare_parts);
	for (guint i = 0; i < f->parts->len; i++) {
		const struct nt_pe_part *part =
			&g_array_index(f->parts, struct nt_pe_part, i);

		if (part->off < end ||
		    part->off + part->len > 2 * rows->size + SLACK)
			return false;
		end = part->off + part->len;
	}
	f->size = end;
	return f->parts->len > 0;
}

/* Sections one behind the other, no more of them all than the image is long. */
static void plan_rebuilt(struct rows *rows, struct nt_pe_file *f)
{
	uint64_t left = rows->size;

	g_array_set_size(f->parts, 0);
	f->is_rebuilt = true;
	f->size = align_up(rows->end, SECTOR);
	for (unsigned i = 0; i < rows->n; i++) {
		struct nt_pe_section *s = &rows->s[i];
		uint64_t data = MIN(in_memory(rows, s), left);
		struct nt_pe_part part = { f->size, align_up(data, SECTOR),
					   s->rva, data };

		s->raw = data ? (uint32_t)f->size : 0;
		s->raw_size = (uint32_t)part.len;
		left -= data;
		f->size += part.len;
		if (data)
			g_array_append_val(f->parts, part);
	}
}

/* No sections: as it is. */
static void plan_flat(const struct rows *rows, struct nt_pe_file *f)
{
	struct nt_pe_part part = {
		.off = rows->end, .rva = rows->end,
		.len = rows->size - MIN(rows->size, rows->end),
	};

	part.data = part.len;
	if (part.len)
		g_array_append_val(f->parts, part);
	f->size = part.off + part.len;
}

static void set32(GByteArray *a, uint64_t at, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	if (range_fits(at, 4, a->len))
		memcpy(a->data + at, &value, 4);
}

/* Memory from "PE\0\0" to the end of the table; zeros where it is not there. */
static GByteArray *copy_headers(const struct addr_space *as, uint64_t va,
				uint64_t len)
{
	GByteArray *a = g_byte_array_new();
	uint64_t done = 0;

	g_byte_array_set_size(a, (guint)len);
	memset(a->data, 0, (size_t)len);
	while (done < len) {
		uint64_t left = PAGE_SIZE_4K - ((va + done) & PAGE_MASK_4K);
		size_t n = (size_t)MIN(left, len - done);

		if (!vtop_read(as, VIRT(va + done), a->data + done, n))
			memset(a->data + done, 0, n);
		done += n;
	}
	return a;
}

/* Offset in the patch of a row of the section table. */
static uint64_t row_at(const struct nt_pe_head *h, unsigned i)
{
	return h->sections - h->lfanew + (uint64_t)i * NT_PE_SECTION_BYTES;
}

/* "/4" is a place in the strings behind the symbols, which are not in memory
 * either: binutils will not have a file with such a name. */
static void patch_names(const struct rows *rows, const struct nt_pe_head *h,
			GByteArray *a)
{
	for (unsigned i = 0; i < rows->n; i++)
		if (rows->s[i].name[0] == '/')
			a->data[row_at(h, i)] = '_';
}

static void patch(const struct rows *rows, const struct nt_pe_head *h,
		  uint64_t base, struct nt_pe_file *f)
{
	GByteArray *a = f->patch;

	a->data[N_SECTIONS_AT] = (uint8_t)rows->n;
	a->data[N_SECTIONS_AT + 1] = 0;
	set32(a, SYMBOLS_AT, 0);
	set32(a, SYMBOLS_AT + 4, 0);
	patch_names(rows, h, a);
	if (h->is_64) {
		set32(a, IMAGE_BASE_64, (uint32_t)base);
		set32(a, IMAGE_BASE_64 + 4, (uint32_t)(base >> 32));
	} else if (base <= UINT32_MAX) {
		set32(a, IMAGE_BASE_32, (uint32_t)base);
	}
	if (!f->is_rebuilt)
		return;
	set32(a, FILE_ALIGN_AT, SECTOR);
	set32(a, HEADERS_AT, (uint32_t)align_up(rows->end, SECTOR));
	for (unsigned i = 0; i < rows->n; i++) {
		set32(a, row_at(h, i) + ROW_RAW_SIZE, rows->s[i].raw_size);
		set32(a, row_at(h, i) + ROW_RAW, rows->s[i].raw);
	}
}

bool nt_pe_file_plan(const struct addr_space *as, uint64_t base,
		     uint64_t size, struct nt_pe_file *ret)
{
	struct rows rows = { .size = MIN(size, INT32_MAX) };
	struct nt_pe_file f = { 0 };
	struct nt_pe_head h;

	if (!nt_pe_head_read(as, base, &h))
		return false;
	read_rows(as, base, &h, &rows);
	f.parts = g_array_new(FALSE, FALSE, sizeof(struct nt_pe_part));
	if (!rows.n)
		plan_flat(&rows, &f);
	else if (!plan_kept(&rows, &h, &f))
		plan_rebuilt(&rows, &f);
	f.headers = rows.end;
	if (f.parts->len && h.size_of_headers > rows.end)
		f.headers = MIN(h.size_of_headers,
				g_array_index(f.parts, struct nt_pe_part, 0)
					.off);
	f.patch_at = h.lfanew;
	f.patch = copy_headers(as, base + h.lfanew, rows.end - h.lfanew);
	patch(&rows, &h, base, &f);
	*ret = f;
	return true;
}

void nt_pe_file_clear(struct nt_pe_file *file)
{
	g_clear_pointer(&file->patch, g_byte_array_unref);
	g_clear_pointer(&file->parts, g_array_unref);
}
