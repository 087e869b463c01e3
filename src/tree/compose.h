/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that is made of pieces: bytes of its own (headers, tables), ranges of
 * an address space, holes. `core`, `dump`, `minidump.dmp`, modules are such.
 * What is of the space is never copied: reads lead to where it is in the
 * image, and what is a hole there is one here.
 */
#ifndef TREE_COMPOSE_H
#define TREE_COMPOSE_H

#include "tree/sparse.h"

/* Made by one thread, then immutable; reference-counted. */
typedef struct Compose Compose;

/* view: the one that ranges of the space are read in; a reference is taken.
 * NULL: there will be none. */
Compose *compose_new(SpaceView *view);
Compose *compose_ref(Compose *c);
void compose_unref(Compose *c);

/* Each is put at the end of the file, which no longer than 2^63 - 1 bytes will
 * it be made: what goes beyond is left out. */
/* Returns the offset in the file of the first byte. */
uint64_t compose_bytes(Compose *c, const void *bytes, size_t len);
/* The len bytes of the space at an offset in it (not sign-extended). */
void compose_space(Compose *c, uint64_t at, uint64_t len);
void compose_hole(Compose *c, uint64_t len);
/* A hole up to the next multiple of n. */
void compose_align(Compose *c, uint64_t n);
/* Replaces bytes within what one or several compose_bytes() in a row gave: off
 * is an offset in the file. Nothing happens where it is not within. */
void compose_patch(Compose *c, uint64_t off, const void *bytes, size_t len);

uint64_t compose_size(const Compose *c);
/* Bytes that are no holes. */
uint64_t compose_data_bytes(const Compose *c);
/* Heap bytes, with those of the view. */
size_t compose_footprint(const Compose *c);
/* Or NULL; borrowed. */
SpaceView *compose_view(const Compose *c);

/* For sparse.c: s->compose is the file. As their namesakes there. */
int compose_plan(const struct sparse *s, struct read_plan *plan, uint64_t off,
		 uint64_t len);
uint64_t compose_until_lost(const struct sparse *s, uint64_t off,
			    uint64_t len);
bool compose_next(const Compose *c, uint64_t off, uint64_t *start,
		  uint64_t *end);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Compose, compose_unref)

#endif
