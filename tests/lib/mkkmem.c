/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel memory of the machine: members of structures, pool, lists. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* ARM64 layouts are of a few structures only. Most others are those of x64;
 * page table entries are of a form of their own, known of one kernel. */
static const struct nt_layout *other_layout(const MkWin *win, const char *path)
{
	static const char *const own[] = {"_EPROCESS", "_KPROCESS", "_KPCR",
					  "_KPRCB",    "_KSPECIAL", "_MI_"};

	if (layout_arch(win->layout) != NT_ARCH_ARM64)
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(own); i++)
		if (g_str_has_prefix(path, own[i]))
			return NULL;
	return layouts_find(g_str_has_prefix(path, "_MMPTE")
				    ? "arm64-10.0.26100"
				    : "amd64-10.0.19041-b");
}

/* Whether it is a member of the processes of a kernel nobody has seen. */
static bool is_shifted(const MkWin *win, const char *path,
		       const struct nt_field *field)
{
	uint32_t size;

	return win->options.damage.shift_eprocess &&
	       g_str_has_prefix(path, "_EPROCESS.") &&
	       layout_size(win->layout, "_KPROCESS", &size) &&
	       field->offset >= size;
}

bool mk_field(const MkWin *win, const char *path, struct nt_field *field)
{
	const struct nt_layout *other = other_layout(win, path);

	if (!layout_field(win->layout, path, field, NULL) &&
	    (!other || !layout_field(other, path, field, NULL)))
		return false;
	if (is_shifted(win, path, field))
		field->offset += win->options.damage.shift_eprocess;
	return true;
}

static bool find_size(const MkWin *win, const char *type, uint32_t *size)
{
	const struct nt_layout *other = other_layout(win, type);

	if (!layout_size(win->layout, type, size) &&
	    (!other || !layout_size(other, type, size)))
		return false;
	if (strcmp(type, "_EPROCESS") == 0)
		*size += win->options.damage.shift_eprocess;
	return true;
}

bool mk_has(const MkWin *win, const char *path)
{
	struct nt_field field;

	return mk_field(win, path, &field);
}

uint32_t mk_offset(const MkWin *win, const char *path)
{
	struct nt_field field;

	if (!mk_field(win, path, &field))
		g_error("%s has no %s", layout_id(win->layout), path);
	return field.offset;
}

uint32_t mk_type_size(const MkWin *win, const char *type)
{
	uint32_t size;

	if (find_size(win, type, &size))
		return size;
	/* Of ARM64 it is not known; all known members fit. */
	if (strcmp(type, "_EPROCESS") != 0)
		g_error("%s has no %s", layout_id(win->layout), type);
	return 0xb40 + win->options.damage.shift_eprocess;
}

/* Layouts of kernels that lack it have about the size of their kin. */
uint32_t mk_ethread_size(const MkWin *win)
{
	uint32_t size;

	return find_size(win, "_ETHREAD", &size) ? size : 0x900;
}

uint32_t mk_kpcr_prcb(const MkWin *win)
{
	if (mk_has(win, "_KPCR.PrcbData"))
		return mk_offset(win, "_KPCR.PrcbData");
	return mk_has(win, "_KPCR.CurrentPrcb") ? mk_offset(win, "_KPCR.Prcb")
						: 0x180;
}

void mk_put64(MkWin *win, uint64_t va, const char *path, uint64_t value)
{
	if (mk_has(win, path))
		mk_kwrite64(win, va + mk_offset(win, path), value);
}

unsigned int mk_pointer_bytes(const MkWin *win)
{
	return win->mode == MK_MODE_X86 || win->mode == MK_MODE_PAE ? 4 : 8;
}

bool mk_is_32bit(const MkWin *win)
{
	return mk_pointer_bytes(win) == 4;
}

void mk_put_ptr(MkWin *win, uint64_t va, const char *path, uint64_t value)
{
	if (!mk_has(win, path))
		return;
	mk_kwrite_ptr(win, va + mk_offset(win, path), value);
}

void mk_put32(MkWin *win, uint64_t va, const char *path, uint32_t value)
{
	if (mk_has(win, path))
		mk_kwrite32(win, va + mk_offset(win, path), value);
}

/* The layouts give bit fields in units that may reach past bit 31. */
void mk_put_bits(MkWin *win, uint64_t va, const char *path, uint64_t value)
{
	struct nt_field field;
	uint64_t mask, word;

	if (!mk_field(win, path, &field))
		return;
	g_assert(field.bit_len > 0 && field.bit_len < 64);
	mask = (UINT64_C(1) << field.bit_len) - 1;
	word = mk_kread64(win, va + field.offset);
	word &= ~(mask << field.bit_pos);
	word |= (value & mask) << field.bit_pos;
	mk_kwrite64(win, va + field.offset, word);
}

uint64_t mk_bits(const MkWin *win, const char *path, uint64_t value)
{
	struct nt_field field;

	if (!mk_field(win, path, &field))
		return 0;
	g_assert(field.bit_len > 0 && field.bit_len < 64);
	return (value & ((UINT64_C(1) << field.bit_len) - 1)) << field.bit_pos;
}

void mk_put_unicode(MkWin *win, uint64_t va, const char *text)
{
	glong n = 0;
	g_autofree gunichar2 *utf16 = g_utf8_to_utf16(text, -1, NULL, &n, NULL);
	const uint32_t len = (uint32_t)n * 2;
	uint64_t at;

	g_assert(utf16);
	at = mk_pool_alloc(win, &win->paged, len + 2, "MkUs");
	for (glong i = 0; i < n; i++)
		utf16[i] = GUINT16_TO_LE(utf16[i]);
	mk_kwrite(win, at, utf16, len);
	mk_kwrite32(win, va, len | (len + 2) << 16);
	mk_kwrite_ptr(win, va + mk_pointer_bytes(win), at);
}

