/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading kernel memory, through pages that were read a moment ago where
 * there is such a cache. */
#ifndef NT_KREAD_H
#define NT_KREAD_H

#include "nt/kernel.h"
#include "nt/pages.h"

/* Borrowed. With pages, of one thread. */
struct nt_reader {
	const NtKernel *k;
	NtPages *pages; /* or NULL */
};

/* Each false, and *ret untouched, where va is no kernel address or the bytes
 * are not in the image. */
bool nt_kread(const struct nt_reader *r, uint64_t va, void *buf,
	      size_t len_bytes);
bool nt_kread_u8(const struct nt_reader *r, uint64_t va, uint8_t *ret);
bool nt_kread_u16(const struct nt_reader *r, uint64_t va, uint16_t *ret);
/* Of the machine's width. */
bool nt_kread_pointer(const struct nt_reader *r, uint64_t va, uint64_t *ret);
/* One that is a kernel address. */
bool nt_kread_link(const struct nt_reader *r, uint64_t va, uint64_t *ret);
/* The UNICODE_STRING at va, as nt_member_unicode() has it. (transfer full) */
char *nt_kread_unicode(const struct nt_reader *r, uint64_t va,
		       size_t max_bytes);

#endif
