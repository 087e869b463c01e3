/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of an image file. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "image/image.h"
#include "image/io.h"

struct ImageIo {
	int fd; /* -1 for memory */
	uint64_t size;
	int64_t mtime;
	const uint8_t *map; /* of size bytes, or NULL */
	image_io_read_fn read;
	void *read_ctx;
	const struct image_io_ops *ops; /* of image_io_custom(), or NULL */
	void *ctx;
};

static int64_t read_fd(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	const ImageIo *io = ctx;
	ssize_t n;

	do
		n = pread(io->fd, buf, len_bytes, (off_t)off);
	while (n < 0 && errno == EINTR);
	return n;
}

static int64_t read_memory(void *ctx, uint64_t off, void *buf,
			   size_t len_bytes)
{
	const ImageIo *io = ctx;

	if (off >= io->size)
		return 0;
	len_bytes = (size_t)MIN(len_bytes, io->size - off);
	memcpy(buf, io->map + off, len_bytes);
	return (int64_t)len_bytes;
}

static bool check_kind(const struct stat *st, GError **error)
{
	if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
		return true;
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPEN,
		    "is a %s; expected a regular file or block device",
		    S_ISDIR(st->st_mode) ? "directory" :
		    S_ISCHR(st->st_mode) ? "character device" :
					   "special file");
	return false;
}

static bool find_size(ImageIo *io, GError **error)
{
	off_t end = lseek(io->fd, 0, SEEK_END);

	if (end > 0) {
		io->size = (uint64_t)end;
		return true;
	}
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPEN, "%s",
		    end ? g_strerror(errno) :
			  "is empty; expected pages of memory");
	return false;
}

static bool open_fd(ImageIo *io, const char *path, GError **error)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO must not hang us before it is refused. */
	io->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (io->fd < 0 || fstat(io->fd, &st) < 0) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPEN,
			    "cannot be opened: %s", g_strerror(errno));
		return false;
	}
	if (!check_kind(&st, error))
		return false;
	io->mtime = st.st_mtim.tv_sec;
	return find_size(io, error);
}

ImageIo *image_io_open(const char *path, GError **error)
{
	g_autoptr(ImageIo) io = g_new0(ImageIo, 1);
	void *map;

	if (!open_fd(io, path, error))
		return NULL;
	map = io->size <= SIZE_MAX ? mmap(NULL, (size_t)io->size, PROT_READ,
					  MAP_SHARED, io->fd, 0) :
				     MAP_FAILED;
	if (map != MAP_FAILED)
		io->map = map;
	io->read = read_fd;
	io->read_ctx = io;
	return g_steal_pointer(&io);
}

ImageIo *image_io_memory(const void *bytes, size_t len_bytes)
{
	ImageIo *io = g_new0(ImageIo, 1);

	io->fd = -1;
	io->size = len_bytes;
	io->map = bytes;
	io->read = read_memory;
	io->read_ctx = io;
	return io;
}

ImageIo *image_io_custom(const struct image_io_ops *ops, void *ctx,
			 uint64_t size, int64_t mtime)
{
	ImageIo *io = g_new0(ImageIo, 1);

	io->fd = -1;
	io->size = size;
	io->mtime = mtime;
	io->read = ops->read;
	io->read_ctx = ctx;
	io->ops = ops;
	io->ctx = ctx;
	return io;
}

void image_io_free(ImageIo *io)
{
	if (!io)
		return;
	if (io->ops && io->ops->free)
		io->ops->free(io->ctx);
	if (io->fd >= 0) {
		if (io->map)
			munmap((void *)(uintptr_t)io->map, (size_t)io->size);
		close(io->fd);
	}
	g_free(io);
}

uint64_t image_io_size(const ImageIo *io)
{
	return io->size;
}

int64_t image_io_mtime(const ImageIo *io)
{
	return io->mtime;
}

bool image_io_read(const ImageIo *io, uint64_t off, void *buf,
		   size_t len_bytes)
{
	uint8_t *p = buf;

	if (!range_fits(off, len_bytes, io->size))
		return false;
	while (len_bytes) {
		int64_t n = io->read(io->read_ctx, off, p, len_bytes);

		if (n <= 0)
			return false;
		p += n;
		off += (uint64_t)n;
		len_bytes -= (size_t)n;
	}
	return true;
}

enum image_held image_io_hold(const ImageIo *io, uint64_t off,
			      size_t len_bytes, bool wait,
			      struct image_hold *ret)
{
	/* Not past a reader that a test has put in. */
	if (!io->ops || !io->ops->hold || io->read != io->ops->read ||
	    !len_bytes || !range_fits(off, len_bytes, io->size))
		return IMAGE_NOT_HELD;
	return io->ops->hold(io->ctx, off, len_bytes, wait, ret);
}

void image_io_unhold(const ImageIo *io, const struct image_hold *hold)
{
	io->ops->unhold(io->ctx, hold);
}

const uint8_t *image_io_map(const ImageIo *io)
{
	return io->map;
}

bool image_io_is_file(const ImageIo *io)
{
	return !io->ops;
}

uint64_t image_io_next_data(const ImageIo *io, uint64_t off)
{
	off_t next;

	if (off >= io->size)
		return io->size;
	if (io->ops && io->ops->next_data)
		return MIN(io->ops->next_data(io->ctx, off), io->size);
	if (io->fd < 0)
		return off;
	next = lseek(io->fd, (off_t)off, SEEK_DATA);
	if (next < 0)
		return errno == ENXIO ? io->size : off;
	return MIN((uint64_t)next, io->size);
}

void image_io_set_reader(ImageIo *io, image_io_read_fn fn, void *ctx)
{
	io->read = fn;
	io->read_ctx = ctx;
}
