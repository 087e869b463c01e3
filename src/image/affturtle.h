/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turtle, as far as the tools that write AFF4 use it: prefixes, URNs, `a`,
 * lists by `;` and `,`, numbers, and strings with a type or a language. What
 * is anything else is skipped up to the next full stop.
 */
#ifndef IMAGE_AFFTURTLE_H
#define IMAGE_AFFTURTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Statements that are kept. */
#define AFF_STATEMENTS_MAX 65536u

/* Subject, property and value, prefixes put in; a string's value is what
 * stands in it. All of a statement, `type` for `a`. */
struct aff_statement {
	const char *subject;
	const char *property;
	const char *value;
};

typedef struct AffTurtle AffTurtle;

/* Never fails: what cannot be understood is counted. */
AffTurtle *aff_turtle_parse(const char *text, size_t len);
void aff_turtle_free(AffTurtle *turtle);

size_t aff_turtle_count(const AffTurtle *turtle);
const struct aff_statement *aff_turtle_get(const AffTurtle *turtle,
					   size_t index);
/* Statements that were not understood, or were too many. */
size_t aff_turtle_lost(const AffTurtle *turtle);

/* What follows the last '#' or '/': "chunkSize". */
const char *aff_local_name(const char *uri);
/* Value of a subject's property (by its local name), of the first that it
 * has; or NULL. Borrowed. */
const char *aff_turtle_value(const AffTurtle *turtle, const char *subject,
			     const char *property);
/* The same as a number; false: it is none. */
bool aff_turtle_number(const AffTurtle *turtle, const char *subject,
		       const char *property, uint64_t *value);
/* Has the subject this property with a value of this local name? */
bool aff_turtle_has(const AffTurtle *turtle, const char *subject,
		    const char *property, const char *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AffTurtle, aff_turtle_free)

#endif
