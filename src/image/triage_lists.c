/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lists of drivers in a triage dump. Sources of the layouts: Dump.h of
 * Microsoft Research's Singularity (DUMP_UNLOADED_DRIVERS64, DUMP_STRING);
 * Ghidra and Rizin, which read such files (DUMP_DRIVER_ENTRY, and that the
 * length of a name is in characters).
 */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "image/triage.h"

enum {
	MODULES_MAX = 16384,	/* a machine has some 200 */
	UNLOADED_MAX = 1024,	/* Windows remembers 50 */
	NAME_CHARS_MAX = 1024,
	NAMES_BYTES_MAX = 4 << 20, /* of all together */
	SAMPLE = 8,		/* entries that tell how long they are */
	ENTRY_BYTES_MAX = 0x200,
};
#define IMAGE_BYTES_MAX (UINT64_C(1) << 31)

/* An entry of the list of loaded drivers: u32 offset of its name in the file,
 * then a KLDR_DATA_TABLE_ENTRY. Offsets in it; timestamp 0: not known where. */
struct entry_form {
	bool is64;
	uint32_t bytes, base, size, timestamp;
};

static const struct entry_form form_64 = { true, 0x90, 0x38, 0x48, 0x88 };
static const struct entry_form form_32 = { false, 0x4c, 0x1c, 0x24, 0x48 };

static void module_clear(gpointer data)
{
	g_free(((struct image_module *)data)->name);
}

static GArray *modules_new(void)
{
	GArray *modules = g_array_new(FALSE, FALSE,
				      sizeof(struct image_module));

	g_array_set_clear_func(modules, module_clear);
	return modules;
}

void image_triage_free(struct image_triage *triage)
{
	if (!triage)
		return;
	g_array_unref(triage->ranges);
	if (triage->modules)
		g_array_unref(triage->modules);
	if (triage->unloaded)
		g_array_unref(triage->unloaded);
	g_free(triage);
}

static bool ends_at(const ImageIo *io, uint64_t off)
{
	uint8_t end[2];

	return image_io_read(io, off, end, sizeof end) && !load_le16(end);
}

/* A DUMP_STRING: u32 length without the NUL that is behind it, then UTF-16.
 * The length is in characters (a header of Microsoft's calls it bytes: taken
 * where the NUL is there). (transfer full), or NULL */
static char *read_string(const ImageIo *io, uint64_t off)
{
	uint8_t chars[2 * NAME_CHARS_MAX], word[4];
	uint32_t n;

	if (!image_io_read(io, off, word, sizeof word))
		return NULL;
	n = load_le32(word);
	if (!n || n > NAME_CHARS_MAX)
		return NULL;
	off += sizeof word;
	if (ends_at(io, off + 2 * n))
		n *= 2;
	else if (n % 2 || !ends_at(io, off + n))
		return NULL;
	if (!image_io_read(io, off, chars, n))
		return NULL;
	return text_from_utf16(chars, n);
}

static uint64_t load_word(const uint8_t *p, bool is64)
{
	return is64 ? load_le64(p) : load_le32(p);
}

/* In the upper half, at the start of a page, of a size that images have. */
static bool is_plausible(uint64_t base, uint64_t size, bool is64)
{
	return base >> (is64 ? 63 : 31) && !(base & PAGE_MASK_4K) && size &&
	       size < IMAGE_BYTES_MAX &&
	       size - 1 <= (is64 ? UINT64_MAX : UINT32_MAX) - base;
}

static bool read_entry(const ImageIo *io, const struct entry_form *form,
		       uint64_t off, struct image_module *ret)
{
	uint8_t b[ENTRY_BYTES_MAX];
	struct image_module m = { 0 };

	if (!image_io_read(io, off, b, form->bytes))
		return false;
	m.base = load_word(b + form->base, form->is64);
	m.size = load_le32(b + form->size);
	if (form->timestamp)
		m.timestamp = load_le32(b + form->timestamp);
	if (!is_plausible(m.base, m.size, form->is64))
		return false;
	m.name = read_string(io, load_le32(b));
	if (!m.name)
		return false;
	*ret = m;
	return true;
}

