/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images that change while they are mounted (live=SECONDS): the session that a
 * mount shows is replaced by a new one when it has become too old and somebody
 * asks for something. Whoever still uses a former one keeps it.
 */
#ifndef FRONT_LIVE_H
#define FRONT_LIVE_H

#include "front/session.h"

typedef struct Live Live;

/* A session and how long it may be shown; reference-counted. */
typedef struct Epoch Epoch;

/* Takes session; options must outlive it. */
Live *live_new(Session *session, const Options *options);
/* Every epoch but the current one must have been given back. */
void live_free(Live *live);

/* From now on blocks of compressed images are made ahead
 * (image_cache_start_ahead()), whatever session is the current one. */
void live_start_ahead(Live *live, unsigned n_threads);

/* Is the current session young enough to be shown? Takes no time. */
bool live_is_fresh(const Live *live);
/* The current session, whatever its age. Takes no time. (transfer full) */
Epoch *live_get(Live *live);
/*
 * The current session; where it is too old, the image is opened anew first, by
 * one thread while others wait. Where that cannot be done the old one stays.
 * (transfer full)
 */
Epoch *live_get_fresh(Live *live);

const Session *epoch_session(const Epoch *epoch);
/* For how long what it says may be believed yet. */
double epoch_seconds_left(const Epoch *epoch);
Epoch *epoch_ref(Epoch *epoch);
void epoch_unref(Epoch *epoch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Epoch, epoch_unref)

#endif
