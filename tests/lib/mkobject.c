/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects of the object manager: their headers, and the types. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* The first types from 7 on, by index; the first is at FIRST_INDEX. */
static const char *const names[] = {
	"Type",
	"Directory",
	"SymbolicLink",
	"Token",
	"Job",
	"Process",
	"Thread",
	"UserApcReserve",
	"IoCompletionReserve",
	"DebugObject",
	"Event",
	"EventPair",
	"Mutant",
	"Callback",
	"Semaphore",
	"Timer",
	"Profile",
	"KeyedEvent",
	"WindowStation",
	"Desktop",
	"TpWorkerFactory",
	"Adapter",
	"Controller",
	"Device",
	"Driver",
	"IoCompletion",
	"File",
	"Section",
	"Session",
	"Key",
	"ALPC Port",
};

/* The first types up to Vista; "Type" has index 1. */
static const char *const names_old[] = {
	"Type",		 "Directory",	 "SymbolicLink", "Token",
	"Process",	 "Thread",	 "Job",		 "DebugObject",
	"Event",	 "EventPair",	 "Mutant",	 "Callback",
	"Semaphore",	 "Timer",	 "Profile",	 "KeyedEvent",
	"WindowStation", "Desktop",	 "Section",	 "Key",
	"Port",		 "WaitablePort", "Adapter",	 "Controller",
	"Device",	 "Driver",	 "IoCompletion", "File",
};

#define FIRST_INDEX 2u
#define FIRST_INDEX_OLD 1u
/* What ObTypeIndexTable[1] holds. */
#define BAD_TYPE UINT64_C(0xbad0b0b0)

/* Where the layout has no _OBJECT_HEADER: that of all 64-bit kernels. */
static uint32_t offset_or(const MkWin *win, const char *path, uint32_t other)
{
	return mk_has(win, path) ? mk_offset(win, path) : other;
}

static bool has_index(const MkWin *win)
{
	return !mk_has(win, "_OBJECT_HEADER.Type");
}

uint32_t mk_object_body(const MkWin *win)
{
	return offset_or(win, "_OBJECT_HEADER.Body", 0x30);
}

static uint32_t type_index(const MkWin *win, const char *type)
{
	const char *const *list = has_index(win) ? names : names_old;
	const uint32_t first = has_index(win) ? FIRST_INDEX : FIRST_INDEX_OLD;
	uint32_t i = 0;

	while (strcmp(list[i], type) != 0)
		i++;
	return first + i;
}

uint8_t mk_object_cookie(const MkWin *win)
{
	return win->options.cookie ? (uint8_t)win->options.cookie
				   : MK_OB_COOKIE;
}

static bool is_encoded(const MkWin *win)
{
	return win->build >= MK_BUILD_10;
}

static void write_header(MkWin *win, uint64_t header, uint32_t index)
{
	uint8_t byte = (uint8_t)index;

	if (is_encoded(win))
		byte ^= (uint8_t)(header >> 8) ^ mk_object_cookie(win);
	mk_kwrite_ptr(win, header, 0x8000);
	mk_kwrite_ptr(win, header + mk_pointer_bytes(win), 2);
	if (has_index(win))
		mk_kwrite(win,
			  header + offset_or(win, "_OBJECT_HEADER.TypeIndex",
					     0x18),
			  &byte, 1);
	else
		mk_put_ptr(win, header, "_OBJECT_HEADER.Type",
			   win->types[index]);
}

static uint64_t make_object(MkWin *win, uint32_t index, uint32_t size,
			    const char *tag)
{
	const uint32_t body = mk_object_body(win);
	const uint64_t header =
		mk_pool_alloc(win, &win->nonpaged, body + size, tag);

	write_header(win, header, index);
	return header + body;
}

uint64_t mk_object_new(MkWin *win, const char *type, uint32_t size,
		       const char *tag)
{
	return make_object(win, type_index(win, type), size, tag);
}

void mk_object_header(MkWin *win, uint64_t header, const char *type)
{
	write_header(win, header, type_index(win, type));
}

/* Moves on to where the byte of the address undoes index and cookie. */
bool mk_object_next_zero(MkWin *win, const char *type)
{
	const uint64_t byte =
		(uint8_t)(type_index(win, type) ^ mk_object_cookie(win));
	struct mk_pool *pool = &win->nonpaged;
	uint64_t header;

	if (!is_encoded(win))
		return false;
	header = (pool->next & ~UINT64_C(0xffff)) | byte << 8 | 0x40;
	if (header < pool->next + 0x40)
		header += 0x10000;
	pool->next = header - 2 * mk_pointer_bytes(win);
	return true;
}

static void fill_type(MkWin *win, uint64_t va, const char *name, uint32_t index)
{
	char tag[5] = "    ";

	memcpy(tag, name, MIN(strlen(name), 4));
	mk_put_unicode(win, va + offset_or(win, "_OBJECT_TYPE.Name", 0x10),
		       name);
	mk_kwrite32(win, va + offset_or(win, "_OBJECT_TYPE.Index", 0x28),
		    index);
	if (mk_has(win, "_OBJECT_TYPE.Key"))
		mk_kwrite(win, va + mk_offset(win, "_OBJECT_TYPE.Key"), tag, 4);
}

/* The type "Type" is of itself: all are made first, then given headers. */
void mk_objects_build(MkWin *win)
{
	const bool indexed = has_index(win);
	const char *const *list = indexed ? names : names_old;
	const uint32_t n =
		indexed ? G_N_ELEMENTS(names) : G_N_ELEMENTS(names_old);
	const uint32_t first = indexed ? FIRST_INDEX : FIRST_INDEX_OLD;
	const uint64_t table = mk_symbol(win, "ObTypeIndexTable");
	const uint64_t unit = mk_pointer_bytes(win);
	const uint32_t size = mk_type_size(win, "_OBJECT_TYPE");

	g_assert(first + n <= MK_TYPES_MAX);
	for (uint32_t i = 0; i < n; i++)
		win->types[first + i] =
			mk_pool_alloc(win, &win->nonpaged,
				      mk_object_body(win) + size, "ObjT") +
			mk_object_body(win);
	for (uint32_t i = first; i < first + n; i++) {
		fill_type(win, win->types[i], list[i - first], i);
		write_header(win, win->types[i] - mk_object_body(win), first);
		if (indexed)
			mk_kwrite_ptr(win, table + i * unit, win->types[i]);
	}
	if (indexed)
		mk_kwrite_ptr(win, table + unit, BAD_TYPE);
	mk_kwrite_ptr(win, mk_symbol(win, "PsProcessType"),
		      win->types[type_index(win, "Process")]);
	mk_kwrite_ptr(win, mk_symbol(win, "PsThreadType"),
		      win->types[type_index(win, "Thread")]);
	if (is_encoded(win))
		mk_kwrite32(win, mk_symbol(win, "ObHeaderCookie"),
			    mk_object_cookie(win));
}