static unsigned count_good(const ImageIo *io, const struct entry_form *form,
			   uint64_t off, uint64_t count)
{
	struct image_module m;
	unsigned n = 0;

	for (uint64_t i = 0; i < MIN(count, SAMPLE); i++) {
		if (!read_entry(io, form, off + i * form->bytes, &m))
			continue;
		n++;
		module_clear(&m);
	}
	return n;
}

/* The form that the first entries have: the documented one, or, where none of
 * them makes sense by that, one of another length. */
static struct entry_form find_form(const ImageIo *io, bool is64, uint64_t off,
				   uint64_t count)
{
	struct entry_form best = is64 ? form_64 : form_32;
	unsigned step = is64 ? 8 : 4, n_best;

	n_best = count_good(io, &best, off, count);
	if (n_best > 1 || n_best == count)
		return best;
	for (uint32_t bytes = best.size + step; bytes <= ENTRY_BYTES_MAX;
	     bytes += step) {
		struct entry_form form = best;
		unsigned n;

		form.bytes = bytes;
		form.timestamp = 0;
		n = count_good(io, &form, off, count);
		if (n > n_best) {
			n_best = n;
			best = form;
		}
	}
	return best;
}

/* A count that nobody vouches for. */
static uint64_t cap_count(uint64_t count, uint64_t max, uint64_t *n_bad)
{
	*n_bad += count > max ? count - max : 0;
	return MIN(count, max);
}

void image_triage_modules(struct image_triage *triage, const ImageIo *io,
			  uint64_t off, uint64_t count, uint64_t *n_bad)
{
	struct entry_form form;
	size_t bytes = 0;

	triage->modules = modules_new();
	count = cap_count(count, MODULES_MAX, n_bad);
	if (!count)
		return;
	form = find_form(io, triage->is64, off, count);
	for (uint64_t i = 0; i < count; i++) {
		struct image_module m;

		if (bytes > NAMES_BYTES_MAX ||
		    !read_entry(io, &form, off + i * form.bytes, &m)) {
			++*n_bad;
			continue;
		}
		bytes += strlen(m.name);
		g_array_append_val(triage->modules, m);
	}
}

/* DUMP_UNLOADED_DRIVERS: UNICODE_STRING whose pointer is of no use, the first
 * 12 characters of the name, start, end. name NULL: it is empty. */
static bool read_unloaded(const ImageIo *io, bool is64, uint64_t off,
			  struct image_module *ret)
{
	size_t word = is64 ? 8 : 4, name = 2 * word;
	uint8_t b[56];
	uint64_t end;

	if (!image_io_read(io, off, b, name + 24 + 2 * word))
		return false;
	ret->base = load_word(b + name + 24, is64);
	end = load_word(b + name + 24 + word, is64);
	ret->name = NULL;
	if (!ret->base && !end) /* an entry that was never used */
		return true;
	if (end <= ret->base ||
	    !is_plausible(ret->base, end - ret->base, is64))
		return false;
	ret->size = end - ret->base;
	ret->timestamp = 0;
	ret->name = text_from_utf16(b + name, MIN(load_le16(b), 24));
	return true;
}

void image_triage_unloaded(struct image_triage *triage, const ImageIo *io,
			   uint64_t off, uint64_t *n_bad)
{
	size_t word = triage->is64 ? 8 : 4;
	size_t entry = 4 * word + 24;
	uint64_t count;
	uint8_t b[4];

	triage->unloaded = modules_new();
	if (!off || !image_io_read(io, off, b, sizeof b))
		return;
	count = cap_count(load_le32(b), UNLOADED_MAX, n_bad);
	for (uint64_t i = 0; i < count; i++) {
		struct image_module m;

		if (!read_unloaded(io, triage->is64, off + word + i * entry,
				   &m))
			++*n_bad;
		else if (m.name)
			g_array_append_val(triage->unloaded, m);
	}
}
