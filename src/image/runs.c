/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical runs of an image. */
#include "config.h"

#include "base/bytes.h"
#include "image/pagebits.h"
#include "image/runs.h"

#define PAGE 4096u

/* A run; or, with bits, those pages in it that the bits say are there. */
struct stretch {
	struct image_run run; /* off: of the first page of bits, with bits */
	uint64_t bits_pa;     /* address of bit 0 */
	struct pagebits *bits;
};

struct ImageRuns {
	GArray *stretches; /* struct stretch */
	struct image_runs_damage damage;
	uint64_t bytes;
	size_t count;
};

static void clear_stretch(gpointer data)
{
	struct stretch *s = data;

	g_free(s->bits);
}

ImageRuns *image_runs_new(void)
{
	ImageRuns *runs = g_new0(ImageRuns, 1);

	runs->stretches = g_array_new(FALSE, FALSE, sizeof(struct stretch));
	g_array_set_clear_func(runs->stretches, clear_stretch);
	return runs;
}

void image_runs_free(ImageRuns *runs)
{
	if (!runs)
		return;
	g_array_unref(runs->stretches);
	g_free(runs);
}

static struct stretch *get(const ImageRuns *runs, size_t i)
{
	return &g_array_index(runs->stretches, struct stretch, i);
}

static void count_missing(ImageRuns *runs, uint64_t bytes)
{
	runs->damage.n_beyond_file++;
	if (!add_u64(runs->damage.missing_bytes, bytes,
		     &runs->damage.missing_bytes))
		runs->damage.missing_bytes = UINT64_MAX;
}

void image_runs_add(ImageRuns *runs, uint64_t pa, uint64_t len, uint64_t off,
		    uint64_t data_size)
{
	uint64_t in_file = off < data_size ? MIN(len, data_size - off) : 0;
	uint64_t in_space = pa < PHYS_ADDR_END ? MIN(len, PHYS_ADDR_END - pa) :
						 0;
	struct stretch s = { .run = { pa, MIN(in_file, in_space), off } };

	if (!len)
		return;
	if (in_space < len)
		runs->damage.n_beyond_address++;
	if (in_file < len)
		count_missing(runs, len - in_file);
	if (s.run.len)
		g_array_append_val(runs->stretches, s);
}

/* What is being added of a bitmap. */
struct adding {
	ImageRuns *runs;
	uint64_t first_pa;
	uint64_t off;	   /* of the next page that is set */
	uint64_t data_size;
	uint64_t missing;  /* pages set behind the end of the data */
};

/* Takes the bits loaded for the pages from bit `first` on. */
static void add_bits(struct adding *a, uint64_t first, struct pagebits *bits,
		     uint32_t n_set)
{
	uint64_t room = a->off < a->data_size ?
				(a->data_size - a->off) / PAGE : 0;
	uint32_t kept = (uint32_t)MIN(room, n_set);
	struct stretch s = {
		.run = { a->first_pa + first * PAGE,
			 (uint64_t)PAGEBITS_BITS * PAGE, a->off },
		.bits_pa = a->first_pa + first * PAGE,
	};

	a->missing += n_set - kept;
	if (kept < n_set)
		pagebits_keep(bits, kept);
	a->off += (uint64_t)kept * PAGE;
	if (kept < n_set)
		a->data_size = 0;
	if (!kept)
		return;
	if (kept < PAGEBITS_BITS)
		s.bits = g_memdup2(bits, sizeof *bits);
	g_array_append_val(a->runs->stretches, s);
}

/* First bit >= n that is not in a hole of the file, in whole blocks. */
static uint64_t skip_hole(const ImageIo *io, uint64_t bits_off, uint64_t n)
{
	uint64_t at = bits_off + n / 8, data;

	if (at >= image_io_size(io))
		return n;
	data = image_io_next_data(io, at);
	return n + (data - at) / PAGEBITS_BYTES * PAGEBITS_BITS;
}

/* How many of the bits there are to be had of the file. */
static uint64_t bits_in_file(const ImageIo *io, uint64_t bits_off)
{
	uint64_t size = image_io_size(io);

	if (bits_off >= size)
		return 0;
	return size - bits_off > UINT64_MAX / 8 ? UINT64_MAX :
						  (size - bits_off) * 8;
}

