/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names before object headers, and in file objects. */
#include "config.h"

#include "nt/fileobj.h"

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

/* Where something is, and how it is read. */
struct place {
	const struct nt_reader *r;
	uint64_t va;
};

/* Which optional headers an object has, and how far before its header the one
 * with the name is: up to Vista the header says it; from 7 on it follows from
 * which there are, as in ObpInfoMaskToOffset. 0: none, or not known. */
static uint32_t name_info_back(const struct nt_reader *r, uint64_t header)
{
	const struct nt_file_layout *l = &r->k->profile.file;
	uint8_t byte;

	if (l->name_info_offset != NT_ABSENT)
		return nt_kread_u8(r, header + l->name_info_offset, &byte) ?
			       byte :
			       0;
	if (l->info_mask == NT_ABSENT ||
	    !nt_kread_u8(r, header + l->info_mask, &byte) ||
	    !(byte & INFO_NAME))
		return 0;
	return l->name_info_bytes +
	       (byte & INFO_CREATOR ? l->creator_info_bytes : 0);
}

/* Where the _OBJECT_HEADER_NAME_INFO of an object is. */
static bool find_name_info(const struct nt_reader *r, uint64_t body,
			   struct place *ret)
{
	uint32_t header_bytes = r->k->profile.object.body;
	uint32_t back;

	if (!r->k->has_profile || header_bytes == NT_ABSENT ||
	    !nt_is_kernel_address(&r->k->as, body))
		return false;
	back = name_info_back(r, body - header_bytes);
	*ret = (struct place){ r, body - header_bytes - back };
	return back != 0;
}

static char *read_name(const struct place *info)
{
	return nt_kread_unicode(info->r,
				info->va + info->r->k->profile.file.info_name,
				NAME_BYTES);
}

char *nt_object_own_name(const NtKernel *k, VirtAddr body)
{
	const struct nt_reader r = { k, NULL };
	struct place info;
	char *name;

	if (!find_name_info(&r, body.v, &info))
		return NULL;
	name = read_name(&info);
	if (name && !*name)
		g_clear_pointer(&name, g_free);
	return name;
}

static bool is_root(const char *name)
{
	return name[0] == '\\' && !name[1];
}

/* The folder of the object that info is of: 0 where it is in none. */
static bool read_folder(const struct place *info, uint64_t *ret)
{
	return nt_kread_pointer(
		info->r,
		info->va + info->r->k->profile.file.info_directory, ret);
}

static void prepend_folders(GString *path, struct place info)
{
	for (unsigned i = 0; i < NT_OBJECT_DEPTH_MAX; i++) {
		g_autofree char *name = NULL;
		uint64_t folder;

		if (!read_folder(&info, &folder))
			break;
		if (!folder) /* what is in no folder cannot be opened */
			return;
		if (!find_name_info(info.r, folder, &info))
			break;
		name = read_name(&info);
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

char *nt_object_path_by(const struct nt_reader *r, VirtAddr body)
{
	g_autofree char *name = NULL;
	struct place info;
	GString *path;

	if (!find_name_info(r, body.v, &info))
		return NULL;
	name = read_name(&info);
	if (!name || !*name)
		return NULL;
	if (is_root(name))
		return g_steal_pointer(&name);
	path = g_string_new(name);
	prepend_folders(path, info);
	return g_string_free(path, FALSE);
}

char *nt_object_path(const NtKernel *k, VirtAddr body)
{
	const struct nt_reader r = { k, NULL };

	return nt_object_path_by(&r, body);
}

/* The path of the device; NULL where there is none that could be told. What is
 * in no folder is said to be where devices are: no file is open otherwise. */
static char *device_path(const struct nt_reader *r, uint64_t file)
{
	g_autofree char *path = NULL;
	uint64_t device;

	if (!nt_kread_pointer(r, file + r->k->profile.file.device, &device))
		return NULL;
	path = nt_object_path_by(r, VIRT(device));
	if (!path || *path == '\\' || g_str_has_prefix(path, "...\\"))
		return g_steal_pointer(&path);
	return g_strconcat("\\Device\\", path, NULL);
}

/* A UNICODE_STRING of no characters: its Buffer may be NULL. */
static bool is_empty(const struct nt_reader *r, uint64_t va)
{
	uint16_t len;

	return nt_kread_u16(r, va, &len) && !len;
}

char *nt_file_object_path_by(const struct nt_reader *r, VirtAddr file_object)
{
	const struct nt_file_layout *l = &r->k->profile.file;
	const uint64_t file = file_object.v;
	g_autofree char *device = NULL, *name = NULL;
	uint16_t type;

	if (!r->k->has_profile || !nt_is_kernel_address(&r->k->as, file) ||
	    !nt_kread_u16(r, file + l->type, &type) ||
	    type != FILE_OBJECT_TYPE)
		return NULL;
	name = nt_kread_unicode(r, file + l->name, NAME_BYTES);
	if (!name && !is_empty(r, file + l->name))
		return NULL;
	device = device_path(r, file);
	if (!name || !*name)
		return g_steal_pointer(&device);
	if (!device)
		return g_steal_pointer(&name);
	return g_strconcat(device, *name == '\\' ? "" : "\\", name, NULL);
}

char *nt_file_object_path(const NtKernel *k, VirtAddr file_object)
{
	const struct nt_reader r = { k, NULL };

	return nt_file_object_path_by(&r, file_object);
}
