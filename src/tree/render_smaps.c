/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `smaps`: what each range of a process is and how much of it is where, in
 * Linux's syntax (fs/proc/task_mmu.c). docs/formats.md, "smaps".
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "tree/render.h"
#include "tree/rowline.h"
#include "tree/vads.h"

/* Bits of a present entry of x86 and x64 that the processor sets. */
#define ENTRY_ACCESSED 0x20u
#define ENTRY_DIRTY 0x40u

/* What a range has, in bytes. */
struct group {
	struct row row;	/* va, len, rights, name */
	const struct space_vad *vad; /* or NULL */
	bool is_private;
	uint64_t states[PAGE_STATES];
	uint64_t shared_dirty, private_dirty, shared, referenced, anonymous;
	uint64_t large;
};

struct smaps {
	struct sink *out;
	const Space *space;
	const SpaceView *view;
	const GArray *vads, *ranges;
	bool has_bits;	/* of the processor, as above */
	size_t next;	/* of ranges: none before it is to come */
	bool open;	/* group is: of ranges[next], or of none */
	bool loose;	/* it is of none */
	struct group group;
};

static uint64_t resident(const struct group *g)
{
	return g->states[PAGE_VALID] + g->states[PAGE_TRANSITION] +
	       g->states[PAGE_PROTOTYPE];
}

static uint64_t swapped(const struct group *g)
{
	return g->states[PAGE_PAGEFILE] + g->states[PAGE_STORE] +
	       g->states[PAGE_PAGED_OUT] + g->states[PAGE_COMPRESSED];
}

static void put_kb(struct sink *out, const char *key, uint64_t bytes)
{
	sink_printf(out, "%-15s %8" PRIu64 " kB\n", key, bytes / KIB);
}

/* As Linux has it, in Linux's order. */
static void put_linux(struct sink *out, const struct group *g)
{
	uint64_t rss = resident(g);

	put_kb(out, "Size:", g->row.len);
	put_kb(out, "KernelPageSize:", PAGE_SIZE_4K);
	put_kb(out, "MMUPageSize:", PAGE_SIZE_4K);
	put_kb(out, "Rss:", rss);
	put_kb(out, "Pss:", rss);
	put_kb(out, "Shared_Clean:", g->shared - g->shared_dirty);
	put_kb(out, "Shared_Dirty:", g->shared_dirty);
	put_kb(out, "Private_Clean:", rss - g->shared - g->private_dirty);
	put_kb(out, "Private_Dirty:", g->private_dirty);
	put_kb(out, "Referenced:", g->referenced);
	put_kb(out, "Anonymous:", g->anonymous);
	put_kb(out, "AnonHugePages:", g->large);
	put_kb(out, "Swap:", swapped(g));
	put_kb(out, "SwapPss:", swapped(g));
}

/* By where Windows has the pages. */
static void put_states(struct sink *out, const struct group *g)
{
	uint64_t lost = 0;

	for (unsigned i = PAGE_PROTOTYPE_LOST; i < PAGE_STATES; i++)
		lost += g->states[i];
	put_kb(out, "Transition:", g->states[PAGE_TRANSITION]);
	put_kb(out, "Prototype:", g->states[PAGE_PROTOTYPE]);
	put_kb(out, "Pagefile:", g->states[PAGE_PAGEFILE]);
	put_kb(out, "Compressed:", g->states[PAGE_STORE]);
	put_kb(out, "PagedOut:", g->states[PAGE_PAGED_OUT] +
				 g->states[PAGE_COMPRESSED]);
	put_kb(out, "InFile:", g->states[PAGE_FILE]);
	put_kb(out, "DemandZero:", g->states[PAGE_DEMAND_ZERO]);
	put_kb(out, "Decommitted:", g->states[PAGE_DECOMMITTED]);
	put_kb(out, "Unreadable:", lost);
}

static void put_flags(struct sink *out, const struct group *g)
{
	unsigned r = g->row.rights;

	sink_str(out, "VmFlags:");
	sink_str(out, r & RIGHT_READ ? " rd" : "");
	sink_str(out, r & RIGHT_WRITE ? " wr" : "");
	sink_str(out, r & RIGHT_EXEC ? " ex" : "");
	sink_str(out, r & RIGHT_SHARED ? " sh" : "");
	sink_str(out, " mr mw me\n");
}

static void flush(struct smaps *s)
{
	char line[ROW_HEAD_BYTES];
	size_t n;

	if (!s->open)
		return;
	n = row_put_head(line, s->space, &s->group.row);
	memset(line + n, ' ', sizeof line - n);
	sink_bytes(s->out, line,
		   s->group.row.name ? MAX(n, ROW_PATH_COLUMN) : n);
	sink_str(s->out, s->group.row.name ? s->group.row.name : "");
	sink_str(s->out, "\n");
	put_linux(s->out, &s->group);
	put_states(s->out, &s->group);
	put_flags(s->out, &s->group);
	s->open = false;
}

/* What a VAD allows, as maps shows rights. */
static unsigned vad_rights(const struct nt_vad *vad)
{
	static const unsigned rights[8] = {
		[1] = RIGHT_READ, [2] = RIGHT_EXEC,
		[3] = RIGHT_READ | RIGHT_EXEC,
		[4] = RIGHT_READ | RIGHT_WRITE,
		[5] = RIGHT_READ | RIGHT_WRITE,
		[6] = RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC,
		[7] = RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC,
	};

	return rights[vad->protection & 7] |
	       (nt_vad_is_private(vad) ? 0u : RIGHT_SHARED);
}

