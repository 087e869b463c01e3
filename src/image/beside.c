/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page files beside an image. */
#include "config.h"

#include <string.h>

#include "image/beside.h"

/* Names of a folder that are looked at. */
enum { NAMES_MAX = 65536 };

/* How a name is related to the image; the highest counts. */
enum relation { RELATION_NONE, RELATION_FOLDER, RELATION_STEM, RELATION_NAME };

struct found {
	enum relation relation;
	char *name;
};

/* Is name `what`, or prefix, a character between, and `what`? */
static bool is_called(const char *name, const char *prefix, size_t len,
		      const char *what)
{
	return !g_ascii_strncasecmp(name, prefix, len) && name[len] &&
	       strchr(".-_ ", name[len]) &&
	       !g_ascii_strcasecmp(name + len + 1, what);
}

static enum relation relate(const char *name, const char *own,
			    const char *what)
{
	const char *dot = strrchr(own, '.');
	size_t len = strlen(own);

	if (!g_ascii_strcasecmp(name, what))
		return RELATION_FOLDER;
	if (is_called(name, own, len, what))
		return RELATION_NAME;
	if (dot && dot != own &&
	    is_called(name, own, (size_t)(dot - own), what))
		return RELATION_STEM;
	return RELATION_NONE;
}

/* Of two that are related alike, the first one of the alphabet: folders have
 * no order. */
static void offer(struct found *best, enum relation relation, const char *name)
{
	if (relation < best->relation || relation == RELATION_NONE ||
	    (relation == best->relation && strcmp(name, best->name) > 0))
		return;
	g_free(best->name);
	best->name = g_strdup(name);
	best->relation = relation;
}

static bool has_kind(const Image *image, enum image_companion_kind kind)
{
	for (guint i = 0; i < image->companions->len; i++)
		if (g_array_index(image->companions, struct image_companion, i)
			    .kind == kind)
			return true;
	return false;
}

static void take(Image *image, const char *folder,
		 enum image_companion_kind kind, struct found *found)
{
	g_autofree char *path = found->name ? g_build_filename(folder,
							       found->name,
							       NULL) :
					      NULL;

	if (path && !has_kind(image, kind) &&
	    g_file_test(path, G_FILE_TEST_IS_REGULAR))
		image_add_companion(image, kind, path, NULL);
	g_free(found->name);
}

void image_find_page_files(Image *image)
{
	g_autofree char *folder = g_path_get_dirname(image->path);
	g_autofree char *own = g_path_get_basename(image->path);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	struct found page = { RELATION_NONE, NULL }, swap = page;
	const char *name;

	for (unsigned i = 0; dir && i < NAMES_MAX; i++) {
		name = g_dir_read_name(dir);
		if (!name)
			break;
		if (!strcmp(name, own))
			continue;
		offer(&page, relate(name, own, "pagefile.sys"), name);
		offer(&swap, relate(name, own, "swapfile.sys"), name);
	}
	take(image, folder, IMAGE_COMPANION_PAGEFILE, &page);
	take(image, folder, IMAGE_COMPANION_SWAPFILE, &swap);
}
