/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of `status`: what a process is and was started as. */
#include "config.h"

#include <inttypes.h>

#include "base/argv.h"
#include "base/text.h"
#include "nt/peb.h"
#include "tree/render.h"

/* Why a text is not there. */
static const char *const reasons[] = {
	[NT_PARAM_OK] = "",
	[NT_PARAM_EMPTY] = "- (empty)",
	[NT_PARAM_NO_PEB] = "- (no PEB)",
	[NT_PARAM_PEB_LOST] = "- (the PEB is not in the image)",
	[NT_PARAM_NO_BLOCK] = "- (the PEB has no parameters)",
	[NT_PARAM_BLOCK_LOST] = "- (the parameters are not in the image)",
	[NT_PARAM_LOST] = "- (not in the image)",
	[NT_PARAM_BAD] = "- (damaged)",
};

static void key_hex(struct sink *out, const char *key, bool known, uint64_t v)
{
	if (known)
		sink_key(out, key, "0x%" PRIx64, v);
	else
		sink_key(out, key, "-");
}

static void status_kind(struct sink *out, const struct nt_process *p)
{
	g_autofree char *protection = nt_protection_text(p->protection);

	key_hex(out, "ExitStatus", p->known & NTP_EXIT_STATUS && p->exit_time,
		p->exit_status);
	key_hex(out, "Flags", p->known & NTP_FLAGS, p->flags);
	sink_key(out, "Protection", "%s",
		 p->known & NTP_PROTECTION ? protection : "-");
	sink_key(out, "Minimal", "%s",
		 !(p->known & NTP_MINIMAL) ? "-" : p->minimal ? "yes" : "no");
	key_hex(out, "SectionBase",
		p->known & NTP_SECTION_BASE && p->section_base,
		p->section_base);
}

static void key_param(struct sink *out, const char *key,
		      const struct nt_param *p)
{
	g_autofree char *text = p->text ? text_escape_path(p->text) : NULL;

	sink_key(out, key, "%s", text ? text : reasons[p->state]);
}

/* Without an address space there is none to read a PEB in. */
static void read_params(const struct render_facts *facts,
			const struct proc_entry *e, struct nt_params *ret)
{
	struct nt_process p = e->p;

	if (!e->has_space) {
		p.peb = VIRT(0);
		p.wow64_va = 0;
	}
	nt_params_read(&e->as, &facts->kernel->profile, &p, ret);
}

static void status_environ(struct sink *out, const struct proc_entry *e,
			   const struct nt_params *params)
{
	struct nt_environ env;

	nt_environ_read(&e->as, params, &env);
	if (env.state == NT_PARAM_OK)
		sink_key(out, "Environ", "%zu%s", env.n,
			 env.cut ? " (its end is not in the image)" : "");
	else
		sink_key(out, "Environ", "%s", reasons[env.state]);
	nt_environ_clear(&env);
}

static void status_params(struct sink *out, const struct render_facts *facts,
			  const struct proc_entry *e)
{
	struct nt_params params;

	read_params(facts, e, &params);
	key_hex(out, "Peb32", params.peb32.v != 0, params.peb32.v);
	key_param(out, "Exe", &params.image_path);
	key_param(out, "CmdLine", &params.command_line);
	key_param(out, "Cwd", &params.directory);
	status_environ(out, e, &params);
	nt_params_clear(&params);
}

void render_status_facts(struct sink *out, const struct render_facts *facts,
			 const struct proc_entry *e)
{
	const NtKernel *k = facts->kernel;
	g_autofree char *audit = nt_process_audit_path(&k->as, &k->profile,
						       &e->p);
	g_autofree char *path = audit ? text_escape_path(audit) : NULL;

	status_kind(out, &e->p);
	sink_key(out, "ImagePath", "%s", path ? path : "-");
	status_params(out, facts, e);
}

void render_cmdline(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view)
{
	struct nt_params params;
	GString *argv;

	(void)view;
	read_params(facts, space->proc, &params);
	if (params.command_line.text) {
		argv = argv_split(params.command_line.text);
		sink_bytes(out, argv->str, argv->len);
		g_string_free(argv, TRUE);
	}
	nt_params_clear(&params);
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
	struct nt_params params;

	(void)view;
	read_params(facts, e, &params);
	nt_environ_read(&e->as, &params, &env);
	if (env.strings)
		sink_bytes(out, env.strings->str, env.strings->len);
	nt_environ_clear(&env);
	nt_params_clear(&params);
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
	struct nt_params params;
	char *link;

	read_params(facts, e, &params);
	link = link_text(params.image_path.text);
	nt_params_clear(&params);
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
	struct nt_params params;
	char *link;

	read_params(facts, space->proc, &params);
	link = link_text(params.directory.text);
	nt_params_clear(&params);
	return link;
}
