/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writers of all containers: the same memory in each. What tests do with "all
 * formats" they do with this table.
 */
#ifndef MKFMT_H
#define MKFMT_H

#include "lib/mkwrite.h"

enum mk_writer_flags {
	MK_WRITER_WHOLE_PAGES = 1,	/* parts of pages are left out */
	MK_WRITER_LOSSY = 2,		/* not all of memory is in it */
	MK_WRITER_COMPRESSED = 4,
	MK_WRITER_COMPANION = 8,	/* writes a second file beside it */
	MK_WRITER_LOW = 16,		/* nothing above 4 GiB */
	MK_WRITER_32BIT = 32,		/* only for 32-bit machines */
	MK_WRITER_64BIT = 64,		/* only for 64-bit machines */
	MK_WRITER_NO_MAP = 128,		/* the pages are not mapped: not as they
					 * are in the file */
	MK_WRITER_TAIL = 256,		/* cannot be read without its end */
	MK_WRITER_PATH = 512,		/* opened by its path, not by bytes */
	MK_WRITER_WRAPPED = 1024,	/* format is what is within */
	MK_WRITER_NO_HOLES = 2048,	/* where there is no memory are zeros */
};

struct mk_writer {
	const char *name;	/* as in mkmem --format NAME[:ARG] */
	const char *format;	/* as image/info calls it: ImageOps.name */
	const char *help;
	unsigned flags;		/* of enum mk_writer_flags */
	/* arg: what follows the colon, or NULL. options->cpus and ->dump are
	 * what the machine has of those. */
	bool (*write)(const MkPhys *phys, const char *path,
		      const struct mk_write_options *options, const char *arg,
		      GError **error);
};

/* NULL-terminated; raw first. Those whose library the build is without are
 * not in it. */
extern const struct mk_writer *const mk_writers[];

/* By NAME or NAME:ARG (*arg then points behind the colon); or NULL. */
const struct mk_writer *mk_writer_find(const char *text, const char **arg);

#endif
