/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON by yajl, XML by GLib. */
#include "config.h"

#include "unit/unit-parse.h"
#include "unit/unit.h"

#include <string.h>

#include <glib.h>
#include <yajl/yajl_parse.h>

/* yajl_tree does not look whether strings are UTF-8, yajl_parse does. */
static void check_strictly(const char *text)
{
	yajl_handle h = yajl_alloc(NULL, NULL, NULL);
	const unsigned char *bytes = (const unsigned char *)text;
	yajl_status status = yajl_parse(h, bytes, strlen(text));

	if (status == yajl_status_ok)
		status = yajl_complete_parse(h);
	ck_assert_msg(status == yajl_status_ok, "no JSON:\n%s", text);
	yajl_free(h);
}

yajl_val unit_json(const char *text)
{
	char error[256] = "";
	yajl_val value;

	check_strictly(text);
	value = yajl_tree_parse(text, error, sizeof error);
	ck_assert_msg(value != NULL, "%s:\n%s", error, text);
	return value;
}

yajl_val unit_json_at(yajl_val value, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	yajl_val at = value;

	for (char **part = parts; at && *part; part++) {
		const char *names[] = { *part, NULL };

		at = yajl_tree_get(at, names, yajl_t_any);
	}
	ck_assert_msg(at != NULL, "no %s", path);
	return at;
}

const char *unit_json_str(yajl_val value, const char *path)
{
	yajl_val at = unit_json_at(value, path);

	ck_assert_msg(YAJL_IS_STRING(at), "%s is no string", path);
	return YAJL_GET_STRING(at);
}

struct xml_count {
	const char *element;
	unsigned n;
};

static void on_start(GMarkupParseContext *context, const char *element,
		     const char **names, const char **values, gpointer data,
		     GError **error)
{
	struct xml_count *count = data;

	(void)context;
	(void)names;
	(void)values;
	(void)error;
	count->n += !strcmp(element, count->element);
}

unsigned unit_xml_count(const char *text, const char *element)
{
	const GMarkupParser parser = { .start_element = on_start };
	struct xml_count count = { .element = element };
	GMarkupParseContext *context = g_markup_parse_context_new(
		&parser, G_MARKUP_PREFIX_ERROR_POSITION, &count, NULL);
	GError *error = NULL;

	if (g_markup_parse_context_parse(context, text, -1, &error))
		(void)g_markup_parse_context_end_parse(context, &error);
	ck_assert_msg(!error, "%s", error ? error->message : "");
	g_markup_parse_context_free(context);
	return count.n;
}
