/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libfuse's callbacks: find the node, ask the tree, answer. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "front/fuse_ops.h"
#include "front/inodes.h"
#include "front/readahead.h"

/* Nothing ever changes: what the kernel knows once it may keep. In seconds,
 * about 136 years. */
#define FOREVER ((double)UINT32_MAX)

struct FuseFs {
	const Session *session;
	Tree *tree;
	const char *mountpoint;
	InodeTable *inodes;
	GMutex files_lock;  /* guards the next one */
	GHashTable *files;  /* TreeFile that are open, owned */
	Inode root;
	int ready_fd;
	guint threads;	   /* of the pool; 0: all is done at once */
	GThreadPool *pool; /* made when the daemon runs; or NULL */
	bool eio;
	atomic_flag readahead_done;
};

FuseFs *fuse_fs_new(const Session *session, const Options *options,
		    int ready_fd)
{
	FuseFs *fs = g_new0(FuseFs, 1);

	fs->session = session;
	fs->tree = session->tree;
	fs->mountpoint = options->mountpoint;
	fs->inodes = inode_table_new();
	g_mutex_init(&fs->files_lock);
	fs->files = g_hash_table_new_full(NULL, NULL,
					  (GDestroyNotify)tree_file_close,
					  NULL);
	fs->root.node = tree_root(fs->tree);
	fs->ready_fd = ready_fd;
	fs->eio = options->tree.eio;
	fs->threads = options->single ? 0 : MAX(g_get_num_processors(), 2);
	atomic_flag_clear(&fs->readahead_done);
	return fs;
}

void fuse_fs_free(FuseFs *fs)
{
	if (!fs)
		return;
	/* No release comes for what is open when the session ends. */
	g_hash_table_unref(fs->files);
	g_mutex_clear(&fs->files_lock);
	inode_table_free(fs->inodes);
	g_free(fs);
}

static FuseFs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static Inode *inode_of(FuseFs *fs, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &fs->root : (Inode *)(uintptr_t)ino;
}

static TreeFile *file_of(const struct fuse_file_info *fi)
{
	return (TreeFile *)(uintptr_t)fi->fh;
}

/*
 * Work that must not keep others waiting: who takes requests from the kernel
 * answers at once what takes no time (reads above all), and leaves to a pool
 * of threads what may walk page tables first.
 */
struct work {
	void (*run)(struct work *work);
	fuse_req_t req;
	struct tree_node node;
	struct fuse_file_info fi;
	size_t size;
	off_t off;
	bool plus;
	char name[256];
};

static void work_lookup(struct work *work);
static void work_lookup_in(struct work *work);
static void work_getattr(struct work *work);
static void work_open(struct work *work);
static void work_list(struct work *work);
static void work_readlink(struct work *work);

static void run_work(gpointer data, gpointer unused)
{
	struct work *work = data;

	(void)unused;
	work->run(work);
	g_free(work);
}

static struct work *work_copy(const struct work *work)
{
	struct work *copy = g_new(struct work, 1);

	*copy = *work;
	return copy;
}

/* Hands the work over where its node is not ready; false: do it now. */
static bool defer(fuse_req_t req, const struct work *work)
{
	FuseFs *fs = fs_of(req);

	if (!fs->pool || tree_is_ready(fs->tree, &work->node))
		return false;
	pool_push(fs->pool, work_copy(work));
	return true;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	FuseFs *fs = userdata;

	if (fs->threads)
		fs->pool = g_thread_pool_new(run_work, NULL,
					     (gint)fs->threads, FALSE, NULL);
	if (fs->threads)
		image_cache_start_ahead(fs->session->image->cache,
					g_get_num_processors());
	/* Replies point into the mapping of the image: splicing copies. */
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ |
				  FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE);
	conn->want |= conn->capable & (FUSE_CAP_CACHE_SYMLINKS |
				       FUSE_CAP_PARALLEL_DIROPS |
				       FUSE_CAP_READDIRPLUS |
				       FUSE_CAP_READDIRPLUS_AUTO);
	if (fs->ready_fd >= 0) {
		ssize_t n = write(fs->ready_fd, "ready\n", 6);

		(void)n; /* who asked has gone: not our trouble */
		close(fs->ready_fd);
		fs->ready_fd = -1;
	}
}

void fuse_fs_finish(FuseFs *fs)
{
	if (fs->pool)
		g_thread_pool_free(fs->pool, FALSE, TRUE);
	fs->pool = NULL;
}

/* The node's entry, with one lookup counted. */
static void fill_entry(FuseFs *fs, const struct tree_node *node,
		       struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){ .attr_timeout = FOREVER,
					.entry_timeout = FOREVER };
	tree_stat(fs->tree, node, &e->attr);
	e->ino = (fuse_ino_t)(uintptr_t)inode_table_get(fs->inodes, node);
}

