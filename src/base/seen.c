/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Visited set and step budget for walks over hostile structures. */
#include "config.h"

#include "base/seen.h"

struct Seen {
	GHashTable *set; /* gint64 keys, owned */
	uint32_t left;
};

Seen *seen_new(uint32_t budget)
{
	Seen *seen = g_new0(Seen, 1);

	seen->set = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					  NULL);
	seen->left = budget;
	return seen;
}

void seen_free(Seen *seen)
{
	if (!seen)
		return;
	g_hash_table_unref(seen->set);
	g_free(seen);
}

enum seen_answer seen_enter(Seen *seen, uint64_t address)
{
	gint64 *key;

	if (seen_has(seen, address))
		return SEEN_BEFORE;
	if (!seen->left)
		return SEEN_EXHAUSTED;
	seen->left--;
	key = g_new(gint64, 1);
	*key = (gint64)address;
	g_hash_table_add(seen->set, key);
	return SEEN_NEW;
}

bool seen_has(const Seen *seen, uint64_t address)
{
	gint64 key = (gint64)address;

	return g_hash_table_contains(seen->set, &key);
}
