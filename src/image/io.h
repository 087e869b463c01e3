/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of an image file, read-only: pread for what is parsed (an image
 * that shrinks under a live mount then gives short reads, not signals), and
 * a mapping of the whole file for replies that are not copied. Or bytes that
 * have to be made first, such as what is compressed in a container.
 */
#ifndef IMAGE_IO_H
#define IMAGE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef struct ImageIo ImageIo;

/* How bytes are read; tests put their own here to inject faults. Returns
 * how many bytes were read (0 at the end), or -1. */
typedef int64_t (*image_io_read_fn)(void *ctx, uint64_t off, void *buf,
				    size_t len_bytes);

/* Opens a regular file or block device O_RDONLY. */
ImageIo *image_io_open(const char *path, GError **error);
/* Bytes in memory, borrowed until image_io_free(). */
ImageIo *image_io_memory(const void *bytes, size_t len_bytes);
/* Bytes where they lie in memory, kept there until image_io_unhold(). */
struct image_hold {
	const uint8_t *bytes;
	size_t len;	  /* > 0 */
	size_t pinned;	  /* what is kept for that, in bytes */
	const void *what; /* for image_io_unhold() */
};

enum image_held {
	IMAGE_HELD,
	IMAGE_NOT_READY, /* it would take time */
	IMAGE_NOT_HELD,	 /* not to be had so: image_io_read() */
};

/* Where the bytes come from when they are not simply those of a file; all
 * functions are called from several threads at once. */
struct image_io_ops {
	/* Up to len_bytes at off, which is below the size: how many were
	 * read; 0 or -1 where they cannot be. */
	int64_t (*read)(void *ctx, uint64_t off, void *buf, size_t len_bytes);
	/* First offset >= off that is not in a hole, or the size; NULL: there
	 * are no holes. */
	uint64_t (*next_data)(void *ctx, uint64_t off);
	/* As image_io_hold(), off being below the size; or NULL, both. */
	enum image_held (*hold)(void *ctx, uint64_t off, size_t len_bytes,
				bool wait, struct image_hold *ret);
	void (*unhold)(void *ctx, const struct image_hold *hold);
	void (*free)(void *ctx); /* or NULL */
};

/* Size bytes by ops, which is static, and ctx, which it takes. mtime as of
 * image_io_mtime(). */
ImageIo *image_io_custom(const struct image_io_ops *ops, void *ctx,
			 uint64_t size, int64_t mtime);
void image_io_free(ImageIo *io);

uint64_t image_io_size(const ImageIo *io);
/* Modification time of the file, Unix seconds (0 for memory). */
int64_t image_io_mtime(const ImageIo *io);
/* Exactly len_bytes at off, or false. */
bool image_io_read(const ImageIo *io, uint64_t off, void *buf,
		   size_t len_bytes) G_GNUC_WARN_UNUSED_RESULT;
/* The first of the len_bytes at off, one at least, without a copy. wait: make
 * them if they are not there. */
enum image_held image_io_hold(const ImageIo *io, uint64_t off,
			      size_t len_bytes, bool wait,
			      struct image_hold *ret);
void image_io_unhold(const ImageIo *io, const struct image_hold *hold);
/* The mapping of the whole file (size bytes as of opening), or NULL where
 * there is none. Touching it is only safe for system calls: the file may
 * have shrunk. Borrowed. */
const uint8_t *image_io_map(const ImageIo *io);
/* Are offsets in it offsets in a file (not of bytes made first)? */
bool image_io_is_file(const ImageIo *io);
/* First offset >= off that is not in a hole of the file; the size of the
 * file where there is none. */
uint64_t image_io_next_data(const ImageIo *io, uint64_t off);
/* Replaces the reader; for tests. */
void image_io_set_reader(ImageIo *io, image_io_read_fn fn, void *ctx);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageIo, image_io_free)

#endif
