/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Container formats: which bytes of the file are which physical memory.
 *
 * A format is one ImageOps. Opening is a loop over them: the first whose
 * probe says "mine" or "damaged" gets the file; raw takes what nobody wants.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "base/log.h"
#include "image/io.h"
#include "image/runs.h"

#define IMAGE_ERROR (image_error_quark())
GQuark image_error_quark(void);
enum image_error {
	IMAGE_ERROR_OPEN,	/* not there, not readable, not a file */
	IMAGE_ERROR_FORMAT,	/* nothing that can be used */
	IMAGE_ERROR_OPTION,	/* format= names no format */
};

#define IMAGE_CPUS_MAX 1024u

/* Processor state where the container carries it; fields are 0 where not
 * known. Hints: nobody vouches for them. */
struct image_cpu {
	uint64_t cr3;
	uint64_t idt_base;
	uint64_t gs_base;
	uint64_t kernel_gs_base;
	uint64_t fs_base;
	uint64_t rip;
};

/* What the header of a container says of the Windows in it (a crash dump's
 * does); 0 where not known. Hints, too. */
struct image_facts {
	uint64_t dtb;
	uint64_t ps_active_head;	/* PsActiveProcessHead */
	uint64_t ps_loaded_module_list;
	uint64_t kdbg;			/* KdDebuggerDataBlock */
};

typedef struct Image Image;
struct Image {
	char *path;
	ImageIo *io;
	const struct ImageOps *ops;
	ImageRuns *runs;
	GArray *cpus;		/* struct image_cpu */
	struct image_facts facts;
	char *detail;		/* of the format, for image/info; or NULL */
	uint64_t capture_filetime; /* of the image's own clock, 0: unknown */
};

enum image_probe {
	IMAGE_NOT_MINE,
	IMAGE_MINE,
	IMAGE_DAMAGED,	/* mine, but it cannot be used as it is */
};

struct ImageOps {
	const char *name;	 /* as in format= */
	const char *description; /* as in image/info */
	enum image_probe (*probe)(const ImageIo *io);
	/* Fills runs (not yet finished), cpus, detail, capture time. */
	bool (*open)(Image *image, Log *log, GError **error);
};

/* The formats, raw last; NULL-terminated. */
extern const struct ImageOps *const image_formats[];

/* Opens an image. format: a name, or NULL to find out. */
Image *image_open(const char *path, const char *format, Log *log,
		  GError **error);
/* The same over an open file, which it takes. */
Image *image_open_io(ImageIo *io, const char *path, const char *format,
		     Log *log, GError **error);
void image_free(Image *image);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Image, image_free)

#endif
