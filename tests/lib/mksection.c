/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sections: control area, subsections, arrays of prototype PTEs, the pages
 * behind them; and what is in the page files.
 *
 * A shared page holds the label of pid 0 and the address of its prototype
 * PTE, whoever maps it.
 */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

#define SECTORS_PER_PAGE 8u
/* Last contiguous prototype PTE of images up to 2003: all there are. */
#define FILLS_VAD (~UINT64_C(3))

void mk_section_free(gpointer data)
{
	struct mk_section *section = data;

	g_array_unref(section->protos);
	g_free(section);
}

const struct mk_proto *mk_section_proto(const struct mk_section *section,
					unsigned int index)
{
	return &g_array_index(section->protos, struct mk_proto, index);
}

static const struct mk_subsection *
find_subsection(const struct mk_section *section, unsigned int index)
{
	const struct mk_subsection *sub = section->subs;

	while (index >= sub->first + sub->ptes)
		sub++;
	return sub;
}

uint64_t mk_section_subsection(const MkWin *win,
			       const struct mk_section *section,
			       unsigned int first)
{
	if (mk_has(win, "_MMVAD.ControlArea"))
		return section->area;
	return find_subsection(section, first)->va;
}

uint64_t mk_section_last(const MkWin *win, const struct mk_section *section,
			 unsigned int first)
{
	const struct mk_subsection *sub = find_subsection(section, first);

	if (section->form->one_array && win->build < MK_BUILD_VISTA)
		return mk_is_32bit(win) ? (uint32_t)FILLS_VAD : FILLS_VAD;
	return mk_section_proto(section, sub->first + sub->ptes - 1)->va;
}

/* --- page files --- */

/* Files 0 and 1 fill from place 0x20 on, with gaps. */
static uint64_t swap_add(MkWin *win, struct mk_paged paged)
{
	uint64_t *next = &win->swap_next[paged.number];

	g_assert(paged.number < G_N_ELEMENTS(win->swap_next));
	*next += 1 + mk_random_below(&win->random, 4);
	paged.page = 0x20 + *next;
	g_array_append_val(win->paged_out, paged);
	return mk_swap_place(paged.number, paged.page);
}

uint64_t mk_swap_label(MkWin *win, unsigned int number, uint32_t pid,
		       uint64_t va)
{
	return swap_add(
		win, (struct mk_paged){.number = number, .pid = pid, .va = va});
}

uint64_t mk_swap_bytes(MkWin *win, unsigned int number, uint8_t *bytes)
{
	return swap_add(win,
			(struct mk_paged){.number = number, .bytes = bytes});
}

void mk_paged_fill(const MkWin *win, const struct mk_paged *paged,
		   uint8_t page[MK_PAGE_SIZE])
{
	if (paged->bytes)
		memcpy(page, paged->bytes, MK_PAGE_SIZE);
	else
		mk_page_fill(win->options.seed, paged->pid, paged->va, page);
}

/* --- prototype PTEs --- */

static uint64_t swizzle(MkWin *win, uint64_t raw)
{
	return mk_pte_swizzle(win, &win->random, raw);
}

/* A page with its label. */
static uint64_t shared_page(MkWin *win, uint64_t proto)
{
	const uint64_t pa = mk_phys_page(win->phys);
	uint8_t page[MK_PAGE_SIZE];

	mk_page_fill(win->options.seed, 0, proto, page);
	mk_phys_write(win->phys, pa, page, sizeof(page));
	return pa;
}

static void make_resident(MkWin *win, struct mk_proto *proto, char kind,
			  unsigned int protection)
{
	const uint64_t bits = MK_PTE_P | MK_PTE_A | MK_PTE_G | MK_PTE_NX;

	proto->state = MK_STATE_PROTOTYPE;
	proto->pa = shared_page(win, proto->va);
	if (kind == 'v')
		proto->raw = mk_leaf(win, proto->pa, MK_PAGE_SIZE, bits);
	else
		proto->raw = swizzle(
			win, mk_pte_transition(win, proto->pa, protection));
}

static void make_paged(MkWin *win, struct mk_proto *proto,
		       unsigned int protection)
{
	const unsigned int number = (unsigned int)(proto->va >> 4 & 1);
	uint64_t raw;

	proto->state = MK_STATE_PAGEFILE;
	proto->swap = mk_swap_label(win, number, 0, proto->va);
	raw = mk_pte_pagefile(win, number, proto->swap >> 12 & UINT32_MAX,
			      protection);
	proto->raw = swizzle(win, raw);
}

