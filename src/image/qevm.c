/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QEMU migration streams in a file (migrate "exec:cat > FILE", "file:FILE"),
 * with mapped-ram as well; and what libvirt makes of them (virsh save,
 * managedsave, snapshots with memory): a header and the XML of the domain in
 * front. Source: libvirt, src/qemu/qemu_saveimage.h.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "image/formats.h"
#include "image/qevm.h"
#include "image/qevm_reader.h"

#define QEVM_VERSION 3u
#define SAVE_MAGIC "LibvirtQemudSave"
#define SAVE_PART "LibvirtQemudPart"
#define SAVE_HEAD 92u /* magic, 19 numbers of 32 bits */

enum {
	SAVE_RAW = 0,
	SAVE_SPARSE = 6, /* mapped-ram */
};

static const char *const save_formats[] = { "raw", "gzip", "bzip2", "xz",
					    "lzop", "zstd", "sparse" };

struct save_head {
	uint32_t version, data_len, format;
};

static bool is_save(const ImageIo *io)
{
	uint8_t magic[16];

	return image_io_read(io, 0, magic, sizeof magic) &&
	       (!memcmp(magic, SAVE_MAGIC, sizeof magic) ||
		!memcmp(magic, SAVE_PART, sizeof magic));
}

static enum image_probe qevm_probe(const ImageIo *io)
{
	uint8_t magic[4];

	if (is_save(io))
		return IMAGE_MINE;
	if (!image_io_read(io, 0, magic, sizeof magic) ||
	    memcmp(magic, "QEVM", sizeof magic))
		return IMAGE_NOT_MINE;
	return IMAGE_MINE;
}

static bool refuse_packed(const struct save_head *head, GError **error)
{
	const char *name = head->format < G_N_ELEMENTS(save_formats) ?
				   save_formats[head->format] : "a program"
				   " that is not known";
	uint64_t from = (uint64_t)SAVE_HEAD + head->data_len + 1;

	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "is a libvirt save file compressed with %s, where no page"
		    " can be found by itself; expected it uncompressed: what"
		    " \"tail -c +%" PRIu64 " FILE | %s -d\" gives can be"
		    " read", name, from, name);
	return false;
}

/* Where the stream begins behind the header of libvirt. */
static bool read_save(Image *image, uint64_t *off, Log *log, GError **error)
{
	uint8_t buf[SAVE_HEAD];
	struct save_head head;

	if (!image_io_read(image->io, 0, buf, sizeof buf)) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "was cut short within libvirt's header");
		return false;
	}
	head.version = load_le32(buf + 16);
	head.data_len = load_le32(buf + 20);
	head.format = load_le32(buf + 28);
	if (!head.version || head.version > 0xffff) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "is a libvirt save file of a machine that"
				    " is big-endian, or damaged");
		return false;
	}
	if (head.format != SAVE_RAW && head.format != SAVE_SPARSE)
		return refuse_packed(&head, error);
	if (!memcmp(buf, SAVE_PART, 16))
		log_add(log, LOG_WARN, "qevm",
			"libvirt had not finished this file when it was last"
			" written to");
	*off = (uint64_t)SAVE_HEAD + head.data_len;
	return true;
}

/* Is there a stream at off that can be read? */
static bool check_stream(const ImageIo *io, uint64_t off, GError **error)
{
	uint8_t head[8] = { 0 };
	uint32_t version;

	if (!image_io_read(io, off, head, sizeof head) ||
	    memcmp(head, "QEVM", 4)) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "has no QEMU migration stream at %" PRIu64, off);
		return false;
	}
	version = qevm_be32(head + 4);
	if (version == QEVM_VERSION)
		return true;
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
		    "is a migration stream of version %" PRIu32
		    "; expected %u", version, QEVM_VERSION);
	return false;
}

static void log_stream(const struct qevm *q, Log *log)
{
	if (q->problem)
		log_add(log, LOG_WARN, "qevm",
			"the stream was followed up to %" PRIu64 " of %" PRIu64
			" bytes: %s; the pages before that are there, but those"
			" of a guest that ran may have been sent again, as they"
			" were later, behind it",
			q->stopped, image_io_size(q->io), q->problem);
	if (q->n_lost)
		log_add(log, LOG_WARN, "qevm",
			"%" PRIu64 " page(s) were sent as a difference"
			" (XBZRLE) to what is not in the file; those that"
			" were not sent again cannot be read", q->n_lost);
}

static void describe(Image *image, const struct qevm *q, bool save)
{
	g_autofree char *machine = g_strescape(q->machine, NULL);
	bool mapped = false;

	for (guint i = 0; i < q->blocks->len; i++)
		mapped = mapped || qevm_block(q, i)->bitmap_off;
	image->detail = g_strdup_printf(
		"%smachine %s, %u blocks of memory%s",
		save ? "libvirt save file, " : "",
		*machine ? machine : "unknown", q->blocks->len,
		mapped ? ", mapped-ram" : "");
}

static bool qevm_open(Image *image, Log *log, GError **error)
{
	bool save = is_save(image->io);
	uint64_t off = 0;
	struct qevm *q;

	if ((save && !read_save(image, &off, log, error)) ||
	    !check_stream(image->io, off, error))
		return false;
	q = g_new0(struct qevm, 1);
	q->io = image->io;
	q->blocks = g_array_new(FALSE, TRUE, sizeof(struct qevm_block));
	q->pages = overlay_new(overlay_limit(image_io_size(image->io)));
	qevm_parse(q, off);
	log_stream(q, log);
	qevm_place(q, image->runs, log);
	qevm_find_cpus(q, image);
	describe(image, q, save);
	image->data = qevm_data(q);
	return true;
}

const struct ImageOps image_qevm_ops = {
	.name = "qevm",
	.description = "QEMU migration stream",
	.probe = qevm_probe,
	.open = qevm_open,
};
