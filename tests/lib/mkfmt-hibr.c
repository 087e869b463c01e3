/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hibernation files of Windows XP to 11. Where fields are is written down
 * apart from the code under test. All of RAM is in them, zeros, too (Windows
 * leaves out pages that are free): the memory must be the same as elsewhere.
 */
#include "config.h"

#include "lib/mkfmt-list.h"
#include "lib/mkstore.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SET_PAGES 16u
#define SET_BYTES (SET_PAGES * MK_PAGE_SIZE)
#define ROOM (SET_BYTES + 1024u)
#define TIME UINT64_C(132500000000000000) /* in November 2020 */
#define UPTIME UINT64_C(36000000000)	  /* an hour */
#define TWICE 24u /* pages that are in both restoration sets */

struct file {
	const MkPhys *phys;
	int fd;
	uint64_t at; /* where writing goes on */
	uint8_t *pages, *packed;
	bool ok;
	/* A set of zeros is packed once. */
	unsigned zero_method;
	uint32_t zero_pages;
	size_t zero_size;
	uint8_t *zero_packed;
};

struct span {
	uint64_t pfn, n;
};

static void put32(uint8_t *p, uint64_t value)
{
	uint32_t v = GUINT32_TO_LE((uint32_t)value);

	memcpy(p, &v, sizeof v);
}

static void put(uint8_t *p, bool is64, uint64_t value)
{
	uint64_t v = GUINT64_TO_LE(value);

	if (is64)
		memcpy(p, &v, sizeof v);
	else
		put32(p, value);
}

static void write_at(struct file *f, const void *bytes, size_t n, uint64_t at)
{
	f->ok = f->ok && mk_write_at(f->fd, bytes, n, at);
}

static void append(struct file *f, const void *bytes, size_t n)
{
	write_at(f, bytes, n, f->at);
	f->at += n;
}

static void align(struct file *f, uint64_t n)
{
	f->at = (f->at + n - 1) / n * n;
}

/* --- pages --- */

/* What RAM there is, in pieces of up to most pages, not all as long. */
static GArray *make_spans(const MkPhys *phys, uint64_t most)
{
	GArray *spans = g_array_new(FALSE, FALSE, sizeof(struct span));
	struct mk_random random = { 41 };
	size_t n_runs;
	const struct mk_run *runs = mk_phys_runs(phys, &n_runs);

	for (size_t i = 0; i < n_runs; i++) {
		uint64_t pfn = (runs[i].start + MK_PAGE_SIZE - 1) /
			       MK_PAGE_SIZE;
		uint64_t end = (runs[i].start + runs[i].len) / MK_PAGE_SIZE;

		while (pfn < end) {
			struct span s = { pfn, 1 + mk_random_below(&random,
								   most) };

			s.n = MIN(s.n, end - pfn);
			g_array_append_val(spans, s);
			pfn += s.n;
		}
	}
	return spans;
}

static bool read_span(struct file *f, const struct span *s, uint32_t at)
{
	bool used = false;

	for (uint64_t i = 0; i < s->n; i++) {
		uint8_t *to = f->pages + (at + i) * MK_PAGE_SIZE;
		uint64_t pa = (s->pfn + i) * MK_PAGE_SIZE;

		if (mk_phys_used(f->phys, pa)) {
			mk_phys_read(f->phys, pa, to, MK_PAGE_SIZE);
			used = true;
		} else {
			memset(to, 0, MK_PAGE_SIZE);
		}
	}
	return used;
}

static size_t pack_pages(struct file *f, unsigned method, uint32_t n)
{
	const size_t len = n * MK_PAGE_SIZE;
	size_t size = method >= 2 ?
			      mk_xpress_huffman(f->pages, len, method & 1,
						f->packed, len - 1) :
			      mk_xpress(f->pages, len, f->packed, len - 1);

	if (size)
		return size;
	memcpy(f->packed, f->pages, len);
	return len;
}

/* The first n of f->pages into f->packed; as they are where that is shorter. */
static size_t pack(struct file *f, unsigned method, uint32_t n, bool used)
{
	size_t size;

	if (!used && f->zero_size && f->zero_method == method &&
	    f->zero_pages == n) {
		memcpy(f->packed, f->zero_packed, f->zero_size);
		return f->zero_size;
	}
	size = pack_pages(f, method, n);
	if (!used) {
		f->zero_size = size;
		f->zero_method = method;
		f->zero_pages = n;
		memcpy(f->zero_packed, f->packed, size);
	}
	return size;
}

