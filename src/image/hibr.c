/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows hibernation files (hiberfil.sys). Source: the header as public
 * symbols have it, and public readers (docs/formats.md, "hibernation").
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "image/formats.h"
#include "image/hibr-priv.h"

enum {
	LENGTH_SELF = 0xc,
	PROBE_PAGES = 4096,  /* that are searched where the header is wiped */
	PROBE_SETS = 8,	     /* in a row, that cannot be anything else */
	PROBE_BLOCK = 16,    /* pages that may have the first block */
	LINK_MAX = 1 << 20,  /* bytes of a file that only names another */
	WIPED_MAX = 4,	     /* bytes of a wiped header that are not 0 */
};

/* FILETIMEs of 1999 and 2100: what is not between them is no time. */
#define TIME_FIRST UINT64_C(125595360000000000)
#define TIME_LAST UINT64_C(157469184000000000)
/* Nothing is up for ten years. */
#define UPTIME_LAST UINT64_C(3155760000000000)

/* --- whose file it is --- */

static bool says(const uint8_t *header, const char *signature)
{
	return !g_ascii_strncasecmp((const char *)header, signature, 4);
}

/* Zeros, but for what is damaged. */
static bool is_wiped(const uint8_t *header)
{
	unsigned n = 0;

	for (size_t i = 0; i < HIBR_HEADER && n <= WIPED_MAX; i++)
		n += header[i] != 0;
	return n <= WIPED_MAX;
}

/* Small letters up to XP. wake: Windows resumed; rstr: it is resuming; brkp,
 * horm: of debuggers, and of embedded systems. Any of those might begin a raw
 * image, but not with the size of pages where it must be, too. */
static bool has_signature(const uint8_t *header)
{
	static const char *const others[] = { "wake", "rstr", "brkp", "horm" };

	if (says(header, "hibr"))
		return true;
	if (load_le32(header + 0x14) != PAGE_SIZE_4K &&
	    load_le32(header + 0x18) != PAGE_SIZE_4K)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		if (says(header, others[i]))
			return true;
	return false;
}

static enum image_probe probe_header(const ImageIo *io, const uint8_t *header)
{
	if (has_signature(header))
		return IMAGE_MINE;
	if (says(header, "link") && image_io_size(io) <= LINK_MAX)
		return IMAGE_DAMAGED;
	if (hibr_tables_find_block(io, 1, PROBE_BLOCK))
		return IMAGE_DAMAGED;
	return is_wiped(header) &&
			       hibr_has_sets(io, PROBE_PAGES, PROBE_SETS) ?
		       IMAGE_DAMAGED :
		       IMAGE_NOT_MINE;
}

static enum image_probe hibr_probe(const ImageIo *io)
{
	uint8_t header[HIBR_HEADER];

	if (image_io_read(io, 0, header, sizeof header))
		return probe_header(io, header);
	/* Cut within its first page. */
	return image_io_read(io, 0, header, 4) && says(header, "hibr") ?
		       IMAGE_DAMAGED :
		       IMAGE_NOT_MINE;
}

/* --- what the kinds have in common --- */

void hibr_read_times(struct hibr_opening *o, unsigned at)
{
	uint64_t time = load_le64(o->header + at);
	uint64_t uptime = load_le64(o->header + at + 8);

	if (time >= TIME_FIRST && time < TIME_LAST)
		o->image->capture_filetime = time;
	if (uptime < UPTIME_LAST)
		o->image->facts.uptime_100ns = uptime;
}

