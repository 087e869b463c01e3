/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pools of threads that signals leave alone. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>

#include <glib.h>

/*
 * Pushes task. A thread that this makes blocks all signals, as threads
 * inherit their mask: signals are for the thread that takes requests, whose
 * read() they must interrupt.
 */
bool pool_push(GThreadPool *pool, gpointer task);

#endif
