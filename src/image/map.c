/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical runs as text. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "image/image.h"
#include "image/map.h"

/* A file of a million runs. */
#define MAP_MAX (32 * MIB)
enum { LINE_MAX_BYTES = 256, SHOWN_BYTES = 40 };

enum kind { KIND_UNKNOWN, KIND_RUNS, KIND_IOMEM };

struct map {
	ImageRuns *runs;
	uint64_t data_size;
	uint64_t off;	/* of /proc/iomem: where the next one is */
	enum kind kind;
	unsigned n_lines, n_runs;
};

static bool fail(const struct map *m, const char *line, const char *what,
		 GError **error)
{
	g_autofree char *cut = g_strndup(line, SHOWN_BYTES);
	g_autofree char *shown = text_escape_line(cut);

	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
		    "line %u: \"%s%s\"; %s", m->n_lines, shown,
		    strlen(line) > SHOWN_BYTES ? "..." : "", what);
	return false;
}

/* A number, decimal or 0x hex (always_hex: without), at *p, which is moved
 * behind it. */
static bool take_number(const char **p, bool always_hex, uint64_t *ret)
{
	const char *digits = *p;
	bool hex = always_hex;
	char *end;

	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
		hex = true;
		digits += 2;
	}
	if (!(hex ? g_ascii_isxdigit(*digits) : g_ascii_isdigit(*digits)))
		return false;
	errno = 0;
	*ret = g_ascii_strtoull(digits, &end, hex ? 16 : 10);
	*p = end;
	return !errno;
}

static void skip_blanks(const char **p)
{
	*p += strspn(*p, " \t");
}

static bool take_run(struct map *m, const char *line, GError **error)
{
	const char *p = line;
	uint64_t v[3];

	for (size_t i = 0; i < G_N_ELEMENTS(v); i++) {
		skip_blanks(&p);
		/* "0x10y 1 2" has no blank where one belongs. */
		if (!take_number(&p, false, &v[i]) ||
		    (*p && !strchr(" \t", *p)))
			return fail(m, line,
				    "expected START LENGTH OFFSET, each"
				    " decimal or 0x hex",
				    error);
	}
	skip_blanks(&p);
	if (*p)
		return fail(m, line,
			    "expected nothing behind START LENGTH OFFSET",
			    error);
	image_runs_add(m->runs, v[0], v[1], v[2], m->data_size);
	m->n_runs += v[1] > 0;
	return true;
}

static bool take_iomem(struct map *m, const char *line, GError **error)
{
	const char *p = line;
	uint64_t start, last, end;

	/* What is within another one. */
	if (g_ascii_isspace(*line))
		return true;
	if (!take_number(&p, true, &start) || *p++ != '-' ||
	    !take_number(&p, true, &last) || last < start)
		return fail(m, line, "expected START-END : System RAM, in hex",
			    error);
	skip_blanks(&p);
	if (*p++ != ':')
		return fail(m, line, "expected a ':' behind START-END", error);
	skip_blanks(&p);
	if (strncmp(p, "System RAM", strlen("System RAM")))
		return true;
	if (!last)
		return fail(m, line,
			    "/proc/iomem shows no addresses but to root",
			    error);
	if (last == UINT64_MAX ||
	    !add_u64(m->off, last - start + 1, &end))
		return fail(m, line, "reaches beyond 2^64", error);
	image_runs_add(m->runs, start, last - start + 1, m->off, m->data_size);
	m->off = end;
	m->n_runs++;
	return true;
}

static bool take_line(struct map *m, char *line, GError **error)
{
	bool dash;

	line[strcspn(line, "#")] = 0;
	g_strchomp(line);
	if (!*line)
		return true;
	dash = strchr(line, '-') != NULL;
	if (m->kind == KIND_UNKNOWN)
		m->kind = dash ? KIND_IOMEM : KIND_RUNS;
	return m->kind == KIND_IOMEM ? take_iomem(m, line, error) :
				       take_run(m, line, error);
}

bool image_map_parse(const char *text, size_t len_bytes, ImageRuns *runs,
		     uint64_t data_size, GError **error)
{
	struct map m = { .runs = runs, .data_size = data_size };
	const char *end = text + len_bytes;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((newline ? newline : end) - text);
		char line[LINE_MAX_BYTES];

		m.n_lines++;
		memcpy(line, text, MIN(len, sizeof line - 1));
		line[MIN(len, sizeof line - 1)] = 0;
		if (len >= sizeof line || strlen(line) != len)
			return fail(&m, line,
				    "expected a line of text with START LENGTH"
				    " OFFSET",
				    error);
		if (!take_line(&m, line, error))
			return false;
		text += len + 1;
	}
	if (m.n_runs)
		return true;
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
		    "holds no run; expected lines START LENGTH OFFSET, or those"
		    " of /proc/iomem");
	return false;
}

static char *read_text(const char *path, uint64_t *len, GError **error)
{
	g_autoptr(ImageIo) io = image_io_open(path, error);
	g_autofree char *text = NULL;

	if (!io)
		return NULL;
	*len = image_io_size(io);
	if (*len > MAP_MAX) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
			    "is larger than %u MiB; expected a text with a line"
			    " for each run",
			    (unsigned)(MAP_MAX / MIB));
		return NULL;
	}
	text = g_malloc((size_t)*len);
	if (image_io_read(io, 0, text, (size_t)*len))
		return g_steal_pointer(&text);
	g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_OPTION,
		    "cannot be read");
	return NULL;
}

bool image_map_read(const char *path, ImageRuns *runs, uint64_t data_size,
		    GError **error)
{
	uint64_t len;
	g_autofree char *text = read_text(path, &len, error);

	if (text && image_map_parse(text, (size_t)len, runs, data_size, error))
		return true;
	g_prefix_error(error, "map=%s: ", path);
	return false;
}
