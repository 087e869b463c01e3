/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of `status`: what a process is and was started as. */
#include "config.h"

#include <string.h>

#include "base/argv.h"
#include "base/text.h"
#include "nt/peb.h"
#include "nt/token.h"
#include "tree/items.h"
#include "tree/tree.h"

/* Why a text is not there. */
static const char *const reasons[] = {
	[NT_PARAM_OK] = NULL,
	[NT_PARAM_EMPTY] = "empty",
	[NT_PARAM_NO_PEB] = "no PEB",
	[NT_PARAM_PEB_LOST] = "the PEB is not in the image",
	[NT_PARAM_NO_BLOCK] = "the PEB has no parameters",
	[NT_PARAM_BLOCK_LOST] = "the parameters are not in the image",
	[NT_PARAM_LOST] = "not in the image",
	[NT_PARAM_BAD] = "damaged",
};

static void status_kind(const struct record *r, const struct nt_process *p)
{
	g_autofree char *protection = nt_protection_text(p->protection);

	record_hex(r, "ExitStatus",
		   p->known & NTP_EXIT_STATUS && p->exit_time, p->exit_status,
		   1);
	record_hex(r, "Flags", p->known & NTP_FLAGS, p->flags, 1);
	record_word(r, "Protection",
		    p->known & NTP_PROTECTION ? protection : NULL, NULL);
	record_bool(r, "Minimal", p->known & NTP_MINIMAL, p->minimal);
	record_hex(r, "SectionBase",
		   p->known & NTP_SECTION_BASE && p->section_base,
		   p->section_base, 1);
}

static void param(const struct record *r, const char *key,
		  const struct nt_param *p)
{
	record_path(r, key, p->text, p->text ? NULL : reasons[p->state]);
}

/* Without an address space there is none to read a PEB in. */
static gpointer load_params(const struct render_facts *facts,
			    const Space *space, unsigned kind, uint64_t arg)
{
	size_t i = procset_find_eprocess(facts->procs, VIRT(arg));
	struct nt_params *ret = g_new0(struct nt_params, 1);
	const struct proc_entry *e;
	struct nt_process p;

	(void)space;
	(void)kind;
	if (i == SIZE_MAX)
		return ret;
	e = procset_get(facts->procs, i);
	p = e->p;
	if (!e->has_space) {
		p.peb = VIRT(0);
		p.wow64_va = 0;
	}
	nt_params_read(&e->as, &facts->kernel->profile, &p, ret);
	return ret;
}

static void free_params(gpointer data)
{
	nt_params_clear(data);
	g_free(data);
}

static size_t text_bytes(const struct nt_param *p)
{
	return p->text ? strlen(p->text) : 0;
}

static size_t params_bytes(gconstpointer data)
{
	const struct nt_params *params = data;

	return sizeof *params + text_bytes(&params->image_path) +
	       text_bytes(&params->command_line) +
	       text_bytes(&params->directory);
}

/* What a process was started with: many files ask for some of it. */
static Detail *get_params(const struct render_facts *facts,
			  const struct proc_entry *e,
			  const struct nt_params **ret)
{
	static const struct detail_class params_class = {
		load_params, free_params, params_bytes
	};
	Detail *detail = detail_get_other(facts, NULL,
					  SPACE_DETAILS + SPACE_ITEMS,
					  e->p.eprocess.v, &params_class);

	*ret = detail_data(detail);
	return detail;
}

static void status_environ(const struct record *r, const struct proc_entry *e,
			   const struct nt_params *params)
{
	struct nt_environ env;
	bool ok;

	nt_environ_read(&e->as, params, &env);
	ok = env.state == NT_PARAM_OK;
	record_u64(r, "Environ", ok, env.n,
		   !ok	   ? reasons[env.state] :
		   env.cut ? "its end is not in the image" :
			     NULL);
	nt_environ_clear(&env);
}

