/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zip archive of an AFF4 volume, by libzip over an ImageIo. Where its end
 * is missing, the members are found by their own headers.
 */
#ifndef IMAGE_AFFZIP_H
#define IMAGE_AFFZIP_H

#include "base/log.h"
#include "image/io.h"

/* Members of one archive: a terabyte of memory in 32 MiB pieces, with their
 * indexes, has 65536. */
#define AFF_MEMBERS_MAX 100000u

typedef struct AffZip AffZip;

/* A member of it. */
struct aff_member {
	uint64_t index;
	uint64_t size;
	bool stored;	/* not compressed, not encrypted */
};

/* Borrows io. False with one line: it is no archive that can be read. */
AffZip *aff_zip_open(const ImageIo *io, Log *log, GError **error);
void aff_zip_free(AffZip *zip);

uint64_t aff_zip_count(const AffZip *zip);
/* URN of a member. (transfer full) */
char *aff_zip_urn(AffZip *zip, uint64_t index);
/* The URN of the volume ("aff4://..."), "" where nothing says it. */
const char *aff_zip_volume(const AffZip *zip);
/* Was the end missing? */
bool aff_zip_was_cut(const AffZip *zip);
/* By its URN: names are percent-decoded, and below the URN of the volume
 * where they have none. */
bool aff_zip_find(AffZip *zip, const char *urn, struct aff_member *member);
bool aff_zip_stat(AffZip *zip, uint64_t index, struct aff_member *member);
/* Where the bytes of a stored member are in the file; thread safe, as all
 * below. */
bool aff_zip_place(AffZip *zip, const struct aff_member *member,
		   uint64_t *off);
/* All of a member of at most max bytes, inflated; NULL: it is longer, or
 * damaged. A NUL follows. (transfer full) */
char *aff_zip_read(AffZip *zip, const struct aff_member *member, size_t max,
		   size_t *len);
/* The member as an ImageIo, which borrows zip and its file; NULL: it is
 * compressed and longer than 64 MiB, or damaged. */
ImageIo *aff_zip_member_io(AffZip *zip, const struct aff_member *member);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AffZip, aff_zip_free)

#endif
