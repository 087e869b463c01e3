/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AFF4: finds the memory in a volume, and what else belongs to it. */
#include "config.h"

#include "image/formats.h"

#ifdef HAVE_ZIP

#include <inttypes.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#include <zip.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/bytes.h"
#include "base/text.h"
#include "image/aff4.h"

#define TURTLE_MAX (UINT32_C(8) << 20)
#define YAML_MAX 65536u
/* An entry of a page table has four bits for it. */
#define PAGEFILES_MAX 16u
/* Ranges of a list by winpmem, which has room for 100. */
#define RUNS_MAX 1024u

/* What is opened is kept by the image; AffZip by an ImageIo without bytes,
 * which goes last. */
static void free_zip(void *zip)
{
	aff_zip_free(zip);
}

static const struct image_io_ops holder_ops = { .free = free_zip };

static bool has_type(const struct aff4 *a, const char *urn, const char *type,
		     const char *older)
{
	return aff_turtle_has(a->turtle, urn, "type", type) ||
	       aff_turtle_has(a->turtle, urn, "type", older);
}

static bool is_map(const struct aff4 *a, const char *urn)
{
	struct aff_member member;
	g_autofree char *map = g_strconcat(urn, "/map", NULL);

	return has_type(a, urn, "Map", "map") ||
	       aff_zip_find(a->zip, map, &member);
}

static bool is_image_stream(const struct aff4 *a, const char *urn)
{
	struct aff_member member;
	g_autofree char *bevy = g_strconcat(urn, "/00000000", NULL);

	return has_type(a, urn, "ImageStream", "stream") ||
	       aff_zip_find(a->zip, bevy, &member);
}

static ImageIo *open_new(struct aff4 *a, const char *urn)
{
	const char *data = aff_turtle_value(a->turtle, urn, "dataStream");
	struct aff_member member;

	if (is_map(a, urn))
		return aff4_map_new(a, urn);
	if (is_image_stream(a, urn))
		return aff4_image_stream_new(a, urn);
	if (data)
		return open_new(a, data);
	if (aff_zip_find(a->zip, urn, &member))
		return aff_zip_member_io(a->zip, &member);
	return NULL;
}

const ImageIo *aff4_open_stream(struct aff4 *a, const char *urn)
{
	ImageIo *io = NULL;

	/* One that is being opened is in there as NULL: a loop. */
	if (g_hash_table_contains(a->opened, urn))
		return g_hash_table_lookup(a->opened, urn);
	if (a->depth >= AFF4_DEPTH_MAX ||
	    g_hash_table_size(a->opened) >= AFF4_STREAMS_MAX) {
		g_string_assign(a->problem, "has more streams, or maps"
					    " within maps, than are followed");
		return NULL;
	}
	g_hash_table_insert(a->opened, g_strdup(urn), NULL);
	a->depth++;
	io = open_new(a, urn);
	a->depth--;
	if (io)
		g_ptr_array_add(a->image->more, io);
	g_hash_table_insert(a->opened, g_strdup(urn), io);
	return io;
}

/* The memory: by its category, else by its name or type, else the only map or
 * stream that there is. */
static bool is_memory(const struct aff_statement *s, unsigned how)
{
	const char *property = aff_local_name(s->property);
	const char *value = aff_local_name(s->value);

	switch (how) {
	case 0:
		return !strcmp(property, "category") &&
		       g_str_has_suffix(s->value, "memory/physical");
	case 1:
		return !strcmp(property, "type") &&
		       !strcmp(value, "MemoryImage");
	case 2:
		return !strcmp(property, "type") &&
		       !g_ascii_strcasecmp(value, "map") &&
		       g_str_has_suffix(s->subject, "PhysicalMemory");
	case 3:
		return !strcmp(property, "type") &&
		       !g_ascii_strcasecmp(value, "map");
	default:
		return !strcmp(property, "type") &&
		       (!strcmp(value, "ImageStream") ||
			!strcmp(value, "stream") || !strcmp(value, "image"));
	}
}

