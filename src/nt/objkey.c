/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of registry keys: from the key object to its key control block, and
 * from that to the blocks above it (docs/formats.md, "Registry keys").
 */
#include "config.h"

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/objname-priv.h"

enum {
	LEVELS_MAX = 512,	/* as deep as Windows lets keys be */
	COMPRESSED = 1,		/* bit of the first byte of a name block */
	TYPE_02 = 0x6b793032,	/* _CM_KEY_BODY.Type: "ky02" */
};

/* ParentKcb; NameBlock follows it in all versions. Type tables of 2600 to
 * 22000 have these; which it is, the blocks tell. */
static const uint32_t parents_64[] = { 0x48, 0x40, 0x28 };
static const uint32_t parents_32[] = { 0x28, 0x24, 0x18, 0x2c, 0x20 };

/* _CM_NAME_CONTROL_BLOCK: u16 NameLength (bytes) at 0x18, on 32-bit kernels at
 * 0xc, and the characters behind it: one byte each where it is compressed. */
static char *read_block(NtObjnames *o, uint64_t block)
{
	uint32_t at = o->r.k->profile.pointer_bytes == 8 ? 0x18 : 0xc;
	uint8_t flags, raw[2], narrow[OBJ_PART_MAX / 2];
	uint8_t wide[OBJ_PART_MAX];
	uint16_t len;

	if (!nt_kread(&o->r, block, &flags, 1) ||
	    !nt_kread(&o->r, block + at, raw, sizeof raw))
		return NULL;
	len = load_le16(raw);
	if (!len || len > OBJ_PART_MAX)
		return NULL;
	if (!(flags & COMPRESSED))
		return len % 2 ? NULL : objname_utf16(o, block + at + 2, len);
	if (len > sizeof narrow ||
	    !nt_kread(&o->r, block + at + 2, narrow, len))
		return NULL;
	for (unsigned i = 0; i < len; i++) {
		wide[2 * i] = narrow[i];
		wide[2 * i + 1] = 0;
	}
	return objname_wide(wide, 2 * (size_t)len);
}

/* The parts of a path from the block at kcb up; true where it ends at the top
 * of the registry. */
static bool climb(NtObjnames *o, uint64_t kcb, uint32_t parent,
		  GPtrArray *parts)
{
	unsigned n = o->r.k->profile.pointer_bytes;
	g_autoptr(Seen) seen = seen_new(LEVELS_MAX);

	while (seen_enter(seen, kcb) == SEEN_NEW) {
		uint64_t block, up;
		char *name;

		if (!nt_kread_link(&o->r, kcb + parent + n, &block) ||
		    !nt_kread_pointer(&o->r, kcb + parent, &up))
			return false;
		name = read_block(o, block);
		if (!name)
			return false;
		g_ptr_array_add(parts, name);
		if (!up)
			return !g_ascii_strcasecmp(name, "REGISTRY");
		if (!nt_is_kernel_address(&o->r.k->as, up))
			return false;
		kcb = up;
	}
	return false;
}

/* Where ParentKcb is: where that leads to the top. */
static void learn_parent(NtObjnames *o, uint64_t kcb)
{
	bool wide = o->r.k->profile.pointer_bytes == 8;
	const uint32_t *list = wide ? parents_64 : parents_32;
	size_t n = wide ? G_N_ELEMENTS(parents_64) : G_N_ELEMENTS(parents_32);

	for (size_t i = 0; i < n; i++) {
		g_autoptr(GPtrArray) parts =
			g_ptr_array_new_with_free_func(g_free);

		if (!climb(o, kcb, list[i], parts))
			continue;
		o->kcb_parent = list[i];
		return;
	}
}

char *objkey_path(NtObjnames *o, uint64_t body)
{
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
	uint32_t at = o->r.k->profile.objname.key_block;
	uint8_t raw[4];
	uint64_t kcb;
	bool top;

	if (!nt_kread(&o->r, body, raw, sizeof raw) ||
	    load_le32(raw) != TYPE_02 || !nt_kread_link(&o->r, body + at, &kcb))
		return NULL;
	if (o->kcb_parent == NT_ABSENT)
		learn_parent(o, kcb);
	if (o->kcb_parent == NT_ABSENT)
		return NULL;
	top = climb(o, kcb, o->kcb_parent, parts);
	return parts->len ? objname_join(top ? "\\" : "...\\", parts) : NULL;
}
