/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pools of threads. */
#include "config.h"

#include <signal.h>

#include "base/pool.h"

bool pool_push(GThreadPool *pool, gpointer task)
{
	sigset_t all, old;
	bool pushed;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	pushed = g_thread_pool_push(pool, task, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pushed;
}
