/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sparse physical memory in pieces of 2 MiB, and the page allocator. */
#include "config.h"

#include "lib/mkphys.h"

#include <inttypes.h>
#include <string.h>

#define PIECE_PAGES (MK_LARGE_SIZE / MK_PAGE_SIZE)
/* Pieces broken up at a time, so that pages come from far apart. */
#define POOL_PIECES 3

/* A page is written (data), made on demand (tag != 0), or zeros. */
struct piece {
	uint8_t *data[PIECE_PAGES];
	uint64_t va[PIECE_PAGES];
	uint32_t tag[PIECE_PAGES];
};

struct MkPhys {
	struct mk_random random;
	GArray *runs;	     /* struct mk_run */
	GHashTable *pieces;  /* number of the piece -> struct piece */
	GArray *free_pieces; /* uint64_t, ascending */
	GArray *pool;	     /* uint64_t, single free pages */
	uint64_t run_next;   /* free rest of the piece for small runs */
	uint64_t run_end;
	MkFillFunc fill;
	void *fill_user;
};

uint64_t mk_random_mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

uint64_t mk_random_next(struct mk_random *random)
{
	random->state += UINT64_C(0x9e3779b97f4a7c15);
	return mk_random_mix(random->state);
}

uint64_t mk_random_below(struct mk_random *random, uint64_t n)
{
	return mk_random_next(random) % n;
}

static void free_piece(gpointer data)
{
	struct piece *piece = data;

	for (size_t i = 0; i < PIECE_PAGES; i++)
		g_free(piece->data[i]);
	g_free(piece);
}

MkPhys *mk_phys_new(uint64_t seed)
{
	MkPhys *phys = g_new0(MkPhys, 1);

	phys->random.state = mk_random_mix(seed ^ 0x706879);
	phys->runs = g_array_new(FALSE, FALSE, sizeof(struct mk_run));
	phys->pieces = g_hash_table_new_full(g_int64_hash, g_int64_equal,
					     g_free, free_piece);
	phys->free_pieces = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	phys->pool = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	return phys;
}

void mk_phys_free(MkPhys *phys)
{
	if (!phys)
		return;
	g_array_unref(phys->runs);
	g_hash_table_unref(phys->pieces);
	g_array_unref(phys->free_pieces);
	g_array_unref(phys->pool);
	g_free(phys);
}

/* Low memory is for those who ask for it by address (firmware's place). */
void mk_phys_add_ram(MkPhys *phys, uint64_t start, uint64_t len)
{
	const struct mk_run run = {start, len};
	uint64_t end = start + len;

	g_assert(len > 0 && start >= mk_phys_end(phys));
	g_array_append_val(phys->runs, run);
	if (end <= UINT64_C(1) << 20)
		return;
	for (uint64_t pa = start; pa + MK_PAGE_SIZE <= end;) {
		uint64_t number = pa / MK_LARGE_SIZE;

		if (pa % MK_LARGE_SIZE == 0 && pa + MK_LARGE_SIZE <= end) {
			g_array_append_val(phys->free_pieces, number);
			pa += MK_LARGE_SIZE;
			continue;
		}
		g_array_append_val(phys->pool, pa);
		pa += MK_PAGE_SIZE;
	}
}

const struct mk_run *mk_phys_runs(const MkPhys *phys, size_t *n)
{
	*n = phys->runs->len;
	return (const void *)phys->runs->data;
}

uint64_t mk_phys_end(const MkPhys *phys)
{
	const struct mk_run *last;

	if (phys->runs->len == 0)
		return 0;
	last = &g_array_index(phys->runs, struct mk_run, phys->runs->len - 1);
	return last->start + last->len;
}

bool mk_phys_is_ram(const MkPhys *phys, uint64_t pa, uint64_t len)
{
	for (guint i = 0; i < phys->runs->len; i++) {
		const struct mk_run *run =
			&g_array_index(phys->runs, struct mk_run, i);

		if (pa >= run->start && len <= run->len &&
		    pa - run->start <= run->len - len)
			return true;
	}
	return false;
}

static struct piece *find_piece(const MkPhys *phys, uint64_t pa)
{
	const uint64_t number = pa / MK_LARGE_SIZE;

	return g_hash_table_lookup(phys->pieces, &number);
}

static struct piece *make_piece(MkPhys *phys, uint64_t pa)
{
	struct piece *piece = find_piece(phys, pa);
	uint64_t *number;

	if (piece)
		return piece;
	piece = g_new0(struct piece, 1);
	number = g_new(uint64_t, 1);
	*number = pa / MK_LARGE_SIZE;
	g_hash_table_insert(phys->pieces, number, piece);
	return piece;
}

