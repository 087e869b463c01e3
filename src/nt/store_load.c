/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stores of a manager, as a row of offsets has them. */
#include "config.h"

#include "base/bytes.h"
#include "nt/eprocess.h"
#include "nt/store-priv.h"

enum {
	XPRESS_FORMAT = 3, /* COMPRESSION_FORMAT_XPRESS */
	RECORD_BYTES_MIN = 12,
	RECORD_BYTES_MAX = 256,
	ELEMENTS_PROBED = 4, /* of an array of chunks */
};
#define CHUNK_TAG UINT32_C(0x41426d73) /* "smBA" */

NtStore *store_new(const NtKernel *k)
{
	NtStore *s = g_new0(NtStore, 1);
	unsigned n = k->profile.pointer_bytes;

	s->as = k->as;
	s->as.meter = NULL;
	s->memory = (struct store_memory){ &s->as, store_cache_new(), n };
	s->user_end = k->user_end;
	if (!s->user_end)
		s->user_end = n == 4 ? UINT64_C(0x80000000) :
				       UINT64_C(1) << (k->as.form->va_bits - 1);
	return s;
}

void nt_store_free(NtStore *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STORES_MAX; i++)
		g_free(s->stores[i]);
	store_cache_free(s->memory.cache);
	g_free(s);
}

static uint64_t load_pointer(const struct store_memory *m, const uint8_t *p)
{
	return m->pointer_bytes == 8 ? load_le64(p) : load_le32(p);
}

static bool is_pointer(const struct store_memory *m, uint64_t va)
{
	return va % m->pointer_bytes == 0 && nt_is_kernel_address(m->as, va);
}

/* The tag in the pool header before what has one; whole pages have none. */
static bool has_tag(const struct store_memory *m, uint64_t va, uint32_t tag,
		    enum nt_store_status *status)
{
	unsigned back = m->pointer_bytes == 8 ? 12 : 4;
	uint8_t raw[4];

	if (!(va & PAGE_MASK_4K))
		return true;
	if (!store_kernel_read(m, va - back, raw, sizeof raw)) {
		*status = NT_STORE_UNREADABLE;
		return false;
	}
	return load_le32(raw) == tag;
}

bool store_is_chunk_array(const struct store_memory *m, uint64_t va,
			  enum nt_store_status *status)
{
	*status = NT_STORE_DAMAGED;
	return is_pointer(m, va) && has_tag(m, va, CHUNK_TAG, status);
}

/* Elements of the metadata: where the store is, 0: none, and its owner. */
static bool read_meta(const struct store_memory *m, const struct store_row *row,
		      uint64_t array, unsigned i, uint64_t *store,
		      uint64_t *owner)
{
	uint64_t at = array + (uint64_t)i * row->meta_bytes;

	return store_pointer(m, at, store) &&
	       store_pointer(m, at + row->meta_owner, owner);
}

bool store_is_array(const struct store_memory *m, const struct store_row *row,
		    uint64_t va)
{
	unsigned n = 0;

	for (unsigned i = 0; i < STORES_PER_ARRAY; i++) {
		uint64_t store, owner;

		if (!read_meta(m, row, va, i, &store, &owner))
			return false;
		if (!store)
			continue;
		if (!is_pointer(m, store) || (owner && !is_pointer(m, owner)))
			return false;
		n++;
	}
	return n > 0;
}

/* The address space of a process; OWNERS_MAX where there is no such process,
 * or no page tables of it. */
