/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hibernation files: what their parts share. docs/formats.md, "hibernation",
 * has the layouts and where they come from.
 */
#ifndef IMAGE_HIBR_PRIV_H
#define IMAGE_HIBR_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "image/blocks.h"
#include "image/image.h"

enum {
	HIBR_PAGES = 16,       /* of a set, as Windows writes them */
	HIBR_PAGES_MAX = 256,  /* that are still believed */
	HIBR_BLOCK_HEAD = 32,  /* bytes before the data of an xpress block */
	HIBR_HEADER = 4096,    /* bytes of the first page */
};

/* No page number is as high: physical addresses have 52 bits. */
#define HIBR_PFN_END (UINT64_C(1) << 40)

/* --- the index: which page is where; hibr_index.c --- */

/*
 * Pages are numbered as they come in the file. A set is what is compressed
 * together: its header, then the data of some pages in a row.
 */
typedef struct HibrIndex HibrIndex;

/* blocks: sets begin with the header of an xpress block (XP to 7), and not
 * with page descriptors (8 and later). is64: those have 64 bits. Borrows io. */
HibrIndex *hibr_index_new(const ImageIo *io, bool blocks, bool is64);
void hibr_index_free(HibrIndex *index);
/* How many pages the sets so far hold. */
uint64_t hibr_index_pages(const HibrIndex *index);
size_t hibr_index_sets(const HibrIndex *index);
/* The pages from now on are in this set. False: there are more than a file of
 * this size can have; nothing was added. */
bool hibr_index_add_set(HibrIndex *index, uint64_t off, uint32_t n_pages);
/* The next n pages of those sets are the physical ones from pfn on. */
void hibr_index_add_run(HibrIndex *index, uint64_t pfn, uint64_t n);
/* The next n pages cannot be had. */
void hibr_index_skip(HibrIndex *index, uint64_t n);

/* What of the pages was left out. */
struct hibr_twice {
	uint64_t n_twice; /* pages that an earlier set holds, too */
	uint64_t n_above; /* left out: above the highest one there is */
	bool not_highest; /* so many are above that it is not the highest */
};

/* Puts the runs into runs, of pages that are listed twice the later: resuming
 * restores it over the earlier one. highest: number of the highest page, 0: not
 * known. Then no more adding. */
void hibr_index_finish(HibrIndex *index, ImageRuns *runs, uint64_t highest,
		       struct hibr_twice *twice);
/* All pages as one file, in the order of their numbers; takes the index. */
ImageIo *hibr_index_io(HibrIndex *index, ImageCache *cache);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HibrIndex, hibr_index_free)

/* --- what a set says of itself --- */

struct hibr_desc {
	uint64_t pfn;
	uint32_t n;
};

struct hibr_set {
	uint32_t n_pages, n_descs;
	uint32_t data_at; /* bytes from its start to its data */
	uint32_t size;	  /* bytes of its data */
	unsigned method;  /* 0, 1: plain LZ77; 2, 3: with Huffman codes */
	struct hibr_desc descs[255];
};

/* Reads the header of a set of 8 and later; false: it is none. */
bool hibr_set_read(const ImageIo *io, bool is64, uint64_t off,
		   struct hibr_set *set);
/* Do its data give as many pages as it says? */
bool hibr_set_unpacks(const ImageIo *io, uint64_t off,
		      const struct hibr_set *set);

/* --- the pages in a file of 8 and later; hibr_sets.c --- */

struct hibr_sets {
	const ImageIo *io;
	HibrIndex *index;
	bool is64, full;
	uint64_t highest;    /* page */
	uint64_t scan_left;  /* bytes that may still be searched */
	uint64_t tries_left; /* places in them that may be looked at */
	/* What was found: */
	uint64_t n_cut;	    /* pages of sets that the end of the file cuts */
	uint64_t n_breaks;  /* places where the next set was searched */
	uint64_t n_missing; /* pages that were announced, and are not there */
	uint64_t end;	    /* behind the last set */
};

/* highest: number of the highest page, 0: not known; only for searching. */
void hibr_sets_init(struct hibr_sets *s, const ImageIo *io, bool is64,
		    uint64_t highest);
/* Follows the sets that start at off, up to end at the most. total: how many
 * pages they hold, 0: not known. How many there are. */
uint64_t hibr_sets_follow(struct hibr_sets *s, uint64_t off, uint64_t end,
			  uint64_t total);
/* Are there, from off on, at least so many sets in a row? Or at least two,
 * with nothing or the end of the file behind them? The first must unpack. */
bool hibr_sets_plausible(const ImageIo *io, bool is64, uint64_t off,
			 unsigned n);
/* The first page in [page, end) on which so many sets begin; 0: none. */
uint64_t hibr_sets_find_page(const ImageIo *io, bool is64, uint64_t page,
			     uint64_t end, unsigned n);

/* --- the pages in a file of XP to 7; hibr_table*.c, hibr_blocks.c --- */

/* How tables of pages look; byte offsets. */
struct hibr_table_form {
	const char *windows;
	bool is64;
	uint16_t length_self;	 /* of the header */
	uint16_t first_table;	 /* in the header: page of the first table */
	uint16_t time;		 /* in the header: FILETIME */
	uint16_t next, count;	 /* in a table */
	uint16_t entries, stride, start, end;
	uint16_t max;		 /* entries of a full table */
	uint16_t state_page;	 /* where the state of the processor is */
};

extern const struct hibr_table_form hibr_table_forms[];

struct hibr_range {
	uint64_t pfn; /* HIBR_PFN_END: nobody knows which pages */
	uint64_t n;   /* 0: no range */
};

