/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the compressed store's reader share. */
#ifndef NT_STORE_PRIV_H
#define NT_STORE_PRIV_H

#include "nt/store.h"
#include "nt/unpack_page.h"

enum {
	STORES_MAX = 1024,	/* 32 arrays of 32 */
	STORES_PER_ARRAY = 32,
	CHUNK_ARRAYS = 32,
	OWNERS_MAX = 16,	/* a healthy machine has one */
	OWNER_TRIES_MAX = 64,	/* places that are looked at for a process */
	KEY_SHIFT = 28,		/* of the page file's number in a key */
};

/*
 * Where members are, of one generation of kernels; offsets in bytes.
 * link_at: 0 where SmGlobals is the manager itself, else SmGlobals has at this
 * offset a pointer to link_to in the manager.
 */
struct store_row {
	const char *name;
	uint32_t first_build, last_build; /* settles a tie, nothing else */
	uint8_t pointer_bytes;
	uint8_t chunk_stride;	/* between elements of a chunk array */
	uint8_t meta_bytes;	/* of a store's metadata */
	uint8_t meta_owner;
	bool key_has_number;
	uint16_t link_at, link_to;
	uint16_t key_tree;	/* in the manager */
	/* In the store: */
	uint16_t pages_tree, chunks, size_mask, index_shift;
	uint16_t algorithm;	/* 0: there is none, LZ4 */
	uint16_t regions, owner;
};

/* All rows, ended by one without a name. */
extern const struct store_row store_rows[];

/* --- store_cache.c: pages read a moment ago; locks itself --- */

typedef struct StoreCache StoreCache;

StoreCache *store_cache_new(void);
void store_cache_free(StoreCache *cache);
/* As vtop_read(). space: a number for as, below 4096. */
bool store_cache_read(StoreCache *cache, const struct addr_space *as,
		      unsigned space, VirtAddr va, void *buf,
		      size_t len_bytes) G_GNUC_WARN_UNUSED_RESULT;

/* --- store_tree.c --- */

/* What B+trees and records are read through. */
struct store_memory {
	const struct addr_space *as; /* the kernel's */
	StoreCache *cache;
	unsigned pointer_bytes;
};

bool store_kernel_read(const struct store_memory *m, uint64_t va, void *buf,
		       size_t len_bytes) G_GNUC_WARN_UNUSED_RESULT;
/* False where it cannot be read. */
bool store_pointer(const struct store_memory *m, uint64_t va, uint64_t *ret)
	G_GNUC_WARN_UNUSED_RESULT;
bool store_is_kernel_page(const struct store_memory *m, uint64_t va);

/* The value of a key. NT_STORE_OK, _NO_KEY, _DAMAGED, _UNREADABLE. */
enum nt_store_status store_tree_find(const struct store_memory *m,
				     uint64_t root, uint32_t key,
				     uint32_t *ret);
/* Is there any key in [first, last]? False also where the tree is damaged. */
bool store_tree_any(const struct store_memory *m, uint64_t root,
		    uint32_t first, uint32_t last);
/* Is there a page of a tree at root? */
bool store_tree_is(const struct store_memory *m, uint64_t root);

/* --- store_load.c --- */

/* One store. Those that do not fit are kept, so that why is known. */
struct store {
	VirtAddr va;
	enum nt_store_status status; /* NT_STORE_OK: it can be used */
	uint64_t pages_tree;
	uint64_t chunks[CHUNK_ARRAYS];
	uint32_t record_shift, record_mask, record_bytes, record_header;
	uint32_t size_mask;
	unsigned index_shift;
	uint64_t regions;
	enum nt_codec codec;
	unsigned owner; /* index in owners */
};

struct store_owner {
	VirtAddr eprocess;
	struct addr_space as;
};

struct NtStore {
	struct addr_space as;	/* the kernel's */
	struct store_memory memory;
	uint64_t user_end;
	const struct store_row *row;
	VirtAddr globals, manager;
	const char *how;
	uint64_t key_tree;
	int virtual_number;
	unsigned numbers;	/* bit n: keys have the number n */
	struct store *stores[STORES_MAX]; /* owned */
	unsigned n_usable;
	int n_chunks; /* that are where the row has them, less those that are
		       * none */
	struct store_owner owners[OWNERS_MAX];
	unsigned n_owners, n_owner_tries;
};

/* An empty one for a kernel. */
NtStore *store_new(const NtKernel *k);

/* Could there be an array of stores' metadata at va, with at least one store
 * in it? Cheap. */
bool store_is_array(const struct store_memory *m, const struct store_row *row,
		    uint64_t va);

/*
 * Reads all stores of a manager as a row has it. Returns how many fit; 0 where
 * it is none.
 */
unsigned store_load(NtStore *s, const NtKernel *k, const struct store_row *row,
		    uint64_t manager);

/* Is what a chunk pointer leads to an array of chunks? False also where it
 * cannot be read: *status says which. */
bool store_is_chunk_array(const struct store_memory *m, uint64_t va,
			  enum nt_store_status *status);

#endif