static unsigned owner_index(NtStore *s, const NtKernel *k, uint64_t eprocess)
{
	struct nt_process p;
	struct addr_space as;
	bool ok;

	for (unsigned i = 0; i < s->n_owners; i++)
		if (s->owners[i].eprocess.v == eprocess)
			return i;
	if (s->n_owners == OWNERS_MAX || !is_pointer(&s->memory, eprocess) ||
	    s->n_owner_tries++ >= OWNER_TRIES_MAX ||
	    !nt_process_read(&s->as, &k->profile, VIRT(eprocess), &p))
		return OWNERS_MAX;
	ok = nt_process_plausible(&s->as, &k->profile, &p);
	as = nt_kernel_space(k, p.dtb_raw);
	as.meter = NULL;
	nt_process_clear(&p);
	if (!ok || !addr_space_dtb(&as).v ||
	    !physmem_has_page(as.pm, addr_space_dtb(&as)))
		return OWNERS_MAX;
	s->owners[s->n_owners] = (struct store_owner){ VIRT(eprocess), as };
	return s->n_owners++;
}

static bool read_u32(const struct store_memory *m, uint64_t va, uint32_t *ret)
{
	uint8_t raw[4];

	if (!store_kernel_read(m, va, raw, sizeof raw))
		return false;
	*ret = load_le32(raw);
	return true;
}

/* One bit less than a power of two, and no more bits than shift. */
static bool is_mask(uint32_t mask, uint32_t shift)
{
	return !(mask & (mask + 1)) && shift < 32 && !(mask >> shift);
}

/* _SMHP_CHUNK_METADATA: 32 pointers, u64, then the numbers. */
static enum nt_store_status load_chunks(const struct store_memory *m,
					uint64_t at, struct store *st)
{
	unsigned n = m->pointer_bytes;
	uint64_t numbers = at + CHUNK_ARRAYS * n + 8;
	uint8_t raw[CHUNK_ARRAYS * 8];

	if (!store_kernel_read(m, at, raw, CHUNK_ARRAYS * n) ||
	    !read_u32(m, numbers, &st->record_shift) ||
	    !read_u32(m, numbers + 4, &st->record_mask) ||
	    !read_u32(m, numbers + 8, &st->record_bytes) ||
	    !read_u32(m, numbers + 16, &st->record_header))
		return NT_STORE_UNREADABLE;
	for (unsigned i = 0; i < CHUNK_ARRAYS; i++)
		st->chunks[i] = load_pointer(m, raw + i * n);
	st->record_shift &= 0xff;
	if (!is_mask(st->record_mask, st->record_shift) ||
	    st->record_bytes < RECORD_BYTES_MIN ||
	    st->record_bytes > RECORD_BYTES_MAX ||
	    st->record_header > PAGE_SIZE_4K)
		return NT_STORE_DAMAGED;
	return NT_STORE_OK;
}

struct probe {
	unsigned n_good, n_bad;
};

/* Elements of an array of chunks, as far as they tell how far apart they are.
 * What cannot be read, and what is not in use, says nothing. */
static void probe_array(const struct store_memory *m,
			const struct store_row *row, uint64_t array, unsigned n,
			struct probe *probe)
{
	for (unsigned j = 0; j < n; j++) {
		uint64_t chunk = 0;

		if (!store_pointer(m, array + j * row->chunk_stride, &chunk) ||
		    !chunk)
			continue;
		if (store_is_kernel_page(m, chunk))
			probe->n_good++;
		else
			probe->n_bad++;
	}
}

static struct probe probe_chunks(const struct store_memory *m,
				 const struct store_row *row,
				 const struct store *st)
{
	struct probe probe = { 0 };

	for (unsigned i = 0; i < CHUNK_ARRAYS; i++) {
		unsigned n = i < 2 ? 1u << i : ELEMENTS_PROBED;
		enum nt_store_status status;

		if (!st->chunks[i])
			continue;
		if (store_is_chunk_array(m, st->chunks[i], &status))
			probe_array(m, row, st->chunks[i], n, &probe);
		else
			probe.n_bad += status == NT_STORE_DAMAGED;
	}
	return probe;
}

static enum nt_store_status load_regions(const struct store_memory *m,
					 const struct store_row *row,
					 struct store *st)
{
	uint32_t shift;
	uint8_t format[2];