static void do_lookup(fuse_req_t req, const struct tree_node *node)
{
	FuseFs *fs = fs_of(req);
	struct fuse_entry_param e;

	fill_entry(fs, node, &e);
	if (fuse_reply_entry(req, &e) == -ENOENT)
		inode_table_forget(fs->inodes, inode_of(fs, e.ino), 1);
}

static void lookup_in(fuse_req_t req, const struct tree_node *dir,
		      const char *name)
{
	/* A negative entry: nothing will ever appear either. */
	static const struct fuse_entry_param nothing = {
		.entry_timeout = FOREVER
	};
	struct tree_node node;
	int r = tree_lookup(fs_of(req)->tree, dir, name, &node);

	if (r == -ENOENT)
		fuse_reply_entry(req, &nothing);
	else if (r)
		fuse_reply_err(req, -r);
	else if (!defer(req, &(struct work){ .run = work_lookup, .req = req,
					     .node = node }))
		do_lookup(req, &node);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	FuseFs *fs = fs_of(req);
	const struct tree_node *dir = &inode_of(fs, parent)->node;
	struct work work = { .run = work_lookup_in, .req = req, .node = *dir };

	g_strlcpy(work.name, name, sizeof work.name);
	if (!defer(req, &work))
		lookup_in(req, dir, name);
}

