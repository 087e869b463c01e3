/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libfuse's callbacks for folders. */
#include "config.h"

#include <errno.h>

#include "front/fuse-priv.h"

/* A listing in the making. */
struct listing {
	const struct work *work;
	char *buf;
	size_t size, used;
};

static mode_t type_of(const struct tree_node *node)
{
	if (tree_is_link(node))
		return S_IFLNK;
	return tree_is_dir(node) ? S_IFDIR : S_IFREG;
}

/* Would it take a walk or a rendering to know the size? Then a listing leaves
 * it to whoever asks. */
static bool stat_is_dear(const struct tree_node *node)
{
	if (node->kind == NODE_ITEM)
		return tree_item_is_dear(node);
	return node->kind == NODE_TEXT || node->kind == NODE_VMEM ||
	       node->kind == NODE_PAGEMAP || node->kind == NODE_GLOBAL ||
	       node->kind == NODE_LINK_EXE || node->kind == NODE_LINK_CWD;
}

/* next: the position after this entry. False where it did not fit. */
static bool list_plus(struct listing *l, const char *name,
		      const struct tree_node *node, bool dots, uint64_t next)
{
	struct fuse_entry_param e = { 0 };
	size_t n;

	e.attr_timeout = e.entry_timeout = work_validity(l->work);
	if (!dots && !stat_is_dear(node))
		work_fill_entry(l->work, node, &e);
	/* Without an inode number in e the kernel takes name and type only. */
	e.attr.st_ino = tree_ino(node);
	e.attr.st_mode |= type_of(node);
	n = fuse_add_direntry_plus(l->work->req, l->buf + l->used,
				   l->size - l->used, name, &e, (off_t)next);
	if (n > l->size - l->used) {
		if (e.ino)
			fs_forget(fs_of(l->work->req), e.ino, 1);
		return false;
	}
	l->used += n;
	return true;
}

static bool list_plain(struct listing *l, const char *name,
		       const struct tree_node *node, uint64_t next)
{
	struct stat st = { .st_ino = tree_ino(node), .st_mode = type_of(node) };
	size_t n = fuse_add_direntry(l->work->req, l->buf + l->used,
				     l->size - l->used, name, &st, (off_t)next);

	if (n > l->size - l->used)
		return false;
	l->used += n;
	return true;
}

static bool list_one(struct listing *l, uint64_t pos, bool *fits)
{
	const struct tree_node *dir = &l->work->node;
	g_autofree char *name = NULL;
	struct tree_node node = *dir;

	if (pos == 1)
		node = tree_parent(dir);
	if (pos < 2)
		name = g_strdup(pos ? ".." : ".");
	else if (!tree_entry(l->work->tree, dir, pos - 2, &node, &name))
		return false;
	*fits = l->work->plus ? list_plus(l, name, &node, pos < 2, pos + 1) :
				list_plain(l, name, &node, pos + 1);
	return *fits;
}

static void do_list(struct work *work)
{
	size_t size = MIN(work->size, (size_t)1 << 20);
	g_autofree char *buf = g_malloc(size);
	struct listing l = { work, buf, size, 0 };
	bool fits = true;

	for (uint64_t pos = (uint64_t)work->off; list_one(&l, pos, &fits);
	     pos++)
		;
	fuse_reply_buf(work->req, buf, l.used);
}

static struct dir_handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct dir_handle *)(uintptr_t)fi->fh;
}

/* From the beginning: in the session that is shown now, and so to the end. */
static void do_list_anew(struct work *work)
{
	struct dir_handle *dir = handle_of(&work->fi);
	Epoch *old;

	g_mutex_lock(&dir->lock);
	old = dir->epoch;
	dir->epoch = epoch_ref(work->epoch);
	dir->node = work->node;
	g_mutex_unlock(&dir->lock);
	epoch_unref(old);
	do_list(work);
}

/* The rest of what was begun; false: nothing was. */
static bool list_on(struct work *work)
{
	struct dir_handle *dir = handle_of(&work->fi);

	g_mutex_lock(&dir->lock);
	if (dir->epoch)
		work->epoch = epoch_ref(dir->epoch);
	work->node = dir->node;
	g_mutex_unlock(&dir->lock);
	if (!work->epoch)
		return false;
	work->tree = epoch_session(work->epoch)->tree;
	work_go_on(work);
	g_clear_pointer(&work->epoch, epoch_unref);
	return true;
}

static void list(fuse_ino_t ino, struct work *work)
{
	if (!fs_of(work->req)->live) {
		work_start(work, ino);
		return;
	}
	if (work->off && list_on(work))
		return;
	work->run = do_list_anew;
	work_start(work, ino);
}

void list_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		  struct fuse_file_info *fi)
{
	list(ino, &(struct work){ .run = do_list, .req = req, .fi = *fi,
				  .size = size, .off = off });
}

void list_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	list(ino, &(struct work){ .run = do_list, .req = req, .fi = *fi,
				  .size = size, .off = off, .plus = true });
}

void dir_handle_free(struct dir_handle *dir)
{
	epoch_unref(dir->epoch);
	g_mutex_clear(&dir->lock);
	g_free(dir);
}

static void drop(FuseFs *fs, struct dir_handle *dir)
{
	g_mutex_lock(&fs->files_lock);
	g_hash_table_steal(fs->dirs, dir);
	g_mutex_unlock(&fs->files_lock);
	dir_handle_free(dir);
}

void list_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	FuseFs *fs = fs_of(req);
	struct dir_handle *dir;

	if (!tree_is_dir(&inode_of(fs, ino)->node)) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	fi->cache_readdir = !fs->live;
	fi->keep_cache = !fs->live;
	if (!fs->live) {
		fuse_reply_open(req, fi);
		return;
	}
	dir = g_new0(struct dir_handle, 1);
	g_mutex_init(&dir->lock);
	g_mutex_lock(&fs->files_lock);
	g_hash_table_add(fs->dirs, dir);
	g_mutex_unlock(&fs->files_lock);
	fi->fh = (uintptr_t)dir;
	if (fuse_reply_open(req, fi) == -ENOENT)
		drop(fs, dir);
}

static void do_releasedir(struct work *work)
{
	drop(fs_of(work->req), handle_of(&work->fi));
	fuse_reply_err(work->req, 0);
}

void list_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (!fs_of(req)->live)
		fuse_reply_err(req, 0);
	else /* may be the last to use a session, which takes time */
		work_push(&(struct work){ .run = do_releasedir, .req = req,
					  .fi = *fi });
}
