/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sections of one file of an EWF set. Each starts with 76 bytes: type[16],
 * next u64, size u64, 40 bytes of padding, Adler-32 of what is before it.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "image/ewf.h"

#define FILE_HEADER 13u
#define SECTION_HEADER 76u
#define TABLE_HEADER 24u
/* Entries of one table: EnCase 6 writes 65534 at the most, libewf as many as
 * 2^27 bytes hold. What is more was made up. */
#define TABLE_MAX (UINT32_C(1) << 25)
/* Sections of one file. */
#define SECTIONS_MAX 65536u
/* Of sections that a library inflates or copies as a whole. */
#define SMALL_MAX (UINT64_C(16) * KIB)

enum table_state {
	TABLE_BAD,	/* leads nowhere */
	TABLE_DOUBTFUL,	/* leads somewhere, but its checksum is wrong */
	TABLE_GOOD,
};

struct section {
	char type[17];
	uint64_t off;	/* of its header */
	uint64_t data;	/* what follows the header */
	uint64_t end;	/* within the file */
	uint64_t next;
	uint64_t size;	/* as claimed */
};

/* What one file's walk remembers from section to section. */
struct file {
	struct ewf_walk *w;
	uint64_t start;	/* of chunks that no table was found for yet */
	uint64_t end;
	struct ewf_table doubt;	/* n > 0: a table that waits for its copy */
};

static void G_GNUC_PRINTF(2, 3) doubt(struct ewf_walk *w, const char *format,
				      ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	w->set->whole = false;
	if (w->n_doubts++ < 8)
		log_add(w->log, LOG_WARN, "image", "ewf: segment %u: %s",
			w->segment + 1, text);
}

static void add_table(struct file *f, struct ewf_table *t)
{
	struct ewf_walk *w = f->w;

	t->first = w->next_chunk;
	t->segment = w->segment;
	t->gap_before = w->gap;
	w->gap = false;
	w->next_chunk += t->n; /* n is 32 bits: 2^32 of them would be needed */
	g_array_append_val(w->set->tables, *t);
	f->start = f->end = 0;
	f->doubt.n = 0;
}

/* Chunks without a table: a set that was cut short. */
static void find_lost(struct file *f)
{
	struct ewf_walk *w = f->w;
	struct ewf_table t = { .data_end = f->end };

	if (f->start >= f->end)
		return;
	if (!w->set->chunk_bytes)
		w->set->chunk_bytes = ewf_assume_chunk(w->log);
	t.found = ewf_find_chunks(w->set, w->io, f->start, f->end, &t.n);
	doubt(w, "chunks without a table; %" PRIu32 " of them were found by"
		 " decoding",
	      t.n);
	if (t.n)
		add_table(f, &t);
	w->gap = true; /* who knows how many there were */
	f->start = f->end = 0;
}

/* Before anything but a table's copy: is one of them owed? */
static void settle(struct file *f)
{
	if (f->doubt.n) {
		doubt(f->w, "the checksums of a table and its copy are wrong;"
			    " it is used all the same");
		add_table(f, &f->doubt);
	}
	find_lost(f);
}

/* Checks entries from index i on that stand in buf. Each chunk starts after
 * the one before it, within the section that holds them. */
static bool check_entries(const struct ewf_table *t, uint64_t start,
			  const uint8_t *buf, uint32_t n, uint64_t *last)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t off;

		if (!add_u64(t->base, load_le32(buf + 4 * i) & INT32_MAX,
			     &off) ||
		    off < start || off >= t->data_end ||
		    (*last && off <= *last))
			return false;
		*last = off;
	}
	return true;
}

/* Reads all entries in pieces. */
static enum table_state check_table(const struct file *f,
				    const struct section *s,
				    const struct ewf_table *t, uint64_t start)
{
	uint8_t buf[4096];
	uint64_t off = t->entries_off, last = 0;
	uint32_t sum = 1;

	for (uint32_t left = t->n; left;) {
		uint32_t n = MIN(left, (uint32_t)sizeof buf / 4);

		if (!image_io_read(f->w->io, off, buf, n * 4) ||
		    !check_entries(t, start, buf, n, &last))
			return TABLE_BAD;
		sum = ewf_adler32(sum, buf, n * 4);
		off += n * 4;
		left -= n;
	}
	/* EWF-S01 has no checksum there. */
	if (f->start >= f->end)
		return TABLE_GOOD;
	if (!range_fits(off, 4, s->end) ||
	    !image_io_read(f->w->io, off, buf, 4) || load_le32(buf) != sum)
		return TABLE_DOUBTFUL;
	return TABLE_GOOD;
}

