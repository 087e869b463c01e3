/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of kernel objects. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/member.h"

bool nt_member_read(const struct nt_object *o, uint32_t offset, void *buf,
		    size_t len_bytes)
{
	return offset != NT_ABSENT &&
	       vtop_read(o->as, VIRT(o->va.v + offset), buf, len_bytes);
}

bool nt_member_u8(const struct nt_object *o, uint32_t offset, uint8_t *ret)
{
	return nt_member_read(o, offset, ret, 1);
}

bool nt_member_u16(const struct nt_object *o, uint32_t offset, uint16_t *ret)
{
	uint8_t b[2];

	if (!nt_member_read(o, offset, b, sizeof b))
		return false;
	*ret = load_le16(b);
	return true;
}

bool nt_member_u32(const struct nt_object *o, uint32_t offset, uint32_t *ret)
{
	uint8_t b[4];

	if (!nt_member_read(o, offset, b, sizeof b))
		return false;
	*ret = load_le32(b);
	return true;
}

bool nt_member_u64(const struct nt_object *o, uint32_t offset, uint64_t *ret)
{
	uint8_t b[8];

	if (!nt_member_read(o, offset, b, sizeof b))
		return false;
	*ret = load_le64(b);
	return true;
}

bool nt_member_pointer(const struct nt_object *o, uint32_t offset,
		       uint64_t *ret)
{
	uint32_t v;

	if (o->pointer_bytes == 8)
		return nt_member_u64(o, offset, ret);
	if (!nt_member_u32(o, offset, &v))
		return false;
	*ret = v;
	return true;
}

bool nt_pointer_at(const struct addr_space *as, unsigned pointer_bytes,
		   VirtAddr va, uint64_t *ret)
{
	struct nt_object o = { as, pointer_bytes, va };

	return nt_member_pointer(&o, 0, ret);
}

bool nt_is_kernel_address(const struct addr_space *kernel, uint64_t va)
{
	unsigned bits = kernel->form->va_bits;

	if (bits == 32)
		return va >= UINT64_C(0x80000000) && va <= UINT32_MAX;
	return virt_is_canonical(va, bits) && va >> 63;
}

char *nt_member_unicode(const struct nt_object *o, uint32_t offset,
			size_t max_bytes)
{
	g_autofree uint8_t *text = NULL;
	uint16_t len, max;
	uint64_t buffer;

	/* u16 Length, u16 MaximumLength, then the pointer at its alignment. */
	if (offset == NT_ABSENT || !nt_member_u16(o, offset, &len) ||
	    !nt_member_u16(o, offset + 2, &max) ||
	    !nt_member_pointer(o, offset + o->pointer_bytes, &buffer) ||
	    len % 2 || len > max || !buffer)
		return NULL;
	len = (uint16_t)MIN(len, max_bytes & ~(size_t)1);
	text = g_malloc(MAX(len, 1));
	if (!vtop_read(o->as, VIRT(buffer), text, len))
		return NULL;
	return text_from_utf16(text, len);
}
