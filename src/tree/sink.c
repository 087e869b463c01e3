/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text buffers that can also only count. */
#include "config.h"

#include <string.h>

#include "tree/sink.h"

void sink_init(struct sink *sink, bool counting)
{
	*sink = (struct sink){ .counting = counting };
}

void sink_clear(struct sink *sink)
{
	g_free(sink->buf);
	sink->buf = NULL;
	sink->cap = 0;
	sink->len = 0;
}

static void grow(struct sink *sink, size_t need)
{
	size_t cap = MAX(sink->cap * 2, (size_t)4096);

	sink->cap = MAX(cap, need);
	sink->buf = g_realloc(sink->buf, sink->cap);
}

void sink_bytes(struct sink *sink, const char *bytes, size_t len)
{
	if (!len)
		return;
	if (!sink->counting) {
		if (sink->len + len > sink->cap)
			grow(sink, (size_t)sink->len + len);
		memcpy(sink->buf + sink->len, bytes, len);
	}
	sink->len += len;
}

void sink_str(struct sink *sink, const char *str)
{
	sink_bytes(sink, str, strlen(str));
}

static void sink_vprintf(struct sink *sink, const char *format, va_list ap)
	G_GNUC_PRINTF(2, 0);

static void sink_vprintf(struct sink *sink, const char *format, va_list ap)
{
	g_autofree char *text = g_strdup_vprintf(format, ap);

	sink_str(sink, text);
}

void sink_printf(struct sink *sink, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	sink_vprintf(sink, format, ap);
	va_end(ap);
}

void sink_key(struct sink *sink, const char *key, const char *format, ...)
{
	va_list ap;

	sink_str(sink, key);
	sink_bytes(sink, ":\t", 2);
	va_start(ap, format);
	sink_vprintf(sink, format, ap);
	va_end(ap);
	sink_bytes(sink, "\n", 1);
}

char *put_hex(char *p, uint64_t v, unsigned min_digits)
{
	static const char digits[] = "0123456789abcdef";
	unsigned n = v ? (67u - (unsigned)__builtin_clzll(v)) / 4 : 1;

	n = MAX(n, min_digits);
	for (unsigned i = n; i-- > 0;) {
		p[i] = digits[v & 15];
		v >>= 4;
	}
	return p + n;
}
