/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libfuse's callbacks: find the node, ask the tree, answer. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "front/caller.h"
#include "front/fuse-priv.h"
#include "front/readahead.h"

/* What files may hold that were not read for so long. */
#define HANDLES_BYTES ((size_t)64 << 20)
#define HANDLES_KEEP (2 * G_USEC_PER_SEC)

/* Takes the session where the image is live. */
static void show_session(FuseFs *fs, Session *session, const Options *options)
{
	if (options->live_usec) {
		fs->live = live_new(session, options);
		return;
	}
	fs->session = session;
	fs->tree = session->tree;
}

FuseFs *fuse_fs_new(Session *session, const Options *options, int ready_fd)
{
	FuseFs *fs = g_new0(FuseFs, 1);

	fs->mountpoint = options->mountpoint;
	fs->inodes = inode_table_new(options->live_usec != 0);
	g_mutex_init(&fs->files_lock);
	fs->files = g_hash_table_new(NULL, NULL);
	fs->dirs = g_hash_table_new_full(NULL, NULL,
					 (GDestroyNotify)dir_handle_free,
					 NULL);
	fs->root.node = tree_root(session->tree);
	fs->ready_fd = ready_fd;
	fs->eio = options->tree.eio;
	fs->threads = options->single ? 0 : MAX(g_get_num_processors(), 2);
	atomic_flag_clear(&fs->readahead_done);
	show_session(fs, session, options);
	return fs;
}

void fuse_fs_free(FuseFs *fs)
{
	if (!fs)
		return;
	/* No release comes for what is open when the session ends. */
	fs_drop_files(fs);
	handles_free(fs->handles);
	g_hash_table_unref(fs->files);
	g_hash_table_unref(fs->dirs);
	g_mutex_clear(&fs->files_lock);
	inode_table_free(fs->inodes);
	live_free(fs->live);
	session_free(fs->session);
	g_free(fs);
}

static TreeFile *file_of(const struct fuse_file_info *fi)
{
	return (TreeFile *)(uintptr_t)fi->fh;
}

static void start_threads(FuseFs *fs)
{
	fs->pool = work_pool_new(fs->threads);
	if (fs->live)
		live_start_ahead(fs->live, g_get_num_processors());
	else
		image_cache_start_ahead(fs->session->image->cache,
					g_get_num_processors());
}

/*
 * A short reply to a cached read would be taken for the end of the file: reads
 * that may fail in the middle go past the kernel's cache. So do those of
 * memory that changes, and of all physical memory where it is compressed:
 * what was decompressed is in a cache already, and its way through a second
 * one takes the kernel as long as a fast decoder.
 */
static bool is_past_cache(const FuseFs *fs, const TreeFile *file,
			  enum node_kind kind)
{
	if (fs->live || (fs->eio && tree_file_is_sparse(file)))
		return true;
	return kind == NODE_PMEM && !physmem_is_mapped(fs->session->pm);
}

/* Is there a file of which that must be said when it is opened? */
static bool opens_matter(const FuseFs *fs)
{
	return fs->live || fs->eio || !physmem_is_mapped(fs->session->pm);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	FuseFs *fs = userdata;

	if (fs->threads)
		start_threads(fs);
	/* Replies point into the mapping of the image: splicing copies. */
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ |
				  FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE);
	conn->want |= conn->capable & (FUSE_CAP_PARALLEL_DIROPS |
				       FUSE_CAP_READDIRPLUS);
	conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
	if (!fs->live)
		conn->want |= conn->capable & FUSE_CAP_CACHE_SYMLINKS;
	if (!opens_matter(fs) && (conn->capable & FUSE_CAP_NO_OPEN_SUPPORT))
		fs->handles = handles_new(fs->tree, HANDLES_BYTES,
					  HANDLES_KEEP);
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

static void do_lookup(struct work *work)
{
	struct fuse_entry_param e;

	work_fill_entry(work, &work->node, &e);
	if (fuse_reply_entry(work->req, &e) == -ENOENT)
		fs_forget(fs_of(work->req), e.ino, 1);
}

/* Whoever has that pid next is somebody else: the kernel is not to keep it. */
static void do_lookup_self(struct work *work)
{
	struct fuse_entry_param e;

	work_fill_entry(work, &work->node, &e);
	e.entry_timeout = 0;
	if (fuse_reply_entry(work->req, &e) == -ENOENT)
		fs_forget(fs_of(work->req), e.ino, 1);
}

