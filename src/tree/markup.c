/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Escaping for XML and HTML, and sizes. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "tree/markup.h"

/* Not in a document (XML 1.0, 2.2), or fit to make it read as what it is
 * not. */
static bool is_bad(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x2069) || c == 0xfeff ||
	       (c & 0xfffe) == 0xfffe || (c >= 0xd800 && c < 0xe000) ||
	       (c >= 0xe0000 && c < 0xe1000);
}

static void put_char(struct sink *out, gunichar c)
{
	char buf[6];

	switch (c) {
	case '&':
		sink_str(out, "&amp;");
		break;
	case '<':
		sink_str(out, "&lt;");
		break;
	case '>':
		sink_str(out, "&gt;");
		break;
	case '"':
		sink_str(out, "&quot;");
		break;
	case '\'':
		sink_str(out, "&#39;");
		break;
	default:
		sink_bytes(out, buf, (size_t)g_unichar_to_utf8(c, buf));
	}
}

void markup_text(struct sink *out, const char *utf8, size_t max_chars)
{
	for (const char *p = utf8; *p; max_chars--) {
		gunichar c = g_utf8_get_char_validated(p, -1);
		bool broken = c == (gunichar)-1 || c == (gunichar)-2;

		p += broken ? 1 : g_unichar_to_utf8(c, NULL);
		if (max_chars <= 1 && *p) {
			put_char(out, 0x2026);
			return;
		}
		put_char(out, broken || is_bad(c) ? 0xfffd : c);
	}
}

void markup_raw(struct sink *out, const char *utf8, size_t max_chars)
{
	g_autofree char *safe = text_escape_path(utf8);

	markup_text(out, safe, max_chars);
}

const char *markup_size(uint64_t bytes, char ret[24])
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	unsigned u = 0;
	uint64_t tenths;

	while (u + 1 < G_N_ELEMENTS(units) && bytes >> (10 * (u + 1)))
		u++;
	if (!u) {
		(void)snprintf(ret, 24, bytes ? "%" PRIu64 " B" : "0", bytes);
		return ret;
	}
	tenths = (bytes >> (10 * (u - 1))) * 10 >> 10;
	if (tenths < 100 && tenths % 10)
		(void)snprintf(ret, 24, "%" PRIu64 ".%u %s", tenths / 10,
			       (unsigned)(tenths % 10), units[u]);
	else
		(void)snprintf(ret, 24, "%" PRIu64 " %s", tenths / 10,
			       units[u]);
	return ret;
}

const char *markup_percent(uint64_t part, uint64_t whole, char ret[8])
{
	uint64_t percent;

	/* Sizes of ranges end at 2^57. */
	percent = whole ? (whole >> 57 ? part / (whole / 100) :
					 part * 100 / whole) : 0;
	if (part && !percent)
		(void)snprintf(ret, 8, "&lt;1");
	else
		(void)snprintf(ret, 8, "%u", (unsigned)MIN(percent, 100));
	return ret;
}

void svg_begin(struct sink *out, unsigned width, unsigned height,
	       const char *more)
{
	sink_printf(out,
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\""
		    " height=\"%u\" viewBox=\"0 0 %u %u\""
		    " font-family=\"system-ui,'DejaVu Sans',sans-serif\""
		    " font-size=\"12\">\n",
		    width, height, width, height);
	sink_str(out,
		 "<style>\n"
		 ":root{color-scheme:light dark}\n"
		 ".bg{fill:#fff}text{fill:#1b1f24}.q{fill:#667080}\n"
		 ".l{stroke:#c9d1d9}\n"
		 ".m{font-family:ui-monospace,'DejaVu Sans Mono',monospace;"
		 "font-size:11px}\n"
		 ".h{font-size:20px;font-weight:600}.e{text-anchor:end}\n"
		 ".b{font-weight:600}.wx{fill:#d3002c}\n");
	sink_str(out, more);
	sink_str(out,
		 "@media (prefers-color-scheme:dark){.bg{fill:#15181d}"
		 "text{fill:#dde3ea}.q{fill:#8b95a3}.l{stroke:#3a414b}"
		 ".wx{fill:#ff5470}}\n"
		 "@media print{.bg{fill:#fff}text{fill:#000}}\n"
		 "</style>\n");
	sink_printf(out,
		    "<rect class=\"bg\" width=\"%u\" height=\"%u\"/>\n",
		    width, height);
}

void svg_end(struct sink *out)
{
	sink_str(out, "</svg>\n");
}
