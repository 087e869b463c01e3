/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening hibernation files of Windows 8 and later. */
#include "config.h"

#include <inttypes.h>

#include "image/hibr-priv.h"

enum {
	LENGTH_SELF = 0xc,
	OPEN_PAGES = 65536, /* that are searched for the first set */
	OPEN_SETS = 4,	    /* in a row, that are no chance */
	HIBERBOOT = 0x34,   /* bytes before the number of the highest page */
};

/* The header of Windows 8 and later; byte offsets. */
struct set_form {
	const char *windows;
	bool is64;
	uint16_t length_self;
	uint16_t loader_pages, boot_page;   /* the first restoration data */
	uint16_t kernel_page, kernel_pages; /* the others */
	uint16_t highest;		    /* page */
};

static const struct set_form set_forms[] = {
	{ "11 24H2", true, 0x4d8, 0x58, 0x68, 0x70, 0x238, 0x498 },
	{ "11 or Server 2022", true, 0x448, 0x58, 0x68, 0x70, 0x230, 0x400 },
	{ "10 1809 to 22H2", true, 0x3e0, 0x58, 0x68, 0x70, 0x230, 0x398 },
	{ "10 1703 to 1803", true, 0x3d8, 0x58, 0x68, 0x70, 0x230, 0x398 },
	{ "10 1607", true, 0x3c8, 0x58, 0x68, 0x70, 0x220, 0x388 },
	{ "10 1507 or 1511", true, 0x3b0, 0x58, 0x68, 0x70, 0x218, 0x380 },
	{ "8 or 8.1", true, 0x360, 0x58, 0x60, 0x68, 0x1c8, 0x330 },
	{ "10 1809 to 22H2", false, 0x340, 0x48, 0x50, 0x54, 0x210, 0x310 },
	{ "10 1703 to 1803", false, 0x338, 0x48, 0x50, 0x54, 0x210, 0x310 },
	{ "10 1607", false, 0x328, 0x48, 0x50, 0x54, 0x200, 0x300 },
	{ "10 1507 or 1511", false, 0x310, 0x48, 0x50, 0x54, 0x1f8, 0x2f8 },
	{ "8 or 8.1", false, 0x2c8, 0x48, 0x50, 0x54, 0x1b0, 0x2b0 },
};

/* Where the two restoration sets are, and what they should hold. */
struct restore {
	const char *windows;
	bool is64;
	uint64_t boot_page, boot_pages;	    /* 0 pages: how many is not known */
	uint64_t kernel_page, kernel_pages;
	uint64_t highest;
};

static const struct set_form *find_set_form(const struct hibr_opening *o)
{
	const uint32_t length = load_le32(o->header + LENGTH_SELF);

	for (size_t i = 0; i < G_N_ELEMENTS(set_forms); i++)
		if (set_forms[i].length_self == length)
			return &set_forms[i];
	return NULL;
}

static bool starts_sets(const ImageIo *io, bool is64, uint64_t page)
{
	return page && page < image_io_size(io) >> PAGE_SHIFT_4K &&
	       hibr_sets_plausible(io, is64, page << PAGE_SHIFT_4K, OPEN_SETS);
}

static void restore_by_form(const struct hibr_opening *o,
			    const struct set_form *form, struct restore *r)
{
	*r = (struct restore){
		.windows = form->windows,
		.is64 = form->is64,
		.boot_page = hibr_get(o, form->is64, form->boot_page),
		.boot_pages = load_le64(o->header + form->loader_pages),
		.kernel_page = hibr_get(o, form->is64, form->kernel_page),
		.kernel_pages = load_le64(o->header + form->kernel_pages),
		.highest = hibr_get(o, form->is64, form->highest),
	};
}

/* Any field of the header that leads to sets is one of the two. */
static bool restore_by_fields(const struct hibr_opening *o, bool is64,
			      struct restore *r)
{
	const unsigned step = is64 ? 8 : 4;

	*r = (struct restore){ .windows = "8 or later", .is64 = is64 };
	for (unsigned at = 0x40; at < 0xa0; at += step) {
		uint64_t page = hibr_get(o, is64, at);

		if (page == r->boot_page ||
		    !starts_sets(o->image->io, is64, page))
			continue;
		if (r->boot_page) {
			r->kernel_page = page;
			return true;
		}
		r->boot_page = page;
	}
	return r->boot_page != 0;
}

/* By the sets themselves: the first that there are, and those behind them. */
static bool restore_by_search(const struct hibr_opening *o, bool is64,
			      struct restore *r)
{
	*r = (struct restore){ .windows = "8 or later", .is64 = is64 };
	r->boot_page = hibr_sets_find_page(o->image->io, is64, 1, OPEN_PAGES,
					   OPEN_SETS);
	return r->boot_page != 0;
}

