/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes whose VADs lead astray: a tree that is a ring, ranges that end
 * before they start or overlap, prototype PTEs in user space, prototype PTEs
 * that point to themselves, all of user space behind one VAD, subsections in
 * a ring.
 */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

#define AT_BAD UINT64_C(0xd400000)
#define STEP UINT64_C(0x40000)
#define PAGES 16u

/* Which of the regions is what. */
enum bad {
	BAD_RANGE,	/* the last page lies before the first */
	BAD_OVERLAP,	/* with the next one */
	BAD_USER_PROTO, /* FirstPrototypePte is a user address */
	BAD_SELF_PROTO, /* the prototype PTEs point to themselves */
	BAD_LAST,	/* LastContiguousPte below FirstPrototypePte */
	BAD_RING,	/* subsections in a ring, too few for the view */
	BAD_PAIR,	/* a ring of two with no PTEs at all */
	BAD_MARKERS,	/* entries: look in the VAD; where it is itself bad */
	BAD_VADS
};

static const struct mk_section_form form_one = {
	.file = "\\Users\\bad.dat",
	.kinds = "vtf",
	.protection = MK_PROT_R,
	.n = 1,
	.ptes = {PAGES},
};
static const struct mk_section_form form_two = {
	.file = "\\Users\\ring.dat",
	.kinds = "vtf",
	.protection = MK_PROT_R,
	.n = 2,
	.ptes = {3, 4},
};

static void region(MkProc *proc, const struct mk_section *section,
		   uint64_t start, uint64_t pages)
{
	const struct mk_region r = {
		.start = start,
		.end = start + pages * MK_PAGE_SIZE,
		.proto = mk_section_proto(section, 0)->va,
		.protection = MK_PROT_R,
		.section = section,
	};

	g_array_append_val(proc->regions, r);
}

void mk_bad_vads_regions(MkWin *win, MkProc *proc, uint64_t low)
{
	uint64_t va = low + AT_BAD;

	for (unsigned int i = 0; i < BAD_VADS; i++, va += STEP) {
		const bool two = i == BAD_RING || i == BAD_PAIR;
		const struct mk_section *section =
			mk_section_new(win, two ? &form_two : &form_one);

		region(proc, section, va, PAGES);
		if (i == BAD_MARKERS)
			for (unsigned int j = 0; j < PAGES; j++)
				mk_paging_poke(proc->paging,
					       va + j * MK_PAGE_SIZE, 1,
					       mk_pte_in_vad(win, MK_PROT_R));
	}
}

/* The VAD that starts at va, and what it was made of. */
static const struct mk_vad *find_vad(const MkProc *proc, uint64_t va,
				     const struct mk_section **section)
{
	for (guint i = 0; i < proc->vads->len; i++)
		if (g_array_index(proc->vads, struct mk_vad, i).start == va) {
			*section = g_array_index(proc->regions,
						 struct mk_region, i)
					   .section;
			return &g_array_index(proc->vads, struct mk_vad, i);
		}
	g_assert_not_reached();
}

static void set_protos(MkWin *win, uint64_t node, uint64_t first, uint64_t last)
{
	mk_put_ptr(win, node, "_MMVAD.FirstPrototypePte", first);
	mk_put_ptr(win, node, "_MMVAD.LastContiguousPte", last);
}

static void point_to_self(MkWin *win, const struct mk_section *section)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		const uint64_t va = mk_section_proto(section, i)->va;
		const uint64_t raw =
			GUINT64_TO_LE(mk_pte_proto(win, va, MK_PROT_R));

		mk_kwrite(win, va, &raw, mk_pte_bytes(win));
	}
}

static void make_ring(MkWin *win, const struct mk_section *section, bool empty)
{
	for (unsigned int i = 0; i < 2; i++) {
		mk_put_ptr(win, section->subs[i].va,
			   "_SUBSECTION.NextSubsection", section->subs[!i].va);
		if (empty)
			mk_put32(win, section->subs[i].va,
				 "_SUBSECTION.PtesInSubsection", 0);
	}
}

