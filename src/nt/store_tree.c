/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The B+trees of the store. A page of one: u16 number of entries, u8 level, u8
 * whether it is a leaf, pointer to the left child, then the entries: of a leaf
 * u32 key and u32 value; else u32 key and a pointer to the child with the keys
 * from there on (MemProcFS, vmm/mm/mm_win.c). A pointer to a leaf may have its
 * lowest bit set and a count of users above that (published disassembly of
 * NP_CONTEXT::NpGetResidentLeaf); without that bit such a leaf is not in
 * memory.
 */
#include "config.h"

#include "base/bytes.h"
#include "nt/store-priv.h"

/* 255 children for each level: four hold all keys there can be. */
enum { TREE_DEPTH_MAX = 8 };

/* A page, and which keys it may have by those above it. */
struct node {
	uint8_t page[PAGE_SIZE_4K];
	unsigned n, entry_bytes, head_bytes;
	bool leaf;
	uint64_t low, high; /* [low, high) */
};

bool store_kernel_read(const struct store_memory *m, uint64_t va, void *buf,
		       size_t len_bytes)
{
	return store_cache_read(m->cache, m->as, 0, VIRT(va), buf, len_bytes);
}

static uint64_t load_pointer(const struct store_memory *m, const uint8_t *p)
{
	return m->pointer_bytes == 8 ? load_le64(p) : load_le32(p);
}

bool store_pointer(const struct store_memory *m, uint64_t va, uint64_t *ret)
{
	uint8_t raw[8] = { 0 };

	if (!store_kernel_read(m, va, raw, m->pointer_bytes))
		return false;
	*ret = load_pointer(m, raw);
	return true;
}

bool store_is_kernel_page(const struct store_memory *m, uint64_t va)
{
	return !(va & PAGE_MASK_4K) && nt_is_kernel_address(m->as, va);
}

static uint32_t node_key(const struct node *node, unsigned i)
{
	return load_le32(node->page + node->head_bytes +
			 (size_t)i * node->entry_bytes);
}

/* In order, and nothing that belongs elsewhere. */
static bool keys_are_sane(const struct node *node)
{
	for (unsigned i = 1; i < node->n; i++)
		if (node_key(node, i) <= node_key(node, i - 1))
			return false;
	return !node->n || (node_key(node, 0) >= node->low &&
			    node_key(node, node->n - 1) < node->high);
}

static enum nt_store_status node_read(const struct store_memory *m,
				      uint64_t va, struct node *node)
{
	if (!store_is_kernel_page(m, va))
		return NT_STORE_DAMAGED;
	if (!store_kernel_read(m, va, node->page, PAGE_SIZE_4K))
		return NT_STORE_UNREADABLE;
	node->n = load_le16(node->page);
	node->leaf = node->page[3] != 0;
	node->head_bytes = 2 * m->pointer_bytes;
	node->entry_bytes = node->leaf ? 8 : 2 * m->pointer_bytes;
	if (node->n > (PAGE_SIZE_4K - node->head_bytes) / node->entry_bytes)
		return NT_STORE_DAMAGED;
	return keys_are_sane(node) ? NT_STORE_OK : NT_STORE_DAMAGED;
}

/* How many entries of the page have a key up to this one. */
static unsigned count_up_to(const struct node *node, uint32_t key)
{
	unsigned low = 0, high = node->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (node_key(node, mid) <= key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The child for a key; narrows the range of keys to it. */
static uint64_t child_of(const struct store_memory *m, struct node *node,
			 uint32_t key)
{
	unsigned i = count_up_to(node, key);
	const uint8_t *at = node->page + m->pointer_bytes;
	uint64_t child;

	if (i) {
		at = node->page + node->head_bytes +
		     (size_t)(i - 1) * node->entry_bytes + m->pointer_bytes;
		node->low = node_key(node, i - 1);
	}
	if (i < node->n)
		node->high = node_key(node, i);
	child = load_pointer(m, at);
	return child & 1 ? page_floor(child) : child;
}

/* The leaf that would have the key. */
static enum nt_store_status find_leaf(const struct store_memory *m,
				      uint64_t root, uint32_t key,
				      struct node *node)
{
	uint64_t va = root;

	node->low = 0;
	node->high = UINT64_C(1) << 32;
	for (unsigned depth = 0; depth < TREE_DEPTH_MAX; depth++) {
		enum nt_store_status status = node_read(m, va, node);

		if (status || node->leaf)
			return status;
		va = child_of(m, node, key);
	}
	return NT_STORE_DAMAGED;
}

enum nt_store_status store_tree_find(const struct store_memory *m,
				     uint64_t root, uint32_t key,
				     uint32_t *ret)
{
	struct node node;
	enum nt_store_status status = find_leaf(m, root, key, &node);
	unsigned i;

	if (status)
		return status;
	i = count_up_to(&node, key);
	if (!i || node_key(&node, i - 1) != key)
		return NT_STORE_NO_KEY;
	*ret = load_le32(node.page + node.head_bytes +
			 (size_t)(i - 1) * node.entry_bytes + 4);
	return NT_STORE_OK;
}

bool store_tree_any(const struct store_memory *m, uint64_t root,
		    uint32_t first, uint32_t last)
{
	uint64_t from = first;
	struct node node;

	/* The next leaf begins where this one's range ends. */
	for (unsigned tries = 0; tries < 4 && from <= last; tries++) {
		unsigned i;

		if (find_leaf(m, root, (uint32_t)from, &node))
			return false;
		i = from ? count_up_to(&node, (uint32_t)from - 1) : 0;
		if (i < node.n)
			return node_key(&node, i) <= last;
		from = node.high;
	}
	return false;
}

bool store_tree_is(const struct store_memory *m, uint64_t root)
{
	struct node node = { .high = UINT64_C(1) << 32 };

	return node_read(m, root, &node) == NT_STORE_OK;
}