bool image_runs_add_bitmap(ImageRuns *runs, uint64_t first_pfn,
			   uint64_t n_bits, const ImageIo *io,
			   uint64_t bits_off, uint64_t off,
			   uint64_t data_size)
{
	const uint64_t end_pfn = PHYS_ADDR_END / PAGE;
	const uint64_t room = first_pfn < end_pfn ? end_pfn - first_pfn : 0;
	uint64_t in_file = bits_in_file(io, bits_off);
	struct adding a = { runs, first_pfn * PAGE, off, data_size, 0 };
	bool whole = n_bits <= in_file;
	uint64_t n = MIN(MIN(n_bits, room), in_file);
	struct pagebits bits;
	uint8_t bytes[PAGEBITS_BYTES];

	if (n_bits > room)
		runs->damage.n_beyond_address++;
	for (uint64_t i = skip_hole(io, bits_off, 0); i < n;
	     i = skip_hole(io, bits_off, i + PAGEBITS_BITS)) {
		uint32_t here = (uint32_t)MIN(n - i, PAGEBITS_BITS);

		memset(bytes, 0, sizeof bytes);
		if (!image_io_read(io, bits_off + i / 8, bytes,
				   (here + 7) / 8)) {
			whole = false;
			break;
		}
		here = pagebits_load(&bits, bytes, here);
		if (here)
			add_bits(&a, i, &bits, here);
	}
	if (a.missing)
		count_missing(runs, a.missing * PAGE);
	return whole;
}

static gint compare(gconstpointer a, gconstpointer b)
{
	const struct stretch *x = a, *y = b;

	if (x->run.pa != y->run.pa)
		return x->run.pa < y->run.pa ? -1 : 1;
	if (x->run.len != y->run.len)
		return x->run.len > y->run.len ? -1 : 1;
	return x->run.off < y->run.off ? -1 : x->run.off > y->run.off;
}

static uint32_t bit_of(const struct stretch *s, uint64_t pa)
{
	return (uint32_t)((pa - s->bits_pa) / PAGE);
}

/* Bits of the stretch: from, and one past the last. */
static uint32_t first_bit(const struct stretch *s)
{
	return bit_of(s, s->run.pa);
}

static uint32_t end_bit(const struct stretch *s)
{
	return bit_of(s, s->run.pa + s->run.len + PAGE - 1);
}

/* Where the first page of the stretch that is set lies, and its bit. */
static bool trim_front(struct stretch *s)
{
	uint64_t end = s->run.pa + s->run.len, at;

	if (!s->bits)
		return true;
	at = s->bits_pa + (uint64_t)pagebits_next(s->bits, first_bit(s), true) *
				  PAGE;
	at = MAX(at, s->run.pa);
	if (at >= end)
		return false;
	s->run.pa = at;
	s->run.len = end - at;
	return true;
}

/* Ends the stretch behind its last page that is set. */
static void trim_back(struct stretch *s)
{
	uint32_t n = s->bits ? end_bit(s) : 0, last = n;
	uint64_t end;

	if (!n)
		return;
	while (last && !pagebits_is_set(s->bits, last - 1))
		last--;
	end = s->bits_pa + (uint64_t)last * PAGE;
	if (end < s->run.pa + s->run.len)
		s->run.len = end - s->run.pa;
}

/* Cuts from s what lies below end; false where nothing is left. */
static bool cut_below(struct stretch *s, uint64_t end)
{
	uint64_t cut;

	if (s->run.pa >= end)
		return true;
	cut = end - s->run.pa;
	if (cut >= s->run.len)
		return false;
	s->run.pa += cut;
	s->run.len -= cut;
	if (!s->bits)
		s->run.off += cut;
	return trim_front(s);
}

static bool continues(const struct image_run *prev, const struct image_run *run)
{
	return prev->pa + prev->len == run->pa &&
	       prev->off + prev->len == run->off;
}

