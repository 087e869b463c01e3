/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What speaks for a table's being a process's. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "nt/dtbfit.h"
#include "nt/vad.h"

enum {
	PAGES_MAX = 32768,
	TABLES_MAX = 4096,
};

static bool pointer_at(const NtKernel *k, const struct addr_space *as,
		       uint64_t va, uint64_t *ret)
{
	return nt_pointer_at(as, k->profile.pointer_bytes, VIRT(va), ret);
}

/* The PEB of a process that was hollowed out can have another base: what
 * differs says nothing. */
static void look_at_peb(const NtKernel *k, const struct addr_space *as,
			const struct nt_process *p, struct nt_dtb_fit *fit)
{
	uint64_t base;

	if (!(p->known & NTP_PEB) || !p->peb.v)
		return;
	if (!pointer_at(k, as, p->peb.v + k->profile.peb.image_base, &base)) {
		if (nt_dtb_has_nothing_at(k, as->root.v, p->peb))
			fit->peb = NT_FIT_NO;
		return;
	}
	if (p->known & NTP_SECTION_BASE && p->section_base &&
	    base == p->section_base)
		fit->peb = NT_FIT_YES;
}

static void look_at_image(const struct addr_space *as,
			  const struct nt_process *p, struct nt_dtb_fit *fit)
{
	uint8_t mz[2];

	if (p->known & NTP_SECTION_BASE && p->section_base &&
	    vtop_read(as, VIRT(p->section_base), mz, sizeof mz))
		fit->image = mz[0] == 'M' && mz[1] == 'Z' ? NT_FIT_YES :
							    NT_FIT_NO;
}

struct pages {
	const GArray *vads;
	guint at; /* first VAD that does not end before the last page */
	struct nt_dtb_fit *fit;
};

static bool add_page(void *ctx, const struct vtop_leaf *leaf)
{
	struct pages *s = ctx;
	const struct nt_vad *vad = NULL;

	if (leaf->state != PAGE_VALID)
		return true;
	for (; s->at < s->vads->len; s->at++) {
		vad = &g_array_index(s->vads, struct nt_vad, s->at);
		if (vad->last >= leaf->va.v)
			break;
		vad = NULL;
	}
	s->fit->n_pages++;
	s->fit->n_in_vads += vad && vad->start <= leaf->va.v;
	return s->fit->n_pages < PAGES_MAX;
}

static uint64_t user_last(const NtKernel *k)
{
	unsigned bits = k->as.form->va_bits;

	if (bits == 32)
		return k->user_end ? k->user_end - 1 : UINT64_C(0x7ffeffff);
	return (UINT64_C(1) << (bits - 1)) - 1;
}

/* Every page that a process has is in one of its VADs; another's are there
 * where both have the same libraries. */
static void look_at_pages(const NtKernel *k, const struct addr_space *as,
			  const GArray *vads, struct nt_dtb_fit *fit)
{
	struct vtop_budget budget = { TABLES_MAX, 4 * PAGES_MAX };
	struct addr_space plain = *as;
	struct pages s = { .vads = vads, .fit = fit };

	plain.soft = NULL;
	(void)vtop_walk(&plain, 0, user_last(k), budget, add_page, &s);
	fit->has_vads = vads->len > 0;
}

static int points(enum nt_fit fit, int yes, int no)
{
	return fit == NT_FIT_YES ? yes : fit == NT_FIT_NO ? no : 0;
}

/* What only one process has (its TEB, its PEB) outweighs what many have. */
static int score(const struct nt_dtb_fit *fit)
{
	int sum = points(fit->peb, 8, -8) + points(fit->image, 2, -2) +
		  points(fit->teb, 16, -16);

	if (!fit->has_vads || !fit->n_pages)
		return sum;
	/* -4 to 4 */
	return sum + (int)(8 * fit->n_in_vads / fit->n_pages) - 4;
}

void nt_dtb_fit(const NtKernel *kernel, const struct nt_process *p,
		const GArray *vads, uint64_t dtb_raw, struct nt_dtb_fit *ret)
{
	struct addr_space as = nt_kernel_space(kernel, dtb_raw);

	*ret = (struct nt_dtb_fit){ 0 };
	look_at_peb(kernel, &as, p, ret);
	look_at_image(&as, p, ret);
	ret->teb = nt_dtb_teb(kernel, p, dtb_raw, &ret->teb_pid);
	if (vads)
		look_at_pages(kernel, &as, vads, ret);
	ret->score = score(ret);
}

static void add(GString *text, const char *what)
{
	if (what)
		g_string_append_printf(text, "%s%s", text->len ? "; " : "",
				       what);
}

static const char *say(enum nt_fit fit, const char *yes, const char *no)
{
	return fit == NT_FIT_YES ? yes : fit == NT_FIT_NO ? no : NULL;
}

char *nt_dtb_fit_text(const struct nt_dtb_fit *fit)
{
	GString *text = g_string_new(NULL);

	if (fit->teb != NT_FIT_UNKNOWN)
		g_string_append_printf(text, "a TEB says pid %" PRIu64,
				       fit->teb_pid);
	add(text, say(fit->peb, "the PEB has the image base",
		      "nothing at the PEB"));
	add(text, say(fit->image, "MZ at the image base",
		      "no MZ at the image base"));
	if (fit->has_vads && fit->n_pages)
		g_string_append_printf(text, "%s%u of %u pages in its VADs",
				       text->len ? "; " : "", fit->n_in_vads,
				       fit->n_pages);
	else if (!fit->n_pages)
		add(text, "no pages");
	return g_string_free(text, FALSE);
}
