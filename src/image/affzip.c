/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zip archives by libzip, which reads through our ImageIo. */
#include "config.h"

#ifdef HAVE_ZIP

#include <errno.h>
#include <stdio.h>
#include <zip.h>

#include "base/bytes.h"
#include "image/affcut.h"
#include "image/affzip.h"
#include "image/image.h"

/* Compressed members that are kept inflated, together. */
#define INFLATED_MAX (UINT64_C(64) << 20)

struct AffZip {
	const ImageIo *io;
	GByteArray *tail;	/* a directory of our own, or NULL */
	uint64_t size;		/* of the file and the tail */
	uint64_t pos;		/* of libzip */
	uint64_t last_read;	/* where it read last */
	uint64_t inflated_left;	/* bytes that may still be kept inflated */
	zip_error_t error;
	GMutex lock;		/* of libzip */
	zip_t *zip;
	char *volume;
	GHashTable *by_urn;	/* char * -> index + 1 */
};

/* Bytes of the file, and behind them those of the tail. */
static bool read_both(const AffZip *zip, uint64_t off, uint8_t *buf,
		      uint64_t len)
{
	uint64_t end = zip->tail ? zip->size - zip->tail->len : zip->size;
	uint64_t n = off < end ? MIN(len, end - off) : 0;

	if (n && !image_io_read(zip->io, off, buf, (size_t)n))
		return false;
	if (len > n)
		memcpy(buf + n, zip->tail->data + (off + n - end),
		       (size_t)(len - n));
	return true;
}

static zip_int64_t source_read(AffZip *zip, void *data, uint64_t len)
{
	len = MIN(len, zip->size - zip->pos);
	if (!read_both(zip, zip->pos, data, len)) {
		zip_error_set(&zip->error, ZIP_ER_READ, EIO);
		return -1;
	}
	zip->last_read = zip->pos;
	zip->pos += len;
	return (zip_int64_t)len;
}

static zip_int64_t source_stat(const AffZip *zip, void *data)
{
	zip_stat_t *st = data;

	zip_stat_init(st);
	st->size = zip->size;
	st->valid = ZIP_STAT_SIZE;
	return sizeof *st;
}

static zip_int64_t source_seek(AffZip *zip, void *data, uint64_t len)
{
	zip_int64_t off = zip_source_seek_compute_offset(
		zip->pos, zip->size, data, len, &zip->error);

	if (off < 0)
		return -1;
	zip->pos = (uint64_t)off;
	return 0;
}

static zip_int64_t source(void *ctx, void *data, zip_uint64_t len,
			  zip_source_cmd_t command)
{
	AffZip *zip = ctx;

	switch ((int)command) {
	case ZIP_SOURCE_OPEN:
		zip->pos = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return source_read(zip, data, len);
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_FREE:
		return 0;
	case ZIP_SOURCE_STAT:
		return source_stat(zip, data);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&zip->error, data, len);
	case ZIP_SOURCE_SEEK:
		return source_seek(zip, data, len);
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)zip->pos;
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(
			ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
			ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
			ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
			ZIP_SOURCE_SUPPORTS, -1);
	default:
		zip_error_set(&zip->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

/* Opens what read_both() gives. */
static bool open_zip(AffZip *zip)
{
	zip_error_t error;
	zip_source_t *s;

	zip->pos = 0;
	zip_error_init(&error);
	s = zip_source_function_create(source, zip, &error);
	if (s) {
		zip->zip = zip_open_from_source(s, ZIP_RDONLY, &error);
		if (!zip->zip)
			zip_source_free(s);
	}
	zip_error_fini(&error);
	return zip->zip != NULL;
}

/* The directory as it is, else one made from the headers of the members. */
static bool open_any(AffZip *zip, Log *log, GError **error)
{
	zip->size = image_io_size(zip->io);
	if (aff_cut_has_directory(zip->io) && open_zip(zip))
		return true;
	zip->tail = aff_cut_make_directory(zip->io);
	if (zip->tail) {
		zip->size += zip->tail->len;
		if (open_zip(zip)) {
			log_add(log, LOG_WARN, "image",
				"zip: the directory at the end is missing or"
				" damaged: the file was cut short; %" PRIi64
				" members were found by their headers",
				zip_get_num_entries(zip->zip, 0));
			return true;
		}
	}
	g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "is a zip archive whose directory cannot be read,"
			    " and no member was found by its header (zip -FF"
			    " may repair it)");
	return false;
}

