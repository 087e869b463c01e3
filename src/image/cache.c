/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoded blocks. */
#include "config.h"

#include <stdatomic.h>

#include "base/pool.h"
#include "image/cache.h"

#define SHARDS 16u
/* Memory of blocks up to this length is used again: new memory costs as much
 * as a fast decoder does, page fault by page fault. */
#define SPARE_MAX (UINT32_C(256) << 10)

enum state {
	BEING_MADE,
	MADE,
};

struct entry {
	struct cached_block block; /* first: what callers hold */
	const void *owner;
	uint64_t id;
	enum state state;
	unsigned refs;
	uint64_t used; /* when it was given back last */
	GList link;    /* in shard.unused, while refs is 0 */
};

struct shard {
	GMutex lock;
	GCond made;
	GHashTable *entries; /* of struct entry, which are their own keys */
	GQueue unused;	     /* least recently used last */
	uint8_t *spare;	     /* of a block that was forgotten, or NULL */
	uint32_t spare_len;
};

struct ImageCache {
	struct shard shards[SHARDS];
	uint64_t max_bytes;
	_Atomic uint64_t used; /* bytes */
	_Atomic uint64_t clock;
	_Atomic(GThreadPool *) ahead;
};

struct ahead_task {
	void (*fn)(void *ctx, uint64_t arg);
	void *ctx;
	uint64_t arg;
};

static guint hash_entry(gconstpointer key)
{
	const struct entry *e = key;
	uint64_t h = (e->id ^ (uint64_t)(uintptr_t)e->owner) *
		     UINT64_C(0x9e3779b97f4a7c15);

	return (guint)(h >> 32);
}

static gboolean same_entry(gconstpointer a, gconstpointer b)
{
	const struct entry *x = a, *y = b;

	return x->owner == y->owner && x->id == y->id;
}

static void free_entry(gpointer data)
{
	struct entry *e = data;

	g_free(e->block.bytes);
	g_free(e);
}

ImageCache *image_cache_new(uint64_t max_bytes)
{
	ImageCache *cache = g_new0(ImageCache, 1);

	cache->max_bytes = max_bytes ? max_bytes : IMAGE_CACHE_BYTES;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shards[i];

		g_mutex_init(&s->lock);
		g_cond_init(&s->made);
		s->entries = g_hash_table_new_full(hash_entry, same_entry,
						   free_entry, NULL);
		g_queue_init(&s->unused);
	}
	return cache;
}

void image_cache_free(ImageCache *cache)
{
	GThreadPool *pool;

	if (!cache)
		return;
	pool = atomic_exchange(&cache->ahead, NULL);
	if (pool)
		g_thread_pool_free(pool, FALSE, TRUE);
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shards[i];

		g_hash_table_unref(s->entries);
		g_free(s->spare);
		g_mutex_clear(&s->lock);
		g_cond_clear(&s->made);
	}
	g_free(cache);
}

/* Memory that an entry takes. */
static uint64_t cost_of(const struct entry *e)
{
	return sizeof *e + (e->block.bytes ? e->block.len : 0);
}

static void forget(ImageCache *cache, struct shard *s, struct entry *e)
{
	g_queue_unlink(&s->unused, &e->link);
	atomic_fetch_sub(&cache->used, cost_of(e));
	if (!s->spare && e->block.bytes && e->block.len <= SPARE_MAX) {
		s->spare = g_steal_pointer(&e->block.bytes);
		s->spare_len = e->block.len;
	}
	g_hash_table_remove(s->entries, e);
}

/* When the block that is longest unused in a shard was used last. */
static uint64_t oldest_use(const struct shard *s)
{
	const struct entry *e = s->unused.tail ? s->unused.tail->data : NULL;

	return e ? e->used : UINT64_MAX;
}

/* The shard with the block that is longest unused, locked; NULL where there
 * is none. Shards in which somebody works are passed over, but for own. */
static struct shard *oldest_shard(ImageCache *cache, struct shard *own)
{
	struct shard *oldest = NULL;
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shards[i];

		if (s != own && !g_mutex_trylock(&s->lock))
			continue;
		if (oldest_use(s) < best) {
			if (oldest && oldest != own)
				g_mutex_unlock(&oldest->lock);
			best = oldest_use(s);
			oldest = s;
		} else if (s != own) {
			g_mutex_unlock(&s->lock);
		}
	}
	return oldest;
}

/* Forgets what is longest unused until there is room, as far as it goes; own
 * is locked. */
static void make_room(ImageCache *cache, struct shard *own)
{
	while (atomic_load(&cache->used) > cache->max_bytes) {
		struct shard *s = oldest_shard(cache, own);

		if (!s)
			return;
		forget(cache, s, s->unused.tail->data);
		if (s != own)
			g_mutex_unlock(&s->lock);
	}
}

