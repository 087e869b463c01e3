/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads of a space, and the folder task/. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "tree/threads.h"

struct threads {
	GArray *array; /* struct nt_thread */
	GArray *first; /* guint: positions of those that are the first of
			* their id, and so have a folder */
};

static const struct nt_thread *at(const GArray *threads, guint i)
{
	return &g_array_index(threads, struct nt_thread, i);
}

static void find_first(struct threads *t)
{
	t->first = g_array_new(FALSE, FALSE, sizeof(guint));
	for (guint i = 0; i < t->array->len; i++)
		if (!i || at(t->array, i)->tid != at(t->array, i - 1)->tid)
			g_array_append_val(t->first, i);
}

static GArray *read_threads(const struct render_facts *facts,
			    const Space *space)
{
	const struct proc_entry *e = space->proc;
	g_autoptr(NtProcSpace) own = NULL;

	if (space->kind != SPACE_PROCESS || !facts->kernel || !e->plausible)
		return g_array_new(FALSE, FALSE, sizeof(struct nt_thread));
	if (e->has_space)
		own = space_full(space);
	return nt_threads_read(facts->kernel, &e->p, own ? &own->as : NULL);
}

static gpointer load(const struct render_facts *facts, const Space *space,
		     unsigned kind, uint64_t arg)
{
	struct threads *t = g_new0(struct threads, 1);

	(void)kind;
	(void)arg;
	t->array = read_threads(facts, space);
	find_first(t);
	return t;
}

static void unload(gpointer data)
{
	struct threads *t = data;

	g_array_unref(t->array);
	g_array_unref(t->first);
	g_free(t);
}

static size_t footprint(gconstpointer data)
{
	const struct threads *t = data;

	return sizeof *t +
	       t->array->len * (sizeof(struct nt_thread) + NT_THREAD_NAME_MAX);
}

const struct detail_class threads_detail = { load, unload, footprint };

const GArray *space_threads(const Detail *detail)
{
	const struct threads *t = detail_data(detail);

	return t->array;
}

/* Position of the first thread whose id is not below. */
static guint lower_bound(const GArray *threads, uint64_t tid)
{
	guint low = 0, high = threads->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (at(threads, middle)->tid < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct nt_thread *space_thread(const Detail *detail, uint64_t tid)
{
	const GArray *threads = space_threads(detail);
	guint i = lower_bound(threads, tid);

	return i < threads->len && at(threads, i)->tid == tid ?
		       at(threads, i) : NULL;
}

static Detail *get(const struct render_facts *facts, const Space *space)
{
	return detail_get(facts, space, DETAIL_THREADS);
}

/* Whether there are threads is not asked: it would read each process where
 * its folder is listed. Of kernels of which it is not known where threads have
 * their ids there is no folder. */
bool tasks_there(const struct render_facts *facts, const Space *space,
		 uint64_t arg)
{
	(void)arg;
	return facts->kernel && facts->kernel->has_profile &&
	       facts->kernel->profile.ethread.tid != NT_ABSENT &&
	       space->proc && space->proc->plausible;
}

static struct item_entry task_entry(uint32_t tid)
{
	return (struct item_entry){ ITEM_TASK, tid,
				    g_strdup_printf("%" PRIu32, tid) };
}

bool tasks_at(const struct render_facts *facts, const Space *space,
	      uint64_t arg, uint64_t index, struct item_entry *ret)
{
	g_autoptr(Detail) detail = get(facts, space);
	const struct threads *t = detail_data(detail);

	(void)arg;
	if (index >= t->first->len)
		return false;
	*ret = task_entry(at(t->array,
			     g_array_index(t->first, guint, index))->tid);
	return true;
}

bool tasks_find(const struct render_facts *facts, const Space *space,
		uint64_t arg, const char *name, struct item_entry *ret)
{
	g_autofree char *same = NULL;
	uint64_t tid;

	(void)arg;
	if (!g_ascii_string_to_unsigned(name, 10, 0, UINT32_MAX, &tid, NULL))
		return false;
	same = g_strdup_printf("%" PRIu64, tid);
	if (strcmp(same, name) || !task_there(facts, space, tid))
		return false;
	*ret = (struct item_entry){ ITEM_TASK, tid, NULL };
	return true;
}

bool task_there(const struct render_facts *facts, const Space *space,
		uint64_t tid)
{
	g_autoptr(Detail) detail = get(facts, space);

	return space_thread(detail, tid);
}

bool task_at(const struct render_facts *facts, const Space *space,
	     uint64_t tid, uint64_t index, struct item_entry *ret)
{
	static const enum space_item items[] = {
		ITEM_TASK_CMDLINE, ITEM_TASK_COMM, ITEM_TASK_STAT,
		ITEM_TASK_STATM, ITEM_TASK_STATUS
	};

	(void)facts;
	(void)space;
	if (index >= G_N_ELEMENTS(items))
		return false;
	ret->item = items[index];
	ret->arg = tid;
	ret->name = g_strdup(item_ops(ret->item)->name);
	return true;
}
