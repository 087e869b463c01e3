/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the streams of a PDB to symbols. */
#include "config.h"

#include "base/bytes.h"
#include "nt/pdb.h"
#include "nt/pdb_dbi.h"
#include "nt/pdb_tpi.h"

enum {
	INFO_BYTES = 28, /* version, signature, age: u32 each; GUID */
	INFO_GUID = 12,
};

static bool read_id(const NtMsf *msf, const struct nt_dbi *dbi,
		    struct nt_pdb_id *ret)
{
	g_autoptr(GBytes) info = nt_msf_read(msf, MSF_INFO, 0, INFO_BYTES);
	struct nt_pdb_id id = { .age = dbi->age };
	const uint8_t *p;
	gsize len = 0;

	p = info ? g_bytes_get_data(info, &len) : NULL;
	if (len < INFO_BYTES)
		return false;
	nt_pdb_guid_format(p + INFO_GUID, id.guid);
	*ret = id;
	return true;
}

bool nt_pdb_read_id(const ImageIo *io, struct nt_pdb_id *ret)
{
	g_autoptr(NtMsf) msf = nt_msf_new(io, NULL);
	struct nt_dbi dbi;

	return msf && nt_dbi_read(msf, &dbi) && read_id(msf, &dbi, ret);
}

/* Types may be missing: what was stripped of them still has its publics. */
static uint64_t add_types(const NtMsf *msf, NtSymbols *symbols)
{
	g_autoptr(GBytes) stream = nt_msf_read(msf, MSF_TPI, 0, UINT64_MAX);
	g_autoptr(NtTpi) tpi = stream ? nt_tpi_new(stream) : NULL;
	uint64_t type, pte_bytes = 0;
	struct nt_types types;

	if (!tpi)
		return 0;
	types = nt_tpi_types(tpi);
	nt_symfill_types(symbols, &types);
	types.find(types.ctx, "_MMPTE", &type, &pte_bytes);
	return pte_bytes;
}

static bool fill(const NtMsf *msf, NtSymbols *symbols, GError **error)
{
	g_autofree char *name =
		g_path_get_basename(nt_symbols_path(symbols));
	struct nt_pdb_id id;
	struct nt_dbi dbi;
	enum nt_arch arch;
	uint64_t pte_bytes;

	if (!nt_dbi_read(msf, &dbi) || !read_id(msf, &dbi, &id))
		return nt_symfill_fail(error, "damaged PDB: it does not say of"
					      " which image it is");
	pte_bytes = add_types(msf, symbols);
	if (!nt_symfill_arch(dbi.machine, pte_bytes, &arch))
		return nt_symfill_fail(error,
				       "machine type 0x%x: expected 0x14c"
				       " (x86), 0x8664 (x64) or 0xaa64"
				       " (ARM64)",
				       dbi.machine);
	nt_symbols_set_id(symbols, name, id.guid, id.age);
	nt_symbols_set_arch(symbols, arch);
	nt_dbi_symbols(msf, &dbi, symbols);
	return true;
}

NtSymbols *nt_pdb_read(const char *path, const ImageIo *io, GError **error)
{
	g_autoptr(NtMsf) msf = nt_msf_new(io, error);
	g_autoptr(NtSymbols) symbols = NULL;

	if (!msf)
		return NULL;
	symbols = nt_symbols_new(path, "PDB");
	return fill(msf, symbols, error) ? g_steal_pointer(&symbols) : NULL;
}
