/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical memory. */
#include "config.h"

#include <stdatomic.h>

#include "base/bytes.h"
#include "pmem/physmem.h"

struct PhysMem {
	const Image *image;  /* borrowed */
	const ImageIo *data; /* where its runs lead */
	uint64_t serial;
};

PhysMem *physmem_new(const Image *image)
{
	static _Atomic uint64_t n_made;
	PhysMem *pm = g_new0(PhysMem, 1);

	pm->serial = atomic_fetch_add(&n_made, 1) + 1;
	pm->image = image;
	pm->data = image_data(image);
	return pm;
}

void physmem_free(PhysMem *pm)
{
	g_free(pm);
}

uint64_t physmem_serial(const PhysMem *pm)
{
	return pm->serial;
}

uint64_t physmem_end(const PhysMem *pm)
{
	return image_runs_end(pm->image->runs);
}

uint64_t physmem_bytes(const PhysMem *pm)
{
	return image_runs_bytes(pm->image->runs);
}

const ImageRuns *physmem_runs(const PhysMem *pm)
{
	return pm->image->runs;
}

enum phys_status physmem_read(const PhysMem *pm, PhysAddr pa, void *buf,
			      size_t len_bytes)
{
	uint8_t *p = buf;

	while (len_bytes) {
		struct image_run run;
		size_t n;

		if (!image_runs_find(pm->image->runs, pa.v, &run) ||
		    run.pa > pa.v)
			return PHYS_OUTSIDE;
		n = (size_t)MIN(len_bytes, run.len - (pa.v - run.pa));
		if (!image_io_read(pm->data, run.off + (pa.v - run.pa), p, n))
			return PHYS_IO;
		p += n;
		pa.v += n;
		len_bytes -= n;
	}
	return PHYS_OK;
}

struct phys_slice physmem_slice(const PhysMem *pm, PhysAddr pa,
				uint64_t max_len)
{
	const uint8_t *map = image_io_map(pm->data);
	struct phys_slice slice = { .len = max_len };
	struct image_run run;

	if (!image_runs_find(pm->image->runs, pa.v, &run))
		return slice;
	if (run.pa > pa.v) {
		slice.len = MIN(max_len, run.pa - pa.v);
		return slice;
	}
	slice.present = true;
	slice.len = MIN(max_len, run.len - (pa.v - run.pa));
	if (map)
		slice.map = map + run.off + (pa.v - run.pa);
	return slice;
}

bool physmem_is_mapped(const PhysMem *pm)
{
	return image_io_map(pm->data) != NULL;
}

enum image_held physmem_hold(const PhysMem *pm, PhysAddr pa, size_t len_bytes,
			     bool wait, struct image_hold *ret)
{
	struct image_run run;

	if (!image_runs_find(pm->image->runs, pa.v, &run) || run.pa > pa.v)
		return IMAGE_NOT_HELD;
	len_bytes = (size_t)MIN(len_bytes, run.len - (pa.v - run.pa));
	return image_io_hold(pm->data, run.off + (pa.v - run.pa), len_bytes,
			     wait, ret);
}

void physmem_unhold(const PhysMem *pm, const struct image_hold *hold)
{
	image_io_unhold(pm->data, hold);
}

bool physmem_has_page(const PhysMem *pm, PhysAddr pa)
{
	uint64_t page = page_floor(pa.v);
	struct image_run run;

	return image_runs_find(pm->image->runs, page, &run) &&
	       run.pa < page + PAGE_SIZE_4K;
}

uint64_t physmem_next_data(const PhysMem *pm, uint64_t pa)
{
	uint64_t end = physmem_end(pm);

	while (pa < end) {
		struct image_run run;
		uint64_t off;

		if (!image_runs_find(pm->image->runs, pa, &run))
			break;
		pa = MAX(pa, run.pa);
		off = run.off + (pa - run.pa);
		off = image_io_next_data(pm->data, off);
		if (off < run.off + run.len)
			return run.pa + (off - run.off);
		pa = run.pa + run.len;
	}
	return end;
}