/* Percent-decoded, "aff4://.../NAME". */
static char *name_to_urn(const AffZip *zip, const char *name)
{
	g_autofree char *plain = NULL;

	while (*name == '/')
		name++;
	plain = g_uri_unescape_string(name, NULL);
	if (!plain)
		plain = g_strdup(name);
	if (g_str_has_prefix(plain, "aff4://"))
		return g_steal_pointer(&plain);
	return g_strconcat(zip->volume, "/", plain, NULL);
}

static void read_volume(AffZip *zip)
{
	static const char name[] = "container.description";
	zip_int64_t index = zip_name_locate(zip->zip, name, 0);
	struct aff_member member;
	g_autofree char *text = NULL;
	const char *comment;
	int comment_len = 0;
	size_t len;

	if (index >= 0 && aff_zip_stat(zip, (uint64_t)index, &member))
		text = aff_zip_read(zip, &member, 4096, &len);
	if (!text || !g_str_has_prefix(text, "aff4://")) {
		comment = zip_get_archive_comment(zip->zip, &comment_len,
						  ZIP_FL_ENC_RAW);
		g_free(text);
		text = comment && comment_len > 0 ?
			       g_strndup(comment, (gsize)comment_len) :
			       NULL;
	}
	if (!text || !g_str_has_prefix(text, "aff4://")) {
		zip->volume = g_strdup("");
		return;
	}
	zip->volume = g_strdup(g_strchomp(text));
	len = strlen(zip->volume);
	if (len && zip->volume[len - 1] == '/')
		zip->volume[len - 1] = '\0';
}

static void index_names(AffZip *zip)
{
	zip->by_urn = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					    NULL);
	for (uint64_t i = 0; i < aff_zip_count(zip); i++) {
		const char *name = zip_get_name(zip->zip, i, ZIP_FL_ENC_RAW);
		char *urn = name ? name_to_urn(zip, name) : NULL;

		/* The last of two wins: archives are appended to. */
		if (urn)
			g_hash_table_replace(zip->by_urn, urn,
					     GSIZE_TO_POINTER(i + 1));
	}
}

AffZip *aff_zip_open(const ImageIo *io, Log *log, GError **error)
{
	g_autoptr(AffZip) zip = g_new0(AffZip, 1);

	zip->io = io;
	zip->inflated_left = INFLATED_MAX;
	g_mutex_init(&zip->lock);
	zip_error_init(&zip->error);
	if (!open_any(zip, log, error))
		return NULL;
	read_volume(zip);
	index_names(zip);
	return g_steal_pointer(&zip);
}

void aff_zip_free(AffZip *zip)
{
	if (!zip)
		return;
	if (zip->zip)
		zip_discard(zip->zip);
	zip_error_fini(&zip->error);
	g_mutex_clear(&zip->lock);
	if (zip->tail)
		g_byte_array_unref(zip->tail);
	if (zip->by_urn)
		g_hash_table_unref(zip->by_urn);
	g_free(zip->volume);
	g_free(zip);
}

uint64_t aff_zip_count(const AffZip *zip)
{
	zip_int64_t n = zip_get_num_entries(zip->zip, 0);

	return n > 0 ? (uint64_t)n : 0;
}

char *aff_zip_urn(AffZip *zip, uint64_t index)
{
	const char *name = zip_get_name(zip->zip, index, ZIP_FL_ENC_RAW);

	return name_to_urn(zip, name ? name : "");
}

const char *aff_zip_volume(const AffZip *zip)
{
	return zip->volume;
}

bool aff_zip_was_cut(const AffZip *zip)
{
	return zip->tail != NULL;
}

bool aff_zip_stat(AffZip *zip, uint64_t index, struct aff_member *member)
{
	zip_stat_t st;
	bool good;

	g_mutex_lock(&zip->lock);
	good = !zip_stat_index(zip->zip, index, 0, &st) &&
	       (st.valid & ZIP_STAT_SIZE) && (st.valid & ZIP_STAT_COMP_SIZE);
	g_mutex_unlock(&zip->lock);
	if (!good)
		return false;
	member->index = index;
	member->size = st.size;
	member->stored = st.comp_method == ZIP_CM_STORE &&
			 st.comp_size == st.size &&
			 st.encryption_method == ZIP_EM_NONE;
	return true;
}

