/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page files: where Windows put the pages that did not fit into memory. Files
 * beside the image, each under the number by which page table entries name it.
 * Filled while an image is being opened, read-only (and thread safe)
 * afterwards.
 */
#ifndef IMAGE_PAGEFILE_H
#define IMAGE_PAGEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "image/image.h"

/* An entry of a page table has four bits for the number (_MMPTE_SOFTWARE.
 * PageFileLow). */
#define PAGE_FILES_MAX 16u

typedef struct PageFiles PageFiles;

/* An empty set; it belongs to the caller. */
PageFiles *page_files_new(void);
void page_files_free(PageFiles *files);

/*
 * Opens the file or block device at path O_RDONLY as page file `number` (0 to
 * 15). False with one line, which starts with the path (IMAGE_ERROR_OPEN: it
 * is not there, a folder, empty...; IMAGE_ERROR_OPTION: the number is taken or
 * too large); the set is then as it was.
 */
bool page_files_add(PageFiles *files, unsigned number, const char *path,
		    GError **error);

/*
 * The same of a file that was found, not given. One that is in the image's
 * container is borrowed from the image, which must outlive the set.
 */
bool page_files_add_found(PageFiles *files, unsigned number,
			  const struct image_companion *found, GError **error);
/* Why it is there: "given", "found beside the image", "found in the image";
 * "not given" where it is not. Static. */
const char *page_files_origin(const PageFiles *files, unsigned number);

/* Was page file `number` given? files may be NULL here and below: none was. */
bool page_files_has(const PageFiles *files, unsigned number);
/* As it was given to page_files_add(), or NULL. Borrowed. */
const char *page_files_path(const PageFiles *files, unsigned number);
/* Bytes, as of opening; 0 where there is no such file. */
uint64_t page_files_size(const PageFiles *files, unsigned number);

/*
 * Exactly len_bytes at byte off of file `number`, or false: it was not given,
 * it ends before that (buf is then undefined), or it cannot be read. Holes of
 * a sparse file are zeros. Allocates nothing.
 */
bool page_files_read(const PageFiles *files, unsigned number, uint64_t off,
		     void *buf, size_t len_bytes) G_GNUC_WARN_UNUSED_RESULT;
/*
 * The mapping at byte off, for replies that are not copied: only for system
 * calls, as the file may have shrunk. NULL where the file is not mapped, or
 * has not all of [off, off + len_bytes). Borrowed.
 */
const uint8_t *page_files_map(const PageFiles *files, unsigned number,
			      uint64_t off, size_t len_bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PageFiles, page_files_free)

#endif