/* --- XP to 7 --- */

struct old {
	bool is64, upper; /* HIBR */
	unsigned length, first_table, page_size, time;
	unsigned next, count, entries, stride, start, end, max, state_page;
	bool wiped;
};

#define FIRST_TABLE 6u

/* In the order of the table, whatever pages of the spans are next. */
struct reader {
	GArray *spans;
	guint i;
	uint64_t used;
};

static uint32_t next_pages(struct file *f, struct reader *r, guint end,
			   bool *used)
{
	uint32_t n = 0;

	*used = false;
	while (n < SET_PAGES && r->i < end) {
		const struct span *s = &g_array_index(r->spans, struct span,
						      r->i);
		struct span part = { s->pfn + r->used,
				     MIN(s->n - r->used, SET_PAGES - n) };

		*used |= read_span(f, &part, n);
		n += (uint32_t)part.n;
		r->used += part.n;
		if (r->used == s->n) {
			r->used = 0;
			r->i++;
		}
	}
	return n;
}

static void put_block(struct file *f, uint32_t n, bool used)
{
	uint8_t head[32] = "\x81\x81xpress";
	size_t size = pack(f, 0, n, used);

	put32(head + 8, (size - 1) << 10 | (n - 1));
	append(f, head, sizeof head);
	append(f, f->packed, size);
	align(f, 8);
}

/* A table and what it lists; up to span end. */
static void put_table(struct file *f, const struct old *o, struct reader *r,
		      guint end, bool last)
{
	const uint64_t table_at = f->at;
	uint8_t table[MK_PAGE_SIZE] = { 0 };
	uint32_t n;
	bool used;

	put32(table + o->count, end - r->i);
	for (guint i = r->i; i < end; i++) {
		const struct span *s = &g_array_index(r->spans, struct span, i);
		uint8_t *p = table + o->entries + (i - r->i) * o->stride;

		put(p + o->start, o->is64, s->pfn);
		put(p + o->end, o->is64, s->pfn + s->n);
	}
	f->at += MK_PAGE_SIZE;
	while ((n = next_pages(f, r, end, &used)) > 0)
		put_block(f, n, used);
	align(f, MK_PAGE_SIZE);
	if (!last)
		put(table + o->next, o->is64, f->at / MK_PAGE_SIZE);
	write_at(f, table, sizeof table, table_at);
}

static void put_state(struct file *f, const struct old *o,
		      const struct mk_write_options *options)
{
	uint8_t page[MK_PAGE_SIZE] = { 0 };
	uint8_t *p = page + (o->is64 ? 0 : 0x2cc);
	const struct mk_cpu *cpu = options->cpus;

	if (!options->n_cpus)
		return;
	put(p, o->is64, cpu->cr0 | 0x80000001);
	put(p + (o->is64 ? 0x10 : 8), o->is64, cpu->cr3);
	put(p + (o->is64 ? 0x18 : 0xc), o->is64, cpu->cr4);
	put(p + (o->is64 ? 0x68 : 0x34), o->is64, cpu->idt_base);
	write_at(f, page, sizeof page, o->state_page * MK_PAGE_SIZE);
}

static void put_old(struct file *f, const void *spec,
		    const struct mk_write_options *options)
{
	const struct old *o = spec;
	g_autoptr(GArray) spans = make_spans(f->phys, 40);
	struct reader reader = { spans, 0, 0 };
	uint8_t header[MK_PAGE_SIZE] = { 0 };

	memcpy(header, o->upper ? "HIBR" : "hibr", 4);
	put32(header + 0xc, o->length);
	put32(header + o->page_size, MK_PAGE_SIZE);
	put(header + o->time, true, TIME);
	put(header + o->time + 8, true, UPTIME);
	put(header + o->first_table, o->is64, FIRST_TABLE);
	if (!o->wiped)
		write_at(f, header, sizeof header, 0);
	put_state(f, o, options);
	f->at = FIRST_TABLE * MK_PAGE_SIZE;
	while (reader.i < spans->len) {
		guint end = MIN(reader.i + o->max, spans->len);

		put_table(f, o, &reader, end, end == spans->len);
	}
}

/* --- 8 and later --- */

