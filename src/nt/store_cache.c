/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of the store's trees, records and regions: 8 MiB at the most. */
#include "config.h"

#include "base/bytes.h"
#include "nt/store-priv.h"

enum {
	SHARDS = 16,
	SLOTS = 128, /* of a shard */
};

struct slot {
	uint64_t key; /* page number and space, see key_of(); 0: empty */
	bool readable;
	uint8_t *bytes; /* a page, or NULL */
};

struct shard {
	GMutex lock; /* guards the slots; held for a copy, never for I/O */
	struct slot slots[SLOTS];
};

struct StoreCache {
	struct shard shards[SHARDS];
};

StoreCache *store_cache_new(void)
{
	StoreCache *cache = g_new0(StoreCache, 1);

	for (size_t i = 0; i < SHARDS; i++)
		g_mutex_init(&cache->shards[i].lock);
	return cache;
}

void store_cache_free(StoreCache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shards[i];

		for (size_t j = 0; j < SLOTS; j++)
			g_free(shard->slots[j].bytes);
		g_mutex_clear(&shard->lock);
	}
	g_free(cache);
}

/* Page addresses have 12 bits to spare; never 0. */
static uint64_t key_of(uint64_t page, unsigned space)
{
	return page | ((space + 1) & PAGE_MASK_4K);
}

static struct slot *slot_of(struct shard *shard, uint64_t key)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	return &shard->slots[(hash >> 40) % SLOTS];
}

static struct shard *shard_of(StoreCache *cache, uint64_t key)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	return &cache->shards[(hash >> 58) % SHARDS];
}

/* Copies bytes of a page that is there; false where it is not. */
static bool get(struct shard *shard, uint64_t key, size_t off, void *buf,
		size_t len, bool *readable)
{
	struct slot *slot = slot_of(shard, key);
	bool found;

	g_mutex_lock(&shard->lock);
	found = slot->key == key;
	if (found) {
		*readable = slot->readable;
		if (slot->readable)
			memcpy(buf, slot->bytes + off, len);
	}
	g_mutex_unlock(&shard->lock);
	return found;
}

static void put(struct shard *shard, uint64_t key, const uint8_t *page,
		bool readable)
{
	struct slot *slot = slot_of(shard, key);

	g_mutex_lock(&shard->lock);
	slot->key = key;
	slot->readable = readable;
	if (readable) {
		if (!slot->bytes)
			slot->bytes = g_malloc(PAGE_SIZE_4K);
		memcpy(slot->bytes, page, PAGE_SIZE_4K);
	}
	g_mutex_unlock(&shard->lock);
}

static bool read_part(StoreCache *cache, const struct addr_space *as,
		      unsigned space, uint64_t va, void *buf, size_t len)
{
	uint64_t page = page_floor(va), key = key_of(page, space);
	size_t off = (size_t)(va & PAGE_MASK_4K);
	struct shard *shard = shard_of(cache, key);
	bool readable = false;

	if (!get(shard, key, off, buf, len, &readable)) {
		uint8_t bytes[PAGE_SIZE_4K];

		readable = vtop_read(as, VIRT(page), bytes, sizeof bytes);
		put(shard, key, bytes, readable);
		if (readable)
			memcpy(buf, bytes + off, len);
	}
	/* Of a page a part may be in the image. */
	return readable || vtop_read(as, VIRT(va), buf, len);
}

bool store_cache_read(StoreCache *cache, const struct addr_space *as,
		      unsigned space, VirtAddr va, void *buf, size_t len_bytes)
{
	uint64_t end;

	if (!add_u64(va.v, len_bytes, &end))
		return false;
	for (uint8_t *p = buf; len_bytes;) {
		size_t room = (size_t)(PAGE_SIZE_4K - (va.v & PAGE_MASK_4K));
		size_t n = MIN(len_bytes, room);

		if (!read_part(cache, as, space, va.v, p, n))
			return false;
		p += n;
		va.v += n;
		len_bytes -= n;
	}
	return true;
}
