/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: the compressed store of a small Windows of one of several
 * families, whose structures say something else in places; and streams that
 * are unpacked.
 *
 * Input: byte 0 family (bits 0-2), bit 3: the rest is a stream; else whether
 * the number of the page file is known (bit 4), then edits of 6 bytes each: two
 * that choose one of the places, one with what is put there, one with an
 * offset, two that go into the value.
 *
 * What must hold: each page that is in the store comes with the bytes that it
 * had, or not at all, unless an edit can have led to other bytes that are
 * there; pages that cannot be read do not come.
 */
#include "config.h"

#include <glib.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "fuzz/undo.h"
#include "lib/mkwin.h"
#include "nt/store-priv.h"

#define RECORD 6u
#define EDITS_MAX 32u
#define PAGE 4096u
#define NUMBER 3u

struct place {
	uint64_t pa, va;
	unsigned n_bytes; /* of one value */
	unsigned reach;	  /* bytes from pa that an edit may hit */
	bool forges;	  /* whatever is put there may lead elsewhere */
};

struct machine {
	uint64_t seed;
	uint8_t *bytes;
	size_t len;
	GArray *places; /* struct place */
	GArray *pages;	/* struct mk_store_page */
	Log *log;
	Image *image;
	PhysMem *pm;
	NtKernel *k;
};

