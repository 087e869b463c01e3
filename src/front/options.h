/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line and the mount options, checked. */
#ifndef FRONT_OPTIONS_H
#define FRONT_OPTIONS_H

#include "tree/tree.h"

enum front_mode {
	MODE_MOUNT,
	MODE_CHECK,
	MODE_LIST,
	MODE_LS,
	MODE_CAT,
	MODE_LIST_PROFILES,
	MODE_HELP,
	MODE_VERSION,
};

typedef struct Options Options;
struct Options {
	enum front_mode mode;
	char *image;
	char *mountpoint;
	char *path;		/* of --ls and --cat */
	char *format;		/* or NULL */
	char *map_file;		/* or NULL */
	uint64_t cache_bytes;	/* 0: the default */
	struct tree_options tree;
	struct proc_select select;
	GArray *pids;		/* uint64_t, behind select */
	GArray *eprocess;
	uint64_t kernel_base;
	char *symbols_dir;	/* or NULL */
	char *profile;		/* symbol file, or NULL */
	bool profile_force;
	bool no_profile;	/* profile=none */
	bool container_regs;	/* registers: the container's */
	bool no_companions;	/* look for nothing beside the image */
	bool no_pagefiles;	/* pagefile=none */
	GPtrArray *pagefiles;	/* char *, absolute; "": a number left out */
	char *swapfile;		/* or NULL */
	int64_t live_usec;	/* the image changes: how long what was read of
				 * it may be shown; 0: it does not */
	bool allow_other;
	bool foreground;
	bool debug;
	bool single;
	bool quiet;		/* no progress on the terminal */
	int ready_fd;		/* -1: none */
};

#define OPTIONS_ERROR (options_error_quark())
GQuark options_error_quark(void);

/* argv as of main(); NULL with one clear line in error. */
Options *options_parse(int argc, char **argv, GError **error);
void options_free(Options *options);
/* Text of -h. Static. */
const char *options_help(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Options, options_free)

#endif