struct hibr_table {
	uint64_t next;	   /* page of the next one; 0: none */
	uint32_t count;	   /* how many ranges it says it has */
	uint32_t max;	   /* that there may be */
	uint32_t n_ranges; /* of them that make sense, from the first on */
	uint64_t n_pages;  /* in them */
	struct hibr_range ranges[511];
};

/* False: damaged, or no table at all (n_ranges is then 0). hibr_table.c */
bool hibr_table_read(const ImageIo *io, const struct hibr_table_form *form,
		     uint64_t page, struct hibr_table *table);
/* How many of its ranges make sense, if that is most of them; else 0. */
uint32_t hibr_table_most(const struct hibr_table *table);
/* Was only the number of its ranges damaged? Then they add up to what there is,
 * with nothing behind them; the table is put right. */
bool hibr_table_recount(struct hibr_table *table, uint64_t n_pages);
/* For a table whose blocks hold n_pages, which is not what it lists: leaves in
 * it what must be right if only one of its values is wrong, and makes the rest
 * a range of unknown pages. */
void hibr_table_settle(struct hibr_table *table, uint64_t n_pages);
/* Is there a table of this form on the page, with a block behind it? */
bool hibr_table_plausible(const ImageIo *io, const struct hibr_table_form *form,
			  uint64_t page);
/* And does it list as many pages as there are blocks, as far as it is looked
 * at? */
bool hibr_table_fits(const ImageIo *io, const struct hibr_table_form *form,
		     uint64_t page);

struct hibr_block {
	uint64_t off;
	uint64_t lost; /* blocks before it that are gone, as it seems */
};

struct hibr_tables {
	const ImageIo *io;
	const struct hibr_table_form *form;
	HibrIndex *index;
	unsigned unit; /* pages of a block but for the last of a table */
	bool full;
	uint64_t scan_left; /* bytes that may still be searched */
	/* What was found: */
	uint64_t n_tables, n_blocks;
	uint64_t n_breaks;   /* places where the next block was searched */
	uint64_t n_missing;  /* pages that are listed, and have no block */
	uint64_t n_cut;	     /* pages of a block that the file's end cuts */
	uint64_t n_doubtful; /* tables that list other pages than they have */
	bool lost_table;     /* a table was searched for */
};

bool hibr_is_block(const ImageIo *io, uint64_t off);
/* Or is it one whose magic is damaged? */
bool hibr_starts_block(const ImageIo *io, uint64_t off);
/* Where the one behind it starts, by its size; UINT64_MAX: cannot be read. */
uint64_t hibr_block_end(const ImageIo *io, uint64_t off);
/* First page in [page, end) with the magic of a block at its start; 0: none. */
uint64_t hibr_tables_find_block(const ImageIo *io, uint64_t page, uint64_t end);
/* May so much more be searched? So that a file that is all damage takes no
 * longer than one that is not. */
bool hibr_tables_may_search(struct hibr_tables *t, uint64_t n);
/* The blocks (struct hibr_block) in [off, end) for n_pages pages; t->unit comes
 * from the first of all. (transfer full) */
GArray *hibr_blocks_find(struct hibr_tables *t, uint64_t off, uint64_t end,
			 uint64_t n_pages);
/* Where the last of them ends. */
uint64_t hibr_blocks_end(const struct hibr_tables *t, const GArray *blocks);
/* Compares a table with its blocks, of which there is at least one; more: the
 * next table is at end. False: it lists other pages than they hold; what is
 * certain is left in the table, and all its blocks are found. */
bool hibr_blocks_settle(struct hibr_tables *t, struct hibr_table *table,
			GArray *blocks, uint64_t end, bool more);

void hibr_tables_init(struct hibr_tables *t, const ImageIo *io,
		      const struct hibr_table_form *form);
/* Follows the tables from the one on that page. */
void hibr_tables_follow(struct hibr_tables *t, uint64_t page);

/* --- opening one; hibr.c --- */

/* A hibernation file that is being opened. */
struct hibr_opening {
	Image *image;
	Log *log;
	uint8_t header[HIBR_HEADER];
	bool wiped; /* the header is nothing but zeros */
};

/* A word of the header. */
static inline uint64_t hibr_get(const struct hibr_opening *o, bool is64,
				unsigned at)
{
	return is64 ? load_le64(o->header + at) : load_le32(o->header + at);
}

/* The FILETIME at byte at of the header, and the time since boot behind it. */
void hibr_read_times(struct hibr_opening *o, unsigned at);
/* What the log says of a header that does not help. how: from what the rest
 * was found out. */
void hibr_log_derived(struct hibr_opening *o, const char *windows, bool is64,
		      const char *how, uint64_t page);
/* Of pages that are not there. */
void hibr_log_losses(struct hibr_opening *o, uint64_t cut, uint64_t missing,
		     uint64_t breaks, bool full);
/* Makes the pages of the index those of the image; takes it. highest: as in
 * hibr_index_finish(). */
bool hibr_use_index(struct hibr_opening *o, HibrIndex *index, uint64_t highest,
		    GError **error);

/* Each of them: false where it is no file of that kind; else *opened says
 * whether there was anything in it. sure: for those whose header says so, and
 * leads to data; else anything that looks like such data is taken. */
bool hibr_try_tables(struct hibr_opening *o, bool *opened, GError **error);
bool hibr_try_sets(struct hibr_opening *o, bool sure, bool *opened,
		   GError **error);
/* Are there sets on one of these pages? */
bool hibr_has_sets(const ImageIo *io, uint64_t pages, unsigned n);

#endif
