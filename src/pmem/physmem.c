/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical memory. */
#include "config.h"

#include "base/bytes.h"
#include "pmem/physmem.h"

struct PhysMem {
	const Image *image; /* borrowed */
};

PhysMem *physmem_new(const Image *image)
{
	PhysMem *pm = g_new0(PhysMem, 1);

	pm->image = image;
	return pm;
}

void physmem_free(PhysMem *pm)
{
	g_free(pm);
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
		const struct image_run *run =
			image_runs_find(pm->image->runs, pa.v);
		size_t n;

		if (!run || run->pa > pa.v)
			return PHYS_OUTSIDE;
		n = (size_t)MIN(len_bytes, run->len - (pa.v - run->pa));
		if (!image_io_read(pm->image->io, run->off + (pa.v - run->pa),
				   p, n))
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
	const struct image_run *run = image_runs_find(pm->image->runs, pa.v);
	const uint8_t *map = image_io_map(pm->image->io);
	struct phys_slice slice = { .len = max_len };

	if (!run)
		return slice;
	if (run->pa > pa.v) {
		slice.len = MIN(max_len, run->pa - pa.v);
		return slice;
	}
	slice.present = true;
	slice.len = MIN(max_len, run->len - (pa.v - run->pa));
	if (map)
		slice.map = map + run->off + (pa.v - run->pa);
	return slice;
}

bool physmem_has_page(const PhysMem *pm, PhysAddr pa)
{
	uint64_t page = page_floor(pa.v);
	const struct image_run *run = image_runs_find(pm->image->runs, page);

	return run && run->pa < page + PAGE_SIZE_4K;
}

uint64_t physmem_next_data(const PhysMem *pm, uint64_t pa)
{
	uint64_t end = physmem_end(pm);

	while (pa < end) {
		const struct image_run *run =
			image_runs_find(pm->image->runs, pa);
		uint64_t off;

		if (!run)
			break;
		pa = MAX(pa, run->pa);
		off = run->off + (pa - run->pa);
		off = image_io_next_data(pm->image->io, off);
		if (off < run->off + run->len)
			return run->pa + (off - run->off);
		pa = run->pa + run->len;
	}
	return end;
}
