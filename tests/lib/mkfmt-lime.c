/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers of LiME images: as LiME makes them, and as others do. */
#include "config.h"

#include "lib/mkfmt-list.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 32 };

enum variant {
	PLAIN,
	EXCLUSIVE, /* the end is one past the last byte */
	PADDED,	   /* headers at the start of pages of the file */
	REVERSED,  /* the highest segment first */
	SLICED,	   /* segments of 1 MiB */
};

static bool put_header(int fd, uint64_t at, const struct mk_run *run,
		       enum variant variant)
{
	uint64_t end = run->start + run->len - (variant != EXCLUSIVE);
	uint8_t h[HEADER] = { 0 };
	const uint32_t version = GUINT32_TO_LE(1);
	const uint64_t range[2] = { GUINT64_TO_LE(run->start),
				    GUINT64_TO_LE(end) };

	memcpy(h, "EMiL", 4);
	memcpy(h + 4, &version, 4);
	memcpy(h + 8, range, 16);
	return mk_write_at(fd, h, sizeof h, at);
}

static bool put_segment(const MkPhys *phys, int fd, uint64_t *at,
			const struct mk_run *run, enum variant variant)
{
	uint64_t data;

	if (variant == PADDED)
		*at = (*at + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE * MK_PAGE_SIZE;
	data = *at + HEADER;
	if (!put_header(fd, *at, run, variant))
		return false;
	*at = data + run->len;
	return ftruncate(fd, (off_t)*at) == 0 &&
	       mk_write_pages(phys, fd, run->start, run->len, data);
}

static bool put_run(const MkPhys *phys, int fd, uint64_t *at,
		    const struct mk_run *run, enum variant variant)
{
	const uint64_t most = variant == SLICED ? UINT64_C(1) << 20 : run->len;

	for (uint64_t done = 0; done < run->len; done += most) {
		const struct mk_run piece = { run->start + done,
					      MIN(most, run->len - done) };

		if (!put_segment(phys, fd, at, &piece, variant))
			return false;
	}
	return true;
}

static bool write_variant(const MkPhys *phys, const char *path,
			  enum variant variant, GError **error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	const struct mk_run *runs;
	uint64_t at = 0;
	bool ok = fd >= 0;
	size_t n;

	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; ok && i < n; i++)
		ok = put_run(phys, fd, &at,
			     &runs[variant == REVERSED ? n - 1 - i : i],
			     variant);
	if (!ok)
		mk_write_failed(error, path);
	if (fd >= 0)
		close(fd);
	return ok;
}

#define WRITER(id, variant, name, help)                                       \
	static bool write_##id(const MkPhys *phys, const char *path,          \
			       const struct mk_write_options *options,        \
			       const char *arg, GError **error)               \
	{                                                                     \
		(void)options;                                                \
		(void)arg;                                                    \
		return write_variant(phys, path, variant, error);             \
	}                                                                     \
	const struct mk_writer mk_##id##_writer = { name, "lime", help, 0,    \
						    write_##id }

WRITER(lime, PLAIN, "lime", "LiME");
WRITER(lime_exclusive, EXCLUSIVE, "lime-exclusive",
       "LiME, ends one past the last byte");
WRITER(lime_padded, PADDED, "lime-padded", "LiME, headers at pages");
WRITER(lime_reversed, REVERSED, "lime-reversed", "LiME, highest run first");
WRITER(lime_sliced, SLICED, "lime-sliced", "LiME, segments of 1 MiB");
