/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `modules/list`: a table. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "tree/modules.h"

/* Of a column; longer ones push what is behind them. */
enum { WIDTH_MAX = 60 };

struct flag {
	unsigned bit;
	const char *word;
};

/* "a,b" of the bits that are set, "-" where there is none. */
static void put_flags(GString *s, const struct flag *flags, size_t n,
		      unsigned bits)
{
	g_string_truncate(s, 0);
	for (size_t i = 0; i < n; i++)
		if (bits & flags[i].bit)
			g_string_append_printf(s, "%s%s", s->len ? "," : "",
					       flags[i].word);
	if (!s->len)
		g_string_append_c(s, '-');
}

static void from_text(GString *s, const struct nt_module *m)
{
	static const struct flag flags[] = {
		{ NT_MODULE_LDR, "ldr" },
		{ NT_MODULE_LDR32, "ldr32" },
		{ NT_MODULE_VAD, "vad" },
		{ NT_MODULE_MAPPING, "mapping" },
		{ NT_MODULE_KERNEL, "kernel" },
	};

	put_flags(s, flags, G_N_ELEMENTS(flags), m->from);
}

static void marks_text(GString *s, const struct nt_module *m)
{
	static const struct flag flags[] = {
		{ NT_MODULE_VAD_ONLY, "vad-only" },
		{ NT_MODULE_UNLINKED, "unlinked" },
		{ NT_MODULE_NO_VAD, "no-vad" },
		{ NT_MODULE_PRIVATE, "private" },
	};

	put_flags(s, flags, G_N_ELEMENTS(flags), m->marks);
}

static const char *ldr_text(enum nt_ldr_state state)
{
	switch (state) {
	case NT_LDR_EMPTY:
		return "not set up yet";
	case NT_LDR_LOST:
		return "not in memory, or not what it should be";
	case NT_LDR_CUT:
		return "not all of it could be read: what is in no list is not"
		       " marked";
	case NT_LDR_NONE:
	case NT_LDR_OK:
		break;
	}
	return NULL;
}

static void put_notes(struct sink *out, const Space *space,
		      const struct nt_modules *all)
{
	const char *ldr = ldr_text(all->ldr), *ldr32 = ldr_text(all->ldr32);

	if (space->kind == SPACE_KERNEL && all->ldr == NT_LDR_NONE)
		ldr = "PsLoadedModuleList is not known";
	if (ldr)
		sink_printf(out, "# %s: %s\n",
			    space->kind == SPACE_KERNEL ? "kernel" : "ldr",
			    ldr);
	if (ldr32)
		sink_printf(out, "# ldr32: %s\n", ldr32);
	if (all->is_cut)
		sink_str(out, "# there are more\n");
}

/* As in `processes`: no spaces in a field. */
static char *field(const char *text, bool is_path)
{
	g_autofree char *path = NULL;
	g_auto(GStrv) words = NULL;

	if (!text || !*text)
		return g_strdup("-");
	if (!is_path)
		return text_escape_field(text);
	/* Backslashes stay what they are. */
	path = text_escape_path(text);
	words = g_strsplit(path, " ", -1);
	return g_strjoinv("\\040", words);
}

/* Columns as wide as the widest of names and of paths, in characters. */
struct widths {
	int name, path;
};

static int wider(int width, const char *text, bool is_path)
{
	g_autofree char *escaped = field(text, is_path);

	return (int)MIN(MAX(width, g_utf8_strlen(escaped, -1)), WIDTH_MAX);
}

static struct widths find_widths(const GArray *modules)
{
	struct widths w = { 4, 4 };

	for (guint i = 0; i < modules->len; i++) {
		const struct nt_module *m =
			&g_array_index(modules, struct nt_module, i);

		w.name = wider(w.name, m->name, false);
		w.path = wider(w.path, m->path, true);
	}
	return w;
}

static void put_field(struct sink *out, const char *text, bool is_path,
		      int width)
{
	g_autofree char *escaped = field(text, is_path);
	glong pad = width - g_utf8_strlen(escaped, -1);

	sink_printf(out, "%s%*s ", escaped, (int)MAX(pad, 0), "");
}

static void put_row(struct sink *out, const struct nt_module *m, int digits,
		    const struct widths *w)
{
	g_autoptr(GString) from = g_string_new(NULL);
	g_autoptr(GString) marks = g_string_new(NULL);

	from_text(from, m);
	marks_text(marks, m);
	sink_printf(out, "0x%0*" PRIx64 " 0x%08" PRIx64 " ", digits, m->base,
		    m->size);
	put_field(out, m->name, false, w->name);
	put_field(out, m->path, true, w->path);
	sink_printf(out, "%-13s %-8s 0x%08x\n", from->str, marks->str,
		    m->timestamp);
}

void modules_render_list(struct sink *out, const struct render_facts *facts,
			 const Space *space, uint64_t arg)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_MODULES);
	const struct nt_modules *all = space_modules_all(detail);
	int digits = space->as.form->va_bits == 32 ? 8 : 16;
	struct widths w = find_widths(all->modules);

	(void)arg;
	sink_printf(out, "%-*s %-10s %-*s %-*s %-13s %-8s timestamp\n",
		    digits + 2, "base", "size", w.name, "name", w.path, "path",
		    "from", "marks");
	for (guint i = 0; i < all->modules->len; i++)
		put_row(out,
			&g_array_index(all->modules, struct nt_module, i),
			digits, &w);
	put_notes(out, space, all);
}
