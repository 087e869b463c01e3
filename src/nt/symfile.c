/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding and loading symbol files. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/isf.h"
#include "nt/pdb.h"
#include "nt/pdb_msf.h"
#include "nt/symfile.h"
#include "nt/unpack.h"

/* An ISF of a kernel has 7 MiB. */
#define ISF_MAX (64 * MIB)
/* Files of a folder that are opened because of their contents, and names that
 * are looked at. */
enum { OTHERS_MAX = 64, NAMES_MAX = 65536 };

static bool is_pdb(const ImageIo *io)
{
	uint8_t magic[NT_MSF_MAGIC_BYTES];

	return image_io_read(io, 0, magic, sizeof magic) &&
	       !memcmp(magic, NT_MSF_MAGIC, sizeof magic);
}

NtSymbols *nt_symfile_load_io(const char *path, const ImageIo *io,
			      GError **error)
{
	g_autoptr(GBytes) text = NULL;
	gsize len;
	const void *data;

	if (is_pdb(io))
		return nt_pdb_read(path, io, error);
	text = nt_unpack(io, ISF_MAX, error);
	if (!text)
		return NULL;
	data = g_bytes_get_data(text, &len);
	return nt_isf_read(path, data, len, error);
}

/* A file of symbols is a plain one: no device, nothing that would block. */
static ImageIo *open_file(const char *path, GError **error)
{
	if (g_file_test(path, G_FILE_TEST_EXISTS) &&
	    !g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			    "not a plain file");
		return NULL;
	}
	return image_io_open(path, error);
}

NtSymbols *nt_symfile_load(const char *path, GError **error)
{
	g_autoptr(ImageIo) io = open_file(path, error);
	NtSymbols *symbols = io ? nt_symfile_load_io(path, io, error) : NULL;

	if (!symbols)
		g_prefix_error(error, "%s: ", path);
	return symbols;
}

bool nt_symfile_fits(const NtSymbols *symbols, const struct nt_pdb_id *id)
{
	return !strcmp(nt_symbols_guid(symbols), id->guid) &&
	       nt_symbols_age(symbols) == id->age;
}

/* The file at path, where it is there and fits. */
static NtSymbols *try_file(const char *path, const struct nt_pdb_id *id,
			   Log *log)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(NtSymbols) symbols = NULL;

	if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
		return NULL;
	symbols = nt_symfile_load(path, &error);
	if (!symbols) {
		log_add(log, LOG_WARN, "symbols", "%s", error->message);
		return NULL;
	}
	if (nt_symfile_fits(symbols, id))
		return g_steal_pointer(&symbols);
	log_add(log, LOG_WARN, "symbols",
		"%s is not of this kernel and not used: it has GUID %s age %u,"
		" the kernel has GUID %s age %u",
		path, nt_symbols_guid(symbols), nt_symbols_age(symbols),
		id->guid, id->age);
	return NULL;
}

static NtSymbols *try_format(const char *dir, const struct nt_pdb_id *id,
			     Log *log, const char *format, ...)
	G_GNUC_PRINTF(4, 5);

static NtSymbols *try_format(const char *dir, const struct nt_pdb_id *id,
			     Log *log, const char *format, ...)
{
	g_autofree char *name = NULL, *path = NULL;
	va_list args;

	va_start(args, format);
	name = g_strdup_vprintf(format, args);
	va_end(args);
	path = g_build_filename(dir, name, NULL);
	return try_file(path, id, log);
}

