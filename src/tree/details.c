/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache of what is known of spaces. */
#include "config.h"

#include "tree/details.h"
#include "tree/fds.h"
#include "tree/modules.h"
#include "tree/threads.h"
#include "tree/vads.h"

static const struct detail_class *const classes[SPACE_DETAILS] = {
	[DETAIL_VADS] = &vads_detail,
	[DETAIL_THREADS] = &threads_detail,
	[DETAIL_MODULES] = &modules_detail,
	[DETAIL_HANDLES] = &handles_class,
};

struct key {
	const Space *space;
	uint64_t arg;
	unsigned kind;
};

struct Detail {
	struct key key;
	const struct detail_class *cls;
	gatomicrefcount refs;
	gpointer data;
	size_t footprint;
	GList lru; /* guarded by the cache's lock */
};

struct DetailCache {
	GMutex lock; /* guards all of it */
	GHashTable *by_key; /* struct key -> Detail, with a reference */
	GQueue lru;	    /* of Detail, the one used last at the head */
	size_t bytes, max_bytes;
};

static guint key_hash(gconstpointer p)
{
	const struct key *key = p;
	uint64_t mix = (uint64_t)(uintptr_t)key->space ^
		       (key->arg + key->kind) * UINT64_C(0x9e3779b97f4a7c15);

	return (guint)(mix ^ mix >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const struct key *x = a, *y = b;

	return x->space == y->space && x->arg == y->arg && x->kind == y->kind;
}

DetailCache *detail_cache_new(size_t max_bytes)
{
	DetailCache *cache = g_new0(DetailCache, 1);

	g_mutex_init(&cache->lock);
	g_queue_init(&cache->lru);
	cache->by_key = g_hash_table_new(key_hash, key_equal);
	cache->max_bytes = max_bytes;
	return cache;
}

void detail_unref(Detail *detail)
{
	if (!detail || !g_atomic_ref_count_dec(&detail->refs))
		return;
	if (detail->cls && detail->data)
		detail->cls->free(detail->data);
	g_free(detail);
}

/* Takes the ones used longest ago out until no more than max_bytes are left;
 * the lock is held. (transfer full) of what was taken out. */
static GSList *shrink(DetailCache *cache, size_t max_bytes)
{
	GSList *gone = NULL;

	while (cache->bytes > max_bytes && cache->lru.length) {
		Detail *last = g_queue_peek_tail(&cache->lru);

		g_queue_unlink(&cache->lru, &last->lru);
		g_hash_table_remove(cache->by_key, &last->key);
		cache->bytes -= last->footprint;
		gone = g_slist_prepend(gone, last);
	}
	return gone;
}

/* Freeing takes its time: not with the lock held. */
static void drop(GSList *gone)
{
	for (GSList *l = gone; l; l = l->next)
		detail_unref(l->data);
	g_slist_free(gone);
}

void detail_cache_trim(DetailCache *cache)
{
	GSList *gone;

	g_mutex_lock(&cache->lock);
	cache->max_bytes = 0;
	gone = shrink(cache, 0);
	g_mutex_unlock(&cache->lock);
	drop(gone);
}

void detail_cache_free(DetailCache *cache)
{
	if (!cache)
		return;
	detail_cache_trim(cache);
	g_hash_table_unref(cache->by_key);
	g_mutex_clear(&cache->lock);
	g_free(cache);
}

static Detail *look_up(DetailCache *cache, const struct key *key)
{
	Detail *detail = g_hash_table_lookup(cache->by_key, key);

	if (!detail)
		return NULL;
	g_queue_unlink(&cache->lru, &detail->lru);
	g_queue_push_head_link(&cache->lru, &detail->lru);
	g_atomic_ref_count_inc(&detail->refs);
	return detail;
}

static Detail *load(const struct render_facts *facts, const struct key *key,
		    const struct detail_class *cls)
{
	Detail *detail = g_new0(Detail, 1);

	g_atomic_ref_count_init(&detail->refs);
	detail->key = *key;
	detail->cls = cls;
	detail->lru.data = detail;
	detail->footprint = sizeof *detail;
	if (cls)
		detail->data = cls->load(facts, key->space, key->kind,
					 key->arg);
	if (detail->data)
		detail->footprint += cls->footprint(detail->data);
	return detail;
}

/* Puts it into the cache, unless somebody was faster: then that one counts. */
static Detail *keep(DetailCache *cache, Detail *detail)
{
	Detail *other;
	GSList *gone = NULL;

	g_mutex_lock(&cache->lock);
	other = look_up(cache, &detail->key);
	if (!other && detail->footprint <= cache->max_bytes) {
		g_atomic_ref_count_inc(&detail->refs);
		g_hash_table_insert(cache->by_key, &detail->key, detail);
		g_queue_push_head_link(&cache->lru, &detail->lru);
		cache->bytes += detail->footprint;
		gone = shrink(cache, cache->max_bytes);
	}
	g_mutex_unlock(&cache->lock);
	drop(gone);
	if (!other)
		return detail;
	detail_unref(detail);
	return other;
}

static Detail *get(const struct render_facts *facts, const struct key *key,
		   const struct detail_class *cls)
{
	DetailCache *cache = facts->details;
	Detail *detail;

	g_mutex_lock(&cache->lock);
	detail = look_up(cache, key);
	g_mutex_unlock(&cache->lock);
	return detail ? detail : keep(cache, load(facts, key, cls));
}

Detail *detail_get(const struct render_facts *facts, const Space *space,
		   enum space_detail kind)
{
	struct key key = { .space = space, .kind = kind };

	return get(facts, &key, classes[kind]);
}

/* Is it kept, and of no more bytes than that? */
static bool is_kept(const struct render_facts *facts, const Space *space,
		    enum space_detail kind, size_t max_bytes)
{
	DetailCache *cache = facts->details;
	struct key key = { .space = space, .kind = kind };
	const Detail *detail;
	bool kept;

	g_mutex_lock(&cache->lock);
	detail = g_hash_table_lookup(cache->by_key, &key);
	kept = detail && detail->footprint <= max_bytes;
	g_mutex_unlock(&cache->lock);
	return kept;
}

bool detail_is_there(const struct render_facts *facts, const Space *space,
		     enum space_detail kind)
{
	return is_kept(facts, space, kind, SIZE_MAX);
}

/* A thousand VADs or so. */
#define SMALL_BYTES ((size_t)256 << 10)

bool detail_is_quick(const struct render_facts *facts, const Space *space,
		     enum space_detail kind)
{
	return physmem_is_mapped(facts->pm) &&
	       space_has_small_view(space, facts->views) &&
	       is_kept(facts, space, DETAIL_VADS, SMALL_BYTES) &&
	       (kind == DETAIL_VADS ||
		is_kept(facts, space, kind, SMALL_BYTES));
}

Detail *detail_get_other(const struct render_facts *facts, const Space *space,
			 unsigned kind, uint64_t arg,
			 const struct detail_class *cls)
{
	struct key key = { .space = space, .arg = arg, .kind = kind };

	return get(facts, &key, cls);
}

size_t detail_footprint(const Detail *detail)
{
	return detail ? detail->footprint : 0;
}

gconstpointer detail_data(const Detail *detail)
{
	return detail->data;
}
