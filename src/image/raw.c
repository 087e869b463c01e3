/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw images: physical address = file offset, or by a map. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "image/formats.h"
#include "image/map.h"

/* Containers that are not read (yet): their bytes are not physical memory,
 * so taking them for raw would show nonsense. */
static const struct {
	const char *magic;
	size_t len_bytes;
	const char *what;
} foreign[] = {
	{ "PAGEDU", 6, "a Windows crash dump" },
	{ "\x9e\xdd\x43\x89", 4, "an encrypted VMware file" },
	{ "7z\xbc\xaf\x27\x1c", 6, "a 7z archive (`7z x` unpacks it)" },
	{ "Rar!\x1a\x07", 6, "a RAR archive (`unrar x` unpacks it)" },
	{ "BZh91AY&SY", 10, "bzip2-compressed (`bunzip2` unpacks it)" },
	{ "\x04\x22\x4d\x18", 4, "lz4-compressed (`unlz4` unpacks it)" },
	{ "QFI\xfb", 4, "a qcow2 disk (the memory of a snapshot in it: load it"
			 " in QEMU with -S -loadvm NAME, then"
			 " dump-guest-memory)" },
	{ "MDMP", 4, "a user-mode minidump (MDMP: one process, for debuggers"
		     " such as WinDbg; it has no physical memory)" },
	{ "USERDU", 6, "a user-mode crash dump (one process, for debuggers"
		       " such as WinDbg; it has no physical memory)" },
	{ "\x7f" "ELF", 4, "an ELF file" },
};

const char *image_foreign_format(const ImageIo *io)
{
	uint8_t head[16];

	for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++)
		if (image_io_read(io, 0, head, foreign[i].len_bytes) &&
		    !memcmp(head, foreign[i].magic, foreign[i].len_bytes))
			return foreign[i].what;
	return NULL;
}

static enum image_probe raw_probe(const ImageIo *io)
{
	return image_foreign_format(io) ? IMAGE_NOT_MINE : IMAGE_MINE;
}

static bool raw_open(Image *image, Log *log, GError **error)
{
	uint64_t size = image_io_size(image->io);
	const char *map = image->options.map_file;
	g_autofree char *shown = NULL;

	if (!map) {
		image_runs_add(image->runs, 0, size, 0, size);
		return true;
	}
	if (!image_map_read(map, image->runs, size, error))
		return false;
	image->mapped = true;
	image->detail = g_strdup("raw physical memory, by the runs of map=");
	shown = text_escape_line(map);
	log_add(log, LOG_INFO, "image", "runs of physical memory by map=%s",
		shown);
	return true;
}

const struct ImageOps image_raw_ops = {
	.name = "raw",
	.description = "raw physical memory",
	.probe = raw_probe,
	.open = raw_open,
};