static void open_group(struct smaps *s, uint64_t start, uint64_t len,
		       unsigned rights, const char *name)
{
	flush(s);
	s->group = (struct group){ .is_private = true };
	/* Offset 0: PAGE_ABSENT has no physical address. */
	s->group.row = (struct row){ start, 0, len, rights, PAGE_ABSENT,
				     name };
	s->open = true;
}

static void open_range(struct smaps *s, unsigned rights)
{
	const struct space_range *r =
		&g_array_index(s->ranges, struct space_range, s->next);
	const struct space_vad *vad = NULL;

	if (r->vad != NO_VAD) {
		vad = &g_array_index(s->vads, struct space_vad, r->vad);
		rights = vad_rights(&vad->vad);
	}
	open_group(s, r->start, r->last - r->start + 1, rights, r->name);
	s->group.vad = vad;
	s->group.is_private = !vad || nt_vad_is_private(&vad->vad);
	s->loose = false;
}

/* Ranges that end before va: also those that nothing is in, but for names
 * without a VAD. */
static void pass_ranges(struct smaps *s, uint64_t va)
{
	for (; s->next < s->ranges->len; s->next++) {
		const struct space_range *r = &g_array_index(
			s->ranges, struct space_range, s->next);

		if (r->last >= va)
			return;
		if ((!s->open || s->loose) && r->vad != NO_VAD)
			open_range(s, 0);
		flush(s);
	}
}

static void add_bits(struct smaps *s, uint64_t entry, bool shared,
		     uint64_t bytes)
{
	struct group *g = &s->group;

	if (!s->has_bits)
		return;
	if (entry & ENTRY_ACCESSED)
		g->referenced += bytes;
	if (entry & ENTRY_DIRTY)
		*(shared ? &g->shared_dirty : &g->private_dirty) += bytes;
}

/* A page in memory. Copied on write are those that are not prototypes and not
 * to be copied any more; which of them Linux would call anonymous. */
static void add_resident(struct smaps *s, const struct vtop_leaf *leaf,
			 uint64_t bytes)
{
	struct group *g = &s->group;
	bool shared = !g->is_private || leaf->state == PAGE_PROTOTYPE ||
		      leaf->rights & RIGHT_COW;

	if (shared)
		g->shared += bytes;
	else
		g->anonymous += bytes;
	if (leaf->state == PAGE_VALID)
		add_bits(s, leaf->entry, shared, bytes);
	if (leaf->len > PAGE_SIZE_4K)
		g->large += bytes;
}

static void add_leaf(struct smaps *s, const struct vtop_leaf *leaf,
		     uint64_t va, uint64_t len)
{
	uint64_t bytes = len;

	/* Of a large page a part can be outside the image. */
	if (page_state_in_memory(leaf->state) && len > PAGE_SIZE_4K)
		bytes = MIN(len, addr_map_data_bytes(s->view->map, va, len));
	s->group.states[leaf->state] += bytes;
	s->group.states[PAGE_OUTSIDE] += len - bytes;
	if (page_state_in_memory(leaf->state))
		add_resident(s, leaf, bytes);
}

/* Pages that are in no VAD go together by their rights. */
static void open_loose(struct smaps *s, uint64_t va, uint64_t len,
		       unsigned rights)
{
	struct row *row = &s->group.row;

	rights &= RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC | RIGHT_SHARED;
	if (s->open && s->loose && row->va + row->len == va &&
	    row->rights == rights) {
		row->len += len;
		return;
	}
	open_group(s, va, len, rights, NULL);
	s->loose = true;
}

/* The part of a leaf that one group has; returns its length. */
static uint64_t add_part(struct smaps *s, const struct vtop_leaf *leaf,
			 uint64_t va, uint64_t len)
{
	const struct space_range *r = NULL;

	pass_ranges(s, va);
	if (s->next < s->ranges->len)
		r = &g_array_index(s->ranges, struct space_range, s->next);
	if (r && r->start <= va) {
		len = MIN(len, r->last - va + 1);
		if (!s->open || s->loose)
			open_range(s, leaf->rights);
	} else {
		if (r)
			len = MIN(len, r->start - va);
		/* A table that is not there says nothing of pages. */
		if (leaf->state == PAGE_DAMAGED)
			return len;
		open_loose(s, va, len, leaf->rights);
	}
	add_leaf(s, leaf, va, len);
	return len;
}

static bool see_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct smaps *s = ctx;
	uint64_t va = leaf->va.v, left = leaf->len;

	if (s->space->as.form->va_bits < 64)
		va &= (UINT64_C(1) << s->space->as.form->va_bits) - 1;
	while (left) {
		uint64_t n = add_part(s, leaf, va, left);

		va += n;
		left -= n;
	}
	return true;
}

void render_smaps(struct sink *out, const struct render_facts *facts,
		  const Space *space, const SpaceView *view)
{
	g_autoptr(Detail) detail = space_vads_get(facts, space);
	g_autoptr(NtProcSpace) full = NULL;
	struct smaps s = {
		.out = out,
		.space = space,
		.view = view,
		.vads = space_vads(detail),
		.ranges = space_ranges(detail),
		.has_bits = !facts->kernel ||
			    facts->kernel->profile.arch != NT_ARCH_ARM64,
	};

	if (!space->empty) {
		full = space_full(space);
		vtop_walk(&full->as, space->start, space->last,
			  vtop_budget_for(space->as.pm), see_leaf, &s);
	}
	pass_ranges(&s, UINT64_MAX);
	flush(&s);
}
