/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The container of a PDB: a file of blocks in which streams lie scattered,
 * and a directory of them. Source: MSF 7.00 as LLVM's "The PDB File Format"
 * has it.
 */
#ifndef NT_PDB_MSF_H
#define NT_PDB_MSF_H

#include "image/io.h"

typedef struct NtMsf NtMsf;

/* The streams that have fixed numbers; no stream. */
enum { MSF_INFO = 1, MSF_TPI = 2, MSF_DBI = 3, MSF_NONE = 0xffff };
#define NT_MSF_MAGIC "Microsoft C/C++ MSF 7.00\r\n\x1a" "DS\0\0"
#define NT_MSF_MAGIC_BYTES 31u

/* io is borrowed and must outlive the result. (transfer full) */
NtMsf *nt_msf_new(const ImageIo *io, GError **error);
void nt_msf_free(NtMsf *msf);

/* Bytes of a stream; 0 where there is none. */
uint64_t nt_msf_size(const NtMsf *msf, unsigned stream);
/*
 * What a stream has of [off, off + len): (transfer full), NULL where it does
 * not begin there, where it is longer than 64 MiB, or where a block of it is
 * not in the file. Memory is taken for what the file has, not for what it
 * says.
 */
GBytes *nt_msf_read(const NtMsf *msf, unsigned stream, uint64_t off,
		    uint64_t len_bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtMsf, nt_msf_free)

#endif