static size_t page_index(uint64_t pa)
{
	return (size_t)(pa % MK_LARGE_SIZE / MK_PAGE_SIZE);
}

/* The writable page around pa; NULL where there is no RAM. */
static uint8_t *writable_page(MkPhys *phys, uint64_t pa)
{
	const size_t i = page_index(pa);
	struct piece *piece;

	if (!mk_phys_is_ram(phys, pa, 1))
		return NULL;
	piece = make_piece(phys, pa);
	if (piece->data[i])
		return piece->data[i];
	piece->data[i] = g_malloc0(MK_PAGE_SIZE);
	if (piece->tag[i])
		phys->fill(phys->fill_user, piece->tag[i], piece->va[i],
			   piece->data[i]);
	piece->tag[i] = 0;
	return piece->data[i];
}

void mk_phys_write(MkPhys *phys, uint64_t pa, const void *buf, size_t len)
{
	const uint8_t *src = buf;

	while (len > 0) {
		size_t at = (size_t)(pa % MK_PAGE_SIZE);
		size_t n = MIN(len, MK_PAGE_SIZE - at);
		uint8_t *page = writable_page(phys, pa);

		if (page)
			memcpy(page + at, src, n);
		pa += n;
		src += n;
		len -= n;
	}
}

static void read_page(const MkPhys *phys, uint64_t pa, uint8_t *page)
{
	const struct piece *piece = find_piece(phys, pa);
	const size_t i = page_index(pa);

	if (piece && piece->data[i])
		memcpy(page, piece->data[i], MK_PAGE_SIZE);
	else if (piece && piece->tag[i])
		phys->fill(phys->fill_user, piece->tag[i], piece->va[i], page);
	else
		memset(page, 0, MK_PAGE_SIZE);
}

void mk_phys_read(const MkPhys *phys, uint64_t pa, void *buf, size_t len)
{
	uint8_t page[MK_PAGE_SIZE];
	uint8_t *dest = buf;

	while (len > 0) {
		size_t at = (size_t)(pa % MK_PAGE_SIZE);
		size_t n = MIN(len, MK_PAGE_SIZE - at);

		if (n == MK_PAGE_SIZE) {
			read_page(phys, pa, dest);
		} else {
			read_page(phys, pa - at, page);
			memcpy(dest, page + at, n);
		}
		pa += n;
		dest += n;
		len -= n;
	}
}

void mk_phys_write64(MkPhys *phys, uint64_t pa, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	mk_phys_write(phys, pa, &value, sizeof(value));
}

uint64_t mk_phys_read64(const MkPhys *phys, uint64_t pa)
{
	uint64_t value;

	mk_phys_read(phys, pa, &value, sizeof(value));
	return GUINT64_FROM_LE(value);
}

void mk_phys_write32(MkPhys *phys, uint64_t pa, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	mk_phys_write(phys, pa, &value, sizeof(value));
}

uint32_t mk_phys_read32(const MkPhys *phys, uint64_t pa)
{
	uint32_t value;

	mk_phys_read(phys, pa, &value, sizeof(value));
	return GUINT32_FROM_LE(value);
}

static void forget_page(MkPhys *phys, uint64_t pa)
{
	struct piece *piece = find_piece(phys, pa);
	const size_t i = page_index(pa);

	if (!piece)
		return;
	g_clear_pointer(&piece->data[i], g_free);
	piece->tag[i] = 0;
}

void mk_phys_zero(MkPhys *phys, uint64_t pa, uint64_t len)
{
	static const uint8_t zeros[MK_PAGE_SIZE];

	while (len > 0) {
		uint64_t n = MIN(len, MK_PAGE_SIZE - pa % MK_PAGE_SIZE);

		if (n == MK_PAGE_SIZE)
			forget_page(phys, pa);
		else if (mk_phys_used(phys, pa))
			mk_phys_write(phys, pa, zeros, (size_t)n);
		pa += n;
		len -= n;
	}
}

void mk_phys_set_fill(MkPhys *phys, MkFillFunc func, void *user)
{
	phys->fill = func;
	phys->fill_user = user;
}

void mk_phys_fill(MkPhys *phys, uint64_t pa, uint32_t tag, uint64_t va)
{
	const size_t i = page_index(pa);
	struct piece *piece;

	g_assert(tag != 0 && phys->fill);
	if (!mk_phys_is_ram(phys, pa, 1))
		return;
	piece = make_piece(phys, pa);
	g_clear_pointer(&piece->data[i], g_free);
	piece->tag[i] = tag;
	piece->va[i] = va;
}

