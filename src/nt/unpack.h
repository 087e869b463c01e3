/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compressed files, unpacked into memory. */
#ifndef NT_UNPACK_H
#define NT_UNPACK_H

#include "image/io.h"

/*
 * The bytes of a file: as they are, or unpacked where they begin as gzip or xz
 * does. At most max_bytes of them, else an error. What a decompressor may use
 * is bounded as well. (transfer full)
 */
GBytes *nt_unpack(const ImageIo *io, uint64_t max_bytes, GError **error);

/* What it was built with: "xz, gzip", "gzip", ... Static. */
const char *nt_unpack_formats(void);

#endif
