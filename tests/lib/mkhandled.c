/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What handles lead to, with names: objects of all kinds in the directories of
 * the object manager, files, registry keys, sections; and what misleads. With
 * --objects; and the truth about all handles.
 */
#include "config.h"

#include "lib/mkhandled.h"

#include <inttypes.h>
#include <string.h>

#define ACCESS_SOME 0x1f0003u
#define ACCESS_KEY 0x20019u
#define KEY_TYPE 0x6b793032u /* "ky02" */
#define LONG_NAME 20000u     /* characters */
/* _CM_NAME_CONTROL_BLOCK: a compressed name has a byte for a character. */
#define COMPRESSED 1u

/* What is not ASCII may be shown in more than one way. */
static bool is_plain(const char *text, int len)
{
	for (int i = 0; i < len; i++)
		if ((uint8_t)text[i] >= 0x80)
			return false;
	return true;
}

static const char *type_of_proc(const MkWin *win, uint64_t body,
				char **name)
{
	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *p = g_ptr_array_index(win->procs, i);
		const int len = p->info.name_len;
		const char *text = (const char *)p->info.name;

		if (p->info.eprocess == body) {
			*name = is_plain(text, len)
					? g_strdup_printf("%.*s(%u)", len,
							  text, p->info.pid)
					: g_strdup(MK_NAME_ANY);
			return "Process";
		}
		for (guint j = 0; j < p->threads->len; j++) {
			if (g_array_index(p->threads, uint64_t, j) != body)
				continue;
			*name = is_plain(text, len)
					? g_strdup_printf(
						  "%u of %.*s(%u)",
						  g_array_index(p->tids,
								uint32_t, j),
						  len, text, p->info.pid)
					: g_strdup(MK_NAME_ANY);
			return "Thread";
		}
	}
	return NULL;
}

void mk_handled_note(MkWin *win, uint64_t body, const char *type,
		     const char *name)
{
	const struct mk_handled thing = {
		.body = body,
		.type = type,
		.name = name ? g_intern_string(name) : NULL,
	};

	g_array_append_val(win->handled, thing);
}

void mk_handle_note(MkWin *win, const MkProc *proc, uint32_t value,
		    uint64_t body, uint32_t access)
{
	g_autofree char *name = NULL;
	struct mk_handle handle = {
		.pid = proc->info.pid,
		.eprocess = proc->info.eprocess,
		.value = value,
		.object = body,
		.access = access,
	};

	for (guint i = 0; i < win->handled->len; i++) {
		const struct mk_handled *thing = &g_array_index(
			win->handled, struct mk_handled, i);

		if (thing->body != body)
			continue;
		handle.type = thing->type;
		handle.name = thing->name;
	}
	if (!handle.type) {
		handle.type = type_of_proc(win, body, &name);
		handle.name = name ? g_intern_string(name) : NULL;
	}
	g_assert(handle.type);
	g_array_append_val(win->handles, handle);
}

const GArray *mk_win_handles(const MkWin *win)
{
	return win->handles;
}

static void put_name(GString *out, const char *name)
{
	if (!name)
		g_string_append_c(out, '-');
	else if (!strcmp(name, MK_NAME_ANY))
		g_string_append_c(out, '?');
	else
		for (const char *c = name; *c; c++)
			g_string_append_printf(out, "%02x", (uint8_t)*c);
	g_string_append_c(out, '\n');
}

void mk_handles_truth(GString *out, const MkWin *win)
{
	mk_tokens_truth(out, win);
	for (guint i = 0; i < win->handles->len; i++) {
		const struct mk_handle *h =
			&g_array_index(win->handles, struct mk_handle, i);

		g_string_append_printf(out,
				       "handle\t%" PRIu32 "\t0x%" PRIx64
				       "\t0x%x\t0x%x\t0x%" PRIx64 "\t%s\t",
				       h->pid, h->eprocess, h->value,
				       h->access, h->object, h->type);
		put_name(out, h->name);
	}
}

/* An object that all processes get a handle to. */
static void give(MkWin *win, uint64_t body, const char *type,
		 const char *name, uint32_t access)
{
	const struct mk_gift gift = {body, access};

	mk_handled_note(win, body, type, name);
	g_array_append_val(win->gifts, gift);
}

static uint64_t make_folder(MkWin *win, const char *name, uint64_t parent,
			    const char *path)
{
	const uint64_t body = mk_object_named(win, "Directory", 0x158, "Dire",
					      name, parent);

	mk_handled_note(win, body, "Directory", path);
	return body;
}

static void give_named(MkWin *win, const char *type, const char *name,
		       uint64_t folder, const char *path)
{
	give(win, mk_object_named(win, type, 0x150, "Name", name, folder), type,
	     path, ACCESS_SOME);
}

