/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What objects are and what they are called: type and name of any object of
 * the object manager by its header (docs/formats.md, "Object headers").
 */
#ifndef NT_OBJNAME_H
#define NT_OBJNAME_H

#include "nt/kernel.h"

/* No name is longer, in bytes of UTF-8; what is cut ends in "...". */
#define NT_OBJNAME_MAX 8192u

struct nt_object_info {
	VirtAddr body;
	/* As its _OBJECT_TYPE calls itself, or (where that is not known) as
	 * its contents leave no doubt; NULL: not known. */
	char *type;
	/*
	 * NULL: it has none, or none that can be read. "\BaseNamedObjects\x"
	 * of what is in the object manager's directories, "\Device\...\x.dll"
	 * of files and of unnamed sections of files, "\REGISTRY\MACHINE\x" of
	 * keys, "x.exe(4)" of processes, "8 of x.exe(4)" of threads. It begins
	 * with "...\" where what is above cannot be read. Decoded, not escaped;
	 * a NUL in it is U+2400.
	 */
	char *name;
};

void nt_objname_layout_fill(const struct nt_source *source,
			    unsigned pointer_bytes,
			    struct nt_objname_layout *ret);

typedef struct NtObjnames NtObjnames;

/* Looks the types up. The kernel is borrowed. Keeps pages and types that it has
 * read: one for many objects, of one thread. */
NtObjnames *nt_objnames_new(const NtKernel *kernel);
void nt_objnames_free(NtObjnames *names);

/* How many types are known by their index; 0 where headers point at them. */
unsigned nt_objnames_types(const NtObjnames *names);

/*
 * The object with its header (as handles point at it) at an address; ret is
 * cleared with nt_object_info_clear(). False, and *ret untouched, where the
 * header is not in the image. Bounded for any memory.
 */
bool nt_objname_read(NtObjnames *names, VirtAddr header,
		     struct nt_object_info *ret);
void nt_object_info_clear(struct nt_object_info *info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtObjnames, nt_objnames_free)

#endif
