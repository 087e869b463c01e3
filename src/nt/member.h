/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading members of kernel objects. */
#ifndef NT_MEMBER_H
#define NT_MEMBER_H

#include "nt/profile.h"
#include "vtop/vtop.h"

/* An object: the address space it is read through, where it is, and how wide
 * its pointers are. */
struct nt_object {
	const struct addr_space *as;
	unsigned pointer_bytes;
	VirtAddr va;
};

/* Each false, and *ret untouched, where the offset is NT_ABSENT or the bytes
 * are not in the image. */
bool nt_member_read(const struct nt_object *o, uint32_t offset, void *buf,
		    size_t len_bytes);
bool nt_member_u8(const struct nt_object *o, uint32_t offset, uint8_t *ret);
bool nt_member_u16(const struct nt_object *o, uint32_t offset, uint16_t *ret);
bool nt_member_u32(const struct nt_object *o, uint32_t offset, uint32_t *ret);
bool nt_member_u64(const struct nt_object *o, uint32_t offset, uint64_t *ret);
/* 32-bit pointers are zero-extended. */
bool nt_member_pointer(const struct nt_object *o, uint32_t offset,
		       uint64_t *ret);
/* The pointer at an address. */
bool nt_pointer_at(const struct addr_space *as, unsigned pointer_bytes,
		   VirtAddr va, uint64_t *ret);

/* A kernel address of this machine: canonical and in the upper half (on 32-bit
 * machines from 0x80000000, also where /3GB gives the third GiB to users: a
 * first test only). */
bool nt_is_kernel_address(const struct addr_space *kernel, uint64_t va);

/* A UNICODE_STRING (u16 Length in bytes, u16 MaximumLength, pointer Buffer)
 * at an offset of the object: valid UTF-8, lone surrogates replaced, cut at
 * max_bytes of UTF-16. NULL where it or its characters are not there or it
 * makes no sense (odd length, longer than its maximum). (transfer full) */
char *nt_member_unicode(const struct nt_object *o, uint32_t offset,
			size_t max_bytes);

#endif