static void give_folders(MkWin *win)
{
	const uint64_t root = win->root_folder;
	const uint64_t names = make_folder(win, "BaseNamedObjects", root,
					   "\\BaseNamedObjects");
	const uint64_t sessions =
		make_folder(win, "Sessions", root, "\\Sessions");
	const uint64_t one =
		make_folder(win, "1", sessions, "\\Sessions\\1");
	const uint64_t session_names =
		make_folder(win, "BaseNamedObjects", one,
			    "\\Sessions\\1\\BaseNamedObjects");
	const uint64_t global = make_folder(win, "GLOBAL??", root,
					    "\\GLOBAL??");

	give(win, names, "Directory", "\\BaseNamedObjects", ACCESS_SOME);
	give_named(win, "Event", "MaximumCommitCondition", names,
		   "\\BaseNamedObjects\\MaximumCommitCondition");
	give_named(win, "Mutant", "DBWinMutex", session_names,
		   "\\Sessions\\1\\BaseNamedObjects\\DBWinMutex");
	give_named(win, "Semaphore", "\303\234ber uns", session_names,
		   "\\Sessions\\1\\BaseNamedObjects\\\303\234ber uns");
	give_named(win, "SymbolicLink", "C:", global, "\\GLOBAL??\\C:");
	give_named(win, "Section", "windows_shell_global_counters",
		   session_names,
		   "\\Sessions\\1\\BaseNamedObjects"
		   "\\windows_shell_global_counters");
	/* Its name is there, but nobody can open it by that any more. */
	give_named(win, "Timer", "unlinked", 0, "unlinked");
	give(win, mk_object_new(win, "Token", 0x100, "Toke"), "Token", NULL,
	     ACCESS_SOME);
	give(win, win->root_folder, "Directory", "\\", ACCESS_SOME);
}

static void give_file(MkWin *win, const char *device, const char *name)
{
	g_autofree char *path =
		g_strconcat("\\Device\\", device, name, NULL);

	give(win, mk_file_on(win, mk_device(win, device), name), "File", path,
	     ACCESS_SOME);
}

static void give_files(MkWin *win)
{
	give_file(win, MK_VOLUME, "\\Windows\\System32\\en-US\\user32.dll.mui");
	give_file(win, MK_VOLUME, "\\Users\\M\303\274ller\\a b\tc.txt");
	give_file(win, "NamedPipe", "\\lsass");
	give_file(win, "CNG", "");
	give(win, mk_device(win, "CNG"), "Device", "\\Device\\CNG",
	     ACCESS_SOME);
}

/* A section object without a name: of a file, or of the page file. */
static uint64_t make_section_object(MkWin *win, const char *file)
{
	const uint64_t body = mk_object_new(win, "Section", 0x60, "Sect");
	const uint64_t area = mk_pool_alloc(win, &win->nonpaged, 0x90, "MmCa");
	const uint64_t segment =
		mk_pool_alloc(win, &win->nonpaged, 0x90, "MmSt");

	mk_area_fill(win, area, file ? mk_file_object(win, file) : 0, false);
	mk_put_ptr(win, segment, "_SEGMENT.ControlArea", area);
	mk_put_ptr(win, body, "_SECTION_OBJECT.Segment", segment);
	mk_put_ptr(win, body, "_SECTION.u1", area);
	return body;
}

static void give_sections(MkWin *win)
{
	static const char file[] = "\\Windows\\Fonts\\StaticCache.dat";
	const bool known = mk_has(win, "_SECTION_OBJECT.Segment") ||
			   mk_has(win, "_SECTION.u1");

	give(win, make_section_object(win, file), "Section",
	     known ? mk_file_path(file) : NULL, ACCESS_SOME);
	give(win, make_section_object(win, NULL), "Section", NULL, ACCESS_SOME);
}

/* Where ParentKcb is in a _CM_KEY_CONTROL_BLOCK; NameBlock follows it. */
static uint32_t kcb_parent(const MkWin *win)
{
	if (mk_is_32bit(win))
		return win->build < MK_BUILD_VISTA ? 0x18
		       : win->build < MK_BUILD_10  ? 0x28
						   : 0x24;
	if (win->build < MK_BUILD_VISTA)
		return 0x28;
	/* 10240 to 16299 */
	return win->build >= MK_BUILD_10 && win->build < MK_BUILD_1803 ? 0x40
								       : 0x48;
}

/* Where NameLength is in a _CM_NAME_CONTROL_BLOCK. */
static uint64_t make_name_block(MkWin *win, const char *name)
{
	const uint32_t at = mk_is_32bit(win) ? 0xc : 0x18;
	glong n = 0;
	g_autofree gunichar2 *wide = g_utf8_to_utf16(name, -1, NULL, &n, NULL);
	const uint64_t va = mk_pool_alloc(win, &win->paged,
					  at + 2 + 2 * (size_t)n, "CMNb");
	bool narrow = true;

	for (glong i = 0; i < n; i++)
		narrow = narrow && wide[i] < 0x100;
	mk_kwrite32(win, va, (narrow ? COMPRESSED : 0) | 2u << 16);
	mk_kwrite32(win, va + at, (uint32_t)(narrow ? n : 2 * n));
	for (glong i = 0; i < n; i++) {
		const uint8_t unit[2] = {(uint8_t)wide[i],
					 (uint8_t)(wide[i] >> 8)};

		mk_kwrite(win, va + at + 2 + (narrow ? i : 2 * i), unit,
			  narrow ? 1 : 2);
	}
	return va;
}

