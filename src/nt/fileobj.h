/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of kernel objects: those that the object manager keeps before an
 * object's header, and the paths of open files.
 *
 * Sources: symbol tables (_OBJECT_HEADER, _OBJECT_HEADER_NAME_INFO,
 * _FILE_OBJECT: in the same places of all kernels of a pointer's width but
 * for what the layouts say), volatilityfoundation/volatility
 * (plugins/overlays/windows/win7.py: where optional headers are).
 */
#ifndef NT_FILEOBJ_H
#define NT_FILEOBJ_H

#include "nt/kread.h"

/* Characters of UTF-16 that a name has at most; what is longer is cut. */
#define NT_OBJECT_NAME_MAX 4096u
/* Folders that an object can be in, one within the other. */
#define NT_OBJECT_DEPTH_MAX 16u

/* What the source lacks gets the offsets that all versions have, but for
 * where a header says that there is a name. It cannot fail. */
void nt_file_layout_fill(const struct nt_source *source,
			 unsigned pointer_bytes, struct nt_file_layout *ret);

/*
 * The name of an object in its folder ("HarddiskVolume1"), body: of the object
 * itself, behind its header. NULL where it has none, or it cannot be read.
 * UTF-8, not escaped. (transfer full)
 */
char *nt_object_own_name(const NtKernel *k, VirtAddr body);

/*
 * The same with the folders that it is in ("\Device\HarddiskVolume1"). A
 * folder that cannot be read is left out, with all above it: the path then
 * begins with "...\". (transfer full)
 */
char *nt_object_path(const NtKernel *k, VirtAddr body);
/* The same, for who asks for many. */
char *nt_object_path_by(const struct nt_reader *r, VirtAddr body);

/*
 * Of a _FILE_OBJECT: the path of its device and its FileName,
 * "\Device\HarddiskVolume1\Windows\x.dll"; the FileName alone where the name
 * of the device is not known, the device alone where the file is all of it.
 * NULL where there is no file object at that address, or its name is not
 * readable (it is in paged pool). UTF-8, not escaped. (transfer full)
 */
char *nt_file_object_path(const NtKernel *k, VirtAddr file_object);
char *nt_file_object_path_by(const struct nt_reader *r, VirtAddr file_object);

#endif
