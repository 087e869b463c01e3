/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filesystem as a value: nodes, names, sizes and contents, without any
 * way to mount it. Thread safe once made; nothing in it ever changes but
 * caches.
 */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include <sys/stat.h>

#include "tree/sparse.h"

struct tree_options {
	bool coalesce;
	bool all;
	bool eio;	/* holes=eio */
	bool raw_cmdline; /* cmdline is one string, as Windows keeps it */
	bool copy;	/* replies may not point into the mapping */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	uint64_t dtb;	/* dtb=, listed in dtb/; 0: none */
	const struct paging_form *form; /* paging=; NULL: found out */
};

enum node_kind {
	NODE_ROOT,
	NODE_README,
	NODE_PROCESSES,
	NODE_LOG,
	NODE_IMAGE,
	NODE_INFO,
	NODE_IOMEM,
	NODE_RUNS,
	NODE_PMEM,
	NODE_PTOVS,	  /* image/ptov/ */
	NODE_PTOV,	  /* arg: physical address */
	NODE_PROC,	  /* proc/ */
	NODE_BY_NAME,
	NODE_BY_EPROCESS,
	NODE_DTBS,	  /* dtb/ */
	NODE_LINK_NAME,	  /* space: of the process it leads to */
	NODE_LINK_EPROCESS,
	NODE_LINK_EXE,	  /* in a process's folder; lead out of the tree */
	NODE_LINK_CWD,
	NODE_SPACE,	  /* proc/PID/, kernel/, dtb/HEX/ */
	NODE_TEXT,	  /* arg: enum space_text */
	NODE_VMEM,
	NODE_REGIONS,
	NODE_REGION,	  /* arg: first offset */
	NODE_VTOPS,	  /* vtop/ of a space */
	NODE_VTOP,	  /* arg: virtual address */
	NODE_PAGEMAP,
	NODE_ITEM,	  /* item, arg: items.h */
	NODE_GLOBAL,	  /* arg: index in globals.h */
};

/* Which file it is: a plain value, equal for equal files. */
struct tree_node {
	enum node_kind kind;
	Space *space;	/* of NODE_SPACE and below, and of links; borrowed
			 * from the tree */
	uint64_t arg;
	unsigned item;	/* enum space_item, of NODE_ITEM */
};

/*
 * Whose space a node is of, as a plain value: what finds it in a later tree of
 * the same machine, when the one that the node came from is gone.
 */
struct space_id {
	unsigned kind;	/* 0: of no space; else enum space_kind + 1 */
	uint64_t id;	/* a process's EPROCESS, else the DTB */
	uint64_t since;	/* a process's creation: another one may get the place
			 * of one that is gone */
};

typedef struct Tree Tree;
typedef struct TreeFile TreeFile;

/* Everything is borrowed and must outlive the tree; kernel may be NULL. */
Tree *tree_new(const Image *image, const PhysMem *pm, const NtKernel *kernel,
	       const ProcSet *procs, const Log *log,
	       const struct tree_options *options);
void tree_free(Tree *tree);

struct tree_node tree_root(const Tree *tree);
bool tree_is_dir(const struct tree_node *node);
bool tree_is_link(const struct tree_node *node);
/* Derived from what the node is: the same in every mount of an image. */
uint64_t tree_ino(const struct tree_node *node);

/* Do they name the same thing of one tree? */
bool tree_node_equal(const struct tree_node *x, const struct tree_node *y);

/* 0 or -ENOENT, -ENOTDIR. */
int tree_lookup(Tree *tree, const struct tree_node *dir, const char *name,
		struct tree_node *ret) G_GNUC_WARN_UNUSED_RESULT;
/* A path with '/' from the root; leading and doubled ones do not matter, links
 * are followed that lead to a place in the tree. */
int tree_resolve(Tree *tree, const char *path,
		 struct tree_node *ret) G_GNUC_WARN_UNUSED_RESULT;
/* The entry at a position of a directory ("." and ".." do not count); false
 * at the end. *name is (transfer full). */
bool tree_entry(Tree *tree, const struct tree_node *dir, uint64_t index,
		struct tree_node *ret, char **name);
/* Exact: renders or walks where the size is not known yet. */
void tree_stat(Tree *tree, const struct tree_node *node, struct stat *ret);
/* Can what is asked of a node (stat, open, list, look up in it) be answered
 * without walking page tables or making a long text first? */
bool tree_is_ready(const Tree *tree, const struct tree_node *node);
/* Of a NODE_ITEM: does its size take more than is known of the folder that it
 * is in? */
bool tree_item_is_dear(const struct tree_node *node);
/* The folder that a folder is in; the root's is itself. */
struct tree_node tree_parent(const struct tree_node *dir);
struct space_id tree_space_id(const struct tree_node *node);
/* The node of old's kind and argument in the space of that id, whatever tree
 * it was of: old->space is not looked at. False where this tree has no such
 * space. Takes no time. */
bool tree_find_again(Tree *tree, const struct tree_node *old,
		     const struct space_id *id, struct tree_node *ret);
/* Is there still what the node names (a region, a link)? May walk. */
bool tree_has(Tree *tree, const struct tree_node *node);
/* Forgets what can be made again: of a tree that few will ask any more. Those
 * who use it go on. */
void tree_trim(Tree *tree);

/* (transfer full), NULL where node is no link. */
char *tree_readlink(Tree *tree, const struct tree_node *node);

/* NULL for what is no file. */
TreeFile *tree_open(Tree *tree, const struct tree_node *node);
void tree_file_close(TreeFile *file);
/* Makes the text now that would be made when it is first read. */
void tree_file_render(TreeFile *file);
/* As sparse_read(); text files too. */
int tree_file_read(TreeFile *file, uint64_t off, uint64_t len,
		   struct read_plan *plan) G_GNUC_WARN_UNUSED_RESULT;
/* SEEK_DATA or SEEK_HOLE; the offset or a negative errno. */
int64_t tree_file_seek(TreeFile *file, uint64_t off, int whence);
/* The bytes that it keeps from being forgotten: a text, a map, details. */
size_t tree_file_footprint(const TreeFile *file);
/* Is it a text that was made as a whole? */
bool tree_file_is_rendered(const TreeFile *file);
/* A file with holes, whose reads can fail in between. */
bool tree_file_is_sparse(const TreeFile *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tree, tree_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TreeFile, tree_file_close)

#endif