static uint64_t make_kcb(MkWin *win, const char *name, uint64_t parent)
{
	const uint64_t va = mk_pool_alloc(win, &win->paged, 0x138, "CMkb");

	mk_kwrite_ptr(win, va + kcb_parent(win), parent);
	mk_kwrite_ptr(win, va + kcb_parent(win) + mk_pointer_bytes(win),
		      make_name_block(win, name));
	return va;
}

static uint64_t make_key(MkWin *win, uint64_t kcb)
{
	const uint64_t body = mk_object_new(win, "Key", 0x70, "Key ");

	mk_kwrite32(win, body, KEY_TYPE);
	mk_kwrite_ptr(win, body + mk_pointer_bytes(win), kcb);
	return body;
}

static void give_keys(MkWin *win)
{
	const uint64_t root = make_kcb(win, "REGISTRY", 0);
	const uint64_t machine = make_kcb(win, "MACHINE", root);
	const uint64_t software = make_kcb(win, "SOFTWARE", machine);
	const uint64_t odd = make_kcb(
		win, "\320\237\321\200\320\276\320\262\320\260\320\271\320\264",
		software);
	const uint64_t latin = make_kcb(win, "Gr\303\266\303\237e", odd);

	give(win, make_key(win, machine), "Key", "\\REGISTRY\\MACHINE",
	     ACCESS_KEY);
	give(win, make_key(win, latin), "Key",
	     "\\REGISTRY\\MACHINE\\SOFTWARE\\"
	     "\320\237\321\200\320\276\320\262\320\260\320\271\320\264\\"
	     "Gr\303\266\303\237e",
	     ACCESS_KEY);
	/* A key that was deleted, or whose hive was unloaded. */
	give(win, mk_object_new(win, "Key", 0x70, "Key "), "Key", NULL,
	     ACCESS_KEY);
}

/* Puts a named object into another folder. */
static void move(MkWin *win, uint64_t body, uint64_t folder)
{
	const uint64_t header = body - mk_object_body(win);
	uint64_t back = mk_type_size(win, "_OBJECT_HEADER_NAME_INFO");
	uint8_t byte;

	if (mk_has(win, "_OBJECT_HEADER.NameInfoOffset")) {
		mk_kread(win,
			 header + mk_offset(win,
					    "_OBJECT_HEADER.NameInfoOffset"),
			 &byte, 1);
		back = byte;
	} else {
		mk_kread(win,
			 header + mk_offset(win, "_OBJECT_HEADER.InfoMask"),
			 &byte, 1);
		if (byte & 1)
			back += mk_type_size(win,
					     "_OBJECT_HEADER_CREATOR_INFO");
	}
	mk_put_ptr(win, header - back, "_OBJECT_HEADER_NAME_INFO.Directory",
		   folder);
}

/* What misleads: MK_NAME_ANY is all that can be said of its name. */
static void give_hostile(MkWin *win)
{
	g_autofree char *name = g_strnfill(LONG_NAME, 'x');
	const uint64_t a = mk_object_named(win, "Directory", 0x158, "Dire",
					   "round", win->root_folder);
	const uint64_t b =
		mk_object_named(win, "Directory", 0x158, "Dire", "robin", a);
	const uint64_t kcb = make_kcb(win, "ring", 0);
	const uint64_t tail = make_kcb(win, "tail", kcb);

	give_named(win, "Event", "a\nb/../../etc/passwd\033[31m", 0,
		   "a\nb/../../etc/passwd\033[31m");
	give_named(win, "Event", name, 0, MK_NAME_ANY);
	/* Both directories are in each other. */
	move(win, a, b);
	give_named(win, "Mutant", "lost", b, MK_NAME_ANY);
	mk_kwrite_ptr(win, kcb + kcb_parent(win), tail);
	give(win, make_key(win, tail), "Key", MK_NAME_ANY, ACCESS_KEY);
	/* The folder is no object at all. */
	give_named(win, "Mutant", "nowhere",
		   mk_pool_pages(win, &win->paged, 1) + 0x800, MK_NAME_ANY);
}

void mk_handled_build(MkWin *win)
{
	win->handled = g_array_new(FALSE, FALSE, sizeof(struct mk_handled));
	win->handles = g_array_new(FALSE, FALSE, sizeof(struct mk_handle));
	win->gifts = g_array_new(FALSE, FALSE, sizeof(struct mk_gift));
	if (!win->options.objects)
		return;
	mk_tokens_build(win);
	mk_device(win, MK_VOLUME);
	give_folders(win);
	give_files(win);
	give_sections(win);
	give_keys(win);
	if (win->options.hostile_names)
		give_hostile(win);
}
