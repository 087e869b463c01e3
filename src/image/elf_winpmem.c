/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Old winpmem's YAML: a mapping of one level, "CR3: 0x1ab000" and such, each
 * on a line, that "..." ends. Source: Rekall's reader of ELF cores.
 */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "image/elf_winpmem.h"

#define TEXT_MAX (64u * 1024)

static void take_line(Image *image, const char *line)
{
	const char *colon = strchr(line, ':');
	uint64_t value;

	if (!colon)
		return;
	value = g_ascii_strtoull(colon + 1, NULL, 0);
	if (g_str_has_prefix(line, "CR3:"))
		image->facts.dtb = value;
	else if (g_str_has_prefix(line, "KernBase:"))
		image->facts.kernel_base = value;
}

void elf_winpmem_read(Image *image, uint64_t off, uint64_t len_bytes)
{
	uint64_t size = image_io_size(image->io);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	size_t n;

	if (off >= size)
		return;
	n = (size_t)MIN(MIN(len_bytes, size - off), TEXT_MAX);
	text = g_malloc(n + 1);
	if (!image_io_read(image->io, off, text, n))
		return;
	text[n] = '\0';
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line && strcmp(*line, "..."); line++)
		take_line(image, *line);
}
