/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading and seeking in sparse files of memory. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "tree/compose.h"
#include "tree/pagemap.h"
#include "tree/sparse-priv.h"

#define ZEROS_BYTES (UINT64_C(64) << 10)
static const uint8_t zeros[ZEROS_BYTES];

void read_plan_init(struct read_plan *plan)
{
	plan->n = 0;
	plan->len = 0;
	plan->bounce = NULL;
	plan->text = NULL;
	plan->copying = false;
	plan->wait = true;
	plan->held_by = NULL;
	plan->n_holds = 0;
	plan->pinned = 0;
}

void read_plan_clear(struct read_plan *plan)
{
	g_free(plan->bounce);
	plan->bounce = NULL;
	g_clear_pointer(&plan->text, g_bytes_unref);
	for (unsigned i = 0; i < plan->n_holds; i++)
		physmem_unhold(plan->held_by, &plan->holds[i]);
	plan->n_holds = 0;
	plan->pinned = 0;
	plan->copying = false;
	plan->n = 0;
	plan->len = 0;
}

void read_plan_gather(const struct read_plan *plan, void *buf)
{
	uint8_t *p = buf;

	for (unsigned i = 0; i < plan->n; i++) {
		memcpy(p, plan->iov[i].iov_base, plan->iov[i].iov_len);
		p += plan->iov[i].iov_len;
	}
}

void sparse_clear(struct sparse *s)
{
	space_view_unref(s->view);
	s->view = NULL;
	compose_unref(s->compose);
	s->compose = NULL;
}

/* Appends len bytes; false where there are too many pieces. */
static bool plan_append(struct read_plan *plan, const uint8_t *bytes,
			size_t len)
{
	struct iovec *last = plan->n ? &plan->iov[plan->n - 1] : NULL;

	if (last && (const uint8_t *)last->iov_base + last->iov_len == bytes) {
		last->iov_len += len;
	} else {
		if (plan->n == PLAN_MAX_IOV)
			return false;
		plan->iov[plan->n++] = (struct iovec){
			.iov_base = (void *)(uintptr_t)bytes,
			.iov_len = len,
		};
	}
	plan->len += len;
	return true;
}

int sparse_plan_zeros(struct read_plan *plan, uint64_t len)
{
	if (plan->copying) {
		memset(plan->bounce + plan->len, 0, (size_t)len);
		plan->len += (size_t)len;
		return 0;
	}
	while (len) {
		size_t n = (size_t)MIN(len, ZEROS_BYTES);

		if (!plan_append(plan, zeros, n))
			return -E2BIG;
		len -= n;
	}
	return 0;
}

int sparse_plan_bytes(struct read_plan *plan, const uint8_t *bytes, size_t len)
{
	if (!plan->copying)
		return plan_append(plan, bytes, len) ? 0 : -E2BIG;
	memcpy(plan->bounce + plan->len, bytes, len);
	plan->len += len;
	return 0;
}

/* What is decompressed stays where it is until the reply was sent. */
static int plan_held(const struct sparse *s, struct read_plan *plan,
		     uint64_t pa, uint64_t len)
{
	while (len) {
		struct image_hold *hold = &plan->holds[plan->n_holds];
		enum image_held held;

		if (plan->n_holds == PLAN_MAX_HOLDS ||
		    plan->pinned > PLAN_MAX_PINNED)
			return -E2BIG;
		held = physmem_hold(s->pm, PHYS(pa), (size_t)len, plan->wait,
				    hold);
		if (held != IMAGE_HELD)
			return held == IMAGE_NOT_READY ? -EAGAIN : -E2BIG;
		plan->held_by = s->pm;
		plan->n_holds++;
		plan->pinned += hold->pinned;
		if (!plan_append(plan, hold->bytes, hold->len))
			return -E2BIG;
		pa += hold->len;
		len -= hold->len;
	}
	return 0;
}

static int plan_phys(const struct sparse *s, struct read_plan *plan,
		     uint64_t pa, uint64_t len)
{
	while (len) {
		struct phys_slice slice = physmem_slice(s->pm, PHYS(pa), len);
		int r = 0;

		if (!slice.present) {
			r = sparse_plan_zeros(plan, slice.len);
		} else if (plan->copying) {
			if (physmem_read(s->pm, PHYS(pa),
					 plan->bounce + plan->len,
					 (size_t)slice.len) != PHYS_OK)
				return -EIO;
			plan->len += (size_t)slice.len;
		} else if (!slice.map) {
			r = plan_held(s, plan, pa, slice.len);
		} else if (!plan_append(plan, slice.map, (size_t)slice.len)) {
			r = -E2BIG;
		}
		if (r)
			return r;
		pa += slice.len;
		len -= slice.len;
	}
	return 0;
}

/* From a page file or the store. */
static int plan_swap(const struct sparse *s, struct read_plan *plan,
		     const struct map_run *run, uint64_t skip, uint64_t len)
{
	uint64_t place = run->pa + skip;
	const uint8_t *map;

	if (!plan->copying) {
		map = nt_swap_map(s->swap, run->state, place, (size_t)len);
		return map && plan_append(plan, map, (size_t)len) ? 0 : -E2BIG;
	}
	if (!nt_swap_read(s->swap, run->state, place, plan->bounce + plan->len,
			  (size_t)len))
		return -EIO;
	plan->len += (size_t)len;
	return 0;
}

/* Of a list: from the file as it is. */
static int plan_direct(const struct sparse *s, struct read_plan *plan,
		       uint64_t off, uint64_t len)
{
	const uint8_t *map = direct_map_at_file(s->direct, off);

	if (!plan->copying)
		return map && plan_append(plan, map, (size_t)len) ? 0 : -E2BIG;
	if (!direct_map_read_file(s->direct, off, plan->bounce + plan->len,
				  (size_t)len))
		return -EIO;
	plan->len += (size_t)len;
	return 0;
}