void hibr_log_derived(struct hibr_opening *o, const char *windows, bool is64,
		      const char *how, uint64_t page)
{
	if (o->wiped)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: the header was wiped when Windows"
			" resumed: what is here is from before that; the pages"
			" were found without it, by %s on page %" PRIu64
			" of the file, as Windows %s (%d-bit) has them; when"
			" they were written is not known",
			how, page, windows, is64 ? 64 : 32);
	else
		log_add(o->log, LOG_WARN, "image",
			"hibernation: the header is damaged, or of a kind that"
			" is not known (%" PRIu32 " bytes); the pages were"
			" derived from %s on page %" PRIu64 " of the file, as"
			" Windows %s (%d-bit) has them",
			load_le32(o->header + LENGTH_SELF), how, page, windows,
			is64 ? 64 : 32);
}

void hibr_log_losses(struct hibr_opening *o, uint64_t cut, uint64_t missing,
		     uint64_t breaks, bool full)
{
	if (cut || missing)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: %" PRIu64 " page(s) of those that are"
			" listed are missing%s; they are absent here",
			cut + missing,
			cut ? ", for the file was cut short" : "");
	if (breaks)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: damaged in %" PRIu64 " place(s); reading"
			" went on where the next data that make sense start",
			breaks);
	if (full)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: more pieces than a file of this size can"
			" have; what is behind them was left out");
}

static void log_twice(struct hibr_opening *o, const struct hibr_twice *twice)
{
	if (twice->n_twice)
		log_add(o->log, LOG_INFO, "image",
			"hibernation: %" PRIu64 " page(s) are in the file"
			" twice; the later one is used, as resuming would",
			twice->n_twice);
	if (twice->n_above)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: %" PRIu64 " page(s) were left out: they"
			" are above the highest page that the header names",
			twice->n_above);
	if (twice->not_highest)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: the header names a highest page that is"
			" not: much more is above it, and is used");
}

bool hibr_use_index(struct hibr_opening *o, HibrIndex *index, uint64_t highest,
		    GError **error)
{
	struct hibr_twice twice;

	if (!hibr_index_pages(index)) {
		hibr_index_free(index);
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT, "%s",
			    o->wiped || says(o->header, "wake") ?
				    "its contents were wiped when Windows"
				    " resumed, and no page is left; expected"
				    " the file of a machine that was not"
				    " started since" :
				    "holds none of the pages that its header"
				    " should lead to; expected a hibernation"
				    " file of Windows XP to 11");
		return false;
	}
	hibr_index_finish(index, o->image->runs, highest, &twice);
	log_twice(o, &twice);
	o->image->data = hibr_index_io(index, o->image->cache);
	return true;
}

/* --- opening --- */

static void log_signature(struct hibr_opening *o)
{
	if (says(o->header, "wake"))
		log_add(o->log, LOG_WARN, "image",
			"hibernation: the file says that Windows has resumed"
			" from it (WAKE): its pages may be wiped in part");
	else if (says(o->header, "rstr"))
		log_add(o->log, LOG_WARN, "image",
			"hibernation: the file says that resuming from it was"
			" not finished (RSTR)");
}

static bool open_kinds(struct hibr_opening *o, GError **error)
{
	bool opened = false;

	if (hibr_try_sets(o, true, &opened, error) ||
	    hibr_try_tables(o, &opened, error) ||
	    hibr_try_sets(o, false, &opened, error))
		return opened;
	/* An error for want of pages. */
	return hibr_use_index(o, hibr_index_new(o->image->io, false, true), 0,
			      error);
}

static bool hibr_open(Image *image, Log *log, GError **error)
{
	g_autofree struct hibr_opening *o = g_new0(struct hibr_opening, 1);

	o->image = image;
	o->log = log;
	if (!image_io_read(image->io, 0, o->header, sizeof o->header)) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "is cut within its header");
		return false;
	}
	if (says(o->header, "link")) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "only says that the hibernation file is on"
				    " another partition; open that one");
		return false;
	}
	o->wiped = is_wiped(o->header);
	log_signature(o);
	return open_kinds(o, error);
}

const struct ImageOps image_hibr_ops = {
	.name = "hibernation",
	.description = "Windows hibernation file",
	.probe = hibr_probe,
	.open = hibr_open,
};
