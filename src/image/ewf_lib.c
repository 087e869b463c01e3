/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets that our index found whole, read by libewf. Its handles are not thread
 * safe, so there is one for each processor; it remembers some 150 bytes of
 * each chunk it read, so a handle is opened anew after a while.
 */
#include "config.h"

#include "image/ewf.h"

#ifdef HAVE_EWF

#include <libewf.h>

/* Chunks that one handle reads: some 10 MB of its memory. */
#define HANDLE_CHUNKS 65536u
#define HANDLES_MAX 16u

struct handle {
	libewf_handle_t *ewf;
	unsigned n_read;
};

struct EwfLib {
	char **paths;
	int n_paths;
	GMutex lock;	/* of what follows */
	GCond free;
	struct handle *idle[HANDLES_MAX];
	unsigned n_idle;
	unsigned n_open;
	unsigned max;
};

const char *ewf_lib_version(void)
{
	return "libewf " LIBEWF_VERSION_STRING;
}

static void handle_free(struct handle *h)
{
	if (!h)
		return;
	libewf_handle_close(h->ewf, NULL);
	libewf_handle_free(&h->ewf, NULL);
	g_free(h);
}

static struct handle *handle_open(const EwfLib *lib)
{
	struct handle *h = g_new0(struct handle, 1);

	if (libewf_handle_initialize(&h->ewf, NULL) == 1 &&
	    libewf_handle_open(h->ewf, lib->paths, lib->n_paths,
			       libewf_get_access_flags_read(), NULL) == 1)
		return h;
	handle_free(h);
	return NULL;
}

/* One that nobody else uses; NULL: it cannot be opened. */
static struct handle *take(EwfLib *lib)
{
	struct handle *h = NULL;
	bool open = false;

	g_mutex_lock(&lib->lock);
	while (!lib->n_idle && lib->n_open == lib->max)
		g_cond_wait(&lib->free, &lib->lock);
	if (lib->n_idle) {
		h = lib->idle[--lib->n_idle];
	} else {
		lib->n_open++;
		open = true;
	}
	g_mutex_unlock(&lib->lock);
	if (!open)
		return h;
	h = handle_open(lib);
	if (!h) {
		g_mutex_lock(&lib->lock);
		lib->n_open--;
		g_cond_signal(&lib->free);
		g_mutex_unlock(&lib->lock);
	}
	return h;
}

static void give(EwfLib *lib, struct handle *h, bool keep)
{
	g_mutex_lock(&lib->lock);
	if (keep)
		lib->idle[lib->n_idle++] = h;
	else
		lib->n_open--;
	g_cond_signal(&lib->free);
	g_mutex_unlock(&lib->lock);
	if (!keep)
		handle_free(h);
}

/* Does it see the same media? */
static bool agrees(const struct handle *h, uint64_t media_bytes,
		   uint32_t chunk_bytes)
{
	size64_t size = 0;
	size32_t chunk = 0;

	return libewf_handle_get_media_size(h->ewf, &size, NULL) == 1 &&
	       libewf_handle_get_chunk_size(h->ewf, &chunk, NULL) == 1 &&
	       size == media_bytes && chunk == chunk_bytes;
}

EwfLib *ewf_lib_open(const GPtrArray *paths, uint64_t media_bytes,
		     uint32_t chunk_bytes)
{
	EwfLib *lib = g_new0(EwfLib, 1);
	struct handle *h;

	g_mutex_init(&lib->lock);
	g_cond_init(&lib->free);
	lib->max = CLAMP(g_get_num_processors(), 1, HANDLES_MAX);
	lib->n_paths = (int)paths->len;
	lib->paths = g_new0(char *, paths->len + 1);
	for (guint i = 0; i < paths->len; i++)
		/* The daemon leaves the folder that it was started in. */
		lib->paths[i] = g_canonicalize_filename(paths->pdata[i], NULL);
	h = take(lib);
	if (h && agrees(h, media_bytes, chunk_bytes)) {
		give(lib, h, true);
		return lib;
	}
	if (h)
		give(lib, h, false);
	ewf_lib_free(lib);
	return NULL;
}

void ewf_lib_free(EwfLib *lib)
{
	if (!lib)
		return;
	while (lib->n_idle)
		handle_free(lib->idle[--lib->n_idle]);
	g_mutex_clear(&lib->lock);
	g_cond_clear(&lib->free);
	g_strfreev(lib->paths);
	g_free(lib);
}

/* A wrong checksum is only counted by the library (it gives the bytes, or
 * zeros), and once for each chunk: such a handle is not used again. */
bool ewf_lib_read(EwfLib *lib, uint64_t off, uint8_t *buf, uint32_t len)
{
	struct handle *h = take(lib);
	uint32_t n_errors = 1;
	ssize_t n;
	bool good;

	if (!h)
		return false;
	n = libewf_handle_read_random(h->ewf, buf, len, (off64_t)off, NULL);
	good = libewf_handle_get_number_of_checksum_errors(
		       h->ewf, &n_errors, NULL) == 1 &&
	       !n_errors && n >= 0 && (size_t)n == len;
	give(lib, h, good && ++h->n_read < HANDLE_CHUNKS);
	return good;
}

#else

const char *ewf_lib_version(void)
{
	return NULL;
}

EwfLib *ewf_lib_open(const GPtrArray *paths, uint64_t media_bytes,
		     uint32_t chunk_bytes)
{
	(void)paths;
	(void)media_bytes;
	(void)chunk_bytes;
	return NULL;
}

void ewf_lib_free(EwfLib *lib)
{
	(void)lib;
}

bool ewf_lib_read(EwfLib *lib, uint64_t off, uint8_t *buf, uint32_t len)
{
	(void)lib;
	(void)off;
	(void)buf;
	(void)len;
	return false;
}

#endif
