/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ranges of a process from its VADs, and what its tables have in them.
 *
 * Sources: learn.microsoft.com (MEMORY_BASIC_INFORMATION), Windows Research
 * Kernel (MmProtectToValue; CommitCharge and MemCommit of private VADs).
 */
#include "config.h"

#include "base/bytes.h"
#include "tree/mdmp_info.h"
#include "tree/ranges.h"

/* Views of page files beyond this are not looked through for what is committed
 * of them: they are reserved to be large (1 GiB). */
#define LOOK_MAX (UINT64_C(1) << 30)

struct infos {
	const Space *space;
	const SpaceView *view;
	NtProcSpace *full; /* made when first needed; or NULL */
	struct vtop_meter meter;
	struct run_cursor cursor;
	struct map_run run; /* the next one of the view */
	bool has_run;
	GArray *out;
	bool cut;
};

/* Pages that follow each other, of equal protection. */
struct piece {
	uint64_t start, end;
	uint32_t protect; /* PAGE_*; 0: not committed */
};

uint32_t mdmp_protect(unsigned mm)
{
	static const uint32_t of[8] = {
		MDMP_PAGE_NOACCESS,
		MDMP_PAGE_READONLY,
		MDMP_PAGE_EXECUTE,
		MDMP_PAGE_EXECUTE_READ,
		MDMP_PAGE_READWRITE,
		MDMP_PAGE_WRITECOPY,
		MDMP_PAGE_EXECUTE_READWRITE,
		MDMP_PAGE_EXECUTE_WRITECOPY,
	};
	static const uint32_t with[4] = { 0, MDMP_PAGE_NOCACHE,
					  MDMP_PAGE_GUARD,
					  MDMP_PAGE_WRITECOMBINE };

	return mm & 7 ? of[mm & 7] | with[mm >> 3 & 3] : MDMP_PAGE_NOACCESS;
}

/* PAGE_* of a page. Where the tables cannot forbid execution, the VAD says
 * whether that is meant. */
static uint32_t protect_of(const struct infos *s, unsigned rights,
			   const struct nt_vad *vad)
{
	bool exec = rights & RIGHT_EXEC;

	if (exec && !s->space->as.form->leaf.exec && vad)
		exec = mdmp_protect(vad->protection) &
		       (MDMP_PAGE_EXECUTE | MDMP_PAGE_EXECUTE_READ |
			MDMP_PAGE_EXECUTE_READWRITE |
			MDMP_PAGE_EXECUTE_WRITECOPY);
	if (rights & RIGHT_COW)
		return exec ? MDMP_PAGE_EXECUTE_WRITECOPY :
			      MDMP_PAGE_WRITECOPY;
	if (rights & RIGHT_WRITE)
		return exec ? MDMP_PAGE_EXECUTE_READWRITE :
			      MDMP_PAGE_READWRITE;
	if (exec)
		return MDMP_PAGE_EXECUTE_READ;
	return rights & RIGHT_READ ? MDMP_PAGE_READONLY : MDMP_PAGE_NOACCESS;
}

static void emit(struct infos *s, const struct mdmp_info *info)
{
	struct mdmp_info *last = NULL;

	if (!info->len)
		return;
	if (s->out->len)
		last = &g_array_index(s->out, struct mdmp_info,
				      s->out->len - 1);
	if (last && last->base + last->len == info->base &&
	    last->alloc_base == info->alloc_base &&
	    last->alloc_protect == info->alloc_protect &&
	    last->state == info->state && last->protect == info->protect &&
	    last->type == info->type)
		last->len += info->len;
	else if (s->out->len < MDMP_INFOS_MAX)
		g_array_append_val(s->out, *info);
	else
		s->cut = true;
}

static void emit_free(struct infos *s, uint64_t from, uint64_t to)
{
	struct mdmp_info info = { .base = from, .len = to - from,
				  .state = MDMP_FREE,
				  .protect = MDMP_PAGE_NOACCESS };

	emit(s, &info);
}

/* CommitCharge of a private VAD: what of it is committed. Where it has none of
 * its own, all may be. */
