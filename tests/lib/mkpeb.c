/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PEB, process parameters and environment; of WoW64 processes both kinds. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* Parameters, then their texts; the environment in the next page. */
#define TEXT_AT 0x500u
#define ENVIRONMENT_AT 0x1000u
#define NORMALIZED 1u

/* Where things are in one kind of PEB and parameters. */
struct form {
	unsigned int pointer_bytes;
	uint32_t image_base;
	uint32_t parameters;
	uint32_t session;
	uint32_t directory;
	uint32_t image_path;
	uint32_t command_line;
	uint32_t environment;
	uint32_t environment_size; /* 0: none */
};

/* _PEB32 and the parameters to it: the same in every version since Vista. */
static const struct form form32 = {
	.pointer_bytes = 4,
	.image_base = 0x8,
	.parameters = 0x10,
	.session = 0x1d4,
	.directory = 0x24,
	.image_path = 0x38,
	.command_line = 0x40,
	.environment = 0x48,
	.environment_size = 0x290,
};
/* For want of a layout: that of all x64 and ARM64 kernels since Vista. */
static const struct form form64 = {
	.pointer_bytes = 8,
	.image_base = 0x10,
	.parameters = 0x20,
	.session = 0x2c0,
	.directory = 0x38,
	.image_path = 0x60,
	.command_line = 0x70,
	.environment = 0x80,
	.environment_size = 0x3f0,
};

struct block {
	MkWin *win;
	MkProc *proc;
	const struct form *form;
	uint64_t va;   /* of the parameters */
	uint32_t text; /* offset of the next text */
};

static struct form own_form(const MkWin *win)
{
	struct form form = mk_is_32bit(win) ? form32 : form64;
	const struct {
		const char *path;
		uint32_t *at;
	} list[] = {
		{"_PEB.ImageBaseAddress", &form.image_base},
		{"_PEB.ProcessParameters", &form.parameters},
		{"_PEB.SessionId", &form.session},
		{"_RTL_USER_PROCESS_PARAMETERS.CurrentDirectory",
		 &form.directory},
		{"_RTL_USER_PROCESS_PARAMETERS.ImagePathName",
		 &form.image_path},
		{"_RTL_USER_PROCESS_PARAMETERS.CommandLine",
		 &form.command_line},
		{"_RTL_USER_PROCESS_PARAMETERS.Environment", &form.environment},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(list); i++)
		if (mk_has(win, list[i].path))
			*list[i].at = mk_offset(win, list[i].path);
	if (win->build < MK_BUILD_VISTA)
		form.environment_size = 0;
	return form;
}

static void put(const struct block *block, uint64_t va, uint64_t value,
		unsigned int bytes)
{
	value = GUINT64_TO_LE(value);
	mk_user_write(block->win, block->proc, va, &value, bytes);
}

static void put_pointer(const struct block *block, uint64_t va, uint64_t value)
{
	put(block, va, value, block->form->pointer_bytes);
}

/* Text as UTF-16; returns the bytes without the NUL behind it. */
static uint32_t put_utf16(const struct block *block, uint64_t va,
			  const char *text)
{
	glong n = 0;
	g_autofree gunichar2 *utf16 = g_utf8_to_utf16(text, -1, NULL, &n, NULL);

	g_assert(utf16);
	for (glong i = 0; i < n; i++)
		utf16[i] = GUINT16_TO_LE(utf16[i]);
	mk_user_write(block->win, block->proc, va, utf16, ((size_t)n + 1) * 2);
	return (uint32_t)n * 2;
}

/* UNICODE_STRING at an offset of the parameters. */
static void put_string(struct block *block, uint32_t at, const char *text)
{
	const uint32_t len = put_utf16(block, block->va + block->text, text);

	put(block, block->va + at, len | (len + 2) << 16, 4);
	put_pointer(block, block->va + at + block->form->pointer_bytes,
		    block->va + block->text);
	block->text += (len + 2 + 7) & ~7u;
	g_assert(block->text <= ENVIRONMENT_AT);
}

/* Each string ends with a NUL, the block with one more. */
static void put_environment(const struct block *block, GPtrArray *strings)
{
	const uint64_t start = block->va + ENVIRONMENT_AT;
	uint64_t at = start;

	for (guint i = 0; i < strings->len; i++)
		at += put_utf16(block, at, g_ptr_array_index(strings, i)) + 2;
	/* So that the two of a WoW64 process can be told apart. */
	if (block->proc->info.wow64 && block->form->pointer_bytes == 8)
		at += put_utf16(block, at, "PEB=64 bits") + 2;
	put(block, at, 0, 2);
	g_assert(at + 2 <= block->va + 2 * MK_PAGE_SIZE);
	put_pointer(block, block->va + block->form->environment, start);
	if (block->form->environment_size)
		put_pointer(block, block->va + block->form->environment_size,
			    at + 2 - start);
}

static void put_parameters(struct block *block)
{
	const struct mk_process *info = &block->proc->info;
	const struct form *form = block->form;

	mk_user_pages(block->win, block->proc, block->va,
		      info->environment->len ? 2 : 1);
	put(block, block->va, TEXT_AT, 4);
	put(block, block->va + 4, TEXT_AT, 4);
	put(block, block->va + 8, NORMALIZED, 4);
	if (info->directory)
		put_string(block, form->directory, info->directory);
	put_string(block, form->image_path, info->image_path);
	put_string(block, form->command_line, info->command_line);
	if (info->environment->len)
		put_environment(block, info->environment);
}