static const char *find_memory(struct aff4 *a)
{
	for (unsigned how = 0; how < 5; how++) {
		const char *found = NULL;
		unsigned n = 0;

		for (size_t i = 0; i < aff_turtle_count(a->turtle); i++) {
			const struct aff_statement *s =
				aff_turtle_get(a->turtle, i);

			if (!is_memory(s, how) ||
			    (found && !strcmp(found, s->subject)))
				continue;
			found = found ? found : s->subject;
			n++;
		}
		if (n > 1 && how > 2)
			return NULL;
		if (n > 1)
			log_add(a->log, LOG_WARN, "image",
				"aff4: holds %u memories; the first is shown",
				n);
		if (found)
			return found;
	}
	return NULL;
}

/* The thing itself, behind what only points at it. */
static const char *follow(const struct aff4 *a, const char *urn)
{
	for (unsigned i = 0; urn && i < AFF4_DEPTH_MAX; i++) {
		if (is_map(a, urn) || is_image_stream(a, urn))
			return urn;
		urn = aff_turtle_value(a->turtle, urn, "dataStream");
	}
	return NULL;
}

static bool open_memory(struct aff4 *a, const char *urn)
{
	Image *image = a->image;

	if (is_map(a, urn)) {
		image->data = aff4_map_load(a, urn, image->runs);
	} else {
		image->data = aff4_image_stream_new(a, urn);
		if (image->data)
			image_runs_add(image->runs, 0,
				       image_io_size(image->data), 0,
				       image_io_size(image->data));
	}
	return image->data != NULL;
}

/* "KEY: number" of a line, as winpmem writes information.yaml. */
static uint64_t yaml_number(const char *yaml, const char *key)
{
	const char *at = strstr(yaml, key);

	if (!at)
		return 0;
	at += strlen(key);
	while (*at == ' ' || *at == '"')
		at++;
	return g_ascii_strtoull(at, NULL, 0);
}

static char *read_yaml_text(struct aff4 *a, const char *memory)
{
	g_autofree char *urn = g_strconcat(memory, "/information.yaml", NULL);
	struct aff_member member;
	size_t len;

	if (!aff_zip_find(a->zip, urn, &member))
		return NULL;
	return aff_zip_read(a->zip, &member, YAML_MAX, &len);
}

static void read_yaml(struct aff4 *a, const char *memory)
{
	g_autofree char *yaml = read_yaml_text(a, memory);
	struct image_cpu cpu = { 0 };

	if (!yaml)
		return;
	cpu.cr3 = yaml_number(yaml, "CR3:");
	if (cpu.cr3)
		g_array_append_val(a->image->cpus, cpu);
	a->image->facts.kernel_base = yaml_number(yaml, "KernBase:");
	log_add(a->log, LOG_INFO, "image",
		"aff4: winpmem says CR3 0x%" PRIx64 ", kernel at 0x%" PRIx64,
		cpu.cr3, a->image->facts.kernel_base);
}

/* Page files are streams of category memory/pagefile, or files by that
 * name. */
static bool is_pagefile(const struct aff_statement *s)
{
	const char *name = aff_local_name(s->subject);

	if (!strcmp(aff_local_name(s->property), "category"))
		return g_str_has_suffix(s->value, "memory/pagefile");
	return !strcmp(aff_local_name(s->property), "type") &&
	       (!g_ascii_strcasecmp(name, "pagefile.sys") ||
		!g_ascii_strcasecmp(name, "swapfile.sys"));
}

