/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw files without the hole below 4 GiB. */
#include "config.h"

#include <inttypes.h>

#include "image/formats.h"
#include "image/hole.h"

const uint64_t image_holes[] = {
	0x80000000, 0xb0000000, 0xc0000000, 0xd0000000,
	0xe0000000, 0xf0000000, 0xf8000000, 0,
};

bool image_may_lack_hole(const Image *image)
{
	uint64_t size = image_io_size(image_data(image));
	struct image_run run;

	return image->ops == &image_raw_ops && !image->mapped &&
	       size > image_holes[0] && image_runs_count(image->runs) == 1 &&
	       image_runs_next(image->runs, 0, &run) && !run.pa && !run.off &&
	       run.len == size;
}

void image_set_hole(Image *image, uint64_t start)
{
	uint64_t size = image_io_size(image_data(image));
	ImageRuns *runs = image_runs_new();

	image_runs_add(runs, 0, start, 0, size);
	image_runs_add(runs, IMAGE_HOLE_END, size - start, start, size);
	image_runs_finish(runs);
	image_runs_free(image->runs);
	image->runs = runs;
	image->hole = start;
	g_free(image->detail);
	image->detail = g_strdup_printf(
		"%s; the hole from 0x%" PRIx64 " to 4 GiB is not in the file",
		image->ops->description, start);
}

bool image_hole_offset(uint64_t start, uint64_t size, uint64_t pa,
		       uint64_t *off)
{
	uint64_t at = pa;

	if (start && pa >= start) {
		if (pa < IMAGE_HOLE_END)
			return false;
		at = pa - IMAGE_HOLE_END + start;
	}
	if (at >= size)
		return false;
	*off = at;
	return true;
}

uint64_t image_hole_address(uint64_t start, uint64_t off)
{
	return start && off >= start ? off - start + IMAGE_HOLE_END : off;
}