static uint64_t vad_commit_bytes(const struct nt_vad *vad, uint64_t len)
{
	return vad->commit >= len >> PAGE_SHIFT_4K ?
		       len :
		       vad->commit << PAGE_SHIFT_4K;
}

static bool vad_has_file(const struct nt_vad *vad)
{
	return vad->section & NT_SECTION_FILE;
}

static uint32_t type_of(const struct nt_vad *vad)
{
	if (vad->private_memory)
		return MDMP_PRIVATE;
	/* VadImageMap */
	return vad->type == 2 || vad->section & NT_SECTION_IMAGE ?
		       MDMP_IMAGE :
		       MDMP_MAPPED;
}

static void emit_vad(struct infos *s, const struct nt_vad *vad, uint64_t from,
		     uint64_t to, uint32_t protect)
{
	struct mdmp_info info = {
		.base = from, .len = to - from,
		.alloc_base = vad->start,
		.alloc_protect = mdmp_protect(vad->protection),
		.state = protect ? MDMP_COMMIT : MDMP_RESERVE,
		.protect = protect, .type = type_of(vad),
	};

	emit(s, &info);
}

/* The next run, with data or lost, that ends behind from, as far as it is in
 * [from, to). The addresses asked for never go down. */
static bool next_piece(struct infos *s, uint64_t from, uint64_t to,
		       const struct nt_vad *vad, struct piece *ret)
{
	while (s->has_run && s->run.va + s->run.len <= from)
		s->has_run = run_cursor_next(&s->cursor, &s->run);
	if (!s->has_run || s->run.va >= to)
		return false;
	ret->start = MAX(s->run.va, from);
	ret->end = MIN(s->run.va + s->run.len, to);
	ret->protect = protect_of(s, s->run.rights, vad);
	return true;
}

/* What no VAD has. */
static void emit_outside(struct infos *s, uint64_t from, uint64_t to)
{
	struct mdmp_info info = { .state = MDMP_COMMIT };
	struct piece piece;
	bool first = true;

	while (from < to && next_piece(s, from, to, NULL, &piece)) {
		emit_free(s, from, piece.start);
		if (piece.start > from || first)
			info.alloc_base = piece.start;
		first = false;
		info.base = piece.start;
		info.len = piece.end - piece.start;
		info.protect = piece.protect;
		emit(s, &info);
		from = piece.end;
	}
	if (from < to)
		emit_free(s, from, to);
}

/* The pages of a VAD that are there or should be, by the view. (transfer
 * full) of struct piece; *bytes: of all. */
static GArray *seen_pieces(struct infos *s, const struct nt_vad *vad,
			   uint64_t to, uint64_t *bytes)
{
	GArray *pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
	uint64_t from = vad->start;
	struct piece piece;

	*bytes = 0;
	while (from < to && next_piece(s, from, to, vad, &piece)) {
		if (pieces->len < MDMP_INFOS_MAX)
			g_array_append_val(pieces, piece);
		*bytes += piece.end - piece.start;
		from = piece.end;
	}
	return pieces;
}

struct look {
	struct infos *s;
	const struct nt_vad *vad;
	uint64_t to;
	GArray *pieces;
	uint64_t bytes; /* committed */
};

static uint32_t leaf_protect(const struct look *look,
			     const struct vtop_leaf *leaf)
{
	const struct nt_profile *profile = look->s->space->profile;
	uint64_t mm;

	if (leaf->state == PAGE_DECOMMITTED)
		return 0;
	/* Of a page that has never been there, the entry says all of it (a
	 * guard page). */
	if (leaf->state == PAGE_DEMAND_ZERO && leaf->entry && profile &&
	    profile->pte.protection.bit_len && look->vad->private_memory) {
		mm = nt_field_get(profile->pte.protection, leaf->entry);
		return mdmp_protect((unsigned)(mm & 31));
	}
	return protect_of(look->s, leaf->rights, look->vad);
}

