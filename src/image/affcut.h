/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The directory at the end of a zip archive: is it sane, and one made anew
 * for an archive that was cut. */
#ifndef IMAGE_AFFCUT_H
#define IMAGE_AFFCUT_H

#include "image/io.h"

/* Is there an end of a directory, and none that claims more members than
 * AFF_MEMBERS_MAX, or more than it has bytes for? What libzip may read. */
bool aff_cut_has_directory(const ImageIo *io);

/* A directory, to stand behind the last byte of the file, of the members
 * whose headers follow each other from its start; the last may be cut. NULL:
 * there is none. Source: APPNOTE.TXT of PKWARE, 4.3. (transfer full) */
GByteArray *aff_cut_make_directory(const ImageIo *io);

#endif