static NtSymbols *try_isf_names(const char *dir, const struct nt_pdb_id *id,
				Log *log)
{
	static const char *const ends[] = { "json.xz", "json", "json.gz" };
	NtSymbols *s = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(ends) && !s; i++)
		s = try_format(dir, id, log, "%s-%u.%s", id->guid, id->age,
			       ends[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(ends) && !s; i++)
		s = try_format(dir, id, log, "%s/%s-%u.%s", id->name, id->guid,
			       id->age, ends[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(ends) && !s; i++)
		s = try_format(dir, id, log, "windows/%s/%s-%u.%s", id->name,
			       id->guid, id->age, ends[i]);
	return s;
}

/* The exact names first: what lies flat is most likely of another kernel. */
static NtSymbols *try_names(const char *dir, const struct nt_pdb_id *id,
			    Log *log)
{
	NtSymbols *s = try_format(dir, id, log, "%s/%s%X/%s", id->name,
				  id->guid, id->age, id->name);
	g_autofree char *lower = g_ascii_strdown(id->guid, -1);

	if (!s)
		s = try_format(dir, id, log, "%s/%s%x/%s", id->name, lower,
			       id->age, id->name);
	if (!s)
		s = try_isf_names(dir, id, log);
	if (!s)
		s = try_format(dir, id, log, "%s", id->name);
	return s;
}

/* GUID-AGE.json: what the name says is believed. */
static bool names_another(const char *name)
{
	for (unsigned i = 0; i < 32; i++)
		if (!g_ascii_isxdigit(name[i]))
			return false;
	return name[32] == '-';
}

static bool is_candidate(const char *name)
{
	g_autofree char *lower = g_ascii_strdown(name, -1);

	return !names_another(name) &&
	       (g_str_has_suffix(lower, ".pdb") ||
		g_str_has_suffix(lower, ".json") ||
		g_str_has_suffix(lower, ".json.xz") ||
		g_str_has_suffix(lower, ".json.gz"));
}

static bool id_of(const ImageIo *io, struct nt_pdb_id *ret)
{
	g_autoptr(GBytes) text = NULL;
	gsize len;
	const void *data;

	if (is_pdb(io))
		return nt_pdb_read_id(io, ret);
	text = nt_unpack(io, ISF_MAX, NULL);
	if (!text)
		return false;
	data = g_bytes_get_data(text, &len);
	return nt_isf_id(data, len, ret);
}

static NtSymbols *try_other(const char *path, const struct nt_pdb_id *id,
			    Log *log)
{
	g_autoptr(ImageIo) io = open_file(path, NULL);
	struct nt_pdb_id found = { 0 };

	if (!io || !id_of(io, &found) || strcmp(found.guid, id->guid) ||
	    found.age != id->age)
		return NULL;
	return try_file(path, id, log);
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names that may be of symbol files, sorted, so that it does not depend
 * on the order of the folder which are tried. */
static GPtrArray *list_candidates(const char *dir, Log *log)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) d = g_dir_open(dir, 0, &error);
	const char *name;
	unsigned n = 0;

	if (!d)
		log_add(log, LOG_WARN, "symbols", "symbols=%s: %s", dir,
			error->message);
	while (d && n++ < NAMES_MAX && (name = g_dir_read_name(d)))
		if (is_candidate(name))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, by_name);
	return names;
}

static NtSymbols *try_others(const char *dir, const struct nt_pdb_id *id,
			     Log *log)
{
	g_autoptr(GPtrArray) names = list_candidates(dir, log);
	NtSymbols *s = NULL;

	if (names->len > OTHERS_MAX)
		log_add(log, LOG_WARN, "symbols",
			"symbols=%s: %u files whose names say nothing; only"
			" the first %u are looked into",
			dir, names->len, OTHERS_MAX);
	for (guint i = 0; i < MIN(names->len, OTHERS_MAX) && !s; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *path = g_build_filename(dir, name, NULL);

		/* That one has been tried. */
		if (strcmp(name, id->name))
			s = try_other(path, id, log);
	}
	return s;
}

NtSymbols *nt_symfile_find(const char *dir, const struct nt_pdb_id *id,
			   Log *log)
{
	NtSymbols *s = NULL;

	/* The name is the image's: it may not lead out of the folder. */
	if (id->name[0] && id->name[0] != '.' && !strchr(id->name, '/'))
		s = try_names(dir, id, log);
	if (!s)
		s = try_others(dir, id, log);
	return s;
}
