/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Container formats: which bytes of the file are which physical memory.
 *
 * A format is one ImageOps. Opening is a loop over them: the first whose
 * probe says "mine" or "damaged" gets the file; raw takes what nobody wants.
 * A format that only wraps others (compression, evidence containers) gives
 * the bytes within, and the loop begins again.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "base/log.h"
#include "image/cache.h"
#include "image/io.h"
#include "image/runs.h"
#include "image/triage.h"

#define IMAGE_ERROR (image_error_quark())
GQuark image_error_quark(void);
enum image_error {
	IMAGE_ERROR_OPEN,	/* not there, not readable, not a file */
	IMAGE_ERROR_FORMAT,	/* nothing that can be used */
	IMAGE_ERROR_OPTION,	/* format= names no format */
};

#define IMAGE_CPUS_MAX 1024u

/* The registers of a processor that programs see. */
struct image_regs {
	bool known;	  /* else the container has none of them */
	uint64_t gpr[16]; /* by their numbers: ax cx dx bx sp bp si di, r8 to
			   * r15; the instruction pointer is image_cpu.rip */
	uint64_t flags;
	uint16_t cs, ss, ds, es, fs, gs;
};

/* Processor state where the container carries it; fields are 0 where not
 * known. Hints: nobody vouches for them. */
struct image_cpu {
	uint64_t cr3;
	uint64_t idt_base;
	uint64_t gs_base;
	uint64_t kernel_gs_base;
	uint64_t fs_base;
	uint64_t rip;
	struct image_regs regs;
};

/* What the header of a container says of the Windows in it (a crash dump's
 * does); 0 where not known. Hints, too. */
struct image_facts {
	uint64_t dtb;
	uint64_t ps_active_head;	/* PsActiveProcessHead */
	uint64_t ps_loaded_module_list;
	uint64_t kdbg;			/* KdDebuggerDataBlock */
	uint64_t kernel_base;
	uint32_t dump_type;		/* DumpType of a crash dump */
	uint32_t machine;		/* IMAGE_FILE_MACHINE_* */
	uint32_t processors;
	uint32_t os_major, os_minor;	/* 0xF: free build; its number */
	uint32_t product_type;		/* VER_NT_* */
	bool has_bugcheck;
	uint32_t bugcheck;
	uint64_t bugcheck_params[4];
	uint64_t uptime_100ns;
	bool kernel_only; /* user pages are left out by design */
};

enum image_companion_kind {
	IMAGE_COMPANION_PAGEFILE,
	IMAGE_COMPANION_SWAPFILE,
	IMAGE_COMPANION_STATE,	/* of the virtual machine: .vmss, .vmsn */
	IMAGE_COMPANION_MEMORY,	/* .vmem */
};

/* A file that was found beside or inside the image, and belongs to it. */
struct image_companion {
	enum image_companion_kind kind;
	char *path;	/* to show; of one in a container: its name there */
	ImageIo *io;	/* owned; NULL: a file of its own, at path */
};

/* All 0: as it is found out. */
struct image_options {
	const char *format;	/* of image_formats[], or NULL */
	const char *map_file;	/* physical runs of a raw image, or NULL */
	uint64_t cache_bytes;	/* of what is decompressed; 0: the default */
	bool no_companions;	/* look for nothing beside the image */
};

typedef struct Image Image;
struct Image {
	char *path;
	struct image_options options; /* borrowed while it is opened */
	ImageIo *io;		/* what the format parses */
	ImageIo *data;		/* where runs lead; NULL: io */
	const ImageIo *outer;	/* the file itself: io where nothing wraps it */
	GPtrArray *more;	/* ImageIo *, that io or data borrow */
	ImageCache *cache;	/* for image_io_blocks() */
	const struct ImageOps *ops;
	ImageRuns *runs;
	bool mapped;		/* runs are those of map= */
	uint64_t hole;		/* start of one below 4 GiB that a raw file
				 * lacks (image_set_hole()); 0: none */
	GPtrArray *wrappers;	/* char *, outermost first, for image/info */
	GPtrArray *libraries;	/* char *, those that were used, likewise */
	GArray *companions;	/* struct image_companion */
	GArray *cpus;		/* struct image_cpu */
	struct image_facts facts;
	struct image_triage *triage; /* of a triage dump, which has no runs;
				      * or NULL. Owned */
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
	/* Is it this format by what is beside it, where nothing in the file
	 * itself says what it is (raw)? Or NULL. */
	bool (*beside)(const Image *image, Log *log);
	/* Fills runs (not yet finished), data, cpus, facts, detail, capture
	 * time, companions. */
	bool (*open)(Image *image, Log *log, GError **error);
	/* Or, where it wraps any bytes: those, to be probed in turn. It may
	 * leave what they borrow in image->more (image->io goes there). */
	ImageIo *(*unwrap)(Image *image, Log *log, GError **error);
	/* "libewf 20140813" (or several: "a 1, b 2"), or NULL: this build is
	 * without; the pointer is NULL where no library is needed. */
	const char *(*reads_with)(void);
};

/* The formats, raw last; NULL-terminated. */
extern const struct ImageOps *const image_formats[];

/* Options that only say the format. */
#define IMAGE_FORMAT(name) (&(const struct image_options){ .format = (name) })

/* Opens an image. options: borrowed for the call, or NULL. */
Image *image_open(const char *path, const struct image_options *options,
		  Log *log, GError **error);
/* The same over bytes at hand, which it takes. path: to show, and beside
 * which companions are looked for (NULL: nowhere). */
Image *image_open_io(ImageIo *io, const char *path,
		     const struct image_options *options, Log *log,
		     GError **error);
/* One without a format and runs, which the caller gives it. Takes io. */
Image *image_new(ImageIo *io, const char *path,
		 const struct image_options *options);
void image_free(Image *image);

/* Where the offsets of its runs lead. Borrowed. */
static inline const ImageIo *image_data(const Image *image)
{
	return image->data ? image->data : image->io;
}

/* Adds a companion; takes io. */
void image_add_companion(Image *image, enum image_companion_kind kind,
			 const char *path, ImageIo *io);
/* "libewf 20140813, snappy 1.1.9": what containers are read with. */
char *image_library_versions(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Image, image_free)

#endif