static void add_pagefile(struct aff4 *a, const char *urn)
{
	const char *name = aff_local_name(urn);
	const char *volume = aff_zip_volume(a->zip);
	enum image_companion_kind kind =
		g_ascii_strcasecmp(name, "swapfile.sys") ?
			IMAGE_COMPANION_PAGEFILE :
			IMAGE_COMPANION_SWAPFILE;
	g_autofree char *shown = NULL;
	ImageIo *io = open_new(a, urn);

	if (*volume && g_str_has_prefix(urn, volume))
		urn += strlen(volume);
	while (*urn == '/')
		urn++;
	shown = text_escape_line(urn);
	if (io)
		image_add_companion(a->image, kind, shown, io);
	else
		log_add(a->log, LOG_WARN, "image",
			"aff4: page file %.200s cannot be read", shown);
}

static void find_pagefiles(struct aff4 *a)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	if (a->image->options.no_companions)
		return;
	for (size_t i = 0; i < aff_turtle_count(a->turtle); i++) {
		const struct aff_statement *s = aff_turtle_get(a->turtle, i);

		if (!is_pagefile(s) ||
		    g_hash_table_size(seen) == PAGEFILES_MAX + 1 ||
		    !g_hash_table_add(seen, (gpointer)(uintptr_t)s->subject))
			continue;
		add_pagefile(a, s->subject);
	}
}

/* Without Turtle: the map or stream that winpmem writes, by its name. */
static char *guess_memory(const struct aff4 *a)
{
	static const char *const ends[] = { "/information.yaml", "/map",
					    "/data/00000000" };

	for (size_t e = 0; e < G_N_ELEMENTS(ends); e++)
		for (uint64_t i = 0; i < aff_zip_count(a->zip); i++) {
			char *urn = aff_zip_urn(a->zip, i);

			if (g_str_has_suffix(urn, ends[e])) {
				urn[strlen(urn) - strlen(ends[e])] = '\0';
				return urn;
			}
			g_free(urn);
		}
	return NULL;
}

/* Without a map: the ranges that winpmem lists before it reads them, "start"
 * and "length" each, stand in the stream one behind the other. */
static bool guess_runs(struct aff4 *a, const char *memory)
{
	g_autofree char *yaml = read_yaml_text(a, memory);
	g_autofree char *data = g_strconcat(memory, "/data", NULL);
	const char *at = yaml ? strstr(yaml, "Runs:") : NULL;
	Image *image = a->image;
	uint64_t off = 0;
	unsigned n = 0;

	image->data = at ? aff4_image_stream_new(a, data) : NULL;
	while (image->data && at && n < RUNS_MAX) {
		const char *next = strstr(at + 1, "start:");
		uint64_t len;

		if (!next)
			break;
		len = yaml_number(next, "length:");
		image_runs_add(image->runs, yaml_number(next, "start:"), len,
			       off, image_io_size(image->data));
		if (!add_u64(off, len, &off))
			break;
		at = next;
		n++;
	}
	if (n)
		log_add(a->log, LOG_WARN, "image",
			"aff4: there is no map in what is left; the stream is"
			" shown at the %u range(s) that winpmem listed before"
			" it read them: behind pages that it could not read,"
			" if any, all is at wrong addresses",
			n);
	return n > 0;
}

/* Of a volume that was cut: c-aff4 writes the Turtle last. */
static bool open_cut(struct aff4 *a)
{
	g_autofree char *memory = guess_memory(a);
	g_autofree char *map = memory ? g_strconcat(memory, "/map", NULL) :
					NULL;
	struct aff_member member;

	if (!memory)
		return false;
	a->guess = true;
	a->turtle = aff_turtle_parse("", 0);
	if (aff_zip_find(a->zip, map, &member) && open_memory(a, memory))
		log_add(a->log, LOG_WARN, "image",
			"aff4: information.turtle is missing; the form of"
			" the stream is guessed by its bytes");
	else if (!guess_runs(a, memory))
		return false;
	read_yaml(a, memory);
	return true;
}