static bool on_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct look *look = ctx;
	struct piece p = {
		.start = MAX(leaf->va.v, look->vad->start),
		.end = MIN(leaf->va.v + leaf->len, look->to),
		.protect = leaf_protect(look, leaf),
	};

	if (p.start >= p.end)
		return true;
	if (p.protect)
		look->bytes += p.end - p.start;
	g_array_append_val(look->pieces, p);
	return look->pieces->len < MDMP_INFOS_MAX;
}

/* The same by a walk, with the pages that nobody has touched. */
static GArray *walked_pieces(struct infos *s, const struct nt_vad *vad,
			     uint64_t to, uint64_t *bytes)
{
	struct look look = { s, vad, to, NULL, 0 };
	struct vtop_stats stats;
	struct addr_space as;

	look.pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
	if (!s->full)
		s->full = space_full(s->space);
	as = s->full->as;
	as.meter = &s->meter;
	stats = vtop_walk(&as, vad->start, to - 1,
			  vtop_budget_for(s->space->as.pm), on_leaf, &look);
	s->cut |= stats.exhausted;
	*bytes = look.bytes;
	return look.pieces;
}

/* Are there pages that the view does not have, but may be committed? Of
 * sections with a file all are. */
static bool wants_look(const struct infos *s, const struct nt_vad *vad,
		       uint64_t len, uint64_t seen_bytes)
{
	if (s->space->empty || seen_bytes >= len)
		return false;
	if (vad->private_memory)
		return vad_commit_bytes(vad, len) > seen_bytes &&
		       vad_commit_bytes(vad, len) < len;
	return type_of(vad) == MDMP_MAPPED && !vad_has_file(vad) &&
	       len <= LOOK_MAX;
}

/* The protection of pages that no entry speaks for: 0 where they are not
 * committed. */
static uint32_t rest_protect(const struct nt_vad *vad, uint64_t len,
			     uint64_t committed)
{
	bool is_committed = vad->private_memory ?
				    vad_commit_bytes(vad, len) > committed :
				    type_of(vad) == MDMP_IMAGE ||
					    vad_has_file(vad);

	return is_committed ? mdmp_protect(vad->protection) : 0;
}

static void emit_inside(struct infos *s, const struct nt_vad *vad,
			uint64_t to)
{
	uint64_t at = vad->start, bytes, len = to - vad->start;
	g_autoptr(GArray) pieces = seen_pieces(s, vad, to, &bytes);
	uint32_t rest;

	if (wants_look(s, vad, len, bytes)) {
		g_array_unref(pieces);
		pieces = walked_pieces(s, vad, to, &bytes);
	}
	rest = rest_protect(vad, len, bytes);
	for (guint i = 0; i < pieces->len; i++) {
		const struct piece *p = &g_array_index(pieces, struct piece,
						       i);

		emit_vad(s, vad, at, p->start, rest);
		emit_vad(s, vad, p->start, p->end, p->protect);
		at = p->end;
	}
	emit_vad(s, vad, at, to, rest);
}

GArray *mdmp_infos(const Space *space, const SpaceView *view,
		   const GArray *vads, uint64_t end, bool *cut)
{
	struct vtop_budget budget = vtop_budget_for(space->as.pm);
	struct infos s = { .space = space, .view = view };
	uint64_t at = 0;

	s.cursor = run_cursor_at(view->map, 0);
	s.has_run = run_cursor_next(&s.cursor, &s.run);
	s.meter.left = budget.tables + budget.leaves;
	s.out = g_array_new(FALSE, FALSE, sizeof(struct mdmp_info));
	for (guint i = 0; i < vads->len && !s.cut; i++) {
		const struct nt_vad *vad =
			&g_array_index(vads, struct nt_vad, i);
		uint64_t to = MIN(vad->last, end - 1) + 1;

		if (vad->start < at || vad->start >= to)
			continue;
		emit_outside(&s, at, vad->start);
		emit_inside(&s, vad, to);
		at = to;
	}
	emit_outside(&s, at, end);
	nt_proc_space_free(s.full);
	*cut = s.cut;
	return s.out;
}
