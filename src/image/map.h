/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * map=FILE: which bytes of a raw file are which physical memory, as text.
 *
 *	START LENGTH OFFSET		as the tree's image/runs: decimal, or
 *					hex with 0x
 *	START-END : System RAM		as /proc/iomem and image/iomem: hex,
 *					END is the last byte; the file has these
 *					back to back, in this order
 *
 * A file has lines of one kind; empty ones, and what follows a '#', do not
 * count, nor do indented lines of /proc/iomem and those of other resources.
 */
#ifndef IMAGE_MAP_H
#define IMAGE_MAP_H

#include "image/runs.h"

/*
 * Adds the runs of the map at path; data_size: of the raw file. False with
 * one line in error, which starts with the path (IMAGE_ERROR_OPTION), where
 * it cannot be read or a line is not as above.
 */
bool image_map_read(const char *path, ImageRuns *runs, uint64_t data_size,
		    GError **error);
/* The same of text at hand. */
bool image_map_parse(const char *text, size_t len_bytes, ImageRuns *runs,
		     uint64_t data_size, GError **error);

#endif