static struct shard *shard_of(ImageCache *cache, const struct entry *e)
{
	return &cache->shards[hash_entry(e) % SHARDS];
}

static void use(struct shard *s, struct entry *e)
{
	if (!e->refs++)
		g_queue_unlink(&s->unused, &e->link);
}

/* The shard is locked. */
static uint8_t *take_memory(struct shard *s, uint32_t len)
{
	if (s->spare && s->spare_len == len)
		return g_steal_pointer(&s->spare);
	return g_try_malloc(len ? len : 1);
}

static struct entry *add_entry(ImageCache *cache, struct shard *s,
			       const struct entry *key, uint32_t len)
{
	struct entry *e = g_new0(struct entry, 1);

	e->owner = key->owner;
	e->id = key->id;
	e->block.len = len;
	e->block.bytes = take_memory(s, len);
	e->refs = 1;
	e->link.data = e;
	g_hash_table_add(s->entries, e);
	atomic_fetch_add(&cache->used, cost_of(e));
	make_room(cache, s);
	return e;
}

const struct cached_block *image_cache_get(ImageCache *cache,
					   const void *owner, uint64_t id,
					   uint32_t len, bool *make)
{
	const struct entry key = { .owner = owner, .id = id };
	struct shard *s = shard_of(cache, &key);
	struct entry *e;

	g_mutex_lock(&s->lock);
	e = g_hash_table_lookup(s->entries, &key);
	*make = !e;
	if (e) {
		use(s, e);
		while (e->state == BEING_MADE)
			g_cond_wait(&s->made, &s->lock);
	} else {
		e = add_entry(cache, s, &key, len);
	}
	g_mutex_unlock(&s->lock);
	return &e->block;
}

const struct cached_block *image_cache_peek(ImageCache *cache,
					    const void *owner, uint64_t id)
{
	const struct entry key = { .owner = owner, .id = id };
	struct shard *s = shard_of(cache, &key);
	struct entry *e;

	g_mutex_lock(&s->lock);
	e = g_hash_table_lookup(s->entries, &key);
	if (e && e->state == MADE)
		use(s, e);
	else
		e = NULL;
	g_mutex_unlock(&s->lock);
	return e ? &e->block : NULL;
}

void image_cache_made(ImageCache *cache, const struct cached_block *block,
		      bool good)
{
	struct entry *e = (struct entry *)(uintptr_t)block;
	struct shard *s = shard_of(cache, e);

	g_mutex_lock(&s->lock);
	if (!good && e->block.bytes) {
		atomic_fetch_sub(&cache->used, e->block.len);
		g_clear_pointer(&e->block.bytes, g_free);
	}
	e->state = MADE;
	g_cond_broadcast(&s->made);
	g_mutex_unlock(&s->lock);
}

void image_cache_put(ImageCache *cache, const struct cached_block *block)
{
	struct entry *e = (struct entry *)(uintptr_t)block;
	struct shard *s = shard_of(cache, e);

	g_mutex_lock(&s->lock);
	if (!--e->refs) {
		e->used = atomic_fetch_add(&cache->clock, 1);
		g_queue_push_head_link(&s->unused, &e->link);
		if (atomic_load(&cache->used) > cache->max_bytes)
			make_room(cache, s);
	}
	g_mutex_unlock(&s->lock);
}

void image_cache_drop(ImageCache *cache, const void *owner)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shards[i];
		GList *next;

		g_mutex_lock(&s->lock);
		for (GList *l = s->unused.head; l; l = next) {
			struct entry *e = l->data;

			next = l->next;
			if (e->owner == owner)
				forget(cache, s, e);
		}
		g_mutex_unlock(&s->lock);
	}
}

uint64_t image_cache_used(const ImageCache *cache)
{
	return atomic_load(&cache->used);
}

static void run_task(gpointer data, gpointer unused)
{
	struct ahead_task *task = data;

	(void)unused;
	task->fn(task->ctx, task->arg);
	g_free(task);
}

void image_cache_start_ahead(ImageCache *cache, unsigned n_threads)
{
	if (!atomic_load(&cache->ahead))
		atomic_store(&cache->ahead,
			     g_thread_pool_new(run_task, NULL,
					       (gint)MAX(n_threads, 1), FALSE,
					       NULL));
}

bool image_cache_ahead(ImageCache *cache, void (*fn)(void *ctx, uint64_t arg),
		       void *ctx, uint64_t arg)
{
	GThreadPool *pool = atomic_load(&cache->ahead);
	struct ahead_task task = { fn, ctx, arg };

	return pool && pool_push(pool, g_memdup2(&task, sizeof task));
}
