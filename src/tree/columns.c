/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The columns of the tables of processes. */
#include "config.h"

#include <inttypes.h>

#include "base/text.h"
#include "tree/columns.h"

static void set_u64(struct cell *ret, uint64_t v)
{
	ret->type = CELL_NUMBER;
	ret->v = v;
}

static void set_hex(struct cell *ret, uint64_t v, unsigned digits)
{
	ret->type = CELL_HEX;
	ret->v = v;
	ret->digits = digits;
}

static void set_known_u32(struct cell *ret, const struct nt_process *p,
			  enum nt_process_field field, uint32_t v)
{
	if (p->known & field)
		set_u64(ret, v);
}

/* A time that there is not (0 for "has not exited") is not known either. */
static void set_time(struct cell *ret, const struct nt_process *p,
		     enum nt_process_field field, uint64_t filetime)
{
	int64_t sec;
	uint32_t nsec;

	if (!(p->known & field) || !filetime_to_unix(filetime, &sec, &nsec))
		return;
	ret->type = CELL_WORD;
	ret->text = text_filetime(filetime);
}

static void set_word(struct cell *ret, char *word)
{
	ret->type = CELL_WORD;
	ret->text = word;
}

static void get_pid(const struct render_facts *facts,
		    const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_u64(ret, e->p.pid);
}

static void get_ppid(const struct render_facts *facts,
		     const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_known_u32(ret, &e->p, NTP_PPID, e->p.ppid);
}

static void get_name(const struct render_facts *facts,
		     const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	ret->type = CELL_NAME;
	ret->text = g_strdup(e->p.name);
}

static void get_eprocess(const struct render_facts *facts,
			 const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_hex(ret, e->p.eprocess.v, 16);
}

static void get_dtb(const struct render_facts *facts,
		    const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_hex(ret, addr_space_dtb(&e->as).v, 1);
}

static void get_session(const struct render_facts *facts,
			const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_known_u32(ret, &e->p, NTP_SESSION, e->p.session);
}

static void get_threads(const struct render_facts *facts,
			const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_known_u32(ret, &e->p, NTP_THREADS, e->p.threads);
}

static void get_wow64(const struct render_facts *facts,
		      const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	if (!(e->p.known & NTP_WOW64))
		return;
	ret->type = CELL_BOOL;
	ret->v = e->p.wow64;
}

static void get_create(const struct render_facts *facts,
		       const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_time(ret, &e->p, NTP_CREATE, e->p.create_time);
}

static void get_exit(const struct render_facts *facts,
		     const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_time(ret, &e->p, NTP_EXIT, e->p.exit_time);
}

/* With what is odd about it: tables for people have one word for all. */
static void get_state_marks(const struct render_facts *facts,
			    const struct proc_entry *e, struct cell *ret)
{
	bool bad_dtb = e->has_space && e->dtb.grade == NT_DTB_BAD;

	set_word(ret, g_strconcat(render_state(e),
				  render_is_hidden(facts, e) ? ",hidden" : "",
				  bad_dtb ? ",dtb?" : "", NULL));
}

static void get_state(const struct render_facts *facts,
		      const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_word(ret, g_strdup(render_state(e)));
}

static void get_hidden(const struct render_facts *facts,
		       const struct proc_entry *e, struct cell *ret)
{
	ret->type = CELL_BOOL;
	ret->v = render_is_hidden(facts, e);
}

static void get_dtb_grade(const struct render_facts *facts,
			  const struct proc_entry *e, struct cell *ret)
{
	static const char *const words[] = {
		[NT_DTB_GOOD] = "ok",
		[NT_DTB_DOUBTFUL] = "doubtful",
		[NT_DTB_BAD] = "bad",
	};

	(void)facts;
	if (e->has_space)
		set_word(ret, g_strdup(words[e->dtb.grade]));
}

static void get_folder(const struct render_facts *facts,
		       const struct proc_entry *e, struct cell *ret)
{
	(void)facts;
	set_word(ret, g_strconcat("proc/", e->dir, NULL));
}

#define BOTH (COLUMN_TABLE | COLUMN_DATA)

const struct column process_columns[] = {
	{ "pid", BOTH, get_pid },
	{ "ppid", BOTH, get_ppid },
	{ "name", BOTH, get_name },
	{ "eprocess", BOTH, get_eprocess },
	{ "dtb", BOTH, get_dtb },
	{ "session", BOTH, get_session },
	{ "threads", BOTH, get_threads },
	{ "wow64", BOTH, get_wow64 },
	{ "create", BOTH, get_create },
	{ "exit", BOTH, get_exit },
	{ "state", COLUMN_TABLE, get_state_marks },
	{ "state", COLUMN_DATA, get_state },
	{ "hidden", COLUMN_DATA, get_hidden },
	{ "dtb_check", COLUMN_DATA, get_dtb_grade },
	{ "folder", COLUMN_DATA, get_folder },
};

const size_t process_columns_n = G_N_ELEMENTS(process_columns);

struct cell cell_get(const struct column *column,
		     const struct render_facts *facts,
		     const struct proc_entry *e)
{
	struct cell cell = { .type = CELL_UNKNOWN };

	column->get(facts, e, &cell);
	return cell;
}

void cell_clear(struct cell *cell)
{
	g_clear_pointer(&cell->text, g_free);
}

char *cell_field(const struct cell *cell)
{
	switch (cell->type) {
	case CELL_NUMBER:
		return g_strdup_printf("%" PRIu64, cell->v);
	case CELL_HEX:
		return g_strdup_printf("0x%0*" PRIx64, (int)cell->digits,
				       cell->v);
	case CELL_BOOL:
		return g_strdup(cell->v ? "yes" : "no");
	case CELL_WORD:
		return g_strdup(cell->text);
	case CELL_NAME:
		return text_escape_field(cell->text);
	case CELL_UNKNOWN:
		break;
	}
	return g_strdup("-");
}
