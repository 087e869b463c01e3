/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that implement fuse_ops.h. */
#ifndef FRONT_FUSE_PRIV_H
#define FRONT_FUSE_PRIV_H

#include <stdatomic.h>

#include "front/fuse_ops.h"
#include "front/handles.h"
#include "front/inodes.h"
#include "front/live.h"

struct FuseFs {
	Tree *tree;	/* NULL where the image is live */
	Session *session; /* the same; owned */
	Live *live;	/* or NULL */
	const char *mountpoint;
	InodeTable *inodes;
	GMutex files_lock; /* guards the next two */
	GHashTable *files; /* TreeFile that are open, owned; struct held of
			    * each, where live */
	GHashTable *dirs;  /* struct dir_handle that are open, owned: live */
	Handles *handles;  /* where the kernel opens nothing; or NULL */
	Inode root;
	int ready_fd;
	guint threads;	   /* of the pool; 0: all is done at once */
	GThreadPool *pool; /* made when the daemon runs; or NULL */
	bool eio;
	atomic_flag readahead_done;
};

/* What an open file is of, where the image is live. */
struct held {
	Epoch *epoch;
	const Inode *inode;
	struct tree_node node;
};

/* An open folder, where the image is live: all of a listing is of one
 * session. */
struct dir_handle {
	GMutex lock;	/* guards the rest */
	Epoch *epoch;	/* NULL: nothing was listed yet */
	struct tree_node node;
};

/*
 * A request. Work must not keep others waiting: who takes requests from the
 * kernel answers at once what takes no time (reads above all), and leaves to
 * a pool of threads what may walk page tables, or open the image, first.
 */
struct work {
	void (*run)(struct work *work);
	void (*then)(struct work *work); /* after a wait for a new session */
	fuse_req_t req;
	const Inode *inode;    /* that was asked for */
	Tree *tree;	       /* that answers */
	Epoch *epoch;	       /* of tree, where live; counted; or NULL */
	struct tree_node node; /* in tree */
	struct fuse_file_info fi;
	size_t size;
	off_t off;
	int whence;
	bool plus;
	bool pooled; /* it is in the pool already */
	char name[256];
};

FuseFs *fs_of(fuse_req_t req);
Inode *inode_of(FuseFs *fs, fuse_ino_t ino);

/* Finds tree and node of the inode and runs the work on them, now or in the
 * pool; answers ESTALE where there is no such node any more. */
void work_start(struct work *work, fuse_ino_t ino);
/* Runs the work, of which tree, epoch and node are known: in the pool where
 * the node is not ready. */
void work_go_on(struct work *work);
/* The pool that runs it. */
GThreadPool *work_pool_new(guint threads);
/* Runs it in the pool, where there is one. */
void work_push(struct work *work);

/* For how long the kernel may keep what it is told, in seconds. */
double work_validity(const struct work *work);
/* The entry of a node of the work's tree, with one lookup counted. */
void work_fill_entry(const struct work *work, const struct tree_node *node,
		     struct fuse_entry_param *e);
void fs_forget(FuseFs *fs, fuse_ino_t ino, uint64_t n);

/* Open files; where live, with what they are of. */
void fs_keep_file(FuseFs *fs, TreeFile *file, const struct work *work);
void fs_drop_file(FuseFs *fs, TreeFile *file);
void fs_drop_files(FuseFs *fs);

/* The callbacks for folders. */
void list_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void list_releasedir(fuse_req_t req, fuse_ino_t ino,
		     struct fuse_file_info *fi);
void list_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		  struct fuse_file_info *fi);
void list_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi);
void dir_handle_free(struct dir_handle *dir);

#endif
