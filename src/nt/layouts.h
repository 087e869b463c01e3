/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compiled-in data base of Windows kernel layouts: structure member
 * offsets, symbol addresses by PDB GUID, kernel versions by PE timestamp.
 * Only facts by name; what the readers use is the plain record of profile.h.
 *
 * All results are static data: (transfer none), valid for ever.
 */
#ifndef NT_LAYOUTS_H
#define NT_LAYOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nt_arch {
	NT_ARCH_X86,	/* 2-level page tables */
	NT_ARCH_X86PAE,
	NT_ARCH_AMD64,
	NT_ARCH_ARM64,
};

/* Where a structure member is: offset in bytes from the start of the
 * outermost structure; bit_len == 0 means a whole member, else bits
 * [bit_pos, bit_pos + bit_len) of the little-endian integer at offset. */
struct nt_field {
	uint32_t offset;
	uint8_t bit_pos;
	uint8_t bit_len;
};

struct nt_layout;	/* one kernel layout: the members of all structures */
struct nt_kernel;	/* one known kernel PDB with symbol addresses */

/* One kernel image known by its PE header. layout is NULL where none is
 * known; doubt is '\0', '?' (the layout may begin before or after this
 * revision) or '~' (only the software PTE bit-fields are in doubt). */
struct nt_image {
	enum nt_arch arch;
	uint32_t timestamp;	/* IMAGE_FILE_HEADER.TimeDateStamp */
	uint32_t size;		/* IMAGE_OPTIONAL_HEADER.SizeOfImage, bytes */
	const char *version;	/* "10.0.19041.1" */
	const struct nt_layout *layout;
	char doubt;
};

/* Layouts: by position (for listings), by id ("amd64-10.0.19041-b"). */
size_t layouts_count(void);
const struct nt_layout *layouts_get(size_t index);
const struct nt_layout *layouts_find(const char *id);

/*
 * The layouts for a build number (NtBuildNumber & 0xffff; enablement builds
 * such as 19045 resolve to the binary they share), best first: the one seen
 * in most type tables, among equals the later revision. la57 selects those of
 * 5-level kernels only: none before 20348.
 * Fills at most max entries, returns how many there are.
 */
size_t layouts_by_build(enum nt_arch arch, uint32_t build, bool la57,
			const struct nt_layout **ret, size_t max);

const char *layout_id(const struct nt_layout *layout);
enum nt_arch layout_arch(const struct nt_layout *layout);
bool layout_la57(const struct nt_layout *layout);
/* "10.0.19041": the build it is named after, others may share it (see
 * layouts_by_build()); os: "10 2004-22H2", for people. */
const char *layout_version(const struct nt_layout *layout);
const char *layout_os(const struct nt_layout *layout);
uint32_t layout_build(const struct nt_layout *layout);
/* From a full type dump: a member that is missing does not exist there. */
bool layout_complete(const struct nt_layout *layout);

/*
 * A member by its path, "_EPROCESS.UniqueProcessId" or
 * "_MMVAD_SHORT.u.VadFlags". Where the layout is not complete its fallback
 * is asked, then that one's, and *guessed (may be NULL) is set. False where
 * it does not exist; ret is then untouched.
 */
bool layout_field(const struct nt_layout *layout, const char *path,
		  struct nt_field *ret, bool *guessed);
/*
 * Size of a structure in bytes ("_EPROCESS"), same rules; a return of false
 * means not known. The largest seen: some grew at the end, between updates,
 * without a listed member moving (at most _EPROCESS, _ETHREAD).
 */
bool layout_size(const struct nt_layout *layout, const char *type,
		 uint32_t *ret);
/* Declared type of a member whose meaning changes ("_EPROCESS.VadRoot" ->
 * "_RTL_AVL_TREE"), or NULL. Same rules. */
const char *layout_type(const struct nt_layout *layout, const char *path);

/* Kernels by PDB: guid is 32 upper-case hex digits as in a symbol path. */
size_t kernels_count(void);
const struct nt_kernel *kernels_get(size_t index);
const struct nt_kernel *kernels_find(const char *guid, uint32_t age);
const char *kernel_guid(const struct nt_kernel *kernel);
uint32_t kernel_age(const struct nt_kernel *kernel);
const char *kernel_pdb(const struct nt_kernel *kernel);
const char *kernel_version(const struct nt_kernel *kernel); /* or "" */
const struct nt_layout *kernel_layout(const struct nt_kernel *kernel);
/* RVA of a symbol ("PsActiveProcessHead"); false where not known. */
bool kernel_symbol(const struct nt_kernel *kernel, const char *name,
		   uint32_t *ret);

/* Kernel images by PE header. arch is that of the image's machine type. Of the
 * one pair that shares a key (22621.1483 and .1485) the older is returned. */
size_t images_count(void);
const struct nt_image *images_get(size_t index);
const struct nt_image *images_find(uint32_t timestamp, uint32_t size);

/*
 * The names that the tables have, each sorted, by position; NULL behind the
 * last: members ("_EPROCESS.Peb"), structures whose size is kept, members
 * whose type is kept, symbols. What a reader of symbol files looks for.
 */
const char *layouts_field_name(size_t index);
const char *layouts_struct_name(size_t index);
const char *layouts_type_name(size_t index);
const char *layouts_symbol_name(size_t index);

/* A member of _KDDEBUGGER_DATA64 by name; false where unknown. */
bool kdbg_field(const char *name, uint32_t *ret);

#endif
