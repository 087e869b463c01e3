/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests: which tree answers them, and in which thread. */
#include "config.h"

#include <errno.h>

#include "base/pool.h"
#include "front/fuse-priv.h"

/* Nothing ever changes: what the kernel knows once it may keep. In seconds,
 * about 136 years. */
#define FOREVER ((double)UINT32_MAX)

FuseFs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

Inode *inode_of(FuseFs *fs, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &fs->root : (Inode *)(uintptr_t)ino;
}

static void run_work(gpointer data, gpointer unused)
{
	struct work *work = data;

	(void)unused;
	work->pooled = true;
	work->run(work);
	epoch_unref(work->epoch);
	g_free(work);
}

GThreadPool *work_pool_new(guint threads)
{
	return g_thread_pool_new(run_work, NULL, (gint)threads, FALSE, NULL);
}

/* The copy has a reference of its own. */
static struct work *work_copy(const struct work *work)
{
	struct work *copy = g_new(struct work, 1);

	*copy = *work;
	if (copy->epoch)
		epoch_ref(copy->epoch);
	return copy;
}

void work_push(struct work *work)
{
	FuseFs *fs = fs_of(work->req);

	if (fs->pool && !work->pooled)
		pool_push(fs->pool, work_copy(work));
	else
		work->run(work);
}

void work_go_on(struct work *work)
{
	if (tree_is_ready(work->tree, &work->node))
		work->run(work);
	else
		work_push(work);
}

/* A file that is gone, for those who have it open. */
static bool find_held(FuseFs *fs, struct work *work)
{
	GHashTableIter iter;
	gpointer file, value;
	bool found = false;

	g_mutex_lock(&fs->files_lock);
	g_hash_table_iter_init(&iter, fs->files);
	while (!found && g_hash_table_iter_next(&iter, &file, &value)) {
		const struct held *held = value;

		found = held->inode == work->inode;
		if (!found)
			continue;
		work->epoch = epoch_ref(held->epoch);
		work->node = held->node;
	}
	g_mutex_unlock(&fs->files_lock);
	return found;
}

/* Takes the epoch. */
static bool find_node(struct work *work, Epoch *epoch)
{
	const Inode *inode = work->inode;
	Tree *tree = epoch_session(epoch)->tree;

	if (tree_find_again(tree, &inode->node, &inode->id, &work->node)) {
		work->epoch = epoch;
	} else {
		epoch_unref(epoch);
		if (!find_held(fs_of(work->req), work))
			return false;
	}
	work->tree = epoch_session(work->epoch)->tree;
	return true;
}

/* Takes the epoch. */
static bool place(struct work *work, Epoch *epoch)
{
	if (find_node(work, epoch))
		return true;
	fuse_reply_err(work->req, ESTALE);
	return false;
}

static void run_fresh(struct work *work)
{
	if (!place(work, live_get_fresh(fs_of(work->req)->live)))
		return;
	work->run = work->then;
	work->run(work);
}

static void start_live(struct work *work)
{
	Live *live = fs_of(work->req)->live;

	if (!live_is_fresh(live)) {
		work->then = work->run;
		work->run = run_fresh;
		work_push(work);
	} else if (place(work, live_get(live))) {
		work_go_on(work);
	}
	g_clear_pointer(&work->epoch, epoch_unref);
}

void work_start(struct work *work, fuse_ino_t ino)
{
	FuseFs *fs = fs_of(work->req);

	work->inode = inode_of(fs, ino);
	if (fs->live) {
		start_live(work);
		return;
	}
	work->tree = fs->tree;
	work->node = work->inode->node;
	work_go_on(work);
}

double work_validity(const struct work *work)
{
	return work->epoch ? epoch_seconds_left(work->epoch) : FOREVER;
}

void work_fill_entry(const struct work *work, const struct tree_node *node,
		     struct fuse_entry_param *e)
{
	FuseFs *fs = fs_of(work->req);
	double seconds = work_validity(work);

	*e = (struct fuse_entry_param){ .attr_timeout = seconds,
					.entry_timeout = seconds };
	tree_stat(work->tree, node, &e->attr);
	e->ino = (fuse_ino_t)(uintptr_t)inode_table_get(fs->inodes, node);
}

void fs_forget(FuseFs *fs, fuse_ino_t ino, uint64_t n)
{
	if (ino != FUSE_ROOT_ID)
		inode_table_forget(fs->inodes, inode_of(fs, ino), n);
}

static void held_free(struct held *held)
{
	if (!held)
		return;
	epoch_unref(held->epoch);
	g_free(held);
}

void fs_keep_file(FuseFs *fs, TreeFile *file, const struct work *work)
{
	struct held *held = NULL;

	if (work->epoch) {
		held = g_new0(struct held, 1);
		held->epoch = epoch_ref(work->epoch);
		held->inode = work->inode;
		held->node = work->node;
	}
	g_mutex_lock(&fs->files_lock);
	g_hash_table_insert(fs->files, file, held);
	g_mutex_unlock(&fs->files_lock);
}

void fs_drop_file(FuseFs *fs, TreeFile *file)
{
	gpointer held = NULL;

	g_mutex_lock(&fs->files_lock);
	g_hash_table_steal_extended(fs->files, file, NULL, &held);
	g_mutex_unlock(&fs->files_lock);
	tree_file_close(file);
	held_free(held);
}

void fs_drop_files(FuseFs *fs)
{
	GHashTableIter iter;
	gpointer file, held;

	g_hash_table_iter_init(&iter, fs->files);
	while (g_hash_table_iter_next(&iter, &file, &held)) {
		tree_file_close(file);
		held_free(held);
	}
	g_hash_table_remove_all(fs->files);
}