static void forget_one(FuseFs *fs, fuse_ino_t ino, uint64_t n)
{
	if (ino != FUSE_ROOT_ID)
		inode_table_forget(fs->inodes, inode_of(fs, ino), n);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget_one(fs_of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
			    struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget_one(fs_of(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void do_getattr(fuse_req_t req, const struct tree_node *node)
{
	struct stat st;

	tree_stat(fs_of(req)->tree, node, &st);
	fuse_reply_attr(req, &st, FOREVER);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	const struct tree_node *node = &inode_of(fs_of(req), ino)->node;

	(void)fi;
	if (!defer(req, &(struct work){ .run = work_getattr, .req = req,
					.node = *node }))
		do_getattr(req, node);
}

static void do_readlink(fuse_req_t req, const struct tree_node *node)
{
	g_autofree char *target = tree_readlink(fs_of(req)->tree, node);

	if (target)
		fuse_reply_readlink(req, target);
	else
		fuse_reply_err(req, tree_is_link(node) ? EIO : EINVAL);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const struct tree_node *node = &inode_of(fs_of(req), ino)->node;

	if (!defer(req, &(struct work){ .run = work_readlink, .req = req,
					.node = *node }))
		do_readlink(req, node);
}

static void keep_file(FuseFs *fs, TreeFile *file)
{
	g_mutex_lock(&fs->files_lock);
	g_hash_table_add(fs->files, file);
	g_mutex_unlock(&fs->files_lock);
}

static void drop_file(FuseFs *fs, TreeFile *file)
{
	g_mutex_lock(&fs->files_lock);
	g_hash_table_steal(fs->files, file);
	g_mutex_unlock(&fs->files_lock);
	tree_file_close(file);
}

static void do_open(fuse_req_t req, const struct tree_node *node,
		    struct fuse_file_info *fi)
{
	FuseFs *fs = fs_of(req);
	TreeFile *file = tree_open(fs->tree, node);

	if (!file) {
		fuse_reply_err(req, EISDIR);
		return;
	}
	keep_file(fs, file);
	fi->fh = (uintptr_t)file;
	fi->keep_cache = 1;
	/* A short reply to a cached read would be taken for the end of the
	 * file: reads that may fail in the middle go past the cache. */
	fi->direct_io = fs->eio && tree_file_is_sparse(file);
	if (fuse_reply_open(req, fi) == -ENOENT)
		drop_file(fs, file);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	FuseFs *fs = fs_of(req);
	const struct tree_node *node = &inode_of(fs, ino)->node;

	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (!atomic_flag_test_and_set(&fs->readahead_done))
		readahead_raise(fs->mountpoint);
	if (!defer(req, &(struct work){ .run = work_open, .req = req,
					.node = *node, .fi = *fi }))
		do_open(req, node, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	(void)ino;
	drop_file(fs_of(req), file_of(fi));
	fuse_reply_err(req, 0);
}

/* The hot path: for files of memory no lock and no copy. Where the image was
 * truncated meanwhile, the kernel fails to take the bytes and fails the read
 * with EIO. */
static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct read_plan plan;
	int r;

	(void)ino;
	read_plan_init(&plan);
	r = tree_file_read(file_of(fi), (uint64_t)off, size, &plan);
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_iov(req, plan.iov, (int)plan.n);
	read_plan_clear(&plan);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	int64_t r = -EINVAL;

	(void)ino;
	if ((whence == SEEK_DATA || whence == SEEK_HOLE) && off >= 0)
		r = tree_file_seek(file_of(fi), (uint64_t)off, whence);
	if (r < 0)
		fuse_reply_err(req, (int)-r);
	else
		fuse_reply_lseek(req, r);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	FuseFs *fs = fs_of(req);

	if (!tree_is_dir(&inode_of(fs, ino)->node)) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	fi->cache_readdir = 1;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

/* A listing in the making. */
struct listing {
	fuse_req_t req;
	FuseFs *fs;
	char *buf;
	size_t size, used;
	bool plus;
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
	return node->kind == NODE_TEXT || node->kind == NODE_VMEM ||
	       node->kind == NODE_PAGEMAP ||
	       node->kind == NODE_LINK_EXE || node->kind == NODE_LINK_CWD;
}

/* next: the position after this entry. False where it did not fit. */
static bool list_plus(struct listing *l, const char *name,
		      const struct tree_node *node, bool dots, uint64_t next)
{
	struct fuse_entry_param e = { .attr_timeout = FOREVER,
				      .entry_timeout = FOREVER };
	size_t n;

	if (!dots && !stat_is_dear(node))
		fill_entry(l->fs, node, &e);
	/* Without an inode number in e the kernel takes name and type only. */
	e.attr.st_ino = tree_ino(node);
	e.attr.st_mode |= type_of(node);
	n = fuse_add_direntry_plus(l->req, l->buf + l->used, l->size - l->used,
				   name, &e, (off_t)next);
	if (n > l->size - l->used) {
		if (e.ino)
			forget_one(l->fs, e.ino, 1);
		return false;
	}
	l->used += n;
	return true;
}

static bool list_plain(struct listing *l, const char *name,
		       const struct tree_node *node, uint64_t next)
{
	struct stat st = { .st_ino = tree_ino(node), .st_mode = type_of(node) };
	size_t n = fuse_add_direntry(l->req, l->buf + l->used,
				     l->size - l->used, name, &st, (off_t)next);

	if (n > l->size - l->used)
		return false;
	l->used += n;
	return true;
}

static bool list_one(struct listing *l, const struct tree_node *dir,
		     uint64_t pos, bool *fits)
{
	g_autofree char *name = NULL;
	struct tree_node node = *dir;

	if (pos == 1)
		node = tree_parent(dir);
	if (pos < 2)
		name = g_strdup(pos ? ".." : ".");
	else if (!tree_entry(l->fs->tree, dir, pos - 2, &node, &name))
		return false;
	*fits = l->plus ? list_plus(l, name, &node, pos < 2, pos + 1) :
			  list_plain(l, name, &node, pos + 1);
	return *fits;
}

static void list_dir(fuse_req_t req, const struct tree_node *dir, size_t size,
		     off_t off, bool plus)
{
	FuseFs *fs = fs_of(req);
	g_autofree char *buf = g_malloc(MIN(size, (size_t)1 << 20));
	struct listing l = { req, fs, buf, MIN(size, (size_t)1 << 20), 0,
			     plus };
	bool fits = true;

	for (uint64_t pos = (uint64_t)off;
	     list_one(&l, dir, pos, &fits); pos++)
		;
	fuse_reply_buf(req, buf, l.used);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 bool plus)
{
	const struct tree_node *dir = &inode_of(fs_of(req), ino)->node;

	if (!defer(req, &(struct work){ .run = work_list, .req = req,
					.node = *dir, .size = size,
					.off = off, .plus = plus }))
		list_dir(req, dir, size, off, plus);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			   off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, true);
}

static void work_lookup(struct work *work)
{
	do_lookup(work->req, &work->node);
}

static void work_lookup_in(struct work *work)
{
	lookup_in(work->req, &work->node, work->name);
}

static void work_getattr(struct work *work)
{
	do_getattr(work->req, &work->node);
}

static void work_open(struct work *work)
{
	do_open(work->req, &work->node, &work->fi);
}

static void work_list(struct work *work)
{
	list_dir(work->req, &work->node, work->size, work->off, work->plus);
}

static void work_readlink(struct work *work)
{
	do_readlink(work->req, &work->node);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	FuseFs *fs = fs_of(req);
	struct statvfs st = { .f_bsize = 4096, .f_frsize = 4096,
			      .f_namemax = 255 };

	(void)ino;
	st.f_blocks = physmem_bytes(fs->session->pm) / 4096;
	st.f_files = 16 + 10 * procset_count(fs->session->procs);
	st.f_flag = ST_RDONLY | ST_NOSUID;
	fuse_reply_statfs(req, &st);
}

const struct fuse_lowlevel_ops fuse_fs_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.lseek = op_lseek,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.statfs = op_statfs,
};
