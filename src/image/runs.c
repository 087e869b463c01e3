/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical runs of an image. */
#include "config.h"

#include "base/bytes.h"
#include "image/runs.h"

struct ImageRuns {
	GArray *runs; /* struct image_run */
	struct image_runs_damage damage;
	uint64_t bytes;
};

ImageRuns *image_runs_new(void)
{
	ImageRuns *runs = g_new0(ImageRuns, 1);

	runs->runs = g_array_new(FALSE, FALSE, sizeof(struct image_run));
	return runs;
}

void image_runs_free(ImageRuns *runs)
{
	if (!runs)
		return;
	g_array_unref(runs->runs);
	g_free(runs);
}

void image_runs_add(ImageRuns *runs, uint64_t pa, uint64_t len, uint64_t off,
		    uint64_t file_size)
{
	uint64_t in_file = off < file_size ? MIN(len, file_size - off) : 0;
	uint64_t in_space = pa < PHYS_ADDR_END ? MIN(len, PHYS_ADDR_END - pa) :
						 0;
	struct image_run run = { pa, MIN(in_file, in_space), off };

	if (!len)
		return;
	if (in_space < len)
		runs->damage.n_beyond_address++;
	if (in_file < len) {
		runs->damage.n_beyond_file++;
		if (!add_u64(runs->damage.missing_bytes, len - in_file,
			     &runs->damage.missing_bytes))
			runs->damage.missing_bytes = UINT64_MAX;
	}
	if (run.len)
		g_array_append_val(runs->runs, run);
}

static gint compare_runs(gconstpointer a, gconstpointer b)
{
	const struct image_run *x = a, *y = b;

	if (x->pa != y->pa)
		return x->pa < y->pa ? -1 : 1;
	if (x->len != y->len)
		return x->len > y->len ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

/* Cuts from run what prev holds already; false where nothing is left. */
static bool cut_overlap(ImageRuns *runs, const struct image_run *prev,
			struct image_run *run)
{
	uint64_t prev_end = prev->pa + prev->len;
	uint64_t cut;

	if (run->pa >= prev_end)
		return true;
	runs->damage.n_overlaps++;
	cut = prev_end - run->pa;
	if (cut >= run->len)
		return false;
	run->pa += cut;
	run->off += cut;
	run->len -= cut;
	return true;
}

static bool continues(const struct image_run *prev, const struct image_run *run)
{
	return prev->pa + prev->len == run->pa &&
	       prev->off + prev->len == run->off;
}

void image_runs_finish(ImageRuns *runs)
{
	struct image_run *v = (struct image_run *)(void *)runs->runs->data;
	guint n = 0;

	g_array_sort(runs->runs, compare_runs);
	for (guint i = 0; i < runs->runs->len; i++) {
		struct image_run run = v[i];

		if (n && !cut_overlap(runs, &v[n - 1], &run))
			continue;
		if (n && continues(&v[n - 1], &run))
			v[n - 1].len += run.len;
		else
			v[n++] = run;
		runs->bytes += run.len;
	}
	g_array_set_size(runs->runs, n);
}

size_t image_runs_count(const ImageRuns *runs)
{
	return runs->runs->len;
}

const struct image_run *image_runs_get(const ImageRuns *runs, size_t index)
{
	return &g_array_index(runs->runs, struct image_run, index);
}

const struct image_runs_damage *image_runs_damage(const ImageRuns *runs)
{
	return &runs->damage;
}

uint64_t image_runs_bytes(const ImageRuns *runs)
{
	return runs->bytes;
}

uint64_t image_runs_end(const ImageRuns *runs)
{
	const struct image_run *last;

	if (!runs->runs->len)
		return 0;
	last = image_runs_get(runs, runs->runs->len - 1);
	return last->pa + last->len;
}

const struct image_run *image_runs_find(const ImageRuns *runs, uint64_t pa)
{
	size_t low = 0, high = runs->runs->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct image_run *run = image_runs_get(runs, mid);

		if (run->pa + run->len <= pa)
			low = mid + 1;
		else
			high = mid;
	}
	return low < runs->runs->len ? image_runs_get(runs, low) : NULL;
}
