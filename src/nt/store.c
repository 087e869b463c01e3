/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A page of the compressed store: key, store, record, region, bytes. */
#include "config.h"

#include "base/bytes.h"
#include "nt/store-priv.h"

enum {
	REDIRECTS_MAX = 8, /* records that only name another one */
	RECORD_BYTES = 12,
	REGION_ALIGN = 16, /* bytes that offsets in a region count */
};
#define KEY_INVALID UINT32_C(0x01000000)
#define STORE_INDEX UINT32_C(0x3ff)
#define NO_PLACE UINT32_MAX
/* The low bits of a region's pointer count its users, the highest says that
 * its pages are locked (published disassembly of SmStMapVirtualRegion). */
#define REGION_64 UINT64_C(0x7fffffffffff0000)
#define REGION_32 UINT64_C(0x7fff0000)

/* struct _ST_PAGE_RECORD. */
struct record {
	uint64_t va;
	uint32_t place;	/* region and offset; NO_PLACE: see size */
	uint32_t size;	/* low 12 bits; the key of another record */
	uint32_t hash;	/* of what is stored; not used */
};

/* The array and the element of a chunk follow from the bits of its number:
 * array i has 2^i chunks. Number 0 should not occur; it leads to where readers
 * that go by this rule look for it, which is hardly a chunk. */
static enum nt_store_status find_chunk(const NtStore *s, const struct store *st,
				       uint32_t number, uint64_t *ret)
{
	const struct store_memory *m = &s->memory;
	enum nt_store_status status;
	unsigned i;

	i = number ? 31u - (unsigned)__builtin_clz(number) : 0;
	number ^= 1u << i;
	if (!store_is_chunk_array(m, st->chunks[i], &status))
		return status;
	if (!store_pointer(m, st->chunks[i] +
				      (uint64_t)number * s->row->chunk_stride,
			   ret))
		return NT_STORE_UNREADABLE;
	return store_is_kernel_page(m, *ret) ? NT_STORE_OK : NT_STORE_DAMAGED;
}

static enum nt_store_status read_record(const NtStore *s,
					const struct store *st, uint32_t key,
					struct record *ret)
{
	enum nt_store_status status;
	uint8_t raw[RECORD_BYTES];
	uint64_t chunk;

	status = find_chunk(s, st, key >> st->record_shift, &chunk);
	if (status)
		return status;
	ret->va = chunk + st->record_header +
		  (uint64_t)st->record_bytes * (key & st->record_mask);
	if (!store_kernel_read(&s->memory, ret->va, raw, sizeof raw))
		return NT_STORE_UNREADABLE;
	ret->place = load_le32(raw);
	ret->size = load_le32(raw + 4);
	ret->hash = load_le32(raw + 8);
	return NT_STORE_OK;
}

/* Pages of the same contents are combined: records that are no longer used
 * name the one that is. */
static enum nt_store_status find_record(const NtStore *s,
					const struct store *st, uint32_t key,
					struct record *ret,
					struct nt_store_page *info)
{
	for (unsigned i = 0; i < REDIRECTS_MAX; i++) {
		enum nt_store_status status = read_record(s, st, key, ret);

		info->region_key = key;
		if (status)
			return status;
		info->record = VIRT(ret->va);
		if (ret->place != NO_PLACE)
			return NT_STORE_OK;
		key = ret->size;
	}
	return NT_STORE_DAMAGED;
}

/* Memory that was wiped looks like the record of a page of zeros. */
static bool is_wiped(const NtStore *s, uint64_t va)
{
	static const uint8_t zeros[PAGE_SIZE_4K];
	uint8_t page[PAGE_SIZE_4K];

	return !store_kernel_read(&s->memory, page_floor(va), page,
				  sizeof page) ||
	       !memcmp(page, zeros, sizeof page);
}

/* Where the bytes are, in the owner's address space. */
static enum nt_store_status find_data(const NtStore *s, const struct store *st,
				      const struct record *r, uint32_t len,
				      uint64_t *ret)
{
	const struct store_memory *m = &s->memory;
	uint64_t size = ((uint64_t)st->size_mask + 1) * REGION_ALIGN;
	uint64_t off = (uint64_t)(r->place & st->size_mask) * REGION_ALIGN;
	uint64_t at = st->regions + (uint64_t)(r->place >> st->index_shift) *
					    m->pointer_bytes;
	uint64_t region;

	if (!nt_is_kernel_address(m->as, at) || !range_fits(off, len, size))
		return NT_STORE_DAMAGED;
	if (!store_pointer(m, at, &region))
		return NT_STORE_UNREADABLE;
	region &= m->pointer_bytes == 8 ? REGION_64 : REGION_32;
	if (!region || !range_fits(region, size, s->user_end))
		return NT_STORE_DAMAGED;
	*ret = region + off;
	return NT_STORE_OK;
}

