/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zip archives that are no AFF4 volumes: a wrapper where a single member is in
 * them and stored as it is. What is compressed cannot be read at any place
 * without all that is before it, so it is refused with advice.
 */
#include "config.h"

#include <string.h>

#include "image/formats.h"

#ifdef HAVE_ZIP

#include <zip.h>

#include "base/text.h"
#include "image/affzip.h"

/* The image keeps it: an ImageIo without bytes, which goes last. */
static void free_zip(void *zip)
{
	aff_zip_free(zip);
}

static const struct image_io_ops holder_ops = { .free = free_zip };

/* The only member that is no folder; NULL: there are more, or none. */
static char *only_member(AffZip *zip, struct aff_member *member)
{
	g_autofree char *found = NULL;

	for (uint64_t i = 0; i < aff_zip_count(zip); i++) {
		g_autofree char *urn = aff_zip_urn(zip, i);
		struct aff_member m;

		if (g_str_has_suffix(urn, "/") || !aff_zip_stat(zip, i, &m))
			continue;
		if (found)
			return NULL;
		found = text_escape_line(urn[0] == '/' ? urn + 1 : urn);
		*member = m;
	}
	return g_steal_pointer(&found);
}

static ImageIo *open_only(AffZip *zip, Log *log, GError **error)
{
	struct aff_member member;
	g_autofree char *name = only_member(zip, &member);
	ImageIo *io;

	if (!name) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "holds several files, or none; unzip it,"
				    " and give the image that is in it");
		return NULL;
	}
	if (!member.stored) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "holds %.200s, which is compressed or encrypted;"
			    " unzip it first (`zip -0` makes an archive that"
			    " can be read in place)",
			    name);
		return NULL;
	}
	io = aff_zip_member_io(zip, &member);
	if (!io)
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "%.200s in it is empty or damaged", name);
	else
		log_add(log, LOG_INFO, "image", "zip: holds %.200s", name);
	return io;
}

static ImageIo *zip_unwrap(Image *image, Log *log, GError **error)
{
	AffZip *zip = aff_zip_open(image->io, log, error);

	if (!zip)
		return NULL;
	g_ptr_array_add(image->more, image_io_custom(&holder_ops, zip, 0, 0));
	return open_only(zip, log, error);
}

static const char *zip_library(void)
{
	return "libzip " LIBZIP_VERSION;
}

#else

static ImageIo *zip_unwrap(Image *image, Log *log, GError **error)
{
	(void)image;
	(void)log;
	g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "this build is without libzip");
	return NULL;
}

static const char *zip_library(void)
{
	return NULL;
}

#endif

static enum image_probe zip_probe(const ImageIo *io)
{
	uint8_t magic[4];

	return image_io_read(io, 0, magic, 4) && !memcmp(magic, "PK\3\4", 4) ?
		       IMAGE_MINE :
		       IMAGE_NOT_MINE;
}

const struct ImageOps image_zip_ops = {
	.name = "zip",
	.description = "zip archive",
	.probe = zip_probe,
	.unwrap = zip_unwrap,
	.reads_with = zip_library,
};