static int plan_run(const struct sparse *s, struct read_plan *plan,
		    const struct map_run *run, uint64_t skip, uint64_t len)
{
	if (page_state_in_memory(run->state))
		return plan_phys(s, plan, run->pa + skip, len);
	if (run->state == PAGE_DIRECT)
		return plan_direct(s, plan, run->pa + skip, len);
	return plan_swap(s, plan, run, skip, len);
}

uint64_t sparse_until_lost(const struct sparse *s, uint64_t va, uint64_t len)
{
	const AddrMap *map = s->view->map;
	size_t i = addr_map_find_lost(map, va);
	struct map_run run;

	if (i == addr_map_n_lost(map))
		return len;
	run = addr_map_lost(map, i);
	if (run.va <= va)
		return 0;
	return MIN(len, run.va - va);
}

int sparse_plan_space(const struct sparse *s, struct read_plan *plan,
		      uint64_t va, uint64_t len)
{
	const AddrMap *map = s->view->map;
	size_t n_runs = addr_map_n_data(map);
	size_t i = addr_map_find_data(map, va);
	int r = 0;

	while (len && !r) {
		struct map_run run = { 0 };
		uint64_t n = len;

		if (i < n_runs)
			run = addr_map_data(map, i);
		if (i == n_runs || run.va > va) {
			if (i < n_runs)
				n = MIN(len, run.va - va);
			r = sparse_plan_zeros(plan, n);
		} else {
			n = MIN(len, run.len - (va - run.va));
			r = plan_run(s, plan, &run, va - run.va, n);
			i++;
		}
		va += n;
		len -= n;
	}
	return r;
}

static int plan_pagemap(const struct sparse *s, struct read_plan *plan,
			uint64_t off, uint64_t len)
{
	const AddrMap *map = s->view->map;
	uint64_t start, end;

	if (!pagemap_next(map, off, page_ceil(off + len), &start, &end))
		return sparse_plan_zeros(plan, len);
	if (!plan->copying)
		return -E2BIG;
	pagemap_read(map, off, plan->bounce + plan->len, (size_t)len);
	plan->len += (size_t)len;
	return 0;
}

static int plan_all(const struct sparse *s, struct read_plan *plan,
		    uint64_t off, uint64_t len)
{
	if (s->pagemap)
		return plan_pagemap(s, plan, off, len);
	if (s->compose)
		return compose_plan(s, plan, off, len);
	if (s->view)
		return sparse_plan_space(s, plan, s->base + off, len);
	return plan_phys(s, plan, s->base + off, len);
}

int sparse_read(const struct sparse *s, uint64_t off, uint64_t len,
		struct read_plan *plan)
{
	int r = -E2BIG;

	if (off >= s->size)
		return 0;
	len = MIN(MIN(len, s->size - off), PLAN_MAX_BYTES);
	if (s->eio && s->view && len) {
		len = s->compose ? compose_until_lost(s, off, len) :
				   sparse_until_lost(s, s->base + off, len);
		if (!len)
			return -EIO;
	}
	if (!s->copy)
		r = plan_all(s, plan, off, len);
	if (r != -E2BIG)
		return r;
	/* Too many pieces for one reply, or nothing to point into. */
	read_plan_clear(plan);
	if (!plan->wait && !physmem_is_mapped(s->pm))
		return -EAGAIN;
	plan->bounce = g_malloc((size_t)len);
	plan->copying = true;
	r = plan_all(s, plan, off, len);
	plan->iov[0] = (struct iovec){ plan->bounce, plan->len };
	plan->n = 1;
	return r;
}

/* The run of physical memory at or above pa, as an extent. */
static bool next_phys(const struct sparse *s, uint64_t pa, uint64_t *start,
		      uint64_t *len)
{
	struct image_run run;

	if (!image_runs_find(physmem_runs(s->pm), pa, &run))
		return false;
	*start = run.pa;
	*len = run.len;
	return true;
}

static bool next_mapped(const struct sparse *s, uint64_t va, uint64_t *start,
			uint64_t *len)
{
	size_t i = addr_map_find_data(s->view->map, va);
	struct map_run run;

	if (i == addr_map_n_data(s->view->map))
		return false;
	run = addr_map_data(s->view->map, i);
	*start = run.va;
	*len = run.len;
	return true;
}

/* The first extent of data that ends above off, in file offsets. */
static bool next_extent(const struct sparse *s, uint64_t off, uint64_t *start,
			uint64_t *end)
{
	uint64_t from, len;
	bool found;

	if (s->pagemap)
		return pagemap_next(s->view->map, off, s->size, start, end);
	if (s->compose)
		return compose_next(s->compose, off, start, end);
	found = s->view ? next_mapped(s, s->base + off, &from, &len) :
			  next_phys(s, s->base + off, &from, &len);
	if (!found)
		return false;
	*start = from > s->base ? from - s->base : 0;
	*end = from + len - s->base;
	return *start < s->size;
}

int64_t sparse_next_data(const struct sparse *s, uint64_t off)
{
	uint64_t start, end;

	if (off >= s->size || !next_extent(s, off, &start, &end))
		return -ENXIO;
	return (int64_t)MAX(off, start);
}

int64_t sparse_next_hole(const struct sparse *s, uint64_t off)
{
	uint64_t start, end;

	if (off >= s->size)
		return -ENXIO;
	/* Extents that touch are one to the caller. */
	while (off < s->size && next_extent(s, off, &start, &end) &&
	       start <= off)
		off = end;
	return (int64_t)MIN(off, s->size);
}