/* A PEB in a page of its own, parameters behind. */
static void put_peb(MkWin *win, MkProc *proc, const struct form *form,
		    uint64_t peb, uint64_t parameters, uint64_t image)
{
	struct block block = {win, proc, form, parameters, TEXT_AT};
	const int session = proc->info.session;

	mk_user_pages(win, proc, peb, 1);
	put_pointer(&block, peb + form->image_base, image);
	put_pointer(&block, peb + form->parameters, parameters);
	put(&block, peb + form->session, session < 0 ? 0 : (uint64_t)session,
	    4);
	put_parameters(&block);
}

/* The first thread's TEB below the PEB: _NT_TIB.Self, ClientId.UniqueProcess,
 * ProcessEnvironmentBlock; at 6, 8 and 12 pointers in all versions. */
static void put_teb(MkWin *win, MkProc *proc, const struct form *form,
		    uint64_t peb)
{
	struct block block = {win, proc, form, 0, 0};
	const uint64_t teb = peb - MK_PAGE_SIZE;
	const unsigned int n = form->pointer_bytes;

	if (win->options.threads)
		return;
	mk_user_pages(win, proc, teb, 1);
	put_pointer(&block, teb + 6 * n, teb);
	put_pointer(&block, teb + 8 * n, proc->info.pid);
	put_pointer(&block, teb + 12 * n, peb);
}

/* _PEB.ProcessHeap, NumberOfHeaps (MaximumNumberOfHeaps behind it) and
 * ProcessHeaps, the same in every version of a kind; the array of one heap is
 * in the PEB's own page, behind all members. */
static void put_heap(MkWin *win, MkProc *proc, uint64_t peb,
		     unsigned int pointer_bytes, uint64_t heap)
{
	static const uint32_t at32[] = {0x18, 0x88, 0x90};
	static const uint32_t at64[] = {0x30, 0xe8, 0xf0};
	const uint32_t *at = pointer_bytes == 4 ? at32 : at64;
	struct form form = {.pointer_bytes = pointer_bytes};
	struct block block = {win, proc, &form, 0, 0};

	put_pointer(&block, peb + at[0], heap);
	put(&block, peb + at[1], 1, 4);
	put(&block, peb + at[1] + 4, 16, 4);
	put_pointer(&block, peb + at[2], peb + 0x900);
	put_pointer(&block, peb + 0x900, heap);
}

void mk_peb_heap(MkWin *win, MkProc *proc, uint64_t heap)
{
	struct mk_process *info = &proc->info;

	info->heap = heap;
	put_heap(win, proc, info->peb, mk_pointer_bytes(win), heap);
	if (info->wow64)
		put_heap(win, proc, info->peb32, 4, heap);
}

static char *file_name(const MkProc *proc)
{
	char *name =
		g_strndup((const char *)proc->info.name, proc->info.name_len);

	for (char *at = name; *at; at++)
		if (!g_ascii_isprint(*at))
			*at = '_';
	return name;
}

static void add_string(struct mk_process *info, char *text)
{
	g_ptr_array_add(info->environment, text);
}

static void choose_full_texts(const MkWin *win, struct mk_process *info,
			      const char *name)
{
	info->image_path =
		g_strdup_printf("C:\\Windows\\%s\\%s",
				info->wow64 ? "SysWOW64" : "System32", name);
	info->command_line = g_strdup_printf(
		"\"%s\" -pid %u --name \"J\xc3\xbcrgen \xe2\x82\xac\" "
		"\xf0\x9d\x84\x9e",
		info->image_path, info->pid);
	info->directory =
		g_strdup(info->session == 1 ? "C:\\Users\\J\xc3\xbcrgen\\"
					    : "C:\\Windows\\system32\\");
	add_string(info, g_strdup("=C:=C:\\Windows"));
	add_string(info, g_strdup("ComSpec=C:\\Windows\\system32\\cmd.exe"));
	add_string(info, g_strdup("EMPTY="));
	add_string(info, g_strdup_printf("OWN=%u of seed %" G_GUINT64_FORMAT,
					 info->pid, win->options.seed));
	add_string(info, g_strdup("USERNAME=J\xc3\xbcrgen"));
}

/* The usual cast was started with little. */
static void choose_texts(const MkWin *win, MkProc *proc)
{
	struct mk_process *info = &proc->info;
	g_autofree char *name = file_name(proc);

	info->environment = g_ptr_array_new_with_free_func(g_free);
	if (win->options.full) {
		choose_full_texts(win, info, name);
		return;
	}
	info->image_path = g_strconcat("C:\\Windows\\System32\\", name, NULL);
	info->command_line = g_strdup(name);
}

void mk_peb_build(MkWin *win, MkProc *proc, const struct mk_peb_places *places)
{
	const struct form own = own_form(win);
	struct mk_process *info = &proc->info;

	choose_texts(win, proc);
	info->peb = places->peb;
	put_peb(win, proc, &own, places->peb, places->parameters,
		places->image);
	put_teb(win, proc, &own, places->peb);
	mk_put_ptr(win, info->eprocess, "_EPROCESS.SectionBaseAddress",
		   places->image);
	if (!info->wow64)
		return;
	info->peb32 = MK_PEB32;
	put_peb(win, proc, &form32, MK_PEB32, places->parameters + 0x10000,
		places->image);
}
