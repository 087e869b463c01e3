/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects with names: folders, devices; and open files on those. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* Bits of _OBJECT_HEADER.InfoMask. */
#define INFO_CREATOR 1u
#define INFO_NAME 2u
#define FILE_OBJECT_TYPE 5u
#define DEVICE_OBJECT_TYPE 3u

/* Before the header comes, from behind: who made it (of every second object),
 * then its name. */
static void write_infos(MkWin *win, uint64_t header, bool creator,
			const char *name, uint64_t folder)
{
	const uint64_t info =
		header -
		(creator ? mk_type_size(win, "_OBJECT_HEADER_CREATOR_INFO")
			 : 0) -
		mk_type_size(win, "_OBJECT_HEADER_NAME_INFO");
	const uint8_t back = (uint8_t)(header - info);
	const uint8_t mask = INFO_NAME | (creator ? INFO_CREATOR : 0);

	mk_put_ptr(win, info, "_OBJECT_HEADER_NAME_INFO.Directory", folder);
	mk_put_unicode(
		win, info + mk_offset(win, "_OBJECT_HEADER_NAME_INFO.Name"),
		name);
	if (mk_has(win, "_OBJECT_HEADER.NameInfoOffset"))
		mk_kwrite(win,
			  header + mk_offset(win,
					     "_OBJECT_HEADER.NameInfoOffset"),
			  &back, 1);
	else
		mk_kwrite(win,
			  header + mk_offset(win, "_OBJECT_HEADER.InfoMask"),
			  &mask, 1);
}

uint64_t mk_object_named(MkWin *win, const char *type, uint32_t size,
			 const char *tag, const char *name, uint64_t folder)
{
	const bool creator = win->n_named++ % 2;
	const uint32_t before =
		mk_type_size(win, "_OBJECT_HEADER_NAME_INFO") +
		(creator ? mk_type_size(win, "_OBJECT_HEADER_CREATOR_INFO")
			 : 0);
	const uint64_t header =
		mk_pool_alloc(win, &win->nonpaged,
			      before + mk_object_body(win) + size, tag) +
		before;

	mk_object_header(win, header, type);
	write_infos(win, header, creator, name, folder);
	return header + mk_object_body(win);
}

static uint64_t device_folder(MkWin *win)
{
	if (!win->device_folder) {
		win->root_folder = mk_object_named(win, "Directory", 0x158,
						   "Dire", "\\", 0);
		win->device_folder = mk_object_named(
			win, "Directory", 0x158, "Dire", "Device",
			win->root_folder);
	}
	return win->device_folder;
}

uint64_t mk_device(MkWin *win, const char *name)
{
	struct mk_device *device = win->devices;
	uint32_t size = 0x150;

	for (; device->name; device++)
		if (strcmp(device->name, name) == 0)
			return device->va;
	g_assert(device < win->devices + MK_DEVICES_MAX - 1);
	device->name = name;
	device->va = mk_object_named(win, "Device", size, "Devi", name,
				     device_folder(win));
	mk_kwrite32(win, device->va, DEVICE_OBJECT_TYPE | size << 16);
	return device->va;
}

uint64_t mk_file_on(MkWin *win, uint64_t device, const char *file)
{
	const uint64_t object = mk_object_new(win, "File", 0xe0, "File");

	mk_kwrite32(win, object, FILE_OBJECT_TYPE | 0xd8 << 16);
	mk_put_ptr(win, object, "_FILE_OBJECT.DeviceObject", device);
	mk_put_unicode(win, object + mk_offset(win, "_FILE_OBJECT.FileName"),
		       file);
	return object;
}

uint64_t mk_file_object(MkWin *win, const char *file)
{
	return mk_file_on(win, mk_device(win, MK_VOLUME), file);
}

const char *mk_file_path(const char *file)
{
	g_autofree char *path = NULL;

	if (!file)
		return NULL;
	path = g_strconcat("\\Device\\" MK_VOLUME, file, NULL);
	return g_intern_string(path);
}
