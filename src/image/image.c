/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening an image: the loop over the formats. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "image/beside.h"
#include "image/formats.h"
#include "image/image.h"

G_DEFINE_QUARK(winprocfs-image-error-quark, image_error)

/* How deep wrappers are followed: a dump in an E01 in an xz is three. */
#define WRAPPERS_MAX 4u

const struct ImageOps *const image_formats[] = {
	&image_aff4_ops,
	&image_avml_ops,
	&image_triage_ops,
	&image_crashdump_ops,
	&image_elf_ops,
	&image_lime_ops,
	&image_vmware_ops,
	&image_gzip_ops,
	&image_xz_ops,
	&image_zstd_ops,
	&image_flattened_ops,
	&image_kdump_ops,
	&image_qevm_ops,
	&image_ewf_ops,
	&image_hibr_ops,
	&image_zip_ops,
	&image_raw_ops,
	NULL,
};

static const struct ImageOps *find_format(const char *name, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);

	for (size_t i = 0; image_formats[i]; i++) {
		if (!strcmp(name, image_formats[i]->name))
			return image_formats[i];
		g_string_append_printf(known, "%s%s", i ? ", " : "",
				       image_formats[i]->name);
	}
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
		    "format=%s is not known; expected one of %s", name,
		    known->str);
	return NULL;
}

void image_add_companion(Image *image, enum image_companion_kind kind,
			 const char *path, ImageIo *io)
{
	struct image_companion companion = { kind, g_strdup(path), io };

	g_array_append_val(image->companions, companion);
}

static void clear_companion(gpointer data)
{
	struct image_companion *companion = data;

	g_free(companion->path);
	image_io_free(companion->io);
}

/* Each of "a 1, b 2" that is not there yet. */
static void add_versions(GPtrArray *list, const char *versions)
{
	g_auto(GStrv) each = g_strsplit(versions, ", ", -1);

	for (char **version = each; *version; version++)
		if (**version && !g_ptr_array_find_with_equal_func(
					 list, *version, g_str_equal, NULL))
			g_ptr_array_add(list, g_strdup(*version));
}

char *image_library_versions(void)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);

	for (size_t i = 0; image_formats[i]; i++) {
		const char *versions = image_formats[i]->reads_with ?
					       image_formats[i]->reads_with() :
					       NULL;

		if (versions)
			add_versions(list, versions);
	}
	g_ptr_array_add(list, NULL);
	return g_strjoinv(", ", (char **)list->pdata);
}

static const struct ImageOps *probe_formats(const ImageIo *io, GError **error)
{
	for (size_t i = 0; image_formats[i]; i++)
		if (image_formats[i]->probe(io) != IMAGE_NOT_MINE)
			return image_formats[i];
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "is %s, which this version does not read; expected one"
		    " of the containers that --version lists (format=raw"
		    " shows the bytes as they are)",
		    image_foreign_format(io));
	return NULL;
}

static void log_damage(const Image *image, Log *log)
{
	const struct image_runs_damage *d = image_runs_damage(image->runs);

	if (d->n_beyond_file)
		log_add(log, LOG_WARN, "image",
			"%" PRIu64 " run(s) of physical memory reach beyond the"
			" end of the file (%" PRIu64 " bytes are missing): the"
			" file was cut short; every page before the cut is"
			" there",
			d->n_beyond_file, d->missing_bytes);
	if (d->n_beyond_address)
		log_add(log, LOG_WARN, "image",
			"%" PRIu64 " run(s) lie beyond 2^52, the end of"
			" physical memory, and were left out",
			d->n_beyond_address);
	if (d->n_overlaps)
		log_add(log, LOG_WARN, "image",
			"%" PRIu64 " run(s) claim physical memory that another"
			" run holds; the one that starts lower was used",
			d->n_overlaps);
}

/* The library that a format needs, for image/info; false where this build
 * has it not. */
static bool note_library(Image *image, GError **error)
{
	const char *version;

	if (!image->ops->reads_with)
		return true;
	version = image->ops->reads_with();
	if (version) {
		g_ptr_array_add(image->libraries, g_strdup(version));
		return true;
	}
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "this build reads no %s, for the library was not there"
		    " when it was configured (format=raw shows the bytes as"
		    " they are)",
		    image->ops->description);
	return false;
}

static bool open_format(Image *image, Log *log, GError **error)
{
	if (!note_library(image, error) ||
	    !image->ops->open(image, log, error)) {
		g_prefix_error(error, "%s: ", image->ops->name);
		return false;
	}
	image_runs_finish(image->runs);
	log_damage(image, log);
	if (image_runs_count(image->runs) || image->triage)
		return true;
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "%s: holds no physical memory; expected at least one"
		    " run within the file (format=raw shows the bytes as"
		    " they are)",
		    image->ops->name);
	return false;
}