static enum table_state read_table(const struct file *f,
				   const struct section *s,
				   struct ewf_table *t)
{
	uint8_t head[TABLE_HEADER];
	uint64_t start = f->start;
	enum table_state state;

	*t = (struct ewf_table){ .entries_off = s->data + TABLE_HEADER };
	if (!range_fits(s->data, TABLE_HEADER, s->end) ||
	    !image_io_read(f->w->io, s->data, head, sizeof head))
		return TABLE_BAD;
	t->n = load_le32(head);
	t->base = load_le64(head + 8);
	t->data_end = f->end;
	if (!t->n || t->n > TABLE_MAX ||
	    !range_fits(t->entries_off, UINT64_C(4) * t->n, s->end))
		return TABLE_BAD;
	if (f->start >= f->end) { /* EWF-S01: they follow their table */
		start = t->entries_off + UINT64_C(4) * t->n;
		t->data_end = s->end;
	}
	state = check_table(f, s, t, start);
	if (state == TABLE_GOOD &&
	    load_le32(head + 20) != ewf_adler32(1, head, 20))
		return TABLE_DOUBTFUL;
	return state;
}

static void on_table(struct file *f, const struct section *s)
{
	struct ewf_table t;
	enum table_state state;

	state = read_table(f, s, &t);
	if (state == TABLE_GOOD)
		add_table(f, &t);
	else if (state == TABLE_DOUBTFUL)
		f->doubt = t;
	if (state != TABLE_GOOD)
		doubt(f->w, "a table of chunks is damaged; its copy is"
			    " looked for");
}

static void on_table2(struct file *f, const struct section *s)
{
	struct ewf_table t;
	enum table_state state;

	/* The table itself was fine. */
	if (!f->doubt.n && f->start >= f->end)
		return;
	state = read_table(f, s, &t);
	if (state == TABLE_GOOD)
		add_table(f, &t);
	else if (state == TABLE_DOUBTFUL && !f->doubt.n)
		f->doubt = t;
}

static void on_sectors(struct file *f, const struct section *s)
{
	settle(f);
	f->start = s->data;
	f->end = s->end;
}

/*
 * `volume` (EnCase; of 1052 bytes, sectors as u64 at 16) and `disk` (FTK; the
 * same), of EWF-S01 94 bytes with u32: chunks at 4, sectors of a chunk at 8,
 * bytes of a sector at 12. `data` is a copy of it. Set identifier at 64. The
 * last 4 bytes are the checksum.
 */
#define VOLUME_SIZE 1052u
#define VOLUME_S01_SIZE 94u

/* Its bytes, of the short or the long form; 0: neither, or damaged. */
static size_t read_volume(const struct file *f, const struct section *s,
			  uint8_t d[VOLUME_SIZE])
{
	uint64_t there = s->end - s->data;
	size_t len = there >= VOLUME_SIZE ? VOLUME_SIZE : VOLUME_S01_SIZE;

	if (there < len || !image_io_read(f->w->io, s->data, d, len) ||
	    ewf_adler32(1, d, len - 4) != load_le32(d + len - 4))
		return 0;
	return len;
}

static void use_volume(struct file *f, const uint8_t *d, bool is_long)
{
	EwfSet *set = f->w->set;
	uint64_t chunk = (uint64_t)load_le32(d + 8) * load_le32(d + 12);
	uint64_t sectors = is_long ? load_le64(d + 16) : load_le32(d + 16);

	if (chunk < 512 || chunk > EWF_CHUNK_MAX || chunk % 512 ||
	    !mul_u64(sectors, load_le32(d + 12), &set->media_bytes)) {
		doubt(f->w, "the size of chunks or media makes no sense");
		return;
	}
	set->chunk_bytes = (uint32_t)chunk;
	set->n_chunks = load_le32(d + 4);
	set->has_guid = is_long;
	if (is_long)
		memcpy(set->guid, d + 64, sizeof set->guid);
}

static void on_volume(struct file *f, const struct section *s)
{
	EwfSet *set = f->w->set;
	uint8_t d[VOLUME_SIZE];
	size_t len = read_volume(f, s, d);

	if (!len)
		doubt(f->w, "section %s is damaged", s->type);
	else if (!set->chunk_bytes)
		use_volume(f, d, len == VOLUME_SIZE);
	else if (len == VOLUME_SIZE && set->has_guid &&
		 memcmp(set->guid, d + 64, sizeof set->guid) != 0)
		f->w->foreign = true;
}

/* Text, deflated: "1", "main", then names of columns and values, with tabs
 * between. "m" is when the media were read, by the clock of who did that. */
