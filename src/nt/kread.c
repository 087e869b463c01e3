/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel memory, with or without a cache of pages. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/kread.h"

bool nt_kread(const struct nt_reader *r, uint64_t va, void *buf,
	      size_t len_bytes)
{
	if (!nt_is_kernel_address(&r->k->as, va))
		return false;
	return r->pages ? nt_pages_read(r->pages, VIRT(va), buf, len_bytes) :
			  vtop_read(&r->k->as, VIRT(va), buf, len_bytes);
}

bool nt_kread_u8(const struct nt_reader *r, uint64_t va, uint8_t *ret)
{
	return nt_kread(r, va, ret, 1);
}

bool nt_kread_u16(const struct nt_reader *r, uint64_t va, uint16_t *ret)
{
	uint8_t raw[2];

	if (!nt_kread(r, va, raw, sizeof raw))
		return false;
	*ret = load_le16(raw);
	return true;
}

bool nt_kread_pointer(const struct nt_reader *r, uint64_t va, uint64_t *ret)
{
	unsigned n = r->k->profile.pointer_bytes;
	uint8_t raw[8];

	if (!nt_kread(r, va, raw, n))
		return false;
	*ret = n == 8 ? load_le64(raw) : load_le32(raw);
	return true;
}

bool nt_kread_link(const struct nt_reader *r, uint64_t va, uint64_t *ret)
{
	uint64_t link;

	if (!nt_kread_pointer(r, va, &link) ||
	    !nt_is_kernel_address(&r->k->as, link))
		return false;
	*ret = link;
	return true;
}

/* u16 Length, u16 MaximumLength, then the pointer at its alignment. */
char *nt_kread_unicode(const struct nt_reader *r, uint64_t va,
		       size_t max_bytes)
{
	g_autofree uint8_t *text = NULL;
	uint16_t len, max;
	uint64_t buffer;
	uint8_t raw[4];

	if (!nt_kread(r, va, raw, sizeof raw))
		return NULL;
	len = load_le16(raw);
	max = load_le16(raw + 2);
	if (len % 2 || len > max ||
	    !nt_kread_link(r, va + r->k->profile.pointer_bytes, &buffer))
		return NULL;
	len = (uint16_t)MIN(len, max_bytes & ~(size_t)1);
	text = g_malloc(MAX(len, 1));
	return nt_kread(r, buffer, text, len) ? text_from_utf16(text, len) :
						NULL;
}
