/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names before object headers, and in file objects. */
#include "config.h"

#include "base/seen.h"
#include "nt/fileobj.h"
#include "nt/member.h"

enum {
	FILE_OBJECT_TYPE = 5,	/* _FILE_OBJECT.Type, all versions */
	/* Bits of _OBJECT_HEADER.InfoMask (7 and later). */
	INFO_CREATOR = 1,
	INFO_NAME = 2,
	NAME_BYTES = NT_OBJECT_NAME_MAX * 2,
};

static uint32_t offset_or(const struct nt_source *source, const char *path,
			  uint32_t usual)
{
	struct nt_field field;

	return nt_source_field(source, path, &field, NULL) ? field.offset :
							     usual;
}

static uint32_t size_or(const struct nt_source *source, const char *type,
			uint32_t usual)
{
	uint32_t size;

	return nt_source_size(source, type, &size) ? size : usual;
}

void nt_file_layout_fill(const struct nt_source *source,
			 unsigned pointer_bytes, struct nt_file_layout *ret)
{
	bool wide = pointer_bytes == 8;

	*ret = (struct nt_file_layout){
		.type = offset_or(source, "_FILE_OBJECT.Type", 0),
		.device = offset_or(source, "_FILE_OBJECT.DeviceObject",
				    wide ? 8 : 4),
		.name = offset_or(source, "_FILE_OBJECT.FileName",
				  wide ? 0x58 : 0x30),
		.info_mask = offset_or(source, "_OBJECT_HEADER.InfoMask",
				       NT_ABSENT),
		.name_info_offset =
			offset_or(source, "_OBJECT_HEADER.NameInfoOffset",
				  NT_ABSENT),
		.name_info_bytes = size_or(source, "_OBJECT_HEADER_NAME_INFO",
					   wide ? 0x20 : 0x10),
		.creator_info_bytes =
			size_or(source, "_OBJECT_HEADER_CREATOR_INFO",
				wide ? 0x20 : 0x10),
		.info_directory =
			offset_or(source, "_OBJECT_HEADER_NAME_INFO.Directory",
				  0),
		.info_name = offset_or(source,
				       "_OBJECT_HEADER_NAME_INFO.Name",
				       wide ? 8 : 4),
	};
}

static struct nt_object object_at(const NtKernel *k, uint64_t va)
{
	return (struct nt_object){ &k->as, k->profile.pointer_bytes,
				   VIRT(va) };
}

/* Which optional headers an object has, and how far before its header the one
 * with the name is: up to Vista the header says it; from 7 on it follows from
 * which there are, as in ObpInfoMaskToOffset. 0: none, or not known. */
static uint32_t name_info_back(const struct nt_object *header,
			       const struct nt_file_layout *l)
{
	uint8_t byte;

	if (nt_member_u8(header, l->name_info_offset, &byte))
		return byte;
	if (!nt_member_u8(header, l->info_mask, &byte) || !(byte & INFO_NAME))
		return 0;
	return l->name_info_bytes +
	       (byte & INFO_CREATOR ? l->creator_info_bytes : 0);
}

/* Where the _OBJECT_HEADER_NAME_INFO of an object is. */
static bool find_name_info(const NtKernel *k, VirtAddr body,
			   struct nt_object *ret)
{
	uint32_t header_bytes = k->profile.object.body;
	struct nt_object header;
	uint32_t back;

	if (!k->has_profile || header_bytes == NT_ABSENT ||
	    !nt_is_kernel_address(&k->as, body.v))
		return false;
	header = object_at(k, body.v - header_bytes);
	back = name_info_back(&header, &k->profile.file);
	*ret = object_at(k, header.va.v - back);
	return back != 0;
}

static char *read_name(const NtKernel *k, const struct nt_object *info)
{
	return nt_member_unicode(info, k->profile.file.info_name, NAME_BYTES);
}

char *nt_object_own_name(const NtKernel *k, VirtAddr body)
{
	struct nt_object info;
	char *name;

	if (!find_name_info(k, body, &info))
		return NULL;
	name = read_name(k, &info);
	if (name && !*name)
		g_clear_pointer(&name, g_free);
	return name;
}

static bool is_root(const char *name)
{
	return name[0] == '\\' && !name[1];
}

/* The folder of the object that info is of: 0 where it is in none. */
static bool read_folder(const NtKernel *k, const struct nt_object *info,
			VirtAddr *ret)
{
	return nt_member_pointer(info, k->profile.file.info_directory,
				 &ret->v);
}

static void prepend_folders(const NtKernel *k, GString *path,
			    struct nt_object info)
{
	for (unsigned i = 0; i < NT_OBJECT_DEPTH_MAX; i++) {
		g_autofree char *name = NULL;
		VirtAddr folder;

		if (!read_folder(k, &info, &folder))
			break;
		if (!folder.v) /* what is in no folder cannot be opened */
			return;
		if (!find_name_info(k, folder, &info))
			break;
		name = read_name(k, &info);
		if (!name || !*name)
			break;
		if (is_root(name)) {
			g_string_prepend_c(path, '\\');
			return;
		}
		g_string_prepend_c(path, '\\');
		g_string_prepend(path, name);
	}
	g_string_prepend(path, "...\\");
}

char *nt_object_path(const NtKernel *k, VirtAddr body)
{
	g_autofree char *name = NULL;
	struct nt_object info;
	GString *path;

	if (!find_name_info(k, body, &info))
		return NULL;
	name = read_name(k, &info);
	if (!name || !*name || is_root(name))
		return g_steal_pointer(&name);
	path = g_string_new(name);
	prepend_folders(k, path, info);
	return g_string_free(path, FALSE);
}

/* The path of the device; NULL where there is none that could be told. */
static char *device_path(const NtKernel *k, const struct nt_object *file)
{
	VirtAddr device;

	if (!nt_member_pointer(file, k->profile.file.device, &device.v))
		return NULL;
	return nt_object_path(k, device);
}

/* A UNICODE_STRING of no characters: its Buffer may be NULL. */
static bool is_empty(const struct nt_object *o, uint32_t offset)
{
	uint16_t len;

	return nt_member_u16(o, offset, &len) && !len;
}

char *nt_file_object_path(const NtKernel *k, VirtAddr file_object)
{
	const struct nt_file_layout *l = &k->profile.file;
	struct nt_object file = object_at(k, file_object.v);
	g_autofree char *device = NULL, *name = NULL;
	uint16_t type;

	if (!k->has_profile || !nt_is_kernel_address(&k->as, file_object.v) ||
	    !nt_member_u16(&file, l->type, &type) || type != FILE_OBJECT_TYPE)
		return NULL;
	name = nt_member_unicode(&file, l->name, NAME_BYTES);
	if (!name && !is_empty(&file, l->name))
		return NULL;
	device = device_path(k, &file);
	if (!name || !*name)
		return g_steal_pointer(&device);
	if (!device)
		return g_steal_pointer(&name);
	return g_strconcat(device, *name == '\\' ? "" : "\\", name, NULL);
}
