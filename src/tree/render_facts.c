/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of `status`: what a process is and was started as. */
#include "config.h"

#include <inttypes.h>

#include "base/text.h"
#include "tree/render.h"

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

void render_status_facts(struct sink *out, const struct render_facts *facts,
			 const struct proc_entry *e)
{
	const NtKernel *k = facts->kernel;
	g_autofree char *audit = nt_process_audit_path(&k->as, &k->profile,
						       &e->p);
	g_autofree char *path = audit ? text_escape_path(audit) : NULL;

	status_kind(out, &e->p);
	sink_key(out, "ImagePath", "%s", path ? path : "-");
}
