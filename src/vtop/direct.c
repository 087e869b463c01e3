/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of virtual ranges. */
#include "config.h"

#include "base/bytes.h"
#include "vtop/direct.h"

struct DirectMap {
	const ImageIo *io;
	unsigned va_bits;
	GArray *runs; /* struct direct_run */
	uint64_t bytes;
	struct direct_damage damage;
};

DirectMap *direct_map_new(const ImageIo *io, unsigned va_bits)
{
	DirectMap *map = g_new0(DirectMap, 1);

	map->io = io;
	map->va_bits = va_bits;
	map->runs = g_array_new(FALSE, FALSE, sizeof(struct direct_run));
	return map;
}

void direct_map_free(DirectMap *map)
{
	if (!map)
		return;
	g_array_unref(map->runs);
	g_free(map);
}

/* How many bytes there are from va to the end of what addresses there are: of
 * its half of the space, or of a 32-bit space. */
static uint64_t room_at(const DirectMap *map, uint64_t va)
{
	uint64_t half = UINT64_C(1) << (map->va_bits - 1);

	if (map->va_bits <= 32)
		return 2 * half - va;
	if (va < half)
		return half - va;
	/* To 2^64; of va 0, which is not here, it would be 0. */
	return 0 - va;
}

void direct_map_add(DirectMap *map, uint64_t va, uint64_t len, uint64_t off)
{
	struct direct_run run = { va, len, off };
	uint64_t size = image_io_size(map->io), room;

	if (!len) {
		map->damage.n_empty++;
		return;
	}
	if (!virt_is_canonical(va, map->va_bits)) {
		map->damage.n_bad_address++;
		return;
	}
	if (!range_fits(off, len, size)) {
		map->damage.n_beyond_file++;
		if (off >= size)
			return;
		run.len = size - off;
	}
	room = room_at(map, va);
	if (run.len > room) {
		map->damage.n_bad_address++;
		run.len = room;
	}
	g_array_append_val(map->runs, run);
}

static gint compare_runs(gconstpointer a, gconstpointer b)
{
	const struct direct_run *x = a, *y = b;

	if (x->va != y->va)
		return x->va < y->va ? -1 : 1;
	return x->len > y->len ? -1 : x->len < y->len;
}

/* Does run go on where prev ends, in both? */
static bool continues(const struct direct_run *prev,
		      const struct direct_run *run)
{
	return prev->va + prev->len == run->va &&
	       prev->off + prev->len == run->off;
}

void direct_map_finish(DirectMap *map)
{
	GArray *runs = map->runs;
	struct direct_run *last = NULL;
	guint n = 0;

	g_array_sort(runs, compare_runs);
	map->bytes = 0;
	for (guint i = 0; i < runs->len; i++) {
		struct direct_run run =
			g_array_index(runs, struct direct_run, i);
		uint64_t cut = last && last->len > run.va - last->va ?
				       last->len - (run.va - last->va) : 0;

		map->damage.n_overlaps += cut != 0;
		if (cut >= run.len)
			continue;
		run.va += cut;
		run.off += cut;
		run.len -= cut;
		map->bytes += run.len;
		if (last && continues(last, &run)) {
			last->len += run.len;
			continue;
		}
		last = &g_array_index(runs, struct direct_run, n++);
		*last = run;
	}
	g_array_set_size(runs, n);
}

size_t direct_map_count(const DirectMap *map)
{
	return map->runs->len;
}

const struct direct_run *direct_map_get(const DirectMap *map, size_t index)
{
	return &g_array_index(map->runs, struct direct_run, index);
}

uint64_t direct_map_bytes(const DirectMap *map)
{
	return map->bytes;
}

const struct direct_damage *direct_map_damage(const DirectMap *map)
{
	return &map->damage;
}

size_t direct_map_find(const DirectMap *map, uint64_t va)
{
	size_t low = 0, high = map->runs->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct direct_run *run = direct_map_get(map, mid);

		if (run->va + (run->len - 1) < va)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool direct_map_read_file(const DirectMap *map, uint64_t off, void *buf,
			  size_t len_bytes)
{
	return image_io_read(map->io, off, buf, len_bytes);
}

const uint8_t *direct_map_at_file(const DirectMap *map, uint64_t off)
{
	const uint8_t *bytes = image_io_map(map->io);

	return bytes ? bytes + off : NULL;
}