static bool read_turtle(struct aff4 *a, GError **error)
{
	g_autofree char *urn = g_strconcat(aff_zip_volume(a->zip),
					   "/information.turtle", NULL);
	struct aff_member member;
	g_autofree char *text = NULL;
	size_t len = 0;

	if (aff_zip_find(a->zip, urn, &member))
		text = aff_zip_read(a->zip, &member, TURTLE_MAX, &len);
	if (!text) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "information.turtle, which says what is where, is"
			    " %s",
			    aff_zip_was_cut(a->zip) ?
				    "not in what is left of the file" :
				    "missing, damaged or too long");
		return false;
	}
	a->turtle = aff_turtle_parse(text, len);
	if (aff_turtle_lost(a->turtle))
		log_add(a->log, LOG_WARN, "image",
			"aff4: %zu statement(s) of information.turtle were"
			" not understood",
			aff_turtle_lost(a->turtle));
	return true;
}

static bool open_volume(struct aff4 *a, GError **error)
{
	const char *memory, *urn;

	if (!read_turtle(a, error)) {
		if (!open_cut(a))
			return false;
		g_clear_error(error);
		return true;
	}
	memory = find_memory(a);
	urn = memory ? follow(a, memory) : NULL;
	if (urn && open_memory(a, urn)) {
		read_yaml(a, memory);
		find_pagefiles(a);
		return true;
	}
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT, "%s",
		    a->problem->len ? a->problem->str :
		    !memory ? "holds no stream of physical memory (disk"
			      " images and files are not shown)" :
			      "the memory in it has no map or stream that can"
			      " be read");
	return false;
}

static bool aff4_open(Image *image, Log *log, GError **error)
{
	struct aff4 a = { .image = image, .log = log };
	bool good;

	a.zip = aff_zip_open(image->io, log, error);
	if (!a.zip)
		return false;
	g_ptr_array_add(image->more, image_io_custom(&holder_ops, a.zip, 0,
						     0));
	a.opened = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					 NULL);
	a.entries_left = AFF4_ENTRIES_MAX;
	a.problem = g_string_new(NULL);
	good = open_volume(&a, error);
	g_string_free(a.problem, TRUE);
	g_hash_table_unref(a.opened);
	aff_turtle_free(a.turtle);
	return good;
}

static const char *aff4_library(void)
{
	return "libzip " LIBZIP_VERSION AFF4_CODEC_LIBRARIES;
}

#else

static bool aff4_open(Image *image, Log *log, GError **error)
{
	(void)image;
	(void)log;
	g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "this build is without libzip");
	return false;
}

static const char *aff4_library(void)
{
	return NULL;
}

#endif

static bool find_text(const ImageIo *io, uint64_t off, size_t len,
		      const char *text)
{
	g_autofree char *buf = g_malloc(len + 1);

	if (!image_io_read(io, off, buf, len))
		return false;
	for (char *at = buf; (at = memchr(at, *text, (size_t)(buf + len -
							      at)));
	     at++)
		if ((size_t)(buf + len - at) >= strlen(text) &&
		    !memcmp(at, text, strlen(text)))
			return true;
	return false;
}

/* A zip archive that names AFF4 at its start (the first member's name) or its
 * end (the comment, and the directory, where information.turtle is last). */
static enum image_probe aff4_probe(const ImageIo *io)
{
	static const char *const words[] = { "aff4://", "aff4%3A",
					     "information.turtle",
					     "container.description",
					     "PhysicalMemory/" };
	uint64_t size = image_io_size(io);
	size_t head = (size_t)MIN(size, 65536);
	uint8_t magic[4];

	if (!image_io_read(io, 0, magic, 4) || memcmp(magic, "PK\3\4", 4) != 0)
		return IMAGE_NOT_MINE;
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (find_text(io, 0, head, words[i]) ||
		    find_text(io, size - head, head, words[i]))
			return IMAGE_MINE;
	return IMAGE_NOT_MINE;
}

const struct ImageOps image_aff4_ops = {
	.name = "aff4",
	.description = "AFF4 volume",
	.probe = aff4_probe,
	.open = aff4_open,
	.reads_with = aff4_library,
};
