/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `processes.json`, `processes.tsv`. */
#include "config.h"

#include "base/text.h"
#include "tree/columns.h"

static void json_cell(struct json *json, const char *key,
		      const struct cell *cell)
{
	switch (cell->type) {
	case CELL_NUMBER:
		json_u64(json, key, cell->v);
		return;
	case CELL_HEX:
		json_hex_wide(json, key, cell->v, cell->digits);
		return;
	case CELL_BOOL:
		json_bool(json, key, cell->v != 0);
		return;
	case CELL_WORD:
	case CELL_NAME:
		json_str(json, key, cell->text);
		return;
	case CELL_UNKNOWN:
		break;
	}
	json_null(json, key);
}

static void json_process(struct json *json, const struct render_facts *facts,
			 const struct proc_entry *e)
{
	json_object(json, NULL);
	for (size_t i = 0; i < process_columns_n; i++) {
		struct cell cell;

		if (!(process_columns[i].where & COLUMN_DATA))
			continue;
		cell = cell_get(&process_columns[i], facts, e);
		json_cell(json, process_columns[i].name, &cell);
		cell_clear(&cell);
	}
	json_object(json, "methods");
	for (unsigned i = 0; i < METHODS; i++)
		json_str(json, proc_methods[i].name,
			 render_seen(facts, e, i));
	json_end(json);
	json_end(json);
}

void render_processes_json(struct sink *out, const struct render_facts *facts)
{
	struct json json;

	json_init(&json, out, 1);
	json_array(&json, NULL);
	for (size_t i = 0; i < procset_count(facts->procs); i++)
		json_process(&json, facts, procset_get(facts->procs, i));
	json_end(&json);
	json_finish(&json);
}

/* Of a name, spaces stay as they are. An empty one is "-". */
static void tsv_cell(struct sink *out, const struct cell *cell)
{
	g_autofree char *field = cell->type == CELL_NAME && *cell->text ?
					 text_escape_line(cell->text) :
					 cell_field(cell);

	sink_str(out, field);
}

static void tsv_process(struct sink *out, const struct render_facts *facts,
			const struct proc_entry *e)
{
	for (size_t i = 0; i < process_columns_n; i++) {
		struct cell cell;

		if (!(process_columns[i].where & COLUMN_DATA))
			continue;
		cell = cell_get(&process_columns[i], facts, e);
		tsv_cell(out, &cell);
		sink_str(out, "\t");
		cell_clear(&cell);
	}
	for (unsigned i = 0; i < METHODS; i++)
		sink_printf(out, "%s%s", render_seen(facts, e, i),
			    i + 1 < METHODS ? "\t" : "\n");
}

void render_processes_tsv(struct sink *out, const struct render_facts *facts)
{
	for (size_t i = 0; i < process_columns_n; i++)
		if (process_columns[i].where & COLUMN_DATA)
			sink_printf(out, "%s\t", process_columns[i].name);
	for (unsigned i = 0; i < METHODS; i++)
		sink_printf(out, "%s%s", proc_methods[i].name,
			    i + 1 < METHODS ? "\t" : "\n");
	for (size_t i = 0; i < procset_count(facts->procs); i++)
		tsv_process(out, facts, procset_get(facts->procs, i));
}