struct new {
	bool is64;
	unsigned length, loader, boot, kernel, kernel_pages, highest;
	unsigned boot_method, method;
	bool wiped;
};

#define FIRST_SET 7u

/* As many of the spans from *i on as fit in a set. */
static uint32_t put_set(struct file *f, const struct new *n, GArray *spans,
			guint *i, guint end, unsigned method)
{
	uint8_t head[4 + 8 * SET_PAGES];
	const size_t width = n->is64 ? 8 : 4;
	uint32_t pages = 0, count = 0;
	bool used = false;
	size_t size;

	for (; *i < end; ++*i, count++) {
		const struct span *s = &g_array_index(spans, struct span, *i);

		if (pages + s->n > SET_PAGES)
			break;
		used |= read_span(f, s, pages);
		put(head + 4 + width * count, n->is64,
		    s->pfn << 4 | (s->n - 1));
		pages += (uint32_t)s->n;
	}
	size = pack(f, method, pages, used);
	put32(head, count | size << 8 | (uint64_t)method << 30);
	append(f, head, 4 + width * count);
	append(f, f->packed, size);
	return pages;
}

static uint64_t put_sets(struct file *f, const struct new *n, GArray *spans,
			 guint from, guint end, unsigned method)
{
	uint64_t pages = 0;

	while (from < end)
		pages += put_set(f, n, spans, &from, end, method);
	return pages;
}

static uint64_t highest_page(const GArray *spans)
{
	const struct span *last =
		&g_array_index(spans, struct span, spans->len - 1);

	return last->pfn + last->n - 1;
}

/* A fifth of the pages are for the loader, and some that come again. */
static void put_new(struct file *f, const void *spec,
		    const struct mk_write_options *options)
{
	const struct new *n = spec;
	g_autoptr(GArray) spans = make_spans(f->phys, 6);
	guint boot = spans->len / 5, twice = MIN(boot + TWICE, spans->len);
	uint8_t header[MK_PAGE_SIZE] = { 0 };
	uint64_t pages;

	(void)options;
	memcpy(header, "HIBR", 4);
	put32(header + 0xc, n->length);
	put32(header + (n->is64 ? 0x18 : 0x14), MK_PAGE_SIZE);
	put(header + (n->is64 ? 0x20 : 0x18), true, TIME);
	put(header + (n->is64 ? 0x28 : 0x20), true, UPTIME);
	put(header + n->highest, n->is64, highest_page(spans));
	f->at = FIRST_SET * MK_PAGE_SIZE;
	put(header + n->boot, n->is64, FIRST_SET);
	pages = put_sets(f, n, spans, 0, twice, n->boot_method);
	put(header + n->loader, true, pages);
	align(f, MK_PAGE_SIZE);
	put(header + n->kernel, n->is64, f->at / MK_PAGE_SIZE);
	pages = put_sets(f, n, spans, boot, spans->len, n->method);
	put(header + n->kernel_pages, true, pages);
	if (!n->wiped)
		write_at(f, header, sizeof header, 0);
}

/* --- all of them --- */

typedef void (*put_fn)(struct file *f, const void *spec,
		       const struct mk_write_options *options);

static bool write_file(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options, put_fn fn,
		       const void *spec, GError **error)
{
	struct file f = { .phys = phys, .ok = true };

	f.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (f.fd < 0)
		return mk_write_failed(error, path);
	f.pages = g_malloc(SET_BYTES);
	f.packed = g_malloc(ROOM);
	f.zero_packed = g_malloc(ROOM);
	fn(&f, spec, options);
	/* Whole pages, and some that were not needed. */
	align(&f, MK_PAGE_SIZE);
	f.ok = f.ok && !ftruncate(f.fd, (off_t)(f.at + 16 * MK_PAGE_SIZE));
	if (!f.ok)
		mk_write_failed(error, path);
	close(f.fd);
	g_free(f.pages);
	g_free(f.packed);
	g_free(f.zero_packed);
	return f.ok;
}

#define WRITER(id, text, what, bits, fn, ...)                                 \
	static bool write_##id(const MkPhys *phys, const char *path,          \
			       const struct mk_write_options *options,        \
			       const char *arg, GError **error)               \
	{                                                                     \
		static const __VA_ARGS__;                                     \
                                                                              \
		(void)arg;                                                    \
		return write_file(phys, path, options, fn, &spec, error);     \
	}                                                                     \
	const struct mk_writer mk_hibr_##id##_writer = {                      \
		text, "hibernation", what,                                    \
		MK_WRITER_WHOLE_PAGES | MK_WRITER_COMPRESSED |                \
			MK_WRITER_NO_MAP | (bits),                            \
		write_##id,                                                   \
	}

