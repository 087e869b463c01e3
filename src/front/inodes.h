/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nodes that the kernel knows by number. The number is the address of an
 * Inode, so that no request but lookup and forget takes a lock.
 */
#ifndef FRONT_INODES_H
#define FRONT_INODES_H

#include "tree/tree.h"

typedef struct Inode {
	struct tree_node node;
	struct space_id id; /* of node, where its tree may go */
	uint64_t ino;	    /* tree_ino() */
	uint64_t n_lookups; /* guarded by the table */
} Inode;

typedef struct InodeTable InodeTable;

/* passing: trees come and go; an inode's node then has no space but the id of
 * one, and is looked for with tree_find_again(). */
InodeTable *inode_table_new(bool passing);
void inode_table_free(InodeTable *table);
/* The inode of a node, made if need be, with one more lookup counted. */
Inode *inode_table_get(InodeTable *table, const struct tree_node *node);
/* Takes n lookups back; frees the inode with the last. */
void inode_table_forget(InodeTable *table, Inode *inode, uint64_t n);

#endif
