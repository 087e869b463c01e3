/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resolving the paths of members that a profile asks for. */
#include "config.h"

#include <stdarg.h>
#include <string.h>

#include "base/bytes.h"
#include "nt/symfill.h"

/* A kernel's symbol file has some 10000 members in the structures that are of
 * use; all bounds are far beyond that. */
enum {
	MEMBERS_MAX = 1 << 20,	/* looked at */
	WORK_MAX = 4096,	/* structures looked into, in all */
	ANONYMOUS_MAX = 8,	/* anonymous ones within each other */
	NAME_MAX_BYTES = 128,
};
#define OFFSET_MAX (16 * MIB)

/* PE/COFF: IMAGE_FILE_HEADER.Machine */
enum { MACHINE_X86 = 0x14c, MACHINE_AMD64 = 0x8664, MACHINE_ARM64 = 0xaa64 };

/* A structure to be looked into: prefix is the path of what has it. */
struct work {
	uint64_t type;
	uint64_t base;
	char *prefix;
	unsigned anonymous;
};

struct filler {
	NtSymbols *symbols;
	const struct nt_types *types;
	GHashTable *paths;	/* all wanted; strings of the tables */
	GHashTable *prefixes;	/* what they are in, not yet looked into */
	GHashTable *type_paths;
	GArray *queue;		/* struct work */
	GString *path;		/* of the current member */
	struct work now;
	unsigned n_members, n_work;
};

/* Of use where they are known, and not in the built-in tables. */
static const char *const more_fields[] = { "_MMPTE_HARDWARE.Write" };

static void clear_work(gpointer data)
{
	g_free(((struct work *)data)->prefix);
}

static void add_prefixes(GHashTable *prefixes, const char *path)
{
	for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1,
								   '.'))
		g_hash_table_add(prefixes,
				 g_strndup(path, (gsize)(dot - path)));
}

static void want(struct filler *f, const char *path)
{
	g_hash_table_add(f->paths, (gpointer)(uintptr_t)path);
	add_prefixes(f->prefixes, path);
}

static void filler_init(struct filler *f)
{
	const char *name;

	f->paths = g_hash_table_new(g_str_hash, g_str_equal);
	f->type_paths = g_hash_table_new(g_str_hash, g_str_equal);
	f->prefixes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					    NULL);
	f->queue = g_array_new(FALSE, FALSE, sizeof(struct work));
	g_array_set_clear_func(f->queue, clear_work);
	f->path = g_string_new(NULL);
	for (size_t i = 0; (name = layouts_field_name(i)); i++)
		want(f, name);
	for (size_t i = 0; i < G_N_ELEMENTS(more_fields); i++)
		want(f, more_fields[i]);
	for (size_t i = 0; (name = layouts_type_name(i)); i++)
		g_hash_table_add(f->type_paths, (gpointer)(uintptr_t)name);
}

static void filler_clear(struct filler *f)
{
	g_hash_table_unref(f->paths);
	g_hash_table_unref(f->type_paths);
	g_hash_table_unref(f->prefixes);
	g_array_unref(f->queue);
	g_string_free(f->path, TRUE);
}

static void push(struct filler *f, uint64_t type, uint64_t base,
		 const char *prefix, unsigned anonymous)
{
	guint n = f->queue->len;

	if (f->n_work == WORK_MAX || anonymous > ANONYMOUS_MAX)
		return;
	f->n_work++;
	g_array_set_size(f->queue, n + 1);
	g_array_index(f->queue, struct work, n) = (struct work){
		type, base, g_strdup(prefix), anonymous
	};
}

static void take_member(struct filler *f, const struct nt_member *m,
			uint64_t offset)
{
	struct nt_field field = { .offset = (uint32_t)offset };

	if (m->bit_len) {
		if (!range_fits(m->bit_pos, m->bit_len, 64))
			return;
		field.bit_pos = (uint8_t)m->bit_pos;
		field.bit_len = (uint8_t)m->bit_len;
	}
	nt_symbols_add_field(f->symbols, f->path->str, field);
	if (g_hash_table_contains(f->type_paths, f->path->str)) {
		g_autofree char *text = f->types->text(f->types->ctx, m->type);

		if (text)
			nt_symbols_add_type(f->symbols, f->path->str, text);
	}
}