static void do_lookup_in(struct work *work)
{
	const struct tree_node dir = work->node;
	/* A negative entry: nothing appears either, for that long. */
	const struct fuse_entry_param nothing = {
		.entry_timeout = dir.kind == NODE_PROC &&
				 caller_could_have_pid(work->name) ?
					 0 :
					 work_validity(work)
	};
	int r = tree_lookup(work->tree, &dir, work->name, &work->node);

	if (r == -ENOENT && dir.kind == NODE_PROC &&
	    caller_has_pid(work->req, work->name) &&
	    caller_find_self(work->tree, &dir, &work->node)) {
		work->run = do_lookup_self;
		work_go_on(work);
	} else if (r == -ENOENT) {
		fuse_reply_entry(work->req, &nothing);
	} else if (r) {
		fuse_reply_err(work->req, -r);
	} else {
		work->run = do_lookup;
		work_go_on(work);
	}
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct work work = { .run = do_lookup_in, .req = req };

	g_strlcpy(work.name, name, sizeof work.name);
	work_start(&work, parent);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	fs_forget(fs_of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
			    struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		fs_forget(fs_of(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* Of a live image, what a node names may have gone. */
static bool is_gone(const struct work *work)
{
	return work->epoch && !tree_has(work->tree, &work->node);
}

static void do_getattr(struct work *work)
{
	struct stat st;

	if (is_gone(work)) {
		fuse_reply_err(work->req, ESTALE);
		return;
	}
	tree_stat(work->tree, &work->node, &st);
	fuse_reply_attr(work->req, &st, work_validity(work));
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	(void)fi;
	work_start(&(struct work){ .run = do_getattr, .req = req }, ino);
}

static void do_readlink(struct work *work)
{
	g_autofree char *target = tree_readlink(work->tree, &work->node);

	if (target)
		fuse_reply_readlink(work->req, target);
	else if (!tree_is_link(&work->node))
		fuse_reply_err(work->req, EINVAL);
	else
		fuse_reply_err(work->req, work->epoch ? ESTALE : EIO);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	work_start(&(struct work){ .run = do_readlink, .req = req }, ino);
}

static void do_open(struct work *work)
{
	FuseFs *fs = fs_of(work->req);
	struct fuse_file_info *fi = &work->fi;
	TreeFile *file = is_gone(work) ? NULL :
					 tree_open(work->tree, &work->node);

	if (!file) {
		fuse_reply_err(work->req, is_gone(work) ? ESTALE : EISDIR);
		return;
	}
	if (work->epoch)
		tree_file_render(file);
	fs_keep_file(fs, file, work);
	fi->fh = (uintptr_t)file;
	fi->keep_cache = !work->epoch;
	fi->direct_io = is_past_cache(fs, file, work->node.kind);
	if (fuse_reply_open(work->req, fi) == -ENOENT)
		fs_drop_file(fs, file);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	FuseFs *fs = fs_of(req);

	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (!atomic_flag_test_and_set(&fs->readahead_done))
		readahead_raise(fs->mountpoint);
	if (fs->handles) { /* and so it does not ask again */
		fuse_reply_err(req, ENOSYS);
		return;
	}
	work_start(&(struct work){ .run = do_open, .req = req, .fi = *fi },
		   ino);
}

static void do_release(struct work *work)
{
	fs_drop_file(fs_of(work->req), file_of(&work->fi));
	fuse_reply_err(work->req, 0);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct work work = { .run = do_release, .req = req, .fi = *fi };

	(void)ino;
	if (fs_of(req)->live) /* the last to use a session: takes time */
		work_push(&work);
	else
		do_release(&work);
}

/* The hot path: for files of memory no lock and no copy. Where the image was
 * truncated meanwhile, the kernel fails to take the bytes and fails the read
 * with EIO. False where it takes time and wait is not set. */
static bool answer_read(fuse_req_t req, TreeFile *file, size_t size,
			off_t off, bool wait)
{
	struct read_plan plan;
	int r;

	read_plan_init(&plan);
	plan.wait = wait;
	r = tree_file_read(file, (uint64_t)off, size, &plan);
	if (r && r != -EAGAIN)
		fuse_reply_err(req, -r);
	else if (!r)
		fuse_reply_iov(req, plan.iov, (int)plan.n);
	read_plan_clear(&plan);
	return r != -EAGAIN;
}

/* A file that was opened, or one that never is: with its handle, to be put. */
static TreeFile *find_file(const struct work *work, Handle **handle)
{
	FuseFs *fs = fs_of(work->req);

	if (!fs->handles)
		return file_of(&work->fi);
	*handle = handles_open(fs->handles, &work->inode->node);
	return *handle ? handle_file(*handle) : NULL;
}

/* What has to be decompressed first is left to the pool. */
static void do_read(struct work *work)
{
	bool wait = work->pooled || !fs_of(work->req)->pool;
	g_autoptr(Handle) handle = NULL;
	TreeFile *file = find_file(work, &handle);

	if (!file)
		fuse_reply_err(work->req, EIO);
	else if (!answer_read(work->req, file, work->size, work->off, wait))
		work_push(work);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	FuseFs *fs = fs_of(req);
	struct work work = { .run = do_read, .req = req, .fi = *fi,
			     .inode = inode_of(fs, ino),
			     .size = size, .off = off };
	g_autoptr(Handle) handle = NULL;

	if (!fs->handles) {
		do_read(&work);
		return;
	}
	handle = handles_find(fs->handles, &work.inode->node);
	if (!handle)
		work_start(&work, ino);
	else if (!answer_read(req, handle_file(handle), size, off, !fs->pool))
		work_push(&work);
}

static void do_lseek(struct work *work)
{
	g_autoptr(Handle) handle = NULL;
	TreeFile *file = find_file(work, &handle);
	int64_t r = -EIO;

	if (file)
		r = tree_file_seek(file, (uint64_t)work->off, work->whence);
	if (r < 0)
		fuse_reply_err(work->req, (int)-r);
	else
		fuse_reply_lseek(work->req, r);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	struct work work = { .run = do_lseek, .req = req, .fi = *fi,
			     .off = off, .whence = whence };

	if ((whence != SEEK_DATA && whence != SEEK_HOLE) || off < 0)
		fuse_reply_err(req, EINVAL);
	else if (fs_of(req)->handles)
		work_start(&work, ino);
	else
		do_lseek(&work);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	FuseFs *fs = fs_of(req);
	g_autoptr(Epoch) epoch = fs->live ? live_get(fs->live) : NULL;
	const Session *s = epoch ? epoch_session(epoch) : fs->session;
	struct statvfs st = { .f_bsize = 4096, .f_frsize = 4096,
			      .f_namemax = 255 };

	(void)ino;
	st.f_blocks = physmem_bytes(s->pm) / 4096;
	st.f_files = 16 + 10 * procset_count(s->procs);
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
	.opendir = list_opendir,
	.readdir = list_readdir,
	.readdirplus = list_readdirplus,
	.releasedir = list_releasedir,
	.statfs = op_statfs,
};
