/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is being done now. */
#include "config.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/progress.h"

static const char *_Atomic step;
static _Atomic uint64_t step_done, step_total;

void progress_step(const char *what)
{
	atomic_store(&step_total, 0);
	atomic_store(&step_done, 0);
	atomic_store(&step, what);
}

void progress_at(uint64_t done, uint64_t total)
{
	atomic_store_explicit(&step_done, done, memory_order_relaxed);
	atomic_store_explicit(&step_total, total, memory_order_relaxed);
}

bool progress_get(const char **what, uint64_t *done, uint64_t *total)
{
	*what = atomic_load(&step);
	*done = atomic_load(&step_done);
	*total = atomic_load(&step_total);
	return *what != NULL;
}
