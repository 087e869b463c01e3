/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which symbol file is the kernel's. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "nt/symfile.h"
#include "nt/symload.h"

/* PDBs that are looked for in symbols=: candidates for the kernel can name
 * several, a hostile image as many as it likes. */
enum { LOOKUPS_MAX = 8 };

struct lookup {
	struct nt_pdb_id id;
	NtSymbols *symbols; /* owned; NULL: there is none */
};

struct NtSymload {
	const struct nt_hints *hints;
	Log *log;
	NtSymbols *profile; /* of profile=, owned, or NULL */
	struct lookup lookups[LOOKUPS_MAX];
	unsigned n_lookups;
};

NtSymload *nt_symload_new(const struct nt_hints *hints, Log *log)
{
	NtSymload *s = g_new0(NtSymload, 1);
	g_autoptr(GError) error = NULL;

	s->hints = hints;
	s->log = log;
	if (!hints->profile_file)
		return s;
	s->profile = nt_symfile_load(hints->profile_file, &error);
	if (!s->profile)
		log_add(log, LOG_FAIL, "symbols", "profile=%s; going on"
			" without it", error->message);
	else if (!nt_symbols_n_fields(s->profile))
		log_add(log, LOG_WARN, "symbols",
			"profile=%s has no structures of a kernel, only"
			" addresses of symbols",
			hints->profile_file);
	return s;
}

void nt_symload_free(NtSymload *symload)
{
	if (!symload)
		return;
	nt_symbols_free(symload->profile);
	for (unsigned i = 0; i < symload->n_lookups; i++)
		nt_symbols_free(symload->lookups[i].symbols);
	g_free(symload);
}

static const NtSymbols *by_profile(const NtSymload *s, const NtKernel *k)
{
	bool use = s->profile &&
		   (!k->image.has_pdb || s->hints->profile_force ||
		    nt_symfile_fits(s->profile, &k->image.pdb));

	return use ? s->profile : NULL;
}

/* What became of profile=, of which the log must not say what happened with
 * candidates that were no kernel. */
void nt_symload_report(const NtSymload *symload, const NtKernel *k)
{
	const NtSymbols *p = symload->profile;
	bool forced = symload->hints->profile_force;
	const struct nt_pdb_id *id;

	if (!p || !k)
		return;
	id = &k->image.pdb;
	if (k->image.has_pdb && nt_symfile_fits(p, id))
		return;
	if (!k->image.has_pdb)
		log_add(symload->log, LOG_WARN, "symbols",
			"profile=%s is used, but nothing in the image tells"
			" whether it is of this kernel",
			nt_symbols_path(p));
	else
		log_add(symload->log, LOG_WARN, "symbols",
			"profile=%s is not of this kernel%s: it has GUID %s"
			" age %u, the kernel has GUID %s age %u%s",
			nt_symbols_path(p), forced ? "" : " and not used",
			nt_symbols_guid(p), nt_symbols_age(p), id->guid,
			id->age,
			forced ? "; used all the same (profile_force)" :
				 "; profile_force would use it");
}

static const NtSymbols *by_folder(NtSymload *s, const struct nt_pdb_id *id)
{
	struct lookup *l;

	for (unsigned i = 0; i < s->n_lookups; i++)
		if (!strcmp(s->lookups[i].id.guid, id->guid) &&
		    s->lookups[i].id.age == id->age)
			return s->lookups[i].symbols;
	if (s->n_lookups == LOOKUPS_MAX)
		return NULL;
	l = &s->lookups[s->n_lookups++];
	l->id = *id;
	l->symbols = nt_symfile_find(s->hints->symbols_dir, id, s->log);
	if (!l->symbols)
		log_add(s->log, LOG_INFO, "symbols",
			"symbols=%s has nothing of %s GUID %s age %u",
			s->hints->symbols_dir, id->name, id->guid, id->age);
	return l->symbols;
}

/*
 * A base that was found without a header is one of a mapped range in which
 * the kernel is: it is where PsActiveProcessHead is a list that closes. Below
 * the guess the first pages may be gone, above it other things be mapped.
 */
static void settle_base(NtKernel *k)
{
	const uint64_t reach = 32 * 1024 * 1024;
	struct nt_kimage *image = &k->image;
	uint32_t head;

	if (!k->has_image || image->base_certain || !image->base.v ||
	    !nt_symbols_address(image->symbols, "PsActiveProcessHead", &head))
		return;
	for (uint64_t off = 0; off < reach; off += 4096) {
		VirtAddr up = VIRT(image->base.v + off);
		VirtAddr down = VIRT(image->base.v - off);
		bool found = nt_list_closes(&k->as, VIRT(up.v + head));

		if (found || nt_list_closes(&k->as, VIRT(down.v + head))) {
			image->base = found ? up : down;
			image->base_certain = true;
			return;
		}
	}
}

void nt_symload_apply(NtSymload *symload, NtKernel *k)
{
	const NtSymbols *found = by_profile(symload, k);

	if (!found && symload->hints->symbols_dir && k->image.has_pdb)
		found = by_folder(symload, &k->image.pdb);
	k->image.symbols = found;
	if (found)
		settle_base(k);
}

const char *nt_symload_source(const NtSymbols *symbols)
{
	return !strcmp(nt_symbols_kind(symbols), "PDB") ? "PDB file" :
							  "ISF file";
}