/* Session space is in page tables of its own, all else in System's. */
static MkPaging *paging_of(const MkWin *win, uint64_t va)
{
	for (size_t i = 0; i < G_N_ELEMENTS(win->sessions); i++) {
		const struct mk_session *session = &win->sessions[i];

		if (session->paging && va >= session->pool.base &&
		    va - session->pool.base < MK_SESSION_LEN)
			return session->paging;
	}
	return win->paging;
}

/* Physical address behind a kernel address, mapping it if need be. */
static uint64_t kernel_pa(MkWin *win, uint64_t va)
{
	const uint64_t page = va & ~(MK_PAGE_SIZE - 1);
	MkPaging *paging = paging_of(win, va);
	uint64_t pa;

	if (mk_paging_walk(paging, va, &pa, NULL))
		return pa;
	pa = mk_phys_page(win->phys);
	mk_paging_map(paging, page, pa, MK_PAGE_SIZE,
		      mk_kernel_rights(win, page));
	return pa + (va - page);
}

void mk_kwrite(MkWin *win, uint64_t va, const void *buf, size_t len)
{
	const uint8_t *src = buf;

	while (len > 0) {
		size_t n = MIN(len, MK_PAGE_SIZE - va % MK_PAGE_SIZE);

		mk_phys_write(win->phys, kernel_pa(win, va), src, n);
		va += n;
		src += n;
		len -= n;
	}
}

void mk_kread(MkWin *win, uint64_t va, void *buf, size_t len)
{
	uint8_t *dest = buf;

	while (len > 0) {
		size_t n = MIN(len, MK_PAGE_SIZE - va % MK_PAGE_SIZE);

		mk_phys_read(win->phys, kernel_pa(win, va), dest, n);
		va += n;
		dest += n;
		len -= n;
	}
}

void mk_kwrite64(MkWin *win, uint64_t va, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	mk_kwrite(win, va, &value, sizeof(value));
}

void mk_kwrite32(MkWin *win, uint64_t va, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	mk_kwrite(win, va, &value, sizeof(value));
}

void mk_kwrite_ptr(MkWin *win, uint64_t va, uint64_t value)
{
	if (mk_is_32bit(win))
		mk_kwrite32(win, va, (uint32_t)value);
	else
		mk_kwrite64(win, va, value);
}

uint64_t mk_kread_ptr(MkWin *win, uint64_t va)
{
	uint32_t value;

	if (!mk_is_32bit(win))
		return mk_kread64(win, va);
	mk_kread(win, va, &value, sizeof(value));
	return GUINT32_FROM_LE(value);
}

uint64_t mk_kread64(MkWin *win, uint64_t va)
{
	uint64_t value;

	mk_kread(win, va, &value, sizeof(value));
	return GUINT64_FROM_LE(value);
}

/*
 * The header as _POOL_HEADER: sizes in units of two pointers (8 bits on x64,
 * 9 on x86), the pool type behind them, the tag. It is two pointers long.
 */
uint64_t mk_pool_alloc(MkWin *win, struct mk_pool *pool, size_t size,
		       const char *tag)
{
	const uint64_t unit = 2 * mk_pointer_bytes(win);
	const uint64_t blocks = (size + unit - 1) / unit + 1;
	const uint32_t limit = unit == 8 ? 0x1ff : 0xff;
	const uint32_t used = unit == 8 ? 0x04000000 : 0x02000000;
	const uint64_t va = pool->next;
	uint32_t value;

	g_assert(strlen(tag) == 4);
	memcpy(&value, tag, sizeof(value));
	pool->next += (blocks + mk_random_below(&win->random, 4)) * unit;
	mk_kwrite32(win, va, (uint32_t)MIN(blocks, limit) << 16 | used);
	mk_kwrite(win, va + 4, &value, sizeof(value));
	/* So that the whole block is mapped. */
	for (uint64_t at = va; at < va + blocks * unit; at += MK_PAGE_SIZE)
		mk_kread64(win, at);
	mk_kread64(win, va + blocks * unit - 8);
	return va + unit;
}

/* Whole pages, as Windows gives them for sizes of a page or more. */
uint64_t mk_pool_pages(MkWin *win, struct mk_pool *pool, size_t n)
{
	const uint64_t va =
		(pool->next + MK_PAGE_SIZE - 1) & ~(MK_PAGE_SIZE - 1);

	for (size_t i = 0; i < n; i++)
		mk_kread64(win, va + i * MK_PAGE_SIZE);
	/* What follows has a pool page's first block before it. */
	pool->next = va + n * MK_PAGE_SIZE + 0x80;
	return va;
}

void mk_list_init(MkWin *win, uint64_t head)
{
	mk_kwrite_ptr(win, head, head);
	mk_kwrite_ptr(win, head + mk_pointer_bytes(win), head);
}

void mk_list_append(MkWin *win, uint64_t head, uint64_t entry)
{
	const uint64_t blink = mk_pointer_bytes(win);
	const uint64_t last = mk_kread_ptr(win, head + blink);

	mk_kwrite_ptr(win, entry, head);
	mk_kwrite_ptr(win, entry + blink, last);
	mk_kwrite_ptr(win, last, entry);
	mk_kwrite_ptr(win, head + blink, entry);
}

/* As malware does it: the neighbours meet, the entry keeps its links. */
void mk_list_unlink(MkWin *win, uint64_t entry)
{
	const uint64_t blink = mk_pointer_bytes(win);
	const uint64_t next = mk_kread_ptr(win, entry);
	const uint64_t last = mk_kread_ptr(win, entry + blink);

	mk_kwrite_ptr(win, last, next);
	mk_kwrite_ptr(win, next + blink, last);
}