static void spoil_one(MkWin *win, const MkProc *proc, uint64_t va, enum bad bad)
{
	const struct mk_section *section;
	const struct mk_vad *vad = find_vad(proc, va, &section);
	const uint64_t first = mk_section_proto(section, 0)->va;
	const uint64_t page = va / MK_PAGE_SIZE;

	switch (bad) {
	case BAD_RANGE:
		mk_vad_set(win, vad->node, page + PAGES, page);
		break;
	case BAD_OVERLAP:
		mk_vad_set(win, vad->node, page,
			   page + STEP / MK_PAGE_SIZE + PAGES / 2);
		break;
	case BAD_MARKERS:
	case BAD_USER_PROTO:
		set_protos(win, vad->node, va, va + 8 * PAGES);
		break;
	case BAD_SELF_PROTO:
		point_to_self(win, section);
		break;
	case BAD_LAST:
		set_protos(win, vad->node, first, first - 8);
		break;
	case BAD_RING:
	case BAD_PAIR:
		make_ring(win, section, bad == BAD_PAIR);
		break;
	case BAD_VADS:
		break;
	}
}

/* The first of all goes on to the end of user space. */
static void make_huge(MkWin *win, const MkProc *proc)
{
	const struct mk_vad *vad = &g_array_index(proc->vads, struct mk_vad, 0);

	mk_vad_set(win, vad->node, vad->start / MK_PAGE_SIZE,
		   win->kernel.highest_user / MK_PAGE_SIZE);
	for (guint i = 0; i < proc->vads->len; i++) {
		const struct mk_section *section =
			g_array_index(proc->regions, struct mk_region, i)
				.section;

		if (!section)
			continue;
		vad = &g_array_index(proc->vads, struct mk_vad, i);
		mk_vad_set(win, vad->node, vad->start / MK_PAGE_SIZE,
			   win->kernel.highest_user / MK_PAGE_SIZE);
		set_protos(win, vad->node, mk_section_proto(section, 0)->va,
			   ~UINT64_C(7));
	}
}

/* Each node has the next one on both sides, the last one the first. */
static void make_cycle(MkWin *win, const MkProc *proc)
{
	for (guint i = 0; i < proc->vads->len; i++) {
		const guint next = (i + 1) % proc->vads->len;
		const uint64_t to =
			g_array_index(proc->vads, struct mk_vad, next).node;

		mk_vad_link(win,
			    g_array_index(proc->vads, struct mk_vad, i).node,
			    to, to);
	}
}

static uint64_t first_bad(const MkProc *proc)
{
	for (guint i = 0; i < proc->regions->len; i++) {
		const struct mk_region *r =
			&g_array_index(proc->regions, struct mk_region, i);

		if (r->section && r->section->form == &form_one)
			return r->start;
	}
	g_assert_not_reached();
}

static MkProc *add_process(MkWin *win, const char *name, uint32_t pid,
			   enum mk_odd odd)
{
	MkProc *proc = mk_proc_add(win, name, strlen(name), pid, 668);

	proc->info.session = 0;
	proc->odd = odd;
	mk_proc_build(win, proc);
	return proc;
}

void mk_bad_vads_add(MkWin *win)
{
	const MkProc *proc;
	uint64_t va;

	make_cycle(win, add_process(win, "vadcycle.exe", 6100, MK_ODD_CYCLE));
	make_huge(win, add_process(win, "vadhuge.exe", 6104, MK_ODD_HUGE));
	proc = add_process(win, "vadodd.exe", 6108, MK_ODD_VADS);
	va = first_bad(proc);
	for (unsigned int i = 0; i < BAD_VADS; i++, va += STEP)
		spoil_one(win, proc, va, (enum bad)i);
}
