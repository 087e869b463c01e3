/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What other people's parsers say of JSON and XML that was made. */
#ifndef UNIT_UNIT_PARSE_H
#define UNIT_UNIT_PARSE_H

#include <stdbool.h>

#include <yajl/yajl_tree.h>

/* The value; the test fails where the text is not JSON in valid UTF-8.
 * yajl_tree_free(). */
yajl_val unit_json(const char *text);
/* A member on a path ("a.b"; of an object, whatever type), which must be
 * there. */
yajl_val unit_json_at(yajl_val value, const char *path);
/* The string there, or the test fails. Borrowed. */
const char *unit_json_str(yajl_val value, const char *path);

/* Fails where the text is not well-formed XML; how many elements of a name
 * there are in it. */
unsigned unit_xml_count(const char *text, const char *element);

#endif
