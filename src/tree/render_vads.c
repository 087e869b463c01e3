/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `vads`: a table of the VADs. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "tree/render.h"
#include "tree/vads.h"

/* Protections by their lower three bits, and what is added to them: names of
 * the Windows API, as MmProtectToValue translates them. */
static const char *const protections[8] = {
	"PAGE_NOACCESS",  "PAGE_READONLY",
	"PAGE_EXECUTE",	  "PAGE_EXECUTE_READ",
	"PAGE_READWRITE", "PAGE_WRITECOPY",
	"PAGE_EXECUTE_READWRITE", "PAGE_EXECUTE_WRITECOPY",
};
static const char *const modifiers[4] = {
	"", "|PAGE_NOCACHE", "|PAGE_GUARD", "|PAGE_WRITECOMBINE",
};

void space_protection(unsigned protection, GString *ret)
{
	g_string_assign(ret, protections[protection & 7]);
	/* 8, 16, 24: of no access there are no kinds. */
	if (protection & 7)
		g_string_append(ret, modifiers[protection >> 3 & 3]);
}

const char *space_vad_type(const struct nt_vad *vad)
{
	static const char *const types[8] = {
		NULL, "physical", "image", "awe", "write-watch",
		"large-pages", "rotate-physical", "large-section",
	};
	const char *type = types[vad->type & 7];

	if (type)
		return type;
	if (vad->private_memory)
		return "private";
	if (!(vad->section & NT_SECTION_READ))
		return "mapped";
	if (vad->section & NT_SECTION_IMAGE)
		return "image";
	return vad->section & NT_SECTION_FILE || vad->file_object ?
		       "data" : "pagefile";
}

static const char *commit_text(const struct nt_vad *vad, char buf[24])
{
	if (vad->commit == NT_VAD_NO_COMMIT)
		return "-";
	g_snprintf(buf, 24, "%" PRIu64, vad->commit);
	return buf;
}

#define COLUMNS "%-18s %-18s %-15s %-38s %10s %s\n"

void render_vads(struct sink *out, const struct render_facts *facts,
		 const Space *space, const SpaceView *view)
{
	g_autoptr(Detail) detail = space_vads_get(facts, space);
	const GArray *vads = space_vads(detail);
	g_autoptr(GString) protection = g_string_new(NULL);

	(void)view;
	sink_printf(out, COLUMNS, "start", "end", "type", "protection",
		    "commit", "file");
	for (guint i = 0; i < vads->len; i++) {
		const struct space_vad *v =
			&g_array_index(vads, struct space_vad, i);
		char start[24], end[24], commit[24];

		g_snprintf(start, sizeof start, "0x%" PRIx64, v->vad.start);
		g_snprintf(end, sizeof end, "0x%" PRIx64,
			   v->vad.last + 1);
		space_protection(v->vad.protection, protection);
		sink_printf(out, COLUMNS, start, end,
			    space_vad_type(&v->vad), protection->str,
			    commit_text(&v->vad, commit),
			    v->path ? v->path : "-");
	}
}
