/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Companions of VMware images. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "image/vmware_beside.h"

enum {
	NAMES_MAX = 65536, /* of a folder that are looked at */
	TRIES_MAX = 64,	   /* files that are opened */
};

/* How sure it is that a file belongs to the other; 0: it does not. */
enum fit {
	FIT_NONE,
	FIT_ALONE,	/* another name, but of the right size, the only one */
	FIT_RELATED,	/* one name begins with the other, right size */
	FIT_NAME,	/* the same name, not quite the size */
	FIT_EXACT,	/* the same name, the right size */
};

static const char *ending(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && !strchr(dot, '/') ? dot : "";
}

bool vmware_names_memory(const char *path)
{
	return !g_ascii_strcasecmp(ending(path), ".vmem");
}

static bool names_state(const char *path)
{
	const char *end = ending(path);

	return !g_ascii_strcasecmp(end, ".vmss") ||
	       !g_ascii_strcasecmp(end, ".vmsn");
}

/* How the names of two files are related, endings apart: machine.vmem and
 * machine-Snapshot1.vmsn begin alike. */
static enum fit compare_names(const char *a, const char *b)
{
	size_t a_len = strlen(a) - strlen(ending(a));
	size_t b_len = strlen(b) - strlen(ending(b));

	if (a_len == b_len && !strncmp(a, b, a_len))
		return FIT_NAME;
	if (strncmp(a, b, MIN(a_len, b_len)))
		return FIT_ALONE;
	return FIT_RELATED;
}

/* What is taken of the relation of names when sizes are known to agree, or
 * not. */
static enum fit weigh(enum fit names, bool same_size)
{
	if (names == FIT_NAME)
		return same_size ? FIT_EXACT : FIT_NAME;
	return same_size ? names : FIT_NONE;
}

/* Does the memory of a machine with this state have so many bytes? Without
 * regions there is nothing to tell. */
static bool size_agrees(const struct vmware_state *state, uint64_t size)
{
	return vmware_state_extent(state) == size;
}

static gint compare_strings(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in the folder of path that `wanted` says yes to, sorted. */
static GPtrArray *list_beside(const char *path, bool (*wanted)(const char *))
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *own = g_path_get_basename(path);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *name;

	for (unsigned i = 0; dir && i < NAMES_MAX; i++) {
		name = g_dir_read_name(dir);
		if (!name)
			break;
		if (wanted(name) && strcmp(name, own))
			g_ptr_array_add(names, g_strdup(name));
	}
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(names, compare_strings);
	return names;
}

/* The candidates so far. */
struct choice {
	enum fit fit;
	guint n_best; /* that fit as well as the best */
	guint n;      /* that fit at all */
	char *path;
};

/* Takes path, when it is better than what there was. */
static bool offer(struct choice *choice, enum fit fit, char *path)
{
	choice->n += fit != FIT_NONE;
	choice->n_best += fit == choice->fit && fit != FIT_NONE;
	if (fit <= choice->fit) {
		g_free(path);
		return false;
	}
	g_free(choice->path);
	choice->path = path;
	choice->fit = fit;
	choice->n_best = 1;
	return true;
}

/* With another name, one is only taken if it is the only one. */
static bool settle(struct choice *choice, const char *kind, Log *log)
{
	if (choice->fit == FIT_NONE)
		return false;
	if (choice->n_best > 1 && choice->fit < FIT_NAME) {
		log_add(log, LOG_WARN, "vmware",
			"%u files beside it could be its %s, and nothing tells"
			" which: none is used",
			choice->n_best, kind);
		g_clear_pointer(&choice->path, g_free);
		return false;
	}
	if (choice->n > 1)
		log_add(log, LOG_INFO, "vmware",
			"%u files beside it could be its %s; the one that fits"
			" best is used",
			choice->n, kind);
	if (choice->fit == FIT_NAME)
		log_add(log, LOG_INFO, "vmware",
			"the %s has the right name, but the sizes of regions do"
			" not tell whether it belongs to it",
			kind);
	return true;
}

static char *beside(const char *path, const char *name)
{
	g_autofree char *folder = g_path_get_dirname(path);

	return g_build_filename(folder, name, NULL);
}

static bool read_state(const char *path, struct vmware_state *state)
{
	g_autoptr(ImageIo) io = image_io_open(path, NULL);

	if (!io)
		return false;
	if (vmware_state_read(io, state) && vmware_state_has_layout(state))
		return true;
	vmware_state_clear(state);
	return false;
}

char *vmware_find_state(const char *path, uint64_t size, Log *log,
			struct vmware_state *state)
{
	g_autoptr(GPtrArray) names = list_beside(path, names_state);
	g_autofree char *own = g_path_get_basename(path);
	struct choice choice = { 0 };

	for (guint i = 0; i < MIN(names->len, TRIES_MAX); i++) {
		const char *name = names->pdata[i];
		char *candidate = beside(path, name);
		struct vmware_state other;
		bool agrees;

		if (!read_state(candidate, &other)) {
			g_free(candidate);
			continue;
		}
		/* its own memory is another's */
		agrees = size_agrees(&other, size) ||
			 (!other.regions->len &&
			  compare_names(own, name) == FIT_NAME);
		if (vmware_state_has_memory(&other))
			agrees = false;
		vmware_state_clear(&other);
		offer(&choice, weigh(compare_names(own, name), agrees),
		      candidate);
	}
	if (!settle(&choice, "state file", log))
		return NULL;
	if (read_state(choice.path, state))
		return choice.path;
	g_free(choice.path);
	return NULL;
}

char *vmware_find_memory(const char *path, const struct vmware_state *state,
			 Log *log, ImageIo **io)
{
	g_autoptr(GPtrArray) names = list_beside(path, vmware_names_memory);
	g_autofree char *own = g_path_get_basename(path);
	struct choice choice = { 0 };

	for (guint i = 0; i < MIN(names->len, TRIES_MAX); i++) {
		const char *name = names->pdata[i];
		char *candidate = beside(path, name);
		g_autoptr(ImageIo) other = image_io_open(candidate, NULL);
		enum fit fit = compare_names(own, name);

		if (!other || vmware_is_state(other)) {
			g_free(candidate);
			continue;
		}
		fit = weigh(fit, size_agrees(state, image_io_size(other)));
		offer(&choice, fit, candidate);
	}
	if (!settle(&choice, "memory", log))
		return NULL;
	*io = image_io_open(choice.path, NULL);
	if (*io)
		return choice.path;
	g_free(choice.path);
	return NULL;
}