static const struct mk_options families[8] = {
	{ .seed = 1, .layout = "amd64-10.0.19041-b", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
	{ .seed = 2, .layout = "amd64-10.0.22621", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
	{ .seed = 3, .layout = "x86pae-10.0.18362", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
	{ .seed = 4, .layout = "amd64-10.0.14393-b", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
	{ .seed = 5, .layout = "x86pae-10.0.14393", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
	{ .seed = 6, .layout = "amd64la57-10.0.22000", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
	{ .seed = 7, .layout = "amd64-10.0.17763-b", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
#ifdef HAVE_LZ4
	{ .seed = 8, .layout = "amd64-10.0.26100", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
#else
	{ .seed = 8, .layout = "amd64-10.0.15063", .size_mib = 16,
	  .procs = 4, .store = NUMBER },
#endif
};
static struct machine machines[G_N_ELEMENTS(families)];

/* --- the places of a healthy machine --- */

struct maker {
	struct machine *m;
	const NtStore *s;
};

/* reach: up to the end of the page. */
static void add(struct maker *mk, const struct addr_space *as, uint64_t va,
		unsigned n_bytes, unsigned reach, bool forges)
{
	struct vtop_leaf leaf = vtop_translate(as, VIRT(va));
	struct place p = { leaf.pa.v + (va - leaf.va.v), va, n_bytes,
			   (unsigned)MIN(reach, PAGE - (va & (PAGE - 1))),
			   forges };

	if (page_state_has_data(leaf.state) && p.pa + p.reach + 8 <= mk->m->len)
		g_array_append_val(mk->m->places, p);
}

static void add_kernel(struct maker *mk, uint64_t va, unsigned reach,
		       bool forges)
{
	add(mk, &mk->s->as, va, mk->s->memory.pointer_bytes, reach, forges);
}

static uint64_t pointer(struct maker *mk, uint64_t va)
{
	uint64_t to = 0;

	(void)!store_pointer(&mk->s->memory, va, &to);
	return to;
}

/* All pages: heads, and the entries of inner ones, are nothing that leads to
 * other bytes; those of leaves are. */
static void add_tree(struct maker *mk, uint64_t va)
{
	unsigned n = mk->s->memory.pointer_bytes;
	uint8_t head[4] = { 0 };

	(void)!store_kernel_read(&mk->s->memory, va, head, sizeof head);
	add(mk, &mk->s->as, va, 4, 0, false);
	add_kernel(mk, va + 2 * n, 8u * load_le16(head), true);
	if (head[3])
		return;
	add_kernel(mk, va + n, 0, false);
	add_tree(mk, pointer(mk, va + n));
	for (unsigned i = 1; i <= load_le16(head); i++) {
		add_kernel(mk, va + 2 * n * i + n, 0, false);
		add_tree(mk, pointer(mk, va + 2 * n * i + n));
	}
}

static void add_chunks(struct maker *mk, const struct store *st)
{
	unsigned stride = mk->s->row->chunk_stride;

	for (unsigned i = 0; i < 3; i++) {
		add_kernel(mk, st->va.v + mk->s->row->chunks +
				       i * mk->s->memory.pointer_bytes,
			   0, false);
		for (unsigned j = 0; j < 1u << i; j++) {
			uint64_t at = st->chunks[i] + j * stride;

			add_kernel(mk, at, 0, false);
			add(mk, &mk->s->as, pointer(mk, at), 4, 0xc0, true);
		}
	}
}

static void add_store(struct maker *mk, const struct store *st)
{
	const struct store_owner *owner = &mk->s->owners[st->owner];
	const struct store_row *row = mk->s->row;
	uint64_t va = st->va.v, region;

	add_kernel(mk, va + row->pages_tree, 0, false);
	add_kernel(mk, va + row->regions, 0, false);
	add_kernel(mk, va + row->owner, 0, false);
	add(mk, &mk->s->as, va + row->chunks, 4, 0x340, true);
	add(mk, &mk->s->as, va + row->size_mask, 4, 8, true);
	add_chunks(mk, st);
	add_tree(mk, st->pages_tree);
	add_kernel(mk, st->regions, 40, true);
	region = pointer(mk, st->regions) & ~UINT64_C(0xffff);
	add(mk, &owner->as, region, 4, PAGE - 8, true);
	add(mk, &owner->as, region, 1, 0x80, true);
}

static void find_places(struct machine *m)
{
	g_autoptr(NtStore) s = nt_store_find(m->k, NUMBER, NULL);
	struct maker mk = { m, s };

	MUST(s != NULL);
	add_kernel(&mk, s->globals.v, 0x20, false);
	add_kernel(&mk, s->manager.v, 0x20, false);
	add_kernel(&mk, s->manager.v + s->row->key_tree, 0, false);
	add_tree(&mk, s->key_tree);
	for (size_t i = 0; i < STORES_MAX; i++)
		if (s->stores[i])
			add_store(&mk, s->stores[i]);
	for (unsigned i = 0; i < 2; i++)
		add_kernel(&mk, pointer(&mk, s->manager.v +
						     i * s->row->pointer_bytes),
			   0x300, false);
	add_kernel(&mk, s->owners[0].eprocess.v, 0x400, true);
}

static void machine_init(struct machine *m, const struct mk_options *options)
{
	static const struct nt_hints none;
	g_autoptr(MkWin) win = mk_win_new(options, NULL);
	const GArray *pages;

	MUST(win != NULL);
	m->seed = options->seed;
	m->len = (size_t)mk_phys_end(mk_win_phys(win));
	m->bytes = g_malloc0(m->len);
	mk_phys_read(mk_win_phys(win), 0, m->bytes, m->len);
	m->places = g_array_new(FALSE, FALSE, sizeof(struct place));
	m->pages = g_array_new(FALSE, FALSE, sizeof(struct mk_store_page));
	pages = mk_win_store_pages(win);
	g_array_append_vals(m->pages, pages->data, pages->len);
	m->log = log_new();
	m->image = image_open_io(image_io_memory(m->bytes, m->len), "fuzz",
				 IMAGE_FORMAT("raw"), m->log, NULL);
	m->pm = physmem_new(m->image);
	m->k = nt_kernel_find(m->pm, m->image, &none, m->log);
	MUST(m->k && m->k->has_system);
	find_places(m);
}

/* --- edits --- */

enum value {
	VALUE_ZERO,
	VALUE_USER,
	VALUE_ODD, /* no aligned kernel address */
	/* The others may be a place that makes sense: */
	VALUE_RANDOM,
	VALUE_PLACE, /* address of another place */
	VALUE_BIT,   /* one bit is another */
	VALUE_NEAR,  /* a little more */
	VALUE_COPY,  /* what another place has */
	VALUE_ONES,
	VALUES
};

static const struct place *place_at(const struct machine *m, unsigned i)
{
	return &g_array_index(m->places, struct place, i % m->places->len);
}

static uint64_t make_value(const struct machine *m, uint64_t at,
			   const uint8_t *edit)
{
	unsigned arg = load_le16(edit + 4);
	const struct place *other = place_at(m, arg);
	uint64_t old = load_le64(m->bytes + at);

	switch (edit[2] % VALUES) {
	case VALUE_USER:
		return UINT64_C(0x10000) * (arg % 0x7000 + 1);
	case VALUE_ODD:
		return UINT64_C(0x0123456780000001) + 2 * arg;
	case VALUE_RANDOM:
		return (arg + 1) * UINT64_C(0x9e3779b97f4a7c15);
	case VALUE_PLACE:
		return page_floor(other->va) + (edit[3] & 8);
	case VALUE_BIT:
		return old ^ UINT64_C(1) << arg % 64;
	case VALUE_NEAR:
		return old + arg % 64;
	case VALUE_COPY:
		return load_le64(m->bytes + other->pa);
	case VALUE_ONES:
		return UINT64_MAX;
	default:
		return 0;
	}
}

/* Can the edit lead to other bytes that are there? */
static bool apply(struct machine *m, GArray *undo, const uint8_t *edit)
{
	const struct place *p = place_at(m, load_le16(edit));
	uint64_t at = p->pa + (p->reach ? edit[3] * p->n_bytes % p->reach : 0);
	uint64_t value = GUINT64_TO_LE(make_value(m, at, edit));

	fuzz_write(undo, m->bytes, at, &value, p->n_bytes);
	return p->forges || edit[2] % VALUES > VALUE_ODD;
}

/* --- what must hold --- */

static void check_page(const struct machine *m, const NtStore *s,
		       const struct mk_store_page *p, bool forged)
{
	uint8_t got[PAGE], want[PAGE];
	struct nt_store_page info;

	if (nt_store_read(s, NUMBER, p->place, got, &info) || forged)
		return;
	MUST(p->kind < MK_STORE_NO_KEY);
	mk_content_fill(m->seed, p->pid, p->va, p->content, want);
	MUST(!memcmp(got, want, PAGE));
}

static void run(const struct machine *m, bool known, bool forged)
{
	g_autoptr(NtStore) s = nt_store_find(m->k, known ? (int)NUMBER : -1,
					     NULL);

	for (guint i = 0; s && i < m->pages->len; i++)
		check_page(m, s,
			   &g_array_index(m->pages, struct mk_store_page, i),
			   forged);
}

static void unpack(const uint8_t *data, size_t size)
{
	uint8_t out[PAGE];

	(void)nt_unpack_page(NT_CODEC_XPRESS, data, size, out);
	(void)nt_unpack_page(NT_CODEC_LZ4, data, size, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool forged = false;
	struct machine *m;
	GArray *undo;
	unsigned n = 0;

	if (!size)
		return 0;
	if (data[0] & 8) {
		unpack(data + 1, size - 1);
		return 0;
	}
	m = &machines[data[0] % G_N_ELEMENTS(machines)];
	if (!m->k)
		machine_init(m, &families[m - machines]);
	undo = fuzz_undo_new();
	for (size_t at = 1; at + RECORD <= size && n < EDITS_MAX;
	     at += RECORD, n++)
		forged |= apply(m, undo, data + at);
	run(m, data[0] & 16, forged);
	fuzz_put_back(undo, m->bytes);
	return 0;
}

/* Each family unchanged; then with a few edits; then streams. */
void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	struct mk_random random = { 29 };

	for (unsigned i = 0; i < 240; i++) {
		uint8_t b[1 + 4 * RECORD] = { 0 };

		for (size_t at = 1; at < sizeof b; at++)
			b[at] = (uint8_t)mk_random_below(&random, 256);
		b[0] = (uint8_t)((i & 7) | (i & 8) << 1 |
				 (i >= 200 ? 8 : 0));
		fn(ctx, b, 1 + (i < 16 ? 0 : 1 + i % 4) * RECORD);
	}
}
