/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams of an MSF file. */
#include "config.h"

#include "base/bytes.h"
#include "nt/pdb_msf.h"
#include "nt/symfill.h"

#define BLOCK_MIN 512u
#define BLOCK_MAX 65536u
#define DIRECTORY_MAX (16 * MIB)
#define STREAM_MAX (64 * MIB)
/* The size of a stream that was deleted. */
#define NIL_SIZE UINT32_MAX

struct NtMsf {
	const ImageIo *io;
	uint32_t block_bytes;
	uint8_t *directory; /* u32 each: count, sizes, then block numbers */
	uint64_t dir_bytes;
	uint32_t n_streams;
};

static uint64_t blocks_of(const NtMsf *msf, uint64_t len_bytes)
{
	return (len_bytes + msf->block_bytes - 1) / msf->block_bytes;
}

/* Reads len_bytes from byte off of what lies in the blocks of a list. */
static bool read_blocks(const NtMsf *msf, const uint8_t *list, uint64_t off,
			uint8_t *buf, uint64_t len_bytes)
{
	const uint32_t bs = msf->block_bytes;

	while (len_bytes) {
		const uint8_t *entry = list + off / bs * 4;
		uint64_t pos = (uint64_t)load_le32(entry) * bs + off % bs;
		uint64_t n = bs - off % bs;

		/* Blocks that follow each other are read at once. */
		while (n < len_bytes &&
		       load_le32(entry + 4) == (uint64_t)load_le32(entry) + 1) {
			entry += 4;
			n += bs;
		}
		n = MIN(n, len_bytes);
		if (!image_io_read(msf->io, pos, buf, (size_t)n))
			return false;
		buf += n;
		off += n;
		len_bytes -= n;
	}
	return true;
}

static uint8_t *try_alloc(const NtMsf *msf, uint64_t len_bytes, uint64_t max)
{
	if (len_bytes > max || len_bytes > image_io_size(msf->io))
		return NULL;
	return g_try_malloc((gsize)MAX(len_bytes, 1));
}

/* The directory lies in blocks whose numbers are in the block map. */
static bool read_directory(NtMsf *msf, uint32_t map_block)
{
	uint64_t map_bytes = blocks_of(msf, msf->dir_bytes) * 4;
	g_autofree uint8_t *map = try_alloc(msf, map_bytes, DIRECTORY_MAX);

	msf->directory = try_alloc(msf, msf->dir_bytes, DIRECTORY_MAX);
	if (!map || !msf->directory || msf->dir_bytes < 4)
		return false;
	if (!image_io_read(msf->io, (uint64_t)map_block * msf->block_bytes,
			   map, (size_t)map_bytes) ||
	    !read_blocks(msf, map, 0, msf->directory, msf->dir_bytes))
		return false;
	msf->n_streams = load_le32(msf->directory);
	return range_fits(4, (uint64_t)msf->n_streams * 4, msf->dir_bytes);
}

NtMsf *nt_msf_new(const ImageIo *io, GError **error)
{
	g_autoptr(NtMsf) msf = g_new0(NtMsf, 1);
	uint8_t head[56];

	msf->io = io;
	if (!image_io_read(io, 0, head, sizeof head) ||
	    memcmp(head, NT_MSF_MAGIC, NT_MSF_MAGIC_BYTES)) {
		nt_symfill_fail(error, "no PDB: it does not begin as MSF 7.00"
				       " does");
		return NULL;
	}
	msf->block_bytes = load_le32(head + 32);
	msf->dir_bytes = load_le32(head + 44);
	if (msf->block_bytes < BLOCK_MIN || msf->block_bytes > BLOCK_MAX ||
	    msf->block_bytes & (msf->block_bytes - 1)) {
		nt_symfill_fail(error, "damaged PDB: blocks of %u bytes",
				msf->block_bytes);
		return NULL;
	}
	if (!read_directory(msf, load_le32(head + 52))) {
		nt_symfill_fail(error, "damaged or truncated PDB: its"
				       " directory cannot be read");
		return NULL;
	}
	return g_steal_pointer(&msf);
}

void nt_msf_free(NtMsf *msf)
{
	if (!msf)
		return;
	g_free(msf->directory);
	g_free(msf);
}

uint64_t nt_msf_size(const NtMsf *msf, unsigned stream)
{
	uint32_t size;

	if (stream >= msf->n_streams)
		return 0;
	size = load_le32(msf->directory + 4 + (size_t)stream * 4);
	return size == NIL_SIZE ? 0 : size;
}

/* The block numbers of a stream within the directory, or NULL. */
static const uint8_t *block_list(const NtMsf *msf, unsigned stream)
{
	uint64_t pos = 4 + (uint64_t)msf->n_streams * 4;

	/* 2^32 streams of 2^32 bytes do not overflow this. */
	for (unsigned i = 0; i < stream; i++)
		pos += blocks_of(msf, nt_msf_size(msf, i)) * 4;
	if (!range_fits(pos, blocks_of(msf, nt_msf_size(msf, stream)) * 4,
			msf->dir_bytes))
		return NULL;
	return msf->directory + pos;
}

GBytes *nt_msf_read(const NtMsf *msf, unsigned stream, uint64_t off,
		    uint64_t len_bytes)
{
	uint64_t size = nt_msf_size(msf, stream);
	const uint8_t *list = block_list(msf, stream);
	uint8_t *buf;

	if (!list || off > size || !size)
		return NULL;
	len_bytes = MIN(len_bytes, size - off);
	buf = try_alloc(msf, len_bytes, STREAM_MAX);
	if (!buf)
		return NULL;
	if (!read_blocks(msf, list, off, buf, len_bytes)) {
		g_free(buf);
		return NULL;
	}
	return g_bytes_new_take(buf, (gsize)len_bytes);
}