static void status_params(const struct record *r,
			  const struct render_facts *facts,
			  const struct proc_entry *e)
{
	const struct nt_params *params;
	g_autoptr(Detail) detail = NULL;

	detail = get_params(facts, e, &params);
	record_hex(r, "Peb32", params->peb32.v != 0, params->peb32.v, 1);
	param(r, "Exe", &params->image_path);
	param(r, "CmdLine", &params->command_line);
	param(r, "Cwd", &params->directory);
	status_environ(r, e, params);
}

/* As whom it runs: the user first. */
static void status_sids(const struct record *r, const NtKernel *k,
			const struct nt_process *p)
{
	g_autoptr(GPtrArray) sids = nt_token_sids(k, p);

	record_words(r, "Sids",
		     sids ? (const char *const *)(void *)sids->pdata : NULL,
		     sids ? sids->len : 0);
}

void render_status_facts(const struct record *r,
			 const struct render_facts *facts,
			 const struct proc_entry *e)
{
	const NtKernel *k = facts->kernel;
	g_autofree char *audit = nt_process_audit_path(&k->as, &k->profile,
						       &e->p);

	status_kind(r, &e->p);
	record_path(r, "ImagePath", audit, NULL);
	status_params(r, facts, e);
	status_sids(r, k, &e->p);
}

/*
 * As one argument. Where that has no space one follows: pidof(8) knows no
 * other paths than those with '/', and goes by the name in stat as well where
 * there is a space in an argument 0 (it takes it for a title).
 */
static void put_raw_cmdline(struct sink *out, const char *line)
{
	sink_str(out, line);
	if (!strchr(line, ' '))
		sink_str(out, " ");
	sink_bytes(out, "", 1);
}

void render_cmdline(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view)
{
	const struct nt_params *params;
	g_autoptr(Detail) detail = NULL;
	const char *line;
	GString *argv;

	(void)view;
	detail = get_params(facts, space->proc, &params);
	line = params->command_line.text;
	if (line && facts->options->raw_cmdline) {
		put_raw_cmdline(out, line);
	} else if (line) {
		argv = argv_split(line);
		sink_bytes(out, argv->str, argv->len);
		g_string_free(argv, TRUE);
	}
}

char *render_command_line(const struct render_facts *facts,
			  const struct proc_entry *e)
{
	const struct nt_params *params;
	g_autoptr(Detail) detail = NULL;

	detail = get_params(facts, e, &params);
	return g_strdup(params->command_line.text);
}

void render_comm(struct sink *out, const struct render_facts *facts,
		 const Space *space, const SpaceView *view)
{
	g_autofree char *name = text_escape_line(space->proc->p.name);

	(void)facts;
	(void)view;
	sink_str(out, name);
	sink_str(out, "\n");
}

void render_environ(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view)
{
	const struct proc_entry *e = space->proc;
	struct nt_environ env;
	const struct nt_params *params;
	g_autoptr(Detail) detail = NULL;

	(void)view;
	detail = get_params(facts, e, &params);
	nt_environ_read(&e->as, params, &env);
	if (env.strings)
		sink_bytes(out, env.strings->str, env.strings->len);
	nt_environ_clear(&env);
}

static char *link_text(const char *text)
{
	return text && *text ? text_escape_link(text) : NULL;
}

char *render_exe(const struct render_facts *facts, const Space *space)
{
	const NtKernel *k = facts->kernel;
	const struct proc_entry *e = space->proc;
	g_autofree char *audit = NULL;
	const struct nt_params *params;
	g_autoptr(Detail) detail = NULL;
	char *link;

	detail = get_params(facts, e, &params);
	link = link_text(params->image_path.text);
	if (link)
		return link;
	audit = nt_process_audit_path(&k->as, &k->profile, &e->p);
	if (audit)
		return link_text(audit);
	/* It has an image, of which no more than the name is known. */
	return e->p.peb.v || e->p.section_base ? link_text(e->p.name) : NULL;
}

char *render_cwd(const struct render_facts *facts, const Space *space)
{
	const struct nt_params *params;
	g_autoptr(Detail) detail = NULL;

	detail = get_params(facts, space->proc, &params);
	return link_text(params->directory.text);
}
