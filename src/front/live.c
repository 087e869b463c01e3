/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session of a mount whose image changes. */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>

#include "front/live.h"

struct Epoch {
	Session *session;
	gatomicrefcount refs;
	_Atomic int64_t until; /* of g_get_monotonic_time() */
};

struct Live {
	const Options *options;
	GMutex lock;	 /* guards what follows */
	GCond built;
	bool building;	 /* somebody is at it, without the lock */
	unsigned n_built;
	Epoch *current;
	unsigned n_ahead; /* threads of live_start_ahead(), or 0 */
	char *complaint; /* why it could not be opened the last time */
	_Atomic int64_t until; /* current's; read without the lock */
};

static Epoch *epoch_new(Session *session, unsigned n_ahead)
{
	Epoch *epoch = g_new0(Epoch, 1);

	epoch->session = session;
	g_atomic_ref_count_init(&epoch->refs);
	if (n_ahead)
		image_cache_start_ahead(session->image->cache, n_ahead);
	return epoch;
}

Epoch *epoch_ref(Epoch *epoch)
{
	g_atomic_ref_count_inc(&epoch->refs);
	return epoch;
}

void epoch_unref(Epoch *epoch)
{
	if (!epoch || !g_atomic_ref_count_dec(&epoch->refs))
		return;
	session_free(epoch->session);
	g_free(epoch);
}

const Session *epoch_session(const Epoch *epoch)
{
	return epoch->session;
}

double epoch_seconds_left(const Epoch *epoch)
{
	int64_t left = atomic_load(&epoch->until) - g_get_monotonic_time();

	return left > 0 ? (double)left / G_USEC_PER_SEC : 0;
}

/*
 * From now on; where opening takes longer than what was asked for, as long as
 * it took, so that no more than half of the time goes into it. The lock is
 * held.
 */
static void start_clock(Live *live, int64_t took)
{
	int64_t until = g_get_monotonic_time() +
			MAX(live->options->live_usec, took);

	atomic_store(&live->current->until, until);
	atomic_store(&live->until, until);
}

Live *live_new(Session *session, const Options *options)
{
	Live *live = g_new0(Live, 1);

	live->options = options;
	g_mutex_init(&live->lock);
	g_cond_init(&live->built);
	live->current = epoch_new(session, 0);
	start_clock(live, 0);
	return live;
}

void live_free(Live *live)
{
	if (!live)
		return;
	epoch_unref(live->current);
	g_free(live->complaint);
	g_cond_clear(&live->built);
	g_mutex_clear(&live->lock);
	g_free(live);
}

void live_start_ahead(Live *live, unsigned n_threads)
{
	g_mutex_lock(&live->lock);
	live->n_ahead = n_threads;
	image_cache_start_ahead(live->current->session->image->cache,
				n_threads);
	g_mutex_unlock(&live->lock);
}

bool live_is_fresh(const Live *live)
{
	return g_get_monotonic_time() < atomic_load(&live->until);
}

Epoch *live_get(Live *live)
{
	Epoch *epoch;

	g_mutex_lock(&live->lock);
	epoch = epoch_ref(live->current);
	g_mutex_unlock(&live->lock);
	return epoch;
}

/* Says so once, not with every try. The lock is held. */
static void complain(Live *live, const GError *error)
{
	if (!g_strcmp0(live->complaint, error->message))
		return;
	fprintf(stderr, "winprocfs: live: %s; what was read last stays\n",
		error->message);
	g_free(live->complaint);
	live->complaint = g_strdup(error->message);
}

/* Puts the new session in the place of the current one, which it returns;
 * without one, the current one stays. The lock is held. */
static Epoch *replace(Live *live, Session *session, const GError *error)
{
	Epoch *old = NULL;

	if (session) {
		old = live->current;
		live->current = epoch_new(session, live->n_ahead);
		g_clear_pointer(&live->complaint, g_free);
	} else {
		complain(live, error);
	}
	return old;
}

/* The lock is held, but not while the image is opened. Nobody else replaces
 * the current session meanwhile. */
static void build(Live *live)
{
	const Session *former = live->current->session;
	int64_t start = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;
	Session *session;
	Epoch *old;

	live->building = true;
	g_mutex_unlock(&live->lock);
	session = session_open_again(live->options, former, &error);
	g_mutex_lock(&live->lock);
	old = replace(live, session, error);
	start_clock(live, g_get_monotonic_time() - start);
	live->building = false;
	live->n_built++;
	g_cond_broadcast(&live->built);
	if (!old)
		return;
	g_mutex_unlock(&live->lock);
	tree_trim(old->session->tree);
	epoch_unref(old);
	g_mutex_lock(&live->lock);
}

Epoch *live_get_fresh(Live *live)
{
	Epoch *epoch;
	unsigned n;

	g_mutex_lock(&live->lock);
	n = live->n_built;
	if (!live->building && !live_is_fresh(live))
		build(live);
	while (live->building && live->n_built == n)
		g_cond_wait(&live->built, &live->lock);
	epoch = epoch_ref(live->current);
	g_mutex_unlock(&live->lock);
	return epoch;
}