/* kind: valid, transition, file, the other form of that, page file, demand
 * zero; 0: never touched. */
static void make_proto(MkWin *win, struct mk_proto *proto, char kind,
		       unsigned int protection, uint64_t subsection)
{
	proto->pa = MK_NO_PA;
	proto->swap = MK_NO_PA;
	switch (kind) {
	case 'v':
	case 't':
		make_resident(win, proto, kind, protection);
		break;
	case 'p':
		make_paged(win, proto, protection);
		break;
	case 'f':
	case 'c':
		proto->state = MK_STATE_FILE;
		proto->raw = mk_pte_subsection(win, subsection);
		if (kind == 'c')
			proto->raw = mk_pte_subsection_other(win, subsection);
		break;
	case 'z':
		proto->state = MK_STATE_DEMANDZERO;
		proto->raw = mk_pte_demandzero(win, protection);
		break;
	default:
		proto->state = MK_STATE_ABSENT;
		break;
	}
}

static uint64_t alloc_array(MkWin *win, unsigned int n,
			    enum mk_array_place place)
{
	const uint64_t size = mk_pte_bytes(win);
	struct mk_array_page page = {.place = place, .swap = MK_NO_PA};

	if (place == MK_ARRAY_POOL)
		return mk_pool_alloc(win, &win->paged, n * size, "MmSt");
	page.va = mk_pool_pages(win, &win->paged, 2) + MK_PAGE_SIZE;
	g_array_append_val(win->array_pages, page);
	return page.va - n / 2 * size;
}

static void make_array(MkWin *win, struct mk_section *section,
		       const struct mk_subsection *sub, uint64_t base)
{
	const struct mk_section_form *form = section->form;
	const size_t n_kinds = strlen(form->kinds);
	const uint64_t size = mk_pte_bytes(win);
	/* Half of the array is in a page that nobody reads. */
	const bool cut = form->place >= MK_ARRAY_PAGED;

	for (unsigned int i = 0; i < sub->ptes; i++) {
		struct mk_proto proto = {.va = base + i * size};
		uint64_t raw;

		make_proto(win, &proto,
			   form->kinds[section->protos->len % n_kinds],
			   form->protection, sub->va);
		proto.lost = cut && i >= sub->ptes / 2;
		raw = GUINT64_TO_LE(proto.raw);
		mk_kwrite(win, proto.va, &raw, size);
		g_array_append_val(section->protos, proto);
	}
}

/* --- the structures --- */

void mk_area_fill(MkWin *win, uint64_t area, uint64_t file, bool image)
{
	const char *type =
		layout_type(win->layout, "_CONTROL_AREA.FilePointer");
	const bool plain = type && g_str_has_prefix(type, "ptr:");

	mk_put_ptr(win, area, "_CONTROL_AREA.FilePointer",
		   file ? file | (plain ? 0 : 3) : 0);
	mk_put32(win, area, "_CONTROL_AREA.u.Flags",
		 (uint32_t)(mk_bits(win, "_MMSECTION_FLAGS.Image", image) |
			    mk_bits(win, "_MMSECTION_FLAGS.File", file != 0)));
}

static void fill_subsection(MkWin *win, const struct mk_section *section,
			    unsigned int i, uint64_t base)
{
	const struct mk_subsection *sub = &section->subs[i];
	const bool last = i + 1 == section->form->n;

	mk_put_ptr(win, sub->va, "_SUBSECTION.ControlArea", section->area);
	mk_put_ptr(win, sub->va, "_SUBSECTION.SubsectionBase", base);
	mk_put32(win, sub->va, "_SUBSECTION.PtesInSubsection", sub->ptes);
	mk_put32(win, sub->va, "_SUBSECTION.StartingSector",
		 sub->first * SECTORS_PER_PAGE);
	mk_put32(win, sub->va, "_SUBSECTION.NumberOfFullSectors",
		 sub->ptes * SECTORS_PER_PAGE);
	mk_put_ptr(win, sub->va, "_SUBSECTION.NextSubsection",
		   last ? 0 : section->subs[i + 1].va);
}

/* The subsections follow their control area: up to 2003 that alone tells
 * where they are. */
static void alloc_area(MkWin *win, struct mk_section *section)
{
	const struct mk_section_form *form = section->form;
	const uint64_t area = mk_type_size(win, "_CONTROL_AREA");
	const uint64_t size = mk_type_size(win, "_SUBSECTION");
	unsigned int first = 0;

	section->area = mk_pool_alloc(win, &win->nonpaged,
				      area + form->n * size, "MmCa");
	for (unsigned int i = 0; i < form->n; i++) {
		section->subs[i] = (struct mk_subsection){
			.va = section->area + area + i * size,
			.first = first,
			.ptes = form->ptes[i],
		};
		first += form->ptes[i];
	}
}

