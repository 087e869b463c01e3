/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page files. */
#include "config.h"

#include "base/bytes.h"
#include "image/image.h"
#include "image/pagefile.h"

struct page_file {
	const ImageIo *io; /* NULL: not given */
	ImageIo *own;	   /* the same, if it is ours */
	char *path;
	const char *origin; /* static */
};

struct PageFiles {
	struct page_file file[PAGE_FILES_MAX];
};

PageFiles *page_files_new(void)
{
	return g_new0(PageFiles, 1);
}

void page_files_free(PageFiles *files)
{
	if (!files)
		return;
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++) {
		image_io_free(files->file[i].own);
		g_free(files->file[i].path);
	}
	g_free(files);
}

static bool check_number(const PageFiles *files, unsigned number,
			 GError **error)
{
	if (number >= PAGE_FILES_MAX) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
			    "is page file %u; expected a number up to %u",
			    number, PAGE_FILES_MAX - 1);
		return false;
	}
	if (files->file[number].io) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
			    "is page file %u, which is %s already", number,
			    files->file[number].path);
		return false;
	}
	return true;
}

/* io: of the container; NULL: the file at path is opened. */
static bool add(PageFiles *files, unsigned number, const char *path,
		const ImageIo *io, const char *origin, GError **error)
{
	struct page_file file = { .io = io, .origin = origin };
	bool ok = check_number(files, number, error);

	if (ok && !io) {
		file.io = file.own = image_io_open(path, error);
		ok = file.io != NULL;
	}
	if (!ok) {
		g_prefix_error(error, "%s: ", path);
		return false;
	}
	file.path = g_strdup(path);
	files->file[number] = file;
	return true;
}

bool page_files_add(PageFiles *files, unsigned number, const char *path,
		    GError **error)
{
	return add(files, number, path, NULL, "given", error);
}

bool page_files_add_found(PageFiles *files, unsigned number,
			  const struct image_companion *found, GError **error)
{
	return add(files, number, found->path, found->io,
		   found->io ? "found in the image" : "found beside the image",
		   error);
}

/* Of the file, or NULL where there is none. */
static const ImageIo *io_of(const PageFiles *files, unsigned number)
{
	if (!files || number >= PAGE_FILES_MAX)
		return NULL;
	return files->file[number].io;
}

const char *page_files_origin(const PageFiles *files, unsigned number)
{
	return io_of(files, number) ? files->file[number].origin : "not given";
}

bool page_files_has(const PageFiles *files, unsigned number)
{
	return io_of(files, number) != NULL;
}

const char *page_files_path(const PageFiles *files, unsigned number)
{
	return io_of(files, number) ? files->file[number].path : NULL;
}

uint64_t page_files_size(const PageFiles *files, unsigned number)
{
	const ImageIo *io = io_of(files, number);

	return io ? image_io_size(io) : 0;
}

bool page_files_read(const PageFiles *files, unsigned number, uint64_t off,
		     void *buf, size_t len_bytes)
{
	const ImageIo *io = io_of(files, number);

	return io && image_io_read(io, off, buf, len_bytes);
}

const uint8_t *page_files_map(const PageFiles *files, unsigned number,
			      uint64_t off, size_t len_bytes)
{
	const ImageIo *io = io_of(files, number);
	const uint8_t *map = io ? image_io_map(io) : NULL;

	if (!map || !range_fits(off, len_bytes, image_io_size(io)))
		return NULL;
	return map + off;
}
