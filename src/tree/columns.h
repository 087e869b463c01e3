/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is told of each process in a table: one list of columns for
 * `processes`, `processes.tsv` and `processes.json`.
 */
#ifndef TREE_COLUMNS_H
#define TREE_COLUMNS_H

#include "tree/render.h"

enum cell_type {
	CELL_UNKNOWN,
	CELL_NUMBER,
	CELL_HEX,	/* with at least `digits` */
	CELL_BOOL,
	CELL_WORD,	/* text of ours */
	CELL_NAME,	/* text from the image: decoded, not escaped */
};

struct cell {
	enum cell_type type;
	uint64_t v;
	unsigned digits;
	char *text;	/* owned; or NULL */
};

/* Where a column is. */
enum column_place {
	COLUMN_TABLE = 1, /* processes */
	COLUMN_DATA = 2,  /* processes.tsv, processes.json */
};

struct column {
	const char *name;
	unsigned where;	/* enum column_place */
	void (*get)(const struct render_facts *facts,
		    const struct proc_entry *e, struct cell *ret);
};

/* Columns before those of the methods, which come last everywhere, in the
 * order of proc_methods[] and with their names: render_seen(). */
extern const struct column process_columns[];
extern const size_t process_columns_n;

/* The cell of a column; cell_clear(). */
struct cell cell_get(const struct column *column,
		     const struct render_facts *facts,
		     const struct proc_entry *e);
void cell_clear(struct cell *cell);
/* As in `processes`: one field without a space, "-" for what is not known.
 * (transfer full) */
char *cell_field(const struct cell *cell);

#endif