	if (!read_u32(m, st->va.v + row->size_mask, &st->size_mask) ||
	    !read_u32(m, st->va.v + row->index_shift, &shift) ||
	    !store_pointer(m, st->va.v + row->regions, &st->regions))
		return NT_STORE_UNREADABLE;
	st->index_shift = shift & 0xff;
	st->codec = NT_CODEC_LZ4;
	if (row->algorithm) {
		if (!store_kernel_read(m, st->va.v + row->algorithm, format,
				       sizeof format))
			return NT_STORE_UNREADABLE;
		if (load_le16(format) != XPRESS_FORMAT)
			return NT_STORE_DAMAGED;
		st->codec = NT_CODEC_XPRESS;
	}
	/* Regions are 64 KiB apart; offsets count 16 bytes. */
	if (!st->size_mask || !is_mask(st->size_mask, st->index_shift) ||
	    st->size_mask > UINT32_MAX >> 5 || !is_pointer(m, st->regions))
		return NT_STORE_DAMAGED;
	return NT_STORE_OK;
}

static enum nt_store_status load_owner(NtStore *s, const NtKernel *k,
				       const struct store_row *row,
				       struct store *st, uint64_t said)
{
	uint64_t owner;

	if (!store_pointer(&s->memory, st->va.v + row->owner, &owner))
		return NT_STORE_UNREADABLE;
	/* Older readers know of metadata without an owner. */
	if (!owner || (said && said != owner))
		return NT_STORE_DAMAGED;
	st->owner = owner_index(s, k, owner);
	return st->owner < OWNERS_MAX ? NT_STORE_OK : NT_STORE_DAMAGED;
}

static enum nt_store_status load_store(NtStore *s, const NtKernel *k,
				       const struct store_row *row,
				       struct store *st, uint64_t owner)
{
	const struct store_memory *m = &s->memory;
	enum nt_store_status status = NT_STORE_DAMAGED;

	if (!is_pointer(m, st->va.v))
		return status;
	if (!store_pointer(m, st->va.v + row->pages_tree, &st->pages_tree))
		return NT_STORE_UNREADABLE;
	if (!store_is_kernel_page(m, st->pages_tree))
		return status;
	status = load_owner(s, k, row, st, owner);
	if (!status)
		status = load_chunks(m, st->va.v + row->chunks, st);
	if (!status)
		status = load_regions(m, row, st);
	if (!status) {
		struct probe probe = probe_chunks(m, row, st);

		/* A few bad ones are damage, most of them another layout. */
		s->n_chunks += (int)probe.n_good - 2 * (int)probe.n_bad;
		if (probe.n_bad > probe.n_good)
			status = NT_STORE_DAMAGED;
	}
	return status;
}

static void load_array(NtStore *s, const NtKernel *k,
		       const struct store_row *row, uint64_t array,
		       unsigned first)
{
	for (unsigned i = 0; i < STORES_PER_ARRAY; i++) {
		uint64_t va, owner;
		struct store *st;

		if (!read_meta(&s->memory, row, array, i, &va, &owner) || !va)
			continue;
		st = g_new0(struct store, 1);
		st->va = VIRT(va);
		st->status = load_store(s, k, row, st, owner);
		s->n_usable += st->status == NT_STORE_OK;
		s->stores[first + i] = st;
	}
}

unsigned store_load(NtStore *s, const NtKernel *k, const struct store_row *row,
		    uint64_t manager)
{
	const struct store_memory *m = &s->memory;

	s->row = row;
	s->manager = VIRT(manager);
	if (!is_pointer(m, manager) ||
	    !store_pointer(m, manager + row->key_tree, &s->key_tree) ||
	    !store_tree_is(m, s->key_tree))
		return 0;
	for (unsigned i = 0; i < STORES_MAX / STORES_PER_ARRAY; i++) {
		uint64_t array;

		if (store_pointer(m, manager + i * m->pointer_bytes, &array) &&
		    is_pointer(m, array))
			load_array(s, k, row, array, i * STORES_PER_ARRAY);
	}
	return s->n_usable;
}