/*
 * The low 12 bits of the size are the number of bytes; 0 stands for a page
 * that is stored as it is (published disassembly of StDmpSinglePageAdd and
 * StDmpSinglePageRetrieve), and so does 0x1000 (MemProcFS). A record of no
 * size and no hash is one of a page of zeros (MemProcFS).
 */
static void measure(const struct record *r, struct nt_store_page *info)
{
	info->size = r->size & 0xfff;
	info->zero = !r->size && !r->hash;
	info->raw = !info->size && !info->zero;
	if (info->raw)
		info->size = PAGE_SIZE_4K;
}

static enum nt_store_status read_data(const NtStore *s, const struct store *st,
				      const struct record *r,
				      uint8_t ret[PAGE_SIZE_4K],
				      struct nt_store_page *info)
{
	uint8_t bytes[PAGE_SIZE_4K], page[PAGE_SIZE_4K];
	enum nt_store_status status;
	uint64_t at;

	measure(r, info);
	if (info->zero) {
		if (is_wiped(s, r->va))
			return NT_STORE_DAMAGED;
		memset(ret, 0, PAGE_SIZE_4K);
		return NT_STORE_OK;
	}
	status = find_data(s, st, r, info->size, &at);
	if (status)
		return status;
	info->data = VIRT(at);
	if (!info->raw)
		info->algorithm = nt_codec_name(st->codec);
	if (!store_cache_read(s->memory.cache, &s->owners[st->owner].as,
			      st->owner + 1, VIRT(at), bytes, info->size))
		return NT_STORE_UNREADABLE;
	if (info->raw) {
		memcpy(ret, bytes, PAGE_SIZE_4K);
		return NT_STORE_OK;
	}
	if (!nt_codec_usable(st->codec))
		return NT_STORE_UNREADABLE;
	if (!nt_unpack_page(st->codec, bytes, info->size, page))
		return NT_STORE_DAMAGED;
	memcpy(ret, page, PAGE_SIZE_4K);
	return NT_STORE_OK;
}

static enum nt_store_status find_and_read(const NtStore *s,
					  uint8_t ret[PAGE_SIZE_4K],
					  struct nt_store_page *info)
{
	const struct store_memory *m = &s->memory;
	enum nt_store_status status;
	const struct store *st;
	struct record record;
	uint32_t value;

	status = store_tree_find(m, s->key_tree, info->key, &value);
	if (status)
		return status;
	if (value & KEY_INVALID)
		return NT_STORE_DAMAGED;
	info->store = value & STORE_INDEX;
	st = s->stores[info->store];
	if (!st)
		return NT_STORE_DAMAGED;
	if (st->status)
		return st->status;
	status = store_tree_find(m, st->pages_tree, info->key, &value);
	/* One tree says that the store has it. */
	if (status)
		return status == NT_STORE_NO_KEY ? NT_STORE_DAMAGED : status;
	status = find_record(s, st, value, &record, info);
	return status ? status : read_data(s, st, &record, ret, info);
}

enum nt_store_status nt_store_read(const NtStore *s, unsigned number,
				   uint32_t page, uint8_t ret[PAGE_SIZE_4K],
				   struct nt_store_page *info)
{
	/* Waiver of "no state but the session's": of this thread, and back to
	 * false when the function returns. It cuts the only loop that there
	 * can be, a store's page that is in a store. */
	static _Thread_local bool busy;
	struct nt_store_page unused;
	enum nt_store_status status;

	if (!info)
		info = &unused;
	*info = (struct nt_store_page){ 0 };
	if (busy)
		return NT_STORE_UNREADABLE;
	if (!nt_store_is_virtual(s, number) || page >> KEY_SHIFT)
		return NT_STORE_NO_KEY;
	info->key = page;
	if (s->row->key_has_number)
		info->key |= (uint32_t)number << KEY_SHIFT;
	busy = true;
	status = find_and_read(s, ret, info);
	busy = false;
	return status;
}