/* Goes on with what is within a wrapper. */
static bool unwrap(Image *image, Log *log, GError **error)
{
	ImageIo *within = note_library(image, error) ?
				  image->ops->unwrap(image, log, error) :
				  NULL;

	if (!within) {
		g_prefix_error(error, "%s: ", image->ops->name);
		return false;
	}
	g_ptr_array_add(image->more, image->io);
	image->io = within;
	g_ptr_array_add(image->wrappers, g_strdup(image->ops->description));
	log_add(log, LOG_INFO, "image", "%s, %" PRIu64 " bytes within",
		image->ops->description, image_io_size(within));
	return true;
}

/* What looks raw may be half of something. */
static const struct ImageOps *look_beside(const Image *image, Log *log)
{
	for (size_t i = 0; image_formats[i]; i++)
		if (image_formats[i]->beside &&
		    image_formats[i]->beside(image, log))
			return image_formats[i];
	return &image_raw_ops;
}

/* map= is of raw files: what it is about is one, whatever it looks like, once
 * it is unwrapped. */
static const struct ImageOps *choose_mapped(const Image *image, Log *log,
					    GError **error)
{
	const char *format = image->options.format;
	const struct ImageOps *ops = probe_formats(image->io, NULL);

	if (format && strcmp(format, image_raw_ops.name)) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
			    "map= is of raw files; format=%s has runs of its"
			    " own (expected format=raw, or none)",
			    format);
		return NULL;
	}
	if (ops && ops->unwrap && !format)
		return ops;
	if (ops != &image_raw_ops)
		log_add(log, LOG_WARN, "image",
			"map= takes the file for raw memory, though it begins"
			" like %s",
			ops ? ops->description :
			      image_foreign_format(image->io));
	return &image_raw_ops;
}

/* format= names the outermost that is meant: a wrapper, or what may be in
 * one. */
static const struct ImageOps *choose_format(const Image *image, Log *log,
					    GError **error)
{
	const struct ImageOps *named = NULL, *found;

	if (image->options.map_file)
		return choose_mapped(image, log, error);
	if (image->options.format) {
		named = find_format(image->options.format, error);
		if (!named)
			return NULL;
	}
	if (named && (!named->unwrap || !image->wrappers->len))
		return named;
	found = probe_formats(image->io, error);
	return found == &image_raw_ops ? look_beside(image, log) : found;
}

static bool open_layers(Image *image, Log *log, GError **error)
{
	for (unsigned depth = 0; depth <= WRAPPERS_MAX; depth++) {
		image->ops = choose_format(image, log, error);
		if (!image->ops)
			return false;
		if (!image->ops->unwrap)
			return open_format(image, log, error);
		if (depth < WRAPPERS_MAX && !unwrap(image, log, error))
			return false;
	}
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "is wrapped more than %u times", WRAPPERS_MAX);
	return false;
}

static void free_io(gpointer io)
{
	image_io_free(io);
}

Image *image_new(ImageIo *io, const char *path,
		 const struct image_options *options)
{
	Image *image = g_new0(Image, 1);

	image->path = g_strdup(path);
	if (options)
		image->options = *options;
	image->io = io;
	image->outer = io;
	image->more = g_ptr_array_new_with_free_func(free_io);
	image->cache = image_cache_new(image->options.cache_bytes);
	image->runs = image_runs_new();
	image->cpus = g_array_new(FALSE, TRUE, sizeof(struct image_cpu));
	image->wrappers = g_ptr_array_new_with_free_func(g_free);
	image->libraries = g_ptr_array_new_with_free_func(g_free);
	image->companions = g_array_new(FALSE, TRUE,
					sizeof(struct image_companion));
	g_array_set_clear_func(image->companions, clear_companion);
	return image;
}

Image *image_open_io(ImageIo *io, const char *path,
		     const struct image_options *options, Log *log,
		     GError **error)
{
	g_autoptr(Image) image = image_new(io, path, options);
	bool opened = open_layers(image, log, error);

	if (opened && path && !image->options.no_companions)
		image_find_page_files(image);
	memset(&image->options, 0, sizeof image->options);
	if (!opened) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	log_add(log, LOG_INFO, "image",
		"%s, %" PRIu64 " bytes of physical memory in %zu run(s)",
		image->ops->description, image_runs_bytes(image->runs),
		image_runs_count(image->runs));
	return g_steal_pointer(&image);
}

Image *image_open(const char *path, const struct image_options *options,
		  Log *log, GError **error)
{
	ImageIo *io = image_io_open(path, error);

	if (!io) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	return image_open_io(io, path, options, log, error);
}

/* What borrows goes first: data, then io, then wrappers from the inside. */
static void free_ios(Image *image)
{
	image_io_free(image->data);
	image_io_free(image->io);
	while (image->more->len)
		g_ptr_array_remove_index(image->more, image->more->len - 1);
	g_ptr_array_unref(image->more);
}

void image_free(Image *image)
{
	if (!image)
		return;
	g_array_unref(image->companions);
	free_ios(image);
	image_cache_free(image->cache);
	image_runs_free(image->runs);
	g_array_unref(image->cpus);
	g_ptr_array_unref(image->wrappers);
	g_ptr_array_unref(image->libraries);
	image_triage_free(image->triage);
	g_free(image->detail);
	g_free(image->path);
	g_free(image);
}
