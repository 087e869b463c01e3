/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An opened image with all that hangs off it. */
#ifndef FRONT_SESSION_H
#define FRONT_SESSION_H

#include "front/options.h"
#include "image/pagefile.h"

/* Immutable once open. The layers own in this order; freed in reverse. */
typedef struct Session Session;
struct Session {
	Log *log;
	Image *image;
	PhysMem *pm;
	PageFiles *page_files; /* of pagefile= and swapfile=, or found */
	NtKernel *kernel; /* or NULL: no Windows found */
	ProcSet *procs;
	Tree *tree;
	unsigned n_reads; /* how often the image has been opened: 1, or live */
};

/* Opens as much as can be opened; fails only where there is no physical
 * memory to show, or no page file where one was given. options is borrowed for
 * the call. */
Session *session_open(const Options *options, GError **error);
/* The same where the image has changed since former was opened: what that knew
 * is where to look first. */
Session *session_open_again(const Options *options, const Session *former,
			    GError **error);
/* As session_open(), over an image that is already open, which it takes. */
Session *session_open_image(Image *image, Log *log, const Options *options,
			    GError **error);
void session_free(Session *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

#endif