static void on_header(struct file *f, const struct section *s)
{
	uint8_t packed[4096];
	size_t len = (size_t)MIN(s->end - s->data, sizeof packed);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	g_auto(GStrv) names = NULL;
	g_auto(GStrv) values = NULL;
	g_autofree char *shown = NULL;

	if (!image_io_read(f->w->io, s->data, packed, len))
		return;
	text = ewf_inflate_text(packed, (uint32_t)len);
	lines = g_strsplit_set(text ? text : "", "\n", 5);
	if (f->w->segment || g_strv_length(lines) < 4)
		return;
	names = g_strsplit(lines[2], "\t", 64);
	values = g_strsplit(lines[3], "\t", 64);
	for (size_t i = 0; names[i] && values[i]; i++) {
		if (strcmp(names[i], "m") != 0 || shown)
			continue;
		shown = text_escape_line(values[i]);
		log_add(f->w->log, LOG_INFO, "image",
			"ewf: read at %.40s (by the clock of who did)", shown);
	}
}

static const struct kind {
	const char *type;
	void (*read)(struct file *f, const struct section *s);
	bool copied; /* as a whole, by the library: must be small */
} kinds[] = {
	{ "header", on_header, true },
	{ "header2", NULL, true },
	{ "xheader", NULL, true },
	{ "volume", on_volume, true },
	{ "disk", on_volume, true },
	{ "data", on_volume, true },
	{ "sectors", on_sectors, false },
	{ "table", on_table, false },
	{ "table2", on_table2, false },
	{ "error2", NULL, true },
	{ "session", NULL, true },
	{ "hash", NULL, true },
	{ "digest", NULL, true },
	{ "xhash", NULL, true },
	{ "next", NULL, true },
	{ "done", NULL, true },
};

static const struct kind *find_kind(const char *type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (!strcmp(type, kinds[i].type))
			return &kinds[i];
	return NULL;
}

static void on_section(struct file *f, const struct section *s)
{
	const struct kind *kind = find_kind(s->type);
	g_autofree char *shown = NULL;

	if (!strcmp(s->type, "ltree"))
		f->w->set->logical = true;
	if (!kind) {
		shown = text_escape_line(s->type);
		doubt(f->w, "section '%s' is not known", shown);
		return;
	}
	if (kind->copied && s->end - s->data > SMALL_MAX)
		doubt(f->w, "section %s of %" PRIu64 " bytes is larger than"
			    " expected",
		      kind->type, s->size);
	if (f->doubt.n && kind->read != on_table2)
		settle(f);
	if (kind->read)
		kind->read(f, s);
}

static bool is_last(const struct section *s)
{
	return !strcmp(s->type, "next") || !strcmp(s->type, "done");
}

/* Sections that are being written have neither size nor next yet. */
static bool read_section(struct ewf_walk *w, uint64_t off, struct section *s)
{
	uint64_t size = image_io_size(w->io);
	uint8_t d[SECTION_HEADER];

	*s = (struct section){ .off = off, .data = off + SECTION_HEADER };
	if (!range_fits(off, SECTION_HEADER, size) ||
	    !image_io_read(w->io, off, d, sizeof d))
		return false;
	memcpy(s->type, d, 16);
	s->next = load_le64(d + 16);
	s->size = load_le64(d + 24);
	if (load_le32(d + 72) != ewf_adler32(1, d, 72))
		doubt(w, "a section at %" PRIu64 " has a wrong checksum", off);
	s->end = size;
	if (is_last(s))
		s->end = s->data;
	else if (s->size >= SECTION_HEADER && range_fits(off, s->size, size))
		s->end = off + s->size;
	/* No byte is in two sections, so none is decoded twice. */
	if (s->next >= s->data)
		s->end = MIN(s->end, s->next);
	return true;
}

void ewf_index_segment(struct ewf_walk *w)
{
	struct file f = { .w = w };
	uint64_t off = FILE_HEADER;
	struct section s;

	for (unsigned i = 0; i < SECTIONS_MAX; i++) {
		if (!read_section(w, off, &s))
			break;
		w->end = is_last(&s);
		if (!strcmp(s.type, "done"))
			w->set->ended = true;
		on_section(&f, &s);
		if (w->end || w->foreign || s.next < s.data)
			break;
		off = s.next;
	}
	if (!w->foreign)
		settle(&f);
	if (!w->end && !w->foreign) {
		doubt(w, "ends at %" PRIu64 " without its last section: the"
			 " file was cut short",
		      image_io_size(w->io));
		w->gap = true;
	}
}
