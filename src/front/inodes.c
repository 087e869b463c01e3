/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of inodes, in shards so that lookups seldom meet. */
#include "config.h"

#include "front/inodes.h"

#define SHARDS 16u

struct shard {
	GMutex lock;
	GHashTable *inodes; /* Inode by its node, owned */
};

struct InodeTable {
	bool passing;
	struct shard shards[SHARDS];
};

static guint node_hash(gconstpointer key)
{
	const Inode *inode = key;

	return (guint)(inode->ino ^ inode->ino >> 32);
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
	const Inode *x = a, *y = b;

	return tree_node_equal(&x->node, &y->node) &&
	       x->id.kind == y->id.kind && x->id.id == y->id.id &&
	       x->id.since == y->id.since;
}

InodeTable *inode_table_new(bool passing)
{
	InodeTable *table = g_new0(InodeTable, 1);

	table->passing = passing;
	for (unsigned i = 0; i < SHARDS; i++) {
		g_mutex_init(&table->shards[i].lock);
		table->shards[i].inodes = g_hash_table_new_full(
			node_hash, node_equal, g_free, NULL);
	}
	return table;
}

void inode_table_free(InodeTable *table)
{
	if (!table)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		g_hash_table_unref(table->shards[i].inodes);
		g_mutex_clear(&table->shards[i].lock);
	}
	g_free(table);
}

static struct shard *shard_of(InodeTable *table, const Inode *inode)
{
	return &table->shards[node_hash(inode) % SHARDS];
}

Inode *inode_table_get(InodeTable *table, const struct tree_node *node)
{
	Inode wanted = { .node = *node, .ino = tree_ino(node) };
	struct shard *shard = shard_of(table, &wanted);
	Inode *inode;

	if (table->passing) {
		wanted.id = tree_space_id(node);
		wanted.node.space = NULL;
	}
	g_mutex_lock(&shard->lock);
	inode = g_hash_table_lookup(shard->inodes, &wanted);
	if (!inode) {
		inode = g_new(Inode, 1);
		*inode = wanted;
		g_hash_table_add(shard->inodes, inode);
	}
	inode->n_lookups++;
	g_mutex_unlock(&shard->lock);
	return inode;
}

void inode_table_forget(InodeTable *table, Inode *inode, uint64_t n)
{
	struct shard *shard = shard_of(table, inode);

	g_mutex_lock(&shard->lock);
	inode->n_lookups -= MIN(n, inode->n_lookups);
	if (!inode->n_lookups)
		g_hash_table_remove(shard->inodes, inode);
	g_mutex_unlock(&shard->lock);
}
