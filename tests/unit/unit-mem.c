/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images held in memory. */
#include "config.h"

#include "unit/unit-mem.h"

#include "image/formats.h"

static void make_image(struct unit_mem *mem, size_t len,
		       const struct image_run *runs, size_t n)
{
	mem->image = image_new(image_io_memory(mem->bytes, len), "memory",
			       NULL);
	mem->image->ops = &image_raw_ops;
	for (size_t i = 0; i < n; i++)
		image_runs_add(mem->image->runs, runs[i].pa, runs[i].len,
			       runs[i].off, len);
	image_runs_finish(mem->image->runs);
	mem->pm = physmem_new(mem->image);
}

void unit_mem_init(struct unit_mem *mem, const MkPhys *phys)
{
	g_autofree struct image_run *copies = NULL;
	const struct mk_run *runs;
	uint64_t len = 0;
	size_t n;

	runs = mk_phys_runs(phys, &n);
	copies = g_new0(struct image_run, n);
	for (size_t i = 0; i < n; i++) {
		copies[i] = (struct image_run){ runs[i].start, runs[i].len,
						len };
		len += runs[i].len;
	}
	mem->bytes = g_malloc((size_t)len);
	for (size_t i = 0; i < n; i++)
		mk_phys_read(phys, runs[i].start, mem->bytes + copies[i].off,
			     (size_t)runs[i].len);
	make_image(mem, (size_t)len, copies, n);
}

void unit_mem_init_runs(struct unit_mem *mem, const void *bytes, size_t len,
			const struct image_run *runs, size_t n)
{
	mem->bytes = g_memdup2(bytes, len);
	make_image(mem, len, runs, n);
}

void unit_mem_clear(struct unit_mem *mem)
{
	physmem_free(mem->pm);
	image_free(mem->image);
	g_free(mem->bytes);
}

int64_t unit_no_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	(void)ctx;
	(void)off;
	(void)buf;
	(void)len;
	return -1;
}
