/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open files by node, in sets of a few. */
#include "config.h"

#include "front/handles.h"

#define SETS 16u
#define WAYS 4u

struct Handle {
	gatomicrefcount refs;
	struct tree_node node;
	TreeFile *file;
	gint64 used; /* guarded by its set's lock: when it was last */
};

struct set {
	GMutex lock; /* guards the rest */
	Handle *ways[WAYS];
};

struct Handles {
	Tree *tree;
	size_t max_bytes;
	gint64 keep_usec;
	struct set sets[SETS];
};

Handles *handles_new(Tree *tree, size_t max_bytes, gint64 keep_usec)
{
	Handles *handles = g_new0(Handles, 1);

	handles->tree = tree;
	handles->max_bytes = max_bytes;
	handles->keep_usec = keep_usec;
	for (unsigned i = 0; i < SETS; i++)
		g_mutex_init(&handles->sets[i].lock);
	return handles;
}

void handle_put(Handle *handle)
{
	if (!handle || !g_atomic_ref_count_dec(&handle->refs))
		return;
	tree_file_close(handle->file);
	g_free(handle);
}

void handles_free(Handles *handles)
{
	if (!handles)
		return;
	for (unsigned i = 0; i < SETS; i++) {
		for (unsigned k = 0; k < WAYS; k++)
			handle_put(handles->sets[i].ways[k]);
		g_mutex_clear(&handles->sets[i].lock);
	}
	g_free(handles);
}

TreeFile *handle_file(const Handle *handle)
{
	return handle->file;
}

static struct set *set_of(Handles *handles, const struct tree_node *node)
{
	uint64_t ino = tree_ino(node);

	return &handles->sets[(ino ^ ino >> 16 ^ ino >> 32) % SETS];
}

/* The set's lock is held. */
static Handle *find_way(struct set *set, const struct tree_node *node)
{
	for (unsigned k = 0; k < WAYS; k++) {
		Handle *handle = set->ways[k];

		if (!handle || !tree_node_equal(&handle->node, node))
			continue;
		handle->used = g_get_monotonic_time();
		g_atomic_ref_count_inc(&handle->refs);
		return handle;
	}
	return NULL;
}

Handle *handles_find(Handles *handles, const struct tree_node *node)
{
	struct set *set = set_of(handles, node);
	Handle *handle;

	g_mutex_lock(&set->lock);
	handle = find_way(set, node);
	g_mutex_unlock(&set->lock);
	return handle;
}

/* Puts it in the place of the one that was not used for longest, which it
 * returns. The set's lock is held. */
static Handle *replace(struct set *set, Handle *handle)
{
	unsigned way = 0;
	Handle *old;

	for (unsigned k = 0; k < WAYS && set->ways[way]; k++)
		if (!set->ways[k] || set->ways[k]->used < set->ways[way]->used)
			way = k;
	old = set->ways[way];
	set->ways[way] = handle;
	handle->used = g_get_monotonic_time();
	g_atomic_ref_count_inc(&handle->refs);
	return old;
}

/* Takes from a set all but one that together are more than *left bytes, and
 * but texts that were read since then. */
static void thin_out(struct set *set, const Handle *but, gint64 since,
		     size_t *left)
{
	Handle *gone[WAYS] = { NULL };

	g_mutex_lock(&set->lock);
	for (unsigned k = 0; k < WAYS; k++) {
		const Handle *h = set->ways[k];
		size_t bytes = h ? tree_file_footprint(h->file) : 0;

		if (bytes > *left && h != but &&
		    !(tree_file_is_rendered(h->file) && h->used > since))
			gone[k] = g_steal_pointer(&set->ways[k]);
		else
			*left -= MIN(bytes, *left);
	}
	g_mutex_unlock(&set->lock);
	for (unsigned k = 0; k < WAYS; k++)
		handle_put(gone[k]);
}

/* A new one came: what the others hold must not become too much. */
static void make_room(Handles *handles, const Handle *but)
{
	size_t own = tree_file_footprint(but->file);
	size_t left = handles->max_bytes - MIN(own, handles->max_bytes);
	gint64 since = g_get_monotonic_time() - handles->keep_usec;

	for (unsigned i = 0; i < SETS; i++)
		thin_out(&handles->sets[i], but, since, &left);
}

static Handle *handle_new(Tree *tree, const struct tree_node *node)
{
	TreeFile *file = tree_open(tree, node);
	Handle *handle;

	if (!file)
		return NULL;
	handle = g_new0(Handle, 1);
	g_atomic_ref_count_init(&handle->refs);
	handle->node = *node;
	handle->file = file;
	return handle;
}

Handle *handles_open(Handles *handles, const struct tree_node *node)
{
	struct set *set = set_of(handles, node);
	Handle *made, *other, *old = NULL;

	other = handles_find(handles, node);
	if (other)
		return other;
	made = handle_new(handles->tree, node);
	if (!made)
		return NULL;
	g_mutex_lock(&set->lock);
	other = find_way(set, node);
	if (!other)
		old = replace(set, made);
	g_mutex_unlock(&set->lock);
	handle_put(old);
	if (other) { /* somebody was faster */
		handle_put(made);
		return other;
	}
	make_room(handles, made);
	return made;
}