bool aff_zip_find(AffZip *zip, const char *urn, struct aff_member *member)
{
	gsize index = GPOINTER_TO_SIZE(g_hash_table_lookup(zip->by_urn, urn));

	return index && aff_zip_stat(zip, index - 1, member);
}

/* libzip does not tell where the bytes of a member are; but it has to read
 * them there. */
bool aff_zip_place(AffZip *zip, const struct aff_member *member, uint64_t *off)
{
	zip_file_t *file;
	uint8_t byte;
	bool good = false;

	if (!member->stored || !member->size)
		return false;
	g_mutex_lock(&zip->lock);
	file = zip_fopen_index(zip->zip, member->index, ZIP_FL_COMPRESSED);
	if (file) {
		good = zip_fread(file, &byte, 1) == 1;
		*off = zip->last_read;
		zip_fclose(file);
	}
	g_mutex_unlock(&zip->lock);
	return good;
}

/* Exactly len bytes from the start of a member. */
static bool read_member(AffZip *zip, uint64_t index, uint8_t *buf,
			uint64_t len)
{
	zip_file_t *file;
	zip_int64_t n = 1;

	g_mutex_lock(&zip->lock);
	file = zip_fopen_index(zip->zip, index, 0);
	while (file && len && n > 0) {
		n = zip_fread(file, buf, len);
		if (n > 0) {
			buf += n;
			len -= (uint64_t)n;
		}
	}
	if (file)
		zip_fclose(file);
	g_mutex_unlock(&zip->lock);
	return file && !len;
}

char *aff_zip_read(AffZip *zip, const struct aff_member *member, size_t max,
		   size_t *len)
{
	g_autofree char *buf = NULL;

	if (member->size > max)
		return NULL;
	buf = g_malloc(member->size + 1);
	if (!read_member(zip, member->index, (uint8_t *)buf, member->size))
		return NULL;
	buf[member->size] = '\0';
	*len = member->size;
	return g_steal_pointer(&buf);
}

/* A stored member: a window of the file. */
struct window {
	const ImageIo *io;
	uint64_t off;
};

static int64_t window_read(void *ctx, uint64_t off, void *buf,
			   size_t len_bytes)
{
	const struct window *w = ctx;

	return image_io_read(w->io, w->off + off, buf, len_bytes) ?
		       (int64_t)len_bytes :
		       -1;
}

static const struct image_io_ops window_ops = {
	.read = window_read,
	.free = g_free,
};

/* A compressed one: inflated as a whole. */
struct inflated {
	uint8_t *bytes;
};

static int64_t inflated_read(void *ctx, uint64_t off, void *buf,
			     size_t len_bytes)
{
	const struct inflated *in = ctx;

	memcpy(buf, in->bytes + off, len_bytes);
	return (int64_t)len_bytes;
}

static void inflated_free(void *ctx)
{
	struct inflated *in = ctx;

	g_free(in->bytes);
	g_free(in);
}

static const struct image_io_ops inflated_ops = {
	.read = inflated_read,
	.free = inflated_free,
};

ImageIo *aff_zip_member_io(AffZip *zip, const struct aff_member *member)
{
	int64_t mtime = image_io_mtime(zip->io);
	struct inflated *in;
	struct window *w;
	uint64_t off;
	char *bytes;
	size_t len;

	if (member->stored) {
		if (!aff_zip_place(zip, member, &off))
			return NULL;
		w = g_new0(struct window, 1);
		*w = (struct window){ zip->io, off };
		return image_io_custom(&window_ops, w, member->size, mtime);
	}
	bytes = aff_zip_read(zip, member, (size_t)zip->inflated_left, &len);
	if (!bytes)
		return NULL;
	zip->inflated_left -= len;
	in = g_new0(struct inflated, 1);
	in->bytes = (uint8_t *)bytes;
	return image_io_custom(&inflated_ops, in, len, mtime);
}

#endif
