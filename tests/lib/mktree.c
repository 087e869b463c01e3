/* SPDX-License-Identifier: GPL-3.0-or-later */
/* B+trees as the compressed store has them. */
#include "config.h"

#include "lib/mkstore.h"

#include <string.h>

/* A page has room for some hundred; so few make a tree of several levels. */
#define LEAF_ENTRIES 9u
#define NODE_ENTRIES 4u

struct child {
	uint32_t key;
	uint64_t va;
};

static int compare(gconstpointer a, gconstpointer b)
{
	const struct mk_tree_entry *left = a, *right = b;

	return left->key < right->key ? -1 : left->key > right->key;
}

/* Number of entries, level, leaf or not. */
static uint64_t new_page(MkWin *win, uint32_t n, uint32_t level)
{
	const uint64_t va = mk_pool_pages(win, &win->nonpaged, 1);

	mk_kwrite32(win, va, n | level << 16 | (level == 1 ? 1u << 24 : 0));
	return va;
}

static void add_child(GArray *children, uint32_t key, uint64_t va)
{
	const struct child child = {key, va};

	g_array_append_val(children, child);
}

static GArray *make_leaves(MkWin *win, const GArray *entries)
{
	GArray *leaves = g_array_new(FALSE, FALSE, sizeof(struct child));
	const unsigned int head = 2 * mk_pointer_bytes(win);

	for (guint at = 0; at < entries->len || at == 0; at += LEAF_ENTRIES) {
		const guint n = MIN(LEAF_ENTRIES, entries->len - at);
		const uint64_t va = new_page(win, n, 1);
		uint32_t first = 0;

		for (guint i = 0; i < n; i++) {
			const struct mk_tree_entry *entry = &g_array_index(
				entries, struct mk_tree_entry, at + i);

			first = i ? first : entry->key;
			mk_kwrite32(win, va + head + 8 * i, entry->key);
			mk_kwrite32(win, va + head + 8 * i + 4, entry->value);
		}
		add_child(leaves, first, va);
	}
	return leaves;
}

/* One page over up to NODE_ENTRIES + 1 of those below. */
static uint64_t make_node(MkWin *win, const struct child *children, guint n,
			  uint32_t level)
{
	const unsigned int pointer = mk_pointer_bytes(win);
	const uint64_t va = new_page(win, n - 1, level);

	mk_kwrite_ptr(win, va + pointer, children[0].va);
	for (guint i = 1; i < n; i++) {
		const uint64_t at = va + 2 * (uint64_t)pointer * i;

		mk_kwrite32(win, at, children[i].key);
		mk_kwrite_ptr(win, at + pointer, children[i].va);
	}
	return va;
}

uint64_t mk_tree_build(MkWin *win, GArray *entries)
{
	g_autoptr(GArray) below = NULL;
	uint64_t root;

	g_array_sort(entries, compare);
	below = make_leaves(win, entries);
	for (uint32_t level = 2; below->len > 1; level++) {
		g_autoptr(GArray) old = g_steal_pointer(&below);

		below = g_array_new(FALSE, FALSE, sizeof(struct child));
		for (guint at = 0; at < old->len; at += NODE_ENTRIES + 1) {
			const struct child *first =
				&g_array_index(old, struct child, at);
			const guint n = MIN(NODE_ENTRIES + 1, old->len - at);

			add_child(below, first->key,
				  make_node(win, first, n, level));
		}
	}
	root = g_array_index(below, struct child, 0).va;
	return root;
}