/* The piece of s that starts at bit `from`, which is set. */
static struct image_run piece_of(const struct stretch *s, uint32_t from)
{
	uint32_t to = pagebits_next(s->bits, from, false);
	struct image_run piece = {
		.pa = s->bits_pa + (uint64_t)from * PAGE,
		.off = s->run.off,
	};
	uint64_t cut = piece.pa < s->run.pa ? s->run.pa - piece.pa : 0;
	uint64_t end = MIN(s->bits_pa + (uint64_t)to * PAGE,
			   s->run.pa + s->run.len);

	piece.off += (uint64_t)pagebits_rank(s->bits, from) * PAGE + cut;
	piece.pa += cut;
	piece.len = end - piece.pa;
	return piece;
}

/* The first piece of a stretch, and the bytes and pieces that it has. */
static void add_up(ImageRuns *runs, const struct stretch *s,
		   struct image_run *last)
{
	struct image_run first = s->run;
	size_t n = 1;

	if (s->bits) {
		uint32_t from = first_bit(s), end = end_bit(s);
		uint64_t set = pagebits_rank(s->bits, end) -
			       pagebits_rank(s->bits, from);

		first = piece_of(s, from);
		n = pagebits_starts(s->bits, from, end);
		runs->bytes += set * PAGE - (s->run.pa % PAGE);
		runs->count += n - continues(last, &first);
		/* Only where the last piece ends matters from here on. */
		last->pa = s->run.pa + s->run.len;
		last->off = s->run.off +
			    (uint64_t)pagebits_rank(s->bits, end) * PAGE;
		last->len = 0;
		return;
	}
	runs->bytes += first.len;
	runs->count += n - continues(last, &first);
	*last = first;
}

/* Puts s, which is neither empty nor overlaps, behind the first n. */
static guint put(struct stretch *v, guint n, const struct stretch *s)
{
	if (n && !s->bits && !v[n - 1].bits &&
	    continues(&v[n - 1].run, &s->run)) {
		v[n - 1].run.len += s->run.len;
		return n;
	}
	v[n] = *s;
	return n + 1;
}

void image_runs_finish(ImageRuns *runs)
{
	struct stretch *v = (struct stretch *)(void *)runs->stretches->data;
	struct image_run last = { .pa = UINT64_MAX };
	guint n = 0;

	for (guint i = 0; i < runs->stretches->len; i++) {
		trim_front(&v[i]);
		trim_back(&v[i]);
	}
	g_array_sort(runs->stretches, compare);
	for (guint i = 0; i < runs->stretches->len; i++) {
		struct stretch s = v[i];
		uint64_t end = n ? v[n - 1].run.pa + v[n - 1].run.len : 0;

		v[i].bits = NULL;
		if (s.run.pa < end) {
			runs->damage.n_overlaps++;
			if (!cut_below(&s, end)) {
				g_free(s.bits);
				continue;
			}
		}
		n = put(v, n, &s);
	}
	for (guint i = n; i < runs->stretches->len; i++)
		v[i].bits = NULL;
	g_array_set_size(runs->stretches, n);
	for (guint i = 0; i < n; i++)
		add_up(runs, &v[i], &last);
}

size_t image_runs_count(const ImageRuns *runs)
{
	return runs->count;
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
	const struct stretch *last;

	if (!runs->stretches->len)
		return 0;
	last = get(runs, runs->stretches->len - 1);
	return last->run.pa + last->run.len;
}

bool image_runs_find(const ImageRuns *runs, uint64_t pa,
		     struct image_run *piece)
{
	size_t low = 0, high = runs->stretches->len;
	const struct stretch *s;
	uint32_t bit;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		s = get(runs, mid);
		if (s->run.pa + s->run.len <= pa)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == runs->stretches->len)
		return false;
	s = get(runs, low);
	if (!s->bits) {
		*piece = s->run;
		return true;
	}
	/* There is one: a stretch ends with a page that is set. */
	bit = pagebits_next(s->bits, bit_of(s, MAX(pa, s->run.pa)), true);
	*piece = piece_of(s, bit);
	return true;
}

bool image_runs_next(const ImageRuns *runs, uint64_t pa, struct image_run *run)
{
	struct image_run more;

	if (!image_runs_find(runs, pa, run))
		return false;
	while (image_runs_find(runs, run->pa + run->len, &more) &&
	       continues(run, &more))
		run->len += more.len;
	return true;
}