static void log_sets(struct hibr_opening *o, const struct hibr_sets *s)
{
	hibr_log_losses(o, s->n_cut, s->n_missing, s->n_breaks, s->full);
	if (!s->scan_left || !s->tries_left)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: so much is damaged that not all of it was"
			" searched");
}

/* The sets from a page on; of a page that is not there, all are missing. */
static void follow_page(struct hibr_sets *s, uint64_t page, uint64_t end_page,
			uint64_t total)
{
	const uint64_t n_pages = image_io_size(s->io) >> PAGE_SHIFT_4K;

	if (!page)
		return;
	if (page < n_pages)
		(void)hibr_sets_follow(s, page << PAGE_SHIFT_4K,
				       MIN(end_page, n_pages + 1)
					       << PAGE_SHIFT_4K,
				       total);
	else
		s->n_missing += MIN(total, HIBR_PFN_END);
}

/* Where there is no header that says where sets go on: on a page behind those
 * before. */
static void follow_rest(struct hibr_sets *s)
{
	size_t n = 0;

	while (!s->full && hibr_index_sets(s->index) > n) {
		uint64_t page = page_ceil(s->end) >> PAGE_SHIFT_4K;

		n = hibr_index_sets(s->index);
		page = hibr_sets_find_page(s->io, s->is64, page,
					   page + OPEN_PAGES, OPEN_SETS);
		follow_page(s, page, UINT64_MAX, 0);
	}
}

static bool open_sets(struct hibr_opening *o, const struct restore *r,
		      bool rest, GError **error)
{
	struct hibr_sets s;

	hibr_sets_init(&s, o->image->io, r->is64, r->highest);
	follow_page(&s, r->boot_page,
		    r->kernel_page > r->boot_page ? r->kernel_page : UINT64_MAX,
		    r->boot_pages);
	follow_page(&s, r->kernel_page, UINT64_MAX, r->kernel_pages);
	if (rest)
		follow_rest(&s);
	log_sets(o, &s);
	o->image->detail = g_strdup_printf(
		"Windows %s hibernation file, %d-bit, %zu set(s), %" PRIu64
		" page(s)",
		r->windows, r->is64 ? 64 : 32, hibr_index_sets(s.index),
		hibr_index_pages(s.index));
	return hibr_use_index(o, s.index, r->highest, error);
}

/* With a header that is not known, or leads nowhere. */
static bool try_derived(struct hibr_opening *o, bool *opened, GError **error)
{
	const char *how = "what fields of the header lead to";
	struct restore r;

	if (o->wiped || (!restore_by_fields(o, true, &r) &&
			 !restore_by_fields(o, false, &r))) {
		how = "the first data that are there";
		if (!restore_by_search(o, true, &r) &&
		    !restore_by_search(o, false, &r))
			return false;
	}
	hibr_log_derived(o, r.windows, r.is64, how, r.boot_page);
	if (!o->wiped)
		hibr_read_times(o, r.is64 ? 0x20 : 0x18);
	*opened = open_sets(o, &r, !r.kernel_page, error);
	return true;
}

static void log_hiberboot(struct hibr_opening *o, const struct set_form *form)
{
	if (o->header[form->highest - HIBERBOOT] == 1)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: written by a fast startup (a shutdown"
			" that keeps the kernel): users had been logged off,"
			" only the kernel, drivers and services are in it");
}

/* Does the header lead to data, and to the first of each kind? */
static bool leads_to_sets(const struct hibr_opening *o,
			  const struct restore *r)
{
	return starts_sets(o->image->io, r->is64, r->boot_page) ||
	       starts_sets(o->image->io, r->is64, r->kernel_page);
}

bool hibr_try_sets(struct hibr_opening *o, bool sure, bool *opened,
		   GError **error)
{
	const struct set_form *form = find_set_form(o);
	struct restore r;

	if (!sure && try_derived(o, opened, error))
		return true;
	if (!form)
		return false;
	restore_by_form(o, form, &r);
	if (sure && !leads_to_sets(o, &r))
		return false;
	hibr_read_times(o, form->is64 ? 0x20 : 0x18);
	log_hiberboot(o, form);
	*opened = open_sets(o, &r, false, error);
	return true;
}

bool hibr_has_sets(const ImageIo *io, uint64_t pages, unsigned n)
{
	return hibr_sets_find_page(io, true, 1, pages, n) ||
	       hibr_sets_find_page(io, false, 1, pages, n);
}
