/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of `status` and `paging`: what is to be said of a process's DTB. */
#include "config.h"

#include <inttypes.h>

#include "tree/render.h"

static const char *const grades[] = {
	[NT_DTB_GOOD] = "",
	[NT_DTB_DOUBTFUL] = "doubtful: ",
	[NT_DTB_BAD] = "BAD: ",
};

/* KVA shadow's two tables in each other's place. */
static bool is_swapped(const NtKernel *k, const struct proc_entry *e)
{
	uint64_t user = nt_dtb_user(k, &e->p);

	return e->dtb.verdict == NT_DTB_USER_TABLE && user &&
	       user != addr_space_dtb(&e->as).v &&
	       nt_dtb_check_table(k, user) == NT_DTB_OK;
}

char *render_dtb_check(const struct render_facts *facts,
		       const struct proc_entry *e)
{
	g_autofree char *other = NULL;

	if (e->dtb.verdict == NT_DTB_OF_ANOTHER)
		other = g_strdup_printf(": pid %u", e->dtb_other);
	return g_strconcat(grades[e->dtb.grade], nt_dtb_text(e->dtb.verdict),
			   other ? other :
			   is_swapped(facts->kernel, e) ?
				   "; UserDirectoryTableBase has it" : "",
			   NULL);
}

static bool has_vads(const struct render_facts *facts,
		     const struct proc_entry *e)
{
	const NtKernel *k = facts->kernel;
	g_autoptr(GArray) vads = nt_vad_list(&k->as, &k->profile, &e->p);

	return vads->len > 0;
}

static void put_candidate(struct sink *out, const struct dtb_candidate *c)
{
	g_autofree char *why = nt_dtb_fit_text(&c->fit);

	sink_key(out, "Candidate", "0x%" PRIx64 " %s%s", c->dtb,
		 c->is_user_dtb ? "is UserDirectoryTableBase; " : "", why);
}

static void search(struct sink *out, const struct render_facts *facts,
		   const struct proc_entry *e)
{
	g_autoptr(GArray) found = NULL;
	size_t n_free;

	found = procset_dtb_candidates(facts->procs, e, &n_free);
	for (guint i = 0; i < found->len; i++)
		put_candidate(out, &g_array_index(found, struct dtb_candidate,
						  i));
	if (!found->len)
		sink_key(out, "Candidate",
			 "- (top-level tables that no other process has: %zu;"
			 " none fits)",
			 n_free);
}

void render_dtb_candidates(struct sink *out, const struct render_facts *facts,
			   const struct proc_entry *e)
{
	if (!proc_dtb_is_sought(e))
		return;
	if (has_vads(facts, e))
		search(out, facts, e);
	else
		sink_key(out, "Candidate", "- (not searched: %shas no VADs)",
			 e->p.exit_time ? "it has exited and " : "it ");
}

static void key_dtb(struct sink *out, const char *key, bool there, uint64_t dtb)
{
	if (there)
		sink_key(out, key, "0x%" PRIx64, dtb);
	else
		sink_key(out, key, "-");
}

void render_user_dtb(struct sink *out, const struct render_facts *facts,
		     const struct proc_entry *e)
{
	bool known = e && e->p.known & NTP_USER_DTB;
	uint64_t dtb = known ? nt_dtb_user(facts->kernel, &e->p) : 0;

	key_dtb(out, "UserDtb", dtb != 0, dtb);
	key_dtb(out, "UserDtbRaw", known, known ? e->p.user_dtb_raw : 0);
	sink_key(out, "KvaShadow", "%s", !known ? "-" : dtb ? "yes" : "no");
}