bool mk_phys_used(const MkPhys *phys, uint64_t pa)
{
	const struct piece *piece = find_piece(phys, pa);
	const size_t i = page_index(pa);

	return piece && (piece->data[i] || piece->tag[i]);
}

/* n consecutive free pieces at or after a random one, taken. */
static uint64_t take_pieces(MkPhys *phys, size_t n)
{
	const GArray *pieces = phys->free_pieces;
	const uint64_t *numbers = (const void *)pieces->data;
	uint64_t first;
	size_t start;

	g_assert(n > 0 && pieces->len >= n);
	start = (size_t)mk_random_below(&phys->random, pieces->len);
	for (size_t i = 0; i < pieces->len; i++) {
		size_t at = (start + i) % pieces->len;

		if (at + n > pieces->len ||
		    numbers[at + n - 1] - numbers[at] != n - 1)
			continue;
		first = numbers[at];
		g_array_remove_range(phys->free_pieces, (guint)at, (guint)n);
		return first * MK_LARGE_SIZE;
	}
	g_error("no %zu MiB of contiguous physical memory left", 2 * n);
}

static void break_up_piece(MkPhys *phys)
{
	uint64_t pa = take_pieces(phys, 1);

	for (size_t i = 0; i < PIECE_PAGES; i++, pa += MK_PAGE_SIZE)
		g_array_append_val(phys->pool, pa);
}

uint64_t mk_phys_page(MkPhys *phys)
{
	size_t n = phys->free_pieces->len, i;
	uint64_t pa;

	if (phys->pool->len < PIECE_PAGES)
		for (i = 0; i < POOL_PIECES && i < n; i++)
			break_up_piece(phys);
	g_assert(phys->pool->len > 0);
	i = (size_t)mk_random_below(&phys->random, phys->pool->len);
	pa = g_array_index(phys->pool, uint64_t, i);
	g_array_remove_index_fast(phys->pool, (guint)i);
	return pa;
}

uint64_t mk_phys_large(MkPhys *phys, size_t n)
{
	return take_pieces(phys, n);
}

uint64_t mk_phys_pages(MkPhys *phys, size_t n)
{
	const uint64_t len = n * MK_PAGE_SIZE;
	uint64_t pa;

	if (len >= MK_LARGE_SIZE)
		return take_pieces(phys, (n + PIECE_PAGES - 1) / PIECE_PAGES);
	if (phys->run_end - phys->run_next < len) {
		phys->run_next = take_pieces(phys, 1);
		phys->run_end = phys->run_next + MK_LARGE_SIZE;
	}
	pa = phys->run_next;
	phys->run_next += len;
	return pa;
}

/* Takes the piece around pa out of the free ones, its pages go to the pool. */
static void open_piece(MkPhys *phys, uint64_t pa)
{
	const uint64_t number = pa / MK_LARGE_SIZE;

	for (guint i = 0; i < phys->free_pieces->len; i++) {
		if (g_array_index(phys->free_pieces, uint64_t, i) != number)
			continue;
		g_array_remove_index(phys->free_pieces, i);
		pa = number * MK_LARGE_SIZE;
		for (size_t j = 0; j < PIECE_PAGES; j++, pa += MK_PAGE_SIZE)
			g_array_append_val(phys->pool, pa);
		return;
	}
}

static bool take_from_pool(MkPhys *phys, uint64_t pa)
{
	for (guint i = 0; i < phys->pool->len; i++)
		if (g_array_index(phys->pool, uint64_t, i) == pa) {
			g_array_remove_index_fast(phys->pool, i);
			return true;
		}
	return false;
}

void mk_phys_claim(MkPhys *phys, uint64_t pa, uint64_t len)
{
	g_assert(mk_phys_is_ram(phys, pa, len));
	for (uint64_t at = pa; at < pa + len; at += MK_PAGE_SIZE) {
		open_piece(phys, at);
		if (!take_from_pool(phys, at) && at >= UINT64_C(1) << 20)
			g_error("physical page 0x%" PRIx64 " is taken", at);
	}
}

static void remove_below(GArray *numbers, uint64_t limit)
{
	for (guint i = numbers->len; i > 0; i--)
		if (g_array_index(numbers, uint64_t, i - 1) < limit)
			g_array_remove_index(numbers, i - 1);
}

void mk_phys_avoid_below(MkPhys *phys, uint64_t pa)
{
	remove_below(phys->pool, pa);
	remove_below(phys->free_pieces,
		     (pa + MK_LARGE_SIZE - 1) / MK_LARGE_SIZE);
}

size_t mk_phys_large_left(const MkPhys *phys)
{
	return phys->free_pieces->len;
}