static bool see_member(void *ctx, const struct nt_member *m)
{
	struct filler *f = ctx;
	uint64_t offset;

	if (f->n_members++ == MEMBERS_MAX)
		return false;
	if (!add_u64(f->now.base, m->offset, &offset) || offset > OFFSET_MAX)
		return true;
	if (m->anonymous) {
		push(f, m->type, offset, f->now.prefix, f->now.anonymous + 1);
		return true;
	}
	if (m->name_len > NAME_MAX_BYTES ||
	    memchr(m->name, '\0', m->name_len))
		return true;
	g_string_assign(f->path, f->now.prefix);
	g_string_append_c(f->path, '.');
	g_string_append_len(f->path, m->name, (gssize)m->name_len);
	if (g_hash_table_contains(f->paths, f->path->str))
		take_member(f, m, offset);
	if (!m->bit_len && g_hash_table_remove(f->prefixes, f->path->str))
		push(f, m->type, offset, f->path->str, 0);
	return true;
}

/* A structure and all that is reached from it. */
static void walk(struct filler *f, const char *name, uint64_t type)
{
	g_array_set_size(f->queue, 0);
	g_hash_table_remove(f->prefixes, name);
	push(f, type, 0, name, 0);
	for (guint i = 0; i < f->queue->len; i++) {
		if (f->n_members > MEMBERS_MAX)
			return;
		/* The queue may move: what is in use is a copy. */
		f->now = g_array_index(f->queue, struct work, i);
		f->types->each(f->types->ctx, f->now.type, see_member, f);
	}
}

/* Structures with wanted members: the prefixes without a dot. */
static GPtrArray *root_names(const struct filler *f)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, f->prefixes);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		if (!strchr(key, '.'))
			g_ptr_array_add(names, g_strdup(key));
	return names;
}

static void add_sizes(NtSymbols *symbols, const struct nt_types *types)
{
	const char *name;

	for (size_t i = 0; (name = layouts_struct_name(i)); i++) {
		uint64_t type, size;

		if (types->find(types->ctx, name, &type, &size) && size &&
		    size <= OFFSET_MAX)
			nt_symbols_add_size(symbols, name, (uint32_t)size);
	}
}

void nt_symfill_types(NtSymbols *symbols, const struct nt_types *types)
{
	struct filler f = { .symbols = symbols, .types = types };
	g_autoptr(GPtrArray) roots = NULL;

	filler_init(&f);
	roots = root_names(&f);
	for (guint i = 0; i < roots->len; i++) {
		const char *name = g_ptr_array_index(roots, i);
		uint64_t type, size;

		if (types->find(types->ctx, name, &type, &size))
			walk(&f, name, type);
	}
	filler_clear(&f);
	add_sizes(symbols, types);
}

struct NtWanted {
	GHashTable *names;
};

/* What the built-in tables have no address of (nt/store.h, nt/softkernel.h,
 * nt/sysinfo.h). */
static const char *const not_built_in[] = {
	"SmGlobals", "?SmGlobals@@3U_SM_GLOBALS@@A",
	"MiInvalidPteMask", "MmProtopte_Base", "MmSubsectionBase",
	"MmAvailablePages", "MmTotalCommittedPages", "MmTotalCommitLimit",
};

NtWanted *nt_wanted_new(void)
{
	NtWanted *w = g_new0(NtWanted, 1);
	const char *name;

	w->names = g_hash_table_new(g_str_hash, g_str_equal);
	for (size_t i = 0; (name = layouts_symbol_name(i)); i++)
		g_hash_table_add(w->names, (gpointer)(uintptr_t)name);
	for (size_t i = 0; i < G_N_ELEMENTS(not_built_in); i++)
		g_hash_table_add(w->names,
				 (gpointer)(uintptr_t)not_built_in[i]);
	return w;
}

void nt_wanted_free(NtWanted *wanted)
{
	if (!wanted)
		return;
	g_hash_table_unref(wanted->names);
	g_free(wanted);
}

void nt_wanted_add(const NtWanted *wanted, NtSymbols *symbols,
		   const char *name, size_t name_len, uint64_t rva)
{
	char text[64];

	if (name_len >= sizeof text || !rva || rva > INT32_MAX)
		return;
	memcpy(text, name, name_len);
	text[name_len] = '\0';
	if (g_hash_table_contains(wanted->names, text))
		nt_symbols_add_address(symbols, text, (uint32_t)rva);
}

bool nt_symfill_arch(uint64_t machine, uint64_t mmpte_bytes, enum nt_arch *ret)
{
	switch (machine) {
	case MACHINE_X86:
		*ret = mmpte_bytes == 8 ? NT_ARCH_X86PAE : NT_ARCH_X86;
		return true;
	case MACHINE_AMD64:
		*ret = NT_ARCH_AMD64;
		return true;
	case MACHINE_ARM64:
		*ret = NT_ARCH_ARM64;
		return true;
	default:
		return false;
	}
}

bool nt_symfill_fail(GError **error, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, g_quark_from_static_string("symbols"), 0,
			    message);
	return false;
}
