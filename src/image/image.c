/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening an image: the loop over the formats. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "image/formats.h"
#include "image/image.h"

G_DEFINE_QUARK(winprocfs-image-error-quark, image_error)

const struct ImageOps *const image_formats[] = {
	&image_crashdump_ops,
	&image_elf_ops,
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

static const struct ImageOps *probe_formats(const ImageIo *io, GError **error)
{
	for (size_t i = 0; image_formats[i]; i++)
		if (image_formats[i]->probe(io) != IMAGE_NOT_MINE)
			return image_formats[i];
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "is %s, which this version does not read; expected raw"
		    " physical memory or an ELF core (format=raw shows the"
		    " bytes as they are)",
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

static bool open_format(Image *image, Log *log, GError **error)
{
	if (!image->ops->open(image, log, error)) {
		g_prefix_error(error, "%s: ", image->ops->name);
		return false;
	}
	image_runs_finish(image->runs);
	log_damage(image, log);
	if (image_runs_count(image->runs))
		return true;
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "%s: holds no physical memory; expected at least one"
		    " run within the file (format=raw shows the bytes as"
		    " they are)",
		    image->ops->name);
	return false;
}

Image *image_open_io(ImageIo *io, const char *path, const char *format,
		     Log *log, GError **error)
{
	g_autoptr(Image) image = g_new0(Image, 1);

	image->path = g_strdup(path);
	image->io = io;
	image->runs = image_runs_new();
	image->cpus = g_array_new(FALSE, TRUE, sizeof(struct image_cpu));
	image->ops = format ? find_format(format, error) :
			      probe_formats(io, error);
	if (!image->ops || !open_format(image, log, error)) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	log_add(log, LOG_INFO, "image",
		"%s, %" PRIu64 " bytes of physical memory in %zu run(s)",
		image->ops->description, image_runs_bytes(image->runs),
		image_runs_count(image->runs));
	return g_steal_pointer(&image);
}

Image *image_open(const char *path, const char *format, Log *log,
		  GError **error)
{
	ImageIo *io = image_io_open(path, error);

	if (!io) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	return image_open_io(io, path, format, log, error);
}

void image_free(Image *image)
{
	if (!image)
		return;
	image_io_free(image->io);
	image_runs_free(image->runs);
	if (image->cpus)
		g_array_unref(image->cpus);
	g_free(image->detail);
	g_free(image->path);
	g_free(image);
}