WRITER(xp, "hibr-xp", "hibernation, Windows XP", MK_WRITER_32BIT, put_old,
       struct old spec = { false, false, 0xa8, 0x58, 0x14, 0x20, 4, 0xc, 0x10,
			   0x10, 4, 8, 0xff, 2, false });
WRITER(xp64, "hibr-xp64", "hibernation, Windows XP x64", MK_WRITER_64BIT,
       put_old,
       struct old spec = { true, false, 0xc0, 0x68, 0x18, 0x20, 8, 0x14, 0x20,
			   0x20, 8, 0x10, 0x7f, 2, false });
WRITER(vista, "hibr-vista", "hibernation, Windows Vista", MK_WRITER_32BIT,
       put_old,
       struct old spec = { false, true, 0xe0, 0x50, 0x14, 0x18, 4, 0xc, 0x10,
			   0x10, 4, 8, 0xff, 4, false });
WRITER(vista64, "hibr-vista64", "hibernation, Windows Vista x64",
       MK_WRITER_64BIT, put_old,
       struct old spec = { true, true, 0x128, 0x68, 0x18, 0x20, 8, 0x14, 0x20,
			   0x20, 8, 0x10, 0x7f, 4, false });
WRITER(vista2, "hibr-vistasp2", "hibernation, Windows Vista SP2",
       MK_WRITER_32BIT, put_old,
       struct old spec = { false, true, 0xf0, 0x50, 0x14, 0x18, 4, 8, 0xc, 8,
			   0, 4, 0x1fe, 1, false });
WRITER(vista264, "hibr-vistasp2-x64", "hibernation, Windows Vista SP2 x64",
       MK_WRITER_64BIT, put_old,
       struct old spec = { true, true, 0x140, 0x68, 0x18, 0x20, 8, 0x10, 0x18,
			   0x10, 0, 8, 0xfe, 1, false });
WRITER(7, "hibr-7", "hibernation, Windows 7", MK_WRITER_32BIT, put_old,
       struct old spec = { false, true, 0xe0, 0x4c, 0x14, 0x18, 0, 4, 8, 8, 0,
			   4, 0x1ff, 1, false });
WRITER(7x64, "hibr-7x64", "hibernation, Windows 7 x64", MK_WRITER_64BIT,
       put_old,
       struct old spec = { true, true, 0x128, 0x60, 0x18, 0x20, 0, 8, 0x10,
			   0x10, 0, 8, 0xff, 1, false });
WRITER(wiped, "hibr-wiped", "hibernation, Windows 7 x64, without header",
       MK_WRITER_64BIT, put_old,
       struct old spec = { true, true, 0x128, 0x60, 0x18, 0x20, 0, 8, 0x10,
			   0x10, 0, 8, 0xff, 1, true });
WRITER(8, "hibr-8", "hibernation, Windows 8 x64", MK_WRITER_64BIT, put_new,
       struct new spec = { true, 0x360, 0x58, 0x60, 0x68, 0x1c8, 0x330, 0, 0,
			   false });
WRITER(10, "hibr-10", "hibernation, Windows 10 x64", MK_WRITER_64BIT, put_new,
       struct new spec = { true, 0x3e0, 0x58, 0x68, 0x70, 0x230, 0x398, 1, 0,
			   false });
WRITER(10x86, "hibr-10x86", "hibernation, Windows 10 x86", MK_WRITER_32BIT,
       put_new,
       struct new spec = { false, 0x340, 0x48, 0x50, 0x54, 0x210, 0x310, 0, 2,
			   false });
WRITER(11, "hibr-11", "hibernation, Windows 11 (Huffman codes)",
       MK_WRITER_64BIT, put_new,
       struct new spec = { true, 0x448, 0x58, 0x68, 0x70, 0x230, 0x400, 0, 3,
			   false });
WRITER(wiped10, "hibr-wiped10", "hibernation, Windows 10, without header",
       MK_WRITER_64BIT, put_new,
       struct new spec = { true, 0x3e0, 0x58, 0x68, 0x70, 0x230, 0x398, 0, 3,
			   true });
