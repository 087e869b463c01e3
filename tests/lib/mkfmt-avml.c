/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers of AVML images, version 2: Snappy's frames. */
#include "config.h"

#include "lib/mkfmt-list.h"

#ifdef HAVE_SNAPPY

#include <fcntl.h>
#include <snappy-c.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"

enum {
	HEADER = 32,
	FRAME = 65536,
};

#define SEGMENT (UINT64_C(16) << 20)

struct variant {
	uint64_t segment; /* bytes of memory in each; 0: a run is one */
	bool plain;	  /* frames that are not compressed */
	bool exclusive;	  /* the end is one past the last byte */
	bool no_zeros;	  /* segments of zeros are left out */
	bool odd;	  /* frames of odd sizes, padding, no trailers */
};

struct out {
	const MkPhys *phys;
	const struct variant *variant;
	int fd;
	uint64_t at;
	uint8_t data[FRAME];
	uint8_t frame[8 + FRAME * 2];
};

static bool put(struct out *out, const void *buf, size_t len)
{
	bool ok = mk_write_at(out->fd, buf, len, out->at);

	out->at += len;
	return ok;
}

static uint32_t masked_checksum(const void *buf, size_t len)
{
	uint32_t crc = crc32c(buf, len);

	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static bool put_frame(struct out *out, uint64_t pa, size_t len)
{
	size_t packed = sizeof out->frame - 8;
	uint32_t words[2];

	mk_phys_read(out->phys, pa, out->data, len);
	if (out->variant->plain) {
		packed = len;
		memcpy(out->frame + 8, out->data, len);
	} else if (snappy_compress((const char *)out->data, len,
				   (char *)out->frame + 8, &packed)) {
		return false;
	}
	words[0] = GUINT32_TO_LE((uint32_t)(packed + 4) << 8 |
				 out->variant->plain);
	words[1] = GUINT32_TO_LE(masked_checksum(out->data, len));
	memcpy(out->frame, words, sizeof words);
	return put(out, out->frame, packed + 8);
}

/* A chunk of padding, and one that is not known but may be skipped. */
static bool put_padding(struct out *out)
{
	return put(out, "\xfe\x03\0\0abc" "\x80\0\0\0", 11);
}

static bool put_frames(struct out *out, const struct mk_run *run)
{
	size_t most = out->variant->odd ? 12345 : FRAME;

	if (!put(out, "\xff\x06\0\0sNaPpY", 10))
		return false;
	for (uint64_t done = 0; done < run->len; done += most)
		if (!put_frame(out, run->start + done,
			       (size_t)MIN(most, run->len - done)) ||
		    (out->variant->odd && !put_padding(out)))
			return false;
	return true;
}

static bool put_segment(struct out *out, const struct mk_run *run)
{
	uint64_t end = run->start + run->len - !out->variant->exclusive;
	const uint64_t range[2] = { GUINT64_TO_LE(run->start),
				    GUINT64_TO_LE(end) };
	uint8_t h[HEADER] = "AVML\2";
	uint64_t start, len;

	memcpy(h + 8, range, sizeof range);
	if (!put(out, h, sizeof h))
		return false;
	start = out->at;
	if (!put_frames(out, run))
		return false;
	len = GUINT64_TO_LE(out->at - start);
	return out->variant->odd || put(out, &len, sizeof len);
}

static bool only_zeros(const MkPhys *phys, const struct mk_run *run)
{
	for (uint64_t at = 0; at < run->len; at += MK_PAGE_SIZE)
		if (mk_phys_used(phys, run->start + at))
			return false;
	return true;
}

static bool put_run(struct out *out, const struct mk_run *run)
{
	const struct variant *v = out->variant;
	uint64_t most = v->segment ? v->segment : run->len;

	for (uint64_t done = 0; done < run->len; done += most) {
		const struct mk_run piece = { run->start + done,
					      MIN(most, run->len - done) };

		if (!(v->no_zeros && only_zeros(out->phys, &piece)) &&
		    !put_segment(out, &piece))
			return false;
	}
	return true;
}

static bool write_variant(const MkPhys *phys, const char *path,
			  const struct variant *variant, GError **error)
{
	g_autofree struct out *out = g_new0(struct out, 1);
	const struct mk_run *runs;
	bool ok;
	size_t n;

	out->phys = phys;
	out->variant = variant;
	out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	ok = out->fd >= 0;
	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; ok && i < n; i++)
		ok = put_run(out, &runs[i]);
	if (!ok)
		mk_write_failed(error, path);
	if (out->fd >= 0)
		close(out->fd);
	return ok;
}

#define WRITER(id, name, help, more, ...)                                     \
	static bool write_##id(const MkPhys *phys, const char *path,          \
			       const struct mk_write_options *options,        \
			       const char *arg, GError **error)               \
	{                                                                     \
		static const struct variant variant = { __VA_ARGS__ };        \
                                                                              \
		(void)options;                                                \
		(void)arg;                                                    \
		return write_variant(phys, path, &variant, error);            \
	}                                                                     \
	const struct mk_writer mk_##id##_writer = {                           \
		name, "avml", help, MK_WRITER_COMPRESSED | (more), write_##id \
	}

WRITER(avml, "avml", "AVML 2", 0, .segment = SEGMENT);
WRITER(avml_sparse, "avml-sparse", "AVML 2, 16 MiB of zeros left out",
       MK_WRITER_LOSSY, .segment = SEGMENT, .no_zeros = true);
WRITER(avml_raw, "avml-raw", "AVML 2, frames that are not compressed", 0,
       .segment = SEGMENT, .plain = true);
WRITER(avml_runs, "avml-runs", "AVML 2, a segment for each run", 0,
       .segment = 0);
WRITER(avml_odd, "avml-odd",
       "AVML 2, odd frames, padding, no trailers, exclusive ends", 0,
       .segment = 1 << 20, .odd = true, .exclusive = true);

#endif