static unsigned int count_ptes(const struct mk_section_form *form)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < form->n; i++)
		n += form->ptes[i];
	return n;
}

const struct mk_section *mk_section_new(MkWin *win,
					const struct mk_section_form *form)
{
	struct mk_section *section = g_new0(struct mk_section, 1);
	uint64_t base = 0;

	section->form = form;
	section->protos = g_array_new(FALSE, FALSE, sizeof(struct mk_proto));
	alloc_area(win, section);
	mk_area_fill(win, section->area,
		     form->file ? mk_file_object(win, form->file) : 0,
		     form->image);
	if (form->one_array)
		base = alloc_array(win, count_ptes(form), form->place);
	for (unsigned int i = 0; i < form->n; i++) {
		const struct mk_subsection *sub = &section->subs[i];
		uint64_t at = base + sub->first * mk_pte_bytes(win);

		if (!form->one_array)
			at = alloc_array(win, sub->ptes, form->place);
		fill_subsection(win, section, i, at);
		make_array(win, section, sub, at);
	}
	g_ptr_array_add(win->sections, section);
	return section;
}

/* --- the end --- */

static void note_kernel(MkWin *win, uint64_t va, uint64_t pa, uint64_t swap,
			uint64_t raw)
{
	const struct mk_page page = {
		.va = va,
		.pa = pa,
		.size = MK_PAGE_SIZE,
		.raw = raw,
		.rights = mk_user_rights(win, MK_PROT_RW, false) & ~MK_RIGHT_U,
		.state = pa == MK_NO_PA ? MK_STATE_PAGEFILE
					: MK_STATE_TRANSITION,
		.content = pa == MK_NO_PA ? MK_CONTENT_PAGED : MK_CONTENT_OTHER,
		.swap = swap,
	};

	g_array_append_val(win->kernel_extra, page);
}

static uint64_t page_out(MkWin *win, uint64_t pa, uint64_t *swap)
{
	uint8_t *bytes = g_malloc(MK_PAGE_SIZE);

	mk_phys_read(win->phys, pa, bytes, MK_PAGE_SIZE);
	mk_phys_zero(win->phys, pa, MK_PAGE_SIZE);
	*swap = mk_swap_bytes(win, 0, bytes);
	return mk_pte_pagefile(win, 0, *swap >> 12 & UINT32_MAX, MK_PROT_RW);
}

static void take_page(MkWin *win, struct mk_array_page *page)
{
	const uint64_t outside =
		(mk_phys_end(win->phys) + 0x200000) & ~(MK_PAGE_SIZE - 1);
	uint64_t pa = 0, raw;

	g_assert_true(mk_paging_walk(win->paging, page->va, &pa, NULL));
	if (page->place == MK_ARRAY_LOST) {
		raw = mk_leaf(win, outside, MK_PAGE_SIZE,
			      mk_kernel_rights(win, page->va));
		mk_phys_zero(win->phys, pa, MK_PAGE_SIZE);
	} else if (page->place == MK_ARRAY_TRANSITION) {
		raw = swizzle(win, mk_pte_transition(win, pa, MK_PROT_RW));
		note_kernel(win, page->va, pa, MK_NO_PA, raw);
	} else {
		raw = swizzle(win, page_out(win, pa, &page->swap));
		note_kernel(win, page->va, MK_NO_PA, page->swap, raw);
	}
	mk_paging_poke(win->paging, page->va, 1, raw);
}

/* Pages whose prototype PTE is in such a page are found in the page file. */
static void note_places(MkWin *win, const struct mk_array_page *page)
{
	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *proc = g_ptr_array_index(win->procs, i);

		for (guint j = 0; j < proc->pages->len; j++) {
			struct mk_page *p =
				&g_array_index(proc->pages, struct mk_page, j);

			if (p->state == MK_STATE_PROTO_LOST &&
			    p->proto - page->va < MK_PAGE_SIZE)
				p->swap = page->swap;
		}
	}
}

void mk_sections_finish(MkWin *win)
{
	for (guint i = 0; win->array_pages && i < win->array_pages->len; i++) {
		struct mk_array_page *page = &g_array_index(
			win->array_pages, struct mk_array_page, i);

		if (page->place == MK_ARRAY_TWO_PAGES)
			continue;
		take_page(win, page);
		if (page->place == MK_ARRAY_PAGED)
			note_places(win, page);
	}
}
